// SPDX-License-Identifier: Apache-2.0
// Which actions a request asks for, in IAM's words for S3, in the API's for the others. Policies
// rest on it, so nothing is guessed: what a server could read in another way has no known action.
// Pure.
#ifndef POLICY_ACTION_H
#define POLICY_ACTION_H

#include "base/arena.h"
#include "base/status.h"
#include "policy/plan.h"

// What the path of an S3 request names.
enum action_level { ACTION_NOWHERE = 0, ACTION_ON_SERVICE, ACTION_ON_BUCKET, ACTION_ON_OBJECT };

struct action_ask {
    const struct msg *msg;
    struct span service;     // that is signed for, or that the host belongs to; empty: none
    struct span host;        // of the Host field that goes out, lower case, without port
    struct span upstream;    // name that is dialled; empty: the same
    struct span path, query; // raw
    enum action_level level; // S3's; ACTION_NOWHERE: it can be read in two ways
    bool is_presign;         // fields and a body may come that nobody has seen
    const struct plan_form *form;
    uint64_t form_max; // a longer body is not looked into
};
// All in the arena, or as long-lived as msg and form.
void action_find(const struct action_ask *q, struct arena *a, struct plan_action *out);

// What a form says, together with the query, to an action with is_in_body.
void action_read_form(struct plan_action *p, struct span query, struct span form);

enum action_match { ACTION_MATCH_NO = 0, ACTION_MATCH_PERHAPS, ACTION_MATCH_YES };
// patterns: "s3:Get*", "*". p's actions: all of them, some (or nobody knows), none.
enum action_match action_matches(const struct config_list *patterns, const struct plan_action *p);

// "s3:PutObject,s3:PutObjectAcl", at most cap - 1 octets; empty where it is not known.
size_t action_text(const struct plan_action *p, char *out, size_t cap);

// For people who read why AWS denied something: what is known, else what it looks like with that
// beginning of the body. NULL: no idea. Decides nothing.
const char *action_guess(const struct plan *p, const struct msg *m, struct span body,
                         struct arena *a);
// The request is about an object of S3.
bool action_is_object(const struct plan *p);

// Patterns of policies that no request could match: "file:line: ..." of the first.
NODISCARD enum status action_check(const struct config *config, struct err *e);

#endif

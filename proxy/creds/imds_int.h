// SPDX-License-Identifier: Apache-2.0
// Where the instance's metadata service is and how it is asked.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
#ifndef CREDS_IMDS_INT_H
#define CREDS_IMDS_INT_H

#include "base/arena.h"
#include "creds/call_int.h"
#include "creds/creds_int.h"

struct imds_settings {
    const char *endpoint; // without a slash at the end
    const char *role;     // NULL: asked for
    int64_t timeout_ms;
    unsigned attempts;
    bool is_v1_forbidden;
};
// ST_DECLINED: switched off.
NODISCARD enum status imds_settings_read(const struct creds_query *q, struct arena *a,
                                         struct imds_settings *out, struct err *e);

// imds_session.c: the token, and the requests that carry it.
void imds_use(struct imds_session *s, const char *endpoint); // forgets what is another's
bool imds_has_token(const struct imds_session *s);
void imds_forget_token(struct imds_session *s);
void imds_ask_token(const struct imds_settings *i, struct arena *a, struct fetch_request *r);
NODISCARD enum call_verdict imds_take_token(struct imds_session *s, const struct fetch_answer *a,
                                            struct err *e);
void imds_ask(const struct imds_settings *i, const struct imds_session *s, const char *path,
              struct arena *a, struct fetch_request *r);
struct span imds_first_line(struct span body); // trimmed

// imds_read.c: a few facts about the instance, one after the other, an attempt each. done comes
// once, never before the call has returned. A text that was not told is NULL; where nobody answers
// or the service is switched off, all are.
#define IMDS_READ_MAX 4
struct imds_question {
    const char *paths[IMDS_READ_MAX];
    unsigned n;
    int64_t most_ms; // the whole
};
struct imds_reading {
    const char *texts[IMDS_READ_MAX];
    struct err err; // of the last failure
};
typedef void (*imds_read_fn)(void *arg, const struct imds_reading *r);
void imds_read(const struct creds_query *q, const struct imds_question *ask, imds_read_fn done,
               void *arg);

// It becomes a part of a path: nothing that would leave the folder.
bool imds_is_role(struct span name);

#endif

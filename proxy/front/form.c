// SPDX-License-Identifier: Apache-2.0
// The plan is made a second time, from the same head and now the form, and of it only the verdict
// is taken: a request keeps the plan that it began with, and is judged once, before anything of it
// goes anywhere. What can't be read whole stays in doubt, and so does what is longer than
// body_memory.
#include "front/form.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "front/reply.h"
#include "log/log.h"

static struct plan_form read_form(struct request *r, char **held)
{
    struct body *b = &r->body;
    size_t n = 0;
    if (b->len > r->config->body_memory || !body_is_rewindable(b) || b->read)
        return (struct plan_form){.state = PLAN_FORM_LOST};
    char *all = *held = xmalloc((size_t)b->len + 1);
    while (body_unread(b)) {
        struct span piece = body_peek(b);
        if (!piece.len)
            break;
        memcpy(all + n, piece.p, piece.len);
        n += piece.len;
        body_take(b, piece.len);
    }
    bool is_whole = n == b->len;
    body_rewind(b);
    return is_whole ? (struct plan_form){.state = PLAN_FORM_HERE, .text = span_from(all, n)}
                    : (struct plan_form){.state = PLAN_FORM_LOST};
}

// Names in it outlive the form.
static void keep_names(struct request *r, struct plan_action *p)
{
    for (unsigned i = 0; i < p->n; i++)
        p->needs[i] = arena_dup(&r->arena, p->needs[i]);
}

bool form_is_too_long(const struct request *r)
{
    return r->plan.wants_form && r->body.len > r->config->body_memory;
}

bool form_admits(struct request *r)
{
    struct plan judged;
    char *held = NULL;
    if (!r->plan.wants_form)
        return true;
    struct plan_form form = read_form(r, &held);
    request_plan_form(r, form, &judged);
    keep_names(r, &judged.action);
    if (held)
        secret_wipe(held, form.text.len);
    free(held);
    r->plan.wants_form = false;
    r->plan.action = judged.action;
    r->plan.rule_policy = judged.rule_policy;
    if (judged.kind != PLAN_DENY)
        return true;
    log_warn(r->id, "%s: %s", judged.code, judged.message);
    reply_error(r, judged.status, judged.code, judged.message);
    return false;
}

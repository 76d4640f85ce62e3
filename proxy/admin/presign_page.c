// SPDX-License-Identifier: Apache-2.0
// The presign endpoint at the admin listener; what it does is the presign room's.
#include "admin/admin_int.h"
#include "presign/service.h"

static void reply(struct admin_call *c, const struct presign_answer *answer)
{
    if (answer->code)
        hdrs_add(&c->extra, c->arena, SPAN("X-Sigv4-Proxy-Error"), span_of(answer->code));
    admin_reply(c, answer->status, answer->type, answer->body);
}

static void on_done(void *arg, const struct presign_answer *answer)
{
    reply(arg, answer);
}

static void on_cancel(void *arg)
{
    presign_cancel(arg);
}

void admin_presign(struct admin_call *c)
{
    struct admin *a = c->admin;
    struct presign_service s = {.config = c->config,
                                .default_region = span_of(c->config->default_region),
                                .view = a->o.view,
                                .cache = a->keys};
    struct presign_call call = {.method = c->msg->method,
                                .query = c->query,
                                .body = c->body,
                                .accept = hdrs_get(&c->msg->hdrs, SPAN("accept")),
                                .who = c->peer,
                                .client = &c->client,
                                .is_near = c->is_near,
                                .names_profiles = true,
                                .arena = c->arena};
    struct presign_answer now;
    struct presign_run *run = presign_start(&s, &call, &now, on_done, c);
    if (!run) {
        reply(c, &now);
        return;
    }
    c->cancel = on_cancel;
    c->cancel_arg = run;
}

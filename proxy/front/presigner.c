// SPDX-License-Identifier: Apache-2.0
// The machine's WAIT_BODY collects what is asked; no plan is made, since nothing is forwarded. The
// name is never resolved: it leads here and nowhere else.
#include "front/presigner.h"

#include <string.h>

#include "front/guard.h"
#include "front/reply.h"
#include "presign/service.h"

#define BODY_MAX ((uint64_t)1024 * 1024)

static bool is_meant(struct request *r, struct uri *uri)
{
    struct uri_authority asked;
    const struct msg *m = r->msg;
    if (!r->config->presign_host || span_is(m->method, "CONNECT") ||
        uri_parse_target(m->method, m->target, &r->arena, uri, NULL) != ST_OK)
        return false;
    asked = uri->authority;
    if (uri->form != URI_ABSOLUTE &&
        uri_parse_authority(hdrs_get(&m->hdrs, SPAN("host")), &r->arena, &asked, NULL) != ST_OK)
        return false;
    return span_is(asked.host, r->config->presign_host);
}

static bool refuse(struct request *r, int status, const char *code, const char *message)
{
    reply_error(r, status, code, message);
    return true;
}

bool presigner_takes(struct request *r)
{
    struct uri uri;
    const struct msg *m = r->msg;
    if (!is_meant(r, &uri))
        return false;
    r->plan.kind = PLAN_ANSWER;
    r->plan.host = span_of(r->config->presign_host);
    r->plan.path = uri.path;
    r->plan.query = uri.query;
    r->plan.idle_timeout = r->config->idle_timeout;
    if (plan_is_from_page(&m->hdrs))
        return refuse(r, 403, "browser-denied", "a web page may not use this proxy");
    if (!span_is(uri.path, "/presign"))
        return refuse(r, 400, "bad-target", "presign_host has /presign and nothing else");
    if (!span_is(m->method, "GET") && !span_is(m->method, "HEAD") && !span_is(m->method, "POST"))
        return refuse(r, 405, "method-denied", "/presign takes GET, HEAD and POST");
    if (m->framing == MSG_LENGTH && m->length > BODY_MAX)
        return refuse(r, 413, "body-too-large", "the body is larger than 1 MiB");
    struct body_options o = {.loop = r->worker->loop,
                             .spool = &r->worker->shared->spool,
                             .spool_dir = r->config->spool_dir,
                             .memory_max = BODY_MAX,
                             .total_max = BODY_MAX,
                             .keep_max = BODY_MAX};
    body_init(&r->body, &o);
    r->has_body = true;
    r->is_presign = true;
    r->wants_continue = m->expects_continue && m->framing != MSG_NO_BODY;
    request_set_state(r, REQ_WAIT_BODY, r->config->idle_timeout);
    reply_continue(r);
    return true;
}

static struct span collect(struct request *r)
{
    char *all = arena_alloc(&r->arena, (size_t)r->body.len + 1);
    size_t n = 0;
    struct span piece = body_peek(&r->body);
    while (piece.len) {
        memcpy(all + n, piece.p, piece.len);
        n += piece.len;
        body_take(&r->body, piece.len);
        piece = body_peek(&r->body);
    }
    return span_from(all, n);
}

static const char *who(struct request *r)
{
    return r->user ? arena_printf(&r->arena, "%s %s", r->conn->peer, r->user) : r->conn->peer;
}

static void on_done(void *arg, const struct presign_answer *answer)
{
    struct request *r = arg;
    r->presign_run = NULL;
    reply_presign(r, answer);
}

void presigner_answer(struct request *r)
{
    struct presign_service s = {.config = r->config,
                                .default_region = span_of(r->config->default_region),
                                .view = r->worker->facts,
                                .cache = r->worker->keys};
    struct presign_call c = {.method = r->msg->method,
                             .query = r->plan.query,
                             .body = collect(r),
                             .accept = hdrs_get(&r->msg->hdrs, SPAN("accept")),
                             .who = who(r),
                             .client = &r->client,
                             .is_near = guard_is_near(r),
                             .names_profiles = guard_is_near(r),
                             .arena = &r->arena};
    struct presign_answer now;
    timer_clear(r->timer); // the wait for credentials has its own end
    r->presign_run = presign_start(&s, &c, &now, on_done, r);
    if (!r->presign_run)
        reply_presign(r, &now);
}

void presigner_cancel(struct request *r)
{
    if (r->presign_run)
        presign_cancel(r->presign_run);
    r->presign_run = NULL;
}

// SPDX-License-Identifier: Apache-2.0
// The key is that of the request's own upstream and credentials: other routes, other identities and
// newer credentials have sessions of their own. A session that can't be had holds no request up for
// long: S3 takes the credentials themselves too, if they may do what is asked.
#include "front/session.h"

#include "creds/s3_session.h"

#define WAIT_MS 10000 // control gives up before

static const char *key_of(struct request *r)
{
    const struct plan *p = &r->plan;
    struct s3_session_ask ask = {.generation = r->creds->generation,
                                 .creds_key = p->creds_key,
                                 .region = p->region,
                                 .host = p->host,
                                 .is_tls = p->is_tls,
                                 .upstream = p->upstream.host,
                                 .port = p->upstream.port,
                                 .route = p->route,
                                 .loopback_ok = r->guard.rules.loopback_ok};
    if (p->has_via)
        ask.via = arena_spanf(&r->arena, p->via.kind == URI_IPV6 ? "[%.*s]:%u" : "%.*s:%u",
                              SPAN_ARG(p->via.host), p->via.port);
    return s3_session_key(&ask, &r->arena);
}

static void take(struct request *r, struct fact *f)
{
    fact_release(r->session);
    r->session = f->status == ST_OK ? fact_acquire(f) : NULL;
    fact_release(f);
}

static void on_session(void *arg, struct fact *f)
{
    struct request *r = arg;
    r->creds_wait = NULL;
    take(r, f);
    r->session_then(r);
}

void session_want(struct request *r, void (*then)(struct request *r))
{
    struct facts_view *facts = r->worker->facts;
    r->session_key = key_of(r);
    struct fact *f = facts_view_peek(facts, FACTS_S3_SESSIONS, r->session_key);
    if (f) {
        take(r, f);
        then(r);
        return;
    }
    r->session_then = then;
    r->creds_wait =
        facts_view_get(facts, FACTS_S3_SESSIONS, r->session_key, WAIT_MS, on_session, r);
}

const struct creds *session_current(struct request *r, int64_t wall_ms)
{
    if (!r->session)
        return NULL;
    struct fact *f = facts_view_peek(r->worker->facts, FACTS_S3_SESSIONS, r->session_key);
    if (f && f->status == ST_OK) {
        fact_release(r->session);
        r->session = f;
    } else {
        fact_release(f);
    }
    const struct creds *c = r->session->value;
    if (creds_is_usable(c, wall_ms))
        return c;
    fact_release(r->session); // or what S3 says next would be taken for its fault
    r->session = NULL;
    return NULL;
}

const struct creds *session_signer(const struct request *r)
{
    const struct fact *f = r->session ? r->session : r->creds;
    return f ? f->value : NULL;
}

// SPDX-License-Identifier: Apache-2.0
// The one hard idea: three names have to agree. The CONNECT's authority is what was admitted, and
// what the certificate is made for; the client's SNI says whom it believes to talk to; and each
// request inside names a host. Where one differs, nothing is signed. Who the client is was settled
// with the CONNECT, which carried the token; what it may do is judged for each request inside.
#include "front/intercept.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "ca/ca.h"
#include "front/reply.h"
#include "front/request.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/plan.h"
#include "policy/proxy_auth.h"

#define TLS_HANDSHAKE 0x16
#define MINT_EVERY_NS (INT64_C(50) * 1000 * 1000) // a certificate costs a signature
#define MINT_BURST    200

struct inside {
    struct conn *conn;
    char *host; // as the CONNECT named it, lower case
    uint16_t port;
    struct token_set *auth; // as it was with the CONNECT; NULL: none was asked for
    const char *user;       // the token's name in it; NULL: none
    struct ca_leaf *leaf;
    struct tls_acceptor *insider;
    struct deferred start; // the handshake, out of the data callback
    bool is_known;
    bool is_tls;
    bool is_starting; // the handshake is due
};

// ---- the certificate

static struct ca_leaf *mint(struct request *r, struct span host)
{
    struct worker *w = r->worker;
    static const struct rate_spec pace = {.interval_ns = MINT_EVERY_NS, .burst = MINT_BURST};
    struct ca_leaf *leaf = NULL;
    struct err e = {""};
    // Who asks for names that get no certificate must not keep others from theirs.
    if (ca_covers(w->setup.ca, host) &&
        rate_reserve(&w->shared->minting, &pace, clock_mono_us(), 0) < 0) {
        log_warn(r->id, "overloaded: more names than certificates are made for in so short a time");
        reply_error(r, 503, "overloaded",
                    "too many new host names at once need certificates of the local CA; try again "
                    "in a moment");
        return NULL;
    }
    enum status st = ca_leaf_make(w->setup.ca, host, clock_wall_ms(), &leaf, &e);
    if (st != ST_OK) {
        log_warn(r->id, "policy-denied: %s", e.text);
        reply_error(r, 403, "policy-denied", arena_cstr(&r->arena, span_of(e.text)));
        return NULL;
    }
    metrics_inc(METRIC_CERTIFICATES);
    ca_cache_add(w->leaves, host, leaf);
    return leaf;
}

static struct ca_leaf *leaf_for(struct request *r, struct span host)
{
    struct worker *w = r->worker;
    struct ca_leaf *leaf = ca_cache_find(w->leaves, w->setup.ca, host, clock_wall_ms());
    return leaf ? ca_leaf_acquire(leaf) : mint(r, host);
}

// ---- the connection

static void start_handshake(void *arg)
{
    struct inside *in = arg;
    struct conn *c = in->conn;
    in->is_starting = false;
    struct tls_leaf leaf = {.name = in->host,
                            .cert = ca_leaf_cert(in->leaf),
                            .issuer = ca_leaf_issuer(in->leaf),
                            .key = ca_leaf_key(in->leaf)};
    timer_set(c->timer, c->worker->setup.config->client_head_timeout);
    stream_accept_tls(c->stream, in->insider, &leaf);
}

void intercept_begin(struct request *r)
{
    struct conn *c = r->conn;
    struct span host = r->plan.upstream.host;
    if (!r->worker->setup.ca) { // it began under a configuration that a reload has replaced
        reply_error(r, 503, "overloaded", "the configuration has just changed; try again");
        return;
    }
    struct ca_leaf *leaf = leaf_for(r, host);
    if (!leaf)
        return;
    struct inside *in = xcalloc(1, sizeof(*in));
    in->conn = c;
    in->host = xstrndup(host.p, host.len);
    in->port = r->plan.upstream.port;
    if (r->worker->setup.auth) {
        in->auth = token_set_acquire(r->worker->setup.auth);
        in->user = proxy_auth_find(in->auth, &r->msg->hdrs);
    }
    in->leaf = leaf;
    in->insider = tls_acceptor_acquire(r->worker->setup.insider);
    in->start = (struct deferred){.fn = start_handshake, .arg = in};
    c->inside = in;
    r->must_close = r->worker->is_draining;
    reply_tunnel(r);
    r->answer_done = true;
    request_finish(r, NULL);
}

bool intercept_knows(struct conn *c, struct span in)
{
    struct inside *i = c->inside;
    if (!i->is_known && in.len) {
        i->is_tls = i->is_starting = (unsigned char)in.p[0] == TLS_HANDSHAKE;
        i->is_known = true;
        if (i->is_tls)
            loop_defer(c->worker->loop, &i->start);
    }
    return i->is_known && !i->is_starting;
}

// ---- what is inside

static bool refuse(struct request *r, const char *what)
{
    log_warn(r->id, "host-denied: %s; the CONNECT was for %s", what, r->conn->inside->host);
    r->must_close = true;
    reply_error(
        r, 403, "host-denied",
        arena_printf(&r->arena, "%s; the tunnel was opened for %s", what, r->conn->inside->host));
    return false;
}

// Whom a request inside asks, by target or Host. False: the plan will say what is wrong with it.
// A missing Host is none of the things that --host stands in for here.
static bool read_authority(struct request *r, struct uri_authority *out)
{
    const struct msg *m = r->msg;
    struct uri uri;
    *out = (struct uri_authority){.port = 0};
    if (uri_parse_target(m->method, m->target, &r->arena, &uri, NULL) != ST_OK)
        return false;
    if (uri.form == URI_ABSOLUTE) {
        *out = uri.authority;
        return true;
    }
    struct span host = hdrs_get(&m->hdrs, SPAN("host"));
    return !host.len || uri_parse_authority(host, &r->arena, out, NULL) == ST_OK;
}

bool intercept_admits(struct request *r)
{
    const struct inside *in = r->conn->inside;
    const char *sni = in->is_tls ? stream_server_name(r->conn->stream) : NULL;
    struct uri_authority asked;
    if (span_is(r->msg->method, "CONNECT"))
        return refuse(r, "a CONNECT inside of a tunnel leads nowhere");
    if (sni && !span_ieq(span_of(sni), span_of(in->host)))
        return refuse(r, "the TLS handshake named another host (SNI)");
    if (!read_authority(r, &asked))
        return true;
    if (!asked.host.len)
        return refuse(r, "the request names no host");
    uint16_t port = asked.port ? asked.port : in->is_tls ? 443 : 80;
    if (!span_is(asked.host, in->host) || port != in->port)
        return refuse(r, "the request names another host");
    return true;
}

bool intercept_user(const struct conn *c, const struct token_set *now, const char **name)
{
    const struct inside *in = c->inside;
    *name = in->user;
    if (now)
        *name = in->auth && in->user ? token_set_follow(now, in->auth, in->user) : NULL;
    return !now || *name;
}

bool intercept_is_tls(const struct conn *c)
{
    return c->inside && c->inside->is_tls;
}

void intercept_free(struct conn *c)
{
    struct inside *in = c->inside;
    if (!in)
        return;
    c->inside = NULL;
    loop_undefer(c->worker->loop, &in->start);
    ca_leaf_release(in->leaf);
    tls_acceptor_release(in->insider);
    free(in->host);
    token_set_release(in->auth);
    free(in);
}

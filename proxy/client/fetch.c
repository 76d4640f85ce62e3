// SPDX-License-Identifier: Apache-2.0
// One dial and one exchange. The pool below it never keeps a connection: an address rule belongs to
// one request, so no other request may find its connection. All outcomes meet in settle(), which
// runs behind every callback of the exchange, so that the owner may cancel from anywhere.
#include "client/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "client/exchange.h"
#include "http/h1_write.h"
#include "http/uri.h"

#define HEAD_MAX ((size_t)16 * 1024)

struct fetcher {
    struct dialer dialer;
    struct pool *pool;
};

struct fetch {
    struct fetcher *fetcher;
    fetch_done_fn done;
    void *arg;
    struct arena arena; // URL, head of the answer
    struct fetch_url url;
    struct buf out; // the request; secret
    struct buf body;
    const char *(*refusal)(const void *arg, const struct net_addr *a);
    const void *refusal_arg;
    struct timer *deadline;
    struct pool_dial *dial;
    struct exchange *exchange;
    struct deferred settle;
    struct fetch_answer answer;
};

enum status fetch_url_parse(struct span url, struct arena *a, struct fetch_url *out, struct err *e)
{
    struct uri u;
    enum status st = uri_parse_url(url, a, &u, e);
    if (st != ST_OK)
        return st;
    *out = (struct fetch_url){.is_https = u.is_https,
                              .host_field = uri_format_host(&u.authority, u.is_https, a),
                              .host = u.authority.host,
                              .port = u.authority.port,
                              .path = u.path,
                              .query = u.query};
    if (!out->port)
        out->port = u.is_https ? 443 : 80;
    return ST_OK;
}

struct span fetch_answer_field(const struct fetch_answer *a, const char *name)
{
    return a->head ? hdrs_get(&a->head->hdrs, span_of(name)) : (struct span){0};
}

// ---- the end

static void destroy(struct fetch *x)
{
    pool_dial_cancel(x->dial);
    exchange_free(x->exchange);
    loop_undefer(x->fetcher->dialer.loop, &x->settle);
    timer_free(x->deadline);
    buf_clear(&x->out);
    buf_clear(&x->body);
    arena_clear(&x->arena);
    free(x);
}

static void settle(void *arg)
{
    struct fetch *x = arg;
    x->answer.body = buf_span(&x->body);
    pool_dial_cancel(x->dial);
    x->dial = NULL;
    exchange_free(x->exchange);
    x->exchange = NULL;
    x->done(x->arg, &x->answer);
    destroy(x);
}

static void finish(struct fetch *x, enum fetch_fail fail, const char *text)
{
    if (x->settle.is_queued)
        return;
    x->answer.fail = fail;
    x->answer.text = text ? arena_cstr(&x->arena, span_of(text)) : "";
    loop_defer(x->fetcher->dialer.loop, &x->settle);
}

static void on_deadline(void *arg)
{
    finish(arg, FETCH_TIMEOUT, "no answer in time");
}

// ---- the exchange

static void on_interim(void *arg, const struct msg *m)
{
    (void)arg;
    (void)m;
}

static void on_head(void *arg, const struct msg *m)
{
    struct fetch *x = arg;
    x->answer.head = m;
    x->answer.status = m->status;
}

static void on_body(void *arg, struct span data)
{
    struct fetch *x = arg;
    if (x->body.len + data.len > FETCH_ANSWER_MAX)
        finish(x, FETCH_BROKEN, "its answer is larger than 64 KiB");
    else
        buf_add_span(&x->body, data);
}

static void on_end(void *arg)
{
    finish(arg, FETCH_OK, NULL);
}

static void on_fail(void *arg, enum exchange_fail why, const char *text)
{
    (void)why;
    finish(arg, FETCH_BROKEN, text ? text : "it closed the connection");
}

static void on_nothing(void *arg)
{
    (void)arg;
}

static void on_dialled(void *arg, enum dial_fail why, struct upstream *u, const char *text)
{
    static const struct exchange_ops ops = {.interim = on_interim,
                                            .head = on_head,
                                            .body = on_body,
                                            .end = on_end,
                                            .turn = on_nothing,
                                            .fail = on_fail,
                                            .drained = on_nothing};
    static const enum fetch_fail fails[] = {[DIAL_OK] = FETCH_OK,
                                            [DIAL_DNS] = FETCH_UNREACHED,
                                            [DIAL_DNS_FAILED] = FETCH_UNREACHED,
                                            [DIAL_REFUSED] = FETCH_REFUSED,
                                            [DIAL_CONNECT] = FETCH_UNREACHED,
                                            [DIAL_TLS] = FETCH_UNREACHED,
                                            [DIAL_TLS_RESET] = FETCH_UNREACHED,
                                            [DIAL_TIMEOUT] = FETCH_TIMEOUT,
                                            [DIAL_PROXY] = FETCH_UNREACHED,
                                            [DIAL_PROXY_REFUSED] = FETCH_UNREACHED};
    struct fetch *x = arg;
    x->dial = NULL;
    if (why != DIAL_OK) {
        finish(x, fails[why], text);
        return;
    }
    x->exchange = exchange_start(u, &ops, x, &x->arena, false);
    exchange_send_secret(x->exchange, buf_span(&x->out));
    exchange_sent_all(x->exchange);
    buf_clear(&x->out);
}

// ---- the request

static enum status write_request(struct fetch *x, const struct fetch_request *r, struct err *e)
{
    struct hdrs h;
    struct span target = x->url.path;
    hdrs_init(&h);
    hdrs_add(&h, &x->arena, SPAN("Host"), x->url.host_field);
    hdrs_add(&h, &x->arena, SPAN("User-Agent"), SPAN("sigv4-proxy"));
    hdrs_add(&h, &x->arena, SPAN("Connection"), SPAN("close"));
    for (unsigned i = 0; i < r->n_fields; i++) {
        struct span name = span_of(r->fields[i].name);
        if (!hdrs_name_ok(name) || !hdrs_value_ok(r->fields[i].value))
            return err_set(e, ST_INVALID, "a control character in %s", r->fields[i].name);
        hdrs_add(&h, &x->arena, name, r->fields[i].value);
    }
    if (r->body.p || strcmp(r->method, "GET") != 0)
        hdrs_add(&h, &x->arena, SPAN("Content-Length"), arena_spanf(&x->arena, "%zu", r->body.len));
    if (x->url.query.p)
        target = arena_spanf(&x->arena, "%.*s?%.*s", SPAN_ARG(target), SPAN_ARG(x->url.query));
    h1_write_request(&x->out, span_of(r->method), target, &h);
    buf_add_span(&x->out, r->body);
    return ST_OK;
}

static const char *refusal_of(const void *arg, const struct net_addr *a)
{
    const struct fetch *x = arg;
    return x->refusal ? x->refusal(x->refusal_arg, a) : NULL;
}

static struct origin origin_of(struct fetch *x, const struct fetch_request *r)
{
    if (!r->origin)
        return (struct origin){.is_tls = x->url.is_https,
                               .host = arena_cstr(&x->arena, x->url.host),
                               .port = x->url.port};
    struct origin o = *r->origin;
    o.host = arena_cstr(&x->arena, span_of(o.host));
    if (o.via) {
        struct via *via = arena_alloc(&x->arena, sizeof(*via));
        *via = *o.via;
        via->host = arena_cstr(&x->arena, span_of(via->host));
        o.via = via;
    }
    return o;
}

static void dial(struct fetch *x, const struct fetch_request *r)
{
    struct dial_request d = {.origin = origin_of(x, r),
                             .refusal_arg = x,
                             .is_strict = r->is_strict,
                             .connect_timeout_ms = r->connect_timeout_ms,
                             .tls_timeout_ms = r->connect_timeout_ms};
    if (d.origin.is_tls && !x->fetcher->dialer.tls)
        finish(x, FETCH_INVALID, "TLS is not set up");
    else
        x->dial = pool_dial(x->fetcher->pool, &d, on_dialled, x);
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_done_fn done,
                          void *arg)
{
    struct fetch *x = xcalloc(1, sizeof(*x));
    struct err e = {""};
    x->fetcher = f;
    x->done = done;
    x->arg = arg;
    x->refusal = r->refusal;
    x->refusal_arg = r->refusal_arg;
    x->settle.fn = settle;
    x->settle.arg = x;
    arena_init(&x->arena);
    buf_init_secret(&x->out);
    buf_init_secret(&x->body);
    x->deadline = timer_new(f->dialer.loop, on_deadline, x);
    timer_set(x->deadline, r->timeout_ms);
    if (fetch_url_parse(span_of(r->url), &x->arena, &x->url, &e) != ST_OK ||
        write_request(x, r, &e) != ST_OK)
        finish(x, FETCH_INVALID, e.text);
    else
        dial(x, r);
    return x;
}

void fetch_cancel(struct fetch *x)
{
    if (x)
        destroy(x);
}

// ---- the fetcher

struct fetcher *fetcher_new(const struct fetcher_options *o)
{
    struct fetcher *f = xcalloc(1, sizeof(*f));
    struct pool_options pool = {.limits = {.max_request_line = 8192,
                                           .max_field = HEAD_MAX,
                                           .max_head = HEAD_MAX,
                                           .max_fields = 100,
                                           .max_trailers = 8192}};
    f->dialer =
        (struct dialer){.loop = o->loop, .facts = o->facts, .tls = o->tls, .refusal = refusal_of};
    f->pool = pool_new(&f->dialer, &pool);
    return f;
}

void fetcher_set_tls(struct fetcher *f, struct tls_client *tls)
{
    f->dialer.tls = tls;
    pool_set_tls(f->pool, tls);
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    pool_free(f->pool);
    free(f);
}

// SPDX-License-Identifier: Apache-2.0
// Dialling: look up (a fact, usually at hand), refuse what must not be dialled, then race
// addresses: the next one starts when the last one failed or after 250 ms. The first TCP connection
// that stands ends the race; a proxy in between (via.c) and then TLS have deadlines of their own
// from there. A TLS failure is final: another address of the same name would only repeat it.
#include "client/dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "client/via_int.h"
#include "net/resolve.h"

#define NEXT_MS   250
#define MAX_TRIES 8

struct dial_try {
    struct dial *dial;
    struct stream *stream;
};

enum dial_phase { DIALLING = 0, IN_PROXY, IN_TLS };

struct dial {
    struct dialer dialer;
    struct dial_request req;
    char *host;     // owned copy
    struct via via; // ... where there is one
    char *via_host; // via.host
    struct via_talk *talk;
    struct deferred behind; // the proxy has answered: what follows, outside of stream callbacks
    dial_done_fn done;
    void *arg;
    struct facts_wait *wait;
    struct timer *timer;
    struct deferred settle; // delivers the outcome outside of stream callbacks and of dial_start
    struct net_addr addrs[RESOLVE_MAX_ADDRS];
    unsigned n_addrs;
    unsigned next;
    struct dial_try tries[MAX_TRIES];
    unsigned n_tries;
    int64_t deadline_ms;
    enum dial_phase phase;
    enum dial_fail fail;
    struct stream *winner; // also among the tries
    char text[sizeof(((struct err *)0)->text)];
};

static void free_tries(struct dial *d, const struct stream *but)
{
    for (unsigned i = 0; i < d->n_tries; i++) {
        if (d->tries[i].stream && d->tries[i].stream != but) {
            stream_free(d->tries[i].stream);
            d->tries[i].stream = NULL;
        }
    }
}

static void destroy(struct dial *d)
{
    if (d->wait)
        facts_wait_cancel(d->wait);
    loop_undefer(d->dialer.loop, &d->settle);
    loop_undefer(d->dialer.loop, &d->behind);
    timer_free(d->timer);
    free_tries(d, d->winner);
    via_free(d->talk);
    free(d->via_host);
    free(d->host);
    tls_client_free(d->dialer.tls);
    free(d);
}

static void settle(void *arg)
{
    struct dial *d = arg;
    dial_done_fn done = d->done;
    void *done_arg = d->arg;
    enum dial_fail why = d->fail;
    struct stream *winner = d->winner;
    char text[sizeof(d->text)];
    memcpy(text, d->text, sizeof(text));
    destroy(d);
    done(done_arg, why, winner, text);
}

static void set_text(struct dial *d, const char *text)
{
    char copy[sizeof(d->text)];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    if (d->via_host && d->phase != IN_TLS)
        (void)snprintf(d->text, sizeof(d->text), "the upstream proxy %.255s:%u: %.200s",
                       d->via_host, d->via.port, copy);
    else
        memcpy(d->text, copy, sizeof(copy));
}

static void finish(struct dial *d, enum dial_fail why, struct stream *s, const char *text)
{
    if (d->settle.is_queued)
        return;
    d->fail = why;
    d->winner = s;
    if (text)
        set_text(d, text);
    timer_clear(d->timer);
    loop_defer(d->dialer.loop, &d->settle);
}

static unsigned running(const struct dial *d)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->n_tries; i++)
        n += d->tries[i].stream != NULL;
    return n;
}

static void try_next(struct dial *d);

static void ask_proxy(struct dial *d, struct stream *s);

static void on_ready(void *arg)
{
    struct dial_try *t = arg;
    if (t->dial->via_host && t->dial->phase == DIALLING)
        ask_proxy(t->dial, t->stream);
    else
        finish(t->dial, DIAL_OK, t->stream, NULL);
}

static void on_closed(void *arg, enum stream_fail why, const char *text)
{
    struct dial_try *t = arg;
    struct dial *d = t->dial;
    bool is_final = why == STREAM_TLS || stream_is_connected(t->stream);
    if (d->settle.is_queued && d->winner == t->stream) { // died between ready and delivery
        d->winner = NULL;
        d->fail = DIAL_CONNECT;
    }
    (void)snprintf(d->text, sizeof(d->text), "%s", text ? text : "");
    stream_free(t->stream);
    t->stream = NULL;
    if (d->settle.is_queued)
        return;
    if (is_final)
        finish(d, why == STREAM_TLS ? DIAL_TLS : DIAL_TLS_RESET, NULL, d->text);
    else if (d->next < d->n_addrs && d->n_tries < MAX_TRIES)
        try_next(d);
    else if (!running(d))
        finish(d, DIAL_CONNECT, NULL, d->text);
}

static const struct stream_ops try_ops = {.ready = on_ready, .closed = on_closed};

static struct stream_tls tls_of(const struct dial *d)
{
    return (struct stream_tls){
        .client = d->dialer.tls, .name = d->host, .port = d->req.origin.port};
}

static void try_next(struct dial *d)
{
    struct dial_try *t = &d->tries[d->n_tries++];
    struct stream_tls tls = tls_of(d);
    bool is_tls = d->req.origin.is_tls && !d->via_host;
    t->dial = d;
    t->stream =
        stream_connect(d->dialer.loop, &d->addrs[d->next++], is_tls ? &tls : NULL, &try_ops, t);
    timer_set(d->timer, NEXT_MS);
}

// ---- through a proxy

static void begin_phase(struct dial *d, enum dial_phase phase, int64_t timeout_ms)
{
    d->phase = phase;
    d->deadline_ms = loop_now_ms(d->dialer.loop) + timeout_ms;
    timer_set(d->timer, timeout_ms < NEXT_MS ? timeout_ms : NEXT_MS);
}

static struct dial_try *try_of_proxy(struct dial *d)
{
    for (unsigned i = 0; i < d->n_tries; i++)
        if (d->tries[i].stream)
            return &d->tries[i];
    return NULL;
}

// The tunnel stands. What a server says first belongs to a tunnel's owner, but never comes before
// TLS.
static void go_behind(void *arg)
{
    struct dial *d = arg;
    struct dial_try *t = try_of_proxy(d);
    struct stream_tls tls = tls_of(d);
    if (!t || via_is_gone(d->talk)) {
        finish(d, DIAL_PROXY, NULL, "it closed the connection");
        return;
    }
    stream_set_ops(t->stream, &try_ops, t);
    if (!d->req.origin.is_tls) {
        finish(d, DIAL_OK, t->stream, NULL);
    } else if (stream_has_kept(t->stream)) {
        finish(d, DIAL_PROXY, NULL, "it sent octets that nobody asked for");
    } else {
        begin_phase(d, IN_TLS, d->req.tls_timeout_ms);
        stream_resume(t->stream);
        stream_start_tls(t->stream, &tls);
    }
}

static void on_answer(void *arg, int status, const char *text)
{
    struct dial *d = arg;
    char line[160];
    if (status >= 200 && status <= 299) {
        loop_defer(d->dialer.loop, &d->behind);
        return;
    }
    if (status)
        (void)snprintf(line, sizeof(line), "it answered CONNECT with %d%s", status,
                       status == 407 ? "; user and token in upstream_proxy are wrong or missing"
                                     : "");
    finish(d,
           status >= 300 && status <= 499 && status != 408 && status != 429 ? DIAL_PROXY_REFUSED
                                                                            : DIAL_PROXY,
           NULL, status ? line : text);
}

static void ask_proxy(struct dial *d, struct stream *s)
{
    free_tries(d, s);
    begin_phase(d, IN_PROXY, d->req.connect_timeout_ms);
    d->talk = via_start(s, &d->req.origin, on_answer, d);
}

// ---- time

static struct stream *connected_one(const struct dial *d)
{
    for (unsigned i = 0; i < d->n_tries; i++)
        if (d->tries[i].stream && stream_is_connected(d->tries[i].stream))
            return d->tries[i].stream;
    return NULL;
}

// Every 250 ms: has a connection come up (then TLS has its own deadline), is the deadline over, is
// it the next address's turn?
static void on_tick(void *arg)
{
    struct dial *d = arg;
    int64_t now = loop_now_ms(d->dialer.loop);
    static const char *const late[] = {[DIALLING] = "connect timed out",
                                       [IN_PROXY] = "it did not answer CONNECT in time",
                                       [IN_TLS] = "TLS handshake timed out"};
    struct stream *up = connected_one(d);
    if (up && d->phase == DIALLING && !d->via_host) {
        free_tries(d, up);
        d->phase = IN_TLS;
        d->deadline_ms = now + d->req.tls_timeout_ms;
    }
    if (now >= d->deadline_ms) {
        finish(d, DIAL_TIMEOUT, NULL, late[d->phase]);
        return;
    }
    if (d->phase == DIALLING && d->next < d->n_addrs && d->n_tries < MAX_TRIES) {
        try_next(d);
        return;
    }
    int64_t left = d->deadline_ms - now;
    timer_set(d->timer, left < NEXT_MS ? left : NEXT_MS);
}

static void start_tries(struct dial *d, const struct resolve_answer *answer)
{
    const char *refused = NULL;
    for (unsigned i = 0; i < answer->n; i++) {
        struct net_addr a = answer->addrs[i];
        net_addr_set_port(&a, d->via_host ? d->via.port : d->req.origin.port);
        const char *why = d->dialer.refusal ? d->dialer.refusal(d->req.refusal_arg, &a) : NULL;
        if (why)
            refused = why;
        else
            d->addrs[d->n_addrs++] = a;
    }
    if (!d->n_addrs || (refused && d->req.is_strict)) {
        (void)snprintf(d->text, sizeof(d->text),
                       d->req.is_strict ? "it has an address that must not be dialled (%s)"
                                        : "it has %s addresses only, which are never dialled",
                       refused ? refused : "no");
        finish(d, DIAL_REFUSED, NULL, d->text);
        return;
    }
    d->deadline_ms = loop_now_ms(d->dialer.loop) + d->req.connect_timeout_ms;
    try_next(d);
}

static void on_addresses(void *arg, struct fact *f)
{
    struct dial *d = arg;
    d->wait = NULL;
    if (f->status == ST_OK)
        start_tries(d, f->value);
    else if (f->status == ST_AGAIN)
        finish(d, DIAL_TIMEOUT, NULL, "name look-up timed out");
    else
        finish(d, f->status == ST_DECLINED ? DIAL_DNS : DIAL_DNS_FAILED, NULL, f->err.text);
    fact_release(f);
}

struct dial *dial_start(const struct dialer *dialer, const struct dial_request *r,
                        dial_done_fn done, void *arg)
{
    struct dial *d = xcalloc(1, sizeof(*d));
    d->dialer = *dialer;
    if (d->dialer.tls)
        (void)tls_client_acquire(d->dialer.tls);
    d->req = *r;
    d->host = xstrdup(r->origin.host);
    d->req.origin.host = d->host;
    if (r->origin.via) {
        d->via = *r->origin.via;
        d->via.host = d->via_host = xstrdup(d->via.host);
        d->req.origin.via = &d->via;
    }
    d->done = done;
    d->arg = arg;
    d->settle.fn = settle;
    d->settle.arg = d;
    d->behind.fn = go_behind;
    d->behind.arg = d;
    d->timer = timer_new(dialer->loop, on_tick, d);
    struct resolve_answer literal = {.n = 1};
    const char *host = d->via_host ? d->via_host : d->host; // whom we connect to
    if (net_addr_parse(span_of(host), r->origin.port, &literal.addrs[0]) == ST_OK) {
        start_tries(d, &literal);
        return d;
    }
    struct fact *f = facts_view_peek(dialer->facts, FACTS_ADDRESSES, host);
    if (f)
        on_addresses(d, f);
    else
        d->wait = facts_view_get(dialer->facts, FACTS_ADDRESSES, host, r->connect_timeout_ms + 5000,
                                 on_addresses, d);
    return d;
}

void dial_cancel(struct dial *d)
{
    if (!d)
        return;
    d->winner = NULL;
    destroy(d);
}

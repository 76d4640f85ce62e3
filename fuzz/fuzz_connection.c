// SPDX-License-Identifier: Apache-2.0
// Whole connections: one worker with its real loops, clients and upstreams at the far ends of
// socket pairs. The input is a script. Its first octet chooses the configuration, the second, where
// odd, small socket buffers; then come steps, each behind an octet 0x01: a letter and what it
// takes.
//
//   c OCTETS  the client sends         u OCTETS  the newest upstream sends
//   C OCTETS  another client comes     U OCTETS  the upstream dialled first sends
//   x N       N KiB from the client    y N       N KiB from the newest upstream
//   f         the client's FIN         g         the upstream's FIN
//   r         the client closes        s         the upstream closes
//   d, D      the client is deaf, hears   e, E   the newest upstream is deaf, hears
//   t N       N * N * 10 ms pass       n         time until the next timer passes
//   1, 2, 3   that client is meant from now on
//   q, h, o   dialling is refused, hangs, works
//
// Whatever happens: what comes to an upstream is clear and signed, clients get no more answers than
// they asked for and never the secret, and in the end nothing is left.
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/xalloc.h"
#include "connection_rig.h"
#include "creds/creds_int.h"
#include "front/conn.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/loop_int.h"
#include "net/resolve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COUNT(v) (sizeof(v) / sizeof((v)[0]))
#define STEP     '\x01'
#define MAX_LEN  ((size_t)64 << 10)
#define MAX_DATA ((size_t)256 << 10) // of x and y, together

#define ROUTE(service)                                                                             \
    "[route \"*\"]\nupstream = http://127.0.0.1:9001\nservice = " service                          \
    "\nregion = us-east-1\nalgorithm = sigv4\n"

struct setting {
    const char *file;
    bool is_signed; // all of it
    bool has_creds;
    bool is_retried; // a request may come several times
    bool upgrades;   // to websockets
};

static const struct setting settings[] = {
    {"[proxy]\nretry_mode = off\nalready_presigned = replace\n" ROUTE("execute-api"), true, true,
     false, false},
    {"[proxy]\nretry_mode = off\nalready_presigned = replace\nbody_memory = 4k\n"
     "replay_max = 8k\n" ROUTE("s3"),
     true, true, false, false},
    {"[proxy]\nalready_presigned = replace\nmax_in_flight = 1\nretry_base = 100ms\n"
     "expect_over = 2k\n" ROUTE("s3") "rate_limit = 5/s burst 2\n",
     true, true, true, false},
    {"[proxy]\nalready_presigned = pass\nalready_signed = pass\nretry_mode = off\n" ROUTE("s3"),
     false, true, false, false},
    {"[proxy]\nretry_mode = off\nunsigned_hosts = tunnel.test\n" ROUTE("s3"), false, false, false,
     false},
    {"[proxy]\nretry_mode = off\nmax_request_line = 1k\nmax_field = 1k\nmax_head = 2k\nmax_fields "
     "= 8\n"
     "body_max = 4k\nmax_trailers = 128\nalready_presigned = replace\n" ROUTE("execute-api"),
     true, true, false, false},
    {"[proxy]\nalready_presigned = replace\nretry_base = 100ms\n" ROUTE(
         "execute-api") "upgrade = yes\n",
     true, true, true, true},
};
static struct config *configs[COUNT(settings)];

// ---- facts that are fetched at once

struct answer {
    struct facts_flight *flight; // NULL: it was cancelled
    bool is_address;
    bool has_creds;
};

static void free_value(void *value)
{
    free(value);
}

static struct fact_result credentials(bool has_any)
{
    struct fact_result r = {.status = ST_DECLINED, .retry_in_ms = 1000};
    struct creds_parts parts = {.access_key = SPAN(RIG_KEY),
                                .secret_key = SPAN(RIG_SECRET),
                                .session_token = SPAN(RIG_TOKEN),
                                .expires_at_ms = INT64_MAX,
                                .provider = "fuzz",
                                .source = "fuzz"};
    struct creds *c = NULL;
    if (!has_any || creds_make(&parts, &c, &r.err) != ST_OK) {
        (void)err_set(&r.err, ST_DECLINED, "there are none");
        return r;
    }
    return (struct fact_result){.status = ST_OK,
                                .value = c,
                                .free_value = creds_free,
                                .ttl_ms = INT64_MAX,
                                .refresh_in_ms = INT64_MAX};
}

// Two that must never be dialled, and one that may.
static struct fact_result addresses(void)
{
    static const char *const texts[] = {"169.254.169.254", "127.0.0.1", RIG_NAME_OK};
    struct resolve_answer *a = xcalloc(1, sizeof(*a));
    for (; a->n < COUNT(texts); a->n++)
        RIG_REQUIRE(net_addr_parse(span_of(texts[a->n]), 0, &a->addrs[a->n]) == ST_OK, "addresses");
    return (struct fact_result){.status = ST_OK,
                                .value = a,
                                .free_value = free_value,
                                .ttl_ms = 60000,
                                .refresh_in_ms = 48000};
}

static void tell(void *arg)
{
    struct answer *a = arg;
    if (a->flight) {
        struct fact_result r = a->is_address ? addresses() : credentials(a->has_creds);
        facts_flight_set_data(a->flight, NULL);
        facts_answer(a->flight, &r);
    }
    free(a);
}

static void fetch(struct facts_flight *flight, struct answer like)
{
    struct answer *a = xmalloc(sizeof(*a));
    *a = like;
    a->flight = flight;
    facts_flight_set_data(flight, a);
    loop_post(rig.loops[1], tell, a);
}

static void fetch_creds(void *arg, const char *key, struct facts_flight *flight)
{
    const struct setting *s = arg;
    (void)key;
    fetch(flight, (struct answer){.has_creds = s->has_creds});
}

static void fetch_address(void *arg, const char *key, struct facts_flight *flight)
{
    (void)arg;
    (void)key;
    fetch(flight, (struct answer){.is_address = true});
}

static void cancel(void *arg, struct facts_flight *flight)
{
    struct answer *a = facts_flight_data(flight);
    (void)arg;
    if (a)
        a->flight = NULL;
}

// ---- the proxy

struct proxy {
    const struct setting *setting;
    struct loop *control;
    struct facts *facts;
    struct front_shared shared;
    struct worker worker;
    struct buf sent[RIG_PEERS]; // by clients
    unsigned client;            // meant by a step
    size_t n_data;
};

static void set_facts(struct proxy *p)
{
    struct facts_kind creds = {.name = "credentials",
                               .fetch = fetch_creds,
                               .cancel = cancel,
                               .is_same = creds_same,
                               .arg = (void *)(uintptr_t)p->setting};
    struct facts_kind names = {.name = "addresses", .fetch = fetch_address, .cancel = cancel};
    p->facts = facts_new(p->control, 1);
    facts_set_kind(p->facts, FACTS_CREDENTIALS, &creds);
    facts_set_kind(p->facts, FACTS_ADDRESSES, &names);
}

static void start(struct proxy *p, unsigned which)
{
    struct err e = {""};
    struct worker *w = &p->worker;
    p->setting = &settings[which];
    p->control = loop_new("control", &e);
    RIG_REQUIRE(p->control, e.text);
    set_facts(p);
    front_shared_init(&p->shared, configs[which], p->facts);
    w->number = 1;
    w->shared = &p->shared;
    w->setup.config = config_acquire(configs[which]);
    RIG_REQUIRE(worker_make(w, &e) == ST_OK, e.text);
    rng_seed(&w->rng, 1);
    rig.loops[0] = w->loop;
    rig.loops[1] = p->control;
}

static void new_client(struct proxy *p)
{
    if (rig.n_clients == RIG_PEERS)
        return;
    p->client = rig.n_clients;
    buf_init(&p->sent[p->client]);
    int fd = rig_open_client();
    RIG_REQUIRE(limit_take(&p->shared.connections, 1), "no room for a connection");
    atomic_fetch_add(&p->worker.n_conns, 1);
    conn_open(&p->worker, fd, NULL);
}

static void require_nothing_left(struct proxy *p)
{
    struct front_shared *s = &p->shared;
    struct loop *l = p->worker.loop;
    RIG_REQUIRE(!atomic_load(&p->worker.n_conns), "a connection is left");
    RIG_REQUIRE(TAILQ_EMPTY(&p->worker.conns) && !limit_used(&s->connections), "... in the count");
    RIG_REQUIRE(!limit_used(&s->spool), "octets of a spool are left");
    RIG_REQUIRE(!limit_used(&s->active) && !limit_used(&s->queued), "a slot is left");
    RIG_REQUIRE(!limit_used(&s->retrying) && !limit_used(&s->parked), "a retry is left");
    RIG_REQUIRE(TAILQ_EMPTY(&l->guests), "a lingering close is left");
    RIG_REQUIRE(!pool_stats(p->worker.pool).idle, "an idle upstream connection is left");
    int64_t bufs = atomic_load(&s->buffers) + (int64_t)l->bufs_uncounted * LOOP_BUF_LEN;
    RIG_REQUIRE(bufs == 0, "a buffer is left");
}

static void stop(struct proxy *p)
{
    struct worker *w = &p->worker;
    worker_clear(w);
    loop_free(w->loop);
    facts_free(p->facts);
    loop_free(p->control);
    front_shared_clear(&p->shared);
}

// ---- the script

static struct rig_peer *client(struct proxy *p)
{
    return &rig.clients[p->client];
}

static void send_client(struct proxy *p, struct span data)
{
    buf_add_span(&p->sent[p->client], data);
    rig_send(client(p), data);
}

static unsigned number(struct span arg)
{
    return arg.len ? (unsigned char)arg.p[0] : 1;
}

static void send_much(struct proxy *p, struct rig_peer *upstream, struct span arg)
{
    static const char block[1024] = {'x'};
    for (unsigned i = 0; i < number(arg) && p->n_data < MAX_DATA; i++) {
        p->n_data += sizeof(block);
        if (upstream)
            rig_send(upstream, span_from(block, sizeof(block)));
        else
            send_client(p, span_from(block, sizeof(block)));
    }
}

static void client_step(struct proxy *p, char letter, struct span arg)
{
    switch (letter) {
    case 'C':
        new_client(p);
        send_client(p, arg);
        break;
    case 'c':
        send_client(p, arg);
        break;
    case 'x':
        send_much(p, NULL, arg);
        break;
    case 'f':
        rig_fin(client(p));
        break;
    case 'r':
        rig_close(client(p));
        break;
    case 'd':
    case 'D':
        client(p)->is_deaf = letter == 'd';
        break;
    default: // 1, 2, 3
        if ((unsigned)(letter - '1') < rig.n_clients)
            p->client = (unsigned)(letter - '1');
        break;
    }
}

static void upstream_step(struct proxy *p, char letter, struct span arg)
{
    struct rig_peer *newest = &rig.upstreams[rig.n_upstreams - 1];
    switch (letter) {
    case 'u':
        rig_send(newest, arg);
        break;
    case 'U':
        rig_send(&rig.upstreams[0], arg);
        break;
    case 'y':
        send_much(p, newest, arg);
        break;
    case 'g':
        rig_fin(newest);
        break;
    case 's':
        rig_close(newest);
        break;
    default: // e, E
        newest->is_deaf = letter == 'e';
        break;
    }
}

static void step(struct proxy *p, char letter, struct span arg)
{
    int64_t n = number(arg);
    switch (letter) {
    case 'n':
        n = rig_next_ms();
        rig_pass(n > 0 ? n : 0);
        break;
    case 't':
        rig_pass(n * n * 10);
        break;
    case 'q':
        rig.connects = RIG_REFUSES;
        break;
    case 'h':
        rig.connects = RIG_HANGS;
        break;
    case 'o':
        rig.connects = RIG_CONNECTS;
        break;
    default:
        if (letter && strchr("CcxfrdD123", letter))
            client_step(p, letter, arg);
        else if (letter && strchr("uUygseE", letter) && rig.n_upstreams)
            upstream_step(p, letter, arg);
        break;
    }
    rig_settle();
}

static void run(struct proxy *p, struct span script)
{
    struct span part;
    new_client(p);
    while (span_next(&script, STEP, &part))
        if (part.len)
            step(p, part.p[0], span_sub(part, 1, part.len));
}

static bool is_at_rest(const struct proxy *p)
{
    const struct worker *w = &p->worker;
    return TAILQ_EMPTY(&w->conns) && TAILQ_EMPTY(&w->loop->guests) && !pool_stats(w->pool).idle;
}

// Everybody leaves; what has to wait for something may do so.
static void end(const struct proxy *p)
{
    for (unsigned i = 0; i < rig.n_clients; i++)
        rig_close(&rig.clients[i]);
    rig_settle();
    for (unsigned i = 0; i < rig.n_upstreams; i++)
        rig_close(&rig.upstreams[i]);
    rig_settle();
    for (unsigned i = 0; i < 400 && !is_at_rest(p); i++) {
        int64_t ms = rig_next_ms();
        rig_pass(ms < 0 ? 0 : ms + 1);
    }
}

static unsigned count_heads(struct span sent)
{
    unsigned n = 1; // one that is not complete may be refused
    const char *at = sent.len ? memmem(sent.p, sent.len, "\r\n\r\n", 4) : NULL;
    while (at) {
        n++;
        sent = span_from(at + 1, sent.len - (size_t)(at + 1 - sent.p));
        at = memmem(sent.p, sent.len, "\r\n\r\n", 4);
    }
    return n;
}

static bool has(struct span in, const char *text)
{
    return in.len && memmem(in.p, in.len, text, strlen(text));
}

static void judge(const struct proxy *p)
{
    unsigned heads = 0;
    for (unsigned i = 0; i < rig.n_clients; i++) {
        struct span sent = buf_span(&p->sent[i]);
        struct span got = buf_span(&rig.clients[i].got);
        unsigned n =
            check_answers(got, has(sent, "HEAD "), has(sent, "CONNECT "), p->setting->upgrades);
        RIG_REQUIRE(n <= count_heads(sent), "more answers than requests");
        heads += count_heads(sent);
        check_secrets(got);
        check_token(got);
    }
    unsigned requests = 0;
    for (unsigned i = 0; i < rig.n_upstreams; i++) {
        struct span got = buf_span(&rig.upstreams[i].got);
        check_secrets(got);
        if (rig.upstreams[i].port == RIG_UPSTREAM)
            requests += check_requests(got, p->setting->is_signed, p->setting->upgrades);
    }
    // A connection that had closed, and an Expect that was not known, cost one more each.
    RIG_REQUIRE(p->setting->is_retried || requests <= 3 * heads, "more requests than were asked");
    RIG_REQUIRE(p->setting->has_creds || !requests, "a request without credentials");
    check_log(buf_span(&rig.log));
}

static void setup(void)
{
    digest_setup();
    log_set_level(LOG_DEBUG);
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct err e = {""};
        struct config_input in = {.file_name = "fuzz", .file = span_of(settings[i].file)};
        RIG_REQUIRE(config_parse(&in, &configs[i], &e) == ST_OK, e.text);
        config_take_region(configs[i], xstrdup("us-east-1"), xstrdup("fuzz"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct proxy p;
    struct span script = span_from((const char *)data, size);
    if (!configs[0])
        setup();
    if (size < 3 || size > MAX_LEN)
        return 0;
    memset(&p, 0, sizeof(p));
    rig_begin();
    rig.is_small = (data[1] & 1) != 0;
    start(&p, (uint8_t)(data[0] - '0') % COUNT(settings));
    run(&p, span_sub(script, 2, script.len));
    end(&p);
    judge(&p);
    require_nothing_left(&p);
    stop(&p);
    for (unsigned i = 0; i < rig.n_clients; i++)
        buf_clear(&p.sent[i]);
    rig_end();
    return 0;
}

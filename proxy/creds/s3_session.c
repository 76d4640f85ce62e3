// SPDX-License-Identifier: Apache-2.0
// A fetch is two waits: for the credentials, a fact of their own, then for S3. The key holds all
// that says where S3 is, since control knows no requests; secrets (a proxy's token) are not in it
// but looked up in the configuration.
#include "creds/s3_session_int.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "creds/sts_int.h"
#include "log/log.h"
#include "sign/sign.h"

#define ATTEMPTS      3
#define BASE_MS       100
#define CAP_MS        1000
#define ATTEMPT_MS    3000
#define CONNECT_MS    2000
#define TOTAL_MS      8000
#define CREDS_WAIT_MS 5000
#define BACKSTOP_MS   20000
#define AHEAD_MS      60000
#define USE_MARGIN_MS 5000
#define DENIED_MS     ((int64_t)300000)
#define MISSING_MS    10000 // a bucket that may just have been made
#define OPS_MAX       64    // made-up names must not fill control's loop
#define FULL_MS       1000
#define CODE_MAX      64
#define KEY_WORDS     8 // before the credentials' key

LIST_HEAD(session_ops, session_op);

struct s3_sessions {
    struct creds_kit kit; // loop, view, fetcher, rng
    struct s3_sessions_env env;
    struct facts *facts;
    struct session_ops ops; // under way
    unsigned n_ops;
};

struct session_op {
    LIST_ENTRY(session_op) link;
    struct s3_sessions *sessions; // NULL: they went first
    struct facts_flight *flight;
    struct arena life;
    struct arena attempt;
    struct s3_session_ask ask;
    struct via via;
    struct origin origin;
    struct facts_wait *wait;
    struct fact *signer;
    struct call *call;
    struct sts_document document;
    bool has_document;
    int64_t denied_ms; // a 4xx that asking again does not change for so long
    struct deferred full;
    bool is_corrected;
    int64_t skew_ms; // to be added to our clock
};

// ---- the key

const char *s3_session_key(const struct s3_session_ask *ask, struct arena *a)
{
    return arena_printf(a, "%llu %.*s %.*s http%s%s %.*s %u %.*s %u %s",
                        (unsigned long long)ask->generation, SPAN_ARG(ask->region),
                        SPAN_ARG(ask->host), ask->is_tls ? "s" : "",
                        ask->loopback_ok ? "+loopback" : "", SPAN_ARG(ask->upstream), ask->port,
                        SPAN_ARG(ask->via.len ? ask->via : SPAN("-")), ask->route, ask->creds_key);
}

const char *s3_session_creds_key(const char *key)
{
    for (unsigned i = 0; i < KEY_WORDS; i++)
        key = strchr(key, ' ') + 1;
    return key;
}

enum status s3_session_parse(const char *key, struct arena *a, struct s3_session_ask *out)
{
    struct span rest = span_of(key);
    struct span words[KEY_WORDS];
    uint64_t port = 0;
    uint64_t route = 0;
    *out = (struct s3_session_ask){.creds_key = ""};
    for (unsigned i = 0; i < KEY_WORDS; i++)
        if (!span_next(&rest, ' ', &words[i]))
            return ST_INVALID;
    if (!span_u64(words[0], &out->generation) || !span_u64(words[5], &port) || !port ||
        port > UINT16_MAX || !span_u64(words[7], &route) || route > UINT_MAX || !rest.p)
        return ST_INVALID;
    out->region = words[1];
    out->host = words[2];
    out->is_tls = span_starts(words[3], SPAN("https"));
    out->loopback_ok = span_ends(words[3], SPAN("+loopback"));
    out->upstream = words[4];
    out->port = (uint16_t)port;
    out->via = span_is(words[6], "-") ? SPAN("") : words[6];
    out->route = (unsigned)route;
    out->creds_key = arena_cstr(a, rest);
    return ST_OK;
}

static bool has_userinfo(const char *url, struct span via, struct span *userinfo)
{
    struct span rest = span_of(url);
    if (!span_istarts(rest, SPAN("http://")))
        return false;
    rest = span_sub(rest, 7, rest.len);
    size_t at = span_rfind(rest, '@');
    if (at == rest.len)
        return false;
    struct span where = span_sub(rest, at + 1, rest.len);
    if (span_ends(where, SPAN("/")))
        where.len--;
    *userinfo = span_sub(rest, 0, at);
    return where.len == via.len && span_istarts(where, via);
}

struct span s3_session_userinfo(const struct config *c, const struct s3_session_ask *ask)
{
    struct span userinfo;
    bool has_route = ask->route && ask->route <= c->n_routes;
    const char *own = has_route ? c->routes[ask->route - 1].upstream_proxy : NULL;
    // A reload may have moved the route: a token goes to the proxy that it was written for, only.
    return has_userinfo(own ? own : c->upstream_proxy, ask->via, &userinfo) ? userinfo : SPAN("");
}

int64_t s3_session_refresh_ms(int64_t lifetime_ms)
{
    return lifetime_ms > 2 * (int64_t)AHEAD_MS ? lifetime_ms - AHEAD_MS : lifetime_ms / 2;
}

// ---- the end

static void leave(struct session_op *op)
{
    loop_undefer(op->sessions->kit.loop, &op->full);
    LIST_REMOVE(op, link);
    op->sessions->n_ops--;
}

// Nothing comes of it any more; the flight still knows it.
static void op_stop(struct session_op *op)
{
    if (op->wait)
        facts_wait_cancel(op->wait);
    call_cancel(op->call);
    if (op->sessions)
        leave(op);
    op->wait = NULL;
    op->call = NULL;
    op->sessions = NULL;
}

static void op_free(struct session_op *op)
{
    op_stop(op);
    fact_release(op->signer);
    if (op->has_document)
        sts_document_clear(&op->document);
    arena_wipe(&op->attempt);
    arena_wipe(&op->life);
    free(op);
}

static void answer(struct session_op *op, const struct fact_result *r)
{
    struct facts_flight *flight = op->flight;
    op_free(op);
    facts_answer(flight, r);
}

static void fail(struct session_op *op, const struct err *why)
{
    struct fact_result r = {.status = ST_IO, .err = *why};
    const char *then = "";
    if (op->denied_ms) {
        r.status = ST_DENIED;
        r.retry_in_ms = op->denied_ms;
        r.ends_value = true;
        then = op->denied_ms == DENIED_MS ? "; asked for again in about five minutes" : "";
    }
    log_warn("creds", "S3 Express: no session for %.*s (%s): %s%s", SPAN_ARG(op->ask.host),
             why->text,
             !op->denied_ms && facts_flight_is_refresh(op->flight)
                 ? "the old one goes on serving"
                 : "its requests are signed with the credentials themselves",
             then);
    answer(op, &r);
}

static void serve(struct session_op *op)
{
    struct fact_result r = {.status = ST_OK, .free_value = creds_free};
    struct creds *session = NULL;
    struct err why;
    enum status st = sts_make_creds(
        &op->document, "S3 Express session",
        arena_printf(&op->life, "S3 Express session of %.*s, got with %s", SPAN_ARG(op->ask.host),
                     ((const struct creds *)op->signer->value)->source),
        &session, &why);
    if (st != ST_OK) {
        fail(op, &why);
        return;
    }
    session->expires_at_ms -= op->skew_ms; // as our clock reads then
    int64_t lifetime_ms = session->expires_at_ms - clock_wall_ms();
    r.value = session;
    r.ttl_ms = lifetime_ms - USE_MARGIN_MS;
    r.refresh_in_ms = s3_session_refresh_ms(lifetime_ms);
    if (r.refresh_in_ms > r.ttl_ms)
        r.refresh_in_ms = r.ttl_ms;
    if (r.ttl_ms > 0) {
        log_debug("creds", "S3 Express: a session for %.*s", SPAN_ARG(op->ask.host));
        answer(op, &r);
        return;
    }
    creds_free(session);
    (void)err_set(&why, ST_INVALID, "it has expired already");
    fail(op, &why);
}

// ---- the call

static enum status sign(struct session_op *op, struct fetch_request *r, struct err *e)
{
    const struct creds *c = op->signer->value;
    struct arena *a = &op->attempt;
    struct sign_target target;
    struct sign_result result;
    sign_target_make(SPAN("/"), SPAN("session"), true, a, &target);
    struct sign_request req = {.method = SPAN("GET"),
                               .host = op->ask.host,
                               .target = &target,
                               .payload_hash = SPAN(DIGEST_EMPTY_HEX),
                               .send_payload_header = true,
                               .scope = {.region = op->ask.region, .service = SPAN("s3express")},
                               .wall_s = (clock_wall_ms() + op->skew_ms) / 1000};
    struct sign_identity id = {.access_key = span_of(c->access_key),
                               .secret_key = span_of(c->secret_key),
                               .session_token = span_of(c->session_token)};
    enum status st = sign_header(&req, &id, NULL, a, &result, e);
    for (unsigned i = 0; st == ST_OK && i < result.n_add && r->n_fields < FETCH_FIELDS_MAX; i++)
        r->fields[r->n_fields++] = (struct fetch_field){.name = arena_cstr(a, result.add[i].name),
                                                        .value = result.add[i].value};
    r->url =
        arena_printf(a, "http%s://%.*s%.*s?%.*s", op->ask.is_tls ? "s" : "", SPAN_ARG(op->ask.host),
                     SPAN_ARG(target.wire_path), SPAN_ARG(target.query));
    return st;
}

static const char *refusal(const void *arg, const struct net_addr *addr)
{
    const struct session_op *op = arg;
    return op->sessions->env.refusal(op->ask.loopback_ok, addr);
}

static enum status build(void *arg, struct fetch_request *r, struct err *e)
{
    struct session_op *op = arg;
    arena_wipe(&op->attempt);
    r->method = "GET";
    r->origin = &op->origin;
    r->refusal = refusal;
    r->refusal_arg = op;
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return sign(op, r, e);
}

static bool is_one_of(const char *code, const char *const *codes)
{
    for (; *codes; codes++)
        if (!strcmp(code, *codes))
            return true;
    return false;
}

// The credentials are at fault, not what they may do.
static bool is_about_keys(struct session_op *op, const char *code)
{
    static const char *const expired[] = {"ExpiredToken", "InvalidToken", "TokenRefreshRequired",
                                          NULL};
    static const char *const others[] = {"InvalidAccessKeyId", "RequestTimeTooSkewed", NULL};
    if (is_one_of(code, expired)) {
        facts_view_hint(op->sessions->kit.view, FACTS_CREDENTIALS, op->ask.creds_key,
                        op->signer->generation);
        return true;
    }
    return is_one_of(code, others);
}

static bool passes(struct session_op *op, int status)
{
    return sts_error_passes(&op->document, status) || status == 408 || status == 409 ||
           !strcmp(sts_document_get(&op->document, STS_CODE), "RequestTimeout");
}

// Over plaintext anybody could have us sign for another time.
static bool is_verified(const struct session_op *op)
{
    return op->ask.is_tls && op->sessions->env.config->verify_ssl;
}

// Keys and tokens have digits, the names of errors do not.
static bool is_name_of_error(const char *code)
{
    size_t n = strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    return n && n <= CODE_MAX && !code[n];
}

// The words of a server that is not AWS's may hold what it was sent.
static void say_error(struct session_op *op, int status, struct err *e)
{
    const char *code = sts_document_get(&op->document, STS_CODE);
    if (span_starts(op->ask.host, op->ask.upstream))
        sts_say_error(&op->document, status, e);
    else
        (void)err_set(e, ST_IO, "it answered %d%s%s", status, is_name_of_error(code) ? " " : "",
                      is_name_of_error(code) ? code : "");
}

static enum call_verdict judge_error(struct session_op *op, const struct fetch_answer *a,
                                     struct err *e)
{
    int status = a->status;
    say_error(op, status, e);
    if (is_verified(op) && !op->is_corrected && sts_clock_is_off(&op->document, a, &op->skew_ms)) {
        op->is_corrected = true;
        return CALL_AGAIN;
    }
    if (passes(op, status))
        return CALL_RETRY;
    if (status >= 400 && status < 500 &&
        !is_about_keys(op, sts_document_get(&op->document, STS_CODE)))
        op->denied_ms = status == 404 ? MISSING_MS : DENIED_MS;
    return CALL_FAILED;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct session_op *op = arg;
    if (op->has_document)
        sts_document_clear(&op->document);
    op->has_document = false;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    op->has_document = true;
    enum status st = s3_document_read(a->body, &op->document, e);
    if (a->status != 200)
        return judge_error(op, a, e);
    return st == ST_OK ? CALL_OK : CALL_RETRY;
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct session_op *op = arg;
    op->call = NULL;
    if (v == CALL_OK) {
        serve(op);
        return;
    }
    struct err why = *e;
    fail(op, &why);
}

// ---- a fetch

static void on_creds(void *arg, struct fact *f)
{
    struct session_op *op = arg;
    op->wait = NULL;
    op->signer = f;
    if (f->status != ST_OK) {
        struct err why = f->err;
        fail(op, &why);
        return;
    }
    struct call_spec call = {.attempts = ATTEMPTS,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = TOTAL_MS,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = op};
    op->call = call_start(&op->sessions->kit, &call);
}

static void set_origin(struct session_op *op)
{
    struct arena *a = &op->life;
    struct span via = op->ask.via;
    op->origin = (struct origin){
        .is_tls = op->ask.is_tls, .host = arena_cstr(a, op->ask.upstream), .port = op->ask.port};
    if (!via.len)
        return;
    uint64_t port = 0;
    size_t colon = span_rfind(via, ':');
    struct span host = span_sub(via, 0, colon);
    (void)span_u64(span_sub(via, colon + 1, via.len), &port);
    if (span_starts(host, SPAN("[")) && span_ends(host, SPAN("]")))
        host = span_sub(host, 1, host.len - 1);
    // Of its own, since a reload may free the configuration.
    op->via = (struct via){
        .host = arena_cstr(a, host),
        .port = (uint16_t)port,
        .userinfo = arena_dup(a, s3_session_userinfo(op->sessions->env.config, &op->ask))};
    op->origin.via = &op->via;
}

static void on_full(void *arg)
{
    struct session_op *op = arg;
    struct fact_result r = {.status = ST_LIMIT, .retry_in_ms = FULL_MS};
    (void)err_set(&r.err, ST_LIMIT, "too many sessions are being asked for");
    answer(op, &r);
}

static void fetch(void *arg, const char *key, struct facts_flight *flight)
{
    struct s3_sessions *s = arg;
    struct session_op *op = xcalloc(1, sizeof(*op));
    op->sessions = s;
    op->flight = flight;
    arena_init(&op->life);
    arena_init(&op->attempt);
    op->full = (struct deferred){.fn = on_full, .arg = op};
    LIST_INSERT_HEAD(&s->ops, op, link);
    s->n_ops++;
    facts_flight_set_data(flight, op);
    if (s3_session_parse(arena_cstr(&op->life, span_of(key)), &op->life, &op->ask) != ST_OK)
        abort(); // written by s3_session_key
    if (s->n_ops > OPS_MAX) {
        loop_defer(s->kit.loop, &op->full);
        return;
    }
    set_origin(op);
    op->wait = facts_view_get(s->kit.view, FACTS_CREDENTIALS, op->ask.creds_key, CREDS_WAIT_MS,
                              on_creds, op);
}

static void cancel(void *arg, struct facts_flight *flight)
{
    (void)arg;
    op_free(facts_flight_data(flight));
}

struct s3_sessions *s3_sessions_new(struct loop *control, struct facts *f,
                                    const struct s3_sessions_env *env)
{
    struct s3_sessions *s = xcalloc(1, sizeof(*s));
    s->facts = f;
    s->env = *env;
    LIST_INIT(&s->ops);
    s->kit.loop = control;
    s->kit.view = facts_view_new(f, control);
    s->kit.fetcher = fetcher_new(
        &(struct fetcher_options){.loop = control, .facts = s->kit.view, .tls = env->tls});
    rng_seed_kernel(&s->kit.rng);
    facts_set_kind(f, FACTS_S3_SESSIONS,
                   &(struct facts_kind){.name = "S3 Express sessions",
                                        .fetch = fetch,
                                        .cancel = cancel,
                                        .is_same = creds_same,
                                        .arg = s,
                                        .deadline_ms = BACKSTOP_MS});
    return s;
}

void s3_sessions_set(struct s3_sessions *s, const struct s3_sessions_env *env)
{
    s->env = *env;
    fetcher_set_tls(s->kit.fetcher, env->tls);
    facts_invalidate(s->facts, FACTS_S3_SESSIONS, NULL);
}

void s3_sessions_free(struct s3_sessions *s)
{
    if (!s)
        return;
    while (!LIST_EMPTY(&s->ops))
        op_stop(LIST_FIRST(&s->ops));
    fetcher_free(s->kit.fetcher);
    facts_view_free(s->kit.view);
    free(s);
}

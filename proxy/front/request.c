// SPDX-License-Identifier: Apache-2.0
// The request machine: READ_HEAD -> ADMIT -> [WAIT_BODY] -> [WAIT_TURN] -> ATTEMPT -> RELAY ->
// DONE, or TUNNEL. An error goes ATTEMPT -> [PEEK] -> WAIT_RETRY and round again, or to RELAY. The
// client's upload and the upstream's answer run at the same time; no state means "uploading". A
// request is over when its answer is out and the client's side was read to its end, or when the
// connection has to go.
#include "front/request.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/secret.h"
#include "base/xalloc.h"
#include "front/access_log.h"
#include "front/again.h"
#include "front/attempt.h"
#include "front/dechunk.h"
#include "front/form.h"
#include "front/guard.h"
#include "front/intercept.h"
#include "front/outgoing.h"
#include "front/pace.h"
#include "front/peek.h"
#include "front/presigner.h"
#include "front/relay.h"
#include "front/repair.h"
#include "front/reply.h"
#include "front/session.h"
#include "front/slots.h"
#include "front/tunnel.h"
#include "front/turn.h"
#include "front/upload.h"
#include "log/log.h"
#include "net/loop.h"

#define MAX_SPARE     64
#define STREAM_WINDOW UINT64_C(65536) // bytes of a streamed body that may wait for the upstream
// Memory that a streamed body has at least: the window, a turn's reads, and what a chunk holds on
// to.
#define STREAM_MEMORY (2 * STREAM_WINDOW + LOOP_READ_LEN)
#define CREDS_WAIT_MS 5000

struct state_info {
    const char *doing;
    unsigned from; // bit set of legal predecessors
};

#define FROM(s) (1u << (s))
static const struct state_info states[REQ_STATES] = {
    [REQ_READ_HEAD] = {"while reading the request's head", FROM(REQ_DONE)},
    [REQ_ADMIT] = {"while waiting for credentials", FROM(REQ_READ_HEAD) | FROM(REQ_WAIT_SLOT)},
    [REQ_WAIT_SLOT] = {"while waiting for other requests to end", FROM(REQ_ADMIT)},
    [REQ_WAIT_BODY] = {"while reading the request's body", FROM(REQ_ADMIT)},
    [REQ_WAIT_TURN] = {"while waiting for its turn",
                       FROM(REQ_ADMIT) | FROM(REQ_WAIT_BODY) | FROM(REQ_WAIT_RETRY)},
    [REQ_ATTEMPT] = {"while waiting for the upstream's answer",
                     FROM(REQ_ADMIT) | FROM(REQ_WAIT_BODY) | FROM(REQ_WAIT_TURN) |
                         FROM(REQ_WAIT_RETRY)},
    [REQ_PEEK] = {"while looking at an error", FROM(REQ_ATTEMPT)},
    [REQ_WAIT_RETRY] = {"while waiting to try again", FROM(REQ_ATTEMPT) | FROM(REQ_PEEK) |
                                                          FROM(REQ_WAIT_TURN) |
                                                          FROM(REQ_WAIT_RETRY)},
    [REQ_RELAY] = {"while relaying the answer",
                   FROM(REQ_ATTEMPT) | FROM(REQ_PEEK) | FROM(REQ_WAIT_TURN) | FROM(REQ_WAIT_RETRY)},
    [REQ_TUNNEL] = {"in a tunnel", FROM(REQ_ADMIT) | FROM(REQ_ATTEMPT)},
    [REQ_DONE] = {"after the end", ~0u},
};

void request_set_state(struct request *r, enum request_state to, int64_t timeout_ms)
{
    assert(states[to].from & FROM(r->state));
    r->state = to;
    if (timeout_ms > 0)
        timer_set(r->timer, timeout_ms);
    else
        timer_clear(r->timer);
    log_debug(r->id, "now %s", states[to].doing);
}

const char *request_doing(const struct request *r)
{
    return states[r->state].doing;
}

void request_arm(struct request *r, int64_t timeout_ms)
{
    if (r->log.attempts > 1) {
        int64_t left_ms = r->retry.deadline_ms - clock_mono_ms();
        if (timeout_ms <= 0 || left_ms < timeout_ms)
            timeout_ms = left_ms > 1 ? left_ms : 1;
    }
    if (timeout_ms > 0)
        timer_set(r->timer, timeout_ms);
    else
        timer_clear(r->timer);
}

static void take_turn(struct request *r)
{
    struct conn *c = r->conn;
    turn_over(r);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

static void on_timer(void *arg)
{
    struct request *r = arg;
    if (r->state == REQ_WAIT_BODY)
        reply_error(r, 408, "timeout-client", "the request's body did not arrive in time");
    else if (r->state == REQ_WAIT_SLOT)
        slots_timeout(r);
    else if (r->state == REQ_WAIT_TURN)
        take_turn(r);
    else if (r->state == REQ_ATTEMPT)
        attempt_timeout(r);
    else if (r->state == REQ_PEEK)
        peek_timeout(r);
    else if (r->state == REQ_WAIT_RETRY)
        again_timer(r);
    else if (r->state == REQ_RELAY)
        relay_broken(r, "the upstream sent nothing for idle_timeout");
}

// ---- life

static void set_id(struct request *r)
{
    size_t len = strlen(r->conn->id);
    memcpy(r->id, r->conn->id, len);
    r->id[len] = '.';
    *decimal_put(r->id + len + 1, r->conn->n_requests + 1) = '\0';
}

struct request *request_new(struct conn *c)
{
    struct worker *w = c->worker;
    struct request *r = SLIST_FIRST(&w->spare);
    if (r) {
        SLIST_REMOVE_HEAD(&w->spare, spare);
        w->n_spare--;
    } else {
        r = xcalloc(1, sizeof(*r));
        r->worker = w;
        arena_init(&r->arena);
        buf_init(&r->head_out);
        buf_init(&r->held.body);
        r->timer = timer_new(w->loop, on_timer, r);
    }
    r->conn = c;
    r->config = config_acquire(w->setup.config);
    r->state = REQ_READ_HEAD;
    set_id(r);
    r->log.start = loop_now_ms(w->loop);
    return r;
}

void request_free(struct request *r)
{
    timer_free(r->timer);
    arena_clear(&r->arena);
    buf_clear(&r->head_out);
    buf_clear(&r->held.body);
    free(r);
}

// Ready for another life: keeps the arena's block, the buffer and the timer.
static void recycle(struct request *r)
{
    struct worker *w = r->worker;
    struct arena arena = r->arena;
    struct buf head_out = r->head_out;
    struct buf held = r->held.body;
    struct timer *timer = r->timer;
    config_release(r->config);
    fact_release(r->creds);
    fact_release(r->session);
    sign_dechunk_free(r->frames);
    upload_free(r->upload);
    secret_wipe(r->payload_hex, sizeof(r->payload_hex));
    memset(r, 0, sizeof(*r));
    r->worker = w;
    r->arena = arena;
    r->head_out = head_out;
    r->held.body = held;
    r->timer = timer;
    r->state = REQ_DONE;
    arena_reset(&r->arena);
    buf_reset(&r->head_out);
    buf_reset(&r->held.body);
    if (w->n_spare >= MAX_SPARE) {
        request_free(r);
        return;
    }
    SLIST_INSERT_HEAD(&w->spare, r, spare);
    w->n_spare++;
}

void request_finish(struct request *r, const char *ended)
{
    struct conn *c = r->conn;
    bool keep = !r->must_close && r->client_done && r->answer_done;
    r->log.ended = ended;
    if (r->msg || r->log.status)
        access_log(r);
    again_end(r);
    request_set_state(r, REQ_DONE, 0);
    if (r->creds_wait)
        facts_wait_cancel(r->creds_wait);
    presigner_cancel(r);
    attempt_cancel(r);
    tunnel_cancel(r);
    if (r->has_body)
        body_clear(&r->body);
    recycle(r);
    conn_next(c, keep);
}

void request_answered(struct request *r)
{
    r->answer_done = true;
    timer_clear(r->timer);
    attempt_cancel(r);
    if (r->client_done || r->must_close)
        request_finish(r, NULL);
}

// ---- admission

static void answer_redirect(struct request *r)
{
    struct err e = {""};
    struct span url;
    enum status st = outgoing_url(r, &url, &e);
    if (st == ST_OK)
        reply_redirect(r, url);
    else if (st == ST_DENIED)
        reply_error(r, 503, "no-credentials", e.text);
    else
        reply_error(r, 400, "bad-request", e.text);
}

// All that had to be here before the first byte goes is here.
static void begin(struct request *r)
{
    if (r->plan.is_signed && r->plan.sign == PLAN_SIGN_REDIRECT)
        answer_redirect(r);
    else
        turn_begin(r);
}

static void proceed_with_credentials(struct request *r)
{
    if (r->plan.is_signed)
        r->log.creds_ms = loop_now_ms(r->worker->loop) - r->log.creds_since;
    bool holds = r->plan.body == PLAN_BODY_HASH || r->plan.body == PLAN_BODY_LENGTH;
    bool expects = r->msg->expects_continue && r->msg->framing != MSG_NO_BODY;
    r->wants_continue = expects;
    if (!holds) {
        begin(r);
    } else if (r->client_done) {
        request_proceed(r);
    } else {
        request_set_state(r, REQ_WAIT_BODY, r->plan.idle_timeout);
        reply_continue(r);
    }
}

static void proceed_and_read(struct request *r)
{
    struct conn *c = r->conn;
    proceed_with_credentials(r);
    if (!c->is_dead)
        conn_read_on(c);
}

static void on_credentials(void *arg, struct fact *f)
{
    struct request *r = arg;
    r->creds_wait = NULL;
    r->creds = f;
    if (f->status == ST_OK && r->plan.wants_session) {
        session_want(r, proceed_and_read);
    } else if (f->status == ST_OK) {
        proceed_and_read(r);
    } else if (f->status == ST_AGAIN || f->status == ST_LIMIT) {
        reply_error(r, 503, "credentials-error",
                    "credentials are still being fetched; try again in a moment");
    } else {
        const char *text = arena_printf(
            &r->arena,
            "no AWS credentials to sign with: %s; see `sigv4-proxy --help`, AWS_PROFILE and "
            "the [credentials] section",
            f->err.text);
        reply_error(r, 503, "no-credentials", text);
    }
}

static void want_credentials(struct request *r)
{
    struct worker *w = r->worker;
    struct fact *f = facts_view_peek(w->facts, FACTS_CREDENTIALS, r->plan.creds_key);
    r->log.creds_since = loop_now_ms(w->loop);
    if (f) {
        on_credentials(r, f);
        return;
    }
    r->creds_wait = facts_view_get(w->facts, FACTS_CREDENTIALS, r->plan.creds_key, CREDS_WAIT_MS,
                                   on_credentials, r);
}

// How much of a streamed body is kept for a further attempt; without any there is still the free
// one on a stale connection.
static uint64_t keep_max(const struct request *r)
{
    if (r->plan.retry.mode == RETRY_MODE_STANDARD && r->plan.retry.max_attempts > 1)
        return r->config->replay_max;
    return r->plan.has_data_len ? r->config->body_memory : 0;
}

static void store_init(struct request *r)
{
    const struct config *cfg = r->config;
    struct body_options o = {.loop = r->worker->loop,
                             .spool = &r->worker->shared->spool,
                             .spool_dir = cfg->spool_dir,
                             .memory_max = cfg->body_memory,
                             .in_use = &r->worker->shared->buffers,
                             .in_use_max = (int64_t)cfg->max_buffer_memory,
                             .total_max = UINT64_MAX,
                             .keep_max = UINT64_MAX,
                             .is_hashed = r->plan.is_signed && r->plan.body == PLAN_BODY_HASH};
    if (r->plan.body == PLAN_BODY_HASH || r->plan.body == PLAN_BODY_LENGTH)
        o.total_max = cfg->body_max;
    if (r->plan.body == PLAN_BODY_STREAM) {
        o.can_wait = true;
        o.keep_max = keep_max(r);
        if (o.memory_max < STREAM_MEMORY)
            o.memory_max = STREAM_MEMORY;
    }
    body_init(&r->body, &o);
    r->has_body = true;
    if (r->plan.has_data_len && r->plan.data_len > o.keep_max)
        body_forget(&r->body);
}

static bool is_over_limit(const struct request *r)
{
    return (r->plan.body == PLAN_BODY_HASH || r->plan.body == PLAN_BODY_LENGTH) &&
           r->plan.has_data_len && r->plan.data_len > r->config->body_max;
}

static void make_plan(struct request *r, struct span bucket_region, struct plan_form form,
                      struct plan *out)
{
    struct plan_input in = {.msg = r->msg,
                            .config = r->config,
                            .client = &r->client,
                            .is_inside_tls = intercept_is_tls(r->conn),
                            .default_region = span_of(r->config->default_region),
                            .bucket_region = bucket_region,
                            .form = form};
    if (r->config->via)
        in.own_pseudonym = span_of(r->worker->shared->pseudonym);
    plan_make(&in, &r->arena, out);
}

static const struct plan_form ahead = {.state = PLAN_FORM_AHEAD};

void request_plan_form(struct request *r, struct plan_form form, struct plan *out)
{
    make_plan(r, SPAN(""), form, out);
}

bool request_plan_region(struct request *r, struct span region, struct plan *out)
{
    if (span_eq(r->plan.region, region))
        return false;
    make_plan(r, region, ahead, out);
    return out->kind == PLAN_FORWARD && out->is_signed && span_eq(out->region, region);
}

uint64_t request_endpoint(const struct request *r)
{
    const struct uri_authority *u = &r->plan.upstream;
    return hash_span(r->worker->shared->hash_seed + u->port, u->host);
}

void request_use_plan(struct request *r, const struct plan *p)
{
    r->plan = *p;
    r->guard =
        (struct dial_guard){.shared = r->worker->shared,
                            // Of a proxy that the operator names only the own address is dialled.
                            .rules = {.loopback_ok = p->loopback_ok || p->has_via,
                                      .link_local_ok = p->link_local_ok && !p->has_via}};
}

static void plan_request(struct request *r)
{
    struct plan p;
    make_plan(r, SPAN(""), ahead, &p);
    request_use_plan(r, &p);
    repair_plan(r);
}

void request_forward(struct request *r)
{
    if (r->state == REQ_WAIT_SLOT)
        request_set_state(r, REQ_ADMIT, 0);
    again_begin(r);
    store_init(r);
    if (r->plan.is_signed)
        want_credentials(r);
    else
        proceed_with_credentials(r);
}

// What may last for long is not begun any more: the end of the process would cut it off.
static bool may_last(struct request *r)
{
    const struct plan *p = &r->plan;
    bool lasts = p->kind == PLAN_TUNNEL || p->kind == PLAN_INTERCEPT || p->upgrades;
    if (!lasts || !atomic_load(&r->worker->shared->is_draining))
        return true;
    r->must_close = true;
    log_info(r->id, "draining: no new %s", p->upgrades ? "websocket" : "tunnel");
    reply_error(r, 503, "draining",
                "the proxy ends and begins no new tunnel or websocket; try again in a moment");
    return false;
}

void request_head(struct request *r, const struct msg *m)
{
    r->msg = m;
    request_set_state(r, REQ_ADMIT, 0);
    // Behind a refused CONNECT may stand bytes that were meant for the tunnel.
    r->must_close = !m->is_keep_alive || r->worker->is_draining || span_is(m->method, "CONNECT");
    if (!guard_admits(r) || (r->conn->inside && !intercept_admits(r)) || presigner_takes(r))
        return;
    plan_request(r);
    bool goes_on = r->plan.kind == PLAN_FORWARD || r->plan.kind == PLAN_TUNNEL;
    if (!may_last(r) || (goes_on && !slots_have_memory(r)))
        return;
    switch (r->plan.kind) {
    case PLAN_DENY:
        log_warn(r->id, "%s: %s", r->plan.code, r->plan.message);
        reply_error(r, r->plan.status, r->plan.code, r->plan.message);
        return;
    case PLAN_ANSWER:
        reply_plain(r, r->plan.status);
        return;
    case PLAN_TUNNEL:
    case PLAN_INTERCEPT:
        return; // begins at request_body_end: bytes behind the head belong to the tunnel
    case PLAN_FORWARD:
        break;
    }
    if (is_over_limit(r)) {
        reply_error(
            r, 413, "body-too-large",
            "the body is longer than body_max, and this service's bodies must be hashed first");
        return;
    }
    if (r->plan.is_framed && !dechunk_begin(r))
        return;
    if (slots_enter(r))
        request_forward(r);
}

// ---- the client's bytes

static bool waits_again(const struct request *r)
{
    if (r->state == REQ_WAIT_RETRY)
        return true;
    return (r->state == REQ_WAIT_TURN && r->log.attempts) ||
           (r->state == REQ_ATTEMPT && r->log.attempts > 1 && !r->exchange);
}

bool request_wants_input(const struct request *r)
{
    if (r->client_done || r->state == REQ_DONE)
        return false;
    if (!r->msg || r->msg->framing == MSG_NO_BODY || r->answer_done ||
        r->plan.kind == PLAN_TUNNEL || r->plan.kind == PLAN_INTERCEPT)
        return true;
    if (r->state == REQ_ADMIT || r->state == REQ_WAIT_SLOT)
        return false;
    if (r->state == REQ_WAIT_BODY || r->is_upload_over)
        return true;
    if (waits_again(r) && body_is_rewindable(&r->body))
        // An upstream that is down blocks no upload that there is room for.
        return r->body.len < r->config->replay_max && !r->body.is_full;
    if (r->exchange && exchange_queued(r->exchange) > STREAM_HIGH_WATER)
        return false;
    return body_unread(&r->body) < STREAM_WINDOW;
}

static void hold_body(struct request *r, struct span data)
{
    enum status st = body_add(&r->body, data);
    timer_set(r->timer, r->plan.idle_timeout);
    if (st == ST_LIMIT)
        reply_error(r, 413, "body-too-large",
                    "the body grew over body_max, and it must be held before it can be signed");
    else if (st == ST_IO && r->body.fd == -1)
        reply_error(
            r, 413, "body-too-large",
            "the body is larger than body_memory, must be held before it can be signed, and "
            "spool_dir is not writable");
    else if (st != ST_OK)
        reply_error(r, 503, "overloaded",
                    "there is no room for the body (spool_max or a full disk)");
    else if (form_is_too_long(r))
        (void)form_admits(r);
}

void request_body(struct request *r, struct span data)
{
    r->log.bytes_in += data.len;
    r->wants_continue = false;
    if (r->answer_done)
        return; // the rest of a body that nobody wants
    if (!pace_keeps(r, data.len) && !r->answer_begun) {
        reply_error(r, 408, "timeout-client",
                    "the request's body came slower than client_min_rate");
        return;
    }
    if (r->frames)
        dechunk_body(r, data);
    else
        request_data(r, data);
}

void request_data(struct request *r, struct span data)
{
    if (r->state == REQ_WAIT_BODY)
        hold_body(r, data);
    else
        attempt_body(r, data);
}

// ../docs: a body that was hashed must be what the client said it is.
static bool is_hash_right(struct request *r)
{
    body_hash(&r->body, r->payload_hex);
    return !r->plan.expected_hash.len || span_is(r->plan.expected_hash, r->payload_hex);
}

void request_proceed(struct request *r)
{
    if (r->is_presign) {
        presigner_answer(r);
        return;
    }
    if (r->body.digest && !is_hash_right(r)) {
        reply_error(r, 400, "payload-hash-mismatch",
                    "the body's SHA-256 is not what x-amz-content-sha256 says");
        return;
    }
    if (form_admits(r))
        begin(r);
}

void request_body_end(struct request *r)
{
    r->client_done = true;
    if (r->answer_done)
        request_finish(r, NULL);
    else if (!dechunk_end(r))
        return;
    else if (r->plan.kind == PLAN_TUNNEL)
        tunnel_start(r);
    else if (r->plan.kind == PLAN_INTERCEPT)
        intercept_begin(r);
    else if (r->state == REQ_WAIT_BODY)
        request_proceed(r);
    else
        attempt_pump(r);
}

// What may be shown of a start line that was refused: no query, and no name and password.
static struct span beginning_of(struct span line)
{
    line = span_sub(span_sub(line, 0, span_find(line, '?')), 0, 64);
    return span_find(line, '@') < line.len ? span_sub(line, 0, span_find(line, ':')) : line;
}

void request_refused(struct request *r, const struct h1_result *why)
{
    struct span line = beginning_of(h1_parser_start_line(r->conn->parser));
    log_warn(r->id, "%s: %s %s; it began \"%.*s\"", why->code, why->reason, request_doing(r),
             (int)line.len, line.p ? line.p : "");
    r->must_close = !why->may_keep_alive || r->worker->is_draining;
    r->client_done = why->may_keep_alive;
    if (r->answer_begun) {
        relay_broken(r, "the client's body broke the rules");
        return;
    }
    reply_error(r, why->status, why->code, why->reason);
}

void request_client_gone(struct request *r, const char *how)
{
    struct conn *c = r->conn;
    stream_free(c->stream);
    c->stream = NULL;
    r->must_close = true;
    request_finish(r, how);
}

void request_client_drained(struct request *r)
{
    if (r->is_paused && r->exchange) {
        r->is_paused = false;
        timer_set(r->timer, r->plan.idle_timeout);
        exchange_resume(r->exchange);
    }
}

void request_drain(struct request *r)
{
    if (!r->answer_begun) // else the client was told already that the connection goes on
        r->must_close = true;
    (void)again_abandon(r, RETRY_WHY_DRAIN);
}

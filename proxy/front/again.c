// SPDX-License-Identifier: Apache-2.0
// A request that waits holds no connection but that of an error too large to be held whole. It is
// bounded in number (parked), in what an endpoint's retries may cost (tokens) and in how many come
// back at once (retrying): where retries would make a storm of a shower, the client gets the error.
#include "front/again.h"

#include "base/clock.h"
#include "base/hash.h"
#include "front/attempt.h"
#include "front/peek.h"
#include "front/repair.h"
#include "front/reply.h"
#include "front/slots.h"
#include "front/turn.h"
#include "log/log.h"
#include "metrics/metrics.h"

#define RETRYING_MIN   10 // further attempts under way, whatever the number of requests
#define RETRYING_SHARE 5  // or a fifth of these

_Static_assert((int)POST_NEVER == (int)RETRY_POST_NEVER &&
                   (int)POST_ALWAYS == (int)RETRY_POST_ALWAYS,
               "same words");

static struct retry_settings settings_of(const struct request *r)
{
    const struct config_retry *c = &r->plan.retry;
    return (struct retry_settings){.is_on = c->mode == RETRY_MODE_STANDARD,
                                   .max_attempts = (unsigned)c->max_attempts,
                                   .base_ms = c->base,
                                   .cap_ms = c->cap,
                                   .has_jitter = c->jitter == RETRY_JITTER_FULL,
                                   .post = (enum retry_post)c->post,
                                   .sdk_clients = c->sdk_clients};
}

static int64_t left_ms(const struct request *r)
{
    return r->retry.deadline_ms - clock_mono_ms();
}

static struct retry_state state_of(const struct request *r)
{
    const struct hdrs *h = &r->msg->hdrs;
    struct retry_state t = {.is_idempotent = attempt_is_idempotent(r),
                            .is_replayable = body_is_rewindable(&r->body),
                            .is_sdk = retry_is_sdk(hdrs_get(h, SPAN("amz-sdk-request"))),
                            .is_draining = r->worker->is_draining,
                            .attempt = r->log.attempts,
                            .repairs = r->retry.repairs,
                            .left_ms = left_ms(r),
                            .amz_retry_after_ms = -1,
                            .retry_after_ms = -1};
    if (!t.is_idempotent)
        t.is_read_only = retry_only_reads(hdrs_get(h, SPAN("X-Amz-Target")), r->plan.query,
                                          body_start(&r->body));
    return t;
}

void again_begin(struct request *r)
{
    r->retry.deadline_ms = r->log.start + r->plan.total_timeout;
}

bool again_is_possible(const struct request *r)
{
    return r->plan.retry.mode == RETRY_MODE_STANDARD &&
           r->log.attempts < r->plan.retry.max_attempts && left_ms(r) > 0;
}

// ---- the process's limits

static void unpark(struct request *r)
{
    if (r->retry.is_parked)
        limit_give(&r->worker->shared->parked, 1);
    r->retry.is_parked = false;
}

static void leave_retrying(struct request *r)
{
    if (r->retry.is_retrying)
        limit_give(&r->worker->shared->retrying, 1);
    r->retry.is_retrying = false;
}

static bool enter_retrying(struct request *r)
{
    struct front_shared *s = r->worker->shared;
    uint64_t cap = limit_used(&s->active) / RETRYING_SHARE;
    r->retry.is_retrying =
        limit_take_below(&s->retrying, 1, cap > RETRYING_MIN ? cap : RETRYING_MIN);
    return r->retry.is_retrying;
}

void again_end(struct request *r)
{
    unpark(r);
    leave_retrying(r);
    turn_leave(r);
    if (r->state == REQ_WAIT_RETRY)
        metrics_inc(METRIC_RETRIES_CANCELLED);
    slots_leave(r);
}

static enum retry_why reserve(struct request *r, const struct retry_verdict *v)
{
    struct front_shared *s = r->worker->shared;
    if (!limit_take_below(&s->parked, 1, r->config->retry_queue))
        return RETRY_WHY_PARKED;
    r->retry.is_parked = true;
    if (!tokens_take(s->tokens, request_endpoint(r), v->cost, (uint32_t)r->plan.retry.budget))
        return RETRY_WHY_QUOTA;
    r->retry.cost = v->cost;
    return RETRY_WHY_NONE;
}

void again_succeeded(struct request *r, int status)
{
    leave_retrying(r);
    if (status < 300)
        tokens_give(r->worker->shared->tokens, request_endpoint(r),
                    r->retry.cost ? r->retry.cost : 1);
}

// ---- the end of it

// What a person would ask about; the others say themselves why, or nothing was to be expected.
static bool is_worth_a_line(enum retry_why why)
{
    return why >= RETRY_WHY_DEADLINE || why == RETRY_WHY_BODY;
}

// Neither final by itself nor at the end of all attempts.
static bool is_denial(enum retry_why why)
{
    return why != RETRY_WHY_FINAL && why != RETRY_WHY_OFF && why != RETRY_WHY_ATTEMPTS;
}

void again_give_up(struct request *r, enum retry_why why)
{
    if (is_worth_a_line(why))
        log_warn(r->id, "not tried again after %u attempts: %s", r->log.attempts,
                 retry_why_name(why));
    if (is_denial(why))
        metrics_count(METRIC_RETRIES_DENIED, span_of(retry_why_name(why)));
    if (r->creds_wait)
        facts_wait_cancel(r->creds_wait);
    r->creds_wait = NULL;
    unpark(r);
    leave_retrying(r);
    turn_leave(r);
    r->is_upload_over =
        r->state != REQ_PEEK || r->holds_upload; // the body was rewound, or its connection is gone
    if (r->held.head)
        peek_relay(r);
    else
        reply_error(r, r->retry.status, r->retry.code, r->retry.message);
}

bool again_abandon(struct request *r, enum retry_why why)
{
    bool waits = r->state == REQ_WAIT_RETRY || (r->state == REQ_WAIT_TURN && r->log.attempts);
    if (waits && !r->answer_done)
        again_give_up(r, why);
    return waits;
}

// ---- waiting

void again_wait(struct request *r, int64_t wait_ms)
{
    struct conn *c = r->conn;
    leave_retrying(r);
    if (r->exchange && r->held.head && !r->held.is_whole)
        exchange_pause(r->exchange); // its rest may still be wanted
    else
        attempt_cancel(r);
    body_rewind(&r->body);
    request_set_state(r, REQ_WAIT_RETRY, wait_ms);
    if (!r->client_done)
        conn_read_on(c); // what it uploads is kept meanwhile
}

void again_timer(struct request *r)
{
    struct conn *c = r->conn;
    turn_begin(r);
    if (!c->is_dead && c->request == r && !r->client_done)
        conn_read_on(c);
}

static void wait_more(struct request *r)
{
    struct retry_settings s = settings_of(r);
    s.has_jitter = true;
    int64_t wait_ms = 1 + retry_wait_ms(&s, r->log.attempts, rng_unit(&r->worker->rng));
    if (wait_ms >= left_ms(r))
        again_give_up(r, RETRY_WHY_CROWDED);
    else
        request_set_state(r, REQ_WAIT_RETRY, wait_ms);
}

void again_start(struct request *r)
{
    if (r->log.attempts && !enter_retrying(r)) {
        wait_more(r);
        return;
    }
    unpark(r);
    attempt_start(r);
}

// ---- after an attempt

static void decide(struct request *r, const struct retry_state *t, const struct retry_error *e)
{
    struct retry_settings s = settings_of(r);
    struct retry_verdict v = retry_decide(&s, t, rng_unit(&r->worker->rng));
    char reason[RETRY_REASON_MAX];
    enum retry_why why = v.action == RETRY_WAIT ? reserve(r, &v) : v.why;
    if (why != RETRY_WHY_NONE) {
        again_give_up(r, why);
        return;
    }
    (void)retry_reason(t, e->code, reason);
    log_warn(r->id, "retry attempt=%u reason=%s wait_ms=%lld", r->log.attempts, reason,
             (long long)v.wait_ms);
    metrics_count(METRIC_RETRIES, span_of(reason));
    metrics_observe_ms(METRIC_TIME_RETRY, v.wait_ms);
    if (v.action == RETRY_WAIT)
        again_wait(r, v.wait_ms > 0 ? v.wait_ms : 1);
    else
        repair_do(r, v.action, e);
}

void again_answered(struct request *r)
{
    struct retry_state t = state_of(r);
    struct retry_error e;
    struct span amz_after = hdrs_get(&r->held.head->hdrs, SPAN("x-amz-retry-after"));
    struct span after = hdrs_get(&r->held.head->hdrs, SPAN("Retry-After"));
    peek_classify(r, &e);
    t.phase = RETRY_ANSWERED;
    t.kind = e.kind;
    t.status = r->held.head->status;
    if (amz_after.p)
        t.amz_retry_after_ms = retry_parse_amz_after(amz_after);
    if (after.p)
        t.retry_after_ms = retry_parse_after(after, clock_wall_ms());
    repair_look(r, &e, &t);
    decide(r, &t, &e);
}

void again_failed(struct request *r, const struct again_failure *f)
{
    struct retry_state t = state_of(r);
    struct retry_error none = {.kind = RETRY_FINAL};
    attempt_cancel(r);
    r->retry.status = f->status;
    r->retry.code = f->code;
    r->retry.message = f->message;
    t.phase = f->phase;
    t.kind = f->is_final ? RETRY_FINAL : RETRY_TRANSIENT;
    t.is_timeout = f->is_timeout;
    decide(r, &t, &none);
}

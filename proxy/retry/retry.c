// SPDX-License-Identifier: Apache-2.0
// Full jitter: a wait is drawn from [0, min(cap, base * 2^(n-1))], so that clients who failed at
// the same moment do not come back at the same moment. Repairs go first and cost nothing, each at
// most once a request. Why a request is given up is told, since a person will ask.
#include "retry/retry.h"

#include <stdio.h>

#define COST            5
#define COST_TIMEOUT    10
#define AMZ_AFTER_EXTRA 5000  // x-amz-retry-after may add this much to our own wait
#define AFTER_MAX       20000 // longer waits are the client's to take
#define SKEW_CLOCK      30000 // worth a new signature where the date was refused
#define SKEW_SIGNATURE  240000
#define SKEW_MAX        ((int64_t)24 * 3600 * 1000)
#define CREDS_AGE_MIN   5000

static int64_t absolute(int64_t n)
{
    return n < 0 ? -n : n;
}

int64_t retry_wait_ms(const struct retry_settings *s, unsigned attempt, double unit)
{
    int64_t bound = s->base_ms;
    for (unsigned i = 1; i < attempt && bound < s->cap_ms; i++)
        bound *= 2;
    if (bound > s->cap_ms)
        bound = s->cap_ms;
    return s->has_jitter ? (int64_t)(unit * (double)bound) : bound;
}

static struct retry_verdict give_up(enum retry_why why)
{
    return (struct retry_verdict){.action = RETRY_GIVE_UP, .why = why};
}

// ---- repairs

bool retry_is_clock_wrong(const struct retry_state *t)
{
    int64_t threshold = t->kind == RETRY_CLOCK ? SKEW_CLOCK : SKEW_SIGNATURE;
    return t->has_skew && absolute(t->skew_ms) <= SKEW_MAX &&
           absolute(t->skew_ms - t->applied_ms) > threshold;
}

static enum retry_action repair_of(const struct retry_state *t)
{
    switch (t->kind) {
    case RETRY_CLOCK:
    case RETRY_SIGNATURE:
        return !(t->repairs & RETRY_REPAIR_CLOCK) && retry_is_clock_wrong(t) ? RETRY_SHIFT_CLOCK
                                                                             : RETRY_GIVE_UP;
    case RETRY_KEY:
        if (!t->is_temporary || t->creds_age_ms <= CREDS_AGE_MIN)
            return RETRY_GIVE_UP;
        return t->repairs & RETRY_REPAIR_CREDS ? RETRY_GIVE_UP : RETRY_REFRESH;
    case RETRY_TOKEN:
        return t->repairs & RETRY_REPAIR_CREDS ? RETRY_GIVE_UP : RETRY_REFRESH;
    case RETRY_REGION:
        return !(t->repairs & RETRY_REPAIR_REGION) && t->can_redirect ? RETRY_REDIRECT
                                                                      : RETRY_GIVE_UP;
    default:
        return RETRY_GIVE_UP;
    }
}

// ---- waits

// A service that answered has spoken: it declined, or it failed and says so, and the SDKs send
// POSTs again then. Without an answer nobody knows whether the work was done.
static bool may_repeat(const struct retry_settings *s, const struct retry_state *t)
{
    if (t->is_idempotent || t->phase == RETRY_UNSENT || s->post == RETRY_POST_ALWAYS)
        return true;
    if (t->phase == RETRY_SENT)
        return s->post == RETRY_POST_CLASSIFIED && t->is_read_only;
    bool declined = t->kind == RETRY_THROTTLED || t->status == 503 || t->status == 429;
    return declined || s->post == RETRY_POST_CLASSIFIED;
}

// Nothing that keeps this request from a further attempt of any kind, or what does.
static enum retry_why obstacle(const struct retry_settings *s, const struct retry_state *t)
{
    if (!s->is_on)
        return RETRY_WHY_OFF;
    if (t->attempt >= s->max_attempts)
        return RETRY_WHY_ATTEMPTS;
    if (!t->is_replayable)
        return RETRY_WHY_BODY;
    if (t->is_draining)
        return RETRY_WHY_DRAIN;
    return t->left_ms <= 0 ? RETRY_WHY_DEADLINE : RETRY_WHY_NONE;
}

static struct retry_verdict wait_for(const struct retry_settings *s, const struct retry_state *t,
                                     double unit)
{
    struct retry_verdict v = {.action = RETRY_WAIT, .cost = t->is_timeout ? COST_TIMEOUT : COST};
    int64_t own = retry_wait_ms(s, t->attempt, unit);
    v.wait_ms = own;
    if (t->amz_retry_after_ms > own)
        v.wait_ms = t->amz_retry_after_ms < own + AMZ_AFTER_EXTRA ? t->amz_retry_after_ms
                                                                  : own + AMZ_AFTER_EXTRA;
    bool is_asked = t->status == 429 || t->status == 503;
    if (t->phase == RETRY_ANSWERED && is_asked && t->retry_after_ms > AFTER_MAX)
        return give_up(RETRY_WHY_HINT);
    if (t->phase == RETRY_ANSWERED && is_asked && t->retry_after_ms > v.wait_ms)
        v.wait_ms = t->retry_after_ms;
    return v.wait_ms >= t->left_ms ? give_up(RETRY_WHY_DEADLINE) : v;
}

struct retry_verdict retry_decide(const struct retry_settings *s, const struct retry_state *t,
                                  double unit)
{
    bool is_repair = t->kind != RETRY_THROTTLED && t->kind != RETRY_TRANSIENT;
    enum retry_action repair = repair_of(t);
    if (t->kind == RETRY_FINAL || (is_repair && repair == RETRY_GIVE_UP))
        return give_up(RETRY_WHY_FINAL);
    enum retry_why why = obstacle(s, t);
    if (why != RETRY_WHY_NONE)
        return give_up(why);
    if (is_repair)
        return (struct retry_verdict){.action = repair};
    if (t->is_sdk && !s->sdk_clients)
        return give_up(RETRY_WHY_SDK);
    if (!may_repeat(s, t))
        return give_up(RETRY_WHY_METHOD);
    return wait_for(s, t, unit);
}

// ---- words

const char *retry_why_name(enum retry_why why)
{
    static const char *const names[RETRY_WHYS] = {
        [RETRY_WHY_NONE] = "none",         [RETRY_WHY_FINAL] = "final",
        [RETRY_WHY_OFF] = "off",           [RETRY_WHY_SDK] = "sdk",
        [RETRY_WHY_ATTEMPTS] = "attempts", [RETRY_WHY_METHOD] = "method",
        [RETRY_WHY_BODY] = "body",         [RETRY_WHY_DEADLINE] = "deadline",
        [RETRY_WHY_HINT] = "hint",         [RETRY_WHY_DRAIN] = "drain",
        [RETRY_WHY_QUOTA] = "quota",       [RETRY_WHY_PARKED] = "parked",
        [RETRY_WHY_CROWDED] = "crowded",   [RETRY_WHY_SAME] = "same-credentials",
        [RETRY_WHY_TURN] = "rate-limit",
    };
    return names[why];
}

const char *retry_reason(const struct retry_state *t, struct span code, char out[RETRY_REASON_MAX])
{
    if (t->phase == RETRY_ANSWERED && code.len)
        (void)snprintf(out, RETRY_REASON_MAX, "%.*s", SPAN_ARG(code));
    else if (t->phase == RETRY_ANSWERED)
        (void)snprintf(out, RETRY_REASON_MAX, "status-%d", t->status);
    else if (t->is_timeout)
        (void)snprintf(out, RETRY_REASON_MAX, "timeout");
    else
        (void)snprintf(out, RETRY_REASON_MAX, t->phase == RETRY_UNSENT ? "connect" : "reset");
    return out;
}

// ---- the client and its request

bool retry_is_sdk(struct span amz_sdk_request)
{
    struct span rest = amz_sdk_request;
    struct span part;
    while (span_next(&rest, ';', &part))
        if (span_istarts(span_trim(part), SPAN("attempt=")))
            return true;
    return false;
}

static bool is_reading_action(struct span action)
{
    return span_starts(action, SPAN("Describe")) || span_starts(action, SPAN("Get")) ||
           span_starts(action, SPAN("List")) || span_starts(action, SPAN("BatchGet")) ||
           span_starts(action, SPAN("Head")) || span_is(action, "Query") || span_is(action, "Scan");
}

static struct span form_value(struct span form, const char *key)
{
    struct span pair;
    while (span_next(&form, '&', &pair)) {
        size_t eq = span_find(pair, '=');
        if (eq < pair.len && span_is(span_sub(pair, 0, eq), key))
            return span_sub(pair, eq + 1, pair.len);
    }
    return SPAN("");
}

bool retry_only_reads(struct span target, struct span query, struct span body)
{
    struct span action;
    if (target.len) {
        size_t dot = span_rfind(target, '.');
        action = dot < target.len ? span_sub(target, dot + 1, target.len) : target;
    } else {
        action = form_value(query, "Action");
        if (!action.len)
            action = form_value(body, "Action");
    }
    return is_reading_action(action);
}

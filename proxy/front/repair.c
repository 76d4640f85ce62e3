// SPDX-License-Identifier: Apache-2.0
// Clock: the offset is learned from verified TLS only, over plaintext anybody could shift our
// dates. Credentials: the refused generation is renewed once, and without newer keys nothing is
// sent again. Region: the plan is made anew under the same rules; no host comes from an answer.
#include "front/repair.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "front/again.h"
#include "log/log.h"

#define RENEW_MS 5000

// ---- clock

static bool is_verified(const struct request *r)
{
    return r->plan.is_tls && r->config->verify_ssl;
}

int64_t repair_skew(const struct request *r)
{
    char text[MEMO_VALUE_MAX];
    int64_t skew_ms = 0;
    const struct memo *skews = r->worker->shared->skews;
    if (memo_is_empty(skews) || !is_verified(r))
        return 0;
    if (memo_get(skews, request_endpoint(r), clock_mono_ms(), text) == sizeof(skew_ms))
        memcpy(&skew_ms, text, sizeof(skew_ms));
    return skew_ms;
}

static void look_at_clock(struct request *r, struct retry_state *t)
{
    int64_t date_ms = 0;
    if (!is_verified(r) || !r->plan.is_signed ||
        !retry_parse_date(hdrs_get(&r->held.head->hdrs, SPAN("Date")), &date_ms))
        return;
    // Date is cut to the second, and was written between our sending and our receiving.
    t->skew_ms = date_ms + 500 - (r->retry.sent_wall_ms + r->held.at_wall_ms) / 2;
    t->applied_ms = r->retry.skew_ms;
    t->has_skew = true;
    if (!retry_is_clock_wrong(t))
        return;
    log_warn(r->id,
             "this machine's clock is %lld s %s that of %.*s; signatures for it are shifted, "
             "set the clock (NTP)",
             llabs(t->skew_ms / 1000), t->skew_ms < 0 ? "ahead of" : "behind",
             SPAN_ARG(r->plan.upstream.host));
    memo_put(r->worker->shared->skews, request_endpoint(r),
             span_from((const char *)&t->skew_ms, sizeof(t->skew_ms)), clock_mono_ms());
}

// ---- credentials

// What has signed: a session of S3 Express, or the credentials.
static struct fact **signer(struct request *r)
{
    return r->session ? &r->session : &r->creds;
}

static struct facts_refused refused(struct request *r)
{
    return (struct facts_refused){.kind = r->session ? FACTS_S3_SESSIONS : FACTS_CREDENTIALS,
                                  .key = r->session ? r->session_key : r->plan.creds_key,
                                  .generation = (*signer(r))->generation};
}

static void look_at_creds(struct request *r, struct retry_state *t)
{
    const struct fact *f = *signer(r);
    const struct creds *c = f ? f->value : NULL;
    if (!c)
        return;
    struct facts_refused what = refused(r);
    t->is_temporary = c->session_token != NULL;
    t->creds_age_ms = clock_mono_ms() - f->since_ms;
    facts_view_hint(r->worker->facts, what.kind, what.key, what.generation);
}

static bool is_same(const struct creds *a, const struct creds *b)
{
    return span_eq(span_of(a->access_key), span_of(b->access_key)) &&
           span_eq(span_of(a->secret_key), span_of(b->secret_key)) &&
           span_eq(span_of(a->session_token), span_of(b->session_token));
}

static void on_renewed(void *arg, struct fact *f)
{
    struct request *r = arg;
    r->creds_wait = NULL;
    struct fact **old = signer(r);
    bool is_newer = f->status == ST_OK && !is_same(f->value, (*old)->value);
    if (is_newer) {
        fact_release(*old);
        *old = fact_acquire(f);
        again_timer(r);
    } else {
        again_give_up(r, RETRY_WHY_SAME);
    }
    fact_release(f);
}

static void renew(struct request *r)
{
    const struct facts_refused what = refused(r);
    again_wait(r, 0);
    r->creds_wait = facts_view_renew(r->worker->facts, &what, RENEW_MS, on_renewed, r);
}

// ---- region

static uint64_t bucket_key(const struct request *r, struct span bucket)
{
    return hash_span(r->worker->shared->hash_seed, bucket);
}

static void look_at_region(struct request *r, const struct retry_error *e, struct retry_state *t)
{
    struct plan other;
    t->can_redirect = r->plan.bucket.len && request_plan_region(r, e->region, &other);
    if (t->can_redirect)
        memo_put(r->worker->shared->buckets, bucket_key(r, r->plan.bucket), e->region,
                 clock_mono_ms());
}

void repair_plan(struct request *r)
{
    char text[MEMO_VALUE_MAX];
    struct plan other;
    const struct memo *buckets = r->worker->shared->buckets;
    if (!r->plan.bucket.len || memo_is_empty(buckets))
        return;
    size_t len = memo_get(buckets, bucket_key(r, r->plan.bucket), clock_mono_ms(), text);
    if (len && request_plan_region(r, arena_dup(&r->arena, span_from(text, len)), &other))
        request_use_plan(r, &other);
}

// ---- all

void repair_look(struct request *r, const struct retry_error *e, struct retry_state *t)
{
    if (t->kind == RETRY_CLOCK || t->kind == RETRY_SIGNATURE)
        look_at_clock(r, t);
    else if (t->kind == RETRY_TOKEN || t->kind == RETRY_KEY)
        look_at_creds(r, t);
    else if (t->kind == RETRY_REGION)
        look_at_region(r, e, t);
}

void repair_do(struct request *r, enum retry_action action, const struct retry_error *e)
{
    struct plan other;
    if (action == RETRY_REFRESH) {
        r->retry.repairs |= RETRY_REPAIR_CREDS;
        renew(r);
        return;
    }
    if (action == RETRY_SHIFT_CLOCK)
        r->retry.repairs |= RETRY_REPAIR_CLOCK;
    if (action == RETRY_REDIRECT) {
        r->retry.repairs |= RETRY_REPAIR_REGION;
        if (request_plan_region(r, arena_dup(&r->arena, e->region), &other))
            request_use_plan(r, &other);
    }
    again_wait(r, 1);
}

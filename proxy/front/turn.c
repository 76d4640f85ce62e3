// SPDX-License-Identifier: Apache-2.0
// Each attempt takes a turn, further ones too: the upstream counts them all. A turn is reserved in
// the order of arrival over all workers and waited for on the worker's own timer; who would wait
// too long, or behind too many, is told at once and reserves nothing.
#include "front/turn.h"

#include "base/clock.h"
#include "base/hash.h"
#include "front/again.h"
#include "front/attempt.h"
#include "front/reply.h"
#include "metrics/metrics.h"
#include "net/loop.h"

// A further attempt must begin before total_timeout is over.
static int64_t longest_wait_us(const struct request *r)
{
    int64_t most_ms = r->plan.rate_wait;
    if (r->log.attempts) {
        int64_t left_ms = r->retry.deadline_ms - clock_mono_ms() - 1;
        most_ms = left_ms < most_ms ? left_ms : most_ms;
    }
    return most_ms > 0 ? most_ms * 1000 : 0;
}

static void refuse(struct request *r, int64_t wait_us)
{
    if (r->log.attempts) {
        again_give_up(r, RETRY_WHY_TURN);
        return;
    }
    r->retry_after_s = (unsigned)((wait_us + 999999) / 1000000);
    reply_error(r, 429, "rate-limited",
                "the route's rate_limit is used up, and rate_limit_queue or rate_limit_wait lets "
                "no more requests wait for their turn");
}

void turn_begin(struct request *r)
{
    const struct plan *p = &r->plan;
    struct front_shared *s = r->worker->shared;
    if (!p->rate.interval_ns) {
        again_start(r);
        return;
    }
    int64_t now_us = clock_mono_us();
    struct turns_place *at = turns_at(s->turns, hash_span(s->hash_seed, p->rate_name), now_us);
    struct rate_spec spec = {.interval_ns = p->rate.interval_ns, .burst = p->rate.burst};
    bool has_place = limit_take_below(&at->waiting, 1, p->rate_queue);
    int64_t most_us = has_place ? longest_wait_us(r) : 0;
    int64_t wait_us = rate_reserve(&at->rate, &spec, now_us, most_us);
    if (wait_us > 0) {
        r->turn = at;
        r->log.turn_since = loop_now_ms(r->worker->loop);
        metrics_observe_ms(METRIC_TIME_TURN, wait_us / 1000);
        request_set_state(r, REQ_WAIT_TURN, (wait_us + 999) / 1000);
        return;
    }
    if (has_place)
        limit_give(&at->waiting, 1);
    if (wait_us < 0)
        refuse(r, -wait_us - 1);
    else
        again_start(r);
}

void turn_leave(struct request *r)
{
    if (!r->turn)
        return;
    limit_give(&r->turn->waiting, 1);
    r->log.turn_ms += loop_now_ms(r->worker->loop) - r->log.turn_since;
    r->turn = NULL;
}

void turn_over(struct request *r)
{
    turn_leave(r);
    again_start(r);
}

// SPDX-License-Identifier: Apache-2.0
// Slots are counted over all workers; who waits does so in its own worker's queue, in order of
// arrival, and is looked at when a request of that worker ends, and every 20 ms for those of
// others. A request that waits has sent its head alone: nothing of its body is read, no buffer is
// held.
#include "front/slots.h"

#include "base/xalloc.h"
#include "front/again.h"
#include "front/reply.h"
#include "log/log.h"

#define LOOK_MS 20

static bool take(struct request *r)
{
    r->has_slot = limit_take_below(&r->worker->shared->active, 1, r->config->max_in_flight);
    return r->has_slot;
}

static void leave_queue(struct request *r)
{
    TAILQ_REMOVE(&r->worker->queue, r, queue);
    r->is_queued = false;
    limit_give(&r->worker->shared->queued, 1);
}

static void serve_queue(void *arg)
{
    struct worker *w = arg;
    struct request *r = TAILQ_FIRST(&w->queue);
    while (r && take(r)) {
        struct conn *c = r->conn;
        leave_queue(r);
        request_forward(r);
        if (!c->is_dead)
            conn_read_on(c);
        r = TAILQ_FIRST(&w->queue);
    }
    if (r)
        timer_set(w->queue_timer, LOOK_MS);
}

void slots_setup(struct worker *w)
{
    TAILQ_INIT(&w->queue);
    w->queue_turn = (struct deferred){.fn = serve_queue, .arg = w};
    w->queue_timer = timer_new(w->loop, serve_queue, w);
}

void slots_clear(struct worker *w)
{
    loop_undefer(w->loop, &w->queue_turn);
    timer_free(w->queue_timer);
}

bool slots_have_memory(struct request *r)
{
    if (xalloc_is_short()) {
        log_warn(r->id, "overloaded: the system has no memory left");
        reply_error(r, 503, "overloaded", "the proxy is out of memory; try again in a moment");
        return false;
    }
    int64_t held = atomic_load_explicit(&r->worker->shared->buffers, memory_order_relaxed);
    if (held <= (int64_t)r->config->max_buffer_memory)
        return true;
    log_warn(r->id, "overloaded: buffers hold %lld octets", (long long)held);
    reply_error(r, 503, "overloaded",
                "the proxy's buffers hold more than max_buffer_memory; try again in a moment");
    return false;
}

static void refuse(struct request *r)
{
    log_warn(r->id, "overloaded: max_in_flight requests are under way");
    reply_error(r, 503, "overloaded",
                "max_in_flight requests are under way, and in_flight_queue or in_flight_wait lets "
                "no more wait; try again in a moment");
}

bool slots_enter(struct request *r)
{
    struct worker *w = r->worker;
    if (TAILQ_EMPTY(&w->queue) && take(r))
        return true;
    if (r->config->in_flight_wait <= 0 ||
        !limit_take_below(&w->shared->queued, 1, r->config->in_flight_queue)) {
        refuse(r);
        return false;
    }
    TAILQ_INSERT_TAIL(&w->queue, r, queue);
    r->is_queued = true;
    request_set_state(r, REQ_WAIT_SLOT, r->config->in_flight_wait);
    if (!timer_is_set(w->queue_timer))
        timer_set(w->queue_timer, LOOK_MS);
    return false;
}

void slots_timeout(struct request *r)
{
    leave_queue(r);
    refuse(r);
}

void slots_leave(struct request *r)
{
    struct worker *w = r->worker;
    if (r->is_queued)
        leave_queue(r);
    if (!r->has_slot)
        return;
    r->has_slot = false;
    limit_give(&w->shared->active, 1);
    if (!TAILQ_EMPTY(&w->queue))
        loop_defer(w->loop, &w->queue_turn);
}

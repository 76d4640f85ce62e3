// SPDX-License-Identifier: Apache-2.0
// Only time between octets counts in which reading went on, so a client that waits for us is never
// slow. Who sends nothing at all is idle_timeout's.
#include "front/pace.h"

#include "front/request.h"

void pace_hold(struct request *r)
{
    r->pace.is_held = true;
}

bool pace_keeps(struct request *r, size_t n)
{
    struct request_pace *p = &r->pace;
    int64_t now_ms = loop_now_ms(r->worker->loop);
    if (p->last_ms && !p->is_held)
        p->spent_ms += now_ms - p->last_ms;
    p->last_ms = now_ms;
    p->is_held = false;
    p->len += n;
    if (p->spent_ms < r->config->client_rate_window)
        return true;
    bool is_enough = p->len >= r->config->client_min_rate * (uint64_t)p->spent_ms / 1000;
    p->spent_ms = 0;
    p->len = 0;
    return is_enough;
}

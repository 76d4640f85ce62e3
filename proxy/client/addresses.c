// SPDX-License-Identifier: Apache-2.0
// Addresses as facts: glue between the resolver on control's loop and the facts mechanism. A name
// that does not exist is remembered briefly (someone may be creating it), a server failure shorter
// still.
#include <stdlib.h>

#include "client/dial.h"

#include "base/xalloc.h"
#include "net/resolve.h"

#define TTL_MIN_MS        5000
#define TTL_MAX_MS        300000
#define STALE_MS          600000
#define RETRY_NXDOMAIN_MS 5000
#define RETRY_FAILED_MS   2000
#define DEADLINE_MS       15000

struct addresses {
    struct resolver *resolver; // borrowed
};

static int64_t clamp_ttl(int64_t ttl_ms)
{
    if (ttl_ms < TTL_MIN_MS)
        return TTL_MIN_MS;
    return ttl_ms > TTL_MAX_MS ? TTL_MAX_MS : ttl_ms;
}

static void on_resolved(void *arg, enum status st, const struct resolve_answer *answer,
                        const char *text)
{
    struct facts_flight *flight = arg;
    struct fact_result r = {.status = st};
    facts_flight_set_data(flight, NULL);
    if (st == ST_OK) {
        struct resolve_answer *copy = xmalloc(sizeof(*copy));
        *copy = *answer;
        r.value = copy;
        r.free_value = free;
        r.ttl_ms = clamp_ttl(answer->ttl_ms);
        r.refresh_in_ms = r.ttl_ms - r.ttl_ms / 5;
        r.stale_ms = STALE_MS;
    } else {
        r.retry_in_ms = st == ST_DECLINED ? RETRY_NXDOMAIN_MS : RETRY_FAILED_MS;
        (void)err_set(&r.err, st, "%s", text ? text : "name look-up failed");
    }
    facts_answer(flight, &r);
}

static void fetch(void *arg, const char *key, struct facts_flight *flight)
{
    struct addresses *a = arg;
    facts_flight_set_data(flight, resolve_start(a->resolver, key, on_resolved, flight));
}

static void cancel(void *arg, struct facts_flight *flight)
{
    (void)arg;
    struct resolve_query *q = facts_flight_data(flight);
    if (q)
        resolve_cancel(q);
}

struct addresses *addresses_new(struct facts *f, struct resolver *r)
{
    struct addresses *a = xcalloc(1, sizeof(*a));
    a->resolver = r;
    struct facts_kind kind = {.name = "addresses",
                              .fetch = fetch,
                              .cancel = cancel,
                              .arg = a,
                              .deadline_ms = DEADLINE_MS};
    facts_set_kind(f, FACTS_ADDRESSES, &kind);
    return a;
}

void addresses_free(struct addresses *a)
{
    free(a);
}

// SPDX-License-Identifier: Apache-2.0
// A fixed set of counters, gauges and histograms. Each thread counts in a shard of its own, so that
// counting takes neither a lock nor a contended cache line; a scrape sums the shards. A shard
// outlives its thread: counters never go back.
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum metric {
    METRIC_CLIENT_CONNECTIONS = 0, // accepted
    METRIC_CLIENTS_REFUSED,        // max_connections_per_client
    METRIC_BYTES_IN,               // bodies, from clients
    METRIC_BYTES_OUT,              // bodies, to clients
    METRIC_ATTEMPTS,
    METRIC_RETRIES_CANCELLED,
    METRIC_UPSTREAM_OPENED,
    METRIC_UPSTREAM_REUSED,
    METRIC_UPSTREAM_IDLE, // gauge
    METRIC_UPSTREAM_SURPLUS,
    METRIC_TLS_FULL,
    METRIC_TLS_RESUMED,
    METRIC_DIAL_DNS, // in the order of enum dial_fail
    METRIC_DIAL_DNS_FAILED,
    METRIC_DIAL_REFUSED,
    METRIC_DIAL_CONNECT,
    METRIC_DIAL_TLS,
    METRIC_DIAL_TLS_RESET,
    METRIC_DIAL_TIMEOUT,
    METRIC_DIAL_PROXY,
    METRIC_DIAL_PROXY_REFUSED,
    METRIC_DIAL_BUSY,
    METRIC_TUNNELS,      // gauge: open, websockets too
    METRIC_CERTIFICATES, // made for intercepted hosts
    METRIC_CREDS_REFRESHES,
    METRIC_PRESIGN_GRANTED,
    METRIC_PRESIGN_REFUSED,
    METRIC_RELOAD_GOOD,
    METRIC_RELOAD_FAILED,
    METRICS,
};

enum metric_histogram {
    METRIC_TIME_TOTAL = 0,
    METRIC_TIME_FIRST_BYTE,
    METRIC_TIME_CONNECT,
    METRIC_TIME_CREDENTIALS,
    METRIC_TIME_RETRY,
    METRIC_TIME_TURN,
    METRIC_HISTOGRAMS,
};

// How a request ended.
enum metric_outcome {
    METRIC_RELAYED = 0, // with the upstream's answer
    METRIC_ANSWERED,    // with an answer of our own
    METRIC_TUNNELLED,
    METRIC_UPGRADED, // to a websocket, by the upstream's 101
    METRIC_BROKEN,   // the client left, or the answer was cut off
    METRIC_OUTCOMES,
};

// Counters by a label whose values are few, but not known beforehand: beyond 64 they are "other".
enum metric_set {
    METRIC_ERRORS = 0,     // by error code
    METRIC_CREDS_FAILURES, // by provider
    METRIC_RETRIES,        // by what was wrong
    METRIC_RETRIES_DENIED, // by why there is none
    METRIC_SETS,
};

// All of these count on the calling thread's shard.
void metrics_add(enum metric m, int64_t n); // negative only for gauges
void metrics_observe_ms(enum metric_histogram h, int64_t ms);
void metrics_request(struct span service, int status, enum metric_outcome outcome);
void metrics_count(enum metric_set set, struct span label);
#define metrics_inc(m) metrics_add((m), 1)

int64_t metrics_sum(enum metric m); // over all threads
void metrics_thread_end(void);      // the shard waits for another thread; last thing that one does

// The text format of Prometheus, version 0.0.4: all of the above.
void metrics_render(struct buf *out);
// For values that are only known when they are asked for, behind or in front of that: a family is
// begun once, its samples follow. labels: `a="b"`, or NULL; values escaped by metrics_label.
void metrics_family(struct buf *out, const char *name, const char *type, const char *help);
void metrics_sample(struct buf *out, const char *name, const char *labels, double value);
void metrics_label(struct buf *out, const char *name, struct span value); // name="value"

#endif

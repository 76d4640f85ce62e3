// SPDX-License-Identifier: Apache-2.0
// One thread's share. Only its thread writes; a scrape reads meanwhile, so all cells are atomics,
// written by a plain load and store.
#ifndef METRICS_METRICS_INT_H
#define METRICS_METRICS_INT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "metrics/metrics.h"

#define LABELS_MAX     64
#define LABEL_LEN      48
#define STATUS_CLASSES 6 // 0: none, 1xx to 5xx
#define REQUEST_CELLS  (STATUS_CLASSES * METRIC_OUTCOMES)
#define BUCKETS        16

typedef _Atomic uint64_t cell;

// Upper bounds in ms, the same for all histograms; behind the last comes infinity.
extern const int64_t bucket_bounds_ms[BUCKETS];

struct histogram {
    cell buckets[BUCKETS + 1]; // not cumulative
    cell sum_ms;
};

// Labels in the order of their first use. n is published behind the name that it admits.
struct label_table {
    _Atomic unsigned n;
    char names[LABELS_MAX][LABEL_LEN];
};

struct shard {
    struct shard *next;
    _Atomic bool is_taken;
    cell plain[METRICS];
    struct histogram histograms[METRIC_HISTOGRAMS];
    struct label_table set_labels[METRIC_SETS];
    cell set_cells[METRIC_SETS][LABELS_MAX];
    struct label_table services;
    cell requests[LABELS_MAX][REQUEST_CELLS];
};

struct shard *shard_first(void); // the list only grows

#endif

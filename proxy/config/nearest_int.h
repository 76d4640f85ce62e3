// SPDX-License-Identifier: Apache-2.0
// "Did you mean": offers names one by one and keeps the nearest by edit distance.
#ifndef CONFIG_NEAREST_INT_H
#define CONFIG_NEAREST_INT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

#define NEAREST_MAX 64

struct nearest {
    struct span word;       // borrowed
    char best[NEAREST_MAX]; // "" where nothing is near
    unsigned distance;      // of best
};

// Counts inserted, removed, changed and swapped letters; case, `-` and `_` are the same. Words over
// NEAREST_MAX are far from everything.
unsigned nearest_distance(struct span a, struct span b);

void nearest_init(struct nearest *n, struct span word); // word must outlive n
void nearest_offer(struct nearest *n, struct span name);
// Appends `; did you mean "<prefix>name"?` to the text where a name is near enough.
void nearest_suggest(const struct nearest *n, const char *prefix, struct err *e);

#endif

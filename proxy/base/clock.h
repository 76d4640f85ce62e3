// SPDX-License-Identifier: Apache-2.0
// The only place that asks the system for the time. Pure rooms (sign, retry, policy, http, config)
// take times as arguments instead.
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/status.h"

int64_t clock_mono_ms(void); // since some fixed point, never goes back
int64_t clock_mono_us(void);
int64_t clock_wall_ms(void); // since the epoch, UTC

struct clock_date {
    int year, month, day, hour, minute, second; // month and day from 1, UTC
};
// Proleptic Gregorian, no time zone data, no libc locks.
void clock_split(int64_t epoch_s, struct clock_date *out);
int64_t clock_join(const struct clock_date *d);
// "2026-11-24T03:04:05.678Z" (25 bytes with NUL)
void clock_format_iso(int64_t wall_ms, char out[25]);
// RFC 3339, seconds or fractions, Z or an offset; ms since the epoch.
NODISCARD enum status clock_parse_iso(const char *text, int64_t *wall_ms);

#endif

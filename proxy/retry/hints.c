// SPDX-License-Identifier: Apache-2.0
// Times that a server writes: Retry-After, x-amz-retry-after, Date. A date is taken in the three
// forms of RFC 9110 5.6.7, though no server has sent the last two for decades.
#include <string.h>

#include "base/clock.h"
#include "retry/retry.h"

#define DAYS_MAX ((uint64_t)400 * 24 * 3600)

int64_t retry_parse_amz_after(struct span value)
{
    uint64_t n = 0;
    return span_u64(value, &n) && n <= DAYS_MAX * 1000 ? (int64_t)n : -1;
}

static bool number(struct span s, int *out)
{
    uint64_t n = 0;
    s = s.len && s.p[0] == ' ' ? span_sub(s, 1, s.len) : s; // asctime pads with a blank
    if (!span_u64(s, &n) || n > 9999)
        return false;
    *out = (int)n;
    return true;
}

static bool month(struct span s, int *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; s.len == 3 && i < 12; i++)
        if (memcmp(s.p, names + (size_t)3 * (size_t)i, 3) == 0) {
            *out = i + 1;
            return true;
        }
    return false;
}

static bool time_of_day(struct span s, struct clock_date *d)
{
    return s.len == 8 && s.p[2] == ':' && s.p[5] == ':' && number(span_sub(s, 0, 2), &d->hour) &&
           number(span_sub(s, 3, 2), &d->minute) && number(span_sub(s, 6, 2), &d->second) &&
           d->hour < 24 && d->minute < 60 && d->second <= 60;
}

// "06 Nov 1994 08:49:37 GMT"
static bool parse_imf(struct span s, struct clock_date *d)
{
    return s.len == 24 && number(span_sub(s, 0, 2), &d->day) &&
           month(span_sub(s, 3, 3), &d->month) && number(span_sub(s, 7, 4), &d->year) &&
           time_of_day(span_sub(s, 12, 8), d);
}

// "06-Nov-94 08:49:37 GMT"
static bool parse_rfc850(struct span s, struct clock_date *d)
{
    if (s.len != 22 || !number(span_sub(s, 0, 2), &d->day) ||
        !month(span_sub(s, 3, 3), &d->month) || !number(span_sub(s, 7, 2), &d->year) ||
        !time_of_day(span_sub(s, 10, 8), d))
        return false;
    d->year += d->year < 70 ? 2000 : 1900;
    return true;
}

// "Nov  6 08:49:37 1994"
static bool parse_asctime(struct span s, struct clock_date *d)
{
    return s.len == 20 && month(span_sub(s, 0, 3), &d->month) &&
           number(span_sub(s, 4, 2), &d->day) && time_of_day(span_sub(s, 7, 8), d) &&
           number(span_sub(s, 16, 4), &d->year);
}

bool retry_parse_date(struct span value, int64_t *wall_ms)
{
    struct clock_date d = {0};
    bool is_gmt = span_ends(value, SPAN(" GMT"));
    size_t blank = span_find(value, ' ');
    if (blank == value.len)
        return false;
    bool has_comma = blank && value.p[blank - 1] == ',';
    struct span rest = span_sub(value, blank + 1, value.len);
    bool is_read = has_comma ? is_gmt && (parse_imf(rest, &d) || parse_rfc850(rest, &d))
                             : parse_asctime(rest, &d);
    if (!is_read || d.day < 1 || d.day > 31 || d.year < 1970)
        return false;
    *wall_ms = clock_join(&d) * 1000;
    return true;
}

int64_t retry_parse_after(struct span value, int64_t wall_ms)
{
    uint64_t seconds = 0;
    int64_t at_ms = 0;
    if (span_u64(value, &seconds))
        return (int64_t)(seconds < DAYS_MAX ? seconds : DAYS_MAX) * 1000;
    if (!retry_parse_date(value, &at_ms))
        return -1;
    return at_ms > wall_ms ? at_ms - wall_ms : 0;
}

// SPDX-License-Identifier: Apache-2.0
// The settings of the retries as one piece, and the little language of rate_limit.
#include "config/config.h"
#include "config/options_int.h"

struct config_retry config_retry_of(const struct config *c, const struct config_route *r)
{
    struct config_retry s = c->retry;
    if (!r)
        return s;
    if (r->has_retry.mode)
        s.mode = r->retry.mode;
    if (r->has_retry.jitter)
        s.jitter = r->retry.jitter;
    if (r->has_retry.post)
        s.post = r->retry.post;
    if (r->has_retry.sdk_clients)
        s.sdk_clients = r->retry.sdk_clients;
    if (r->has_retry.max_attempts)
        s.max_attempts = r->retry.max_attempts;
    if (r->has_retry.budget)
        s.budget = r->retry.budget;
    if (r->retry.base >= 0)
        s.base = r->retry.base;
    if (r->retry.cap >= 0)
        s.cap = r->retry.cap;
    if (r->retry.status.n)
        s.status = r->retry.status;
    return s;
}

#define RATE_MAX  ((uint64_t)1000000)
#define BURST_MAX ((uint64_t)1000000)

// "20/s", "90/m"
static bool parse_rate(struct span text, int64_t *interval_ns)
{
    size_t slash = span_find(text, '/');
    struct span unit = span_sub(text, slash + 1, text.len);
    int64_t unit_ns = span_is(unit, "s") ? 1000000000 : span_is(unit, "m") ? 60000000000 : 0;
    uint64_t n = 0;
    if (!unit_ns || !span_u64(span_sub(text, 0, slash), &n) || n < 1 || n > RATE_MAX)
        return false;
    *interval_ns = (unit_ns + (int64_t)n - 1) / (int64_t)n; // rounded up: never above the rate
    return true;
}

enum status config_rate_parse(const char *text, struct config_rate *out, struct err *e)
{
    struct span words[3];
    unsigned n = 0;
    struct span rest = span_of(text);
    struct span word;
    uint64_t burst = 1;
    while (span_next(&rest, ' ', &word)) {
        if (!word.len)
            continue;
        if (n < 3)
            words[n] = word;
        n++;
    }
    bool is_rate = (n == 1 || n == 3) && parse_rate(words[0], &out->interval_ns);
    if (is_rate && n == 3)
        is_rate = span_is(words[1], "burst") && span_u64(words[2], &burst) && burst >= 1 &&
                  burst <= BURST_MAX;
    if (!is_rate)
        return err_set(e, ST_INVALID,
                       "\"%s\" is not N/s or N/s burst M, each number between 1 and 1000000", text);
    out->burst = (uint32_t)burst;
    return ST_OK;
}

enum status check_rate(char *text, struct err *e)
{
    struct config_rate ignored;
    return config_rate_parse(text, &ignored, e);
}

enum status check_status(char *text, struct err *e)
{
    struct span s = span_of(text);
    uint64_t n = 0;
    if (span_is(s, "5xx") || (s.len == 3 && span_u64(s, &n) && n >= 400 && n <= 599))
        return ST_OK;
    return err_set(e, ST_INVALID, "\"%s\" is not a status between 400 and 599, nor 5xx", text);
}

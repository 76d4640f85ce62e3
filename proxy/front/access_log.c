// SPDX-License-Identifier: Apache-2.0
// One line a request, key=value, the path last and without its query. Field values that come from
// outside cannot hold blanks; quotes are written as %22, other odd octets are escaped by the log.
#include "front/access_log.h"

#include <string.h>

#include "base/clock.h"
#include "log/log.h"
#include "metrics/metrics.h"

#define PATH_MAX_LOGGED 1024

static struct span host_of(const struct request *r)
{
    if (r->plan.host.len)
        return r->plan.host;
    struct span h = r->msg ? hdrs_get(&r->msg->hdrs, SPAN("host")) : SPAN("");
    return h.len ? span_sub(h, 0, 256) : SPAN("-");
}

static void add_path(struct buf *b, struct span path)
{
    path = span_sub(path, 0, PATH_MAX_LOGGED);
    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] == '"')
            buf_add_str(b, "%22");
        else
            buf_add_char(b, path.p[i]);
    }
}

static struct span path_of(const struct request *r)
{
    if (r->plan.path.len)
        return r->plan.path;
    struct span target = r->msg ? r->msg->target : SPAN("-");
    return span_sub(target, 0, span_find(target, '?'));
}

static enum metric_outcome outcome_of(const struct request *r)
{
    if (r->log.ended)
        return METRIC_BROKEN;
    if (r->log.code || r->plan.kind == PLAN_ANSWER)
        return METRIC_ANSWERED;
    return r->plan.kind == PLAN_TUNNEL ? METRIC_TUNNELLED : METRIC_RELAYED;
}

static void count(const struct request *r)
{
    const struct request_log *l = &r->log;
    metrics_request(r->plan.is_signed ? r->plan.service : SPAN("-"), l->status, outcome_of(r));
    metrics_add(METRIC_BYTES_IN, (int64_t)l->bytes_in);
    metrics_add(METRIC_BYTES_OUT, (int64_t)l->bytes_out);
    metrics_add(METRIC_ATTEMPTS, l->attempts);
    if (l->code)
        metrics_count(METRIC_ERRORS, span_of(l->code));
    if (r->plan.kind != PLAN_TUNNEL)
        metrics_observe_ms(METRIC_TIME_TOTAL, clock_mono_ms() - l->start);
    if (outcome_of(r) == METRIC_RELAYED)
        metrics_observe_ms(METRIC_TIME_FIRST_BYTE, l->first_byte_ms);
    if (l->attempts && !l->is_reused)
        metrics_observe_ms(METRIC_TIME_CONNECT, l->connect_ms);
    if (r->plan.is_signed && l->attempts)
        metrics_observe_ms(METRIC_TIME_CREDENTIALS, l->creds_ms);
}

void access_log(const struct request *r)
{
    const struct request_log *l = &r->log;
    struct buf *b = &r->worker->scratch;
    char when[25];
    clock_format_iso(clock_wall_ms(), when);
    struct span service = r->plan.is_signed ? r->plan.service : SPAN("-");
    struct span region = r->plan.is_signed ? r->plan.region : SPAN("-");
    buf_reset(b);
    buf_addf(b, "%s ACCESS [%s] client=%s method=%.*s host=%.*s status=%d code=%s", when, r->id,
             r->conn->peer, SPAN_ARG(r->msg ? r->msg->method : SPAN("-")), SPAN_ARG(host_of(r)),
             l->status, l->code ? l->code : "-");
    buf_addf(b, " service=%.*s region=%.*s key=%s attempts=%u reused=%d", SPAN_ARG(service),
             SPAN_ARG(region), l->key[0] ? l->key : "-", l->attempts, l->is_reused);
    buf_addf(b, " in=%llu out=%llu ms=%lld creds_ms=%lld connect_ms=%lld first_byte_ms=%lld",
             (unsigned long long)l->bytes_in, (unsigned long long)l->bytes_out,
             (long long)(clock_mono_ms() - l->start), (long long)l->creds_ms,
             (long long)l->connect_ms, (long long)l->first_byte_ms);
    buf_addf(b, " upstream_id=%.*s ended=\"%s\" path=\"",
             SPAN_ARG(l->upstream_id.len ? span_sub(l->upstream_id, 0, 128) : SPAN("-")),
             l->ended ? l->ended : "-");
    add_path(b, path_of(r));
    buf_add_char(b, '"');
    log_raw(buf_span(b));
    count(r);
}

// SPDX-License-Identifier: Apache-2.0
// One line a request. What comes from outside is cut, so that the fields behind it are always
// there.
#include "front/access_log.h"

#include "log/log.h"
#include "log/redact.h"
#include "metrics/metrics.h"
#include "net/loop.h"
#include "policy/action.h"

#define TARGET_MAX_LOGGED 2048 // characters of a path, and of a query

// Behind what somebody may have put there: a name and a password.
static struct span without_userinfo(struct span authority)
{
    size_t at = span_rfind(authority, '@');
    return at < authority.len ? span_sub(authority, at + 1, authority.len) : authority;
}

static struct span host_of(const struct request *r)
{
    if (r->plan.host.len)
        return without_userinfo(r->plan.host);
    return r->msg ? without_userinfo(hdrs_get(&r->msg->hdrs, SPAN("host"))) : SPAN("");
}

// Of a target that nobody has understood: without query, scheme and authority.
static struct span path_of(const struct request *r)
{
    if (r->plan.path.len || !r->msg)
        return r->plan.path;
    struct span target = span_sub(r->msg->target, 0, span_find(r->msg->target, '?'));
    size_t colon = span_find(target, ':');
    if (span_is(r->msg->method, "CONNECT"))
        return SPAN("");
    if (span_starts(target, SPAN("/")) || !span_starts(span_sub(target, colon, 3), SPAN("://")))
        return target;
    target = span_sub(target, colon + 3, target.len);
    return span_sub(target, span_find(target, '/'), target.len);
}

static struct span query_of(const struct request *r)
{
    struct span target = r->msg ? r->msg->target : SPAN("");
    return span_sub(target, span_find(target, '?') + 1, target.len);
}

static enum metric_outcome outcome_of(const struct request *r)
{
    if (r->log.ended)
        return METRIC_BROKEN;
    if (r->log.code || r->plan.kind == PLAN_ANSWER || r->plan.kind == PLAN_INTERCEPT)
        return METRIC_ANSWERED;
    if (r->log.status == 101)
        return METRIC_UPGRADED;
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
    if (r->plan.kind != PLAN_TUNNEL && l->status != 101)
        metrics_observe_ms(METRIC_TIME_TOTAL, loop_now_ms(r->worker->loop) - l->start);
    if (outcome_of(r) == METRIC_RELAYED || outcome_of(r) == METRIC_UPGRADED)
        metrics_observe_ms(METRIC_TIME_FIRST_BYTE, l->first_byte_ms);
    if (l->attempts && !l->is_reused)
        metrics_observe_ms(METRIC_TIME_CONNECT, l->connect_ms);
    if (r->plan.is_signed && l->attempts)
        metrics_observe_ms(METRIC_TIME_CREDENTIALS, l->creds_ms);
}

static void add_query(const struct request *r, struct log_record *l)
{
    struct buf b;
    if (!r->config->log_query)
        return;
    buf_init_secret(&b);
    redact_query(query_of(r), &b);
    log_record_text(l, SPAN("query"), buf_span(&b), TARGET_MAX_LOGGED);
    buf_clear(&b);
}

static void add_counts(const struct request *r, struct log_record *line)
{
    const struct request_log *l = &r->log;
    log_record_number(line, SPAN("attempts"), l->attempts);
    log_record_number(line, SPAN("in"), (int64_t)l->bytes_in);
    log_record_number(line, SPAN("out"), (int64_t)l->bytes_out);
    log_record_number(line, SPAN("ms"), loop_now_ms(r->worker->loop) - l->start);
    log_record_number(line, SPAN("turn_ms"), l->turn_ms);
    log_record_number(line, SPAN("creds_ms"), l->creds_ms);
    log_record_number(line, SPAN("connect_ms"), l->connect_ms);
    log_record_number(line, SPAN("first_byte_ms"), l->first_byte_ms);
}

// Of a form that nobody had to read: as far as it is at hand as a whole.
static void add_action(const struct request *r, struct log_record *line)
{
    char text[PLAN_ACTION_TEXT];
    struct plan_action of = r->plan.action;
    struct span form = r->has_body ? body_start(&r->body) : SPAN("");
    if (of.is_in_body && form.len && form.len == r->body.len)
        action_read_form(&of, r->plan.query, form);
    size_t n = action_text(&of, text, sizeof(text));
    log_record_text(line, SPAN("action"), span_from(text, n), sizeof(text));
}

static void write_line(const struct request *r)
{
    const struct request_log *l = &r->log;
    struct log_record line;
    struct span none = SPAN("");
    log_record_begin(&line, "ACCESS", r->id);
    log_record_text(&line, SPAN("client"), span_of(r->conn->peer), 128);
    log_record_text(&line, SPAN("method"), r->msg ? r->msg->method : none, 64);
    log_record_text(&line, SPAN("host"), host_of(r), 512);
    log_record_text(&line, SPAN("path"), path_of(r), TARGET_MAX_LOGGED);
    add_query(r, &line);
    log_record_text(&line, SPAN("service"), r->plan.is_signed ? r->plan.service : none, 64);
    log_record_text(&line, SPAN("region"), r->plan.is_signed ? r->plan.region : none, 256);
    log_record_text(&line, SPAN("key"), span_of(l->key), 16);
    log_record_number(&line, SPAN("status"), l->status);
    log_record_text(&line, SPAN("code"), span_of(l->code), 64);
    add_counts(r, &line);
    log_record_text(&line, SPAN("upstream_id"), l->upstream_id, 128);
    log_record_text(&line, SPAN("user"), span_of(r->user), 64);
    log_record_number(&line, SPAN("reused"), l->is_reused);
    log_record_text(&line, SPAN("ended"), span_of(l->ended), 64);
    log_record_text(&line, SPAN("identity"), span_of(r->plan.is_signed ? r->plan.identity : NULL),
                    64);
    add_action(r, &line);
    log_record_send(&line);
}

void access_log(const struct request *r)
{
    if (r->config->log_access)
        write_line(r);
    count(r);
}

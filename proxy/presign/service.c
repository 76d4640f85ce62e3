// SPDX-License-Identifier: Apache-2.0
// All or nothing: a list is read, planned and judged as a whole before the first of it is signed,
// so that no caller has to look for refusals among URLs. Then credentials are looked up one request
// after the other; only where they are not at hand there is a wait.
#include "presign/service.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/action.h"
#include "presign/allow.h"
#include "presign/asks.h"

#define CREDS_WAIT_MS 5000
#define PATH_LOGGED   1024

struct presign_run {
    struct presign_service s;
    struct presign_call c;
    struct presign_asks asks;
    struct presign_plan *plans;
    struct fact **facts; // one a plan, as far as they are known
    unsigned n_facts;
    struct facts_wait *wait;
    presign_done_fn done;
    void *arg;
    struct presign_answer answer;
    bool wants_text;
};

// ---- answers

static void add_json(struct buf *b, struct span s)
{
    buf_add_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_addf(b, "\\%c", s.p[i]);
        else if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
            buf_addf(b, "\\u%04x", (unsigned)(unsigned char)s.p[i]);
        else
            buf_add_char(b, s.p[i]);
    }
    buf_add_char(b, '"');
}

static void take_body(struct presign_run *r, struct buf *b)
{
    r->answer.type = r->wants_text ? "text/plain; charset=utf-8" : "application/json";
    r->answer.body = arena_dup(r->c.arena, buf_span(b));
    buf_clear(b);
}

static void refuse(struct presign_run *r, const struct presign_refusal *why)
{
    struct buf b;
    buf_init(&b);
    log_warn(r->c.who, "presign: %s: %s", why->code, why->message);
    metrics_inc(METRIC_PRESIGN_REFUSED);
    r->answer =
        (struct presign_answer){.status = why->status, .code = why->code, .message = why->message};
    if (r->wants_text) {
        buf_addf(&b, "%s: %s\n", why->code, why->message);
    } else {
        buf_add_str(&b, "{\"error\":");
        add_json(&b, span_of(why->code));
        buf_add_str(&b, ",\"message\":");
        add_json(&b, span_of(why->message));
        buf_add_str(&b, "}\n");
    }
    take_body(r, &b);
}

static void refuse_one(struct presign_run *r, unsigned i, struct presign_refusal *why)
{
    if (r->asks.is_list)
        why->message = arena_printf(r->c.arena, "requests[%u]: %s", i, why->message);
    refuse(r, why);
}

static void add_headers(struct buf *b, const struct hdrs *h)
{
    buf_add_str(b, ",\"headers\":{");
    for (unsigned i = 0; i < h->n; i++) {
        if (i)
            buf_add_char(b, ',');
        add_json(b, h->v[i].name);
        buf_add_char(b, ':');
        add_json(b, h->v[i].value);
    }
    buf_add_char(b, '}');
}

static void add_url(struct buf *b, const struct presign_plan *p, const struct presign_url *url,
                    const struct creds *creds)
{
    static const char *const cut_by[] = {[PRESIGN_CUT_BY_MAXIMUM] = "presign_max_expiry",
                                         [PRESIGN_CUT_BY_CREDENTIALS] = "credentials"};
    char at[25];
    buf_add_str(b, "{\"url\":");
    add_json(b, url->url);
    buf_add_str(b, ",\"method\":");
    add_json(b, p->msg.method);
    add_headers(b, &p->msg.hdrs);
    clock_format_iso(url->expires_at_ms, at);
    buf_addf(b, ",\"expires_in\":%lld,\"expires_at\":\"%s\"", (long long)url->expires_s, at);
    if (url->cut != PRESIGN_NOT_CUT)
        buf_addf(b, ",\"expires_in_cut_by\":\"%s\"", cut_by[url->cut]);
    if (creds->expires_at_ms == INT64_MAX) {
        buf_add_str(b, ",\"credentials_expire_at\":null}");
    } else {
        clock_format_iso(creds->expires_at_ms, at);
        buf_addf(b, ",\"credentials_expire_at\":\"%s\"}", at);
    }
}

// Always written: who handed out what is asked about afterwards.
static void audit(const struct presign_run *r, const struct presign_plan *p,
                  const struct presign_url *url, const struct creds *creds)
{
    struct span id = span_of(creds->access_key);
    struct log_record line;
    char at[25];
    char key[8] = "...";
    char action[PLAN_ACTION_TEXT];
    struct span last = span_sub(id, id.len > 4 ? id.len - 4 : 0, 4);
    if (last.len)
        memcpy(key + 3, last.p, last.len);
    key[3 + last.len] = '\0';
    clock_format_iso(url->expires_at_ms, at);
    log_record_begin(&line, "PRESIGN", r->c.who);
    log_record_text(&line, SPAN("method"), p->msg.method, 32);
    log_record_text(&line, SPAN("host"), p->plan.host, 512);
    log_record_text(&line, SPAN("path"), p->plan.path, PATH_LOGGED);
    log_record_text(&line, SPAN("bucket"), p->bucket, 128);
    log_record_text(&line, SPAN("object"), p->key, PATH_LOGGED);
    log_record_text(&line, SPAN("service"), p->plan.service, 64);
    log_record_text(&line, SPAN("region"), p->plan.region, 256);
    log_record_number(&line, SPAN("expires_in"), url->expires_s);
    log_record_text(&line, SPAN("expires_at"), span_of(at), 32);
    log_record_text(&line, SPAN("key"), span_of(key), 16);
    log_record_text(&line, SPAN("identity"), span_of(p->plan.identity), 64);
    log_record_text(&line, SPAN("action"),
                    span_from(action, action_text(&p->plan.action, action, sizeof(action))),
                    sizeof(action));
    log_record_send(&line);
    metrics_inc(METRIC_PRESIGN_GRANTED);
}

static bool sign_one(struct presign_run *r, unsigned i, struct presign_url *url)
{
    struct presign_signer signer = {.creds = r->facts[i]->value,
                                    .generation = r->facts[i]->generation,
                                    .cache = r->s.cache,
                                    .wall_ms = clock_wall_ms(),
                                    .max_expires_s = r->s.config->presign_max_expiry / 1000};
    struct err e = {""};
    enum status st = presign_sign(&r->plans[i], &signer, r->c.arena, url, &e);
    if (st == ST_OK)
        return true;
    struct presign_refusal why = {.status = st == ST_DENIED ? 503 : 400,
                                  .code = st == ST_DENIED ? "no-credentials" : "bad-request",
                                  .message = arena_cstr(r->c.arena, span_of(e.text))};
    refuse_one(r, i, &why);
    return false;
}

static void write_all(struct presign_run *r, const struct presign_url *urls)
{
    struct buf b;
    bool is_json_list = r->asks.is_list && !r->wants_text;
    buf_init_secret(&b);
    if (is_json_list)
        buf_add_str(&b, "{\"results\":[");
    for (unsigned i = 0; i < r->asks.n; i++) {
        if (r->wants_text) {
            buf_add_span(&b, urls[i].url);
            buf_add_char(&b, '\n');
        } else {
            buf_add_str(&b, i ? "," : "");
            add_url(&b, &r->plans[i], &urls[i], r->facts[i]->value);
        }
    }
    if (is_json_list)
        buf_add_str(&b, "]}");
    if (!r->wants_text)
        buf_add_char(&b, '\n');
    r->answer = (struct presign_answer){.status = 200};
    take_body(r, &b);
}

static void sign_all(struct presign_run *r)
{
    struct presign_url *urls = arena_alloc(r->c.arena, r->asks.n * sizeof(*urls));
    for (unsigned i = 0; i < r->asks.n; i++)
        if (!sign_one(r, i, &urls[i]))
            return;
    for (unsigned i = 0; i < r->asks.n; i++)
        audit(r, &r->plans[i], &urls[i], r->facts[i]->value);
    write_all(r, urls);
}

// ---- credentials

static void drop_facts(struct presign_run *r)
{
    for (unsigned i = 0; i < r->n_facts; i++)
        fact_release(r->facts[i]);
    r->n_facts = 0;
}

static bool is_good(struct presign_run *r, const struct fact *f)
{
    struct presign_refusal why = {.status = 503};
    if (f->status == ST_OK)
        return true;
    why.code =
        f->status == ST_AGAIN || f->status == ST_LIMIT ? "credentials-error" : "no-credentials";
    why.message =
        arena_printf(r->c.arena, "no AWS credentials to sign with: %s",
                     f->status == ST_AGAIN ? "they are still being fetched" : f->err.text);
    refuse_one(r, r->n_facts, &why);
    return false;
}

static void on_credentials(void *arg, struct fact *f);

// True: there is an answer.
static bool go_on(struct presign_run *r)
{
    while (r->n_facts < r->asks.n) {
        const char *key = r->plans[r->n_facts].creds_key;
        struct fact *f = facts_view_peek(r->s.view, FACTS_CREDENTIALS, key);
        if (!f) {
            r->wait =
                facts_view_get(r->s.view, FACTS_CREDENTIALS, key, CREDS_WAIT_MS, on_credentials, r);
            return false;
        }
        bool goes_on = is_good(r, f);
        r->facts[r->n_facts++] = f;
        if (!goes_on)
            return true;
    }
    sign_all(r);
    return true;
}

static void on_credentials(void *arg, struct fact *f)
{
    struct presign_run *r = arg;
    r->wait = NULL;
    bool goes_on = is_good(r, f);
    r->facts[r->n_facts++] = f;
    if (goes_on && !go_on(r))
        return;
    drop_facts(r);
    r->done(r->arg, &r->answer);
}

// ---- what is asked for

static bool wants_text(struct span accept)
{
    struct span one;
    while (span_next(&accept, ',', &one)) {
        struct span type = span_trim(span_sub(one, 0, span_find(one, ';')));
        if (span_iis(type, "application/json"))
            return false;
        if (span_iis(type, "text/plain"))
            return true;
    }
    return false;
}

static bool read_asks(struct presign_run *r, struct presign_refusal *why)
{
    if (span_is(r->c.method, "GET") || span_is(r->c.method, "HEAD"))
        return presign_asks_of_query(r->c.query, r->c.arena, &r->asks, why);
    if (r->c.query.len) {
        *why = (struct presign_refusal){400, "bad-request", "a body and a query don't go together"};
        return false;
    }
    return presign_asks_of_json(r->c.body, r->c.arena, &r->asks, why);
}

static bool plan_one(struct presign_run *r, unsigned i, struct presign_refusal *why)
{
    struct presign_input in = {
        .config = r->s.config, .client = r->c.client, .default_region = r->s.default_region};
    struct presign_plan *p = &r->plans[i];
    if (!presign_make_plan(&r->asks.v[i], &in, r->c.arena, p, why))
        return false;
    if (r->asks.v[i].profile.len && !r->c.names_profiles) {
        *why =
            (struct presign_refusal){403, "presign-denied", "a profile can't be chosen from here"};
        return false;
    }
    if (presign_is_allowed(p, &r->s.config->presign_allow, r->c.is_near))
        return true;
    *why = (struct presign_refusal){
        403, "presign-denied",
        arena_printf(r->c.arena,
                     "%.*s on \"%.*s\" may not be presigned%s; presign_allow would allow it",
                     SPAN_ARG(p->msg.method), SPAN_ARG(p->host),
                     r->s.config->presign_allow.n ? "" : " (no rule is set)")};
    return false;
}

struct presign_run *presign_start(const struct presign_service *s, const struct presign_call *c,
                                  struct presign_answer *now, presign_done_fn done, void *arg)
{
    struct presign_run *r = arena_zalloc(c->arena, sizeof(*r));
    struct presign_refusal why;
    r->s = *s;
    r->c = *c;
    r->done = done;
    r->arg = arg;
    r->wants_text = wants_text(c->accept);
    bool goes_on = read_asks(r, &why);
    if (!goes_on)
        refuse(r, &why);
    r->plans = arena_zalloc(c->arena, (r->asks.n + (size_t)1) * sizeof(*r->plans));
    r->facts = arena_zalloc(c->arena, (r->asks.n + (size_t)1) * sizeof(struct fact *));
    for (unsigned i = 0; goes_on && i < r->asks.n; i++) {
        goes_on = plan_one(r, i, &why);
        if (!goes_on)
            refuse_one(r, i, &why);
    }
    if (goes_on && !go_on(r))
        return r;
    drop_facts(r);
    *now = r->answer;
    return NULL;
}

void presign_cancel(struct presign_run *r)
{
    if (r->wait)
        facts_wait_cancel(r->wait);
    r->wait = NULL;
    drop_facts(r);
}

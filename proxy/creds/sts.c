// SPDX-License-Identifier: Apache-2.0
// Requests to STS: a form, signed or not, sent again while that may help. A clock that is wrong by
// more than five minutes is corrected once by the Date of the answer that complains about it.
#include "creds/sts_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "sign/sign.h"

#define ATTEMPTS        3
#define BASE_MS         200
#define CAP_MS          5000
#define ATTEMPT_MS      5000
#define CONNECT_MS      2000
#define TOTAL_MS        18000
#define SKEW_MS         ((int64_t)300000)
#define CONTENT_TYPE    "application/x-www-form-urlencoded; charset=utf-8"
#define TEXT_FOR_PERSON 300

struct sts_op {
    struct creds_kit *kit;
    sts_done_fn done;
    void *arg;
    struct arena life;    // of the call
    struct arena attempt; // of one attempt
    struct sts_spec spec; // texts in life
    struct buf form;
    struct call *call;
    struct sts_document document;
    bool has_document;
    int64_t skew_ms; // to be added to our clock
    bool is_corrected;
};

// ---- the request

void form_escape(struct buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-_.~", c))
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

void sts_write_form(struct buf *out, const struct sts_spec *s)
{
    buf_addf(out, "Action=%s&Version=2011-06-15", s->action);
    for (size_t i = 0; i < STS_PARAMS_MAX && s->params[i].name; i++) {
        if (!s->params[i].value)
            continue;
        buf_addf(out, "&%s=", s->params[i].name);
        form_escape(out, s->params[i].value);
    }
}

static enum status sign(struct sts_op *op, const struct fetch_url *url, struct fetch_request *r,
                        struct err *e)
{
    const struct creds *c = op->spec.signer;
    struct arena *a = &op->attempt;
    struct sign_target target;
    struct sign_result result;
    char hash[DIGEST_HEX + 1];
    struct sign_field type = {SPAN("Content-Type"), SPAN(CONTENT_TYPE)};
    sign_target_make(url->path, url->query, false, a, &target);
    digest_sha256_hex(buf_span(&op->form), hash);
    struct sign_request req = {
        .method = SPAN("POST"),
        .host = url->host_field,
        .target = &target,
        .fields = &type,
        .n_fields = 1,
        .payload_hash = span_of(hash),
        .scope = {.region = span_of(op->spec.endpoint.region), .service = SPAN("sts")},
        .wall_s = (clock_wall_ms() + op->skew_ms) / 1000};
    struct sign_identity id = {.access_key = span_of(c->access_key),
                               .secret_key = span_of(c->secret_key),
                               .session_token = span_of(c->session_token)};
    enum status st = sign_header(&req, &id, NULL, a, &result, e);
    for (unsigned i = 0; st == ST_OK && i < result.n_add && r->n_fields < FETCH_FIELDS_MAX; i++)
        r->fields[r->n_fields++] = (struct fetch_field){.name = arena_cstr(a, result.add[i].name),
                                                        .value = result.add[i].value};
    r->url = arena_printf(a, "http%s://%.*s%.*s%s%.*s", url->is_https ? "s" : "",
                          SPAN_ARG(url->host_field), SPAN_ARG(target.wire_path),
                          target.query.len ? "?" : "", SPAN_ARG(target.query));
    return st;
}

static enum status build(void *arg, struct fetch_request *r, struct err *e)
{
    struct sts_op *op = arg;
    struct fetch_url url;
    arena_wipe(&op->attempt);
    enum status st = fetch_url_parse(span_of(op->spec.endpoint.url), &op->attempt, &url, e);
    if (st != ST_OK)
        return err_wrap(e, st, "%s", op->spec.endpoint.url);
    r->method = "POST";
    r->url = op->spec.endpoint.url;
    r->fields[r->n_fields++] = (struct fetch_field){"Content-Type", SPAN(CONTENT_TYPE)};
    r->body = buf_span(&op->form);
    r->connect_timeout_ms = CONNECT_MS;
    r->timeout_ms = ATTEMPT_MS;
    return op->spec.signer ? sign(op, &url, r, e) : ST_OK;
}

// ---- the answer

static int month_of(struct span name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (span_eq(name, span_from(names + (size_t)i * 3, 3)))
            return i + 1;
    return 0;
}

static bool number_at(struct span text, size_t at, size_t len, int *out)
{
    uint64_t n = 0;
    if (!span_u64(span_sub(text, at, len), &n))
        return false;
    *out = (int)n;
    return true;
}

bool sts_parse_date(struct span text, int64_t *wall_ms)
{
    struct clock_date d = {0};
    if (text.len != 29 || !span_ends(text, SPAN(" GMT")) || !number_at(text, 5, 2, &d.day) ||
        !number_at(text, 12, 4, &d.year) || !number_at(text, 17, 2, &d.hour) ||
        !number_at(text, 20, 2, &d.minute) || !number_at(text, 23, 2, &d.second))
        return false;
    d.month = month_of(span_sub(text, 8, 3));
    *wall_ms = clock_join(&d) * 1000;
    return d.month > 0;
}

static bool is_clock_complaint(const char *code)
{
    return !strcmp(code, "RequestTimeTooSkewed") || !strcmp(code, "SignatureDoesNotMatch") ||
           !strcmp(code, "RequestExpired");
}

bool sts_clock_is_off(struct sts_document *d, const struct fetch_answer *a, int64_t *off_ms)
{
    int64_t theirs_ms = 0;
    if (!is_clock_complaint(sts_document_get(d, STS_CODE)) ||
        !sts_parse_date(fetch_answer_field(a, "date"), &theirs_ms))
        return false;
    int64_t off = theirs_ms - clock_wall_ms();
    if (llabs(off) < SKEW_MS)
        return false;
    log_warn("creds", "the clock here is %lld s off that of %s; its time is used for this request",
             (long long)(off / 1000), d->who);
    *off_ms = off;
    return true;
}

static bool correct_clock(struct sts_op *op, const struct fetch_answer *a)
{
    if (op->is_corrected || !op->spec.signer)
        return false;
    op->is_corrected = sts_clock_is_off(&op->document, a, &op->skew_ms);
    return op->is_corrected;
}

bool sts_error_passes(struct sts_document *d, int status)
{
    const char *code = sts_document_get(d, STS_CODE);
    return status >= 500 || status == 429 || !strncmp(code, "Throttl", 7) ||
           !strcmp(code, "RequestLimitExceeded");
}

static bool passes_by_itself(struct sts_op *op, int status, const char *code)
{
    if (sts_error_passes(&op->document, status))
        return true;
    return op->spec.is_web_identity &&
           (!strcmp(code, "IDPCommunicationError") || !strcmp(code, "InvalidIdentityToken"));
}

void sts_say_error(struct sts_document *d, int status, struct err *e)
{
    const char *code = sts_document_get(d, STS_CODE);
    if (*code)
        (void)err_set(e, ST_IO, "%s: %.*s", code, TEXT_FOR_PERSON,
                      sts_document_get(d, STS_MESSAGE));
    else
        (void)err_set(e, ST_IO, "it answered %d", status);
}

static enum call_verdict judge_error(struct sts_op *op, const struct fetch_answer *a, struct err *e)
{
    sts_say_error(&op->document, a->status, e);
    if (correct_clock(op, a))
        return CALL_AGAIN;
    const char *code = sts_document_get(&op->document, STS_CODE);
    return passes_by_itself(op, a->status, code) ? CALL_RETRY : CALL_FAILED;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct sts_op *op = arg;
    if (op->has_document)
        sts_document_clear(&op->document);
    op->has_document = false;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    op->has_document = true;
    enum status st = sts_document_read(a->body, &op->document, e);
    if (a->status != 200)
        return judge_error(op, a, e);
    return st == ST_OK ? CALL_OK : CALL_RETRY;
}

static void destroy(struct sts_op *op)
{
    call_cancel(op->call);
    if (op->has_document)
        sts_document_clear(&op->document);
    buf_clear(&op->form);
    arena_wipe(&op->attempt);
    arena_wipe(&op->life);
    free(op);
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct sts_op *op = arg;
    struct sts_answer a = {.verdict = v, .err = *e, .code = "", .document = &op->document};
    op->call = NULL;
    if (v != CALL_OK) {
        (void)err_wrap(&a.err, ST_IO, "%s at %s", op->spec.action, op->spec.endpoint.url);
        if (op->has_document)
            a.code = sts_document_get(&op->document, STS_CODE);
    }
    op->done(op->arg, &a);
    destroy(op);
}

static void keep_spec(struct sts_op *op, const struct sts_spec *s)
{
    struct arena *a = &op->life;
    op->spec = *s;
    op->spec.endpoint.url = arena_cstr(a, span_of(s->endpoint.url));
    op->spec.endpoint.region = arena_cstr(a, span_of(s->endpoint.region));
    op->spec.action = arena_cstr(a, span_of(s->action));
    sts_write_form(&op->form, s);
}

struct sts_op *sts_start(struct creds_kit *kit, const struct sts_spec *s, sts_done_fn done,
                         void *arg)
{
    struct sts_op *op = xcalloc(1, sizeof(*op));
    op->kit = kit;
    op->done = done;
    op->arg = arg;
    arena_init(&op->life);
    arena_init(&op->attempt);
    buf_init_secret(&op->form);
    keep_spec(op, s);
    struct call_spec call = {.attempts = ATTEMPTS,
                             .base_ms = BASE_MS,
                             .cap_ms = CAP_MS,
                             .total_ms = TOTAL_MS,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = op};
    op->call = call_start(kit, &call);
    return op;
}

void sts_cancel(struct sts_op *op)
{
    if (op)
        destroy(op);
}

// ---- credentials

// arn:aws:sts::ACCOUNT:assumed-role/R/s
static struct span account_of(const char *arn)
{
    struct span rest = span_of(arn);
    struct span part = SPAN("");
    for (int i = 0; i < 5; i++)
        if (!span_next(&rest, ':', &part))
            return SPAN("");
    return part;
}

enum status sts_make_creds(struct sts_document *d, const char *provider, const char *source,
                           struct creds **out, struct err *e)
{
    struct creds_parts p = {.access_key = buf_span(&d->fields[STS_ACCESS_KEY]),
                            .secret_key = buf_span(&d->fields[STS_SECRET_KEY]),
                            .session_token = buf_span(&d->fields[STS_SESSION_TOKEN]),
                            .is_temporary = true,
                            .account_id = account_of(sts_document_get(d, STS_ARN)),
                            .provider = provider,
                            .source = source};
    if (!p.session_token.len)
        return err_set(e, ST_INVALID, "%s answered without a session token", d->who);
    if (clock_parse_iso(sts_document_get(d, STS_EXPIRATION), &p.expires_at_ms) != ST_OK)
        return err_set(e, ST_INVALID, "%s answered without an expiry that can be read", d->who);
    enum status st = creds_make(&p, out, e);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", d->who);
}

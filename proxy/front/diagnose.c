// SPDX-License-Identifier: Apache-2.0
// SignatureDoesNotMatch: S3, and in their message many other services, say what they signed; the
// first line that differs from ours says where to look. Values that may be secret are shown by
// their length only. RequestTimeTooSkewed: by how much the clocks differ. AccessDenied: who asked
// for what.
#include "front/diagnose.h"

#include <stdlib.h>

#include "base/clock.h"
#include "front/session.h"
#include "log/log.h"
#include "log/redact.h"
#include "policy/action.h"
#include "retry/classify.h"
#include "retry/error_code.h"
#include "retry/error_text.h"
#include "retry/retry.h"

#define BODY_MAX  RETRY_PEEK_MAX
#define SHOWN_MAX 200 // characters of a line

size_t diagnose_wants(struct request *r, const struct msg *m)
{
    bool may_refuse = m->status == 400 || m->status == 401 || m->status == 403;
    struct span coding = hdrs_get(&m->hdrs, SPAN("content-encoding"));
    if (!may_refuse || !r->plan.is_signed || coding.len)
        return 0;
    r->log.action = action_guess(&r->plan, r->msg, body_start(&r->body), &r->arena);
    return BODY_MAX;
}

// ---- the rate

// Lines of this kind: ten at once, then one a second from all requests together.
static bool is_due(struct request *r, uint64_t *missed)
{
    static const struct rate_spec spec = {.interval_ns = 1000000000, .burst = 10};
    struct front_shared *s = r->worker->shared;
    if (rate_reserve(&s->explained, &spec, clock_mono_us(), 0) < 0) {
        (void)atomic_fetch_add_explicit(&s->unexplained, 1, memory_order_relaxed);
        return false;
    }
    *missed = atomic_exchange_explicit(&s->unexplained, 0, memory_order_relaxed);
    return true;
}

static void say(struct request *r, const char *text)
{
    uint64_t missed = 0;
    if (!is_due(r, &missed))
        return;
    if (missed)
        log_warn(r->id, "%s (%llu refusals before it were not explained)", text,
                 (unsigned long long)missed);
    else
        log_warn(r->id, "%s", text);
}

// ---- a signature that was refused

static const char *show_field(struct span line, struct arena *a)
{
    size_t colon = span_find(line, ':');
    struct span name = span_sub(line, 0, colon);
    struct span value = span_sub(line, colon + 1, SHOWN_MAX);
    if (redact_shows_field(name))
        return arena_printf(a, "\"%.*s:%.*s\"", SPAN_ARG(name), SPAN_ARG(value));
    return arena_printf(a, "\"%.*s\" with %zu octets", SPAN_ARG(name), line.len - colon - 1);
}

static const char *show(enum sign_part part, struct span line, struct arena *a)
{
    struct buf b;
    if (!line.p)
        return "nothing";
    if (part == SIGN_FIELD)
        return show_field(line, a);
    if (part != SIGN_QUERY)
        return arena_printf(a, "\"%.*s\"", SPAN_ARG(span_sub(line, 0, SHOWN_MAX)));
    buf_init_secret(&b);
    redact_query(line, &b);
    const char *shown = arena_printf(a, "\"%.*s\"", SPAN_ARG(span_sub(buf_span(&b), 0, SHOWN_MAX)));
    buf_clear(&b);
    return shown;
}

static const char *cause_of_field(const struct sign_mismatch *m)
{
    struct span ours = span_sub(m->ours, 0, span_find(m->ours, ':'));
    struct span theirs = span_sub(m->theirs, 0, span_find(m->theirs, ':'));
    if (!span_eq(ours, theirs))
        return "a field was taken out, put in or sent twice between this proxy and AWS";
    return span_is(ours, "host") ? "another Host reaches AWS than was signed: see sign_host, and "
                                   "what stands between this proxy and AWS"
                                 : "the field was changed between this proxy and AWS";
}

static const char *cause_of(const struct sign_mismatch *m)
{
    static const char *const causes[] = {
        [SIGN_SAME] = "both sides signed the same text, so the secret key is not the one of this "
                      "access key: mistyped, cut off, or of another pair",
        [SIGN_METHOD] = "the method was changed between this proxy and AWS",
        [SIGN_PATH] = "the path was decoded, encoded or shortened between this proxy and AWS, or "
                      "the route's service is wrong (S3's paths are encoded once, others' twice)",
        [SIGN_QUERY] = "the query was changed or encoded anew between this proxy and AWS",
        [SIGN_NAMES] = "a field was taken out or put in between this proxy and AWS",
        [SIGN_PAYLOAD] = "the body, or what x-amz-content-sha256 says of it, was changed between "
                         "this proxy and AWS, or the service wants another payload mode",
        [SIGN_ALGORITHM] = "AWS reads another algorithm; see algorithm",
        [SIGN_DATE] = "the date was changed between this proxy and AWS",
        [SIGN_SCOPE] = "region or service is not what this endpoint wants; see service and region "
                       "of the route",
        [SIGN_HASH] = "the request was changed between this proxy and AWS, or its payload's hash "
                      "is not the one that the service computes",
    };
    return m->part == SIGN_FIELD ? cause_of_field(m) : causes[m->part];
}

static struct sign_texts texts_of(struct request *r, struct span body)
{
    struct arena *a = &r->arena;
    struct sign_texts t = {.canonical_request = error_element(body, "CanonicalRequest", a),
                           .string_to_sign = error_element(body, "StringToSign", a)};
    struct span message = error_message(body, a);
    if (!t.canonical_request.p)
        t.canonical_request = error_quoted(message, "Canonical String for this request should");
    if (!t.string_to_sign.p)
        t.string_to_sign = error_quoted(message, "String-to-Sign should have been");
    return t;
}

static void explain_signature(struct request *r, struct span code, struct span body)
{
    struct arena *a = &r->arena;
    struct sign_texts theirs = texts_of(r, body);
    struct sign_mismatch m;
    const char *where = "";
    if (!theirs.canonical_request.p && !theirs.string_to_sign.p) {
        say(r, arena_printf(a,
                            "%.*s, and the answer does not say what was signed: the secret key is "
                            "not the one of %s, or the request was changed on its way",
                            SPAN_ARG(code), r->log.key));
        return;
    }
    sign_compare(&r->log.signed_texts, &theirs, &m);
    if (m.part != SIGN_SAME)
        where = arena_printf(a, "in line %u of the %s we have %s and AWS has %s: ", m.line,
                             m.part >= SIGN_ALGORITHM ? "string to sign" : "canonical request",
                             show(m.part, m.ours, a), show(m.part, m.theirs, a));
    say(r,
        arena_printf(a, "%.*s for key %s: %s%s", SPAN_ARG(code), r->log.key, where, cause_of(&m)));
}

// ---- clocks

static void explain_clock(struct request *r, struct span code)
{
    int64_t theirs_ms = 0;
    if (!retry_parse_date(r->log.server_date, &theirs_ms)) {
        say(r, arena_printf(&r->arena, "%.*s: this machine's clock is wrong; set it (NTP)",
                            SPAN_ARG(code)));
        return;
    }
    int64_t off_s = (theirs_ms - r->retry.sent_wall_ms) / 1000;
    say(r, arena_printf(&r->arena,
                        "%.*s: this machine's clock is %lld s %s the upstream's; set it (NTP)%s",
                        SPAN_ARG(code), llabs(off_s), off_s < 0 ? "ahead of" : "behind",
                        r->plan.is_tls && r->config->verify_ssl
                            ? ""
                            : ". It is not corrected here, since without verified TLS anybody "
                              "could have said so"));
}

// ---- permissions

static struct span word_behind(struct span text, const char *behind)
{
    struct span mark = span_of(behind);
    for (size_t i = 0; i + mark.len < text.len; i++)
        if (span_starts(span_sub(text, i, text.len), mark)) {
            struct span rest = span_sub(text, i + mark.len, SHOWN_MAX);
            return span_sub(rest, 0, span_find(rest, ' '));
        }
    return SPAN("");
}

static const char *hint(struct request *r)
{
    struct span method = r->msg->method;
    bool is_object = action_is_object(&r->plan);
    bool is_upload = span_is(method, "PUT") || span_is(method, "POST");
    if (is_object && is_upload && r->plan.payload == PLAN_PAYLOAD_UNSIGNED)
        return "; the body went as UNSIGNED-PAYLOAD: where a policy of the bucket denies that "
               "(s3:x-amz-content-sha256), set payload = hash for this host";
    if (is_object && (span_is(method, "GET") || span_is(method, "HEAD")))
        return "; without s3:ListBucket a key that is not there gets the same answer";
    return "";
}

static void explain_denial(struct request *r, struct span code, struct span body)
{
    struct arena *a = &r->arena;
    const struct creds *c = session_signer(r);
    struct span message = error_message(body, a);
    struct span said = word_behind(message, "not authorized to perform: ");
    struct span user = word_behind(message, "User: ");
    const char *guess = r->log.action;
    const char *who = arena_printf(a, "key %s from %s", r->log.key, c ? c->source : "nowhere");
    if (user.len)
        who = arena_printf(a, "%s, which is %.*s,", who, SPAN_ARG(user));
    if (said.len)
        guess = arena_printf(a, "needs %.*s", SPAN_ARG(said));
    else if (guess)
        guess = arena_printf(a, "probably needs %s", guess);
    else
        guess = arena_printf(a, "may not %.*s there", SPAN_ARG(r->msg->method));
    say(r, arena_printf(a, "%.*s: %s %s on %.*s%.*s%s", SPAN_ARG(code), who, guess,
                        SPAN_ARG(r->plan.host), SPAN_ARG(span_sub(r->plan.path, 0, SHOWN_MAX)),
                        hint(r)));
}

// ---- which of them

static bool is_one_of(struct span code, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (span_is(code, list[i]))
            return true;
    return false;
}
#define IS_ONE_OF(code, list) is_one_of(code, list, sizeof(list) / sizeof((list)[0]))

static struct span code_of(const struct request *r, struct span body)
{
    struct span code = error_code_in_body(body);
    if (!code.len)
        code = error_code_bare(r->log.error_type);
    if (!code.len && !body.len && r->log.status == 403 && span_is(r->msg->method, "HEAD"))
        code = SPAN("403 without a reason");
    return code;
}

void diagnose(struct request *r, struct span body)
{
    static const char *const signatures[] = {"SignatureDoesNotMatch", "InvalidSignatureException"};
    static const char *const clocks[] = {"RequestTimeTooSkewed", "RequestExpired",
                                         "RequestInTheFuture"};
    static const char *const denials[] = {
        "AccessDenied",       "AccessDeniedException",       "UnauthorizedOperation",
        "AuthorizationError", "AuthorizationErrorException", "403 without a reason"};
    struct span code = code_of(r, body);
    struct span message = error_message(body, &r->arena);
    bool is_dated = span_starts(message, SPAN("Signature expired")) ||
                    span_starts(message, SPAN("Signature not yet current"));
    if (IS_ONE_OF(code, clocks) || (IS_ONE_OF(code, signatures) && is_dated))
        explain_clock(r, code);
    else if (IS_ONE_OF(code, signatures))
        explain_signature(r, code, body);
    else if (IS_ONE_OF(code, denials))
        explain_denial(r, code, body);
}

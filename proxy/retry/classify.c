// SPDX-License-Identifier: Apache-2.0
// The code decides where there is one, the status only where it is in the set. So a 4xx is retried
// if and only if its code says that the service throttles or gave up waiting; a success is never
// looked into. The lists are botocore's and aws-sdk-go-v2's (docs: "Retry behavior" in the AWS SDKs
// and Tools Reference Guide), the repairs those of the SDKs one by one.
#include "retry/classify.h"

#include "retry/error_code.h"

#define MAX_REGION 32

// ---- statuses

static bool is_error(int status)
{
    return status >= 400 && status <= 599;
}

static void add_status(struct retry_statuses *s, unsigned status)
{
    s->bits[(status - 400) / 64] |= (uint64_t)1 << ((status - 400) % 64);
}

bool retry_statuses_add(struct retry_statuses *s, struct span word)
{
    uint64_t n = 0;
    if (span_iis(word, "4xx") || span_iis(word, "5xx")) {
        unsigned from = word.p[0] == '4' ? 400 : 500;
        for (unsigned i = from; i < from + 100; i++)
            add_status(s, i);
        return true;
    }
    if (!span_u64(word, &n) || n < 400 || n > 599)
        return false;
    add_status(s, (unsigned)n);
    return true;
}

bool retry_statuses_has(const struct retry_statuses *s, int status)
{
    unsigned at = (unsigned)status - 400;
    return is_error(status) && (s->bits[at / 64] >> (at % 64) & 1);
}

// ---- codes

struct code_row {
    const char *code;
    enum retry_kind kind;
};

static const struct code_row codes[] = {
    {"Throttling", RETRY_THROTTLED},
    {"ThrottlingException", RETRY_THROTTLED},
    {"ThrottledException", RETRY_THROTTLED},
    {"RequestThrottled", RETRY_THROTTLED},
    {"RequestThrottledException", RETRY_THROTTLED},
    {"TooManyRequestsException", RETRY_THROTTLED},
    {"ProvisionedThroughputExceededException", RETRY_THROTTLED},
    {"TransactionInProgressException", RETRY_THROTTLED},
    {"RequestLimitExceeded", RETRY_THROTTLED},
    {"BandwidthLimitExceeded", RETRY_THROTTLED},
    {"LimitExceededException", RETRY_THROTTLED}, // also a hard quota in IAM; the SDKs retry it
    {"SlowDown", RETRY_THROTTLED},
    {"PriorRequestNotComplete", RETRY_THROTTLED},
    {"EC2ThrottledException", RETRY_THROTTLED},
    {"RequestTimeout", RETRY_TRANSIENT},
    {"RequestTimeoutException", RETRY_TRANSIENT},
    {"IDPCommunicationError", RETRY_TRANSIENT}, // STS, 400
    {"RequestTimeTooSkewed", RETRY_CLOCK},
    {"RequestExpired", RETRY_CLOCK},
    {"RequestInTheFuture", RETRY_CLOCK},
    {"InvalidSignatureException", RETRY_SIGNATURE},
    {"SignatureDoesNotMatch", RETRY_SIGNATURE},
    {"AuthFailure", RETRY_SIGNATURE},
    {"ExpiredToken", RETRY_TOKEN},
    {"ExpiredTokenException", RETRY_TOKEN},
    {"TokenRefreshRequired", RETRY_TOKEN},
    {"InvalidToken", RETRY_KEY}, // S3's
    {"InvalidClientTokenId", RETRY_KEY},
    {"UnrecognizedClientException", RETRY_KEY},
    {"InvalidAccessKeyId", RETRY_KEY},
    {"PermanentRedirect", RETRY_REGION},
    {"TemporaryRedirect", RETRY_REGION},
    {"AuthorizationHeaderMalformed", RETRY_REGION},
    {"IllegalLocationConstraintException", RETRY_REGION},
};

static enum retry_kind kind_of_code(struct span code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (span_is(code, codes[i].code))
            return codes[i].kind;
    return RETRY_FINAL;
}

// x-amzn-query-error names the code that Query clients knew, x-amzn-errortype the one of JSON: the
// one that says something wins.
static struct span code_in_head(const struct retry_head *h)
{
    struct span query = span_sub(h->query_error, 0, span_find(h->query_error, ';'));
    struct span a = error_code_bare(h->error_type);
    struct span b = error_code_bare(query);
    return a.len && (kind_of_code(a) != RETRY_FINAL || !b.len) ? a : b;
}

// ---- the head

static bool is_text(const struct retry_head *h)
{
    struct span type = span_sub(h->content_type, 0, span_find(h->content_type, ';'));
    type = span_trim(type);
    return !type.len || span_iis(type, "application/xml") || span_iis(type, "text/xml") ||
           span_iis(type, "application/json") || span_istarts(type, SPAN("application/x-amz-json"));
}

static bool is_readable(const struct retry_head *h)
{
    bool is_plain = !h->content_encoding.len || span_iis(h->content_encoding, "identity");
    return is_plain && !h->is_to_head;
}

bool retry_is_region(struct span s)
{
    if (s.len == 0 || s.len > MAX_REGION)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
            return false;
    return true;
}

static bool is_s3_redirect(const struct retry_head *h)
{
    return h->is_s3 && (h->status == 301 || h->status == 307);
}

// An answer to HEAD has no body to say why; S3 names the bucket's region when that is the reason.
static bool names_region(const struct retry_head *h)
{
    bool is_why = is_s3_redirect(h) || (h->is_s3 && h->is_to_head && h->status == 400);
    return is_why && retry_is_region(h->bucket_region);
}

bool retry_wants_peek(const struct retry_head *h, const struct retry_statuses *s)
{
    if (names_region(h))
        return true;
    if (!is_error(h->status))
        return false;
    if (retry_statuses_has(s, h->status))
        return true;
    struct span code = code_in_head(h);
    if (code.len)
        return kind_of_code(code) != RETRY_FINAL;
    bool is_small = h->length <= RETRY_PEEK_MAX || h->length == UINT64_MAX;
    return is_readable(h) && is_text(h) && is_small && h->length > 0;
}

// ---- both

static enum retry_kind kind_of_status(int status)
{
    return status == 429 || status == 509 ? RETRY_THROTTLED : RETRY_TRANSIENT;
}

static void find_region(const struct retry_head *h, struct span body, struct retry_error *out)
{
    bool says_where = span_is(out->code, "IllegalLocationConstraintException");
    out->region = h->bucket_region;
    if (!out->region.len && is_readable(h))
        out->region = error_region_in_body(body);
    if (!h->is_s3 || !retry_is_region(out->region) || (says_where && h->is_bucket_created)) {
        out->kind = RETRY_FINAL;
        out->region = SPAN("");
    }
}

void retry_classify(const struct retry_head *h, const struct retry_statuses *s, struct span body,
                    bool is_whole, struct retry_error *out)
{
    bool by_status = retry_statuses_has(s, h->status);
    *out = (struct retry_error){.kind = RETRY_FINAL, .code = code_in_head(h)};
    // An error of which too much is missing is streamed on, except where the status is enough.
    if (!out->code.len && is_readable(h) && (is_whole || by_status))
        out->code = error_code_in_body(body);
    out->kind = kind_of_code(out->code);
    if (names_region(h))
        out->kind = RETRY_REGION;
    if (out->kind == RETRY_REGION)
        find_region(h, body, out);
    if (out->kind == RETRY_FINAL && by_status)
        out->kind = kind_of_status(h->status);
}

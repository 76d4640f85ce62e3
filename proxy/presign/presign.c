// SPDX-License-Identifier: Apache-2.0
// A URL that is presigned gets the plan of a request that is forwarded, so that the two can never
// disagree about who may be asked, and as which service and region. The differences: the URL names
// the host that is signed, over TLS, and not the upstream that would be dialled; and dot segments
// are refused, since what uses the URL would take them out and rules could not be trusted.
#include "presign/presign.h"

#include "base/digest.h"
#include "policy/hosts.h"

#define METHOD_MAX 20

static bool refuse(struct presign_refusal *why, int status, const char *code, const char *message)
{
    *why = (struct presign_refusal){.status = status, .code = code, .message = message};
    return false;
}

static bool is_bucket_name(struct span s)
{
    if (s.len < 3 || s.len > 63)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
            s.p[i] != '-' && s.p[i] != '.')
            return false;
    return s.p[0] != '-' && s.p[0] != '.' && s.p[s.len - 1] != '.' && s.p[s.len - 1] != '-';
}

static bool is_region_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
            return false;
    return s.len > 0 && s.len < 40;
}

static const char *suffix_of(struct span region)
{
    static const char *const by_prefix[][2] = {
        {"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},
        {"us-isob-", "sc2s.sgov.gov"},  {"us-isof-", "csp.hci.ic.gov"},
        {"eu-isoe-", "cloud.adc-e.uk"}, {"eusc-", "amazonaws.eu"},
    };
    for (size_t i = 0; i < sizeof(by_prefix) / sizeof(by_prefix[0]); i++)
        if (span_starts(region, span_of(by_prefix[i][0])))
            return by_prefix[i][1];
    return "amazonaws.com";
}

static struct span encode_key(struct span key, struct arena *a)
{
    static const char hex[] = "0123456789ABCDEF";
    char *out = arena_alloc(a, key.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < key.len; i++) {
        char c = key.p[i];
        char low = ascii_lower(c);
        bool is_plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                        c == '_' || c == '.' || c == '~' || c == '/';
        if (is_plain) {
            out[n++] = c;
        } else {
            out[n++] = '%';
            out[n++] = hex[(unsigned char)c >> 4];
            out[n++] = hex[(unsigned char)c & 15];
        }
    }
    return span_from(out, n);
}

// Bucket, key and region as the URL that somebody would have typed.
static bool url_of_parts(const struct presign_ask *ask, const struct presign_input *in,
                         struct arena *a, struct span *url, struct presign_refusal *why)
{
    struct span region = ask->region;
    if (!region.len)
        region = span_of(in->config->region);
    if (!is_region_name(region)) // none, or a set of them
        region = in->default_region;
    if (ask->url.len)
        return refuse(why, 400, "bad-request", "url and bucket don't go together");
    if (!is_bucket_name(ask->bucket))
        return refuse(why, 400, "bad-request",
                      "bucket is not a bucket's name (ask with url for access points)");
    if (!is_region_name(region))
        return refuse(why, 400, "bad-request", "region is not a region's name");
    *url = arena_spanf(a, "https://%.*s.s3.%.*s.%s/", SPAN_ARG(ask->bucket), SPAN_ARG(region),
                       suffix_of(region));
    struct span key = encode_key(ask->key, a);
    *url = arena_spanf(a, "%.*s%.*s", SPAN_ARG(*url), SPAN_ARG(key));
    return true;
}

static bool is_path_good(struct span decoded)
{
    struct span rest = decoded;
    struct span segment;
    for (size_t i = 0; i < decoded.len; i++)
        if ((unsigned char)decoded.p[i] < 0x20 || decoded.p[i] == 0x7f)
            return false;
    while (span_next(&rest, '/', &segment))
        if (span_is(segment, ".") || span_is(segment, ".."))
            return false;
    return true;
}

// wss:// is https:// to all that decides; ws:// is http://, which AWS's hosts have no more.
static struct span read_scheme(struct span url, struct arena *a, struct presign_plan *p)
{
    bool is_wss = span_istarts(url, SPAN("wss://"));
    p->is_websocket = is_wss || span_istarts(url, SPAN("ws://"));
    if (!p->is_websocket)
        return url;
    struct span rest = span_sub(url, is_wss ? 3 : 2, url.len);
    return arena_spanf(a, "%s%.*s", is_wss ? "https" : "http", SPAN_ARG(rest));
}

// A fragment is never sent, and a name's last dot is left out, as browsers and curl do.
static bool read_url(struct span url, struct arena *a, struct uri *out, struct presign_plan *p,
                     struct presign_refusal *why)
{
    struct err e = {""};
    url = read_scheme(span_sub(url, 0, span_find(url, '#')), a, p);
    if (p->is_websocket && !span_is(p->msg.method, "GET"))
        return refuse(why, 400, "bad-request", "a websocket is asked for by GET");
    size_t begin = span_find(url, ':') + 3;
    size_t end = begin;
    while (end < url.len && url.p[end] != '/' && url.p[end] != '?' && url.p[end] != ':')
        end++;
    if (end > begin + 1 && end <= url.len && url.p[end - 1] == '.')
        url = arena_spanf(a, "%.*s%.*s", (int)(end - 1), url.p,
                          SPAN_ARG(span_sub(url, end, url.len)));
    if (uri_parse_url(url, a, out, &e) != ST_OK)
        return refuse(why, 400, "bad-target", arena_printf(a, "url: %s", e.text));
    p->msg.target = url;
    p->host = out->authority.host;
    p->path = uri_decode(out->path, a);
    if (!is_path_good(p->path))
        return refuse(why, 400, "bad-target",
                      "url: its path holds . or .. segments or control octets");
    return true;
}

static bool read_method(struct span given, struct arena *a, struct span *out,
                        struct presign_refusal *why)
{
    char *upper = arena_alloc(a, given.len + 1);
    for (size_t i = 0; i < given.len; i++) {
        bool is_lower = given.p[i] >= 'a' && given.p[i] <= 'z';
        upper[i] = (char)(is_lower ? given.p[i] - 'a' + 'A' : given.p[i]);
    }
    *out = given.len ? span_from(upper, given.len) : SPAN("GET");
    if (out->len > METHOD_MAX || !hdrs_name_ok(*out) || span_is(*out, "CONNECT") ||
        span_is(*out, "TRACE"))
        return refuse(why, 400, "bad-request", "method can't be presigned");
    return true;
}

static bool is_bindable(struct span name)
{
    return !sign_owns_field(name) && !span_iis(name, "host") && !span_iis(name, "expect") &&
           !span_istarts(name, SPAN("proxy-")) && !span_istarts(name, SPAN("sec-")) &&
           !span_iis(name, "origin");
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] >= 0x7f)
            return false;
    return true;
}

static bool read_headers(const struct presign_ask *ask, struct arena *a, struct hdrs *out,
                         struct presign_refusal *why)
{
    hdrs_init(out);
    for (unsigned i = 0; i < ask->headers.n; i++) {
        const struct hdr *h = &ask->headers.v[i];
        if (!hdrs_name_ok(h->name) || !hdrs_value_ok(h->value) || !is_ascii(h->value))
            return refuse(why, 400, "bad-request",
                          "headers: a name or value holds octets that can't be sent");
        if (!is_bindable(h->name) || hdrs_find(out, h->name))
            return refuse(why, 400, "bad-request",
                          arena_printf(a,
                                       "headers: %.*s is given twice, or can't be bound to a URL",
                                       SPAN_ARG(span_sub(h->name, 0, 64))));
        hdrs_add(out, a, h->name, span_trim(h->value));
    }
    unsigned n = out->n;
    hdrs_strip_hop(out);
    if (out->n != n)
        return refuse(why, 400, "bad-request",
                      "headers: one of them concerns a single connection and can't be bound");
    return true;
}

static bool read_profile(const struct presign_ask *ask, struct arena *a, struct presign_plan *p,
                         struct presign_refusal *why)
{
    p->creds_key = p->plan.creds_key;
    if (!ask->profile.len)
        return true;
    for (size_t i = 0; i < ask->profile.len; i++)
        if (ask->profile.p[i] <= ' ' || ask->profile.p[i] > '~' || ask->profile.len > 128)
            return refuse(why, 400, "bad-request", "profile is not the name of a profile");
    if (p->plan.identity)
        return refuse(why, 403, "presign-denied",
                      "this client signs as an [identity] says, and can't choose a profile");
    p->creds_key = arena_printf(a, "profile=%.*s", SPAN_ARG(ask->profile));
    return true;
}

// Whose bucket a rule is about, is known of AWS's own names only: with others the first segment of
// the path may be a bucket or a key.
static void find_bucket(struct presign_plan *p, struct arena *a, bool is_service_asked)
{
    struct hosts_answer h = {.is_aws = false};
    hosts_classify(p->host, a, &h);
    bool is_s3_name = h.is_aws && h.verdict == HOSTS_SIGN && sign_is_s3_family(h.service);
    p->is_s3_host = is_s3_name || (p->plan.route && p->plan.is_s3_family && !is_service_asked);
    if (!is_s3_name)
        return;
    struct span path = span_sub(p->path, 1, p->path.len);
    if (h.is_control)
        return;
    size_t slash = span_find(path, '/');
    bool is_in_host = h.bucket.len || h.hides_bucket;
    p->bucket = is_in_host ? h.bucket : span_sub(path, 0, slash);
    p->key = is_in_host ? path : span_sub(path, slash + 1, path.len);
    if (hosts_is_access_point(p->bucket))
        p->bucket = SPAN("");
}

static bool check_words(const struct presign_ask *ask, struct presign_refusal *why)
{
    if (ask->has_expires && (ask->expires_s < 1 || ask->expires_s > SIGN_EXPIRES_MAX))
        return refuse(why, 400, "presign-expiry",
                      "expires_in is a number of seconds from 1 to 604800");
    const struct span words[] = {ask->service, ask->region};
    for (size_t w = 0; w < 2; w++)
        for (size_t i = 0; i < words[w].len; i++) {
            char c = ascii_lower(words[w].p[i]);
            bool is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                           (w == 1 && (c == '*' || c == ','));
            if (!is_good || words[w].len > 256)
                return refuse(why, 400, "bad-request", "service or region is not a name of one");
        }
    return true;
}

bool presign_make_plan(const struct presign_ask *ask, const struct presign_input *in,
                       struct arena *a, struct presign_plan *out, struct presign_refusal *why)
{
    struct span url = ask->url;
    struct uri uri;
    *out =
        (struct presign_plan){.expires_s = ask->has_expires ? ask->expires_s : PRESIGN_EXPIRES_S};
    out->msg.minor = 1;
    if (!check_words(ask, why) || !read_method(ask->method, a, &out->msg.method, why))
        return false;
    if (ask->bucket.len || ask->key.len) {
        if (!url_of_parts(ask, in, a, &url, why))
            return false;
    } else if (!url.len) {
        return refuse(why, 400, "bad-request", "url, or bucket and key, are missing");
    }
    if (!read_url(url, a, &uri, out, why) || !read_headers(ask, a, &out->msg.hdrs, why))
        return false;
    struct plan_input pin = {.msg = &out->msg,
                             .config = in->config,
                             .client = in->client,
                             .default_region = in->default_region,
                             .is_presign = true,
                             .service = ask->service,
                             .region = ask->region};
    plan_make(&pin, a, &out->plan);
    if (out->plan.kind == PLAN_DENY)
        return refuse(why, out->plan.status, out->plan.code, out->plan.message);
    if (out->plan.kind != PLAN_FORWARD || !out->plan.is_signed)
        return refuse(why, 403, "never-signed",
                      arena_printf(a, "requests to \"%.*s\" are not signed (%s)",
                                   SPAN_ARG(out->host), out->plan.rule_host));
    find_bucket(out, a, ask->service.len > 0);
    return read_profile(ask, a, out, why);
}

// ---- the signature

static bool is_https(const struct presign_plan *p, struct arena *a)
{
    struct span upstream = uri_format_host(&p->plan.upstream, false, a);
    return p->plan.is_tls || !span_eq(p->plan.host, upstream);
}

static enum presign_cut cut(const struct presign_signer *s, int64_t *expires_s)
{
    enum presign_cut by = PRESIGN_NOT_CUT;
    int64_t left_s = (s->creds->expires_at_ms - s->wall_ms) / 1000;
    if (s->max_expires_s && *expires_s > s->max_expires_s) {
        *expires_s = s->max_expires_s;
        by = PRESIGN_CUT_BY_MAXIMUM;
    }
    if (*expires_s > left_s) {
        *expires_s = left_s;
        by = PRESIGN_CUT_BY_CREDENTIALS;
    }
    return by;
}

static struct sign_request request_of(const struct presign_plan *p, struct arena *a)
{
    const struct plan *plan = &p->plan;
    struct sign_field *fields = arena_alloc(a, sizeof(*fields) * (p->msg.hdrs.n + (size_t)1));
    for (unsigned i = 0; i < p->msg.hdrs.n; i++)
        fields[i] = (struct sign_field){p->msg.hdrs.v[i].name, p->msg.hdrs.v[i].value};
    return (struct sign_request){
        .method = p->msg.method,
        .host = plan->host,
        .fields = fields,
        .n_fields = p->msg.hdrs.n,
        .select = SIGN_GIVEN,
        .payload_hash = plan->payload == PLAN_PAYLOAD_UNSIGNED ? SPAN("UNSIGNED-PAYLOAD")
                                                               : SPAN(DIGEST_EMPTY_HEX),
        .is_sigv4a = plan->is_sigv4a,
        .token_unsigned = span_is(plan->service, "iotdevicegateway"),
        .scope = {.region = plan->region, .service = plan->service},
    };
}

enum status presign_sign(const struct presign_plan *p, const struct presign_signer *s,
                         struct arena *a, struct presign_url *out, struct err *e)
{
    struct sign_target target;
    struct sign_result res = {.n_add = 0};
    struct sign_request r = request_of(p, a);
    struct sign_identity id = {.access_key = span_of(s->creds->access_key),
                               .secret_key = span_of(s->creds->secret_key),
                               .session_token = span_of(s->creds->session_token),
                               .generation = s->generation};
    *out = (struct presign_url){.expires_s = p->expires_s};
    out->cut = cut(s, &out->expires_s);
    if (out->expires_s < 1)
        return err_set(e, ST_DENIED,
                       "the AWS credentials have expired and no newer ones are there");
    sign_target_make(p->plan.path, sign_presign_strip(p->plan.query, a), p->plan.is_s3_family, a,
                     &target);
    r.target = &target;
    r.wall_s = s->wall_ms / 1000;
    r.expires_s = out->expires_s;
    enum status st = sign_query(&r, &id, s->cache, a, &res, e);
    if (st != ST_OK)
        return st;
    out->expires_at_ms = (r.wall_s + r.expires_s) * 1000;
    out->url = arena_spanf(a, "%s%s://%.*s%.*s?%.*s", p->is_websocket ? "ws" : "http",
                           is_https(p, a) ? "s" : "", SPAN_ARG(p->plan.host),
                           SPAN_ARG(target.wire_path), SPAN_ARG(res.query));
    return ST_OK;
}

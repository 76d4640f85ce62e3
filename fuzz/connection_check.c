// SPDX-License-Identifier: Apache-2.0
// A reader of HTTP/1.1 and a verifier of SigV4 that share nothing with the proxy's but the hash
// functions. It takes only what can be read in one way: what it does not take must not be sent.
#include "connection_rig.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

#define MAX_FIELDS 300

void (*check_on_fail)(void);

void rig_fail(const char *what)
{
    if (check_on_fail)
        check_on_fail();
    (void)fprintf(stderr, "fuzz: %s\n", what);
    abort();
}

struct field {
    struct span name, value;
};

struct head {
    struct span start; // the line
    struct field fields[MAX_FIELDS];
    unsigned n;
    size_t len; // with the empty line
};

static bool is_token(struct span s)
{
    static const char other[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.p[i]) && (!s.p[i] || !strchr(other, s.p[i])))
            return false;
    return s.len > 0;
}

static bool is_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool take_line(struct span *rest, struct span *line)
{
    const char *end = rest->len ? memmem(rest->p, rest->len, "\r\n", 2) : NULL;
    if (!end)
        return false;
    *line = span_from(rest->p, (size_t)(end - rest->p));
    RIG_REQUIRE(!memchr(line->p, '\n', line->len), "a bare LF was sent");
    *rest = span_sub(*rest, line->len + 2, rest->len);
    return true;
}

// False: it is not all there.
static bool read_head(struct span in, struct head *h)
{
    struct span rest = in;
    struct span line;
    h->n = 0;
    if (!take_line(&rest, &h->start))
        return false;
    while (take_line(&rest, &line)) {
        if (!line.len) {
            h->len = in.len - rest.len;
            return true;
        }
        size_t colon = span_find(line, ':');
        RIG_REQUIRE(colon < line.len && h->n < MAX_FIELDS, "a line that is no field");
        struct field *f = &h->fields[h->n++];
        f->name = span_sub(line, 0, colon);
        f->value = span_trim(span_sub(line, colon + 1, line.len));
        RIG_REQUIRE(is_token(f->name) && is_value(f->value), "a field that is not clean");
    }
    return false;
}

static unsigned count(const struct head *h, const char *name, struct span *value)
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->n; i++) {
        if (span_iis(h->fields[i].name, name)) {
            *value = h->fields[i].value;
            n++;
        }
    }
    return n;
}

// ---- framing

enum framing { NO_FRAMING = 0, COUNTED, CHUNKED };

static enum framing framing_of(const struct head *h, uint64_t *len)
{
    struct span v = SPAN("");
    unsigned n_te = count(h, "transfer-encoding", &v);
    RIG_REQUIRE(!n_te || (n_te == 1 && span_is(v, "chunked")), "a Transfer-Encoding that is odd");
    unsigned n_len = count(h, "content-length", &v);
    RIG_REQUIRE(n_len + n_te <= 1, "a message with two lengths");
    RIG_REQUIRE(!n_len || span_u64(v, len), "a Content-Length that is no number");
    return n_te ? CHUNKED : n_len ? COUNTED : NO_FRAMING;
}

// What a reader of chunks takes; where it is not all there, 0. The data goes to body.
static size_t read_chunks(struct span in, struct buf *body)
{
    struct span rest = in;
    struct span line;
    for (;;) {
        uint64_t len = 0;
        if (!take_line(&rest, &line))
            return 0;
        RIG_REQUIRE(line.len && line.len <= 8, "a chunk's length that is odd");
        for (size_t i = 0; i < line.len; i++) {
            RIG_REQUIRE(hex_value(line.p[i]) >= 0, "a chunk's length that is no number");
            len = len * 16 + (uint64_t)hex_value(line.p[i]);
        }
        if (rest.len < len + 2)
            return 0;
        RIG_REQUIRE(memcmp(rest.p + len, "\r\n", 2) == 0, "a chunk without its end");
        buf_add(body, rest.p, (size_t)len);
        rest = span_sub(rest, (size_t)len + 2, rest.len);
        if (!len)
            return in.len - rest.len;
    }
}

// ---- the signature

static bool holds(struct span in, const char *text);

static bool is_unreserved(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-._~", c));
}

static void encode(struct buf *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_unreserved(s.p[i]) || s.p[i] == '/')
            buf_add_char(out, s.p[i]);
        else
            buf_addf(out, "%%%02X", (unsigned char)s.p[i]);
    }
}

// Without empty segments, "." and "..".
static void normalise(struct buf *out, struct span path)
{
    struct span segments[2048];
    unsigned n = 0;
    struct span rest = span_sub(path, 1, path.len);
    struct span s;
    bool ends_open = true;
    while (span_next(&rest, '/', &s)) {
        ends_open = !s.len || span_is(s, ".") || span_is(s, "..");
        if (span_is(s, "..") && n)
            n--;
        else if (s.len && !span_is(s, ".") && !span_is(s, "..") && n < 2048)
            segments[n++] = s;
    }
    // The trailing slash stays where the path ends in one.
    ends_open = ends_open && path.p[path.len - 1] == '/' && n;
    for (unsigned i = 0; i < n; i++) {
        buf_add_char(out, '/');
        buf_add_span(out, segments[i]);
    }
    if (!n || ends_open)
        buf_add_char(out, '/');
}

static void canonical_path(struct buf *out, struct span path, bool is_s3)
{
    struct buf plain;
    if (is_s3) {
        for (size_t i = 0; i < path.len; i++)
            RIG_REQUIRE(is_unreserved(path.p[i]) || path.p[i] == '/' || path.p[i] == '%',
                        "a path to S3 that is not strictly encoded");
        buf_add_span(out, path);
        return;
    }
    buf_init(&plain);
    normalise(&plain, path);
    encode(out, buf_span(&plain));
    buf_clear(&plain);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// A run of blanks counts as one space.
static void canonical_field(struct buf *out, const struct head *h, struct span name)
{
    unsigned n = 0;
    buf_add_span(out, name);
    buf_add_char(out, ':');
    for (unsigned i = 0; i < h->n; i++) {
        struct span v = h->fields[i].value;
        if (!span_ieq(h->fields[i].name, name))
            continue;
        if (n++)
            buf_add_char(out, ',');
        for (size_t k = 0; k < v.len; k++) // trimmed: the first is no blank
            if (!is_blank(v.p[k]))
                buf_add_char(out, v.p[k]);
            else if (!is_blank(v.p[k - 1]))
                buf_add_char(out, ' ');
    }
    RIG_REQUIRE(n, "a signed field that was not sent");
    buf_add_char(out, '\n');
}

static struct span part(struct span *rest, const char *label)
{
    struct span s = SPAN("");
    RIG_REQUIRE(span_starts(*rest, span_of(label)), "an Authorization that is odd");
    *rest = span_sub(*rest, strlen(label), rest->len);
    RIG_REQUIRE(span_next(rest, ',', &s), "an Authorization that is cut");
    if (rest->p && rest->len && rest->p[0] == ' ')
        *rest = span_sub(*rest, 1, rest->len);
    return s;
}

static void require_all_amz_signed(const struct head *h, struct span names)
{
    for (unsigned i = 0; i < h->n; i++) {
        struct span name = h->fields[i].name;
        struct span rest = names;
        struct span s;
        bool is_signed = false;
        while (span_next(&rest, ';', &s))
            is_signed |= span_ieq(s, name);
        RIG_REQUIRE(is_signed || !(span_istarts(name, SPAN("x-amz-")) || span_iis(name, "host")),
                    "a field that has to be signed is not");
    }
}

static void hmac_chain(struct span secret, struct span scope, struct span to_sign, char hex[65])
{
    struct buf first;
    uint8_t key[DIGEST_LEN];
    uint8_t next[DIGEST_LEN];
    struct span s;
    bool is_first = true;
    buf_init(&first);
    buf_addf(&first, "AWS4%.*s", SPAN_ARG(secret));
    while (span_next(&scope, '/', &s)) {
        if (is_first)
            digest_hmac(first.p, first.len, s, next);
        else
            digest_hmac(key, sizeof(key), s, next);
        is_first = false;
        memcpy(key, next, sizeof(key));
    }
    digest_hmac(key, sizeof(key), to_sign, next);
    hex_encode(next, sizeof(next), hex);
    hex[64] = '\0';
    buf_clear(&first);
}

struct target {
    struct span method, path, query;
};

static void canonical_request(struct buf *out, const struct head *h, const struct target *t,
                              struct span names, struct span payload, bool is_s3)
{
    struct span rest = names;
    struct span name;
    buf_addf(out, "%.*s\n", SPAN_ARG(t->method));
    canonical_path(out, t->path, is_s3);
    buf_addf(out, "\n%.*s\n", SPAN_ARG(t->query));
    while (span_next(&rest, ';', &name))
        canonical_field(out, h, name);
    buf_addf(out, "\n%.*s\n%.*s", SPAN_ARG(names), SPAN_ARG(payload));
}

// body NULL: it is not all there.
static void check_signature(const struct head *h, const struct target *t, const struct buf *body)
{
    struct span auth = SPAN("");
    struct span date = SPAN("");
    struct span payload = SPAN("");
    char hash[65];
    char hex[65];
    struct buf text, to_sign;
    RIG_REQUIRE(count(h, "authorization", &auth) == 1, "a request without its signature");
    RIG_REQUIRE(count(h, "x-amz-date", &date) == 1 && date.len == 16, "no date or several");
    struct span token = SPAN("");
    RIG_REQUIRE(count(h, "x-amz-security-token", &token) == 1 && token.len == strlen(RIG_TOKEN) &&
                    holds(token, RIG_TOKEN),
                "not the credentials' token");
    struct span credential = part(&auth, "AWS4-HMAC-SHA256 Credential=");
    struct span names = part(&auth, "SignedHeaders=");
    struct span signature = part(&auth, "Signature=");
    RIG_REQUIRE(!auth.p, "something behind the signature");
    RIG_REQUIRE(span_starts(credential, SPAN(RIG_KEY "/")), "another key's signature");
    struct span scope = span_sub(credential, sizeof(RIG_KEY), credential.len);
    RIG_REQUIRE(span_starts(date, span_sub(scope, 0, 8)), "two dates");
    bool is_s3 = span_ends(scope, SPAN("/us-east-1/s3/aws4_request"));
    RIG_REQUIRE(is_s3 || span_ends(scope, SPAN("/us-east-1/execute-api/aws4_request")),
                "the scope");
    require_all_amz_signed(h, names);
    if (!count(h, "x-amz-content-sha256", &payload)) {
        if (!body)
            return;
        digest_sha256_hex(buf_span(body), hash);
        payload = span_of(hash);
    }
    buf_init(&text);
    buf_init(&to_sign);
    canonical_request(&text, h, t, names, payload, is_s3);
    digest_sha256_hex(buf_span(&text), hash);
    buf_addf(&to_sign, "AWS4-HMAC-SHA256\n%.*s\n%.*s\n%s", SPAN_ARG(date), SPAN_ARG(scope), hash);
    hmac_chain(SPAN(RIG_SECRET), scope, buf_span(&to_sign), hex);
    RIG_REQUIRE(span_is(signature, hex), "the signature is over something else");
    buf_clear(&text);
    buf_clear(&to_sign);
}

// ---- requests

// What passes unsigned keeps its octets from 0x80 up.
static struct target target_of(struct span line, bool is_signed)
{
    struct target t = {.method = span_sub(line, 0, span_find(line, ' '))};
    RIG_REQUIRE(is_token(t.method), "a method that is none");
    struct span rest = span_sub(line, t.method.len + 1, line.len);
    struct span target = span_sub(rest, 0, span_find(rest, ' '));
    RIG_REQUIRE(span_is(span_sub(rest, target.len, rest.len), " HTTP/1.1"), "a request line");
    RIG_REQUIRE(target.len && (target.p[0] == '/' || span_is(target, "*")), "a target's form");
    for (size_t i = 0; i < target.len; i++)
        RIG_REQUIRE((target.p[i] > ' ' && target.p[i] < 0x7f && target.p[i] != '#') ||
                        (!is_signed && target.p[i] < 0),
                    "a target's octets");
    t.path = span_sub(target, 0, span_find(target, '?'));
    t.query = span_sub(target, t.path.len + 1, target.len);
    return t;
}

// Whether the head asks for a websocket, in the one way that this may be done.
static bool asks_for_websocket(const struct head *h)
{
    struct span connection = SPAN("");
    struct span upgrade = SPAN("");
    if (count(h, "connection", &connection) + count(h, "upgrade", &upgrade) == 0)
        return false;
    RIG_REQUIRE(span_is(connection, "Upgrade") && span_is(upgrade, "websocket") &&
                    count(h, "connection", &connection) == 1 && count(h, "upgrade", &upgrade) == 1,
                "an upgrade to something else");
    RIG_REQUIRE(span_starts(h->start, SPAN("GET ")), "an upgrade by another method");
    return true;
}

static bool check_fields(const struct head *h, bool upgrades)
{
    static const char *const hop[] = {
        "keep-alive", "proxy-connection", "proxy-authorization", "te",
        "trailer",    "http2-settings",   "proxy-authenticate",
    };
    struct span v = SPAN("");
    bool asks = asks_for_websocket(h);
    RIG_REQUIRE(upgrades || !asks, "a field of one hop went on");
    RIG_REQUIRE(count(h, "host", &v) == 1 && v.len, "no Host or several");
    for (size_t i = 0; i < sizeof(hop) / sizeof(hop[0]); i++)
        RIG_REQUIRE(!count(h, hop[i], &v), "a field of one hop went on");
    return asks;
}

unsigned check_requests(struct span got, bool is_signed, bool upgrades)
{
    static struct head h; // large
    struct buf body;
    unsigned n = 0;
    buf_init(&body);
    while (got.len) {
        uint64_t len = 0;
        n++;
        if (!read_head(got, &h))
            break;
        struct target t = target_of(h.start, is_signed);
        bool asks = check_fields(&h, upgrades);
        enum framing framing = framing_of(&h, &len);
        got = span_sub(got, h.len, got.len);
        buf_reset(&body);
        bool is_whole = framing == NO_FRAMING || (framing == COUNTED && got.len >= len);
        size_t used = is_whole ? (size_t)len : 0;
        if (framing == CHUNKED) {
            used = read_chunks(got, &body);
            is_whole = used > 0;
        } else {
            buf_add(&body, got.p, is_whole ? (size_t)len : 0);
        }
        if (is_signed)
            check_signature(&h, &t, is_whole ? &body : NULL);
        RIG_REQUIRE(!asks || framing == NO_FRAMING, "an upgrade with a body");
        if (!is_whole || asks)
            break;
        got = span_sub(got, used, got.len);
    }
    buf_clear(&body);
    return n;
}

// ---- answers

static unsigned status_of(struct span line)
{
    RIG_REQUIRE(span_starts(line, SPAN("HTTP/1.1 ")) && line.len >= 13 && line.p[12] == ' ',
                "a status line");
    uint64_t status = 0;
    RIG_REQUIRE(span_u64(span_sub(line, 9, 3), &status) && status >= 100 && status <= 599 &&
                    is_value(line),
                "a status");
    return (unsigned)status;
}

unsigned check_answers(struct span got, bool may_be_head, bool may_be_tunnel, bool upgrades)
{
    static struct head h;
    struct buf body;
    unsigned n = 0;
    buf_init(&body);
    while (got.len) {
        uint64_t len = 0;
        if (!read_head(got, &h)) {
            n += !span_starts(got, SPAN("HTTP/1.1 1"));
            break;
        }
        unsigned status = status_of(h.start);
        enum framing framing = framing_of(&h, &len);
        got = span_sub(got, h.len, got.len);
        RIG_REQUIRE(upgrades || status != 101, "a 101 that nobody asked for");
        if (status < 200 && status != 101)
            continue;
        n++;
        if (status == 101)
            break;
        if (status == 204 || status == 304)
            continue;
        size_t used = framing == CHUNKED ? read_chunks(got, &body) : (size_t)len;
        bool is_whole = framing == CHUNKED ? used > 0 : framing == COUNTED && got.len >= len;
        // Behind an answer to HEAD, a tunnel or what ends with the connection all may follow.
        if (!is_whole || may_be_head || (may_be_tunnel && status < 300))
            break;
        got = span_sub(got, used, got.len);
    }
    buf_clear(&body);
    return n;
}

// By a rolling hash: libFuzzer watches memmem and memcmp, and would write what they look for into
// its inputs.
static bool holds(struct span in, const char *text)
{
    const uint64_t base = 0x100000001b3;
    size_t len = strlen(text);
    uint64_t want = 0;
    uint64_t have = 0;
    uint64_t top = 1;
    for (size_t i = 0; i < len; i++) {
        want = want * base + (unsigned char)text[i];
        top *= base;
    }
    for (size_t i = 0; i < in.len; i++) {
        have = have * base + (unsigned char)in.p[i];
        if (i >= len)
            have -= top * (unsigned char)in.p[i - len];
        if (i + 1 >= len && have == want)
            return true;
    }
    return false;
}

void check_secrets(struct span got)
{
    RIG_REQUIRE(!holds(got, RIG_SECRET), "the secret key got out");
}

void check_token(struct span got)
{
    RIG_REQUIRE(!holds(got, RIG_TOKEN), "the session token got out");
}

void check_log(struct span log)
{
    check_secrets(log);
    check_token(log);
    RIG_REQUIRE(!log.len || log.p[log.len - 1] == '\n', "a line of the log without its end");
    bool is_start = true;
    for (size_t i = 0; i < log.len; i++) {
        char c = log.p[i];
        RIG_REQUIRE(c == '\n' || (c >= ' ' && c <= '~'), "a control octet in the log");
        RIG_REQUIRE(!is_start || isdigit((unsigned char)c), "a line of the log that was forged");
        is_start = c == '\n';
    }
}

// SPDX-License-Identifier: Apache-2.0
// From a request to its signature. One time stamp a signature: date header and scope are both cut
// from it, so that midnight cannot come between them.
#include <string.h>

#include "base/clock.h"
#include "sign/sign_int.h"

static char *put_digits(char *out, int value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + n;
}

static void make_stamp(int64_t wall_s, char out[STAMP_LEN])
{
    struct clock_date d;
    clock_split(wall_s, &d);
    out = put_digits(out, d.year, 4);
    out = put_digits(out, d.month, 2);
    out = put_digits(out, d.day, 2);
    *out++ = 'T';
    out = put_digits(out, d.hour, 2);
    out = put_digits(out, d.minute, 2);
    out = put_digits(out, d.second, 2);
    *out = 'Z';
}

// Eight octets at a time, for tokens are long: in 0x21..0x7e neither the octet itself, nor the
// octet less 0x21, nor the octet plus one has its high bit set; the lowest octet outside sets one
// of them.
bool is_visible(struct span s)
{
    const uint64_t ones = 0x0101010101010101;
    for (; s.len >= sizeof(uint64_t); s = span_sub(s, sizeof(uint64_t), s.len)) {
        uint64_t w;
        memcpy(&w, s.p, sizeof(w));
        if ((w | (w - 0x21 * ones) | (w + ones)) & (0x80 * ones))
            return false;
    }
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

static enum status check(const struct sign_request *r, const struct sign_identity *id,
                         struct err *e)
{
    const struct {
        const char *what;
        struct span value;
        bool may_be_empty;
    } inputs[] = {
        {"method", r->method, false},
        {"host", r->host, false},
        {"payload hash", r->payload_hash, false},
        {"region", r->scope.region, false},
        {"service", r->scope.service, false},
        {"access key id", id->access_key, false},
        {"session token", id->session_token, true},
    };
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        if (!inputs[i].value.len && !inputs[i].may_be_empty)
            return err_set(e, ST_INVALID, "nothing to sign with: the %s is empty", inputs[i].what);
        if (!is_visible(inputs[i].value))
            return err_set(e, ST_INVALID, "cannot be signed: a blank or control octet in the %s",
                           inputs[i].what);
    }
    return ST_OK;
}

enum status signing_begin(struct signing *s, struct err *e)
{
    enum status st = check(s->r, s->id, e);
    if (st != ST_OK)
        return st;
    make_stamp(s->r->wall_s, s->stamp);
    struct span date = span_from(s->stamp, DATE_LEN);
    const struct sign_scope *scope = &s->r->scope;
    if (s->r->is_sigv4a) {
        s->algorithm = SPAN("AWS4-ECDSA-P256-SHA256");
        s->scope = ARENA_JOIN(s->a, date, SPAN("/"), scope->service, SPAN("/aws4_request"));
    } else {
        s->algorithm = SPAN("AWS4-HMAC-SHA256");
        s->scope = ARENA_JOIN(s->a, date, SPAN("/"), scope->region, SPAN("/"), scope->service,
                              SPAN("/aws4_request"));
    }
    return ST_OK;
}

struct span token_name(const struct sign_identity *id)
{
    return id->is_s3_session ? SPAN("X-Amz-S3session-Token") : SPAN("X-Amz-Security-Token");
}

struct span signed_names(const struct signed_fields *f, struct arena *a)
{
    char *p = arena_alloc(a, f->names_len);
    return span_from(p, (size_t)(signed_fields_write_names(p, f) - p));
}

static struct span canonical_request(const struct signing *s, const struct signed_fields *fields,
                                     struct span query, struct span names)
{
    const struct sign_request *r = s->r;
    size_t max_len = r->method.len + r->target->canon_path.len + query.len + fields->values_len +
                     names.len + r->payload_hash.len + 5;
    char *p = arena_alloc(s->a, max_len);
    char *end = put(p, r->method);
    *end++ = '\n';
    end = put(end, r->target->canon_path);
    *end++ = '\n';
    end = put(end, query);
    *end++ = '\n';
    end = signed_fields_write(end, fields);
    *end++ = '\n';
    end = put(end, names);
    *end++ = '\n';
    end = put(end, r->payload_hash);
    return span_from(p, (size_t)(end - p));
}

static struct span sign_hmac(const struct signing *s, struct span string_to_sign)
{
    uint8_t mac[DIGEST_LEN];
    struct sign_key *key = sign_key_acquire(s->cache, s->id, s->stamp, &s->r->scope);
    sign_key_hmac(key, string_to_sign, mac);
    sign_key_release(key);
    char *hex = arena_alloc(s->a, DIGEST_HEX);
    hex_encode(mac, sizeof(mac), hex);
    return span_from(hex, DIGEST_HEX);
}

static struct span sign_ecdsa(const struct signing *s, struct span string_to_sign)
{
    struct sign_ec_key *key = sign_ec_key_acquire(s->cache, s->id);
    struct span hex = sign_ec_hex(key, string_to_sign, s->a);
    sign_ec_key_release(key);
    return hex;
}

void signing_finish(const struct signing *s, const struct signed_fields *fields, struct span query,
                    struct sign_result *out)
{
    char hash[DIGEST_HEX + 1];
    out->canonical_request = canonical_request(s, fields, query, out->signed_headers);
    digest_sha256_hex(out->canonical_request, hash);
    out->string_to_sign = ARENA_JOIN(s->a, s->algorithm, SPAN("\n"), span_from(s->stamp, STAMP_LEN),
                                     SPAN("\n"), s->scope, SPAN("\n"), span_from(hash, DIGEST_HEX));
    out->signature =
        s->r->is_sigv4a ? sign_ecdsa(s, out->string_to_sign) : sign_hmac(s, out->string_to_sign);
}

static void add(struct sign_result *out, struct span name, struct span value)
{
    out->add[out->n_add++] = (struct sign_field){.name = name, .value = value};
}

enum status sign_header(const struct sign_request *r, const struct sign_identity *id,
                        struct sign_key_cache *cache, struct arena *a, struct sign_result *out,
                        struct err *e)
{
    struct signing s = {.r = r, .id = id, .cache = cache, .a = a};
    struct signed_fields fields;
    *out = (struct sign_result){.n_add = 0};
    enum status st = signing_begin(&s, e);
    if (st != ST_OK)
        return st;
    add(out, SPAN("X-Amz-Date"), arena_dup(a, span_from(s.stamp, STAMP_LEN)));
    if (r->send_payload_header)
        add(out, SPAN("X-Amz-Content-Sha256"), r->payload_hash);
    if (r->is_sigv4a)
        add(out, SPAN("X-Amz-Region-Set"), r->scope.region);
    bool has_token = id->session_token.len > 0;
    if (has_token && !r->token_unsigned)
        add(out, token_name(id), id->session_token);
    st = signed_fields_make(r, out->add, out->n_add, a, &fields, e);
    if (st != ST_OK)
        return st;
    if (has_token && r->token_unsigned)
        add(out, token_name(id), id->session_token);
    out->signed_headers = signed_names(&fields, a);
    signing_finish(&s, &fields, r->target->query, out);
    add(out, SPAN("Authorization"),
        ARENA_JOIN(a, s.algorithm, SPAN(" Credential="), id->access_key, SPAN("/"), s.scope,
                   SPAN(", SignedHeaders="), out->signed_headers, SPAN(", Signature="),
                   out->signature));
    return ST_OK;
}

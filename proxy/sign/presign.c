// SPDX-License-Identifier: Apache-2.0
// The signature in the query. Everything but the signature itself is part of the canonical query,
// so the parameters are put together in the order in which they are sent, and sorted for the
// canonical form only.
#include "sign/presign.h"

#include "sign/sign_int.h"

static const struct span v4_names[] = {
    SPAN("X-Amz-Algorithm"),  SPAN("X-Amz-Credential"),      SPAN("X-Amz-Date"),
    SPAN("X-Amz-Expires"),    SPAN("X-Amz-SignedHeaders"),   SPAN("X-Amz-Signature"),
    SPAN("X-Amz-Region-Set"), SPAN("X-Amz-S3session-Token"), SPAN("X-Amz-Security-Token"),
};
// The first two make it one; the rest comes with S3's form, or with that of the Query protocols.
static const struct span v2_names[] = {
    SPAN("Signature"),        SPAN("AWSAccessKeyId"),       SPAN("Expires"),
    SPAN("SignatureVersion"), SPAN("SignatureMethod"),      SPAN("Timestamp"),
    SPAN("SecurityToken"),    SPAN("X-Amz-Security-Token"),
};

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))
#define NAME_MAX_LEN 24
#define NOT_IN_LIST  UINT32_MAX
#define V2_MARKS     3u // of v2_names

// Index in the list of the parameter's name, whatever its case and spelling.
static unsigned name_index(struct span part, const struct span *list, unsigned n)
{
    char buffer[NAME_MAX_LEN];
    struct span name = decode_name(span_sub(part, 0, span_find(part, '=')), buffer, NAME_MAX_LEN);
    for (unsigned i = 0; i < n; i++)
        if (span_ieq(name, list[i]))
            return i;
    return NOT_IN_LIST;
}

enum sign_presigned sign_presign_detect(struct span query)
{
    unsigned v2_seen = 0;
    struct span part;
    while (span_next(&query, '&', &part)) {
        unsigned v4 = name_index(part, v4_names, COUNT(v4_names));
        unsigned v2 = name_index(part, v2_names, COUNT(v2_names));
        if (v4 != NOT_IN_LIST &&
            (span_is(v4_names[v4], "X-Amz-Algorithm") || span_is(v4_names[v4], "X-Amz-Signature")))
            return SIGN_PRESIGNED_V4;
        if (v2 != NOT_IN_LIST)
            v2_seen |= 1u << v2;
    }
    return (v2_seen & V2_MARKS) == V2_MARKS ? SIGN_PRESIGNED_V2 : SIGN_NOT_PRESIGNED;
}

static struct span strip(struct span query, const struct span *list, unsigned n, struct arena *a)
{
    char *out = arena_alloc(a, query.len);
    char *end = out;
    struct span part;
    while (span_next(&query, '&', &part)) {
        if (name_index(part, list, n) != NOT_IN_LIST)
            continue;
        if (end != out)
            *end++ = '&';
        end = put(end, part);
    }
    return span_from(out, (size_t)(end - out));
}

struct span sign_presign_strip(struct span query, struct arena *a)
{
    switch (sign_presign_detect(query)) {
    case SIGN_PRESIGNED_V4:
        return strip(query, v4_names, COUNT(v4_names), a);
    case SIGN_PRESIGNED_V2:
        return strip(query, v2_names, COUNT(v2_names), a);
    case SIGN_NOT_PRESIGNED:
        break;
    }
    return query;
}

static struct span encoded(struct span s, struct arena *a)
{
    size_t len = encoded_len(s, false);
    char *p = arena_alloc(a, len);
    (void)encode(p, s, false);
    return span_from(p, len);
}

// The client's, and those of ours that are always there, in the order in which they are sent.
static struct span parameters(const struct signing *s, struct span names)
{
    const struct sign_request *r = s->r;
    struct span given = strip(r->target->query, v4_names, COUNT(v4_names), s->a);
    struct span credential = ARENA_JOIN(s->a, s->id->access_key, SPAN("/"), s->scope);
    return ARENA_JOIN(s->a, given, given.len ? SPAN("&") : SPAN(""), SPAN("X-Amz-Algorithm="),
                      s->algorithm, SPAN("&X-Amz-Credential="), encoded(credential, s->a),
                      SPAN("&X-Amz-Date="), span_from(s->stamp, STAMP_LEN),
                      SPAN("&X-Amz-SignedHeaders="), encoded(names, s->a), SPAN("&X-Amz-Expires="),
                      arena_spanf(s->a, "%lld", (long long)r->expires_s));
}

static struct span region_parameter(const struct signing *s)
{
    if (!s->r->is_sigv4a)
        return SPAN("");
    return ARENA_JOIN(s->a, SPAN("&X-Amz-Region-Set="), encoded(s->r->scope.region, s->a));
}

static struct span token_parameter(const struct signing *s)
{
    if (!s->id->session_token.len)
        return SPAN("");
    return ARENA_JOIN(s->a, SPAN("&"), token_name(s->id), SPAN("="),
                      encoded(s->id->session_token, s->a));
}

enum status sign_query(const struct sign_request *r, const struct sign_identity *id,
                       struct sign_key_cache *cache, struct arena *a, struct sign_result *out,
                       struct err *e)
{
    struct signing s = {.r = r, .id = id, .cache = cache, .a = a};
    struct signed_fields fields;
    *out = (struct sign_result){.n_add = 0};
    if (r->expires_s < 1 || r->expires_s > SIGN_EXPIRES_MAX)
        return err_set(e, ST_INVALID, "expiry of %lld s: 1 to %d can be signed",
                       (long long)r->expires_s, SIGN_EXPIRES_MAX);
    enum status st = signing_begin(&s, e);
    // VPC Lattice wants this field even there (the SDKs' common runtime signs it, too).
    if (r->send_payload_header && span_is(r->scope.service, "vpc-lattice-svcs"))
        out->add[out->n_add++] = (struct sign_field){SPAN("X-Amz-Content-Sha256"), r->payload_hash};
    if (st == ST_OK)
        st = signed_fields_make(r, out->add, out->n_add, a, &fields, e);
    if (st != ST_OK)
        return st;
    out->signed_headers = signed_names(&fields, a);
    struct span always = parameters(&s, out->signed_headers);
    struct span region = region_parameter(&s);
    struct span all = ARENA_JOIN(a, always, token_parameter(&s), region);
    struct span to_sign = r->token_unsigned ? ARENA_JOIN(a, always, region) : all;
    signing_finish(&s, &fields, canonical_query(to_sign, a), out);
    out->query = ARENA_JOIN(a, all, SPAN("&X-Amz-Signature="), out->signature);
    return ST_OK;
}

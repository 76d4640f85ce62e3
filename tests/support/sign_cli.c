// SPDX-License-Identifier: Apache-2.0
// The signer as a filter, for the vector and differential tests: one request a line on standard
// input as tab-separated key=hex, one answer a line on standard output in the same form. Everything
// is hex, so that requests may hold any octet. Keys: method target host payload service region
// access secret token s3session time(decimal) expires(decimal) canon(overrides line 2) and h=<name
// hex>:<value hex>, repeated; body, framed as aws-chunked by framing (an x-amz-content-sha256
// value) with t=<name hex>:<value hex> as its trailer; flags, without a value: query v4a all given
// sendhash tokenunsigned s3session.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sign/presign.h"
#include "sign/stream.h"

#include "base/buf.h"
#include "base/digest.h"

#define MAX_FIELDS 256

struct job {
    struct sign_request r;
    struct sign_target target;
    struct sign_identity id;
    struct sign_field fields[MAX_FIELDS];
    struct span raw_target;
    struct span canon; // p == NULL: none given
    bool is_query;
    struct span body;
    struct span framing; // p == NULL: the body is not framed
    struct sign_field trailers[MAX_FIELDS];
    unsigned n_trailers;
};

static void die(const char *what)
{
    (void)fprintf(stderr, "sign_cli: %s\n", what);
    exit(2);
}

static struct span unhex(struct span hex, struct arena *a)
{
    if (hex.len % 2)
        die("odd number of hex digits");
    char *p = arena_alloc(a, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = hex_value(hex.p[2 * i]);
        int low = hex_value(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            die("not a hex digit");
        p[i] = (char)(high << 4 | low);
    }
    return span_from(p, hex.len / 2);
}

static int64_t number(struct span s)
{
    uint64_t n = 0;
    bool is_negative = s.len && s.p[0] == '-';
    if (!span_u64(span_sub(s, is_negative ? 1 : 0, s.len), &n) || n > INT64_MAX)
        die("not a number");
    return is_negative ? -(int64_t)n : (int64_t)n;
}

static bool set_flag(struct job *j, struct span key)
{
    if (span_is(key, "query"))
        j->is_query = true;
    else if (span_is(key, "v4a"))
        j->r.is_sigv4a = true;
    else if (span_is(key, "all"))
        j->r.select = SIGN_ALL;
    else if (span_is(key, "given"))
        j->r.select = SIGN_GIVEN;
    else if (span_is(key, "sendhash"))
        j->r.send_payload_header = true;
    else if (span_is(key, "tokenunsigned"))
        j->r.token_unsigned = true;
    else if (span_is(key, "s3session"))
        j->id.is_s3_session = true;
    else
        return false;
    return true;
}

static void add_field(struct sign_field *v, unsigned *n, struct span pair, struct arena *a)
{
    size_t colon = span_find(pair, ':');
    if (colon == pair.len || *n == MAX_FIELDS)
        die("bad header field");
    v[*n].name = unhex(span_sub(pair, 0, colon), a);
    v[(*n)++].value = unhex(span_sub(pair, colon + 1, pair.len), a);
}

static void set(struct job *j, struct span key, struct span value, struct arena *a)
{
    const struct {
        const char *key;
        struct span *to;
    } spans[] = {
        {"method", &j->r.method},
        {"target", &j->raw_target},
        {"host", &j->r.host},
        {"payload", &j->r.payload_hash},
        {"service", &j->r.scope.service},
        {"region", &j->r.scope.region},
        {"access", &j->id.access_key},
        {"secret", &j->id.secret_key},
        {"token", &j->id.session_token},
        {"canon", &j->canon},
        {"body", &j->body},
        {"framing", &j->framing},
    };
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        if (span_is(key, spans[i].key)) {
            *spans[i].to = unhex(value, a);
            return;
        }
    }
    if (span_is(key, "h"))
        add_field(j->fields, &j->r.n_fields, value, a);
    else if (span_is(key, "t"))
        add_field(j->trailers, &j->n_trailers, value, a);
    else if (span_is(key, "time"))
        j->r.wall_s = number(value);
    else if (span_is(key, "expires"))
        j->r.expires_s = number(value);
    else if (!set_flag(j, key))
        die("unknown key");
}

static void show(const char *key, struct span value)
{
    printf("%s=", key);
    for (size_t i = 0; i < value.len; i++)
        printf("%02x", (unsigned char)value.p[i]);
    putchar('\t');
}

static void show_target(const char *key, struct span path, struct span query, struct arena *a)
{
    if (query.len)
        path = arena_spanf(a, "%.*s?%.*s", SPAN_ARG(path), SPAN_ARG(query));
    show(key, path);
}

static void show_framed(struct job *j, struct span seed, struct arena *a)
{
    char head[SIGN_CHUNK_HEAD_MAX];
    uint8_t hash[DIGEST_LEN];
    uint64_t want = 0;
    struct buf wire;
    j->r.payload_hash = j->framing;
    struct sign_chunks *c = sign_chunks_new(&j->r, &j->id, NULL, seed);
    if (!c)
        die("no framing that we write");
    buf_init(&wire);
    for (struct span rest = j->body; rest.len; rest = span_sub(rest, SIGN_CHUNK_LEN, rest.len)) {
        struct span data = span_sub(rest, 0, SIGN_CHUNK_LEN);
        digest_sha256(data, hash);
        buf_add(&wire, head, sign_chunks_head(c, data.len, hash, head));
        buf_add_span(&wire, data);
        buf_add_str(&wire, "\r\n");
    }
    buf_add_span(&wire, sign_chunks_end(c, j->trailers, j->n_trailers, a));
    if (sign_chunks_wire_len(sign_framing_of(j->framing), j->body.len, j->trailers, j->n_trailers,
                             &want) != ST_OK ||
        want != wire.len)
        die("the length told beforehand is wrong");
    show("wire", buf_span(&wire));
    buf_clear(&wire);
    sign_chunks_free(c);
}

static void answer(struct job *j, struct sign_key_cache *cache, struct arena *a)
{
    struct sign_result result;
    struct err e;
    size_t mark = span_find(j->raw_target, '?');
    sign_target_make(span_sub(j->raw_target, 0, mark),
                     span_sub(j->raw_target, mark + 1, j->raw_target.len),
                     sign_is_s3_family(j->r.scope.service), a, &j->target);
    if (j->canon.p)
        j->target.canon_path = j->canon;
    j->r.target = &j->target;
    j->r.fields = j->fields;
    show_target("target", j->target.wire_path, j->target.query, a);
    enum status st = j->is_query ? sign_query(&j->r, &j->id, cache, a, &result, &e)
                                 : sign_header(&j->r, &j->id, cache, a, &result, &e);
    if (st != ST_OK) {
        show("error", span_of(e.text));
    } else {
        show("canonical", result.canonical_request);
        show("sts", result.string_to_sign);
        show("signature", result.signature);
        if (j->is_query)
            show_target("signed", j->target.wire_path, result.query, a);
        for (unsigned i = 0; i < result.n_add; i++) {
            show("name", result.add[i].name);
            show("value", result.add[i].value);
        }
        if (j->framing.p)
            show_framed(j, result.signature, a);
    }
    putchar('\n');
    (void)fflush(stdout);
}

static void run_line(struct span line, struct sign_key_cache *cache, struct arena *a)
{
    struct job j;
    memset(&j, 0, sizeof(j));
    struct span part;
    while (span_next(&line, '\t', &part)) {
        size_t equals = span_find(part, '=');
        set(&j, span_sub(part, 0, equals), span_sub(part, equals + 1, part.len), a);
    }
    answer(&j, cache, a);
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    struct arena a;
    digest_setup();
    arena_init(&a);
    for (ssize_t n = getline(&line, &cap, stdin); n > 0; n = getline(&line, &cap, stdin)) {
        if (line[n - 1] == '\n')
            n--;
        struct sign_key_cache *cache = sign_key_cache_new(1);
        run_line(span_from(line, (size_t)n), cache, &a);
        sign_key_cache_free(cache);
        arena_reset(&a);
    }
    free(line);
    arena_clear(&a);
    digest_thread_end();
    return 0;
}

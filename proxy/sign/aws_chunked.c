// SPDX-License-Identifier: Apache-2.0
// aws-chunked, decoded strictly: what two readers could take for two different bodies is refused.
// Lines are gathered in a bounded buffer (a piece may end anywhere); data is never copied, only
// pointed at. The chunk signatures were made with the client's own secret, often a dummy: they must
// be there, but only the checksums of the trailer tell whether the data is whole.
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "sign/checksum.h"
#include "sign/sign_int.h"
#include "sign/stream.h"

#define CHUNK_LINE_MAX 256 // 16 digits, the field's name, an ECDSA signature
#define ECDSA_LEN      144
#define TRAILERS_MAX   16
#define SUMS_MAX       5

enum state {
    AT_SIZE = 0, // a chunk's line
    IN_DATA,     // its octets
    AFTER_DATA,  // the CRLF behind them
    AT_TRAILER,  // the lines after the empty chunk
    AT_END,
    BROKEN,
};

struct sum {
    struct checksum *checksum;
    struct span field; // inside `announced`
};

struct sign_dechunk {
    enum state state;
    bool is_signed;
    bool has_trailer;
    bool has_len;
    bool has_signature; // x-amz-trailer-signature was there
    uint64_t len;       // that was announced
    uint64_t seen;
    uint64_t left; // of this chunk
    size_t trailer_room;
    size_t signature_len;
    struct buf line;
    struct buf announced; // x-amz-trailer's value
    struct arena arena;   // what trailers point at
    struct sign_field trailers[TRAILERS_MAX];
    unsigned n_trailers;
    struct sum sums[SUMS_MAX];
    unsigned n_sums;
};

// Next name of an x-amz-trailer list; empty ones are passed over.
static bool next_name(struct span *list, struct span *name)
{
    while (span_next(list, ',', name)) {
        *name = span_trim(*name);
        if (name->len)
            return true;
    }
    return false;
}

static enum status add_sum(struct sign_dechunk *d, struct span name, struct err *e)
{
    if (!span_istarts(name, SPAN("x-amz-checksum-")))
        return ST_OK;
    struct checksum *c = d->n_sums < SUMS_MAX ? checksum_new(name) : NULL;
    if (!c)
        return err_set(e, ST_INVALID, "x-amz-trailer: %.*s is no checksum that can be verified",
                       SPAN_ARG(name));
    d->sums[d->n_sums++] = (struct sum){.checksum = c, .field = name};
    return ST_OK;
}

static enum status announce(struct sign_dechunk *d, struct span list, struct err *e)
{
    unsigned n = 0;
    struct span name;
    buf_add_span(&d->announced, list);
    list = buf_span(&d->announced);
    while (next_name(&list, &name)) {
        if (++n > TRAILERS_MAX)
            return err_set(e, ST_INVALID, "x-amz-trailer: more than %d names", TRAILERS_MAX);
        enum status st = add_sum(d, name, e);
        if (st != ST_OK)
            return st;
    }
    if (n && !d->has_trailer)
        return err_set(e, ST_INVALID, "x-amz-trailer, but x-amz-content-sha256 says no trailer");
    return ST_OK;
}

struct sign_dechunk *sign_dechunk_new(const struct sign_dechunk_spec *spec, struct err *e)
{
    enum sign_framing f = spec->framing;
    if (f == SIGN_NOT_FRAMED || f == SIGN_FRAMING_UNKNOWN) {
        (void)err_set(e, ST_INVALID, "x-amz-content-sha256 names no chunk framing that we know");
        return NULL;
    }
    struct sign_dechunk *d = xcalloc(1, sizeof(*d));
    bool is_ecdsa = f == SIGN_CHUNKS_ECDSA || f == SIGN_CHUNKS_ECDSA_TRAILER;
    d->is_signed = f != SIGN_CHUNKS_UNSIGNED_TRAILER;
    d->has_trailer = f != SIGN_CHUNKS_SIGNED && f != SIGN_CHUNKS_ECDSA;
    d->signature_len = is_ecdsa ? ECDSA_LEN : DIGEST_HEX;
    d->has_len = spec->has_len;
    d->len = spec->len;
    d->trailer_room = spec->trailer_max;
    buf_init(&d->line);
    buf_init(&d->announced);
    arena_init(&d->arena);
    if (announce(d, spec->trailer, e) == ST_OK)
        return d;
    sign_dechunk_free(d);
    return NULL;
}

void sign_dechunk_free(struct sign_dechunk *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < d->n_sums; i++)
        checksum_free(d->sums[i].checksum);
    buf_clear(&d->line);
    buf_clear(&d->announced);
    arena_clear(&d->arena);
    free(d);
}

static enum status bad(struct err *e, const char *what)
{
    return err_set(e, ST_INVALID, "aws-chunked body: %s", what);
}

// Moves octets up to the next newline to d->line. ST_AGAIN: none yet; ST_OK: *line is without its
// CRLF.
static enum status take_line(struct sign_dechunk *d, struct span *in, size_t max, struct span *line,
                             struct err *e)
{
    size_t at = span_find(*in, '\n');
    bool is_whole = at < in->len;
    size_t n = is_whole ? at + 1 : in->len;
    if (n > max - d->line.len)
        return bad(e, "a line is too long");
    buf_add(&d->line, in->p, n);
    *in = span_sub(*in, n, in->len);
    if (!is_whole)
        return ST_AGAIN;
    *line = span_sub(buf_span(&d->line), 0, d->line.len - 1);
    if (!span_ends(*line, SPAN("\r")))
        return bad(e, "a line does not end in CRLF");
    line->len--;
    buf_reset(&d->line);
    return ST_OK;
}

static bool is_signature(const struct sign_dechunk *d, struct span s)
{
    size_t n = s.len;
    while (d->signature_len == ECDSA_LEN && n && s.p[n - 1] == '*')
        n--; // the padding of DER
    for (size_t i = 0; i < n; i++)
        if (hex_value(s.p[i]) < 0)
            return false;
    return n && s.len == d->signature_len;
}

static bool parse_size(struct span digits, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int value = hex_value(digits.p[i]);
        if (value < 0)
            return false;
        *out = *out << 4 | (uint64_t)value;
    }
    return digits.len > 0 && digits.len <= 16;
}

static enum status read_size(struct sign_dechunk *d, struct span line, struct err *e)
{
    size_t end = span_find(line, ';');
    struct span extension = span_sub(line, end, line.len);
    struct span field = SPAN(";chunk-signature=");
    if (!parse_size(span_sub(line, 0, end), &d->left))
        return bad(e, "a chunk's size is not a hexadecimal number");
    if (!d->is_signed && extension.len)
        return bad(e, "a chunk has an extension, though chunks are unsigned");
    if (d->is_signed && !(span_starts(extension, field) &&
                          is_signature(d, span_sub(extension, field.len, extension.len))))
        return bad(e, "a chunk has no well-formed chunk-signature");
    if (d->left > UINT64_MAX - d->seen || (d->has_len && d->seen + d->left > d->len))
        return bad(e, "it is longer than x-amz-decoded-content-length says");
    if (!d->left && d->has_len && d->seen != d->len)
        return bad(e, "it is shorter than x-amz-decoded-content-length says");
    d->seen += d->left;
    d->state = d->left ? IN_DATA : AT_TRAILER;
    return ST_OK;
}

static enum status at_size(struct sign_dechunk *d, struct span *in, struct err *e)
{
    struct span line = span_from(NULL, 0);
    enum status st = take_line(d, in, CHUNK_LINE_MAX, &line, e);
    return st == ST_OK ? read_size(d, line, e) : st;
}

static enum status after_data(struct sign_dechunk *d, struct span *in, struct err *e)
{
    struct span line = span_from(NULL, 0);
    enum status st = take_line(d, in, 2, &line, e);
    if (st == ST_OK)
        d->state = AT_SIZE;
    return st;
}

static struct span take_data(struct sign_dechunk *d, struct span *in)
{
    struct span data = span_sub(*in, 0, d->left < in->len ? (size_t)d->left : in->len);
    *in = span_sub(*in, data.len, in->len);
    d->left -= data.len;
    if (!d->left)
        d->state = AFTER_DATA;
    for (unsigned i = 0; i < d->n_sums; i++)
        checksum_add(d->sums[i].checksum, data);
    return data;
}

static const struct sign_field *find_trailer(const struct sign_dechunk *d, struct span name)
{
    for (unsigned i = 0; i < d->n_trailers; i++)
        if (span_ieq(d->trailers[i].name, name))
            return &d->trailers[i];
    return NULL;
}

static bool is_announced(const struct sign_dechunk *d, struct span name)
{
    struct span list = buf_span(&d->announced);
    struct span announced;
    while (next_name(&list, &announced))
        if (span_ieq(announced, name))
            return true;
    return false;
}

static bool is_field_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static enum status read_trailer(struct sign_dechunk *d, struct span line, struct err *e)
{
    size_t colon = span_find(line, ':');
    struct span name = span_sub(line, 0, colon);
    struct span value = span_trim(span_sub(line, colon + 1, line.len));
    if (colon == line.len || !is_field_value(value))
        return bad(e, "a trailer line is not a header field");
    if (d->has_signature)
        return bad(e, "a trailer field follows the trailer's signature");
    if (d->is_signed && span_ieq(name, SPAN("x-amz-trailer-signature"))) {
        d->has_signature = true;
        return is_signature(d, value) ? ST_OK : bad(e, "x-amz-trailer-signature is malformed");
    }
    if (!is_announced(d, name) || find_trailer(d, name))
        return bad(e, "a trailer field is repeated or was not announced in x-amz-trailer");
    d->trailers[d->n_trailers++] = (struct sign_field){.name = arena_dup(&d->arena, name),
                                                       .value = arena_dup(&d->arena, value)};
    return ST_OK;
}

static enum status finish(struct sign_dechunk *d, struct err *e)
{
    struct span list = buf_span(&d->announced);
    struct span name;
    while (next_name(&list, &name))
        if (!find_trailer(d, name))
            return bad(e, "a trailer field that x-amz-trailer announced did not come");
    if (d->has_trailer && d->is_signed && !d->has_signature)
        return bad(e, "x-amz-trailer-signature is missing");
    for (unsigned i = 0; i < d->n_sums; i++) {
        char text[CHECKSUM_TEXT_MAX];
        struct span sum = checksum_final(d->sums[i].checksum, text);
        const struct sign_field *said = find_trailer(d, d->sums[i].field);
        if (!said || !span_eq(said->value, sum))
            return err_set(e, ST_INVALID, "%.*s does not match the body",
                           SPAN_ARG(d->sums[i].field));
    }
    d->state = AT_END;
    return ST_OK;
}

static enum status at_trailer(struct sign_dechunk *d, struct span *in, struct err *e)
{
    struct span line = span_from(NULL, 0);
    enum status st = take_line(d, in, d->has_trailer ? d->trailer_room : 2, &line, e);
    if (st != ST_OK)
        return st;
    if (!line.len)
        return finish(d, e);
    d->trailer_room -= line.len + 2;
    return read_trailer(d, line, e);
}

static enum status step(struct sign_dechunk *d, struct span *in, struct err *e)
{
    switch (d->state) {
    case AT_SIZE:
        return at_size(d, in, e);
    case AFTER_DATA:
        return after_data(d, in, e);
    case AT_TRAILER:
        return at_trailer(d, in, e);
    case IN_DATA:
    case AT_END:
    case BROKEN:
        break;
    }
    return bad(e, "it was refused already");
}

enum sign_dechunk_step sign_dechunk_feed(struct sign_dechunk *d, struct span *in, struct span *data,
                                         struct err *e)
{
    *data = span_from(NULL, 0);
    while (in->len && d->state != AT_END) {
        if (d->state == IN_DATA) {
            *data = take_data(d, in);
            return SIGN_DECHUNK_DATA;
        }
        enum status st = step(d, in, e);
        if (st != ST_OK && st != ST_AGAIN) {
            d->state = BROKEN;
            return SIGN_DECHUNK_BAD;
        }
    }
    return d->state == AT_END ? SIGN_DECHUNK_END : SIGN_DECHUNK_MORE;
}

const struct sign_field *sign_dechunk_trailers(const struct sign_dechunk *d, unsigned *n)
{
    *n = d->n_trailers;
    return d->trailers;
}

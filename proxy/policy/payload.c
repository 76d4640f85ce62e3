// SPDX-License-Identifier: Apache-2.0
// How the body is covered by the signature, and what of it must be here before the first byte goes
// on. A client's x-amz-content-sha256 is used, not believed: where the server recomputes the hash
// it is signed as it stands and the body streams; elsewhere the body is hashed and must match. A
// body that the client framed as aws-chunked counts as what is inside the frames.
#include "policy/plan_int.h"

#include "base/digest.h"

static bool is_lattice(const struct plan *p)
{
    return span_is(p->service, "vpc-lattice-svcs"); // takes nothing but UNSIGNED-PAYLOAD
}

// Send x-amz-content-sha256 with every signed request (the same names as in the sign room).
static bool wants_header(const struct plan *p)
{
    return p->is_s3_family || is_lattice(p) || span_is(p->service, "aoss") ||
           span_is(p->service, "glacier");
}

static bool has_body(const struct msg *m)
{
    return m->framing == MSG_CHUNKED || (m->framing == MSG_LENGTH && m->length > 0);
}

static enum config_payload mode_of(const struct plan_ctx *c)
{
    return c->route && c->route->has_payload ? c->route->payload : c->config->payload;
}

static bool takes_unsigned(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    return p->is_s3_family || is_lattice(p) ||
           (p->is_tls && operation_takes_unsigned(p, c->msg->method));
}

// ---- what the client's framing is

static bool deny_framing(struct plan_ctx *c, const char *what)
{
    return plan_deny(c, 400, "bad-request", "the body is said to be aws-chunked: %s", what);
}

// Only checksums of the body may come behind it; each once.
static bool is_trailer_good(struct span names)
{
    struct span seen = names;
    struct span name;
    while (span_next(&names, ',', &name)) {
        struct span before = span_sub(seen, 0, (size_t)(name.p - seen.p));
        struct span other;
        name = span_trim(name);
        if (!span_istarts(name, SPAN("x-amz-checksum-")) || !hdrs_name_ok(name))
            return false;
        while (span_next(&before, ',', &other))
            if (span_ieq(span_trim(other), name))
                return false;
    }
    return true;
}

static bool read_frames(struct plan_ctx *c, struct span hash)
{
    struct plan *p = c->out;
    const struct hdrs *h = &c->msg->hdrs;
    struct span len = hdrs_get(h, SPAN("x-amz-decoded-content-length"));
    struct span trailer = hdrs_get(h, SPAN("x-amz-trailer"));
    if (!has_body(c->msg))
        return deny_framing(c, "but there is none");
    if (hdrs_count(h, SPAN("x-amz-decoded-content-length")) > 1 ||
        hdrs_count(h, SPAN("x-amz-trailer")) > 1 || hdrs_count(h, SPAN("x-amz-content-sha256")) > 1)
        return deny_framing(c, "a field that describes it is repeated");
    p->has_data_len = len.p && span_u64(len, &p->data_len);
    if (len.p && !p->has_data_len)
        return deny_framing(c, "x-amz-decoded-content-length is not a number");
    if (trailer.len && !is_trailer_good(trailer))
        return deny_framing(c, "x-amz-trailer names something other than checksums, or one twice");
    p->is_framed = true;
    p->trailer = trailer;
    // Without STREAMING-... (a client that does not sign) the chunks are bare.
    p->framing =
        span_istarts(hash, SPAN("STREAMING-")) ? hash : SPAN("STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    return true;
}

// A stream of events from the client is signed message by message, while the answer's events come:
// that takes HTTP/2 and the client's own keys. A finite body of that type may be any data.
static bool is_event_stream(const struct plan_ctx *c, struct span hash)
{
    struct span type = hdrs_get(&c->msg->hdrs, SPAN("Content-Type"));
    type = span_trim(span_sub(type, 0, span_find(type, ';')));
    bool is_open = c->msg->framing == MSG_CHUNKED && !c->out->is_s3_family;
    return span_iis(hash, "STREAMING-AWS4-HMAC-SHA256-EVENTS") ||
           (is_open && span_iis(type, "application/vnd.amazon.eventstream")) ||
           operation_is_duplex(c->out, c->msg->method);
}

static bool deny_event_stream(struct plan_ctx *c)
{
    return plan_deny(c, 501, "not-implemented",
                     "a stream of events in both directions needs HTTP/2 and a signature on each "
                     "event, which this proxy can't do: let this client go to AWS without the "
                     "proxy, or use the service's websocket or one-way operation");
}

static bool is_framed(const struct plan_ctx *c, struct span hash)
{
    return span_istarts(hash, SPAN("STREAMING-")) ||
           hdrs_has_token(&c->msg->hdrs, SPAN("Content-Encoding"), SPAN("aws-chunked"));
}

// ---- what ours is

static bool is_lower_hash(struct span s)
{
    if (s.len != DIGEST_HEX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return true;
}

// What the client's x-amz-content-sha256 makes of the choice so far.
static bool use_client_hash(struct plan_ctx *c, struct span value)
{
    struct plan *p = c->out;
    bool is_auto = mode_of(c) == PAYLOAD_AUTO;
    bool is_recomputed = p->is_s3_family || span_is(p->service, "glacier");
    if (span_is(value, "UNSIGNED-PAYLOAD") && takes_unsigned(c) && is_auto && has_body(c->msg))
        p->payload = PLAN_PAYLOAD_UNSIGNED;
    if (!is_lower_hash(value) || is_lattice(p))
        return true;
    if (is_recomputed && is_auto && p->sign == PLAN_SIGN_HEADER) {
        p->payload = PLAN_PAYLOAD_CLIENT;
        p->client_hash = value;
    } else if (!has_body(c->msg) && !span_is(value, DIGEST_EMPTY_HEX)) {
        return plan_deny(c, 400, "payload-hash-mismatch",
                         "x-amz-content-sha256 is not the hash of the body, which is empty");
    } else if (p->payload == PLAN_PAYLOAD_HASH) {
        p->expected_hash = value;
    }
    return true;
}

// The client's checksum goes on behind the body: S3 takes that of the uploads of objects and parts.
static bool streams_trailer(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    return p->is_s3_family && p->trailer.len && p->has_data_len && span_is(c->msg->method, "PUT");
}

// Over plain http nothing but a signature protects the body: hashed where it fits in memory, else
// signed chunk by chunk while it comes.
static enum plan_payload choose_auto(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    bool is_large = p->has_data_len && p->data_len > c->config->body_memory;
    if (p->is_tls && takes_unsigned(c))
        return streams_trailer(c) ? PLAN_PAYLOAD_TRAILER : PLAN_PAYLOAD_UNSIGNED;
    return p->is_s3_family && is_large && !p->is_sigv4a ? PLAN_PAYLOAD_CHUNKED : PLAN_PAYLOAD_HASH;
}

static enum plan_payload choose_mode(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    if (is_lattice(p) || (p->is_s3_family && p->sign != PLAN_SIGN_HEADER))
        return PLAN_PAYLOAD_UNSIGNED;
    if (!has_body(c->msg))
        return PLAN_PAYLOAD_HASH;
    switch (mode_of(c)) {
    case PAYLOAD_AUTO:
        return choose_auto(c);
    case PAYLOAD_HASH:
        return PLAN_PAYLOAD_HASH;
    case PAYLOAD_UNSIGNED:
        if (streams_trailer(c))
            return PLAN_PAYLOAD_TRAILER;
        return takes_unsigned(c) ? PLAN_PAYLOAD_UNSIGNED : PLAN_PAYLOAD_HASH;
    case PAYLOAD_CHUNKED:
        break;
    }
    if (p->is_s3_family && !p->is_sigv4a)
        return PLAN_PAYLOAD_CHUNKED;
    return choose_auto(c);
}

static enum plan_body body_need(const struct plan_ctx *c)
{
    const struct plan *p = c->out;
    if (!has_body(c->msg))
        return PLAN_BODY_NONE;
    if (p->is_signed && p->payload == PLAN_PAYLOAD_HASH)
        return PLAN_BODY_HASH;
    if (p->is_signed && p->sign == PLAN_SIGN_REDIRECT)
        return PLAN_BODY_NONE; // the client sends it to where it is sent
    bool wants_length = p->is_s3_family || span_is(p->service, "glacier") ||
                        (p->is_signed && p->payload == PLAN_PAYLOAD_UNSIGNED && !is_lattice(p));
    bool wants_checksum = p->is_s3_family && p->is_signed && p->trailer.len &&
                          p->payload == PLAN_PAYLOAD_UNSIGNED; // as a field of the head
    return wants_checksum || (wants_length && !p->has_data_len) ? PLAN_BODY_LENGTH
                                                                : PLAN_BODY_STREAM;
}

bool payload_choose(struct plan_ctx *c)
{
    struct plan *p = c->out;
    const struct msg *m = c->msg;
    struct span hash = hdrs_get(&m->hdrs, SPAN("x-amz-content-sha256"));
    p->has_data_len = m->framing != MSG_CHUNKED;
    p->data_len = m->framing == MSG_LENGTH ? m->length : 0;
    if (p->is_signed && is_event_stream(c, hash))
        return deny_event_stream(c);
    if (p->is_signed) {
        if (is_framed(c, hash) && !read_frames(c, hash))
            return false;
        if (p->is_framed && p->sign == PLAN_SIGN_REDIRECT)
            return deny_framing(c, "which a presigned URL does not take (sign = redirect)");
        p->payload = choose_mode(c);
        if (!p->is_framed && !use_client_hash(c, hash))
            return false;
        p->send_payload_header = wants_header(p) || p->payload != PLAN_PAYLOAD_HASH;
    }
    p->body = body_need(c);
    return true;
}

// SPDX-License-Identifier: Apache-2.0
// The framing of a client that signs its body piece by piece binds to the client's own signature,
// which is replaced: the frames go. Whether the data is whole is known at the end of the body only,
// so its last octet stays here until then, and a body that lies never becomes an object.
#include "front/dechunk.h"

#include "front/relay.h"
#include "front/reply.h"
#include "sign/stream.h"

// The client's fault, whatever has been sent so far: the upstream sees a body that is cut off.
static void refuse(struct request *r, const char *why)
{
    if (r->answer_begun) {
        relay_broken(r, "the client's aws-chunked body is wrong");
        return;
    }
    reply_error(r, 400, "bad-request",
                arena_printf(&r->arena, "the body is said to be aws-chunked: %s", why));
}

bool dechunk_begin(struct request *r)
{
    const struct plan *p = &r->plan;
    struct err e = {""};
    struct sign_dechunk_spec spec = {.framing = sign_framing_of(p->framing),
                                     .has_len = p->has_data_len,
                                     .len = p->data_len,
                                     .trailer = p->trailer,
                                     .trailer_max = r->config->max_trailers};
    r->frames = sign_dechunk_new(&spec, &e);
    if (!r->frames)
        refuse(r, e.text);
    return r->frames != NULL;
}

static bool is_over(const struct request *r, const struct conn *c)
{
    return c->is_dead || c->request != r || r->answer_done;
}

void dechunk_body(struct request *r, struct span in)
{
    struct conn *c = r->conn;
    struct span data;
    struct err e = {""};
    enum sign_dechunk_step step = SIGN_DECHUNK_DATA;
    while (step == SIGN_DECHUNK_DATA) {
        step = sign_dechunk_feed(r->frames, &in, &data, &e);
        if (step == SIGN_DECHUNK_DATA)
            request_data(r, data);
        if (is_over(r, c))
            return;
    }
    r->frames_end = step == SIGN_DECHUNK_END;
    if (step == SIGN_DECHUNK_BAD)
        refuse(r, e.text);
    else if (in.len)
        refuse(r, "octets follow its end");
}

bool dechunk_end(struct request *r)
{
    if (!r->frames || r->frames_end)
        return true;
    refuse(r, "it ends before its last chunk");
    return false;
}

uint64_t dechunk_held(const struct request *r)
{
    return r->frames && !r->client_done ? 1 : 0;
}

// SPDX-License-Identifier: Apache-2.0
// Presigned URLs for others, from what is asked for to the URL: the same plan as for a request that
// is forwarded, then the signature in the query. Used by the endpoint and by the subcommand. Takes
// no clock and no loop.
#ifndef PRESIGN_PRESIGN_H
#define PRESIGN_PRESIGN_H

#include "base/arena.h"
#include "creds/creds.h"
#include "http/hdrs.h"
#include "http/msg.h"
#include "policy/plan.h"
#include "sign/presign.h"

#define PRESIGN_EXPIRES_S 900 // where nobody says

// Either url, or bucket and key (raw, not percent-encoded) with an optional region. Empty spans:
// not said.
struct presign_ask {
    struct span method; // empty: GET
    struct span url;
    struct span bucket;
    struct span key;
    struct span service;
    struct span region;
    struct span profile;
    bool has_expires;
    int64_t expires_s;
    struct hdrs headers; // bound to the URL: whoever uses it must send them byte-equal
};

struct presign_refusal {
    int status;
    const char *code;    // "presign-expiry", "host-denied", ...
    const char *message; // one line, without query or secrets
};

struct presign_input {
    const struct config *config;
    const struct plan_client *client; // as plan_input's
    struct span default_region;       // the same
};

struct presign_plan {
    struct msg msg; // what the plan is made of
    struct plan plan;
    const char *creds_key; // of the fact, as plan_creds_key says, or the profile that was asked for
    struct span host;      // as asked for, lower case, without port
    struct span path;      // decoded, begins with '/'
    struct span bucket;    // decoded, where AWS's S3 takes it; empty: not S3's, or not known
    struct span key;       // decoded, with bucket
    bool is_websocket;     // the URL said wss: or ws:, and is printed so
    bool is_s3_host;       // says the name, or the route; not who asks
    int64_t expires_s;
};

// False: why says the reason. out's spans point into the ask and the arena.
bool presign_make_plan(const struct presign_ask *ask, const struct presign_input *in,
                       struct arena *a, struct presign_plan *out, struct presign_refusal *why);

enum presign_cut { PRESIGN_NOT_CUT = 0, PRESIGN_CUT_BY_MAXIMUM, PRESIGN_CUT_BY_CREDENTIALS };

struct presign_url {
    struct span url;       // secret-bearing
    int64_t expires_s;     // what is signed
    int64_t expires_at_ms; // wall clock
    enum presign_cut cut;
};

struct presign_signer {
    const struct creds *creds;
    uint64_t generation;          // the fact's
    struct sign_key_cache *cache; // may be NULL
    int64_t wall_ms;
    int64_t max_expires_s; // longer ones are cut; 0: no such limit
};
// ST_DENIED where the credentials have expired, ST_INVALID where something can't be signed.
NODISCARD enum status presign_sign(const struct presign_plan *p, const struct presign_signer *s,
                                   struct arena *a, struct presign_url *out, struct err *e);

#endif

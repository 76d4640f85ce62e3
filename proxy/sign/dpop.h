// SPDX-License-Identifier: Apache-2.0
// A proof of possession (DPoP): a small signed JWT beside a request, by which a token that was
// stolen without its key is worth nothing. ES256 only. Pure.
// https://www.rfc-editor.org/rfc/rfc9449
#ifndef SIGN_DPOP_H
#define SIGN_DPOP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

#define DPOP_ID_LEN 16

struct dpop_claims {
    struct span method;      // visible ASCII without quotes and backslashes, as url
    struct span url;         // of the request, without a query
    uint8_t id[DPOP_ID_LEN]; // random: no two proofs are the same
    int64_t wall_s;
};

// pem: the private key, P-256, as PKCS #8 or SEC 1, unencrypted. The proof is in the arena, which
// holds nothing secret of it. ST_INVALID: this is no such key, or a claim can't be carried.
NODISCARD enum status dpop_proof(struct span pem, const struct dpop_claims *c, struct arena *a,
                                 struct span *out, struct err *e);

#endif

// SPDX-License-Identifier: Apache-2.0
// A refused signature: where the text that the server signed differs from ours. Pure.
#ifndef SIGN_MISMATCH_H
#define SIGN_MISMATCH_H

#include "base/span.h"

struct sign_texts {
    struct span canonical_request; // secret-bearing; p == NULL: not known
    struct span string_to_sign;    // p == NULL: not known
};

enum sign_part {
    SIGN_SAME = 0, // nothing differs
    SIGN_METHOD,
    SIGN_PATH,
    SIGN_QUERY,
    SIGN_FIELD, // one field's line
    SIGN_NAMES, // the list of signed fields
    SIGN_PAYLOAD,
    SIGN_ALGORITHM,
    SIGN_DATE,
    SIGN_SCOPE,
    SIGN_HASH, // the canonical requests differ, and the server's is not known
};

struct sign_mismatch {
    enum sign_part part;
    unsigned line; // from 1, of the canonical request or, from SIGN_ALGORITHM on, of the other one
    struct span ours, theirs; // whole lines, or of SIGN_QUERY the first parameters that differ;
                              // p == NULL: there is no such line. Secret-bearing.
};

void sign_compare(const struct sign_texts *ours, const struct sign_texts *theirs,
                  struct sign_mismatch *out);

#endif

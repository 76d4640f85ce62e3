// SPDX-License-Identifier: Apache-2.0
// Lines 1 to 3 of a canonical request are method, path and query; fields follow up to an empty
// line, then the fields' names, then the payload's hash. Where all of it is the same on both sides,
// the string to sign is looked at, whose last line is the canonical request's hash.
#include "sign/mismatch.h"

#define SIGN_QUERY_LINE 3

// Puts the first pieces that differ, and their number from 1, into out; false: none does.
static bool differs(struct span ours, struct span theirs, char separator, struct sign_mismatch *out)
{
    for (out->line = 1;; out->line++) {
        bool has_ours = span_next(&ours, separator, &out->ours);
        bool has_theirs = span_next(&theirs, separator, &out->theirs);
        if (!has_ours)
            out->ours = (struct span){NULL, 0};
        if (!has_theirs)
            out->theirs = (struct span){NULL, 0};
        if (!has_ours && !has_theirs)
            return false;
        if (has_ours != has_theirs || !span_eq(out->ours, out->theirs))
            return true;
    }
}

// Which part of a canonical request its n-th line is.
static enum sign_part part_of(struct span canonical, unsigned n)
{
    struct span line;
    unsigned empty = 0;
    if (n <= 3)
        return n == 1 ? SIGN_METHOD : n == 2 ? SIGN_PATH : SIGN_QUERY;
    for (unsigned i = 1; i < n && span_next(&canonical, '\n', &line); i++)
        if (i > 3 && !line.len && !empty)
            empty = i;
    if (!empty)
        return SIGN_FIELD;
    return n == empty + 1 ? SIGN_NAMES : SIGN_PAYLOAD;
}

static enum sign_part part_of_string(unsigned line)
{
    static const enum sign_part parts[] = {SIGN_ALGORITHM, SIGN_DATE, SIGN_SCOPE};
    return line <= 3 ? parts[line - 1] : SIGN_HASH;
}

void sign_compare(const struct sign_texts *ours, const struct sign_texts *theirs,
                  struct sign_mismatch *out)
{
    *out = (struct sign_mismatch){.part = SIGN_SAME};
    if (theirs->canonical_request.p &&
        differs(ours->canonical_request, theirs->canonical_request, '\n', out)) {
        // A field that only one side has: then the other one may be at the end of its fields.
        out->part = part_of(ours->canonical_request, out->line);
        enum sign_part other = part_of(theirs->canonical_request, out->line);
        if (other < out->part && other >= SIGN_FIELD)
            out->part = other;
        if (out->part == SIGN_QUERY) {
            (void)differs(out->ours, out->theirs, '&', out);
            out->line = SIGN_QUERY_LINE;
        }
        return;
    }
    if (theirs->string_to_sign.p &&
        differs(ours->string_to_sign, theirs->string_to_sign, '\n', out)) {
        out->part = part_of_string(out->line);
        return;
    }
    *out = (struct sign_mismatch){.part = SIGN_SAME};
}

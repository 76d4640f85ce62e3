// SPDX-License-Identifier: Apache-2.0
#include "policy/glob.h"

static bool same(char a, char b, bool is_exact)
{
    return is_exact ? a == b : ascii_lower(a) == ascii_lower(b);
}

// Only the last star is ever taken back: an earlier one that matched less could not help, since
// what follows it was found at its leftmost place.
static bool match(struct span glob, struct span text, bool is_exact)
{
    size_t g = 0;
    size_t t = 0;
    size_t star = glob.len; // the last star seen; glob.len: none
    size_t star_t = 0;      // where the text stood then
    while (t < text.len) {
        if (g < glob.len && glob.p[g] == '*') {
            star = g++;
            star_t = t;
        } else if (g < glob.len && same(glob.p[g], text.p[t], is_exact)) {
            g++;
            t++;
        } else if (star < glob.len) {
            g = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.p[g] == '*')
        g++;
    return g == glob.len;
}

bool glob_matches(struct span glob, struct span text)
{
    return match(glob, text, false);
}

bool glob_matches_case(struct span glob, struct span text)
{
    return match(glob, text, true);
}

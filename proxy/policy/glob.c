// SPDX-License-Identifier: Apache-2.0
#include "policy/glob.h"

// Only the last star is ever taken back: an earlier one that matched less could not help, since
// what follows it was found at its leftmost place.
bool glob_matches(struct span glob, struct span text)
{
    size_t g = 0;
    size_t t = 0;
    size_t star = glob.len; // the last star seen; glob.len: none
    size_t star_t = 0;      // where the text stood then
    while (t < text.len) {
        if (g < glob.len && glob.p[g] == '*') {
            star = g++;
            star_t = t;
        } else if (g < glob.len && ascii_lower(glob.p[g]) == ascii_lower(text.p[t])) {
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

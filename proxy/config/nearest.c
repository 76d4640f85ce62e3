// SPDX-License-Identifier: Apache-2.0
// Edit distance with swaps of neighbours (optimal string alignment), three rows at a time.
#include "config/nearest_int.h"

#include <stdio.h>
#include <string.h>

static char fold(char c)
{
    return ascii_lower((char)(c == '_' ? '-' : c));
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

unsigned nearest_distance(struct span a, struct span b)
{
    unsigned rows[3][NEAREST_MAX + 1];
    if (a.len > NEAREST_MAX || b.len > NEAREST_MAX)
        return NEAREST_MAX;
    for (unsigned j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i + 2) % 3];
        const unsigned *swap = rows[(i + 1) % 3]; // two above
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned change = fold(a.p[i - 1]) != fold(b.p[j - 1]);
            row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && fold(a.p[i - 1]) == fold(b.p[j - 2]) &&
                fold(a.p[i - 2]) == fold(b.p[j - 1]) && swap[j - 2] + 1 < row[j])
                row[j] = swap[j - 2] + 1;
        }
    }
    return rows[a.len % 3][b.len];
}

// A third of the letters may be wrong, rounded up: "prot" is near "port", "x" is near nothing.
static unsigned tolerance(struct span word)
{
    return word.len < 2 ? 0 : (unsigned)(word.len + 2) / 3;
}

void nearest_init(struct nearest *n, struct span word)
{
    n->word = word;
    n->best[0] = '\0';
    n->distance = tolerance(word) + 1;
}

void nearest_offer(struct nearest *n, struct span name)
{
    if (name.len >= NEAREST_MAX)
        return;
    unsigned d = nearest_distance(n->word, name);
    if (d >= n->distance || d >= name.len)
        return;
    n->distance = d;
    if (name.len)
        memcpy(n->best, name.p, name.len);
    n->best[name.len] = '\0';
}

void nearest_suggest(const struct nearest *n, const char *prefix, struct err *e)
{
    if (!e || !n->best[0])
        return;
    size_t len = strlen(e->text);
    (void)snprintf(e->text + len, sizeof(e->text) - len, "; did you mean \"%s%s\"?", prefix,
                   n->best);
}

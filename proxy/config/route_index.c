// SPDX-License-Identifier: Apache-2.0
// Most routes of a long file name one host: those are looked up, so that only globs with a star
// cost every request something.
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/config_int.h"

static int compare_names(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        int d = (unsigned char)ascii_lower(a.p[i]) - (unsigned char)ascii_lower(b.p[i]);
        if (d)
            return d;
    }
    return (a.len > b.len) - (a.len < b.len);
}

// Two of one name stay in the file's order: they lie in one array.
static int compare_routes(const void *a, const void *b)
{
    const struct config_route *const *x = a;
    const struct config_route *const *y = b;
    int d = compare_names(span_of((*x)->glob), span_of((*y)->glob));
    return d ? d : (*x > *y) - (*x < *y);
}

void config_index_routes(struct config *c)
{
    if (!c->n_routes)
        return;
    c->named_routes = xcalloc(c->n_routes, sizeof(struct config_route *));
    c->starred_routes = xcalloc(c->n_routes, sizeof(struct config_route *));
    for (unsigned i = 0; i < c->n_routes; i++) {
        const struct config_route *r = &c->routes[i];
        if (strchr(r->glob, '*'))
            c->starred_routes[c->n_starred++] = r;
        else
            c->named_routes[c->n_named++] = r;
    }
    qsort(c->named_routes, c->n_named, sizeof(struct config_route *), compare_routes);
}

const struct config_route *config_route_named(const struct config *c, struct span name)
{
    unsigned from = 0;
    unsigned to = c->n_named;
    while (from < to) {
        unsigned mid = from + (to - from) / 2;
        if (compare_names(span_of(c->named_routes[mid]->glob), name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    if (from == c->n_named || compare_names(span_of(c->named_routes[from]->glob), name) != 0)
        return NULL;
    return c->named_routes[from];
}

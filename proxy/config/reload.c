// SPDX-License-Identifier: Apache-2.0
// What a new snapshot may not change while the process runs: it goes on with the running one's
// values, and whoever reads the log learns which those are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/options_int.h"

static size_t size_of(const struct option *o)
{
    static const size_t sizes[] = {
        [OPT_BOOL] = sizeof(bool),      [OPT_UINT] = sizeof(unsigned),
        [OPT_COUNT] = sizeof(uint64_t), [OPT_SIZE] = sizeof(uint64_t),
        [OPT_TIME] = sizeof(int64_t),   [OPT_ENUM] = sizeof(unsigned),
    };
    return sizes[o->type];
}

static void copy_value(const struct option *o, void *to, const void *from)
{
    value_clear(o, to);
    if (o->type == OPT_STRING) {
        const char *text = *(char *const *)from;
        *(char **)to = text ? xstrdup(text) : NULL;
    } else if (o->type == OPT_LIST) {
        const struct config_list *old = from;
        struct config_list *new = to;
        const unsigned n = old->n;
        new->v = n ? xcalloc(n, sizeof(*new->v)) : NULL;
        new->n = n;
        for (unsigned i = 0; i < n; i++)
            new->v[i] = xstrdup(old->v[i]);
    } else {
        memcpy(to, from, size_of(o));
    }
}

static bool is_same(const struct option *o, const void *a, const void *b)
{
    struct buf one;
    struct buf other;
    buf_init(&one);
    buf_init(&other);
    value_format(o, a, &one);
    value_format(o, b, &other);
    bool same = span_eq(buf_span(&one), buf_span(&other));
    buf_clear(&one);
    buf_clear(&other);
    return same;
}

void config_keep_fixed(struct config *next, const struct config *now, struct buf *names)
{
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        void *to = (char *)next + o->at;
        const void *from = (const char *)now + o->at;
        if (o->is_reloadable || is_same(o, to, from))
            continue;
        buf_addf(names, "%s%s", names->len ? ", " : "", o->key);
        copy_value(o, to, from);
    }
}

const char *config_place(const char *file, unsigned line, char out[CONFIG_PLACE])
{
    if (file)
        (void)snprintf(out, CONFIG_PLACE, "%.140s:%u", file, line);
    else
        (void)snprintf(out, CONFIG_PLACE, "line %u", line);
    return out;
}

void config_take_region(struct config *c, char *region, char *source)
{
    free(c->default_region);
    free(c->default_region_source);
    c->default_region = region;
    c->default_region_source = source;
}

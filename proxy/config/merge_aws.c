// SPDX-License-Identifier: Apache-2.0
// What AWS's own variables and profile say about settings of ours. Their words are taken in any
// case, and some stand for a word of ours.
#include <string.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/merge_int.h"
#include "config/options_int.h"

struct span merge_aws_word(struct config *c, const struct option *o, const char *where,
                           struct span value, struct buf *b)
{
    struct span rest = span_of(o->aws_words);
    struct span pair;
    if (!o->aws_words)
        return value;
    for (size_t i = 0; i < value.len; i++)
        buf_add_char(b, ascii_lower(value.p[i]));
    while (span_next(&rest, ' ', &pair)) {
        size_t eq = span_find(pair, '=');
        struct span ours = span_sub(pair, eq + 1, pair.len);
        if (!span_eq(span_sub(pair, 0, eq), buf_span(b)))
            continue;
        if (!c->note) {
            struct buf note;
            buf_init(&note);
            buf_addf(&note, "%s: %.*s is taken as %s = %.*s", where, SPAN_ARG(buf_span(b)), o->key,
                     SPAN_ARG(ours));
            c->note = xstrdup(buf_cstr(&note));
            buf_clear(&note);
        }
        return ours;
    }
    return buf_span(b);
}

// The option that the profile has a word for, if no better source has set it; else NULL.
static const struct option *find_open(const struct config *c, const char *profile_key)
{
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (o->profile_key && strcmp(o->profile_key, profile_key) == 0)
            return c->origins[i].source > FROM_PROFILE ? NULL : o;
    }
    return NULL;
}

enum status config_take_profile(struct config *c, const struct config_word *said, struct err *e)
{
    struct merge m = {.c = c, .e = e};
    const struct option *o = find_open(c, said->key);
    if (!o)
        return ST_OK;
    struct buf word;
    buf_init(&word);
    enum status st = merge_set(&m, o, FROM_PROFILE, said->where,
                               merge_aws_word(c, o, said->where, said->value, &word));
    buf_clear(&word);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", said->where);
}

enum status config_take_route_profile(struct config *c, struct config_route *r,
                                      const struct config_word *said, struct err *e)
{
    const struct option *o = find_open(c, said->key);
    if (!o || !o->in_route || !o->route_has)
        return ST_OK;
    bool *has = (bool *)r + o->route_has;
    if (*has)
        return ST_OK;
    struct buf word;
    buf_init(&word);
    enum status st = value_set(o, merge_aws_word(c, o, said->where, said->value, &word),
                               (char *)r + o->route_at, e);
    buf_clear(&word);
    *has = st == ST_OK;
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", said->where);
}

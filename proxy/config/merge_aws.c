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

enum status config_take_profile(struct config *c, const char *key, struct span value,
                                const char *where, struct err *e)
{
    struct merge m = {.c = c, .e = e};
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!o->profile_key || strcmp(o->profile_key, key) != 0 ||
            c->origins[i].source > FROM_PROFILE)
            continue;
        struct buf word;
        buf_init(&word);
        enum status st =
            merge_set(&m, o, FROM_PROFILE, where, merge_aws_word(c, o, where, value, &word));
        buf_clear(&word);
        if (st != ST_OK)
            return err_wrap(e, st, "%s", where);
    }
    return ST_OK;
}

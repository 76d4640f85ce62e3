// SPDX-License-Identifier: Apache-2.0
#include "config/merge_int.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/flags_int.h"
#include "config/options_int.h"

bool merge_help_wanted(const struct config_input *in)
{
    struct flags f;
    struct flag flag;
    enum status st;
    flags_init(&f, in->argc, in->argv);
    while ((st = flags_next(&f, &flag, NULL)) != ST_DECLINED)
        if (st == ST_OK && flag.kind == FLAG_HELP)
            return true;
    return false;
}

static enum status set_from_flag(struct merge *m, const struct flag *flag)
{
    const struct option *o = flag->option;
    const char *text = flag->is_default ? o->def : flag->value;
    char *name = xstrndup(flag->name.p, flag->name.len);
    enum status st = merge_set(m, o, FROM_FLAG, name, span_trim(span_of(text)));
    if (st != ST_OK)
        st = err_wrap(m->e, st, "%s", name);
    free(name);
    return st;
}

enum status merge_flags(struct merge *m, const struct config_input *in)
{
    struct flags f;
    struct flag flag;
    enum status st;
    bool has_file = false;
    flags_init(&f, in->argc, in->argv);
    while ((st = flags_next(&f, &flag, m->e)) == ST_OK) {
        if (flag.kind == FLAG_CONFIG && has_file)
            return err_set(m->e, ST_INVALID, "%.*s: given twice", SPAN_ARG(flag.name));
        has_file = has_file || flag.kind == FLAG_CONFIG;
        if (flag.kind != FLAG_SETTING)
            continue;
        st = set_from_flag(m, &flag);
        if (st != ST_OK)
            return st;
    }
    return st == ST_DECLINED ? ST_OK : st;
}

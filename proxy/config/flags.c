// SPDX-License-Identifier: Apache-2.0
// `--key value`, `--key=value`, `--no-key` for yes/no settings, and the aliases of the table, of
// two kinds: another name that takes the value (--port), or a switch that stands for one (--verbose
// is log_level = debug).
#include "config/flags_int.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/nearest_int.h"
#include "config/options_int.h"

void flags_init(struct flags *f, int argc, char *const *argv)
{
    f->argc = argv ? argc : 0;
    f->argv = argv;
    f->next = 0;
}

// flag: without dashes in front.
static bool is_key(struct span flag, const char *key)
{
    if (flag.len != strlen(key))
        return false;
    for (size_t i = 0; i < flag.len; i++)
        if (flag.p[i] != (key[i] == '_' ? '-' : key[i]))
            return false;
    return true;
}

// Finds flag among an option's aliases; *stands_for is what a switch means (p == NULL: takes a
// value).
static bool find_alias(const struct option *o, struct span flag, struct span *stands_for)
{
    struct span rest = span_of(o->aliases);
    struct span alias;
    while (span_next(&rest, ' ', &alias)) {
        size_t eq = span_find(alias, '=');
        if (!span_eq(span_sub(alias, 0, eq), flag))
            continue;
        *stands_for = (struct span){NULL, 0};
        if (eq < alias.len)
            *stands_for = span_sub(alias, eq + 1, alias.len);
        return true;
    }
    return false;
}

static const struct option *find_option(struct span flag, struct span *stands_for)
{
    *stands_for = (struct span){NULL, 0};
    for (size_t i = 0; i < options_n; i++)
        if (option_is_general(&options[i]) &&
            (is_key(flag, options[i].key) || find_alias(&options[i], flag, stands_for)))
            return &options[i];
    return NULL;
}

static void offer_flags(struct nearest *near, bool only_switches)
{
    struct span rest;
    struct span alias;
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!option_is_general(o))
            continue;
        if (!only_switches || o->type == OPT_BOOL)
            nearest_offer(near, span_of(o->key));
        rest = span_of(o->aliases);
        while (span_next(&rest, ' ', &alias))
            if (!only_switches || span_find(alias, '=') < alias.len)
                nearest_offer(near, span_sub(alias, 0, span_find(alias, '=')));
    }
    if (!only_switches) {
        nearest_offer(near, SPAN("config"));
        nearest_offer(near, SPAN("help"));
    }
    for (char *c = near->best; *c; c++)
        if (*c == '_')
            *c = '-';
}

static enum status unknown_flag(struct span name, struct span flag, bool is_negated, struct err *e)
{
    struct nearest near;
    nearest_init(&near, flag);
    const struct option *o = NULL;
    for (size_t i = 0; i < options_n && !o; i++)
        if (!option_is_general(&options[i]) && is_key(flag, options[i].key))
            o = &options[i];
    if (o)
        return err_set(e, ST_INVALID, "%.*s: only a [route \"glob\"] section can set %s",
                       SPAN_ARG(name), o->key);
    (void)err_set(e, ST_INVALID, "%.*s: unknown flag", SPAN_ARG(name));
    offer_flags(&near, is_negated);
    nearest_suggest(&near, is_negated ? "--no-" : "--", e);
    return ST_INVALID;
}

// The value behind '=' or the next argument.
static enum status take_value(struct flags *f, struct span name, const char *inline_value,
                              const char **out, struct err *e)
{
    if (inline_value) {
        *out = inline_value;
        return ST_OK;
    }
    if (f->next >= f->argc || (f->argv[f->next][0] == '-' && f->argv[f->next][1]))
        return err_set(e, ST_INVALID, "%.*s: a value is missing", SPAN_ARG(name));
    *out = f->argv[f->next++];
    return ST_OK;
}

static bool is_false(const char *value)
{
    struct span s = span_of(value);
    return span_iis(s, "no") || span_iis(s, "false") || span_iis(s, "off") || span_is(s, "0");
}

static bool is_true(const char *value)
{
    struct span s = span_of(value);
    return span_iis(s, "yes") || span_iis(s, "true") || span_iis(s, "on") || span_is(s, "1");
}

// A switch: no value, or one behind '='; `--no-` turns it around.
static enum status take_switch(struct flag *out, struct span stands_for, const char *inline_value,
                               bool is_negated, struct err *e)
{
    bool is_on = true;
    if (inline_value && is_negated)
        return err_set(e, ST_INVALID, "%.*s: takes no value", SPAN_ARG(out->name));
    if (inline_value && !is_true(inline_value) && !is_false(inline_value))
        return err_set(e, ST_INVALID, "%.*s: \"%s\" is not yes or no", SPAN_ARG(out->name),
                       inline_value);
    if (is_negated || (inline_value && is_false(inline_value)))
        is_on = false;
    if (stands_for.p) {
        out->is_default = !is_on;
        (void)snprintf(out->word, sizeof(out->word), "%.*s", SPAN_ARG(stands_for));
    } else {
        (void)snprintf(out->word, sizeof(out->word), "%s", is_on ? "yes" : "no");
    }
    out->value = out->word;
    return ST_OK;
}

static enum status take_setting(struct flags *f, struct flag *out, struct span flag,
                                const char *inline_value, struct err *e)
{
    struct span stands_for;
    bool is_negated = false;
    out->kind = FLAG_SETTING;
    out->option = find_option(flag, &stands_for);
    if (!out->option && span_starts(flag, SPAN("no-"))) {
        is_negated = true;
        flag = span_sub(flag, 3, flag.len);
        out->option = find_option(flag, &stands_for);
    }
    if (!out->option)
        return unknown_flag(out->name, flag, is_negated, e);
    if (out->option->type == OPT_BOOL || stands_for.p)
        return take_switch(out, stands_for, inline_value, is_negated, e);
    if (is_negated)
        return err_set(e, ST_INVALID, "%.*s: only yes/no settings have a --no- form",
                       SPAN_ARG(out->name));
    return take_value(f, out->name, inline_value, &out->value, e);
}

static enum status next_short(struct flags *f, struct flag *out, const char *arg, struct err *e)
{
    out->name = span_sub(span_of(arg), 0, 2);
    if (arg[1] == 'h' && !arg[2]) {
        out->kind = FLAG_HELP;
        return ST_OK;
    }
    if (arg[1] == 'c' && !arg[2]) {
        out->kind = FLAG_CONFIG;
        return take_value(f, out->name, NULL, &out->file, e);
    }
    if (arg[2]) {
        out->name = span_of(arg);
        return unknown_flag(out->name, span_of(arg + 1), false, e);
    }
    return take_setting(f, out, span_of(arg + 1), NULL, e);
}

enum status flags_next(struct flags *f, struct flag *out, struct err *e)
{
    memset(out, 0, sizeof(*out));
    if (f->next >= f->argc)
        return ST_DECLINED;
    const char *arg = f->argv[f->next++];
    if (arg[0] != '-' || !arg[1])
        return err_set(e, ST_INVALID, "unexpected argument \"%s\"", arg);
    if (arg[1] != '-')
        return next_short(f, out, arg, e);
    const char *eq = strchr(arg, '=');
    struct span all = span_of(arg);
    out->name = eq ? span_sub(all, 0, (size_t)(eq - arg)) : all;
    struct span flag = span_sub(out->name, 2, out->name.len);
    if (span_is(flag, "help") && !eq) {
        out->kind = FLAG_HELP;
        return ST_OK;
    }
    if (span_is(flag, "config")) {
        out->kind = FLAG_CONFIG;
        return take_value(f, out->name, eq ? eq + 1 : NULL, &out->file, e);
    }
    if (flag.len < 2) // -v has one dash
        return unknown_flag(out->name, flag, false, e);
    return take_setting(f, out, flag, eq ? eq + 1 : NULL, e);
}

bool config_flag_takes_next(const char *argument)
{
    struct span flag = span_of(argument);
    struct span stands_for;
    if (flag.len < 2 || flag.p[0] != '-' || strchr(argument, '='))
        return false;
    flag = span_sub(flag, flag.p[1] == '-' ? 2 : 1, flag.len);
    if (span_is(flag, "config") || span_is(flag, "c"))
        return true;
    const struct option *o = find_option(flag, &stands_for);
    return o && o->type != OPT_BOOL && !stands_for.p;
}

const char *config_file_argument(int argc, char *const *argv)
{
    struct flags f;
    struct flag flag;
    enum status st;
    flags_init(&f, argc, argv);
    while ((st = flags_next(&f, &flag, NULL)) != ST_DECLINED)
        if (st == ST_OK && flag.kind == FLAG_CONFIG)
            return flag.file;
    return NULL;
}

// SPDX-License-Identifier: Apache-2.0
// Typed reading and writing of one field. Numbers are checked for overflow before the bounds, so
// that a huge value is called too large and not something that it wrapped to.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "config/config.h"
#include "config/nearest_int.h"
#include "config/options_int.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit size_units[] = {
    {"g", UINT64_C(1) << 30}, {"m", UINT64_C(1) << 20}, {"k", 1024}, {"", 1}};
// A bare number is seconds; without it a time is written back with the largest unit that fits.
static const struct unit time_units[] = {
    {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {"", 1000}};

static const struct unit *units_of(const struct option *o, size_t *n)
{
    if (o->type == OPT_TIME) {
        *n = sizeof(time_units) / sizeof(time_units[0]);
        return time_units;
    }
    *n = sizeof(size_units) / sizeof(size_units[0]);
    return size_units;
}

static bool has_units(const struct option *o)
{
    return o->type == OPT_SIZE || o->type == OPT_TIME;
}

static void number_format(const struct option *o, uint64_t n, struct buf *out)
{
    if (!has_units(o) || n == 0) {
        buf_addf(out, "%" PRIu64 "%s", n, o->type == OPT_TIME ? "s" : "");
        return;
    }
    size_t count = 0;
    const struct unit *u = units_of(o, &count);
    while (n % u->factor)
        u++;
    buf_addf(out, "%" PRIu64 "%s", n / u->factor, u->name);
}

static enum status out_of_bounds(const struct option *o, struct span text, struct err *e)
{
    struct buf b;
    buf_init(&b);
    buf_add_str(&b, "between ");
    number_format(o, o->min, &b);
    buf_add_str(&b, " and ");
    number_format(o, o->max, &b);
    enum status st = err_set(e, ST_INVALID, "\"%.*s\" is out of bounds, must be %s", SPAN_ARG(text),
                             buf_cstr(&b));
    buf_clear(&b);
    return st;
}

static enum status not_a_number(const struct option *o, struct span text, struct err *e)
{
    const char *what = "a number";
    if (o->type == OPT_SIZE)
        what = "a size (as in 64k, 16m, 5g; a bare number is bytes)";
    if (o->type == OPT_TIME)
        what = "a time (as in 500ms, 30s, 15m, 36h; a bare number is seconds)";
    return err_set(e, ST_INVALID, "\"%.*s\" is not %s%s%s", SPAN_ARG(text), what,
                   o->words ? " or " : "", o->words ? o->words : "");
}

static bool find_factor(const struct option *o, struct span unit, uint64_t *factor)
{
    size_t n = 0;
    const struct unit *u = units_of(o, &n);
    *factor = 1;
    if (!has_units(o))
        return unit.len == 0;
    for (size_t i = 0; i < n; i++) {
        if (span_iis(unit, u[i].name)) {
            *factor = u[i].factor;
            return true;
        }
    }
    return false;
}

static size_t count_digits(struct span s)
{
    size_t n = 0;
    while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

// Takes one number with its unit off *rest; below: what the unit must be worth less than.
static enum status part_parse(const struct option *o, struct span *rest, uint64_t *below,
                              uint64_t *out)
{
    size_t digits = count_digits(*rest);
    size_t end = digits;
    uint64_t n = 0;
    uint64_t factor = 1;
    while (end < rest->len && (rest->p[end] < '0' || rest->p[end] > '9'))
        end++;
    bool is_whole = end == rest->len && *below == UINT64_MAX;
    bool has_unit = end > digits;
    if (!digits || !find_factor(o, span_sub(*rest, digits, end - digits), &factor))
        return ST_INVALID;
    if (!is_whole && (o->type != OPT_TIME || !has_unit || factor >= *below))
        return ST_INVALID;
    if (!span_u64(span_sub(*rest, 0, digits), &n) || n > UINT64_MAX / factor ||
        n * factor > UINT64_MAX - *out)
        return ST_LIMIT;
    *out += n * factor;
    *below = factor;
    *rest = span_sub(*rest, end, rest->len);
    return ST_OK;
}

// Times may be written as Go does, "1m30s", the larger unit first.
static enum status number_parse(const struct option *o, struct span text, uint64_t *out,
                                struct err *e)
{
    struct span rest = text;
    uint64_t below = UINT64_MAX;
    uint64_t n = 0;
    enum status st = ST_OK;
    if (o->words && span_is(text, o->words)) {
        *out = 0;
        return ST_OK;
    }
    do
        st = part_parse(o, &rest, &below, &n);
    while (st == ST_OK && rest.len);
    if (st == ST_INVALID)
        return not_a_number(o, text, e);
    if (st == ST_LIMIT || n < o->min || n > o->max)
        return out_of_bounds(o, text, e);
    *out = n;
    return ST_OK;
}

enum status config_time_parse(struct span text, int64_t least_ms, int64_t most_ms, int64_t *out_ms,
                              struct err *e)
{
    const struct option o = {.type = OPT_TIME, .min = (uint64_t)least_ms, .max = (uint64_t)most_ms};
    uint64_t n = 0;
    enum status st = number_parse(&o, text, &n, e);
    if (st == ST_OK)
        *out_ms = (int64_t)n;
    return st;
}

static enum status bool_parse(struct span text, bool *out, struct err *e)
{
    static const char *const words[2][4] = {{"no", "false", "off", "0"},
                                            {"yes", "true", "on", "1"}};
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 4; j++) {
            if (span_iis(text, words[i][j])) {
                *out = i == 1;
                return ST_OK;
            }
        }
    }
    return err_set(e, ST_INVALID, "\"%.*s\" is not yes or no", SPAN_ARG(text));
}

static enum status enum_parse(const struct option *o, struct span text, unsigned *out,
                              struct err *e)
{
    struct span rest = span_of(o->words);
    struct span word;
    struct nearest near;
    nearest_init(&near, text);
    for (unsigned i = 0; span_next(&rest, '|', &word); i++) {
        if (span_eq(word, text)) {
            *out = i;
            return ST_OK;
        }
        nearest_offer(&near, word);
    }
    enum status st = err_set(e, ST_INVALID, "\"%.*s\" is not one of %s", SPAN_ARG(text), o->words);
    nearest_suggest(&near, "", e);
    return st;
}

// A checked heap copy, or NULL with e set.
static char *string_parse(const struct option *o, struct span text, struct err *e)
{
    char *copy = NULL;
    if (!text.len)
        (void)err_set(e, ST_INVALID, "a value is missing");
    else if (memchr(text.p, '\0', text.len))
        (void)err_set(e, ST_INVALID, "the value holds a NUL");
    else
        copy = xstrndup(text.p, text.len);
    if (copy && o->check && o->check(copy, e) != ST_OK) {
        secret_free_str(copy);
        copy = NULL;
    }
    return copy;
}

static void list_clear(struct config_list *l)
{
    for (unsigned i = 0; i < l->n; i++)
        secret_free_str(l->v[i]);
    free(l->v);
    l->v = NULL;
    l->n = 0;
}

static void list_append(struct config_list *l, char *item)
{
    l->v = xrealloc(l->v, (l->n + (size_t)1) * sizeof(*l->v));
    l->v[l->n++] = item;
}

static enum status list_parse(const struct option *o, struct span text, struct config_list *l,
                              struct err *e)
{
    struct config_list new = {NULL, 0};
    struct span rest = text;
    struct span item;
    while (span_next(&rest, ',', &item)) {
        char *copy = string_parse(o, span_trim(item), e);
        if (!copy) {
            list_clear(&new);
            return ST_INVALID;
        }
        list_append(&new, copy);
    }
    for (unsigned i = 0; i < new.n; i++)
        list_append(l, new.v[i]);
    free(new.v);
    return ST_OK;
}

static enum status set_number(const struct option *o, struct span text, void *field, struct err *e)
{
    uint64_t n = 0;
    enum status st = number_parse(o, text, &n, e);
    if (st != ST_OK)
        return st;
    if (o->type == OPT_UINT)
        *(unsigned *)field = (unsigned)n;
    else if (o->type == OPT_TIME)
        *(int64_t *)field = (int64_t)n;
    else
        *(uint64_t *)field = n;
    return ST_OK;
}

enum status value_set(const struct option *o, struct span text, void *field, struct err *e)
{
    char *copy = NULL;
    if (!text.len)
        return err_set(e, ST_INVALID, "a value is missing");
    switch (o->type) {
    case OPT_BOOL:
        return bool_parse(text, field, e);
    case OPT_ENUM:
        return enum_parse(o, text, field, e);
    case OPT_LIST:
        return list_parse(o, text, field, e);
    case OPT_STRING:
        copy = string_parse(o, text, e);
        if (!copy)
            return ST_INVALID;
        value_clear(o, field);
        *(char **)field = copy;
        return ST_OK;
    default:
        return set_number(o, text, field, e);
    }
}

static uint64_t get_number(const struct option *o, const void *field)
{
    if (o->type == OPT_UINT)
        return *(const unsigned *)field;
    if (o->type == OPT_TIME)
        return (uint64_t) * (const int64_t *)field;
    return *(const uint64_t *)field;
}

static void format_word(const struct option *o, unsigned index, struct buf *out)
{
    struct span rest = span_of(o->words);
    struct span word = {NULL, 0};
    for (unsigned i = 0; i <= index; i++)
        if (!span_next(&rest, '|', &word))
            return;
    buf_add_span(out, word);
}

static void format_list(const struct config_list *l, struct buf *out)
{
    for (unsigned i = 0; i < l->n; i++)
        buf_addf(out, "%s%s", i ? ", " : "", l->v[i]);
}

bool value_hides(const struct option *o, const void *field)
{
    return o->is_secret || (o->hides_userinfo && strchr(*(char *const *)field, '@') != NULL);
}

static void format_without_userinfo(const char *url, struct buf *out)
{
    const char *at = strrchr(url, '@');
    size_t scheme = span_find(span_of(url), '/') + 2;
    buf_addf(out, "%.*s********%s", (int)scheme, url, at);
}

void value_format(const struct option *o, const void *field, struct buf *out)
{
    if (!value_is_set(o, field))
        return;
    if (o->is_secret) {
        buf_add_str(out, "********");
        return;
    }
    if (value_hides(o, field)) {
        format_without_userinfo(*(char *const *)field, out);
        return;
    }
    switch (o->type) {
    case OPT_BOOL:
        buf_add_str(out, *(const bool *)field ? "yes" : "no");
        break;
    case OPT_ENUM:
        format_word(o, *(const unsigned *)field, out);
        break;
    case OPT_STRING:
        buf_add_str(out, *(char *const *)field);
        break;
    case OPT_LIST:
        format_list(field, out);
        break;
    default:
        if (o->words && get_number(o, field) == 0)
            buf_add_str(out, o->words);
        else
            number_format(o, get_number(o, field), out);
    }
}

bool value_is_set(const struct option *o, const void *field)
{
    if (o->type == OPT_STRING)
        return *(char *const *)field != NULL;
    if (o->type == OPT_LIST)
        return ((const struct config_list *)field)->n > 0;
    if (o->type == OPT_TIME)
        return *(const int64_t *)field >= 0;
    return true;
}

void value_clear(const struct option *o, void *field)
{
    if (o->type == OPT_LIST) {
        list_clear(field);
    } else if (o->type == OPT_STRING) {
        secret_free_str(*(char **)field);
        *(char **)field = NULL;
    }
}

// SPDX-License-Identifier: Apache-2.0
// The file as a source. Keys are unique over all sections, so a section is checked and not needed
// to find a key: a key under the wrong header is refused with the right one, instead of being
// unknown. [route], [policy] and [identity] sections have keys of their own, and stand as often as
// one likes.
#include "config/merge_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/config.h"
#include "config/ini_int.h"
#include "config/nearest_int.h"
#include "config/options_int.h"

#define FILE_MAX       ((size_t)1024 * 1024)
#define ROUTES_MAX     4096
#define POLICIES_MAX   4096
#define IDENTITIES_MAX 4096
#define INCLUDED_MAX   1024
#define DEPTH_MAX      8

static void *route_field(struct config_route *r, const struct option *o)
{
    return (char *)r + o->route_at;
}

// Room for one more behind n; the array grows at each power of two.
static void *grow(void *v, unsigned n, size_t size)
{
    if ((n & (n - 1)) != 0)
        return v;
    return xrealloc(v, (n ? 2 * (size_t)n : 1) * size);
}

static struct config_route *add_route(struct merge *m, struct span glob, unsigned line)
{
    struct config *c = m->c;
    c->routes = grow(c->routes, c->n_routes, sizeof(*c->routes));
    struct config_route *r = &c->routes[c->n_routes++];
    memset(r, 0, sizeof(*r));
    r->glob = xstrndup(glob.p, glob.len);
    r->line = line;
    r->file = m->included;
    r->connect_timeout_ms = r->tls_timeout_ms = -1;
    r->first_byte_timeout_ms = r->idle_timeout_ms = r->total_timeout_ms = -1;
    r->retry.base = r->retry.cap = r->rate_limit_wait_ms = -1;
    return r;
}

static enum status begin_route(struct merge *m, struct span glob, unsigned line)
{
    struct config *c = m->c;
    if (!glob.p)
        return err_set(m->e, ST_INVALID, "a route needs a glob, as in [route \"*.example.com\"]");
    if (c->n_routes == ROUTES_MAX)
        return err_set(m->e, ST_INVALID, "more than %d routes", ROUTES_MAX);
    char place[CONFIG_PLACE];
    struct config_route *r = add_route(m, glob, line);
    enum status st = check_glob(r->glob, m->e);
    if (st != ST_OK)
        return st;
    for (unsigned i = 0; i + 1 < c->n_routes; i++)
        if (strcmp(c->routes[i].glob, r->glob) == 0)
            return err_set(m->e, ST_INVALID,
                           "[route \"%s\"] stands already in %s, and the first match wins", r->glob,
                           config_place(c->routes[i].file, c->routes[i].line, place));
    m->route = r;
    memset(m->lines, 0, options_n * sizeof(*m->lines));
    return ST_OK;
}

static void begin_own(struct merge *m, const struct option *options_of, void *at)
{
    m->own = option_table_of(options_of);
    m->own_at = at;
    memset(m->lines, 0, m->own->n * sizeof(*m->lines));
}

static enum status begin_policy(struct merge *m, struct span name, unsigned line)
{
    struct config *c = m->c;
    if (c->n_policies == POLICIES_MAX)
        return err_set(m->e, ST_INVALID, "more than %d policies", POLICIES_MAX);
    c->policies = grow(c->policies, c->n_policies, sizeof(*c->policies));
    struct config_policy *p = &c->policies[c->n_policies++];
    memset(p, 0, sizeof(*p));
    p->name = name.p ? xstrndup(name.p, name.len) : NULL;
    p->line = line;
    p->file = m->included;
    begin_own(m, policy_options, p);
    return ST_OK;
}

static enum status begin_identity(struct merge *m, struct span name, unsigned line)
{
    struct config *c = m->c;
    if (!name.len)
        return err_set(m->e, ST_INVALID, "an identity needs a name, as in [identity \"batch\"]");
    if (c->n_identities == IDENTITIES_MAX)
        return err_set(m->e, ST_INVALID, "more than %d identities", IDENTITIES_MAX);
    c->identities = grow(c->identities, c->n_identities, sizeof(*c->identities));
    struct config_identity *id = &c->identities[c->n_identities++];
    memset(id, 0, sizeof(*id));
    id->name = xstrndup(name.p, name.len);
    id->line = line;
    id->file = m->included;
    begin_own(m, identity_options, id);
    return ST_OK;
}

static enum status begin_section(struct merge *m, const struct ini_item *item, unsigned line)
{
    const struct option_section *section = NULL;
    struct nearest near;
    m->route = NULL;
    m->own = NULL;
    if (span_is(item->section, "route"))
        return begin_route(m, item->argument, line);
    if (span_is(item->section, "policy"))
        return begin_policy(m, item->argument, line);
    if (span_is(item->section, "identity"))
        return begin_identity(m, item->argument, line);
    nearest_init(&near, item->section);
    for (size_t i = 0; i < option_sections_n; i++) {
        if (span_is(item->section, option_sections[i].name))
            section = &option_sections[i];
        nearest_offer(&near, span_of(option_sections[i].name));
    }
    if (section && item->argument.p)
        return err_set(m->e, ST_INVALID, "[%s] takes nothing in quotes", section->name);
    if (section)
        return ST_OK;
    nearest_offer(&near, SPAN("route"));
    for (size_t i = 0; i < option_tables_n; i++)
        nearest_offer(&near, span_of(option_tables[i].section));
    (void)err_set(m->e, ST_INVALID, "unknown section [%.*s]", SPAN_ARG(item->section));
    nearest_suggest(&near, "", m->e);
    return ST_INVALID;
}

static enum status unknown_key(struct merge *m, struct span key)
{
    struct nearest near;
    nearest_init(&near, key);
    for (size_t i = 0; i < options_n && !m->own; i++)
        if (m->route ? options[i].in_route : option_is_general(&options[i]))
            nearest_offer(&near, span_of(options[i].key));
    for (size_t i = 0; m->own && i < m->own->n; i++)
        nearest_offer(&near, span_of(m->own->v[i].key));
    const char *section = m->route ? "route" : m->own ? m->own->section : NULL;
    (void)err_set(m->e, ST_INVALID, "unknown key \"%.*s\"%s%s%s", SPAN_ARG(key),
                  section ? " in [" : "", section ? section : "", section ? "]" : "");
    nearest_suggest(&near, "", m->e);
    return ST_INVALID;
}

static enum status is_twice(struct merge *m, const struct option *o, unsigned line,
                            const char *file)
{
    char place[CONFIG_PLACE];
    return err_set(m->e, ST_INVALID, "\"%s\" is set already in %s", o->key,
                   config_place(file, line, place));
}

static enum status set_in_route(struct merge *m, const struct option *o, struct span value,
                                unsigned line)
{
    unsigned *set_in = &m->lines[o - options];
    if (!o->in_route)
        return err_set(m->e, ST_INVALID, "\"%s\" belongs in [%s], not in [route]", o->key,
                       o->section);
    if (*set_in)
        return is_twice(m, o, *set_in, m->included);
    enum status st = value_set(o, value, route_field(m->route, o), m->e);
    if (st != ST_OK)
        return err_wrap(m->e, st, "%s", o->key);
    if (o->route_has)
        *((bool *)m->route + o->route_has) = true;
    *set_in = line;
    return ST_OK;
}

static bool is_verdict(const struct merge *m, const struct option *o)
{
    return m->own->v == policy_options && o->at == offsetof(struct config_policy, action);
}

static enum status set_own(struct merge *m, struct span key, struct span value, unsigned line)
{
    const struct option *o = NULL;
    for (size_t i = 0; i < m->own->n && !o; i++)
        if (span_is(key, m->own->v[i].key))
            o = &m->own->v[i];
    if (!o)
        return unknown_key(m, key);
    unsigned *set_in = &m->lines[o - m->own->v];
    if (*set_in)
        return is_twice(m, o, *set_in, m->included);
    enum status st = value_set(o, value, (char *)m->own_at + o->at, m->e);
    if (st != ST_OK && is_verdict(m, o) && span_find(value, ':') < value.len)
        return err_set(m->e, st,
                       "action is allow or deny; what of AWS's a request asks for is aws_action");
    if (st != ST_OK)
        return err_wrap(m->e, st, "%s", o->key);
    if (is_verdict(m, o))
        ((struct config_policy *)m->own_at)->has_action = true;
    *set_in = line;
    return ST_OK;
}

// Sections only group: a general key means the same in each of them, and before the first.
static enum status set_in_file(struct merge *m, const struct option *o, struct span value,
                               unsigned line)
{
    struct config_origin *from = &m->c->origins[o - options];
    struct buf where;
    if (!option_is_general(o))
        return err_set(m->e, ST_INVALID, "\"%s\" belongs in a [route \"glob\"]", o->key);
    if (from->source == FROM_FILE && o->type != OPT_LIST)
        return is_twice(m, o, from->line, from->file);
    buf_init(&where);
    buf_addf(&where, "%s:%u", m->file_name, line);
    enum status st = merge_set(m, o, FROM_FILE, buf_cstr(&where), value);
    buf_clear(&where);
    if (st != ST_OK)
        return err_wrap(m->e, st, "%s", o->key);
    from->line = line;
    from->file = m->included;
    return ST_OK;
}

// ---- further files

static enum status read_included(void *arg, const char *name, struct span file)
{
    struct merge *m = arg;
    const char *outer_name = m->file_name;
    const char *outer = m->included;
    struct config_list *l = &m->c->included;
    if (l->n == INCLUDED_MAX)
        return err_set(m->e, ST_INVALID, "include: more than %d files", INCLUDED_MAX);
    l->v = grow(l->v, l->n, sizeof(*l->v));
    l->v[l->n] = xstrdup(name);
    m->file_name = m->included = l->v[l->n++];
    m->depth++;
    enum status st = merge_file(m, file);
    m->depth--;
    m->file_name = outer_name;
    m->included = outer;
    m->route = NULL;
    m->own = NULL;
    return st;
}

static enum status include(struct merge *m, struct span pattern)
{
    struct config_reader reader = {.read = read_included, .arg = m};
    if (m->route || m->own)
        return err_set(m->e, ST_INVALID, "include can't stand in a [%s]",
                       m->route ? "route" : m->own->section);
    if (!pattern.len)
        return err_set(m->e, ST_INVALID, "include: a value is missing");
    if (m->depth == DEPTH_MAX)
        return err_set(m->e, ST_INVALID,
                       "include: more than %d files deep; does one include itself?", DEPTH_MAX);
    if (!m->include)
        return err_set(m->e, ST_INVALID, "include: there are no files here");
    char *text = xstrndup(pattern.p, pattern.len);
    enum status st = m->include(m->file_name, text, &reader, m->e);
    free(text);
    return st == ST_OK || m->is_told ? st : err_wrap(m->e, st, "include");
}

static enum status take_pair(struct merge *m, const struct ini_item *item, unsigned line)
{
    const struct option *o = option_find(item->key);
    if (span_is(item->key, "include"))
        return include(m, item->value);
    if (m->own)
        return set_own(m, item->key, item->value, line);
    if (!o)
        return unknown_key(m, item->key);
    return m->route ? set_in_route(m, o, item->value, line) : set_in_file(m, o, item->value, line);
}

enum status merge_file(struct merge *m, struct span file)
{
    struct ini ini;
    struct ini_item item;
    enum status st;
    if (file.len > FILE_MAX) {
        m->is_told = true;
        return err_set(m->e, ST_INVALID, "%s: larger than 1 MiB", m->file_name);
    }
    ini_init(&ini, file);
    while ((st = ini_next(&ini, &item, m->e)) == ST_OK) {
        if (item.kind == INI_SECTION)
            st = begin_section(m, &item, ini.line);
        else
            st = take_pair(m, &item, ini.line);
        if (st != ST_OK)
            break;
    }
    if (st == ST_DECLINED)
        return ST_OK;
    if (m->is_told)
        return st;
    m->is_told = true;
    return err_wrap(m->e, st, "%s:%u", m->file_name, ini.line);
}

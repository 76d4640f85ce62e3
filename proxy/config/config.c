// SPDX-License-Identifier: Apache-2.0
// Merges defaults, file, environment and command line into one snapshot. The sources are applied
// by rising precedence, and each value is judged even where a higher source overrules it: a broken
// file is reported today, not on the day when the flag goes away. A list appends within its source
// and is replaced by a higher one.
#include "config/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "config/config_int.h"
#include "config/merge_int.h"
#include "config/options_int.h"

static void *general_field(struct config *c, const struct option *o)
{
    return (char *)c + o->at;
}

static struct config *config_new(const char *file_name)
{
    struct config *c = xcalloc(1, sizeof(*c));
    c->origins = xcalloc(options_n, sizeof(*c->origins));
    c->file_name = file_name ? xstrdup(file_name) : NULL;
    atomic_init(&c->refs, 1);
    return c;
}

static enum status set_defaults(struct config *c, struct err *e)
{
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!option_is_general(o) || !o->def)
            continue;
        enum status st = value_set(o, span_of(o->def), general_field(c, o), e);
        if (st != ST_OK)
            return err_wrap(e, st, "default of %s", o->key);
    }
    return ST_OK;
}

enum status merge_set(struct merge *m, const struct option *o, enum config_source source,
                      const char *where, struct span value)
{
    struct config_origin *from = &m->c->origins[o - options];
    void *field = general_field(m->c, o);
    if (o->type == OPT_LIST && from->source != source) {
        struct config_list old = *(struct config_list *)field;
        memset(field, 0, sizeof(old));
        enum status st = value_set(o, value, field, m->e);
        if (st != ST_OK) {
            *(struct config_list *)field = old;
            return st;
        }
        value_clear(o, &old);
    } else {
        enum status st = value_set(o, value, field, m->e);
        if (st != ST_OK)
            return st;
    }
    free(from->where);
    from->where = xstrdup(where);
    from->source = source;
    return ST_OK;
}

// "sigv4-proxy.conf:12: max_field", "--max-field", "SIGV4_PROXY_MAX_FIELD", or "max_field"
// (default).
static enum status blame(struct merge *m, const char *key)
{
    const struct option *o = option_find(span_of(key));
    const struct config_origin *from = &m->c->origins[o - options];
    if (from->source == FROM_FLAG || from->source == FROM_ENV || from->source == FROM_AWS_ENV)
        return err_wrap(m->e, ST_INVALID, "%s", from->where);
    (void)err_wrap(m->e, ST_INVALID, "%s", key);
    return from->where ? err_wrap(m->e, ST_INVALID, "%s", from->where) : ST_INVALID;
}

// Blames whichever of two settings was set by somebody, the first where both were.
static enum status blame_either(struct merge *m, const char *key, const char *other)
{
    const struct option *o = option_find(span_of(key));
    return blame(m, m->c->origins[o - options].where ? key : other);
}

static enum status check_addresses(struct merge *m)
{
    const struct config_list *l = &m->c->listen;
    for (unsigned i = 0; i < l->n; i++) {
        struct span text = span_of(l->v[i]);
        if (span_ends(text, SPAN(":0"))) // any free port
            continue;
        if (span_is(text, m->c->admin)) {
            (void)err_set(m->e, ST_INVALID, "listen and admin can't share %s", l->v[i]);
            return blame_either(m, "admin", "listen");
        }
        if (span_is(text, m->c->probe)) {
            (void)err_set(m->e, ST_INVALID, "listen and probe can't share %s", l->v[i]);
            return blame_either(m, "probe", "listen");
        }
        for (unsigned j = 0; j < i; j++) {
            if (span_is(text, l->v[j])) {
                (void)err_set(m->e, ST_INVALID, "%s is listed twice", l->v[i]);
                return blame(m, "listen");
            }
        }
    }
    return ST_OK;
}

static bool is_region_set(const char *region)
{
    return region && strpbrk(region, "*,");
}

// Only SigV4A signs for more than one region.
static enum status check_regions(struct merge *m)
{
    const struct config *c = m->c;
    static const char text[] = "a list of regions, or *, is signed with SigV4A, not with sigv4";
    for (unsigned i = 0; i < c->n_routes; i++) {
        const struct config_route *r = &c->routes[i];
        enum config_algorithm algorithm = r->has_algorithm ? r->algorithm : c->algorithm;
        if (algorithm == ALGORITHM_SIGV4 && is_region_set(r->region))
            return err_set(m->e, ST_INVALID, "%s:%u: [route \"%s\"]: %s",
                           r->file ? r->file : m->file_name, r->line, r->glob, text);
    }
    if (c->algorithm != ALGORITHM_SIGV4 || !is_region_set(c->region))
        return ST_OK;
    (void)err_set(m->e, ST_INVALID, "%s", text);
    return blame_either(m, "region", "algorithm");
}

// Without an action a section would look like a rule and be none.
static enum status check_policies(struct merge *m)
{
    for (unsigned i = 0; i < m->c->n_policies; i++)
        if (!m->c->policies[i].has_action)
            return err_set(m->e, ST_INVALID, "%s:%u: this [policy] has no action (allow or deny)",
                           m->c->policies[i].file ? m->c->policies[i].file : m->file_name,
                           m->c->policies[i].line);
    return ST_OK;
}

// A client that is mapped to nobody in particular would sign as everybody does.
static enum status check_identities(struct merge *m)
{
    for (unsigned i = 0; i < m->c->n_identities; i++) {
        const struct config_identity *id = &m->c->identities[i];
        const char *lacks = !id->client.n ? "client" : "profile or role_arn";
        if (!id->client.n || (!id->profile && !id->role_arn))
            return err_set(m->e, ST_INVALID, "%s:%u: [identity \"%s\"] has no %s",
                           id->file ? id->file : m->file_name, id->line, id->name, lacks);
    }
    return ST_OK;
}

static enum status check_listener_tls(struct merge *m)
{
    const struct config *c = m->c;
    if (!c->listen_cert == !c->listen_key && (c->listen_cert || !c->listen_client_ca))
        return ST_OK;
    (void)err_set(m->e, ST_INVALID, "listen_cert and listen_key go together%s",
                  c->listen_cert || c->listen_key ? "" : ", and listen_client_ca needs them");
    return blame_either(m, c->listen_cert ? "listen_cert" : "listen_key", "listen_client_ca");
}

static enum status check_all(struct merge *m)
{
    const struct config *c = m->c;
    enum status tls = check_listener_tls(m);
    if (tls != ST_OK)
        return tls;
    if (c->upstream_url_scheme == SCHEME_HTTP && !c->host) {
        (void)err_set(m->e, ST_INVALID, "http is taken only together with host");
        return blame(m, "upstream_url_scheme");
    }
    if (c->max_field > c->max_head) {
        (void)err_set(m->e, ST_INVALID, "max_field is larger than max_head");
        return blame_either(m, "max_field", "max_head");
    }
    if (c->max_request_line > c->max_head) {
        (void)err_set(m->e, ST_INVALID, "max_request_line is larger than max_head");
        return blame_either(m, "max_request_line", "max_head");
    }
    enum status st = check_policies(m);
    if (st == ST_OK)
        st = check_identities(m);
    if (st == ST_OK)
        st = check_regions(m);
    return st == ST_OK ? check_addresses(m) : st;
}

enum status config_parse(const struct config_input *in, struct config **out, struct err *e)
{
    struct err local = {""};
    struct merge m = {.e = e ? e : &local, .file_name = in->file_name, .include = in->include};
    *out = NULL;
    m.e->text[0] = '\0';
    if (merge_help_wanted(in))
        return ST_DECLINED;
    m.c = config_new(in->file_name);
    m.lines =
        xcalloc(options_n, sizeof(*m.lines)); // there are more of them than of any section's keys
    enum status st = set_defaults(m.c, m.e);
    if (st == ST_OK && in->file_name)
        st = merge_file(&m, in->file);
    if (st == ST_OK && in->envp)
        st = merge_env(&m, in->envp);
    if (st == ST_OK)
        st = merge_flags(&m, in);
    if (st == ST_OK)
        st = check_all(&m);
    config_index_routes(m.c);
    free(m.lines);
    if (st != ST_OK) {
        config_release(m.c);
        return st;
    }
    *out = m.c;
    return ST_OK;
}

void config_take_home(struct config *c, const char *home)
{
    char *whole = NULL;
    if (c->ca_dir[0] != '~')
        return;
    if (home) {
        whole = xmalloc(strlen(home) + strlen(c->ca_dir));
        (void)stpcpy(stpcpy(whole, home), c->ca_dir + 1);
    }
    free(c->ca_dir);
    c->ca_dir = whole ? whole : xstrdup("");
}

bool config_intercepts(const struct config *c)
{
    for (unsigned i = 0; i < c->n_routes; i++)
        if (c->routes[i].has_connect && c->routes[i].connect == CONNECT_INTERCEPT)
            return true;
    return c->connect == CONNECT_INTERCEPT;
}

struct config *config_acquire(struct config *c)
{
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

static void route_clear(struct config_route *r)
{
    for (size_t i = 0; i < options_n; i++)
        if (options[i].in_route)
            value_clear(&options[i], (char *)r + options[i].route_at);
    free(r->glob);
}

static void own_clear(const struct option *v, void *at)
{
    const struct option_table *t = option_table_of(v);
    for (size_t i = 0; i < t->n; i++)
        value_clear(&t->v[i], (char *)at + t->v[i].at);
}

void config_release(struct config *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < options_n; i++) {
        if (option_is_general(&options[i]))
            value_clear(&options[i], general_field(c, &options[i]));
        free(c->origins[i].where);
    }
    for (unsigned i = 0; i < c->n_routes; i++)
        route_clear(&c->routes[i]);
    for (unsigned i = 0; i < c->n_policies; i++)
        own_clear(policy_options, &c->policies[i]);
    for (unsigned i = 0; i < c->n_policies; i++)
        free(c->policies[i].name);
    for (unsigned i = 0; i < c->n_identities; i++) {
        own_clear(identity_options, &c->identities[i]);
        free(c->identities[i].name);
    }
    free(c->routes);
    free(c->named_routes);
    free(c->starred_routes);
    free(c->policies);
    free(c->identities);
    free(c->origins);
    free(c->file_name);
    for (unsigned i = 0; i < c->included.n; i++)
        free(c->included.v[i]);
    free(c->included.v);
    free(c->note);
    free(c->default_region);
    free(c->default_region_source);
    free(c);
}

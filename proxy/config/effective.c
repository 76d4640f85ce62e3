// SPDX-License-Identifier: Apache-2.0
// The answer of check-config. What it prints is a file again that says the same.
#include "base/buf.h"
#include "config/config.h"
#include "config/config_int.h"
#include "config/options_int.h"

static void add_general(const struct config *c, const struct option *o, struct buf *out)
{
    const char *where = c->origins[o - options].where;
    const void *field = (const char *)c + o->at;
    if (!value_is_set(o, field)) {
        buf_addf(out, "# %s: not set\n", o->key);
        return;
    }
    buf_addf(out, "%s%s = ", value_hides(o, field) ? "# " : "", o->key);
    value_format(o, field, out);
    buf_addf(out, "  # %s\n", where ? where : "default");
}

static void add_route(const struct config *c, const struct config_route *r, struct buf *out)
{
    buf_addf(out, "\n[route \"%s\"]  # %s:%u\n", r->glob, r->file ? r->file : c->file_name,
             r->line);
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        const void *field = (const char *)r + o->route_at;
        if (!o->in_route || !value_is_set(o, field))
            continue;
        if (o->route_has && !*((const bool *)r + o->route_has))
            continue;
        buf_addf(out, "%s%s = ", value_hides(o, field) ? "# " : "", o->key);
        value_format(o, field, out);
        buf_add_char(out, '\n');
    }
}

static void add_own(const struct option_table *t, const void *at, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct option *o = &t->v[i];
        const void *field = (const char *)at + o->at;
        if (!value_is_set(o, field))
            continue;
        buf_addf(out, "%s = ", o->key);
        value_format(o, field, out);
        buf_add_char(out, '\n');
    }
}

static void add_policy(const struct config *c, const struct config_policy *p, struct buf *out)
{
    const char *file = p->file ? p->file : c->file_name;
    if (p->name)
        buf_addf(out, "\n[policy \"%s\"]  # %s:%u\n", p->name, file, p->line);
    else
        buf_addf(out, "\n[policy]  # %s:%u\n", file, p->line);
    add_own(option_table_of(policy_options), p, out);
}

static void add_identity(const struct config *c, const struct config_identity *id, struct buf *out)
{
    buf_addf(out, "\n[identity \"%s\"]  # %s:%u\n", id->name, id->file ? id->file : c->file_name,
             id->line);
    add_own(option_table_of(identity_options), id, out);
}

void config_effective(const struct config *c, struct buf *out)
{
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, "%s[%s]\n", s ? "\n" : "", option_sections[s].name);
        for (size_t i = 0; i < options_n; i++)
            if (span_is(span_of(options[i].section), option_sections[s].name))
                add_general(c, &options[i], out);
    }
    for (unsigned i = 0; i < c->n_routes; i++)
        add_route(c, &c->routes[i], out);
    for (unsigned i = 0; i < c->n_policies; i++)
        add_policy(c, &c->policies[i], out);
    for (unsigned i = 0; i < c->n_identities; i++)
        add_identity(c, &c->identities[i], out);
}

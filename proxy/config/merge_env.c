// SPDX-License-Identifier: Apache-2.0
// The environment as a source: SIGV4_PROXY_<KEY> for each general setting.
#include "config/merge_int.h"

#include <string.h>

#include "config/config.h"
#include "config/nearest_int.h"
#include "config/options_int.h"

#define ENV_PREFIX "SIGV4_PROXY_"

static const char *env_find(char *const *envp, const char *name)
{
    size_t len = strlen(name);
    for (char *const *v = envp; *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return *v + len + 1;
    return NULL;
}

static enum status set_from_env(struct merge *m, const struct option *o, enum config_source source,
                                char *const *envp, const char *name)
{
    const char *text = env_find(envp, name);
    struct span value = span_trim(span_of(text));
    if (!value.len) // compose files write X: "${X:-}"
        return ST_OK;
    struct buf word;
    buf_init(&word);
    if (source == FROM_AWS_ENV)
        value = merge_aws_word(m->c, o, name, value, &word);
    enum status st = merge_set(m, o, source, name, value);
    buf_clear(&word);
    return st == ST_OK ? ST_OK : err_wrap(m->e, st, "%s", name);
}

// A Kubernetes service named sigv4-proxy puts SIGV4_PROXY_SERVICE_HOST, SIGV4_PROXY_PORT=tcp://...,
// SIGV4_PROXY_PORT_8080_TCP_ADDR and the like into every pod of its namespace.
static bool is_service_link(struct span name, struct span value)
{
    return span_is(name, "SERVICE_HOST") || span_is(name, "SERVICE_PORT") ||
           span_starts(name, SPAN("SERVICE_PORT_")) ||
           (span_starts(name, SPAN("PORT_")) && name.len > 5 && name.p[5] >= '0' &&
            name.p[5] <= '9') ||
           (span_is(name, "PORT") && span_find(value, '/') < value.len);
}

// Whether the variable is named like an option's flag alias: SIGV4_PROXY_PORT means LISTEN.
static bool is_alias(const struct option *o, struct span name)
{
    struct span rest = span_of(o->aliases);
    struct span alias;
    while (span_next(&rest, ' ', &alias))
        if (span_find(alias, '=') == alias.len && nearest_distance(alias, name) == 0)
            return true;
    return false;
}

static enum status judge_variable(struct merge *m, struct span name, struct span value)
{
    struct nearest near;
    nearest_init(&near, name);
    for (size_t i = 0; i < options_n; i++) {
        if (!option_is_general(&options[i]))
            continue;
        struct buf full;
        buf_init(&full);
        option_env_name(&options[i], &full);
        struct span key = span_sub(buf_span(&full), strlen(ENV_PREFIX), full.len);
        bool is_known = span_eq(key, name);
        if (is_alias(&options[i], name))
            nearest_init(&near, key); // the offer that follows is exact
        nearest_offer(&near, key);
        near.word = name;
        buf_clear(&full);
        if (is_known)
            return ST_OK;
    }
    if (is_service_link(name, value))
        return ST_OK;
    (void)err_set(m->e, ST_INVALID, ENV_PREFIX "%.*s: unknown setting", SPAN_ARG(name));
    nearest_suggest(&near, ENV_PREFIX, m->e);
    return ST_INVALID;
}

enum status merge_env(struct merge *m, char *const *envp)
{
    for (char *const *v = envp; *v; v++) {
        struct span var = span_of(*v);
        size_t eq = span_find(var, '=');
        if (!span_starts(var, SPAN(ENV_PREFIX)) || eq == var.len)
            continue;
        size_t from = strlen(ENV_PREFIX);
        enum status st =
            judge_variable(m, span_sub(var, from, eq - from), span_sub(var, eq + 1, var.len));
        if (st != ST_OK)
            return st;
    }
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!option_is_general(o))
            continue;
        enum status st = o->env ? set_from_env(m, o, FROM_AWS_ENV, envp, o->env) : ST_OK;
        struct buf name;
        buf_init(&name);
        option_env_name(o, &name);
        if (st == ST_OK)
            st = set_from_env(m, o, FROM_ENV, envp, buf_cstr(&name));
        buf_clear(&name);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

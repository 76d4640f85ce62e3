// SPDX-License-Identifier: Apache-2.0
// What an operator asks first when something is wrong, as JSON. Access keys are masked, and nothing
// else of a secret is in reach here.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin_int.h"
#include "base/clock.h"
#include "base/secret.h"
#include "creds/creds.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/child.h"

static void set(json_t *o, const char *key, json_t *value)
{
    if (json_object_set_new(o, key, value) == -1) // text that is not UTF-8 gives no value
        (void)json_object_set_new(o, key, json_null());
}

static void set_text(json_t *o, const char *key, const char *text)
{
    set(o, key, text ? json_string(text) : json_null());
}

static void set_time(json_t *o, const char *key, int64_t wall_ms)
{
    char text[25];
    clock_format_iso(wall_ms, text);
    set_text(o, key, text);
}

static json_t *state_of(const struct admin *a)
{
    struct err why = {""};
    json_t *o = json_object();
    bool is_ready = a->o.is_ready(a->o.arg, &why);
    set(o, "ready", json_boolean(is_ready));
    set_text(o, "reason", is_ready ? NULL : why.text);
    why.text[0] = '\0';
    bool is_healthy = a->o.is_healthy(a->o.arg, &why);
    set(o, "healthy", json_boolean(is_healthy));
    // Once it has ended only a start of the whole proxy brings it back.
    const struct spawner *s = a->o.spawner;
    set_text(o, "spawner", !s ? "none" : spawner_is_running(s) ? "running" : "ended");
    set(o, "draining", json_boolean(front_is_draining(a->o.front)));
    return o;
}

static json_t *workers_of(const struct admin *a, const struct front_stats *s)
{
    json_t *o = json_object();
    json_t *clients = json_array();
    for (unsigned i = 0; i < s->n_workers; i++)
        (void)json_array_append_new(clients, json_integer(front_worker_clients(a->o.front, i)));
    set(o, "number", json_integer(s->n_workers));
    set_text(o, "decided_by", a->o.process->workers_why);
    set(o, "clients", clients);
    set(o, "slowest_heartbeat_ms", json_integer(clock_mono_ms() - s->oldest_beat_ms));
    return o;
}

static json_t *listeners_of(const struct admin *a)
{
    json_t *o = json_object();
    json_t *lists[3] = {json_array(), json_array(), json_array()};
    for (unsigned i = 0; front_listener(a->o.front, i); i++)
        (void)json_array_append_new(lists[0], json_string(front_listener(a->o.front, i)));
    for (unsigned i = 0; i < a->n_listeners; i++)
        (void)json_array_append_new(lists[a->listeners[i].is_probe ? 2 : 1],
                                    json_string(a->listeners[i].name));
    set(o, "proxy", lists[0]);
    set(o, "admin", lists[1]);
    set(o, "probe", lists[2]);
    return o;
}

// What of upstream_proxy is no secret: "host:port", or "none".
static const char *proxy_of(const char *url)
{
    const char *at = url ? strrchr(url, '@') : NULL;
    const char *slashes = url ? strstr(url, "://") : NULL;
    return at ? at + 1 : slashes ? slashes + 3 : url;
}

static json_t *routes_of(const struct config *c)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < c->n_routes; i++) {
        const struct config_route *r = &c->routes[i];
        json_t *o = json_object();
        set_text(o, "glob", r->glob);
        set_text(o, "service", r->service);
        set_text(o, "region", r->region);
        set_text(o, "upstream", r->upstream);
        set_text(o, "upstream_proxy", proxy_of(r->upstream_proxy));
        set_text(o, "sign_host", r->sign_host);
        set_text(o, "profile", r->profile);
        set_text(o, "role_arn", r->role_arn);
        set_text(o, "rate_limit", r->rate_limit);
        (void)json_array_append_new(all, o);
    }
    return all;
}

static json_t *list_of(const struct config_list *l)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < l->n; i++)
        (void)json_array_append_new(all, json_string(l->v[i]));
    return all;
}

static json_t *identities_of(const struct config *c)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < c->n_identities; i++) {
        const struct config_identity *id = &c->identities[i];
        json_t *o = json_object();
        set_text(o, "name", id->name);
        set(o, "client", list_of(&id->client));
        set_text(o, "profile", id->profile);
        set_text(o, "role_arn", id->role_arn);
        (void)json_array_append_new(all, o);
    }
    return all;
}

static json_t *policies_of(const struct config *c)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < c->n_policies; i++) {
        const struct config_policy *p = &c->policies[i];
        json_t *o = json_object();
        set_text(o, "name", p->name);
        set_text(o, "action", p->action == ACTION_DENY ? "deny" : "allow");
        set(o, "client", list_of(&p->client));
        set(o, "aws_action", list_of(&p->aws_action));
        (void)json_array_append_new(all, o);
    }
    return all;
}

static const char *state_of_fact(const struct facts_item *item)
{
    if (!item->fact)
        return "fetching";
    if (item->fact->status != ST_OK)
        return "failed";
    return item->fact->err.text[0] ? "usable, refresh failed" : "usable";
}

static json_t *credential_of(const struct facts_item *item)
{
    json_t *o = json_object();
    set_text(o, "key", item->key);
    set_text(o, "state", state_of_fact(item));
    if (item->fact && item->fact->status == ST_OK) {
        const struct creds *c = item->fact->value;
        char masked[SECRET_MASK_LEN];
        secret_mask(span_of(c->access_key), masked);
        set_text(o, "provider", c->provider);
        set_text(o, "source", c->source);
        set_text(o, "access_key", masked);
        if (c->expires_at_ms == INT64_MAX)
            set(o, "expires_at", json_null());
        else
            set_time(o, "expires_at", c->expires_at_ms);
    }
    set_text(o, "last_error", item->fact && item->fact->err.text[0] ? item->fact->err.text : NULL);
    return o;
}

static json_t *credentials_of(const struct facts_list *list)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < list->n; i++)
        if (list->v[i].kind == FACTS_CREDENTIALS)
            (void)json_array_append_new(all, credential_of(&list->v[i]));
    return all;
}

static json_t *facts_of(const struct facts_list *list, unsigned kind)
{
    json_t *o = json_object();
    unsigned keys = 0;
    unsigned good = 0;
    unsigned fetching = 0;
    for (unsigned i = 0; i < list->n; i++) {
        if (list->v[i].kind != kind)
            continue;
        keys++;
        good += list->v[i].fact && list->v[i].fact->status == ST_OK;
        fetching += list->v[i].is_fetching;
    }
    set(o, "keys", json_integer(keys));
    set(o, "usable", json_integer(good));
    set(o, "being_fetched", json_integer(fetching));
    return o;
}

static json_t *pools_of(void)
{
    json_t *o = json_object();
    set(o, "opened", json_integer(metrics_sum(METRIC_UPSTREAM_OPENED)));
    set(o, "reused", json_integer(metrics_sum(METRIC_UPSTREAM_REUSED)));
    set(o, "idle", json_integer(metrics_sum(METRIC_UPSTREAM_IDLE)));
    set(o, "tls_handshakes", json_integer(metrics_sum(METRIC_TLS_FULL)));
    set(o, "tls_resumed", json_integer(metrics_sum(METRIC_TLS_RESUMED)));
    return o;
}

static json_t *limits_of(const struct front_stats *s)
{
    json_t *o = json_object();
    set(o, "clients", json_integer((json_int_t)s->clients));
    set(o, "max_connections", json_integer((json_int_t)s->clients_max));
    set(o, "spool_bytes", json_integer((json_int_t)s->spool_bytes));
    set(o, "spool_max", json_integer((json_int_t)s->spool_max));
    set(o, "buffer_bytes", json_integer(s->buffer_bytes));
    set(o, "max_buffer_memory", json_integer(s->buffer_bytes_max));
    set(o, "requests_queued", json_integer((json_int_t)s->queued));
    set(o, "requests_forwarded", json_integer((json_int_t)s->forwarded));
    set(o, "requests_retrying", json_integer((json_int_t)s->retrying));
    set(o, "requests_parked", json_integer((json_int_t)s->parked));
    set(o, "retry_tokens_owed", json_integer(s->tokens_owed));
    set(o, "log_lines_dropped", json_integer((json_int_t)log_dropped()));
    return o;
}

static json_t *hardening_of(void)
{
    json_t *o = json_object();
    struct rlimit core = {0};
    struct rlimit files = {0};
    set(o, "dumpable", json_boolean(prctl(PR_GET_DUMPABLE) != 0));
    set(o, "no_new_privileges", json_boolean(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1));
    if (getrlimit(RLIMIT_CORE, &core) == 0)
        set(o, "core_bytes_max", json_integer((json_int_t)core.rlim_cur));
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        set(o, "open_files_max", json_integer((json_int_t)files.rlim_cur));
    return o;
}

static json_t *region_of(const struct config *c)
{
    json_t *o = json_object();
    set_text(o, "default", c->default_region);
    set_text(o, "decided_by", c->default_region_source);
    return o;
}

static json_t *config_of(const struct admin *a)
{
    const struct admin_reloads *r = &a->o.process->reloads;
    json_t *o = json_object();
    set_text(o, "file", a->config->file_name);
    set_time(o, "loaded_at", r->good_wall_ms);
    set(o, "reloads", json_integer(metrics_sum(METRIC_RELOAD_GOOD)));
    set(o, "reloads_failed", json_integer(metrics_sum(METRIC_RELOAD_FAILED)));
    if (r->tried_wall_ms)
        set_time(o, "last_reload_at", r->tried_wall_ms);
    else
        set(o, "last_reload_at", json_null());
    set_text(o, "last_error", r->is_failed ? r->why.text : NULL);
    set_text(o, "waits_for_restart", r->waiting);
    return o;
}

void admin_status(struct admin_call *c, const struct facts_list *list)
{
    const struct admin *a = c->admin;
    const struct admin_process *p = a->o.process;
    struct front_stats s;
    json_t *o = json_object();
    front_stats(a->o.front, &s);
    set_text(o, "version", p->version);
    set(o, "pid", json_integer(getpid()));
    set_time(o, "started_at", p->started_wall_ms);
    set(o, "uptime_s", json_integer((clock_wall_ms() - p->started_wall_ms) / 1000));
    set(o, "state", state_of(a));
    set(o, "workers", workers_of(a, &s));
    set(o, "listeners", listeners_of(a));
    set_text(o, "config_file", a->config->file_name);
    set(o, "config", config_of(a));
    set_text(o, "upgrade_error", p->upgrade_error);
    set(o, "region", region_of(a->config));
    set_text(o, "upstream_proxy", proxy_of(a->config->upstream_proxy));
    set(o, "routes", routes_of(a->config));
    set(o, "policies", policies_of(a->config));
    set(o, "identities", identities_of(a->config));
    set(o, "credentials", list ? credentials_of(list) : json_null());
    set(o, "addresses", list ? facts_of(list, FACTS_ADDRESSES) : json_null());
    set(o, "pools", pools_of());
    set(o, "limits", limits_of(&s));
    set(o, "hardening", hardening_of());
    json_free_t release = free;
    json_get_alloc_funcs(NULL, &release); // creds has set others
    char *text = json_dumps(o, JSON_INDENT(2));
    json_decref(o);
    admin_reply(c, 200, "application/json", arena_spanf(c->arena, "%s\n", text ? text : "{}"));
    release(text);
}

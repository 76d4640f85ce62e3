// SPDX-License-Identifier: Apache-2.0
// `whoami`: what each provider of the chain said, whose credentials they are and until when, the
// region, the instance; and whether STS takes them. Exit code 0: they work (with --offline: they
// are there); 1: there are none; 2: STS refused them, or could not be asked.
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/secret.h"
#include "command/command.h"
#include "command/once.h"
#include "creds/ask.h"
#include "policy/plan.h"

#define STEPS_MAX     16
#define NO_ANSWER     2
#define VENDOR_FILE   "/sys/class/dmi/id/sys_vendor"
#define LABEL_WIDTH   12
#define OUTCOME_WIDTH 10

struct step {
    const char *provider;
    const char *outcome; // "used", "skipped", "failed", "not asked"
    const char *why;     // NULL: nothing to say
};

struct who {
    const struct command_input *in;
    struct arena arena;
    struct once *once;
    struct step steps[STEPS_MAX];
    unsigned n_steps;
    const char *region, *region_source;
    struct fact *fact;
    const struct creds *creds; // NULL: none that can be used
    const char *error;         // why
    bool has_instance;
    bool is_offline;
    struct creds_asked instance, identity; // texts in the arena
    bool is_answered;
};

// ---- asking

static const char *copy(struct who *w, const char *text)
{
    return text ? arena_cstr(&w->arena, span_of(text)) : NULL;
}

static void add_step(struct who *w, const char *provider, const char *outcome, const char *why)
{
    if (w->n_steps < STEPS_MAX)
        w->steps[w->n_steps++] = (struct step){copy(w, provider), outcome, copy(w, why)};
}

static void on_provider(void *arg, const char *provider, enum status st, const char *text)
{
    const char *outcome = "failed";
    if (st == ST_OK)
        outcome = "used";
    else if (st == ST_DECLINED)
        outcome = "skipped";
    add_step(arg, provider, outcome, text);
}

// A source profile's provider is told before the one that wanted it, with what its command wrote;
// the second's words end with the first's beginning.
static const char *join(struct who *w, const char *first, const char *second)
{
    size_t len = strlen(second);
    size_t at = 0;
    while (at < len && strncmp(first, second + at, len - at) != 0)
        at++;
    return arena_printf(&w->arena, "%.*s%s%s", (int)at, second, at < len ? "" : "; ", first);
}

// In the chain's order, those that were not asked too.
static void complete_steps(struct who *w)
{
    struct step told[STEPS_MAX];
    unsigned n_told = w->n_steps;
    memcpy(told, w->steps, sizeof(told));
    w->n_steps = 0;
    for (unsigned i = 0; creds_provider_name(i) && w->n_steps < STEPS_MAX; i++) {
        struct step *s = &w->steps[w->n_steps++];
        *s = (struct step){creds_provider_name(i), "not asked", NULL};
        for (unsigned k = 0; k < n_told; k++)
            if (!strcmp(told[k].provider, s->provider)) {
                const char *why = s->why ? join(w, s->why, told[k].why) : told[k].why;
                *s = told[k];
                s->why = why;
            }
    }
}

static void keep(struct who *w, struct creds_asked *out, const struct creds_asked *a)
{
    *out = *a;
    out->account = copy(w, a->account);
    out->arn = copy(w, a->arn);
    out->user_id = copy(w, a->user_id);
    out->endpoint = copy(w, a->endpoint);
    out->instance_id = copy(w, a->instance_id);
    out->zone = copy(w, a->zone);
    out->instance_region = copy(w, a->instance_region);
    out->role = copy(w, a->role);
    w->is_answered = true;
    once_wake(w->once);
}

static void on_identity(void *arg, const struct creds_asked *a)
{
    struct who *w = arg;
    keep(w, &w->identity, a);
}

static void on_instance(void *arg, const struct creds_asked *a)
{
    struct who *w = arg;
    keep(w, &w->instance, a);
    w->has_instance = a->instance_id != NULL;
}

static void await(struct who *w)
{
    while (!w->is_answered)
        once_run(w->once);
    w->is_answered = false;
}

// Elsewhere nobody would answer, and the question would cost seconds.
static bool is_on_ec2(const struct who *w)
{
    char vendor[32] = "";
    if (w->creds && !strcmp(w->creds->provider, "EC2 instance metadata"))
        return true;
    FILE *f = fopen(VENDOR_FILE, "re");
    if (!f)
        return false;
    bool is_ec2 = fgets(vendor, sizeof(vendor), f) && !strncmp(vendor, "Amazon EC2", 10);
    (void)fclose(f);
    return is_ec2;
}

static void ask(struct who *w)
{
    w->fact = once_credentials(w->once, plan_creds_key(w->in->config, NULL, &w->arena));
    if (w->fact->status != ST_OK)
        w->error = w->fact->err.text;
    else if (!creds_is_usable(w->fact->value, clock_wall_ms()))
        w->error = "the credentials have expired";
    else
        w->creds = w->fact->value;
    complete_steps(w);
    if (is_on_ec2(w)) {
        creds_ask_instance(once_chain(w->once), on_instance, w);
        await(w);
    }
    if (w->creds && !w->is_offline) {
        creds_ask_identity(once_chain(w->once), w->creds, on_identity, w);
        await(w);
    }
}

// ---- showing

// "2026-11-24T03:04:05Z", or "never".
static const char *expiry(struct who *w)
{
    char at[25];
    if (w->creds->expires_at_ms == INT64_MAX)
        return "never";
    clock_format_iso(w->creds->expires_at_ms, at);
    memcpy(at + 19, "Z", 2);
    return copy(w, at);
}

static const char *time_left(struct who *w)
{
    int64_t left_s = (w->creds->expires_at_ms - clock_wall_ms()) / 1000;
    if (w->creds->expires_at_ms == INT64_MAX)
        return "";
    if (left_s < 0)
        return ", which has passed; they go on being used";
    if (left_s < 120)
        return arena_printf(&w->arena, ", in %lld s", (long long)left_s);
    if (left_s < 7200)
        return arena_printf(&w->arena, ", in %lld min", (long long)left_s / 60);
    return arena_printf(&w->arena, ", in %lld h", (long long)left_s / 3600);
}

static void line(struct buf *out, const char *label, const char *text)
{
    if (text && *text)
        buf_addf(out, "%-*s %s\n", LABEL_WIDTH, label, text);
}

static void show_creds(struct who *w, const char *masked, struct buf *out)
{
    const struct creds *c = w->creds;
    buf_addf(out, "%-*s %s (%s)\n", LABEL_WIDTH, "access key", masked,
             c->session_token ? "temporary, with a session token" : "without a session token");
    line(out, "source", c->source);
    buf_addf(out, "%-*s %s%s\n", LABEL_WIDTH, "expires", expiry(w), time_left(w));
}

static void show_identity(const struct who *w, struct buf *out)
{
    const struct creds_asked *a = &w->identity;
    line(out, "account", a->account ? a->account : w->creds->account_id);
    line(out, "arn", a->arn);
    line(out, "user id", a->user_id);
    if (w->is_offline)
        line(out, "checked", "no (--offline)");
    else if (a->status == ST_OK)
        buf_addf(out, "%-*s by %s\n", LABEL_WIDTH, "checked", a->endpoint);
    else
        buf_addf(out, "%-*s FAILED: %s\n", LABEL_WIDTH, "checked", a->err.text);
}

static void show_text(struct who *w, const char *masked, struct buf *out)
{
    int wide = 0;
    for (unsigned i = 0; i < w->n_steps; i++)
        if ((int)strlen(w->steps[i].provider) > wide)
            wide = (int)strlen(w->steps[i].provider);
    for (unsigned i = 0; i < w->n_steps; i++) {
        const struct step *s = &w->steps[i];
        buf_addf(out, "%-*s  %-*s%s\n", wide, s->provider, s->why ? OUTCOME_WIDTH : 0, s->outcome,
                 s->why ? s->why : "");
    }
    buf_add_char(out, '\n');
    if (w->creds)
        show_creds(w, masked, out);
    buf_addf(out, "%-*s %s (%s)\n", LABEL_WIDTH, "region", w->region, w->region_source);
    if (w->has_instance) {
        buf_addf(out, "%-*s %s in %s\n", LABEL_WIDTH, "instance", w->instance.instance_id,
                 w->instance.zone ? w->instance.zone : "an unknown zone");
        line(out, "role", w->instance.role);
    }
    if (w->creds)
        show_identity(w, out);
}

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_string(text) : json_null();
}

static void set(json_t *o, const char *name, const char *text)
{
    (void)json_object_set_new(o, name, text_or_null(text));
}

static json_t *steps_of(const struct who *w)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < w->n_steps; i++) {
        json_t *o = json_object();
        set(o, "name", w->steps[i].provider);
        set(o, "outcome", w->steps[i].outcome);
        set(o, "reason", w->steps[i].why);
        (void)json_array_append_new(all, o);
    }
    return all;
}

static json_t *creds_of(struct who *w, const char *masked)
{
    if (!w->creds)
        return json_null();
    json_t *o = json_object();
    bool has_expiry = w->creds->expires_at_ms != INT64_MAX;
    set(o, "access_key", masked);
    (void)json_object_set_new(o, "is_temporary", json_boolean(w->creds->session_token != NULL));
    set(o, "provider", w->creds->provider);
    set(o, "source", w->creds->source);
    set(o, "account", w->creds->account_id);
    set(o, "expires_at", has_expiry ? expiry(w) : NULL);
    return o;
}

static json_t *instance_of(const struct who *w)
{
    if (!w->has_instance)
        return json_null();
    json_t *o = json_object();
    set(o, "id", w->instance.instance_id);
    set(o, "zone", w->instance.zone);
    set(o, "region", w->instance.instance_region);
    set(o, "role", w->instance.role);
    return o;
}

static json_t *identity_of(const struct who *w)
{
    if (!w->creds || w->is_offline)
        return json_null();
    json_t *o = json_object();
    set(o, "account", w->identity.account);
    set(o, "arn", w->identity.arn);
    set(o, "user_id", w->identity.user_id);
    set(o, "endpoint", w->identity.endpoint);
    set(o, "error", w->identity.status == ST_OK ? NULL : w->identity.err.text);
    return o;
}

static int add_to_buf(const char *text, size_t len, void *arg)
{
    buf_add(arg, text, len);
    return 0;
}

static void show_json(struct who *w, const char *masked, struct buf *out)
{
    json_t *o = json_object();
    json_t *region = json_object();
    set(region, "name", w->region);
    set(region, "source", w->region_source);
    (void)json_object_set_new(o, "providers", steps_of(w));
    (void)json_object_set_new(o, "credentials", creds_of(w, masked));
    (void)json_object_set_new(o, "region", region);
    (void)json_object_set_new(o, "instance", instance_of(w));
    (void)json_object_set_new(o, "identity", identity_of(w));
    set(o, "error", w->creds ? NULL : w->error);
    (void)json_dump_callback(o, add_to_buf, out, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    buf_add_char(out, '\n');
    json_decref(o);
}

static int show(struct who *w, bool is_json)
{
    char masked[SECRET_MASK_LEN] = "";
    struct buf out;
    if (w->creds)
        secret_mask(span_of(w->creds->access_key), masked);
    buf_init(&out);
    if (is_json)
        show_json(w, masked, &out);
    else
        show_text(w, masked, &out);
    bool is_written = fwrite(out.p, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_clear(&out);
    if (!w->creds)
        return command_fail("whoami", "%s", w->error);
    if (!is_written)
        return command_fail("whoami", "standard output can't be written");
    if (w->is_offline || w->identity.status == ST_OK)
        return 0;
    (void)command_fail("whoami", "%s", w->identity.err.text);
    return NO_ANSWER;
}

// ---- the command

static void find_region(struct who *w)
{
    const char *said = w->in->config->region;
    char *source = NULL;
    char *region = said ? NULL : once_region(w->in, &source);
    w->region = copy(w, said ? said : region);
    w->region_source = copy(w, said ? "the setting region" : source);
    free(region);
    free(source);
}

int command_whoami(const struct command_input *in)
{
    const char *format = command_flag(in, "--format", 0);
    bool is_json = format && !strcmp(format, "json");
    struct who w = {.in = in, .is_offline = command_has_flag(in, "--offline")};
    struct err e = {""};
    int rc = 1;
    if (format && !is_json && strcmp(format, "text") != 0)
        return command_fail("whoami", "--format: \"%s\" is neither text nor json", format);
    arena_init(&w.arena);
    w.once = once_open(in, on_provider, &w, &e);
    if (w.once) {
        find_region(&w);
        ask(&w);
        rc = show(&w, is_json);
        fact_release(w.fact);
        once_close(w.once);
    } else {
        (void)command_fail("whoami", "%s", e.text);
    }
    arena_clear(&w.arena);
    return rc;
}

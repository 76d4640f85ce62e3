// SPDX-License-Identifier: Apache-2.0
// Who may do what: the [policy] sections, first match wins. The one hard idea: not everything about
// a request is certain. A path may be read with or without its dot segments, a copy touches two
// objects, a batch names its keys in the body. So a matcher says yes, no, or perhaps, and doubt
// always works against the request: "perhaps" is enough for a deny and not enough for an allow.
#include "policy/clients.h"
#include "policy/glob.h"
#include "policy/question_int.h"

enum match { MATCH_NO = 0, MATCH_PERHAPS, MATCH_YES };

static enum match both(enum match a, enum match b)
{
    return a < b ? a : b;
}

// Two readings or two objects: certain only where both agree.
static enum match agree(enum match a, enum match b)
{
    return a == b ? a : MATCH_PERHAPS;
}

// ---- matchers. A list that is empty matches everything

static bool has_glob(const struct config_list *l, struct span s)
{
    for (unsigned i = 0; i < l->n; i++)
        if (glob_matches(span_of(l->v[i]), s))
            return true;
    return false;
}

static enum match match_globs(const struct config_list *l, struct span s)
{
    return !l->n || has_glob(l, s) ? MATCH_YES : MATCH_NO;
}

// With an upstream of its own a route leads to the same place whatever port the client writes.
static enum match match_host(const struct config_policy *p, const struct question *q)
{
    enum match m = match_globs(&p->host, q->host);
    return m == MATCH_NO && has_glob(&p->host, q->c->asked.host) ? MATCH_PERHAPS : m;
}

// SigV4A's set counts by its members.
static enum match match_regions(const struct config_list *l, struct span set)
{
    struct span rest = set;
    struct span one;
    unsigned n = 0;
    unsigned hits = 0;
    if (!l->n)
        return MATCH_YES;
    while (span_next(&rest, ',', &one)) {
        n++;
        hits += has_glob(l, one);
    }
    if (span_is(set, "*") && !hits)
        return MATCH_PERHAPS;
    return hits == n ? MATCH_YES : hits ? MATCH_PERHAPS : MATCH_NO;
}

static bool has_prefix(const struct config_list *l, struct span s)
{
    for (unsigned i = 0; i < l->n; i++)
        if (span_starts(s, span_of(l->v[i])))
            return true;
    return false;
}

// Who gets a session may then do all that a session may, past this proxy.
static enum match match_method(const struct config_list *l, const struct question *q)
{
    if (l->n && q->opens_session)
        return MATCH_PERHAPS;
    for (unsigned i = 0; i < l->n; i++)
        if (span_is(q->c->msg->method, l->v[i]))
            return MATCH_YES;
    return l->n ? MATCH_NO : MATCH_YES;
}

static enum match match_path(const struct config_list *l, const struct question *q)
{
    if (!l->n)
        return MATCH_YES;
    if (!q->path.p)
        return MATCH_NO;
    if (q->opens_session)
        return MATCH_PERHAPS;
    return agree(has_prefix(l, q->path) ? MATCH_YES : MATCH_NO,
                 has_prefix(l, q->tidied) ? MATCH_YES : MATCH_NO);
}

static enum match match_object(const struct config_policy *p, const struct object *o)
{
    enum match bucket = match_globs(&p->bucket, o->bucket);
    enum match key = !p->key.n || has_prefix(&p->key, o->key) ? MATCH_YES : MATCH_NO;
    if (p->bucket.n && !o->bucket.p)
        bucket = MATCH_PERHAPS;
    if (p->key.n && !o->key.p)
        key = MATCH_PERHAPS;
    return both(bucket, key);
}

static enum match match_objects(const struct config_policy *p, const struct question *q)
{
    if (!p->bucket.n && !p->key.n)
        return MATCH_YES;
    if (!q->n_objects)
        return MATCH_NO;
    enum match m = match_object(p, &q->objects[0]);
    for (unsigned i = 1; i < q->n_objects; i++)
        m = agree(m, match_object(p, &q->objects[i]));
    return m;
}

static enum match match_action(const struct config_policy *p, const struct question *q)
{
    static const enum match as[] = {[ACTION_MATCH_NO] = MATCH_NO,
                                    [ACTION_MATCH_PERHAPS] = MATCH_PERHAPS,
                                    [ACTION_MATCH_YES] = MATCH_YES};
    const struct plan_action *action = &q->c->out->action;
    if (!p->aws_action.n)
        return MATCH_YES;
    if (!action->service.len && q->is_aws && !has_glob(&p->aws_action, SPAN("*")))
        return MATCH_PERHAPS; // of AWS's, but which service is not known
    return as[action_matches(&p->aws_action, action)];
}

static enum match match(const struct config_policy *p, const struct question *q)
{
    const struct plan_client *who = q->c->in->client;
    if (p->client.n && !clients_have(&p->client, who))
        return MATCH_NO;
    enum match m = match_host(p, q);
    m = both(m, match_globs(&p->service, q->service));
    m = both(m, match_regions(&p->region, q->region));
    m = both(m, match_method(&p->method, q));
    if (m != MATCH_NO)
        m = both(m, match_path(&p->path, q));
    if (m != MATCH_NO)
        m = both(m, match_objects(p, q));
    return m == MATCH_NO ? m : both(m, match_action(p, q));
}

static const char *name_of(const struct config_policy *p, struct arena *a)
{
    char place[CONFIG_PLACE];
    (void)config_place(p->file, p->line, place);
    return p->name ? arena_printf(a, "[policy \"%s\"] in %s", p->name, place)
                   : arena_printf(a, "[policy] in %s", place);
}

// The body says what it would be; until then nothing is decided, but for what the body can't
// change.
static bool is_open(const struct config_policy *p, enum match m, const struct question *q)
{
    return m == MATCH_PERHAPS && p->aws_action.n && q->c->out->action.is_in_body;
}

static bool await_form(struct plan_ctx *c)
{
    struct plan *p = c->out;
    p->wants_form = true;
    p->rule_policy = "not decided before the form in the body is read";
    if (p->body == PLAN_BODY_STREAM)
        p->body = PLAN_BODY_LENGTH;
    return true;
}

bool policies_allow(struct plan_ctx *c)
{
    const struct config *config = c->config;
    struct question q = question_ask(c);
    for (unsigned i = 0; i < config->n_policies; i++) {
        const struct config_policy *p = &config->policies[i];
        bool is_deny = p->action == ACTION_DENY;
        enum match m = match(p, &q);
        if (is_open(p, m, &q))
            return await_form(c);
        if (m < (is_deny ? MATCH_PERHAPS : MATCH_YES))
            continue;
        c->out->rule_policy = name_of(p, c->a);
        if (is_deny)
            return plan_deny(c, 403, "policy-denied",
                             "%s denies this request; what it matches is for the proxy's "
                             "configuration to say",
                             c->out->rule_policy);
        return true;
    }
    return true;
}

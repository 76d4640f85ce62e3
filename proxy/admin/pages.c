// SPDX-License-Identifier: Apache-2.0
// What can be asked for, and the short answers. Pages that show what control knows ask it first; a
// control that does not answer must not keep metrics and status from being shown.
#include <stdlib.h>

#include "admin/admin_int.h"
#include "base/xalloc.h"
#include "log/log.h"

#define FACTS_WAIT_MS 1000

// ---- with what control knows

struct question {
    struct admin_call *call; // NULL: nobody waits any more
    admin_facts_fn fn;
    struct timer *timer;
};

static void settle(struct question *q, const struct facts_list *list)
{
    struct admin_call *c = q->call;
    q->call = NULL;
    timer_free(q->timer);
    q->timer = NULL;
    if (!c)
        return;
    c->cancel = NULL;
    q->fn(c, list);
}

static void on_facts(void *arg, struct facts_list *list)
{
    struct question *q = arg;
    settle(q, list);
    facts_list_free(list);
    free(q);
}

static void on_late(void *arg)
{
    settle(arg, NULL);
}

static void on_cancel(void *arg)
{
    struct question *q = arg;
    q->call = NULL;
    timer_free(q->timer);
    q->timer = NULL;
}

void admin_with_facts(struct admin_call *c, admin_facts_fn fn)
{
    struct question *q = xcalloc(1, sizeof(*q));
    q->call = c;
    q->fn = fn;
    q->timer = timer_new(c->admin->o.main, on_late, q);
    timer_set(q->timer, FACTS_WAIT_MS);
    c->cancel = on_cancel;
    c->cancel_arg = q;
    facts_list(c->admin->o.facts, c->admin->o.main, on_facts, q);
}

// ---- pages

// Reasons may name files and profiles: only who may see those gets them.
static void say_state(struct admin_call *c, bool is_good, const struct err *why)
{
    if (is_good)
        admin_say(c, 200, "ok");
    else
        admin_say(c, 503, c->is_trusted ? why->text : "no");
}

static void healthz(struct admin_call *c)
{
    struct err why = {""};
    bool is_good = c->admin->o.is_healthy(c->admin->o.arg, &why);
    say_state(c, is_good, &why);
}

static void readyz(struct admin_call *c)
{
    struct err why = {""};
    bool is_good = c->admin->o.is_ready(c->admin->o.arg, &why);
    say_state(c, is_good, &why);
}

static void metrics(struct admin_call *c)
{
    admin_with_facts(c, admin_metrics);
}

static void status(struct admin_call *c)
{
    admin_with_facts(c, admin_status);
}

static void quit(struct admin_call *c)
{
    struct admin *a = c->admin;
    if (!c->config->admin_quit) {
        admin_say(c, 403, "set admin_quit = on to stop the proxy from here");
        return;
    }
    log_info(NULL, "stopping, as %s asked at /quit", c->peer);
    a->o.quit(a->o.arg);
    admin_say(c, 200, "stopping");
}

static const struct admin_page pages[] = {
    {.path = "/healthz", .methods = "GET, HEAD", .answer = healthz, .is_public = true},
    {.path = "/readyz", .methods = "GET, HEAD", .answer = readyz, .is_public = true},
    {.path = "/metrics", .methods = "GET, HEAD", .answer = metrics, .is_public = true},
    {.path = "/status", .methods = "GET, HEAD", .answer = status},
    {.path = "/presign",
     .methods = "GET, HEAD, POST",
     .answer = admin_presign,
     .takes_origins = true},
    {.path = "/quit", .methods = "POST", .answer = quit},
};

const char *admin_page_names(void)
{
    return "there are /healthz, /readyz, /metrics, /status, /presign and /quit";
}

const struct admin_page *admin_page_find(struct span path)
{
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (span_is(path, pages[i].path))
            return &pages[i];
    return NULL;
}

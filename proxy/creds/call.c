// SPDX-License-Identifier: Apache-2.0
// Attempts, waits between them, and a deadline over all. The wait is full jitter: instances that
// failed together do not come back together.
#include "creds/call_int.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct call {
    struct creds_kit *kit;
    struct call_spec spec;
    unsigned n; // attempts begun
    struct timer *wait;
    struct timer *deadline;
    struct fetch *fetch;
    struct deferred settle;
    enum call_verdict verdict;
    struct err err;
};

static void destroy(struct call *c)
{
    fetch_cancel(c->fetch);
    timer_free(c->wait);
    timer_free(c->deadline);
    loop_undefer(c->kit->loop, &c->settle);
    free(c);
}

static void settle(void *arg)
{
    struct call *c = arg;
    struct call_spec spec = c->spec;
    enum call_verdict verdict = c->verdict;
    struct err err = c->err;
    destroy(c);
    spec.done(spec.arg, verdict, &err);
}

static void finish(struct call *c, enum call_verdict v)
{
    if (c->settle.is_queued)
        return;
    c->verdict = v;
    timer_clear(c->wait);
    timer_clear(c->deadline);
    loop_defer(c->kit->loop, &c->settle);
}

static void attempt(void *arg);

static int64_t jitter(struct call *c)
{
    int64_t most_ms = c->spec.base_ms;
    for (unsigned i = 1; i < c->n && most_ms < c->spec.cap_ms; i++)
        most_ms *= 2;
    if (most_ms > c->spec.cap_ms)
        most_ms = c->spec.cap_ms;
    return rng_below(&c->kit->rng, most_ms + 1);
}

static void on_answer(void *arg, const struct fetch_answer *a)
{
    struct call *c = arg;
    c->fetch = NULL;
    enum call_verdict v = c->spec.judge(c->spec.arg, a, &c->err);
    bool is_last = c->n >= c->spec.attempts;
    if (v == CALL_OK || v == CALL_FAILED)
        finish(c, v);
    else if (is_last)
        finish(c, CALL_RETRY);
    else
        timer_set(c->wait, v == CALL_AGAIN ? 0 : jitter(c));
}

static void attempt(void *arg)
{
    struct call *c = arg;
    struct fetch_request r = {0};
    c->n++;
    if (c->spec.build(c->spec.arg, &r, &c->err) != ST_OK)
        finish(c, CALL_FAILED);
    else
        c->fetch = fetch_start(c->kit->fetcher, &r, on_answer, c);
}

static void on_deadline(void *arg)
{
    struct call *c = arg;
    fetch_cancel(c->fetch);
    c->fetch = NULL;
    if (!c->err.text[0])
        (void)err_set(&c->err, ST_IO, "no answer in time");
    finish(c, CALL_RETRY);
}

struct call *call_start(struct creds_kit *kit, const struct call_spec *s)
{
    struct call *c = xcalloc(1, sizeof(*c));
    c->kit = kit;
    c->spec = *s;
    c->settle.fn = settle;
    c->settle.arg = c;
    c->wait = timer_new(kit->loop, attempt, c);
    c->deadline = timer_new(kit->loop, on_deadline, c);
    timer_set(c->deadline, s->total_ms);
    attempt(c);
    return c;
}

void call_cancel(struct call *c)
{
    if (c)
        destroy(c);
}

enum call_verdict call_judge_failure(const struct fetch_answer *a, struct err *e)
{
    (void)err_set(e, ST_IO, "%s", a->text);
    return a->fail == FETCH_INVALID || a->fail == FETCH_REFUSED ? CALL_FAILED : CALL_RETRY;
}

enum call_verdict call_judge_status(const struct fetch_answer *a, struct err *e)
{
    (void)err_set(e, ST_IO, "it answered %d", a->status);
    return a->status >= 500 || a->status == 429 ? CALL_RETRY : CALL_FAILED;
}

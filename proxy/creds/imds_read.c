// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "creds/imds_int.h"

#define TEXT_MAX 256

struct reader {
    const struct creds_query *q; // lives until done
    struct imds_question ask;
    struct imds_settings settings;
    struct imds_session *session;
    struct arena arena;
    struct timer *deadline;
    struct deferred settle;
    struct call *call;
    unsigned at;
    bool is_token; // what is being asked for
    struct imds_reading reading;
    imds_read_fn done;
    void *arg;
};

static void settle(void *arg)
{
    struct reader *r = arg;
    r->done(r->arg, &r->reading);
    call_cancel(r->call);
    timer_free(r->deadline);
    arena_wipe(&r->arena);
    free(r);
}

static void finish(struct reader *r)
{
    if (!r->settle.is_queued)
        loop_defer(r->q->loop, &r->settle);
}

static void on_deadline(void *arg)
{
    struct reader *r = arg;
    call_cancel(r->call);
    r->call = NULL;
    (void)err_set(&r->reading.err, ST_IO, "no answer in time");
    finish(r);
}

static enum status build(void *arg, struct fetch_request *out, struct err *e)
{
    struct reader *r = arg;
    (void)e;
    if (r->is_token)
        imds_ask_token(&r->settings, &r->arena, out);
    else
        imds_ask(&r->settings, r->session, r->ask.paths[r->at], &r->arena, out);
    return ST_OK;
}

static enum call_verdict judge(void *arg, const struct fetch_answer *a, struct err *e)
{
    struct reader *r = arg;
    if (a->fail != FETCH_OK)
        return call_judge_failure(a, e);
    if (a->status != 200)
        return call_judge_status(a, e);
    if (r->is_token)
        return imds_take_token(r->session, a, e);
    struct span text = imds_first_line(a->body);
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            text.len = 0;
    if (text.len && text.len <= TEXT_MAX)
        r->reading.texts[r->at] = arena_cstr(&r->arena, text);
    return CALL_OK;
}

static void on_done(void *arg, enum call_verdict v, const struct err *e);

static void go(struct reader *r)
{
    struct call_spec call = {.attempts = 1,
                             .total_ms = r->ask.most_ms,
                             .build = build,
                             .judge = judge,
                             .done = on_done,
                             .arg = r};
    if (!r->is_token && r->at == r->ask.n)
        finish(r);
    else
        r->call = call_start(r->q->kit, &call);
}

static void on_done(void *arg, enum call_verdict v, const struct err *e)
{
    struct reader *r = arg;
    r->call = NULL;
    if (v != CALL_OK)
        r->reading.err = *e;
    if (v != CALL_OK && r->is_token && r->settings.is_v1_forbidden)
        r->at = r->ask.n;
    else if (!r->is_token)
        r->at++;
    r->is_token = false;
    go(r);
}

void imds_read(const struct creds_query *q, const struct imds_question *ask, imds_read_fn done,
               void *arg)
{
    struct reader *r = xcalloc(1, sizeof(*r));
    r->q = q;
    r->ask = *ask;
    r->done = done;
    r->arg = arg;
    r->settle.fn = settle;
    r->settle.arg = r;
    r->session = &q->kit->imds;
    r->deadline = timer_new(q->loop, on_deadline, r);
    arena_init(&r->arena);
    if (imds_settings_read(q, &r->arena, &r->settings, &r->reading.err) != ST_OK) {
        finish(r);
        return;
    }
    timer_set(r->deadline, ask->most_ms);
    imds_use(r->session, r->settings.endpoint);
    r->is_token = !imds_has_token(r->session);
    go(r);
}

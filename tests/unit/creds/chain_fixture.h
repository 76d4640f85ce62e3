// SPDX-License-Identifier: Apache-2.0
// The chain on a real loop, through facts, as a worker sees it, with files, an environment and a
// server on loopback of the test's own. In texts of a setup DIR stands for the folder and PORT for
// the server's port.
#ifndef TESTS_UNIT_CREDS_CHAIN_FIXTURE_H
#define TESTS_UNIT_CREDS_CHAIN_FIXTURE_H

#include "folder.h"
#include "unit/mock.h"

#include "base/xalloc.h"
#include "creds/walk_int.h"
#include "log/log.h"

#define ENV_MAX 10

struct fixture {
    struct folder folder;
    char *envp[ENV_MAX + 4];
    struct loop *loop;
    struct mock *mock;
    struct spawner *spawner; // NULL: none
    struct facts *facts;
    struct facts_view *view;
    struct creds_chain *chain;
    struct fact *fact; // the last answer
    bool is_chain_first;
};

struct setup {
    const char *env[ENV_MAX];
    const char *credentials, *config;
    const char *option;
};
// What few tests need.
struct extras {
    bool has_spawner;
    creds_tell_fn tell;
    void *tell_arg;
};
typedef void (*serve_fn)(struct mock *m, struct mock_conn *c, const char *request);

// Heap.
static inline char *fixture_text(const struct fixture *fx, const char *text)
{
    struct buf b;
    buf_init(&b);
    while (*text) {
        if (!strncmp(text, "DIR", 3) && strncmp(text, "DIRECTORY", 9) != 0) {
            buf_add_str(&b, fx->folder.path);
            text += 3;
        } else if (!strncmp(text, "PORT", 4)) {
            buf_addf(&b, "%u", fx->mock->port);
            text += 4;
        } else {
            buf_add_char(&b, *text++);
        }
    }
    char *copy = xstrdup(buf_cstr(&b));
    buf_clear(&b);
    return copy;
}

static inline void fixture_put(struct fixture *fx, const char *name, const char *text)
{
    char *whole = fixture_text(fx, text);
    folder_put(&fx->folder, name, whole);
    free(whole);
}

static inline void serve_nothing(struct mock *m, struct mock_conn *c, const char *request)
{
    (void)m;
    (void)request;
    mock_say_status(c, 404, "", "");
}

static inline struct fixture *fixture_with(const struct setup *s, const struct extras *x,
                                           serve_fn serve, void *arg)
{
    struct fixture *fx = xcalloc(1, sizeof(*fx));
    struct err e;
    digest_setup();
    fx->folder = folder_new();
    log_set_level(LOG_ERROR);
    if (x->has_spawner)
        fx->spawner = spawner_fork(&e);
    fx->loop = loop_new("control", &e);
    assert_non_null(fx->loop);
    fx->mock = mock_new(fx->loop, serve, arg);
    unsigned n = 0;
    fx->envp[n++] = fixture_text(fx, "AWS_CONFIG_FILE=DIR/config");
    fx->envp[n++] = fixture_text(fx, "AWS_SHARED_CREDENTIALS_FILE=DIR/credentials");
    for (int i = 0; i < ENV_MAX && s->env[i]; i++)
        fx->envp[n++] = fixture_text(fx, s->env[i]);
    // Behind the test's own, which therefore win: never the real metadata service.
    fx->envp[n++] = xstrdup("AWS_EC2_METADATA_DISABLED=true");
    if (s->config)
        fixture_put(fx, "config", s->config);
    if (s->credentials)
        fixture_put(fx, "credentials", s->credentials);
    fx->facts = facts_new(fx->loop, 1);
    struct creds_env env = {.envp = fx->envp,
                            .profile = s->option,
                            .spawner = fx->spawner,
                            .tell = x->tell,
                            .tell_arg = x->tell_arg};
    fx->chain = creds_chain_new(fx->loop, fx->facts, &env);
    fx->view = facts_view_new(fx->facts, fx->loop);
    return fx;
}

static inline struct fixture *fixture_serving(const struct setup *s, serve_fn serve, void *arg)
{
    return fixture_with(s, &(struct extras){.has_spawner = false}, serve, arg);
}

static inline struct fixture *fixture_new(const struct setup *s)
{
    return fixture_serving(s, serve_nothing, NULL);
}

static inline void fixture_free(struct fixture *fx)
{
    fact_release(fx->fact);
    facts_view_free(fx->view);
    // Either order, with a walk under way or not.
    if (fx->is_chain_first)
        creds_chain_free(fx->chain);
    facts_free(fx->facts);
    if (!fx->is_chain_first)
        creds_chain_free(fx->chain);
    mock_free(fx->mock);
    spawner_end(fx->spawner);
    loop_free(fx->loop);
    for (int i = 0; fx->envp[i]; i++)
        free(fx->envp[i]);
    folder_free(&fx->folder);
    free(fx);
}

static inline void fixture_done(void *arg, struct fact *f)
{
    struct fixture *fx = arg;
    fact_release(fx->fact);
    fx->fact = f;
    loop_stop(fx->loop);
}

static inline const struct fact *resolve(struct fixture *fx, const char *key)
{
    (void)facts_view_get(fx->view, FACTS_CREDENTIALS, key, 30000, fixture_done, fx);
    loop_run(fx->loop);
    return fx->fact;
}

static inline void stop_loop(void *arg)
{
    loop_stop(arg);
}

// What the poll timer does every 2 s, and the fetches that come of it.
static inline void poll_files(struct fixture *fx)
{
    creds_chain_poll(fx->chain);
    for (int i = 0; i < 6; i++) {
        loop_post(fx->loop, stop_loop, fx->loop);
        loop_run(fx->loop);
    }
}

static inline void run_for(struct fixture *fx, int ms)
{
    struct timer *t = timer_new(fx->loop, stop_loop, fx->loop);
    timer_set(t, ms);
    loop_run(fx->loop);
    timer_free(t);
}

static inline const struct creds *creds_of(const struct fact *f)
{
    if (f->status != ST_OK)
        fail_msg("no credentials: %s", f->err.text);
    return f->value;
}

// A refresh goes on behind what is served; it may take its time, but not for ever.
static inline void resolve_until(struct fixture *fx, const char *access_key)
{
    for (int i = 0; i < 200; i++) {
        if (!strcmp(creds_of(resolve(fx, ""))->access_key, access_key))
            return;
        run_for(fx, 25);
    }
    fail_msg("%s never came", access_key);
}

#define PAIR(id)  "aws_access_key_id = " id "\naws_secret_access_key = S-" id "\n"
#define ENV_PAIR  "AWS_ACCESS_KEY_ID=AK-ENV", "AWS_SECRET_ACCESS_KEY=S-AK-ENV"
#define FILE_PAIR "[default]\n" PAIR("AK-FILE")

#endif

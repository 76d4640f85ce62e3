// SPDX-License-Identifier: Apache-2.0
// Puts the rooms together: control (facts: credentials, addresses), workers and listeners (front),
// admin; waits for signals on main's loop, drains, and takes all apart in reverse.
#include "serve.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "cpus.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "policy/plan.h"
#include "serve_int.h"

#define LOG_STOP_MS 2000
#define BEAT_MAX_MS 10000

// ---- health

static bool is_healthy(void *arg, struct err *why)
{
    struct proxy *p = arg;
    struct front_stats s;
    int64_t now_ms = clock_mono_ms();
    front_stats(p->front, &s);
    if (now_ms - loop_beat_ms(p->control) >= BEAT_MAX_MS) {
        (void)err_set(why, ST_IO, "the control thread has not moved for 10 s");
        return false;
    }
    if (now_ms - s.oldest_beat_ms >= BEAT_MAX_MS) {
        (void)err_set(why, ST_IO, "worker %u has not moved for 10 s", s.oldest_worker);
        return false;
    }
    return true;
}

static bool is_ready(void *arg, struct err *why)
{
    struct proxy *p = arg;
    if (p->is_stopping) {
        (void)err_set(why, ST_DENIED, "the proxy is stopping");
        return false;
    }
    struct fact *f = facts_view_peek(p->view, FACTS_CREDENTIALS, p->creds_key);
    bool is_good = f && f->status == ST_OK;
    if (!is_good)
        (void)err_set(why, ST_AGAIN, "credentials: %s", f ? f->err.text : "being fetched");
    fact_release(f);
    return is_good;
}

// ---- stopping

static void on_drained(void *arg)
{
    struct proxy *p = arg;
    loop_stop(p->main);
}

static void begin_drain(void *arg)
{
    struct proxy *p = arg;
    front_drain(p->front, p->config->drain_timeout, on_drained, p);
}

static void on_stop(void *arg)
{
    struct proxy *p = arg;
    if (p->is_stopping)
        _exit(1); // asked twice
    p->is_stopping = true;
    log_info(NULL, "stopping: no new connections, requests may finish within drain_timeout");
    timer_set(p->pre_stop, p->config->pre_stop_wait > 0 ? p->config->pre_stop_wait : 1);
}

// Told by something other than a signal: a second time changes nothing.
static void quit(void *arg)
{
    struct proxy *p = arg;
    if (!p->is_stopping)
        on_stop(p);
}

static void on_idle_timer(void *arg)
{
    struct proxy *p = arg;
    struct front_stats s;
    int64_t now_ms = clock_mono_ms();
    int64_t wait_ms = p->config->exit_when_idle;
    front_stats(p->front, &s);
    if (s.clients || !wait_ms)
        p->busy_ms = now_ms;
    timer_set(p->idle, wait_ms && wait_ms < 4000 ? wait_ms / 4 + 1 : 1000);
    if (p->is_stopping || now_ms - p->busy_ms < wait_ms || !wait_ms)
        return;
    log_info(NULL, "no client for exit_when_idle");
    quit(p);
}

static void on_hangup(void *arg)
{
    struct proxy *p = arg;
    if (!p->is_stopping)
        reload_now(p);
}

static void on_reopen(void *arg)
{
    (void)arg;
    if (!log_reopen())
        log_info(NULL, "SIGUSR1: the log goes to no file that could be opened anew");
}

// ---- starting

char *serve_creds_key(const struct config *config)
{
    struct arena a;
    arena_init(&a);
    char *key = xstrdup(plan_creds_key(config, NULL, &a));
    arena_clear(&a);
    return key;
}

void serve_warn_unverified(void)
{
    log_warn(NULL,
             "upstream certificates are not verified (verify_ssl = no): whoever sits on the path "
             "can read and change requests");
}

static void warm(void *arg)
{
    struct proxy *p = arg;
    if (p->facts) // a message may outlive what it is about: loop_free runs what is left
        facts_warm(p->facts, FACTS_CREDENTIALS, p->first_key);
    free(p->first_key);
    p->first_key = NULL;
}

static void *run_control(void *arg)
{
    struct proxy *p = arg;
    (void)pthread_setname_np(pthread_self(), "control");
    loop_run(p->control);
    metrics_thread_end();
    log_thread_end();
    digest_thread_end();
    return NULL;
}

static enum status start_control(struct proxy *p, struct err *e)
{
    struct rng rng;
    struct creds_env env = {.envp = p->source->envp,
                            .profile = p->config->profile,
                            .region = p->config->region,
                            .last_region = settings_last_region(p->config),
                            .spawner = p->spawner};
    struct resolver_options dns = {.nameserver = p->config->nameserver};
    rng_seed_kernel(&rng);
    p->control = loop_new("control", e);
    if (!p->control)
        return ST_IO;
    p->facts = facts_new(p->control, rng_u64(&rng));
    p->resolver = resolver_new(p->control, &dns, e);
    if (!p->resolver)
        return ST_IO;
    p->addresses = addresses_new(p->facts, p->resolver);
    p->tls = tls_client_new(p->trust, true, e);
    if (!p->tls)
        return ST_IO;
    env.tls = p->tls;
    p->chain = creds_chain_new(p->control, p->facts, &env);
    p->view = facts_view_new(p->facts, p->main);
    fact_release(facts_view_peek(p->view, FACTS_CREDENTIALS, p->creds_key));
    p->first_key = xstrdup(p->creds_key);
    loop_post(p->control, warm, p);
    int rc = pthread_create(&p->control_thread, NULL, run_control, p);
    p->has_control_thread = rc == 0;
    return rc ? err_set(e, ST_IO, "control thread: %s", strerror(rc)) : ST_OK;
}

static enum status start_admin(struct proxy *p, struct err *e)
{
    struct admin_options admin = {.main = p->main,
                                  .config = p->config,
                                  .front = p->front,
                                  .facts = p->facts,
                                  .view = p->view,
                                  .process = &p->process,
                                  .is_healthy = is_healthy,
                                  .is_ready = is_ready,
                                  .quit = quit,
                                  .arg = p};
    p->process.version = SIGV4_VERSION;
    p->process.started_wall_ms = clock_wall_ms();
    p->process.reloads.good_wall_ms = p->process.started_wall_ms;
    p->process.creds_key = p->creds_key;
    return admin_start(&admin, &p->admin, e);
}

static enum status start(struct proxy *p, struct err *e)
{
    if (!p->config->verify_ssl)
        serve_warn_unverified();
    enum status st = tls_trust_load(p->config->ca_bundle, &p->trust, e);
    if (st == ST_OK)
        settings_find_region(p->source, p->config);
    if (st == ST_OK)
        st = start_control(p, e);
    if (st != ST_OK)
        return st;
    struct front_options front = {.main = p->main,
                                  .config = p->config,
                                  .facts = p->facts,
                                  .trust = p->trust,
                                  .n_workers = p->config->workers};
    p->process.workers_why = "workers";
    if (!front.n_workers)
        front.n_workers = cpus_for_workers(&p->process.workers_why);
    st = front_start(&front, &p->front, e);
    if (st == ST_OK)
        st = start_admin(p, e);
    if (st != ST_OK)
        return st;
    p->pre_stop = timer_new(p->main, begin_drain, p);
    p->idle = timer_new(p->main, on_idle_timer, p);
    p->busy_ms = clock_mono_ms();
    on_idle_timer(p);
    p->signals[0] = watch_signal(p->main, SIGTERM, on_stop, p);
    p->signals[1] = watch_signal(p->main, SIGINT, on_stop, p);
    p->signals[2] = watch_signal(p->main, SIGHUP, on_hangup, p);
    p->signals[3] = watch_signal(p->main, SIGUSR1, on_reopen, p);
    log_info(NULL, "ready: %u workers, region %s (%s)", front.n_workers, p->config->default_region,
             p->config->default_region_source);
    return ST_OK;
}

// In reverse: who uses goes before what is used; threads end before what they touch.
static void stop(struct proxy *p)
{
    admin_free(p->admin);
    if (p->front)
        front_free(p->front);
    if (p->view)
        facts_view_free(p->view);
    if (p->has_control_thread) {
        loop_stop(p->control);
        (void)pthread_join(p->control_thread, NULL);
    }
    if (p->chain)
        creds_chain_free(p->chain);
    if (p->facts)
        facts_free(p->facts);
    p->facts = NULL;
    addresses_free(p->addresses);
    if (p->resolver)
        resolver_free(p->resolver);
    tls_client_free(p->tls);
    if (p->control)
        loop_free(p->control);
    for (unsigned i = 0; i < SERVE_SIGNALS; i++)
        watch_free(p->signals[i]);
    timer_free(p->pre_stop);
    timer_free(p->idle);
    if (p->main)
        loop_free(p->main);
    tls_trust_release(p->trust);
    free(p->creds_key);
    free(p->first_key);
    free(p->process.reloads.waiting);
    config_release(p->config);
}

static enum status start_log(const struct config *config, struct err *e)
{
    log_set_level(config->log_level);
    log_set_format(config->log_format);
    if (strcmp(config->log_file, "stderr") != 0)
        return log_start_file(config->log_file, e);
    log_start(STDERR_FILENO);
    return ST_OK;
}

// Why it does not run also stands where whoever starts it looks.
static void say_failure(const struct config *config, const char *text)
{
    log_error(NULL, "%s", text);
    if (strcmp(config->log_file, "stderr") != 0)
        (void)fprintf(stderr, "sigv4-proxy: %s\n", text);
}

int serve_run(struct config *config, const struct settings_source *source, struct spawner *spawner)
{
    struct proxy p = {.source = source, .config = config_acquire(config), .spawner = spawner};
    struct err e = {""};
    p.creds_key = serve_creds_key(config);
    p.main = loop_new("main", &e);
    if (!p.main || start_log(config, &e) != ST_OK) {
        (void)fprintf(stderr, "sigv4-proxy: %s\n", e.text);
        if (p.main)
            loop_free(p.main);
        free(p.creds_key);
        config_release(p.config);
        return 1;
    }
    if (config->note)
        log_warn(NULL, "%s", config->note);
    enum status st = start(&p, &e);
    if (st == ST_OK)
        loop_run(p.main);
    else
        say_failure(config, e.text);
    stop(&p);
    if (st == ST_OK)
        log_info(NULL, "stopped");
    log_thread_end();
    log_stop(LOG_STOP_MS);
    return st == ST_OK ? 0 : 1;
}

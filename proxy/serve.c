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
#include "crash.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/inherit.h"
#include "pid_file.h"
#include "policy/address.h"
#include "policy/plan.h"
#include "serve_int.h"

#define LOG_STOP_MS    2000
#define RESCUE_MS      200
#define BEAT_MAX_MS    10000
#define TICK_MS        1000
#define LINGER_MS      1000
#define LINGER_POLL_MS 20

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

bool serve_is_ready(void *arg, struct err *why)
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

static void on_linger(void *arg)
{
    struct proxy *p = arg;
    if (admin_is_idle(p->admin) || clock_mono_ms() >= p->linger_until_ms)
        loop_stop(p->main);
    else
        timer_set(p->linger, LINGER_POLL_MS);
}

// Whoever asks admin something in the last moment gets an answer.
static void on_drained(void *arg)
{
    struct proxy *p = arg;
    admin_leave(p->admin, p->has_heir);
    p->linger_until_ms = clock_mono_ms() + LINGER_MS;
    on_linger(p);
}

static void begin_drain(void *arg)
{
    struct proxy *p = arg;
    front_drain(p->front, p->config->drain_timeout, on_drained, p);
}

// A second time changes nothing.
static void quit(void *arg)
{
    struct proxy *p = arg;
    if (p->is_stopping)
        return;
    p->is_stopping = true;
    upgrade_end(p);
    log_info(NULL, "stopping: no new connections, requests may finish within drain_timeout");
    notify_send(p->notify, "STOPPING=1");
    notify_status(p->notify, "draining");
    timer_set(p->pre_stop, p->config->pre_stop_wait > 0 ? p->config->pre_stop_wait : 1);
}

static void on_stop(void *arg)
{
    struct proxy *p = arg;
    if (p->is_asked) { // twice
        log_rescue(RESCUE_MS);
        _exit(1);
    }
    p->is_asked = true;
    quit(p);
}

void serve_leave(struct proxy *p)
{
    p->is_stopping = true;
    admin_leave(p->admin, p->has_heir);
    front_hand_over(p->front, p->config->drain_timeout, on_drained, p);
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
        reload_begin(p);
}

static void on_upgrade(void *arg)
{
    upgrade_begin(arg);
}

static void on_reopen(void *arg)
{
    (void)arg;
    if (!log_reopen())
        log_info(NULL, "SIGUSR1: the log goes to no file that could be opened anew");
}

// ---- the service manager

static void say_how_it_is(struct proxy *p)
{
    struct err why = {""};
    struct err text;
    if (serve_is_ready(p, &why))
        (void)err_set(&text, ST_OK, "serving: %u routes of its own", p->config->n_routes);
    else
        (void)err_set(&text, ST_OK, "not ready: %s", why.text);
    notify_status(p->notify, text.text);
}

// Without a word while a thread stands still: then it is the manager's turn.
static void on_tick(void *arg)
{
    struct proxy *p = arg;
    struct err why = {""};
    int64_t every_ms = notify_watchdog_ms(p->notify);
    int64_t now_ms = clock_mono_ms();
    if (every_ms && now_ms >= p->watchdog_ms && is_healthy(p, &why)) {
        notify_send(p->notify, "WATCHDOG=1");
        p->watchdog_ms = now_ms + every_ms;
    }
    if (!p->is_stopping)
        say_how_it_is(p);
    timer_set(p->tick, every_ms && every_ms < TICK_MS ? every_ms : TICK_MS);
}

void serve_open(struct proxy *p)
{
    struct err e = {""};
    front_accept(p->front);
    admin_accept_now(p->admin);
    if (pid_file_write(p->config->pid_file, &e) != ST_OK)
        log_error(NULL, "%s", e.text);
    notify_send(p->notify, "READY=1");
    if (p->notify)
        on_tick(p);
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

static const char *refuse_address(bool loopback_ok, const struct net_addr *a)
{
    const struct address_rules rules = {.loopback_ok = loopback_ok};
    return address_refusal((const struct sockaddr *)&a->ss, &rules);
}

void serve_set_sessions(struct proxy *p, struct config *config, struct tls_client *tls)
{
    struct tls_client *old_tls = p->s3_tls;
    struct config *old_config = p->s3_config;
    p->s3_tls = tls;
    p->s3_config = config;
    struct s3_sessions_env env = {.config = config, .tls = tls, .refusal = refuse_address};
    if (p->s3_sessions)
        s3_sessions_set(p->s3_sessions, &env);
    else
        p->s3_sessions = s3_sessions_new(p->control, p->facts, &env);
    tls_client_free(old_tls);
    config_release(old_config);
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
    struct tls_client *s3_tls = p->tls ? tls_client_new(p->trust, p->config->verify_ssl, e) : NULL;
    if (!s3_tls)
        return ST_IO;
    env.tls = p->tls;
    p->chain = creds_chain_new(p->control, p->facts, &env);
    serve_set_sessions(p, config_acquire(p->config), s3_tls);
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
                                  .spawner = p->spawner,
                                  .is_healthy = is_healthy,
                                  .is_ready = serve_is_ready,
                                  .inherit = p->inherit,
                                  .is_held = p->is_heir,
                                  .quit = quit,
                                  .arg = p};
    p->process.version = SIGV4_VERSION;
    p->process.started_wall_ms = clock_wall_ms();
    p->process.reloads.good_wall_ms = p->process.started_wall_ms;
    p->process.creds_key = p->creds_key;
    return admin_start(&admin, &p->admin, e);
}

static void watch_signals(struct proxy *p)
{
    p->signals[0] = watch_signal(p->main, SIGTERM, on_stop, p);
    p->signals[1] = watch_signal(p->main, SIGINT, on_stop, p);
    p->signals[2] = watch_signal(p->main, SIGHUP, on_hangup, p);
    p->signals[3] = watch_signal(p->main, SIGUSR1, on_reopen, p);
    p->signals[4] = watch_signal(p->main, SIGUSR2, on_upgrade, p);
}

// What a service manager, or a predecessor, left for this process.
static enum status look_around(struct proxy *p, int *channel, struct err *e)
{
    enum status st = inherit_new(p->source->full_envp, &p->inherit, e);
    if (st != ST_OK)
        return st;
    *channel = inherit_channel(p->inherit);
    p->is_heir = *channel != -1;
    return notify_new(p->source->full_envp, p->is_heir, &p->notify, e);
}

static void begin_to_serve(struct proxy *p, int channel)
{
    inherit_free(p->inherit); // what nobody took
    p->inherit = NULL;
    p->pre_stop = timer_new(p->main, begin_drain, p);
    p->linger = timer_new(p->main, on_linger, p);
    p->idle = timer_new(p->main, on_idle_timer, p);
    p->tick = timer_new(p->main, on_tick, p);
    p->busy_ms = clock_mono_ms();
    on_idle_timer(p);
    watch_signals(p);
    if (p->is_heir)
        heir_begin(p, channel);
    else
        serve_open(p);
}

static enum status start_threads(struct proxy *p, struct err *e)
{
    if (!p->config->verify_ssl)
        serve_warn_unverified();
    enum status st = tls_trust_load(p->config->ca_bundle, &p->trust, e);
    if (st != ST_OK)
        return st;
    tls_trust_preload(p->trust);
    settings_find_region(p->source, p->config);
    st = start_control(p, e);
    if (st != ST_OK)
        return st;
    struct front_options front = {.main = p->main,
                                  .config = p->config,
                                  .facts = p->facts,
                                  .trust = p->trust,
                                  .n_workers = p->config->workers,
                                  .inherit = p->inherit,
                                  .is_held = p->is_heir};
    p->process.workers_why = "workers";
    if (!front.n_workers)
        front.n_workers = cpus_for_workers(&p->process.workers_why);
    st = front_start(&front, &p->front, e);
    return st == ST_OK ? start_admin(p, e) : st;
}

static enum status start(struct proxy *p, struct err *e)
{
    int channel = -1;
    enum status st = look_around(p, &channel, e);
    if (st == ST_OK)
        st = start_threads(p, e);
    if (st != ST_OK) {
        if (channel != -1)
            (void)close(channel);
        return st;
    }
    begin_to_serve(p, channel);
    struct front_stats s;
    front_stats(p->front, &s);
    log_info(NULL, "ready: %u workers, region %s (%s)", s.n_workers, p->config->default_region,
             p->config->default_region_source);
    return ST_OK;
}

// In reverse: who uses goes before what is used; threads end before what they touch.
static void stop(struct proxy *p)
{
    upgrade_end(p);
    if (!p->has_heir)
        pid_file_remove(p->config->pid_file);
    reload_end(p);
    admin_free(p->admin);
    if (p->front)
        front_free(p->front);
    if (p->view)
        facts_view_free(p->view);
    if (p->has_control_thread) {
        loop_stop(p->control);
        (void)pthread_join(p->control_thread, NULL);
    }
    s3_sessions_free(p->s3_sessions);
    if (p->chain)
        creds_chain_free(p->chain);
    if (p->facts)
        facts_free(p->facts);
    p->facts = NULL;
    addresses_free(p->addresses);
    if (p->resolver)
        resolver_free(p->resolver);
    tls_client_free(p->tls);
    tls_client_free(p->s3_tls);
    config_release(p->s3_config);
    if (p->control)
        loop_free(p->control);
    for (unsigned i = 0; i < SERVE_SIGNALS; i++)
        watch_free(p->signals[i]);
    timer_free(p->pre_stop);
    timer_free(p->linger);
    timer_free(p->idle);
    timer_free(p->tick);
    if (p->main)
        loop_free(p->main);
    tls_trust_release(p->trust);
    free(p->creds_key);
    free(p->first_key);
    free(p->process.reloads.waiting);
    free(p->process.upgrade_error);
    inherit_free(p->inherit);
    notify_free(p->notify);
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
    crash_watch();
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

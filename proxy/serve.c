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

#include "admin/admin.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/rng.h"
#include "base/xalloc.h"
#include "client/dial.h"
#include "cpus.h"
#include "creds/creds.h"
#include "front/front.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/resolve.h"
#include "policy/plan.h"

#define LOG_STOP_MS 2000
#define N_SIGNALS   4
#define BEAT_MAX_MS 10000

struct proxy {
    struct config *config;
    struct spawner *spawner; // borrowed; NULL: none
    struct loop *main;
    struct loop *control;
    pthread_t control_thread;
    bool has_control_thread;
    struct tls_trust *trust;
    struct tls_client *tls; // control's: towards credential endpoints, always verifying
    struct facts *facts;
    struct resolver *resolver;
    struct addresses *addresses;
    struct creds_chain *chain;
    struct facts_view *view; // main's, for readiness
    struct front *front;
    struct admin *admin;
    struct admin_process process; // what admin shows of all this
    struct watch *signals[N_SIGNALS];
    struct timer *pre_stop;
    struct timer *idle; // exit_when_idle
    int64_t busy_ms;    // when a client was connected last
    struct arena arena;
    const char *creds_key; // whose credentials make the proxy ready
    char *region;
    char *region_source;
    bool is_stopping;
};

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

static void reread(void *arg)
{
    struct proxy *p = arg;
    if (p->facts)
        facts_invalidate(p->facts, FACTS_CREDENTIALS, NULL);
}

static void on_hangup(void *arg)
{
    struct proxy *p = arg;
    log_info(NULL, "SIGHUP: credential files are read again");
    loop_post(p->control, reread, p);
}

static void on_reopen(void *arg)
{
    (void)arg;
    if (!log_reopen())
        log_info(NULL, "SIGUSR1: the log goes to no file that could be opened anew");
}

// ---- starting

static void warm(void *arg)
{
    struct proxy *p = arg;
    if (p->facts) // a message may outlive what it is about: loop_free runs what is left
        facts_warm(p->facts, FACTS_CREDENTIALS, p->creds_key);
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

static enum status start_control(struct proxy *p, char *const *envp, struct err *e)
{
    struct rng rng;
    struct creds_env env = {.envp = envp,
                            .profile = p->config->profile,
                            .region = p->config->region,
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
    loop_post(p->control, warm, p);
    int rc = pthread_create(&p->control_thread, NULL, run_control, p);
    p->has_control_thread = rc == 0;
    return rc ? err_set(e, ST_IO, "control thread: %s", strerror(rc)) : ST_OK;
}

static enum status find_region(struct proxy *p, char *const *envp, struct err *e)
{
    struct creds_env env = {.envp = envp, .profile = p->config->profile};
    if (creds_region(&env, &p->region, &p->region_source) != ST_OK)
        return err_set(e, ST_INVALID, "the region of the AWS configuration can't be read");
    if (!*p->region) {
        free(p->region);
        p->region = xstrdup(CREDS_LAST_REGION);
        free(p->region_source);
        p->region_source = xstrdup("nothing names one");
        log_info(NULL,
                 "no region is configured; " CREDS_LAST_REGION " is used where a host names none");
    }
    return ST_OK;
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
    p->process.region = p->region;
    p->process.region_source = p->region_source;
    return admin_start(&admin, &p->admin, e);
}

static enum status start(struct proxy *p, char *const *envp, struct err *e)
{
    if (!p->config->verify_ssl)
        log_warn(
            NULL,
            "upstream certificates are not verified (verify_ssl = no): whoever sits on the path "
            "can read and change requests");
    enum status st = tls_trust_load(p->config->ca_bundle, &p->trust, e);
    if (st == ST_OK)
        st = find_region(p, envp, e);
    if (st == ST_OK)
        st = start_control(p, envp, e);
    if (st != ST_OK)
        return st;
    struct front_options front = {.main = p->main,
                                  .config = p->config,
                                  .facts = p->facts,
                                  .trust = p->trust,
                                  .region = p->region,
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
    log_info(NULL, "ready: %u workers, region %s", front.n_workers, p->region);
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
    for (unsigned i = 0; i < N_SIGNALS; i++)
        watch_free(p->signals[i]);
    timer_free(p->pre_stop);
    timer_free(p->idle);
    if (p->main)
        loop_free(p->main);
    tls_trust_release(p->trust);
    arena_clear(&p->arena);
    free(p->region);
    free(p->region_source);
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

int serve_run(struct config *config, char *const *envp, struct spawner *spawner)
{
    struct proxy p = {.config = config, .spawner = spawner};
    struct err e = {""};
    arena_init(&p.arena);
    p.creds_key = plan_creds_key(config, NULL, &p.arena);
    p.main = loop_new("main", &e);
    if (!p.main || start_log(config, &e) != ST_OK) {
        (void)fprintf(stderr, "sigv4-proxy: %s\n", e.text);
        if (p.main)
            loop_free(p.main);
        arena_clear(&p.arena);
        return 1;
    }
    if (config->note)
        log_warn(NULL, "%s", config->note);
    enum status st = start(&p, envp, &e);
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

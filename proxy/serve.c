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
#include "creds/creds.h"
#include "front/front.h"
#include "log/log.h"
#include "net/resolve.h"

#define LOG_STOP_MS 2000
#define N_SIGNALS   3

struct proxy {
    struct config *config;
    struct loop *main;
    struct loop *control;
    pthread_t control_thread;
    bool has_control_thread;
    struct tls_trust *trust;
    struct facts *facts;
    struct resolver *resolver;
    struct addresses *addresses;
    struct creds_chain *chain;
    struct facts_view *view; // main's, for readiness
    struct front *front;
    struct admin *admin;
    struct watch *signals[N_SIGNALS];
    struct timer *pre_stop;
    char *region;
    char *region_source;
    bool is_stopping;
};

// CPU quota of this cgroup (v2), rounded up; 0 where there is none.
static unsigned cgroup_cpus(void)
{
    char text[64] = "";
    int fd = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return 0;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    struct span rest = span_from(text, n > 0 ? (size_t)n : 0);
    struct span quota;
    struct span period;
    uint64_t q = 0;
    uint64_t p = 0;
    if (!span_next(&rest, ' ', &quota) || !span_next(&rest, '\n', &period) ||
        !span_u64(quota, &q) || !span_u64(period, &p) || !p)
        return 0;
    return (unsigned)((q + p - 1) / p);
}

static unsigned worker_count(const struct config *cfg)
{
    cpu_set_t set;
    unsigned n = 1;
    if (cfg->workers)
        return cfg->workers;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    unsigned quota = cgroup_cpus();
    if (quota && quota < n)
        n = quota;
    if (n > 8)
        n = 8;
    return n ? n : 1;
}

// ---- health

static bool is_healthy(void *arg, struct err *why)
{
    struct proxy *p = arg;
    if (clock_mono_ms() - loop_beat_ms(p->control) < 10000)
        return true;
    (void)err_set(why, ST_IO, "the control thread has not moved for 10 s");
    return false;
}

static bool is_ready(void *arg, struct err *why)
{
    struct proxy *p = arg;
    if (p->is_stopping) {
        (void)err_set(why, ST_DENIED, "the proxy is stopping");
        return false;
    }
    struct fact *f = facts_view_peek(p->view, FACTS_CREDENTIALS, "");
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

// ---- starting

static void warm(void *arg)
{
    struct proxy *p = arg;
    if (p->facts) // a message may outlive what it is about: loop_free runs what is left
        facts_warm(p->facts, FACTS_CREDENTIALS, "");
}

static void *run_control(void *arg)
{
    struct proxy *p = arg;
    (void)pthread_setname_np(pthread_self(), "control");
    loop_run(p->control);
    log_thread_end();
    digest_thread_end();
    return NULL;
}

static enum status start_control(struct proxy *p, char *const *envp, struct err *e)
{
    struct rng rng;
    struct creds_env env = {.envp = envp, .profile = p->config->profile};
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
    p->chain = creds_chain_new(p->control, p->facts, &env);
    p->view = facts_view_new(p->facts, p->main);
    fact_release(facts_view_peek(p->view, FACTS_CREDENTIALS, ""));
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
        p->region = xstrdup("us-east-1");
        log_info(NULL, "no region is configured; us-east-1 is used where a host names none");
    }
    return ST_OK;
}

static enum status start(struct proxy *p, char *const *envp, struct err *e)
{
    struct admin_options admin = {.main = p->main,
                                  .listen = p->config->admin,
                                  .is_healthy = is_healthy,
                                  .is_ready = is_ready,
                                  .arg = p};
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
    if (st == ST_OK && strcmp(p->config->admin, "off") != 0)
        st = admin_start(&admin, &p->admin, e);
    if (st != ST_OK)
        return st;
    struct front_options front = {.main = p->main,
                                  .config = p->config,
                                  .facts = p->facts,
                                  .trust = p->trust,
                                  .region = p->region,
                                  .n_workers = worker_count(p->config)};
    st = front_start(&front, &p->front, e);
    if (st != ST_OK)
        return st;
    p->pre_stop = timer_new(p->main, begin_drain, p);
    p->signals[0] = watch_signal(p->main, SIGTERM, on_stop, p);
    p->signals[1] = watch_signal(p->main, SIGINT, on_stop, p);
    p->signals[2] = watch_signal(p->main, SIGHUP, on_hangup, p);
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
    if (p->control)
        loop_free(p->control);
    for (unsigned i = 0; i < N_SIGNALS; i++)
        watch_free(p->signals[i]);
    timer_free(p->pre_stop);
    if (p->main)
        loop_free(p->main);
    tls_trust_release(p->trust);
    free(p->region);
    free(p->region_source);
}

int serve_run(struct config *config, char *const *envp)
{
    struct proxy p = {.config = config};
    struct err e = {""};
    log_set_level(config->log_level);
    p.main = loop_new("main", &e);
    if (!p.main) {
        log_error(NULL, "%s", e.text);
        return 1;
    }
    log_start(STDERR_FILENO);
    enum status st = start(&p, envp, &e);
    if (st == ST_OK)
        loop_run(p.main);
    else
        log_error(NULL, "%s", e.text);
    stop(&p);
    if (st == ST_OK)
        log_info(NULL, "stopped");
    log_thread_end();
    log_stop(LOG_STOP_MS);
    return st == ST_OK ? 0 : 1;
}

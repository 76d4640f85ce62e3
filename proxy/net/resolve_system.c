// SPDX-License-Identifier: Apache-2.0
// getaddrinfo on a detached thread: for answers that do not fit into a datagram, which is rare. It
// may block for a long time, so nobody ever waits for the thread: a job that was cancelled (or
// whose loop has gone) is simply freed by the thread when it comes back.
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "net/resolve_int.h"

#define MAX_RUNNING 8

static atomic_uint running;

struct system_lookup {
    pthread_mutex_t lock;
    struct loop *loop; // guarded by lock; NULL once cancelled
    system_lookup_fn done;
    void *arg;
    bool is_cancelled; // loop's thread only
    enum status st;
    struct resolve_set set;
    char name[];
};

static void free_job(struct system_lookup *job)
{
    (void)pthread_mutex_destroy(&job->lock);
    free(job);
}

static void on_answer(void *arg)
{
    struct system_lookup *job = arg;
    // The thread posts under the lock: it must have let go before the lock is destroyed.
    (void)pthread_mutex_lock(&job->lock);
    (void)pthread_mutex_unlock(&job->lock);
    if (!job->is_cancelled)
        job->done(job->arg, job->st, &job->set);
    free_job(job);
}

static enum status status_of(int error)
{
    if (!error)
        return ST_OK;
    return error == EAI_NONAME || error == EAI_NODATA ? ST_DECLINED : ST_IO;
}

static void *run(void *arg)
{
    struct system_lookup *job = arg;
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    job->st = status_of(getaddrinfo(job->name, NULL, &hints, &list));
    if (job->st == ST_OK) {
        for (struct addrinfo *i = list; i; i = i->ai_next) {
            struct net_addr a = {.len = i->ai_addrlen};
            memcpy(&a.ss, i->ai_addr, i->ai_addrlen);
            resolve_set_add(&job->set, &a);
        }
        freeaddrinfo(list);
    }
    (void)atomic_fetch_sub(&running, 1);
    (void)pthread_mutex_lock(&job->lock);
    bool is_wanted = job->loop != NULL;
    if (is_wanted)
        loop_post(job->loop, on_answer, job);
    (void)pthread_mutex_unlock(&job->lock);
    if (!is_wanted)
        free_job(job);
    return NULL;
}

static bool start_thread(struct system_lookup *job)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all;
    sigset_t old;
    if (pthread_attr_init(&attr) != 0)
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all); // signals are for main
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&thread, &attr, run, job);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    return error == 0;
}

struct system_lookup *system_lookup_start(struct loop *l, const char *name, system_lookup_fn done,
                                          void *arg)
{
    if (atomic_fetch_add(&running, 1) >= MAX_RUNNING) {
        (void)atomic_fetch_sub(&running, 1);
        return NULL;
    }
    size_t len = strlen(name) + 1;
    struct system_lookup *job = xcalloc(1, sizeof(*job) + len);
    (void)pthread_mutex_init(&job->lock, NULL);
    job->loop = l;
    job->done = done;
    job->arg = arg;
    memcpy(job->name, name, len);
    if (start_thread(job))
        return job;
    (void)atomic_fetch_sub(&running, 1);
    free_job(job);
    return NULL;
}

// The answer may be on its way already, as a message: then on_answer frees the job. Else its thread
// finds that there is no loop any more.
void system_lookup_cancel(struct system_lookup *job)
{
    job->is_cancelled = true;
    (void)pthread_mutex_lock(&job->lock);
    job->loop = NULL;
    (void)pthread_mutex_unlock(&job->lock);
}

// SPDX-License-Identifier: Apache-2.0
// Commands run for us by a small process of its own, the spawner, which is forked before there are
// threads and secrets: never a fork among threads. A command gets nothing from us but what its
// start names: no descriptor (standard input is empty), no signal setting, a session and process
// group of its own. The spawner kills that group at the deadline, when its first process ends, and
// when the proxy is gone.
#ifndef NET_CHILD_H
#define NET_CHILD_H

#include "base/err.h"
#include "base/span.h"
#include "net/loop.h"

struct spawner; // our end of it, one a process
// Before any thread. Returns in the caller only; NULL where there can be none, e says why. Whoever
// has it may run commands on one loop at a time.
NODISCARD struct spawner *spawner_fork(struct err *e);
void spawner_end(struct spawner *s);              // NULL is fine; commands under way are ended
bool spawner_is_running(const struct spawner *s); // any thread

struct children; // the commands of one loop
// s is borrowed; NULL is fine: each command fails to start.
struct children *children_new(struct loop *l, struct spawner *s);
void children_free(struct children *c); // none may be under way; NULL is fine

struct child_spec {
    char *const *argv;  // argv[0] is looked for along PATH of envp where it has no slash
    char *const *envp;  // all of it
    int64_t timeout_ms; // then SIGTERM
    int64_t grace_ms;   // then SIGKILL
    size_t out_max;     // octets of standard output
    size_t err_max;     // of standard error the last ones are kept
};

enum child_end_how {
    CHILD_EXITED = 0, // code: the exit code
    CHILD_SIGNALLED,  // code: the signal
    CHILD_LATE,       // past timeout_ms
    CHILD_TOO_LOUD,   // past out_max
    CHILD_NOT_STARTED,
};
struct child_end {
    enum child_end_how how;
    int code;
    const char *why; // of CHILD_NOT_STARTED
    // Wiped behind the callback. What a process that outlives the first one writes does not count.
    struct span out, err;
};
typedef void (*child_done_fn)(void *arg, const struct child_end *e);

struct child;
// The spec is copied. done comes once, never before this returns and not after child_cancel.
struct child *child_start(struct children *c, const struct child_spec *s, child_done_fn done,
                          void *arg);
void child_cancel(struct child *x); // ends the command too; NULL is fine

#endif

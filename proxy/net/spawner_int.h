// SPDX-License-Identifier: Apache-2.0
// What the proxy and its spawner say to each other: one message each over a SOCK_SEQPACKET pair.
#ifndef NET_SPAWNER_INT_H
#define NET_SPAWNER_INT_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWNER_JOBS_MAX 64

struct spawner {
    int fd;
    _Atomic pid_t pid; // 0: it has ended and was waited for
};

enum spawner_ask_kind { SPAWNER_RUN = 0, SPAWNER_KILL };
struct spawner_ask {
    uint32_t kind;
    uint32_t id;
    int64_t timeout_ms, grace_ms;
    // With SPAWNER_RUN comes a descriptor: arguments and variables, each with its NUL.
    uint32_t n_argv, n_envp;
    uint64_t len;
};

enum spawner_news_kind {
    SPAWNER_STARTED = 0, // with the reading ends of standard output and standard error
    SPAWNER_EXITED,      // code: the exit code
    SPAWNER_SIGNALLED,   // code: the signal
    SPAWNER_LATE,        // it was told to end
    SPAWNER_REFUSED,     // code: an errno
    SPAWNER_NO_EXEC,     // code: an errno; behind SPAWNER_STARTED
};
struct spawner_news {
    uint32_t kind;
    uint32_t id;
    int32_t code;
};

// In the spawner: until the other end of fd is closed.
_Noreturn void spawner_run(int fd);

#endif

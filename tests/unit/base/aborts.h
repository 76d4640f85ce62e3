// SPDX-License-Identifier: Apache-2.0
// Calls that must end the process are made in a child.
#ifndef TESTS_UNIT_BASE_ABORTS_H
#define TESTS_UNIT_BASE_ABORTS_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void assert_aborts(void (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        (void)alarm(10); // an endless loop fails too
        fn(arg);
        _exit(0);
    }
    int how = 0;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_false(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    assert_false(WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM);
}

#endif

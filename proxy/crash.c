// SPDX-License-Identifier: Apache-2.0
// Lines wait a few milliseconds in memory: those that say what led to a fault must not go with it.
#include "crash.h"

#include <signal.h>
#include <stddef.h>

#include "base/xalloc.h"
#include "log/log.h"

#define RESCUE_MS 200

static void rescue(void)
{
    log_rescue(RESCUE_MS);
}

// The disposition is the default again (SA_RESETHAND), so the signal ends the process.
static void on_crash(int number)
{
    rescue();
    (void)raise(number);
}

void crash_watch(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction act = {.sa_handler = on_crash};
    struct sigaction old;
    xalloc_reserve(rescue);
    act.sa_flags = (int)(SA_RESETHAND | SA_NODEFER);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            (void)sigaction(numbers[i], &act, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The smallest of the affinity mask, the cgroup's quota rounded up, and 8: more workers than CPUs
// only share them out in smaller pieces.
#include "cpus.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "base/span.h"

#define MAX_AUTO 8

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

unsigned cpus_for_workers(const char **why)
{
    cpu_set_t set;
    unsigned n = 1;
    *why = "affinity mask";
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        n = (unsigned)CPU_COUNT(&set);
    unsigned quota = cgroup_cpus();
    if (quota && quota < n) {
        n = quota;
        *why = "cgroup CPU quota";
    }
    if (n > MAX_AUTO) {
        n = MAX_AUTO;
        *why = "at most 8";
    }
    return n ? n : 1;
}

// SPDX-License-Identifier: Apache-2.0
// Ahead of expiry by a quarter of the lifetime, at least a minute and at most 15, and by up to a
// fifth of that more, so that instances that started together do not ask together. Pure.
#include "creds/walk_int.h"

#define WINDOW_MIN_MS ((int64_t)60 * 1000)
#define WINDOW_MAX_MS ((int64_t)15 * 60 * 1000)
#define WAIT_MIN_MS   ((int64_t)30 * 1000)

int64_t refresh_wait(int64_t lifetime_ms, double unit)
{
    int64_t window_ms = lifetime_ms / 4;
    if (window_ms < WINDOW_MIN_MS)
        window_ms = WINDOW_MIN_MS;
    if (window_ms > WINDOW_MAX_MS)
        window_ms = WINDOW_MAX_MS;
    int64_t wait_ms = lifetime_ms - window_ms - (int64_t)(unit * (double)window_ms / 5);
    return wait_ms < WAIT_MIN_MS ? WAIT_MIN_MS : wait_ms;
}

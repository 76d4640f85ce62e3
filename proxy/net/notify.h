// SPDX-License-Identifier: Apache-2.0
// What a service manager is told: the protocol of sd_notify(3). Main's thread.
#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/status.h"

struct notify;
// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. *out is NULL where nobody listens. e: a
// socket that can't be one. is_heir: this process takes over from the one that WATCHDOG_PID names.
NODISCARD enum status notify_new(char *const *envp, bool is_heir, struct notify **out,
                                 struct err *e);
void notify_free(struct notify *n);                   // NULL is fine, as below
void notify_send(struct notify *n, const char *text); // lines "NAME=VALUE"
void notify_reloading(struct notify *n);
// STATUS, where it is another one than the last time.
void notify_status(struct notify *n, const char *text);
int64_t notify_watchdog_ms(const struct notify *n); // how often to send WATCHDOG=1; 0: never
bool notify_is_variable(const char *entry);         // none of a command's business

#endif

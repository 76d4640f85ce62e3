// SPDX-License-Identifier: Apache-2.0
// The admin listener, on main: /healthz and /readyz. Host must be a loopback name or address and a
// request marked by a browser as cross-site is refused: a web page must not reach it (DNS
// rebinding).
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/status.h"
#include "net/loop.h"

struct admin_options {
    struct loop *main;
    const char *listen; // "127.0.0.1:8081"
    // Main's thread. false: why says the reason.
    bool (*is_healthy)(void *arg, struct err *why);
    bool (*is_ready)(void *arg, struct err *why);
    void *arg;
};

struct admin;
NODISCARD enum status admin_start(const struct admin_options *o, struct admin **out, struct err *e);
void admin_free(struct admin *a); // NULL is fine

#endif

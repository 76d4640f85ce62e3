// SPDX-License-Identifier: Apache-2.0
// The running proxy: control, workers, listeners and admin put together, until a signal ends it.
#ifndef SERVE_H
#define SERVE_H

#include "config/config.h"

struct spawner;
// Blocks until the proxy has stopped; the exit code. config and spawner (NULL: there is none) are
// borrowed, envp lives as long.
int serve_run(struct config *config, char *const *envp, struct spawner *spawner);

#endif

// SPDX-License-Identifier: Apache-2.0
// The running proxy: control, workers, listeners and admin put together, until a signal ends it.
#ifndef SERVE_H
#define SERVE_H

#include "config/config.h"
#include "settings.h"

struct spawner;
// Blocks until the proxy has stopped; the exit code. config: what the source said just now, a
// reference is taken. spawner (NULL: there is none) is borrowed.
int serve_run(struct config *config, const struct settings_source *source, struct spawner *spawner);

#endif

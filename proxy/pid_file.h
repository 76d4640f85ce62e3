// SPDX-License-Identifier: Apache-2.0
// A file with the number of the process that serves, for scripts.
#ifndef PID_FILE_H
#define PID_FILE_H

#include "base/err.h"
#include "base/status.h"

// Replaced in one step, so that a reader sees the old number or the new one. path NULL: nothing.
NODISCARD enum status pid_file_write(const char *path, struct err *e);
void pid_file_remove(const char *path); // unless it is another process's by now

#endif

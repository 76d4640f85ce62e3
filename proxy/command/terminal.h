// SPDX-License-Identifier: Apache-2.0
#ifndef COMMAND_TERMINAL_H
#define COMMAND_TERMINAL_H

#include <stddef.h>

#include "base/err.h"
#include "base/status.h"

// Asks on the terminal of the process, whatever its standard streams are, and reads one line that
// is not shown, without its end. Blocks. Signals do what they do elsewhere, after the terminal is
// as it was. ST_DECLINED: there is no terminal. ST_LIMIT: the line is longer than cap - 1.
NODISCARD enum status terminal_ask(const char *prompt, char *out, size_t cap, struct err *e);

#endif

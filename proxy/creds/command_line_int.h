// SPDX-License-Identifier: Apache-2.0
// A command in one line, split as a POSIX shell splits words, but with no shell: $HOME, ~, * and ;
// are what they are. Pure.
#ifndef CREDS_COMMAND_LINE_INT_H
#define CREDS_COMMAND_LINE_INT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

// At least one word, NULL behind the last, all in the arena.
NODISCARD enum status command_line_split(struct span text, struct arena *a, char ***argv,
                                         struct err *e);

#endif

// SPDX-License-Identifier: Apache-2.0
// What --help, the file and the man pages share. Private to this room.
#ifndef CONFIG_DOCS_INT_H
#define CONFIG_DOCS_INT_H

#include <stddef.h>

#include "base/buf.h"
#include "base/span.h"

struct docs_command {
    const char *name;
    const char *synopsis; // behind the name
    const char *help;
};
extern const struct docs_command docs_commands[];
extern const size_t docs_commands_n;

#define DOCS_FIXED "A change needs a restart, or SIGUSR2."

extern const char docs_values[]; // how sizes, times, lists are written

// Appends text in lines of at most 78 columns, each with indent in front.
void docs_wrap(struct buf *out, const char *indent, struct span text);
// Takes the next alias off *rest: its flag with dashes into *flag, what it stands for into *word
// (p == NULL: it takes the value).
bool docs_next_alias(struct span *rest, struct buf *flag, struct span *word);

#endif

// SPDX-License-Identifier: Apache-2.0
// Subcommands other than `run`: one file each, found by name.
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "config/config.h"

struct command_input {
    unsigned n_flags; // the command's own flags that were given
    const char *const *flags;
    char *const *envp;
    const struct config *config; // effective
};

struct command {
    const char *name;
    const char *help;
    const char *own_flags; // flags that are the command's, not settings: " --ready " with blanks
                           // around each
    // Returns the exit code. Prints its answer on standard output, errors on standard error.
    int (*run)(const struct command_input *in);
};

const struct command *command_find(const char *name); // NULL: no such subcommand
const struct command *command_table(unsigned *n);
bool command_has_flag(const struct command_input *in, const char *flag);

int command_healthcheck(const struct command_input *in);
int command_check_config(const struct command_input *in);

#endif

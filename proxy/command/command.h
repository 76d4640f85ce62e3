// SPDX-License-Identifier: Apache-2.0
// Subcommands other than `run`: one file each, found by name.
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "config/config.h"

struct command_input {
    int argc; // arguments behind the subcommand
    char *const *argv;
    char *const *envp;
    const struct config *config; // effective
};

struct command {
    const char *name;
    const char *help;
    // Returns the exit code. Prints its answer on standard output, errors on standard error.
    int (*run)(const struct command_input *in);
};

const struct command *command_find(const char *name); // NULL: no such subcommand
const struct command *command_table(unsigned *n);

int command_healthcheck(const struct command_input *in);
int command_check_config(const struct command_input *in);

#endif

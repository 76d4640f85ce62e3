// SPDX-License-Identifier: Apache-2.0
// Subcommands other than `run`: one file each, found by name.
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "config/config.h"

#define COMMAND_MAX_WORDS 64

struct spawner;

struct command_flag {
    const char *name;  // "--format"
    const char *value; // NULL: it takes none
};

struct command_input {
    // What is the command's own among the arguments.
    struct command_flag flags[COMMAND_MAX_WORDS];
    unsigned n_flags;
    const char *words[COMMAND_MAX_WORDS]; // neither flags nor their values
    unsigned n_words;
    char *const *envp;
    const struct config *config; // effective
    struct spawner *spawner;     // borrowed; NULL unless the command asks the chain
};

struct command {
    const char *name;
    const char *help;
    // The command's own flags, with a blank around each: switches, and those that take a value.
    const char *switches;
    const char *valued;
    unsigned max_words;
    bool asks_chain; // for credentials
    // Returns the exit code. Prints its answer on standard output, errors on standard error.
    int (*run)(const struct command_input *in);
};

const struct command *command_find(const char *name); // NULL: no such subcommand
const struct command *command_table(unsigned *n);
// Takes what is the command's own out of the arguments; what stays, *argc of them, are settings.
// The strings are argv's.
NODISCARD enum status command_take_arguments(const struct command *c, int *argc, char **argv,
                                             struct command_input *out, struct err *e);
bool command_has_flag(const struct command_input *in, const char *flag);
// The value of the flag's nth appearance; NULL where there is none.
const char *command_flag(const struct command_input *in, const char *flag, unsigned nth);
// Prints "sigv4-proxy: COMMAND: what" on standard error; returns 1.
int command_fail(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);

int command_healthcheck(const struct command_input *in);
int command_ca(const struct command_input *in);
int command_check_config(const struct command_input *in);
int command_explain(const struct command_input *in);
int command_presign(const struct command_input *in);
int command_export_credentials(const struct command_input *in);
int command_mfa_login(const struct command_input *in);
int command_whoami(const struct command_input *in);

#endif

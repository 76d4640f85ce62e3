// SPDX-License-Identifier: Apache-2.0
#include "command/command.h"

#include <string.h>

static const struct command commands[] = {
    {"check-config", "print the effective configuration, or what is wrong with it", "",
     command_check_config},
    {"healthcheck", "ask the running proxy's admin listener; --ready asks /readyz; exit 0 or 1",
     " --ready ", command_healthcheck},
};

const struct command *command_table(unsigned *n)
{
    *n = sizeof(commands) / sizeof(commands[0]);
    return commands;
}

const struct command *command_find(const char *name)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

bool command_has_flag(const struct command_input *in, const char *flag)
{
    for (unsigned i = 0; i < in->n_flags; i++)
        if (!strcmp(in->flags[i], flag))
            return true;
    return false;
}

// SPDX-License-Identifier: Apache-2.0
// The configuration with all that it takes from files: what main starts with and a reload reads
// again.
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config/config.h"

// How the process was started; lives as long.
struct settings_source {
    int argc; // arguments behind the subcommand
    char *const *argv;
    char *const *envp; // without what a service manager or a predecessor said to this process
    char *const *full_envp;
    char *const *full_argv;
    const char *program; // absolute path of the binary, for a successor
};

// ST_DECLINED: --help is asked for. e: "file:line: what is wrong".
NODISCARD enum status settings_load(const struct settings_source *s, struct config **out,
                                    struct err *e);
// Finds the region where nothing names one, in the environment, the AWS configuration and, with
// imds_region, at the instance.
void settings_find_region(const struct settings_source *s, struct config *c);
// What creds_env.last_region is then; borrowed from c.
const char *settings_last_region(const struct config *c);

#endif

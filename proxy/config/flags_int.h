// SPDX-License-Identifier: Apache-2.0
// Walks the command line by the options table. Private to this room.
#ifndef CONFIG_FLAGS_INT_H
#define CONFIG_FLAGS_INT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

struct option;

struct flags {
    int argc;
    char *const *argv; // borrowed
    int next;
};

enum flag_kind { FLAG_SETTING = 0, FLAG_CONFIG, FLAG_HELP };

struct flag {
    enum flag_kind kind;
    struct span name;            // as it was written: "--port", "-v"
    const struct option *option; // FLAG_SETTING
    const char *value;           // FLAG_SETTING, where is_default is false
    const char *file;            // FLAG_CONFIG
    char word[32];               // holds the value that an alias stands for
    bool is_default;             // --no-verbose: back to the default
};

void flags_init(struct flags *f, int argc, char *const *argv);
// The next flag. ST_DECLINED: the end. ST_INVALID: e says "--flag: what is wrong"; the walk may go
// on.
NODISCARD enum status flags_next(struct flags *f, struct flag *out, struct err *e);

#endif

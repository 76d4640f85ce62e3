// SPDX-License-Identifier: Apache-2.0
// Reads our INI dialect line by line; knows nothing of the settings. Private to this room.
#ifndef CONFIG_INI_INT_H
#define CONFIG_INI_INT_H

#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

struct ini {
    struct span rest; // borrowed
    unsigned line;    // of the item given last, from 1
};

enum ini_kind { INI_SECTION = 0, INI_KEY };

// All spans point into the file.
struct ini_item {
    enum ini_kind kind;
    struct span section;  // INI_SECTION: the word
    struct span argument; // INI_SECTION: what stood in quotes behind it; p == NULL: nothing
    struct span key;      // INI_KEY
    struct span value;    // INI_KEY: without comment and blanks; may be empty
};

void ini_init(struct ini *i, struct span file);
// The next section or pair. ST_DECLINED: the end. ST_INVALID: e says what is wrong with i->line.
NODISCARD enum status ini_next(struct ini *i, struct ini_item *out, struct err *e);

#endif

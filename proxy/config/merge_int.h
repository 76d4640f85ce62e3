// SPDX-License-Identifier: Apache-2.0
// One merge: the sources write into one unfinished snapshot. Private to this room.
#ifndef CONFIG_MERGE_INT_H
#define CONFIG_MERGE_INT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"
#include "config/config_int.h"

#include "config/config.h"

struct option;
struct option_table;

struct merge {
    struct config *c;
    struct err *e;
    const char *file_name; // of the file that is being read
    const char *included;  // the same where it is not the first one, from the snapshot; else NULL
    config_include_fn include;
    unsigned depth;
    bool is_told;                   // the text in e names file and line
    struct config_route *route;     // current one of the file; NULL: none
    const struct option_table *own; // keys of the current section that are no settings; NULL: none
    void *own_at;                   // ... and where they go
    unsigned *lines;                // where each key of that section was set; 0: not
};

// Sets a general option. where is copied; the text in front of an error is the caller's to add.
NODISCARD enum status merge_set(struct merge *m, const struct option *o, enum config_source source,
                                const char *where, struct span value);

// A word of AWS's own in ours, with a note where it means something else there. buf keeps it alive.
struct span merge_aws_word(struct config *c, const struct option *o, const char *where,
                           struct span value, struct buf *b);

// The sources: e says "file:line: ...", "VARIABLE: ..." or "--flag: ...".
NODISCARD enum status merge_file(struct merge *m, struct span file);
NODISCARD enum status merge_env(struct merge *m, char *const *envp);
NODISCARD enum status merge_flags(struct merge *m, const struct config_input *in);
bool merge_help_wanted(const struct config_input *in); // --help stands among the flags

#endif

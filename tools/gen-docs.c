// SPDX-License-Identifier: Apache-2.0
// Prints what is generated from the options table: gen-docs
// full-conf|man|man-conf|markdown|completion|help.
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/config.h"

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(struct buf *out);
    } pages[] = {
        {"full-conf", config_full_conf},   {"man", config_man},   {"man-conf", config_man_conf},
        {"completion", config_completion}, {"help", config_help}, {"markdown", config_markdown},
    };
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (argc != 2 || strcmp(argv[1], pages[i].name) != 0)
            continue;
        struct buf b;
        buf_init(&b);
        pages[i].print(&b);
        bool is_ok = fwrite(b.p, 1, b.len, stdout) == b.len && fflush(stdout) == 0;
        buf_clear(&b);
        return is_ok ? 0 : 1;
    }
    (void)fputs("usage: gen-docs full-conf|man|man-conf|markdown|completion|help\n", stderr);
    return 2;
}

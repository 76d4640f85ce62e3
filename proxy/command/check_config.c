// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "command/command.h"

#include "base/buf.h"

int command_check_config(const struct command_input *in)
{
    struct buf out;
    buf_init(&out);
    config_effective(in->config, &out);
    size_t n = fwrite(out.p, 1, out.len, stdout);
    int rc = n == out.len && fflush(stdout) == 0 ? 0 : 1;
    buf_clear(&out);
    return rc;
}

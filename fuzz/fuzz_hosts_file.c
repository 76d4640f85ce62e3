// SPDX-License-Identifier: Apache-2.0
// The first line is the name that is looked for, the rest the file.
#include <stdint.h>
#include <stdlib.h>

#include "net/hosts_file_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_from((const char *)data, size);
    struct span name;
    struct net_addr a[4];
    if (!size || !span_next(&text, '\n', &name))
        return 0;
    unsigned n = hosts_find(text, name, a, 4);
    if (n > 4)
        abort();
    for (unsigned i = 0; i < n; i++) {
        char out[NET_ADDR_TEXT];
        struct net_addr again;
        net_addr_format(&a[i], out); // "1.2.3.4:0", "[::1]:0"
        struct span literal = span_of(out);
        literal.len -= 2;
        if (net_addr_parse(literal, 0, &again) != ST_OK || !net_addr_same_ip(&a[i], &again))
            abort();
    }
    return 0;
}

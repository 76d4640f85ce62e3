// SPDX-License-Identifier: Apache-2.0
// Reads hosts, one a line, and prints "host TAB verdict TAB service TAB region": verdict is sign,
// never or unknown. For tools/check-hosts-age and for looking by hand.
#include <stdio.h>
#include <string.h>

#include "policy/hosts.h"

int main(void)
{
    static const char *const verdicts[] = {"unknown", "sign", "never"};
    char line[1024];
    struct arena a;
    arena_init(&a);
    while (fgets(line, sizeof(line), stdin)) {
        struct hosts_answer got;
        struct span host = span_from(line, strcspn(line, "\r\n"));
        hosts_classify(host, &a, &got);
        (void)printf("%.*s\t%s\t%.*s\t%.*s\n", SPAN_ARG(host), verdicts[got.verdict],
                     SPAN_ARG(got.service), SPAN_ARG(got.region));
    }
    arena_clear(&a);
    return 0;
}

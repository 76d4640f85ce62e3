// SPDX-License-Identifier: Apache-2.0
// What every unit test includes: cmocka with the headers that it wants, and spans compared
// readably.
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/span.h"

static inline void assert_span_at(struct span s, const char *want, const char *file, int line)
{
    if (!span_is(s, want)) {
        print_error("%s:%d: got \"%.*s\", want \"%s\"\n", file, line, SPAN_ARG(s), want);
        fail();
    }
}
#define assert_span(s, want) assert_span_at(s, want, __FILE__, __LINE__)

#endif

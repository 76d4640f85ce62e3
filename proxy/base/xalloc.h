// SPDX-License-Identifier: Apache-2.0
// Small control allocations: abort on failure, so callers need no error path. Anything that a
// peer sizes has a limit from the configuration before it gets here.
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stddef.h>

void *xmalloc(size_t len);
void *xcalloc(size_t n, size_t len);
void *xrealloc(void *p, size_t len);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
size_t xadd(size_t a, size_t b); // of lengths; aborts on overflow

#endif

// SPDX-License-Identifier: Apache-2.0
// Small control allocations: callers need no error path. Where one fails, a reserve is given back
// and it is tried again; where that fails, too, one line says so and the process ends with
// XALLOC_EXIT. Anything that a peer sizes has a limit from the configuration before it gets here.
// Any thread.
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stdbool.h>
#include <stddef.h>

#define XALLOC_EXIT 71 // EX_OSERR

typedef void (*xalloc_end_fn)(void);

// Sets the reserve aside. end: what the process still does when there is no memory at all, or NULL;
// it must not allocate.
void xalloc_reserve(xalloc_end_fn end);
// The reserve was needed and cannot be set aside again: begin nothing new. Cheap while it was not.
bool xalloc_is_short(void);

void *xmalloc(size_t len);
void *xcalloc(size_t n, size_t len);
void *xrealloc(void *was, size_t len);
void *xaligned(size_t align, size_t len); // for free(); len is rounded up to align
void *xmap(size_t len);                   // zeroed pages, for munmap
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
size_t xadd(size_t a, size_t b); // of lengths; an overflow is out of memory

#endif

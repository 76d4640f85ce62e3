// SPDX-License-Identifier: Apache-2.0
// An allocator that wipes what is freed: for parsers of ours and of others (XML, JSON) through
// whose heap secrets pass.
#ifndef BASE_WIPED_H
#define BASE_WIPED_H

#include <stddef.h>

void *wiped_malloc(size_t len);
void *wiped_realloc(void *p, size_t len); // never in place: the old memory is wiped
void wiped_free(void *p);                 // NULL is fine

#endif

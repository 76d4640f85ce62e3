// SPDX-License-Identifier: Apache-2.0
// Hash of bytes for in-memory tables. The seed is random in each process, so that whoever chooses
// the keys can't choose the collisions beforehand; it is no cryptographic hash.
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/span.h"

uint64_t hash_span(uint64_t seed, struct span s);

#endif

// SPDX-License-Identifier: Apache-2.0
// Route globs: '*' stands for any characters, dots too, and for none; everything else is compared
// without case, unless said otherwise. Linear in pattern times text at worst, whatever the pattern.
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>

#include "base/span.h"

bool glob_matches(struct span glob, struct span text);
bool glob_matches_case(struct span glob, struct span text); // case matters

#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/span.h"

void base64_encode(struct span in, struct buf *out); // RFC 4648, with padding; appended
int base64_value(char c);                            // of one digit; -1 where it is none

#endif

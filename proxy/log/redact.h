// SPDX-License-Identifier: Apache-2.0
// What of a request may be shown to whoever reads logs. Pure.
#ifndef LOG_REDACT_H
#define LOG_REDACT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/span.h"

// Fields whose values a person needs to see, and may. Of all others only the length is shown.
bool redact_shows_field(struct span name);
// False where the parameter's name says that its value is a secret, or part of a grant: signatures,
// credentials, session tokens, passwords. name: raw, as in the URL, escapes and all.
bool redact_shows_parameter(struct span name);
// The query with *** in place of each such value.
void redact_query(struct span query, struct buf *out);

#endif

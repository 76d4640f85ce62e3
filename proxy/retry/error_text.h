// SPDX-License-Identifier: Apache-2.0
// The texts in an error's body, readable: for the log, never for a decision. As tolerant as
// error_code.h; text is in the arena, or borrowed where nothing was escaped.
#ifndef RETRY_ERROR_TEXT_H
#define RETRY_ERROR_TEXT_H

#include "base/arena.h"
#include "base/span.h"

// Of the first such element in an XML error ("CanonicalRequest"); p == NULL: there is none, or it
// is cut off.
struct span error_element(struct span body, const char *name, struct arena *a);
// What the error says to a person, XML or JSON; p == NULL: nothing.
struct span error_message(struct span body, struct arena *a);
// A text in single quotes behind the given words of a message; p == NULL: not there.
struct span error_quoted(struct span message, const char *behind);

#endif

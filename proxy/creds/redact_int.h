// SPDX-License-Identifier: Apache-2.0
// What a command wrote on standard error, for a log: one line without what looks like a secret.
// Pure.
#ifndef CREDS_REDACT_INT_H
#define CREDS_REDACT_INT_H

#include "base/buf.h"

// known: where the same secrets may stand plainly (the command's standard output).
void redact_text(struct span text, struct span known, struct buf *out);

#endif

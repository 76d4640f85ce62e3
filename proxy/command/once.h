// SPDX-License-Identifier: Apache-2.0
// The credential chain for a command that asks and ends: loop, names and chain on this thread.
#ifndef COMMAND_ONCE_H
#define COMMAND_ONCE_H

#include "base/err.h"
#include "command/command.h"
#include "creds/creds.h"
#include "facts/facts.h"

struct once;
// tell (may be NULL) hears what each provider said. NULL on failure, e says why.
NODISCARD struct once *once_open(const struct command_input *in, creds_tell_fn tell, void *arg,
                                 struct err *e);
// The fact of FACTS_CREDENTIALS under that key, a reference for the caller; never NULL. Blocks, as
// long as the chain needs.
struct fact *once_credentials(struct once *o, const char *key);
// For further questions to the chain: once_run returns when once_wake was called from a callback.
struct creds_chain *once_chain(struct once *o); // borrowed
void once_run(struct once *o);
void once_wake(struct once *o);
void once_close(struct once *o); // NULL is fine

// The region where the request names none (heap), and where it comes from (heap; NULL: not asked).
char *once_region(const struct command_input *in, char **source);

#endif

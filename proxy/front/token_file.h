// SPDX-License-Identifier: Apache-2.0
// A file of tokens, read again when it changes. Main's thread.
#ifndef FRONT_TOKEN_FILE_H
#define FRONT_TOKEN_FILE_H

#include "base/err.h"
#include "base/status.h"
#include "net/loop.h"
#include "policy/token_set.h"

struct token_file;
// e names the file.
NODISCARD enum status token_file_open(struct loop *main, const char *path, struct token_file **out,
                                      struct err *e);
void token_file_close(struct token_file *f); // NULL is fine
// The newest good content, borrowed until the next turn of the loop.
struct token_set *token_file_get(const struct token_file *f);
void token_file_poll(struct token_file *f); // looks now, as a timer does every two seconds
// fn runs after each change.
void token_file_watch(struct token_file *f, loop_fn fn, void *arg);

#endif

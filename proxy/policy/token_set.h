// SPDX-License-Identifier: Apache-2.0
// Tokens that admit clients, from the bytes of a file: a line each, "TOKEN" or "NAME TOKEN"; NAME
// is what logs say. Only hashes are kept, and comparing takes as long whatever fits. Pure.
#ifndef POLICY_TOKEN_SET_H
#define POLICY_TOKEN_SET_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

#define TOKEN_SET_MAX 1024 // tokens
#define TOKEN_MIN_LEN 16   // octets

struct token_set; // immutable, counted
// e: "line 3: what is wrong", never a part of the file. A file without any token is refused.
NODISCARD enum status token_set_parse(struct span file, struct token_set **out, struct err *e);
struct token_set *token_set_acquire(struct token_set *s);
void token_set_release(struct token_set *s); // NULL is fine
// The token's name ("-" where it has none), NULL where it is none of these. Lives as long as s.
const char *token_set_find(const struct token_set *s, struct span token);
// A token that was found in an older set, by the name that token_set_find gave there: its name in
// this one, NULL where it is gone.
const char *token_set_follow(const struct token_set *s, const struct token_set *older,
                             const char *name);

#endif

// SPDX-License-Identifier: Apache-2.0
// Parts of s3_session.c that are pure.
#ifndef CREDS_S3_SESSION_INT_H
#define CREDS_S3_SESSION_INT_H

#include "creds/s3_session.h"

// What s3_session_key wrote; spans point into key, or the arena.
NODISCARD enum status s3_session_parse(const char *key, struct arena *a,
                                       struct s3_session_ask *out);
// "user:token" of the proxy that is asked through, by the ask's route; empty: none. Borrowed.
struct span s3_session_userinfo(const struct config *c, const struct s3_session_ask *ask);
// When to ask again for a session that lives that long: a minute ahead, or half-way.
int64_t s3_session_refresh_ms(int64_t lifetime_ms);

#endif

// SPDX-License-Identifier: Apache-2.0
// The file in which `aws login` keeps a session, and what the sign-in endpoint answers. Pure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-login-credentials.html
#ifndef CREDS_LOGIN_TOKEN_INT_H
#define CREDS_LOGIN_TOKEN_INT_H

#include <jansson.h>

#include "base/buf.h"
#include "creds/creds_int.h"

struct login_token {
    json_t *document; // secret; whole, so that what other tools keep in it stays there
    // Borrowed from document. NULL: absent.
    const char *client_id;
    const char *refresh_token;
    const char *key;    // PEM
    const char *region; // where it was logged in
    int64_t expires_at_ms;
};

// ST_INVALID: no session can be read from it; nothing to clear then.
NODISCARD enum status login_token_read(struct span text, struct login_token *t, struct err *e);
void login_token_clear(struct login_token *t);
// NULL, or what of that which a refresh needs is missing.
const char *login_token_lacks(const struct login_token *t);
// provider and source of p are the caller's.
NODISCARD enum status login_token_creds(const struct login_token *t, const struct creds_parts *p,
                                        struct creds **out, struct err *e);

void login_token_ask(const struct login_token *t, struct buf *out); // the body of a request
// Takes over what the endpoint answered. On failure t is as it was.
NODISCARD enum status login_token_renew(struct login_token *t, struct span answer, int64_t wall_ms,
                                        struct err *e);
void login_token_write(const struct login_token *t, struct buf *out); // the file

#endif

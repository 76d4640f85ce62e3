// SPDX-License-Identifier: Apache-2.0
// The file in which `aws sso login` keeps a token, what the OIDC endpoint answers when it is
// renewed, and what the portal answers to it. Pure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
#ifndef CREDS_SSO_TOKEN_INT_H
#define CREDS_SSO_TOKEN_INT_H

#include <jansson.h>

#include "base/buf.h"
#include "creds/creds_int.h"

struct sso_token {
    json_t *document; // secret; whole, so that what other tools keep in it stays there
    // Borrowed from document. NULL: absent.
    const char *access_token; // never
    const char *refresh_token;
    const char *client_id;
    const char *client_secret;
    int64_t expires_at_ms;
    int64_t registered_until_ms; // of the client; 0: not known
};

// ST_INVALID: no token can be read from it; nothing to clear then.
NODISCARD enum status sso_token_read(struct span text, struct sso_token *t, struct err *e);
void sso_token_clear(struct sso_token *t);
// NULL, or what of that which a refresh needs is missing.
const char *sso_token_lacks(const struct sso_token *t);

void sso_token_ask(const struct sso_token *t, struct buf *out); // the body of a request
// Takes over what the endpoint answered. On failure t is as it was.
NODISCARD enum status sso_token_renew(struct sso_token *t, struct span answer, int64_t wall_ms,
                                      struct err *e);
void sso_token_write(const struct sso_token *t, struct buf *out); // the file

// The portal's answer. provider, source and account_id of p are the caller's.
NODISCARD enum status sso_role_creds(struct span answer, const struct creds_parts *p,
                                     struct creds **out, struct err *e);

#endif

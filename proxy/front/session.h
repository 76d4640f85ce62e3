// SPDX-License-Identifier: Apache-2.0
// Sessions of S3 Express: what a request whose plan wants one is signed with, besides its
// credentials.
#ifndef FRONT_SESSION_H
#define FRONT_SESSION_H

#include "front/request.h"

// With r->creds at hand: then(r) at once where it is known whether there is a session, else later.
// Without one the credentials sign.
void session_want(struct request *r, void (*then)(struct request *r));
// The newest that the worker knows, left in r->session; NULL: none, or it has expired.
const struct creds *session_current(struct request *r, int64_t wall_ms);
// What signed, or would: the session, or else the credentials; NULL: neither.
const struct creds *session_signer(const struct request *r);

#endif

// SPDX-License-Identifier: Apache-2.0
// CONNECT with consent: the proxy answers in the host's name, with a certificate of the local CA,
// and what the client sends inside becomes requests like any other. A worker's thread.
#ifndef FRONT_INTERCEPT_H
#define FRONT_INTERCEPT_H

#include "base/span.h"

struct conn;
struct inside;
struct request;

// The CONNECT is complete: makes or finds the certificate, answers 200 and leaves the connection to
// what comes inside; or refuses.
void intercept_begin(struct request *r);
// The first bytes inside: TLS or plain HTTP? False: not yet known, or a handshake comes first; the
// bytes stay with the stream.
bool intercept_knows(struct conn *c, struct span in);
// False: the request inside is answered, since it is about another host than the CONNECT was.
bool intercept_admits(struct request *r);
// Name of the token that came with the CONNECT; NULL: there was none.
const char *intercept_user(const struct conn *c);
bool intercept_is_tls(const struct conn *c);
void intercept_free(struct conn *c);

#endif

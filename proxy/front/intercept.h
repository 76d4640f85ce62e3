// SPDX-License-Identifier: Apache-2.0
// CONNECT with consent: the proxy answers in the host's name, with a certificate of the local CA,
// and what the client sends inside becomes requests like any other. A worker's thread.
#ifndef FRONT_INTERCEPT_H
#define FRONT_INTERCEPT_H

#include "base/span.h"

struct conn;
struct inside;
struct request;
struct token_set;

// The CONNECT is complete: makes or finds the certificate, answers 200 and leaves the connection to
// what comes inside; or refuses.
void intercept_begin(struct request *r);
// The first bytes inside: TLS or plain HTTP? False: not yet known, or a handshake comes first; the
// bytes stay with the stream.
bool intercept_knows(struct conn *c, struct span in);
// False: the request inside is answered, since it is about another host than the CONNECT was.
bool intercept_admits(struct request *r);
// now: the tokens that are good, NULL where none is asked for. *name: of the one that came with the
// CONNECT, NULL: there was none. False: it is not good any more, or is needed by now.
bool intercept_user(const struct conn *c, const struct token_set *now, const char **name);
bool intercept_is_tls(const struct conn *c);
void intercept_free(struct conn *c);

#endif

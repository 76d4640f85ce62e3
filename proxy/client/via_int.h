// SPDX-License-Identifier: Apache-2.0
// The part of dialling that asks a proxy for the connection (RFC 9110 9.3.6).
#ifndef CLIENT_VIA_INT_H
#define CLIENT_VIA_INT_H

#include "client/dial.h"

// status: the proxy's answer; 0: there is none that could be understood, and text says why. Comes
// once, from within a stream callback, not after via_free.
typedef void (*via_done_fn)(void *arg, int status, const char *text);

struct via_talk;
// s: connected, plain; its ops are via's until they are set anew. Octets behind the answer's head
// stay with the stream.
struct via_talk *via_start(struct stream *s, const struct origin *o, via_done_fn done, void *arg);
bool via_is_gone(const struct via_talk *t); // the connection ended behind the answer
void via_free(struct via_talk *t);          // NULL is fine

#endif

// SPDX-License-Identifier: Apache-2.0
// A client's aws-chunked body, taken out of its frames and checked while it comes.
#ifndef FRONT_DECHUNK_H
#define FRONT_DECHUNK_H

#include "front/request.h"

// For a plan whose body is framed. False: it can't be read, and that was answered.
bool dechunk_begin(struct request *r);
// Octets of the framed body; what is inside goes to request_data. The request may be over after it.
void dechunk_body(struct request *r, struct span in);
// The framed body is over. False: it was not complete, and that was answered.
bool dechunk_end(struct request *r);
// Decoded octets that must not go on yet: the upstream could take the body for complete before its
// checksum is verified.
uint64_t dechunk_held(const struct request *r);

#endif

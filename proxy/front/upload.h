// SPDX-License-Identifier: Apache-2.0
// A body that goes to the upstream in aws-chunked framing of our own.
#ifndef FRONT_UPLOAD_H
#define FRONT_UPLOAD_H

#include "front/request.h"
#include "sign/stream.h"

struct upload;

// True where the plan wants our framing.
bool upload_is_framed(const struct request *r);
// x-amz-content-sha256's value for it.
struct span upload_payload_hash(const struct request *r);
// Content-Encoding, x-amz-decoded-content-length and x-amz-trailer in place of the client's, as
// the plan wants the body to go on. Before signing.
void upload_set_fields(struct request *r, struct hdrs *h);
// Content-Length of the framed body. ST_LIMIT: too long to be sent.
NODISCARD enum status upload_wire_len(struct request *r, uint64_t *out);
// Begins an attempt's framing: s is what was signed with id, seed its signature. ST_INVALID: it
// can't be framed.
NODISCARD enum status upload_begin(struct request *r, const struct sign_request *s,
                                   const struct sign_identity *id, struct span seed);
void upload_free(struct upload *u); // NULL is fine
// Sends head and as many chunks as the store has data for and the upstream takes. False: the spool
// could not be read back.
bool upload_pump(struct request *r, struct span head);
// The last chunk and the trailer; once, when all data is sent and verified.
void upload_end(struct request *r);

#endif

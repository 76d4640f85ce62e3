// SPDX-License-Identifier: Apache-2.0
// Message heads and chunk framing, written anew from the model.
#ifndef HTTP_H1_WRITE_H
#define HTTP_H1_WRITE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "http/hdrs.h"

const char *h1_reason(int status); // "Not Found"; "" where unknown
// "METHOD SP target SP HTTP/1.1 CRLF", the fields as they stand, CRLF.
void h1_write_request(struct buf *out, struct span method, struct span target,
                      const struct hdrs *h);
// "HTTP/1.1 status reason CRLF", the fields, CRLF. Always 1.1, also towards 1.0 clients (RFC
// 9112 2.3).
void h1_write_response(struct buf *out, int status, const struct hdrs *h);
#define H1_CHUNK_HEAD_MAX 20
// "hex CRLF" of a chunk of len (> 0) bytes; returns the number of octets written.
unsigned h1_chunk_head(char out[H1_CHUNK_HEAD_MAX], uint64_t len);
#define H1_CHUNK_TAIL SPAN("\r\n")
#define H1_LAST_CHUNK SPAN("0\r\n\r\n")

#endif

// SPDX-License-Identifier: Apache-2.0
// Answers of our own: JSON with a stable code, so that they can't be taken for the upstream's.
#ifndef FRONT_REPLY_H
#define FRONT_REPLY_H

#include "client/dial.h"
#include "front/request.h"

// message: one line, no secrets, nothing of the request but host names. Ends the request's work.
void reply_error(struct request *r, int status, const char *code, const char *message);
// No connection to the plan's upstream; text: why, for people.
void reply_not_dialled(struct request *r, enum dial_fail why, const char *text);
// The same as parts.
struct reply_parts {
    int status;
    const char *code;
    const char *message;
};
struct reply_parts reply_of_dial(struct request *r, enum dial_fail why, const char *text);
void reply_continue(struct request *r);                  // 100 Continue, once
void reply_plain(struct request *r, int status);         // no body: OPTIONS *
void reply_redirect(struct request *r, struct span url); // 307; the URL is secret-bearing
struct presign_answer;
void reply_presign(struct request *r, const struct presign_answer *answer);
void reply_tunnel(struct request *r); // 200 to a CONNECT

#endif

// SPDX-License-Identifier: Apache-2.0
// Error answers are held back, head and the beginning of the body, until it is known whether the
// request is tried again. Whoever is told the held answer gets it as if it had come just now.
#ifndef FRONT_PEEK_H
#define FRONT_PEEK_H

#include "front/request.h"
#include "retry/classify.h"

// The answer's head has come: it is held back, or goes to the client.
void peek_head(struct request *r, const struct msg *m);
bool peek_is_holding(
    const struct request *r); // what comes of the answer is for the functions below
void peek_body(struct request *r, struct span data);
void peek_end(struct request *r);
void peek_broken(struct request *r, const char *how);
void peek_timeout(struct request *r);
void peek_classify(const struct request *r, struct retry_error *out);
void peek_relay(struct request *r);  // the held answer goes to the client
void peek_forget(struct request *r); // the connection is taken away: keeps only a whole answer

#endif

// SPDX-License-Identifier: Apache-2.0
// After an attempt: once more, or not. What the room retry decides from the request alone is held
// against the limits of the whole process here, and waited for.
#ifndef FRONT_AGAIN_H
#define FRONT_AGAIN_H

#include "front/request.h"
#include "retry/retry.h"

// How an attempt without an answer ended, and what the client is told if it was the last.
struct again_failure {
    enum retry_phase phase;
    bool is_final; // the next attempt would fail alike
    bool is_timeout;
    int status;
    const char *code;
    const char *message; // of the request's arena
};

void again_begin(struct request *r);             // the request is going to be forwarded
bool again_is_possible(const struct request *r); // attempts and time are left
void again_answered(struct request *r);          // by the answer that is held
void again_failed(struct request *r, const struct again_failure *f);
void again_succeeded(struct request *r, int status); // an answer goes to the client
void again_give_up(struct request *r, enum retry_why why);
// Lets go of the attempt and waits; 0: until somebody calls again_timer.
void again_wait(struct request *r, int64_t wait_ms);
void again_timer(struct request *r); // the wait is over
// Gives up where the request waits for another attempt; true: it did wait.
bool again_abandon(struct request *r, enum retry_why why);
// The next attempt, as soon as there are not too many further ones under way; the first at once.
void again_start(struct request *r);
void again_end(struct request *r); // gives back what it holds of the process's limits

#endif

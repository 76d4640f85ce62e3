// SPDX-License-Identifier: Apache-2.0
// A fetch that is repeated while that may help.
#ifndef CREDS_CALL_INT_H
#define CREDS_CALL_INT_H

#include "creds/creds_int.h"

enum call_verdict {
    CALL_OK = 0,
    CALL_AGAIN, // once more at once (a corrected clock)
    CALL_RETRY, // once more after a wait; as the outcome: it did not help, later it may
    CALL_FAILED,
};

struct call_spec {
    unsigned attempts;
    int64_t base_ms, cap_ms; // waits are random up to base * 2^n, at most cap
    int64_t total_ms;        // the whole, waits included
    // Fills in the next request, which is zeroed; what it points to lives until judge or cancel.
    // A failure is final.
    enum status (*build)(void *arg, struct fetch_request *r, struct err *e);
    // Called for each answer, also for those that failed.
    enum call_verdict (*judge)(void *arg, const struct fetch_answer *a, struct err *e);
    // Once: CALL_OK, or CALL_RETRY or CALL_FAILED with the last reason. Never before call_start
    // has returned and not after call_cancel.
    void (*done)(void *arg, enum call_verdict v, const struct err *e);
    void *arg;
};

struct call;
struct call *call_start(struct creds_kit *kit, const struct call_spec *s);
void call_cancel(struct call *c); // NULL is fine

// For judge: what a fetch that failed means, and an HTTP status that is not 200.
enum call_verdict call_judge_failure(const struct fetch_answer *a, struct err *e);
enum call_verdict call_judge_status(const struct fetch_answer *a, struct err *e);

#endif

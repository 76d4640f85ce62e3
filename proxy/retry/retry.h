// SPDX-License-Identifier: Apache-2.0
// The decision after each attempt: give up, wait, or repair. Pure: the random number, the time that
// is left and the clock's error come in as arguments.
#ifndef RETRY_RETRY_H
#define RETRY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "retry/classify.h"

enum retry_post { RETRY_POST_CLASSIFIED = 0, RETRY_POST_NEVER, RETRY_POST_ALWAYS };

struct retry_settings {
    bool is_on;
    unsigned max_attempts; // all of them, the first included
    int64_t base_ms;
    int64_t cap_ms;
    bool has_jitter;
    enum retry_post post;
    bool sdk_clients; // retry for clients that retry themselves
};

// How far the attempt came.
enum retry_phase {
    RETRY_ANSWERED = 0,
    RETRY_UNSENT, // no octet of the request left
    RETRY_SENT,   // octets left, none came back
};

// One-shot repairs, a bit each.
enum retry_repair { RETRY_REPAIR_CLOCK = 1, RETRY_REPAIR_CREDS = 2, RETRY_REPAIR_REGION = 4 };

struct retry_state {
    // the request
    bool is_idempotent; // by its method
    bool is_read_only;  // a POST whose action only reads
    bool is_replayable; // its body can be sent again
    bool is_sdk;        // the client retries by itself
    bool is_draining;   // the process is about to end
    // so far
    unsigned attempt; // number of the one that has just ended, from 1
    unsigned repairs; // bits of those done
    int64_t left_ms;  // until total_timeout
    // how this attempt ended
    enum retry_phase phase;
    enum retry_kind kind;
    int status;                 // with RETRY_ANSWERED
    bool is_timeout;            // without an answer, since nothing happened in time
    int64_t amz_retry_after_ms; // x-amz-retry-after; negative: none
    int64_t retry_after_ms;     // Retry-After; negative: none
    // what the repairs need
    bool has_skew;      // the answer's Date was readable and came from a verified upstream
    int64_t skew_ms;    // its Date less our clock
    int64_t applied_ms; // what our clock was shifted by in this attempt
    bool is_temporary;  // the credentials have a session token
    int64_t creds_age_ms;
    bool can_redirect; // the region differs, and the host may be rebuilt for it
};

enum retry_action {
    RETRY_GIVE_UP = 0,
    RETRY_WAIT,        // wait_ms, then the next attempt
    RETRY_SHIFT_CLOCK, // sign with skew_ms, at once
    RETRY_REFRESH,     // newer credentials, and only if they differ
    RETRY_REDIRECT,    // to the other region, at once
};

enum retry_why {
    RETRY_WHY_NONE = 0, // it is retried
    RETRY_WHY_FINAL,    // the same request would get the same answer
    RETRY_WHY_OFF,      // retry_mode
    RETRY_WHY_SDK,      // the client retries itself
    RETRY_WHY_ATTEMPTS, // there were enough
    RETRY_WHY_METHOD,   // it might be done twice
    RETRY_WHY_BODY,     // the body is no longer there
    RETRY_WHY_DEADLINE, // total_timeout
    RETRY_WHY_HINT,     // Retry-After asks for more than we wait
    RETRY_WHY_DRAIN,
    RETRY_WHY_QUOTA,   // told by the caller, as those below
    RETRY_WHY_PARKED,  // too many wait already
    RETRY_WHY_CROWDED, // too many retries run already
    RETRY_WHY_SAME,    // no newer credentials
    RETRY_WHY_TURN,    // rate_limit gives no turn soon
    RETRY_WHYS,
};

struct retry_verdict {
    enum retry_action action;
    enum retry_why why;
    int64_t wait_ms;
    unsigned cost; // tokens
};

// unit: random, in [0, 1).
struct retry_verdict retry_decide(const struct retry_settings *s, const struct retry_state *t,
                                  double unit);
// Worth a new signature, and to be remembered for the next ones.
bool retry_is_clock_wrong(const struct retry_state *t);
// The wait behind attempt number `attempt`, without hints.
int64_t retry_wait_ms(const struct retry_settings *s, unsigned attempt, double unit);

const char *retry_why_name(enum retry_why why); // "quota"
// For log and counters: the error's code, or "status-503", "timeout", "reset", "connect".
#define RETRY_REASON_MAX 64
const char *retry_reason(const struct retry_state *t, struct span code, char out[RETRY_REASON_MAX]);

// Hints. Negative: none, or not readable.
int64_t retry_parse_amz_after(struct span value); // x-amz-retry-after: milliseconds
// Retry-After: seconds or an HTTP-date.
int64_t retry_parse_after(struct span value, int64_t wall_ms);
bool retry_parse_date(struct span value, int64_t *wall_ms); // Date, in each of HTTP's three forms

// "attempt=" in amz-sdk-request: the client is an SDK.
bool retry_is_sdk(struct span amz_sdk_request);
// Whether the action of a POST only reads: Describe*, Get*, List*, Query, Scan, BatchGet*, Head*.
// target: X-Amz-Target; body: the beginning of a form with Action=.
bool retry_only_reads(struct span target, struct span query, struct span body);

#endif

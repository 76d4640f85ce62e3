// SPDX-License-Identifier: Apache-2.0
// One request from head to access line: the machine. States are walked by request_set_state only;
// request_finish is the single exit.
#ifndef FRONT_REQUEST_H
#define FRONT_REQUEST_H

#include "base/arena.h"
#include "client/exchange.h"
#include "creds/creds.h"
#include "front/body.h"
#include "front/conn.h"
#include "policy/address.h"
#include "policy/plan.h"
#include "sign/mismatch.h"

enum request_state {
    REQ_READ_HEAD = 0, // bytes of a head have come
    REQ_ADMIT,         // planned; waiting for credentials to be known
    REQ_WAIT_SLOT,     // max_in_flight others are under way
    REQ_WAIT_BODY,     // the body must be here before it can be signed
    REQ_WAIT_TURN,     // the route's rate_limit
    REQ_ATTEMPT,       // connecting, signing, sending, waiting for the answer's head
    REQ_PEEK,          // an error is held back while its body's beginning comes
    REQ_WAIT_RETRY,    // for the next attempt
    REQ_RELAY,         // the answer goes to the client (the upload may still run)
    REQ_TUNNEL,        // CONNECT, or a websocket: bytes both ways
    REQ_DONE,
    REQ_STATES,
};

struct presign_run;
struct sign_dechunk;
struct tunnel;
struct upload;

// Arguments of the dialling guard: they outlive the dial.
struct dial_guard {
    const struct front_shared *shared;
    struct address_rules rules;
};

// What the access line says; times are monotonic ms, 0: did not happen.
struct request_log {
    int status;
    const char *code; // our error code; NULL: none
    uint64_t bytes_in;
    uint64_t bytes_out;
    unsigned attempts;
    int64_t start;
    int64_t turn_since, creds_since, connect_since; // of what runs now
    int64_t turn_ms;                                // waits under a rate_limit, all attempts'
    int64_t creds_ms;                               // waiting for credentials
    int64_t connect_ms;                             // to get the last attempt's connection
    int64_t first_byte_ms;                          // from start to the answer's first octet
    bool is_reused;
    char key[16]; // masked access key
    struct span upstream_id;
    struct sign_texts signed_texts; // of the last attempt; in the arena
    char *failure;                  // beginning of a failed answer's body; NULL: not wanted
    size_t failure_len, failure_max;
    bool is_explained;
    const char *action;                  // of IAM, that was probably needed; NULL: no idea
    struct span server_date, error_type; // of that answer's head
    const char *ended;                   // how it ended where not well: "client gone", ...
};

// An error answer that is held back until it is known whether the request is tried again; the last
// one is what the client gets when there is no further attempt.
struct held_answer {
    const struct msg *head; // NULL: none
    int64_t at_wall_ms;     // when it came
    struct buf body;        // its beginning
    bool is_whole;          // nothing is missing: it outlives its connection
    const char *cut_off;    // it ended too early; NULL: it did not
};

// client_min_rate: what came of the body since the window began.
struct request_pace {
    int64_t last_ms;  // when the last octets came; 0: none yet
    int64_t spent_ms; // of the window, without the times in which we did not read
    uint64_t len;
    bool is_held; // reading was stopped since
};

// What several attempts have in common.
struct retry_progress {
    int64_t deadline_ms; // monotonic: total_timeout
    unsigned repairs;    // bits of enum retry_repair
    uint32_t cost;       // tokens of the last retry; 0: none was taken
    bool is_parked;      // counted in shared->parked, retrying
    bool is_retrying;
    int64_t sent_wall_ms; // when the last attempt was signed
    int64_t skew_ms;      // by what its date was shifted
    // What the client is told if there is no answer to relay.
    int status;
    const char *code;
    const char *message;
};

struct request {
    SLIST_ENTRY(request) spare;
    TAILQ_ENTRY(request) queue;
    struct worker *worker;
    struct conn *conn; // NULL while spare
    struct config *config;
    struct arena arena;
    char id[CONN_ID_MAX + 1 + DECIMAL_MAX]; // "c1-17.3": the connection's third
    enum request_state state;
    struct timer *timer; // the state's
    const struct msg *msg;
    struct plan plan;
    struct body body;
    bool has_body;                   // body is initialised
    bool client_done;                // the whole request was read
    bool answer_done;                // the whole answer was handed to the client's stream
    bool must_close;                 // the connection ends with this request
    bool answer_begun;               // a byte of an answer was handed to the client's stream
    bool wants_continue;             // the client waits for 100 Continue and has not got it
    bool sends_chunked;              // towards the upstream
    bool answers_chunked;            // towards the client
    bool ends_by_close;              // towards the client: neither a length nor chunks
    bool is_paused;                  // the client's reading is stopped for backpressure
    bool was_stale;                  // the one free retry on a stale connection is spent
    bool has_slot;                   // counted in shared->active
    bool is_queued;                  // in the worker's queue for one
    bool holds_upload;               // the upstream is to say whether it wants the body
    bool is_expect_refused;          // it knows no Expect
    bool is_upload_over;             // no more of the body goes to the upstream
    const char *user;                // the token's name; NULL: none was asked for
    struct plan_client client;       // who asks, for [policy] sections
    bool is_presign;                 // for presign_host: nothing is forwarded
    struct presign_run *presign_run; // waits for credentials
    struct facts_wait *creds_wait;
    struct fact *creds;
    struct fact *session;    // S3 Express's, got with creds; NULL: these sign
    const char *session_key; // its key, where the plan wants one
    void (*session_then)(struct request *r);
    struct pool_dial *dial;
    struct dial_guard guard;
    struct exchange *exchange;
    struct span head_up;         // waits for the first body bytes of the turn; empty: nothing waits
    struct deferred head_up_end; // of that turn
    struct tunnel *tunnel;
    struct buf head_out; // answer's head until its first body bytes go along
    struct held_answer held;
    struct retry_progress retry;
    struct request_pace pace;
    struct turns_place *turn; // waited for; NULL: none
    unsigned retry_after_s;   // for an answer of our own; 0: none
    char payload_hex[DIGEST_HEX + 1];
    struct sign_dechunk *frames; // around the client's body; NULL: none
    bool frames_end;             // it is complete, and its checksums hold
    struct upload *upload;       // framing of our own towards the upstream; NULL: none
    struct request_log log;
};

struct request *request_new(struct conn *c);
void request_free(struct request *r); // a spare one
// From conn: events of the message being read. After each the request may be over (c->request
// differs).
void request_head(struct request *r, const struct msg *m);
void request_body(struct request *r, struct span data);
void request_body_end(struct request *r);
void request_refused(struct request *r, const struct h1_result *why);
void request_client_gone(struct request *r, const char *how);
void request_client_drained(struct request *r);
void request_drain(struct request *r); // the process stops: no wait for a further attempt goes on
bool request_wants_input(const struct request *r);

// Within the machine.
void request_set_state(struct request *r, enum request_state to, int64_t timeout_ms);
const char *request_doing(const struct request *r);     // "while waiting for the body"
void request_forward(struct request *r);                // it has a slot
void request_proceed(struct request *r);                // the body that was needed is here
void request_data(struct request *r, struct span data); // of the body, without framing
// The state's timer; a further attempt does not outlive total_timeout.
void request_arm(struct request *r, int64_t timeout_ms);
// Key of the upstream in what the process knows of endpoints.
uint64_t request_endpoint(const struct request *r);
// A plan for the request's bucket in another region; false: it does not lead there.
bool request_plan_region(struct request *r, struct span region, struct plan *out);
void request_use_plan(struct request *r, const struct plan *p);
// A plan as the first, with what is known of the form in the body.
void request_plan_form(struct request *r, struct plan_form form, struct plan *out);
// The answer is out; goes to request_finish when the client's side is done as well.
void request_answered(struct request *r);
void request_finish(struct request *r, const char *ended); // NULL: well

#endif

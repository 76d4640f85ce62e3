// SPDX-License-Identifier: Apache-2.0
// Facts: values that many workers read and one loop (control) fetches: key to immutable counted
// snapshot. Refresh ahead of need, single flight, stale while valid, negative answers cached with
// jitter, waiters bounded, LRU-bounded (1,024 keys a kind). Workers and control exchange messages
// only.
#ifndef FACTS_FACTS_H
#define FACTS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/status.h"
#include "net/loop.h"

// What control publishes. Immutable once published; counted across threads.
struct fact {
    _Atomic unsigned refs;
    enum status status; // ST_OK, or why there is no value
    void *value;        // owned; NULL unless ST_OK
    void (*free_value)(void *value);
    int64_t since_ms;       // monotonic: when this value came
    int64_t refresh_at_ms;  // monotonic: from then on a use asks control for a newer one
    int64_t expires_at_ms;  // monotonic: not used from then on (INT64_MAX: never)
    int64_t stale_until_ms; // monotonic: past expires_at_ms and up to here better than waiting long
    uint64_t generation;    // unique in the process: changes with every new value
    struct err err;         // text where status is not ST_OK, else the last refresh's failure
    struct fact *base;      // private: the fact that owns the value; NULL: this one
};
struct fact *fact_acquire(struct fact *f);
void fact_release(struct fact *f); // NULL is fine

// What a fetch tells. On ST_OK value is taken over (free_value frees it). ttl: how long it may be
// used (INT64_MAX: for ever); refresh_in: when to refresh ahead (<= ttl).
// On failure retry_in is how long the failure is remembered (+-20 %; 0: 1 s, doubled with each
// failure in a row up to 30 s); a value still valid goes on being served.
struct fact_result {
    enum status status;
    void *value;
    void (*free_value)(void *value);
    int64_t ttl_ms;
    int64_t stale_ms; // how long past ttl the value may serve while refreshes fail (DNS: 10 min)
    int64_t refresh_in_ms;
    int64_t retry_in_ms;
    bool ends_value; // of a failure: what is at hand must not serve any longer either
    struct err err;
};

// A kind of fact, on control's loop. fetch starts one fetch of key and later calls
// facts_answer(flight, result) exactly once, never before fetch has returned; at most one runs a
// key.
struct facts_flight;
struct facts_kind {
    const char *name; // "credentials", "addresses"
    void (*fetch)(void *arg, const char *key, struct facts_flight *flight);
    // At the deadline and at facts_free: the flight ends with this call, it may answer no more.
    void (*cancel)(void *arg, struct facts_flight *flight);
    // A refresh that brings the same value keeps the generation. May be NULL: never the same.
    bool (*is_same)(const void *old_value, const void *new_value);
    void *arg;
    bool keep_warm;      // refreshed by timer even when unused (credentials)
    int64_t deadline_ms; // a flight that has not answered by then failed; 0: none
};
void facts_answer(struct facts_flight *f, const struct fact_result *r);
const char *facts_flight_key(const struct facts_flight *f);
void facts_flight_set_data(struct facts_flight *f, void *data); // the fetcher's own pointer
void *facts_flight_data(const struct facts_flight *f);
// A value is at hand and goes on serving, should this flight fail.
bool facts_flight_is_refresh(const struct facts_flight *f);
// A value is at hand, and its user has said that it was refused (a hint).
bool facts_flight_was_refused(const struct facts_flight *f);

enum { FACTS_ADDRESSES = 0, FACTS_CREDENTIALS, FACTS_S3_SESSIONS, FACTS_KINDS_MAX };

struct facts; // control's side
struct facts *facts_new(struct loop *control, uint64_t seed);
void facts_set_kind(struct facts *f, unsigned kind, const struct facts_kind *k); // before loops run
void facts_free(struct facts *f); // on control's thread or after it ended; views are gone by then
// Control's thread: fetch now although nobody asked (start-up), and again after SIGHUP / a file
// change.
void facts_warm(struct facts *f, unsigned kind, const char *key);
void facts_invalidate(struct facts *f, unsigned kind, const char *key); // key NULL: all of the kind

// Control's thread: keys of the kind that are not kept are forgotten, in the views too.
typedef bool (*facts_keeps_fn)(void *arg, const char *key);
void facts_prune(struct facts *f, unsigned kind, facts_keeps_fn keeps, void *arg);

// What control knows now, for people and metrics.
struct facts_item {
    unsigned kind;
    char *key;
    struct fact *fact; // a reference; NULL: nothing was answered yet
    bool is_fetching;
};
struct facts_list {
    unsigned n;
    struct facts_item v[];
};
typedef void (*facts_list_fn)(void *arg, struct facts_list *l); // freed by the callee
// Any thread. done runs once on back's thread, with an empty list where facts have ended.
void facts_list(struct facts *f, struct loop *back, facts_list_fn done, void *arg);
void facts_list_free(struct facts_list *l);

// A worker's side: its own table of snapshots, touched by the worker's thread only.
struct facts_view;
struct facts_view *facts_view_new(struct facts *f, struct loop *worker);
// Call on the worker's thread while both loops run or after both ended.
void facts_view_free(struct facts_view *v);

// The snapshot at hand if it may be used now (a reference for the caller), else NULL. A negative
// one that is still remembered is returned too (status != ST_OK). Asks control for a refresh where
// one is due.
struct fact *facts_view_peek(struct facts_view *v, unsigned kind, const char *key);

typedef void (*facts_done_fn)(void *arg, struct fact *f); // a reference for the callee; never NULL
struct facts_wait;
// Waits for a usable or negative snapshot, at most timeout_ms (then a fact with ST_AGAIN). Where an
// expired one may still serve, the wait for a newer one ends after a second and the old one is
// told. done comes once, never before this returns, not after facts_wait_cancel. Over 1,024 waiters
// a view: ST_LIMIT fact.
struct facts_wait *facts_view_get(struct facts_view *v, unsigned kind, const char *key,
                                  int64_t timeout_ms, facts_done_fn done, void *arg);
void facts_wait_cancel(struct facts_wait *w);
// The value of that generation was refused by its user (ExpiredToken, connection refused): refresh
// soon, at most every 10 s a key.
void facts_view_hint(struct facts_view *v, unsigned kind, const char *key, uint64_t generation);
// A hint by somebody who waits for what comes of it: another generation, or the one that is known
// where no newer one is to be had (or a negative fact). As facts_view_get otherwise.
struct facts_refused {
    unsigned kind;
    const char *key; // borrowed for the call
    uint64_t generation;
};
struct facts_wait *facts_view_renew(struct facts_view *v, const struct facts_refused *what,
                                    int64_t timeout_ms, facts_done_fn done, void *arg);

#endif

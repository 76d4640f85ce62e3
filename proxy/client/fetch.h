// SPDX-License-Identifier: Apache-2.0
// A small request of our own with its whole answer: what credential endpoints are asked with. A
// connection of its own each, closed afterwards; no redirects, no proxy but one that the asker
// names, a deadline, and an answer that may not grow.
#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "client/dial.h"

#define FETCH_ANSWER_MAX ((size_t)64 * 1024)

// Where requests go, split for those who sign them.
struct fetch_url {
    bool is_https;
    struct span host_field; // as it stands in Host
    struct span host;       // lower case, IPv6 without brackets
    uint16_t port;
    struct span path;  // at least "/"
    struct span query; // without '?'; p == NULL: none
};
// http:// and https:// only, no userinfo, no fragment.
NODISCARD enum status fetch_url_parse(struct span url, struct arena *a, struct fetch_url *out,
                                      struct err *e);

struct fetch_field {
    const char *name;
    struct span value; // refused where it holds a control octet
};

#define FETCH_FIELDS_MAX 12

struct fetch_request {
    const char *method;
    const char *url;
    struct fetch_field fields[FETCH_FIELDS_MAX]; // besides Host, Content-Length, User-Agent
    unsigned n_fields;
    struct span body; // p == NULL: none
    // Dialled in place of what the URL names, its userinfo borrowed until done or cancel; NULL: as
    // the URL says.
    const struct origin *origin;
    // As dialer.refusal; with is_strict one refused address refuses the whole name. NULL: any.
    const char *(*refusal)(const void *arg, const struct net_addr *a);
    const void *refusal_arg; // lives until done or cancel
    bool is_strict;
    int64_t connect_timeout_ms; // of TCP; TLS has the same again
    int64_t timeout_ms;         // of the whole
};

enum fetch_fail {
    FETCH_OK = 0,
    FETCH_INVALID, // the request can't be made: its URL, or a field
    FETCH_REFUSED, // an address that must not be dialled
    FETCH_UNREACHED,
    FETCH_BROKEN, // what came is no answer, or too large
    FETCH_TIMEOUT,
};

struct msg;
struct fetch_answer {
    enum fetch_fail fail;
    const char *text; // why, where fail is not FETCH_OK
    int status;
    struct span body;       // wiped behind the callback
    const struct msg *head; // see fetch_answer_field
};
// Value of the first such field; p == NULL where there is none.
struct span fetch_answer_field(const struct fetch_answer *a, const char *name);

struct fetcher;
struct fetcher_options {
    struct loop *loop;        // all of these borrowed
    struct facts_view *facts; // of that loop: addresses
    struct tls_client *tls;   // NULL: https URLs are refused
};
struct fetcher *fetcher_new(const struct fetcher_options *o);
void fetcher_free(struct fetcher *f); // NULL is fine; no fetch may be under way

// For fetches that begin from now on; borrowed.
void fetcher_set_tls(struct fetcher *f, struct tls_client *tls);

typedef void (*fetch_done_fn)(void *arg, const struct fetch_answer *a);
struct fetch;
// What r points to, but refusal_arg, is copied. done comes once, never before this returns and not
// after fetch_cancel.
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_done_fn done,
                          void *arg);
void fetch_cancel(struct fetch *x); // NULL is fine

#endif

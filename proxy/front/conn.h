// SPDX-License-Identifier: Apache-2.0
// A client connection: bytes to requests, one at a time, in order.
#ifndef FRONT_CONN_H
#define FRONT_CONN_H

#include "front/worker.h"
#include "http/h1_parser.h"
#include "net/stream.h"

#define CONN_ID_MAX (3 + 2 * DECIMAL_MAX)

struct conn {
    struct worker *worker;
    struct stream *stream;
    struct h1_parser *parser;
    struct request *request; // the one being read or answered; NULL between requests
    struct timer *timer;     // idle, head, or half-close grace: only one at a time
    struct inside *inside;   // of a CONNECT that is intercepted; NULL: nothing is
    unsigned n_requests;
    unsigned n_setups;        // of the worker, when the limits were set
    bool is_unix;             // came through a unix socket
    bool is_dead;             // freed in a deferred turn
    bool is_half;             // the client has sent its FIN
    bool is_grace;            // the timer is the half-close grace
    bool is_behind;           // so are we, and the timer was set anew
    uint32_t uid, gid;        // with is_unix
    char id[CONN_ID_MAX];     // "c1-17": the worker's 17th
    char peer[NET_ADDR_TEXT]; // for the log
    uint64_t bytes_at_hup;    // of the request's body, when the grace began
    struct limit *of_client;  // max_connections_per_client; NULL: not counted
    struct deferred bury;
    TAILQ_ENTRY(conn) link;
};

// On the worker's thread. fd becomes the connection's.
// of_client: its share of the client's connections, given back at the end; NULL: none was taken.
void conn_open(struct worker *w, int fd, struct limit *of_client);
void conn_close(struct conn *c); // at once
// The proxy stops: an idle connection gets a moment for a request that is on its way, then closes.
void conn_drain(struct conn *c);
// The request's answer is out. keep: the connection serves the next one; else it closes gently.
void conn_next(struct conn *c, bool keep);
void conn_read_on(struct conn *c); // after backpressure

#endif

// SPDX-License-Identifier: Apache-2.0
// Strict HTTP/1 parser: bytes in, events out, no I/O. A byte-level pre-scanner stands in front of
// http-parser, whose Debian build is the lenient one; chunk framing is read by our own reader.
// What is refused, with which status and in which order: head.c, prescan.c, chunked.c.
#ifndef HTTP_H1_PARSER_H
#define HTTP_H1_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"
#include "http/msg.h"

struct h1_limits {
    size_t max_request_line; // bytes; over it 414
    size_t max_field;        // one field line; over it 431
    size_t max_head;         // start line and all fields; 431
    unsigned max_fields;     // 431
    size_t max_trailers;     // bytes of the trailer section; 400
};

enum h1_kind { H1_REQUEST = 0, H1_RESPONSE };

enum h1_event {
    H1_MORE = 0, // all input consumed, give more
    H1_HEAD,     // result.msg is valid (it lives in the arena)
    H1_DATA,     // result.data: body bytes, pointing into the input
    H1_END,      // the message is complete; input behind it is not consumed
    H1_ERROR,    // result.status / result.reason; the parser is dead
};

struct h1_result {
    struct msg *msg;    // H1_HEAD
    struct span data;   // H1_DATA
    int status;         // H1_ERROR: 400 405 414 431 501 505 for requests, 502 for responses
    const char *code;   // H1_ERROR: our error code (bad-request, uri-too-long, head-too-large, ...)
    const char *reason; // H1_ERROR: static text that says what is wrong
    bool may_keep_alive; // H1_ERROR 405/501 on a request without a body: framing is still certain
};

struct h1_parser;
unsigned long h1_library_version(void); // http-parser's, 0x00MMmmpp, for --version

// One parser a connection side; heap. The arena (borrowed) receives head bytes and the model; the
// owner resets it only between messages (before h1_parser_next).
struct h1_parser *h1_parser_new(enum h1_kind kind, const struct h1_limits *limits);
void h1_parser_free(struct h1_parser *p);
// From the next message on.
void h1_parser_set_limits(struct h1_parser *p, const struct h1_limits *limits);
// Gets ready for the next message, whose head goes to `a`. Requests: up to two empty lines may
// precede.
void h1_parser_next(struct h1_parser *p, struct arena *a);
// Responses: what was asked, since HEAD and CONNECT change the framing. Call for each request,
// before its answer's head arrives; holds over h1_parser_next, since 1xx answers come first.
void h1_parser_expect(struct h1_parser *p, bool is_head, bool is_connect);
// Consumes input up to the next event; returns the bytes consumed. Call again with the rest until
// H1_MORE or H1_END/H1_ERROR. A 1xx response gives H1_HEAD then H1_END; call h1_parser_next and go
// on.
size_t h1_parse(struct h1_parser *p, struct span in, enum h1_event *event, struct h1_result *out);
// The peer closed. H1_END where that completes the message (MSG_UNTIL_EOF), H1_MORE where nothing
// of a message had begun or its end was told, H1_ERROR where it is cut off (upstream-closed for
// responses).
enum h1_event h1_parse_eof(struct h1_parser *p, struct h1_result *out);
bool h1_parser_is_idle(const struct h1_parser *p); // no byte of a message seen since next()
// Octets of the start line seen so far (for the log of a refused request), possibly cut.
struct span h1_parser_start_line(const struct h1_parser *p);

#endif

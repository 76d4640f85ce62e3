// SPDX-License-Identifier: Apache-2.0
// One message head as a model: parsed strictly, rebuilt when sent, never copied.
#ifndef HTTP_MSG_H
#define HTTP_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "http/hdrs.h"

enum msg_framing {
    MSG_NO_BODY = 0,
    MSG_LENGTH, // `length` bytes (0 only where the head said so)
    MSG_CHUNKED,
    MSG_UNTIL_EOF, // responses only
};

struct msg {
    // requests
    struct span method;
    struct span target; // as received: absolute, origin, authority or asterisk form
    // responses
    int status; // 100..599
    // both
    int minor;        // HTTP/1.minor: 0 or 1
    struct hdrs hdrs; // all fields as received, hop-by-hop ones too
    enum msg_framing framing;
    uint64_t length;       // with MSG_LENGTH
    bool is_keep_alive;    // what version and Connection / Proxy-Connection say
    bool expects_continue; // Expect: 100-continue in an HTTP/1.1 request
};

#endif

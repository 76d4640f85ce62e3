// SPDX-License-Identifier: Apache-2.0
// From the clean octets of a head to the model, and what must hold between its fields.
#ifndef HTTP_HEAD_INT_H
#define HTTP_HEAD_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "http/msg.h"
#include "http/prescan_int.h"

// The start line by offsets: the octets may still move.
struct head_line {
    size_t method_len;
    size_t target_len; // begins at method_len + 1
    int status;
    int minor;
};

// Fields that frame or route, found while the fields are split. Values of the first of each name.
struct head_fields {
    unsigned n_host;
    unsigned n_length;
    unsigned n_coding; // Transfer-Encoding
    unsigned n_connection;
    unsigned n_proxy_connection;
    unsigned n_expect;
    struct span host;
    struct span length_text;
    uint64_t length; // checked
    bool is_chunked; // checked
};

enum head_verdict {
    HEAD_FINE = 0,
    HEAD_REFUSED, // *fault is final
    HEAD_METHOD,  // *fault is 405 or 501; the rest of the head is still to be read for its framing
};

enum head_verdict head_read_request_line(struct span line, struct head_line *out,
                                         struct h1_fault *fault);
enum head_verdict head_read_status_line(struct span line, struct head_line *out,
                                        struct h1_fault *fault);
// From `fields` to `end` are the octets behind the start line, up to and with the empty line, as
// prescan let them through; blanks around values become spaces there.
void head_split_fields(char *fields, char *end, struct arena *a, struct hdrs *out,
                       struct head_fields *found);
// Host, lengths, codings, Connection; then framing, is_keep_alive, expects_continue of the message.
// With `is_bodiless` (responses) no body follows whatever the fields say.
bool head_check_request(struct msg *m, struct head_fields *found, struct h1_fault *fault);
bool head_check_response(struct msg *m, struct head_fields *found, bool is_bodiless,
                         struct h1_fault *fault);

#endif

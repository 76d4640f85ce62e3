// SPDX-License-Identifier: Apache-2.0
// Which services name the operation in X-Amz-Target, in Action= or in the path of rpc-v2-cbor, by
// signing name. tools/gen-protocols makes the table.
#ifndef POLICY_PROTOCOLS_H
#define POLICY_PROTOCOLS_H

#include <stddef.h>

enum protocols_flag { PROTOCOL_QUERY = 1, PROTOCOL_JSON = 2, PROTOCOL_CBOR = 4 };

struct protocols_row {
    const char *service; // signing name; one may stand in several rows
    const char *prefix;  // of X-Amz-Target, and the service in an rpc-v2-cbor path; "": none
    unsigned flags;
};

extern const struct protocols_row protocols[];
extern const size_t n_protocols;

#endif

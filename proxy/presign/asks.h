// SPDX-License-Identifier: Apache-2.0
// What is asked for over HTTP: a JSON object, {"requests": [...]} of them, or a query.
#ifndef PRESIGN_ASKS_H
#define PRESIGN_ASKS_H

#include "presign/presign.h"

#define PRESIGN_ASKS_MAX 1000

struct presign_asks {
    struct presign_ask *v;
    unsigned n;
    bool is_list; // asked as an array, answered as one
};

// All memory from the arena, or borrowed from query. False: why says the reason.
bool presign_asks_of_json(struct span body, struct arena *a, struct presign_asks *out,
                          struct presign_refusal *why);
bool presign_asks_of_query(struct span query, struct arena *a, struct presign_asks *out,
                           struct presign_refusal *why);

#endif

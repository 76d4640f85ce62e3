// SPDX-License-Identifier: Apache-2.0
// Credentials in JSON, as endpoints and processes hand them out. Pure.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#ifndef CREDS_JSON_ANSWER_INT_H
#define CREDS_JSON_ANSWER_INT_H

#include <jansson.h>

#include "creds/creds_int.h"

// Once, before anything of the process uses jansson: what it frees is wiped from then on.
void json_answer_setup(void);
// One object and nothing else, no name twice; NULL and a text that shows nothing of it. To be
// released with json_decref.
json_t *json_answer_parse(struct span text, struct err *e);
// NULL where it is absent or not a string. Names count exactly as they are written.
const char *json_answer_text(const json_t *o, const char *name);

struct json_answer_form {
    const char *token; // its name: "Token", "SessionToken"
    bool wants_token, wants_expiry;
    const char *provider, *source;
};
NODISCARD enum status json_answer_creds(const json_t *o, const struct json_answer_form *f,
                                        struct creds **out, struct err *e);

#endif

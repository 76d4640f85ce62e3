// SPDX-License-Identifier: Apache-2.0
// JSON of credential endpoints: any octets, and what becomes credentials must hold up.
#include <stdlib.h>
#include <string.h>

#include "creds/json_answer_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text)
{
    for (const char *s = text; *s; s++)
        if (*s <= ' ' || *s > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set_up;
    struct json_answer_form form = {.token = "Token", .provider = "fuzz", .source = "fuzz"};
    struct creds *c = NULL;
    struct err e;
    if (!is_set_up)
        json_answer_setup();
    is_set_up = true;
    if (size < 1 || size > 65536)
        return 0;
    form.wants_token = data[0] & 1;
    form.wants_expiry = data[0] & 2;
    json_t *o = json_answer_parse(span_from((const char *)data + 1, size - 1), &e);
    if (o && json_answer_creds(o, &form, &c, &e) == ST_OK) {
        check(c->access_key);
        check(c->secret_key);
        if (c->session_token)
            check(c->session_token);
        if ((form.wants_token && !c->session_token) ||
            (form.wants_expiry && c->expires_at_ms == INT64_MAX))
            abort();
        creds_free(c);
    }
    json_decref(o);
    return 0;
}

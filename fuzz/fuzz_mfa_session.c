// SPDX-License-Identifier: Apache-2.0
// The file of an MFA session: any octets. What is read holds up as credentials and survives being
// written.
#include <stdlib.h>
#include <string.h>

#include "creds/json_answer_int.h"
#include "creds/mfa_int.h"

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
    struct mfa_session s;
    struct mfa_session again;
    struct arena a;
    struct buf out;
    struct err e;
    if (!is_set_up)
        json_answer_setup();
    is_set_up = true;
    if (size > 65536)
        return 0;
    arena_init(&a);
    if (mfa_session_read(span_from((const char *)data, size), &a, &s, &e) == ST_OK) {
        check(s.creds->access_key);
        check(s.creds->secret_key);
        check(s.creds->session_token);
        buf_init(&out);
        mfa_session_write(&s, &out);
        if (mfa_session_read(buf_span(&out), &a, &again, &e) != ST_OK ||
            again.creds->expires_at_ms != s.creds->expires_at_ms ||
            strcmp(again.creds->access_key, s.creds->access_key) != 0 ||
            strcmp(again.profile, s.profile) != 0)
            abort();
        creds_free(again.creds);
        creds_free(s.creds);
        buf_clear(&out);
    }
    arena_clear(&a);
    return 0;
}

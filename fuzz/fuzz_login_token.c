// SPDX-License-Identifier: Apache-2.0
// The file of a login session, and behind a NUL what the endpoint answers: any octets. What is read
// can be written and read again; an answer that is refused changes nothing.
#include <stdlib.h>
#include <string.h>

#include "creds/json_answer_int.h"
#include "creds/login_token_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_to(const struct login_token *t, struct buf *out)
{
    buf_init(out);
    login_token_write(t, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set_up;
    struct login_token t;
    struct login_token again;
    struct buf before;
    struct buf after;
    struct buf ask;
    struct err e;
    if (!is_set_up)
        json_answer_setup();
    is_set_up = true;
    if (size > 65536)
        return 0;
    struct span all = span_from((const char *)data, size);
    size_t end = span_find(all, '\0');
    if (login_token_read(span_sub(all, 0, end), &t, &e) != ST_OK)
        return 0;
    write_to(&t, &before);
    if (!login_token_lacks(&t)) {
        buf_init(&ask);
        login_token_ask(&t, &ask);
        if (!ask.len)
            abort();
        buf_clear(&ask);
    }
    enum status st = login_token_renew(&t, span_sub(all, end + 1, size), 1764193445000, &e);
    write_to(&t, &after);
    if (st != ST_OK && !span_eq(buf_span(&before), buf_span(&after)))
        abort();
    if (login_token_read(buf_span(&after), &again, &e) != ST_OK ||
        again.expires_at_ms != t.expires_at_ms)
        abort();
    login_token_clear(&again);
    login_token_clear(&t);
    buf_clear(&before);
    buf_clear(&after);
    return 0;
}

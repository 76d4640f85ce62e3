// SPDX-License-Identifier: Apache-2.0
// The file of an SSO token, behind a NUL what the OIDC endpoint answers, behind another what the
// portal answers: any octets. What is read can be written and read again; an answer that is
// refused changes nothing.
#include <stdlib.h>
#include <string.h>

#include "creds/json_answer_int.h"
#include "creds/sso_token_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_to(const struct sso_token *t, struct buf *out)
{
    buf_init(out);
    sso_token_write(t, out);
}

static void check(const char *text)
{
    for (const char *s = text; *s; s++)
        if (*s <= ' ' || *s > '~')
            abort();
}

static void token(struct span file, struct span answer)
{
    struct sso_token t;
    struct sso_token again;
    struct buf before;
    struct buf after;
    struct buf ask;
    struct err e;
    if (sso_token_read(file, &t, &e) != ST_OK)
        return;
    check(t.access_token);
    write_to(&t, &before);
    if (!sso_token_lacks(&t)) {
        buf_init(&ask);
        sso_token_ask(&t, &ask);
        if (!ask.len)
            abort();
        buf_clear(&ask);
    }
    enum status st = sso_token_renew(&t, answer, 1764193445000, &e);
    write_to(&t, &after);
    if (st != ST_OK && !span_eq(buf_span(&before), buf_span(&after)))
        abort();
    check(t.access_token);
    if (sso_token_read(buf_span(&after), &again, &e) != ST_OK ||
        again.expires_at_ms != t.expires_at_ms)
        abort();
    sso_token_clear(&again);
    sso_token_clear(&t);
    buf_clear(&before);
    buf_clear(&after);
}

static void role(struct span answer)
{
    struct creds_parts told = {.provider = "fuzz", .source = "fuzz"};
    struct creds *c = NULL;
    struct err e;
    if (sso_role_creds(answer, &told, &c, &e) != ST_OK)
        return;
    check(c->access_key);
    check(c->secret_key);
    check(c->session_token);
    if (c->expires_at_ms <= 0)
        abort();
    creds_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set_up;
    struct span rest = span_from((const char *)data, size);
    struct span parts[3] = {SPAN(""), SPAN(""), SPAN("")};
    if (!is_set_up)
        json_answer_setup();
    is_set_up = true;
    if (size > 65536)
        return 0;
    for (int i = 0; i < 3 && span_next(&rest, '\0', &parts[i]); i++)
        continue;
    for (int i = 0; i < 3; i++)
        if (!parts[i].p)
            parts[i] = SPAN("");
    token(parts[0], parts[1]);
    role(parts[2]);
    return 0;
}

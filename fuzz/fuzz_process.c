// SPDX-License-Identifier: Apache-2.0
// A credential_process: its line is split, its answer read, its complaint freed from secrets. The
// first octet chooses.
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "creds/command_line_int.h"
#include "creds/json_answer_int.h"
#include "creds/process_answer_int.h"
#include "creds/redact_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void split(struct span text)
{
    struct arena a;
    struct err e;
    char **argv = NULL;
    size_t len = 0;
    arena_init(&a);
    if (command_line_split(text, &a, &argv, &e) == ST_OK) {
        if (!argv[0])
            abort();
        for (char **word = argv; *word; word++)
            len += strlen(*word);
        if (len > text.len)
            abort();
    }
    arena_clear(&a);
}

static void check(const char *text)
{
    for (const char *s = text; s && *s; s++)
        if (*s <= ' ' || *s > '~')
            abort();
}

static void answer(struct span text)
{
    struct creds *c = NULL;
    struct err e;
    if (process_answer_creds(text, "fuzz", &c, &e) != ST_OK)
        return;
    if (!c->access_key || !c->secret_key)
        abort();
    check(c->access_key);
    check(c->secret_key);
    check(c->session_token);
    creds_free(c);
}

// Both halves of the input: what stands behind a word of 40 mixed octets must not be seen.
static void complain(struct span text)
{
    static const char secret[] = "kQ9/abcDEF+ghiJKL1mnoPQR2stuVWX3yz/ABcd";
    struct buf in;
    struct buf out;
    buf_init(&in);
    buf_init(&out);
    buf_add_span(&in, span_sub(text, 0, text.len / 2));
    buf_addf(&in, " %s ", secret);
    buf_add_span(&in, span_sub(text, text.len / 2, text.len));
    redact_text(buf_span(&in), text, &out);
    if (strstr(buf_cstr(&out), secret) && !memmem(text.p, text.len, secret, sizeof(secret) - 1))
        abort();
    for (size_t i = 0; i < out.len; i++)
        if (out.p[i] < ' ' || out.p[i] > '~')
            abort();
    buf_clear(&in);
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_set_up;
    if (!is_set_up)
        json_answer_setup();
    is_set_up = true;
    if (size < 1 || size > 65536)
        return 0;
    struct span text = span_from((const char *)data + 1, size - 1);
    if (data[0] == 'l')
        split(text);
    else if (data[0] == 'a')
        answer(text);
    else
        complain(text);
    return 0;
}

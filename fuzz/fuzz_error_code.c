// SPDX-License-Identifier: Apache-2.0
// Error bodies. What is found is a short name of plain octets that lies inside the body; a kind
// other than final comes from a code, and a region that is told may stand in a host name.
#include <stdlib.h>
#include <string.h>

#include "retry/classify.h"
#include "retry/error_code.h"
#include "retry/error_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim)
        abort();
}

static void check_inside(struct span found, struct span body)
{
    if (!found.len)
        return;
    must(found.len <= 128 && found.p >= body.p && found.p + found.len <= body.p + body.len);
    for (size_t i = 0; i < found.len; i++)
        must(found.p[i] > 0x20 && found.p[i] != '<' && found.p[i] != '"');
}

static void check_quoted(struct span found, struct span text)
{
    must(!found.len || (found.p >= text.p && found.p + found.len <= text.p + text.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_from((const char *)data, size);
    struct retry_statuses none = {{0}};
    struct retry_head h = {.status = 400, .length = size, .is_s3 = true};
    struct retry_error e;
    check_inside(error_code_in_body(body), body);
    check_inside(error_region_in_body(body), body);
    check_inside(error_code_bare(body), body);
    retry_classify(&h, &none, body, true, &e);
    must(e.kind != RETRY_REGION || retry_is_region(e.region));
    must(e.kind == RETRY_FINAL || e.code.len);
    struct arena a;
    arena_init(&a);
    must(error_element(body, "CanonicalRequest", &a).len <= body.len);
    struct span message = error_message(body, &a);
    must(message.len <= body.len);
    check_quoted(error_quoted(message, "Code"), message);
    arena_clear(&a);
    return 0;
}

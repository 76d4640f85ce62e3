// SPDX-License-Identifier: Apache-2.0
// What is asked of the presign endpoint: any octets as JSON or as a query. What is granted must be
// one line, on a host that is signed for, and inside the rule.
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "presign/allow.h"
#include "presign/asks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config *config_of(void)
{
    static const char conf[] = "[presign]\npresign_allow = GET|PUT s3://bucket/open/*\n";
    static struct config *c;
    struct config_input in = {.file_name = "fuzz", .file = span_from(conf, sizeof(conf) - 1)};
    struct err e;
    if (!c) {
        digest_setup();
        if (config_parse(&in, &c, &e) != ST_OK)
            abort();
    }
    return c;
}

static void sign(const struct presign_plan *p, struct arena *a)
{
    static char key[] = "AKIDEXAMPLE12345";
    static char secret[] = "a-secret-that-is-not-one";
    const struct creds creds = {
        .access_key = key, .secret_key = secret, .expires_at_ms = INT64_MAX};
    const struct presign_signer s = {
        .creds = &creds, .wall_ms = 1369353600000, .max_expires_s = 3600};
    struct presign_url url;
    struct err e;
    if (presign_sign(p, &s, a, &url, &e) != ST_OK)
        return;
    if (!span_starts(p->key, SPAN("open/")) || !span_is(p->bucket, "bucket") ||
        !span_starts(url.url, SPAN("https://")) || url.expires_s < 1 || url.expires_s > 3600)
        abort();
    for (size_t i = 0; i < url.url.len; i++)
        if (url.url.p[i] <= ' ' || url.url.p[i] > '~')
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config *config = config_of();
    struct presign_input in = {.config = config, .default_region = SPAN("us-east-1")};
    struct presign_refusal why = {.message = NULL};
    struct presign_asks asks;
    struct presign_plan p;
    struct arena a;
    if (size < 1 || size > 16384)
        return 0;
    struct span text = span_from((const char *)data + 1, size - 1);
    arena_init(&a);
    bool is_good = data[0] & 1 ? presign_asks_of_query(text, &a, &asks, &why)
                               : presign_asks_of_json(text, &a, &asks, &why);
    for (unsigned i = 0; is_good && i < asks.n; i++)
        if (presign_make_plan(&asks.v[i], &in, &a, &p, &why) &&
            presign_is_allowed(&p, &config->presign_allow, true))
            sign(&p, &a);
    arena_clear(&a);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Nanoseconds of processor time per signature: a GET with six header fields and a session token,
// key warm, arena reset between two requests as on a kept connection. A figure to look at; nothing
// is asserted.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sign/sign.h"

#include "base/digest.h"

#define ROUNDS 200000

static const struct sign_field fields[] = {
    {SPAN("Content-Type"), SPAN("application/x-amz-json-1.0")},
    {SPAN("X-Amz-Target"), SPAN("DynamoDB_20120810.GetItem")},
    {SPAN("User-Agent"), SPAN("legacy-tool/4.2 (linux; x86_64)")},
    {SPAN("Accept"), SPAN("*/*")},
    {SPAN("x-amz-meta-owner"), SPAN("accounting department")},
    {SPAN("Content-Length"), SPAN("42")},
};

static double run(const struct sign_request *r, const struct sign_identity *id, unsigned rounds)
{
    struct sign_key_cache *cache = sign_key_cache_new(64);
    struct arena a;
    struct err e;
    clock_t begin = 0;
    arena_init(&a);
    for (unsigned i = 0; i <= rounds; i++) {
        struct sign_target target;
        struct sign_request request = *r;
        struct sign_result result;
        if (i == 1)
            begin = clock(); // the first one derived the key
        sign_target_make(SPAN("/my-bucket/some%20folder/object.json"),
                         SPAN("list-type=2&prefix=a%2Fb&delimiter=%2F"), false, &a, &target);
        request.target = &target;
        if (sign_header(&request, id, cache, &a, &result, &e) != ST_OK) {
            (void)fprintf(stderr, "%s\n", e.text);
            exit(1);
        }
        arena_reset(&a);
    }
    clock_t took = clock() - begin;
    arena_clear(&a);
    sign_key_cache_free(cache);
    return (double)took * 1e9 / CLOCKS_PER_SEC / rounds;
}

int main(void)
{
    char token[700];
    memset(token, 'T', sizeof(token));
    digest_setup();
    struct sign_identity id = {.access_key = SPAN("AKIDEXAMPLE"),
                               .secret_key = SPAN("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                               .session_token = span_from(token, sizeof(token)),
                               .generation = 1};
    struct sign_request r = {.method = SPAN("POST"),
                             .host = SPAN("dynamodb.eu-west-1.amazonaws.com"),
                             .fields = fields,
                             .n_fields = sizeof(fields) / sizeof(fields[0]),
                             .payload_hash = SPAN(DIGEST_EMPTY_HEX),
                             .scope = {.region = SPAN("eu-west-1"), .service = SPAN("dynamodb")},
                             .wall_s = 1766000000};
    printf("sigv4 header, session token  %8.0f ns\n", run(&r, &id, ROUNDS));
    id.session_token = SPAN("");
    printf("sigv4 header, no token       %8.0f ns\n", run(&r, &id, ROUNDS));
    r.is_sigv4a = true;
    printf("sigv4a header, no token      %8.0f ns\n", run(&r, &id, ROUNDS / 20));
    digest_thread_end();
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Nanoseconds of processor time per signature: a GET with six header fields and a session token,
// key warm, arena reset between two requests as on a kept connection; and how often memory was
// allocated for one, by us and by OpenSSL. Beside SigV4A stands a bare ECDSA signature of OpenSSL's
// in the same run. Figures to look at; nothing is asserted.
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
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

static unsigned long n_own;     // by this project's code, which the linker sends through here
static unsigned long n_openssl; // by the library

void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t len);

void *__wrap_malloc(size_t len)
{
    n_own++;
    return __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
    n_own++;
    return __real_calloc(n, len);
}

void *__wrap_realloc(void *p, size_t len)
{
    n_own++;
    return __real_realloc(p, len);
}

static void *openssl_malloc(size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    n_openssl++;
    return __real_malloc(len);
}

static void *openssl_realloc(void *p, size_t len, const char *file, int line)
{
    (void)file;
    (void)line;
    n_openssl++;
    return __real_realloc(p, len);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file;
    (void)line;
    free(p);
}

static double run(const char *what, const struct sign_request *r, const struct sign_identity *id,
                  unsigned rounds)
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
        if (i == 1) { // the first one derived the key
            begin = clock();
            n_own = n_openssl = 0;
        }
        sign_target_make(SPAN("/my-bucket/some%20folder/object.json"),
                         SPAN("list-type=2&prefix=a%2Fb&delimiter=%2F"), false, &a, &target);
        request.target = &target;
        if (sign_header(&request, id, cache, &a, &result, &e) != ST_OK) {
            (void)fprintf(stderr, "%s\n", e.text);
            exit(1);
        }
        arena_reset(&a);
    }
    double ns = (double)(clock() - begin) * 1e9 / CLOCKS_PER_SEC / rounds;
    printf("%-28s %8.0f ns, %.2f allocations of ours, %.2f of OpenSSL\n", what, ns,
           (double)n_own / rounds, (double)n_openssl / rounds);
    arena_clear(&a);
    sign_key_cache_free(cache);
    return ns;
}

// One signature over a digest that is there, contexts kept: what `openssl speed ecdsap256` does.
static double run_ecdsa(unsigned rounds)
{
    unsigned char digest[32] = {1};
    unsigned char signature[80];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (!ctx || EVP_PKEY_sign_init(ctx) != 1)
        exit(1);
    clock_t begin = clock();
    for (unsigned i = 0; i < rounds; i++) {
        size_t len = sizeof(signature);
        if (EVP_PKEY_sign(ctx, signature, &len, digest, sizeof(digest)) != 1)
            exit(1);
    }
    double ns = (double)(clock() - begin) * 1e9 / CLOCKS_PER_SEC / rounds;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ns;
}

int main(void)
{
    char token[700];
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
        return 1;
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
    (void)run("sigv4 header, session token", &r, &id, ROUNDS);
    id.session_token = SPAN("");
    (void)run("sigv4 header, no token", &r, &id, ROUNDS);
    r.is_sigv4a = true;
    double sigv4a = run("sigv4a header, no token", &r, &id, ROUNDS / 20);
    double ecdsa = run_ecdsa(ROUNDS / 20);
    printf("%-28s %8.0f ns; sigv4a takes %.2f times that\n", "bare ECDSA P-256", ecdsa,
           sigv4a / ecdsa);
    digest_thread_end();
    return 0;
}

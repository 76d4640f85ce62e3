// SPDX-License-Identifier: Apache-2.0
// `presign [METHOD] URL`: the URL that the endpoint would give, for whoever holds the credentials.
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "command/command.h"
#include "command/once.h"
#include "presign/presign.h"

static int fail(const char *what)
{
    return command_fail("presign", "%s", what);
}

static bool read_headers(const struct command_input *in, struct arena *a, struct presign_ask *ask)
{
    const char *field;
    for (unsigned i = 0; (field = command_flag(in, "--header", i)) != NULL; i++) {
        struct span all = span_of(field);
        size_t colon = span_find(all, ':');
        if (colon == all.len)
            return false;
        hdrs_add(&ask->headers, a, span_sub(all, 0, colon),
                 span_trim(span_sub(all, colon + 1, all.len)));
    }
    return true;
}

// s3://BUCKET/KEY, as the AWS CLI writes it: the key as it is, nothing escaped.
static void read_url(struct span url, struct presign_ask *ask)
{
    const struct span scheme = SPAN("s3://");
    if (!span_istarts(url, scheme)) {
        ask->url = url;
        return;
    }
    url = span_sub(url, scheme.len, url.len);
    size_t slash = span_find(url, '/');
    ask->bucket = span_sub(url, 0, slash);
    ask->key = span_sub(url, slash + 1, url.len);
}

static const char *read_ask(const struct command_input *in, struct arena *a,
                            struct presign_ask *ask)
{
    const char *expires = command_flag(in, "--expires-in", 0);
    uint64_t s = 0;
    *ask = (struct presign_ask){.service = span_of(command_flag(in, "--service", 0))};
    hdrs_init(&ask->headers);
    if (!in->n_words)
        return "which URL? sigv4-proxy presign [METHOD] URL";
    read_url(span_of(in->words[in->n_words - 1]), ask);
    if (in->n_words == 2)
        ask->method = span_of(in->words[0]);
    if (expires && (!span_u64(span_of(expires), &s) || s > INT64_MAX))
        return "--expires-in: not a number of seconds";
    ask->has_expires = expires != NULL;
    ask->expires_s = (int64_t)s;
    return read_headers(in, a, ask) ? NULL : "--header: a field is written \"Name: value\"";
}

static int print(const struct presign_url *url)
{
    if (url->cut != PRESIGN_NOT_CUT)
        (void)fprintf(
            stderr, "sigv4-proxy: presign: the credentials expire: the URL holds for %lld s only\n",
            (long long)url->expires_s);
    bool is_written = printf("%.*s\n", SPAN_ARG(url->url)) > 0 && fflush(stdout) == 0;
    return is_written ? 0 : 1;
}

static int sign(const struct command_input *in, const struct presign_plan *plan, struct arena *a)
{
    struct err e = {""};
    struct presign_url url;
    struct once *o = once_open(in, NULL, NULL, &e);
    if (!o)
        return fail(e.text);
    struct fact *f = once_credentials(o, plan->creds_key);
    struct presign_signer signer = {.creds = f->value, .wall_ms = clock_wall_ms()};
    int rc;
    if (f->status != ST_OK)
        rc = fail(f->err.text);
    else if (presign_sign(plan, &signer, a, &url, &e) != ST_OK)
        rc = fail(e.text);
    else
        rc = print(&url);
    fact_release(f);
    once_close(o);
    return rc;
}

int command_presign(const struct command_input *in)
{
    struct arena a;
    struct presign_ask ask;
    struct presign_plan plan;
    struct presign_refusal why;
    char *region = once_region(in, NULL);
    struct presign_input pin = {.config = in->config, .default_region = span_of(region)};
    arena_init(&a);
    const char *wrong = read_ask(in, &a, &ask);
    int rc;
    if (wrong)
        rc = fail(wrong);
    else if (!presign_make_plan(&ask, &pin, &a, &plan, &why))
        rc = fail(why.message);
    else
        rc = sign(in, &plan, &a);
    arena_wipe(&a);
    free(region);
    return rc;
}

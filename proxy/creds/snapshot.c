// SPDX-License-Identifier: Apache-2.0
// A triple is checked once, when it is made: a stray newline or blank would otherwise fail every
// signature, or worse, end up in a header.
#include <stdlib.h>
#include <string.h>

#include "creds/creds_int.h"

#include "base/secret.h"
#include "base/xalloc.h"

#define AKID_MAX   128
#define SECRET_MAX 256
#define TOKEN_MAX  8192

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span s)
{
    while (s.len && is_blank(s.p[0]))
        s = span_sub(s, 1, s.len);
    while (s.len && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

static bool is_clean(struct span s, size_t max)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return s.len <= max;
}

enum status creds_make(const struct creds_raw *raw, struct creds **out, struct err *e)
{
    struct span id = trim(raw->access_key);
    struct span secret = trim(raw->secret_key);
    struct span token = trim(raw->session_token);
    if (!id.len || !secret.len)
        return err_set(e, ST_INVALID, "%s: the access key id or the secret key is empty",
                       raw->source);
    if (!is_clean(id, AKID_MAX) || !is_clean(secret, SECRET_MAX) || !is_clean(token, TOKEN_MAX))
        return err_set(e, ST_INVALID,
                       "%s: the access key id, secret key or session token holds a blank, a line "
                       "break or another octet that no key has, or is too long",
                       raw->source);
    struct creds *c = xcalloc(1, sizeof(*c));
    c->access_key = xstrndup(id.p, id.len);
    c->secret_key = xstrndup(secret.p, secret.len);
    c->session_token = token.len ? xstrndup(token.p, token.len) : NULL;
    c->expires_at_ms = raw->expires_at_ms;
    c->provider = raw->provider;
    c->source = xstrdup(raw->source);
    *out = c;
    return ST_OK;
}

void creds_free(void *creds)
{
    struct creds *c = creds;
    if (!c)
        return;
    secret_free_str(c->access_key);
    secret_free_str(c->secret_key);
    secret_free_str(c->session_token);
    free(c->source);
    free(c);
}

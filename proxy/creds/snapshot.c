// SPDX-License-Identifier: Apache-2.0
// Judging credentials before anything is signed with them: a line feed at the end of a key, pasted
// into a secret store, would otherwise fail each request with SignatureDoesNotMatch.
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "creds/creds_int.h"

#define ACCESS_KEY_MAX    128
#define SECRET_KEY_MAX    256
#define SESSION_TOKEN_MAX 8192

static struct span trim(struct span s)
{
    while (s.len && strchr(" \t\r\n", s.p[0]) && s.p[0])
        s = span_sub(s, 1, s.len);
    while (s.len && strchr(" \t\r\n", s.p[s.len - 1]) && s.p[s.len - 1])
        s.len--;
    return s;
}

static enum status judge(struct span s, const char *what, size_t most, struct err *e)
{
    if (!s.len)
        return err_set(e, ST_INVALID, "the %s is empty", what);
    if (s.len > most)
        return err_set(e, ST_INVALID, "the %s is longer than %zu bytes", what, most);
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] == '\n' || s.p[i] == '\r')
            return err_set(e, ST_INVALID,
                           "the %s has a line break in it (is the next line indented?)", what);
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return err_set(e, ST_INVALID, "the %s has a character that no key has, at position %zu",
                           what, i + 1);
    }
    return ST_OK;
}

static char *copy(struct span s)
{
    return s.len ? xstrndup(s.p, s.len) : NULL;
}

enum status creds_make(const struct creds_parts *p, struct creds **out, struct err *e)
{
    struct span id = trim(p->access_key);
    struct span secret = trim(p->secret_key);
    struct span token = trim(p->session_token);
    enum status st = judge(id, "access key id", ACCESS_KEY_MAX, e);
    if (st == ST_OK)
        st = judge(secret, "secret access key", SECRET_KEY_MAX, e);
    if (st == ST_OK && (token.len || p->is_temporary))
        st = judge(token, "session token", SESSION_TOKEN_MAX, e);
    if (st != ST_OK)
        return st;
    struct creds *c = xcalloc(1, sizeof(*c));
    c->access_key = copy(id);
    c->secret_key = copy(secret);
    c->session_token = copy(token);
    c->account_id = copy(p->account_id);
    c->expires_at_ms = p->expires_at_ms;
    c->provider = xstrdup(p->provider);
    c->source = xstrdup(p->source);
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
    free(c->account_id);
    free(c->provider);
    free(c->source);
    free(c);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool creds_is_usable(const struct creds *c, int64_t wall_ms)
{
    return c->outlives_expiry || c->expires_at_ms > wall_ms;
}

bool creds_same(const void *a, const void *b)
{
    const struct creds *x = a;
    const struct creds *y = b;
    return same_text(x->access_key, y->access_key) && same_text(x->secret_key, y->secret_key) &&
           same_text(x->session_token, y->session_token) && x->expires_at_ms == y->expires_at_ms &&
           same_text(x->source, y->source);
}

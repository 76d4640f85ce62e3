// SPDX-License-Identifier: Apache-2.0
#include "creds/sso_token_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "creds/json_answer_int.h"

#define TIME_MAX   64
#define LIFE_MAX_S ((json_int_t)366 * 86400)
#define TOKEN_MAX  ((size_t)16384)

// Old versions of the CLI wrote "UTC" for "Z".
static bool read_time(const char *text, int64_t *wall_ms)
{
    char copy[TIME_MAX];
    size_t len = text ? strlen(text) : 0;
    if (!len || len >= sizeof(copy))
        return false;
    memcpy(copy, text, len + 1);
    if (len > 3 && !strcmp(copy + len - 3, "UTC"))
        memcpy(copy + len - 3, "Z", 2);
    return clock_parse_iso(copy, wall_ms) == ST_OK;
}

// It becomes a header's value.
static bool is_token(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return len && len <= TOKEN_MAX;
}

static const char *text_in(const json_t *o, const char *name)
{
    const char *text = json_answer_text(o, name);
    return text && *text ? text : NULL;
}

static void look(struct sso_token *t)
{
    t->access_token = text_in(t->document, "accessToken");
    t->refresh_token = text_in(t->document, "refreshToken");
    t->client_id = text_in(t->document, "clientId");
    t->client_secret = text_in(t->document, "clientSecret");
    if (!read_time(text_in(t->document, "registrationExpiresAt"), &t->registered_until_ms))
        t->registered_until_ms = 0;
}

enum status sso_token_read(struct span text, struct sso_token *t, struct err *e)
{
    *t = (struct sso_token){.document = json_answer_parse(text, e)};
    if (!t->document)
        return ST_INVALID;
    const char *until = json_answer_text(t->document, "expiresAt");
    enum status st = ST_OK;
    look(t);
    if (!t->access_token)
        st = err_set(e, ST_INVALID, "accessToken is missing");
    else if (!is_token(t->access_token))
        st = err_set(e, ST_INVALID, "accessToken has a character that no token has");
    else if (!read_time(until, &t->expires_at_ms))
        st = err_set(e, ST_INVALID, "expiresAt is %s",
                     until ? "not a time as 2026-11-24T03:04:05Z" : "missing");
    if (st != ST_OK)
        sso_token_clear(t);
    return st;
}

void sso_token_clear(struct sso_token *t)
{
    json_decref(t->document);
    *t = (struct sso_token){.document = NULL};
}

const char *sso_token_lacks(const struct sso_token *t)
{
    if (!t->refresh_token)
        return "refreshToken";
    if (!t->client_id)
        return "clientId";
    if (!t->client_secret)
        return "clientSecret";
    return t->registered_until_ms ? NULL : "registrationExpiresAt";
}

static int add_to_buf(const char *text, size_t len, void *arg)
{
    buf_add(arg, text, len);
    return 0;
}

void sso_token_ask(const struct sso_token *t, struct buf *out)
{
    json_t *o = json_object();
    (void)json_object_set_new(o, "grantType", json_string("refresh_token"));
    (void)json_object_set_new(o, "clientId", json_string(t->client_id));
    (void)json_object_set_new(o, "clientSecret", json_string(t->client_secret));
    (void)json_object_set_new(o, "refreshToken", json_string(t->refresh_token));
    (void)json_dump_callback(o, add_to_buf, out, JSON_COMPACT); // fails where memory does only
    json_decref(o);
}

static void put(struct sso_token *t, const json_t *answer, int64_t expires_at_ms)
{
    char until[25];
    clock_format_iso(expires_at_ms, until);
    memcpy(until + 19, "Z", 2); // whole seconds, as other tools write it
    (void)json_object_set(t->document, "accessToken", json_object_get(answer, "accessToken"));
    (void)json_object_set_new(t->document, "expiresAt", json_string(until));
    if (text_in(answer, "refreshToken")) // else the old one goes on
        (void)json_object_set(t->document, "refreshToken", json_object_get(answer, "refreshToken"));
    t->expires_at_ms = expires_at_ms / 1000 * 1000;
    look(t);
}

enum status sso_token_renew(struct sso_token *t, struct span answer, int64_t wall_ms, struct err *e)
{
    json_t *o = json_answer_parse(answer, e);
    if (!o)
        return ST_INVALID;
    json_int_t life_s = json_integer_value(json_object_get(o, "expiresIn"));
    enum status st = ST_OK;
    if (!is_token(json_answer_text(o, "accessToken")))
        st = err_set(e, ST_INVALID, "accessToken is missing in the answer");
    else if (life_s < 1 || life_s > LIFE_MAX_S)
        st = err_set(e, ST_INVALID, "expiresIn is no number of seconds in the answer");
    else
        put(t, o, wall_ms + life_s * 1000);
    json_decref(o);
    return st;
}

void sso_token_write(const struct sso_token *t, struct buf *out)
{
    (void)json_dump_callback(t->document, add_to_buf, out, JSON_COMPACT);
}

enum status sso_role_creds(struct span answer, const struct creds_parts *p, struct creds **out,
                           struct err *e)
{
    static const char *const names[] = {"accessKeyId", "secretAccessKey", "sessionToken"};
    json_t *o = json_answer_parse(answer, e);
    if (!o)
        return ST_INVALID;
    const json_t *role = json_object_get(o, "roleCredentials");
    const json_t *until = json_object_get(role, "expiration");
    struct creds_parts parts = *p;
    enum status st = ST_OK;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && st == ST_OK; i++)
        if (!text_in(role, names[i]))
            st = err_set(e, ST_INVALID, "roleCredentials.%s is missing in the answer", names[i]);
    if (st == ST_OK && (!json_is_integer(until) || json_integer_value(until) <= 0))
        st = err_set(e, ST_INVALID, "roleCredentials.expiration is no time in the answer");
    parts.access_key = span_of(text_in(role, names[0]));
    parts.secret_key = span_of(text_in(role, names[1]));
    parts.session_token = span_of(text_in(role, names[2]));
    parts.is_temporary = true;
    parts.expires_at_ms = json_integer_value(until); // since the epoch, milliseconds
    if (st == ST_OK)
        st = creds_make(&parts, out, e);
    json_decref(o);
    return st;
}

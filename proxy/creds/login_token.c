// SPDX-License-Identifier: Apache-2.0
#include "creds/login_token_int.h"

#include <string.h>

#include "base/clock.h"
#include "creds/json_answer_int.h"

#define LIFE_MAX_S ((json_int_t)12 * 3600)

static const char *text_in(const json_t *document, const char *name)
{
    return json_answer_text(json_object_get(document, "accessToken"), name);
}

static void look(struct login_token *t)
{
    t->client_id = json_answer_text(t->document, "clientId");
    t->refresh_token = json_answer_text(t->document, "refreshToken");
    t->key = json_answer_text(t->document, "dpopKey");
    t->region = json_answer_text(t->document, "signInRegion");
    if (t->region && !*t->region)
        t->region = NULL;
}

static const char *missing_in(const json_t *document)
{
    static const char *const names[] = {"accessKeyId", "secretAccessKey", "sessionToken"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *text = text_in(document, names[i]);
        if (!text || !*text)
            return names[i];
    }
    return NULL;
}

enum status login_token_read(struct span text, struct login_token *t, struct err *e)
{
    *t = (struct login_token){.document = json_answer_parse(text, e)};
    if (!t->document)
        return ST_INVALID;
    const char *missing = missing_in(t->document);
    const char *until = text_in(t->document, "expiresAt");
    enum status st = ST_OK;
    if (missing)
        st = err_set(e, ST_INVALID, "accessToken.%s is missing", missing);
    else if (!until || clock_parse_iso(until, &t->expires_at_ms) != ST_OK)
        st = err_set(e, ST_INVALID, "accessToken.expiresAt is %s",
                     until ? "not a time as 2026-11-24T03:04:05Z" : "missing");
    look(t);
    if (st != ST_OK)
        login_token_clear(t);
    return st;
}

void login_token_clear(struct login_token *t)
{
    json_decref(t->document);
    *t = (struct login_token){.document = NULL};
}

const char *login_token_lacks(const struct login_token *t)
{
    if (!t->refresh_token || !*t->refresh_token)
        return "refreshToken";
    if (!t->client_id || !*t->client_id)
        return "clientId";
    return t->key && *t->key ? NULL : "dpopKey";
}

enum status login_token_creds(const struct login_token *t, const struct creds_parts *p,
                              struct creds **out, struct err *e)
{
    struct creds_parts parts = {
        .access_key = span_of(text_in(t->document, "accessKeyId")),
        .secret_key = span_of(text_in(t->document, "secretAccessKey")),
        .session_token = span_of(text_in(t->document, "sessionToken")),
        .is_temporary = true,
        .account_id = span_of(text_in(t->document, "accountId")),
        .expires_at_ms = t->expires_at_ms,
        .provider = p->provider,
        .source = p->source,
    };
    return creds_make(&parts, out, e);
}

static int add_to_buf(const char *text, size_t len, void *arg)
{
    buf_add(arg, text, len);
    return 0;
}

static void dump(const json_t *o, size_t flags, struct buf *out)
{
    (void)json_dump_callback(o, add_to_buf, out, flags); // fails where memory does only
}

void login_token_ask(const struct login_token *t, struct buf *out)
{
    json_t *o = json_object();
    (void)json_object_set_new(o, "clientId", json_string(t->client_id));
    (void)json_object_set_new(o, "grantType", json_string("refresh_token"));
    (void)json_object_set_new(o, "refreshToken", json_string(t->refresh_token));
    dump(o, JSON_COMPACT, out);
    json_decref(o);
}

static void put(struct login_token *t, const json_t *answer, int64_t expires_at_ms)
{
    static const char *const names[] = {"accessKeyId", "secretAccessKey", "sessionToken"};
    json_t *token = json_object_get(t->document, "accessToken");
    const json_t *given = json_object_get(answer, "accessToken");
    char until[25];
    clock_format_iso(expires_at_ms, until);
    memcpy(until + 19, "Z", 2); // whole seconds, as other tools write it
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)json_object_set(token, names[i], json_object_get(given, names[i]));
    (void)json_object_set_new(token, "expiresAt", json_string(until));
    (void)json_object_set(t->document, "refreshToken", json_object_get(answer, "refreshToken"));
    t->expires_at_ms = expires_at_ms / 1000 * 1000;
    look(t);
}

enum status login_token_renew(struct login_token *t, struct span answer, int64_t wall_ms,
                              struct err *e)
{
    json_t *o = json_answer_parse(answer, e);
    if (!o)
        return ST_INVALID;
    const char *missing = missing_in(o);
    const char *refresh = json_answer_text(o, "refreshToken");
    json_int_t life_s = json_integer_value(json_object_get(o, "expiresIn"));
    enum status st = ST_OK;
    if (missing)
        st = err_set(e, ST_INVALID, "accessToken.%s is missing in the answer", missing);
    else if (!refresh || !*refresh)
        st = err_set(e, ST_INVALID, "refreshToken is missing in the answer");
    else if (life_s < 1 || life_s > LIFE_MAX_S)
        st = err_set(e, ST_INVALID, "expiresIn is no number of seconds in the answer");
    else
        put(t, o, wall_ms + life_s * 1000);
    json_decref(o);
    return st;
}

void login_token_write(const struct login_token *t, struct buf *out)
{
    dump(t->document, JSON_COMPACT, out);
}

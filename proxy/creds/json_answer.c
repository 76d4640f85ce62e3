// SPDX-License-Identifier: Apache-2.0
#include "creds/json_answer_int.h"

#include "base/clock.h"
#include "base/wiped.h"
#include "creds/creds.h"

void json_answer_setup(void)
{
    json_set_alloc_funcs(wiped_malloc, wiped_free);
}

// jansson's own texts quote what is near the mistake, which may be a secret.
json_t *json_answer_parse(struct span text, struct err *e)
{
    json_error_t where;
    json_t *o = json_loadb(text.p ? text.p : "", text.len, JSON_REJECT_DUPLICATES, &where);
    if (!o)
        (void)err_set(e, ST_INVALID, "the answer is not JSON (line %d, column %d)", where.line,
                      where.column);
    if (!o || json_is_object(o))
        return o;
    json_decref(o);
    (void)err_set(e, ST_INVALID, "the answer is not a JSON object");
    return NULL;
}

const char *json_answer_text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static enum status read_expiry(const json_t *o, bool is_wanted, int64_t *at_ms, struct err *e)
{
    const json_t *value = json_object_get(o, "Expiration");
    *at_ms = INT64_MAX;
    if ((!value || json_is_null(value)) && !is_wanted)
        return ST_OK;
    if (!json_is_string(value) || clock_parse_iso(json_string_value(value), at_ms) != ST_OK)
        return err_set(e, ST_INVALID, "Expiration is %s in the answer",
                       value ? "not a time as 2026-11-24T03:04:05Z" : "missing");
    return ST_OK;
}

enum status json_answer_creds(const json_t *o, const struct json_answer_form *f, struct creds **out,
                              struct err *e)
{
    struct creds_parts p = {.access_key = span_of(json_answer_text(o, "AccessKeyId")),
                            .secret_key = span_of(json_answer_text(o, "SecretAccessKey")),
                            .session_token = span_of(json_answer_text(o, f->token)),
                            .is_temporary = f->wants_token,
                            .account_id = span_of(json_answer_text(o, "AccountId")),
                            .provider = f->provider,
                            .source = f->source};
    const json_t *token = json_object_get(o, f->token);
    const char *missing = NULL;
    if (token && !json_is_string(token) && !json_is_null(token))
        return err_set(e, ST_INVALID, "%s is no string in the answer", f->token);
    if (f->wants_token && !p.session_token.len)
        missing = f->token;
    if (!p.secret_key.len)
        missing = "SecretAccessKey";
    if (!p.access_key.len)
        missing = "AccessKeyId";
    if (missing)
        return err_set(e, ST_INVALID, "%s is missing in the answer", missing);
    enum status st = read_expiry(o, f->wants_expiry, &p.expires_at_ms, e);
    return st == ST_OK ? creds_make(&p, out, e) : st;
}

const char *creds_json_version(void)
{
    return jansson_version_str();
}

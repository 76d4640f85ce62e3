// SPDX-License-Identifier: Apache-2.0
#include "creds/process_answer_int.h"

#include "creds/json_answer_int.h"

static enum status judge_version(const json_t *o, struct err *e)
{
    const json_t *version = json_object_get(o, "Version");
    if (!version)
        return err_set(e, ST_INVALID, "Version is missing in the answer");
    if (!json_is_number(version) || json_number_value(version) != 1.0)
        return err_set(e, ST_INVALID, "Version is not the number 1 in the answer");
    return ST_OK;
}

enum status process_answer_creds(struct span text, const char *source, struct creds **out,
                                 struct err *e)
{
    struct json_answer_form form = {
        .token = "SessionToken", .provider = "credential_process", .source = source};
    json_t *o = json_answer_parse(text, e);
    if (!o)
        return ST_INVALID;
    enum status st = judge_version(o, e);
    if (st == ST_OK)
        st = json_answer_creds(o, &form, out, e);
    json_decref(o);
    return st;
}

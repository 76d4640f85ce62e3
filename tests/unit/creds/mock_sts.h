// SPDX-License-Identifier: Apache-2.0
// An STS that tells by the key that it hands out who asked for what: "AS-r-via-AK" for role r
// assumed with AK, "WI-r-via-TOKEN" for a web identity. What a role's name begins with makes it
// fail: "deny", "slow" (never answers), "once-CODE" (that error at the first request), "old"
// (expired), "bare" (no token), "html".
#ifndef TESTS_UNIT_CREDS_MOCK_STS_H
#define TESTS_UNIT_CREDS_MOCK_STS_H

#include "chain_fixture.h"

#include "base/clock.h"
#include "creds/sts_int.h"

// Value of a form's field, still escaped; static.
static inline const char *form_value(const char *request, const char *name)
{
    static char values[4][4096];
    static unsigned turn;
    char *out = values[turn++ % 4];
    char key[64];
    const char *body = strstr(request, "\r\n\r\n");
    out[0] = '\0';
    (void)snprintf(key, sizeof(key), "&%s=", name);
    const char *at = body ? strstr(body, key) : NULL;
    if (!at)
        return out;
    at += strlen(key);
    (void)snprintf(out, sizeof(values[0]), "%.*s", (int)strcspn(at, "&"), at);
    return out;
}

static inline const char *action_of(const char *request)
{
    static char action[64];
    const char *at = strstr(request, "\r\n\r\nAction=");
    assert_non_null(at);
    at += 11;
    (void)snprintf(action, sizeof(action), "%.*s", (int)strcspn(at, "&"), at);
    return action;
}

// The access key that signed; "" for none.
static inline const char *signer_of(const char *request)
{
    static char key[200];
    const char *at = strstr(request, "Credential=");
    key[0] = '\0';
    if (at)
        (void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(at + 11, "/"), at + 11);
    return key;
}

static inline void sts_error(struct mock_conn *c, int status, const char *code, const char *fields)
{
    char body[512];
    (void)snprintf(body, sizeof(body),
                   "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>"
                   "<Type>Sender</Type><Code>%s</Code><Message>because of &lt;mock&gt;</Message>"
                   "</Error><RequestId>r-1</RequestId></ErrorResponse>",
                   code);
    mock_say_status(c, status, fields, body);
}

static inline void sts_credentials(struct mock_conn *c, const char *action, const char *id,
                                   const char *token, int64_t lifetime_ms)
{
    struct buf b;
    char at[25];
    buf_init(&b);
    clock_format_iso(clock_wall_ms() + lifetime_ms, at);
    buf_addf(&b,
             "<%sResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><%sResult>"
             "<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>S-%s</SecretAccessKey>"
             "%s%s%s<Expiration>%s</Expiration></Credentials>"
             "<AssumedRoleUser><Arn>arn:aws:sts::222233334444:assumed-role/R/s</Arn>"
             "<AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser></%sResult></%sResponse>",
             action, action, id, id, token ? "<SessionToken>" : "", token ? token : "",
             token ? "</SessionToken>" : "", at, action, action);
    mock_say_status(c, 200, "", buf_cstr(&b));
    buf_clear(&b);
}

static inline void serve_sts(struct mock *m, struct mock_conn *c, const char *request)
{
    const char *role = form_value(request, "RoleArn");
    const char *slash = strstr(role, "role%2F");
    bool is_web = !strcmp(action_of(request), "AssumeRoleWithWebIdentity");
    char id[200];
    char code[64];
    assert_non_null(slash);
    role = slash + 7;
    (void)snprintf(id, sizeof(id), "%s-%s-via-%s", is_web ? "WI" : "AS", role,
                   is_web ? form_value(request, "WebIdentityToken") : signer_of(request));
    (void)snprintf(code, sizeof(code), "%s", role);
    if (!strncmp(role, "deny", 4))
        sts_error(c, 403, "AccessDenied", "");
    else if (!strncmp(role, "once-", 5) && m->n_requests == 1)
        sts_error(c, 400, code + 5, "");
    else if (!strncmp(role, "always-", 7))
        sts_error(c, 400, code + 7, "");
    else if (!strncmp(role, "down", 4))
        sts_error(c, 503, "ServiceUnavailable", "");
    else if (!strncmp(role, "html", 4))
        mock_say_status(c, 200, "", "<html><body>Hello<br></body></html>");
    else if (!strncmp(role, "slow", 4))
        c->is_answered = true;
    else
        sts_credentials(c, action_of(request), id, strncmp(role, "bare", 4) ? "T-sts" : NULL,
                        strncmp(role, "old", 3) ? 3600000 : -1000);
}

#endif

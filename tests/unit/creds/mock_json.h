// SPDX-License-Identifier: Apache-2.0
// Answers of endpoints that hand out credentials as JSON.
#ifndef TESTS_UNIT_CREDS_MOCK_JSON_H
#define TESTS_UNIT_CREDS_MOCK_JSON_H

#include "chain_fixture.h"

#include "base/clock.h"

// Static. more is put in front, with a comma at its end; a lifetime of 0: no Expiration.
static inline const char *document(const char *id, int64_t lifetime_ms, const char *more)
{
    static char text[1024];
    char at[25];
    char expiry[64] = "";
    clock_format_iso(clock_wall_ms() + lifetime_ms, at);
    if (lifetime_ms)
        (void)snprintf(expiry, sizeof(expiry), ",\"Expiration\":\"%s\"", at);
    (void)snprintf(text, sizeof(text),
                   "{%s\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"S-%s\",\"Token\":\"T-%s\"%s}",
                   more, id, id, id, expiry);
    return text;
}

// What stands behind name in a request, up to the end of its line; static, empty where there is no
// such field.
static inline const char *field_of(const char *request, const char *name)
{
    static char value[256];
    char key[64];
    (void)snprintf(key, sizeof(key), "\r\n%s: ", name);
    const char *at = strcasestr(request, key);
    value[0] = '\0';
    if (at)
        (void)snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + strlen(key), "\r"),
                       at + strlen(key));
    return value;
}

#define HOUR_MS ((int64_t)3600000)

#endif

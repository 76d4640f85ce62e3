// SPDX-License-Identifier: Apache-2.0
// The metadata service wants a token of its own with each question (v2); one token serves for
// hours.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "creds/imds_int.h"

#define TTL_S          21600
#define TTL_FIELD      "x-aws-ec2-metadata-token-ttl-seconds"
#define TOKEN_FIELD    "x-aws-ec2-metadata-token"
#define RENEW_EARLY_MS ((int64_t)60000)

void imds_forget_token(struct imds_session *s)
{
    secret_wipe(s->token, sizeof(s->token));
}

bool imds_has_token(const struct imds_session *s)
{
    return s->token[0] && clock_mono_ms() < s->until_ms;
}

void imds_use(struct imds_session *s, const char *endpoint)
{
    if (strlen(endpoint) < sizeof(s->endpoint) && !strcmp(s->endpoint, endpoint))
        return;
    imds_forget_token(s);
    s->v1_until_ms = 0;
    (void)snprintf(s->endpoint, sizeof(s->endpoint), "%s", endpoint);
}

static void set_deadlines(const struct imds_settings *i, struct fetch_request *r)
{
    r->connect_timeout_ms = i->timeout_ms;
    r->timeout_ms = i->timeout_ms + i->timeout_ms / 4;
}

void imds_ask_token(const struct imds_settings *i, struct arena *a, struct fetch_request *r)
{
    r->method = "PUT";
    r->url = arena_printf(a, "%s/latest/api/token", i->endpoint);
    r->fields[r->n_fields++] = (struct fetch_field){TTL_FIELD, arena_spanf(a, "%d", TTL_S)};
    set_deadlines(i, r);
}

void imds_ask(const struct imds_settings *i, const struct imds_session *s, const char *path,
              struct arena *a, struct fetch_request *r)
{
    r->method = "GET";
    r->url = arena_printf(a, "%s%s", i->endpoint, path);
    if (imds_has_token(s))
        r->fields[r->n_fields++] = (struct fetch_field){TOKEN_FIELD, span_of(s->token)};
    set_deadlines(i, r);
}

struct span imds_first_line(struct span body)
{
    struct span line = span_trim(span_sub(body, 0, span_find(body, '\n')));
    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    return span_trim(line);
}

static bool is_printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.len > 0;
}

enum call_verdict imds_take_token(struct imds_session *s, const struct fetch_answer *a,
                                  struct err *e)
{
    struct span token = imds_first_line(a->body);
    uint64_t ttl_s = 0;
    if (!is_printable(token) || token.len >= sizeof(s->token)) {
        (void)err_set(e, ST_IO, "it answered with no token");
        return CALL_RETRY;
    }
    if (!span_u64(fetch_answer_field(a, TTL_FIELD), &ttl_s) || ttl_s < 1 || ttl_s > TTL_S)
        ttl_s = TTL_S;
    imds_forget_token(s);
    memcpy(s->token, token.p, token.len);
    int64_t life_ms = (int64_t)ttl_s * 1000;
    int64_t early_ms = life_ms / 4 < RENEW_EARLY_MS ? life_ms / 4 : RENEW_EARLY_MS;
    s->until_ms = clock_mono_ms() + life_ms - early_ms;
    return CALL_OK;
}

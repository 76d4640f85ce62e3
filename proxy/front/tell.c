// SPDX-License-Identifier: Apache-2.0
// Two settings for whoever looks for the reason of a refusal. What they log is cut down to what
// can't be secret: of most fields and of all query parameters the canonical request shows the name
// only, and of an error's text all from where AWS repeats our canonical request (it holds the
// session token) is left out.
#include "front/tell.h"

#include <string.h>

#include "log/log.h"
#include "log/redact.h"

#define FAILURE_MAX 1024

// ---- signing

static void tell_field(const char *id, struct span line)
{
    size_t colon = span_find(line, ':');
    if (colon == line.len || redact_shows_field(span_sub(line, 0, colon)))
        log_info(id, "signing:   %.*s", SPAN_ARG(line));
    else
        log_info(id, "signing:   %.*s:(%zu octets)", (int)colon, line.p, line.len - colon - 1);
}

static void tell_query(const struct request *r, struct span query)
{
    struct buf names;
    struct span pair;
    buf_init(&names);
    while (span_next(&query, '&', &pair)) {
        size_t eq = span_find(pair, '=');
        buf_addf(&names, "%s%.*s%s", names.len ? "&" : "", (int)eq, pair.p,
                 eq + 1 < pair.len ? "=..." : "=");
    }
    log_info(r->id, "signing:   %s", buf_cstr(&names));
    buf_clear(&names);
}

void tell_signing(const struct request *r, const struct sign_result *res)
{
    struct span rest = res->canonical_request;
    struct span line;
    if (!r->config->log_signing_process || !log_is_on(LOG_INFO))
        return;
    log_info(r->id, "signing: canonical request, values that may be secret left out");
    for (unsigned n = 0; span_next(&rest, '\n', &line); n++) {
        if (n == 2)
            tell_query(r, line);
        else
            tell_field(r->id, line);
    }
    rest = res->string_to_sign;
    log_info(r->id, "signing: string to sign");
    while (span_next(&rest, '\n', &line))
        log_info(r->id, "signing:   %.*s", SPAN_ARG(line));
}

// ---- failed requests

void tell_failure_head(struct request *r, const struct msg *m)
{
    r->log.failure = NULL;
    r->log.failure_len = 0;
    if (m->status >= 400 && r->config->log_failed_requests)
        r->log.failure = arena_alloc(&r->arena, FAILURE_MAX);
}

void tell_failure_body(struct request *r, struct span data)
{
    if (!r->log.failure)
        return;
    size_t room = FAILURE_MAX - r->log.failure_len;
    size_t len = data.len < room ? data.len : room;
    memcpy(r->log.failure + r->log.failure_len, data.p, len);
    r->log.failure_len += len;
}

static size_t find_text(struct span s, const char *text)
{
    const char *at = text && *text ? memmem(s.p, s.len, text, strlen(text)) : NULL;
    return at ? (size_t)(at - s.p) : s.len;
}

// The text up to the first thing that must not be logged.
static struct span cut_secrets(const struct request *r, struct span s)
{
    const struct creds *c = r->creds ? r->creds->value : NULL;
    const char *const marks[] = {"anonical",
                                 "StringToSign",
                                 "AWSAccessKeyId",
                                 "X-Amz-",
                                 "x-amz-",
                                 c ? c->access_key : NULL,
                                 c ? c->session_token : NULL,
                                 c ? c->secret_key : NULL};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        s = span_sub(s, 0, find_text(s, marks[i]));
    return s;
}

void tell_failure_end(const struct request *r)
{
    if (!r->log.failure)
        return;
    struct span all = span_from(r->log.failure, r->log.failure_len);
    struct span shown = cut_secrets(r, all);
    log_warn(r->id, "the upstream %.*s answered %d: %.*s%s", SPAN_ARG(r->plan.upstream.host),
             r->log.status, SPAN_ARG(shown),
             shown.len < all.len || all.len == FAILURE_MAX ? " [cut]" : "");
}

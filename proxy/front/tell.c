// SPDX-License-Identifier: Apache-2.0
// Two settings for whoever looks for the reason of a refusal. What they log is cut down to what
// can't be secret: of most fields and of all query parameters the canonical request shows the name
// only, and of an error's text all from where AWS repeats our canonical request (it holds the
// session token) is left out.
#include "front/tell.h"

#include <string.h>

#include "front/diagnose.h"
#include "front/session.h"
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

void tell_signing(struct request *r, const struct sign_result *res)
{
    r->log.signed_texts =
        (struct sign_texts){.canonical_request = res->canonical_request,
                            .string_to_sign = res->string_to_sign}; // until the arena goes

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
    size_t wanted = r->config->log_failed_requests && m->status >= 400 ? FAILURE_MAX : 0;
    size_t to_explain = diagnose_wants(r, m);
    r->log.failure = NULL;
    r->log.failure_len = 0;
    r->log.failure_max = to_explain > wanted ? to_explain : wanted;
    if (m->framing == MSG_LENGTH && m->length < r->log.failure_max)
        r->log.failure_max = (size_t)m->length;
    if (to_explain || wanted)
        r->log.failure = arena_alloc(&r->arena, r->log.failure_max + 1);
    r->log.is_explained = to_explain > 0;
    r->log.server_date = hdrs_get(&m->hdrs, SPAN("Date"));
    r->log.error_type = hdrs_get(&m->hdrs, SPAN("x-amzn-errortype"));
}

void tell_failure_body(struct request *r, struct span data)
{
    if (!r->log.failure)
        return;
    size_t room = r->log.failure_max - r->log.failure_len;
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
    const struct creds *c = session_signer(r);
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

static void show_failure(const struct request *r, struct span body)
{
    struct span all = span_sub(body, 0, FAILURE_MAX);
    struct span shown = cut_secrets(r, all);
    log_warn(r->id, "the upstream %.*s answered %d: %.*s%s", SPAN_ARG(r->plan.upstream.host),
             r->log.status, SPAN_ARG(shown),
             shown.len < all.len || all.len == FAILURE_MAX ? " [cut]" : "");
}

void tell_failure_end(struct request *r)
{
    struct span body = span_from(r->log.failure, r->log.failure_len);
    if (!r->log.failure)
        return;
    if (r->config->log_failed_requests)
        show_failure(r, body);
    if (r->log.is_explained)
        diagnose(r, body);
    r->log.failure = NULL;
}

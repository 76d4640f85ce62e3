// SPDX-License-Identifier: Apache-2.0
// What is known of single operations: whose bodies are not signed, and which ones can't be served
// over HTTP/1.
#include "policy/plan_int.h"

struct operation {
    const char *service; // signing name
    const char *method;
    const char *path; // "*": one segment; "**": the rest
};

// Outside S3, by the trait v4-unsigned-body of their model: uploads of blocks, parts and sound that
// stream.
static const struct operation unsigned_bodies[] = {
    {"ebs", "PUT", "/snapshots/*/blocks/*"},
    {"lex", "POST", "/bot/*/alias/*/user/*/content"},
    {"lex", "POST", "/bots/*/botAliases/*/botLocales/*/sessions/*/utterance"},
    {"mediastore", "PUT", "/**"},
    {"omics", "PUT", "/sequencestore/*/upload/*/part"},
};

// Event streams in both directions at a time.
static const struct operation duplex[] = {
    {"bedrock", "POST", "/model/*/invoke-with-bidirectional-stream"},
    {"lex", "POST", "/bots/*/botAliases/*/botLocales/*/sessions/*/conversation"},
    {"transcribe", "POST", "/stream-transcription"},
    {"transcribe", "POST", "/medical-stream-transcription"},
    {"transcribe", "POST", "/medical-scribe-stream"},
    {"transcribe", "POST", "/call-analytics-stream-transcription"},
};

static bool path_matches(struct span path, const char *pattern)
{
    struct span want = span_of(pattern);
    struct span is;
    struct span must;
    while (span_next(&want, '/', &must)) {
        if (span_is(must, "**"))
            return true;
        if (!span_next(&path, '/', &is))
            return false;
        if (span_is(must, "*") ? is.len == 0 : !span_eq(is, must))
            return false;
    }
    return !path.p;
}

static bool is_any(const struct operation *list, size_t n, const struct plan *p, struct span method)
{
    for (size_t i = 0; i < n; i++) {
        const struct operation *o = &list[i];
        if (span_is(p->service, o->service) && span_is(method, o->method) &&
            path_matches(p->path, o->path))
            return true;
    }
    return false;
}

#define IS_ANY(list, p, method) is_any(list, sizeof(list) / sizeof((list)[0]), p, method)

bool operation_takes_unsigned(const struct plan *p, struct span method)
{
    return IS_ANY(unsigned_bodies, p, method);
}

bool operation_is_duplex(const struct plan *p, struct span method)
{
    return IS_ANY(duplex, p, method);
}

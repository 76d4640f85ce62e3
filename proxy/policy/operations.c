// SPDX-License-Identifier: Apache-2.0
// The few operations outside S3 whose model says that the body is not signed (the trait
// v4-unsigned-body): uploads of blocks, parts and sound that stream.
#include "policy/plan_int.h"

struct operation {
    const char *service; // signing name
    const char *method;
    const char *path; // "*": one segment; "**": the rest
};

static const struct operation unsigned_bodies[] = {
    {"ebs", "PUT", "/snapshots/*/blocks/*"},
    {"lex", "POST", "/bot/*/alias/*/user/*/content"},
    {"lex", "POST", "/bots/*/botAliases/*/botLocales/*/sessions/*/utterance"},
    {"mediastore", "PUT", "/**"},
    {"omics", "PUT", "/sequencestore/*/upload/*/part"},
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

bool operation_takes_unsigned(struct span service, struct span method, struct span path)
{
    for (size_t i = 0; i < sizeof(unsigned_bodies) / sizeof(unsigned_bodies[0]); i++) {
        const struct operation *o = &unsigned_bodies[i];
        if (span_is(service, o->service) && span_is(method, o->method) &&
            path_matches(path, o->path))
            return true;
    }
    return false;
}

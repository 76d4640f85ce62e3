// SPDX-License-Identifier: Apache-2.0
// The kinds that are not served yet. Each says so where it is configured: passing it over would
// sign with another identity than the one asked for.
#include "creds/creds_int.h"

static void *refuse_where_set(const struct creds_query *q, const char *const *variables,
                              provider_done_fn done, void *arg)
{
    struct provider_answer a = {.status = ST_DECLINED, .retry_in_ms = RETRY_BROKEN_MS};
    (void)err_set(&a.err, ST_DECLINED, "%s is not set", variables[0]);
    for (; *variables && a.status == ST_DECLINED; variables++)
        if (envp_get(q->envp, *variables))
            a.status =
                err_set(&a.err, ST_INVALID,
                        "%s is set: this kind of credentials is not supported yet", *variables);
    return provider_answer_later(q->loop, &a, done, arg);
}

static void *start_web_identity(const struct creds_query *q, provider_done_fn done, void *arg)
{
    static const char *const variables[] = {"AWS_WEB_IDENTITY_TOKEN_FILE", NULL};
    return refuse_where_set(q, variables, done, arg);
}

static void *start_container(const struct creds_query *q, provider_done_fn done, void *arg)
{
    static const char *const variables[] = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI", NULL};
    return refuse_where_set(q, variables, done, arg);
}

static void *start_imds(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a = {.status = ST_DECLINED};
    (void)err_set(&a.err, ST_DECLINED, "not supported yet");
    return provider_answer_later(q->loop, &a, done, arg);
}

const struct provider provider_web_identity = {.name = "web identity",
                                               .is_environment = true,
                                               .start = start_web_identity,
                                               .cancel = provider_cancel_answer};
const struct provider provider_container = {
    .name = "container", .start = start_container, .cancel = provider_cancel_answer};
const struct provider provider_imds = {
    .name = "EC2 instance metadata", .start = start_imds, .cancel = provider_cancel_answer};

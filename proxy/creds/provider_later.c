// SPDX-License-Identifier: Apache-2.0
// The kinds that are not served yet. Each says so where it is configured: passing it over would
// sign with another identity than the one asked for.
#include "creds/creds_int.h"

static struct provider_op *start_container(const struct creds_query *q, provider_done_fn done,
                                           void *arg)
{
    static const char *const variables[] = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                            "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    struct provider_answer a = {.status = ST_DECLINED, .retry_in_ms = RETRY_BROKEN_MS};
    (void)err_set(&a.err, ST_DECLINED, "%s is not set", variables[0]);
    for (size_t i = 0; i < 2 && a.status == ST_DECLINED; i++)
        if (envp_get(q->envp, variables[i]))
            a.status =
                err_set(&a.err, ST_INVALID,
                        "%s is set: this kind of credentials is not supported yet", variables[i]);
    return provider_answer_later(q, &a, done, arg);
}

static struct provider_op *start_imds(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_answer a = {.status = ST_DECLINED};
    (void)err_set(&a.err, ST_DECLINED, "not supported yet");
    return provider_answer_later(q, &a, done, arg);
}

const struct provider provider_container = {.name = "container", .start = start_container};
const struct provider provider_imds = {.name = "EC2 instance metadata", .start = start_imds};

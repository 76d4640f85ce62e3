// SPDX-License-Identifier: Apache-2.0
// An operation of a provider from its start to its one answer, which is always told behind the call
// that found it, so that whoever asked may cancel from anywhere.
#include <stdlib.h>

#include "base/xalloc.h"
#include "creds/creds_int.h"

static void release(struct provider_op *op)
{
    if (op->clear)
        op->clear(op);
    free(op);
}

static void tell(void *arg)
{
    struct provider_op *op = arg;
    struct provider_answer answer = op->answer;
    provider_done_fn done = op->done;
    void *done_arg = op->arg;
    release(op);
    done(done_arg, &answer);
    free(answer.detail);
}

void *provider_op_new(size_t len, const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct provider_op *op = xcalloc(1, len);
    op->q = q;
    op->tell.fn = tell;
    op->tell.arg = op;
    op->done = done;
    op->arg = arg;
    return op;
}

void provider_op_finish(struct provider_op *op, const struct provider_answer *a)
{
    op->answer = *a;
    loop_defer(op->q->loop, &op->tell);
}

void provider_op_fail(struct provider_op *op, int64_t retry_in_ms, const struct err *why)
{
    struct provider_answer a = {.status = ST_IO, .retry_in_ms = retry_in_ms, .err = *why};
    if (retry_in_ms == RETRY_BROKEN_MS)
        a.status = ST_INVALID;
    provider_op_finish(op, &a);
}

void provider_cancel(struct provider_op *op)
{
    loop_undefer(op->q->loop, &op->tell);
    creds_free(op->answer.creds);
    free(op->answer.detail);
    release(op);
}

struct provider_op *provider_answer_later(const struct creds_query *q,
                                          const struct provider_answer *a, provider_done_fn done,
                                          void *arg)
{
    struct provider_op *op = provider_op_new(sizeof(*op), q, done, arg);
    provider_op_finish(op, a);
    return op;
}

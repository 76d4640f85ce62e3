// SPDX-License-Identifier: Apache-2.0
// Answers of providers that know at once, told behind the call that asked.
#include <stdlib.h>

#include "base/xalloc.h"
#include "creds/creds_int.h"

struct answer_op {
    struct loop *loop;
    struct deferred deferred;
    struct provider_answer answer;
    provider_done_fn done;
    void *arg;
};

static void tell(void *arg)
{
    struct answer_op *op = arg;
    op->done(op->arg, &op->answer);
    free(op);
}

void *provider_answer_later(struct loop *l, const struct provider_answer *a, provider_done_fn done,
                            void *arg)
{
    struct answer_op *op = xcalloc(1, sizeof(*op));
    op->loop = l;
    op->answer = *a;
    op->done = done;
    op->arg = arg;
    op->deferred.fn = tell;
    op->deferred.arg = op;
    loop_defer(l, &op->deferred);
    return op;
}

void provider_cancel_answer(void *op)
{
    struct answer_op *o = op;
    loop_undefer(o->loop, &o->deferred);
    creds_free(o->answer.creds);
    free(o);
}

// SPDX-License-Identifier: Apache-2.0
// credential_process: a command of the operator's that prints credentials. The spawner runs it,
// with no shell, in the environment that the AWS CLI would give it: ours, without what is meant for
// this proxy alone. What it writes on standard error is for the log and the terminal, not for
// clients, and there only where it failed.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "creds/command_line_int.h"
#include "creds/json_answer_int.h"
#include "creds/process_answer_int.h"
#include "creds/redact_int.h"
#include "creds/setting_int.h"
#include "net/child.h"

#define GRACE_MS 2000
#define OUT_MAX  ((size_t)65536)
#define ERR_MAX  ((size_t)1024)

#define CHAIN_VARIABLE "_CREDENTIAL_PROCESS_CHAIN"
#define CHAIN_MAX      8

struct process_op {
    struct provider_op op;
    struct arena arena;
    char **argv;
    struct child *child;
};

static void clear(struct provider_op *op)
{
    struct process_op *x = (struct process_op *)op;
    child_cancel(x->child);
    arena_wipe(&x->arena);
}

static void name_failure(const struct process_op *x, struct err *e)
{
    struct err why = *e;
    (void)err_set(e, ST_IO, "credential_process of profile %.64s: %s", x->op.q->choice.name,
                  why.text);
}

// ---- what it gets

static bool is_ours(const char *variable)
{
    static const char *const names[] = {
        "SIGV4_PROXY_",   "LISTEN_PID=",   "LISTEN_FDS=",    "LISTEN_FDNAMES=",
        "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "_CREDENTIAL_PROCESS_CHAIN="};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strncmp(variable, names[i], strlen(names[i])))
            return true;
    return false;
}

// A command may run this program in its turn: which profiles wait for each other is passed on, so
// that none waits for itself, a process behind the other. Each by its name and its file.
static const char *link_of(struct process_op *x)
{
    const struct creds_query *q = x->op.q;
    enum file_kind file = FILE_CONFIG;
    (void)profiles_find(q->profiles, q->choice.name, "credential_process", &file);
    return arena_printf(&x->arena, "%s@%llx", q->choice.name,
                        (unsigned long long)q->profiles->ids[file].ino);
}

static enum status check_loop(struct process_op *x, struct err *e)
{
    const char *chain = envp_get(x->op.q->envp, CHAIN_VARIABLE);
    const char *own = link_of(x);
    struct span rest = span_of(chain);
    struct span one;
    unsigned n = 0;
    bool is_in = false;
    while (chain && span_next(&rest, ' ', &one)) {
        n++;
        is_in = is_in || span_is(one, own);
    }
    if (is_in)
        return err_set(e, ST_INVALID, "it leads back to this profile");
    if (n >= CHAIN_MAX)
        return err_set(e, ST_LIMIT, "more than %d commands wait for each other", CHAIN_MAX);
    return ST_OK;
}

static char **environment(struct process_op *x)
{
    char *const *envp = x->op.q->envp;
    const char *chain = envp_get(envp, CHAIN_VARIABLE);
    size_t n = 0;
    while (envp[n])
        n++;
    char **out = arena_alloc(&x->arena, (n + 2) * sizeof(*out));
    char **slot = out;
    for (size_t i = 0; i < n; i++)
        if (!is_ours(envp[i]))
            *slot++ = envp[i];
    *slot++ = arena_printf(&x->arena, CHAIN_VARIABLE "=%s%s%s", chain ? chain : "",
                           chain ? " " : "", link_of(x));
    *slot = NULL;
    return out;
}

// ---- what it says

static enum status judge_end(const struct process_op *x, const struct child_end *end,
                             int64_t *retry_in_ms, struct err *e)
{
    *retry_in_ms = RETRY_SOON_MS;
    if (end->how == CHILD_EXITED && !end->code)
        return ST_OK;
    if (end->how == CHILD_EXITED)
        return err_set(e, ST_IO, "it ended with exit code %d", end->code);
    if (end->how == CHILD_SIGNALLED)
        return err_set(e, ST_IO, "it was ended by signal %d", end->code);
    if (end->how == CHILD_LATE)
        return err_set(e, ST_IO, "it did not end within %lld s and was stopped",
                       (long long)(x->op.q->kit->process_ms / 1000));
    *retry_in_ms = RETRY_BROKEN_MS;
    if (end->how == CHILD_TOO_LOUD)
        return err_set(e, ST_LIMIT, "it wrote more than 64 KiB on standard output");
    return err_set(e, ST_INVALID, "%.200s can't be run: %s", x->argv[0], end->why);
}

static char *detail_of(const struct child_end *end)
{
    struct buf b;
    buf_init(&b);
    redact_text(end->err, end->out, &b);
    char *detail = b.len ? xstrndup(b.p, b.len) : NULL;
    buf_clear(&b);
    return detail;
}

static void on_end(void *arg, const struct child_end *end)
{
    struct process_op *x = arg;
    struct provider_answer a = {.status = ST_OK};
    struct err source;
    x->child = NULL;
    (void)err_set(&source, ST_OK, "credential_process of profile %.64s", x->op.q->choice.name);
    a.status = judge_end(x, end, &a.retry_in_ms, &a.err);
    if (a.status == ST_OK) {
        a.retry_in_ms = RETRY_BROKEN_MS;
        a.status = process_answer_creds(end->out, source.text, &a.creds, &a.err);
    }
    if (a.status != ST_OK) {
        name_failure(x, &a.err);
        a.detail = detail_of(end);
    } else if (a.creds->expires_at_ms == INT64_MAX) {
        a.poll_in_ms = POLL_UNDATED_MS;
    }
    provider_op_finish(&x->op, &a);
}

struct provider_op *process_start(const struct creds_query *q, provider_done_fn done, void *arg)
{
    struct process_op *x = provider_op_new(sizeof(*x), q, done, arg);
    struct err why;
    x->op.clear = clear;
    arena_init(&x->arena);
    const char *line = setting_of_profile(q, "credential_process", &x->arena);
    if (command_line_split(span_of(line), &x->arena, &x->argv, &why) != ST_OK ||
        check_loop(x, &why) != ST_OK) {
        name_failure(x, &why);
        provider_op_fail(&x->op, RETRY_BROKEN_MS, &why);
        return &x->op;
    }
    struct child_spec s = {.argv = x->argv,
                           .envp = environment(x),
                           .timeout_ms = q->kit->process_ms,
                           .grace_ms = GRACE_MS,
                           .out_max = OUT_MAX,
                           .err_max = ERR_MAX};
    x->child = child_start(q->kit->children, &s, on_end, x);
    return &x->op;
}

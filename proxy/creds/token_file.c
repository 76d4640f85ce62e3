// SPDX-License-Identifier: Apache-2.0
// The walk that every renewable token takes: read, lock, read again, renew, write back.
#include "creds/token_file_int.h"

#include "base/clock.h"
#include "creds/files_int.h"
#include "creds/walk_int.h"
#include "log/log.h"

#define LOCK_WAIT_MS 100

static void serve(struct token_file *f)
{
    file_unlock(&f->lock);
    f->kind->serve(f);
}

static void fail(struct token_file *f, int64_t retry_in_ms, const struct err *e)
{
    file_unlock(&f->lock);
    f->kind->fail(f, retry_in_ms, e);
}

static bool lives(const struct token_file *f, int64_t least_ms)
{
    return f->kind->expires_at_ms(f) - clock_wall_ms() > least_ms;
}

// A renewal that failed takes nothing away from what is still valid.
static void end_unrenewed(struct token_file *f, int64_t retry_in_ms, const struct err *why)
{
    if (!lives(f, f->kind->margin_ms)) {
        fail(f, retry_in_ms, why);
        return;
    }
    log_warn("creds", "%s of profile %.64s: not renewed: %s", f->kind->name, f->op->q->choice.name,
             why->text);
    serve(f);
}

static enum status read_file(struct token_file *f, struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    f->kind->forget(f);
    enum status st = file_read(f->path, &b, &id, e);
    if (st == ST_OK)
        st = f->kind->read(f, buf_span(&b), e);
    f->is_over = st == ST_DECLINED || st == ST_INVALID;
    buf_clear(&b);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "%s", f->path);
}

static bool has_read(struct token_file *f)
{
    struct err why;
    enum status st = read_file(f, &why);
    if (st != ST_OK)
        fail(f, st == ST_AGAIN ? RETRY_UNSETTLED_MS : RETRY_BROKEN_MS, &why);
    return st == ST_OK;
}

static void write_file(struct token_file *f)
{
    struct buf b;
    struct err why;
    buf_init_secret(&b);
    f->kind->write(f, &b);
    if (file_replace(f->path, buf_span(&b), &why) != ST_OK)
        log_error("creds", "%s: the %s with this process", why.text, f->kind->lost);
    buf_clear(&b);
    walk_has_written(f->op->q->walk, f->path);
}

// Where the new token can't be kept, the old one must not be spent.
static bool may_renew(struct token_file *f, struct err *e)
{
    return f->kind->may_renew(f, e) && file_may_replace(f->path, e) == ST_OK;
}

static void try_lock(void *arg)
{
    struct token_file *f = arg;
    struct err why;
    enum status st = file_lock(f->path, &f->lock, &why);
    if (st == ST_AGAIN && ++f->n_tries < f->kind->lock_tries) {
        timer_set(f->wait, LOCK_WAIT_MS);
        return;
    }
    if (st != ST_OK) {
        end_unrenewed(f, RETRY_SOON_MS, &why);
        return;
    }
    if (!has_read(f))
        return;
    if (lives(f, f->kind->fresh_ms))
        serve(f);
    else if (may_renew(f, &why))
        f->kind->renew(f);
    else
        end_unrenewed(f, RETRY_BROKEN_MS, &why);
}

void token_file_init(struct token_file *f, const struct token_file_kind *kind,
                     struct provider_op *op)
{
    *f = (struct token_file){.kind = kind, .op = op, .lock = -1};
    f->wait = timer_new(op->q->loop, try_lock, f);
}

void token_file_clear(struct token_file *f)
{
    timer_free(f->wait);
    file_unlock(&f->lock);
}

void token_file_start(struct token_file *f, const char *path)
{
    struct err why;
    f->path = path;
    walk_rests_on(f->op->q->walk, path);
    if (!has_read(f))
        return;
    bool is_fresh = lives(f, f->kind->fresh_ms);
    bool is_renewable = !is_fresh && may_renew(f, &why);
    if (is_fresh || (!is_renewable && f->is_quiet && lives(f, f->kind->margin_ms)))
        serve(f);
    else if (is_renewable)
        try_lock(f);
    else
        end_unrenewed(f, RETRY_BROKEN_MS, &why);
}

// Somebody who does not know our lock may have been quicker.
static bool was_renewed_by_others(struct token_file *f)
{
    struct err unread;
    bool was_over = f->is_over;
    int64_t expires_at_ms = f->kind->expires_at_ms(f);
    if (read_file(f, &unread) == ST_OK && f->kind->expires_at_ms(f) != expires_at_ms &&
        lives(f, f->kind->margin_ms))
        return true;
    f->is_over = was_over;
    return false;
}

void token_file_end(struct token_file *f, enum call_verdict v, const struct err *e)
{
    if (v == CALL_OK)
        write_file(f);
    if (v == CALL_OK || (v == CALL_FAILED && was_renewed_by_others(f)))
        serve(f);
    else
        end_unrenewed(f, v == CALL_FAILED ? RETRY_BROKEN_MS : RETRY_SOON_MS, e);
}

// SPDX-License-Identifier: Apache-2.0
// The file is looked at every two seconds. While it can't be read or is wrong the tokens at hand
// stay: an editor that writes in two steps must not lock everybody out.
#include "front/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "log/log.h"

#define POLL_MS  2000
#define FILE_MAX ((size_t)256 * 1024)

struct token_file {
    char *path;
    struct loop *main;
    struct timer *timer;
    struct token_set *set;
    struct stat seen;
    bool is_seen;
    loop_fn on_change;
    void *arg;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static enum status read_fd(int fd, struct buf *out, struct err *e)
{
    for (;;) {
        ssize_t n = read(fd, buf_reserve(out, 4096), 4096);
        if (n == -1)
            return err_set(e, ST_IO, "%s", strerror(errno));
        if (n == 0)
            return ST_OK;
        out->len += (size_t)n;
        if (out->len > FILE_MAX)
            return err_set(e, ST_LIMIT, "larger than 256 KiB");
    }
}

static enum status load(struct token_file *f, struct err *e)
{
    struct buf bytes;
    struct stat sb;
    struct token_set *set = NULL;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return err_set(e, ST_IO, "%s: %s", f->path, strerror(errno));
    buf_init_secret(&bytes);
    enum status st = ST_OK;
    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode))
        st = err_set(e, ST_INVALID, "not a regular file");
    if (st == ST_OK)
        st = read_fd(fd, &bytes, e);
    (void)close(fd);
    if (st == ST_OK)
        st = token_set_parse(buf_span(&bytes), &set, e);
    buf_clear(&bytes);
    if (st != ST_OK)
        return err_wrap(e, st, "%s", f->path);
    if (sb.st_mode & 077)
        log_warn(NULL, "%s can be read by others (mode %o); make it 600", f->path,
                 (unsigned)sb.st_mode & 0777);
    token_set_release(f->set);
    f->set = set;
    return ST_OK;
}

void token_file_poll(struct token_file *f)
{
    struct stat sb;
    struct err e = {""};
    if (stat(f->path, &sb) == -1 || (f->is_seen && is_same(&sb, &f->seen)))
        return;
    f->seen = sb;
    f->is_seen = true;
    if (load(f, &e) != ST_OK) {
        log_error(NULL, "%s; the tokens read before stay", e.text);
        return;
    }
    log_info(NULL, "%s: read again", f->path);
    if (f->on_change)
        f->on_change(f->arg);
}

static void on_timer(void *arg)
{
    struct token_file *f = arg;
    timer_set(f->timer, POLL_MS);
    token_file_poll(f);
}

enum status token_file_open(struct loop *main, const char *path, struct token_file **out,
                            struct err *e)
{
    struct token_file *f = xcalloc(1, sizeof(*f));
    f->path = xstrdup(path);
    f->main = main;
    f->is_seen = stat(path, &f->seen) == 0;
    enum status st = load(f, e);
    if (st != ST_OK) {
        token_file_close(f);
        return st;
    }
    f->timer = timer_new(main, on_timer, f);
    timer_set(f->timer, POLL_MS);
    *out = f;
    return ST_OK;
}

void token_file_close(struct token_file *f)
{
    if (!f)
        return;
    timer_free(f->timer);
    token_set_release(f->set);
    free(f->path);
    free(f);
}

struct token_set *token_file_get(const struct token_file *f)
{
    return f->set;
}

void token_file_watch(struct token_file *f, loop_fn fn, void *arg)
{
    f->on_change = fn;
    f->arg = arg;
}

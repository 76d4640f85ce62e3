// SPDX-License-Identifier: Apache-2.0
// A file is opened without blocking and judged by fstat, so that a FIFO or a device in place of a
// credentials file can't hang the loop. A file that changes while it is read is read again; one
// that was emptied this very moment is about to be written: its reader is told to come back.
#include "creds/files_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "creds/creds.h"

#define TRIES             3
#define READ_LEN          ((size_t)16384)
#define JUST_NOW_MS       1000
#define HOME_RECORD_BYTES 16384

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void id_of(const struct stat *st, struct file_id *id)
{
    *id = (struct file_id){.exists = true,
                           .dev = (uint64_t)st->st_dev,
                           .ino = (uint64_t)st->st_ino,
                           .size = (uint64_t)st->st_size,
                           .mtime_ns = ns_of(st->st_mtim),
                           .ctime_ns = ns_of(st->st_ctim),
                           .mode = (unsigned)st->st_mode};
}

void file_look(const char *path, struct file_id *id)
{
    struct stat st;
    if (stat(path, &st) == 0)
        id_of(&st, id);
    else
        *id = (struct file_id){.exists = false};
}

bool file_id_same(const struct file_id *a, const struct file_id *b)
{
    return a->exists == b->exists && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->mode == b->mode;
}

// One reading of what is open. ST_AGAIN: it changed meanwhile.
static enum status read_once(int fd, struct buf *out, struct file_id *id, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) == -1)
        return err_set(e, ST_IO, "%s", strerror(errno));
    id_of(&st, id);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ST_INVALID, "not a regular file");
    size_t start = out->len;
    ssize_t n = 1;
    for (off_t at = 0; n > 0 && out->len - start <= FILE_LEN_MAX; at += n) {
        n = pread(fd, buf_reserve(out, READ_LEN), READ_LEN, at);
        if (n == -1 && errno == EINTR)
            n = 0;
        if (n == -1)
            return err_set(e, ST_IO, "%s", strerror(errno));
        out->len += (size_t)n;
    }
    if (out->len - start > FILE_LEN_MAX)
        return err_set(e, ST_LIMIT, "larger than 1 MiB");
    struct file_id after;
    if (fstat(fd, &st) == -1)
        return err_set(e, ST_IO, "%s", strerror(errno));
    id_of(&st, &after);
    int64_t age_ms = clock_wall_ms() - id->mtime_ns / 1000000;
    bool was_emptied = out->len == start && age_ms >= 0 && age_ms < JUST_NOW_MS;
    if (was_emptied || !file_id_same(id, &after))
        return err_set(e, ST_AGAIN, "being written");
    return ST_OK;
}

enum status file_read(const char *path, struct buf *out, struct file_id *id, struct err *e)
{
    *id = (struct file_id){.exists = false};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1) {
        enum status st = errno == ENOENT || errno == ENOTDIR ? ST_DECLINED : ST_IO;
        (void)err_set(e, st, "%s", st == ST_DECLINED ? "no such file" : strerror(errno));
        file_look(path, id); // there, but not for us: a chmod will show
        return st;
    }
    size_t start = out->len;
    enum status st = ST_AGAIN;
    for (int i = 0; i < TRIES && st == ST_AGAIN; i++) {
        out->len = start;
        st = read_once(fd, out, id, e);
    }
    if (st != ST_OK)
        out->len = start;
    (void)close(fd);
    return st;
}

const char *envp_get(char *const *envp, const char *name)
{
    size_t len = strlen(name);
    for (char *const *v = envp; v && *v; v++)
        if (strncmp(*v, name, len) == 0 && (*v)[len] == '=')
            return (*v)[len + 1] ? *v + len + 1 : NULL;
    return NULL;
}

char *creds_home(char *const *envp)
{
    const char *said = envp_get(envp, "HOME");
    if (said)
        return xstrdup(said);
    struct passwd user;
    struct passwd *found = NULL;
    char *record = xmalloc(HOME_RECORD_BYTES);
    char *dir = NULL;
    if (getpwuid_r(getuid(), &user, record, HOME_RECORD_BYTES, &found) == 0 && found)
        dir = xstrdup(found->pw_dir);
    free(record);
    return dir ? dir : xstrdup("");
}

static char *expand_home(char *const *envp, const char *path)
{
    if (path[0] != '~' || (path[1] && path[1] != '/'))
        return xstrdup(path);
    char *dir = creds_home(envp);
    size_t len = strlen(dir) + strlen(path);
    char *whole = xmalloc(len);
    (void)snprintf(whole, len, "%s%s", dir, path + 1);
    if (!dir[0])
        whole[0] = '\0'; // no home: no such file, rather than one in the root folder
    free(dir);
    return whole;
}

char *path_of_file(char *const *envp, const char *variable, const char *default_path)
{
    const char *path = variable ? envp_get(envp, variable) : NULL;
    return expand_home(envp, path ? path : default_path);
}

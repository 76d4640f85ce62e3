// SPDX-License-Identifier: Apache-2.0
// Files that are written back: caches of tokens and sessions. A new file takes the old one's place
// in one step, so that a reader, ours or another tool, never sees half of it; a lock on the folder
// keeps two of us from spending the same refresh token, and leaves nothing behind.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "creds/files_int.h"

// Up to the last slash; heap.
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return xstrdup(".");
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

enum status folder_make(const char *path, struct err *e)
{
    char *whole = xstrdup(path);
    enum status st = ST_OK;
    for (char *p = whole + 1; *whole && st == ST_OK; p++) {
        char c = *p;
        if (c != '/' && c)
            continue;
        *p = '\0';
        if (mkdir(whole, 0700) == -1 && errno != EEXIST)
            st = err_set(e, ST_IO, "folder %s: %s", whole, strerror(errno));
        *p = c;
        if (!c)
            break;
    }
    free(whole);
    return st;
}

static bool write_all(int fd, struct span text)
{
    while (text.len) {
        ssize_t n = write(fd, text.p, text.len);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text = span_sub(text, (size_t)n, text.len);
    }
    return true;
}

enum status file_replace(const char *path, struct span text, struct err *e)
{
    size_t len = strlen(path) + sizeof(".XXXXXX");
    char *beside = xmalloc(len);
    (void)snprintf(beside, len, "%s.XXXXXX", path);
    int fd = mkostemp(beside, O_CLOEXEC); // 0600
    bool is_written = fd != -1 && write_all(fd, text) && fsync(fd) == 0;
    int why = errno;
    if (fd != -1 && close(fd) == -1 && is_written) {
        is_written = false;
        why = errno;
    }
    if (is_written && rename(beside, path) == -1) {
        is_written = false;
        why = errno;
    }
    if (fd != -1 && !is_written)
        (void)unlink(beside);
    free(beside);
    return is_written ? ST_OK : err_set(e, ST_IO, "%s can't be written: %s", path, strerror(why));
}

enum status file_may_replace(const char *path, struct err *e)
{
    char *folder = folder_of(path);
    enum status st = ST_OK;
    if (faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == -1)
        st = err_set(e, ST_IO, "%s can't be written: %s", folder, strerror(errno));
    free(folder);
    return st;
}

enum status file_lock(const char *path, int *fd, struct err *e)
{
    char *folder = folder_of(path);
    enum status st = ST_OK;
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd == -1)
        st = err_set(e, ST_IO, "%s: %s", folder, strerror(errno));
    else if (flock(*fd, LOCK_EX | LOCK_NB) == -1)
        st = err_set(e, errno == EWOULDBLOCK ? ST_AGAIN : ST_IO, "%s is locked: %s", folder,
                     strerror(errno));
    if (st != ST_OK)
        file_unlock(fd);
    free(folder);
    return st;
}

void file_unlock(int *fd)
{
    if (*fd != -1)
        (void)close(*fd);
    *fd = -1;
}

// SPDX-License-Identifier: Apache-2.0
#include "pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

enum status pid_file_write(const char *path, struct err *e)
{
    struct buf temporary;
    char text[24];
    enum status st = ST_OK;
    if (!path)
        return ST_OK;
    buf_init(&temporary);
    buf_addf(&temporary, "%s.%ld", path, (long)getpid());
    const char *name = buf_cstr(&temporary);
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    (void)unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd == -1 || write(fd, text, (size_t)len) != len || fchmod(fd, 0644) == -1 ||
        rename(name, path) == -1) {
        st = err_set(e, ST_IO, "pid_file: %s: %s", path, strerror(errno));
        (void)unlink(name);
    }
    if (fd != -1)
        (void)close(fd);
    buf_clear(&temporary);
    return st;
}

void pid_file_remove(const char *path)
{
    char text[24] = "";
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd == -1)
        return;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    if (n > 0 && strtol(text, NULL, 10) == (long)getpid())
        (void)unlink(path);
}

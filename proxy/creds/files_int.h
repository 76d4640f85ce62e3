// SPDX-License-Identifier: Apache-2.0
// Small files of the operator: read whole, watched by identity.
#ifndef CREDS_FILES_INT_H
#define CREDS_FILES_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/status.h"

#define FILE_LEN_MAX ((size_t)1024 * 1024)

// What changes when a file does. The time of change is in it because a chmod may make a file
// readable without touching its content.
struct file_id {
    bool exists;
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    unsigned mode;
};

void file_look(const char *path, struct file_id *id);
bool file_id_same(const struct file_id *a, const struct file_id *b);
// Appends the content to out (make it a secret one). Never blocks on a FIFO or a device.
// ST_DECLINED: there is no such file. ST_AGAIN: it is being written. id may be that of no file.
NODISCARD enum status file_read(const char *path, struct buf *out, struct file_id *id,
                                struct err *e);

// file_replace.c: files that are written back.
// Puts a file of mode 0600 with that text in path's place, on the disk before it returns. The
// folder must be there.
NODISCARD enum status file_replace(const char *path, struct span text, struct err *e);
// Whether that could work. Where a new token can't be kept, the old one must not be spent.
NODISCARD enum status file_may_replace(const char *path, struct err *e);
// mkdir -p, with mode 0700 for what is new.
NODISCARD enum status folder_make(const char *path, struct err *e);
// Who writes files of path's folder back after having read them holds this lock meanwhile. Never
// blocks: ST_AGAIN where somebody holds it, in another process or in this one.
NODISCARD enum status file_lock(const char *path, int *fd, struct err *e);
void file_unlock(int *fd); // -1 is fine

// The environment as it was at the start. NULL where the variable is absent or empty.
const char *envp_get(char *const *envp, const char *name);
// Heap. ~ is HOME, else the user's home; empty where neither is known. variable may be NULL.
char *path_of_file(char *const *envp, const char *variable, const char *default_path);

#endif

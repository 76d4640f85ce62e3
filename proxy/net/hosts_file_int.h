// SPDX-License-Identifier: Apache-2.0
// The hosts file: lines of an address and names. Pure but for hosts_file_refresh.
#ifndef NET_HOSTS_FILE_INT_H
#define NET_HOSTS_FILE_INT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "net/addr.h"

// Addresses (port 0) that text gives to name (compared without case), in its order, at most max.
unsigned hosts_find(struct span text, struct span name, struct net_addr *out, unsigned max);

// A file that is read again when it has changed.
struct watched_file {
    const char *path; // borrowed
    struct timespec mtime;
    off_t size;
    ino_t ino;
};
// True where the file differs from what was seen last (also: has come, has gone).
bool watched_file_changed(struct watched_file *w);
// Reads all of it into out (emptied first). A missing file or one over max bytes reads as empty.
void watched_file_read(const struct watched_file *w, size_t max, struct buf *out);

#endif

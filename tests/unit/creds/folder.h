// SPDX-License-Identifier: Apache-2.0
// A folder of the test's own, with files in it.
#ifndef TESTS_UNIT_CREDS_FOLDER_H
#define TESTS_UNIT_CREDS_FOLDER_H

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/test.h"

struct folder {
    char path[64];
};

static inline struct folder folder_new(void)
{
    struct folder d = {.path = "/tmp/sigv4-creds-XXXXXX"};
    assert_non_null(mkdtemp(d.path));
    return d;
}

static inline const char *folder_at(const struct folder *d, const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *p = path[turn++ % 4];
    (void)snprintf(p, sizeof(path[0]), "%s/%s", d->path, name);
    return p;
}

// Written beside and renamed, as editors and tools do.
static inline void folder_put(const struct folder *d, const char *name, const char *text)
{
    const char *beside = folder_at(d, ".new");
    FILE *f = fopen(beside, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(beside, folder_at(d, name)), 0);
}

static inline void folder_remove(const struct folder *d, const char *name)
{
    const char *path = folder_at(d, name);
    if (unlink(path) == -1)
        (void)rmdir(path);
}

static inline void folder_free(const struct folder *d)
{
    DIR *all = opendir(d->path);
    assert_non_null(all);
    for (struct dirent *e = readdir(all); e; e = readdir(all))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            folder_remove(d, e->d_name);
    assert_int_equal(closedir(all), 0);
    assert_int_equal(rmdir(d->path), 0);
}

#endif

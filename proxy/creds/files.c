// SPDX-License-Identifier: Apache-2.0
// Finding and reading the two files: regular files only, at most 1 MiB, never waiting.
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "creds/creds_int.h"

#include "base/buf.h"
#include "base/xalloc.h"
#include "log/log.h"

struct span creds_env_get(const struct creds_env *env, const char *name)
{
    size_t len = strlen(name);
    for (char *const *e = env->envp; e && *e; e++)
        if (!strncmp(*e, name, len) && (*e)[len] == '=')
            return span_of(*e + len + 1);
    return SPAN("");
}

static char *home_path(const struct creds_env *env, const char *rest)
{
    struct span home = creds_env_get(env, "HOME");
    struct passwd pw;
    struct passwd *found = NULL;
    char scratch[4096];
    if (!home.len && getpwuid_r(getuid(), &pw, scratch, sizeof(scratch), &found) == 0 && found)
        home = span_of(found->pw_dir);
    struct buf b;
    buf_init(&b);
    buf_add_span(&b, home);
    buf_add_str(&b, rest);
    char *path = xstrdup(buf_cstr(&b));
    buf_clear(&b);
    return path;
}

static char *file_path(const struct creds_env *env, const char *variable, const char *otherwise)
{
    struct span said = creds_env_get(env, variable);
    if (!said.len)
        return home_path(env, otherwise);
    if (span_starts(said, SPAN("~/")))
        return home_path(env, said.p + 1);
    return xstrndup(said.p, said.len);
}

void creds_files_paths(const struct creds_env *env, char **config, char **credentials)
{
    *config = file_path(env, "AWS_CONFIG_FILE", "/.aws/config");
    *credentials = file_path(env, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
}

static struct creds_file_id identity(const struct stat *sb)
{
    return (struct creds_file_id){
        .dev = sb->st_dev,
        .ino = sb->st_ino,
        .mtime_ns = (int64_t)sb->st_mtim.tv_sec * 1000000000 + sb->st_mtim.tv_nsec,
        .size = sb->st_size,
    };
}

struct creds_file_id creds_file_identity(const char *path)
{
    struct stat sb;
    if (stat(path, &sb) == -1)
        return (struct creds_file_id){0};
    return identity(&sb);
}

static bool is_readable(int fd, const char *path, enum file_kind kind)
{
    struct stat sb;
    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode)) {
        log_warn("creds", "%s is not a regular file; it is passed over", path);
        return false;
    }
    if (sb.st_size > CREDS_FILE_MAX) {
        log_warn("creds", "%s is larger than 1 MiB; it is passed over", path);
        return false;
    }
    if (kind == FILE_CREDENTIALS && (sb.st_mode & (S_IWGRP | S_IWOTH)))
        log_warn("creds", "%s can be written by others; chmod 600 it", path);
    return true;
}

static struct profile_file *load(const char *path, enum file_kind kind)
{
    struct buf b;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1) {
        if (errno != ENOENT && errno != ENOTDIR)
            log_warn("creds", "%s: %s; it is passed over", path, strerror(errno));
        return NULL;
    }
    struct profile_file *f = NULL;
    buf_init_secret(&b);
    if (is_readable(fd, path, kind)) {
        ssize_t n = 0;
        do {
            n = read(fd, buf_reserve(&b, 16384), 16384);
            b.len += n > 0 ? (size_t)n : 0;
        } while (n > 0 && b.len <= CREDS_FILE_MAX);
        f = profile_file_parse(buf_span(&b), kind);
        for (unsigned i = 0; i < f->n_warnings; i++)
            log_warn("creds", "%s:%u: %s", path, f->warnings[i].line, f->warnings[i].what);
    }
    buf_clear(&b);
    (void)close(fd);
    return f;
}

void creds_files_load(const struct creds_env *env, struct creds_files *out)
{
    creds_files_paths(env, &out->config_path, &out->credentials_path);
    out->config = load(out->config_path, FILE_CONFIG);
    out->credentials = load(out->credentials_path, FILE_CREDENTIALS);
}

void creds_files_clear(struct creds_files *f)
{
    profile_file_free(f->config);
    profile_file_free(f->credentials);
    free(f->config_path);
    free(f->credentials_path);
    memset(f, 0, sizeof(*f));
}

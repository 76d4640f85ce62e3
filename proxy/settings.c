// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "creds/creds.h"
#include "policy/action.h"

#define CONF_MAX (1 << 20)

static enum status read_file(const char *path, struct buf *out, struct err *e)
{
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return err_set(e, errno == ENOENT ? ST_DECLINED : ST_IO, "%s: %s", path, strerror(errno));
    enum status st = ST_OK;
    if (fstat(fd, &sb) == -1 || !S_ISREG(sb.st_mode))
        st = err_set(e, ST_INVALID, "%s: not a regular file", path);
    else if (sb.st_size > CONF_MAX)
        st = err_set(e, ST_LIMIT, "%s: larger than 1 MiB", path);
    while (st == ST_OK) {
        ssize_t n = read(fd, buf_reserve(out, 16384), 16384);
        if (n == -1)
            st = err_set(e, ST_IO, "%s: %s", path, strerror(errno));
        if (n <= 0 || out->len > CONF_MAX)
            break;
        out->len += (size_t)n;
    }
    (void)close(fd);
    return st;
}

// Relative to the folder of the file in which it stands.
static char *pattern_of(const char *from, const char *pattern)
{
    const char *slash = strrchr(from, '/');
    struct buf b;
    buf_init(&b);
    if (*pattern != '/' && slash)
        buf_add(&b, from, (size_t)(slash - from) + 1);
    buf_add_str(&b, pattern);
    char *all = xstrdup(buf_cstr(&b));
    buf_clear(&b);
    return all;
}

static enum status read_one(const char *path, const struct config_reader *r, struct err *e)
{
    struct buf file;
    buf_init(&file);
    enum status st = read_file(path, &file, e);
    if (st == ST_DECLINED)
        st = ST_IO;
    if (st == ST_OK)
        st = r->read(r->arg, path, buf_span(&file));
    buf_clear(&file);
    return st;
}

// A pattern may name nothing yet; a plain name must be there.
static enum status include(const char *from, const char *pattern, const struct config_reader *r,
                           struct err *e)
{
    glob_t found = {0};
    enum status st = ST_OK;
    char *all = pattern_of(from, pattern);
    int rc = glob(all, 0, NULL, &found); // in the order of their names
    if (rc == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
        st = err_set(e, ST_IO, "%s: %s", all, strerror(ENOENT));
    else if (rc != 0 && rc != GLOB_NOMATCH)
        st = err_set(e, ST_IO, "%s: can't be searched", all);
    for (size_t i = 0; st == ST_OK && i < found.gl_pathc; i++)
        st = read_one(found.gl_pathv[i], r, e);
    globfree(&found);
    free(all);
    return st;
}

static enum status load_file(const struct settings_source *s, struct config **out, struct err *e)
{
    struct buf file;
    const char *path = config_file_argument(s->argc, s->argv);
    struct config_input in = {
        .argc = s->argc, .argv = s->argv, .envp = s->envp, .include = include};
    bool is_named = path != NULL;
    buf_init(&file);
    if (!path)
        path = SIGV4_CONF;
    enum status st = read_file(path, &file, e);
    if (st == ST_OK) {
        in.file_name = path;
        in.file = buf_span(&file);
    }
    if (st == ST_OK || (st == ST_DECLINED && !is_named))
        st = config_parse(&in, out, e);
    else if (st == ST_DECLINED)
        st = ST_IO;
    buf_clear(&file);
    return st;
}

// What an AWS profile says about these settings where nobody else says it. route: that it belongs
// to; NULL: the general one.
static enum status take_profile(struct config *c, struct config_route *route, char *const *envp,
                                struct err *e)
{
    struct creds_setting v[] = {{.key = "max_attempts"},
                                {.key = "retry_mode"},
                                {.key = "ca_bundle"},
                                {.key = "s3_disable_express_session_auth"}};
    const unsigned n = sizeof(v) / sizeof(v[0]);
    struct creds_env env = {.envp = envp, .profile = route ? route->profile : c->profile};
    enum status st = ST_OK;
    creds_profile_settings(&env, v, n);
    for (unsigned i = 0; i < n; i++) {
        struct config_word said = {v[i].key, span_of(v[i].value), v[i].where};
        if (st == ST_OK && v[i].value)
            st = route ? config_take_route_profile(c, route, &said, e)
                       : config_take_profile(c, &said, e);
        free(v[i].value);
        free(v[i].where);
    }
    return st;
}

static enum status take_profiles(struct config *c, char *const *envp, struct err *e)
{
    enum status st = take_profile(c, NULL, envp, e);
    for (unsigned i = 0; i < c->n_routes && st == ST_OK; i++)
        if (c->routes[i].profile)
            st = take_profile(c, &c->routes[i], envp, e);
    return st;
}

static void take_home(struct config *c, char *const *envp)
{
    char *home = creds_home(envp);
    config_take_home(c, *home ? home : NULL);
    free(home);
}

enum status settings_load(const struct settings_source *s, struct config **out, struct err *e)
{
    enum status st = load_file(s, out, e);
    if (st == ST_OK)
        st = action_check(*out, e);
    if (st == ST_OK)
        st = take_profiles(*out, s->envp, e);
    if (st == ST_OK) {
        take_home(*out, s->envp);
        return ST_OK;
    }
    config_release(*out);
    *out = NULL;
    return st;
}

void settings_find_region(const struct settings_source *s, struct config *c)
{
    struct creds_env env = {.envp = s->envp, .profile = c->profile, .ask_instance = c->imds_region};
    char *region = NULL;
    char *source = NULL;
    creds_region(&env, &region, &source);
    config_take_region(c, region, source);
}

const char *settings_last_region(const struct config *c)
{
    bool is_of_instance = !strcmp(c->default_region_source, CREDS_REGION_INSTANCE);
    return is_of_instance ? c->default_region : NULL;
}

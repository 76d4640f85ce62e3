// SPDX-License-Identifier: Apache-2.0
// A session is a file of mode 0600 in ~/.cache/sigv4-proxy/mfa, named by profile and device. It
// holds only as long as the keys that it was got with do: a fingerprint of them is in it. Whoever
// looks for one rests on the folder, so that a session that comes, goes or is replaced is noticed.
#include "creds/mfa_int.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "creds/json_answer_int.h"
#include "creds/walk_int.h"
#include "log/log.h"

#define NAME_HALF    32 // digits of a name's hash
#define SESSIONS_MAX 64 // that are looked through, of one profile
#define MARGIN_MS    ((int64_t)5000)
#define SERIAL_MIN   9
#define SERIAL_MAX   256
#define VERSION      1

// ---- one session

static void digest_part(struct digest *d, const char *text)
{
    digest_add(d, text, strlen(text) + 1);
}

void mfa_fingerprint(const struct creds *keys, char out[MFA_FINGERPRINT_LEN])
{
    uint8_t hash[DIGEST_LEN];
    struct digest *d = digest_new();
    digest_part(d, "sigv4-proxy mfa");
    digest_part(d, keys->access_key);
    digest_part(d, keys->secret_key);
    digest_final(d, hash);
    digest_free(d);
    hex_encode(hash, sizeof(hash), out);
    out[MFA_FINGERPRINT_LEN - 1] = '\0';
}

static const char *take_text(const json_t *o, const char *name, struct arena *a)
{
    const char *text = json_answer_text(o, name);
    return text && *text ? arena_cstr(a, span_of(text)) : NULL;
}

enum status mfa_session_read(struct span text, struct arena *a, struct mfa_session *out,
                             struct err *e)
{
    json_t *o = json_answer_parse(text, e);
    if (!o)
        return ST_INVALID;
    enum status st = ST_OK;
    *out = (struct mfa_session){.profile = take_text(o, "Profile", a),
                                .serial = take_text(o, "SerialNumber", a),
                                .keys = take_text(o, "KeyFingerprint", a)};
    if (json_integer_value(json_object_get(o, "Version")) != VERSION)
        st = err_set(e, ST_INVALID, "Version is not %d", VERSION);
    else if (!out->profile || !out->serial || !out->keys)
        st = err_set(e, ST_INVALID, "%s is missing",
                     !out->profile  ? "Profile"
                     : !out->serial ? "SerialNumber"
                                    : "KeyFingerprint");
    if (st == ST_OK) {
        struct json_answer_form form = {
            .token = "SessionToken",
            .wants_token = true,
            .wants_expiry = true,
            .provider = arena_printf(a, "MFA session [%.64s]", out->profile),
            .source = arena_printf(a, "MFA session of profile %.64s with %.256s", out->profile,
                                   out->serial)};
        st = json_answer_creds(o, &form, &out->creds, e);
    }
    json_decref(o);
    return st;
}

static int add_to_buf(const char *text, size_t len, void *arg)
{
    buf_add(arg, text, len);
    return 0;
}

void mfa_session_write(const struct mfa_session *s, struct buf *out)
{
    char until[25];
    clock_format_iso(s->creds->expires_at_ms, until);
    json_t *o = json_object();
    (void)json_object_set_new(o, "Version", json_integer(VERSION));
    (void)json_object_set_new(o, "Profile", json_string(s->profile));
    (void)json_object_set_new(o, "SerialNumber", json_string(s->serial));
    (void)json_object_set_new(o, "KeyFingerprint", json_string(s->keys));
    (void)json_object_set_new(o, "AccessKeyId", json_string(s->creds->access_key));
    (void)json_object_set_new(o, "SecretAccessKey", json_string(s->creds->secret_key));
    (void)json_object_set_new(o, "SessionToken", json_string(s->creds->session_token));
    (void)json_object_set_new(o, "Expiration", json_string(until));
    (void)json_dump_callback(o, add_to_buf, out, JSON_COMPACT);
    json_decref(o);
}

enum status mfa_check_serial(const char *serial, struct err *e)
{
    size_t len = strlen(serial);
    bool is_good = len >= SERIAL_MIN && len <= SERIAL_MAX;
    for (size_t i = 0; i < len && is_good; i++) {
        char c = ascii_lower(serial[i]);
        is_good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("_+=/:,.@-", c);
    }
    return is_good ? ST_OK
                   : err_set(e, ST_INVALID, "\"%.80s\" is no serial number or ARN of an MFA device",
                             serial);
}

// ---- the folder

// Heap; empty where there is no home. A relative XDG_CACHE_HOME counts for nothing, as its
// specification wants it.
static char *folder_of(char *const *envp)
{
    const char *base = envp_get(envp, "XDG_CACHE_HOME");
    if (!base || base[0] != '/')
        return path_of_file(envp, NULL, "~/.cache/sigv4-proxy/mfa");
    size_t len = strlen(base) + sizeof("/sigv4-proxy/mfa");
    char *folder = xmalloc(len);
    (void)snprintf(folder, len, "%s/sigv4-proxy/mfa", base);
    return folder;
}

// "HASH-", the beginning of all of a profile's names.
static void prefix_of(const char *profile, char out[NAME_HALF + 2])
{
    char hex[DIGEST_HEX + 1];
    digest_sha256_hex(span_of(profile), hex);
    (void)snprintf(out, NAME_HALF + 2, "%.*s-", NAME_HALF, hex);
}

static const char *name_of(const char *profile, const char *serial, struct arena *a)
{
    char prefix[NAME_HALF + 2];
    char hex[DIGEST_HEX + 1];
    prefix_of(profile, prefix);
    digest_sha256_hex(span_of(serial), hex);
    return arena_printf(a, "%s%.*s.json", prefix, NAME_HALF, hex);
}

// ---- finding

struct search {
    const char *folder;
    const char *profile;
    const char *serial; // NULL: any
    const char *keys;
    struct creds *found; // the one that holds longest
    struct err why;      // of the last one that does not serve
    struct arena *a;
};

static enum status read_session(const char *path, struct arena *a, struct mfa_session *out,
                                struct err *e)
{
    struct buf b;
    struct file_id id;
    buf_init_secret(&b);
    enum status st = file_read(path, &b, &id, e);
    if (st == ST_OK && (id.mode & 077))
        st = err_set(e, ST_INVALID, "others can read it or write to it (chmod 600)");
    if (st == ST_OK)
        st = mfa_session_read(buf_span(&b), a, out, e);
    buf_clear(&b);
    return st == ST_OK ? ST_OK : err_wrap(e, st, "its MFA session, %s", path);
}

static void consider(struct search *s, const char *name)
{
    struct mfa_session m = {.creds = NULL};
    const char *path = arena_printf(s->a, "%s/%s", s->folder, name);
    enum status st = read_session(path, s->a, &m, &s->why);
    if (st != ST_OK || !m.creds || !m.profile || !m.serial || !m.keys)
        return;
    if (strcmp(m.profile, s->profile) != 0 || (s->serial && strcmp(m.serial, s->serial) != 0))
        st = err_set(&s->why, ST_DECLINED, "%s is another profile's", path);
    else if (strcmp(m.keys, s->keys) != 0)
        st = err_set(&s->why, ST_DECLINED, "its MFA session was got with other keys");
    else if (m.creds->expires_at_ms - clock_wall_ms() <= MARGIN_MS)
        st = err_set(&s->why, ST_DECLINED, "its MFA session has expired");
    if (st == ST_OK && (!s->found || m.creds->expires_at_ms > s->found->expires_at_ms)) {
        creds_free(s->found);
        s->found = m.creds;
    } else {
        creds_free(m.creds);
    }
}

static void consider_all(struct search *s)
{
    char prefix[NAME_HALF + 2];
    unsigned n = 0;
    prefix_of(s->profile, prefix);
    DIR *all = opendir(s->folder);
    for (struct dirent *d = all ? readdir(all) : NULL; d && n < SESSIONS_MAX; d = readdir(all)) {
        struct span name = span_of(d->d_name);
        if (!span_starts(name, span_of(prefix)) || !span_ends(name, SPAN(".json")))
            continue;
        consider(s, d->d_name);
        n++;
    }
    if (all)
        (void)closedir(all);
}

enum status mfa_find(const struct creds_query *q, const char *profile, const char *serial,
                     const struct creds *keys, struct creds **out, struct err *e)
{
    struct arena a;
    char fingerprint[MFA_FINGERPRINT_LEN];
    char *folder = folder_of(q->envp);
    struct search s = {.folder = folder,
                       .profile = profile,
                       .serial = serial,
                       .keys = fingerprint,
                       .why = {"it has no MFA session"},
                       .a = &a};
    arena_init(&a);
    mfa_fingerprint(keys, fingerprint);
    walk_rests_on(q->walk, folder);
    if (!serial)
        consider_all(&s);
    else if (access(arena_printf(&a, "%s/%s", folder, name_of(profile, serial, &a)), F_OK) == 0)
        consider(&s, name_of(profile, serial, &a));
    *out = s.found;
    *e = s.why;
    arena_wipe(&a);
    free(folder);
    return s.found ? ST_OK : ST_DECLINED;
}

// A name that a shell would read as more than a word stands in quotes.
static const char *quote_of(const char *text)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/.%@:+,=";
    return text[strspn(text, plain)] ? "'" : "";
}

void mfa_say_command(const char *profile, const char *serial, struct err *e)
{
    struct err why = *e;
    const char *quote = quote_of(profile);
    (void)err_set(e, ST_INVALID,
                  "%.230s; run: sigv4-proxy mfa-login --serial-number %.256s --profile %s%.64s%s",
                  why.text, serial, quote, profile, quote);
}

// ---- keeping

enum status mfa_keep(char *const *envp, struct mfa_session *s, const struct creds *keys,
                     struct arena *a, const char **path, struct err *e)
{
    char fingerprint[MFA_FINGERPRINT_LEN];
    char *folder = folder_of(envp);
    struct buf b;
    enum status st = *folder ? folder_make(folder, e)
                             : err_set(e, ST_IO, "there is no home folder; set XDG_CACHE_HOME");
    mfa_fingerprint(keys, fingerprint);
    s->keys = fingerprint;
    buf_init_secret(&b);
    mfa_session_write(s, &b);
    *path = arena_printf(a, "%s/%s", folder, name_of(s->profile, s->serial, a));
    if (st == ST_OK)
        st = file_replace(*path, buf_span(&b), e);
    buf_clear(&b);
    s->keys = NULL;
    free(folder);
    return st;
}

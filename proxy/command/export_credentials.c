// SPDX-License-Identifier: Apache-2.0
// `export-credentials`: the chain's answer in the formats of the AWS CLI's command of that name, so
// that it can also stand as a credential_process. On failure nothing is on standard output.
// https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "command/command.h"
#include "command/once.h"
#include "policy/plan.h"

static void on_provider(void *arg, const char *provider, enum status st, const char *text)
{
    struct buf *said = arg;
    if (st != ST_OK)
        buf_addf(said, "sigv4-proxy: %s: %s\n", provider, text);
}

static void add_json(struct buf *out, const char *key, const char *value)
{
    if (!value)
        return;
    buf_addf(out, ",\"%s\":\"", key);
    for (const char *p = value; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_char(out, '\\');
        if ((unsigned char)*p < ' ')
            buf_addf(out, "\\u%04x", (unsigned)*p);
        else
            buf_add_char(out, *p);
    }
    buf_add_char(out, '"');
}

// For a shell's eval: in single quotes where it is more than a word.
static void add_export(struct buf *out, const char *name, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.:-";
    if (!value)
        return;
    buf_addf(out, "export %s=", name);
    if (value[strspn(value, plain)] == '\0') {
        buf_addf(out, "%s\n", value);
        return;
    }
    buf_add_char(out, '\'');
    for (const char *p = value; *p; p++)
        if (*p == '\'')
            buf_add_str(out, "'\\''");
        else
            buf_add_char(out, *p);
    buf_add_str(out, "'\n");
}

static void write_out(const struct creds *c, bool is_env, struct buf *out)
{
    char expires[25];
    bool has_expiry = c->expires_at_ms != INT64_MAX;
    if (has_expiry) {
        clock_format_iso(c->expires_at_ms, expires);
        memcpy(expires + 19, "Z", 2); // whole seconds, as AWS writes it
    }
    if (is_env) {
        add_export(out, "AWS_ACCESS_KEY_ID", c->access_key);
        add_export(out, "AWS_SECRET_ACCESS_KEY", c->secret_key);
        add_export(out, "AWS_SESSION_TOKEN", c->session_token);
        add_export(out, "AWS_CREDENTIAL_EXPIRATION", has_expiry ? expires : NULL);
        return;
    }
    buf_add_str(out, "{\"Version\":1");
    add_json(out, "AccessKeyId", c->access_key);
    add_json(out, "SecretAccessKey", c->secret_key);
    add_json(out, "SessionToken", c->session_token);
    add_json(out, "Expiration", has_expiry ? expires : NULL);
    add_json(out, "AccountId", c->account_id);
    buf_add_str(out, "}\n");
}

static int print(const struct fact *f, bool is_env, const struct buf *said)
{
    struct buf out;
    const struct creds *c = f->value;
    if (f->status == ST_OK && !creds_is_usable(c, clock_wall_ms()))
        return command_fail("export-credentials", "%s: the credentials have expired", c->source);
    if (f->status != ST_OK) {
        (void)fwrite(said->p, 1, said->len, stderr);
        return command_fail("export-credentials", "%s", f->err.text);
    }
    buf_init_secret(&out);
    write_out(c, is_env, &out);
    (void)setvbuf(stdout, NULL, _IONBF, 0); // no copy is left in a buffer of stdio's
    bool is_written = fwrite(out.p, 1, out.len, stdout) == out.len;
    buf_clear(&out);
    return is_written ? 0 : command_fail("export-credentials", "standard output can't be written");
}

int command_export_credentials(const struct command_input *in)
{
    const char *format = command_flag(in, "--format", 0);
    bool is_env = format && !strcmp(format, "env");
    struct err e = {""};
    struct buf said;
    struct arena a;
    if (format && !is_env && strcmp(format, "process") != 0)
        return command_fail("export-credentials", "--format: \"%s\" is neither process nor env",
                            format);
    buf_init(&said);
    struct once *o = once_open(in, on_provider, &said, &e);
    if (!o) {
        buf_clear(&said);
        return command_fail("export-credentials", "%s", e.text);
    }
    arena_init(&a);
    struct fact *f = once_credentials(o, plan_creds_key(in->config, NULL, &a));
    int rc = print(f, is_env, &said);
    fact_release(f);
    once_close(o);
    arena_clear(&a);
    buf_clear(&said);
    return rc;
}

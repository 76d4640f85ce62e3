// SPDX-License-Identifier: Apache-2.0
// `mfa-login`: a session from STS for a code of an MFA device, kept where the chain finds it.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "command/command.h"
#include "command/once.h"
#include "command/terminal.h"
#include "creds/ask.h"

#define CODE_MAX 64

struct login {
    struct once *once;
    struct creds_mfa mfa;
    int64_t duration_ms; // 0: STS's own
    char code[CODE_MAX];
    bool is_done;
    int rc;
};

static int fail(const char *what)
{
    return command_fail("mfa-login", "%s", what);
}

static void on_answer(void *arg, const struct creds_asked *a)
{
    struct login *x = arg;
    char until[25];
    x->is_done = true;
    once_wake(x->once);
    if (a->status != ST_OK) {
        x->rc = fail(a->err.text);
        return;
    }
    clock_format_iso(a->expires_at_ms, until);
    memcpy(until + 19, "Z", 2);
    bool is_written = printf("profile %s has an MFA session until %s, kept in %s; a running proxy "
                             "takes it within seconds\n",
                             x->mfa.profile, until, a->path) > 0 &&
                      fflush(stdout) == 0;
    x->rc = is_written ? 0 : 1;
}

static enum status read_code_of_stdin(char *out, struct err *e)
{
    if (!fgets(out, CODE_MAX, stdin))
        return err_set(e, ST_IO, "--token-code -: nothing is on standard input");
    out[strcspn(out, "\r\n")] = '\0';
    return ST_OK;
}

static enum status find_code(const struct command_input *in, struct login *x, struct err *e)
{
    const char *given = command_flag(in, "--token-code", 0);
    char prompt[512];
    enum status st = ST_OK;
    (void)snprintf(prompt, sizeof(prompt), "MFA code of %s: ", x->mfa.serial);
    if (given && !strcmp(given, "-"))
        st = read_code_of_stdin(x->code, e);
    else if (given)
        (void)snprintf(x->code, sizeof(x->code), "%s", given);
    else
        st = terminal_ask(prompt, x->code, sizeof(x->code), e);
    if (st == ST_DECLINED)
        (void)err_set(e, st, "there is no terminal to ask for the code on; give --token-code CODE");
    if (st == ST_OK && !creds_is_mfa_code(x->code))
        st = err_set(e, ST_INVALID, "an MFA code has six digits");
    return st;
}

static enum status read_flags(const struct command_input *in, struct login *x, struct arena *a,
                              struct err *e)
{
    const char *duration = command_flag(in, "--duration", 0);
    struct creds_env env = {.envp = in->envp, .profile = in->config->profile};
    if (duration && config_time_parse(span_of(duration), CREDS_MFA_LEAST_S * 1000,
                                      CREDS_MFA_MOST_S * 1000, &x->duration_ms, e) != ST_OK)
        return err_wrap(e, ST_INVALID, "--duration");
    return creds_mfa_plan(&env, command_flag(in, "--serial-number", 0), a, &x->mfa, e);
}

static int log_in(const struct command_input *in, struct login *x, const struct fact *f)
{
    struct err e = {""};
    const struct creds *keys = f->value;
    if (f->status != ST_OK)
        return fail(f->err.text);
    if (keys->session_token)
        return command_fail("mfa-login",
                            "%s: these are temporary credentials, a session is got with a user's "
                            "access keys only",
                            keys->source);
    if (find_code(in, x, &e) != ST_OK)
        return fail(e.text);
    struct creds_mfa_ask ask = {
        .m = &x->mfa, .keys = keys, .code = x->code, .duration_s = x->duration_ms / 1000};
    creds_mfa_login(once_chain(x->once), &ask, on_answer, x);
    while (!x->is_done)
        once_run(x->once);
    return x->rc;
}

int command_mfa_login(const struct command_input *in)
{
    struct login x = {.once = NULL};
    struct err e = {""};
    struct arena a;
    int rc = 1;
    arena_init(&a);
    if (read_flags(in, &x, &a, &e) == ST_OK)
        x.once = once_open(in, NULL, NULL, &e);
    if (!x.once) {
        (void)fail(e.text);
    } else {
        if (x.mfa.is_shaded)
            (void)fprintf(stderr,
                          "sigv4-proxy: mfa-login: AWS_ACCESS_KEY_ID is set and comes before "
                          "profile %s: unset it, or name the profile with --profile\n",
                          x.mfa.profile);
        struct fact *f = once_credentials(x.once, x.mfa.key);
        rc = log_in(in, &x, f);
        fact_release(f);
    }
    once_close(x.once);
    secret_wipe(x.code, sizeof(x.code));
    arena_clear(&a);
    return rc;
}

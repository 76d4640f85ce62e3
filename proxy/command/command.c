// SPDX-License-Identifier: Apache-2.0
#include "command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {.name = "ca",
     .help = "init|show|export: the local CA for connect = intercept",
     .max_words = 1,
     .run = command_ca},
    {.name = "check-config",
     .help = "print the effective configuration, or what is wrong with it",
     .run = command_check_config},
    {.name = "healthcheck",
     .help = "ask the running proxy's admin listener; --ready asks /readyz; exit 0 or 1",
     .switches = " --ready ",
     .run = command_healthcheck},
    {.name = "explain",
     .help = "[METHOD] URL: the plan for a request and which rules made it; --format json",
     .valued = " --format --header --client --data ",
     .max_words = 2,
     .run = command_explain},
    {.name = "presign",
     .help = "[METHOD] URL: print a presigned URL; --expires-in SECONDS, --header FIELD, --service "
             "NAME",
     .valued = " --expires-in --header --service ",
     .max_words = 2,
     .asks_chain = true,
     .run = command_presign},
    {.name = "export-credentials",
     .help = "print what the credential chain finds; --format process|env",
     .valued = " --format ",
     .asks_chain = true,
     .run = command_export_credentials},
    {.name = "whoami",
     .help = "say what each provider of the chain said, and whether STS takes the credentials; "
             "--offline, --format text|json",
     .switches = " --offline ",
     .valued = " --format ",
     .asks_chain = true,
     .run = command_whoami},
    {.name = "mfa-login",
     .help = "get an MFA session for a profile; --serial-number ARN, --token-code CODE, --duration "
             "15m..36h",
     .valued = " --serial-number --token-code --duration ",
     .asks_chain = true,
     .run = command_mfa_login},
};

const struct command *command_table(unsigned *n)
{
    *n = sizeof(commands) / sizeof(commands[0]);
    return commands;
}

const struct command *command_find(const char *name)
{
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

// Whether the flag, up to its '=', is in the list.
static bool is_in(const char *list, const char *flag)
{
    struct span rest = span_of(list);
    struct span one;
    struct span name = span_sub(span_of(flag), 0, span_find(span_of(flag), '='));
    while (span_next(&rest, ' ', &one))
        if (one.len && span_eq(one, name))
            return true;
    return false;
}

static enum status take_flag(char **argv, int *i, int argc, struct command_flag *out, struct err *e)
{
    char *eq = strchr(argv[*i], '=');
    out->name = argv[*i];
    if (!eq && *i + 1 == argc)
        return err_set(e, ST_INVALID, "%s: a value is missing", out->name);
    if (eq)
        *eq = '\0';
    out->value = eq ? eq + 1 : argv[++*i];
    return ST_OK;
}

static enum status take_word(const struct command *c, const char *word, struct command_input *out,
                             struct err *e)
{
    if (out->n_words == c->max_words)
        return err_set(e, ST_INVALID, "unexpected argument \"%s\"", word);
    out->words[out->n_words++] = word;
    return ST_OK;
}

enum status command_take_arguments(const struct command *c, int *argc, char **argv,
                                   struct command_input *out, struct err *e)
{
    enum status st = ST_OK;
    int kept = 0;
    for (int i = 0; i < *argc && st == ST_OK; i++) {
        char *arg = argv[i];
        bool is_switch = is_in(c->switches, arg) && !strchr(arg, '=');
        bool is_valued = is_in(c->valued, arg);
        if ((is_switch || is_valued) && out->n_flags == COMMAND_MAX_WORDS) {
            st = err_set(e, ST_LIMIT, "more than %d flags", COMMAND_MAX_WORDS);
        } else if (is_valued) {
            st = take_flag(argv, &i, *argc, &out->flags[out->n_flags++], e);
        } else if (is_switch) {
            out->flags[out->n_flags++] = (struct command_flag){arg, NULL};
        } else if (arg[0] != '-' || !arg[1]) {
            st = take_word(c, arg, out, e);
        } else {
            argv[kept++] = arg;
            if (config_flag_takes_next(arg) && i + 1 < *argc)
                argv[kept++] = argv[++i];
        }
    }
    *argc = kept;
    return st;
}

bool command_has_flag(const struct command_input *in, const char *flag)
{
    for (unsigned i = 0; i < in->n_flags; i++)
        if (!strcmp(in->flags[i].name, flag))
            return true;
    return false;
}

const char *command_flag(const struct command_input *in, const char *flag, unsigned nth)
{
    for (unsigned i = 0; i < in->n_flags; i++)
        if (!strcmp(in->flags[i].name, flag) && !nth--)
            return in->flags[i].value;
    return NULL;
}

int command_fail(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(stderr, "sigv4-proxy: %s: ", command);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    return 1;
}

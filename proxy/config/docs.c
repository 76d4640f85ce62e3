// SPDX-License-Identifier: Apache-2.0
// --help and conf/full.conf out of the options table.
#include "config/docs_int.h"

#include <string.h>

#include "config/config.h"
#include "config/options_int.h"

#define WIDTH 78

const struct docs_command docs_commands[] = {
    {"run", "[--config FILE] [OPTION]...",
     "Run the proxy; what happens where no command is named."},
    {"check-config", "[--config FILE] [OPTION]...",
     "Print the effective configuration and where each value comes from, or say what is wrong and "
     "exit with 1."},
    {"ca", "[--config FILE] [OPTION]... init|show|export",
     "The local CA for connect = intercept, in ca_dir: make it, for AWS's names and those of the "
     "configuration's routes; show what it is and signs for; print its certificate for clients."},
    {"healthcheck", "[--ready] [--config FILE] [OPTION]...",
     "Ask the running proxy's admin listener whether it is healthy, or ready; exit with 0 or 1."},
    {"explain",
     "[--format FORMAT] [--header FIELD] [--data BODY] [--client WHO] [--config FILE] [OPTION]... "
     "[METHOD] URL",
     "Print the plan for a request and which rules made it: whether it is allowed, service, "
     "region, "
     "signature, payload, upstream, credentials, action, retries; exit with 1 where it would be "
     "refused. "
     "URL may be a host's name alone. FORMAT is text or json; FIELD is a header field, \"Name: "
     "value\"; BODY is a form, and the method then POST where none is named; WHO is whom [policy] "
     "and [identity] sections are asked about, an address, uid:N, gid:N, token:NAME "
     "or cert:NAME (several add up; 127.0.0.1 where nothing is said). With - for the URL, each "
     "line of standard input is a question, each answer a line "
     "of "
     "JSON. Nothing is sent."},
    {"presign",
     "[--expires-in SECONDS] [--header FIELD] [--service NAME] [--config FILE] [OPTION]... "
     "[METHOD] "
     "URL",
     "Print a presigned URL, by the same plan. It holds for 900 seconds where nothing else is "
     "said, "
     "604800 at most, and never longer than the credentials. URL may be s3://BUCKET/KEY, nothing "
     "escaped. Each FIELD, \"Name: value\", must be "
     "sent by whoever uses the URL."},
    {"export-credentials", "[--format FORMAT] [--config FILE] [OPTION]...",
     "Walk the credential chain once and print what it finds as the AWS CLI does: FORMAT is "
     "process "
     "(JSON for a credential_process) or env (lines for a shell). Where there are none: exit with "
     "1, "
     "and a line for each provider on standard error."},
    {"whoami", "[--format FORMAT] [--offline] [--config FILE] [OPTION]...",
     "Walk the credential chain and print what each provider said, the masked access key, its "
     "source and expiry, the region and where it comes from, and on EC2 the instance, its zone and "
     "role; then ask STS GetCallerIdentity whether the credentials work, unless --offline is "
     "given. FORMAT is text or json. Exit with 0 where they do, 1 where there are none, 2 where "
     "STS refuses them or can't be asked."},
    {"mfa-login",
     "[--serial-number ARN] [--token-code CODE] [--duration TIME] [--config FILE] [OPTION]...",
     "Get an MFA session for a profile from STS GetSessionToken and keep it in "
     "~/.cache/sigv4-proxy (or XDG_CACHE_HOME), for this user only; the chain uses it until it "
     "expires, a running proxy within seconds. ARN is the device; without it the profile's "
     "mfa_serial. Without CODE the terminal is asked; with - it is read from standard input. TIME "
     "is from 15m to 36h; without it STS decides, 12 hours."},
};
const size_t docs_commands_n = sizeof(docs_commands) / sizeof(docs_commands[0]);

const char docs_values[] =
    "Sizes are written as 64k, 16m or 5g, a bare number is bytes. Times are written as 500ms, 30s, "
    "15m or 36h, a bare number is seconds. Lists are separated by commas; a list that is given "
    "several times grows.";

void docs_wrap(struct buf *out, const char *indent, struct span text)
{
    size_t room = WIDTH - strlen(indent);
    while (text.len) {
        size_t cut = text.len;
        if (cut > room) {
            cut = span_rfind(span_sub(text, 0, room + 1), ' ');
            if (cut > room) // one word longer than a line
                cut = span_find(text, ' ');
        }
        buf_addf(out, "%s%.*s\n", indent, (int)cut, text.p);
        text = span_sub(text, cut + 1, text.len);
    }
}

bool docs_next_alias(struct span *rest, struct buf *flag, struct span *word)
{
    struct span alias;
    if (!span_next(rest, ' ', &alias))
        return false;
    size_t eq = span_find(alias, '=');
    buf_reset(flag);
    buf_addf(flag, "%s%.*s", eq == 1 ? "-" : "--", (int)eq, alias.p);
    *word = (struct span){NULL, 0};
    if (eq < alias.len)
        *word = span_sub(alias, eq + 1, alias.len);
    return true;
}

// "--listen, --port ADDR:PORT,...", and for a switch "--[no-]via".
static void add_flag_line(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf flag;
    buf_init(&flag);
    option_flag_name(o, &flag);
    if (o->type == OPT_BOOL)
        buf_addf(out, "  --[no-]%s", buf_cstr(&flag) + 2);
    else
        buf_addf(out, "  %s", buf_cstr(&flag));
    while (docs_next_alias(&rest, &flag, &word))
        if (!word.p)
            buf_addf(out, ", %s", buf_cstr(&flag));
    if (o->type != OPT_BOOL) {
        buf_add_char(out, ' ');
        option_arg_name(o, out);
    }
    buf_add_char(out, '\n');
    buf_clear(&flag);
}

// Switches that stand for one value: "-v, --verbose" in a line of their own.
static void add_switches(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct span last = {NULL, 0};
    struct buf flag;
    buf_init(&flag);
    while (docs_next_alias(&rest, &flag, &word)) {
        if (!word.p)
            continue;
        buf_addf(out, "%s%s", last.p ? ", " : "  ", buf_cstr(&flag));
        last = word;
    }
    if (last.p) {
        buf_reset(&flag);
        option_flag_name(o, &flag);
        buf_addf(out, "\n        The same as %s %.*s.\n", buf_cstr(&flag), SPAN_ARG(last));
    }
    buf_clear(&flag);
}

static void add_option_help(const struct option *o, struct buf *out)
{
    struct buf text;
    buf_init(&text);
    buf_add_str(&text, o->help);
    if (!o->is_reloadable)
        buf_add_str(&text, " " DOCS_FIXED);
    if (o->def)
        buf_addf(&text, " (default: %s)", o->def);
    add_flag_line(o, out);
    docs_wrap(out, "        ", buf_span(&text));
    add_switches(o, out);
    buf_clear(&text);
}

void config_help(struct buf *out)
{
    buf_add_str(out, "sigv4-proxy signs the HTTP requests that pass through it for AWS.\n\n");
    for (size_t i = 0; i < docs_commands_n; i++) {
        bool is_run = i == 0;
        buf_addf(out, "%s sigv4-proxy %s%s%s %s\n", is_run ? "Usage:" : "      ", is_run ? "[" : "",
                 docs_commands[i].name, is_run ? "]" : "", docs_commands[i].synopsis);
        docs_wrap(out, "        ", span_of(docs_commands[i].help));
    }
    buf_add_str(out, "\n");
    docs_wrap(
        out, "",
        SPAN("Each setting is a flag, a variable (SIGV4_PROXY_ and the key in capitals) and a "
             "key of the file; the command line wins over the environment, and that over the "
             "file."));
    docs_wrap(out, "", span_of(docs_values));
    buf_add_str(out, "\n  -c, --config FILE\n");
    docs_wrap(
        out, "        ",
        SPAN("Read this file (default: /etc/sigv4-proxy/sigv4-proxy.conf, where it exists)."));
    buf_add_str(out, "  -h, --help\n        Print this text.\n");
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, "\n[%s] %s\n", option_sections[s].name, option_sections[s].help);
        for (size_t i = 0; i < options_n; i++)
            if (strcmp(options[i].section, option_sections[s].name) == 0)
                add_option_help(&options[i], out);
    }
}

static void add_example(const struct option *o, struct buf *out)
{
    buf_add_char(out, '\n');
    docs_wrap(out, "# ", span_of(o->help));
    if (!o->is_reloadable)
        docs_wrap(out, "# ", SPAN(DOCS_FIXED));
    if (!o->def)
        buf_add_str(out, "# Not set by default; an example:\n");
    buf_addf(out, "#%s = %s\n", o->key, o->def ? o->def : o->example);
}

static void add_route_example(struct buf *out)
{
    buf_add_char(out, '\n');
    docs_wrap(
        out, "# ",
        SPAN("Routes say how requests to some hosts are treated. The glob is matched against the "
             "host, or against host:port where the port is not the scheme's; * matches any "
             "characters; the first match wins. A route also allows its hosts. Keys left out "
             "come from the built-in rules for AWS's hosts, then from the sections above."));
    buf_add_str(out, "#[route \"search.example.com\"]\n");
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (!option_is_general(o))
            add_example(o, out);
    }
    buf_add_str(out, "\n# Settings from above that a route may overrule for its hosts:\n");
    for (size_t i = 0; i < options_n; i++) {
        const struct option *o = &options[i];
        if (option_is_general(o) && o->in_route)
            buf_addf(out, "#%s = %s\n", o->key, o->def ? o->def : o->example);
    }
}

static void add_own_example(const struct option_table *t, struct buf *out)
{
    buf_add_char(out, '\n');
    docs_wrap(out, "# ", span_of(t->help));
    buf_addf(out, "#[%s \"for people\"]\n", t->section);
    for (size_t i = 0; i < t->n; i++)
        add_example(&t->v[i], out);
}

void config_full_conf(struct buf *out)
{
    docs_wrap(
        out, "# ",
        SPAN("Every setting of sigv4-proxy with its default. Printed from the options table by "
             "gen-docs."));
    docs_wrap(out, "# ", span_of(docs_values));
    docs_wrap(
        out, "# ",
        SPAN("A # or ; at the start of a line or behind a blank begins a comment. Each key "
             "stands once, under its section. include = conf.d/*.conf, in front of routes and "
             "policies, stands for the files that the pattern names."));
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, "\n# %s\n[%s]\n", option_sections[s].help, option_sections[s].name);
        for (size_t i = 0; i < options_n; i++)
            if (strcmp(options[i].section, option_sections[s].name) == 0)
                add_example(&options[i], out);
    }
    add_route_example(out);
    for (size_t t = 0; t < option_tables_n; t++)
        add_own_example(&option_tables[t], out);
}

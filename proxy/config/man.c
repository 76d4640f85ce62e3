// SPDX-License-Identifier: Apache-2.0
// The man pages, in mdoc. Sentences start on lines of their own and no line is longer than 78
// columns, as `mandoc -Tlint` wants it.
#include <string.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/docs_int.h"
#include "config/options_int.h"

#define DATE "November 24, 2026"

static void add_header(struct buf *out, const char *title, const char *name, const char *what)
{
    buf_addf(out,
             ".\\\" SPDX-License-Identifier: Apache-2.0\n"
             ".\\\" Printed from the options table by gen-docs.\n"
             ".Dd " DATE "\n.Dt %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n",
             title, name, what);
}

// One sentence a line, wrapped; a line that would look like a macro is protected.
static void add_text(struct buf *out, const char *text)
{
    struct buf lines;
    buf_init(&lines);
    for (const char *from = text; *from;) {
        const char *stop = strstr(from, ". ");
        size_t len = stop ? (size_t)(stop - from) + 1 : strlen(from);
        docs_wrap(&lines, "", span_from(from, len));
        from += len + (stop ? 1 : 0);
    }
    struct span rest = span_sub(buf_span(&lines), 0, lines.len ? lines.len - 1 : 0);
    struct span line;
    while (span_next(&rest, '\n', &line)) {
        if (span_starts(line, SPAN(".")) || span_starts(line, SPAN("'")))
            buf_add_str(out, "\\&");
        buf_add_span(out, line);
        buf_add_char(out, '\n');
    }
    buf_clear(&lines);
}

static void add_default(const struct option *o, struct buf *out)
{
    if (o->def)
        buf_addf(out, "The default is\n.Ql %s .\n", o->def);
    if (!o->is_reloadable)
        buf_add_str(out, DOCS_FIXED "\n");
}

// ".It Fl -listen Ar ADDR:PORT,..." with the aliases behind commas.
static void add_flag_item(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf text;
    buf_init(&text);
    option_flag_name(o, &text);
    buf_addf(out, ".It Fl %s", buf_cstr(&text) + 1);
    if (o->type == OPT_BOOL)
        buf_addf(out, " , Fl -no-%s", buf_cstr(&text) + 2);
    while (docs_next_alias(&rest, &text, &word))
        if (!word.p)
            buf_addf(out, " , Fl %s", buf_cstr(&text) + 1);
    if (o->type != OPT_BOOL) {
        buf_reset(&text);
        option_arg_name(o, &text);
        buf_addf(out, " Ar %s", buf_cstr(&text));
    }
    buf_addf(out, "\n");
    buf_clear(&text);
    add_text(out, o->help);
    add_default(o, out);
}

static void add_switch_items(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf flag;
    struct buf key;
    buf_init(&flag);
    buf_init(&key);
    option_flag_name(o, &key);
    while (docs_next_alias(&rest, &flag, &word))
        if (word.p)
            buf_addf(out, ".It Fl %s\nThe same as\n.Fl %s Cm %.*s .\n", buf_cstr(&flag) + 1,
                     buf_cstr(&key) + 1, SPAN_ARG(word));
    buf_clear(&flag);
    buf_clear(&key);
}

static void add_flags(struct buf *out)
{
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, ".Ss %s\n", option_sections[s].name);
        add_text(out, option_sections[s].help);
        buf_add_str(out, ".Bl -tag -width Ds\n");
        for (size_t i = 0; i < options_n; i++) {
            if (strcmp(options[i].section, option_sections[s].name) != 0)
                continue;
            add_flag_item(&options[i], out);
            add_switch_items(&options[i], out);
        }
        buf_add_str(out, ".El\n");
    }
}

static const char man_files[] = ".Sh FILES\n"
                                ".Bl -tag -width Ds\n"
                                ".It Pa /etc/sigv4-proxy/sigv4-proxy.conf\n"
                                "The configuration, where\n"
                                ".Fl -config\n"
                                "names no other.\n"
                                ".It Pa ~/.aws/credentials , Pa ~/.aws/config\n"
                                "The AWS profiles.\n"
                                ".It Pa /etc/resolv.conf , Pa /etc/hosts\n"
                                "Name servers and host names; changes are noticed.\n"
                                ".El\n";

static const char man_environment[] =
    ".It Ev AWS_ACCESS_KEY_ID , Ev AWS_SECRET_ACCESS_KEY , Ev AWS_SESSION_TOKEN\n"
    "Credentials.\n"
    ".It Ev AWS_PROFILE\n"
    "The profile, where\n"
    ".Fl -profile\n"
    "names no other.\n"
    ".It Ev AWS_SHARED_CREDENTIALS_FILE , Ev AWS_CONFIG_FILE\n"
    "Files to read in place of those in\n"
    ".Pa ~/.aws .\n"
    ".It Ev AWS_REGION , Ev AWS_DEFAULT_REGION\n"
    "The region for hosts that name none.\n"
    ".El\n";

static const char man_rest[] =
    ".Sh EXIT STATUS\n"
    ".Bl -tag -width Ds\n"
    ".It 0\n"
    "The proxy was told to stop and did so, or the command succeeded.\n"
    ".It 1\n"
    "A setting is wrong, a listener can't be opened, or the command failed.\n"
    "Standard error says why.\n"
    ".El\n"
    ".Sh SIGNALS\n"
    ".Bl -tag -width Ds\n"
    ".It Dv SIGTERM , Dv SIGINT\n"
    "Stop: say not ready, wait for\n"
    ".Fl -pre-stop-wait ,\n"
    "take no more connections, finish what runs within\n"
    ".Fl -drain-timeout .\n"
    "A second one ends the proxy at once.\n"
    ".It Dv SIGHUP\n"
    "Read the configuration, certificates, tokens and credentials files again.\n"
    "What is wrong changes nothing and is logged.\n"
    ".It Dv SIGUSR2\n"
    "Start the program anew with the listening sockets, and end as after SIGTERM once\n"
    "the successor could serve.\n"
    "If it fails, nothing changes.\n"
    ".It Dv SIGUSR1\n"
    "Open\n"
    ".Fl -log-file\n"
    "anew by its name, after a rotation.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "Run the proxy with the credentials of a profile, and fetch an object:\n"
    ".Bd -literal -offset indent\n"
    "$ sigv4-proxy --profile legacy &\n"
    "$ export http_proxy=http://127.0.0.1:8080\n"
    "$ curl http://my-bucket.s3.eu-west-1.amazonaws.com/key\n"
    ".Ed\n"
    ".Pp\n"
    "Send whatever comes to one API, from all interfaces of a container:\n"
    ".Bd -literal -offset indent\n"
    "$ sigv4-proxy --port :8080 --name execute-api --region us-east-1 \\e\n"
    "    --host abc.execute-api.us-east-1.amazonaws.com\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr sigv4-proxy.conf 5\n";

static void add_variables(struct buf *out)
{
    struct buf name;
    buf_init(&name);
    buf_add_str(out, ".Sh ENVIRONMENT\n"
                     "Each setting can be given as\n"
                     ".Ev SIGV4_PROXY_\n"
                     "and its key in capitals, as in\n"
                     ".Ev SIGV4_PROXY_LOG_LEVEL .\n"
                     "An unknown one is refused, an empty one counts as not set.\n"
                     ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < options_n; i++) {
        if (!options[i].env)
            continue;
        buf_reset(&name);
        option_flag_name(&options[i], &name);
        buf_addf(
            out,
            ".It Ev %s\nThe same as\n.Fl %s ,\nwhere neither that nor its variable is given.\n",
            options[i].env, buf_cstr(&name) + 1);
    }
    buf_add_str(out, man_environment);
    buf_clear(&name);
}

// One line of mdoc for each group of a synopsis: "[--format FORMAT]" is .Op Fl -format Ar FORMAT.
static void add_synopsis(const char *synopsis, struct buf *out)
{
    struct span rest = span_of(synopsis);
    struct span word;
    bool is_inside = false;
    while (span_next(&rest, ' ', &word)) {
        bool opens = word.p[0] == '[';
        if (opens)
            word = span_sub(word, 1, word.len);
        size_t end = span_find(word, ']');
        bool goes_on = span_sub(word, end, word.len).len > 1;
        buf_add_str(out, is_inside ? " " : opens ? ".Op " : ".");
        if (span_starts(word, SPAN("--")))
            buf_addf(out, "Fl %.*s", (int)end - 1, word.p + 1);
        else
            buf_addf(out, "Ar %.*s%s", (int)end, word.p, goes_on ? " ..." : "");
        is_inside = (is_inside || opens) && end == word.len;
        if (!is_inside)
            buf_add_char(out, '\n');
    }
}

static void add_commands(struct buf *out)
{
    buf_add_str(out, ".Sh SYNOPSIS\n");
    for (size_t i = 0; i < docs_commands_n; i++) {
        buf_addf(out, i ? ".Nm\n.Cm %s\n" : ".Nm\n.Op Cm %s\n", docs_commands[i].name);
        add_synopsis(docs_commands[i].synopsis, out);
    }
    buf_add_str(out, ".Sh DESCRIPTION\n.Nm\n"
                     "is a forward proxy that finds AWS credentials, signs the requests that pass\n"
                     "through it with Signature Version 4, and sends them to AWS over TLS.\n"
                     "It needs no configuration.\n.Bl -tag -width Ds\n");
    for (size_t i = 0; i < docs_commands_n; i++) {
        buf_addf(out, ".It Cm %s\n", docs_commands[i].name);
        add_text(out, docs_commands[i].help);
    }
    buf_add_str(out, ".El\n");
}

void config_man(struct buf *out)
{
    add_header(out, "SIGV4-PROXY 8", "sigv4-proxy", "forward proxy that signs requests for AWS");
    add_commands(out);
    buf_add_str(out, ".Sh OPTIONS\n");
    add_text(out, "The command line wins over the environment, and that over the file.");
    add_text(out, docs_values);
    buf_add_str(out, "A value stands behind the flag or behind\n.Ql = .\n"
                     ".Bl -tag -width Ds\n"
                     ".It Fl c , Fl -config Ar file\nRead this file.\n"
                     ".It Fl h , Fl -help\nPrint a summary and exit.\n.El\n");
    add_flags(out);
    add_variables(out);
    buf_add_str(out, man_files);
    buf_add_str(out, man_rest);
}

static void add_key_item(const struct option *o, struct buf *out)
{
    struct buf arg;
    buf_init(&arg);
    option_arg_name(o, &arg);
    buf_addf(out, ".It Ic %s No = Ar %s\n", o->key, buf_cstr(&arg));
    buf_clear(&arg);
    add_text(out, o->help);
    add_default(o, out);
    if (option_is_general(o) && o->in_route)
        buf_add_str(out, "A route may overrule it.\n");
}

static void add_keys(struct buf *out, const char *section)
{
    buf_add_str(out, ".Bl -tag -width Ds\n");
    for (size_t i = 0; i < options_n; i++)
        if (strcmp(options[i].section, section) == 0)
            add_key_item(&options[i], out);
    buf_add_str(out, ".El\n");
}

static const char man_conf_example[] =
    ".Sh EXAMPLES\n"
    "A local S3 server, and a search domain behind a name of one's own:\n"
    ".Bd -literal -offset indent\n"
    "[credentials]\n"
    "profile = legacy            # else the chain as it stands\n"
    "\n"
    "[route \"*.s3.test\"]\n"
    "service = s3\n"
    "region = us-east-1\n"
    "upstream = http://127.0.0.1:9000\n"
    "\n"
    "[route \"search.example.com\"]\n"
    "service = es\n"
    "region = eu-west-1\n"
    "upstream = https://vpc-search-abc.eu-west-1.es.amazonaws.com\n"
    "sign_host = upstream\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr sigv4-proxy 8\n";

void config_man_conf(struct buf *out)
{
    add_header(out, "SIGV4-PROXY.CONF 5", "sigv4-proxy.conf", "configuration of sigv4-proxy");
    buf_add_str(out,
                ".Sh DESCRIPTION\n"
                "The file holds sections and lines of the form\n"
                ".Ql key = value .\n"
                "A\n.Ql #\nor\n.Ql \\&;\n"
                "at the start of a line or behind a blank begins a comment.\n"
                "Values stand without quotes.\n"
                "Each key belongs to one section and stands in the file once.\n"
                "Unknown keys are refused.\n"
                ".Pp\n"
                ".Ql include = conf.d/*.conf\n"
                "in front of routes and policies stands for the files that the pattern names,\n"
                "in the order of their names, relative to the folder of the file.\n"
                "A pattern may name none, a plain name must be there.\n");
    add_text(out, docs_values);
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, ".Ss [%s]\\&\n", option_sections[s].name);
        add_text(out, option_sections[s].help);
        add_keys(out, option_sections[s].name);
    }
    buf_add_str(out, ".Ss [route Dq glob Ns ]\\&\n");
    add_text(out, "How requests to some hosts are treated, and that they are allowed. The glob is "
                  "matched against the host, or against host:port where the port is not the "
                  "scheme's; * matches any characters; the first match wins. Keys left out come "
                  "from the built-in rules for AWS's hosts, then from the sections above. These "
                  "keys stand in routes, and those above that say so.");
    add_keys(out, "route");
    for (size_t t = 0; t < option_tables_n; t++) {
        buf_addf(out, ".Ss [%s Dq name Ns ]\\&\n", option_tables[t].section);
        add_text(out, option_tables[t].help);
        buf_add_str(out, ".Bl -tag -width Ds\n");
        for (size_t i = 0; i < option_tables[t].n; i++)
            add_key_item(&option_tables[t].v[i], out);
        buf_add_str(out, ".El\n");
    }
    buf_add_str(out, ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/sigv4-proxy/sigv4-proxy.conf\n"
                     "Read where it exists and\n.Fl -config\nnames no other.\n.El\n");
    buf_add_str(out, man_conf_example);
}

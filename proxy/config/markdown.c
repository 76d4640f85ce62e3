// SPDX-License-Identifier: Apache-2.0
// docs/configuration.md out of the options table: what sigv4-proxy.conf(5) says, to be read on the
// web.
#include <string.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/docs_int.h"
#include "config/options_int.h"

// Text of ours that Markdown must not take for markup.
static void add_plain(struct buf *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("*<>[]|", *c))
            buf_add_char(out, '\\');
        buf_add_char(out, *c);
    }
}

static void add_flags(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf flag;
    buf_init(&flag);
    option_flag_name(o, &flag);
    buf_addf(out, "| flag | `%s`", buf_cstr(&flag));
    if (o->type == OPT_BOOL)
        buf_addf(out, ", `--no-%s`", buf_cstr(&flag) + 2);
    while (docs_next_alias(&rest, &flag, &word)) {
        buf_addf(out, ", `%s`", buf_cstr(&flag));
        if (word.p)
            buf_addf(out, " for `%.*s`", SPAN_ARG(word));
    }
    buf_reset(&flag);
    option_env_name(o, &flag);
    buf_addf(out, " |\n| variable | `%s`", buf_cstr(&flag));
    if (o->env)
        buf_addf(out, ", `%s`", o->env);
    buf_add_str(out, " |\n");
    buf_clear(&flag);
}

// A | inside a table's cell ends it, even in code.
static void add_values(const struct option *o, struct buf *out)
{
    struct buf arg;
    buf_init(&arg);
    option_arg_name(o, &arg);
    buf_addf(out, "\n| `%s` | `", o->key);
    for (const char *c = buf_cstr(&arg); *c; c++)
        buf_addf(out, *c == '|' ? "\\|" : "%c", *c);
    buf_add_str(out, "` |\n| --- | --- |\n");
    if (o->def)
        buf_addf(out, "| default | `%s` |\n", o->def);
    else
        buf_addf(out, "| default | not set; for instance `%s` |\n", o->example);
    buf_clear(&arg);
}

static void add_setting(const struct option *o, bool has_flag, struct buf *out)
{
    buf_addf(out, "\n### %s\n\n", o->key);
    add_plain(out, o->help);
    buf_add_char(out, '\n');
    add_values(o, out);
    if (has_flag)
        add_flags(o, out);
    if (has_flag && o->in_route)
        buf_add_str(out, "| in routes | yes |\n");
    buf_addf(out, "| a change | %s |\n",
             o->is_reloadable ? "takes effect at SIGHUP" : "needs a restart");
}

void config_markdown(struct buf *out)
{
    buf_add_str(out, "# Configuration\n\n"
                     "<!-- Printed from the options table by gen-docs. -->\n\n"
                     "Everything has a safe default. A setting is a key of the file "
                     "(`/etc/sigv4-proxy/sigv4-proxy.conf`, or `--config FILE`),\na variable and a "
                     "flag; the command line wins over the environment, and that over the file. "
                     "`sigv4-proxy check-config`\nprints what holds and where it was said.\n\n");
    add_plain(out, docs_values);
    buf_add_str(
        out,
        "\n\nA `#` or `;` at the start of a line or behind a blank begins a comment. "
        "Each key belongs to one section and stands there\nonce. Unknown keys and "
        "flags are refused with the nearest name.\n\n`include = conf.d/*.conf`, in "
        "front of routes and policies, stands for the files that the pattern names, in the "
        "order of their names, relative to the\nfolder of the file. A pattern may name none; a "
        "plain name must be there.\n");
    for (size_t s = 0; s < option_sections_n; s++) {
        buf_addf(out, "\n## [%s]\n\n%s\n", option_sections[s].name, option_sections[s].help);
        for (size_t i = 0; i < options_n; i++)
            if (strcmp(options[i].section, option_sections[s].name) == 0)
                add_setting(&options[i], true, out);
    }
    buf_add_str(out, "\n## [route \"glob\"]\n\n"
                     "How requests to some hosts are treated, and that they are allowed: "
                     "[routes.md](routes.md). Beside these keys, those above that\nsay \"in "
                     "routes\".\n");
    for (size_t i = 0; i < options_n; i++)
        if (!option_is_general(&options[i]))
            add_setting(&options[i], false, out);
    for (size_t t = 0; t < option_tables_n; t++) {
        buf_addf(out, "\n## [%s \"name\"]\n\n", option_tables[t].section);
        add_plain(out, option_tables[t].help);
        buf_add_char(out, '\n');
        for (size_t i = 0; i < option_tables[t].n; i++)
            add_setting(&option_tables[t].v[i], false, out);
    }
}

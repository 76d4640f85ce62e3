// SPDX-License-Identifier: Apache-2.0
// Bash completion out of the options table: flags, the words of those that have a closed set, and
// files or folders for those that name one.
#include <string.h>

#include "config/config.h"
#include "config/docs_int.h"
#include "config/options_int.h"

static void add_pattern(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf flag;
    buf_init(&flag);
    option_flag_name(o, &flag);
    buf_add_span(out, buf_span(&flag));
    while (docs_next_alias(&rest, &flag, &word))
        if (!word.p)
            buf_addf(out, " | %s", buf_cstr(&flag));
    buf_clear(&flag);
}

static void add_words(const char *words, struct buf *out)
{
    for (const char *c = words; c && *c; c++)
        buf_add_char(out, (char)(*c == '|' ? ' ' : *c));
}

static void add_value_case(const struct option *o, struct buf *out)
{
    bool is_file = o->arg && strcmp(o->arg, "FILE") == 0;
    bool is_folder = o->arg && strcmp(o->arg, "FOLDER") == 0;
    if (o->type == OPT_BOOL)
        return;
    buf_add_str(out, "    ");
    add_pattern(o, out);
    buf_add_str(out, ")\n");
    if (!is_file && !is_folder && !o->words) {
        buf_add_str(out, "        return\n        ;;\n");
        return;
    }
    if (is_file || is_folder) {
        buf_addf(out, "        mapfile -t COMPREPLY < <(compgen -%c -- \"$word\")\n",
                 is_file ? 'f' : 'd');
    } else {
        buf_add_str(out, "        mapfile -t COMPREPLY < <(compgen -W '");
        add_words(o->words, out);
        buf_add_str(out, "' -- \"$word\")\n");
    }
    buf_add_str(out, "        return\n        ;;\n");
}

static void add_flags(const struct option *o, struct buf *out)
{
    struct span rest = span_of(o->aliases);
    struct span word;
    struct buf flag;
    buf_init(&flag);
    option_flag_name(o, &flag);
    buf_addf(out, "\n%s", buf_cstr(&flag));
    if (o->type == OPT_BOOL)
        buf_addf(out, " --no-%s", buf_cstr(&flag) + 2);
    while (docs_next_alias(&rest, &flag, &word))
        buf_addf(out, " %s", buf_cstr(&flag));
    buf_clear(&flag);
}

void config_completion(struct buf *out)
{
    buf_add_str(out, "# Bash completion of sigv4-proxy, printed from the table of settings.\n"
                     "# shellcheck shell=bash disable=SC2034\n"
                     "_sigv4_proxy() {\n"
                     "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
                     "    COMPREPLY=()\n"
                     "    case $before in\n"
                     "    -c | --config)\n"
                     "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                     "        return\n        ;;\n");
    for (size_t i = 0; i < options_n; i++)
        if (option_is_general(&options[i]))
            add_value_case(&options[i], out);
    buf_add_str(out, "    esac\n"
                     "    if [[ $COMP_CWORD -eq 1 && $word != -* ]]; then\n"
                     "        mapfile -t COMPREPLY < <(compgen -W '");
    for (size_t i = 0; i < docs_commands_n; i++)
        buf_addf(out, "%s%s", i ? " " : "", docs_commands[i].name);
    buf_add_str(out, "' -- \"$word\")\n        return\n    fi\n"
                     "    mapfile -t COMPREPLY < <(compgen -W '-c --config -h --help --version");
    for (size_t i = 0; i < options_n; i++)
        if (option_is_general(&options[i]))
            add_flags(&options[i], out);
    buf_add_str(out, "' -- \"$word\")\n}\ncomplete -F _sigv4_proxy sigv4-proxy\n");
}

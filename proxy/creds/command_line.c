// SPDX-License-Identifier: Apache-2.0
// Blanks separate; '...' is literal; in "..." a backslash counts before " and \ only; elsewhere it
// takes the next octet as it is. Python's shlex.split, which the AWS CLI uses, does the same.
#include "creds/command_line_int.h"

#include <string.h>

struct splitter {
    struct span in;
    size_t at;
    char *word; // where the next octet goes
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Behind the opening quote. False where the closing one is missing.
static bool take_quoted(struct splitter *s, char quote)
{
    while (s->at < s->in.len && s->in.p[s->at] != quote) {
        char c = s->in.p[s->at++];
        bool is_escape = c == '\\' && quote == '"' && s->at < s->in.len &&
                         (s->in.p[s->at] == '"' || s->in.p[s->at] == '\\');
        if (is_escape)
            c = s->in.p[s->at++];
        *s->word++ = c;
    }
    return s->at++ < s->in.len;
}

static enum status take_word(struct splitter *s, struct err *e)
{
    while (s->at < s->in.len && !is_blank(s->in.p[s->at])) {
        char c = s->in.p[s->at++];
        if (c == '\'' || c == '"') {
            if (!take_quoted(s, c))
                return err_set(e, ST_INVALID, "a quotation is not closed (%c)", c);
            continue;
        }
        if (c == '\\' && s->at == s->in.len)
            return err_set(e, ST_INVALID, "nothing follows the last backslash");
        if (c == '\\')
            c = s->in.p[s->at++];
        *s->word++ = c;
    }
    *s->word++ = '\0';
    return ST_OK;
}

enum status command_line_split(struct span text, struct arena *a, char ***argv, struct err *e)
{
    // No word is longer than what it is made of, and a blank stands between two.
    char *words = arena_alloc(a, text.len + 1);
    char **list = arena_alloc(a, (text.len / 2 + 2) * sizeof(*list));
    struct splitter s = {.in = text, .word = words};
    size_t n = 0;
    if (text.len && memchr(text.p, '\0', text.len))
        return err_set(e, ST_INVALID, "there is a NUL in it");
    for (;;) {
        while (s.at < text.len && is_blank(text.p[s.at]))
            s.at++;
        if (s.at >= text.len)
            break;
        list[n++] = s.word;
        enum status st = take_word(&s, e);
        if (st != ST_OK)
            return st;
    }
    list[n] = NULL;
    *argv = list;
    return n ? ST_OK : err_set(e, ST_INVALID, "it names no command");
}

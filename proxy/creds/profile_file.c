// SPDX-License-Identifier: Apache-2.0
// The grammar of ~/.aws/config and ~/.aws/credentials, as lenient as the most lenient SDK: what is
// wrong in one line never takes the file away.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
//
// Works in place on one copy of the file, so that secrets lie in one block that is wiped as a
// whole: keys are lowered and continuation lines moved up behind the value that they continue; both
// only ever shrink.
#include "creds/profile_file_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"

// What an indented line would continue.
enum current { CURRENT_NONE = 0, CURRENT_PROPERTY, CURRENT_DROPPED };

struct parser {
    struct profile_file *f;
    enum file_kind kind;
    unsigned line;
    bool is_in_section; // some header came, good or bad
    bool is_skipping;   // the present section counts for nothing
    enum current current;
    unsigned property; // index of the current one
    size_t indent;     // of the current one
};

static void warn(struct parser *p, const char *what)
{
    if (p->f->n_warnings < PROFILE_WARNINGS_MAX)
        p->f->warnings[p->f->n_warnings++] = (struct profile_warning){p->line, what};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-/.%@:+", c));
}

static bool is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_name_char(s.p[i]))
            return false;
    return s.len > 0;
}

static bool starts_comment(struct span s)
{
    return s.len && (s.p[0] == '#' || s.p[0] == ';');
}

// [profile "a"] means a: other tools read the header as a shell would.
static struct span unquote_name(struct span s)
{
    bool is_quoted = s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0];
    return is_quoted ? span_sub(s, 1, s.len - 2) : s;
}

static struct profile_section *add_section(struct parser *p, struct span name)
{
    struct profile_file *f = p->f;
    if (f->n_sections == PROFILE_SECTIONS_MAX) {
        warn(p, "too many sections: ignored");
        return NULL;
    }
    if (f->n_sections == f->cap_sections) {
        f->cap_sections = f->cap_sections ? 2 * f->cap_sections : 8;
        f->sections = xrealloc(f->sections, f->cap_sections * sizeof(*f->sections));
    }
    struct profile_section *s = &f->sections[f->n_sections++];
    *s = (struct profile_section){.name = name, .is_ignored = true};
    return s;
}

// What a header means; a section that nothing made valid stays ignored.
static void classify(struct parser *p, struct span type, struct span name)
{
    bool is_config = p->kind == FILE_CONFIG;
    bool is_profile = span_is(type, "profile");
    if (type.len && !is_profile && !span_is(type, "sso-session") && !span_is(type, "services"))
        return; // some later kind of section
    if (!is_name(name)) {
        warn(p, "section ignored: its name has a character that is not allowed");
        return;
    }
    struct profile_section *s = add_section(p, name);
    if (!s)
        return;
    s->is_prefixed = is_profile;
    if (type.len && !is_config) {
        if (is_profile)
            warn(p, "section ignored: in the credentials file a profile is written [NAME]");
        return;
    }
    if (!type.len && is_config && !span_is(name, "default")) {
        warn(p, "section ignored: in the config file a profile is written [profile NAME]");
        return;
    }
    if (span_is(type, "sso-session"))
        s->type = SECTION_SSO_SESSION;
    else if (span_is(type, "services"))
        s->type = SECTION_SERVICES;
    s->is_ignored = false;
    p->is_skipping = false;
}

static void take_section(struct parser *p, struct span text)
{
    p->is_in_section = true;
    p->is_skipping = true;
    p->current = CURRENT_NONE;
    size_t end = span_find(text, ']');
    if (end == text.len) {
        warn(p, "section ignored: its ] is missing");
        return;
    }
    struct span behind = span_trim(span_sub(text, end + 1, text.len));
    if (behind.len && !starts_comment(behind))
        warn(p, "text behind ] ignored");
    struct span name = span_trim(span_sub(text, 1, end - 1));
    size_t blank = 0;
    while (blank < name.len && !is_blank(name.p[blank]))
        blank++;
    if (blank == name.len)
        classify(p, SPAN(""), name);
    else
        classify(p, span_sub(name, 0, blank),
                 unquote_name(span_trim(span_sub(name, blank, name.len))));
}

// A comment inside a line needs a blank in front: secrets may contain '#'.
static struct span cut_comment(struct span s)
{
    for (size_t i = 1; i < s.len; i++)
        if ((s.p[i] == '#' || s.p[i] == ';') && is_blank(s.p[i - 1]))
            return span_sub(s, 0, i);
    return s;
}

static void lower_in_place(struct span s)
{
    char *p = (char *)s.p; // our own text
    for (size_t i = 0; i < s.len; i++)
        p[i] = ascii_lower(p[i]);
}

static bool add_property(struct parser *p, struct span parent, struct span text, size_t split)
{
    struct profile_file *f = p->f;
    struct span key = span_trim(span_sub(text, 0, split));
    if (!is_name(key)) {
        warn(p, "setting ignored: its name is empty or has a character that is not allowed");
        return false;
    }
    if (f->n_properties == PROFILE_PROPERTIES_MAX) {
        warn(p, "too many settings: ignored");
        return false;
    }
    if (f->n_properties == f->cap_properties) {
        f->cap_properties = f->cap_properties ? 2 * f->cap_properties : 32;
        f->properties = xrealloc(f->properties, f->cap_properties * sizeof(*f->properties));
    }
    lower_in_place(key);
    f->properties[f->n_properties++] = (struct profile_property){
        .section = f->n_sections - 1,
        .line = p->line,
        .parent = parent,
        .key = key,
        .value = span_trim(cut_comment(span_sub(text, split + 1, text.len))),
    };
    return true;
}

static void take_property(struct parser *p, struct span text, size_t indent)
{
    p->indent = indent;
    p->current = CURRENT_DROPPED;
    if (!p->is_in_section)
        warn(p, "setting ignored: no section before it");
    if (!p->is_in_section || p->is_skipping)
        return;
    size_t split = span_find(text, '=');
    if (split == text.len)
        split = span_find(text, ':');
    if (split == text.len) {
        warn(p, "line ignored: neither a section nor a setting");
        return;
    }
    if (add_property(p, SPAN(""), text, split)) {
        p->current = CURRENT_PROPERTY;
        p->property = p->f->n_properties - 1;
    }
}

static void take_continuation(struct parser *p, struct span text)
{
    if (p->current != CURRENT_PROPERTY)
        return; // of something that was ignored
    struct profile_property *prop = &p->f->properties[p->property];
    if (!prop->value.len) {
        size_t split = span_find(text, '=');
        if (split == text.len)
            warn(p, "indented line ignored: no = in it");
        else
            (void)add_property(p, prop->key, text, split);
        return;
    }
    // At least the line feed lies between the value's end and this text, so there is room.
    char *end = (char *)prop->value.p + prop->value.len;
    *end = '\n';
    memmove(end + 1, text.p, text.len);
    prop->value.len += 1 + text.len;
}

static void take_line(struct parser *p, struct span line)
{
    p->line++;
    if (line.len && line.p[line.len - 1] == '\r')
        line.len--;
    size_t indent = 0;
    while (indent < line.len && is_blank(line.p[indent]))
        indent++;
    struct span text = span_trim(line);
    if (!text.len || starts_comment(text) || span_is(text, "\r"))
        return;
    bool continues = p->current != CURRENT_NONE && indent > p->indent;
    if (text.p[0] == '[' && (indent == 0 || p->current == CURRENT_NONE))
        take_section(p, text);
    else if (continues)
        take_continuation(p, text);
    else
        take_property(p, text, indent);
}

// [profile default] wins over [default] wherever they stand; that is then ignored as a whole.
static void prefer_prefixed_default(struct profile_file *f)
{
    bool has_prefixed = false;
    for (unsigned i = 0; i < f->n_sections; i++) {
        const struct profile_section *s = &f->sections[i];
        if (!s->is_ignored && s->is_prefixed && span_is(s->name, "default"))
            has_prefixed = true;
    }
    for (unsigned i = 0; has_prefixed && i < f->n_sections; i++) {
        struct profile_section *s = &f->sections[i];
        if (s->type == SECTION_PROFILE && !s->is_prefixed && span_is(s->name, "default"))
            s->is_ignored = true;
    }
}

struct profile_file *profile_file_parse(struct span bytes, enum file_kind kind)
{
    struct profile_file *f = xcalloc(1, sizeof(*f));
    f->text = xstrndup(bytes.len ? bytes.p : "", bytes.len);
    f->len = bytes.len;
    struct parser p = {.f = f, .kind = kind};
    struct span rest = span_from(f->text, f->len);
    struct span line;
    if (span_starts(rest, SPAN("\xef\xbb\xbf")))
        rest = span_sub(rest, 3, rest.len);
    while (span_next(&rest, '\n', &line))
        take_line(&p, line);
    if (kind == FILE_CONFIG)
        prefer_prefixed_default(f);
    return f;
}

void profile_file_free(struct profile_file *f)
{
    if (!f)
        return;
    secret_wipe(f->text, f->len);
    free(f->text);
    free(f->sections);
    free(f->properties);
    free(f);
}

bool profile_file_has(const struct profile_file *f, enum section_type type, struct span name)
{
    for (unsigned i = 0; i < f->n_sections; i++) {
        const struct profile_section *s = &f->sections[i];
        if (!s->is_ignored && s->type == type && span_eq(s->name, name))
            return true;
    }
    return false;
}

bool profile_file_has_misnamed(const struct profile_file *f, struct span name)
{
    for (unsigned i = 0; i < f->n_sections; i++)
        if (f->sections[i].is_ignored && span_eq(f->sections[i].name, name))
            return true;
    return false;
}

const struct profile_property *profile_file_find(const struct profile_file *f,
                                                 enum section_type type, struct span name,
                                                 const char *parent, const char *key)
{
    for (unsigned i = f->n_properties; i > 0; i--) {
        const struct profile_property *prop = &f->properties[i - 1];
        const struct profile_section *s = &f->sections[prop->section];
        if (!s->is_ignored && s->type == type && span_eq(s->name, name) &&
            span_is(prop->key, key) && span_is(prop->parent, parent ? parent : ""))
            return prop;
    }
    return NULL;
}

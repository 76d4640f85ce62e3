// SPDX-License-Identifier: Apache-2.0
// The shared files' grammar: both kinds of file from the same bytes, and each view into the text
// must lie within it.
#include <stdlib.h>

#include "creds/profile_file_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct profile_file *f, struct span s)
{
    if (s.len && (s.p < f->text || s.p + s.len > f->text + f->len))
        abort();
}

static void parse(struct span bytes, enum file_kind kind)
{
    struct profile_file *f = profile_file_parse(bytes, kind);
    for (unsigned i = 0; i < f->n_sections; i++)
        check(f, f->sections[i].name);
    for (unsigned i = 0; i < f->n_properties; i++) {
        const struct profile_property *p = &f->properties[i];
        if (p->section >= f->n_sections || !p->line)
            abort();
        check(f, p->parent);
        check(f, p->key);
        check(f, p->value);
        // What was last set of a section that counts is what is found, or a later one of that name.
        const struct profile_section *s = &f->sections[p->section];
        char key[64];
        if (s->is_ignored || p->parent.len || p->key.len >= sizeof(key) ||
            span_find(p->key, '\0') < p->key.len)
            continue;
        for (size_t c = 0; c < p->key.len; c++)
            key[c] = p->key.p[c];
        key[p->key.len] = '\0';
        const struct profile_property *hit = profile_file_find(f, s->type, s->name, NULL, key);
        if (!hit || hit < p)
            abort();
    }
    profile_file_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    parse(span_from((const char *)data, size), FILE_CREDENTIALS);
    parse(span_from((const char *)data, size), FILE_CONFIG);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The credentials file wins setting by setting, with one exception: id, secret and token belong
// together, so they all come from one file. A stale token of the other file next to these keys is
// what upstream would refuse.
#include "creds/profiles_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

char *profiles_path(char *const *envp, enum file_kind kind)
{
    if (kind == FILE_CONFIG)
        return path_of_file(envp, "AWS_CONFIG_FILE", "~/.aws/config");
    return path_of_file(envp, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials");
}

struct profiles *profiles_load(char *const *envp)
{
    struct profiles *p = xcalloc(1, sizeof(*p));
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        struct buf text;
        buf_init_secret(&text);
        p->paths[kind] = profiles_path(envp, kind);
        p->status[kind] = file_read(p->paths[kind], &text, &p->ids[kind], &p->why[kind]);
        p->files[kind] = profile_file_parse(buf_span(&text), kind);
        buf_clear(&text);
    }
    return p;
}

void profiles_free(struct profiles *p)
{
    if (!p)
        return;
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        profile_file_free(p->files[kind]);
        free(p->paths[kind]);
    }
    free(p);
}

struct profile_choice profile_choose(char *const *envp, const char *option)
{
    static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
    if (option && *option)
        return (struct profile_choice){option, "profile setting", true};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        const char *name = envp_get(envp, variables[i]);
        if (name)
            return (struct profile_choice){name, variables[i], false};
    }
    return (struct profile_choice){"default", NULL, false};
}

bool profiles_has(const struct profiles *p, const char *profile)
{
    struct span name = span_of(profile);
    return profile_file_has(p->files[FILE_CREDENTIALS], SECTION_PROFILE, name) ||
           profile_file_has(p->files[FILE_CONFIG], SECTION_PROFILE, name);
}

static const struct profile_property *find_in(const struct profiles *p, enum file_kind kind,
                                              const char *profile, const char *key)
{
    const struct profile_property *prop =
        profile_file_find(p->files[kind], SECTION_PROFILE, span_of(profile), NULL, key);
    return prop && prop->value.len ? prop : NULL;
}

const struct profile_property *profiles_find(const struct profiles *p, const char *profile,
                                             const char *key, enum file_kind *file)
{
    const struct profile_property *prop = find_in(p, FILE_CREDENTIALS, profile, key);
    *file = FILE_CREDENTIALS;
    if (prop)
        return prop;
    *file = FILE_CONFIG;
    return find_in(p, FILE_CONFIG, profile, key);
}

enum file_kind profiles_file_of_keys(const struct profiles *p, const char *profile)
{
    bool has_part = find_in(p, FILE_CREDENTIALS, profile, "aws_access_key_id") ||
                    find_in(p, FILE_CREDENTIALS, profile, "aws_secret_access_key");
    return has_part ? FILE_CREDENTIALS : FILE_CONFIG;
}

void profiles_say_missing(const struct profiles *p, const struct profile_choice *c, struct err *e)
{
    struct span name = span_of(c->name);
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        if (!profile_file_has_misnamed(p->files[kind], name))
            continue;
        (void)err_set(e, ST_INVALID, "profile %.64s: in %s it must be written [%s%.64s]", c->name,
                      p->paths[kind], kind == FILE_CONFIG ? "profile " : "", c->name);
        return;
    }
    const char *const why[] = {p->why[FILE_CREDENTIALS].text, p->why[FILE_CONFIG].text};
    (void)err_set(e, ST_INVALID, "profile %.64s: neither in %s%s%s%s nor in %s%s%s%s", c->name,
                  p->paths[FILE_CREDENTIALS], why[0][0] ? " (" : "", why[0], why[0][0] ? ")" : "",
                  p->paths[FILE_CONFIG], why[1][0] ? " (" : "", why[1], why[1][0] ? ")" : "");
}

static void digest_text(struct digest *d, struct span s)
{
    digest_add(d, &s.len, sizeof(s.len));
    digest_add(d, s.p, s.len);
}

void profiles_digest(const struct profiles *p, const char *profile, uint8_t out[DIGEST_LEN])
{
    struct digest *d = digest_new();
    for (enum file_kind kind = FILE_CREDENTIALS; kind < FILE_KINDS; kind++) {
        const struct profile_file *f = p->files[kind];
        bool has = profile_file_has(f, SECTION_PROFILE, span_of(profile));
        digest_add(d, &has, sizeof(has));
        for (unsigned i = 0; i < f->n_properties; i++) {
            const struct profile_property *v = &f->properties[i];
            const struct profile_section *s = &f->sections[v->section];
            if (s->is_ignored || (s->type == SECTION_PROFILE && !span_is(s->name, profile)))
                continue;
            digest_text(d, s->name);
            digest_text(d, v->parent);
            digest_text(d, v->key);
            digest_text(d, v->value);
        }
    }
    digest_final(d, out);
    digest_free(d);
}

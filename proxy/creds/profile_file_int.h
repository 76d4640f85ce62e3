// SPDX-License-Identifier: Apache-2.0
// One AWS config or credentials file: bytes in, sections and settings out. Pure.
#ifndef CREDS_PROFILE_FILE_INT_H
#define CREDS_PROFILE_FILE_INT_H

#include <stdbool.h>

#include "base/span.h"

enum file_kind { FILE_CREDENTIALS = 0, FILE_CONFIG, FILE_KINDS };
enum section_type { SECTION_PROFILE = 0, SECTION_SSO_SESSION, SECTION_SERVICES };

struct profile_section {
    enum section_type type;
    struct span name; // borrowed from the file's text
    bool is_prefixed; // [profile x]
    bool is_ignored;
};

struct profile_property {
    unsigned section;
    unsigned line;
    struct span parent; // of an indented "k = v" below "parent =", else empty
    struct span key;    // lower case
    struct span value;
};

struct profile_warning {
    unsigned line;
    const char *what; // never a part of the file
};

#define PROFILE_WARNINGS_MAX   32
#define PROFILE_SECTIONS_MAX   4096
#define PROFILE_PROPERTIES_MAX 16384

struct profile_file {
    char *text; // our copy, wiped by profile_file_free: holds secrets
    size_t len;
    struct profile_section *sections;
    unsigned n_sections, cap_sections;
    struct profile_property *properties;
    unsigned n_properties, cap_properties;
    struct profile_warning warnings[PROFILE_WARNINGS_MAX];
    unsigned n_warnings;
};

// Never fails: a line that is wrong costs that line and gives a warning.
struct profile_file *profile_file_parse(struct span bytes, enum file_kind kind);
void profile_file_free(struct profile_file *f); // NULL is fine
bool profile_file_has(const struct profile_file *f, enum section_type type, struct span name);
// Some section names that profile, but in the other file's manner, so it does not count.
bool profile_file_has_misnamed(const struct profile_file *f, struct span name);
// The last setting of that key; NULL where there is none. parent: NULL for a setting of the profile
// itself.
const struct profile_property *profile_file_find(const struct profile_file *f,
                                                 enum section_type type, struct span name,
                                                 const char *parent, const char *key);

#endif

// SPDX-License-Identifier: Apache-2.0
// Both shared files as one, and which profile of them is meant.
#ifndef CREDS_PROFILES_INT_H
#define CREDS_PROFILES_INT_H

#include "base/digest.h"
#include "creds/files_int.h"
#include "creds/profile_file_int.h"

struct profiles {
    struct profile_file *files[FILE_KINDS]; // never NULL: empty where there is none
    char *paths[FILE_KINDS];
    struct file_id ids[FILE_KINDS];
    enum status status[FILE_KINDS]; // of reading
    struct err why[FILE_KINDS];     // where that is not ST_OK
};

// Reads what is there now; what can't be read counts as absent.
struct profiles *profiles_load(char *const *envp);
void profiles_free(struct profiles *p);                      // NULL is fine
char *profiles_path(char *const *envp, enum file_kind kind); // heap

struct profile_choice {
    const char *name;
    const char *named_by; // the setting or the variable; NULL: the default, since nothing names one
    bool is_option;       // named by an option or a route: the environment's keys are left out
};
struct profile_choice profile_choose(char *const *envp, const char *option);

bool profiles_has(const struct profiles *p, const char *profile);
// A setting of a profile, the credentials file's first; empty counts as absent. File: where from.
const struct profile_property *profiles_find(const struct profiles *p, const char *profile,
                                             const char *key, enum file_kind *file);
// The file that all of the key pair comes from: credentials where it has a part of it, else config.
enum file_kind profiles_file_of_keys(const struct profiles *p, const char *profile);
// "in neither A (no such file) nor B", with a hint where a section is only named wrongly.
void profiles_say_missing(const struct profiles *p, const struct profile_choice *c, struct err *e);

// SHA-256 over what the files say of that profile, and over all sections that are no profiles.
void profiles_digest(const struct profiles *p, const char *profile, uint8_t out[DIGEST_LEN]);

#endif

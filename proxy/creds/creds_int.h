// SPDX-License-Identifier: Apache-2.0
// The chain's inside: one walk over the providers for one identity, and what the providers share.
#ifndef CREDS_CREDS_INT_H
#define CREDS_CREDS_INT_H

#include <stdbool.h>
#include <sys/types.h>

#include "creds/creds.h"
#include "creds/profile_file_int.h"

#define CREDS_FILE_MAX (1 << 20)

// ---- environment (the process's, copied pointers)
struct span creds_env_get(const struct creds_env *env, const char *name); // empty = unset

// ---- files
struct creds_file_id {
    dev_t dev;
    ino_t ino;
    int64_t mtime_ns;
    int64_t size;
};

struct creds_files {
    char *config_path;
    char *credentials_path;
    struct profile_file *config;      // NULL: absent
    struct profile_file *credentials; // NULL: absent
};

void creds_files_load(const struct creds_env *env,
                      struct creds_files *out); // warnings go to the log
void creds_files_clear(struct creds_files *f);
void creds_files_paths(const struct creds_env *env, char **config, char **credentials);
struct creds_file_id creds_file_identity(const char *path); // zeros where absent

// ---- profiles (both files merged)
bool creds_profile_exists(const struct creds_files *f, struct span name);
// Value of one setting, credentials file first; p == NULL where there is none.
struct span creds_profile_get(const struct creds_files *f, struct span name, const char *key);
// Which profile is selected, and whether somebody said so.
struct creds_selection {
    struct span name;
    bool is_option; // command line, configuration or route: the environment's keys are skipped
    bool is_named;  // option or AWS_PROFILE
};
struct creds_selection creds_select_profile(const struct creds_env *env, const char *key);

// ---- snapshots
struct creds_raw {
    struct span access_key;
    struct span secret_key;
    struct span session_token;
    int64_t expires_at_ms;
    const char *provider;
    const char *source;
};
// Checks 3.1 of the credentials contract (printable, no blanks, lengths). ST_INVALID with e else.
NODISCARD enum status creds_make(const struct creds_raw *raw, struct creds **out, struct err *e);
void creds_free(void *creds);

// ---- providers
struct creds_walk {
    const struct creds_env *env;
    struct creds_files files;
    struct creds_selection profile;
    struct creds *found;
    struct err err;  // of the provider that failed
    char tried[400]; // "environment: not set; ..."
};

struct creds_provider {
    const char *name;
    // ST_OK: w->found. ST_DECLINED: not configured, w->err says what was looked at. Else final.
    enum status (*provide)(struct creds_walk *w);
};
enum status provider_env(struct creds_walk *w);
enum status provider_profile(struct creds_walk *w);

#endif

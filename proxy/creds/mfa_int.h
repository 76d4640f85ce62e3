// SPDX-License-Identifier: Apache-2.0
// Sessions that `mfa-login` got from STS, one a profile and device, each in a file of its own.
#ifndef CREDS_MFA_INT_H
#define CREDS_MFA_INT_H

#include "creds/creds_int.h"

// What a file says. Everything but creds is in the arena.
struct mfa_session {
    const char *profile;
    const char *serial;
    const char *keys;    // mfa_fingerprint of the keys it was got with
    struct creds *creds; // owned
};
// Pure. ST_INVALID: it is no session; nothing to free then.
NODISCARD enum status mfa_session_read(struct span text, struct arena *a, struct mfa_session *out,
                                       struct err *e);
void mfa_session_write(const struct mfa_session *s, struct buf *out);

#define MFA_FINGERPRINT_LEN 65
// Of long-term keys: another key has another one, and it tells nothing about them.
void mfa_fingerprint(const struct creds *keys, char out[MFA_FINGERPRINT_LEN]);

// The session of that profile that was got with these keys. serial NULL: of any device.
// ST_DECLINED: there is none (any more), *e says so. The walk rests on the folder.
NODISCARD enum status mfa_find(const struct creds_query *q, const char *profile, const char *serial,
                               const struct creds *keys, struct creds **out, struct err *e);
// Keeps it where mfa_find looks; keys of s is filled in here. path is in the arena.
NODISCARD enum status mfa_keep(char *const *envp, struct mfa_session *s, const struct creds *keys,
                               struct arena *a, const char **path, struct err *e);
// What a person must type where there is none.
void mfa_say_command(const char *profile, const char *serial, struct err *e);
// 9 to 256 letters, digits or _+=/:,.@-
NODISCARD enum status mfa_check_serial(const char *serial, struct err *e);

#endif

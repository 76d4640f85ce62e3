// SPDX-License-Identifier: Apache-2.0
// One call of the Security Token Service.
#ifndef CREDS_STS_INT_H
#define CREDS_STS_INT_H

#include "creds/call_int.h"
#include "creds/setting_int.h"
#include "creds/sts_answer_int.h"

#define STS_PARAMS_MAX 8

struct sts_param {
    const char *name;
    const char *value; // NULL: left out
};

struct sts_spec {
    const char *action;
    struct sts_param params[STS_PARAMS_MAX];
    const struct creds *signer; // NULL: not signed; lives until done or cancel
    struct endpoint endpoint;
    bool is_web_identity; // a few more errors pass by themselves
};

struct sts_answer {
    enum call_verdict verdict; // CALL_OK: document; else err
    struct err err;
    const char *code; // AWS's, of an error; "" where there is none
    struct sts_document *document;
};
typedef void (*sts_done_fn)(void *arg, const struct sts_answer *a);

struct sts_op;
// The spec is copied. done comes once, never before this returns and not after sts_cancel.
struct sts_op *sts_start(struct creds_kit *kit, const struct sts_spec *s, sts_done_fn done,
                         void *arg);
void sts_cancel(struct sts_op *op); // NULL is fine

// Credentials out of an answer that was CALL_OK.
NODISCARD enum status sts_make_creds(struct sts_document *d, const char *provider,
                                     const char *source, struct creds **out, struct err *e);

// What an answer that is an error means, of S3 too. By how much our clock has to be shifted, if
// that is what it complains of; is logged.
bool sts_clock_is_off(struct sts_document *d, const struct fetch_answer *a, int64_t *off_ms);
bool sts_error_passes(struct sts_document *d, int status); // asking again may help
void sts_say_error(struct sts_document *d, int status, struct err *e);

// Parts of sts.c that are pure.
void form_escape(struct buf *out, const char *text); // RFC 3986: all but the unreserved
void sts_write_form(struct buf *out, const struct sts_spec *s);
// IMF-fixdate ("Tue, 24 Nov 2026 03:04:05 GMT"); false for anything else.
bool sts_parse_date(struct span text, int64_t *wall_ms);

#endif

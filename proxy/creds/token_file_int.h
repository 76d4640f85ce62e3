// SPDX-License-Identifier: Apache-2.0
// A token in a file that belongs to other tools too, and that can be renewed. It is spent under a
// lock, after the file was read again, and the next one is on the disk before it is used. For
// providers; one use each, on control's loop.
#ifndef CREDS_TOKEN_FILE_INT_H
#define CREDS_TOKEN_FILE_INT_H

#include "creds/call_int.h"
#include "creds/creds_int.h"

struct token_file;

struct token_file_kind {
    const char *name;  // "SSO", for the log
    const char *lost;  // what is lost where the new token can't be written back
    int64_t fresh_ms;  // with less than that left it is renewed
    int64_t margin_ms; // with more than that left it serves where it can't be
    unsigned lock_tries;
    // The token, in whatever form.
    void (*forget)(struct token_file *f);
    enum status (*read)(struct token_file *f, struct span text, struct err *e);
    void (*write)(const struct token_file *f, struct buf *out);
    int64_t (*expires_at_ms)(const struct token_file *f); // 0: there is none
    // False: it can't be renewed, e says why; sets is_over and is_quiet.
    bool (*may_renew)(struct token_file *f, struct err *e);
    void (*renew)(struct token_file *f); // token_file_end follows
    // Ends, one of them, once; no lock is held then.
    void (*serve)(struct token_file *f);
    void (*fail)(struct token_file *f, int64_t retry_in_ms, const struct err *e);
};

struct token_file {
    const struct token_file_kind *kind; // borrowed
    struct provider_op *op;             // borrowed; whose part this is
    const char *path;                   // borrowed
    struct timer *wait;                 // for the lock
    unsigned n_tries;
    int lock;      // -1: not held
    bool is_over;  // nothing but a new login helps
    bool is_quiet; // it is not meant to be renewed: it serves to its end without a word
};

void token_file_init(struct token_file *f, const struct token_file_kind *kind,
                     struct provider_op *op);
void token_file_clear(struct token_file *f);
// Reads it, renews it where that is due.
void token_file_start(struct token_file *f, const char *path);
// How the renewal ended; on CALL_OK the token is the new one.
void token_file_end(struct token_file *f, enum call_verdict v, const struct err *e);

#endif

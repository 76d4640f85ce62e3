// SPDX-License-Identifier: Apache-2.0
// A request's body: a store beside the machine with one writer (the client) and one rewindable
// reader. In memory up to memory_max, then in an unlinked file; counts, and hashes where asked.
#ifndef FRONT_BODY_H
#define FRONT_BODY_H

#include "base/digest.h"
#include "base/span.h"
#include "base/status.h"
#include "net/loop.h"
#include "shared/limit.h"

struct body_options {
    struct loop *loop;     // lends the buffers
    struct limit *spool;   // process-wide file bytes
    const char *spool_dir; // borrowed
    uint64_t memory_max;
    uint64_t total_max; // over it body_add says ST_LIMIT
    uint64_t keep_max;  // over it what was read is forgotten
    bool is_hashed;
    bool can_wait;                 // its writer stops where it is full
    const _Atomic int64_t *in_use; // borrowed; over in_use_max no more than
                                   // a buffer stays in memory; NULL: does not matter
    int64_t in_use_max;
};

struct body_chunk;

struct body {
    struct body_options o;
    struct body_chunk *first;
    struct body_chunk *last;
    struct body_chunk *at; // reader's chunk; NULL: at the end of memory
    unsigned at_offset;
    uint64_t len;  // bytes written
    uint64_t read; // bytes taken by the reader
    uint64_t in_memory;
    uint64_t in_file;
    int fd;       // -1: none
    char *window; // file bytes being read
    struct span window_left;
    struct digest *digest;
    bool is_forgetting; // what was read is gone: no rewind
    bool is_full;       // with can_wait: the spool takes nothing, and memory has all it may
};

void body_init(struct body *b, const struct body_options *o);
void body_clear(struct body *b);
// ST_LIMIT: over total_max. ST_IO: no room in memory and the spool does not take it; with can_wait
// the first such piece is still taken.
NODISCARD enum status body_add(struct body *b, struct span in);
// What goes to the reader at once, beside the store: counted, and kept for a rewind as long as that
// goes well. The reader has caught up (body_unread is 0).
void body_pass(struct body *b, struct span in);
// The next unread bytes in one piece (at most 16 KiB); empty where the reader has caught up, or p
// == NULL where the spool file could not be read.
struct span body_peek(struct body *b);
// The same in up to n pieces, at most max bytes; returns how many, 0 where there is nothing to read
// or it could not be read.
unsigned body_peek_parts(struct body *b, uint64_t max, struct span *out, unsigned n);
void body_take(struct body *b, size_t n); // no more than was peeked at
uint64_t body_unread(const struct body *b);
struct span body_start(const struct body *b); // what is in memory of its first octets
void body_forget(struct body *b); // from now on what was read is freed; no rewind any more
// Nothing is read of it any more but body_start(): the spool has its room back.
void body_unspool(struct body *b);
bool body_is_rewindable(const struct body *b);
void body_rewind(struct body *b);
void body_hash(struct body *b, char hex[DIGEST_HEX + 1]); // of all that was added; once

#endif

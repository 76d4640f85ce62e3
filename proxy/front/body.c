// SPDX-License-Identifier: Apache-2.0
// Memory first: 16 KiB chunks lent by the loop. What does not fit goes to a file without a name
// (O_TMPFILE), behind the memory's bytes, so the reader always goes through memory and then the
// file.
#include "front/body.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/xalloc.h"

struct body_chunk {
    struct body_chunk *next;
    char *p; // LOOP_BUF_LEN bytes
    unsigned len;
};

void body_init(struct body *b, const struct body_options *o)
{
    memset(b, 0, sizeof(*b));
    b->o = *o;
    b->fd = -1;
    if (o->is_hashed)
        b->digest = digest_new();
}

static void free_first(struct body *b)
{
    struct body_chunk *c = b->first;
    assert(c);
    b->first = c->next;
    if (!b->first)
        b->last = NULL;
    b->in_memory -= c->len;
    loop_buf_give(b->o.loop, c->p);
    free(c);
}

static void close_file(struct body *b)
{
    if (b->fd == -1)
        return;
    (void)close(b->fd);
    limit_give(b->o.spool, b->in_file);
    b->fd = -1;
    b->in_file = 0;
    b->window_left.len = 0;
}

// Nothing of it is unread: memory and file go, the counts stay.
static void drop_all(struct body *b)
{
    while (b->first)
        free_first(b);
    b->at = NULL;
    b->at_offset = 0;
    close_file(b);
}

void body_clear(struct body *b)
{
    drop_all(b);
    if (b->window)
        loop_buf_give(b->o.loop, b->window);
    digest_free(b->digest);
    memset(b, 0, sizeof(*b));
    b->fd = -1;
}

static void add_memory(struct body *b, struct span in)
{
    while (in.len) {
        if (!b->last || b->last->len == LOOP_BUF_LEN) {
            struct body_chunk *c = xcalloc(1, sizeof(*c));
            c->p = loop_buf_take(b->o.loop);
            if (b->last)
                b->last->next = c;
            else
                b->first = c;
            b->last = c;
            if (!b->at) {
                b->at = c;
                b->at_offset = 0;
            }
        }
        size_t n = LOOP_BUF_LEN - b->last->len;
        n = n < in.len ? n : in.len;
        memcpy(b->last->p + b->last->len, in.p, n);
        b->last->len += (unsigned)n;
        b->in_memory += n;
        in = span_sub(in, n, in.len);
    }
}

// All of it or, as far as the reader sees, nothing: the position is given with each write.
static enum status add_file(struct body *b, struct span in)
{
    if (b->fd == -1) {
        b->fd = open(b->o.spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (b->fd == -1)
            return ST_IO;
    }
    if (!limit_take(b->o.spool, in.len))
        return ST_IO;
    struct span rest = in;
    while (rest.len) {
        ssize_t n = pwrite(b->fd, rest.p, rest.len, (off_t)(b->in_file + in.len - rest.len));
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1) {
            limit_give(b->o.spool, in.len);
            return ST_IO;
        }
        rest = span_sub(rest, (size_t)n, rest.len);
    }
    b->in_file += in.len;
    return ST_OK;
}

static size_t room_in_memory(const struct body *b)
{
    const _Atomic int64_t *in_use = b->o.in_use;
    bool is_scarce =
        xalloc_is_short() ||
        (in_use && atomic_load_explicit(in_use, memory_order_relaxed) > b->o.in_use_max);
    uint64_t most = is_scarce && b->o.memory_max > LOOP_BUF_LEN ? LOOP_BUF_LEN : b->o.memory_max;
    return b->in_file == 0 && b->in_memory < most ? (size_t)(most - b->in_memory) : 0;
}

// The file's part first: where it fails nothing was added.
static enum status store(struct body *b, struct span in)
{
    struct span head = span_sub(in, 0, room_in_memory(b));
    struct span tail = span_sub(in, head.len, in.len);
    if (tail.len && add_file(b, tail) != ST_OK) {
        if (!b->o.can_wait || b->is_full || b->in_file)
            return ST_IO;
        b->is_full = true;
        head = in;
    }
    add_memory(b, head);
    b->len += in.len;
    return ST_OK;
}

enum status body_add(struct body *b, struct span in)
{
    if (in.len > b->o.total_max - b->len)
        return ST_LIMIT;
    if (b->digest)
        digest_add(b->digest, in.p, in.len);
    if (!b->is_forgetting && b->len + in.len > b->o.keep_max)
        body_forget(b);
    return store(b, in);
}

void body_pass(struct body *b, struct span in)
{
    bool is_kept = !b->is_forgetting && b->len + in.len <= b->o.keep_max;
    if (is_kept && store(b, in) == ST_OK) {
        b->at = b->in_file ? NULL : b->last;
        b->at_offset = b->at ? b->at->len : 0;
    } else {
        b->len += in.len;
        b->is_forgetting = true;
        drop_all(b);
    }
    b->read = b->len;
    b->window_left.len = 0;
}

uint64_t body_unread(const struct body *b)
{
    return b->len - b->read;
}

struct span body_start(const struct body *b)
{
    bool is_there = b->first && (!b->is_forgetting || !b->read);
    return is_there ? span_from(b->first->p, b->first->len) : SPAN("");
}

static struct span peek_file(struct body *b)
{
    if (b->window_left.len)
        return b->window_left;
    if (!b->window)
        b->window = loop_buf_take(b->o.loop);
    uint64_t at = b->in_file - body_unread(b);
    ssize_t n = -1;
    do
        n = pread(b->fd, b->window, LOOP_BUF_LEN, (off_t)at);
    while (n == -1 && errno == EINTR);
    if (n <= 0)
        return (struct span){.p = NULL, .len = 0};
    b->window_left = span_from(b->window, (size_t)n);
    return b->window_left;
}

struct span body_peek(struct body *b)
{
    if (b->at && b->at_offset == b->at->len && b->at->next) {
        b->at = b->at->next;
        b->at_offset = 0;
    }
    if (b->at && b->at_offset < b->at->len)
        return span_from(b->at->p + b->at_offset, b->at->len - b->at_offset);
    if (body_unread(b))
        return peek_file(b);
    return SPAN("");
}

unsigned body_peek_parts(struct body *b, uint64_t max, struct span *out, unsigned n)
{
    unsigned used = 0;
    struct span s = body_peek(b); // moves on to a chunk that has some
    const struct body_chunk *c = b->at;
    while (s.len && max && used < n) {
        if (s.len > max)
            s.len = (size_t)max;
        out[used++] = s;
        max -= s.len;
        c = c ? c->next : NULL;
        s = c ? span_from(c->p, c->len) : SPAN("");
    }
    return used;
}

static void free_read(struct body *b)
{
    while (b->first && b->first != b->at)
        free_first(b);
    if (b->at && b->at_offset == b->at->len && b->at->len == LOOP_BUF_LEN) {
        b->at = b->at->next;
        b->at_offset = 0;
        free_first(b);
    }
}

static size_t take_memory(struct body *b, size_t n)
{
    size_t left = b->at->len - b->at_offset;
    n = n < left ? n : left;
    b->at_offset += (unsigned)n;
    if (b->at_offset == b->at->len && b->at->next) {
        b->at = b->at->next;
        b->at_offset = 0;
    }
    if (b->is_forgetting)
        free_read(b);
    return n;
}

void body_take(struct body *b, size_t n)
{
    b->read += n;
    while (n && b->at && b->at_offset < b->at->len)
        n -= take_memory(b, n);
    b->window_left = span_sub(b->window_left, n, b->window_left.len);
    if (b->is_forgetting && b->in_file && !body_unread(b))
        drop_all(b); // a file gives nothing back until it goes as a whole
}

void body_forget(struct body *b)
{
    b->is_forgetting = true;
    if (body_unread(b))
        free_read(b);
    else
        drop_all(b);
}

void body_unspool(struct body *b)
{
    close_file(b);
}

bool body_is_rewindable(const struct body *b)
{
    return !b->is_forgetting || b->read == 0;
}

void body_rewind(struct body *b)
{
    b->at = b->first;
    b->at_offset = 0;
    b->read = 0;
    b->window_left.len = 0;
}

void body_hash(struct body *b, char hex[DIGEST_HEX + 1])
{
    uint8_t hash[DIGEST_LEN];
    digest_final(b->digest, hash);
    hex_encode(hash, sizeof(hash), hex);
    hex[DIGEST_HEX] = '\0';
}

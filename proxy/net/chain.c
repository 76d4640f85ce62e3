// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "net/stream_int.h"

void chain_add(struct loop *l, struct chain *c, const char *p, size_t len)
{
    c->len += len;
    while (len) {
        struct chain_buf *b = c->tail;
        if (!b || b->off + b->len == CHAIN_BUF_CAP) {
            b = (struct chain_buf *)(void *)loop_buf_take(l);
            *b = (struct chain_buf){.next = NULL, .off = 0, .len = 0};
            if (c->tail)
                c->tail->next = b;
            else
                c->head = b;
            c->tail = b;
        }
        size_t room = CHAIN_BUF_CAP - b->off - b->len;
        size_t n = len < room ? len : room;
        memcpy(b->data + b->off + b->len, p, n);
        b->len += (uint32_t)n;
        p += n;
        len -= n;
    }
}

static void chain_pop(struct loop *l, struct chain *c)
{
    struct chain_buf *b = c->head;
    c->head = b->next;
    if (!c->head)
        c->tail = NULL;
    c->len -= b->len;
    loop_buf_give(l, (char *)b);
}

void chain_clear(struct loop *l, struct chain *c)
{
    while (c->head)
        chain_pop(l, c);
}

void chain_consume(struct loop *l, struct chain *c, size_t n)
{
    while (n) {
        struct chain_buf *b = c->head;
        size_t part = n < b->len ? n : b->len;
        n -= part;
        if (part == b->len) {
            chain_pop(l, c);
        } else {
            b->off += (uint32_t)part;
            b->len -= (uint32_t)part;
            c->len -= part;
        }
    }
}

struct span chain_first(const struct chain *c)
{
    return c->head ? span_from(c->head->data + c->head->off, c->head->len) : SPAN("");
}

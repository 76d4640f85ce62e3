// SPDX-License-Identifier: Apache-2.0
#include "net/hosts_file_int.h"

#include <fcntl.h>
#include <unistd.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span next_word(struct span *line)
{
    size_t i = 0;
    while (i < line->len && is_blank(line->p[i]))
        i++;
    size_t from = i;
    while (i < line->len && !is_blank(line->p[i]))
        i++;
    struct span word = span_sub(*line, from, i - from);
    *line = span_sub(*line, i, line->len - i);
    return word;
}

static bool names(struct span line, struct span name)
{
    for (struct span word = next_word(&line); word.len; word = next_word(&line)) {
        if (word.len > 1 && word.p[word.len - 1] == '.')
            word.len--;
        if (span_ieq(word, name))
            return true;
    }
    return false;
}

static bool is_known(const struct net_addr *seen, unsigned n, const struct net_addr *a)
{
    for (unsigned i = 0; i < n; i++)
        if (net_addr_same_ip(&seen[i], a))
            return true;
    return false;
}

unsigned hosts_find(struct span text, struct span name, struct net_addr *out, unsigned max)
{
    unsigned n = 0;
    struct span line;
    while (n < max && span_next(&text, '\n', &line)) {
        line = span_sub(line, 0, span_find(line, '#'));
        struct span address = next_word(&line);
        struct net_addr a;
        if (!names(line, name) || net_addr_parse(address, 0, &a) != ST_OK)
            continue;
        if (!is_known(out, n, &a))
            out[n++] = a;
    }
    return n;
}

bool watched_file_changed(struct watched_file *w)
{
    struct stat st = {.st_size = -1};
    if (stat(w->path, &st) == -1)
        st = (struct stat){.st_size = -1};
    if (st.st_size == w->size && st.st_ino == w->ino && st.st_mtim.tv_sec == w->mtime.tv_sec &&
        st.st_mtim.tv_nsec == w->mtime.tv_nsec)
        return false;
    w->size = st.st_size;
    w->ino = st.st_ino;
    w->mtime = st.st_mtim;
    return true;
}

void watched_file_read(const struct watched_file *w, size_t max, struct buf *out)
{
    struct stat st;
    buf_reset(out);
    int fd = open(w->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
        (size_t)st.st_size <= max) {
        size_t want = (size_t)st.st_size;
        ssize_t n = 0;
        while (out->len < want &&
               (n = read(fd, buf_reserve(out, want - out->len), want - out->len)) > 0)
            out->len += (size_t)n;
    }
    (void)close(fd);
}

// SPDX-License-Identifier: Apache-2.0
#include "policy/token_set.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/secret.h"
#include "base/xalloc.h"

#define NAME_LEN 48

struct entry {
    char name[NAME_LEN];
    uint8_t hash[DIGEST_LEN];
};

struct token_set {
    _Atomic unsigned refs;
    unsigned n;
    struct entry entries[TOKEN_SET_MAX];
};

struct token_set *token_set_acquire(struct token_set *s)
{
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void token_set_release(struct token_set *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    secret_wipe(s, sizeof(*s));
    free(s);
}

static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.len > 0;
}

// One line without blanks around it.
static enum status add_line(struct token_set *s, struct span line, unsigned number, struct err *e)
{
    size_t blank = 0;
    while (blank < line.len && line.p[blank] != ' ' && line.p[blank] != '\t')
        blank++;
    struct span token = span_trim(span_sub(line, blank, line.len));
    struct span name = token.len ? span_sub(line, 0, blank) : SPAN("-");
    if (!token.len)
        token = line;
    if (!is_word(name) || !is_word(token))
        return err_set(e, ST_INVALID, "line %u: not TOKEN or NAME TOKEN", number);
    if (token.len < TOKEN_MIN_LEN)
        return err_set(e, ST_INVALID, "line %u: the token is shorter than %d characters", number,
                       TOKEN_MIN_LEN);
    if (name.len >= NAME_LEN)
        return err_set(e, ST_INVALID, "line %u: the name is longer than %d characters", number,
                       NAME_LEN - 1);
    if (s->n == TOKEN_SET_MAX)
        return err_set(e, ST_LIMIT, "line %u: more than %d tokens", number, TOKEN_SET_MAX);
    struct entry *entry = &s->entries[s->n++];
    memcpy(entry->name, name.p, name.len);
    digest_sha256(token, entry->hash);
    return ST_OK;
}

enum status token_set_parse(struct span file, struct token_set **out, struct err *e)
{
    struct token_set *s = xcalloc(1, sizeof(*s));
    struct span line;
    enum status st = ST_OK;
    atomic_init(&s->refs, 1);
    for (unsigned number = 1; st == ST_OK && span_next(&file, '\n', &line); number++) {
        if (span_ends(line, SPAN("\r")))
            line.len--;
        line = span_trim(line);
        if (line.len && line.p[0] != '#')
            st = add_line(s, line, number, e);
    }
    if (st == ST_OK && !s->n)
        st = err_set(e, ST_INVALID, "there is no token in it");
    if (st != ST_OK) {
        token_set_release(s);
        return st;
    }
    *out = s;
    return ST_OK;
}

// What differs shows neither in time nor in memory: hashes are compared, all of them, whole.
static const char *find_hash(const struct token_set *s, const uint8_t *hash)
{
    const char *found = NULL;
    for (unsigned i = 0; i < s->n; i++)
        if (secret_equal(hash, s->entries[i].hash, DIGEST_LEN))
            found = s->entries[i].name;
    return found;
}

const char *token_set_find(const struct token_set *s, struct span token)
{
    uint8_t hash[DIGEST_LEN];
    digest_sha256(token, hash);
    const char *found = find_hash(s, hash);
    return token.len ? found : NULL;
}

const char *token_set_follow(const struct token_set *s, const struct token_set *older,
                             const char *name)
{
    for (unsigned i = 0; i < older->n; i++)
        if (older->entries[i].name == name)
            return s == older ? name : find_hash(s, older->entries[i].hash);
    return NULL;
}

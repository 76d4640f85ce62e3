// SPDX-License-Identifier: Apache-2.0
// kSigning = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request"),
// derived once a day for each scope. The cache is keyed by the secret's generation, not by the
// access key id: a secret that is replaced under the same id must not go on signing.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/xalloc.h"
#include "sign/sign_int.h"

struct sign_key {
    unsigned refs;
    struct digest_key *hmac;
};

struct entry {
    struct sign_key *key; // NULL: free
    uint64_t generation;
    uint64_t last_use;
    char date[DATE_LEN];
    struct span region, service; // owned, heap
};

struct ec_entry {
    struct sign_ec_key *key; // NULL: free
    uint64_t generation;
    uint64_t last_use;
};

// SigV4A wants neither date nor scope: one key an identity.
#define EC_CAPACITY 4

struct sign_key_cache {
    uint64_t uses;
    struct ec_entry ec[EC_CAPACITY];
    unsigned capacity;
    struct entry v[];
};

static struct digest_key *derive(const struct sign_identity *id, const char date[DATE_LEN],
                                 const struct sign_scope *scope)
{
    size_t len = id->secret_key.len + 4;
    char *secret = xmalloc(len);
    (void)put(put(secret, SPAN("AWS4")), id->secret_key);
    uint8_t k[DIGEST_LEN];
    digest_hmac(secret, len, span_from(date, DATE_LEN), k);
    digest_hmac(k, sizeof(k), scope->region, k);
    digest_hmac(k, sizeof(k), scope->service, k);
    digest_hmac(k, sizeof(k), SPAN("aws4_request"), k);
    struct digest_key *hmac = digest_key_new(k, sizeof(k));
    secret_wipe(k, sizeof(k));
    secret_wipe(secret, len);
    free(secret);
    return hmac;
}

static struct sign_key *key_new(const struct sign_identity *id, const char date[DATE_LEN],
                                const struct sign_scope *scope)
{
    struct sign_key *k = xmalloc(sizeof(*k));
    k->refs = 1;
    k->hmac = derive(id, date, scope);
    return k;
}

void sign_key_release(struct sign_key *k)
{
    if (!k || --k->refs)
        return;
    digest_key_free(k->hmac);
    free(k);
}

void sign_key_hmac(const struct sign_key *k, struct span in, uint8_t out[DIGEST_LEN])
{
    digest_key_hmac(k->hmac, in, out);
}

struct sign_key_cache *sign_key_cache_new(unsigned capacity)
{
    assert(capacity > 0);
    struct sign_key_cache *c = xcalloc(1, sizeof(*c) + capacity * sizeof(c->v[0]));
    c->capacity = capacity;
    return c;
}

static void entry_clear(struct entry *entry)
{
    sign_key_release(entry->key);
    free((char *)entry->region.p);
    free((char *)entry->service.p);
    *entry = (struct entry){.key = NULL};
}

void sign_key_cache_free(struct sign_key_cache *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->capacity; i++)
        entry_clear(&c->v[i]);
    for (unsigned i = 0; i < EC_CAPACITY; i++)
        sign_ec_key_release(c->ec[i].key);
    free(c);
}

static struct entry *find(struct sign_key_cache *c, uint64_t generation, const char *date,
                          const struct sign_scope *scope)
{
    for (unsigned i = 0; i < c->capacity; i++) {
        struct entry *entry = &c->v[i];
        if (entry->key && entry->generation == generation &&
            memcmp(entry->date, date, DATE_LEN) == 0 && span_eq(entry->region, scope->region) &&
            span_eq(entry->service, scope->service))
            return entry;
    }
    return NULL;
}

static struct entry *free_or_oldest(struct sign_key_cache *c)
{
    struct entry *oldest = &c->v[0];
    for (unsigned i = 0; i < c->capacity; i++) {
        if (!c->v[i].key)
            return &c->v[i];
        if (c->v[i].last_use < oldest->last_use)
            oldest = &c->v[i];
    }
    entry_clear(oldest);
    return oldest;
}

static struct span copy(struct span s)
{
    return span_from(xstrndup(s.p ? s.p : "", s.len), s.len);
}

struct sign_key *sign_key_acquire(struct sign_key_cache *c, const struct sign_identity *id,
                                  const char date[DATE_LEN], const struct sign_scope *scope)
{
    if (!c)
        return key_new(id, date, scope);
    struct entry *entry = find(c, id->generation, date, scope);
    if (!entry) {
        entry = free_or_oldest(c);
        entry->key = key_new(id, date, scope);
        entry->generation = id->generation;
        memcpy(entry->date, date, DATE_LEN);
        entry->region = copy(scope->region);
        entry->service = copy(scope->service);
    }
    entry->last_use = ++c->uses;
    entry->key->refs++;
    return entry->key;
}

struct sign_ec_key *sign_ec_key_acquire(struct sign_key_cache *c, const struct sign_identity *id)
{
    if (!c)
        return sign_ec_key_new(id);
    struct ec_entry *entry = &c->ec[0]; // the one that fits, else the oldest
    for (unsigned i = 0; i < EC_CAPACITY; i++) {
        if (c->ec[i].key && c->ec[i].generation == id->generation) {
            entry = &c->ec[i];
            break;
        }
        if (c->ec[i].last_use < entry->last_use)
            entry = &c->ec[i];
    }
    if (!entry->key || entry->generation != id->generation) {
        sign_ec_key_release(entry->key);
        entry->key = sign_ec_key_new(id);
        entry->generation = id->generation;
    }
    entry->last_use = ++c->uses;
    return sign_ec_key_hold(entry->key);
}

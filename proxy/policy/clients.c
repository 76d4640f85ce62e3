// SPDX-License-Identifier: Apache-2.0
// An entry that can't be read matches nobody: the configuration has judged it before.
#include "policy/clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/span.h"
#include "policy/glob.h"

static bool same_bits(const uint8_t *a, const uint8_t *b, uint64_t bits)
{
    size_t whole = (size_t)(bits / 8);
    unsigned rest = (unsigned)(bits % 8);
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) & (0xff00u >> rest) & 0xffu) == 0;
}

static bool matches(struct span entry, int family, const uint8_t *peer)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t addr[sizeof(struct in6_addr)];
    size_t slash = span_find(entry, '/');
    uint64_t max = family == AF_INET ? 32 : 128;
    uint64_t bits = max;
    if (slash < entry.len && !span_u64(span_sub(entry, slash + 1, entry.len), &bits))
        return false;
    if (!slash || slash >= sizeof(text) || bits > max)
        return false;
    memcpy(text, entry.p, slash);
    text[slash] = '\0';
    return inet_pton(family, text, addr) == 1 && same_bits(addr, peer, bits);
}

bool clients_have_address(const struct config_list *list, const struct sockaddr *peer)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    const uint8_t *addr = NULL;
    int family = peer->sa_family;
    if (!list->n)
        return true;
    if (family == AF_INET) {
        memcpy(&in, peer, sizeof(in));
        addr = (const uint8_t *)&in.sin_addr;
    } else if (family == AF_INET6) {
        memcpy(&in6, peer, sizeof(in6));
        addr = in6.sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            addr += 12;
            family = AF_INET;
        }
    }
    for (unsigned i = 0; addr && i < list->n; i++)
        if (matches(span_of(list->v[i]), family, addr))
            return true;
    return false;
}

static bool is_peer(struct span entry, uint32_t uid, uint32_t gid)
{
    bool is_uid = span_starts(entry, SPAN("uid:"));
    uint64_t id = 0;
    return (is_uid || span_starts(entry, SPAN("gid:"))) &&
           span_u64(span_sub(entry, 4, entry.len), &id) && id == (is_uid ? uid : gid);
}

bool clients_have_peer(const struct config_list *list, uint32_t uid, uint32_t gid)
{
    for (unsigned i = 0; i < list->n; i++)
        if (is_peer(span_of(list->v[i]), uid, gid))
            return true;
    return !list->n;
}

static bool has_name(struct span entry, const struct plan_client *who)
{
    struct span glob = span_sub(entry, sizeof("cert:") - 1, entry.len);
    for (unsigned i = 0; i < who->n_names; i++)
        if (glob_matches(glob, span_of(who->names[i])))
            return true;
    return false;
}

static bool is_client(const char *text, const struct plan_client *who)
{
    struct span entry = span_of(text);
    if (span_starts(entry, SPAN("token:")))
        return who->token && glob_matches_case(span_sub(entry, sizeof("token:") - 1, entry.len),
                                               span_of(who->token));
    if (span_starts(entry, SPAN("cert:")))
        return has_name(entry, who);
    if (!who->address)
        return span_is(entry, "unix") || is_peer(entry, who->uid, who->gid);
    struct config_list one = {.v = (char *[]){(char *)text}, .n = 1};
    return clients_have_address(&one, who->address);
}

bool clients_have(const struct config_list *list, const struct plan_client *who)
{
    for (unsigned i = 0; i < list->n && who; i++)
        if (is_client(list->v[i], who))
            return true;
    return !list->n;
}

// SPDX-License-Identifier: Apache-2.0
// What a host name says by itself. A host is split into labels; the longest known suffix and the
// rightmost label that looks like a region are taken away, then labels that say nothing (dualstack,
// fips, global, an account number). What is left is looked up in tables made from AWS's own
// endpoint data. Regions are known by their shape, so that one that opens tomorrow works today;
// services by name, and where the shape is that of AWS's own endpoints and of nothing else, by
// being there (hosts_kin.c). Since a signed request carries the session token, anything else is
// refused. Names that customers choose (buckets, API ids, clusters) are recognised before the
// tables: an instance, a broker or a load balancer belongs to a customer, not to AWS.
#include "policy/hosts.h"

#include <string.h>

#include "policy/hosts_int.h"
#include "policy/hosts_table.h"

#define RULE_NEVER "web sites, load balancers, instances, databases, registries"

const char *hosts_pair_find(const struct hosts_pair *v, size_t n, struct span key)
{
    size_t lo = 0;
    while (lo < n) {
        size_t mid = lo + (n - lo) / 2;
        int c = span_cmp_to(key, v[mid].key);
        if (c == 0)
            return v[mid].value;
        if (c < 0)
            n = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

// [a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}
bool hosts_is_region(struct span s)
{
    size_t words = 0;
    size_t start = 0;
    for (size_t i = 0; i <= s.len; i++) {
        if (i < s.len && s.p[i] >= 'a' && s.p[i] <= 'z')
            continue;
        if (i == s.len || s.p[i] != '-') // a digit, or the end without one
            break;
        size_t len = i - start;
        if (len == 0 || (words == 0 && (len < 2 || len > 4)))
            return false;
        words++;
        start = i + 1;
    }
    size_t digits = s.len - start;
    if (words < 2 || digits < 1 || digits > 2)
        return false;
    for (size_t i = start; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static bool is_account(struct span s)
{
    if (s.len != 12)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

// Splits into labels and cuts the longest known suffix off. False: not AWS's, or nothing in front.
static bool split(struct span host, struct hosts_parts *h)
{
    struct span rest = host;
    struct span label;
    memset(h, 0, sizeof(*h));
    h->host = host;
    while (span_next(&rest, '.', &label)) {
        if (label.len == 0 || h->n == HOSTS_MAX_LABELS)
            return false;
        h->labels[h->n++] = label;
    }
    for (unsigned i = 0; i < h->n; i++) {
        struct span tail = span_sub(host, (size_t)(h->labels[i].p - host.p), host.len);
        const char *home = hosts_pair_find(hosts_suffixes, n_hosts_suffixes, tail);
        if (home) {
            h->suffix = tail;
            h->home = span_of(home);
            h->n = i;
            return true;
        }
    }
    return false;
}

// Takes the region out of the labels: the rightmost that looks like one, else GovCloud's short
// form.
static void take_region(struct hosts_parts *h)
{
    unsigned at = h->n;
    for (unsigned i = h->n; i > 0 && at == h->n; i--)
        if (hosts_is_region(h->labels[i - 1]))
            at = i - 1;
    if (at < h->n) {
        h->region = h->labels[at];
    } else {
        for (unsigned i = 0; i < h->n && at == h->n; i++)
            if (span_is(h->labels[i], "us-gov"))
                at = i;
        if (at == h->n)
            return;
        h->region = SPAN("us-gov-west-1");
    }
    h->n--;
    for (unsigned i = at; i < h->n; i++)
        h->labels[i] = h->labels[i + 1];
}

// Appends a label without its "-fips" or "fips-".
static void key_add(struct hosts_key *k, struct span label)
{
    char *out = k->text + k->len;
    size_t len = 0;
    for (size_t i = 0; i < label.len; i++) {
        struct span rest = span_sub(label, i, label.len);
        if (span_starts(rest, SPAN("-fips")) && (rest.len == 5 || rest.p[5] == '-'))
            i += 4;
        else
            out[len++] = label.p[i];
    }
    if (len > 5 && memcmp(out, "fips-", 5) == 0) {
        memmove(out, out + 5, len - 5);
        len -= 5;
    }
    k->label[k->n++] = span_from(out, len);
    k->len += len;
}

// The labels that say something, joined by dots. They fit: the whole host has at most 255 octets.
static void make_key(const struct hosts_parts *h, struct hosts_key *k)
{
    k->n = 0;
    k->len = 0;
    for (unsigned i = 0; i < h->n; i++) {
        struct span l = h->labels[i];
        if (span_is(l, "dualstack") || span_is(l, "fips") || span_is(l, "global") || is_account(l))
            continue;
        if (k->len)
            k->text[k->len++] = '.';
        key_add(k, l);
    }
}

size_t hosts_plane(struct span label)
{
    static const char *const planes[] = {"-api", "-control", "-control-plane"};
    for (size_t i = 0; i < sizeof(planes) / sizeof(planes[0]); i++)
        if (span_ends(label, span_of(planes[i])))
            return strlen(planes[i]);
    return 0;
}

// A compound of something known: what ends in a word whose compounds all sign alike
// (search-dynamodb), or in a word that names a plane of the same service (kafka-api).
static const char *find_family(struct span label)
{
    size_t plane = hosts_plane(label);
    if (plane)
        return hosts_pair_find(hosts_names, n_hosts_names, span_sub(label, 0, label.len - plane));
    for (size_t i = 1; i < label.len; i++)
        if (label.p[i - 1] == '-') {
            const char *name =
                hosts_pair_find(hosts_families, n_hosts_families, span_sub(label, i, label.len));
            if (name)
                return name;
        }
    return NULL;
}

// Empty where none can be told: of the hosts without a region on the newer suffixes (api.*, on.*)
// only those are taken that are known, since some belong to one partition and some to another.
static struct span region_for(const struct hosts_parts *h, const struct hosts_key *k)
{
    char text[HOSTS_MAX_HOST * 2];
    memcpy(text, k->text, k->len);
    text[k->len] = '.';
    memcpy(text + k->len + 1, h->suffix.p, h->suffix.len);
    struct span name = span_from(text, k->len + 1 + h->suffix.len);
    if (h->region.len) {
        const char *forced = hosts_pair_find(hosts_forced_regions, n_hosts_forced_regions, name);
        return forced ? span_of(forced) : h->region;
    }
    const char *region = hosts_pair_find(hosts_regions, n_hosts_regions, h->host);
    if (!region)
        region = hosts_pair_find(hosts_global, n_hosts_global, name);
    if (region)
        return span_of(region);
    bool is_new = span_starts(h->suffix, SPAN("api.")) || span_starts(h->suffix, SPAN("on."));
    return is_new ? SPAN("") : h->home;
}

void hosts_sign(struct hosts_answer *out, const char *service, struct span region, const char *rule)
{
    out->verdict = HOSTS_SIGN;
    out->service = span_of(service);
    out->region = region;
    out->is_sigv4a = span_is(region, "*");
    out->rule = rule;
}

void hosts_never(struct hosts_answer *out, const char *rule)
{
    out->verdict = HOSTS_NEVER_SIGN;
    out->rule = rule;
}

// aws.amazon.com and signin.aws hold web sites (docs, console, log-in pages); of the API hosts only
// that of sign-in lives there.
static bool is_site(struct span suffix, struct span last)
{
    if (span_is(suffix, "signin.aws"))
        return !span_is(last, "oauth");
    return span_is(suffix, "aws.amazon.com") && !span_is(last, "signin");
}

static void classify_key(struct hosts_parts *h, const struct hosts_key *k, struct arena *a,
                         struct hosts_answer *out)
{
    struct span joined = span_from(k->text, k->len);
    struct span last = k->label[k->n - 1];
    struct span region = region_for(h, k);
    const char *takes = hosts_pair_find(hosts_unsigned, n_hosts_unsigned, joined);
    if (takes) {
        out->takes_bearer = strcmp(takes, "bearer") == 0;
        hosts_never(out, "a service that takes no SigV4");
        return;
    }
    if (hosts_is_never(k)) {
        hosts_never(out, RULE_NEVER);
        return;
    }
    const char *name = hosts_pair_find(hosts_names, n_hosts_names, joined);
    const char *rule = "endpoint table";
    if (!name && hosts_form(k, region, out))
        return;
    if (!name && k->n > 1) {
        if (hosts_is_customers(k)) {
            hosts_never(out, "a customer's own host");
            return;
        }
        name = hosts_pair_find(hosts_names, n_hosts_names, last);
        rule = "endpoint table, last label";
    }
    if (!name && k->n == 1) {
        name = find_family(joined);
        rule = "endpoint table, compound name";
    }
    if (!name) {
        struct span label = hosts_unlisted(h, k, out);
        name = label.len ? arena_cstr(a, label) : NULL;
        out->undecided = span_of(arena_cstr(a, out->undecided));
        rule = "a regional endpoint, named by its label";
    }
    if (!name || is_site(h->suffix, last))
        return;
    bool is_4a = hosts_pair_find(hosts_sigv4a, n_hosts_sigv4a, joined) != NULL;
    hosts_sign(out, name, is_4a ? SPAN("*") : region, rule);
}

void hosts_classify(struct span host, struct arena *a, struct hosts_answer *out)
{
    struct hosts_parts h;
    struct hosts_key key;
    memset(out, 0, sizeof(*out));
    out->rule = "not an AWS host";
    if (host.len == 0 || host.len > HOSTS_MAX_HOST || !split(host, &h))
        return;
    out->is_aws = true;
    out->rule = "no known service";
    struct span outer = {0}; // what stands in front of a VPC endpoint's own name
    if (h.n && span_is(h.labels[h.n - 1], "vpce") && !hosts_open_vpce(&h, &outer, out))
        return;
    if (hosts_s3(&h, outer, out))
        return;
    take_region(&h);
    make_key(&h, &key);
    if (key.n)
        classify_key(&h, &key, a, out);
    if (out->verdict == HOSTS_SIGN && out->region.len == 0) {
        out->verdict = HOSTS_UNKNOWN;
        out->rule = "no known region";
    }
}

unsigned hosts_domains(const char **v, unsigned max)
{
    unsigned n = 0;
    for (size_t i = 0; i < n_hosts_suffixes && n < max; i++)
        v[n++] = hosts_suffixes[i].key;
    return n;
}

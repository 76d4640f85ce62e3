// SPDX-License-Identifier: Apache-2.0
// Services that opened after the table was made. A regional endpoint of AWS's own has exactly one
// shape, LABEL.REGION.SUFFIX, and its label is the signing name, except for compounds:
// bedrock-runtime signs as bedrock while ssm-contacts signs as itself. So a compound that has a
// word in common with known names is taken only where that family has always signed as itself;
// anything else stays undecided, and of what its words allow the client's own signature may choose.
// Nobody but AWS can have a host of this shape: what customers run has a name in front of the
// service's label, and it is not the name of a plane. docs/hosts.md has what each rule would have
// won and lost over the years.
#include <stdio.h>
#include <string.h>

#include "policy/hosts_int.h"
#include "policy/hosts_table.h"

#define MAX_NAME 40

// Words, each starting with a letter, joined by single hyphens: no ids, no addresses.
static bool is_name(struct span s)
{
    bool at_start = true;
    if (s.len < 2 || s.len > MAX_NAME)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool is_letter = s.p[i] >= 'a' && s.p[i] <= 'z';
        bool is_digit = s.p[i] >= '0' && s.p[i] <= '9';
        if (at_start ? !is_letter : !is_letter && !is_digit && s.p[i] != '-')
            return false;
        at_start = s.p[i] == '-';
    }
    return !at_start;
}

enum kin {
    KIN_NONE = 0, // nothing is known of the family
    KIN_OWN,      // its names sign as themselves
    KIN_OTHER,    // some do not, or too few are known
};

// "W-" for what stands in front of a hyphen, "-W" behind one.
static enum kin kin_of(struct span word, const char *before, const char *after)
{
    char text[HOSTS_MAX_HOST + 2];
    int len = snprintf(text, sizeof(text), "%s%.*s%s", before, SPAN_ARG(word), after);
    const char *how =
        hosts_pair_find(hosts_kin, n_hosts_kin, span_from(text, len > 0 ? (size_t)len : 0));
    if (!how)
        return KIN_NONE;
    return strcmp(how, "own") == 0 ? KIN_OWN : KIN_OTHER;
}

static bool is_known(struct span name)
{
    return hosts_pair_find(hosts_names, n_hosts_names, name) ||
           hosts_pair_find(hosts_unsigned, n_hosts_unsigned, name);
}

// Length of the "v2" at the end, or 0.
static size_t version_at_end(struct span name)
{
    size_t end = name.len;
    while (end > 0 && name.p[end - 1] >= '0' && name.p[end - 1] <= '9')
        end--;
    return end == name.len || end < 2 || name.p[end - 1] != 'v' ? 0 : name.len - end + 1;
}

// "eventsv2" signs as events, "wafv2" as itself.
static bool is_version_of_known(struct span name)
{
    size_t len = version_at_end(name);
    return len && is_known(span_sub(name, 0, name.len - len));
}

// A word that ends a label which signs under another name: the mail of email, which is ses.
static bool is_end_of_alias(struct span word)
{
    if (word.len < 4)
        return false;
    for (size_t i = 0; i < n_hosts_names; i++) {
        struct span key = span_of(hosts_names[i].key);
        if (span_find(key, '-') == key.len && span_find(key, '.') == key.len &&
            key.len > word.len && span_ends(key, word) && !span_is(key, hosts_names[i].value))
            return true;
    }
    return false;
}

// Every way to cut the compound in two must allow it.
static bool signs_as_itself(struct span name)
{
    size_t first = span_find(name, '-');
    if (is_version_of_known(name) || hosts_plane(name) ||
        (first < name.len && is_end_of_alias(span_sub(name, 0, first))))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] != '-')
            continue;
        struct span head = span_sub(name, 0, i);
        struct span tail = span_sub(name, i + 1, name.len);
        enum kin by_head = kin_of(head, "", "-");
        enum kin by_tail = kin_of(tail, "-", "");
        bool is_head_known = is_known(head);
        if (by_tail == KIN_OTHER || (is_known(tail) && by_head != KIN_OWN))
            return false;
        if (is_head_known ? by_head != KIN_OWN && by_tail != KIN_OWN : by_head == KIN_OTHER)
            return false;
    }
    return true;
}

static bool is_new_name(struct span name)
{
    return is_name(name) && !is_known(name);
}

static bool has_known_head(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] == '-' && is_known(span_sub(name, 0, i)))
            return true;
    return false;
}

// LABELS.REGION.SUFFIX of an endpoint, no label dropped, such as an account's number.
static bool is_regional(const struct hosts_parts *h, const struct hosts_key *k)
{
    return k->n == h->n && h->region.len > 0 && h->region.p + h->region.len + 1 == h->suffix.p &&
           hosts_pair_find(hosts_api_suffixes, n_hosts_api_suffixes, h->suffix);
}

// A label of its own that names a plane of the API. On the newer suffixes such a host may belong to
// a service of one region (api.sustainability.eu-west-1.api.aws is us-east-1's).
static bool is_plane_of_new(const struct hosts_parts *h, const struct hosts_key *k)
{
    static const char *const planes[] = {"admin", "api", "control", "controlplane", "dataplane"};
    if (k->n != 2 || !is_regional(h, k) || span_starts(h->suffix, SPAN("api.")))
        return false;
    for (size_t i = 0; i < sizeof(planes) / sizeof(planes[0]); i++)
        if (span_is(k->label[0], planes[i]))
            return is_new_name(k->label[1]) && !has_known_head(k->label[1]) &&
                   signs_as_itself(k->label[1]);
    return false;
}

struct span hosts_unlisted(const struct hosts_parts *h, const struct hosts_key *k,
                           struct hosts_answer *out)
{
    struct span label = k->label[0];
    if (is_plane_of_new(h, k))
        return k->label[1];
    if (k->n != 1 || !is_regional(h, k) || !is_new_name(label))
        return SPAN("");
    if (signs_as_itself(label))
        return label;
    struct span stem = span_sub(label, 0, label.len - hosts_plane(label));
    bool is_control = stem.len < label.len && !span_ends(label, SPAN("-api")); // finspace-api
    if (is_control && is_new_name(stem) && !has_known_head(stem) && signs_as_itself(stem))
        return stem;
    out->undecided = label;
    out->region = h->region;
    out->rule = "a new name in a known family, which does not tell how it signs";
    return SPAN("");
}

static bool is_name_of(struct span key, struct span service)
{
    const char *name = hosts_pair_find(hosts_names, n_hosts_names, key);
    return name && span_is(service, name);
}

bool hosts_may_sign_as(struct span label, struct span service)
{
    size_t version = version_at_end(label);
    if (span_eq(label, service) ||
        (version && is_name_of(span_sub(label, 0, label.len - version), service)))
        return true;
    for (size_t i = 0; i < label.len; i++) {
        if (label.p[i] != '-')
            continue;
        struct span head = span_sub(label, 0, i);
        if (is_name_of(head, service) || (!is_known(head) && span_eq(head, service)) ||
            is_name_of(span_sub(label, i + 1, label.len), service))
            return true;
    }
    return false;
}

// SPDX-License-Identifier: Apache-2.0
// Services that opened after the table was made. A regional endpoint of AWS's own has exactly one
// shape, LABEL.REGION.SUFFIX, and its label is the signing name, except for compounds:
// bedrock-runtime signs as bedrock while ssm-contacts signs as itself. So a compound that has a
// word in common with known names is taken only where that family has always signed as itself;
// anything else stays unknown. Nobody but AWS can have a host of this shape: what customers run has
// a name in front of the service's label.
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

// "eventsv2" signs as events, "wafv2" as itself.
static bool is_version_of_known(struct span name)
{
    size_t end = name.len;
    while (end > 0 && name.p[end - 1] >= '0' && name.p[end - 1] <= '9')
        end--;
    if (end == name.len || end < 2 || name.p[end - 1] != 'v')
        return false;
    return is_known(span_sub(name, 0, end - 1));
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

bool hosts_is_unlisted(const struct hosts_parts *h, const struct hosts_key *k)
{
    // No label was dropped either, such as an account's number.
    if (k->n != 1 || h->n != 1 || h->region.len == 0 ||
        h->region.p + h->region.len + 1 != h->suffix.p ||
        !hosts_pair_find(hosts_api_suffixes, n_hosts_api_suffixes, h->suffix))
        return false;
    return is_name(k->label[0]) && !is_known(k->label[0]) && signs_as_itself(k->label[0]);
}

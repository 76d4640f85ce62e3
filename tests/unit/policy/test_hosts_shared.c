// SPDX-License-Identifier: Apache-2.0
// Runs host lists that lie beside the checkout, where they are: "host TAB name TAB region", and
// "host TAB scheme TAB name TAB region" (scheme none: never signed, region ?: not named).
#include "policy/hosts.h"

#include "unit/test.h"

static struct span field(struct span *rest, char sep)
{
    struct span part = {0};
    (void)span_next(rest, sep, &part);
    return part;
}

static bool is_right(struct span line, bool has_scheme, struct arena *a)
{
    struct span host = field(&line, '\t');
    struct span scheme = has_scheme ? field(&line, '\t') : SPAN("sigv4");
    struct span name = field(&line, '\t');
    struct span region = field(&line, '\t');
    struct hosts_answer got;
    struct span bare = host;
    hosts_classify(field(&bare, ':'), a, &got);
    if (span_is(scheme, "none"))
        return got.verdict == HOSTS_NEVER_SIGN;
    if (span_is(region, "?"))
        region = SPAN("");
    return got.verdict == HOSTS_SIGN && span_eq(got.service, name) && span_eq(got.region, region);
}

static void run_list(const char *path, bool has_scheme)
{
    char line[1024];
    unsigned total = 0;
    unsigned bad = 0;
    struct arena a;
    FILE *f = fopen(path, "r");
    if (!f) {
        print_message("%s is not here, skipped\n", path);
        skip();
    }
    arena_init(&a);
    while (fgets(line, sizeof(line), f)) {
        struct span s = span_from(line, strcspn(line, "\r\n"));
        if (s.len == 0 || line[0] == '#')
            continue;
        total++;
        if (!is_right(s, has_scheme, &a) && bad++ < 20)
            print_error("wrong: %.*s\n", SPAN_ARG(s));
    }
    (void)fclose(f);
    arena_clear(&a);
    print_message("%s: %u of %u right\n", path, total - bad, total);
    assert_true(total > 0);
    assert_int_equal(bad, 0);
}

static void hosts_of_all_endpoints_are_right(void **state)
{
    (void)state;
    run_list(SOURCE_DIR "/../shared/hosts/hosts_dev.tsv", false);
}

static void hosts_of_special_forms_are_right(void **state)
{
    (void)state;
    run_list(SOURCE_DIR "/../shared/hosts/host_forms.tsv", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_all_endpoints_are_right),
        cmocka_unit_test(hosts_of_special_forms_are_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

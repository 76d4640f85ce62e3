// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <unistd.h>

#include "net/hosts_file_int.h"

static unsigned find(const char *text, const char *name, char list[256])
{
    struct net_addr a[4];
    unsigned n = hosts_find(span_of(text), span_of(name), a, 4);
    list[0] = '\0';
    for (unsigned i = 0; i < n; i++) {
        char one[NET_ADDR_TEXT];
        net_addr_format(&a[i], one);
        size_t len = strlen(list);
        (void)snprintf(list + len, 256 - len, "%s%s", i ? " " : "", one);
    }
    return n;
}

static void names_and_aliases_are_found_without_case(void **state)
{
    (void)state;
    char list[256];
    static const char text[] = "127.0.0.1\tlocalhost LOCAL\r\n::1 localhost ip6\n";
    assert_int_equal(find(text, "LocalHost", list), 2);
    assert_string_equal(list, "127.0.0.1:0 [::1]:0");
    assert_int_equal(find(text, "local", list), 1);
    assert_int_equal(find(text, "loc", list), 0);
    assert_int_equal(find("10.0.0.1 x.test.", "x.test", list), 1);
}

static void comments_bad_lines_and_repetitions_are_passed_over(void **state)
{
    (void)state;
    char list[256];
    static const char text[] = "#10.0.0.9 a\n10.0.0.1 b #a\nnot-an-address a\n\n \n10.0.0.2\n"
                               "10.0.0.3   a\n10.0.0.3 a\nfe80::1%lo a\n 10.0.0.4 a";
    assert_int_equal(find(text, "a", list), 2);
    assert_string_equal(list, "10.0.0.3:0 10.0.0.4:0");
}

static void no_more_than_asked_for_are_given(void **state)
{
    (void)state;
    char list[256];
    assert_int_equal(find("1.0.0.1 a\n1.0.0.2 a\n1.0.0.3 a\n1.0.0.4 a\n1.0.0.5 a\n", "a", list), 4);
}

static void a_file_is_changed_when_it_comes_grows_is_replaced_and_goes(void **state)
{
    (void)state;
    char path[] = "/tmp/sigv4-proxy-test-XXXXXX";
    struct buf b;
    struct watched_file w = {.path = path};
    int fd = mkstemp(path);
    assert_true(fd != -1);
    buf_init(&b);
    assert_true(watched_file_changed(&w));
    assert_false(watched_file_changed(&w));
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_true(watched_file_changed(&w));
    watched_file_read(&w, 100, &b);
    assert_span(buf_span(&b), "abc");
    watched_file_read(&w, 2, &b); // too large
    assert_span(buf_span(&b), "");
    assert_int_equal(close(fd) + unlink(path), 0);
    assert_true(watched_file_changed(&w));
    assert_false(watched_file_changed(&w));
    watched_file_read(&w, 100, &b);
    assert_int_equal(b.len, 0);
    w.path = "/dev";
    watched_file_read(&w, 100000, &b);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_aliases_are_found_without_case),
        cmocka_unit_test(comments_bad_lines_and_repetitions_are_passed_over),
        cmocka_unit_test(no_more_than_asked_for_are_given),
        cmocka_unit_test(a_file_is_changed_when_it_comes_grows_is_replaced_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

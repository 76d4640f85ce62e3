// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/buf.h"
#include "config/config.h"

static struct config *parse(const char *file)
{
    struct config *c = NULL;
    struct err e = {""};
    struct config_input in = {.file_name = "x.conf", .file = span_of(file)};
    assert_int_equal(config_parse(&in, &c, &e), ST_OK);
    assert_string_equal(e.text, "");
    return c;
}

static void only_a_start_reads_some_settings(void **state)
{
    (void)state;
    struct buf names;
    buf_init(&names);
    struct config *now = parse("listen = 127.0.0.1:1, 127.0.0.1:2\nworkers = 3\nvia = no\n"
                               "nameserver = 10.0.0.2\n");
    struct config *next = parse("listen = 127.0.0.1:1\nlisten_mode = 660\nvia = yes\n");
    config_keep_fixed(next, now, &names);
    assert_string_equal(buf_cstr(&names), "listen, listen_mode, workers, nameserver");
    assert_int_equal(next->listen.n, 2);
    assert_string_equal(next->listen.v[1], "127.0.0.1:2");
    assert_string_equal(next->listen_mode, "600");
    assert_int_equal(next->workers, 3);
    assert_string_equal(next->nameserver, "10.0.0.2");
    assert_true(next->via); // the rest is the new one's
    config_release(now);
    assert_string_equal(next->listen.v[0], "127.0.0.1:1"); // copies
    config_release(next);
    buf_clear(&names);
}

static void same_settings_need_no_restart(void **state)
{
    (void)state;
    struct buf names;
    buf_init(&names);
    struct config *now = parse("listen = 127.0.0.1:1\nworkers = auto\nmax_head = 32k\n");
    struct config *next = parse("listen = 127.0.0.1:1\nmax_head = 64k\n");
    config_keep_fixed(next, now, &names);
    assert_int_equal(names.len, 0);
    assert_int_equal(next->max_head, 65536);
    config_release(now);
    config_release(next);
    buf_clear(&names);
}

static void region_is_owned_and_may_be_found_again(void **state)
{
    (void)state;
    struct config *c = parse("");
    assert_null(c->default_region);
    config_take_region(c, strdup("eu-west-1"), strdup("AWS_REGION"));
    config_take_region(c, strdup("us-west-2"), strdup("profile x"));
    assert_string_equal(c->default_region, "us-west-2");
    assert_string_equal(c->default_region_source, "profile x");
    config_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_start_reads_some_settings),
        cmocka_unit_test(same_settings_need_no_restart),
        cmocka_unit_test(region_is_owned_and_may_be_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

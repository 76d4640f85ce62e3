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

// a.conf and b.conf for "*", nothing for "none*", else a failure.
static enum status include(const char *from, const char *pattern, const struct config_reader *r,
                           struct err *e)
{
    if (strcmp(pattern, "none*") == 0)
        return ST_OK;
    if (strcmp(pattern, "*") != 0)
        return err_set(e, ST_IO, "%s of %s: no such file", pattern, from);
    enum status st = r->read(r->arg, "a.conf", SPAN("via = no\n[route \"a.test\"]\nsign = none\n"));
    return st == ST_OK ? r->read(r->arg, "b.conf", SPAN("[policy]\naction = deny\n")) : st;
}

static enum status parse_with(const char *file, struct config **c, struct err *e)
{
    struct config_input in = {.file_name = "x.conf", .file = span_of(file), .include = include};
    return config_parse(&in, c, e);
}

static void included_files_stand_where_they_are_named(void **state)
{
    (void)state;
    struct config *c = NULL;
    struct err e = {""};
    char place[CONFIG_PLACE];
    assert_int_equal(parse_with("[proxy]\ninclude = none*\ninclude = *\nvia_is_no = 1\n", &c, &e),
                     ST_INVALID);
    assert_non_null(strstr(e.text, "x.conf:4: unknown key"));
    assert_int_equal(parse_with("include = *\nlog_query = yes\n[route \"x.test\"]\n", &c, &e),
                     ST_OK);
    assert_false(c->via);
    assert_true(c->log_query);
    assert_int_equal(c->n_routes, 2);
    assert_string_equal(config_place(c->routes[0].file, c->routes[0].line, place), "a.conf:2");
    assert_string_equal(config_place(c->routes[1].file, c->routes[1].line, place), "line 3");
    assert_int_equal(c->n_policies, 1);
    assert_string_equal(config_place(c->policies[0].file, c->policies[0].line, place), "b.conf:1");
    config_release(c);
}

static void refused_with(const char *file, const char *why)
{
    struct config *c = NULL;
    struct err e = {""};
    assert_int_not_equal(parse_with(file, &c, &e), ST_OK);
    assert_string_equal(e.text, why);
}

static void errors_of_included_files_are_told_once_with_their_place(void **state)
{
    (void)state;
    refused_with("include = missing\n", "x.conf:1: include: missing of x.conf: no such file");
    refused_with("via = yes\ninclude = *\n", "a.conf:1: \"via\" is set already in line 1");
    refused_with("include = *\nvia = yes\n", "x.conf:2: \"via\" is set already in a.conf:1");
    refused_with(
        "include = *\n[route \"a.test\"]\n",
        "x.conf:2: [route \"a.test\"] stands already in a.conf:2, and the first match wins");
    refused_with("include =\n", "x.conf:1: include: a value is missing");
    refused_with("[route \"x.test\"]\ninclude = *\n", "x.conf:2: include can't stand in a [route]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_start_reads_some_settings),
        cmocka_unit_test(same_settings_need_no_restart),
        cmocka_unit_test(included_files_stand_where_they_are_named),
        cmocka_unit_test(errors_of_included_files_are_told_once_with_their_place),
        cmocka_unit_test(region_is_owned_and_may_be_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

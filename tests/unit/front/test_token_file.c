// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "front/token_file.h"

struct fixture {
    char path[40];
    struct loop *loop;
    struct token_file *file;
    unsigned changes;
};

static void put(const struct fixture *fx, const char *text)
{
    int fd = open(fx->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void on_change(void *arg)
{
    struct fixture *fx = arg;
    fx->changes++;
}

static void fixture_make(struct fixture *fx)
{
    struct err e = {""};
    memset(fx, 0, sizeof(*fx));
    (void)snprintf(fx->path, sizeof(fx->path), "/tmp/test-token-file-XXXXXX");
    int fd = mkstemp(fx->path);
    assert_int_not_equal(fd, -1);
    (void)close(fd);
    put(fx, "0123456789abcdef\n");
    fx->loop = loop_new("test", &e);
    assert_int_equal(token_file_open(fx->loop, fx->path, &fx->file, &e), ST_OK);
    token_file_watch(fx->file, on_change, fx);
}

static void fixture_clear(struct fixture *fx)
{
    token_file_close(fx->file);
    loop_free(fx->loop);
    (void)unlink(fx->path);
}

static void changed_file_is_read_again(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_make(&fx);
    assert_non_null(token_set_find(token_file_get(fx.file), SPAN("0123456789abcdef")));
    put(&fx, "carol another-token-of-hers\n");
    token_file_poll(fx.file);
    token_file_poll(fx.file); // once is enough
    assert_int_equal(fx.changes, 1);
    assert_null(token_set_find(token_file_get(fx.file), SPAN("0123456789abcdef")));
    assert_string_equal(token_set_find(token_file_get(fx.file), SPAN("another-token-of-hers")),
                        "carol");
    fixture_clear(&fx);
}

static void wrong_or_missing_file_changes_nothing(void **state)
{
    (void)state;
    struct fixture fx;
    fixture_make(&fx);
    put(&fx, "short\n");
    token_file_poll(fx.file);
    assert_int_equal(fx.changes, 0);
    assert_int_equal(unlink(fx.path), 0);
    token_file_poll(fx.file);
    assert_int_equal(fx.changes, 0);
    assert_non_null(token_set_find(token_file_get(fx.file), SPAN("0123456789abcdef")));
    fixture_clear(&fx);
}

static void refuses_what_is_no_file_of_tokens(void **state)
{
    (void)state;
    struct err e = {""};
    struct token_file *f = NULL;
    struct loop *l = loop_new("test", &e);
    assert_int_not_equal(token_file_open(l, "/nowhere/at/all", &f, &e), ST_OK);
    assert_string_equal(e.text, "/nowhere/at/all: No such file or directory");
    assert_int_not_equal(token_file_open(l, "/tmp", &f, &e), ST_OK);
    assert_string_equal(e.text, "/tmp: not a regular file");
    token_file_close(NULL);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_file_is_read_again),
        cmocka_unit_test(wrong_or_missing_file_changes_nothing),
        cmocka_unit_test(refuses_what_is_no_file_of_tokens),
    };
    digest_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

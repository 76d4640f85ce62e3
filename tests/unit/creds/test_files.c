// SPDX-License-Identifier: Apache-2.0
#include "folder.h"

#include "creds/files_int.h"

static enum status read_it(const struct folder *d, struct buf *out, struct file_id *id,
                           struct err *e)
{
    buf_init_secret(out);
    return file_read(folder_at(d, "config"), out, id, e);
}

static void file_is_read_whole_up_to_1_mib(void **state)
{
    (void)state;
    struct folder d = folder_new();
    struct buf b;
    struct file_id id;
    struct err e;
    char *text = malloc(FILE_LEN_MAX + 2);
    assert_non_null(text);
    memset(text, 'x', FILE_LEN_MAX + 1);
    text[FILE_LEN_MAX] = '\0';
    folder_put(&d, "config", text);
    assert_int_equal(read_it(&d, &b, &id, &e), ST_OK);
    assert_int_equal(b.len, FILE_LEN_MAX);
    assert_memory_equal(b.p, text, FILE_LEN_MAX);
    assert_int_equal(id.size, FILE_LEN_MAX);
    buf_clear(&b);
    text[FILE_LEN_MAX] = 'x';
    text[FILE_LEN_MAX + 1] = '\0';
    folder_put(&d, "config", text);
    assert_int_equal(read_it(&d, &b, &id, &e), ST_LIMIT);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    free(text);
    folder_free(&d);
}

static void fifo_folder_and_missing_file_are_refused_at_once(void **state)
{
    (void)state;
    struct folder d = folder_new();
    struct buf b;
    struct file_id id;
    struct err e;
    assert_int_equal(read_it(&d, &b, &id, &e), ST_DECLINED);
    assert_false(id.exists);
    assert_string_equal(e.text, "no such file");
    buf_clear(&b);
    assert_int_equal(mkfifo(folder_at(&d, "config"), 0600), 0);
    assert_int_equal(read_it(&d, &b, &id, &e), ST_INVALID); // would block for ever
    buf_clear(&b);
    folder_remove(&d, "config");
    assert_int_equal(mkdir(folder_at(&d, "config"), 0700), 0);
    assert_int_equal(read_it(&d, &b, &id, &e), ST_INVALID);
    assert_string_equal(e.text, "not a regular file");
    assert_true(id.exists);
    buf_clear(&b);
    folder_free(&d);
}

static void file_emptied_a_moment_ago_is_being_written(void **state)
{
    (void)state;
    struct folder d = folder_new();
    struct buf b;
    struct file_id id;
    struct err e;
    folder_put(&d, "config", "");
    assert_int_equal(read_it(&d, &b, &id, &e), ST_AGAIN);
    buf_clear(&b);
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, folder_at(&d, "config"), old, 0), 0);
    assert_int_equal(read_it(&d, &b, &id, &e), ST_OK);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    folder_free(&d);
}

static void identity_changes_with_content_mode_and_replacement(void **state)
{
    (void)state;
    struct folder d = folder_new();
    struct file_id a;
    struct file_id b;
    file_look(folder_at(&d, "config"), &a);
    file_look(folder_at(&d, "config"), &b);
    assert_true(file_id_same(&a, &b));
    folder_put(&d, "config", "one");
    file_look(folder_at(&d, "config"), &b);
    assert_false(file_id_same(&a, &b));
    file_look(folder_at(&d, "config"), &a);
    assert_true(file_id_same(&a, &b));
    assert_int_equal(chmod(folder_at(&d, "config"), 0400), 0);
    file_look(folder_at(&d, "config"), &a);
    assert_false(file_id_same(&a, &b));
    folder_put(&d, "config", "two");
    file_look(folder_at(&d, "config"), &b);
    assert_false(file_id_same(&a, &b));
    folder_free(&d);
}

static void variable_is_found_by_its_whole_name_and_empty_is_absent(void **state)
{
    (void)state;
    char *const envp[] = {"AWS_REGION_X=a", "AWS_REGION=b=c", "EMPTY=", "AWS_REGION=second", NULL};
    assert_string_equal(envp_get(envp, "AWS_REGION"), "b=c");
    assert_null(envp_get(envp, "EMPTY"));
    assert_null(envp_get(envp, "AWS"));
    assert_null(envp_get(NULL, "AWS"));
}

static char *path_with(const char *home, const char *variable, const char *default_path)
{
    char home_text[64];
    char variable_text[64];
    (void)snprintf(home_text, sizeof(home_text), "HOME=%s", home);
    (void)snprintf(variable_text, sizeof(variable_text), "V=%s", variable);
    char *const envp[] = {home_text, variable_text, NULL};
    return path_of_file(envp, "V", default_path);
}

static void tilde_is_the_home_only_as_the_whole_first_segment(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *want;
    } rows[] = {
        {"", "/h/.aws/config"},
        {"~/x", "/h/x"},
        {"~", "/h"},
        {"/a/~/b", "/a/~/b"},
        {"~u/x", "~u/x"},
        {"$HOME/x", "$HOME/x"},
        {"rel/x", "rel/x"},
        {"/dev/null", "/dev/null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *path = path_with("/h", rows[i].variable, "~/.aws/config");
        assert_string_equal(path, rows[i].want);
        free(path);
    }
    // F48: an empty HOME falls back to the user's record, never to the root folder.
    char *path = path_with("", "", "~/.aws/config");
    assert_string_not_equal(path, "/.aws/config");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_read_whole_up_to_1_mib),
        cmocka_unit_test(fifo_folder_and_missing_file_are_refused_at_once),
        cmocka_unit_test(file_emptied_a_moment_ago_is_being_written),
        cmocka_unit_test(identity_changes_with_content_mode_and_replacement),
        cmocka_unit_test(variable_is_found_by_its_whole_name_and_empty_is_absent),
        cmocka_unit_test(tilde_is_the_home_only_as_the_whole_first_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

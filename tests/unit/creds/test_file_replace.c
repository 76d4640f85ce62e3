// SPDX-License-Identifier: Apache-2.0
#include "folder.h"

#include "creds/files_int.h"

static struct folder folder;
static struct err e;

static int setup(void **state)
{
    (void)state;
    folder = folder_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    folder_free(&folder);
    return 0;
}

static void assert_holds(const char *name, const char *want)
{
    struct buf b;
    struct file_id id;
    buf_init(&b);
    assert_int_equal(file_read(folder_at(&folder, name), &b, &id, &e), ST_OK);
    assert_string_equal(buf_cstr(&b), want);
    assert_int_equal(id.mode & 0777, 0600);
    buf_clear(&b);
}

static unsigned n_files(void)
{
    unsigned n = 0;
    DIR *all = opendir(folder.path);
    while (readdir(all))
        n++;
    assert_int_equal(closedir(all), 0);
    return n - 2;
}

static void replaced_file_is_whole_and_private_and_alone(void **state)
{
    (void)state;
    assert_int_equal(file_replace(folder_at(&folder, "a"), SPAN("one"), &e), ST_OK);
    assert_holds("a", "one");
    assert_int_equal(chmod(folder_at(&folder, "a"), 0644), 0);
    assert_int_equal(file_replace(folder_at(&folder, "a"), SPAN("two"), &e), ST_OK);
    assert_holds("a", "two");
    assert_int_equal(n_files(), 1);
}

static void file_that_can_not_be_replaced_is_named_and_nothing_stays(void **state)
{
    (void)state;
    assert_int_equal(mkdir(folder_at(&folder, "d"), 0700), 0);
    assert_int_equal(file_replace(folder_at(&folder, "d"), SPAN("x"), &e), ST_IO);
    assert_non_null(strstr(e.text, "/d can't be written: "));
    assert_int_equal(n_files(), 1);
    assert_int_equal(file_replace(folder_at(&folder, "none/x"), SPAN("x"), &e), ST_IO);
}

static void folders_are_made_down_to_the_last_and_private(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(folder_make(folder_at(&folder, "x/y"), &e), ST_OK);
    assert_int_equal(stat(folder_at(&folder, "x/y"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(folder_make(folder_at(&folder, "x/y"), &e), ST_OK);
    assert_int_equal(rmdir(folder_at(&folder, "x/y")), 0);
    folder_put(&folder, "f", "");
    assert_int_equal(folder_make(folder_at(&folder, "f/g"), &e), ST_IO);
}

static void lock_is_held_by_one_at_a_time(void **state)
{
    (void)state;
    int first = -1;
    int second = -1;
    assert_int_equal(file_lock(folder_at(&folder, "a"), &first, &e), ST_OK);
    assert_int_equal(file_lock(folder_at(&folder, "b"), &second, &e), ST_AGAIN);
    assert_int_equal(second, -1);
    file_unlock(&first);
    assert_int_equal(first, -1);
    assert_int_equal(file_lock(folder_at(&folder, "b"), &second, &e), ST_OK);
    file_unlock(&second);
    assert_int_equal(file_lock(folder_at(&folder, "none/a"), &first, &e), ST_IO);
    assert_int_equal(n_files(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replaced_file_is_whole_and_private_and_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(file_that_can_not_be_replaced_is_named_and_nothing_stays,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(folders_are_made_down_to_the_last_and_private, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lock_is_held_by_one_at_a_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// In a child with little address space. A sanitizer's shadow needs more than that.
#include "unit/test.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"

#define MIB ((size_t)1 << 20)

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &pages), 1);
    (void)fclose(f);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit_to(size_t more)
{
    size_t most = address_space() + more;
    struct rlimit r = {most, most};
    assert_int_equal(setrlimit(RLIMIT_AS, &r), 0);
}

static void last_words(void)
{
    (void)!write(STDERR_FILENO, "end\n", 4);
}

// What the child of this function says on standard error, and how it ends.
static int told(void (*child)(void), char *text, size_t room)
{
    int fds[2];
    int how = 0;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (!pid) {
        (void)dup2(fds[1], STDERR_FILENO);
        child();
        _exit(0);
    }
    (void)close(fds[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<room - 1; len += n> 0 ? (size_t)n : 0)
        n = read(fds[0], text + len, room - 1 - len);
    text[len] = '\0';
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return how;
}

static void use_it_up(void)
{
    limit_to(16 * MIB);
    xalloc_reserve(last_words);
    unsigned n = 0;
    while (!xalloc_is_short()) {
        (void)xmap(MIB);
        n++;
    }
    if (n < 10) // of 16, without the reserve's 4
        _exit(1);
    (void)!write(STDERR_FILENO, "short\n", 6);
    for (;;)
        (void)xmap(MIB);
}

static void reserve_serves_first_then_the_process_says_so_and_ends(void **state)
{
    (void)state;
    char text[200];
    int how = told(use_it_up, text, sizeof(text));
    assert_string_equal(text, "short\nsigv4-proxy: out of memory\nend\n");
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), XALLOC_EXIT);
}

static void use_it_and_give_back(void)
{
    limit_to(16 * MIB);
    xalloc_reserve(NULL);
    void *large[64];
    unsigned n = 0;
    while (!xalloc_is_short())
        large[n++] = xmap(MIB);
    for (unsigned i = 0; i < 4; i++) // room for the reserve
        (void)munmap(large[i], MIB);
    if (xalloc_is_short() || xalloc_is_short())
        _exit(1);
    (void)xmap(4 * MIB); // out of it again
    _exit(xalloc_is_short() ? 0 : 2);
}

static void reserve_is_set_aside_again_once_there_is_room(void **state)
{
    (void)state;
    char text[200];
    assert_int_equal(told(use_it_and_give_back, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void only_use_up(void)
{
    limit_to(16 * MIB);
    for (;;)
        (void)xmalloc(4 * MIB);
}

static void without_a_reserve_it_ends_at_once(void **state)
{
    (void)state;
    char text[200];
    int how = told(only_use_up, text, sizeof(text));
    assert_string_equal(text, "sigv4-proxy: out of memory\n");
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), XALLOC_EXIT);
}

static void lengths_of_nothing_and_alignment(void **state)
{
    (void)state;
    char *p = xmalloc(0);
    assert_non_null(p);
    p = xrealloc(p, 0);
    assert_non_null(p);
    free(p);
    p = xaligned(64, 65);
    assert_int_equal((uintptr_t)p % 64, 0);
    memset(p, 1, 128);
    free(p);
    assert_int_equal(xadd(1, 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(reserve_serves_first_then_the_process_says_so_and_ends),
        cmocka_unit_test(reserve_is_set_aside_again_once_there_is_room),
        cmocka_unit_test(without_a_reserve_it_ends_at_once),
#endif
        cmocka_unit_test(lengths_of_nothing_and_alignment),
    };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)told;
    (void)use_it_up;
    (void)use_it_and_give_back;
    (void)only_use_up;
    (void)reserve_serves_first_then_the_process_says_so_and_ends;
    (void)reserve_is_set_aside_again_once_there_is_room;
    (void)without_a_reserve_it_ends_at_once;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}

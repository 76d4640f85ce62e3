// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "unit/base/aborts.h"

#include "base/arena.h"

static void memory_is_aligned_and_never_overlaps(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 15, 16, 17, 0, 4096, 5000, 3, 4080, 100000, 7};
    enum { N = sizeof(lens) / sizeof(lens[0]) };
    struct arena a;
    unsigned char *p[N];
    arena_init(&a);
    for (size_t i = 0; i < N; i++) {
        p[i] = arena_alloc(&a, lens[i]);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        memset(p[i], (int)i + 1, lens[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < lens[i]; j++)
            assert_int_equal(p[i][j], i + 1);
    arena_clear(&a);
    assert_null(a.head);
    assert_int_equal(a.used, 0);
    arena_clear(&a);
}

static void reset_reuses_the_first_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    void *first = arena_alloc(&a, 100);
    (void)arena_alloc(&a, 4000);
    (void)arena_alloc(&a, 50000);
    assert_true(a.used >= 54100);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    assert_ptr_equal(arena_alloc(&a, 100), first);
    arena_clear(&a);
}

static void reset_keeps_no_large_block(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    (void)arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    assert_null(a.head);
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 1));
    arena_clear(&a);
}

static void zalloc_gives_zeros_on_used_memory(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    memset(arena_alloc(&a, 256), 0xff, 256);
    arena_reset(&a);
    const unsigned char *p = arena_zalloc(&a, 256);
    for (int i = 0; i < 256; i++)
        assert_int_equal(p[i], 0);
    arena_clear(&a);
}

static void copies_end_with_nul_and_hold_any_octet(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct span s = arena_dup(&a, SPAN("a\0b"));
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.p, "a\0b", 4);
    assert_string_equal(arena_cstr(&a, (struct span){NULL, 0}), "");
    arena_clear(&a);
}

static void formatting_is_not_cut(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct span s = arena_spanf(&a, "%s-%06000d", "x", 7);
    assert_int_equal(s.len, 6002);
    assert_int_equal(s.p[6001], '7');
    assert_string_equal(arena_printf(&a, "%d", 42), "42");
    assert_string_equal(arena_printf(&a, "%s", ""), "");
    arena_clear(&a);
}

static void parts_are_joined_and_end_with_nul(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct span s = ARENA_JOIN(&a, SPAN("a"), SPAN(""), span_of(NULL), arena_decimal(&a, 120));
    assert_span(s, "a120");
    assert_string_equal(s.p, "a120");
    assert_span(ARENA_JOIN(&a, SPAN("")), "");
    arena_clear(&a);
}

static void allocate(void *len)
{
    struct arena a;
    arena_init(&a);
    (void)arena_alloc(&a, *(const size_t *)len);
}

// Rounding the length up must not wrap to a small block.
static void absurd_length_aborts(void **state)
{
    (void)state;
    static size_t lens[] = {SIZE_MAX, SIZE_MAX - 14, SIZE_MAX - 40};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        assert_aborts(allocate, &lens[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_aligned_and_never_overlaps),
        cmocka_unit_test(reset_reuses_the_first_block),
        cmocka_unit_test(reset_keeps_no_large_block),
        cmocka_unit_test(zalloc_gives_zeros_on_used_memory),
        cmocka_unit_test(copies_end_with_nul_and_hold_any_octet),
        cmocka_unit_test(formatting_is_not_cut),
        cmocka_unit_test(parts_are_joined_and_end_with_nul),
        cmocka_unit_test(absurd_length_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

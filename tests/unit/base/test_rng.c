// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/rng.h"

// The first output by hand: rotl(2 * 5, 7) * 9; the others from the definition, computed apart.
static void generator_is_xoshiro256_star_star(void **state)
{
    (void)state;
    static const uint64_t want[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600};
    struct rng r = {{1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
        assert_true(rng_u64(&r) == want[i]);
}

static void seed_goes_through_splitmix64(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 0);
    assert_true(r.s[0] == 0xe220a8397b1dcdaf);
    assert_true(r.s[3] == 0xf88bb8a8724c81ec);
    assert_true(rng_u64(&r) == 0x99ec5f36cb75f2b4);
}

static void same_seed_gives_the_same_and_another_another(void **state)
{
    (void)state;
    struct rng a;
    struct rng b;
    struct rng c;
    rng_seed(&a, 7);
    rng_seed(&b, 7);
    rng_seed(&c, 8);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t n = rng_u64(&a);
        assert_true(n == rng_u64(&b));
        differs = differs || n != rng_u64(&c);
    }
    assert_true(differs);
    rng_seed_kernel(&a);
    rng_seed_kernel(&b);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

static void unit_is_in_range_and_fills_it_evenly(void **state)
{
    (void)state;
    struct rng r;
    int bins[10] = {0};
    rng_seed(&r, 1);
    for (int i = 0; i < 100000; i++) {
        double x = rng_unit(&r);
        assert_true(x >= 0 && x < 1);
        bins[(int)(x * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(bins[i], 9500, 10500);
}

static void below_stays_below_and_reaches_both_ends(void **state)
{
    (void)state;
    struct rng r;
    bool seen[3] = {false, false, false};
    rng_seed(&r, 2);
    for (int i = 0; i < 1000; i++) {
        int64_t n = rng_below(&r, 3);
        assert_in_range(n, 0, 2);
        seen[n] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_int_equal(rng_below(&r, 1), 0);
    assert_int_equal(rng_below(&r, 0), 0);
    assert_int_equal(rng_below(&r, -5), 0);
    for (int i = 0; i < 1000; i++) {
        int64_t n = rng_below(&r, INT64_MAX);
        assert_true(n >= 0 && n < INT64_MAX);
    }
}

// All bits of the state set make the largest draw: rounding must not carry it to the bound.
static void below_never_rounds_up_to_its_bound(void **state)
{
    (void)state;
    static const int64_t bounds[] = {3, 1000, (INT64_C(1) << 53) + 3, INT64_MAX - 1, INT64_MAX};
    // rotl(s1 * 5, 7) * 9 is all ones for this s1: 9 and 5 have inverses modulo 2^64.
    const uint64_t inverse_9 = 0x8e38e38e38e38e39;
    const uint64_t inverse_5 = 0xcccccccccccccccd;
    uint64_t x = UINT64_MAX * inverse_9;
    x = ((x >> 7) | (x << 57)) * inverse_5;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        struct rng r = {{1, x, 3, 4}};
        struct rng copy = r;
        assert_true(rng_u64(&copy) == UINT64_MAX);
        int64_t n = rng_below(&r, bounds[i]);
        assert_true(n >= 0 && n < bounds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generator_is_xoshiro256_star_star),
        cmocka_unit_test(seed_goes_through_splitmix64),
        cmocka_unit_test(same_seed_gives_the_same_and_another_another),
        cmocka_unit_test(unit_is_in_range_and_fills_it_evenly),
        cmocka_unit_test(below_stays_below_and_reaches_both_ends),
        cmocka_unit_test(below_never_rounds_up_to_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

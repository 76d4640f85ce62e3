// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include "base/clock.h"

// Days that calendars stumble over, by hand or by any almanac.
static const struct {
    int64_t epoch_s;
    struct clock_date date;
} known[] = {
    {0, {1970, 1, 1, 0, 0, 0}},
    {-1, {1969, 12, 31, 23, 59, 59}},
    {951782400, {2000, 2, 29, 0, 0, 0}}, // 2000 is a leap year
    {951868800, {2000, 3, 1, 0, 0, 0}},
    {1456790399, {2016, 2, 29, 23, 59, 59}},
    {4107542399, {2100, 2, 28, 23, 59, 59}}, // 2100 is none
    {4107542400, {2100, 3, 1, 0, 0, 0}},
    {-2208988800, {1900, 1, 1, 0, 0, 0}},
    {2147483648, {2038, 1, 19, 3, 14, 8}}, // beyond 32 bits
    {253402300799, {9999, 12, 31, 23, 59, 59}},
};

static void split_and_join_agree_on_known_days(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct clock_date d;
        clock_split(known[i].epoch_s, &d);
        assert_memory_equal(&d, &known[i].date, sizeof(d));
        assert_int_equal(clock_join(&known[i].date), known[i].epoch_s);
    }
}

static void join_undoes_split_for_every_day_of_four_centuries(void **state)
{
    (void)state;
    struct clock_date last = {0, 0, 0, 0, 0, 0};
    clock_split((int64_t)-40001 * 86400, &last);
    for (int64_t day = -40000; day < 110000; day++) {
        struct clock_date d;
        int64_t s = day * 86400 + 43210;
        clock_split(s, &d);
        assert_int_equal(clock_join(&d), s);
        if (d.month == last.month)
            assert_int_equal(d.day, last.day + 1);
        else
            assert_true(d.day == 1 && d.month == last.month % 12 + 1 && last.day >= 28);
        last = d;
    }
}

static void iso_text_has_milliseconds_and_z(void **state)
{
    (void)state;
    char text[25];
    clock_format_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_format_iso(1795489445678, text);
    assert_string_equal(text, "2026-11-24T03:04:05.678Z");
    clock_format_iso(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static int64_t parsed(const char *text)
{
    int64_t ms = INT64_MIN;
    assert_int_equal(clock_parse_iso(text, &ms), ST_OK);
    return ms;
}

static void parse_takes_fractions_and_offsets(void **state)
{
    (void)state;
    assert_int_equal(parsed("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(parsed("2026-11-24T03:04:05.678Z"), 1795489445678);
    assert_int_equal(parsed("2026-11-24t03:04:05z"), 1795489445000);
    assert_int_equal(parsed("2026-11-24 03:04:05Z"), 1795489445000);
    assert_int_equal(parsed("2026-11-24T03:04:05.6Z"), 1795489445600);
    assert_int_equal(parsed("2026-11-24T03:04:05.678999999999999999999Z"), 1795489445678);
    assert_int_equal(parsed("2026-11-24T04:34:05+01:30"), 1795489445000);
    assert_int_equal(parsed("2026-11-23T19:04:05-08:00"), 1795489445000);
    assert_int_equal(parsed("1969-12-31T23:59:59.999Z"), -1);
    assert_int_equal(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
}

static void parse_refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-24",
        "2026-11-24T03:04:05",
        "2026-11-24T03:04:05.Z",
        "2026-11-24T03:04:05Z ",
        "2026-11-24T03:04:05+0100",
        "2026-11-24T03:04:05+24:00",
        "2026-11-24T03:04:05+01:60",
        "2026-13-24T03:04:05Z",
        "2026-00-24T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2026-11-31T03:04:05Z",
        "2026-11-00T03:04:05Z",
        "2026-11-24T24:04:05Z",
        "2026-11-24T03:60:05Z",
        "2026-11-24T03:04:61Z",
        "26-11-24T03:04:05Z",
        "2026-1-24T03:04:05Z",
        "-026-11-24T03:04:05Z",
        " 2026-11-24T03:04:05Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 7;
        if (clock_parse_iso(bad[i], &ms) != ST_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(ms, 7);
    }
    int64_t ms = 0;
    assert_int_equal(clock_parse_iso("2000-02-29T00:00:00Z", &ms), ST_OK);
    assert_int_equal(clock_parse_iso("1900-02-29T00:00:00Z", &ms), ST_INVALID);
}

static void monotonic_clock_does_not_go_back_and_units_agree(void **state)
{
    (void)state;
    int64_t us = clock_mono_us();
    int64_t ms = clock_mono_ms();
    assert_true(ms >= us / 1000);
    assert_true(clock_mono_us() >= ms * 1000);
    assert_true(clock_wall_ms() > 1700000000000); // after 2023, in milliseconds
    assert_true(clock_wall_ms() < 4102444800000); // before 2100
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_and_join_agree_on_known_days),
        cmocka_unit_test(join_undoes_split_for_every_day_of_four_centuries),
        cmocka_unit_test(iso_text_has_milliseconds_and_z),
        cmocka_unit_test(parse_takes_fractions_and_offsets),
        cmocka_unit_test(parse_refuses_what_is_no_time),
        cmocka_unit_test(monotonic_clock_does_not_go_back_and_units_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <stdatomic.h>
#include <unistd.h>

#include "front/body.h"

struct fixture {
    struct loop *loop;
    struct limit spool;
    struct body_options options;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err e = {""};
    digest_setup();
    f->loop = loop_new("test", &e);
    limit_init(&f->spool, 1 << 20);
    f->options = (struct body_options){.loop = f->loop,
                                       .spool = &f->spool,
                                       .spool_dir = "/tmp",
                                       .memory_max = 40000,
                                       .total_max = 200000,
                                       .keep_max = UINT64_MAX,
                                       .is_hashed = true};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    loop_free(f->loop);
    digest_thread_end();
    free(f);
    return 0;
}

// Byte i of the test body.
static char octet(size_t i)
{
    return (char)((i * 31 + i / 251) & 0xff);
}

static void fill(struct body *b, size_t from, size_t len)
{
    char piece[777];
    while (len) {
        size_t n = len < sizeof(piece) ? len : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = octet(from + i);
        assert_int_equal(body_add(b, span_from(piece, n)), ST_OK);
        from += n;
        len -= n;
    }
}

// Reads `len` bytes that must be the test body's from `from` on.
static void check(struct body *b, size_t from, size_t len)
{
    while (len) {
        struct span s = body_peek(b);
        assert_non_null(s.p);
        assert_true(s.len > 0);
        size_t n = s.len < len ? s.len : len;
        for (size_t i = 0; i < n; i++)
            assert_int_equal(s.p[i], octet(from + i));
        body_take(b, n);
        from += n;
        len -= n;
    }
}

static void bytes_come_back_from_memory_and_then_the_file(void **state)
{
    struct fixture *f = *state;
    struct body b;
    body_init(&b, &f->options);
    fill(&b, 0, 150000);
    assert_true(limit_used(&f->spool) > 0);
    check(&b, 0, 150000);
    assert_int_equal(body_unread(&b), 0);
    assert_int_equal(body_peek(&b).len, 0);
    body_clear(&b);
    assert_int_equal(limit_used(&f->spool), 0);
}

// Takes it in steps that end within, at and behind the pieces; forgetting must not lose any.
static void take_in_steps(struct body *b, size_t len, unsigned most)
{
    static const size_t steps[] = {1, 16383, 16384, 16385, 40000, 65536};
    size_t at = 0;
    for (unsigned turn = 0; at < len; turn++) {
        struct span part[5];
        size_t max = steps[turn % 6];
        unsigned n = body_peek_parts(b, max, part, most);
        assert_in_range(n, 1, most);
        size_t total = 0;
        for (unsigned i = 0; i < n; i++)
            for (size_t k = 0; k < part[i].len; k++)
                assert_int_equal(part[i].p[k], octet(at + total++));
        assert_in_range(total, 1, max);
        body_take(b, total);
        at += total;
    }
    assert_int_equal(at, len);
    assert_int_equal(body_unread(b), 0);
}

static void several_pieces_are_read_together(void **state)
{
    struct fixture *f = *state;
    struct body b;
    for (unsigned most = 1; most <= 5; most++) {
        body_init(&b, &f->options);
        fill(&b, 0, 150000); // memory, then the file
        take_in_steps(&b, 150000, most);
        struct span part[1];
        assert_int_equal(body_peek_parts(&b, 1, part, 1), 0);
        body_rewind(&b);
        body_forget(&b);
        take_in_steps(&b, 150000, most);
        body_clear(&b);
        assert_int_equal(limit_used(&f->spool), 0);
    }
}

static void a_rewound_reader_sees_the_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct body b;
    body_init(&b, &f->options);
    fill(&b, 0, 90000);
    check(&b, 0, 61234);
    assert_true(body_is_rewindable(&b));
    body_rewind(&b);
    check(&b, 0, 90000);
    body_rewind(&b);
    fill(&b, 90000, 10000);
    check(&b, 0, 100000);
    body_clear(&b);
}

static void reading_while_writing_keeps_order(void **state)
{
    struct fixture *f = *state;
    struct body b;
    body_init(&b, &f->options);
    for (size_t at = 0; at < 120000; at += 5000) {
        fill(&b, at, 5000);
        check(&b, at, 5000);
    }
    body_clear(&b);
}

static void a_forgetting_store_stays_small_and_cannot_rewind(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.total_max = UINT64_MAX;
    body_init(&b, &f->options);
    assert_true(body_is_rewindable(&b));
    body_forget(&b);
    for (size_t at = 0; at < 1000000; at += 7000) {
        fill(&b, at, 7000);
        check(&b, at, 7000);
        assert_true(b.in_memory <= (uint64_t)2 * LOOP_BUF_LEN);
    }
    assert_false(body_is_rewindable(&b));
    assert_int_equal(b.fd, -1);
    body_clear(&b);
}

static void the_hash_covers_all_bytes_wherever_they_lie(void **state)
{
    struct fixture *f = *state;
    struct body b;
    char hex[DIGEST_HEX + 1];
    body_init(&b, &f->options);
    assert_int_equal(body_add(&b, SPAN("abc")), ST_OK);
    body_hash(&b, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    body_clear(&b);
}

static void scarce_memory_holds_a_buffer_and_the_file_the_rest(void **state)
{
    struct fixture *f = *state;
    _Atomic int64_t in_use = 1001;
    struct body b;
    f->options.in_use = &in_use;
    f->options.in_use_max = 1000;
    body_init(&b, &f->options);
    fill(&b, 0, 30000);
    assert_int_equal(b.in_memory, LOOP_BUF_LEN);
    assert_int_equal(b.in_file, 30000 - LOOP_BUF_LEN);
    atomic_store(&in_use, 1000);
    fill(&b, 30000, 5000); // behind a file there is no way back to memory
    check(&b, 0, 35000);
    body_clear(&b);
    body_init(&b, &f->options);
    fill(&b, 0, 40000);
    assert_int_equal(b.in_file, 0);
    body_clear(&b);
}

static void more_than_the_total_is_a_limit_and_a_full_spool_an_io_error(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.total_max = 50000;
    body_init(&b, &f->options);
    fill(&b, 0, 50000);
    assert_int_equal(body_add(&b, SPAN("x")), ST_LIMIT);
    body_clear(&b);
    limit_set_cap(&f->spool, 1000);
    body_init(&b, &f->options);
    fill(&b, 0, 40000);
    char piece[2000] = {0};
    assert_int_equal(body_add(&b, span_from(piece, sizeof(piece))), ST_IO);
    body_clear(&b);
    assert_int_equal(limit_used(&f->spool), 0);
}

static void a_missing_spool_folder_refuses_what_memory_does_not_hold(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.spool_dir = "/nowhere/at/all";
    body_init(&b, &f->options);
    fill(&b, 0, 40000);
    assert_int_equal(body_add(&b, SPAN("x")), ST_IO);
    assert_int_equal(b.fd, -1);
    body_clear(&b);
}

static void pass(struct body *b, size_t from, size_t len)
{
    char piece[777];
    while (len) {
        size_t n = len < sizeof(piece) ? len : sizeof(piece);
        for (size_t i = 0; i < n; i++)
            piece[i] = octet(from + i);
        body_pass(b, span_from(piece, n));
        assert_int_equal(body_unread(b), 0);
        from += n;
        len -= n;
    }
}

static void what_passed_by_comes_back_after_a_rewind(void **state)
{
    struct fixture *f = *state;
    struct body b;
    body_init(&b, &f->options);
    pass(&b, 0, 30000);
    body_rewind(&b);
    check(&b, 0, 30000);
    pass(&b, 30000, 70000); // into the file
    body_rewind(&b);
    check(&b, 0, 50000);
    fill(&b, 100000, 20000);
    check(&b, 50000, 70000);
    pass(&b, 120000, 5000);
    assert_true(body_is_rewindable(&b));
    body_rewind(&b);
    check(&b, 0, 125000);
    body_clear(&b);
    assert_int_equal(limit_used(&f->spool), 0);
}

static void more_than_is_kept_is_forgotten_and_still_passes(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.keep_max = 100000;
    f->options.total_max = UINT64_MAX;
    body_init(&b, &f->options);
    pass(&b, 0, 100000);
    assert_true(body_is_rewindable(&b));
    assert_true(limit_used(&f->spool) > 0);
    pass(&b, 100000, 1);
    assert_false(body_is_rewindable(&b));
    assert_int_equal(limit_used(&f->spool), 0);
    assert_int_equal(b.in_memory, 0);
    pass(&b, 100001, 9999);
    fill(&b, 110000, 60000); // the reader falls behind
    check(&b, 110000, 60000);
    assert_int_equal(b.len, 170000);
    body_clear(&b);
}

static void reader_behind_gets_all_of_what_grew_too_large(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.keep_max = 100000;
    body_init(&b, &f->options);
    fill(&b, 0, 90000);
    check(&b, 0, 45000);
    fill(&b, 90000, 60000);
    assert_false(body_is_rewindable(&b));
    check(&b, 45000, 105000);
    assert_int_equal(limit_used(&f->spool), 0); // the file went when it was read to its end
    fill(&b, 150000, 30000);
    check(&b, 150000, 30000);
    body_clear(&b);
}

static void store_that_fails_forgets_and_lets_pass(void **state)
{
    struct fixture *f = *state;
    struct body b;
    f->options.spool_dir = "/nowhere/at/all";
    body_init(&b, &f->options);
    pass(&b, 0, 39000);
    assert_true(body_is_rewindable(&b));
    pass(&b, 39000, 2000);
    assert_false(body_is_rewindable(&b));
    assert_int_equal(b.len, 41000);
    body_clear(&b);
    limit_set_cap(&f->spool, 1000);
    f->options.spool_dir = "/tmp";
    body_init(&b, &f->options);
    pass(&b, 0, 60000);
    assert_false(body_is_rewindable(&b));
    assert_int_equal(limit_used(&f->spool), 0);
    body_clear(&b);
}

static void failed_write_leaves_what_was_there(void **state)
{
    struct fixture *f = *state;
    struct body b;
    char piece[4000];
    limit_set_cap(&f->spool, 6000);
    body_init(&b, &f->options);
    fill(&b, 0, 45000);
    assert_int_equal(body_add(&b, span_from(piece, sizeof(piece))), ST_IO);
    assert_int_equal(b.len, 45000);
    check(&b, 0, 45000);
    body_clear(&b);
}

static void body_takes_one_piece_more_of_a_writer_that_can_wait(void **state)
{
    struct fixture *f = *state;
    struct body b;
    char piece[1000] = {0};
    f->options.spool_dir = "/nowhere/at/all";
    f->options.can_wait = true;
    body_init(&b, &f->options);
    fill(&b, 0, 39900);
    assert_false(b.is_full);
    assert_int_equal(body_add(&b, span_from(piece, sizeof(piece))), ST_OK);
    assert_true(b.is_full);
    assert_int_equal(b.in_memory, 40900);
    assert_int_equal(body_add(&b, span_from(piece, 1)), ST_IO);
    assert_true(body_is_rewindable(&b));
    assert_int_equal(b.len, 40900);
    body_clear(&b);
    // Nothing goes into memory behind what is in the file.
    f->options.spool_dir = "/tmp";
    body_init(&b, &f->options);
    fill(&b, 0, 40001);
    limit_init(&f->spool, 1);
    assert_int_equal(body_add(&b, span_from(piece, sizeof(piece))), ST_IO);
    assert_false(b.is_full);
    limit_init(&f->spool, 1 << 20);
    assert_true(limit_take(&f->spool, 1));
    body_clear(&b);
}

int main(void)
{
#define BODY_TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
    const struct CMUnitTest tests[] = {
        BODY_TEST(body_takes_one_piece_more_of_a_writer_that_can_wait),
        BODY_TEST(bytes_come_back_from_memory_and_then_the_file),
        BODY_TEST(several_pieces_are_read_together),
        BODY_TEST(a_rewound_reader_sees_the_same_bytes),
        BODY_TEST(reading_while_writing_keeps_order),
        BODY_TEST(a_forgetting_store_stays_small_and_cannot_rewind),
        BODY_TEST(the_hash_covers_all_bytes_wherever_they_lie),
        BODY_TEST(scarce_memory_holds_a_buffer_and_the_file_the_rest),
        BODY_TEST(more_than_the_total_is_a_limit_and_a_full_spool_an_io_error),
        BODY_TEST(a_missing_spool_folder_refuses_what_memory_does_not_hold),
        BODY_TEST(what_passed_by_comes_back_after_a_rewind),
        BODY_TEST(more_than_is_kept_is_forgotten_and_still_passes),
        BODY_TEST(reader_behind_gets_all_of_what_grew_too_large),
        BODY_TEST(store_that_fails_forgets_and_lets_pass),
        BODY_TEST(failed_write_leaves_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "log/ring_int.h"

struct pipe {
    int r;
    int w;
};

static struct pipe pipe_make(void)
{
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    return (struct pipe){.r = fds[0], .w = fds[1]};
}

// What the pipe holds once its writing end is closed; heap.
static char *pipe_drain(struct pipe *p)
{
    assert_int_equal(close(p->w), 0);
    size_t cap = 1 << 20;
    size_t len = 0;
    char *text = xmalloc(cap);
    for (ssize_t n = 1; n > 0; len += (size_t)n) {
        n = read(p->r, text + len, cap - len - 1);
        assert_true(n >= 0);
    }
    text[len] = '\0';
    assert_int_equal(close(p->r), 0);
    return text;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        n++;
    return n;
}

static void line_has_time_level_subject_and_text(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    log_set_level(LOG_INFO);
    log_start(p.w);
    log_warn("c17.3", "upstream reset, attempt=%d", 2);
    log_info(NULL, "ready");
    log_debug("c1", "not shown at level info");
    log_stop(2000);
    char *text = pipe_drain(&p);
    assert_int_equal(text[10], 'T');
    assert_memory_equal(text + 23, "Z WARN [c17.3] upstream reset, attempt=2\n", 41);
    assert_non_null(strstr(text, "Z INFO ready\n"));
    assert_null(strstr(text, "not shown"));
    free(text);
}

static void octets_that_could_forge_a_line_are_escaped(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    log_start(p.w);
    log_info("x", "%s", "a\nb\r\t\x1b[31m\\ \x7f \xc3\xa4 ~");
    log_error("x\ny", "%s", "two\nlines");
    log_stop(2000);
    char *text = pipe_drain(&p);
    assert_non_null(strstr(text, "INFO [x] a\\x0ab\\x0d\\x09\\x1b[31m\\\\ \\x7f \\xc3\\xa4 ~\n"));
    assert_non_null(strstr(text, "ERROR [x\\x0ay] two\\x0alines\n"));
    assert_int_equal(count(text, "\n"), 2);
    free(text);
}

static void long_line_is_cut_at_8_kib_behind_a_whole_escape(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    static char big[20000];
    memset(big, 0x01, sizeof(big));
    log_start(p.w);
    log_info(NULL, "%.*s", (int)sizeof(big) - 1, big);
    log_stop(2000);
    char *text = pipe_drain(&p);
    char *end = strchr(text, '\n');
    assert_non_null(end);
    size_t len = (size_t)(end + 1 - text);
    assert_true(len <= LOG_LINE_MAX && len > LOG_LINE_MAX - 8);
    assert_memory_equal(end - 7, "\\x01...", 7);
    assert_int_equal(strlen(end + 1), 0);
    free(text);
}

static void full_pipe_that_nobody_reads_blocks_neither_producer_nor_stop(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    uint64_t before = log_dropped();
    log_start(p.w);
    char line[1001];
    memset(line, 'x', sizeof(line));
    int64_t t0 = clock_mono_ms();
    for (int i = 0; i < 1000; i++) // 64 KiB pipe + 256 KiB ring < 1000 kB
        log_info(NULL, "%.*s", 1000, line);
    int64_t t1 = clock_mono_ms();
    assert_true(log_dropped() - before > 500);
    log_stop(40);
    int64_t t2 = clock_mono_ms();
    assert_true(t1 - t0 < 10000);
    assert_true(t2 - t1 >= 30 && t2 - t1 < 10000);
    char *text = pipe_drain(&p);
    assert_true(count(text, "\n") > 40); // the pipe's own room
    free(text);
}

struct reader {
    int fd;
    size_t lines;
    bool has_report;
    unsigned long long reported;
};

static void *reader_main(void *arg)
{
    struct reader *r = arg;
    FILE *f = fdopen(r->fd, "r");
    char line[LOG_LINE_MAX + 1];
    while (fgets(line, sizeof(line), f)) {
        const char *report = strstr(line, "WARN [log] ");
        if (report) {
            r->has_report = true;
            r->reported += strtoull(report + 11, NULL, 10);
        } else {
            r->lines++;
        }
    }
    (void)fclose(f);
    return NULL;
}

static void dropped_lines_are_counted_and_reported_when_there_is_room_again(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    uint64_t before = log_dropped();
    log_start(p.w);
    char line[1001];
    memset(line, 'x', sizeof(line));
    for (int i = 0; i < 1000; i++)
        log_info(NULL, "%.*s", 1000, line);
    struct reader r = {.fd = p.r};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reader_main, &r), 0);
    log_stop(5000);
    assert_int_equal(close(p.w), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(r.has_report);
    assert_int_equal(r.reported, log_dropped() - before);
    assert_int_equal(r.lines + r.reported, 1000);
}

static void lines_after_stop_are_dropped(void **state)
{
    (void)state;
    uint64_t before = log_dropped();
    log_info(NULL, "nobody is there");
    assert_int_equal(log_dropped() - before, 1);
}

static void closed_reader_costs_lines_but_nothing_else(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    assert_int_equal(close(p.r), 0);
    uint64_t before = log_dropped();
    log_start(p.w);
    for (int i = 0; i < 100; i++)
        log_info(NULL, "line %d", i);
    int64_t t0 = clock_mono_ms();
    log_stop(20000);
    assert_true(clock_mono_ms() - t0 < 10000);
    assert_int_equal(close(p.w), 0);
    assert_true(log_dropped() - before <= 100);
}

#define THREADS 4
#define LINES   2000

static void *producer_main(void *arg)
{
    int id = *(int *)arg;
    for (int i = 0; i < LINES; i++)
        log_info("t", "thread %d line %d", id, i);
    log_thread_end();
    return NULL;
}

static void lines_of_many_threads_arrive_whole_and_in_each_threads_order(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    uint64_t before = log_dropped();
    log_start(p.w);
    pthread_t threads[THREADS];
    int ids[THREADS];
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, producer_main, &ids[i]), 0);
    }
    int next[THREADS] = {0};
    FILE *f = fdopen(p.r, "r");
    char line[256];
    for (int n = 0; n < THREADS * LINES; n++) {
        int id = -1;
        int i = -1;
        assert_non_null(fgets(line, sizeof(line), f));
        const char *text = strstr(line, "Z INFO [t] thread ");
        assert_non_null(text);
        // NOLINTNEXTLINE(cert-err34-c): our own digits
        assert_int_equal(sscanf(text, "Z INFO [t] thread %d line %d\n", &id, &i), 2);
        assert_true(id >= 0 && id < THREADS);
        assert_int_equal(i, next[id]++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    log_stop(2000);
    assert_int_equal(log_dropped(), before);
    assert_int_equal(close(p.w), 0);
    (void)fclose(f);
}

static void lost_report_is_told_again(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    if (full == -1)
        skip();
    uint64_t before = log_dropped();
    log_start(full);
    for (int i = 0; i < 10; i++)
        log_info(NULL, "line %d", i);
    while (log_dropped() - before < 10)
        (void)poll(NULL, 0, 1);
    assert_int_equal(dup2(p.w, full), full); // there is room on the disk again
    log_stop(5000);
    assert_int_equal(close(full), 0);
    char *text = pipe_drain(&p);
    assert_non_null(strstr(text, "WARN [log] 10 log lines dropped\n"));
    free(text);
}

static void idle_writer_is_woken_by_one_line(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    log_start(p.w);
    for (int i = 0; i < 20; i++) {
        // From nap, from sleep and from in between.
        struct pollfd fd = {.fd = p.r, .events = POLLIN};
        assert_int_equal(poll(&fd, 1, i), 0);
        log_info(NULL, "wake up");
        assert_int_equal(poll(&fd, 1, 5000), 1);
        char text[256];
        assert_true(read(p.r, text, sizeof(text)) > 0);
    }
    log_stop(2000);
    free(pipe_drain(&p));
}

static void lines_that_come_close_together_are_written_together(void **state)
{
    (void)state;
    struct pipe p;
    int fds[2];
    char piece[PIPE_BUF];
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_DIRECT | O_NONBLOCK),
                     0); // a read is what one write was
    p = (struct pipe){.r = fds[0], .w = fds[1]};
    log_start(p.w);
    for (int i = 0; i < 1000; i++)
        log_info(NULL, "one of many");
    log_stop(5000);
    assert_int_equal(close(p.w), 0);
    size_t n_writes = 0;
    size_t n_lines = 0;
    for (ssize_t n; (n = read(p.r, piece, sizeof(piece))) > 0; n_writes++)
        for (ssize_t i = 0; i < n; i++)
            n_lines += piece[i] == '\n';
    assert_int_equal(n_lines, 1000);
    assert_true(n_writes < 250);
    assert_int_equal(close(p.r), 0);
}

static void lines_of_a_process_that_dies_are_rescued(void **state)
{
    (void)state;
    struct pipe p = pipe_make();
    pid_t child = fork();
    if (child == 0) {
        log_start(p.w);
        for (int i = 0; i < 100; i++)
            log_info(NULL, "last words");
        log_rescue(5000);
        _exit(0);
    }
    assert_true(child > 0);
    char *text = pipe_drain(&p);
    assert_int_equal(count(text, "Z INFO last words\n"), 100);
    assert_int_equal(waitpid(child, NULL, 0), child);
    free(text);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd != -1);
    ssize_t n = read(fd, out, cap - 1);
    assert_true(n >= 0);
    out[n] = '\0';
    (void)close(fd);
    return (size_t)n;
}

static void file_is_opened_anew_by_its_name(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_log_XXXXXX";
    char path[64];
    char moved[64];
    char text[4096];
    struct stat sb;
    struct err e = {""};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    (void)snprintf(moved, sizeof(moved), "%s/log.1", folder);
    assert_int_equal(log_start_file("/nowhere/at/all", &e), ST_IO);
    assert_non_null(strstr(e.text, "log_file: /nowhere/at/all: No such file"));
    assert_int_equal(log_start_file(path, &e), ST_OK);
    log_info(NULL, "first");
    while (stat(path, &sb) != 0 || sb.st_size == 0)
        (void)poll(NULL, 0, 1);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(rename(path, moved), 0);
    assert_true(log_reopen());
    while (stat(path, &sb) != 0)
        (void)poll(NULL, 0, 1);
    log_info(NULL, "second");
    log_stop(2000);
    (void)read_file(moved, text, sizeof(text));
    assert_true(strstr(text, "first\n") && !strstr(text, "second"));
    (void)read_file(path, text, sizeof(text));
    assert_true(strstr(text, "second\n") && !strstr(text, "first"));
    assert_int_equal(unlink(path) + unlink(moved), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void file_that_cannot_be_opened_anew_stays(void **state)
{
    (void)state;
    char folder[] = "/tmp/test_log_XXXXXX";
    char path[64];
    char text[4096] = "";
    struct err e = {""};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/log", folder);
    assert_int_equal(log_start_file(path, &e), ST_OK);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(unlink(path) + mkdir(path, 0700), 0);
    assert_true(log_reopen());
    while (!strstr(text, "lines go on to the old one"))
        assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
    log_info(NULL, "still here");
    log_stop(2000);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
    assert_non_null(strstr(text, "still here\n"));
    assert_false(log_reopen());
    (void)close(fd);
    assert_int_equal(rmdir(path) + rmdir(folder), 0);
}

static void ring_takes_and_gives_lines_across_its_end(void **state)
{
    (void)state;
    struct ring *r = ring_new();
    char line[5000];
    char out[LOG_LINE_MAX];
    for (int i = 0; i < 500; i++) {
        size_t want = (size_t)(i * 37 % 5000);
        size_t len = 0;
        int64_t at_us = 0;
        memset(line, 'a' + i % 26, sizeof(line));
        assert_true(ring_put(r, i, line, want));
        assert_true(ring_peek(r, &at_us, &len));
        assert_int_equal(at_us, i);
        assert_int_equal(len, want);
        ring_take(r, out);
        assert_memory_equal(out, line, want);
        assert_true(ring_is_empty(r));
    }
    assert_false(ring_put(r, 0, out, LOG_LINE_MAX + 1));
    ring_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_takes_and_gives_lines_across_its_end),
        cmocka_unit_test(line_has_time_level_subject_and_text),
        cmocka_unit_test(octets_that_could_forge_a_line_are_escaped),
        cmocka_unit_test(long_line_is_cut_at_8_kib_behind_a_whole_escape),
        cmocka_unit_test(full_pipe_that_nobody_reads_blocks_neither_producer_nor_stop),
        cmocka_unit_test(dropped_lines_are_counted_and_reported_when_there_is_room_again),
        cmocka_unit_test(lines_after_stop_are_dropped),
        cmocka_unit_test(closed_reader_costs_lines_but_nothing_else),
        cmocka_unit_test(lines_of_many_threads_arrive_whole_and_in_each_threads_order),
        cmocka_unit_test(lost_report_is_told_again),
        cmocka_unit_test(idle_writer_is_woken_by_one_line),
        cmocka_unit_test(lines_that_come_close_together_are_written_together),
        cmocka_unit_test(lines_of_a_process_that_dies_are_rescued),
        cmocka_unit_test(file_is_opened_anew_by_its_name),
        cmocka_unit_test(file_that_cannot_be_opened_anew_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

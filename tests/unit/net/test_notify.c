// SPDX-License-Identifier: Apache-2.0
#include "unit/test.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/notify.h"

#define ENV(...) ((char *[]){__VA_ARGS__, NULL})

static int manager(char name[64])
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    int len =
        snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "sigv4-notify-%ld", (long)getpid());
    (void)snprintf(name, 64, "NOTIFY_SOCKET=@%s", un.sun_path + 1);
    socklen_t all = (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)len);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, all), 0);
    return fd;
}

static void heard(int fd, const char *want)
{
    char text[256];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    assert_string_equal(text, want);
}

static struct notify *opened(char **envp, bool is_heir)
{
    struct notify *n = NULL;
    struct err e = {""};
    assert_int_equal(notify_new(envp, is_heir, &n, &e), ST_OK);
    return n;
}

static void without_a_manager_nothing_is_said(void **state)
{
    (void)state;
    struct notify *n = opened(ENV("WATCHDOG_USEC=1000000"), false);
    assert_null(n);
    notify_send(n, "READY=1");
    notify_status(n, "x");
    notify_reloading(n);
    assert_int_equal(notify_watchdog_ms(n), 0);
    notify_free(n);
    assert_null(opened(ENV("NOTIFY_SOCKET="), false));
}

static void words_arrive_and_a_status_once(void **state)
{
    (void)state;
    char name[64];
    int fd = manager(name);
    struct notify *n = opened(ENV(name), false);
    notify_send(n, "READY=1");
    heard(fd, "READY=1");
    notify_status(n, "fine");
    notify_status(n, "fine");
    heard(fd, "STATUS=fine");
    heard(fd, "");
    notify_status(n, "not");
    heard(fd, "STATUS=not");
    notify_free(n);
    (void)close(fd);
}

static int64_t watchdog(char **envp, bool is_heir)
{
    struct notify *n = opened(envp, is_heir);
    int64_t every_ms = notify_watchdog_ms(n);
    notify_free(n);
    return every_ms;
}

static void watchdog_is_ours_or_the_predecessors(void **state)
{
    (void)state;
    char own[64];
    (void)snprintf(own, sizeof(own), "WATCHDOG_PID=%ld", (long)getpid());
    char *at = "NOTIFY_SOCKET=/run/x";
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=30000000"), false), 15000);
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=30000000", own), false), 15000);
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=30000000", "WATCHDOG_PID=1"), false), 0);
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=30000000", "WATCHDOG_PID=1"), true), 15000);
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=1"), false), 1);
    assert_int_equal(watchdog(ENV(at, "WATCHDOG_USEC=soon"), false), 0);
}

static void strange_addresses_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"NOTIFY_SOCKET=run/x", "NOTIFY_SOCKET=@", "NOTIFY_SOCKET=/",
                                        "NOTIFY_SOCKET=vsock:2:1234"};
    char longer[256];
    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "NOTIFY_SOCKET=/", 15);
    longer[sizeof(longer) - 1] = '\0';
    for (size_t i = 0; i <= sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct notify *n = NULL;
        struct err e = {""};
        char *entry = i < sizeof(wrong) / sizeof(wrong[0]) ? (char *)wrong[i] : longer;
        assert_int_equal(notify_new(ENV(entry), false, &n, &e), ST_INVALID);
        assert_string_equal(e.text, "NOTIFY_SOCKET is neither an absolute path nor @NAME");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_manager_nothing_is_said),
        cmocka_unit_test(words_arrive_and_a_status_once),
        cmocka_unit_test(watchdog_is_ours_or_the_predecessors),
        cmocka_unit_test(strange_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: Apache-2.0
// The one hard thing is to leave no terminal without its echo: signals that would end or stop the
// process only break the reading off, the terminal is put back, and then they are sent anew.
#include "command/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret.h"

static volatile sig_atomic_t caught;

static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static void on_signal(int number)
{
    caught = number;
}

static bool say(int fd, const char *text)
{
    size_t len = strlen(text);
    return write(fd, text, len) == (ssize_t)len;
}

// Up to the end of the line.
static enum status read_line(int fd, char *out, size_t cap, struct err *e)
{
    size_t len = 0;
    bool is_too_long = false;
    for (;;) {
        char c = 0;
        ssize_t n = caught ? -1 : read(fd, &c, 1);
        if (n == -1 && (caught || errno != EINTR))
            return err_set(e, ST_IO, "nothing was read from the terminal");
        if (n == 0 || (n == 1 && (c == '\n' || c == '\r')))
            break;
        if (n == 1 && len + 1 == cap)
            is_too_long = true;
        else if (n == 1)
            out[len++] = c;
    }
    out[len] = '\0';
    return is_too_long ? err_set(e, ST_LIMIT, "that is too long") : ST_OK;
}

static enum status ask_once(int fd, const char *prompt, char *out, size_t cap, struct err *e)
{
    struct sigaction act = {.sa_handler = on_signal}; // no SA_RESTART: the read shall end
    struct sigaction old[N_SIGNALS];
    struct termios normal;
    struct termios silent;
    caught = 0;
    if (tcgetattr(fd, &normal) == -1)
        return err_set(e, ST_IO, "/dev/tty: %s", strerror(errno));
    silent = normal;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    silent.c_lflag |= ECHONL;
    (void)sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < N_SIGNALS; i++)
        (void)sigaction(signals[i], &act, &old[i]);
    enum status st = ST_OK;
    if (tcsetattr(fd, TCSAFLUSH, &silent) == -1 || !say(fd, prompt))
        st = err_set(e, ST_IO, "/dev/tty: %s", strerror(errno));
    if (st == ST_OK)
        st = read_line(fd, out, cap, e);
    (void)tcsetattr(fd, TCSAFLUSH, &normal);
    for (size_t i = 0; i < N_SIGNALS; i++)
        (void)sigaction(signals[i], &old[i], NULL);
    return st;
}

enum status terminal_ask(const char *prompt, char *out, size_t cap, struct err *e)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd == -1)
        return err_set(e, ST_DECLINED, "there is no terminal to ask on");
    enum status st;
    bool was_stopped;
    do {
        st = ask_once(fd, prompt, out, cap, e);
        was_stopped = caught == SIGTSTP;
        if (caught)
            (void)raise(caught);
    } while (was_stopped);
    (void)close(fd);
    if (st != ST_OK)
        secret_wipe(out, cap);
    return st;
}

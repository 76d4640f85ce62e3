// SPDX-License-Identifier: Apache-2.0
// The spawner: one thread, one poll(2), nothing but its socket open. A command is over when its
// first process ends; the zombie is kept until the rest of its group is killed, since as long the
// group's number belongs to nobody else. Processes that left their group are adopted and waited
// for, so that none is left to whatever has process id 1.
#include "net/spawner_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/xalloc.h"

#define SOCKET_FD  3
#define FIRST_FREE 4
#define SPEC_MAX   ((uint64_t)8 << 20) // beyond what execve(2) takes by default
#define LAST_MS    2000

struct job {
    pid_t pid; // 0: free
    uint32_t id;
    int64_t due_ms; // when it gets the next signal
    int64_t grace_ms;
    bool has_term;
};

static struct job jobs[SPAWNER_JOBS_MAX];
static int *exec_errno; // shared with the commands' processes before their exec, one a job
static int signal_fd;

static void close_from(unsigned first)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, first, ~0U, 0) == 0)
        return;
#endif
    struct rlimit files = {1024, 1024};
    (void)getrlimit(RLIMIT_NOFILE, &files);
    for (unsigned fd = first; fd < files.rlim_cur && fd < 65536; fd++)
        (void)close((int)fd);
}

static void tell(enum spawner_news_kind kind, uint32_t id, int code, const int *fds)
{
    struct spawner_news news = {.kind = kind, .id = id, .code = code};
    struct iovec all = {&news, sizeof(news)};
    union {
        char room[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &all, .msg_iovlen = 1};
    memset(&control, 0, sizeof(control));
    if (fds) {
        m.msg_control = control.room;
        m.msg_controllen = sizeof(control.room);
        struct cmsghdr *head = CMSG_FIRSTHDR(&m);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
    }
    // Never waits: two messages a job fit, and the proxy has a deadline of its own.
    (void)sendmsg(SOCKET_FD, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// ---- a command's process, up to its exec

static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(char **argv, char **envp, const int *ends, int *failed)
{
    pid_t spawner = getppid();
    (void)setsid();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != spawner)
        _exit(127);
    reset_signals();
    if (dup2(ends[0], STDOUT_FILENO) != -1 && dup2(ends[1], STDERR_FILENO) != -1) {
        close_from(STDERR_FILENO + 1);
        environ = envp;
        (void)execvp(argv[0], argv);
    }
    *failed = errno;
    _exit(127);
}

// ---- starting

// Both lists out of the text, one behind the other, each with NULL at its end; NULL where they are
// not in it. Heap.
static char **split(char *text, const struct spawner_ask *ask)
{
    size_t n = (size_t)ask->n_argv + ask->n_envp;
    if (!ask->n_argv || n > ask->len || text[ask->len - 1])
        return NULL;
    char **all = xcalloc(n + 2, sizeof(*all));
    char **slot = all;
    char *end = text + ask->len;
    for (size_t i = 0; i < n && text < end; i++, text += strlen(text) + 1) {
        if (i == ask->n_argv)
            slot++;
        *slot++ = text;
    }
    return all;
}

static pid_t fork_command(char *text, const struct spawner_ask *ask, const int *ends, int *failed)
{
    char **argv = split(text, ask);
    pid_t pid = -1;
    errno = EINVAL;
    if (argv)
        pid = fork();
    if (pid == 0)
        become(argv, argv + ask->n_argv + 1, ends, failed);
    int why = errno;
    free(argv);
    errno = why;
    return pid;
}

static bool open_pipes(int *out, int *err)
{
    if (pipe2(out, O_CLOEXEC) == -1)
        return false;
    if (pipe2(err, O_CLOEXEC) == 0)
        return true;
    (void)close(out[0]);
    (void)close(out[1]);
    return false;
}

static bool launch(struct job *j, char *text, const struct spawner_ask *ask)
{
    int out[2];
    int err[2];
    int *failed = &exec_errno[j - jobs];
    if (!open_pipes(out, err))
        return false;
    int ends[2] = {out[1], err[1]};
    *failed = 0;
    pid_t pid = fork_command(text, ask, ends, failed);
    int why = errno;
    (void)close(out[1]);
    (void)close(err[1]);
    if (pid != -1) {
        *j = (struct job){.pid = pid,
                          .id = ask->id,
                          .due_ms = clock_mono_ms() + ask->timeout_ms,
                          .grace_ms = ask->grace_ms};
        tell(SPAWNER_STARTED, ask->id, 0, (int[]){out[0], err[0]});
    }
    (void)close(out[0]);
    (void)close(err[0]);
    errno = why;
    return pid != -1;
}

static bool read_all(int fd, char *text, size_t len)
{
    size_t had = 0;
    while (had < len) {
        ssize_t n = pread(fd, text + had, len - had, (off_t)had);
        if (n <= 0)
            return false;
        had += (size_t)n;
    }
    return true;
}

static void start(const struct spawner_ask *ask, int fd)
{
    struct job *j = jobs;
    while (j < jobs + SPAWNER_JOBS_MAX && j->pid)
        j++;
    errno = EAGAIN;
    bool is_started = false;
    if (j < jobs + SPAWNER_JOBS_MAX && ask->len && ask->len <= SPEC_MAX) {
        char *text = xmalloc(ask->len);
        errno = EINVAL;
        is_started = read_all(fd, text, ask->len) && launch(j, text, ask);
        int why = errno;
        secret_wipe(text, ask->len);
        free(text);
        errno = why;
    }
    if (!is_started)
        tell(SPAWNER_REFUSED, ask->id, errno, NULL);
}

// ---- ending

static void kill_group(const struct job *j, int signo)
{
    // It may not have made its group yet.
    if (kill(-j->pid, signo) == -1)
        (void)kill(j->pid, signo);
}

static void hurry(struct job *j)
{
    kill_group(j, j->has_term ? SIGKILL : SIGTERM);
    j->due_ms = clock_mono_ms() + j->grace_ms;
    j->has_term = true;
}

static void end_job(struct job *j, const siginfo_t *how)
{
    int failed = exec_errno[j - jobs];
    (void)kill(-j->pid, SIGKILL);
    if (failed)
        tell(SPAWNER_NO_EXEC, j->id, failed, NULL);
    else if (j->has_term)
        tell(SPAWNER_LATE, j->id, 0, NULL);
    else
        tell(how->si_code == CLD_EXITED ? SPAWNER_EXITED : SPAWNER_SIGNALLED, j->id, how->si_status,
             NULL);
    j->pid = 0;
}

static void reap(void)
{
    for (;;) {
        siginfo_t who = {0};
        if (waitid(P_ALL, 0, &who, WEXITED | WNOHANG | WNOWAIT) == -1 || !who.si_pid)
            return;
        for (struct job *j = jobs; j < jobs + SPAWNER_JOBS_MAX; j++)
            if (j->pid == who.si_pid)
                end_job(j, &who);
        (void)waitpid(who.si_pid, NULL, 0);
    }
}

static _Noreturn void end_all(void)
{
    int64_t until_ms = clock_mono_ms() + LAST_MS;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)dup2(null, STDERR_FILENO); // whoever reads there must not wait for us
    for (struct job *j = jobs; j < jobs + SPAWNER_JOBS_MAX; j++)
        if (j->pid && !j->has_term)
            hurry(j);
    for (;;) {
        bool is_busy = false;
        int64_t left_ms = until_ms - clock_mono_ms();
        reap();
        for (struct job *j = jobs; j < jobs + SPAWNER_JOBS_MAX; j++)
            is_busy = is_busy || j->pid;
        if (!is_busy || left_ms <= 0)
            break;
        struct pollfd p = {.fd = signal_fd, .events = POLLIN};
        struct signalfd_siginfo info;
        if (poll(&p, 1, (int)left_ms) == 1)
            (void)!read(signal_fd, &info, sizeof(info));
    }
    for (struct job *j = jobs; j < jobs + SPAWNER_JOBS_MAX; j++)
        if (j->pid)
            kill_group(j, SIGKILL);
    _exit(0);
}

// ---- the loop

static int take_fd(struct msghdr *m)
{
    int fd = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(m);
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

static void receive(void)
{
    struct spawner_ask ask = {0};
    struct iovec all = {&ask, sizeof(ask)};
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr m = {.msg_iov = &all,
                       .msg_iovlen = 1,
                       .msg_control = control.room,
                       .msg_controllen = sizeof(control.room)};
    ssize_t n = recvmsg(SOCKET_FD, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n != (ssize_t)sizeof(ask))
        end_all();
    int fd = take_fd(&m);
    if (ask.kind == SPAWNER_RUN)
        start(&ask, fd);
    for (struct job *j = jobs; ask.kind == SPAWNER_KILL && j < jobs + SPAWNER_JOBS_MAX; j++)
        if (j->pid && j->id == ask.id && !j->has_term)
            hurry(j);
    if (fd != -1)
        (void)close(fd);
}

static int wait_ms(void)
{
    int64_t now_ms = clock_mono_ms();
    int64_t least_ms = INT32_MAX;
    for (struct job *j = jobs; j < jobs + SPAWNER_JOBS_MAX; j++) {
        if (j->pid && j->due_ms <= now_ms)
            hurry(j);
        if (j->pid && j->due_ms - now_ms < least_ms)
            least_ms = j->due_ms - now_ms;
    }
    return least_ms == INT32_MAX ? -1 : (int)least_ms;
}

static void set_up(int fd)
{
    struct rlimit none = {0, 0};
    sigset_t child;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    (void)setsid(); // a terminal's signals are not for us: the proxy may drain for a while
    (void)prctl(PR_SET_NAME, "spawner");
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (fd != SOCKET_FD)
        (void)dup3(fd, SOCKET_FD, O_CLOEXEC);
    close_from(FIRST_FREE);
    // Only the end of the proxy ends the spawner: a service manager's SIGTERM goes to both.
    for (int i = 1; i < NSIG; i++)
        if (i != SIGCHLD && i != SIGSEGV && i != SIGBUS && i != SIGABRT && i != SIGFPE &&
            i != SIGILL)
            (void)signal(i, SIG_IGN);
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigemptyset(&child);
    (void)sigaddset(&child, SIGCHLD);
    (void)sigprocmask(SIG_SETMASK, &child, NULL);
    signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    void *shared = mmap(NULL, SPAWNER_JOBS_MAX * sizeof(int), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (signal_fd == -1 || shared == MAP_FAILED)
        _exit(1);
    exec_errno = shared;
}

_Noreturn void spawner_run(int fd)
{
    set_up(fd);
    for (;;) {
        struct pollfd p[] = {{.fd = SOCKET_FD, .events = POLLIN},
                             {.fd = signal_fd, .events = POLLIN}};
        struct signalfd_siginfo info;
        if (poll(p, 2, wait_ms()) == -1 && errno != EINTR)
            end_all();
        while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            continue;
        reap();
        if (p[0].revents)
            receive();
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "rig.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/xalloc.h"
#include "log/log.h"
#include "net/child.h"
#include "net/spawner_int.h"

struct seen {
    int n;
    enum child_end_how how;
    int code;
    struct buf out, err;
    char why[200];
};

struct world {
    struct loop *loop;
    struct spawner *spawner;
    struct children *children;
    struct seen seen;
    char folder[64];
};

static char *const usual_env[] = {"PATH=/usr/bin:/bin", NULL};

static struct world *world_new(void)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct err e;
    log_set_level(LOG_ERROR);
    w->spawner = spawner_fork(&e);
    assert_non_null(w->spawner);
    w->loop = loop_new("control", &e);
    w->children = children_new(w->loop, w->spawner);
    buf_init(&w->seen.out);
    buf_init(&w->seen.err);
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/sigv4-child-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    return w;
}

static void world_free(struct world *w)
{
    char path[80];
    children_free(w->children);
    spawner_end(w->spawner);
    loop_free(w->loop);
    buf_clear(&w->seen.out);
    buf_clear(&w->seen.err);
    (void)snprintf(path, sizeof(path), "%s/pid", w->folder);
    (void)unlink(path);
    (void)rmdir(w->folder);
    free(w);
}

static void on_end(void *arg, const struct child_end *e)
{
    struct seen *s = arg;
    s->n++;
    s->how = e->how;
    s->code = e->code;
    buf_add_span(&s->out, e->out);
    buf_add_span(&s->err, e->err);
    if (e->why)
        (void)snprintf(s->why, sizeof(s->why), "%s", e->why);
}

static struct child *start_as(struct world *w, const struct child_spec *given)
{
    struct child_spec s = *given;
    if (!s.envp)
        s.envp = usual_env;
    if (!s.timeout_ms)
        s.timeout_ms = 20000;
    if (!s.grace_ms)
        s.grace_ms = 2000;
    if (!s.out_max)
        s.out_max = 65536;
    if (!s.err_max)
        s.err_max = 1024;
    return child_start(w->children, &s, on_end, &w->seen);
}

// In the shell PID is where the script may leave a process id.
static struct child *start_shell(struct world *w, const char *script, const struct child_spec *how)
{
    struct child_spec s = how ? *how : (struct child_spec){0};
    struct buf text;
    buf_init(&text);
    for (const char *hole = strstr(script, "PID"); hole; hole = strstr(script, "PID")) {
        buf_addf(&text, "%.*s%s/pid", (int)(hole - script), script, w->folder);
        script = hole + 3;
    }
    buf_add_str(&text, script);
    s.argv = (char *[]){"sh", "-c", (char *)buf_cstr(&text), NULL};
    struct child *x = start_as(w, &s);
    buf_clear(&text);
    return x;
}

static void run_shell(struct world *w, const char *script, const struct child_spec *how)
{
    int n = w->seen.n;
    (void)start_shell(w, script, how);
    rig_until(w->loop, &w->seen.n, n + 1);
}

// Waits until the script has left one.
static pid_t pid_left(struct world *w)
{
    char path[80];
    long pid = 0;
    (void)snprintf(path, sizeof(path), "%s/pid", w->folder);
    for (int i = 0; i < 2000 && pid <= 0; i++) {
        FILE *f = fopen(path, "r");
        if (f) {
            char text[32] = "";
            (void)!fgets(text, sizeof(text), f);
            pid = strchr(text, '\n') ? strtol(text, NULL, 10) : 0;
            (void)fclose(f);
        }
        rig_for(w->loop, 5);
    }
    assert_true(pid > 0);
    return (pid_t)pid;
}

static void assert_gone(struct world *w, pid_t pid)
{
    for (int i = 0; i < 2000 && kill(pid, 0) == 0; i++)
        rig_for(w->loop, 5);
    assert_int_equal(kill(pid, 0), -1);
}

static bool has_line(struct buf *text, const char *line)
{
    struct span rest = buf_span(text);
    struct span one;
    while (span_next(&rest, '\n', &one))
        if (span_is(one, line))
            return true;
    return false;
}

// ---- what comes back

static void output_and_exit_code_come_back(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "echo out; echo err >&2; exit 3", NULL);
    assert_int_equal(w->seen.how, CHILD_EXITED);
    assert_int_equal(w->seen.code, 3);
    assert_span(buf_span(&w->seen.out), "out\n");
    assert_span(buf_span(&w->seen.err), "err\n");
    world_free(w);
}

static void signal_that_ended_it_is_told(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "kill -9 $$", NULL);
    assert_int_equal(w->seen.how, CHILD_SIGNALLED);
    assert_int_equal(w->seen.code, SIGKILL);
    world_free(w);
}

static void command_that_cannot_be_run_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *name, *why;
    } wrong[] = {{"no-such-command-here", "No such file"},
                 {"/tmp", "Permission denied"},
                 {"/no/such/file", "No such file"}};
    struct world *w = world_new();
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *argv[] = {(char *)wrong[i].name, NULL};
        (void)start_as(w, &(struct child_spec){.argv = argv});
        rig_until(w->loop, &w->seen.n, (int)i + 1);
        assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
        assert_non_null(strstr(w->seen.why, wrong[i].why));
    }
    world_free(w);
}

static void output_over_the_limit_ends_it(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "echo $$ > PID; exec yes", &(struct child_spec){.out_max = 65536});
    assert_int_equal(w->seen.how, CHILD_TOO_LOUD);
    assert_gone(w, pid_left(w));
    world_free(w);
}

static void output_up_to_the_limit_is_whole(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "head -c 200000 /dev/zero", &(struct child_spec){.out_max = 200000});
    assert_int_equal(w->seen.how, CHILD_EXITED);
    assert_int_equal(w->seen.out.len, 200000);
    world_free(w);
}

static void last_octets_of_standard_error_are_kept(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "head -c 300000 /dev/zero >&2; echo the end >&2",
              &(struct child_spec){.err_max = 8});
    assert_int_equal(w->seen.how, CHILD_EXITED);
    assert_span(buf_span(&w->seen.err), "the end\n");
    world_free(w);
}

// ---- what it is given

static void arguments_and_variables_are_those_given_and_no_others(void **state)
{
    (void)state;
    struct world *w = world_new();
    char *argv[] = {"printf", "%s|", "a b", "", "$HOME", ";", "\xc3\xa4", NULL};
    char *env_argv[] = {"env", NULL};
    char *envp[] = {"PATH=/usr/bin:/bin", "B=2 3", "A=1", NULL};
    (void)setenv("OF_THE_PROXY", "1", 1);
    (void)start_as(w, &(struct child_spec){.argv = argv});
    rig_until(w->loop, &w->seen.n, 1);
    assert_span(buf_span(&w->seen.out), "a b||$HOME|;|\xc3\xa4|");
    buf_reset(&w->seen.out);
    (void)start_as(w, &(struct child_spec){.argv = env_argv, .envp = envp});
    rig_until(w->loop, &w->seen.n, 2);
    assert_span(buf_span(&w->seen.out), "PATH=/usr/bin:/bin\nB=2 3\nA=1\n");
    world_free(w);
}

static void path_is_that_of_the_given_environment(void **state)
{
    (void)state;
    struct world *w = world_new();
    char *argv[] = {"true", NULL};
    char *envp[] = {"PATH=/no/such/folder", NULL};
    (void)start_as(w, &(struct child_spec){.argv = argv, .envp = envp});
    rig_until(w->loop, &w->seen.n, 1);
    assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
    world_free(w);
}

static void environment_of_half_a_mebibyte_is_passed(void **state)
{
    (void)state;
    enum { N = 8000 };
    struct world *w = world_new();
    char **envp = xcalloc(N + 2, sizeof(*envp));
    char text[80];
    for (int i = 0; i < N; i++) {
        (void)snprintf(text, sizeof(text),
                       "SERVICE_%05d_PORT=tcp://192.0.2.1:%d/and/some/more/of/it", i, i);
        envp[i] = xstrdup(text);
    }
    envp[N] = xstrdup("PATH=/usr/bin:/bin");
    run_shell(w, "echo $SERVICE_07999_PORT", &(struct child_spec){.envp = envp});
    assert_int_equal(w->seen.how, CHILD_EXITED);
    assert_span(buf_span(&w->seen.out), "tcp://192.0.2.1:7999/and/some/more/of/it\n");
    for (int i = 0; i <= N; i++)
        free(envp[i]);
    free(envp);
    world_free(w);
}

static void no_descriptor_of_ours_is_passed_on(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY); // not close-on-exec
    struct world *w = world_new();
    int behind = open("/dev/null", O_RDONLY);
    char *argv[] = {"ls", "/proc/self/fd", NULL};
    (void)start_as(w, &(struct child_spec){.argv = argv});
    rig_until(w->loop, &w->seen.n, 1);
    assert_span(buf_span(&w->seen.out), "0\n1\n2\n3\n"); // 3 is the folder that ls reads
    (void)close(before);
    (void)close(behind);
    world_free(w);
}

static void spawner_keeps_no_descriptor_of_ours(void **state)
{
    (void)state;
    int before = open("/dev/null", O_RDONLY);
    struct world *w = world_new();
    char path[64];
    run_shell(w, "true", NULL); // it is set up by then
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)w->spawner->pid, before);
    struct stat st;
    if (before > 4) // 3 and 4 are its socket and its signals
        assert_int_equal(lstat(path, &st), -1);
    (void)close(before);
    world_free(w);
}

static void standard_input_is_empty(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "cat; echo end", NULL);
    assert_span(buf_span(&w->seen.out), "end\n");
    world_free(w);
}

static void signals_are_as_after_a_login(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    struct world *w = world_new();
    char *argv[] = {"cat", "/proc/self/status", NULL};
    (void)start_as(w, &(struct child_spec){.argv = argv});
    rig_until(w->loop, &w->seen.n, 1);
    assert_true(has_line(&w->seen.out, "SigBlk:\t0000000000000000"));
    assert_true(has_line(&w->seen.out, "SigIgn:\t0000000000000000"));
    (void)signal(SIGHUP, SIG_DFL);
    world_free(w);
}

static void session_and_group_are_its_own(void **state)
{
    (void)state;
    struct world *w = world_new();
    char *argv[] = {"cat", "/proc/self/stat", NULL};
    (void)start_as(w, &(struct child_spec){.argv = argv});
    rig_until(w->loop, &w->seen.n, 1);
    struct span rest = buf_span(&w->seen.out); // "pid (cat) R parent group session …"
    struct span part[6];
    for (int i = 0; i < 6; i++)
        assert_true(span_next(&rest, ' ', &part[i]));
    assert_true(span_eq(part[4], part[0]));
    assert_true(span_eq(part[5], part[0]));
    world_free(w);
}

// ---- its end

static void deadline_ends_it(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "echo $$ > PID; exec sleep 300", &(struct child_spec){.timeout_ms = 300});
    assert_int_equal(w->seen.how, CHILD_LATE);
    assert_gone(w, pid_left(w));
    world_free(w);
}

static void one_that_ignores_the_deadline_is_killed_with_its_group(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "trap '' TERM; sleep 300 & echo $! > PID; while :; do sleep 300; done",
              &(struct child_spec){.timeout_ms = 300, .grace_ms = 100});
    assert_int_equal(w->seen.how, CHILD_LATE);
    assert_gone(w, pid_left(w));
    world_free(w);
}

static void one_that_ends_at_the_deadline_s_sigterm_may_clean_up(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "trap 'echo $$ > PID; exit 0' TERM; sleep 300 & wait",
              &(struct child_spec){.timeout_ms = 300, .grace_ms = 20000});
    assert_int_equal(w->seen.how, CHILD_LATE);
    assert_gone(w, pid_left(w));
    world_free(w);
}

static void process_left_behind_with_the_output_open_holds_nothing_up(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w, "sleep 300 & echo $! > PID; echo said", NULL);
    assert_int_equal(w->seen.how, CHILD_EXITED);
    assert_span(buf_span(&w->seen.out), "said\n");
    assert_gone(w, pid_left(w));
    world_free(w);
}

static void daemon_of_its_own_session_lives_on_and_leaves_no_zombie(void **state)
{
    (void)state;
    struct world *w = world_new();
    run_shell(w,
              "setsid sh -c 'echo $$ > PID; exec sleep 300' >&- 2>&- & echo said;"
              "while [ ! -s PID ]; do sleep 0.01; done",
              NULL);
    assert_int_equal(w->seen.how, CHILD_EXITED);
    pid_t pid = pid_left(w);
    rig_for(w->loop, 50);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_gone(w, pid); // also as a zombie: the spawner waits for it
    world_free(w);
}

static void cancel_ends_it_without_a_word(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct child *x = start_shell(w, "echo $$ > PID; exec sleep 300", NULL);
    pid_t pid = pid_left(w);
    child_cancel(x);
    assert_gone(w, pid);
    assert_int_equal(w->seen.n, 0);
    child_cancel(start_shell(w, "echo $$ > PID; exec sleep 300", NULL)); // before it has begun
    rig_for(w->loop, 50);
    assert_int_equal(w->seen.n, 0);
    world_free(w);
}

static void commands_run_side_by_side_up_to_a_limit(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct child *all[SPAWNER_JOBS_MAX];
    for (int i = 0; i < SPAWNER_JOBS_MAX; i++)
        all[i] = start_shell(w, "exec sleep 300", NULL);
    run_shell(w, "echo one too many", NULL);
    assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
    assert_non_null(strstr(w->seen.why, "temporarily"));
    for (int i = 0; i < SPAWNER_JOBS_MAX; i++)
        child_cancel(all[i]);
    for (int i = 0; i < 500 && w->seen.how != CHILD_EXITED; i++)
        run_shell(w, "echo there is room again", NULL);
    assert_int_equal(w->seen.how, CHILD_EXITED);
    world_free(w);
}

// ---- the spawner's end

static void spawner_s_end_fails_what_runs_and_what_comes(void **state)
{
    (void)state;
    struct world *w = world_new();
    pid_t spawner = w->spawner->pid;
    log_set_level((enum log_level) - 1);
    (void)start_shell(w, "echo $$ > PID; exec sleep 300", NULL);
    pid_t pid = pid_left(w);
    assert_int_equal(kill(spawner, SIGKILL), 0);
    rig_until(w->loop, &w->seen.n, 1);
    assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
    assert_non_null(strstr(w->seen.why, "start sigv4-proxy again"));
    assert_int_equal(kill(spawner, 0), -1); // no zombie of ours
    assert_gone(w, pid);
    run_shell(w, "true", NULL);
    assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
    world_free(w);
}

static void spawner_outlives_all_signals_but_sigkill(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE};
    struct world *w = world_new();
    run_shell(w, "true", NULL);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        assert_int_equal(kill(w->spawner->pid, signals[i]), 0);
    run_shell(w, "echo alive", NULL);
    assert_span(buf_span(&w->seen.out), "alive\n");
    world_free(w);
}

static void spawner_ends_with_us_and_takes_its_commands_along(void **state)
{
    (void)state;
    struct world *w = world_new();
    pid_t spawner = w->spawner->pid;
    struct child *x = start_shell(w, "echo $$ > PID; exec sleep 300", NULL);
    pid_t pid = pid_left(w);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_int_equal(dup2(null, w->spawner->fd), w->spawner->fd); // as if we were killed
    assert_int_equal(close(null), 0);
    assert_gone(w, pid);
    int status = -1;
    assert_int_equal(waitpid(spawner, &status, 0), spawner);
    assert_int_equal(status, 0);
    w->spawner->pid = 0;
    child_cancel(x);
    world_free(w);
}

static void without_a_spawner_each_start_fails(void **state)
{
    (void)state;
    struct world *w = world_new();
    struct children *none = children_new(w->loop, NULL);
    char *argv[] = {"true", NULL};
    struct child_spec s = {.argv = argv, .envp = usual_env, .timeout_ms = 1000};
    (void)child_start(none, &s, on_end, &w->seen);
    assert_int_equal(w->seen.n, 0); // never before the start has returned
    rig_until(w->loop, &w->seen.n, 1);
    assert_int_equal(w->seen.how, CHILD_NOT_STARTED);
    children_free(none);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(output_and_exit_code_come_back),
        cmocka_unit_test(signal_that_ended_it_is_told),
        cmocka_unit_test(command_that_cannot_be_run_says_why),
        cmocka_unit_test(output_over_the_limit_ends_it),
        cmocka_unit_test(output_up_to_the_limit_is_whole),
        cmocka_unit_test(last_octets_of_standard_error_are_kept),
        cmocka_unit_test(arguments_and_variables_are_those_given_and_no_others),
        cmocka_unit_test(path_is_that_of_the_given_environment),
        cmocka_unit_test(environment_of_half_a_mebibyte_is_passed),
        cmocka_unit_test(no_descriptor_of_ours_is_passed_on),
        cmocka_unit_test(spawner_keeps_no_descriptor_of_ours),
        cmocka_unit_test(standard_input_is_empty),
        cmocka_unit_test(signals_are_as_after_a_login),
        cmocka_unit_test(session_and_group_are_its_own),
        cmocka_unit_test(deadline_ends_it),
        cmocka_unit_test(one_that_ignores_the_deadline_is_killed_with_its_group),
        cmocka_unit_test(one_that_ends_at_the_deadline_s_sigterm_may_clean_up),
        cmocka_unit_test(process_left_behind_with_the_output_open_holds_nothing_up),
        cmocka_unit_test(daemon_of_its_own_session_lives_on_and_leaves_no_zombie),
        cmocka_unit_test(cancel_ends_it_without_a_word),
        cmocka_unit_test(commands_run_side_by_side_up_to_a_limit),
        cmocka_unit_test(spawner_s_end_fails_what_runs_and_what_comes),
        cmocka_unit_test(spawner_outlives_all_signals_but_sigkill),
        cmocka_unit_test(spawner_ends_with_us_and_takes_its_commands_along),
        cmocka_unit_test(without_a_spawner_each_start_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

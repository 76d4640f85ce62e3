// SPDX-License-Identifier: Apache-2.0
// From arguments and the configuration's bytes to a subcommand or the running proxy.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/xalloc.h"
#include "command/command.h"
#include "config/config.h"
#include "creds/creds.h"
#include "http/h1_parser.h"
#include "log/log.h"
#include "net/child.h"
#include "net/inherit.h"
#include "net/loop.h"
#include "net/notify.h"
#include "serve.h"

static int fail(const char *text)
{
    (void)fprintf(stderr, "sigv4-proxy: %s\n", text);
    return 1;
}

// ---- the process

static void harden(void)
{
    struct rlimit none = {0, 0};
    int fd = 0;
    while (fd != -1 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR); // else a socket could become standard error
    if (fd != -1)
        (void)close(fd);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// Forked before the settings below, which are not those of the commands.
static struct spawner *start_spawner(void)
{
    struct err e;
    struct spawner *s = spawner_fork(&e);
    if (!s)
        log_error(NULL, "no credential_process can be run: %s", e.text);
    return s;
}

static void settle(void)
{
    struct rlimit files;
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int help(void)
{
    struct buf out;
    unsigned n = 0;
    const struct command *c = command_table(&n);
    buf_init(&out);
    buf_add_str(&out, "usage: sigv4-proxy [run] [options]\n");
    for (unsigned i = 0; i < n; i++)
        buf_addf(&out, "       sigv4-proxy %-14s %s\n", c[i].name, c[i].help);
    buf_add_char(&out, '\n');
    config_help(&out);
    (void)fwrite(out.p, 1, out.len, stdout);
    buf_clear(&out);
    return 0;
}

static int version(void)
{
    return printf("sigv4-proxy %s (commit %s)\n"
                  "libevent %s, %s, http-parser %lu.%lu, %s, jansson %s\n",
                  SIGV4_VERSION, SIGV4_COMMIT, loop_library_version(), digest_library_version(),
                  h1_library_version() >> 16 & 255, h1_library_version() >> 8 & 255,
                  creds_xml_version(), creds_json_version()) < 0;
}

// As it was started; the program may be replaced by another of that name meanwhile.
struct process {
    char **argv;
    char **envp;
    char program[4096];
};

static void process_init(struct process *p, char **argv, char **envp)
{
    ssize_t n = readlink("/proc/self/exe", p->program, sizeof(p->program) - 1);
    p->argv = argv;
    p->envp = envp;
    if (n > 0)
        p->program[n] = '\0';
    else // no /proc here
        (void)snprintf(p->program, sizeof(p->program), "%s", argv[0]);
}

// What a service manager said to this process is not said to its commands.
static char **environment_of_commands(char **envp)
{
    size_t n = 0;
    while (envp[n])
        n++;
    char **kept = xcalloc(n + 1, sizeof(*kept));
    n = 0;
    for (; *envp; envp++)
        if (!inherit_is_variable(*envp) && !notify_is_variable(*envp))
            kept[n++] = *envp;
    return kept;
}

static int run(const struct process *process, const struct command *command, int at,
               struct command_input *in)
{
    int argc = 0;
    char **argv = process->argv + at;
    while (argv[argc])
        argc++;
    struct config *config = NULL;
    struct err e = {""};
    enum status st = ST_OK;
    if (command)
        st = command_take_arguments(command, &argc, argv, in, &e);
    struct settings_source source = {.argc = argc,
                                     .argv = argv,
                                     .envp = in->envp,
                                     .full_envp = process->envp,
                                     .full_argv = process->argv,
                                     .program = process->program};
    if (st == ST_OK)
        st = settings_load(&source, &config, &e);
    if (st == ST_DECLINED)
        return help();
    in->config = config;
    int rc;
    if (st != ST_OK)
        rc = fail(e.text);
    else if (command)
        rc = command->run(in);
    else
        rc = serve_run(config, &source, in->spawner);
    config_release(config);
    return rc;
}

int main(int argc, char **argv, char **envp)
{
    struct command_input in = {0};
    struct process process = {0};
    const struct command *command = NULL;
    int at = 1;
    harden();
    if (argc > 1 && !strcmp(argv[1], "--version"))
        return version();
    if (argc > 1 && argv[1][0] != '-') {
        struct err e;
        command = command_find(argv[1]);
        if (!command && strcmp(argv[1], "run") != 0) {
            (void)err_set(&e, ST_INVALID, "unknown subcommand \"%s\"; see sigv4-proxy --help",
                          argv[1]);
            return fail(e.text);
        }
        at = 2;
    }
    if (!command || command->asks_chain)
        in.spawner = start_spawner();
    settle();
    digest_setup();
    process_init(&process, argv, envp);
    char **kept = environment_of_commands(envp);
    in.envp = kept;
    int rc = run(&process, command, argc > at ? at : argc, &in);
    free(kept);
    spawner_end(in.spawner);
    digest_thread_end();
    return rc;
}

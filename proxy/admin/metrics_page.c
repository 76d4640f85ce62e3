// SPDX-License-Identifier: Apache-2.0
// What is counted, and in front of it what is only known now.
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "admin/admin_int.h"
#include "base/clock.h"
#include "creds/creds.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "net/child.h"

static void gauge(struct buf *out, const char *name, const char *help, double value)
{
    metrics_family(out, name, "gauge", help);
    metrics_sample(out, name, NULL, value);
}

static void add_process(struct buf *out, const struct admin *a)
{
    struct buf label;
    buf_init(&label);
    metrics_label(&label, "version", span_of(a->o.process->version));
    metrics_family(out, "build_info", "gauge", "Version of the proxy; always 1.");
    metrics_sample(out, "build_info", buf_cstr(&label), 1);
    buf_clear(&label);
    gauge(out, "start_time_seconds", "When the process started, as Unix time.",
          (double)a->o.process->started_wall_ms / 1000);
    metrics_family(out, "log_lines_dropped_total", "counter",
                   "Log lines that were dropped, since their reader was too slow.");
    metrics_sample(out, "log_lines_dropped_total", NULL, (double)log_dropped());
}

// Under the names that every Prometheus client library uses. The process may not be allowed to
// read its own descriptors' folder, since it is not dumpable.
static void add_resources(struct buf *out)
{
    struct rusage use = {0};
    long pages = 0;
    if (getrusage(RUSAGE_SELF, &use) == 0)
        buf_addf(out,
                 "# HELP process_cpu_seconds_total CPU time of the process.\n"
                 "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %.6f\n",
                 (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
                     (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm) {
        char text[64] = "";
        struct span rest = span_from(text, fread(text, 1, sizeof(text) - 1, statm));
        struct span part;
        uint64_t n = 0;
        if (span_next(&rest, ' ', &part) && span_next(&rest, ' ', &part) && span_u64(part, &n))
            pages = (long)n;
        (void)fclose(statm);
    }
    if (pages)
        buf_addf(out,
                 "# HELP process_resident_memory_bytes Resident memory.\n"
                 "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %ld\n",
                 pages * sysconf(_SC_PAGESIZE));
    DIR *fds = opendir("/proc/self/fd");
    if (!fds)
        return;
    long n = -3; // "." and ".." and the folder itself
    while (readdir(fds))
        n++;
    (void)closedir(fds);
    buf_addf(out,
             "# HELP process_open_fds Open file descriptors.\n"
             "# TYPE process_open_fds gauge\nprocess_open_fds %ld\n",
             n);
}

static void add_reloads(struct buf *out, const struct admin_reloads *r)
{
    gauge(out, "config_last_reload_successful",
          "0 where the newest configuration could not be taken, and an older one holds.",
          !r->is_failed);
    gauge(out, "config_last_reload_success_timestamp_seconds",
          "When the configuration that holds was read, as Unix time.",
          (double)r->good_wall_ms / 1000);
    gauge(out, "config_restart_needed", "1 where changed settings wait for a restart.",
          r->waiting != NULL);
}

static void add_front(struct buf *out, const struct admin *a)
{
    struct front_stats s;
    struct err why = {""};
    front_stats(a->o.front, &s);
    gauge(out, "workers", "Worker threads.", s.n_workers);
    gauge(out, "client_connections", "Client connections open now.", (double)s.clients);
    gauge(out, "client_connections_max", "Most client connections at once.", (double)s.clients_max);
    gauge(out, "spool_bytes", "Octets of bodies in spool files.", (double)s.spool_bytes);
    gauge(out, "spool_bytes_max", "Most octets in spool files.", (double)s.spool_max);
    gauge(out, "buffer_bytes", "Octets of buffers and held bodies.", (double)s.buffer_bytes);
    gauge(out, "buffer_bytes_max", "max_buffer_memory.", (double)s.buffer_bytes_max);
    gauge(out, "requests_forwarded", "Requests on their way through now.", (double)s.forwarded);
    gauge(out, "requests_queued", "Requests that wait because of max_in_flight.", (double)s.queued);
    gauge(out, "requests_retrying", "Of those forwarded, in a further attempt.",
          (double)s.retrying);
    gauge(out, "requests_parked", "Of those forwarded, waiting for a further attempt.",
          (double)s.parked);
    gauge(out, "retry_tokens_owed",
          "Retry tokens used by the upstream host that used most; none is retried at retry_budget.",
          s.tokens_owed);
    gauge(out, "worker_heartbeat_age_seconds", "Since the slowest worker's last turn.",
          (double)(clock_mono_ms() - s.oldest_beat_ms) / 1000);
    gauge(out, "spawner_up", "1 where the process that runs credential_process is there.",
          a->o.spawner && spawner_is_running(a->o.spawner));
    gauge(out, "ready", "1 where /readyz says yes.", a->o.is_ready(a->o.arg, &why));
}

static const struct creds *usable(const struct facts_item *item)
{
    return item->fact && item->fact->status == ST_OK ? item->fact->value : NULL;
}

// The default credentials, and those of named profiles for whoever may see names.
static const char *shown_key(const struct admin_call *c, const struct facts_item *item)
{
    if (item->kind != FACTS_CREDENTIALS)
        return NULL;
    if (strcmp(item->key, c->admin->o.process->creds_key) == 0)
        return "";
    return c->is_trusted ? item->key : NULL;
}

static void add_creds(struct buf *out, const struct facts_list *list, const struct admin_call *c)
{
    struct buf label;
    buf_init(&label);
    metrics_family(out, "credentials_usable", "gauge",
                   "1 where there are credentials; key is empty for the default ones.");
    for (unsigned i = 0; i < list->n; i++) {
        const char *key = shown_key(c, &list->v[i]);
        if (!key)
            continue;
        buf_reset(&label);
        metrics_label(&label, "key", span_of(key));
        metrics_sample(out, "credentials_usable", buf_cstr(&label), usable(&list->v[i]) != NULL);
    }
    metrics_family(out, "credentials_expiry_timestamp_seconds", "gauge",
                   "When credentials expire, as Unix time; absent where they don't.");
    for (unsigned i = 0; i < list->n; i++) {
        const struct creds *creds = usable(&list->v[i]);
        const char *key = shown_key(c, &list->v[i]);
        if (!key || !creds || creds->expires_at_ms == INT64_MAX)
            continue;
        buf_reset(&label);
        metrics_label(&label, "key", span_of(key));
        metrics_sample(out, "credentials_expiry_timestamp_seconds", buf_cstr(&label),
                       (double)creds->expires_at_ms / 1000);
    }
    buf_clear(&label);
}

static void add_facts(struct buf *out, const struct facts_list *list)
{
    unsigned n[FACTS_KINDS_MAX] = {0};
    for (unsigned i = 0; i < list->n; i++)
        n[list->v[i].kind]++;
    metrics_family(out, "facts", "gauge", "Values that are kept and refreshed, by kind.");
    metrics_sample(out, "facts", "kind=\"addresses\"", n[FACTS_ADDRESSES]);
    metrics_sample(out, "facts", "kind=\"credentials\"", n[FACTS_CREDENTIALS]);
    metrics_sample(out, "facts", "kind=\"s3_sessions\"", n[FACTS_S3_SESSIONS]);
}

void admin_metrics(struct admin_call *c, const struct facts_list *list)
{
    struct buf out;
    buf_init(&out);
    add_process(&out, c->admin);
    add_resources(&out);
    add_front(&out, c->admin);
    add_reloads(&out, &c->admin->o.process->reloads);
    if (list) {
        add_creds(&out, list, c);
        add_facts(&out, list);
    }
    metrics_render(&out);
    admin_reply(c, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&out));
    buf_clear(&out);
}

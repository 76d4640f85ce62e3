// SPDX-License-Identifier: Apache-2.0
// The text format: families with help and type, then their samples.
// https://prometheus.io/docs/instrumenting/exposition_formats/
// Labels that are learned stand in each shard in an order of its own: they are merged by name here,
// in a table that is as bounded as each shard's.
#include <string.h>

#include "metrics/metrics_int.h"

#define PREFIX "sigv4_proxy_"

struct row {
    const char *name;   // rows of one family stand together
    const char *labels; // NULL: none
    const char *type;
    const char *help;
};

static const struct row rows[METRICS] = {
    [METRIC_CLIENT_CONNECTIONS] = {"client_connections_total", NULL, "counter",
                                   "Client connections accepted."},
    [METRIC_CLIENTS_REFUSED] = {"client_connections_refused_total", NULL, "counter",
                                "Client connections closed for max_connections_per_client."},
    [METRIC_BYTES_IN] = {"body_bytes_total", "direction=\"in\"", "counter",
                         "Octets of bodies, from clients (in) and to clients (out), counted when "
                         "their request ends."},
    [METRIC_BYTES_OUT] = {"body_bytes_total", "direction=\"out\"", "counter", NULL},
    [METRIC_ATTEMPTS] = {"attempts_total", NULL, "counter",
                         "Times that requests were sent to an upstream, retries included."},
    [METRIC_RETRIES_CANCELLED] = {"retries_cancelled_total", NULL, "counter",
                                  "Requests whose client left while they waited for a retry."},
    [METRIC_UPSTREAM_OPENED] = {"upstream_connections_opened_total", NULL, "counter",
                                "Upstream connections opened."},
    [METRIC_UPSTREAM_REUSED] = {"upstream_connections_reused_total", NULL, "counter",
                                "Times that an idle upstream connection was used again."},
    [METRIC_UPSTREAM_IDLE] = {"upstream_connections_idle", NULL, "gauge",
                              "Upstream connections that wait for a request."},
    [METRIC_UPSTREAM_SURPLUS] = {"upstream_surplus_total", NULL, "counter",
                                 "Upstream connections closed for octets behind an answer."},
    [METRIC_TLS_FULL] = {"tls_handshakes_total", "kind=\"full\"", "counter",
                         "TLS handshakes with upstreams."},
    [METRIC_TLS_RESUMED] = {"tls_handshakes_total", "kind=\"resumed\"", "counter", NULL},
    [METRIC_DIAL_DNS] = {"dial_failures_total", "reason=\"dns\"", "counter",
                         "Upstream connections that could not be opened."},
    [METRIC_DIAL_DNS_FAILED] = {"dial_failures_total", "reason=\"dns-failed\"", "counter", NULL},
    [METRIC_DIAL_REFUSED] = {"dial_failures_total", "reason=\"refused\"", "counter", NULL},
    [METRIC_DIAL_CONNECT] = {"dial_failures_total", "reason=\"connect\"", "counter", NULL},
    [METRIC_DIAL_TLS] = {"dial_failures_total", "reason=\"tls\"", "counter", NULL},
    [METRIC_DIAL_TLS_RESET] = {"dial_failures_total", "reason=\"tls-reset\"", "counter", NULL},
    [METRIC_DIAL_TIMEOUT] = {"dial_failures_total", "reason=\"timeout\"", "counter", NULL},
    [METRIC_DIAL_PROXY] = {"dial_failures_total", "reason=\"proxy\"", "counter", NULL},
    [METRIC_DIAL_PROXY_REFUSED] = {"dial_failures_total", "reason=\"proxy-refused\"", "counter",
                                   NULL},
    [METRIC_DIAL_BUSY] = {"dial_failures_total", "reason=\"busy\"", "counter", NULL},
    [METRIC_TUNNELS] = {"tunnels", NULL, "gauge",
                        "Tunnels (CONNECT) and websockets that are open."},
    [METRIC_CERTIFICATES] = {"certificates_issued_total", NULL, "counter",
                             "Certificates of the local CA, made for intercepted hosts."},
    [METRIC_CREDS_REFRESHES] = {"credentials_refreshes_total", NULL, "counter",
                                "Times that credentials were fetched."},
    [METRIC_PRESIGN_GRANTED] = {"presigned_urls_total", "result=\"granted\"", "counter",
                                "Presigned URLs granted, and requests for them refused."},
    [METRIC_PRESIGN_REFUSED] = {"presigned_urls_total", "result=\"refused\"", "counter", NULL},
    [METRIC_RELOAD_GOOD] = {"config_reloads_total", "result=\"good\"", "counter",
                            "Times that the configuration was read again."},
    [METRIC_RELOAD_FAILED] = {"config_reloads_total", "result=\"failed\"", "counter", NULL},
};

static const struct {
    const char *name;
    const char *help;
} histogram_rows[METRIC_HISTOGRAMS] = {
    [METRIC_TIME_TOTAL] = {"request_duration_seconds",
                           "From the first octet of a request to the end of its answer."},
    [METRIC_TIME_FIRST_BYTE] = {"first_byte_seconds",
                                "From the first octet of a request to the answer's first."},
    [METRIC_TIME_CONNECT] = {"connect_seconds", "To get an upstream connection."},
    [METRIC_TIME_CREDENTIALS] = {"credentials_wait_seconds",
                                 "That requests waited for credentials."},
    [METRIC_TIME_RETRY] = {"retry_wait_seconds", "Waits before retries, as decided."},
    [METRIC_TIME_TURN] = {"rate_limit_wait_seconds", "Waits for a turn under a rate_limit."},
};

static const struct {
    const char *name;
    const char *label;
    const char *help;
} set_rows[METRIC_SETS] = {
    [METRIC_ERRORS] = {"errors_total", "code", "Answers of the proxy's own, by error code."},
    [METRIC_CREDS_FAILURES] = {"credentials_failures_total", "provider",
                               "Fetches of credentials that failed, by the provider that did."},
    [METRIC_RETRIES] = {"retries_total", "reason",
                        "Retries, by the error's code or by what happened."},
    [METRIC_RETRIES_DENIED] = {"retry_denied_total", "reason",
                               "Errors that were not retried although they might have been."},
};

void metrics_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", PREFIX, name, help, PREFIX, name, type);
}

void metrics_label(struct buf *out, const char *name, struct span value)
{
    buf_addf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.p[i];
        if (c == '\n') {
            buf_add_str(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        // Only UTF-8 may stand here; nothing that we name needs more than ASCII.
        buf_add_char(out, (char)((unsigned char)c < 0x20 || (unsigned char)c > 0x7e ? '?' : c));
    }
    buf_add_char(out, '"');
}

static void add_name(struct buf *out, const char *name, const char *labels)
{
    buf_addf(out, "%s%s", PREFIX, name);
    if (labels && *labels)
        buf_addf(out, "{%s}", labels);
}

static void add_count(struct buf *out, const char *name, const char *labels, int64_t n)
{
    add_name(out, name, labels);
    buf_addf(out, " %lld\n", (long long)n);
}

void metrics_sample(struct buf *out, const char *name, const char *labels, double value)
{
    add_name(out, name, labels);
    buf_addf(out, " %.15g\n", value);
}

static void render_plain(struct buf *out)
{
    for (unsigned i = 0; i < METRICS; i++) {
        if (i == 0 || strcmp(rows[i].name, rows[i - 1].name) != 0)
            metrics_family(out, rows[i].name, rows[i].type, rows[i].help);
        add_count(out, rows[i].name, rows[i].labels, metrics_sum(i));
    }
}

static void render_histogram(struct buf *out, unsigned h)
{
    const char *name = histogram_rows[h].name;
    uint64_t counts[BUCKETS + 1] = {0};
    uint64_t sum_ms = 0;
    uint64_t total = 0;
    for (struct shard *s = shard_first(); s; s = s->next) {
        const struct histogram *x = &s->histograms[h];
        for (unsigned i = 0; i <= BUCKETS; i++)
            counts[i] += atomic_load_explicit(&x->buckets[i], memory_order_relaxed);
        sum_ms += atomic_load_explicit(&x->sum_ms, memory_order_relaxed);
    }
    metrics_family(out, name, "histogram", histogram_rows[h].help);
    for (unsigned i = 0; i < BUCKETS; i++) {
        total += counts[i];
        buf_addf(out, "%s%s_bucket{le=\"%g\"} %llu\n", PREFIX, name,
                 (double)bucket_bounds_ms[i] / 1000, (unsigned long long)total);
    }
    total += counts[BUCKETS];
    buf_addf(out, "%s%s_bucket{le=\"+Inf\"} %llu\n", PREFIX, name, (unsigned long long)total);
    buf_addf(out, "%s%s_sum %.15g\n", PREFIX, name, (double)sum_ms / 1000);
    buf_addf(out, "%s%s_count %llu\n", PREFIX, name, (unsigned long long)total);
}

// ---- learned labels

struct merged {
    unsigned n;
    char names[LABELS_MAX][LABEL_LEN];
    uint64_t cells[LABELS_MAX][REQUEST_CELLS];
};

static unsigned merged_index(struct merged *m, const char *name)
{
    unsigned i = 0;
    while (i < m->n && strcmp(m->names[i], name) != 0)
        i++;
    if (i == m->n && i == LABELS_MAX)
        return LABELS_MAX - 1;
    if (i == m->n) {
        if (i == LABELS_MAX - 1)
            name = "other";
        memcpy(m->names[i], name, strlen(name) + 1);
        m->n++;
    }
    return i;
}

static void merge(struct merged *m, const struct label_table *t, const cell *cells, unsigned width)
{
    unsigned n = atomic_load_explicit(&t->n, memory_order_acquire);
    for (unsigned i = 0; i < n; i++) {
        unsigned to = merged_index(m, t->names[i]);
        for (unsigned k = 0; k < width; k++)
            m->cells[to][k] +=
                atomic_load_explicit(&cells[(size_t)i * width + k], memory_order_relaxed);
    }
}

static void render_set(struct buf *out, unsigned set)
{
    struct merged m = {.n = 0};
    struct buf label;
    buf_init(&label);
    for (struct shard *s = shard_first(); s; s = s->next)
        merge(&m, &s->set_labels[set], s->set_cells[set], 1);
    metrics_family(out, set_rows[set].name, "counter", set_rows[set].help);
    for (unsigned i = 0; i < m.n; i++) {
        buf_reset(&label);
        metrics_label(&label, set_rows[set].label, span_of(m.names[i]));
        add_count(out, set_rows[set].name, buf_cstr(&label), (int64_t)m.cells[i][0]);
    }
    buf_clear(&label);
}

static void render_requests(struct buf *out)
{
    static const char *const outcomes[METRIC_OUTCOMES] = {
        [METRIC_RELAYED] = "relayed",     [METRIC_ANSWERED] = "answered",
        [METRIC_TUNNELLED] = "tunnelled", [METRIC_UPGRADED] = "upgraded",
        [METRIC_BROKEN] = "broken",
    };
    struct merged m = {.n = 0};
    struct buf label;
    buf_init(&label);
    for (struct shard *s = shard_first(); s; s = s->next)
        merge(&m, &s->services, s->requests[0], REQUEST_CELLS);
    metrics_family(
        out, "requests_total", "counter",
        "Requests by AWS service (\"-\": not signed), status class and outcome: relayed "
        "with the upstream's answer, answered by the proxy itself, tunnelled, upgraded to a "
        "websocket, broken.");
    for (unsigned i = 0; i < m.n; i++) {
        for (unsigned k = 0; k < REQUEST_CELLS; k++) {
            unsigned class = k / METRIC_OUTCOMES;
            if (!m.cells[i][k])
                continue;
            buf_reset(&label);
            metrics_label(&label, "service", span_of(m.names[i]));
            if (class)
                buf_addf(&label, ",status=\"%uxx\"", class);
            else
                buf_add_str(&label, ",status=\"none\"");
            buf_addf(&label, ",outcome=\"%s\"", outcomes[k % METRIC_OUTCOMES]);
            add_count(out, "requests_total", buf_cstr(&label), (int64_t)m.cells[i][k]);
        }
    }
    buf_clear(&label);
}

void metrics_render(struct buf *out)
{
    render_requests(out);
    for (unsigned set = 0; set < METRIC_SETS; set++)
        render_set(out, set);
    render_plain(out);
    for (unsigned h = 0; h < METRIC_HISTOGRAMS; h++)
        render_histogram(out, h);
}

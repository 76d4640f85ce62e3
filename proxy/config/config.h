// SPDX-License-Identifier: Apache-2.0
// The effective configuration: an immutable, counted snapshot made from bytes, never from files,
// clocks or getenv (main reads the files). Precedence: command line, environment, file, default.
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

struct config_list {
    char **v;
    unsigned n;
};

enum config_connect { CONNECT_TUNNEL = 0, CONNECT_INTERCEPT, CONNECT_DENY };
enum config_sign { SIGN_MODE_HEADER = 0, SIGN_MODE_QUERY, SIGN_MODE_REDIRECT, SIGN_MODE_NONE };
enum config_signed_headers { SIGNED_HEADERS_MINIMAL = 0, SIGNED_HEADERS_ALL };
enum config_payload { PAYLOAD_AUTO = 0, PAYLOAD_HASH, PAYLOAD_UNSIGNED, PAYLOAD_CHUNKED };
enum config_signed { SIGNED_REPLACE = 0, SIGNED_PASS, SIGNED_REJECT };
enum config_presigned { PRESIGNED_PASS = 0, PRESIGNED_REPLACE, PRESIGNED_REJECT };
enum config_algorithm { ALGORITHM_AUTO = 0, ALGORITHM_SIGV4, ALGORITHM_SIGV4A };
enum config_scheme { SCHEME_HTTPS = 0, SCHEME_HTTP };
enum config_retry_mode { RETRY_MODE_STANDARD = 0, RETRY_MODE_OFF };
enum config_retry_jitter { RETRY_JITTER_FULL = 0, RETRY_JITTER_NONE };
enum config_retry_post { POST_CLASSIFIED = 0, POST_NEVER, POST_ALWAYS };

// What a route may say of its own.
struct config_retry {
    enum config_retry_mode mode;
    enum config_retry_jitter jitter;
    enum config_retry_post post;
    bool sdk_clients;
    uint64_t max_attempts;
    uint64_t budget;
    int64_t base, cap;         // ms; -1 in a route: not set
    struct config_list status; // "503", "5xx"
};

// Of a rate_limit: burst at once, then one each interval.
struct config_rate {
    int64_t interval_ns;
    uint32_t burst;
};

// A [route "glob"] section. NULL or has_x false: taken from the built-in rule, then from the
// general sections.
struct config_route {
    char *glob; // lower case; matched against host, or host:port where the port is not the scheme's
    char *service;
    char *region;         // SigV4A's may be "*" or "a,b"
    char *upstream;       // "https://host[:port]" or "http://host[:port]"
    char *upstream_proxy; // "http://[user:token@]host:port" or "none"; secret-bearing
    char *sign_host;      // "client", "upstream" or a name
    char *profile;
    char *role_arn;
    bool has_sign, has_payload, has_connect, has_algorithm, has_signed, has_presigned;
    bool has_signed_headers, has_upgrade, has_s3_express_sessions;
    bool s3_express_sessions;
    bool upgrade; // a client may ask for a websocket
    enum config_sign sign;
    enum config_payload payload;
    enum config_connect connect;
    enum config_algorithm algorithm;
    enum config_signed already_signed;
    enum config_presigned already_presigned;
    enum config_signed_headers signed_headers;
    // -1: not set
    int64_t connect_timeout_ms, tls_timeout_ms, first_byte_timeout_ms, idle_timeout_ms;
    int64_t total_timeout_ms;
    struct config_retry retry;
    struct {
        bool mode, jitter, post, sdk_clients, max_attempts, budget;
    } has_retry;
    char *rate_limit; // "20/s burst 100", as config_rate_parse reads it
    bool has_rate_limit_queue;
    uint64_t rate_limit_queue;
    int64_t rate_limit_wait_ms; // -1: not set
    const char *file;           // where the section stands, for messages: an included file,
    unsigned line;              // borrowed from the snapshot, or NULL, and the line
};

enum config_action { ACTION_ALLOW = 0, ACTION_DENY };

// A [policy] section: who may do what. A matcher that is left out matches everything.
struct config_policy {
    char *name;                // what stands in quotes; NULL: nothing
    struct config_list client; // "ADDR[/BITS]", "unix", "uid:N", "gid:N", "token:GLOB", "cert:GLOB"
    struct config_list host, service, region; // globs
    struct config_list method;                // in capitals
    struct config_list path;                  // prefixes
    struct config_list bucket;                // globs
    struct config_list key;                   // prefixes
    struct config_list aws_action;            // "s3:Get*", "*"
    enum config_action action;
    bool has_action;
    const char *file; // as of a route
    unsigned line;
};

// An [identity] section: with whose credentials some clients' requests are signed, whatever the
// route says. The first that has the client counts.
struct config_identity {
    char *name;                // what stands in quotes
    struct config_list client; // as of a policy; not empty
    char *profile;             // NULL: the general one's, or the chain
    char *role_arn;            // NULL: the profile's credentials as they are
    const char *file;          // as of a route
    unsigned line;
};

struct config {
    // [proxy]
    struct config_list listen; // "addr:port" with a literal address, or ":port": all interfaces
    char *listen_mode;         // of unix sockets, octal
    struct config_list listen_peers; // "uid:N", "gid:N" at the other end of unix sockets
    char *listen_cert, *listen_key, *listen_client_ca; // PEM files; NULL: no TLS
    struct config_list allow_clients;                  // "ADDR", "ADDR/BITS"
    char *proxy_auth_file;                             // tokens; NULL: none asked for
    char *admin;                                       // "addr:port", "unix:/path" or "off"
    char *probe;                                       // the same
    char *admin_token_file;                            // NULL: none
    struct config_list admin_hosts;
    bool admin_quit;
    unsigned workers; // 0: auto
    char *host;       // upstream host[:port] for every request (--host); NULL: none
    char *sign_host;  // general default: "client", "upstream" or a name
    char *name;       // service (--name)
    char *region;     // --region; SigV4A's may be "*" or "a,b"
    enum config_algorithm algorithm;
    enum config_scheme upstream_url_scheme;
    struct config_list allow_hosts; // further names that origin-form requests may carry with --host
    struct config_list unsigned_hosts; // globs forwarded as they are
    enum config_connect connect;
    char *ca_dir; // of the local CA; may begin with "~/" until config_take_home
    enum config_payload payload;
    enum config_signed already_signed;
    enum config_presigned already_presigned;
    enum config_signed_headers signed_headers;
    int64_t redirect_expiry; // milliseconds
    char *ca_bundle;         // NULL: system store
    bool verify_ssl;
    char *upstream_proxy;        // as of a route; NULL: none
    struct config_list no_proxy; // "*", "host", ".suffix", an address or "ADDR/BITS"
    char *pid_file;              // NULL: none
    char *nameserver;            // "addr[:port]", comma list; NULL: resolv.conf
    unsigned log_level;          // enum log_level
    unsigned log_format;         // enum log_format
    char *log_file;              // a path, or "stderr"
    bool log_access;
    bool log_query;
    bool log_failed_requests;
    bool log_signing_process;
    struct config_list strip;             // names of fields
    struct config_list duplicate_headers; // the same
    struct config_list custom_headers;    // "NAME=VALUE"
    bool via;
    bool attempts_header;
    // [credentials]
    bool imds_region;
    bool s3_express_sessions;
    char *profile;
    char *role_arn; // assumed with what the chain finds; NULL: none
    // [presign]
    struct config_list presign_allow; // "METHOD|METHOD TARGET"
    int64_t presign_max_expiry;       // milliseconds
    struct config_list presign_origins;
    char *presign_host; // by which the proxy listener offers it; NULL: not
    // [limits], bytes and counts
    uint64_t max_request_line, max_field, max_head, max_fields, max_trailers;
    uint64_t body_memory, body_max, spool_max, replay_max;
    char *spool_dir;
    uint64_t max_connections;            // 0: auto
    uint64_t max_connections_per_client; // 0: auto
    uint64_t max_upstream_per_host;      // 0: off
    uint64_t max_in_flight, in_flight_queue, max_buffer_memory, client_min_rate, expect_over;
    int64_t in_flight_wait, client_rate_window;
    // [timeouts], milliseconds
    int64_t client_head_timeout, client_idle_timeout, client_write_timeout, half_close_grace;
    int64_t connect_timeout, tls_timeout, first_byte_timeout, idle_timeout;
    int64_t pool_idle_timeout, pool_max_age, drain_timeout, pre_stop_wait, total_timeout;
    int64_t upgrade_timeout;
    int64_t exit_when_idle; // 0: never
    // [retry]
    struct config_retry retry;
    uint64_t retry_queue;
    uint64_t rate_limit_queue;
    int64_t rate_limit_wait;
    struct config_route *routes;                // first match wins
    const struct config_route **named_routes;   // those without a star, for config_route_named
    const struct config_route **starred_routes; // the others, in the file's order
    struct config_policy *policies;             // the same
    struct config_identity *identities;         // the same
    struct config_origin *origins;              // one an option, for config_effective
    char *default_region;                       // where nothing names one, and whose word that is;
    char *default_region_source;                // config_take_region's, NULL before
    char *note;                  // a value that was taken for another one; NULL: none
    char *file_name;             // NULL: no file
    struct config_list included; // names of further files
    unsigned n_routes, n_named, n_starred, n_policies, n_identities;
    _Atomic unsigned refs;
};

// Takes one file.
struct config_reader {
    enum status (*read)(void *arg, const char *name, struct span file);
    void *arg;
};
// Gives the reader each file that the pattern, as it stands in the file `from`, names, in order;
// ends with the first status that is not ST_OK. What the reader refused is in e already.
typedef enum status (*config_include_fn)(const char *from, const char *pattern,
                                         const struct config_reader *r, struct err *e);

struct config_input {
    int argc; // arguments behind the subcommand, or all; without the program's name
    char *const *argv;
    char *const *envp;
    const char *file_name; // for messages; NULL: no file
    struct span file;
    config_include_fn include; // NULL: there is no including here
};

// e: "file:line: what is wrong" (or the flag, or the variable), with the nearest name for an
// unknown one. ST_DECLINED: --help was asked for (text printed by the caller with config_help).
NODISCARD enum status config_parse(const struct config_input *in, struct config **out,
                                   struct err *e);
struct config *config_acquire(struct config *c);
void config_release(struct config *c);
// The AWS profile's word for a setting that no other source has set. Before the snapshot is shared.
struct config_word {
    const char *key; // in the profile
    struct span value;
    const char *where; // for messages and config_effective
};
NODISCARD enum status config_take_profile(struct config *c, const struct config_word *said,
                                          struct err *e);
// The same of a route's own profile: where neither the route nor a general source has set it.
NODISCARD enum status config_take_route_profile(struct config *c, struct config_route *r,
                                                const struct config_word *said, struct err *e);
// The region resolution's answer, which needs files. Heap strings, taken over. Before the snapshot
// is shared.
void config_take_region(struct config *c, char *region, char *source);
// On reload: settings that only a start reads stay as they are now; the keys of those that would
// have changed are added to names, separated by commas. Before the snapshot is shared.
struct buf;
void config_keep_fixed(struct config *next, const struct config *now, struct buf *names);
// Puts the home folder (NULL: there is none) where a path begins with "~/", which is then empty or
// absolute. Before the snapshot is shared.
void config_take_home(struct config *c, const char *home);
// What the general sections say, and over it the route; r may be NULL. The list is borrowed.
struct config_retry config_retry_of(const struct config *c, const struct config_route *r);
// The first route whose glob is just that name (host, or host:port); NULL: none.
const struct config_route *config_route_named(const struct config *c, struct span name);
// "36h", "900", in milliseconds and within bounds.
NODISCARD enum status config_time_parse(struct span text, int64_t least_ms, int64_t most_ms,
                                        int64_t *out_ms, struct err *e);
NODISCARD enum status config_rate_parse(const char *text, struct config_rate *out, struct err *e);
// Whether CONNECT is intercepted anywhere: then the local CA is needed.
bool config_intercepts(const struct config *c);
// Finds --config/-c FILE in the arguments without judging the rest; NULL where absent.
const char *config_file_argument(int argc, char *const *argv);
// "line 12", or "FILE:12" of an included file.
#define CONFIG_PLACE 160
const char *config_place(const char *file, unsigned line, char out[CONFIG_PLACE]);
// Whether the argument is a setting's flag whose value is the next argument.
bool config_flag_takes_next(const char *argument);

void config_help(struct buf *out);       // --help
void config_full_conf(struct buf *out);  // conf/full.conf: every key with default and help
void config_markdown(struct buf *out);   // docs/configuration.md
void config_completion(struct buf *out); // conf/completion.bash
void config_man(struct buf *out);        // docs/sigv4-proxy.8 (mdoc)
void config_man_conf(struct buf *out);   // docs/sigv4-proxy.conf.5 (mdoc)
// check-config's answer: a file that says the same, with a comment behind each value that tells
// where it came from. Secrets are masked.
void config_effective(const struct config *c, struct buf *out);

#endif

// SPDX-License-Identifier: Apache-2.0
// The options table and the typed access to struct config through it. Private to this room.
#ifndef CONFIG_OPTIONS_INT_H
#define CONFIG_OPTIONS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "base/status.h"

enum option_type {
    OPT_BOOL = 0, // bool
    OPT_UINT,     // unsigned
    OPT_COUNT,    // uint64_t
    OPT_SIZE,     // uint64_t, bytes
    OPT_TIME,     // int64_t, milliseconds
    OPT_ENUM,     // unsigned, the index into `words`
    OPT_STRING,   // char *, NULL where not set
    OPT_LIST,     // struct config_list
};

// Judges one string or list item; may rewrite it in place, never longer (lower case, localhost).
typedef enum status (*option_check_fn)(char *text, struct err *e);

struct option {
    const char *key;
    const char *section; // "route": only in a [route "glob"]
    // Further flags, separated by blanks: "port" takes the value, "v=debug" stands for that value.
    const char *aliases;
    const char *env; // further environment variable, below SIGV4_PROXY_<KEY>; NULL: none
    // Words that AWS's variable and profile say for ours, "legacy=standard ..."; with them, case
    // does not matter there.
    const char *aws_words;
    const char *profile_key; // of the AWS profile, below all other sources; NULL: none
    const char *arg;         // what help calls the value; NULL: by type
    const char *words;       // OPT_ENUM: "a|b|c"; OPT_UINT, OPT_COUNT: a word that means 0 ("auto")
    const char *def;         // as text; NULL: not set
    const char *example;     // where def is NULL
    uint64_t min, max;       // numbers; in the unit of the field
    option_check_fn check;
    const char *help; // sentences for a person
    size_t at;        // offset in struct config
    size_t route_at;  // offset in struct config_route
    size_t route_has; // offset of its has_x there; 0: NULL or -1 says "not set"
    enum option_type type;
    bool in_route;      // a route may set it (too), at route_at
    bool is_reloadable; // SIGHUP is enough
    bool is_secret;
    bool hides_userinfo; // a URL: what stands before '@' is a secret
};

extern const struct option options[];
extern const size_t options_n;

// Keys of a [policy] section: `at` is an offset in struct config_policy. Only the file has them.
extern const struct option policy_options[];

// Keys of an [identity] section, in struct config_identity. The same.
extern const struct option identity_options[];

// Sections that stand as often as one likes and have keys of their own.
struct option_table {
    const char *section;
    const struct option *v;
    size_t n;
    const char *help; // what the section is for
};
extern const struct option_table option_tables[];
extern const size_t option_tables_n;
const struct option_table *option_table_of(const struct option *v); // the one with these

struct option_section {
    const char *name;
    const char *help;
};
extern const struct option_section option_sections[]; // in the order of the table, without routes
extern const size_t option_sections_n;

const struct option *option_find(struct span key); // NULL: unknown
bool option_is_general(const struct option *o); // not only for routes: it has a flag and a variable
// "--max-head", "SIGV4_PROXY_MAX_HEAD"
void option_flag_name(const struct option *o, struct buf *out);
void option_env_name(const struct option *o, struct buf *out);
void option_arg_name(const struct option *o, struct buf *out); // what help calls its value

// Parses text (without blanks around it) into the field; lists append. The field keeps its old
// value on failure, and e says what is wrong with the text.
NODISCARD enum status value_set(const struct option *o, struct span text, void *field,
                                struct err *e);
// As the file writes it; nothing where it isn't set. Secrets are masked.
void value_format(const struct option *o, const void *field, struct buf *out);
bool value_hides(const struct option *o, const void *field); // value_format leaves something out
bool value_is_set(const struct option *o, const void *field);
void value_clear(const struct option *o, void *field); // frees; NULL, empty or 0 afterwards

// Checks of strings (option_check_fn).
enum status check_role(char *text, struct err *e);           // an ARN of a role
enum status check_text(char *text, struct err *e);           // no control octets, no comment in it
enum status check_listen(char *text, struct err *e);         // ADDR:PORT, :PORT
enum status check_admin(char *text, struct err *e);          // ADDR:PORT, off
enum status check_host(char *text, struct err *e);           // HOST[:PORT]
enum status check_sign_host(char *text, struct err *e);      // client, upstream, HOST[:PORT]
enum status check_glob(char *text, struct err *e);           // a host with * in it
enum status check_scope(char *text, struct err *e);          // service
enum status check_region(char *text, struct err *e);         // region, a list of them, or *
enum status check_upstream(char *text, struct err *e);       // http(s)://HOST[:PORT]
enum status check_upstream_proxy(char *text, struct err *e); // http://[user:token@]HOST:PORT, none
enum status check_no_proxy(char *text, struct err *e);       // *, HOST, .SUFFIX, ADDR[/BITS]
enum status check_nameserver(char *text, struct err *e);     // ADDR[:PORT]
enum status check_folder(char *text, struct err *e);         // an absolute path
enum status check_home_folder(char *text, struct err *e);    // the same, or ~/...
enum status check_log_file(char *text, struct err *e);       // stderr, an absolute path
enum status check_status(char *text, struct err *e);         // 503, 5xx
enum status check_presign_rule(char *text, struct err *e);   // GET|PUT s3://bucket/key*
enum status check_name(char *text, struct err *e);           // HOST without a port
enum status check_origin(char *text, struct err *e);         // https://HOST[:PORT]
enum status check_field(char *text, struct err *e);          // the name of a field
enum status check_custom_field(char *text, struct err *e);   // NAME=VALUE
enum status check_cidr(char *text, struct err *e);           // ADDR[/BITS]
enum status check_peer(char *text, struct err *e);           // uid:N, gid:N
enum status check_mode(char *text, struct err *e);           // octal permissions
enum status check_rate(char *text, struct err *e);           // 20/s burst 100
enum status check_client(char *text, struct err *e);         // ADDR[/BITS], unix, uid:N, token:GLOB
enum status check_scope_glob(char *text, struct err *e);     // service or region, with * in it
enum status check_method(char *text, struct err *e);         // one that the proxy takes
enum status check_path(char *text, struct err *e);           // begins with /, not percent-encoded
enum status check_bucket_glob(char *text, struct err *e);
enum status check_action(char *text, struct err *e); // SERVICE:NAME with * in NAME, or *

#endif

// SPDX-License-Identifier: Apache-2.0
// Where each value came from. Private to this room.
#ifndef CONFIG_CONFIG_INT_H
#define CONFIG_CONFIG_INT_H

// By rising precedence.
enum config_source {
    FROM_DEFAULT = 0,
    FROM_PROFILE, // of the AWS configuration
    FROM_FILE,
    FROM_AWS_ENV, // AWS_CA_BUNDLE: a variable that other tools read too
    FROM_ENV,
    FROM_FLAG,
};

struct config_origin {
    enum config_source source;
    unsigned line;    // FROM_FILE
    const char *file; // an included one, borrowed from the snapshot; else NULL
    char *where;      // "file:12", "--region", "SIGV4_PROXY_REGION"; NULL: the default
};

struct config;
// Makes named_routes and starred_routes; the routes must not move afterwards.
void config_index_routes(struct config *c);

#endif

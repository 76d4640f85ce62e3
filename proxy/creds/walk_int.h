// SPDX-License-Identifier: Apache-2.0
// One walk along the chain, from a fact's key to its answer; and what the chain remembers of a key.
#ifndef CREDS_WALK_INT_H
#define CREDS_WALK_INT_H

#include <sys/queue.h>

#include "base/digest.h"
#include "creds/creds_int.h"

#define SEEN_FILES_MAX 4

// A key that was asked for: what its last walk rested on, so that a change of that, and of nothing
// else, makes it be asked for again.
struct seen_key {
    TAILQ_ENTRY(seen_key) link;
    char *key;
    char *said; // the last outcome in the log
    bool has_failed;
    int64_t extends_from_ms; // wall clock: what serves since then has expired; 0: may not outlive
    int64_t refused_to_ms;   // wall clock: what expired by then is refused by AWS, too
    bool is_walking;
    uint8_t settings[DIGEST_LEN]; // of the shared files, as far as they concern it
    struct {
        char *path;
        struct file_id id;
    } files[SEEN_FILES_MAX]; // further ones
    unsigned n_files;
};

#define N_PROVIDERS 5

TAILQ_HEAD(seen_list, seen_key);
LIST_HEAD(walk_list, walk);

struct creds_chain {
    struct creds_kit kit;
    struct facts *facts;
    char *const *envp; // borrowed
    char *profile;     // NULL: none said
    char *region;      // NULL: none said
    char *last_region; // NULL: none
    creds_tell_fn tell;
    void *tell_arg;
    struct timer *timer;
    int64_t wall_ahead_ms; // of the monotonic clock
    char *paths[FILE_KINDS];
    struct file_id polled[FILE_KINDS];
    struct file_id told[FILE_KINDS]; // whose warnings are in the log
    bool is_odd_told[N_PROVIDERS];
    struct seen_list seen; // least recently walked first
    unsigned n_seen;
    struct walk_list walks; // under way
};

void walk_start(struct creds_chain *c, struct facts_flight *flight);
void walk_cancel(struct walk *w); // its flight ends with this
void walk_orphan(struct walk *w); // its chain goes first; walk_cancel follows

// chain.c
struct seen_key *chain_see(struct creds_chain *c, const char *key);
// For providers: the answer rests on that file too, as it is now.
void walk_rests_on(struct walk *w, const char *path);
void walk_has_written(struct walk *w, const char *path); // one of those: that is no change

// refresh.c: when to ask again for credentials that live that long; unit is random in [0, 1).
int64_t refresh_wait(int64_t lifetime_ms, double unit);

#endif

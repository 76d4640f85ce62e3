// SPDX-License-Identifier: Apache-2.0
// What an answer says about trying again. First the head (retry_wants_peek: may it be relayed at
// once?), then with the beginning of the body (retry_classify). Pure.
#ifndef RETRY_CLASSIFY_H
#define RETRY_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define RETRY_PEEK_MAX ((size_t)16 * 1024)
#define RETRY_PEEK_MS  1000

enum retry_kind {
    RETRY_FINAL = 0, // the same request would get the same answer
    RETRY_THROTTLED, // the service declined to do the work
    RETRY_TRANSIENT,
    RETRY_CLOCK,     // the date of the signature was refused
    RETRY_SIGNATURE, // the signature was refused: EC2 says no more when the clock is wrong
    RETRY_TOKEN,     // the session token has expired
    RETRY_KEY,       // the access key is unknown: it may have been rotated
    RETRY_REGION,    // S3: the bucket is in retry_error.region
    RETRY_KINDS,
};

// Statuses of 400..599 that are retried whatever the error's code is.
struct retry_statuses {
    uint64_t bits[4];
};
// "503" or "5xx"; false: neither.
bool retry_statuses_add(struct retry_statuses *s, struct span word);
bool retry_statuses_has(const struct retry_statuses *s, int status);

// Fields are borrowed; an absent one has p == NULL.
struct retry_head {
    int status;
    struct span error_type;    // x-amzn-errortype
    struct span query_error;   // x-amzn-query-error
    struct span bucket_region; // x-amz-bucket-region
    struct span content_type;
    struct span content_encoding;
    uint64_t length;        // of the body; UINT64_MAX: not known beforehand
    bool is_to_head;        // it answers a HEAD
    bool is_s3;             // of the S3 family: wrong regions can be repaired
    bool is_bucket_created; // S3's CreateBucket, whose body says where
};

struct retry_error {
    enum retry_kind kind;
    struct span code;   // borrowed from head or body; empty: none found
    struct span region; // with RETRY_REGION; valid
};

// True: the answer is to be held, with up to RETRY_PEEK_MAX octets of its body, for at most
// RETRY_PEEK_MS. False: it is final.
bool retry_wants_peek(const struct retry_head *h, const struct retry_statuses *s);
// body: what was held. is_whole: nothing of it is missing.
void retry_classify(const struct retry_head *h, const struct retry_statuses *s, struct span body,
                    bool is_whole, struct retry_error *out);
bool retry_is_region(struct span s); // may stand in a host name and a credential scope

#endif

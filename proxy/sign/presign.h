// SPDX-License-Identifier: Apache-2.0
// Signatures in the query string: presigned URLs, ours and those that clients bring.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
#ifndef SIGN_PRESIGN_H
#define SIGN_PRESIGN_H

#include "sign/sign.h"

#define SIGN_EXPIRES_MAX 604800 // seconds: a week

// Signs into out->query, which is sent instead of target->query; add[] stays empty, but for VPC
// Lattice with r->send_payload_header. Host, add[] and the fields that r->select takes are bound:
// whoever uses the URL must send them byte-equal. Presign
// parameters in target->query are replaced. Otherwise as sign_header; ST_INVALID also for
// r->expires_s outside 1..SIGN_EXPIRES_MAX.
NODISCARD enum status sign_query(const struct sign_request *r, const struct sign_identity *id,
                                 struct sign_key_cache *cache, struct arena *a,
                                 struct sign_result *out, struct err *e);

enum sign_presigned {
    SIGN_NOT_PRESIGNED = 0,
    SIGN_PRESIGNED_V4, // X-Amz-Signature or X-Amz-Algorithm
    SIGN_PRESIGNED_V2, // Signature and AWSAccessKeyId
};
// What a raw query, as received, carries.
enum sign_presigned sign_presign_detect(struct span query);
// The query without presign parameters of either kind; the rest stays raw. From the arena, or the
// query itself.
struct span sign_presign_strip(struct span query, struct arena *a);

#endif

// SPDX-License-Identifier: Apache-2.0
// The request as it goes to the upstream: fields, framing, signature.
#ifndef FRONT_OUTGOING_H
#define FRONT_OUTGOING_H

#include "front/request.h"

// Writes the head, signed with this moment's clock and credentials where the plan says so.
// ST_DENIED: no valid credentials; ST_INVALID: it can't be signed faithfully. e says why.
NODISCARD enum status outgoing_head(struct request *r, struct buf *out, struct err *e);
// The presigned URL that answers a request with sign = redirect. Errors as above.
NODISCARD enum status outgoing_url(struct request *r, struct span *out, struct err *e);

#endif

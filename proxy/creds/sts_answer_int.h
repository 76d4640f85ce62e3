// SPDX-License-Identifier: Apache-2.0
// What STS answers, in XML. Pure.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
#ifndef CREDS_STS_ANSWER_INT_H
#define CREDS_STS_ANSWER_INT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/status.h"

enum sts_field {
    STS_ACCESS_KEY = 0,
    STS_SECRET_KEY,
    STS_SESSION_TOKEN,
    STS_EXPIRATION,
    STS_ARN, // of the assumed role, or of the caller
    STS_ACCOUNT,
    STS_USER_ID,
    STS_CODE, // of an error
    STS_MESSAGE,
    STS_FIELDS,
};

struct sts_document {
    struct buf fields[STS_FIELDS]; // empty: absent. Secret.
};
// ST_INVALID: this is no XML, or no answer of STS.
NODISCARD enum status sts_document_read(struct span xml, struct sts_document *out, struct err *e);
void sts_document_clear(struct sts_document *d);
const char *sts_document_get(struct sts_document *d, enum sts_field field);

#endif

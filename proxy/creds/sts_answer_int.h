// SPDX-License-Identifier: Apache-2.0
// What STS answers, in XML, and S3 where it is asked for a session. Pure.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
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
    const char *who;               // answered: "STS", "S3"
};
// ST_INVALID: this is no XML.
NODISCARD enum status sts_document_read(struct span xml, struct sts_document *out, struct err *e);
// The same of S3's CreateSession: what STS wraps in a ...Response, and its errors, stand at the
// top.
NODISCARD enum status s3_document_read(struct span xml, struct sts_document *out, struct err *e);
void sts_document_clear(struct sts_document *d);
const char *sts_document_get(struct sts_document *d, enum sts_field field);

#endif

// SPDX-License-Identifier: Apache-2.0
// STS's XML and S3's: any octets, and what becomes credentials must hold up.
#include <stdlib.h>
#include <string.h>

#include "creds/sts_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef enum status (*read_fn)(struct span xml, struct sts_document *out, struct err *e);

static void read_as(read_fn read, struct span xml)
{
    struct sts_document d;
    struct creds *c = NULL;
    struct err e;
    enum status st = read(xml, &d, &e);
    if (st == ST_OK && sts_make_creds(&d, "fuzz", "fuzz", &c, &e) == ST_OK) {
        if (!c->access_key[0] || !c->secret_key[0] || !c->session_token[0])
            abort();
        for (const char *s = c->session_token; *s; s++)
            if (*s <= ' ' || *s > '~')
                abort();
        creds_free(c);
    }
    sts_document_clear(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 65536)
        return 0;
    read_as(sts_document_read, span_from((const char *)data, size));
    read_as(s3_document_read, span_from((const char *)data, size));
    return 0;
}

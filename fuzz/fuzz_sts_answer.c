// SPDX-License-Identifier: Apache-2.0
// STS's XML: any octets, and what becomes credentials must hold up.
#include <stdlib.h>
#include <string.h>

#include "creds/sts_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sts_document d;
    struct creds *c = NULL;
    struct err e;
    if (size > 65536)
        return 0;
    enum status st = sts_document_read(span_from((const char *)data, size), &d, &e);
    if (st == ST_OK && sts_make_creds(&d, "fuzz", "fuzz", &c, &e) == ST_OK) {
        if (!c->access_key[0] || !c->secret_key[0] || !c->session_token[0])
            abort();
        for (const char *s = c->session_token; *s; s++)
            if (*s <= ' ' || *s > '~')
                abort();
        creds_free(c);
    }
    sts_document_clear(&d);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// The checksums that S3 knows in x-amz-checksum-*, as running sums. Private to this room.
#ifndef SIGN_CHECKSUM_H
#define SIGN_CHECKSUM_H

#include "base/span.h"

#define CHECKSUM_TEXT_MAX 45 // base64 of 32 octets and NUL

struct checksum;
// By the name of the field, any case ("x-amz-checksum-crc32"); NULL: unknown.
struct checksum *checksum_new(struct span field_name);
void checksum_free(struct checksum *c); // NULL is fine
void checksum_add(struct checksum *c, struct span in);
// Base64 of the big-endian sum, as the field's value holds it. Ends the sum.
struct span checksum_final(struct checksum *c, char out[CHECKSUM_TEXT_MAX]);

#endif

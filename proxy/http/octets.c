// SPDX-License-Identifier: Apache-2.0
#include "http/octets_int.h"

// clang-format off
#define C 0                                                    // control octet
#define H OCTET_VALUE                                          // HTAB
#define S (OCTET_VALUE | OCTET_LINE)                           // space
#define F (OCTET_VALUE | OCTET_LINE | OCTET_TCHAR)             // '#'
#define P (OCTET_VALUE | OCTET_LINE | OCTET_TARGET)            // delimiters and 0x80 up
#define T (P | OCTET_TCHAR)                                    // other token octets
#define A (T | OCTET_HOST)                                     // letters, digits, '-', '.', '_'
#define P16 P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P

const unsigned char octets[256] = {
    C, C, C, C, C, C, C, C, C, H, C, C, C, C, C, C,
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
    S, T, P, F, T, T, T, T, P, P, T, T, P, A, A, P, //  !"#$%&'()*+,-./
    A, A, A, A, A, A, A, A, A, A, P, P, P, P, P, P, // 0123456789:;<=>?
    P, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, // @ABCDEFGHIJKLMNO
    A, A, A, A, A, A, A, A, A, A, A, P, P, P, T, A, // PQRSTUVWXYZ[\]^_
    T, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, // `abcdefghijklmno
    A, A, A, A, A, A, A, A, A, A, A, P, T, P, T, C, // pqrstuvwxyz{|}~
    P16, P16, P16, P16, P16, P16, P16, P16,
};
// clang-format on

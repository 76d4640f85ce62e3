// SPDX-License-Identifier: Apache-2.0
// What a fallible function answers. AGAIN and DECLINED are answers, not failures: "not now" and
// "not mine". Text for a person travels beside it in struct err.
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define NODISCARD  __attribute__((warn_unused_result))
#define NEVER_NULL __attribute__((returns_nonnull))
// What formats text is kept off the way of requests that go well: so is the code that leads there.
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args), cold))

enum status {
    ST_OK = 0,
    ST_AGAIN,    // would block, or needs more input
    ST_DECLINED, // not configured, not mine: ask the next one
    ST_INVALID,  // the input is wrong
    ST_LIMIT,    // a configured limit was reached
    ST_IO,       // the system or the peer failed
    ST_DENIED,   // policy says no
};

#endif

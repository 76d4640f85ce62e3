// SPDX-License-Identifier: Apache-2.0
// libcrypto's memory. Where there is none left the process ends (base/xalloc.h), so that libcrypto
// and libssl have no failures of that kind to handle.
#ifndef BASE_CRYPTO_MEMORY_H
#define BASE_CRYPTO_MEMORY_H

// Before anything else of libcrypto's. Refused where that has allocated already, as in some tests.
void crypto_memory_setup(void);
void crypto_memory_thread_end(void); // gives back what the thread keeps

#endif

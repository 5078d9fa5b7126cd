/* The entry that libFuzzer calls. A target runs the code on the bytes and returns 0; what it finds
 * wrong it says by abort(). Nothing may be kept from one call to the next. */
#ifndef LEAT_TESTS_FUZZ_FUZZ_H
#define LEAT_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

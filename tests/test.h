/* What cmocka.h wants to stand before it, and cmocka.h. Include this first in a test. */
#ifndef LEAT_TESTS_TEST_H
#define LEAT_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Leaves the test as skipped; why is shown at the end of `make test`. */
#define SKIP(why)                                                                                  \
    do {                                                                                           \
        print_message("# skip: %s\n", (why));                                                      \
        skip();                                                                                    \
    } while (0)

#endif

/* A clock that stands still, and on which sleeping takes no time. */
#ifndef LEAT_TESTS_FUZZ_STILL_H
#define LEAT_TESTS_FUZZ_STILL_H

#include "base/clock.h"

static int64_t still_us(void)
{
    return 1;
}

static void still_sleep(int64_t us)
{
    (void)us;
}

static const leat_clock still = {still_us, still_us, still_sleep};

#endif

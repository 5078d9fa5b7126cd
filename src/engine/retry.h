/* Back-off between attempts: a pause that doubles, with jitter, begun anew after progress. */
#ifndef LEAT_ENGINE_RETRY_H
#define LEAT_ENGINE_RETRY_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/str.h"

typedef struct leat_retry {
    int64_t min_us, max_us; /* 0: 200 ms and 30 s */
    int64_t limit;          /* attempts without progress; -1: for ever */
    int64_t pause_us, failures;
    uint64_t dice; /* of the jitter */
} leat_retry;

/* After an attempt that failed with rc. progressed: something was achieved since the attempt
 * before. True: wait *pause_us and try again; false: give up. */
bool leat_retry_next(leat_retry *r, leat_rc rc, bool progressed, int64_t *pause_us);
/* Sleeps in short steps, so that stop and wake (may be NULL) are heard; true when stop was. */
bool leat_retry_sleep(int64_t us, const atomic_bool *stop, const atomic_bool *wake);

#endif

/* Back-off; see the header. The jitter lies between half and all of the pause, so that many
 * connectors do not come back to one server at once. */
#include "engine/retry.h"

#include "base/clock.h"

enum { MIN_US = 200000, MAX_US = 30000000, STEP_US = 50000 };

bool leat_retry_next(leat_retry *r, leat_rc rc, bool progressed, int64_t *pause_us)
{
    if (r->min_us == 0) r->min_us = MIN_US;
    if (r->max_us == 0) r->max_us = MAX_US;
    if (r->dice == 0) r->dice = (uint64_t)leat_now_us();
    if (progressed || r->pause_us == 0) {
        r->failures = 0;
        r->pause_us = r->min_us;
    }
    if (rc != LEAT_RETRY || (r->limit >= 0 && r->failures++ >= r->limit)) return false;
    r->dice = r->dice * 6364136223846793005ull + 1442695040888963407ull;
    int64_t half = r->pause_us / 2;
    *pause_us = half + (int64_t)((r->dice >> 33) % (uint64_t)(half + 1));
    r->pause_us = r->pause_us * 2 > r->max_us ? r->max_us : r->pause_us * 2;
    return true;
}

bool leat_retry_sleep(int64_t us, const atomic_bool *stop, const atomic_bool *wake)
{
    int64_t until = leat_mono_us() + us, left;
    while (!atomic_load(stop) && !(wake && atomic_load(wake)) &&
           (left = until - leat_mono_us()) > 0)
        leat_sleep_us(left < STEP_US ? left : STEP_US);
    return atomic_load(stop);
}

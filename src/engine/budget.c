/* Debts on the clock: a unit that is taken moves the moment at which all is paid by what it costs.
 *
 * A limit that was not used for a while saves up no more than a burst. Processor time is looked up
 * when somebody asks whether to wait: it is the whole process's. Time that was waited is counted on
 * the counters page, by limit. */
#include "engine/budget.h"

#include "base/clock.h"
#include "base/os.h"

enum { BURST_US = 200000, SECOND_US = 1000000 };

const char *leat_limit_name(leat_limit limit)
{
    static const char *const names[] = {"limits.rate.events", "limits.rate.bytes", "limits.cpu"};
    return (size_t)limit < sizeof names / sizeof *names ? names[limit] : "limits";
}

void leat_budget_init(leat_budget *b, const leat_budget_conf *conf)
{
    *b = (leat_budget){.page = conf->page};
    pthread_mutex_init(&b->guard, NULL);
    if (conf->events > 0)
        b->lines[LEAT_LIMIT_EVENTS].us_per_unit = SECOND_US / (double)conf->events;
    if (conf->bytes > 0) b->lines[LEAT_LIMIT_BYTES].us_per_unit = SECOND_US / (double)conf->bytes;
    if (conf->cpu_percent > 0)
        b->lines[LEAT_LIMIT_CPU].us_per_unit = 100 / (double)conf->cpu_percent;
}

void leat_budget_fini(leat_budget *b)
{
    pthread_mutex_destroy(&b->guard);
}

static void take(leat_budget_line *line, uint64_t units, int64_t now)
{
    if (line->us_per_unit <= 0) return;
    if (line->even_us < now - BURST_US) line->even_us = now - BURST_US;
    line->even_us += (int64_t)((double)units * line->us_per_unit);
}

void leat_budget_take(leat_budget *b, uint64_t events, uint64_t bytes)
{
    int64_t now = leat_mono_us();
    pthread_mutex_lock(&b->guard);
    take(&b->lines[LEAT_LIMIT_EVENTS], events, now);
    take(&b->lines[LEAT_LIMIT_BYTES], bytes, now);
    pthread_mutex_unlock(&b->guard);
}

/* The guard is taken. */
static void take_cpu(leat_budget *b, int64_t now)
{
    leat_budget_line *line = &b->lines[LEAT_LIMIT_CPU];
    if (line->us_per_unit <= 0) return;
    int64_t used = leat_os_cpu_us();
    if (b->cpu_us > 0 && used > b->cpu_us) take(line, (uint64_t)(used - b->cpu_us), now);
    b->cpu_us = used;
}

static void show(leat_budget *b, leat_limit which, bool waits, int64_t now)
{
    if (!b->page) return;
    if (b->waited_us > 0) {
        leat_limit was = (leat_limit)(atomic_load(&b->page->throttled_by) - 1);
        if ((unsigned)was < LEAT_LIMIT_RATES)
            atomic_fetch_add(&b->page->throttled_us[was], (uint64_t)(now - b->waited_us));
    }
    b->waited_us = waits ? now : 0;
    atomic_store(&b->page->throttled_by, waits ? (uint32_t)which + 1 : 0);
}

int64_t leat_budget_wait(leat_budget *b, leat_limit *which)
{
    int64_t now = leat_mono_us(), longest = 0;
    pthread_mutex_lock(&b->guard);
    take_cpu(b, now);
    for (unsigned i = 0; i < LEAT_LIMIT_RATES; i++) {
        int64_t left = b->lines[i].us_per_unit > 0 ? b->lines[i].even_us - now : 0;
        if (left <= longest) continue;
        longest = left;
        *which = (leat_limit)i;
    }
    if (longest > 0 || b->waited_us > 0) show(b, *which, longest > 0, now);
    pthread_mutex_unlock(&b->guard);
    return longest;
}

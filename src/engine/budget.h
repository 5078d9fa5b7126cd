/* What a source may take a second: events, bytes, processor time (limits.rate.*, limits.cpu).
 *
 * Each taken unit costs time; who is ahead of the clock by more than a burst waits. Shared by the
 * tasks of a connector. Any thread. */
#ifndef LEAT_ENGINE_BUDGET_H
#define LEAT_ENGINE_BUDGET_H

#include <pthread.h>

#include "stream/page.h"

typedef struct leat_budget_line {
    double us_per_unit; /* 0: no limit */
    int64_t even_us;    /* when what was taken is paid for */
} leat_budget_line;

typedef struct leat_budget {
    pthread_mutex_t guard;
    leat_budget_line lines[LEAT_LIMIT_RATES];
    int64_t cpu_us;    /* of the process, at the last look */
    int64_t waited_us; /* since when somebody waits; 0: nobody does */
    leat_page *page;   /* what is shown; NULL: nobody looks */
} leat_budget;

typedef struct leat_budget_conf {
    int64_t events, bytes; /* a second; 0: no limit */
    int64_t cpu_percent;   /* of one core; 0: no limit */
    leat_page *page;
} leat_budget_conf;

void leat_budget_init(leat_budget *b, const leat_budget_conf *conf);
void leat_budget_fini(leat_budget *b);
/* Counts what was read. */
void leat_budget_take(leat_budget *b, uint64_t events, uint64_t bytes);
/* Microseconds to wait before the next is read; 0: none. *which: the limit that holds it. */
int64_t leat_budget_wait(leat_budget *b, leat_limit *which);
/* "limits.rate.events" */
const char *leat_limit_name(leat_limit limit);

#endif

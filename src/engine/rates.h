/* How fast a connector is: its counters, sampled once a second for a minute. One thread. */
#ifndef LEAT_ENGINE_RATES_H
#define LEAT_ENGINE_RATES_H

#include <stdbool.h>
#include <stdint.h>

enum { LEAT_RATES_SAMPLES = 61 };

typedef struct leat_rates_sample {
    int64_t mono_us;
    uint64_t events, bytes; /* since ever */
    int64_t retained;       /* log the server keeps for us; -1: unknown */
} leat_rates_sample;

typedef struct leat_rates {
    leat_rates_sample ring[LEAT_RATES_SAMPLES];
    unsigned n, at; /* at: where the next goes */
} leat_rates;

typedef struct leat_rate {
    double events, bytes; /* a second */
    double retained;      /* growth of the server's log, bytes a second; valid if known */
    bool known;
    int64_t over_us; /* between the samples it was taken from; 0: there are no two yet */
} leat_rate;

/* A counter that went back (another process counts anew) begins the samples anew. */
void leat_rates_add(leat_rates *r, leat_rates_sample now);
/* Between the newest sample and the oldest one that is at most this old. */
leat_rate leat_rates_over(const leat_rates *r, int64_t us);

#endif

/* Rates; see the header. Pure. */
#include "engine/rates.h"

static const leat_rates_sample *sample(const leat_rates *r, unsigned back)
{
    return &r->ring[(r->at + LEAT_RATES_SAMPLES - 1 - back) % LEAT_RATES_SAMPLES];
}

void leat_rates_add(leat_rates *r, leat_rates_sample now)
{
    if (r->n > 0) {
        const leat_rates_sample *last = sample(r, 0);
        if (now.events < last->events || now.bytes < last->bytes) r->n = 0;
    }
    r->ring[r->at] = now;
    r->at = (r->at + 1) % LEAT_RATES_SAMPLES;
    if (r->n < LEAT_RATES_SAMPLES) r->n++;
}

leat_rate leat_rates_over(const leat_rates *r, int64_t us)
{
    leat_rate out = {0};
    if (r->n < 2) return out;
    const leat_rates_sample *last = sample(r, 0), *first = sample(r, 1);
    for (unsigned i = 2; i < r->n && last->mono_us - sample(r, i)->mono_us <= us; i++)
        first = sample(r, i);
    out.over_us = last->mono_us - first->mono_us;
    if (out.over_us <= 0) return (leat_rate){0};
    double s = (double)out.over_us / 1e6;
    out.events = (double)(last->events - first->events) / s;
    out.bytes = (double)(last->bytes - first->bytes) / s;
    out.known = last->retained >= 0 && first->retained >= 0;
    if (out.known) out.retained = (double)(last->retained - first->retained) / s;
    return out;
}

/* Chance of the simulator: splitmix64 from a seed, the same everywhere. */
#ifndef LEAT_TESTS_SIM_DICE_H
#define LEAT_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct dicebox {
    uint64_t at;
} dicebox;

static inline uint64_t dice_next(dicebox *d)
{
    uint64_t z = (d->at += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* 0 ... n - 1; n > 0. */
static inline uint32_t dice_below(dicebox *d, uint32_t n)
{
    return (uint32_t)(((dice_next(d) >> 32) * n) >> 32);
}

/* from ... to, both possible. */
static inline uint32_t dice_range(dicebox *d, uint32_t from, uint32_t to)
{
    return from + dice_below(d, to - from + 1);
}

/* One time in n; never for n = 0. */
static inline bool dice_one_in(dicebox *d, uint32_t n)
{
    return n > 0 && dice_below(d, n) == 0;
}

/* Small numbers as often as large ones: 1 ... 2^bits - 1. */
static inline uint32_t dice_steep(dicebox *d, unsigned bits)
{
    unsigned b = dice_below(d, bits);
    return (1u << b) + dice_below(d, 1u << b);
}

#endif

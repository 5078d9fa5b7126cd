/* Floating point as Java prints it: Double.toString and Float.toString of JDK 19 and later.
 *
 * The shortest decimal that reads back as the same number (of those the nearest, and at least two
 * digits), with a point from 10^-3 up to below 10^7 and with an E outside: 0.1, 100000.0, 1.0E10,
 * 4.9E-324. Debezium's images run on such a JDK; an older one shows more digits of some numbers. */
#ifndef LEAT_BASE_DOUBLE_TEXT_H
#define LEAT_BASE_DOUBLE_TEXT_H

#include "base/str.h"

enum { LEAT_DOUBLE_MAX = 32 };

/* Writes the text of a number that is not NaN and not infinite; returns its length. No NUL. */
size_t leat_double_text(double d, char out[LEAT_DOUBLE_MAX]);
size_t leat_float_text(float f, char out[LEAT_DOUBLE_MAX]);

/* A power of ten as 126 bits: see double_text.c. */
typedef struct leat_pow10 {
    uint64_t high, low; /* 63 bits each */
} leat_pow10;

/* For 10^-k, k from LEAT_POW10_FIRST on. */
enum { LEAT_POW10_FIRST = -324, LEAT_POW10_LAST = 292 };
extern const leat_pow10 leat_pow10_table[LEAT_POW10_LAST - LEAT_POW10_FIRST + 1];

#endif

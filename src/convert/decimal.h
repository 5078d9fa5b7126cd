/* Exact decimals: the text of a cell to the forms in which consumers see it.
 *
 * Nothing is rounded: a value that does not fit the wanted scale is refused. Any length; up to 38
 * digits take a short way. Pure. */
#ifndef LEAT_CONVERT_DECIMAL_H
#define LEAT_CONVERT_DECIMAL_H

#include "base/buf.h"

/* Scales, and digits before the point, beyond it are refused: more than any database has. */
enum { LEAT_SCALE_MOST = 200000 };

/* A decimal's digits, borrowed from its text. */
typedef struct leat_decimal {
    bool negative;
    leat_str whole;    /* before the point, without leading zeros: empty for 0 */
    leat_str fraction; /* behind it */
} leat_decimal;

/* "-12.50", "7", ".5"; false for all else, NaN and Infinity too. */
bool leat_decimal_parse(leat_str text, leat_decimal *d);
/* Without zeros at the end of the fraction. */
void leat_decimal_strip(leat_decimal *d);

/* d * 10^scale as Java's BigInteger.toByteArray gives it: two's complement, big end first, as short
 * as it can be. Appends to out; false (nothing appended) when it is no whole number or the scale is
 * beyond LEAT_SCALE_MOST (or the number is). scratch is overwritten. */
bool leat_decimal_unscaled(const leat_decimal *d, int32_t scale, leat_buf *scratch, leat_buf *out);

/* The other way: bytes as BigInteger.toByteArray gives them, at this scale, as a cell's text
 * ("-12.50"). Appends to out; false when there are none, or scale or digits are beyond
 * LEAT_SCALE_MOST. */
bool leat_decimal_scaled(leat_str bytes, int32_t scale, leat_buf *out);

/* As Java's BigDecimal.toString prints d at this scale: "1.50", "1E-10". False as above. */
bool leat_decimal_text(const leat_decimal *d, int32_t scale, leat_buf *out);

#endif

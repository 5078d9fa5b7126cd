/* Dates and times as Debezium's strings show them: ISO 8601 as Java's DateTimeFormatter prints it.
 *
 * Years have four digits, more with a sign ("+10000", "-0001"). All append to out. Pure. */
#ifndef LEAT_CONVERT_TIME_TEXT_H
#define LEAT_CONVERT_TIME_TEXT_H

#include "base/buf.h"
#include "event/value.h"

/* Fraction digits: as many as are needed. */
enum { LEAT_DIGITS_NEEDED = -1 };

/* "2024-02-29" of days since 1970-01-01. */
void leat_text_date(leat_buf *out, int64_t days);
/* "13:14:15.12" of a time since midnight; taken modulo a day. */
void leat_text_time(leat_buf *out, int64_t t, leat_unit unit, int digits);
/* "2024-02-29T13:14:15.12" of a time since 1970. */
void leat_text_timestamp(leat_buf *out, int64_t t, leat_unit unit, int digits);
/* "P1Y2M3DT4H5M6.78S", with all parts, each with its sign. */
void leat_text_interval(leat_buf *out, const leat_interval *interval);

/* t in another unit: floor, or towards zero for durations and times of day. */
int64_t leat_unit_floor(int64_t t, leat_unit from, leat_unit to);
int64_t leat_unit_trunc(int64_t t, leat_unit from, leat_unit to);

/* Debezium's microseconds of an interval: a month is 30.4375 days, in its own double arithmetic. */
int64_t leat_interval_us(const leat_interval *interval);

#endif

/* Dates and times of row images.
 *
 *     DATE        3 bytes, the lowest first: day 5 bits, month 4, year 15
 *     TIME(p)     3 bytes + 0x800000: sign, unused bit, hours 10 bits, minutes 6, seconds 6
 *     DATETIME(p) 5 bytes + 0x8000000000: sign, year * 13 + month 17 bits, day 5, hour 5, minute 6,
 *                 second 6
 *     TIMESTAMP(p) u32 seconds since 1970 UTC; 0 with no fraction: none
 *                 all of these the highest byte first, then (p + 1) / 2 bytes fraction in units of
 *                 10^-2, 10^-4, 10^-6; with a negative TIME both are one two's complement number
 *     old forms   TIME i24 hhmmss, DATETIME u64 YYYYMMDDhhmmss, TIMESTAMP u32: the lowest byte
 * first
 *
 * A date that is none becomes the column's `zero`, or its text. */
#include <stdio.h>

#include "source/mysql/cell.h"

enum { DAY_S = 86400, US = 1000000, TIME_MOST = 838 * 3600 + 59 * 60 + 59, EPOCH_SHIFT = 719468 };

typedef leat_cell_moment moment;

/* ---- calendar ---- */

/* Days since 1970-01-01; the proleptic Gregorian calendar. */
static int64_t days_of(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned year = (unsigned)(y - era * 400);
    unsigned day = (153 * (m + (m > 2 ? -3U : 9U)) + 2) / 5 + d - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - EPOCH_SHIFT;
}

static bool is_date(const moment *t)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (t->year == 0 || t->month == 0 || t->month > 12 || t->day == 0) return false;
    bool leap = (t->year % 4 == 0 && t->year % 100 != 0) || t->year % 400 == 0;
    return t->day <= days[t->month - 1] + (unsigned)(t->month == 2 && leap);
}

static bool is_time(const moment *t)
{
    return t->hour < 24 && t->minute < 60 && t->second < 60 && t->us < US;
}

/* A date that is none: the cell that stands for it, or what the server shows. */
static leat_rc none(const leat_mysql_col *col, const moment *t, bool time, leat_arena *a,
                    leat_value *out)
{
    char text[64];
    if (col->zero) {
        *out = *col->zero;
        return LEAT_OK;
    }
    int n = snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)t->year, t->month, t->day);
    if (time)
        n += snprintf(text + n, sizeof text - (size_t)n, " %02u:%02u:%02u", t->hour, t->minute,
                      t->second);
    if (time && col->digits) {
        char fraction[8];
        snprintf(fraction, sizeof fraction, "%06u", t->us % US);
        n += snprintf(text + n, sizeof text - (size_t)n, ".%.*s", (int)col->digits, fraction);
    }
    *out = leat_text((leat_str){leat_arena_dup(a, text, (size_t)n), (size_t)n});
    return LEAT_OK;
}

/* The fraction behind the whole seconds, as microseconds. */
static unsigned fraction(leat_str bytes, unsigned whole)
{
    static const unsigned unit[] = {0, 10000, 100, 1};
    unsigned n = (unsigned)bytes.len - whole;
    return n ? (unsigned)leat_cell_be(bytes.s + whole, n) * unit[n] : 0;
}

/* ---- DATE ---- */

leat_rc leat_cell_date_of(const leat_mysql_col *col, const moment *t, leat_arena *a,
                          leat_value *out)
{
    if (!is_date(t)) return none(col, t, false, a, out);
    *out = (leat_value){.kind = LEAT_DATE, .u.i = days_of(t->year, t->month, t->day)};
    return LEAT_OK;
}

leat_rc leat_cell_date(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)e;
    unsigned v = (unsigned)leat_cell_le(bytes.s, 3);
    moment t = {.year = v >> 9, .month = v >> 5 & 15, .day = v & 31};
    return leat_cell_date_of(col, &t, a, out);
}

/* ---- TIME ---- */

leat_rc leat_cell_time_of(const leat_mysql_col *col, leat_str bytes, bool minus, int64_t seconds,
                          unsigned us, leat_value *out, leat_err *e)
{
    if (seconds > TIME_MOST || us >= US) return leat_cell_fail(col, bytes, "no time", e);
    int64_t v = seconds * US + us;
    *out = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = minus ? -v : v};
    return LEAT_OK;
}

leat_rc leat_cell_time(const leat_mysql_col *col, leat_str bytes, leat_arena *a, leat_value *out,
                       leat_err *e)
{
    (void)a;
    static const unsigned unit[] = {0, 10000, 100, 1};
    unsigned n = (unsigned)bytes.len - 3, bits = 8 * n;
    int64_t v = (int64_t)leat_cell_be(bytes.s, 3 + n) - (INT64_C(0x800000) << bits);
    bool minus = v < 0;
    uint64_t u = (uint64_t)(minus ? -v : v);
    unsigned us = n ? (unsigned)(u & ((UINT64_C(1) << bits) - 1)) * unit[n] : 0;
    unsigned hms = (unsigned)(u >> bits);
    unsigned hour = hms >> 12 & 1023, minute = hms >> 6 & 63, second = hms & 63;
    if (minute > 59 || second > 59 || hms >> 22) return leat_cell_fail(col, bytes, "no time", e);
    return leat_cell_time_of(col, bytes, minus, (int64_t)hour * 3600 + minute * 60 + second, us,
                             out, e);
}

leat_rc leat_cell_time_old(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                           leat_value *out, leat_err *e)
{
    (void)a;
    int32_t v = (int32_t)((uint32_t)leat_cell_le(bytes.s, 3) << 8) >> 8;
    bool minus = v < 0;
    unsigned u = (unsigned)(minus ? -v : v), minute = u / 100 % 100, second = u % 100;
    if (minute > 59 || second > 59) return leat_cell_fail(col, bytes, "no time", e);
    return leat_cell_time_of(col, bytes, minus, (int64_t)(u / 10000) * 3600 + minute * 60 + second,
                             0, out, e);
}

/* ---- DATETIME, TIMESTAMP ---- */

leat_rc leat_cell_datetime_of(const leat_mysql_col *col, leat_str bytes, const moment *t,
                              leat_arena *a, leat_value *out, leat_err *e)
{
    if (!is_time(t)) return leat_cell_fail(col, bytes, "no time of a day", e);
    if (!is_date(t)) return none(col, t, true, a, out);
    int64_t s =
        days_of(t->year, t->month, t->day) * DAY_S + t->hour * 3600 + t->minute * 60 + t->second;
    *out = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_US, .u.i = s * US + t->us};
    return LEAT_OK;
}

leat_rc leat_cell_datetime(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                           leat_value *out, leat_err *e)
{
    uint64_t v = leat_cell_be(bytes.s, 5) - UINT64_C(0x8000000000);
    if (v >> 39) return leat_cell_fail(col, bytes, "no date", e);
    unsigned month = (unsigned)(v >> 22);
    moment t = {.year = month / 13,
                .month = month % 13,
                .day = v >> 17 & 31,
                .hour = v >> 12 & 31,
                .minute = v >> 6 & 63,
                .second = v & 63,
                .us = fraction(bytes, 5)};
    return leat_cell_datetime_of(col, bytes, &t, a, out, e);
}

leat_rc leat_cell_datetime_old(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                               leat_value *out, leat_err *e)
{
    uint64_t v = leat_cell_le(bytes.s, 8);
    if (v > UINT64_C(99991231235959)) return leat_cell_fail(col, bytes, "no date", e);
    unsigned date = (unsigned)(v / 1000000), time = (unsigned)(v % 1000000);
    moment t = {.year = date / 10000,
                .month = date / 100 % 100,
                .day = date % 100,
                .hour = time / 10000,
                .minute = time / 100 % 100,
                .second = time % 100};
    return leat_cell_datetime_of(col, bytes, &t, a, out, e);
}

static leat_rc timestamp_cell(const leat_mysql_col *col, leat_str bytes, uint32_t seconds,
                              unsigned us, leat_arena *a, leat_value *out, leat_err *e)
{
    if (us >= US) return leat_cell_fail(col, bytes, "no fraction of a second", e);
    if (seconds == 0 && us == 0) return none(col, &(moment){0}, true, a, out);
    *out =
        (leat_value){.kind = LEAT_TIMESTAMPTZ, .unit = LEAT_US, .u.i = (int64_t)seconds * US + us};
    return LEAT_OK;
}

leat_rc leat_cell_timestamp(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                            leat_value *out, leat_err *e)
{
    return timestamp_cell(col, bytes, (uint32_t)leat_cell_be(bytes.s, 4), fraction(bytes, 4), a,
                          out, e);
}

leat_rc leat_cell_timestamp_old(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                                leat_value *out, leat_err *e)
{
    return timestamp_cell(col, bytes, (uint32_t)leat_cell_le(bytes.s, 4), 0, a, out, e);
}

/* Texts of PostgreSQL's dates, times and intervals -> cells, exact to the microsecond.
 *
 * DateStyle ISO and IntervalStyle postgres, as LEAT_PG_SESSION sets them. What a cell cannot hold
 * is an error, not a guess: timestamps behind the year 294247 (microseconds since 1970 in 64 bits
 * end there) and infinite intervals (PostgreSQL 17). Pure; no locale, no time zone of the machine.
 *
 *     date         year-mm-dd [ BC] | [-]infinity       year: 4 to 7 digits
 *     time         hh:mm:ss [. 1 to 6 digits]           up to 24:00:00
 *     timetz       time zone
 *     timestamp    year-mm-dd time [ BC] | [-]infinity
 *     timestamptz  year-mm-dd time zone [ BC] | [-]infinity
 *     zone         (+|-) hh [:mm [:ss]]
 *     interval     [n year(s)] [n mon(s)] [n day(s)] [[+|-] h:mm:ss [. digits]]   n signed, blanks
 *                                                                                 between */
#include "base/clock.h"
#include "system/postgres/types_part.h"

enum { DAY_S = 86400, LAST_YEAR = 294247 };
static const int64_t day_us = INT64_C(86400000000);

typedef struct scan {
    const char *p, *end;
} scan;

static scan scan_of(leat_str text)
{
    return (scan){text.s, text.s + text.len};
}

static bool take(scan *s, char c)
{
    if (s->p == s->end || *s->p != c) return false;
    s->p++;
    return true;
}

static bool take_word(scan *s, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0) return false;
    s->p += n;
    return true;
}

/* At least min and at most max digits. */
static bool take_number(scan *s, unsigned min, unsigned max, uint64_t *out)
{
    unsigned n = 0;
    uint64_t v = 0;
    for (; n < max && s->p < s->end; n++, s->p++) {
        unsigned digit = (unsigned)(unsigned char)*s->p - '0';
        if (digit > 9) break;
        v = v * 10 + digit;
    }
    *out = v;
    return n >= min;
}

static bool two(scan *s, unsigned below, unsigned *out)
{
    uint64_t v;
    if (!take_number(s, 2, 2, &v) || v >= below) return false;
    *out = (unsigned)v;
    return true;
}

/* What follows seconds: nothing, or a point and up to six digits. */
static bool take_fraction(scan *s, unsigned *us)
{
    *us = 0;
    if (!take(s, '.')) return true;
    const char *start = s->p;
    uint64_t v;
    if (!take_number(s, 1, 6, &v)) return false;
    for (long n = s->p - start; n < 6; n++) v *= 10;
    *us = (unsigned)v;
    return true;
}

/* :mm:ss[.digits] after an hour. */
static bool take_minutes(scan *s, uint64_t hours, uint64_t *us)
{
    unsigned minute, second, fraction;
    if (!take(s, ':') || !two(s, 60, &minute) || !take(s, ':') || !two(s, 60, &second) ||
        !take_fraction(s, &fraction))
        return false;
    uint64_t low = (minute * 60U + second) * UINT64_C(1000000) + fraction;
    return !__builtin_mul_overflow(hours, UINT64_C(3600000000), us) &&
           !__builtin_add_overflow(*us, low, us);
}

static bool take_time(scan *s, int64_t *out)
{
    unsigned hour;
    uint64_t us;
    if (!two(s, 25, &hour) || !take_minutes(s, hour, &us) || us > (uint64_t)day_us) return false;
    *out = (int64_t)us;
    return true;
}

static bool take_zone(scan *s, int32_t *seconds)
{
    bool west = take(s, '-');
    unsigned hour, minute = 0, second = 0;
    if (!west && !take(s, '+')) return false;
    if (!two(s, 24, &hour)) return false;
    if (take(s, ':')) {
        if (!two(s, 60, &minute)) return false;
        if (take(s, ':') && !two(s, 60, &second)) return false;
    }
    int32_t v = (int32_t)(hour * 3600 + minute * 60 + second);
    *seconds = west ? -v : v;
    return true;
}

typedef struct ymd {
    int64_t year;
    unsigned month, day;
} ymd;

static bool take_date(scan *s, ymd *out)
{
    uint64_t year;
    if (!take_number(s, 4, 7, &year) || year == 0) return false;
    out->year = (int64_t)year;
    return take(s, '-') && two(s, 13, &out->month) && out->month > 0 && take(s, '-') &&
           two(s, 32, &out->day) && out->day > 0;
}

/* The rest of the text is nothing, or " BC"; days since 1970 of d. */
static bool end_date(scan *s, ymd *d, int64_t *days)
{
    static const uint8_t most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (take_word(s, " BC")) d->year = 1 - d->year;
    if (s->p != s->end || d->day > most[d->month - 1]) return false;
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);
    if (d->month == 2 && d->day == 29 && !leap) return false;
    *days = leat_days_of(d->year, d->month, d->day);
    return true;
}

static bool infinite(leat_str text, int64_t *out)
{
    *out = LEAT_TIME_INFINITY;
    if (leat_str_is(text, "infinity")) return true;
    *out = LEAT_TIME_MINUS_INFINITY;
    return leat_str_is(text, "-infinity");
}

leat_rc leat_pg_parse_date(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    scan s = scan_of(text);
    ymd d;
    int64_t days;
    if (!(take_date(&s, &d) && end_date(&s, &d, &days)) && !infinite(text, &days))
        return leat_pg_value_fail(col, text, "expected a date such as 2024-02-29", e);
    *out = (leat_value){.kind = LEAT_DATE, .u.i = days};
    return LEAT_OK;
}

leat_rc leat_pg_parse_time(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                           leat_err *e)
{
    (void)a;
    scan s = scan_of(text);
    int64_t us;
    if (!take_time(&s, &us) || s.p != s.end)
        return leat_pg_value_fail(col, text, "expected a time such as 13:14:15.123456", e);
    *out = (leat_value){.kind = LEAT_TIME, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

leat_rc leat_pg_parse_timetz(const leat_pg_col *col, leat_str text, leat_arena *a, leat_value *out,
                             leat_err *e)
{
    (void)a;
    scan s = scan_of(text);
    int64_t us;
    int32_t zone;
    if (!take_time(&s, &us) || !take_zone(&s, &zone) || s.p != s.end)
        return leat_pg_value_fail(col, text, "expected a time such as 13:14:15.123456+02", e);
    *out = (leat_value){.kind = LEAT_TIMETZ, .unit = LEAT_US, .zone = zone, .u.i = us};
    return LEAT_OK;
}

/* Both kinds of timestamp; a zone stands there or not. */
static bool take_timestamp(leat_str text, bool zoned, int64_t *out)
{
    scan s = scan_of(text);
    ymd d;
    int64_t days, us;
    int32_t zone = 0;
    if (!take_date(&s, &d) || !take(&s, ' ') || !take_time(&s, &us)) return false;
    if (zoned && !take_zone(&s, &zone)) return false;
    return end_date(&s, &d, &days) && !__builtin_mul_overflow(days, day_us, out) &&
           !__builtin_add_overflow(*out, us - zone * INT64_C(1000000), out) &&
           *out != LEAT_TIME_INFINITY && *out != LEAT_TIME_MINUS_INFINITY;
}

leat_rc leat_pg_late_fail(const leat_pg_col *col, leat_err *e)
{
    return leat_pg_range_fail(col,
                              "a time behind 294247-01-10 04:00:54 UTC, which microseconds since "
                              "1970 in 64 bits, as events have them, cannot tell",
                              e);
}

leat_rc leat_pg_infinite_fail(const leat_pg_col *col, leat_err *e)
{
    return leat_pg_range_fail(
        col, "an infinite interval, which months, days and microseconds cannot tell", e);
}

/* The text is none, or one behind the last microsecond that 64 bits can count to. */
static leat_rc no_timestamp(const leat_pg_col *col, leat_str text, const char *expected,
                            leat_err *e)
{
    scan s = scan_of(text);
    ymd d;
    if (take_date(&s, &d) && d.year >= LAST_YEAR) return leat_pg_late_fail(col, e);
    return leat_pg_value_fail(col, text, expected, e);
}

leat_rc leat_pg_parse_timestamp(const leat_pg_col *col, leat_str text, leat_arena *a,
                                leat_value *out, leat_err *e)
{
    (void)a;
    int64_t us;
    if (!take_timestamp(text, false, &us) && !infinite(text, &us))
        return no_timestamp(col, text, "expected a timestamp such as 2024-02-29 13:14:15.123456",
                            e);
    *out = (leat_value){.kind = LEAT_TIMESTAMP, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

leat_rc leat_pg_parse_timestamptz(const leat_pg_col *col, leat_str text, leat_arena *a,
                                  leat_value *out, leat_err *e)
{
    (void)a;
    int64_t us;
    if (!take_timestamp(text, true, &us) && !infinite(text, &us))
        return no_timestamp(col, text, "expected a timestamp such as 2024-02-29 13:14:15.123456+00",
                            e);
    *out = (leat_value){.kind = LEAT_TIMESTAMPTZ, .unit = LEAT_US, .u.i = us};
    return LEAT_OK;
}

/* h:mm:ss[.digits] of an interval, with its sign. */
static bool take_span(scan *s, int64_t *out)
{
    bool negative = take(s, '-');
    if (!negative) take(s, '+');
    uint64_t hours, us;
    if (!take_number(s, 2, 10, &hours) || !take_minutes(s, hours, &us)) return false;
    if (us > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - us : us);
    return s->p == s->end;
}

/* n and one of the words, in the singular or plural; p stays where it is if something else comes.
 */
static bool take_unit(scan *s, const char *word, int64_t *out)
{
    scan at = *s;
    bool negative = take(&at, '-');
    if (!negative) take(&at, '+'); /* written after a negative field */
    uint64_t n;
    if (!take_number(&at, 1, 10, &n) || !take(&at, ' ') || !take_word(&at, word)) return false;
    take(&at, 's');
    if (at.p != at.end && !take(&at, ' ')) return false;
    *out = negative ? -(int64_t)n : (int64_t)n;
    *s = at;
    return true;
}

static bool take_interval(scan *s, leat_interval *out)
{
    int64_t years = 0, months = 0, days = 0;
    *out = (leat_interval){0};
    bool any = take_unit(s, "year", &years);
    any |= take_unit(s, "mon", &months);
    any |= take_unit(s, "day", &days);
    months += years * 12;
    if (months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX)
        return false;
    out->months = (int32_t)months;
    out->days = (int32_t)days;
    return s->p == s->end ? any && s->p[-1] != ' ' : take_span(s, &out->us);
}

leat_rc leat_pg_parse_interval(const leat_pg_col *col, leat_str text, leat_arena *a,
                               leat_value *out, leat_err *e)
{
    scan s = scan_of(text);
    leat_interval *v = leat_arena_alloc(a, sizeof *v, _Alignof(leat_interval));
    if (leat_str_is(text, "infinity") || leat_str_is(text, "-infinity"))
        return leat_pg_infinite_fail(col, e);
    if (!take_interval(&s, v))
        return leat_pg_value_fail(
            col, text, "expected a finite interval such as 1 year 2 mons -3 days +04:05:06.789", e);
    *out = (leat_value){.kind = LEAT_INTERVAL, .unit = LEAT_US, .u.interval = v};
    return LEAT_OK;
}

/* ISO 8601 texts -> cells (convert/time_read.h).
 *
 *     date       [+|-] year of 4 to 9 digits, -mm-dd
 *     time       hh:mm [:ss [. 1 to 9 digits]]            up to 24:00:00
 *     zone       Z | (+|-) hh [:mm [:ss]]
 *     interval   P nY nM nD T nH nM n[.digits]S           n signed; each part may be missing
 *
 * No state; any thread. */
#include "convert/time_read.h"

#include "base/clock.h"

typedef struct scan {
    const char *p, *end;
} scan;

static bool take(scan *s, char c)
{
    if (s->p == s->end || *s->p != c) return false;
    s->p++;
    return true;
}

static bool take_number(scan *s, unsigned least, unsigned most, int64_t *out)
{
    unsigned n = 0;
    for (*out = 0; n < most && s->p < s->end && *s->p >= '0' && *s->p <= '9'; n++, s->p++)
        *out = *out * 10 + (*s->p - '0');
    return n >= least;
}

static bool take_two(scan *s, int64_t most, int64_t *out)
{
    return take_number(s, 2, 2, out) && *out <= most;
}

/* Digits behind a point, as nanoseconds; fine: there were more than six. */
static bool take_fraction(scan *s, int64_t *ns, bool *fine)
{
    const char *from = s->p;
    if (!take_number(s, 1, 9, ns)) return false;
    *fine = s->p - from > 6;
    for (long n = s->p - from; n < 9; n++) *ns *= 10;
    return true;
}

static bool take_date(scan *s, int64_t *days)
{
    static const uint8_t most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day;
    bool before = take(s, '-');
    if (!before) take(s, '+');
    if (!take_number(s, 4, 9, &year) || !take(s, '-') || !take_two(s, 12, &month) || month == 0 ||
        !take(s, '-') || !take_two(s, most[month - 1], &day) || day == 0)
        return false;
    if (before) year = -year;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month == 2 && day == 29 && !leap) return false;
    *days = leat_days_of(year, (unsigned)month, (unsigned)day);
    return true;
}

/* Nanoseconds since midnight. */
static bool take_time(scan *s, int64_t *ns, bool *fine)
{
    int64_t hour, minute, second = 0, rest = 0;
    *fine = false;
    if (!take_two(s, 24, &hour) || !take(s, ':') || !take_two(s, 59, &minute)) return false;
    if (take(s, ':') && !take_two(s, 59, &second)) return false;
    if (take(s, '.') && !take_fraction(s, &rest, fine)) return false;
    *ns = ((hour * 60 + minute) * 60 + second) * 1000000000 + rest;
    return *ns <= INT64_C(86400000000000);
}

/* What ends the text; none: zoned stays false. */
static bool take_zone(scan *s, bool *zoned, int32_t *zone)
{
    int64_t hour, minute = 0, second = 0;
    *zoned = false;
    *zone = 0;
    if (s->p == s->end) return true;
    *zoned = true;
    if (take(s, 'Z')) return s->p == s->end;
    bool west = take(s, '-');
    if (!west && !take(s, '+')) return false;
    if (!take_two(s, 23, &hour)) return false;
    if (take(s, ':') && !take_two(s, 59, &minute)) return false;
    if (take(s, ':') && !take_two(s, 59, &second)) return false;
    *zone = (int32_t)((hour * 60 + minute) * 60 + second) * (west ? -1 : 1);
    return s->p == s->end;
}

static scan scan_of(leat_str text)
{
    return (scan){text.s, text.s + text.len};
}

bool leat_read_date(leat_str text, leat_value *out)
{
    scan s = scan_of(text);
    bool zoned;
    int32_t zone;
    *out = (leat_value){.kind = LEAT_DATE};
    return take_date(&s, &out->u.i) && take_zone(&s, &zoned, &zone);
}

bool leat_read_time(leat_str text, leat_value *out)
{
    scan s = scan_of(text);
    bool fine, zoned;
    int32_t zone;
    int64_t ns;
    if (!take_time(&s, &ns, &fine) || !take_zone(&s, &zoned, &zone)) return false;
    *out = (leat_value){.kind = zoned ? LEAT_TIMETZ : LEAT_TIME,
                        .unit = fine ? LEAT_NS : LEAT_US,
                        .u.i = fine ? ns : ns / 1000};
    if (zoned) out->zone = zone;
    return true;
}

bool leat_read_timestamp(leat_str text, leat_value *out)
{
    scan s = scan_of(text);
    bool fine, zoned;
    int32_t zone;
    int64_t days, ns, all;
    *out = (leat_value){.kind = LEAT_TIMESTAMPTZ, .u.i = LEAT_TIME_INFINITY};
    if (leat_str_is(text, "infinity")) return true;
    out->u.i = LEAT_TIME_MINUS_INFINITY;
    if (leat_str_is(text, "-infinity")) return true;
    if (!take_date(&s, &days) || !(take(&s, 'T') || take(&s, ' ')) || !take_time(&s, &ns, &fine) ||
        !take_zone(&s, &zoned, &zone))
        return false;
    int64_t second = fine ? 1000000000 : 1000000, rest = fine ? ns : ns / 1000;
    if (__builtin_mul_overflow(days, 86400 * second, &all) ||
        __builtin_add_overflow(all, rest - zone * second, &all))
        return false;
    *out = (leat_value){.kind = zoned ? LEAT_TIMESTAMPTZ : LEAT_TIMESTAMP,
                        .unit = fine ? LEAT_NS : LEAT_US,
                        .u.i = all};
    return true;
}

/* One part of an interval with its letter; 0: there is none. */
static char take_part(scan *s, int64_t *n, int64_t *ns)
{
    bool fine, minus = take(s, '-');
    *ns = 0;
    if (!minus) take(s, '+');
    if (!take_number(s, 1, 12, n)) return 0;
    if (take(s, '.') && !take_fraction(s, ns, &fine)) return 0;
    if (minus) *n = -*n, *ns = -*ns;
    return s->p < s->end ? *s->p++ : 0;
}

static bool add_part(int64_t *sum, int64_t n, int64_t times)
{
    int64_t part;
    return !__builtin_mul_overflow(n, times, &part) && !__builtin_add_overflow(*sum, part, sum);
}

bool leat_read_interval(leat_str text, leat_interval *out)
{
    scan s = scan_of(text);
    bool time = false;
    int64_t months = 0, days = 0, us = 0, n, ns;
    if (!take(&s, 'P') || s.p == s.end) return false;
    while (s.p < s.end) {
        if (!time && take(&s, 'T')) {
            time = true;
            continue;
        }
        char part = take_part(&s, &n, &ns);
        bool good = false;
        if (!time && part == 'Y')
            good = add_part(&months, n, 12);
        else if (!time && part == 'M')
            good = add_part(&months, n, 1);
        else if (!time && part == 'D')
            good = add_part(&days, n, 1);
        else if (time && part == 'H')
            good = add_part(&us, n, INT64_C(3600000000));
        else if (time && part == 'M')
            good = add_part(&us, n, 60000000);
        else if (time && part == 'S')
            good = add_part(&us, n, 1000000) && add_part(&us, ns / 1000, 1);
        if (!good) return false;
    }
    *out = (leat_interval){(int32_t)months, (int32_t)days, us};
    return out->months == months && out->days == days;
}

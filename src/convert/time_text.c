/* Dates and times as text (convert/time_text.h). No state; any thread. */
#include "convert/time_text.h"

#include "base/clock.h"

static const int64_t per_second[] = {[LEAT_US] = 1000000, [LEAT_MS] = 1000, [LEAT_NS] = 1000000000};
enum { DAY = 86400 };

static int64_t floor_div(int64_t x, int64_t y)
{
    return x / y - (x % y < 0);
}

static char *put_n(char *p, unsigned u, unsigned n)
{
    for (unsigned i = n; i-- > 0; u /= 10) p[i] = (char)('0' + u % 10);
    return p + n;
}

void leat_text_date(leat_buf *out, int64_t days)
{
    int64_t year;
    unsigned month, day;
    leat_days_to(days, &year, &month, &day);
    char *p = leat_buf_room(out, 32), *from = p;
    uint64_t abs = year < 0 ? 0 - (uint64_t)year : (uint64_t)year;
    if (year < 0) *p++ = '-';
    if (year > 9999) *p++ = '+';
    if (abs > 9999) {
        out->len += (size_t)(p - from);
        leat_buf_u64(out, abs);
        p = from = leat_buf_room(out, 8);
    } else {
        p = put_n(p, (unsigned)abs, 4);
    }
    *p++ = '-';
    p = put_n(p, month, 2);
    *p++ = '-';
    p = put_n(p, day, 2);
    out->len += (size_t)(p - from);
}

/* second: of the day; nanos: of the second. */
static void put_clock(leat_buf *out, unsigned second, unsigned nanos, int digits)
{
    char *p = leat_buf_room(out, 24), *from = p;
    p = put_n(p, second / 3600, 2);
    *p++ = ':';
    p = put_n(p, second / 60 % 60, 2);
    *p++ = ':';
    p = put_n(p, second % 60, 2);
    if (digits > 0 || (digits < 0 && nanos > 0)) {
        *p++ = '.';
        char *fraction = p;
        p = put_n(p, nanos, 9);
        if (digits > 0)
            p = fraction + (digits < 9 ? digits : 9);
        else
            while (p[-1] == '0') p--;
    }
    out->len += (size_t)(p - from);
}

/* Seconds since 1970 (or midnight) and the nanoseconds above them. */
static int64_t split(int64_t t, leat_unit unit, unsigned *nanos)
{
    int64_t seconds = floor_div(t, per_second[unit]);
    int64_t rest = (int64_t)((uint64_t)t - (uint64_t)seconds * (uint64_t)per_second[unit]);
    *nanos = (unsigned)(rest * (1000000000 / per_second[unit]));
    return seconds;
}

void leat_text_time(leat_buf *out, int64_t t, leat_unit unit, int digits)
{
    unsigned nanos;
    int64_t seconds = split(t, unit, &nanos);
    put_clock(out, (unsigned)(seconds - floor_div(seconds, DAY) * DAY), nanos, digits);
}

void leat_text_timestamp(leat_buf *out, int64_t t, leat_unit unit, int digits)
{
    unsigned nanos;
    int64_t seconds = split(t, unit, &nanos), days = floor_div(seconds, DAY);
    leat_text_date(out, days);
    leat_buf_u8(out, 'T');
    put_clock(out, (unsigned)(seconds - days * DAY), nanos, digits);
}

void leat_text_interval(leat_buf *out, const leat_interval *interval)
{
    int64_t us = interval->us, seconds = us / 1000000;
    unsigned rest = (unsigned)(us < 0 ? -(us % 1000000) : us % 1000000);
    leat_buf_u8(out, 'P');
    leat_buf_i64(out, interval->months / 12);
    leat_buf_u8(out, 'Y');
    leat_buf_i64(out, interval->months % 12);
    leat_buf_u8(out, 'M');
    leat_buf_i64(out, interval->days);
    leat_buf_add(out, LEAT_STR("DT"));
    leat_buf_i64(out, seconds / 3600);
    leat_buf_u8(out, 'H');
    leat_buf_i64(out, seconds / 60 % 60);
    leat_buf_u8(out, 'M');
    if (us < 0 && seconds % 60 == 0 && rest > 0) leat_buf_u8(out, '-');
    leat_buf_i64(out, seconds % 60);
    if (rest > 0) {
        char *p = leat_buf_room(out, 8), *from = p;
        *p++ = '.';
        p = put_n(p, rest, 6);
        while (p[-1] == '0') p--;
        out->len += (size_t)(p - from);
    }
    leat_buf_u8(out, 'S');
}

/* t * (to / from) where that is whole; what does not fit stays at the bound. */
static int64_t times(int64_t t, int64_t factor)
{
    int64_t wide;
    if (__builtin_mul_overflow(t, factor, &wide)) return t < 0 ? INT64_MIN : INT64_MAX;
    return wide;
}

int64_t leat_unit_floor(int64_t t, leat_unit from, leat_unit to)
{
    if (per_second[to] >= per_second[from]) return times(t, per_second[to] / per_second[from]);
    return floor_div(t, per_second[from] / per_second[to]);
}

int64_t leat_unit_trunc(int64_t t, leat_unit from, leat_unit to)
{
    if (per_second[to] >= per_second[from]) return times(t, per_second[to] / per_second[from]);
    return t / (per_second[from] / per_second[to]);
}

int64_t leat_interval_us(const leat_interval *interval)
{
    int64_t whole = interval->us / 1000000;
    double rest = (double)(interval->us % 1000000);
    double days = interval->months * (365.25 / 12.0) + interval->days;
    double minutes = (days * 24 + (double)(whole / 3600)) * 60 + (double)(whole / 60 % 60);
    double us = (minutes * 60 + ((double)(whole % 60) + rest / 1e6)) * 1e6;
    if (us >= 0x1p63) return INT64_MAX;
    return us <= -0x1p63 ? INT64_MIN : (int64_t)us;
}

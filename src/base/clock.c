/* Time: the clock of this thread, ISO 8601 text, the calendar.
 *
 * The calendar counts in eras of 400 years that begin on the 1st of March, so that the leap day is
 * the last of a year. Text is read and written without libc's time functions: no locale, no time
 * zone data, years beyond 9999; the zone has a name here and nothing else. Does not know leap
 * seconds: second 60 is the next minute's 0. */
#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DAY_US INT64_C(86400000000)

static _Thread_local const leat_clock *replaced;

static int64_t of_kernel(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void leat_clock_use(const leat_clock *c)
{
    replaced = c;
}

int64_t leat_now_us(void)
{
    return replaced ? replaced->now_us() : of_kernel(CLOCK_REALTIME);
}

int64_t leat_mono_us(void)
{
    return replaced ? replaced->mono_us() : of_kernel(CLOCK_MONOTONIC);
}

void leat_sleep_us(int64_t us)
{
    if (replaced) {
        replaced->sleep_us(us);
    } else if (us > 0) {
        struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
    }
}

enum { ERA_DAYS = 146097, EPOCH = 719468 /* days from 0000-03-01 to 1970-01-01 */ };

int64_t leat_days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH;
}

void leat_days_to(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t d = days + EPOCH;
    int64_t era = (d >= 0 ? d : d - (ERA_DAYS - 1)) / ERA_DAYS;
    int64_t of_era = d - era * ERA_DAYS;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (unsigned)(of_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

static char *put(char *p, uint64_t v, unsigned width)
{
    for (unsigned i = width; i > 0; i--, v /= 10) p[i - 1] = (char)('0' + v % 10);
    return p + width;
}

char *leat_iso_us(int64_t us, int digits, char out[LEAT_ISO_MAX])
{
    int64_t days = us / DAY_US, rest = us % DAY_US;
    if (rest < 0) {
        rest += DAY_US;
        days--;
    }
    int64_t year;
    unsigned month, day;
    leat_days_to(days, &year, &month, &day);
    char *p = out;
    uint64_t y = (uint64_t)(year < 0 ? -year : year);
    if (year < 0 || year > 9999) *p++ = year < 0 ? '-' : '+';
    p = put(p, y, y > 99999 ? 6 : y > 9999 ? 5 : 4);
    *p++ = '-';
    p = put(p, month, 2);
    *p++ = '-';
    p = put(p, day, 2);
    *p++ = 'T';
    uint64_t seconds = (uint64_t)rest / 1000000, fraction = (uint64_t)rest % 1000000;
    p = put(p, seconds / 3600, 2);
    *p++ = ':';
    p = put(p, seconds / 60 % 60, 2);
    *p++ = ':';
    p = put(p, seconds % 60, 2);
    if (digits > 0) {
        *p++ = '.';
        p = digits > 3 ? put(p, fraction, 6) : put(p, fraction / 1000, 3);
    }
    *p++ = 'Z';
    *p = '\0';
    return out;
}

typedef struct reader {
    const char *p, *end;
} reader;

static bool take(reader *r, char c)
{
    if (r->p == r->end || *r->p != c) return false;
    r->p++;
    return true;
}

static size_t count_digits(const reader *r)
{
    const char *p = r->p;
    while (p < r->end && *p >= '0' && *p <= '9') p++;
    return (size_t)(p - r->p);
}

/* A number of exactly width digits, from least to most. */
static bool number(reader *r, size_t width, int64_t least, int64_t most, int64_t *out)
{
    if (count_digits(r) < width) return false;
    int64_t v = 0;
    for (size_t i = 0; i < width; i++) v = v * 10 + (*r->p++ - '0');
    *out = v;
    return v >= least && v <= most;
}

static bool date(reader *r, int64_t *days)
{
    bool minus = take(r, '-');
    bool sign = minus || take(r, '+');
    size_t width = count_digits(r);
    int64_t year, month, day;
    if (width < 4 || width > (sign ? 6 : 4)) return false;
    if (!number(r, width, 0, 999999, &year) || !take(r, '-') || !number(r, 2, 1, 12, &month) ||
        !take(r, '-') || !number(r, 2, 1, 31, &day))
        return false;
    if (minus) year = -year;
    *days = leat_days_of(year, (unsigned)month, (unsigned)day);
    unsigned m, d;
    leat_days_to(*days, &year, &m, &d);
    return d == (unsigned)day;
}

/* Of the day, zone taken off: can be below 0 or above 24 hours. */
static bool time_of_day(reader *r, int64_t *us)
{
    int64_t hour, minute, second, fraction = 0;
    if (!number(r, 2, 0, 23, &hour) || !take(r, ':') || !number(r, 2, 0, 59, &minute) ||
        !take(r, ':') || !number(r, 2, 0, 60, &second))
        return false;
    if (take(r, '.')) {
        size_t width = count_digits(r), kept = width < 6 ? width : 6;
        if (width == 0 || !number(r, kept, 0, 999999, &fraction)) return false;
        for (size_t i = kept; i < 6; i++) fraction *= 10;
        r->p += width - kept;
    }
    int64_t minutes = hour * 60 + minute;
    if (!take(r, 'Z') && !take(r, 'z')) {
        bool west = take(r, '-');
        if (!west && !take(r, '+')) return false;
        if (!number(r, 2, 0, 23, &hour) || !take(r, ':') || !number(r, 2, 0, 59, &minute))
            return false;
        minutes += west ? hour * 60 + minute : -(hour * 60 + minute);
    }
    *us = (minutes * 60 + second) * 1000000 + fraction;
    return true;
}

static bool since_1970(leat_str text, int64_t *us)
{
    int64_t v;
    if (!leat_str_i64(text, &v)) return false;
    return !__builtin_mul_overflow(v, (int64_t)(v < INT64_C(100000000000) ? 1000000 : 1000), us);
}

bool leat_iso_parse(leat_str text, int64_t *us)
{
    if (text.len == 0) return false;
    reader r = {text.s, text.s + text.len};
    int64_t days, rest = 0, v;
    if (count_digits(&r) == text.len) {
        if (!since_1970(text, &v)) return false;
        *us = v;
        return true;
    }
    if (!date(&r, &days)) return false;
    if (r.p < r.end) {
        if (!take(&r, 'T') && !take(&r, 't') && !take(&r, ' ')) return false;
        if (!time_of_day(&r, &rest) || r.p < r.end) return false;
    }
    if (days < 0) { /* so that the first representable day does not overflow on the way */
        days++;
        rest -= DAY_US;
    }
    if (__builtin_mul_overflow(days, DAY_US, &v) || __builtin_add_overflow(v, rest, &v))
        return false;
    *us = v;
    return true;
}

/* A name as the zone data has them, no path of a file; whether there is such a zone is not asked.
 * Those without leap seconds may stand in a folder "posix" of their own. */
static bool take_zone(leat_str name, char out[LEAT_ZONE_MAX])
{
    static const char posix[] = "posix/";
    if (leat_str_starts(name, posix)) {
        name.s += sizeof posix - 1;
        name.len -= sizeof posix - 1;
    }
    if (name.len == 0 || name.len >= LEAT_ZONE_MAX || name.s[0] == '/') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.s[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!letter && !(i > 0 && memchr("/_+-0123456789", c, 14))) return false;
    }
    memcpy(out, name.s, name.len);
    out[name.len] = '\0';
    return true;
}

bool leat_zone_name(char out[LEAT_ZONE_MAX])
{
    static const char folder[] = "/zoneinfo/";
    char path[PATH_MAX];
    const char *set = getenv("TZ");
    if (set && *set) return take_zone(leat_str_of(*set == ':' ? set + 1 : set), out);
    ssize_t n = readlink("/etc/localtime", path, sizeof path - 1);
    if (n < 0) return errno == ENOENT && take_zone(LEAT_STR("UTC"), out);
    path[n] = '\0';
    const char *at = strstr(path, folder);
    return at && take_zone(leat_str_of(at + sizeof folder - 1), out);
}

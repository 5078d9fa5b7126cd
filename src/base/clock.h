/* Time. Everything that asks the time or waits goes through here, so that a test can run the engine
 * on a virtual clock. All values are microseconds. */
#ifndef LEAT_BASE_CLOCK_H
#define LEAT_BASE_CLOCK_H

#include "base/str.h"

typedef struct leat_clock {
    int64_t (*now_us)(void);      /* wall clock, since 1970-01-01 UTC */
    int64_t (*mono_us)(void);     /* never goes back; for time-outs and rates */
    void (*sleep_us)(int64_t us); /* may return early on a signal */
} leat_clock;

/* Replaces the clock of the calling thread (the simulator runs one world a thread); NULL brings the
 * real one back. */
void leat_clock_use(const leat_clock *c);

int64_t leat_now_us(void);
int64_t leat_mono_us(void);
void leat_sleep_us(int64_t us);

/* "2026-11-21T10:15:00.123456Z" into out; digits: 0, 3 or 6 after the point. Years from 0000 to
 * 9999; others get a sign as ISO 8601 wants. Returns out. */
enum { LEAT_ISO_MAX = 40 };
char *leat_iso_us(int64_t us, int digits, char out[LEAT_ISO_MAX]);
/* RFC 3339 with its zone (a blank may stand for the T), or a date alone (midnight UTC), or digits
 * only: seconds since 1970 if below 1e11, else milliseconds. Reads back all that leat_iso_us
 * writes; digits beyond the microsecond are dropped. False if it is none of these. */
bool leat_iso_parse(leat_str text, int64_t *us);

/* The machine's time zone by its name, "Europe/Berlin", for who shows times to people: of TZ, or
 * where /etc/localtime leads; without one it is UTC. False: it has no name that is known. */
enum { LEAT_ZONE_MAX = 64 };
bool leat_zone_name(char out[LEAT_ZONE_MAX]);

/* Proleptic Gregorian calendar: days since 1970-01-01 of a date, and back. */
int64_t leat_days_of(int64_t year, unsigned month, unsigned day);
void leat_days_to(int64_t days, int64_t *year, unsigned *month, unsigned *day);

#endif

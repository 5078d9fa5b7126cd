/* Logging: one line an event on stderr, logfmt or JSON, readable at 3 a.m.
 *
 *   2026-11-21T10:15:00.123Z INFO connector=orders task=0 stream.opened segments=3 mark=8123
 *
 * Never row data, never secrets. The last 200 lines are kept in memory for the control socket.
 * Thread-safe. Repeated lines of one call site are limited: after 10 in 10 s the rest is counted,
 * and told in one line (code log.limited) before the first line that any site writes when the 10 s
 * are over, and by leat_log_end(); DEBUG and TRACE are not limited (somebody asked for those), and
 * say where in the code they come from. A line is one write(2), valid UTF-8 without control
 * characters; its message is cut at 2,000 bytes. */
#ifndef LEAT_BASE_LOG_H
#define LEAT_BASE_LOG_H

#include "base/buf.h"
#include "base/err.h"

typedef enum leat_level { LEAT_TRACE, LEAT_DEBUG, LEAT_INFO, LEAT_WARN, LEAT_ERROR } leat_level;

/* Whole process. connector: put on each line, NULL for none. fd: where lines go (2 by default; -1:
 * only to the tail). json: one JSON object a line instead of logfmt. */
void leat_log_setup(leat_level least, bool json, const char *connector, int fd);
/* Of the calling thread: put on each of its lines as task=N; -1 (as at first) for none. */
void leat_log_task(int task);
void leat_log_level(leat_level least);
leat_level leat_log_level_now(void);
/* "trace", "DEBUG", "info", "warn", "error"; false if it is none of them. */
bool leat_log_level_parse(leat_str name, leat_level *out);

/* code: a stable dotted word; fmt: the rest of the line, by convention key=value pairs first and
 * prose last. */
#define leat_log(level, code, ...)                                                                 \
    do {                                                                                           \
        if ((level) >= leat_log_level_now())                                                       \
            leat_log_line((level), __FILE__, __LINE__, (code), __VA_ARGS__);                       \
    } while (0)
void leat_log_line(leat_level level, const char *file, int line, const char *code, const char *fmt,
                   ...) __attribute__((format(printf, 5, 6)));
/* The error in one line: its code, where and message. */
void leat_log_err(leat_level level, const leat_err *e);

/* Before the process ends: tells how many lines were not shown. */
void leat_log_end(void);

/* Appends the lines from number since on (0: all that are kept, up to 200), oldest first, as they
 * were printed. Returns the number of the line that comes next. */
uint64_t leat_log_since(uint64_t since, leat_buf *out);

#endif

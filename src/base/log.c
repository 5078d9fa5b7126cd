/* Logging: forming a line, limiting call sites, the tail.
 *
 * One lock covers the settings, the call sites' windows, the ring of the last lines and the write,
 * so lines never mix. The message is formed before the lock is taken. A line that cannot be written
 * (a full pipe) is in the tail all the same; nothing here ever fails or waits for a reader. Stamps
 * are of the thread's clock, so a simulated run logs its own time. Any thread. */
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
    TAIL_LINES = 200,
    TEXT_MOST = 2000, /* bytes of one message */
    SITES = 64,       /* call sites remembered for limiting */
    SITE_LINES = 10,
    SITE_WINDOW_US = 10 * 1000000,
};

typedef struct entry {
    leat_level level;
    const char *code;
    const char *rc, *where; /* of an error, else NULL */
    const char *file;       /* else NULL */
    int line;
    int task; /* -1 = none */
    const char *text;
} entry;

typedef struct site {
    uint64_t key; /* 0 = free */
    int64_t began;
    unsigned lines;
    uint64_t dropped;
    leat_level level; /* of the first line, as the two that follow */
    int task;
    char code[48];
} site;

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

static atomic_int least_level = LEAT_INFO;
static _Thread_local int thread_task = -1;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* All below under the lock. */
static bool as_json;
static char connector[256];
static int out_fd = STDERR_FILENO;
static site sites[SITES];
static leat_buf tail[TAIL_LINES];
static uint64_t tail_count;

void leat_log_setup(leat_level least, bool json, const char *name, int fd)
{
    leat_log_level(least);
    pthread_mutex_lock(&lock);
    as_json = json;
    snprintf(connector, sizeof(connector), "%s", name ? name : "");
    connector[leat_str_fit(leat_str_of(name), sizeof(connector) - 1)] = '\0';
    out_fd = fd;
    pthread_mutex_unlock(&lock);
}

void leat_log_task(int task)
{
    thread_task = task;
}

void leat_log_level(leat_level least)
{
    atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
}

leat_level leat_log_level_now(void)
{
    return (leat_level)atomic_load_explicit(&least_level, memory_order_relaxed);
}

bool leat_log_level_parse(leat_str name, leat_level *out)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (!leat_str_ieq(name, leat_str_of(level_names[i]))) continue;
        *out = (leat_level)i;
        return true;
    }
    return false;
}

/* A value after "key=": in quotes where it would not be read as one word. */
static void put_value(leat_buf *b, const char *z)
{
    bool word = z[0] != '\0';
    for (const unsigned char *p = (const unsigned char *)z; *p && word; p++)
        word = *p > ' ' && *p != '"' && *p != '=' && *p != '\\' && *p != 0x7f;
    if (word)
        leat_buf_str_z(b, z);
    else
        leat_json_quote(b, leat_str_of(z));
}

/* The message as it is, but on one line. */
static void put_text(leat_buf *b, const char *z)
{
    for (const unsigned char *p = (const unsigned char *)z; *p; p++) {
        if (*p >= ' ' && *p != 0x7f)
            leat_buf_u8(b, *p);
        else if (*p == '\n')
            leat_buf_str_z(b, "\\n");
        else if (*p == '\r')
            leat_buf_str_z(b, "\\r");
        else if (*p == '\t')
            leat_buf_str_z(b, "\\t");
        else
            leat_buf_printf(b, "\\x%02x", *p);
    }
}

static const char *in_source(const char *file)
{
    const char *src = strstr(file, "src/"), *slash = strrchr(file, '/');
    if (src) return src + 4;
    return slash ? slash + 1 : file;
}

static void form_logfmt(leat_buf *b, const char *stamp, const entry *n)
{
    leat_buf_printf(b, "%s %s ", stamp, level_names[n->level]);
    if (connector[0]) {
        leat_buf_str_z(b, "connector=");
        put_value(b, connector);
        leat_buf_u8(b, ' ');
    }
    if (n->task >= 0) leat_buf_printf(b, "task=%d ", n->task);
    if (n->file) leat_buf_printf(b, "at=%s:%d ", in_source(n->file), n->line);
    put_text(b, n->code);
    if (n->rc) leat_buf_printf(b, " rc=%s", n->rc);
    if (n->where) {
        leat_buf_str_z(b, " where=");
        put_value(b, n->where);
    }
    if (n->text[0]) leat_buf_u8(b, ' ');
    put_text(b, n->text);
    leat_buf_u8(b, '\n');
}

static void form_json(leat_buf *b, const char *stamp, const entry *n)
{
    leat_jw w = {.out = b};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "time", stamp);
    leat_jw_z(&w, "level", level_names[n->level]);
    if (connector[0]) leat_jw_z(&w, "connector", connector);
    if (n->task >= 0) leat_jw_i64(&w, "task", n->task);
    if (n->file) {
        leat_jw_z(&w, "file", in_source(n->file));
        leat_jw_i64(&w, "line", n->line);
    }
    leat_jw_z(&w, "code", n->code);
    if (n->rc) leat_jw_z(&w, "rc", n->rc);
    if (n->where) leat_jw_z(&w, "where", n->where);
    leat_jw_z(&w, "text", n->text);
    leat_jw_end(&w);
    leat_buf_u8(b, '\n');
}

static void write_out(leat_str line)
{
    while (out_fd >= 0 && line.len > 0) {
        ssize_t n = write(out_fd, line.s, line.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        line.s += n;
        line.len -= (size_t)n;
    }
}

static void emit(const entry *n)
{
    char stamp[LEAT_ISO_MAX];
    leat_buf *b = &tail[tail_count++ % TAIL_LINES];
    leat_buf_clear(b);
    leat_iso_us(leat_now_us(), 3, stamp);
    if (as_json)
        form_json(b, stamp, n);
    else
        form_logfmt(b, stamp, n);
    write_out(leat_buf_str(b));
}

/* Ends the site's window and tells what it swallowed. */
static void end_window(site *s)
{
    char text[128];
    site ended = *s;
    *s = (site){0};
    if (ended.dropped == 0) return;
    snprintf(text, sizeof(text), "of=%s lines=%llu not shown", ended.code,
             (unsigned long long)ended.dropped);
    emit(&(entry){.level = ended.level, .code = "log.limited", .task = ended.task, .text = text});
}

/* Whether the call site with this key may write another line. */
static bool allowed(uint64_t key, const entry *n)
{
    int64_t now = leat_mono_us();
    site *mine = NULL, *spare = &sites[0];
    for (site *s = sites; s < sites + SITES; s++) {
        if (s->key && (now - s->began >= SITE_WINDOW_US || now < s->began)) end_window(s);
        if (s->key == key) mine = s;
        if (s->key == 0 ? spare->key != 0 : spare->key != 0 && s->began < spare->began) spare = s;
    }
    if (!mine) {
        mine = spare;
        end_window(mine);
        *mine = (site){.key = key, .began = now, .level = n->level, .task = n->task};
        size_t size = leat_str_fit(leat_str_of(n->code), sizeof(mine->code) - 1);
        memcpy(mine->code, n->code, size);
    }
    if (mine->lines < SITE_LINES) {
        mine->lines++;
        return true;
    }
    mine->dropped++;
    return false;
}

static void log_entry(uint64_t key, const entry *n)
{
    int saved = errno;
    pthread_mutex_lock(&lock);
    if (n->level < LEAT_INFO || allowed(key ? key : 1, n)) emit(n);
    pthread_mutex_unlock(&lock);
    errno = saved;
}

void leat_log_line(leat_level level, const char *file, int line, const char *code, const char *fmt,
                   ...)
{
    char text[TEXT_MOST + 2];
    int saved = errno;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0) text[0] = '\0';
    text[leat_str_fit(leat_str_of(text), TEXT_MOST)] = '\0';
    leat_str_mend(text);
    uint64_t key = leat_str_hash(leat_str_of(file)) + (uint64_t)line;
    errno = saved;
    log_entry(key, &(entry){.level = level,
                            .code = code,
                            .file = level < LEAT_INFO ? file : NULL,
                            .line = line,
                            .task = thread_task,
                            .text = text});
}

void leat_log_err(leat_level level, const leat_err *e)
{
    if (level < leat_log_level_now()) return;
    uint64_t key = leat_str_hash(leat_str_of(e->code)) ^ leat_str_hash(leat_str_of(e->where)) << 1;
    log_entry(key, &(entry){.level = level,
                            .code = e->code,
                            .rc = leat_rc_name(e->rc),
                            .where = e->where[0] ? e->where : NULL,
                            .task = thread_task,
                            .text = e->msg});
}

void leat_log_end(void)
{
    pthread_mutex_lock(&lock);
    for (site *s = sites; s < sites + SITES; s++) end_window(s);
    pthread_mutex_unlock(&lock);
}

uint64_t leat_log_since(uint64_t since, leat_buf *out)
{
    pthread_mutex_lock(&lock);
    uint64_t next = tail_count;
    uint64_t first = next > TAIL_LINES ? next - TAIL_LINES : 0;
    for (uint64_t i = since > first ? since : first; i < next; i++)
        leat_buf_add(out, leat_buf_str(&tail[i % TAIL_LINES]));
    pthread_mutex_unlock(&lock);
    return next;
}

/* The counters page without mapped files, and other parts of the product that the simulator links
 * itself in between (--wrap): what frames say, for the planted bug that believes all of them. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "sim.h"
#include "stream/recover.h"

enum { PID = 1000 }; /* and the number of its life */

int __wrap_getpid(void);
void __wrap_leat_log_line(leat_level level, const char *file, int line, const char *code,
                          const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void __wrap_leat_log_err(leat_level level, const leat_err *e);
leat_rc __wrap_leat_page_open(const char *path, leat_page **out, leat_err *e);
void __wrap_leat_page_close(leat_page *p);
bool __wrap_leat_page_alive(const leat_page *p);
leat_seen __wrap_leat_frame_read(leat_str bytes, leat_frame *f, size_t *need, const char **why);
leat_seen __real_leat_frame_read(leat_str bytes, leat_frame *f, size_t *need, const char **why);
leat_rc __wrap_leat_walk_load(leat_walk *w, const leat_frame *f, leat_str *meta, leat_str *body,
                              leat_seen *seen, leat_err *e);
leat_rc __real_leat_walk_load(leat_walk *w, const leat_frame *f, leat_str *meta, leat_str *body,
                              leat_seen *seen, leat_err *e);

leat_rc __wrap_leat_recover_prove(const char *dir, const leat_found *found, leat_err *e);
leat_rc __real_leat_recover_prove(const char *dir, const leat_found *found, leat_err *e);

/* Its digits go into the lock file. */
int __wrap_getpid(void)
{
    return PID + (int)the_sim->lives;
}

/* The real one asks the clock, so a run that is watched would be another run. */
void __wrap_leat_log_line(leat_level level, const char *file, int line, const char *code,
                          const char *fmt, ...)
{
    (void)file;
    (void)line;
    if (level < LEAT_INFO || !the_sim->verbose) return;
    va_list args;
    va_start(args, fmt);
    printf("            log        %s ", code);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

void __wrap_leat_log_err(leat_level level, const leat_err *e)
{
    __wrap_leat_log_line(level, "", 0, e->code, "%s %s", e->where, e->msg);
    bool merging =
        strcmp(e->code, "stream.damaged") == 0 || strncmp(e->code, "stream.merge", 12) == 0;
    if (merging && !the_sim->dead && !the_sim->life.hurt)
        sim_fail("merge", "%s: %s", e->code, e->msg);
}

leat_rc __wrap_leat_page_open(const char *path, leat_page **out, leat_err *e)
{
    if (!the_sim->page_there)
        return leat_fail(e, LEAT_RETRY, "page.missing", path, "there is no counters page yet");
    *out = the_sim->page;
    return LEAT_OK;
}

void __wrap_leat_page_close(leat_page *p)
{
    (void)p;
}

bool __wrap_leat_page_alive(const leat_page *p)
{
    return p->pid == __wrap_getpid() && the_sim->alive;
}

void sim_page_begin(sim *s)
{
    leat_page *p = s->page;
    leat_page was = *p;
    *p = (leat_page){.magic = LEAT_PAGE_MAGIC, .version = LEAT_PAGE_VERSION};
    if (was.magic == LEAT_PAGE_MAGIC && s->page_there) {
        p->mark_segment = was.mark_segment;
        p->mark_offset = was.mark_offset;
        p->mark_frame = was.mark_frame;
        p->wake = was.wake;
    }
    p->pid = __wrap_getpid();
    s->page_there = true;
}

/* A page of memory that nobody synced: as it was, as it was once, or not there. */
void sim_page_power_cut(sim *s)
{
    switch (dice_below(&s->dice, 4)) {
    case 0: break;
    case 1: *s->page = *s->page_old; break;
    case 2: *s->page = (leat_page){0}; break;
    default:
        *s->page = (leat_page){0};
        s->page_there = false;
        break;
    }
}

/* ---- planted: frame-not-checked ---- */

static bool believes(void)
{
    return the_sim->plant == PLANT_NO_CRC;
}

leat_seen __wrap_leat_frame_read(leat_str bytes, leat_frame *f, size_t *need, const char **why)
{
    leat_seen seen = __real_leat_frame_read(bytes, f, need, why);
    bool crc = seen == LEAT_SEEN_BAD && strstr(*why, "checksum");
    return crc && believes() ? LEAT_SEEN_FRAME : seen;
}

leat_rc __wrap_leat_walk_load(leat_walk *w, const leat_frame *f, leat_str *meta, leat_str *body,
                              leat_seen *seen, leat_err *e)
{
    leat_rc rc = __real_leat_walk_load(w, f, meta, body, seen, e);
    bool crc = rc == LEAT_OK && *seen == LEAT_SEEN_BAD && strstr(w->why, "has checksum");
    if (crc && believes()) *seen = LEAT_SEEN_FRAME;
    return rc;
}

/* ---- planted: sync-not-proven ---- */

leat_rc __wrap_leat_recover_prove(const char *dir, const leat_found *found, leat_err *e)
{
    if (the_sim->plant == PLANT_NO_PROVE) return LEAT_OK;
    return __real_leat_recover_prove(dir, found, e);
}

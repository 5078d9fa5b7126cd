/* How far a snapshot is; see the header.
 *
 * A table's rate is that of the rows since this process began to read it; what is left follows from
 * the server's estimate of its rows, as far as there is one, and is never less than what was read.
 */
#include "engine/progress.h"

#include <stdio.h>

enum { SHOWN_MOST = 1000 };

struct leat_progress_table {
    char name[160];
    leat_progress_say say;    /* table: unused */
    int64_t begun_us, now_us; /* since when it is read, until when that is so; 0: not yet */
    uint64_t begun_rows;
};
typedef struct leat_progress_table table;

/* Rows a second and what is left, of so many that were read in so long. */
typedef struct pace {
    double rate;     /* < 0: unknown */
    int64_t left_ms; /* -1: unknown */
} pace;

static pace pace_of(uint64_t rows, int64_t us, int64_t left)
{
    pace p = {-1, -1};
    if (us <= 0) return p;
    p.rate = (double)rows * 1e6 / (double)us;
    if (left >= 0 && p.rate > 0) p.left_ms = (int64_t)((double)left * 1000 / p.rate);
    return p;
}

static int64_t total_of(const table *t)
{
    if (t->say.done || (t->say.total >= 0 && (uint64_t)t->say.total < t->say.rows))
        return (int64_t)t->say.rows;
    return t->say.total;
}

void leat_progress_put(leat_progress *p, size_t i, const leat_progress_say *say, int64_t now)
{
    if (i == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->v = leat_realloc(p->v, p->cap * sizeof *p->v);
    }
    table *t = &p->v[i];
    bool same = i < p->n && strcmp(t->name, say->table) == 0 && t->say.ad_hoc == say->ad_hoc &&
                t->say.rows <= say->rows;
    if (!same) *t = (table){0};
    if (!same) snprintf(t->name, sizeof t->name, "%s", say->table);
    if (i >= p->n) p->n = i + 1;
    t->say = *say;
    t->say.table = NULL;
    if (say->reading && t->begun_us == 0) {
        t->begun_us = now;
        t->begun_rows = say->rows;
    }
    if (!say->done || t->now_us == 0) t->now_us = now;
}

void leat_progress_end(leat_progress *p, size_t n)
{
    if (n < p->n) p->n = n;
}

void leat_progress_free(leat_progress *p)
{
    leat_free(p->v);
    *p = (leat_progress){0};
}

/* Of the snapshot's own tables. */
static leat_progress_sum add_up(const leat_progress *p, int64_t now, uint64_t *bytes)
{
    leat_progress_sum s = {.rate = -1, .left_ms = -1};
    uint64_t here = 0;
    int64_t first = now;
    *bytes = 0;
    for (size_t i = 0; i < p->n; i++) {
        const table *t = &p->v[i];
        int64_t total = total_of(t);
        if (t->say.ad_hoc) continue;
        s.rows += t->say.rows;
        *bytes += t->say.bytes;
        s.total = s.total < 0 || total < 0 ? -1 : s.total + total;
        if (t->begun_us == 0) continue;
        here += t->say.rows - t->begun_rows;
        if (t->begun_us < first) first = t->begun_us;
    }
    pace x = pace_of(here, now - first, s.total < 0 ? -1 : s.total - (int64_t)s.rows);
    if (x.rate >= 0) s.rate = (int64_t)x.rate;
    s.left_ms = x.left_ms;
    return s;
}

leat_progress_sum leat_progress_sum_up(const leat_progress *p, int64_t now)
{
    uint64_t bytes;
    return add_up(p, now, &bytes);
}

static void put_number(leat_jw *w, const char *name, int64_t v)
{
    if (v < 0)
        leat_jw_null(w, name);
    else
        leat_jw_i64(w, name, v);
}

static void put_table(const table *t, leat_jw *w)
{
    int64_t total = total_of(t), left = total < 0 ? -1 : total - (int64_t)t->say.rows;
    pace x = {-1, -1};
    if (t->begun_us) x = pace_of(t->say.rows - t->begun_rows, t->now_us - t->begun_us, left);
    leat_jw_object(w, NULL);
    leat_jw_z(w, "table", t->name);
    leat_jw_z(w, "state",
              t->say.done      ? "done"
              : t->say.rests   ? "paused"
              : t->say.reading ? "reading"
                               : "waiting");
    leat_jw_z(w, "snapshot", t->say.ad_hoc ? "incremental" : "initial");
    leat_jw_i64(w, "rows", (int64_t)t->say.rows);
    put_number(w, "rows_total", total);
    leat_jw_i64(w, "bytes", (int64_t)t->say.bytes);
    put_number(w, "rows_per_second", (int64_t)x.rate);
    put_number(w, "milliseconds_left", t->say.done ? 0 : x.left_ms);
    leat_jw_end(w);
}

void leat_progress_write(const leat_progress *p, int64_t now, leat_jw *w)
{
    uint64_t bytes;
    leat_progress_sum s = add_up(p, now, &bytes);
    size_t shown = 0;
    leat_jw_i64(w, "rows", (int64_t)s.rows);
    put_number(w, "rows_total", p->n ? s.total : -1);
    leat_jw_i64(w, "bytes", (int64_t)bytes);
    put_number(w, "rows_per_second", s.rate);
    put_number(w, "milliseconds_left", s.left_ms);
    leat_jw_array(w, "table_progress");
    for (int reading = 1; reading >= 0; reading--)
        for (size_t i = 0; i < p->n && shown < SHOWN_MOST; i++) {
            const table *t = &p->v[i];
            if ((t->say.reading && !t->say.done) != (reading == 1)) continue;
            put_table(t, w);
            shown++;
        }
    leat_jw_end(w);
}

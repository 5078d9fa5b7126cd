/* Reads tables of a PostgreSQL server by a source's chunks, without an engine: what test_chunks.py
 * compares with the plain snapshot, and what shows how fast a reader is.
 *
 *     chunks FILE compare BYTES [MOST]     each table read both ways, as plain rows and in chunks
 * of about so many bytes; exit status 1 when rows differ chunks FILE keys BYTES               each
 * table's rows read once more, by the identities that its rows have chunks FILE cut BYTES MOST the
 * first table is cut; how long that took chunks FILE read BYTES               all tables are read
 * in chunks, rows thrown away
 *
 * FILE is a connector's .properties; it makes a slot, which is dropped again. Prints a line of JSON
 * a table. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/load.h"
#include "event/wire.h"
#include "source/postgres/conf.h"
#include "source/source.h"

extern const leat_source leat_source_postgres;

typedef struct rows {
    leat_str *v; /* "table", then the row's bytes */
    size_t n, cap;
} rows;

typedef struct world {
    leat_arena a;
    leat_pg_conf conf;
    leat_task task;
    leat_plan plan;
    leat_batch b;
    leat_err e;
} world;

static const leat_source *const source = &leat_source_postgres;

static leat_jw begin_line(const leat_snap_table *t)
{
    static leat_buf text;
    leat_jw line = {.out = &text};
    leat_buf_clear(&text);
    leat_jw_object(&line, NULL);
    leat_jw_z(&line, "table", t->name);
    return line;
}

static void end_line(leat_jw *line)
{
    leat_jw_end(line);
    printf(LEAT_STR_FMT "\n", LEAT_STR_ARG(leat_buf_str(line->out)));
}

static void check(world *w, leat_rc rc)
{
    if (rc == LEAT_OK || rc == LEAT_AGAIN || rc == LEAT_PENDING) return;
    fprintf(stderr, "%s: %s: %s\n", w->e.code, w->e.where, w->e.msg);
    exit(2);
}

static void open_task(world *w, const char *path, leat_snapshot_streaming streaming)
{
    leat_config *c;
    leat_report r;
    leat_report_init(&r, &w->a);
    check(w, leat_config_load(&w->a, path, &c, &w->e));
    leat_opts_parse(source->options, &c->props, false, &w->a, &w->conf, &r);
    check(w, leat_report_err(&r, path, &w->e));
    w->conf.capture.snapshot_streaming = streaming;
    w->task = (leat_task){.source = source,
                          .conf = &w->conf,
                          .connector = "chunks",
                          .of = 1,
                          .run_id = "00000000-0000-7000-8000-000000000000"};
    check(w, source->open(&w->task, NULL, 0, &w->e));
    w->plan = (leat_plan){.a = &w->a, .tail = &w->plan.first, .tables_tail = &w->plan.tables};
    check(w, source->plan(&w->task, &w->plan, &w->e));
    leat_batch_init(&w->b, 4096, 8 << 20);
}

static void close_task(world *w)
{
    leat_batch_free(&w->b);
    w->task.stopping = true;
    source->close(&w->task);
    check(w, source->forget(&w->conf, &(leat_source_beside){.placed = true}, &w->e));
}

/* What must be the same both ways: all but times, places and markers. */
static void keep(world *w, rows *to)
{
    for (uint32_t i = 0; i < w->b.n; i++) {
        leat_event ev = w->b.ev[i];
        leat_wire_state st = {0};
        leat_buf bytes = {0};
        leat_value *src = leat_arena_alloc(&w->b.arena, ev.table->origin->ncells * sizeof *src,
                                           _Alignof(leat_value));
        for (uint32_t k = 0; k < ev.table->origin->ncells; k++) src[k] = leat_null();
        ev.src = src;
        ev.ts_us = ev.seen_us = 0;
        ev.snapshot = 0;
        leat_buf_str_z(&bytes, ev.table->name);
        leat_buf_printf(&bytes, " %016llx ", (unsigned long long)ev.table->fingerprint);
        leat_wire_put(&bytes, &st, &ev, 0);
        if (to->n == to->cap) {
            to->cap = to->cap ? to->cap * 2 : 1024;
            to->v = leat_realloc(to->v, to->cap * sizeof *to->v);
        }
        to->v[to->n++] = leat_arena_str(&w->a, leat_buf_str(&bytes));
        leat_buf_free(&bytes);
    }
}

static int by_bytes(const void *x, const void *y)
{
    return leat_str_cmp(*(const leat_str *)x, *(const leat_str *)y);
}

static void read_plain(world *w, rows *to)
{
    for (leat_chunk *c = w->plan.first; c; c = c->next)
        for (leat_rc rc = LEAT_AGAIN; rc == LEAT_AGAIN;) {
            leat_batch_reset(&w->b);
            rc = source->read_chunk(&w->task, c, &w->b, &w->e);
            check(w, rc);
            keep(w, to);
        }
}

/* One range, its rows kept if to is not NULL. How many. */
static size_t read_range(world *w, leat_chunk_reader *r, const leat_range *range, rows *to)
{
    leat_arena a = {0};
    leat_view view;
    size_t n = 0;
    leat_rc rc = source->chunks->begin(r, range, &a, &view, &w->e);
    check(w, rc);
    while (rc != LEAT_PENDING) {
        leat_batch_reset(&w->b);
        rc = source->chunks->read(r, &w->b, &w->e);
        check(w, rc);
        n += w->b.n;
        if (to) keep(w, to);
        if (rc == LEAT_OK) break;
    }
    leat_arena_free(&a);
    return n;
}

/* A table in chunks; those that most of the bounds were given for are cut again. */
static void read_cut(world *w, leat_chunk_reader *r, const leat_range *range, uint64_t bytes,
                     unsigned most, rows *to, unsigned *chunks, size_t *least, size_t *largest)
{
    leat_str *bounds = LEAT_NEW(&w->a, leat_str, most + 1);
    unsigned n = 0;
    leat_rc rc = LEAT_OK;
    if (range->table->keyed)
        rc = source->chunks->cut(r, range, bytes, most, &w->a, bounds, &n, &w->e);
    check(w, rc);
    leat_range part = *range;
    for (unsigned i = 0; i <= n; i++) {
        part.to = i < n ? bounds[i] : range->to;
        if (n == most && most > 0) {
            read_cut(w, r, &part, bytes, most, to, chunks, least, largest);
        } else {
            size_t got = read_range(w, r, &part, to);
            ++*chunks;
            if (got > *largest) *largest = got;
            if (got < *least) *least = got;
        }
        part.from = part.to;
    }
}

static void read_tables(world *w, leat_chunk_reader *r, uint64_t bytes, unsigned most, rows *to)
{
    for (const leat_snap_table *t = w->plan.tables; t; t = t->next) {
        leat_range all = {.table = t};
        size_t before = to ? to->n : 0, least = SIZE_MAX, largest = 0;
        unsigned chunks = 0;
        int64_t begun = leat_mono_us();
        read_cut(w, r, &all, bytes, most, to, &chunks, &least, &largest);
        leat_jw line = begin_line(t);
        leat_jw_bool(&line, "keyed", t->keyed);
        leat_jw_i64(&line, "rows", to ? (int64_t)(to->n - before) : -1);
        leat_jw_i64(&line, "chunks", chunks);
        leat_jw_i64(&line, "least", (int64_t)least);
        leat_jw_i64(&line, "largest", (int64_t)largest);
        leat_jw_i64(&line, "ms", (leat_mono_us() - begun) / 1000);
        end_line(&line);
    }
}

static int compare(rows *x, rows *y)
{
    qsort(x->v, x->n, sizeof *x->v, by_bytes);
    qsort(y->v, y->n, sizeof *y->v, by_bytes);
    for (size_t i = 0; i < x->n && i < y->n; i++)
        if (!leat_str_eq(x->v[i], y->v[i])) {
            fprintf(stderr, "row %zu differs: " LEAT_STR_FMT " and " LEAT_STR_FMT "\n", i,
                    (int)strnlen(x->v[i].s, 20), x->v[i].s, (int)strnlen(y->v[i].s, 20), y->v[i].s);
            for (size_t k = 0; k < x->v[i].len && k < y->v[i].len; k++)
                if (x->v[i].s[k] != y->v[i].s[k]) {
                    fprintf(stderr, "at %zu of %zu and %zu\n", k, x->v[i].len, y->v[i].len);
                    break;
                }
            return 1;
        }
    if (x->n != y->n) fprintf(stderr, "%zu rows and %zu\n", x->n, y->n);
    return x->n != y->n;
}

/* Every row read again by its identity: the same rows. */
static int read_keys(world *w, leat_chunk_reader *r)
{
    rows once = {0}, again = {0};
    for (const leat_snap_table *t = w->plan.tables; t; t = t->next) {
        leat_arena a = {0};
        leat_view view;
        leat_range range = {.table = t};
        if (!t->keyed) continue;
        check(w, source->chunks->begin(r, &range, &a, &view, &w->e));
        leat_value *keys = NULL;
        uint32_t n = 0;
        leat_rc rc = LEAT_AGAIN;
        while (rc == LEAT_AGAIN) {
            leat_batch_reset(&w->b);
            rc = source->chunks->read(r, &w->b, &w->e);
            check(w, rc);
            keep(w, &once);
            for (uint32_t i = 0; i < w->b.n; i++) {
                const leat_event *ev = &w->b.ev[i];
                leat_buf key = {0};
                range.nid = ev->table->nid;
                if (!leat_row_key(ev->table, ev->after, NULL, &key)) exit(3);
                keys = leat_realloc(keys, (n + 1) * (size_t)range.nid * sizeof *keys);
                const leat_value *cells = leat_row_key_cells(leat_buf_str(&key), &a, &range.nid);
                memcpy(keys + (size_t)n * range.nid, cells, range.nid * sizeof *keys);
                leat_buf_free(&key);
                n++;
            }
        }
        range.keys = keys;
        range.nkeys = n;
        if (n > 0) read_range(w, r, &range, &again);
        leat_jw line = begin_line(t);
        leat_jw_i64(&line, "keys", n);
        end_line(&line);
        leat_free(keys);
        leat_arena_free(&a);
    }
    int differ = compare(&once, &again);
    leat_free(once.v);
    leat_free(again.v);
    return differ;
}

static int cut_first(world *w, leat_chunk_reader *r, uint64_t bytes, unsigned most)
{
    leat_str *bounds = LEAT_NEW(&w->a, leat_str, most + 1);
    leat_range all = {.table = w->plan.tables};
    unsigned n;
    int64_t begun = leat_mono_us();
    check(w, source->chunks->cut(r, &all, bytes, most, &w->a, bounds, &n, &w->e));
    leat_jw line = begin_line(all.table);
    leat_jw_i64(&line, "bounds", n);
    leat_jw_i64(&line, "ms", (leat_mono_us() - begun) / 1000);
    end_line(&line);
    return 0;
}

int main(int argc, char **argv)
{
    world w = {0};
    rows plain = {0}, cut = {0};
    if (argc < 4) return 2;
    uint64_t bytes = strtoull(argv[3], NULL, 10);
    unsigned most = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 64;
    bool both = strcmp(argv[2], "compare") == 0;
    leat_log_setup(LEAT_WARN, false, NULL, 2);
    if (both) {
        open_task(&w, argv[1], LEAT_SNAPSHOT_AFTER);
        read_plain(&w, &plain);
        close_task(&w);
    }
    open_task(&w, argv[1], LEAT_SNAPSHOT_BESIDE);
    leat_chunk_reader r = {.task = &w.task};
    check(&w, source->chunks->open(&r, &w.e));
    int status = 0;
    if (strcmp(argv[2], "keys") == 0)
        status = read_keys(&w, &r);
    else if (strcmp(argv[2], "cut") == 0)
        status = cut_first(&w, &r, bytes, most);
    else
        read_tables(&w, &r, bytes, most, both ? &cut : NULL);
    if (both) status = compare(&plain, &cut);
    source->chunks->close(&r);
    close_task(&w);
    leat_free(plain.v);
    leat_free(cut.v);
    leat_arena_free(&w.a);
    return status;
}

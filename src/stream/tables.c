/* The ledger table by table (stream/tables.h): a header and rows of one size, mapped shared.
 *
 * A row is written before the number of rows says that it is there, and never goes. Its counts are
 * single words: together they may be a moment apart. What was appended waits in two sets until it
 * is durable, one that is being filled and one that was closed at a number of an append, so that
 * what waits is bounded by the tables and not by the appends. */
#include "stream/tables.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/arena.h"
#include "base/os.h"

enum { VERSION = 1, COUNTS = sizeof(leat_counts) / sizeof(uint64_t), ROWS = LEAT_TABLES_MOST + 1 };
#define MAGIC 0x6c6561747461626cull

typedef struct row {
    char name[LEAT_TABLES_NAME];
    _Atomic uint64_t counts[COUNTS]; /* as in leat_counts */
} row;

typedef struct file {
    uint64_t magic;
    uint32_t version;
    _Atomic uint32_t n;    /* rows */
    _Atomic uint32_t sink; /* 1: it is one */
    uint32_t spare;
    row rows[ROWS];
} file;

_Static_assert(sizeof(leat_counts) == COUNTS * sizeof(uint64_t), "counts are words");

struct leat_tables {
    file *f;
    /* Row i is that of tally i. Of what is not shown yet `counts` is being filled, `safe` closed.
     */
    leat_tallies rows;
    uint64_t filled, closed; /* the last append of each; 0: it is empty */
};

static const uint64_t *words(const leat_counts *c)
{
    return (const uint64_t *)c;
}

static void load(const row *r, leat_counts *out)
{
    uint64_t *to = (uint64_t *)out;
    for (int i = 0; i < COUNTS; i++) to[i] = atomic_load(&r->counts[i]);
}

static void store(row *r, const leat_counts *c)
{
    for (int i = 0; i < COUNTS; i++) atomic_store(&r->counts[i], words(c)[i]);
}

static void empty(file *f)
{
    atomic_store(&f->n, 0);
    memset(f->rows, 0, sizeof f->rows);
    f->version = VERSION;
    f->magic = MAGIC;
    atomic_store(&f->n, 1);
}

/* Of all rows with a name. False: one is of no ledger (the machine went down in between). */
static bool sum_of(const file *f, leat_counts *sum)
{
    *sum = (leat_counts){0};
    uint32_t n = atomic_load(&f->n);
    for (uint32_t i = 1; i < n; i++) {
        leat_counts c;
        load(&f->rows[i], &c);
        if (leat_counts_in_flight(&c) != 0 || leat_counts_rows_in_flight(&c) != 0) return false;
        leat_counts_add(sum, &c);
    }
    return true;
}

static bool covers(const leat_counts *all, const leat_counts *part)
{
    for (int i = 0; i < COUNTS; i++)
        if (words(part)[i] > words(all)[i]) return false;
    return true;
}

/* ---- the writer ---- */

static bool is_good(const file *f)
{
    uint32_t n = atomic_load(&f->n);
    bool good = f->magic == MAGIC && f->version == VERSION && n > 0 && n <= ROWS;
    for (uint32_t i = 0; good && i < n; i++)
        good = memchr(f->rows[i].name, 0, LEAT_TABLES_NAME) && (*f->rows[i].name == 0) == (i == 0);
    return good;
}

static void name_rows(leat_tables *t)
{
    leat_tallies_free(&t->rows);
    uint32_t n = atomic_load(&t->f->n);
    for (uint32_t i = 0; i < n; i++)
        leat_tallies_get(&t->rows, leat_str_of(t->f->rows[i].name), NULL);
    if (t->rows.n == n) return;
    empty(t->f); /* a name stands twice */
    name_rows(t);
}

/* What is not there on a full disk is found out here, not when a row is written. */
static int make_room(int fd)
{
    const leat_os *os = leat_os_now();
    int err = os->allocate(fd, sizeof(file));
    if (err < 0 && err != -EOPNOTSUPP) return err;
    int64_t size = os->size(fd);
    if (size < 0) return (int)size;
    return size < (int64_t)sizeof(file) ? os->truncate(fd, sizeof(file)) : 0;
}

leat_rc leat_tables_create(const char *path, bool sink, leat_tables **out, leat_err *e)
{
    const leat_os *os = leat_os_now();
    int fd = os->open(path, LEAT_O_READ | LEAT_O_WRITE | LEAT_O_CREATE, 0600);
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    int err = make_room(fd);
    void *p =
        err < 0 ? MAP_FAILED : mmap(NULL, sizeof(file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (err == 0 && p == MAP_FAILED) err = -errno;
    os->close(fd);
    if (p == MAP_FAILED) return leat_os_fail(e, err, "map", path);
    leat_tables *t = leat_zalloc(1, sizeof *t);
    t->f = p;
    if (!is_good(t->f)) empty(t->f);
    atomic_store(&t->f->sink, sink);
    name_rows(t);
    *out = t;
    return LEAT_OK;
}

void leat_tables_close(leat_tables *t)
{
    if (!t) return;
    munmap(t->f, sizeof(file));
    leat_tallies_free(&t->rows);
    leat_free(t);
}

void leat_tables_begin(leat_tables *t, const leat_counts *totals)
{
    leat_counts sum, rest = *totals;
    if (t->filled > 0 || t->closed > 0) return;
    bool good = sum_of(t->f, &sum), covered = covers(totals, &sum);
    if (!good || (!covered && !atomic_load(&t->f->sink))) {
        empty(t->f);
        name_rows(t);
        sum = (leat_counts){0};
        covered = true;
    }
    leat_counts_sub(&rest, &sum);
    store(&t->f->rows[0], covered ? &rest : &(leat_counts){0});
}

/* The table's, which gets a row if there is one; else the first. */
static leat_tally *row_of(leat_tables *t, const char *table)
{
    leat_str name = leat_str_of(table);
    bool fits = name.len > 0 && name.len < LEAT_TABLES_NAME;
    uint32_t n = t->rows.n;
    bool known = leat_tallies_find(&t->rows, name) != NULL;
    if (!fits || (!known && n == ROWS)) return &t->rows.v[0];
    leat_tally *y = leat_tallies_get(&t->rows, name, NULL);
    if (known) return y;
    memcpy(t->f->rows[n].name, name.s, name.len);
    atomic_store(&t->f->n, n + 1);
    return y;
}

void leat_tables_add(leat_tables *t, const leat_tallies *from, const leat_counts *sum,
                     uint64_t serial)
{
    leat_counts rest = sum ? *sum : (leat_counts){0};
    for (uint32_t i = 0; i < from->nused; i++) {
        const leat_tally *y = &from->v[from->used[i]];
        if (leat_counts_none(&y->safe)) continue;
        leat_counts_add(&row_of(t, y->table)->counts, &y->safe);
        if (sum) leat_counts_sub(&rest, &y->safe);
    }
    leat_counts_add(&t->rows.v[0].counts, &rest);
    t->filled = serial;
}

/* What was closed is durable: it is shown. */
static void show(leat_tables *t)
{
    for (uint32_t i = 0; i < t->rows.n; i++) {
        leat_tally *y = &t->rows.v[i];
        if (leat_counts_none(&y->safe)) continue;
        leat_counts c;
        load(&t->f->rows[i], &c);
        leat_counts_add(&c, &y->safe);
        store(&t->f->rows[i], &c);
        y->safe = (leat_counts){0};
    }
    t->closed = 0;
}

static void close_filled(leat_tables *t)
{
    for (uint32_t i = 0; i < t->rows.n; i++) {
        t->rows.v[i].safe = t->rows.v[i].counts;
        t->rows.v[i].counts = (leat_counts){0};
    }
    t->closed = t->filled;
    t->filled = 0;
}

void leat_tables_settle(leat_tables *t, uint64_t durable)
{
    if (t->closed > 0 && t->closed <= durable) show(t);
    if (t->closed > 0 || t->filled == 0) return;
    close_filled(t);
    if (t->closed <= durable) show(t);
}

void leat_tables_refused(leat_tables *t, const leat_table *table, bool of_row)
{
    leat_buf name = {0};
    leat_table_name(table, &name);
    leat_buf_u8(&name, 0);
    leat_counts *c = &row_of(t, name.p)->counts;
    leat_buf_free(&name);
    c->appended -= !of_row;
    c->dead += !of_row;
    c->rows_appended -= of_row;
    c->rows_dead += of_row;
    if (t->filled == 0) t->filled = 1;
}

/* ---- readers ---- */

static int by_name(const void *x, const void *y)
{
    return strcmp(((const leat_tables_row *)x)->table, ((const leat_tables_row *)y)->table);
}

leat_rc leat_tables_read(const char *path, leat_arena *a, leat_tables_view *out, leat_err *e)
{
    const leat_os *os = leat_os_now();
    *out = (leat_tables_view){0};
    int fd = os->open(path, LEAT_O_READ, 0);
    if (fd == -ENOENT) return LEAT_OK;
    if (fd < 0) return leat_os_fail(e, fd, "open", path);
    bool whole = os->size(fd) >= (int64_t)sizeof(file);
    void *p = whole ? mmap(NULL, sizeof(file), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    os->close(fd);
    if (p == MAP_FAILED) return LEAT_OK;
    const file *f = p;
    uint32_t many = is_good(f) ? atomic_load(&f->n) : 0;
    *out = (leat_tables_view){
        .sink = atomic_load(&f->sink), .rows = LEAT_NEW(a, leat_tables_row, many + 1), .n = many};
    for (uint32_t i = 0; i < many; i++) {
        out->rows[i].table = leat_arena_strdup(a, f->rows[i].name);
        load(&f->rows[i], &out->rows[i].counts);
    }
    munmap(p, sizeof(file));
    if (many > 1) qsort(out->rows, many, sizeof *out->rows, by_name);
    return LEAT_OK;
}

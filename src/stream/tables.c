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
#include "base/log.h"
#include "base/os.h"

enum {
    VERSION = 1,
    COUNTS = sizeof(leat_counts) / sizeof(uint64_t),
    ROWS = LEAT_TABLES_MOST + 1,
    FEW = LEAT_TABLES_FEW,
};
#define MAGIC 0x6c6561747461626cull
#define WORD(member) (offsetof(leat_counts, member) / sizeof(uint64_t))

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
     * Used are those that have any. */
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

/* What is as it was is not written: an idle one has no page for the disk. */
static void store(row *r, const leat_counts *c)
{
    for (int i = 0; i < COUNTS; i++)
        if (atomic_load(&r->counts[i]) != words(c)[i]) atomic_store(&r->counts[i], words(c)[i]);
}

static void empty(file *f)
{
    atomic_store(&f->n, 0);
    memset(f->rows, 0, sizeof f->rows);
    f->version = VERSION;
    f->magic = MAGIC;
    atomic_store(&f->n, 1);
}

static void empty_told(file *f, const char *why)
{
    leat_log(LEAT_WARN, "tables.emptied",
             "%s: the ledger by table begins anew, what was counted goes to the others", why);
    empty(f);
}

static bool even(const leat_counts *c)
{
    return leat_counts_in_flight(c) == 0 && leat_counts_rows_in_flight(c) == 0;
}

/* The machine went down while they were written: what they had goes to the first. */
static void drop_torn(file *f)
{
    uint32_t n = atomic_load(&f->n);
    for (uint32_t i = 1; i < n; i++) {
        leat_counts c;
        load(&f->rows[i], &c);
        if (even(&c)) continue;
        leat_log(LEAT_WARN, "tables.row",
                 "table=\"%s\" its counts do not balance: they go to the others", f->rows[i].name);
        store(&f->rows[i], &(leat_counts){0});
    }
}

/* A refusal is told at once, its append once it is durable: until then there is one that is not. */
static void not_below(uint64_t *appended, uint64_t *dead)
{
    if (*appended <= INT64_MAX) return;
    *dead += *appended;
    *appended = 0;
}

static void load_whole(const row *r, leat_counts *c)
{
    load(r, c);
    not_below(&c->appended, &c->dead);
    not_below(&c->rows_appended, &c->rows_dead);
}

/* Of all rows with a name. */
static leat_counts sum_of(const file *f)
{
    leat_counts sum = {0};
    uint32_t n = atomic_load(&f->n);
    for (uint32_t i = 1; i < n; i++) {
        leat_counts c;
        load(&f->rows[i], &c);
        leat_counts_add(&sum, &c);
    }
    return sum;
}

/* So many of one kind are of no row any more: the first takes them. */
static void give_up(file *f, size_t kind, size_t received, uint64_t many)
{
    uint32_t n = atomic_load(&f->n);
    for (uint32_t i = 1; i < n && many > 0; i++) {
        leat_counts c;
        load(&f->rows[i], &c);
        uint64_t *w = (uint64_t *)&c, out = w[kind] < many ? w[kind] : many;
        w[kind] -= out;
        w[received] -= out;
        many -= out;
        store(&f->rows[i], &c);
    }
}

/* What Kafka refused was told before its end was known: it can have come again, and have been
 * refused twice or taken after all. The changes are the same ones then, and only what became of
 * them is not. */
static void undo_refusals(file *f, const leat_counts *totals)
{
    static const size_t kinds[][2] = {{WORD(appended), WORD(received)},
                                      {WORD(dead), WORD(received)},
                                      {WORD(rows_appended), WORD(rows_read)},
                                      {WORD(rows_dead), WORD(rows_read)}};
    uint32_t n = atomic_load(&f->n);
    for (uint32_t i = 1; i < n; i++) {
        leat_counts c;
        load_whole(&f->rows[i], &c);
        store(&f->rows[i], &c);
    }
    leat_counts sum = sum_of(f);
    if (sum.received > totals->received || sum.rows_read > totals->rows_read) return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        uint64_t has = words(&sum)[kinds[i][0]], may = words(totals)[kinds[i][0]];
        if (has > may) give_up(f, kinds[i][0], kinds[i][1], has - may);
    }
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
    leat_tallies_clear(&t->rows);
    if (t->rows.n == n) return;
    empty_told(t->f, "a name stands twice");
    name_rows(t);
}

/* Something else than left out. */
static bool is_captured(const leat_counts *c)
{
    return c->appended > 0 || c->dead > 0 || c->rows_read > 0;
}

/* Of many rows those go that only say what was left out: others may want them more. */
static void drop_left_out(file *f)
{
    uint32_t n = atomic_load(&f->n), kept = 1;
    if (n <= FEW) return;
    for (uint32_t i = 1; i < n; i++) {
        leat_counts c;
        load(&f->rows[i], &c);
        if (is_captured(&c)) memmove(&f->rows[kept++], &f->rows[i], sizeof(row));
    }
    atomic_store(&f->n, kept);
}

/* A machine that went down can have kept rows, and not that they are there. */
static void clean_behind(file *f)
{
    uint32_t n = atomic_load(&f->n);
    memset(f->rows + n, 0, (ROWS - n) * sizeof(row));
}

static int write_zeros(int fd, int64_t at)
{
    static const char zeros[4096];
    int err = 0;
    for (int64_t left = (int64_t)sizeof(file) - at; left > 0 && err >= 0;) {
        size_t n = left < (int64_t)sizeof zeros ? (size_t)left : sizeof zeros;
        err = leat_os_write_all(fd, zeros, n, (int64_t)sizeof(file) - left);
        left -= (int64_t)n;
    }
    return err < 0 ? err : 0;
}

/* What is not there on a full disk is found out here, not when a row is written. */
static int make_room(int fd)
{
    const leat_os *os = leat_os_now();
    int err = os->allocate(fd, sizeof(file));
    if (err < 0 && err != -EOPNOTSUPP) return err;
    int64_t size = os->size(fd);
    if (size < 0) return (int)size;
    if (size >= (int64_t)sizeof(file)) return 0;
    return err < 0 ? write_zeros(fd, size) : os->truncate(fd, sizeof(file));
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
    if (!is_good(t->f) || atomic_load(&t->f->sink) != sink) empty(t->f);
    drop_left_out(t->f);
    clean_behind(t->f);
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
    leat_counts rest = *totals;
    if (t->filled > 0 || t->closed > 0) return;
    drop_torn(t->f);
    if (!atomic_load(&t->f->sink)) undo_refusals(t->f, totals);
    leat_counts sum = sum_of(t->f);
    bool covered = covers(totals, &sum);
    if (!covered && !atomic_load(&t->f->sink)) {
        empty_told(t->f, "tables have more than the stream");
        name_rows(t);
        sum = (leat_counts){0};
        covered = true;
    }
    leat_counts_sub(&rest, &sum);
    store(&t->f->rows[0], covered ? &rest : &(leat_counts){0});
}

/* The table's, which gets a row if there is one for these counts; else the first. */
static leat_tally *row_of(leat_tables *t, const char *table, const leat_counts *c)
{
    leat_str name = leat_str_of(table);
    bool fits = name.len > 0 && name.len < LEAT_TABLES_NAME;
    uint32_t n = t->rows.n;
    bool known = leat_tallies_find(&t->rows, name) != NULL;
    bool room = n < ROWS && (n <= FEW || is_captured(c));
    if (!fits || (!known && !room)) return leat_tallies_get(&t->rows, LEAT_STR(""), NULL);
    leat_tally *y = leat_tallies_get(&t->rows, name, NULL);
    if (known) return y;
    memcpy(t->f->rows[n].name, table, name.len + 1);
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
        leat_counts_add(&row_of(t, y->table, &y->safe)->counts, &y->safe);
        if (sum) leat_counts_sub(&rest, &y->safe);
    }
    if (!leat_counts_none(&rest)) leat_counts_add(&row_of(t, "", &rest)->counts, &rest);
    t->filled = serial;
}

/* What was closed is durable: it is shown. */
static void show(leat_tables *t)
{
    leat_tallies *s = &t->rows;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->nused; i++) {
        uint32_t at = s->used[i];
        leat_tally *y = &s->v[at];
        leat_counts c;
        load(&t->f->rows[at], &c);
        leat_counts_add(&c, &y->safe);
        store(&t->f->rows[at], &c);
        y->safe = (leat_counts){0};
        y->used = !leat_counts_none(&y->counts);
        if (y->used) s->used[kept++] = at;
    }
    s->nused = kept;
    t->closed = 0;
}

static void close_filled(leat_tables *t)
{
    for (uint32_t i = 0; i < t->rows.nused; i++) {
        leat_tally *y = &t->rows.v[t->rows.used[i]];
        y->safe = y->counts;
        y->counts = (leat_counts){0};
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
    leat_counts *c = &row_of(t, name.p, &(leat_counts){.dead = 1})->counts;
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
        load_whole(&f->rows[i], &out->rows[i].counts);
    }
    munmap(p, sizeof(file));
    if (many > 1) qsort(out->rows, many, sizeof *out->rows, by_name);
    return LEAT_OK;
}

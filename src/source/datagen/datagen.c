/* The datagen source: changes made up on the spot, at a rate, in transactions, always the same for
 * a seed. For tests, benches, and users who want to try sinks without a database.
 *
 * The changes are numbered, and their numbers say all: table, key, values. One task makes them in
 * turn; its position is the number of changes made, {"n":N}, at a transaction's end. Several tasks
 * share the tables out: a table is a sequence of its own then, with transactions and a partition of
 * its own, and the same changes. Since what is done of a table is the larger of the two numbers, a
 * restart with another number of tasks goes on where each table was. With datagen.events it ends.
 * Run by the task's thread. */
#include <ctype.h>

#include "base/clock.h"
#include "base/json.h"
#include "source/datagen/fault.h"
#include "source/datagen/rows.h"
#include "source/source.h"

/* Transactions up to so many changes are never cut by a batch's end. */
enum { TX_WHOLE = 1024 };

typedef struct datagen_conf {
    const char *prefix, *columns;
    int64_t rate, events, keys, deletes, tx_size, tables, seed;
    bool stay;                   /* at the end of events */
    int64_t fault, fault_events; /* goes wrong on purpose, after so many */
} datagen_conf;

/* How many changes of a table the transaction tx has had. A restart is always at the start of a
 * transaction, so this need not be remembered. */
typedef struct table_seq {
    uint64_t tx;
    uint32_t n;
} table_seq;

/* A table of this task. */
typedef struct lane {
    unsigned table;
    uint64_t n;         /* its changes below this number are done */
    leat_str partition; /* of its own, if there are several tasks */
} lane;

typedef struct datagen {
    const datagen_conf *conf;
    leat_arena arena;
    leat_datagen_shape shape;
    leat_origin *origin;
    leat_table **tables; /* all; NULL: another task's */
    table_seq *seqs;     /* beside tables */
    lane *lanes;
    unsigned nlanes, turn; /* turn: the lane that comes next */
    bool shared;           /* there are other tasks */
    leat_str partition;    /* of all tables, if there is one task */
    leat_buf offset;
    uint64_t n;       /* one task: number of the next change */
    uint64_t made;    /* changes made since open */
    int64_t rate;     /* this task's part */
    int64_t began_us; /* the rate counts from here */
} datagen;

static const char *const FAULTS[] = {"none", "leak", "spin", "flood", "deadlock", "crash", NULL};

#define AT(field, type) .off = LEAT_OPT_AT(datagen_conf, field, type)
static const leat_opt options[] = {
    {.name = "topic.prefix",
     .label = "Topic prefix",
     .group = "Topics",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_FIXED,
     AT(prefix, const char *),
     .def = "datagen",
     .help = "First part of the topics' names: PREFIX.datagen.t1 and so on."},
    {.name = "datagen.rate",
     .label = "Rate",
     .group = "Data",
     .type = LEAT_OPT_INT,
     AT(rate, int64_t),
     .def = "1000",
     .min = 0,
     .max = INT32_MAX,
     .help = "Changes a second. 0 is as fast as possible."},
    {.name = "datagen.events",
     .label = "Changes",
     .group = "Data",
     .type = LEAT_OPT_INT,
     AT(events, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_MAX,
     .help = "How many changes there are in all. 0 is no end."},
    {.name = "datagen.stay",
     .label = "Stay at the end",
     .group = "Data",
     .type = LEAT_OPT_BOOL,
     .flags = LEAT_OPT_ADVANCED,
     AT(stay, bool),
     .def = "false",
     .help = "After datagen.events changes the connector stays, and has nothing to do; else it "
             "ends. Not with --once."},
    {.name = "datagen.columns",
     .label = "Columns",
     .group = "Data",
     .type = LEAT_OPT_STR,
     .flags = LEAT_OPT_FIXED,
     AT(columns, const char *),
     .def = "bigint,int,int,text(84)",
     .help = "Types of the columns, separated by commas: int, bigint, text(N), boolean, double, "
             "timestamp. The first is the key."},
    {.name = "datagen.keys",
     .label = "Keys",
     .group = "Data",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_FIXED,
     AT(keys, int64_t),
     .def = "0",
     .min = 0,
     .max = INT64_MAX,
     .help = "Distinct keys, changed in turn: first created, then updated or deleted. 0 is a new "
             "key for each change."},
    {.name = "datagen.deletes",
     .label = "Deletes",
     .group = "Data",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_FIXED,
     AT(deletes, int64_t),
     .def = "100",
     .min = 0,
     .max = 1000,
     .help = "Of a thousand changes that may delete a key, how many do. A deleted key is created "
             "again at its next turn."},
    {.name = "datagen.transaction.size",
     .label = "Transaction",
     .group = "Data",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_FIXED,
     AT(tx_size, int64_t),
     .def = "10",
     .min = 1,
     .max = INT64_MAX,
     .help = "Changes in a transaction."},
    {.name = "datagen.tables",
     .label = "Tables",
     .group = "Data",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_FIXED,
     AT(tables, int64_t),
     .def = "1",
     .min = 1,
     .max = 10000,
     .help = "How many tables the changes go to, in turn by key. With tasks.max above 1 they are "
             "shared out: each table then has transactions and a position of its own."},
    {.name = "datagen.seed",
     .label = "Seed",
     .group = "Data",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_FIXED,
     AT(seed, int64_t),
     .def = "1",
     .min = 0,
     .max = INT64_MAX,
     .help = "The same seed gives the same data."},
    {.name = "datagen.fault",
     .label = "Fault",
     .group = "Fault",
     .type = LEAT_OPT_ENUM,
     .flags = LEAT_OPT_ADVANCED,
     AT(fault, int64_t),
     .choices = FAULTS,
     .def = "none",
     .help =
         "Goes wrong on purpose, to try what that does to the others, and who tells: takes ever "
         "more memory (leak), a whole core (spin), makes changes as fast as it can (flood), "
         "waits for itself (deadlock), crashes (crash)."},
    {.name = "datagen.fault.events",
     .label = "Fault after",
     .group = "Fault",
     .type = LEAT_OPT_INT,
     .flags = LEAT_OPT_ADVANCED,
     AT(fault_events, int64_t),
     .def = "1000",
     .min = 0,
     .max = INT64_MAX,
     .help = "Changes that are made before datagen.fault, after each start."},
    {.name = NULL},
};
static const leat_opt *const tables[] = {options, NULL};

static void validate(const void *p, leat_report *r)
{
    const datagen_conf *conf = p;
    leat_datagen_shape shape = {0};
    leat_err err;
    if (leat_rc_failed(leat_datagen_shape_parse(conf->columns, &shape, &err)))
        leat_report_add(r, false, "datagen.columns", 0, "%s", err.msg);
    bool good = true;
    for (const char *c = conf->prefix; *c; c++)
        good = good && (isalnum((unsigned char)*c) || strchr("._-", *c));
    if (!good)
        leat_report_add(r, false, "topic.prefix", 0,
                        "must be of letters, digits, points, dashes and underscores, got \"%s\"",
                        conf->prefix);
}

static leat_rc check(const void *p, leat_checker *c, leat_err *e)
{
    (void)p;
    (void)e;
    leat_check_step(c, &(leat_step){.name = "nothing", .detail = "there is nothing to reach"});
    return LEAT_OK;
}

static leat_rc discover(const void *p, leat_catalog *out, leat_err *e)
{
    const datagen_conf *conf = p;
    (void)e;
    for (int64_t i = 1; i <= conf->tables; i++) {
        leat_catalog_table *t = LEAT_NEW(out->a, leat_catalog_table, 1);
        *t = (leat_catalog_table){
            .db = "datagen",
            .kind = "table",
            .rows = -1,
            .captured = true,
            .name = leat_arena_printf(out->a, "t%lld", (long long)i),
            .topic = leat_arena_printf(out->a, "%s.datagen.t%lld", conf->prefix, (long long)i),
        };
        *out->tail = t;
        out->tail = &t->next;
    }
    return LEAT_OK;
}

/* ---- numbers of changes ---- */

static unsigned table_of(const datagen_conf *conf, uint64_t n)
{
    uint64_t place = conf->keys ? n % (uint64_t)conf->keys : n;
    return (unsigned)(place % (uint64_t)conf->tables);
}

/* The first change of this table whose number is n or more; UINT64_MAX: none ever. */
static uint64_t next_of(const datagen_conf *conf, unsigned table, uint64_t n)
{
    uint64_t every = (uint64_t)conf->tables, keys = (uint64_t)conf->keys;
    if (keys && table >= keys) return UINT64_MAX;
    uint64_t place = keys ? n % keys : n;
    uint64_t ahead = (table + every - place % every) % every;
    if (keys && place + ahead >= keys) return n - place + keys + table;
    return n + ahead;
}

/* How many changes of its table come before the change n. */
static uint64_t rank_of(const datagen_conf *conf, unsigned table, uint64_t n)
{
    uint64_t every = (uint64_t)conf->tables, keys = (uint64_t)conf->keys;
    if (!keys) return n / every;
    uint64_t round = keys / every + (table < keys % every);
    return n / keys * round + n % keys / every;
}

static uint64_t last_of(const datagen_conf *conf)
{
    return conf->events ? (uint64_t)conf->events : UINT64_MAX;
}

static bool lane_done(const datagen *s, const lane *l)
{
    return next_of(s->conf, l->table, l->n) >= last_of(s->conf);
}

/* ---- open and close ---- */

static void close_source(leat_task *t)
{
    datagen *s = t->priv;
    for (int64_t i = 0; s->tables && i < s->conf->tables; i++) leat_table_unpin(s->tables[i]);
    if (s->origin) leat_origin_unpin(s->origin);
    leat_buf_free(&s->offset);
    leat_arena_free(&s->arena);
    leat_free(s);
    t->priv = NULL;
}

/* {"datagen":PREFIX}, or of one table: {"datagen":PREFIX,"table":"t1"}. */
static leat_str partition_text(const datagen_conf *conf, int64_t table, leat_arena *a)
{
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "datagen", conf->prefix);
    if (table >= 0) leat_jw_z(&w, "table", leat_arena_printf(a, "t%lld", (long long)table + 1));
    leat_jw_end(&w);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

/* The n stored for a partition; 0: none. */
static leat_rc stored(datagen *s, leat_str partition, const leat_position *pos, size_t n,
                      uint64_t *out, leat_err *e)
{
    const leat_position *own = leat_position_find(pos, n, partition);
    const leat_json *j;
    *out = 0;
    if (!own) return LEAT_OK;
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_json_parse(&a, own->offset, &j, e);
    int64_t at = rc == LEAT_OK ? leat_json_get_i64(j, "n", -1) : -1;
    leat_arena_free(&a);
    if (at < 0)
        return leat_fail(e, LEAT_CONF, "datagen.position", s->conf->prefix,
                         "the stored position " LEAT_STR_FMT " is none of datagen's: {\"n\":N}",
                         LEAT_STR_ARG(own->offset));
    *out = (uint64_t)at;
    return LEAT_OK;
}

/* Where each table of this task goes on, and the whole. */
static leat_rc resume(datagen *s, const leat_task *t, const leat_position *pos, size_t n,
                      leat_err *e)
{
    uint64_t whole, least = UINT64_MAX;
    s->partition = partition_text(s->conf, -1, &s->arena);
    s->lanes = LEAT_NEW(&s->arena, lane, s->conf->tables);
    LEAT_TRY(stored(s, s->partition, pos, n, &whole, e));
    bool apart = s->shared || n > (whole > 0);
    for (int64_t i = t->id; i < s->conf->tables; i += t->of ? t->of : 1) {
        lane *l = &s->lanes[s->nlanes++];
        *l = (lane){.table = (unsigned)i};
        if (apart) {
            l->partition = partition_text(s->conf, i, &s->arena);
            LEAT_TRY(stored(s, l->partition, pos, n, &l->n, e));
        }
        if (l->n < whole) l->n = whole;
        if (l->n < least) least = l->n;
    }
    s->n = least;
    return LEAT_OK;
}

static leat_rc open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e)
{
    const datagen_conf *conf = t->conf;
    datagen *s = leat_zalloc(1, sizeof *s);
    t->priv = s;
    s->conf = conf;
    s->shape.keys = (uint64_t)conf->keys;
    s->shape.deletes = (uint32_t)conf->deletes;
    s->shape.seed = (uint64_t)conf->seed;
    s->shared = t->of > 1;
    leat_arena_init(&s->arena, 0);
    leat_rc rc = leat_datagen_shape_parse(conf->columns, &s->shape, e);
    if (rc == LEAT_OK) rc = resume(s, t, pos, n, e);
    if (leat_rc_failed(rc)) {
        close_source(t);
        return rc;
    }
    s->origin = leat_datagen_origin(t->connector, conf->prefix, t->run_id);
    s->tables = LEAT_NEW(&s->arena, leat_table *, conf->tables);
    s->seqs = LEAT_NEW(&s->arena, table_seq, conf->tables);
    for (unsigned i = 0; i < s->nlanes; i++) {
        unsigned table = s->lanes[i].table;
        s->tables[table] = leat_datagen_table(s->origin, conf->prefix, table + 1, &s->shape);
    }
    s->rate =
        s->shared && conf->rate ? conf->rate / t->of + (t->id < conf->rate % t->of) : conf->rate;
    s->began_us = leat_mono_us();
    return LEAT_OK;
}

/* ---- reading ---- */

/* How many changes are due; waits for the first at most wait_ms. */
static uint64_t due(datagen *s, int wait_ms)
{
    bool floods =
        s->conf->fault == LEAT_DATAGEN_FLOOD && s->made >= (uint64_t)s->conf->fault_events;
    if (s->conf->rate == 0 || floods) return UINT64_MAX;
    int64_t until = leat_mono_us() + (int64_t)wait_ms * 1000;
    for (;;) {
        int64_t now = leat_mono_us();
        uint64_t want = (uint64_t)((double)(now - s->began_us) / 1e6 * (double)s->rate);
        if (want > s->made) return want - s->made;
        if (now >= until) return 0;
        int64_t step = s->rate > 0 ? 1000000 / s->rate + 1 : until - now;
        leat_sleep_us(step < until - now ? step : until - now);
    }
}

/* The change n, number seq (from 0) of transaction tx. */
static void make(datagen *s, leat_batch *b, uint64_t n, unsigned table, uint64_t tx, uint64_t seq,
                 int64_t now)
{
    table_seq *of_table = &s->seqs[table];
    leat_event *ev = leat_batch_add(b, s->tables[table]);
    leat_value *src = leat_arena_alloc(&b->arena, sizeof *src, _Alignof(leat_value));
    *src = leat_int((int64_t)n);
    leat_datagen_change(&s->shape, n, &b->arena, ev);
    ev->src = src;
    ev->ts_us = ev->seen_us = now;
    ev->tx = tx;
    ev->tx_seq = (uint32_t)seq + 1;
    if (of_table->tx != tx) *of_table = (table_seq){.tx = tx};
    ev->tx_table_seq = ++of_table->n;
    s->made++;
    LEAT_COUNT(b, leat_batch_tally(b, s->tables[table]), received, 1);
}

static void safe(datagen *s, leat_batch *b, leat_str partition, uint64_t n)
{
    leat_buf_clear(&s->offset);
    leat_buf_printf(&s->offset, "{\"n\":%llu}", (unsigned long long)n);
    leat_batch_safe(b, (leat_position){partition, leat_buf_str(&s->offset)});
}

/* The only task: all tables in turn. What was done of a table when there were others is left out.
 */
static void make_whole(datagen *s, leat_batch *b, uint64_t most, int64_t now)
{
    uint64_t size = (uint64_t)s->conf->tx_size, end = last_of(s->conf);
    for (bool done = false; !done;) {
        unsigned table = table_of(s->conf, s->n);
        if (s->n >= s->lanes[table].n) make(s, b, s->n, table, s->n / size + 1, s->n % size, now);
        s->n++;
        bool last = s->n == end;
        bool ends = s->n % size == 0 || last;
        bool enough = last || b->n >= most || leat_batch_full(b);
        done = enough && (ends || size > TX_WHOLE);
        if (ends && (done || size > TX_WHOLE)) safe(s, b, s->partition, s->n);
    }
}

/* One of several tasks: one of its tables. The transactions' numbers have the table in their upper
 * half, so that they are those of no other. */
static void make_lane(datagen *s, lane *l, leat_batch *b, uint64_t most, int64_t now)
{
    uint64_t size = (uint64_t)s->conf->tx_size, end = last_of(s->conf);
    uint64_t n = next_of(s->conf, l->table, l->n);
    for (bool done = false; !done;) {
        uint64_t rank = rank_of(s->conf, l->table, n);
        make(s, b, n, l->table, ((uint64_t)l->table + 1) << 32 | (rank / size + 1), rank % size,
             now);
        l->n = n + 1;
        n = next_of(s->conf, l->table, l->n);
        bool last = n >= end;
        bool ends = (rank + 1) % size == 0 || last;
        bool enough = last || b->n >= most || leat_batch_full(b);
        done = enough && (ends || size > TX_WHOLE);
        if (ends && (done || size > TX_WHOLE)) safe(s, b, l->partition, l->n);
    }
}

/* The lane whose turn it is; one that is inside a transaction goes on. NULL: all are done. */
static lane *choose(datagen *s)
{
    for (unsigned i = 0; i < s->nlanes; i++) {
        lane *l = &s->lanes[(s->turn + i) % s->nlanes];
        if (lane_done(s, l)) continue;
        s->turn = (s->turn + i) % s->nlanes;
        return l;
    }
    return NULL;
}

static leat_rc read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    (void)e;
    datagen *s = t->priv;
    if (s->conf->fault && s->made >= (uint64_t)s->conf->fault_events)
        leat_datagen_go_wrong((leat_datagen_fault)s->conf->fault);
    lane *l = s->shared ? choose(s) : NULL;
    if (s->shared ? !l : s->n >= last_of(s->conf)) {
        if (!s->conf->stay) return LEAT_PENDING;
        leat_sleep_us((int64_t)wait_ms * 1000);
        return LEAT_AGAIN;
    }
    uint64_t n = due(s, wait_ms);
    if (n == 0) return LEAT_AGAIN;
    if (!l) {
        make_whole(s, b, n, leat_now_us());
    } else {
        make_lane(s, l, b, n, leat_now_us());
        if (b->nsafe == b->n) s->turn = (s->turn + 1) % s->nlanes;
    }
    b->tx_open = b->nsafe < b->n;
    return LEAT_OK;
}

/* For `once`: the number of changes there will be. */
static leat_rc end(leat_task *t, leat_arena *a, leat_str *out, leat_err *e)
{
    const datagen_conf *conf = t->conf;
    if (conf->events == 0)
        return leat_fail(e, LEAT_CONF, "config.datagen", "datagen.events",
                         "there is no end to run to: set datagen.events, or run without --once");
    *out = leat_str_of(leat_arena_printf(a, "%lld", (long long)conf->events));
    return LEAT_OK;
}

/* Of several tasks, each has passed when all is durable of what it made, and that is all. */
static bool passed(leat_task *t, leat_str last, const leat_position *pos, size_t n)
{
    datagen *s = t->priv;
    int64_t of = 0;
    uint64_t at;
    leat_err err;
    if (!leat_str_i64(last, &of)) return false;
    if (!s->shared)
        return stored(s, s->partition, pos, n, &at, &err) == LEAT_OK && at >= (uint64_t)of;
    for (unsigned i = 0; i < s->nlanes; i++)
        if (!lane_done(s, &s->lanes[i])) return false;
    for (unsigned i = 0; i < s->nlanes; i++) {
        const lane *l = &s->lanes[i];
        if (next_of(s->conf, l->table, 0) >= (uint64_t)of) continue; /* it has no change at all */
        uint64_t whole;
        if (stored(s, l->partition, pos, n, &at, &err) != LEAT_OK) return false;
        if (stored(s, s->partition, pos, n, &whole, &err) != LEAT_OK) return false;
        if (next_of(s->conf, l->table, at > whole ? at : whole) < (uint64_t)of) return false;
    }
    return true;
}

/* By table. */
static unsigned split(const void *p, unsigned max)
{
    const datagen_conf *conf = p;
    return conf->tables < max ? (unsigned)conf->tables : max;
}

static leat_rc ack(leat_task *t, leat_position pos, leat_err *e)
{
    (void)t;
    (void)pos;
    (void)e;
    return LEAT_OK;
}

static int64_t changes_of(leat_str offset)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    int64_t n = -1;
    if (offset.s && leat_json_parse(&a, offset, &j, NULL) == LEAT_OK)
        n = leat_json_get_i64(j, "n", -1);
    leat_arena_free(&a);
    return n;
}

/* One of this connector's partitions: of all tables, or of one. */
static bool own_partition(const datagen_conf *conf, leat_str partition, bool *whole, leat_arena *a)
{
    *whole = leat_str_eq(partition, partition_text(conf, -1, a));
    for (int64_t i = 0; !*whole && i < conf->tables; i++)
        if (leat_str_eq(partition, partition_text(conf, i, a))) return true;
    return *whole;
}

/* A place inside a transaction would cut it in two: it begins with the next change. Of a table
 * alone any number will do. */
static leat_rc offset_check(const void *p, leat_position now, leat_position to, leat_arena *a,
                            leat_position *out, const char **note, leat_err *e)
{
    const datagen_conf *conf = p;
    const leat_json *j = NULL;
    bool whole = false;
    *note = NULL;
    *out = to;
    if (!to.offset.s) return LEAT_OK;
    if (!own_partition(conf, to.partition, &whole, a))
        return leat_fail(e, LEAT_CONF, "datagen.position", "partition",
                         LEAT_STR_FMT " is no partition of this connector; expected " LEAT_STR_FMT,
                         LEAT_STR_ARG(to.partition), LEAT_STR_ARG(partition_text(conf, -1, a)));
    LEAT_TRY(leat_json_parse(a, to.offset, &j, e));
    int64_t n = leat_json_get_i64(j, "n", -1), was = changes_of(now.offset);
    bool more = j->child && j->child->next;
    if (n < 0 || more || (whole && n % conf->tx_size != 0))
        return leat_fail(e, LEAT_CONF, "datagen.position", "offset",
                         LEAT_STR_FMT
                         " is no place of datagen's; expected {\"n\":N}, the number of "
                         "changes made, at a transaction's end: a multiple of %lld",
                         LEAT_STR_ARG(to.offset), (long long)conf->tx_size);
    out->offset = leat_str_of(leat_arena_printf(a, "{\"n\":%lld}", (long long)n));
    if (was >= 0 && n > was)
        *note = leat_arena_printf(a, "%lld changes are skipped", (long long)(n - was));
    if (was >= 0 && n < was)
        *note = leat_arena_printf(a, "%lld changes come again", (long long)(was - n));
    return LEAT_OK;
}

static void offset_text(leat_str offset, leat_buf *out)
{
    int64_t n = changes_of(offset);
    if (n >= 0) leat_buf_printf(out, "%lld changes made", (long long)n);
}

const leat_source leat_source_datagen = {
    .abi = LEAT_SOURCE_ABI,
    .size = sizeof(leat_source),
    .name = "datagen",
    .title = "Data generator",
    .help = "Makes changes up: tables of any shape, at any rate, in transactions, the same for the "
            "same seed. For tests, benches and trying things out.",
    .version = "1",
    .options = tables,
    .conf_size = sizeof(datagen_conf),
    .validate = validate,
    .check = check,
    .tasks = split,
    .discover = discover,
    .open = open_source,
    .read = read_source,
    .ack = ack,
    .end = end,
    .passed = passed,
    .close = close_source,
    .offset_check = offset_check,
    .offset_text = offset_text,
};

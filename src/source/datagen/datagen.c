/* The datagen source: changes made up on the spot, at a rate, in transactions, always the same for
 * a seed. For tests, benches, and users who want to try sinks without a database.
 *
 * The position is the number of changes made, {"n":N}, at a transaction's end; a restart goes on
 * there. With datagen.events it ends. Run by the task's thread. */
#include <ctype.h>

#include "base/clock.h"
#include "base/json.h"
#include "source/datagen/rows.h"
#include "source/source.h"

/* Transactions up to so many changes are never cut by a batch's end. */
enum { TX_WHOLE = 1024 };

typedef struct datagen_conf {
    const char *prefix, *columns;
    int64_t rate, events, keys, deletes, tx_size, tables, seed;
} datagen_conf;

/* How many changes of a table the transaction tx has had. A restart is always at the start of a
 * transaction, so this need not be remembered. */
typedef struct table_seq {
    uint64_t tx;
    uint32_t n;
} table_seq;

typedef struct datagen {
    const datagen_conf *conf;
    leat_datagen_shape shape;
    leat_origin *origin;
    leat_table **tables;
    table_seq *seqs; /* beside tables */
    leat_buf partition, offset;
    uint64_t n;       /* changes made */
    int64_t began_us; /* the rate counts from here ... */
    uint64_t began_n; /* ... and this change */
} datagen;

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
     .help = "How many tables the changes go to, in turn by key."},
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
        *t = (leat_catalog_table){.db = "datagen",
                                  .kind = "table",
                                  .rows = -1,
                                  .captured = true,
                                  .name = leat_arena_printf(out->a, "t%lld", (long long)i)};
        *out->tail = t;
        out->tail = &t->next;
    }
    return LEAT_OK;
}

static void close_source(leat_task *t)
{
    datagen *s = t->priv;
    for (int64_t i = 0; s->tables && i < s->conf->tables; i++) leat_table_unpin(s->tables[i]);
    if (s->origin) leat_origin_unpin(s->origin);
    leat_free(s->tables);
    leat_free(s->seqs);
    leat_buf_free(&s->partition);
    leat_buf_free(&s->offset);
    leat_free(s);
    t->priv = NULL;
}

/* The n of the stored position of this prefix. */
static leat_rc resume(datagen *s, const leat_position *pos, size_t n, leat_err *e)
{
    for (size_t i = 0; i < n; i++) {
        if (!leat_str_eq(pos[i].partition, leat_buf_str(&s->partition)) || !pos[i].offset.s)
            continue;
        leat_arena a;
        leat_arena_init(&a, 0);
        const leat_json *j;
        leat_rc rc = leat_json_parse(&a, pos[i].offset, &j, e);
        int64_t at = rc == LEAT_OK ? leat_json_get_i64(j, "n", -1) : -1;
        leat_arena_free(&a);
        if (at < 0)
            return leat_fail(e, LEAT_CONF, "datagen.position", s->conf->prefix,
                             "the stored position " LEAT_STR_FMT " is none of datagen's: {\"n\":N}",
                             LEAT_STR_ARG(pos[i].offset));
        s->n = (uint64_t)at;
    }
    return LEAT_OK;
}

static void write_partition(const datagen_conf *conf, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "datagen", conf->prefix);
    leat_jw_end(&w);
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
    write_partition(conf, &s->partition);
    leat_rc rc = leat_datagen_shape_parse(conf->columns, &s->shape, e);
    if (rc == LEAT_OK) rc = resume(s, pos, n, e);
    if (leat_rc_failed(rc)) {
        close_source(t);
        return rc;
    }
    s->origin = leat_datagen_origin(t->connector, conf->prefix, t->run_id);
    s->tables = leat_zalloc((size_t)conf->tables, sizeof *s->tables);
    s->seqs = leat_zalloc((size_t)conf->tables, sizeof *s->seqs);
    for (int64_t i = 0; i < conf->tables; i++)
        s->tables[i] = leat_datagen_table(s->origin, conf->prefix, (unsigned)i + 1, &s->shape);
    s->began_us = leat_mono_us();
    s->began_n = s->n;
    return LEAT_OK;
}

/* How many changes are due; waits for the first at most wait_ms. */
static uint64_t due(datagen *s, int wait_ms)
{
    uint64_t left = s->conf->events ? (uint64_t)s->conf->events - s->n : UINT64_MAX;
    if (s->conf->rate == 0) return left;
    int64_t until = leat_mono_us() + (int64_t)wait_ms * 1000;
    for (;;) {
        int64_t now = leat_mono_us();
        double made = (double)(now - s->began_us) / 1e6 * (double)s->conf->rate;
        uint64_t want = s->began_n + (uint64_t)made;
        if (want > s->n) return want - s->n < left ? want - s->n : left;
        if (now >= until) return 0;
        int64_t step = 1000000 / s->conf->rate + 1;
        leat_sleep_us(step < until - now ? step : until - now);
    }
}

static void make(datagen *s, leat_batch *b, int64_t now)
{
    uint64_t size = (uint64_t)s->conf->tx_size;
    uint64_t place = s->shape.keys ? s->n % s->shape.keys : s->n;
    uint64_t table = place % (uint64_t)s->conf->tables;
    table_seq *seq = &s->seqs[table];
    leat_event *ev = leat_batch_add(b, s->tables[table]);
    leat_value *src = leat_arena_alloc(&b->arena, sizeof *src, _Alignof(leat_value));
    *src = leat_int((int64_t)s->n);
    leat_datagen_change(&s->shape, s->n, &b->arena, ev);
    ev->src = src;
    ev->ts_us = ev->seen_us = now;
    ev->tx = s->n / size + 1;
    ev->tx_seq = (uint32_t)(s->n % size) + 1;
    if (seq->tx != ev->tx) *seq = (table_seq){.tx = ev->tx};
    ev->tx_table_seq = ++seq->n;
    s->n++;
    b->counts.received++;
}

static void safe(datagen *s, leat_batch *b)
{
    leat_buf_clear(&s->offset);
    leat_buf_printf(&s->offset, "{\"n\":%llu}", (unsigned long long)s->n);
    leat_batch_safe(b, (leat_position){leat_buf_str(&s->partition), leat_buf_str(&s->offset)});
}

static leat_rc read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e)
{
    (void)e;
    datagen *s = t->priv;
    uint64_t size = (uint64_t)s->conf->tx_size;
    if (s->conf->events && s->n >= (uint64_t)s->conf->events) return LEAT_PENDING;
    uint64_t n = due(s, wait_ms);
    if (n == 0) return LEAT_AGAIN;
    int64_t now = leat_now_us();
    for (bool done = false; !done;) {
        make(s, b, now);
        bool last = s->conf->events && s->n == (uint64_t)s->conf->events;
        bool ends = s->n % size == 0 || last;
        bool enough = last || b->n >= n || leat_batch_full(b);
        done = enough && (ends || size > TX_WHOLE);
        if (ends && (done || size > TX_WHOLE)) safe(s, b);
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

static bool passed(leat_task *t, leat_str last, leat_position pos)
{
    (void)t;
    int64_t of = 0;
    return leat_str_i64(last, &of) && changes_of(pos.offset) >= of;
}

static leat_rc ack(leat_task *t, leat_position pos, leat_err *e)
{
    (void)t;
    (void)pos;
    (void)e;
    return LEAT_OK;
}

/* What is stored of n changes made. */
static leat_position position_of(const datagen_conf *conf, int64_t n, leat_arena *a)
{
    leat_buf text = {0};
    leat_position out = {0};
    write_partition(conf, &text);
    out.partition = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    if (n >= 0) out.offset = leat_str_of(leat_arena_printf(a, "{\"n\":%lld}", (long long)n));
    return out;
}

/* A place inside a transaction would cut it in two: it begins with the next change. */
static leat_rc offset_check(const void *p, leat_position now, leat_position to, leat_arena *a,
                            leat_position *out, const char **note, leat_err *e)
{
    const datagen_conf *conf = p;
    const leat_json *j = NULL;
    leat_position ours = position_of(conf, -1, a);
    if (to.offset.s && !leat_str_eq(to.partition, ours.partition))
        return leat_fail(e, LEAT_CONF, "datagen.position", "partition",
                         LEAT_STR_FMT " is no partition of this connector; expected " LEAT_STR_FMT,
                         LEAT_STR_ARG(to.partition), LEAT_STR_ARG(ours.partition));
    *note = NULL;
    *out = to;
    if (!to.offset.s) return LEAT_OK;
    LEAT_TRY(leat_json_parse(a, to.offset, &j, e));
    int64_t n = leat_json_get_i64(j, "n", -1), was = changes_of(now.offset);
    bool more = j->child && j->child->next;
    if (n < 0 || more || n % conf->tx_size != 0)
        return leat_fail(e, LEAT_CONF, "datagen.position", "offset",
                         LEAT_STR_FMT
                         " is no place of datagen's; expected {\"n\":N}, the number of "
                         "changes made, at a transaction's end: a multiple of %lld",
                         LEAT_STR_ARG(to.offset), (long long)conf->tx_size);
    *out = position_of(conf, n, a);
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

static leat_rc forget(const void *conf, leat_err *e)
{
    (void)conf;
    (void)e;
    return LEAT_OK;
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
    .discover = discover,
    .open = open_source,
    .read = read_source,
    .ack = ack,
    .end = end,
    .passed = passed,
    .close = close_source,
    .forget = forget,
    .offset_check = offset_check,
    .offset_text = offset_text,
};

/* What is compared with what: connectors, topics and tables; see the header. */
#include <strings.h>

#include "base/clock.h"
#include "capture/columns.h"
#include "capture/filter.h"
#include "prove/verify/part.h"
#include "stream/topics.h"

const char *leat_verify_kind_name(leat_verify_kind kind)
{
    static const char *const names[] = {"missing", "extra", "different", "repeated", "undecided"};
    return names[kind];
}

/* Its setup as it is in force, and what that was made of. */
static leat_rc stored(leat_verify *v, const char *name, leat_config **config, leat_setup *out,
                      leat_err *e)
{
    leat_state *s = NULL;
    LEAT_TRY(leat_state_open(v->conf->data, name, true, &s, e));
    leat_rc rc = leat_setup_stored(s, name, &v->arena, config, out, e);
    leat_state_close(s);
    return rc;
}

static leat_rc refuse(const char *name, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "verify.changed", name,
                     "its option %s changes or leaves out what it takes on purpose: source and "
                     "target are not to be equal, and cannot be compared",
                     what);
}

/* Options of the source by which rows and values differ on purpose. */
static leat_rc refuse_changes(const char *name, const leat_setup *s, leat_err *e)
{
    const leat_capture_conf *c = s->source->capture ? s->source->capture(s->conf) : NULL;
    const char *what = s->transforms ? "transforms" : NULL;
    if (c && c->overrides.n > 0) what = "snapshot.select.statement.overrides";
    uint32_t skipped = c ? leat_capture_skipped(c) : 0;
    for (const char *op = "cud"; *op; op++)
        if (leat_capture_skips(skipped, (leat_op)*op)) what = "skipped.operations";
    return what ? refuse(name, what, e) : LEAT_OK;
}

/* One of the sink's sources. */
typedef struct origin {
    const char *name;
    leat_config *config;
    leat_setup setup;
    leat_catalog catalog;
} origin;

/* A table that the sink takes, and where its changes go. */
typedef struct match {
    struct match *next;
    const origin *from;
    const leat_catalog_table *table;
    const char *schema, *name; /* of the target; schema NULL: the connection's */
} match;

static leat_rc take_source(leat_verify *v, origin *o, leat_err *e)
{
    LEAT_TRY(stored(v, o->name, &o->config, &o->setup, e));
    const leat_source *source = o->setup.source;
    if (!source || !source->compare || !source->chunks || !source->discover)
        return leat_fail(
            e, LEAT_CONF, "verify.source", o->name,
            "a source of this kind cannot be verified yet; PostgreSQL, MySQL and MariaDB "
            "by their logs can");
    LEAT_TRY(refuse_changes(o->name, &o->setup, e));
    o->catalog.a = &v->arena;
    o->catalog.tail = &o->catalog.first;
    return source->discover(o->setup.conf, &o->catalog, e);
}

static leat_rc open_source(leat_verify *v, const origin *o, leat_err *e)
{
    v->source_name = o->name;
    v->source_setup = o->setup;
    const leat_capture_conf *c = o->setup.source->capture(o->setup.conf);
    LEAT_TRY(leat_filter_new(&v->arena, c, &v->filter, e));
    LEAT_TRY(leat_columns_new(&v->arena, c, &v->columns, e));
    return o->setup.source->compare(o->setup.conf, "leat verify", &v->source, e);
}

/* Of a sink its target, of a source its stream. */
static leat_rc open_target(leat_verify *v, leat_err *e)
{
    leat_config *config;
    LEAT_TRY(stored(v, v->conf->name, &config, &v->sink_setup, e));
    const leat_sink *sink = v->sink_setup.sink;
    if (!sink && v->sink_setup.kafka)
        return leat_fail(e, LEAT_CONF, "verify.kafka", v->conf->name,
                         "its stream is in Kafka, and is not folded here: name a sink");
    if (!sink) return leat_verify_fold_open(v, e);
    if (v->sink_setup.kafka)
        return leat_fail(e, LEAT_CONF, "verify.kafka", v->conf->name,
                         "it reads its topics of Kafka: what it has to hold is not known here");
    if (v->sink_setup.transforms) return refuse(v->conf->name, "transforms", e);
    if (!sink->compare)
        return leat_fail(
            e, LEAT_CONF, "verify.sink", v->conf->name,
            "a sink of this kind has no target that can be read; relational ones have");
    return sink->compare->open(v->sink_setup.conf, "leat verify", &v->arena, &v->target, e);
}

/* ---- tables ---- */

static const char *source_name(leat_verify *v, const leat_catalog_table *t)
{
    return leat_arena_printf(&v->arena, "%s.%s", t->schema ? t->schema : t->db, t->name);
}

static bool wanted(const leat_verify *v, const char *table)
{
    if (!v->conf->tables) return true;
    for (const char *const *t = v->conf->tables; *t; t++)
        if (strcmp(*t, table) == 0) return true;
    return false;
}

/* A target makes a table with its first row: it has none of one that is empty at the source. */
static leat_rc is_empty(leat_verify *v, const leat_compare_table *s, bool *empty, leat_err *e)
{
    const uint64_t *running;
    size_t nrunning;
    leat_err ignored;
    const leat_str *key = NULL;
    const leat_compare_field first = {
        .name = s->columns[0].name, .canon = LEAT_CANON_TEXT, .kind = LEAT_COMPARE_OTHER};
    const leat_compare_plan plan = {.table = s, .fields = &first, .n = 1, .nkey = 1};
    const leat_compare_range all = {0};
    leat_arena_reset(&v->view_arena, 1 << 16);
    LEAT_TRY(v->source->begin(v->source, &v->view_arena, &v->view, &running, &nrunning, e));
    v->told.at_us = leat_now_us();
    leat_verify_view_put(v);
    leat_rc rc = v->source->bound(v->source, &plan, &all, 0, &v->arena, &key, e);
    leat_rc end = v->source->end(v->source, rc == LEAT_OK ? e : &ignored);
    *empty = key == NULL;
    return rc == LEAT_OK ? end : rc;
}

/* The view shows rows, and the target has no table for them: a fold gets it with the first one. */
static leat_rc await_rows(leat_verify *v, leat_compare_table *t, leat_err *e)
{
    if (!v->fold)
        return leat_fail(e, LEAT_CONF, "verify.table_missing", v->told.target,
                         "the target has no such table, which changes of %s go to: nothing was "
                         "delivered yet, or it was dropped",
                         v->told.source);
    LEAT_TRY(leat_verify_passed(v, &v->view, e));
    LEAT_TRY(v->target->describe(v->target, t, &v->arena, e));
    if (t->n > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "verify.table_missing", v->told.topic,
                     "the stream holds nothing of %s, which has rows: no snapshot has read it. Ask "
                     "for one by the signal execute-snapshot, or name the tables to compare",
                     v->told.source);
}

static leat_rc compare_table(leat_verify *v, const match *m, leat_err *e)
{
    const leat_catalog_table *c = m->table;
    leat_compare_table *s = LEAT_NEW(&v->arena, leat_compare_table, 1);
    leat_compare_table *t = LEAT_NEW(&v->arena, leat_compare_table, 1);
    *s = (leat_compare_table){.schema = c->schema ? c->schema : c->db, .name = c->name};
    *t = (leat_compare_table){.schema = m->schema, .name = m->name};
    v->told = (leat_verify_table){
        .source = source_name(v, c),
        .target = v->fold     ? c->topic
                  : t->schema ? leat_arena_printf(&v->arena, "%s.%s", t->schema, t->name)
                              : t->name,
        .topic = c->topic,
        .skipped = "",
        .view = ""};
    if (!wanted(v, v->told.source) || leat_verify_fold_lacks(v, c->topic)) return LEAT_PENDING;
    LEAT_TRY(v->source->describe(v->source, s, &v->arena, e));
    LEAT_TRY(v->target->describe(v->target, t, &v->arena, e));
    if (s->n == 0) return LEAT_PENDING; /* dropped just now */
    if (t->n == 0) {
        bool empty;
        LEAT_TRY(is_empty(v, s, &empty, e));
        if (empty && v->conf->watch.table) v->conf->watch.table(v->conf->watch.arg, &v->told);
        if (empty) return LEAT_OK;
        LEAT_TRY(await_rows(v, t, e));
    }
    LEAT_TRY(leat_verify_columns(v, s, t, e));
    LEAT_TRY(leat_verify_table_run(v, c->rows, e));
    v->found += v->told.differences;
    v->undecided += v->told.undecided;
    if (v->conf->watch.table) v->conf->watch.table(v->conf->watch.arg, &v->told);
    return LEAT_OK;
}

static bool same_name(const leat_verify *v, const char *x, const char *y)
{
    return (v->target->folds ? strcasecmp(x, y) : strcmp(x, y)) == 0;
}

/* Rows of one table would be too much for the other, and a repair would remove them. */
static leat_rc refuse_shared(const leat_verify *v, const match *m, const match *others, leat_err *e)
{
    for (const match *o = others; o; o = o->next) {
        bool named = m->schema && o->schema && !same_name(v, m->schema, o->schema);
        if (named || !same_name(v, m->name, o->name)) continue;
        if (v->fold)
            return leat_fail(e, LEAT_CONF, "verify.shared", m->name,
                             "%s and %s are one name where a stream is folded, by which names that "
                             "differ by case, dots and underscores alone are the same: name one of "
                             "them, or verify a sink of them",
                             o->table->topic, m->table->topic);
        return leat_fail(e, LEAT_CONF, "verify.shared", m->name,
                         "changes of %s and of %s go to this one table: which of its rows are "
                         "whose is not known, and none of the two can be compared. Give each a "
                         "table of its own by table.name.format (collection.name.format)",
                         o->table->topic, m->table->topic);
    }
    return LEAT_OK;
}

/* Adds all tables of one source that the sink takes. */
static leat_rc match_tables(leat_verify *v, const origin *o, match **all, leat_err *e)
{
    const leat_sink *sink = v->sink_setup.sink;
    match **tail = all;
    while (*tail) tail = &(*tail)->next;
    for (const leat_catalog_table *c = o->catalog.first; c; c = c->next) {
        bool has = v->fold && c->captured && c->topic && wanted(v, source_name(v, c));
        if (c->captured && c->topic && !v->fold)
            LEAT_TRY(leat_wanted_has(&v->sink_setup.wanted, c->topic, &has, e));
        if (!has) continue;
        match *m = LEAT_NEW(&v->arena, match, 1);
        leat_table like = {.topic = c->topic, .db = c->db, .schema = c->schema, .name = c->name};
        *m = (match){.from = o, .table = c};
        sink->compare->table(v->sink_setup.conf, &like, &v->arena, &m->schema, &m->name);
        LEAT_TRY(refuse_shared(v, m, *all, e));
        *tail = m;
        tail = &m->next;
    }
    return LEAT_OK;
}

static leat_rc compare_source(leat_verify *v, const origin *o, const match *all, unsigned *tables,
                              leat_err *e)
{
    LEAT_TRY(open_source(v, o, e));
    for (const match *m = all; m; m = m->next) {
        if (m->from != o) continue;
        leat_rc rc = compare_table(v, m, e);
        LEAT_TRY(rc);
        *tables += rc == LEAT_OK;
    }
    return LEAT_OK;
}

/* Rows that no snapshot reads are in the table alone. */
static leat_rc refuse_without_rows(leat_verify *v, const origin *o, const match *m, leat_err *e)
{
    static const char *const modes[] = {"no_data", "never", "schema_only"};
    const leat_capture_conf *c = o->setup.source->capture(o->setup.conf);
    const char *mode = leat_props_get(&o->config->props, "snapshot.mode");
    const leat_catalog_table *t = m->table;
    bool in = true, based = mode && strcasecmp(mode, "configuration_based") == 0;
    const char *option =
        based && !c->based_data ? "snapshot.mode.configuration.based.snapshot.data" : NULL;
    for (size_t i = 0; mode && i < sizeof modes / sizeof *modes; i++)
        if (strcasecmp(mode, modes[i]) == 0) option = "snapshot.mode";
    LEAT_TRY(leat_filter_snapshot(v->filter, t->schema ? t->schema : t->db, t->name, &in, e));
    if (!in) option = "snapshot.include.collection.list";
    if (!option) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "verify.snapshot", m->table->topic,
                     "by %s no snapshot reads the table: rows that were there before the first "
                     "change are not in the stream, and the table cannot be compared with it",
                     option);
}

/* Folds the topics of all tables that are to be compared. */
static leat_rc fold(leat_verify *v, const origin *o, const match *all, leat_err *e)
{
    size_t n = 0;
    for (const match *m = all; m; m = m->next) n++;
    const char **topics = LEAT_NEW(&v->arena, const char *, n + 1);
    LEAT_TRY(leat_filter_new(&v->arena, o->setup.source->capture(o->setup.conf), &v->filter, e));
    n = 0;
    for (const match *m = all; m; m = m->next) {
        LEAT_TRY(refuse_without_rows(v, o, m, e));
        topics[n++] = m->table->topic;
    }
    return n > 0 ? leat_verify_fold_begin(v, topics, n, e) : LEAT_OK;
}

/* The sources of the sink's topics, each once. */
static leat_rc find_sources(leat_verify *v, origin **out, unsigned *n, leat_err *e)
{
    leat_opt_list topics;
    if (v->fold) {
        *out = LEAT_NEW(&v->arena, origin, 1);
        (*out)[(*n)++].name = v->conf->name;
        return LEAT_OK;
    }
    LEAT_TRY(leat_wanted_list(&v->sink_setup.wanted, v->conf->data, &v->arena, &topics, e));
    origin *all = *out = LEAT_NEW(&v->arena, origin, topics.n + 1);
    for (size_t i = 0; i < topics.n; i++) {
        const char *name = NULL;
        leat_rc rc =
            leat_topics_claimed(v->conf->data, leat_str_of(topics.v[i]), &v->arena, &name, e);
        LEAT_TRY(rc);
        bool met = rc == LEAT_AGAIN;
        for (unsigned k = 0; k < *n && !met; k++) met = strcmp(all[k].name, name) == 0;
        if (!met) all[(*n)++].name = name;
    }
    return LEAT_OK;
}

static leat_rc compare_all(leat_verify *v, leat_verify_load *load, leat_err *e)
{
    origin *origins;
    match *all = NULL;
    unsigned n = 0, tables = 0;
    LEAT_TRY(find_sources(v, &origins, &n, e));
    for (unsigned i = 0; i < n; i++) {
        LEAT_TRY(take_source(v, &origins[i], e));
        LEAT_TRY(match_tables(v, &origins[i], &all, e));
    }
    if (v->fold) LEAT_TRY(fold(v, &origins[0], all, e));
    v->paced_us = leat_mono_us();
    for (unsigned i = 0; i < n; i++) {
        leat_rc rc = compare_source(v, &origins[i], all, &tables, e);
        if (v->source) {
            load->source_us += v->source->spent_us;
            v->source->close(v->source);
        }
        v->source = NULL;
        LEAT_TRY(rc);
    }
    LEAT_TRY(leat_verify_fold_refused(v, e));
    if (tables > 0) return LEAT_OK;
    return leat_fail(
        e, LEAT_CONF, "verify.nothing", v->conf->name,
        "there is no table to compare: its topics are of no table that is captured, or "
        "--table names none of them as schema.table");
}

leat_rc leat_verify_run(const leat_verify_conf *conf, uint64_t *found, uint64_t *undecided,
                        leat_verify_load *load, leat_err *e)
{
    leat_verify v = {.conf = conf, .began_us = leat_mono_us()};
    *load = (leat_verify_load){0};
    leat_rc rc = open_target(&v, e);
    if (rc == LEAT_OK) rc = compare_all(&v, load, e);
    rc = leat_verify_fold_failed(&v, rc, e);
    if (v.target) {
        load->target_us = v.target->spent_us;
        v.target->close(v.target);
    }
    leat_verify_fold_free(&v);
    load->slept_us = v.slept_us;
    load->took_us = leat_mono_us() - v.began_us;
    *found = v.found;
    *undecided = v.undecided;
    leat_buf *const bufs[] = {&v.skipped, &v.view_text, &v.key, &v.mend};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) leat_buf_free(bufs[i]);
    leat_keyset_free(&v.keys);
    leat_keyset_free(&v.range_keys);
    leat_free(v.suspects);
    leat_free(v.range);
    leat_arena_free(&v.scratch);
    leat_arena_free(&v.view_arena);
    leat_arena_free(&v.arena);
    return rc;
}

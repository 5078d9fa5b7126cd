/* What all tables look like where a connector begins: noted in the schema history, and told.
 *
 *   SET character_set_server=..., collation_server=...
 *   DROP TABLE IF EXISTS `db`.`name`          for each table
 *   DROP DATABASE IF EXISTS `db`              for each database that has any ...
 *   CREATE DATABASE `db` CHARSET ... COLLATE ...
 *   USE `db`
 *   CREATE TABLE ...                          ... and each of its tables
 *
 * The records are those of Debezium's snapshot, of all databases, as it does unless told otherwise.
 * No lock is taken: what a table looks like is noted only if no statement between the place and the
 * log's end concerns it. Tables are read in groups, as batches go. Run by the task's thread. */
#include "base/log.h"
#include "source/mysql/my.h"

enum { GROUP = 200, LOOK_US = 2000000 };

struct leat_my_beginning {
    leat_arena arena; /* of the list */
    leat_my_relation *rels;
    size_t n, at;
    enum { SETS, DROPS, CREATES, DONE } phase;
    bool quiet;       /* nothing is told, all is only noted */
    const char *db;   /* that the last CREATE TABLE was in; NULL: none yet */
    size_t last;      /* of the tables that are told, the last one */
    size_t noted;     /* tables that were noted ... */
    size_t unsure;    /* ... and those that were altered meanwhile */
    leat_arena group; /* descriptions of a group */
    leat_my_rel *seen[GROUP];
    leat_my_noted notes[GROUP];
    size_t ngroup;
};

void leat_my_beginning_free(leat_my_beginning *n)
{
    if (!n) return;
    leat_arena_free(&n->arena);
    leat_arena_free(&n->group);
    leat_free(n);
}

/* ---- which ---- */

/* The table is told as a record. */
static leat_rc is_told(const leat_my_source *s, const leat_my_relation *r, bool *yes, leat_err *e)
{
    *yes = false;
    return !s->beginning->quiet ? leat_my_history_wants(s, r->db, r->name, yes, e) : LEAT_OK;
}

static leat_rc prepare(leat_my_source *s, bool rows, leat_err *e)
{
    leat_my_beginning *n = s->beginning = leat_zalloc(1, sizeof *n);
    bool told;
    n->last = SIZE_MAX;
    n->quiet = s->resumed || !s->conf->capture.schema_changes;
    if (!s->resumed && s->conf->snapshot == LEAT_MY_SNAPSHOT_NEVER) n->phase = DONE;
    if (n->phase == DONE) return LEAT_OK; /* the log tells all */
    LEAT_TRY(leat_my_source_sql(s, e));
    LEAT_TRY(leat_my_relations(&s->sql, &n->arena, &n->rels, &n->n, e));
    for (size_t i = n->n; i > 0 && !rows && n->last == SIZE_MAX; i--) {
        LEAT_TRY(is_told(s, &n->rels[i - 1], &told, e));
        if (told) n->last = i - 1;
    }
    return LEAT_OK;
}

/* ---- records ---- */

/* The database's (NULL: the server's) character set and collation. */
static leat_rc charset_of(leat_my_source *s, const char *db, leat_arena *a, const char **charset,
                          const char **collation, leat_err *e)
{
    leat_my_result r;
    leat_buf sql = {0};
    if (db) {
        leat_buf_str_z(&sql, "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM "
                             "information_schema.SCHEMATA WHERE SCHEMA_NAME = ");
        leat_my_put_text(&sql, leat_str_of(db));
    } else {
        leat_buf_str_z(&sql, "SELECT @@global.character_set_server, @@global.collation_server");
    }
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(&s->sql, "read a character set", sql.p, &r, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    bool row = leat_my_next(&r);
    *charset = row ? leat_arena_str(a, leat_my_cell(&r, 0)).s : "utf8mb4";
    *collation = row ? leat_arena_str(a, leat_my_cell(&r, 1)).s : "utf8mb4_bin";
    leat_my_result_free(&r);
    return LEAT_OK;
}

static const char *quoted(const char *name, leat_arena *a)
{
    leat_buf text = {0};
    leat_my_put_name(&text, leat_str_of(name));
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

static void tell(leat_my_source *s, leat_batch *b, const char *db, const char *ddl,
                 leat_my_told told)
{
    told.db = leat_str_of(db);
    if (!told.snapshot) told.snapshot = "true";
    leat_my_history_put(s, b, leat_str_of(db), leat_str_of(ddl), &told);
}

static leat_rc tell_server(leat_my_source *s, leat_batch *b, leat_err *e)
{
    const char *charset, *collation;
    const leat_my_told none = {.shown = leat_null()};
    if (s->beginning->quiet) return LEAT_OK;
    LEAT_TRY(charset_of(s, NULL, &b->arena, &charset, &collation, e));
    tell(s, b, "",
         leat_arena_printf(&b->arena, "SET character_set_server=%s, collation_server=%s", charset,
                           collation),
         none);
    return LEAT_OK;
}

static leat_rc tell_drop(leat_my_source *s, leat_batch *b, const leat_my_relation *r, leat_err *e)
{
    bool told;
    leat_arena *a = &b->arena;
    LEAT_TRY(is_told(s, r, &told, e));
    if (!told) return LEAT_OK;
    const leat_my_told change = {.type = "DROP",
                                 .name = leat_str_of(r->name),
                                 .shown = leat_text(leat_arena_str(a, leat_str_of(r->name)))};
    tell(s, b, r->db,
         leat_arena_printf(a, "DROP TABLE IF EXISTS %s.%s", quoted(r->db, a), quoted(r->name, a)),
         change);
    return LEAT_OK;
}

static leat_rc tell_database(leat_my_source *s, leat_batch *b, const char *db, leat_err *e)
{
    const char *charset, *collation;
    leat_arena *a = &b->arena;
    const leat_my_told none = {.shown = leat_null()};
    const char *name = quoted(db, a);
    LEAT_TRY(charset_of(s, db, a, &charset, &collation, e));
    tell(s, b, db, leat_arena_printf(a, "DROP DATABASE IF EXISTS %s", name), none);
    tell(s, b, db,
         leat_arena_printf(a, "CREATE DATABASE %s CHARSET %s COLLATE %s", name, charset, collation),
         none);
    tell(s, b, db, leat_arena_printf(a, "USE %s", name), none);
    return LEAT_OK;
}

static leat_rc tell_table(leat_my_source *s, leat_batch *b, const leat_my_relation *r,
                          const leat_my_table *def, leat_err *e)
{
    leat_my_beginning *n = s->beginning;
    if (!n->db || strcmp(n->db, r->db) != 0) LEAT_TRY(tell_database(s, b, r->db, e));
    n->db = r->db;
    const leat_my_told change = {.type = "CREATE",
                                 .name = leat_str_of(r->name),
                                 .table = def,
                                 .snapshot = n->at == n->last ? "last" : NULL,
                                 .shown =
                                     leat_text(leat_arena_str(&b->arena, leat_str_of(r->name)))};
    tell(s, b, r->db, def->create, change);
    return LEAT_OK;
}

/* ---- tables ---- */

static leat_rc one_table(leat_my_source *s, leat_batch *b, const leat_my_relation *r, leat_err *e)
{
    leat_my_beginning *n = s->beginning;
    const leat_my_table *def;
    leat_my_rel *rel;
    bool told;
    LEAT_TRY(is_told(s, r, &told, e));
    LEAT_TRY(leat_my_rel_named(s, leat_str_of(r->db), leat_str_of(r->name), &rel, e));
    if (!told && !rel->captured) return LEAT_OK;
    LEAT_TRY(leat_my_table_read(&s->sql, r->db, r->name, &n->group, &def, e));
    if (!def) return LEAT_OK;
    if (told) LEAT_TRY(tell_table(s, b, r, def, e));
    if (!rel->captured) return LEAT_OK;
    n->seen[n->ngroup] = rel;
    n->notes[n->ngroup++] = (leat_my_noted){.what = "snapshot",
                                            .db = leat_str_of(r->db),
                                            .table = leat_str_of(r->name),
                                            .sql = leat_str_of(def->create),
                                            .def = def};
    return LEAT_OK;
}

/* Notes what is sure of a group that was read. */
static leat_rc note_group(leat_my_source *s, leat_err *e)
{
    leat_my_beginning *n = s->beginning;
    size_t sure = 0;
    leat_rc rc = n->ngroup ? leat_my_ahead_look(s, LOOK_US, e) : LEAT_OK;
    LEAT_TRY(rc);
    for (size_t i = 0; i < n->ngroup && rc == LEAT_OK; i++)
        if (!leat_my_ahead_has(s, n->seen[i], &s->scratch)) n->notes[sure++] = n->notes[i];
    LEAT_TRY(leat_my_schemas_note(s, n->notes, sure, e));
    n->noted += sure;
    n->unsure += n->ngroup - sure;
    n->ngroup = 0;
    leat_arena_reset(&n->group, 1 << 20);
    return LEAT_OK;
}

static leat_rc create_some(leat_my_source *s, leat_batch *b, leat_err *e)
{
    leat_my_beginning *n = s->beginning;
    while (n->at < n->n && n->ngroup < GROUP && !leat_batch_full(b)) {
        LEAT_TRY(one_table(s, b, &n->rels[n->at], e));
        n->at++;
    }
    LEAT_TRY(note_group(s, e));
    if (n->at < n->n) return LEAT_AGAIN;
    leat_log(LEAT_INFO, "mysql.schemas_noted", "tables=%zu altered_meanwhile=%zu", n->noted,
             n->unsure);
    n->phase = DONE;
    return LEAT_OK;
}

leat_rc leat_my_begin(leat_my_source *s, leat_batch *b, bool rows, leat_err *e)
{
    if (!s->beginning) LEAT_TRY(prepare(s, rows, e));
    leat_my_beginning *n = s->beginning;
    if (n->phase == SETS) {
        LEAT_TRY(tell_server(s, b, e));
        n->phase = DROPS;
    }
    for (; n->phase == DROPS && n->at < n->n && !leat_batch_full(b); n->at++)
        LEAT_TRY(tell_drop(s, b, &n->rels[n->at], e));
    if (n->phase == DROPS && n->at == n->n) {
        n->phase = CREATES;
        n->at = 0;
    }
    leat_rc rc = n->phase == CREATES ? create_some(s, b, e) : LEAT_OK;
    if (n->phase != DONE && rc == LEAT_OK) rc = LEAT_AGAIN;
    b->tx_open = rc == LEAT_AGAIN;
    return rc;
}

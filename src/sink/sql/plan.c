/* Plans: pairing of columns, tables that are made, columns that are added; see the header.
 *
 * A table that is made has the source's columns in their order and NOT NULL on its key alone: what
 * the source may send later, it takes. Added columns may be NULL and stand last. */
#include "sink/sql/plan.h"

#include <strings.h>

#include "base/clock.h"
#include "base/log.h"

enum { LOOK_US = 1000000 }; /* between two looks at a table that rows do not fit into */

/* A table of the target by its name. */
typedef struct leat_rdb_found {
    leat_rdb_table table;
    struct leat_rdb_found *next;
} leat_rdb_found;

void leat_rdb_target_close(leat_rdb_target *t)
{
    for (leat_rdb_plan *p = t->plans; p; p = p->next) {
        leat_table_unpin(p->source);
        leat_table_unpin(p->also);
    }
    leat_arena_free(&t->arena);
    t->plans = NULL;
    t->tables = NULL;
}

static bool same(const char *x, const char *y)
{
    return x == y || (x && y && strcmp(x, y) == 0);
}

static leat_rc find_table(leat_rdb_target *t, const leat_table *source, leat_rdb_table **out,
                          leat_err *e)
{
    const char *schema, *name;
    leat_rdb_name(t->conf, source, &t->arena, &schema, &name);
    for (leat_rdb_found *f = t->tables; f; f = f->next)
        if (same(f->table.schema, schema) && same(f->table.name, name)) {
            *out = &f->table;
            return LEAT_OK;
        }
    leat_rdb_found *f = LEAT_NEW(&t->arena, leat_rdb_found, 1);
    f->table.schema = schema;
    f->table.name = name;
    f->table.label = schema ? leat_arena_printf(&t->arena, "%s.%s", schema, name) : name;
    LEAT_TRY(t->conn->dialect->describe(t->conn, &f->table, &t->arena, e));
    f->next = t->tables;
    t->tables = f;
    *out = &f->table;
    return LEAT_OK;
}

/* ---- what a table is now ---- */

static bool same_column(const leat_rdb_column *x, const leat_rdb_column *y)
{
    return same(x->name, y->name) && same(x->type, y->type) && x->form == y->form &&
           x->key == y->key && x->generated == y->generated && x->always == y->always &&
           x->unique == y->unique;
}

static bool same_table(const leat_rdb_table *x, const leat_rdb_table *y)
{
    bool equal = x->exists == y->exists && x->ncolumns == y->ncolumns && x->uniques == y->uniques &&
                 x->merges == y->merges;
    for (uint32_t i = 0; equal && i < x->ncolumns; i++)
        equal = same_column(&x->columns[i], &y->columns[i]);
    return equal;
}

/* Looks the table up again. What was seen before stays, as plans are of it; a look that finds the
 * same keeps nothing. */
static leat_rc look(leat_rdb_target *t, leat_rdb_table *table, leat_err *e)
{
    leat_arena scratch = {0};
    leat_rdb_table now = *table;
    leat_rc rc = t->conn->dialect->describe(t->conn, &now, &scratch, e);
    if (rc == LEAT_OK && !same_table(&now, table)) {
        const leat_rdb_column *from = now.columns;
        now.columns = LEAT_NEW(&t->arena, leat_rdb_column, now.ncolumns + 1);
        for (uint32_t i = 0; i < now.ncolumns; i++) {
            leat_rdb_column *c = &now.columns[i];
            *c = from[i];
            c->name = leat_arena_strdup(&t->arena, c->name);
            c->type = c->type ? leat_arena_strdup(&t->arena, c->type) : NULL;
        }
        now.changes++;
        *table = now;
    }
    leat_arena_free(&scratch);
    return rc;
}

static leat_rc fail_changed(const leat_rdb_table *table, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "sql.table_changed", table->label,
                     "the target's table %s is not what it was: it is looked up again, and all "
                     "since the last commit is written again",
                     table->label);
}

/* ---- columns ---- */

/* "column", or "topic:column". */
static bool lists(const leat_opt_list *list, const leat_table *source, const char *column)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *colon = strrchr(list->v[i], ':');
        if (!colon && strcmp(list->v[i], column) == 0) return true;
        if (!colon || strcmp(colon + 1, column) != 0) continue;
        leat_str topic = {list->v[i], (size_t)(colon - list->v[i])};
        if (leat_str_is(topic, source->topic)) return true;
    }
    return false;
}

static bool is_key(const leat_rdb_conf *conf, const leat_table *source, uint16_t column)
{
    const char *name = source->row->fields[column].name;
    if (conf->pk == LEAT_RDB_PK_NONE) return false;
    bool named = conf->pk_fields.n == 0;
    for (size_t i = 0; i < conf->pk_fields.n; i++)
        if (strcmp(conf->pk_fields.v[i], name) == 0) named = true;
    if (conf->pk == LEAT_RDB_PK_VALUE && conf->pk_fields.n > 0) return named;
    for (uint16_t i = 0; named && i < source->nkey; i++)
        if (source->key_cols[i] == column) return true;
    return false;
}

/* Key columns are written whatever the lists say, as Confluent's does. */
static bool wanted(const leat_rdb_conf *conf, const leat_table *source, uint16_t column)
{
    const char *name = source->row->fields[column].name;
    if (is_key(conf, source, column)) return true;
    if (conf->fields.n > 0 && !lists(&conf->fields, source, name)) return false;
    return !lists(&conf->fields_not, source, name);
}

static const leat_rdb_column *find_column(const leat_rdb_dialect *d, const leat_rdb_table *table,
                                          const char *name)
{
    for (uint32_t i = 0; i < table->ncolumns; i++)
        if (strcmp(table->columns[i].name, name) == 0) return &table->columns[i];
    for (uint32_t i = 0; d->folds && i < table->ncolumns; i++)
        if (strcasecmp(table->columns[i].name, name) == 0) return &table->columns[i];
    return NULL;
}

/* ---- what is made ---- */

/* Where DDL ends the transaction, it would commit the rows in it without the cursor: they are taken
 * back first, and all since the last commit is done again with the new table. *refused: CONF if the
 * server refuses it and the rows that were there are there still. */
static leat_rc run_ddl(leat_rdb_target *t, const char *doing, const char *sql, leat_err *refused,
                       leat_err *e)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    bool gone = d->ddl_commits && t->held;
    *refused = (leat_err){0};
    LEAT_TRY(d->exec(t->conn, doing, d->ddl_commits ? "ROLLBACK" : "SAVEPOINT leat_ddl", e));
    leat_rc rc = d->exec(t->conn, doing, sql, refused);
    if (leat_rc_failed(rc) && (rc != LEAT_CONF || gone)) {
        if (e) *e = *refused;
        return rc;
    }
    if (gone)
        return leat_fail(e, LEAT_RETRY, "sql.table_changed", NULL,
                         "a table was made or changed amid a transaction of the source, which the "
                         "target cannot do inside one of its own: the transaction is written "
                         "again, whole");
    if (d->ddl_commits) return d->exec(t->conn, "begin a transaction", "BEGIN", e);
    if (rc == LEAT_CONF) LEAT_TRY(d->exec(t->conn, doing, "ROLLBACK TO SAVEPOINT leat_ddl", e));
    return d->exec(t->conn, doing, "RELEASE SAVEPOINT leat_ddl", e);
}

/* The source is a system that this dialect is of. */
static bool is_kin(const leat_rdb_dialect *d, const leat_table *source)
{
    const char *origin = source->origin->schema ? source->origin->schema->name : NULL;
    for (size_t i = 0; origin && d->schemes[i]; i++)
        if (strstr(origin, d->schemes[i])) return true;
    return false;
}

/* A column's type; the source's own where the target knows it. */
static leat_rc put_type(leat_rdb_target *t, const leat_table *source, uint16_t column,
                        leat_buf *out, leat_err *e)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    const leat_column *native = NULL;
    bool known = false;
    if (d->knows && is_kin(d, source) && source->cols && source->cols[column].type) {
        LEAT_TRY(d->knows(t->conn, source->cols[column].type, &known, e));
        if (known) native = &source->cols[column];
    }
    bool key = is_key(t->conf, source, column);
    d->type(out, source->row->fields[column].schema, native, key);
    return LEAT_OK;
}

static leat_rc put_columns(leat_rdb_target *t, const leat_table *source, leat_buf *out, leat_err *e)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    unsigned n = 0, keys = 0;
    for (uint16_t i = 0; i < source->row->nfields; i++) {
        if (!wanted(t->conf, source, i)) continue;
        leat_buf_str_z(out, n++ == 0 ? "" : ", ");
        d->quote(out, leat_str_of(source->row->fields[i].name));
        leat_buf_u8(out, ' ');
        LEAT_TRY(put_type(t, source, i, out, e));
        if (is_key(t->conf, source, i)) leat_buf_str_z(out, " NOT NULL");
    }
    for (uint16_t i = 0; i < source->row->nfields; i++) {
        if (!is_key(t->conf, source, i)) continue;
        leat_buf_str_z(out, keys++ == 0 ? ", PRIMARY KEY (" : ", ");
        d->quote(out, leat_str_of(source->row->fields[i].name));
    }
    if (keys > 0) leat_buf_u8(out, ')');
    return LEAT_OK;
}

/* The table, unless p->bad says why there is none. */
static leat_rc create(leat_rdb_target *t, leat_rdb_plan *p, leat_err *e)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    leat_rdb_table *table = p->table;
    leat_buf sql = {0};
    leat_err refused;
    if (!leat_rdb_may_create(t->conf)) {
        leat_fail(&p->bad, LEAT_DATA, "sql.table_missing", table->label,
                  "the target has no table %s, where changes of %s would go. Create it, or set "
                  "auto.create=true (schema.evolution=basic for Debezium's class)",
                  table->label, p->source->topic);
        return LEAT_OK;
    }
    leat_buf_str_z(&sql, "CREATE TABLE ");
    leat_rdb_quote_table(d, &sql, table);
    leat_buf_str_z(&sql, " (");
    leat_rc rc = put_columns(t, p->source, &sql, e);
    leat_buf_u8(&sql, ')');
    if (d->table_end) d->table_end(&sql, t->conn);
    leat_buf_u8(&sql, 0);
    if (rc == LEAT_OK) rc = run_ddl(t, "create a table", sql.p, &refused, e);
    if (rc == LEAT_OK && !leat_rc_failed(refused.rc))
        leat_log(LEAT_INFO, "sql.table_created", "table=\"%s\" %s", table->label, sql.p);
    if (rc == LEAT_OK) rc = look(t, table, e);
    leat_buf_free(&sql);
    if (rc != LEAT_OK || table->exists) return rc; /* another sink may have made it meanwhile */
    p->refused = true;
    leat_fail(&p->bad, LEAT_DATA, "sql.table_missing", table->label,
              "the target has no table %s, where changes of %s would go, and refuses to make it: "
              "%.300s",
              table->label, p->source->topic, refused.msg);
    return LEAT_OK;
}

/* Adds a column; *refused as of run_ddl. */
static leat_rc add_column(leat_rdb_target *t, const leat_rdb_plan *p, uint16_t column,
                          leat_err *refused, leat_err *e)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    leat_buf sql = {0};
    leat_buf_str_z(&sql, "ALTER TABLE ");
    leat_rdb_quote_table(d, &sql, p->table);
    leat_buf_str_z(&sql, " ADD COLUMN ");
    d->quote(&sql, leat_str_of(p->source->row->fields[column].name));
    leat_buf_u8(&sql, ' ');
    leat_rc rc = put_type(t, p->source, column, &sql, e);
    leat_buf_u8(&sql, 0);
    if (rc == LEAT_OK) rc = run_ddl(t, "add a column", sql.p, refused, e);
    if (rc == LEAT_OK && !leat_rc_failed(refused->rc))
        leat_log(LEAT_INFO, "sql.column_added", "table=\"%s\" %s", p->table->label, sql.p);
    leat_buf_free(&sql);
    return rc;
}

/* The first column that rows have and the table has not; the row's nfields: none. */
static uint16_t first_missing(const leat_rdb_target *t, const leat_rdb_plan *p)
{
    const leat_schema *row = p->source->row;
    uint16_t i = 0;
    while (i < row->nfields && (!wanted(t->conf, p->source, i) ||
                                find_column(t->conn->dialect, p->table, row->fields[i].name)))
        i++;
    return i;
}

/* Others may have changed the table since it was looked up: it is looked up before anything is said
 * or done, and behind each column, which another sink may have added as well. Unless p->bad says
 * what it lacks, it has all. */
static leat_rc evolve(leat_rdb_target *t, leat_rdb_plan *p, leat_err *e)
{
    const leat_schema *row = p->source->row;
    const char *table = p->table->label;
    leat_err refused = {0};
    uint16_t missing = first_missing(t, p), tried = UINT16_MAX;
    if (missing == row->nfields) return LEAT_OK;
    LEAT_TRY(look(t, p->table, e));
    while (p->table->exists && (missing = first_missing(t, p)) < row->nfields && missing != tried &&
           leat_rdb_may_evolve(t->conf)) {
        LEAT_TRY(add_column(t, p, missing, &refused, e));
        LEAT_TRY(look(t, p->table, e));
        tried = missing;
    }
    if (!p->table->exists) return fail_changed(p->table, e);
    if (missing == row->nfields) return LEAT_OK;
    p->refused = tried == missing;
    if (p->refused)
        leat_fail(&p->bad, LEAT_DATA, "sql.column_missing", table,
                  "the target's table %s has no column %s, and refuses to add it: %.300s", table,
                  row->fields[missing].name,
                  leat_rc_failed(refused.rc) ? refused.msg : "it cuts a name that is too long");
    else
        leat_fail(&p->bad, LEAT_DATA, "sql.column_missing", table,
                  "the target's table %s has no column %s. Add it, leave it out by "
                  "field.exclude.list, or set auto.evolve=true (schema.evolution=basic)",
                  table, row->fields[missing].name);
    return LEAT_OK;
}

/* ---- the plan ---- */

static void take_field(const leat_rdb_dialect *d, leat_rdb_plan *p, uint16_t column, bool key)
{
    const leat_schema *row = p->source->row;
    const leat_rdb_column *to = find_column(d, p->table, row->fields[column].name);
    if (!to || to->generated) return;
    p->fields[p->nfields++] = (leat_rdb_field){
        .to = to, .schema = row->fields[column].schema, .from = column, .key = key};
    p->nkey += key;
}

static void pair(leat_rdb_target *t, leat_rdb_plan *p)
{
    const leat_rdb_dialect *d = t->conn->dialect;
    uint16_t n = (uint16_t)p->source->row->nfields;
    if (!p->fields) p->fields = LEAT_NEW(&t->arena, leat_rdb_field, n + 1);
    for (uint16_t i = 0; i < n; i++)
        if (is_key(t->conf, p->source, i)) take_field(d, p, i, true);
    for (uint16_t i = 0; i < n; i++)
        if (!is_key(t->conf, p->source, i) && wanted(t->conf, p->source, i))
            take_field(d, p, i, false);
}

/* What a tombstone's key has beside columns of the table is nothing that rows are found by, and
 * makes none. A key that lacks a column would delete rows that are not meant. */
static void pair_keys(leat_rdb_target *t, leat_rdb_plan *p)
{
    pair(t, p);
    bool lacks = t->conf->pk == LEAT_RDB_PK_VALUE && p->nkey < t->conf->pk_fields.n;
    if (!lacks && p->nkey > 0) return;
    p->nfields = p->nkey = 0;
    leat_fail(&p->bad, LEAT_DATA, "sql.no_key", p->table->label,
              "a tombstone of %s does not tell which row is meant: its key lacks columns of "
              "primary.key.fields, or has none of the target's table %s",
              p->source->topic, p->table->label);
}

/* The first of primary.key.fields that rows are not found by; NULL: none, or of a record's key all
 * columns are named: the list may be one for several tables. */
static const char *lacks_key(const leat_rdb_conf *conf, const leat_rdb_plan *p)
{
    if (conf->pk == LEAT_RDB_PK_KEY && p->nkey > 0 && p->nkey == p->source->nkey) return NULL;
    for (size_t i = 0; conf->pk != LEAT_RDB_PK_NONE && i < conf->pk_fields.n; i++) {
        uint16_t k = 0;
        while (k < p->nkey &&
               strcmp(p->source->row->fields[p->fields[k].from].name, conf->pk_fields.v[i]) != 0)
            k++;
        if (k == p->nkey) return conf->pk_fields.v[i];
    }
    return NULL;
}

/* Rows of a table can be found, as far as insert.mode and primary.key.fields want that. */
static void judge_key(const leat_rdb_conf *conf, leat_rdb_plan *p)
{
    const char *lacks = lacks_key(conf, p);
    if (p->source->flags & LEAT_TABLE_MESSAGE) return;
    if (lacks)
        leat_fail(&p->bad, LEAT_DATA, "sql.no_key", p->table->label,
                  "primary.key.fields names %s, which is no column of %s %s that the target has. "
                  "Mend the list, or leave it out for all of the record's key",
                  lacks, conf->pk == LEAT_RDB_PK_VALUE ? "rows of" : "the key of",
                  p->source->topic);
    else if (p->nkey == 0 && conf->insert != LEAT_RDB_INSERT)
        leat_fail(
            &p->bad, LEAT_DATA, "sql.no_key", p->table->label,
            "insert.mode wants to find rows, and changes of %s have no key. Give the source's "
            "table a primary key, name columns by primary.key.mode=record_value and "
            "primary.key.fields, or set insert.mode=insert",
            p->source->topic);
}

static leat_rc make(leat_rdb_target *t, leat_rdb_plan *p, leat_err *e)
{
    if (!p->table) LEAT_TRY(find_table(t, p->source, &p->table, e));
    if (p->source->flags & LEAT_TABLE_KEYS) {
        if (p->table->exists) pair_keys(t, p);
        p->seen = p->table->changes;
        return LEAT_OK;
    }
    if (!p->table->exists) LEAT_TRY(create(t, p, e));
    if (p->table->exists) LEAT_TRY(evolve(t, p, e));
    pair(t, p);
    p->seen = p->table->changes;
    if (!leat_rc_failed(p->bad.rc)) judge_key(t->conf, p);
    return LEAT_OK;
}

/* By its own columns: the table that plans share may have been looked up for another one, and what
 * this sink adds to it is taken back with the transaction. */
leat_rc leat_rdb_plan_holds(leat_rdb_target *t, const leat_rdb_plan *p, leat_err *e)
{
    LEAT_TRY(look(t, p->table, e));
    bool holds = p->table->exists;
    for (uint16_t i = 0; holds && i < p->nfields; i++) {
        const leat_rdb_column *was = p->fields[i].to;
        const leat_rdb_column *now = find_column(t->conn->dialect, p->table, was->name);
        holds = now && same_column(was, now);
    }
    return holds ? LEAT_OK : fail_changed(p->table, e);
}

/* Whether the table was mended meanwhile, or may be made or changed now. Where DDL would take held
 * rows back, it is not tried while there are any: refused, it would stop the sink. */
static leat_rc look_again(leat_rdb_target *t, leat_rdb_plan *p, leat_err *e)
{
    bool keeps = t->conn->dialect->ddl_commits && t->held;
    p->looked_us = leat_mono_us();
    LEAT_TRY(look(t, p->table, e));
    bool changed = p->seen != p->table->changes;
    if (!changed && (!p->refused || keeps)) return LEAT_OK;
    if (keeps) return fail_changed(p->table, e);
    p->bad = (leat_err){0};
    p->refused = false;
    p->nfields = p->nkey = 0;
    return make(t, p, e);
}

/* The number is one that who writes records could forge: what cells are read by is compared. */
static bool same_version(const leat_table *x, const leat_table *y)
{
    return x->fingerprint == y->fingerprint && x->flags == y->flags && x->nkey == y->nkey &&
           same(x->topic, y->topic) && same(x->db, y->db) && same(x->schema, y->schema) &&
           same(x->name, y->name) && leat_schema_eq(x->row, y->row) &&
           (x->nkey == 0 || memcmp(x->key_cols, y->key_cols, x->nkey * sizeof *x->key_cols) == 0);
}

bool leat_rdb_plan_is(leat_rdb_plan *p, const leat_table *source)
{
    if (p->source == source || p->also == source) return true;
    if (!same_version(p->source, source)) return false;
    leat_table_unpin(p->also);
    p->also = leat_table_pin(source);
    return true;
}

/* A plan of keys alone that was made before its table was. */
static bool waits(const leat_rdb_plan *p)
{
    return (p->source->flags & LEAT_TABLE_KEYS) && !p->fields && p->table->exists;
}

leat_rc leat_rdb_plan_of(leat_rdb_target *t, const leat_table *source, leat_rdb_plan **out,
                         leat_err *e)
{
    for (leat_rdb_plan *p = t->plans; p; p = p->next)
        if (leat_rdb_plan_is(p, source)) {
            if (waits(p)) return make(t, *out = p, e);
            bool looks = leat_rc_failed(p->bad.rc) && leat_mono_us() - p->looked_us >= LOOK_US;
            *out = p;
            return looks ? look_again(t, p, e) : LEAT_OK;
        }
    leat_rdb_plan *p = LEAT_NEW(&t->arena, leat_rdb_plan, 1);
    p->looked_us = leat_mono_us();
    p->source = leat_table_pin(source);
    p->next = t->plans;
    t->plans = p;
    leat_rc rc = make(t, p, e);
    if (rc == LEAT_OK) {
        *out = p;
        return rc;
    }
    t->plans = p->next;
    leat_table_unpin(p->source);
    return rc;
}

void leat_rdb_quote_table(const leat_rdb_dialect *d, leat_buf *out, const leat_rdb_table *t)
{
    if (t->schema) {
        d->quote(out, leat_str_of(t->schema));
        leat_buf_u8(out, '.');
    }
    d->quote(out, leat_str_of(t->name));
}

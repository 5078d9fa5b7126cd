/* The schema history as Debezium keeps it: a line of JSON for each statement.
 *
 *   {"source":{"server":"shop"},"position":{"file":...,"pos":...,"gtids":...},"ts_ms":...,
 *    "databaseName":"db","ddl":"ALTER ...","tableChanges":[{"type":"CREATE|ALTER|DROP",
 *    "id":"\"db\".\"t\"","table":{"defaultCharsetName":...,"primaryKeyColumnNames":[...],
 *    "columns":[{"name":...,"typeName":"INT UNSIGNED","length":10,"position":1,"optional":false,
 *    ...}],"comment":null}}]}
 *
 * Its position is that of the statement's beginning; the statement is all that comes behind it, so
 * that nothing is told wrong. A line without tableChanges (old ones, and statements that concern no
 * table) is tokenized: what it concerns is not known from then on. Debezium tells no collation and
 * no default expression; those of the catalogue take their place as soon as they fit. Pure. */
#include "base/json.h"
#include "source/mysql/my.h"
#include "source/mysql/tabledef.h"

/* ---- writing ---- */

static void put_id(leat_jw *w, leat_str db, leat_str name)
{
    leat_buf id = {0};
    const leat_str parts[] = {db, name};
    for (int i = 0; i < 2; i++) {
        leat_buf_str_z(&id, i ? ".\"" : "\"");
        for (size_t k = 0; k < parts[i].len; k++) {
            if (parts[i].s[k] == '"') leat_buf_u8(&id, '"');
            leat_buf_u8(&id, (unsigned char)parts[i].s[k]);
        }
        leat_buf_u8(&id, '"');
    }
    leat_jw_str(w, "id", leat_buf_str(&id));
    leat_buf_free(&id);
}

static void put_labels(leat_jw *w, const leat_my_column *c)
{
    leat_buf text = {0};
    if (c->nlabels == 0) return;
    leat_jw_array(w, "enumValues");
    for (uint32_t i = 0; i < c->nlabels; i++) {
        leat_buf_clear(&text);
        leat_my_label_text(c->labels[i], &text);
        leat_jw_str(w, NULL, leat_buf_str(&text));
    }
    leat_jw_end(w);
    leat_buf_free(&text);
}

static void put_column(leat_jw *w, const leat_my_conf *conf, const leat_my_column *c, int position,
                       leat_arena *a)
{
    leat_my_modes modes = leat_my_conf_modes(conf);
    leat_my_col plan;
    leat_my_plan(&modes, "", c, NULL, false, a, &plan);
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", c->name);
    leat_jw_i64(w, "jdbcType", leat_my_jdbc_type(c->base));
    leat_jw_z(w, "typeName", plan.type_name);
    leat_jw_z(w, "typeExpression", plan.type_name);
    leat_jw_z(w, "charsetName", c->charset);
    if (plan.length >= 0) leat_jw_i64(w, "length", plan.length);
    if (plan.scale >= 0) leat_jw_i64(w, "scale", plan.scale);
    leat_jw_i64(w, "position", position);
    leat_jw_bool(w, "optional", c->nullable);
    leat_jw_bool(w, "autoIncremented", c->auto_increment);
    leat_jw_bool(w, "generated", c->auto_increment || c->generated);
    leat_jw_z(w, "comment", c->comment[0] ? c->comment : NULL);
    bool def = c->def.s && leat_str_utf8(c->def);
    leat_jw_bool(w, "hasDefaultValue", def || c->def_now || c->nullable);
    if (def) leat_jw_str(w, "defaultValueExpression", c->def);
    if (c->def_now) leat_jw_z(w, "defaultValueExpression", "1970-01-01 00:00:00");
    put_labels(w, c);
    leat_jw_end(w);
}

static void put_table(leat_jw *w, const leat_my_conf *conf, const leat_my_table *t, leat_arena *a)
{
    leat_jw_object(w, "table");
    leat_jw_z(w, "defaultCharsetName", t->charset);
    leat_jw_array(w, "primaryKeyColumnNames");
    for (uint16_t i = 0; i < t->nkey; i++) leat_jw_z(w, NULL, t->cols[t->key[i]].name);
    leat_jw_end(w);
    leat_jw_array(w, "columns");
    for (uint16_t i = 0; i < t->ncols; i++) put_column(w, conf, &t->cols[i], i + 1, a);
    leat_jw_end(w);
    leat_jw_array(w, "attributes");
    leat_jw_end(w);
    leat_jw_z(w, "comment", t->comment[0] ? t->comment : NULL);
    leat_jw_end(w);
}

static bool one_of(leat_str what, const char *x, const char *y)
{
    return leat_str_is(what, x) || leat_str_is(what, y);
}

static void put_changes(leat_jw *w, const leat_my_conf *conf, const leat_schema_entry *en,
                        leat_arena *a)
{
    const leat_my_table *def = NULL;
    leat_err e;
    bool gone = en->table.s && !en->def.s && one_of(en->what, "drop", "rename");
    if (en->table.s && en->def.s)
        leat_my_tabledef_read(leat_arena_str(a, en->def), en->db, en->table, a, &def, &e);
    leat_jw_array(w, "tableChanges");
    if (def || gone) {
        leat_jw_object(w, NULL);
        leat_jw_z(w, "type",
                  gone                                     ? "DROP"
                  : one_of(en->what, "create", "snapshot") ? "CREATE"
                                                           : "ALTER");
        put_id(w, en->db, en->table);
        if (def)
            put_table(w, conf, def, a);
        else
            leat_jw_null(w, "table");
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

/* The place without what only we keep in it. */
static void put_position(leat_jw *w, const leat_schema_entry *en, leat_arena *a)
{
    const leat_json *place = NULL;
    leat_err e;
    leat_jw_object(w, "position");
    if (leat_json_parse(a, leat_arena_str(a, en->place), &place, &e) == LEAT_OK)
        for (const leat_json *m = place->child; m; m = m->next)
            if (!leat_str_is(m->name, "gtid") && !leat_str_is(m->name, "log_server"))
                leat_jw_raw(w, leat_arena_str(a, m->name).s, leat_json_text(m, a));
    if (leat_str_is(en->what, "snapshot")) leat_jw_bool(w, "snapshot", true);
    leat_jw_end(w);
}

static void write_line(const void *conf, const leat_schema_entry *en, leat_buf *out)
{
    const leat_my_conf *c = conf;
    leat_arena a = {0};
    leat_jw w = {.out = out};
    if (leat_str_is(en->what, "unread")) return; /* Debezium would stop at it */
    if (leat_str_is(en->what, "gap")) return;    /* it was read by another */
    leat_jw_object(&w, NULL);
    leat_jw_object(&w, "source");
    leat_jw_z(&w, "server", c->capture.prefix);
    leat_jw_end(&w);
    put_position(&w, en, &a);
    leat_jw_i64(&w, "ts_ms", (en->ts_us ? en->ts_us : en->at_us) / 1000);
    leat_jw_str(&w, "databaseName", en->db);
    leat_jw_str(&w, "ddl", en->sql.s ? en->sql : LEAT_STR(""));
    put_changes(&w, c, en, &a);
    leat_jw_end(&w);
    leat_arena_free(&a);
}

/* ---- reading ---- */

typedef struct lines {
    leat_arena *a;
    leat_schema_entry *list;
    size_t n, cap;
    leat_schema_entry base; /* what all entries of the line have */
} lines;

static leat_schema_entry *add(lines *l, const char *what, leat_str db, leat_str table)
{
    if (l->n == l->cap) {
        leat_schema_entry *more = LEAT_NEW(l->a, leat_schema_entry, l->cap * 2 + 4);
        if (l->n) memcpy(more, l->list, l->n * sizeof *more);
        l->list = more;
        l->cap = l->cap * 2 + 4;
    }
    leat_schema_entry *en = &l->list[l->n++];
    *en = l->base;
    en->what = leat_str_of(what);
    en->db = db;
    en->table = table;
    return en;
}

/* A name in double quotes at *p; *p moves behind it. */
static bool take_quoted(leat_str *p, leat_arena *a, leat_str *out)
{
    if (p->len == 0 || *p->s != '"') return false;
    char *to = leat_arena_alloc(a, p->len, 1);
    size_t n = 0, i = 1;
    for (; i < p->len && (p->s[i] != '"' || (i + 1 < p->len && p->s[i + 1] == '"')); i++) {
        if (p->s[i] == '"') i++;
        to[n++] = p->s[i];
    }
    if (i >= p->len) return false;
    to[n] = 0;
    *out = (leat_str){to, n};
    *p = (leat_str){p->s + i + 1, p->len - i - 1};
    return true;
}

/* Words for types that the catalogue has another one for. */
static const char *base_of(leat_str word)
{
    static const char *const other[][2] = {
        {"INTEGER", "int"},         {"INT4", "int"},        {"INT8", "bigint"},
        {"INT1", "tinyint"},        {"INT2", "smallint"},   {"INT3", "mediumint"},
        {"MIDDLEINT", "mediumint"}, {"NUMERIC", "decimal"}, {"DEC", "decimal"},
        {"FIXED", "decimal"},       {"REAL", "double"},     {"FLOAT4", "float"},
        {"FLOAT8", "double"},       {"BOOL", "tinyint"},    {"BOOLEAN", "tinyint"},
        {"SERIAL", "bigint"},       {"NCHAR", "char"},      {"NVARCHAR", "varchar"},
        {"CHARACTER", "char"},      {"LONG", "mediumtext"},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (leat_str_ieq(word, leat_str_of(other[i][0]))) return other[i][1];
    return NULL;
}

/* "INT UNSIGNED", 10 -> "int(10) unsigned"; labels with their quotes. */
static const char *type_of(const leat_json *column, leat_arena *a)
{
    leat_str rest = leat_json_get_str(column, "typeName");
    const leat_json *labels = leat_json_get(column, "enumValues");
    int64_t length = leat_json_get_i64(column, "length", -1);
    int64_t scale = leat_json_get_i64(column, "scale", -1);
    leat_buf text = {0};
    if (!rest.s) return NULL;
    leat_str word = leat_str_cut(&rest, ' ');
    const char *base = base_of(word);
    leat_buf_add(&text, base ? leat_str_of(base) : word);
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] >= 'A' && text.p[i] <= 'Z') text.p[i] = (char)(text.p[i] + 'a' - 'A');
    bool enums =
        leat_str_is(leat_buf_str(&text), "enum") || leat_str_is(leat_buf_str(&text), "set");
    if (enums) {
        leat_buf_u8(&text, '(');
        for (const leat_json *j = labels ? labels->child : NULL; j; j = j->next) {
            if (j != labels->child) leat_buf_u8(&text, ',');
            if (j->text.s) leat_buf_add(&text, j->text);
        }
        leat_buf_u8(&text, ')');
    } else if (leat_str_starts(word, "BOOL")) {
        leat_buf_str_z(&text, "(1)");
    } else if (length >= 0 && scale >= 0) {
        leat_buf_printf(&text, "(%lld,%lld)", (long long)length, (long long)scale);
    } else if (length >= 0) {
        leat_buf_printf(&text, "(%lld)", (long long)length);
    }
    while (rest.s && !enums) {
        word = leat_str_cut(&rest, ' ');
        if (leat_str_ieq(word, LEAT_STR("UNSIGNED"))) leat_buf_str_z(&text, " unsigned");
        if (leat_str_ieq(word, LEAT_STR("ZEROFILL"))) leat_buf_str_z(&text, " zerofill");
    }
    const char *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    return out;
}

static void def_column(leat_jw *w, const leat_json *c, leat_arena *a)
{
    const char *type = type_of(c, a);
    leat_str def = leat_json_get_str(c, "defaultValueExpression");
    leat_str charset = leat_json_get_str(c, "charsetName"),
             comment = leat_json_get_str(c, "comment");
    bool now = def.s && type && leat_str_is(def, "1970-01-01 00:00:00") &&
               (leat_str_starts(leat_str_of(type), "timestamp") ||
                leat_str_starts(leat_str_of(type), "datetime"));
    leat_jw_object(w, NULL);
    leat_jw_str(w, "name", leat_json_get_str(c, "name"));
    if (type) leat_jw_z(w, "type", type);
    leat_jw_bool(w, "nullable", leat_json_get_bool(c, "optional", true));
    if (leat_json_get_bool(c, "autoIncremented", false)) leat_jw_bool(w, "auto_increment", true);
    if (now) leat_jw_bool(w, "default_now", true);
    if (def.s && !now) leat_jw_str(w, "default", def);
    if (charset.s) leat_jw_str(w, "charset", charset);
    if (comment.s) leat_jw_str(w, "comment", comment);
    leat_jw_end(w);
}

/* The table in our words; absent: it is told of no columns. */
static leat_str def_of(const leat_json *table, leat_arena *a)
{
    const leat_json *columns = leat_json_get(table, "columns");
    const leat_json *key = leat_json_get(table, "primaryKeyColumnNames");
    leat_str charset = leat_json_get_str(table, "defaultCharsetName");
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    if (!columns || columns->type != LEAT_JSON_ARRAY || !columns->child) return (leat_str){0};
    leat_jw_object(&w, NULL);
    if (charset.s) leat_jw_str(&w, "charset", charset);
    leat_jw_bool(&w, "primary", key && key->child);
    leat_jw_array(&w, "key");
    for (const leat_json *j = key ? key->child : NULL; j; j = j->next)
        leat_jw_str(&w, NULL, j->text);
    leat_jw_end(&w);
    leat_jw_array(&w, "columns");
    for (const leat_json *c = columns->child; c; c = c->next) def_column(&w, c, a);
    leat_jw_end(&w);
    leat_jw_end(&w);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

static leat_rc bad(const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "schema.record", "schema history",
                     "this is no record of Debezium's schema history: it has no %s", what);
}

static leat_rc read_change(const leat_json *j, lines *l, leat_err *e)
{
    leat_str id = leat_json_get_str(j, "id"), type = leat_json_get_str(j, "type"), db, name;
    if (!id.s || !take_quoted(&id, l->a, &db)) return bad("id of a table", e);
    if (id.len && *id.s == '.') id = (leat_str){id.s + 1, id.len - 1};
    if (!take_quoted(&id, l->a, &name)) return bad("id of a table", e);
    bool drop = leat_str_is(type, "DROP");
    leat_schema_entry *en = add(l, drop ? "drop" : "adopted", db, name);
    if (!drop) en->def = def_of(leat_json_get(j, "table"), l->a);
    return LEAT_OK;
}

/* A line that tells of no table: by its statement. */
static void read_ddl(leat_str sql, leat_str db, lines *l)
{
    leat_ddl ddl;
    leat_str none = {0};
    leat_ddl_read(sql, db, LEAT_DDL_MARIADB, 0, l->a, &ddl);
    if (ddl.temporary) return;
    if (ddl.kind == LEAT_DDL_UNREAD) add(l, "unread", none, none);
    if (ddl.kind == LEAT_DDL_DROP_DATABASE) add(l, "drop", ddl.database, none);
    if (ddl.kind < LEAT_DDL_CREATE_TABLE || ddl.kind > LEAT_DDL_RENAME_TABLE) return;
    for (uint32_t i = 0; i < ddl.ntables; i++) {
        const leat_ddl_table *t = &ddl.tables[i];
        add(l, ddl.kind == LEAT_DDL_DROP_TABLE ? "drop" : "adopted", t->db, t->name);
        if (t->new_name.s) add(l, "adopted", t->new_db, t->new_name);
    }
}

static leat_rc read_line(const void *conf, leat_str line, leat_arena *a,
                         leat_schema_entry **entries, size_t *n, leat_err *e)
{
    const leat_my_conf *c = conf;
    const leat_json *j;
    lines l = {.a = a};
    *n = 0;
    LEAT_TRY(leat_json_parse(a, line, &j, e));
    const leat_json *place = leat_json_get(j, "position");
    leat_str server = leat_json_get_str(leat_json_get(j, "source"), "server");
    if (!server.s) return bad("source with a server", e);
    if (!place || place->type != LEAT_JSON_OBJECT) return bad("position", e);
    if (!leat_str_is(server, c->capture.prefix)) return LEAT_OK;
    leat_str sql = leat_json_get_str(j, "ddl"), db = leat_json_get_str(j, "databaseName");
    l.base = (leat_schema_entry){.place = leat_json_text(place, a),
                                 .sql = sql,
                                 .ts_us = leat_json_get_i64(j, "ts_ms", 0) * 1000};
    const leat_json *changes = leat_json_get(j, "tableChanges");
    for (const leat_json *t = changes ? changes->child : NULL; t; t = t->next)
        LEAT_TRY(read_change(t, &l, e));
    if (l.n == 0 && sql.s) read_ddl(sql, db.s ? db : LEAT_STR(""), &l);
    *entries = l.list;
    *n = l.n;
    return LEAT_OK;
}

/* ---- what is known now ---- */

static leat_rc check_def(leat_str db, leat_str table, leat_str def, leat_err *e)
{
    leat_arena a = {0};
    const leat_my_table *t;
    leat_rc rc = leat_my_tabledef_read(def, db, table, &a, &t, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc tell_now(const leat_my_conf *c, leat_my *sql, leat_arena *a,
                        bool (*fn)(void *arg, leat_str db, leat_str table, leat_str def), void *arg,
                        leat_err *e)
{
    leat_my_relation *all;
    const leat_filter *filter;
    size_t n;
    LEAT_TRY(leat_filter_new(a, &c->capture, &filter, e));
    LEAT_TRY(leat_my_relations(sql, a, &all, &n, e));
    leat_rc rc = LEAT_OK;
    bool more = true;
    for (size_t i = 0; i < n && more && rc == LEAT_OK; i++) {
        const leat_my_table *t = NULL;
        leat_arena own = {0};
        leat_buf text = {0};
        bool in = false;
        rc = leat_filter_table(filter, all[i].db, all[i].name, &in, e);
        if (rc == LEAT_OK && in) rc = leat_my_table_read(sql, all[i].db, all[i].name, &own, &t, e);
        if (rc == LEAT_OK && t) {
            leat_my_tabledef_write(t, &text);
            more = fn(arg, leat_str_of(all[i].db), leat_str_of(all[i].name), leat_buf_str(&text));
        }
        leat_buf_free(&text);
        leat_arena_free(&own);
    }
    return rc;
}

static leat_rc now(const void *conf,
                   bool (*fn)(void *arg, leat_str db, leat_str table, leat_str def), void *arg,
                   leat_err *e)
{
    leat_my sql = {0};
    leat_arena a = {0};
    leat_my_target target = leat_my_conf_target(conf);
    leat_rc rc = leat_my_connect(&sql, &target, e);
    if (rc == LEAT_OK) rc = tell_now(conf, &sql, &a, fn, arg, e);
    leat_my_close(&sql);
    leat_arena_free(&a);
    return rc;
}

const leat_source_history leat_my_source_history = {
    .check = check_def,
    .now = now,
    .write = write_line,
    .read = read_line,
    .skips = leat_my_skips,
};

/* Schema changes as records: a statement, and what its tables look like behind it.
 *
 *   topic   topic.prefix itself
 *   key     {databaseName}
 *   value   {source, ts_ms, databaseName, schemaName, ddl,
 *           tableChanges [{type CREATE|ALTER|DROP, id,
 *           table {defaultCharsetName, primaryKeyColumnNames, columns [...], comment}}]}
 *
 * As Debezium writes them. What a table looks like is asked from the catalogue, which may be ahead
 * of the statement: the table is null where it was altered again, or is gone, by then. A statement
 * that drops several tables becomes a record for each. Run by the task's thread. */
#include "base/clock.h"
#include "source/mysql/my.h"

struct leat_my_history {
    leat_arena arena;
    const char *topic;
    const leat_schema *key, *value;
    const leat_header *headers; /* the origin's */
};

/* ---- schemas ---- */

#define NAMED "io.debezium.connector.%s.SchemaChange"
#define N(array) (sizeof(array) / sizeof *(array))

static const leat_schema *table_schema(leat_arena *a)
{
    const leat_schema *texts = leat_schema_array(a, true, leat_schema_new(a, LEAT_T_STRING, false));
    const leat_field_spec column[] = {
        {.name = "name", .type = LEAT_T_STRING},
        {.name = "jdbcType", .type = LEAT_T_INT32},
        {.name = "nativeType", .type = LEAT_T_INT32, .optional = true},
        {.name = "typeName", .type = LEAT_T_STRING},
        {.name = "typeExpression", .type = LEAT_T_STRING, .optional = true},
        {.name = "charsetName", .type = LEAT_T_STRING, .optional = true},
        {.name = "length", .type = LEAT_T_INT32, .optional = true},
        {.name = "scale", .type = LEAT_T_INT32, .optional = true},
        {.name = "position", .type = LEAT_T_INT32},
        {.name = "optional", .type = LEAT_T_BOOLEAN, .optional = true},
        {.name = "autoIncremented", .type = LEAT_T_BOOLEAN, .optional = true},
        {.name = "generated", .type = LEAT_T_BOOLEAN, .optional = true},
        {.name = "comment", .type = LEAT_T_STRING, .optional = true},
        {.name = "defaultValueExpression", .type = LEAT_T_STRING, .optional = true},
        {.name = "enumValues", .schema = texts},
    };
    const leat_schema *columns = leat_schema_array(
        a, false,
        leat_schema_of(a, "io.debezium.connector.schema.Column", false, column, N(column)));
    const leat_field_spec table[] = {
        {.name = "defaultCharsetName", .type = LEAT_T_STRING, .optional = true},
        {.name = "primaryKeyColumnNames", .schema = texts},
        {.name = "columns", .schema = columns},
        {.name = "comment", .type = LEAT_T_STRING, .optional = true},
    };
    return leat_schema_of(a, "io.debezium.connector.schema.Table", true, table, N(table));
}

struct leat_my_history *leat_my_history_new(const leat_my_source *s)
{
    struct leat_my_history *h = leat_zalloc(1, sizeof *h);
    leat_arena *a = &h->arena;
    const char *kind = s->mariadb ? "mariadb" : "mysql";
    const leat_field_spec key = {.name = "databaseName", .type = LEAT_T_STRING};
    const leat_field_spec change[] = {{.name = "type", .type = LEAT_T_STRING},
                                      {.name = "id", .type = LEAT_T_STRING},
                                      {.name = "table", .schema = table_schema(a)}};
    const leat_schema *changes = leat_schema_array(
        a, false,
        leat_schema_of(a, "io.debezium.connector.schema.Change", false, change, N(change)));
    const leat_field_spec value[] = {
        {.name = "source", .schema = s->origin->schema},
        {.name = "ts_ms", .type = LEAT_T_INT64},
        {.name = "databaseName", .type = LEAT_T_STRING, .optional = true},
        {.name = "schemaName", .type = LEAT_T_STRING, .optional = true},
        {.name = "ddl", .type = LEAT_T_STRING, .optional = true},
        {.name = "tableChanges", .schema = changes}};
    h->topic = leat_naming_schema_changes(&s->conf->capture, a);
    h->key = leat_schema_of(a, leat_arena_printf(a, NAMED "Key", kind), false, &key, 1);
    h->value = leat_schema_of(a, leat_arena_printf(a, NAMED "Value", kind), false, value, N(value));
    leat_header *headers = LEAT_NEW(a, leat_header, s->origin->nheaders);
    for (uint32_t i = 0; i < s->origin->nheaders; i++)
        headers[i] =
            (leat_header){s->origin->headers[i].key, leat_schema_new(a, LEAT_T_STRING, false),
                          leat_text(leat_str_of(s->origin->headers[i].value))};
    h->headers = headers;
    return h;
}

void leat_my_history_free(struct leat_my_history *h)
{
    if (!h) return;
    leat_arena_free(&h->arena);
    leat_free(h);
}

/* ---- values ---- */

static leat_value text_of(leat_arena *a, const char *z)
{
    return z ? leat_text(leat_arena_str(a, leat_str_of(z))) : leat_null();
}

static leat_value list_of(const leat_value *v, uint32_t n)
{
    return (leat_value){.kind = LEAT_LIST, .len = n, .u.list = v};
}

int leat_my_jdbc_type(const char *base)
{
    static const struct {
        const char *base;
        int type;
    } types[] = {
        {"int", 4},         {"mediumint", 4}, {"year", 4},          {"tinyint", 5},
        {"smallint", 5},    {"bigint", -5},   {"decimal", 3},       {"float", 6},
        {"double", 8},      {"bit", -7},      {"char", 1},          {"enum", 1},
        {"set", 1},         {"varchar", 12},  {"tinytext", 12},     {"text", 12},
        {"mediumtext", 12}, {"longtext", 12}, {"binary", -2},       {"varbinary", -3},
        {"tinyblob", 2004}, {"blob", 2004},   {"mediumblob", 2004}, {"longblob", 2004},
        {"date", 91},       {"time", 92},     {"datetime", 93},     {"timestamp", 2014},
    };
    for (size_t i = 0; i < N(types); i++)
        if (strcmp(types[i].base, base) == 0) return types[i].type;
    return 1111;
}

void leat_my_label_text(leat_str label, leat_buf *out)
{
    leat_buf_quoted(out, label, '\'');
}

static leat_value labels_of(leat_arena *a, const leat_my_column *c)
{
    leat_value *v = LEAT_NEW(a, leat_value, c->nlabels);
    leat_buf text = {0};
    if (c->nlabels == 0) return leat_null();
    for (uint32_t i = 0; i < c->nlabels; i++) {
        leat_buf_clear(&text);
        leat_my_label_text(c->labels[i], &text);
        v[i] = leat_text(leat_arena_str(a, leat_buf_str(&text)));
    }
    leat_buf_free(&text);
    return list_of(v, c->nlabels);
}

static leat_value default_of(const leat_my_source *s, leat_arena *a, const leat_my_column *c)
{
    leat_value v;
    leat_str def = c->def;
    if (c->def_now) return text_of(a, "1970-01-01 00:00:00");
    if (!def.s) return leat_null();
    if (def.len > 3 && (def.s[0] == 'b' || def.s[0] == 'B') && def.s[1] == '\'')
        return leat_text(leat_arena_str(a, (leat_str){def.s + 2, def.len - 3}));
    const leat_schema *text = leat_schema_new(a, LEAT_T_STRING, true);
    leat_my_column plain = *c;
    plain.base = "varchar";
    return leat_my_default(&s->modes, &plain, text, a, &v) ? leat_value_copy(a, &v) : leat_null();
}

static leat_value number_or_null(int32_t n)
{
    return n >= 0 ? leat_int(n) : leat_null();
}

static leat_value column_of(const leat_my_source *s, leat_arena *a, const leat_my_column *c,
                            int position)
{
    leat_my_col plan;
    leat_my_plan(&s->modes, "", c, NULL, false, a, &plan);
    bool made = c->auto_increment || (c->on_update && !s->mariadb);
    const leat_value cells[] = {
        text_of(a, c->name),
        leat_int(leat_my_jdbc_type(c->base)),
        leat_null(),
        text_of(a, plan.type_name),
        text_of(a, plan.type_name),
        c->charset ? text_of(a, c->charset) : leat_null(),
        number_or_null(plan.length),
        number_or_null(plan.scale),
        leat_int(position),
        leat_bool(c->nullable),
        leat_bool(made),
        leat_bool(made),
        s->comments && c->comment[0] ? text_of(a, c->comment) : leat_null(),
        default_of(s, a, c),
        labels_of(a, c),
    };
    return leat_value_struct(a, cells, N(cells));
}

static leat_value table_of(const leat_my_source *s, leat_arena *a, const leat_my_table *t)
{
    if (!t) return leat_null();
    leat_value *key = LEAT_NEW(a, leat_value, t->nkey), *cols = LEAT_NEW(a, leat_value, t->ncols);
    for (uint16_t i = 0; i < t->nkey; i++) key[i] = text_of(a, t->cols[t->key[i]].name);
    for (uint16_t i = 0; i < t->ncols; i++) cols[i] = column_of(s, a, &t->cols[i], i + 1);
    const leat_value cells[] = {
        text_of(a, t->charset),
        list_of(key, t->nkey),
        list_of(cols, t->ncols),
        s->comments && t->comment[0] ? text_of(a, t->comment) : leat_null(),
    };
    return leat_value_struct(a, cells, N(cells));
}

/* The source block: the origin's fields. Of a statement in the log with times in whole
 * milliseconds; of a snapshot at the time of now, and with what is known of its place alone. */
static leat_value source_of(leat_my_source *s, leat_arena *a, leat_value db, const leat_my_told *c)
{
    const leat_origin *o = s->origin;
    int64_t us = c->snapshot ? leat_now_us() : s->tx.ts_us / 1000 * 1000;
    leat_value *src = leat_my_src(s, a);
    if (c->snapshot) {
        src[LEAT_MY_SRC_SERVER] = leat_int(0);
        src[LEAT_MY_SRC_GTID] = src[LEAT_MY_SRC_THREAD] = src[LEAT_MY_SRC_QUERY] = leat_null();
        src[LEAT_MY_SRC_FILE] = text_of(a, s->at.file);
        src[LEAT_MY_SRC_POS] = leat_int((int64_t)s->at.pos);
    }
    leat_value *v = LEAT_NEW(a, leat_value, o->schema->nfields);
    for (uint32_t i = 0; i < o->schema->nfields; i++) {
        switch (o->fields[i].bind) {
        case LEAT_BIND_TS_MS: v[i] = leat_int(us / 1000); break;
        case LEAT_BIND_TS_US: v[i] = leat_int(us); break;
        case LEAT_BIND_TS_NS: v[i] = leat_int(us * 1000); break;
        case LEAT_BIND_SNAPSHOT: v[i] = text_of(a, c->snapshot ? c->snapshot : "false"); break;
        case LEAT_BIND_DB: v[i] = db; break;
        case LEAT_BIND_TABLE: v[i] = c->shown; break;
        case LEAT_BIND_CELL: v[i] = src[o->fields[i].cell]; break;
        default: v[i] = leat_value_copy(a, &o->fields[i].value); break;
        }
    }
    return (leat_value){.kind = LEAT_STRUCT, .len = o->schema->nfields, .u.list = v};
}

/* ---- records ---- */

void leat_my_history_put(leat_my_source *s, leat_batch *b, leat_str db, leat_str ddl,
                         const leat_my_told *c)
{
    leat_arena *a = &b->arena;
    leat_value *list = LEAT_NEW(a, leat_value, 1), name = leat_text(leat_arena_str(a, db));
    if (c->type) {
        const leat_value cells[] = {
            text_of(a, c->type),
            leat_text(leat_str_of(leat_arena_printf(a, "\"%.*s\".\"%.*s\"", LEAT_STR_ARG(c->db),
                                                    LEAT_STR_ARG(c->name)))),
            table_of(s, a, c->table),
        };
        list[0] = leat_value_struct(a, cells, N(cells));
    }
    const leat_value value[] = {
        source_of(s, a, name, c),          leat_int(leat_now_us() / 1000), name, leat_null(),
        leat_text(leat_arena_str(a, ddl)), list_of(list, c->type ? 1 : 0),
    };
    const leat_record record = {
        .topic = s->history->topic,
        .key_schema = s->history->key,
        .value_schema = s->history->value,
        .key = leat_value_struct(a, &name, 1),
        .value = leat_value_struct(a, value, N(value)),
        .headers = s->history->headers,
        .nheaders = s->origin->nheaders,
    };
    leat_event *ev = leat_batch_add(b, NULL);
    ev->op = LEAT_OP_RECORD;
    ev->record = leat_arena_dup(a, &record, sizeof record);
    ev->seen_us = leat_now_us();
    ev->ts_us = c->snapshot ? ev->seen_us : s->tx.ts_us;
    ev->tx = c->snapshot ? 0 : s->tx.id;
}

/* What is wanted of databases and tables that are not captured, as Debezium's options say. */
leat_rc leat_my_history_wants(const leat_my_source *s, const char *db, const char *table, bool *yes,
                              leat_err *e)
{
    const leat_my_conf *c = s->conf;
    *yes = true;
    if (table && c->captured_tables_ddl) return leat_filter_table(s->filter, db, table, yes, e);
    return c->captured_databases_ddl ? leat_filter_schema(s->filter, db, yes, e) : LEAT_OK;
}

static leat_rc wants(const leat_my_source *s, leat_arena *a, leat_str db, leat_str name, bool *yes,
                     leat_err *e)
{
    const char *table = name.s ? leat_arena_str(a, name).s : NULL;
    return leat_my_history_wants(s, leat_arena_str(a, db).s, table, yes, e);
}

/* "DROP TABLE [IF EXISTS] `db`.`name`". */
static leat_str drop_text(const leat_ddl *ddl, const leat_ddl_table *t, leat_arena *a)
{
    leat_buf text = {0};
    leat_buf_str_z(&text, ddl->if_exists ? "DROP TABLE IF EXISTS " : "DROP TABLE ");
    leat_my_put_table(&text, t->db, t->name);
    leat_str out = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_free(&text);
    return out;
}

/* A table that was made or altered, as it is now. */
static leat_rc put_table(leat_my_source *s, leat_batch *b, const leat_ddl *ddl,
                         const leat_ddl_table *t, leat_str sql, leat_err *e)
{
    leat_my_rel *r;
    bool yes, renamed = ddl->kind == LEAT_DDL_RENAME_TABLE && t->new_name.s;
    leat_my_told c = {
        .type = ddl->kind == LEAT_DDL_CREATE_TABLE ? "CREATE" : "ALTER",
        .db = renamed && t->new_db.s ? t->new_db : t->db,
        .name = renamed ? t->new_name : t->name,
    };
    LEAT_TRY(wants(s, &b->arena, c.db, c.name, &yes, e));
    if (!yes) return LEAT_OK;
    c.shown = leat_text(leat_arena_str(&b->arena, c.name));
    if (ddl->index) {
        c.type = NULL;
        c.shown = leat_text(LEAT_STR(""));
    } else {
        LEAT_TRY(leat_my_rel_named(s, c.db, c.name, &r, e));
        c.table = r->stale ? NULL : r->def;
    }
    leat_my_history_put(s, b, c.db, sql, &c);
    return LEAT_OK;
}

static leat_rc put_drop(leat_my_source *s, leat_batch *b, const leat_ddl *ddl,
                        const leat_ddl_table *t, leat_err *e)
{
    bool yes;
    LEAT_TRY(wants(s, &b->arena, t->db, t->name, &yes, e));
    const leat_my_told c = {.type = "DROP",
                            .db = t->db,
                            .name = t->name,
                            .shown = leat_text(leat_arena_str(&b->arena, t->name))};
    if (yes) leat_my_history_put(s, b, t->db, drop_text(ddl, t, &b->arena), &c);
    return LEAT_OK;
}

static leat_rc put_database(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_str sql,
                            leat_err *e)
{
    bool yes, altered = ddl->kind == LEAT_DDL_ALTER_DATABASE;
    leat_str none = {0};
    const leat_my_told c = {.shown = altered ? leat_text(LEAT_STR("")) : leat_null()};
    LEAT_TRY(wants(s, &b->arena, ddl->database, none, &yes, e));
    if (yes) leat_my_history_put(s, b, ddl->database, sql, &c);
    return LEAT_OK;
}

leat_rc leat_my_history_add(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_str sql,
                            leat_err *e)
{
    if (ddl->kind >= LEAT_DDL_CREATE_DATABASE && ddl->kind <= LEAT_DDL_DROP_DATABASE)
        return put_database(s, b, ddl, sql, e);
    if (ddl->kind < LEAT_DDL_CREATE_TABLE || ddl->kind > LEAT_DDL_RENAME_TABLE) return LEAT_OK;
    for (uint32_t i = 0; i < ddl->ntables; i++) {
        if (ddl->kind == LEAT_DDL_DROP_TABLE)
            LEAT_TRY(put_drop(s, b, ddl, &ddl->tables[i], e));
        else
            LEAT_TRY(put_table(s, b, ddl, &ddl->tables[i], sql, e));
    }
    return LEAT_OK;
}

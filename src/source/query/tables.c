/* Which tables a task reads, and what their columns are.
 *
 * Tables are looked for at the start and then now and again. A table belongs to one task for good,
 * whatever others come and go: by its place in table.whitelist, else by a hash of its name. Columns
 * are described before each poll; when they have changed, the events that follow have a schema of
 * their own. Run by the task's thread. */
#include "base/clock.h"
#include "base/log.h"
#include "config/regex.h"
#include "source/query/query.h"

const char *leat_query_tables_label(const leat_sql_table *t, leat_arena *a)
{
    const char *space = leat_sql_table_space(t);
    return space ? leat_arena_printf(a, "%s.%s", space, t->name) : t->name;
}

/* ---- which ---- */

/* As the user spelled it: table, schema.table, with or without quotes, SQL's or MySQL's. */
static bool spelled(const char *given, const leat_sql_table *t)
{
    leat_arena a = {0};
    leat_buf quoted = {0};
    const char *label = leat_query_tables_label(t, &a), *space = leat_sql_table_space(t);
    leat_str text = leat_str_of(given);
    bool same = leat_str_is(text, t->name) || leat_str_is(text, label);
    for (const char *q = "\"`"; *q && !same; q++) {
        leat_buf_clear(&quoted);
        if (space) leat_buf_printf(&quoted, "%c%s%c.", *q, space, *q);
        leat_buf_printf(&quoted, "%c%s%c", *q, t->name, *q);
        same = leat_str_eq(text, leat_buf_str(&quoted));
    }
    leat_buf_free(&quoted);
    leat_arena_free(&a);
    return same;
}

static bool listed(const leat_opt_list *list, const leat_sql_table *t, unsigned *place)
{
    for (size_t i = 0; i < list->n; i++) {
        if (!spelled(list->v[i], t)) continue;
        *place = (unsigned)i;
        return true;
    }
    return false;
}

static leat_rc fits(const char *option, leat_str pattern, const char *label, leat_arena *a,
                    bool *hit, leat_err *e)
{
    leat_regex_problem p;
    const leat_regex *x = leat_regex_new_cased(a, pattern, &p);
    if (x) return leat_regex_match(x, leat_str_of(label), hit, e);
    return leat_fail(e, LEAT_CONF, "config.invalid", option, LEAT_STR_FMT ": %s",
                     LEAT_STR_ARG(pattern), p.msg);
}

static leat_rc fits_one(const char *option, const leat_opt_list *list, const char *label,
                        leat_arena *a, bool *hit, leat_err *e)
{
    *hit = false;
    for (size_t i = 0; i < list->n && !*hit; i++)
        LEAT_TRY(fits(option, leat_str_of(list->v[i]), label, a, hit, e));
    return LEAT_OK;
}

leat_rc leat_query_tables_wanted(const leat_query_conf *c, const leat_sql_table *t, unsigned of,
                                 bool *in, unsigned *task, leat_arena *a, leat_err *e)
{
    const char *label = leat_query_tables_label(t, a);
    unsigned place = 0;
    bool out = false;
    *in = true;
    *task = (unsigned)(leat_str_hash(leat_str_of(label)) % (of ? of : 1));
    if (c->include.n) {
        LEAT_TRY(fits_one("table.include.list", &c->include, label, a, in, e));
        LEAT_TRY(fits_one("table.exclude.list", &c->exclude, label, a, &out, e));
        *in = *in && !out;
    } else if (c->whitelist.n) {
        *in = listed(&c->whitelist, t, &place);
        if (*in) *task = place % (of ? of : 1);
    } else if (c->blacklist.n) {
        *in = !listed(&c->blacklist, t, &place);
    }
    return LEAT_OK;
}

/* ---- finding them ---- */

static leat_query_table *find(leat_query_source *s, const char *label)
{
    for (size_t i = 0; i < s->ntables; i++)
        if (strcmp(s->tables[i]->label, label) == 0) return s->tables[i];
    return NULL;
}

/* timestamp.initial, where nothing is stored. */
static leat_rc begin_at(leat_query_source *s, leat_query_offset *at, leat_err *e)
{
    int64_t ms = 0;
    const char *initial = s->conf->initial;
    if (!leat_query_by_moment(s->conf) || !initial || !leat_str_i64(leat_str_of(initial), &ms))
        return LEAT_OK;
    at->has_moment = true;
    at->moment_us = ms * 1000;
    return ms < 0 ? s->sql.dialect->clock(&s->sql, &at->moment_us, e) : LEAT_OK;
}

static leat_rc add(leat_query_source *s, const leat_sql_table *id, leat_err *e)
{
    leat_arena *a = &s->arena;
    leat_query_table *t = LEAT_NEW(a, leat_query_table, 1);
    t->label = id ? leat_arena_strdup(a, leat_query_tables_label(id, a)) : "query";
    if (id) {
        t->id = *id;
        t->id.db = id->db ? leat_arena_strdup(a, id->db) : NULL;
        t->id.schema = id->schema ? leat_arena_strdup(a, id->schema) : NULL;
        t->id.name = leat_arena_strdup(a, id->name);
        t->id.kind = leat_arena_strdup(a, id->kind);
    }
    const char *prefix = s->conf->prefix;
    t->topic = id ? leat_arena_printf(a, "%s%s", prefix, t->id.name) : prefix;
    t->from = leat_query_from(s->conf, s->sql.dialect, &t->id, a);
    bool bulk = s->conf->mode == LEAT_QUERY_BULK;
    t->partition = leat_query_partition(s->conf, id ? t->label : NULL, a);
    const leat_position *pos =
        leat_query_position(s->start, s->nstart, t->partition, id && !bulk ? t->id.name : NULL);
    t->look.partition = leat_query_looked_partition(t->label, a);
    const leat_position *looked = leat_query_position(s->start, s->nstart, t->look.partition, NULL);
    if (looked) LEAT_TRY(leat_query_looked_read(looked->offset, &t->look.at, e));
    t->stored = pos != NULL;
    if (pos)
        LEAT_TRY(leat_query_offset_read(pos->offset, &t->at, e));
    else
        LEAT_TRY(begin_at(s, &t->at, e));
    /* The partition as it was stored goes on, in whatever order its members stand. */
    if (pos && pos->partition.len == t->partition.len)
        t->partition = leat_arena_str(a, pos->partition);
    if (s->ntables == s->tables_cap) {
        s->tables_cap = s->tables_cap ? s->tables_cap * 2 : 8;
        s->tables = leat_realloc(s->tables, s->tables_cap * sizeof(leat_query_table *));
    }
    s->tables[s->ntables++] = t;
    leat_log(LEAT_INFO, "query.table", "task=%u table=\"%s\" topic=\"%s\" from=%s", s->task->id,
             t->label, t->topic, pos ? "its position" : "the beginning");
    return LEAT_OK;
}

/* Topics are named without schemas, and so are their keys: the delete of one table would be that of
 * another's row. The tables of all tasks. */
static leat_rc tell_apart(const leat_sql_table *found, const bool *in, size_t n, leat_arena *a,
                          leat_err *e)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; in[i] && k < i; k++)
            if (in[k] && strcmp(found[i].name, found[k].name) == 0)
                return leat_fail(e, LEAT_CONF, "query.one_topic", "deletes.interval.ms",
                                 "the tables %s and %s have one topic, where deletes of one are "
                                 "those of the other's rows: read them by two connectors of "
                                 "different topic.prefix",
                                 leat_query_tables_label(&found[k], a),
                                 leat_query_tables_label(&found[i], a));
    return LEAT_OK;
}

static leat_rc look(leat_query_source *s, const leat_sql_table *found, size_t n, leat_arena *a,
                    leat_err *e)
{
    bool *in = LEAT_NEW(a, bool, n + 1);
    unsigned *task = LEAT_NEW(a, unsigned, n + 1);
    for (size_t i = 0; i < n; i++)
        LEAT_TRY(leat_query_tables_wanted(s->conf, &found[i], s->task->of, &in[i], &task[i], a, e));
    if (s->conf->deletes_ms) LEAT_TRY(tell_apart(found, in, n, a, e));
    for (size_t i = 0; i < s->ntables; i++) s->tables[i]->gone = true;
    for (size_t i = 0; i < n; i++) {
        if (!in[i] || task[i] != s->task->id) continue;
        leat_query_table *t = find(s, leat_query_tables_label(&found[i], a));
        if (t) {
            t->gone = false;
            t->id.id = found[i].id;
        } else {
            LEAT_TRY(add(s, &found[i], e));
        }
    }
    return LEAT_OK;
}

leat_rc leat_query_tables_find(leat_query_source *s, leat_err *e)
{
    leat_arena a = {0};
    leat_sql_table *found;
    size_t n;
    const leat_sql_wanted w = {s->conf->catalog, s->conf->schema, s->conf->types};
    s->tables_us = leat_mono_us() + s->conf->tables_ms * 1000;
    if (leat_query_has_query(s->conf)) return s->ntables ? LEAT_OK : add(s, NULL, e);
    leat_rc rc = s->sql.dialect->tables(&s->sql, &w, &a, &found, &n, e);
    if (rc == LEAT_OK) rc = look(s, found, n, &a, e);
    leat_arena_free(&a);
    if (rc == LEAT_OK && s->ntables == 0 && !s->told_none && s->task->of < 2) {
        s->told_none = true;
        leat_log(LEAT_WARN, "query.no_tables",
                 "no table of the database is captured by this configuration; it is looked for "
                 "again every table.poll.interval.ms. 'leat check' lists what there is");
    }
    return rc;
}

/* ---- their columns ---- */

static void shape_free(leat_query_shape *shape)
{
    if (!shape) return;
    leat_table_unpin(shape->table);
    leat_table_unpin(shape->key.gone);
    leat_arena_free(&shape->arena);
    leat_free(shape);
}

void leat_query_tables_free(leat_query_source *s)
{
    for (size_t i = 0; i < s->ntables; i++) {
        if (s->sql.dialect) s->sql.dialect->forget(&s->tables[i]->settled);
        leat_query_deletes_close(s->tables[i]);
        shape_free(s->tables[i]->shape);
    }
    leat_free(s->tables);
}

static bool same_columns(const leat_query_shape *shape, const leat_sql_column *all, size_t n)
{
    if (shape->nall != n) return false;
    for (size_t i = 0; i < n; i++) {
        const leat_sql_column *x = &shape->all[i], *y = &all[i];
        if (strcmp(x->name, y->name) != 0 || strcmp(x->native, y->native) != 0 ||
            x->type != y->type || x->precision != y->precision || x->scale != y->scale ||
            x->optional != y->optional || x->zoned != y->zoned || x->grain_us != y->grain_us)
            return false;
    }
    return true;
}

/* By its name; else, as JDBC does, in whatever case, if that is one. */
static bool column_of(const leat_query_shape *shape, leat_str name, size_t *place)
{
    size_t n = 0;
    for (size_t i = 0; i < shape->n; i++) {
        leat_str own = leat_str_of(shape->cols[i]->name);
        if (leat_str_ieq(own, name) && n++ == 0) *place = i;
        if (!leat_str_eq(own, name)) continue;
        *place = i;
        return true;
    }
    return n == 1;
}

static leat_rc no_column(const leat_query_table *t, const char *option, leat_str name, leat_err *e)
{
    const leat_query_shape *shape = t->shape;
    leat_buf all = {0};
    for (size_t i = 0; i < shape->n && all.len < 200; i++)
        leat_buf_printf(&all, "%s%s", i ? ", " : "", shape->cols[i]->name);
    leat_buf_u8(&all, 0);
    leat_rc rc = leat_fail(e, LEAT_CONF, "query.column", option,
                           "\"" LEAT_STR_FMT "\" is no column of %s that is read; it has %s",
                           LEAT_STR_ARG(name), t->label, all.p);
    leat_buf_free(&all);
    return rc;
}

/* What a mapping says for this table: the text behind the pattern that fits. Each table has to fit
 * exactly one. */
static leat_rc mapping_of(const leat_query_table *t, const char *option, const leat_opt_list *list,
                          leat_arena *a, leat_str *out, leat_err *e)
{
    unsigned hits = 0;
    for (size_t i = 0; i < list->n; i++) {
        leat_str rest = leat_str_of(list->v[i]);
        leat_str pattern = leat_str_trim(leat_str_cut(&rest, ':'));
        bool hit = false;
        LEAT_TRY(fits(option, pattern, t->label, a, &hit, e));
        if (hit && hits++ == 0) *out = leat_str_trim(rest);
    }
    if (hits == 1) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.mapping", option,
                     "the table %s fits %u of the patterns; it has to fit one", t->label, hits);
}

static leat_rc find_number(const leat_query_conf *c, leat_query_table *t, leat_err *e)
{
    leat_query_shape *shape = t->shape;
    leat_str name = leat_str_of(c->incrementing ? c->incrementing : "");
    shape->number = SIZE_MAX;
    if (!leat_query_by_number(c)) return LEAT_OK;
    if (c->number_mapping.n)
        LEAT_TRY(mapping_of(t, "incrementing.column.mapping", &c->number_mapping, &shape->arena,
                            &name, e));
    for (size_t i = 0; name.len == 0 && i < shape->n && shape->number == SIZE_MAX; i++)
        if (shape->cols[i]->increments) shape->number = i;
    if (name.len == 0 && shape->number == SIZE_MAX)
        return leat_fail(e, LEAT_CONF, "query.column", "incrementing.column.name",
                         "%s has no column that the database numbers: name the one that grows",
                         t->label);
    if (name.len > 0 && !column_of(shape, name, &shape->number))
        return no_column(t, "incrementing.column.name", name, e);
    const leat_sql_column *col = shape->cols[shape->number];
    bool whole = col->type >= LEAT_SQL_INT8 && col->type <= LEAT_SQL_INT64;
    if (!whole && (col->type < LEAT_SQL_NUMERIC || col->type > LEAT_SQL_DECIMAL))
        return leat_fail(e, LEAT_CONF, "query.column", "incrementing.column.name",
                         "%s of %s is of type %s; expected whole numbers", col->name, t->label,
                         col->native);
    if (c->non_null && !leat_query_has_query(c) && col->optional)
        return leat_fail(e, LEAT_CONF, "query.nullable", "validate.non.null",
                         "the incrementing column %s of %s may be NULL, and such rows would never "
                         "be read: declare it NOT NULL, or set validate.non.null=false",
                         col->name, t->label);
    return LEAT_OK;
}

/* The next of several names of moments' columns. */
static leat_str next_name(const leat_query_conf *c, leat_str *mapped, size_t i)
{
    if (c->moment_mapping.n) return leat_str_trim(leat_str_cut(mapped, '|'));
    return leat_str_of(c->timestamps.v[i]);
}

static leat_rc find_moments(const leat_query_conf *c, leat_query_table *t, leat_err *e)
{
    leat_query_shape *shape = t->shape;
    leat_arena *a = &shape->arena;
    leat_str rest = {0};
    bool one_set = false;
    if (!leat_query_by_moment(c)) return LEAT_OK;
    if (c->moment_mapping.n) {
        LEAT_TRY(mapping_of(t, "timestamp.columns.mapping", &c->moment_mapping, a, &rest, e));
        if (rest.len > 2) rest = (leat_str){rest.s + 1, rest.len - 2};
    }
    const leat_sql_column **cols = LEAT_NEW(a, const leat_sql_column *, shape->n + 1);
    const char **quoted = LEAT_NEW(a, const char *, shape->n + 1);
    shape->stamps = LEAT_NEW(a, size_t, shape->n + 1);
    size_t n = 0;
    while (n < shape->n && (c->moment_mapping.n ? rest.s != NULL : n < c->timestamps.n)) {
        leat_str name = next_name(c, &rest, n);
        size_t place;
        if (!column_of(shape, name, &place)) return no_column(t, "timestamp.column.name", name, e);
        if (shape->cols[place]->type != LEAT_SQL_TIMESTAMP)
            return leat_fail(e, LEAT_CONF, "query.column", "timestamp.column.name",
                             "%s of %s is of type %s; expected a timestamp",
                             shape->cols[place]->name, t->label, shape->cols[place]->native);
        one_set = one_set || !shape->cols[place]->optional;
        cols[n] = shape->cols[place];
        shape->stamps[n] = place;
        n++;
    }
    shape->stamp = (leat_sql_stamp){cols, quoted, n};
    if (!c->non_null || leat_query_has_query(c) || one_set) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.nullable", "validate.non.null",
                     "all timestamp columns of %s may be NULL, and rows where they are would never "
                     "be read: declare one NOT NULL, or set validate.non.null=false",
                     t->label);
}

static const char *quoted_name(leat_query_source *s, leat_arena *a, const char *name)
{
    leat_buf out = {0};
    leat_buf_str_z(&out, "q.");
    leat_dialect_quote(s->sql.dialect, true, leat_str_of(name), &out);
    const char *text = leat_arena_str(a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text;
}

static void put_names(leat_query_source *s, leat_query_table *t)
{
    leat_query_shape *shape = t->shape;
    leat_buf sql = {0};
    const char **quoted = (const char **)(uintptr_t)shape->stamp.quoted;
    leat_buf_str_z(&sql, "SELECT ");
    for (size_t i = 0; i < shape->n; i++) {
        const char *name = quoted_name(s, &shape->arena, shape->cols[i]->name);
        if (i > 0) leat_buf_str_z(&sql, ", ");
        s->sql.dialect->put_column(&s->sql, shape->cols[i], name, &sql);
        if (i == shape->number) shape->number_quoted = name;
        for (size_t k = 0; k < shape->stamp.n; k++)
            if (shape->stamps[k] == i) quoted[k] = name;
    }
    for (uint16_t i = 0; i < shape->key.n; i++) { /* of a table, whose columns need no q. */
        leat_buf text = {0};
        s->side->text(&text, &shape->key.plan.fields[i]);
        leat_buf_u8(&text, 0);
        leat_buf_str_z(&sql, ", ");
        s->sql.dialect->put_column(&s->sql, shape->cols[shape->n + i], text.p, &sql);
        leat_buf_free(&text);
    }
    leat_buf_str_z(&sql, " FROM");
    shape->select = leat_arena_str(&shape->arena, leat_buf_str(&sql)).s;
    leat_buf_free(&sql);
}

static leat_rc pick_columns(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    leat_query_shape *shape = t->shape;
    leat_arena *a = &shape->arena;
    shape->cols = LEAT_NEW(a, const leat_sql_column *, 2 * shape->nall);
    shape->fields = LEAT_NEW(a, leat_query_field, shape->nall);
    for (size_t i = 0; i < shape->nall; i++) {
        const leat_sql_column *col = &shape->all[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(shape->all[k].name, col->name) == 0)
                return leat_fail(e, LEAT_CONF, "query.column", "query",
                                 "gives two columns of the name %s: name them apart with AS",
                                 col->name);
        if (leat_query_field_make(s->conf, col, a, &shape->fields[shape->n])) {
            shape->cols[shape->n++] = col;
        } else if (!t->told) {
            leat_log(LEAT_WARN, "query.column_left_out",
                     "table=\"%s\" column=\"%s\" type=\"%s\" JDBC does not map it: set "
                     "include.unknown.datatypes=true, or cast it in `query`",
                     t->label, col->name, col->native);
        }
    }
    t->told = true;
    shape->nread = shape->n;
    if (shape->n > 0) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "query.column", t->label, "it has no column that can be read");
}

static leat_field field_of(const leat_query_shape *shape, size_t i, leat_arena *a)
{
    return (leat_field){leat_arena_strdup(a, shape->cols[i]->name),
                        leat_schema_copy(a, shape->fields[i].schema)};
}

static leat_schema *value_of(const leat_query_shape *shape, const char *name, leat_arena *a)
{
    leat_schema *value = leat_schema_struct(a, false, name, 0, (uint32_t)shape->n);
    leat_field *fields = LEAT_NEW(a, leat_field, shape->n);
    for (size_t i = 0; i < shape->n; i++) fields[i] = field_of(shape, i, a);
    value->fields = fields;
    return value;
}

/* As ValueToKey makes it. */
static leat_schema *key_of(const leat_query_shape *shape, leat_arena *a)
{
    leat_schema *key = leat_schema_struct(a, false, NULL, 0, shape->key.n);
    leat_field *fields = LEAT_NEW(a, leat_field, shape->key.n);
    for (uint16_t i = 0; i < shape->key.n; i++)
        fields[i] = field_of(shape, shape->key.places[i], a);
    key->fields = fields;
    return key;
}

/* The schema of its events: a record whose value is the row, named as its table, behind the key
 * where deletes are looked for; of the deletes the key alone. */
static leat_table *make_table(leat_query_source *s, const leat_query_table *t, bool gone)
{
    const leat_query_shape *shape = t->shape;
    leat_table *table = leat_table_new(s->origin);
    leat_arena *a = &table->arena;
    const char *name = t->id.name ? t->id.name : NULL;
    leat_schema *row = leat_schema_struct(a, false, NULL, 0, 0);
    leat_field *parts = LEAT_NEW(a, leat_field, 2);
    if (shape->key.n) parts[row->nfields++] = (leat_field){LEAT_PART_KEY, key_of(shape, a)};
    if (!gone) parts[row->nfields++] = (leat_field){LEAT_PART_VALUE, value_of(shape, name, a)};
    row->fields = parts;
    table->topic = leat_arena_strdup(a, t->topic);
    table->db = t->id.db ? leat_arena_strdup(a, t->id.db) : NULL;
    table->schema = t->id.schema ? leat_arena_strdup(a, t->id.schema) : NULL;
    table->name = leat_arena_strdup(a, name ? name : t->topic);
    table->row = row;
    table->flags = LEAT_TABLE_RECORD;
    leat_table_seal(table);
    return table;
}

static leat_rc describe(leat_query_source *s, leat_query_table *t, bool by_key, leat_err *e)
{
    leat_query_shape *was = t->shape, *now = leat_zalloc(1, sizeof *now);
    leat_rc rc = s->sql.dialect->describe(&s->sql, t->from, &now->arena, &now->all, &now->nall, e);
    bool same = rc == LEAT_OK && was && same_columns(was, now->all, now->nall);
    if (same && !by_key) {
        shape_free(now);
        return LEAT_OK;
    }
    t->shape = now;
    now->number = SIZE_MAX;
    if (rc == LEAT_OK) rc = pick_columns(s, t, e);
    if (rc == LEAT_OK) rc = find_number(s->conf, t, e);
    if (rc == LEAT_OK) rc = find_moments(s->conf, t, e);
    if (rc == LEAT_OK && s->conf->deletes_ms) rc = leat_query_deletes_plan(s, t, e);
    same = same && rc == LEAT_OK && strcmp(was->key.signature, now->key.signature) == 0;
    if (rc != LEAT_OK || same) {
        t->shape = was;
        shape_free(now);
        return rc;
    }
    put_names(s, t);
    now->table = make_table(s, t, false);
    if (now->key.n) now->key.gone = make_table(s, t, true);
    shape_free(was);
    return LEAT_OK;
}

leat_rc leat_query_tables_describe(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    return describe(s, t, false, e);
}

leat_rc leat_query_tables_describe_key(leat_query_source *s, leat_query_table *t, leat_err *e)
{
    return describe(s, t, true, e);
}

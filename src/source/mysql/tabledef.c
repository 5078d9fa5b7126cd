/* A table's description as JSON, and back.
 *
 * What follows from a column's type (base, length, labels ...) is not written: it is found again.
 * Members that say nothing (false, no default, no comment) are left out. */
#include "source/mysql/tabledef.h"

#include "base/json.h"
#include "source/mysql/charset.h"

enum { MOST_COLUMNS = 4096, MOST_COLLATIONS = 2048 };

/* ---- writing ---- */

static void put_default(leat_jw *w, const leat_my_column *c)
{
    leat_buf hex = {0};
    if (c->def_now) leat_jw_bool(w, "default_now", true);
    if (!c->def.s) return;
    if (leat_str_utf8(c->def)) {
        leat_jw_str(w, "default", c->def);
        return;
    }
    leat_buf_hex(&hex, c->def);
    leat_jw_str(w, "default_hex", leat_buf_str(&hex));
    leat_buf_free(&hex);
}

static void put_column(leat_jw *w, const leat_my_column *c)
{
    leat_jw_object(w, NULL);
    leat_jw_z(w, "name", c->name);
    leat_jw_z(w, "type", c->type);
    leat_jw_bool(w, "nullable", c->nullable);
    if (c->auto_increment) leat_jw_bool(w, "auto_increment", true);
    if (c->generated) leat_jw_bool(w, "generated", true);
    if (c->on_update) leat_jw_bool(w, "on_update", true);
    put_default(w, c);
    if (c->charset) leat_jw_z(w, "charset", c->charset);
    if (c->collation) leat_jw_z(w, "collation", c->collation);
    if (c->collation_id) leat_jw_i64(w, "collation_id", c->collation_id);
    if (c->comment[0]) leat_jw_z(w, "comment", c->comment);
    bool told = strchr(c->type, '(') != NULL; /* else the labels are of the log */
    if (c->nlabels && !told) {
        leat_jw_array(w, "labels");
        for (uint32_t i = 0; i < c->nlabels; i++) leat_jw_str(w, NULL, c->labels[i]);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

void leat_my_tabledef_write(const leat_my_table *t, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    if (t->charset) leat_jw_z(&w, "charset", t->charset);
    if (t->comment[0]) leat_jw_z(&w, "comment", t->comment);
    leat_jw_bool(&w, "primary", t->primary);
    leat_jw_array(&w, "key");
    for (uint16_t i = 0; i < t->nkey; i++) leat_jw_z(&w, NULL, t->cols[t->key[i]].name);
    leat_jw_end(&w);
    leat_jw_array(&w, "columns");
    for (uint16_t i = 0; i < t->ncols; i++) put_column(&w, &t->cols[i]);
    leat_jw_end(&w);
    leat_jw_end(&w);
}

/* ---- reading ---- */

static leat_rc bad(leat_str db, leat_str name, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "mysql.tabledef", "schema history",
                     "the description of " LEAT_STR_FMT "." LEAT_STR_FMT " %s", LEAT_STR_ARG(db),
                     LEAT_STR_ARG(name), what);
}

static const char *text_or(const leat_json *j, const char *name, const char *other)
{
    leat_str v = leat_json_get_str(j, name);
    return v.s ? v.s : other;
}

static unsigned length_of(const leat_json *list)
{
    unsigned n = 0;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) n++;
    return n;
}

static void read_default(const leat_json *j, leat_my_column *c, leat_arena *a)
{
    leat_buf raw = {0};
    leat_str hex = leat_json_get_str(j, "default_hex");
    c->def_now = leat_json_get_bool(j, "default_now", false);
    c->def = leat_json_get_str(j, "default");
    if (hex.s && leat_buf_unhex(&raw, hex)) c->def = leat_arena_str(a, leat_buf_str(&raw));
    leat_buf_free(&raw);
}

static void read_labels(const leat_json *list, leat_my_column *c, leat_arena *a)
{
    unsigned n = length_of(list);
    if (n == 0) return;
    leat_str *labels = LEAT_NEW(a, leat_str, n);
    for (const leat_json *j = list->child; j; j = j->next)
        if (j->type == LEAT_JSON_STRING) labels[c->nlabels++] = j->text;
    c->labels = labels;
}

/* Any collation of the set: it tells how the bytes are read. */
static uint16_t collation_for(const char *charset)
{
    const leat_charset *cs = charset ? leat_charset_of_name(leat_str_of(charset)) : NULL;
    uint16_t id = 1;
    while (cs && id < MOST_COLLATIONS && leat_charset_of_collation(id) != cs) id++;
    return cs && id < MOST_COLLATIONS ? id : 0;
}

static bool read_column(const leat_json *j, leat_my_column *c, leat_arena *a)
{
    *c = (leat_my_column){
        .name = text_or(j, "name", NULL),
        .type = text_or(j, "type", NULL),
        .nullable = leat_json_get_bool(j, "nullable", true),
        .auto_increment = leat_json_get_bool(j, "auto_increment", false),
        .generated = leat_json_get_bool(j, "generated", false),
        .on_update = leat_json_get_bool(j, "on_update", false),
        .charset = text_or(j, "charset", NULL),
        .collation = text_or(j, "collation", NULL),
        .collation_id = (uint16_t)leat_json_get_i64(j, "collation_id", 0),
        .comment = text_or(j, "comment", ""),
    };
    if (!c->name || !c->type) return false;
    if (!c->collation_id) c->collation_id = collation_for(c->charset);
    read_default(j, c, a);
    leat_my_column_type(c, a);
    read_labels(leat_json_get(j, "labels"), c, a);
    return true;
}

static bool read_key(const leat_json *list, leat_my_table *t, leat_arena *a)
{
    uint16_t *key = LEAT_NEW(a, uint16_t, length_of(list) + 1);
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        uint16_t i = 0;
        while (i < t->ncols && (!j->text.s || !leat_str_is(j->text, t->cols[i].name))) i++;
        if (i == t->ncols) return false;
        key[t->nkey++] = i;
    }
    t->key = key;
    return true;
}

leat_rc leat_my_tabledef_read(leat_str text, leat_str db, leat_str name, leat_arena *a,
                              const leat_my_table **out, leat_err *e)
{
    const leat_json *j;
    *out = NULL;
    LEAT_TRY(leat_json_parse(a, text, &j, e));
    const leat_json *list = leat_json_get(j, "columns");
    unsigned n = length_of(list);
    if (!list || list->type != LEAT_JSON_ARRAY || n == 0 || n > MOST_COLUMNS)
        return bad(db, name, "has no columns", e);
    leat_my_table *t = LEAT_NEW(a, leat_my_table, 1);
    leat_my_column *cols = LEAT_NEW(a, leat_my_column, n);
    *t = (leat_my_table){
        .db = leat_arena_str(a, db).s,
        .name = leat_arena_str(a, name).s,
        .cols = cols,
        .primary = leat_json_get_bool(j, "primary", false),
        .charset = text_or(j, "charset", NULL),
        .comment = text_or(j, "comment", ""),
        .create = "",
    };
    for (const leat_json *c = list->child; c; c = c->next)
        if (!read_column(c, &cols[t->ncols++], a))
            return bad(db, name, "has a column without a name or a type", e);
    if (!read_key(leat_json_get(j, "key"), t, a))
        return bad(db, name, "has a key with a column that it does not have", e);
    *out = t;
    return LEAT_OK;
}

/* Tables as a server describes them now: information_schema and SHOW CREATE TABLE.
 *
 * Columns come from information_schema, which knows each column's charset; keys and the table's
 * options from SHOW CREATE TABLE, whose lines are of a fixed form:
 *
 *     PRIMARY KEY (`a`,`b`(10) DESC),
 *     UNIQUE KEY `name` (`c`),
 *   ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='text'
 *
 * The latter comes first, for it waits for the lock of a statement that alters the table: the
 * binary log may tell of one before information_schema shows what it did.
 *
 * MySQL gives a default as its value and says in `extra` that it is an expression; MariaDB (10.2.7)
 * gives an expression, in which constants are quoted. Any thread with a session of its own. */
#include "system/mysql/catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

enum { MOST_COLUMNS = 4096 };

/* ---- types ---- */

/* The text in quotes at *p, quotes undoubled; *p moves behind it. */
static leat_str quoted(const char **p, leat_arena *a)
{
    size_t len = 0;
    char *out = leat_arena_alloc(a, strlen(*p) + 1, 1);
    const char *s = *p + 1;
    for (; *s && (*s != '\'' || s[1] == '\''); s++) {
        if (*s == '\'') s++;
        out[len++] = *s;
    }
    *p = *s ? s + 1 : s;
    out[len] = 0;
    return (leat_str){out, len};
}

static void read_labels(leat_my_column *c, const char *p, leat_arena *a)
{
    size_t room = 1;
    for (const char *s = p; *s; s++) room += *s == ',';
    leat_str *labels = LEAT_NEW(a, leat_str, room);
    while (*p == '\'' && c->nlabels < room) {
        labels[c->nlabels++] = quoted(&p, a);
        if (*p == ',') p++;
    }
    c->labels = labels;
}

void leat_my_column_type(leat_my_column *c, leat_arena *a)
{
    size_t n = strcspn(c->type, "( ");
    const char *open = c->type[n] == '(' ? c->type + n + 1 : NULL;
    c->base = leat_arena_str(a, (leat_str){c->type, n}).s;
    c->length = c->scale = -1;
    if (open && *open == '\'') {
        read_labels(c, open, a);
        return;
    }
    char *end = NULL;
    if (open && isdigit((unsigned char)*open)) c->length = (int32_t)strtol(open, &end, 10);
    if (end && *end == ',') c->scale = (int32_t)strtol(end + 1, NULL, 10);
    c->zerofill = strstr(c->type, " zerofill") != NULL;
    c->is_unsigned = c->zerofill || strstr(c->type, " unsigned") != NULL;
}

/* ---- defaults ---- */

static bool is_now(leat_str text)
{
    static const char *const names[] = {"current_timestamp", "now(", "localtime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (text.len >= n && strncasecmp(text.s, names[i], n) == 0) return true;
    }
    return false;
}

/* A number, or bits. */
static bool is_plain(leat_str text)
{
    if (text.len > 2 && (text.s[0] == 'b' || text.s[0] == 'B') && text.s[1] == '\'') return true;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.s[i])) return false;
    return text.len > 0;
}

/* The default of a binary column in hex: MySQL shows 0x6162, MariaDB from 11 on x'6162'. False: it
 * is something else. */
static bool from_hex(const leat_my_column *c, leat_str text, leat_arena *a, leat_str *out)
{
    leat_buf raw = {0};
    if (!strstr(c->base, "binary") || text.len < 3) return false;
    leat_str hex = {text.s + 2, text.len - 2};
    bool quoted = text.s[0] == 'x' && text.s[1] == '\'' && text.s[text.len - 1] == '\'';
    if (quoted) hex.len--;
    bool good = (quoted || leat_str_starts(text, "0x")) && leat_buf_unhex(&raw, hex);
    if (good) *out = leat_arena_str(a, leat_buf_str(&raw));
    leat_buf_free(&raw);
    return good;
}

static void read_default(leat_my_column *c, bool mariadb, bool generated, leat_str text,
                         leat_arena *a)
{
    if (!text.s || c->generated) return;
    if (!generated && from_hex(c, text, a, &c->def)) return;
    bool expression = generated || (mariadb && text.len && text.s[0] != '\'' && !is_plain(text));
    if (is_now(text) && (generated || mariadb || strcmp(c->base, "timestamp") == 0 ||
                         strcmp(c->base, "datetime") == 0)) {
        c->def_now = true;
        return;
    }
    if (expression) return;
    const char *p = leat_arena_str(a, text).s;
    c->def = mariadb && text.len && text.s[0] == '\'' ? quoted(&p, a) : leat_arena_str(a, text);
}

/* ---- columns ---- */

enum { NAME, TYPE, NULLABLE, DEFAULT, EXTRA, CHARSET, COLLATION, COMMENT, COLLATION_ID };

static bool contains(leat_str text, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.len; i++)
        if (strncasecmp(text.s + i, word, n) == 0) return true;
    return false;
}

static const char *text_of(const leat_my_result *r, unsigned col, leat_arena *a)
{
    leat_str cell = leat_my_cell(r, col);
    return cell.s ? leat_arena_str(a, cell).s : NULL;
}

static void read_column(const leat_my *c, const leat_my_result *r, leat_arena *a,
                        leat_my_column *out)
{
    leat_str extra = leat_my_cell(r, EXTRA);
    *out = (leat_my_column){
        .name = text_of(r, NAME, a),
        .type = text_of(r, TYPE, a),
        .nullable = leat_str_is(leat_my_cell(r, NULLABLE), "YES"),
        .auto_increment = contains(extra, "auto_increment"),
        .generated = contains(extra, "virtual generated") || contains(extra, "stored generated") ||
                     contains(extra, "persistent"),
        .on_update = contains(extra, "on update"),
        .charset = text_of(r, CHARSET, a),
        .collation = text_of(r, COLLATION, a),
        .comment = text_of(r, COMMENT, a),
        .collation_id = (uint16_t)leat_my_cell_i64(r, COLLATION_ID, 0),
    };
    if (!out->comment) out->comment = "";
    leat_my_column_type(out, a);
    read_default(out, c->mariadb, contains(extra, "default_generated"), leat_my_cell(r, DEFAULT),
                 a);
}

static leat_rc read_columns(leat_my *c, const char *db, const char *name, leat_arena *a,
                            leat_my_table *t, leat_err *e)
{
    leat_my_result r;
    leat_buf sql = {0};
    leat_buf_str_z(&sql,
                   "SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, "
                   "CHARACTER_SET_NAME, COLLATION_NAME, COLUMN_COMMENT, (SELECT MIN(l.ID) FROM "
                   "information_schema.COLLATIONS l WHERE l.COLLATION_NAME = c.COLLATION_NAME) "
                   "FROM information_schema.COLUMNS c WHERE TABLE_SCHEMA = ");
    leat_my_put_text(&sql, leat_str_of(db));
    leat_buf_str_z(&sql, " AND TABLE_NAME = ");
    leat_my_put_text(&sql, leat_str_of(name));
    leat_buf_str_z(&sql, " ORDER BY ORDINAL_POSITION");
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(c, "read a table's columns", sql.p, &r, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    size_t n = (size_t)mysql_num_rows(r.res);
    if (n > MOST_COLUMNS) n = MOST_COLUMNS;
    leat_my_column *cols = LEAT_NEW(a, leat_my_column, n);
    while (t->ncols < n && leat_my_next(&r)) read_column(c, &r, a, &cols[t->ncols++]);
    t->cols = cols;
    leat_my_result_free(&r);
    return LEAT_OK;
}

/* ---- keys and options ---- */

/* The name in backticks at *p; *p moves behind it. */
static leat_str name_at(const char **p, leat_arena *a)
{
    char *out = leat_arena_alloc(a, strlen(*p) + 1, 1);
    size_t len = 0;
    const char *s = *p + 1;
    for (; *s && (*s != '`' || s[1] == '`'); s++) {
        if (*s == '`') s++;
        out[len++] = *s;
    }
    *p = *s ? s + 1 : s;
    out[len] = 0;
    return (leat_str){out, len};
}

/* The columns listed in parentheses at p; false if one is not there or, for a unique key, may be
 * NULL. */
static bool key_of(leat_my_table *t, const char *p, bool primary, leat_arena *a)
{
    uint16_t *key = LEAT_NEW(a, uint16_t, t->ncols), n = 0;
    while (*p && *p != ')') {
        if (*p == '(') p += strcspn(p, ")") + (strchr(p, ')') != NULL); /* a prefix's length */
        if (*p != '`') {
            if (*p && *p != ')') p++;
            continue;
        }
        leat_str name = name_at(&p, a);
        uint16_t i = 0;
        while (i < t->ncols && !leat_str_is(name, t->cols[i].name)) i++;
        if (i == t->ncols || n == t->ncols || (!primary && t->cols[i].nullable)) return false;
        key[n++] = i;
    }
    if (n == 0) return false;
    t->key = key;
    t->nkey = n;
    t->primary = primary;
    return true;
}

/* The word behind name in the line of options, up to the next blank. */
static const char *option_of(const char *line, const char *name, leat_arena *a)
{
    const char *at = strstr(line, name);
    if (!at) return NULL;
    at += strlen(name);
    return leat_arena_str(a, (leat_str){at, strcspn(at, " ")}).s;
}

static void read_create(leat_my_table *t, leat_arena *a)
{
    const char *line = t->create;
    while (line) {
        const char *text = line + strspn(line, " "), *next = strchr(line, '\n');
        if (strncmp(text, "PRIMARY KEY (", 13) == 0) {
            key_of(t, text + 13, true, a);
        } else if (strncmp(text, "UNIQUE KEY `", 12) == 0 && t->nkey == 0) {
            const char *p = text + 11;
            name_at(&p, a);
            p = strchr(p, '(');
            if (p) key_of(t, p + 1, false, a);
        } else if (*line == ')') {
            t->charset = option_of(line, " DEFAULT CHARSET=", a);
            const char *comment = strstr(line, " COMMENT='");
            if (comment) {
                comment += 9;
                t->comment = quoted(&comment, a).s;
            }
        }
        line = next ? next + 1 : NULL;
    }
}

leat_rc leat_my_table_create(leat_my *c, const char *db, const char *name, leat_arena *a,
                             const char **out, leat_err *e)
{
    leat_my_result r;
    leat_buf sql = {0};
    *out = NULL;
    leat_buf_str_z(&sql, "SHOW CREATE TABLE ");
    leat_my_put_table(&sql, leat_str_of(db), leat_str_of(name));
    leat_buf_u8(&sql, 0);
    leat_rc rc = leat_my_query(c, "read a table's definition", sql.p, &r, e);
    leat_buf_free(&sql);
    if (rc == LEAT_CONF && e && strcmp(e->code, "mysql.table_missing") == 0) return LEAT_OK;
    LEAT_TRY(rc);
    bool view = strcasecmp(mysql_fetch_field_direct(r.res, 0)->name, "View") == 0;
    if (!view && leat_my_next(&r)) *out = text_of(&r, 1, a);
    leat_my_result_free(&r);
    return LEAT_OK;
}

leat_rc leat_my_table_read(leat_my *c, const char *db, const char *name, leat_arena *a,
                           const leat_my_table **out, leat_err *e)
{
    leat_my_table *t = LEAT_NEW(a, leat_my_table, 1);
    *out = NULL;
    t->db = leat_arena_strdup(a, db);
    t->name = leat_arena_strdup(a, name);
    t->comment = "";
    LEAT_TRY(leat_my_table_create(c, db, name, a, &t->create, e));
    if (!t->create) return LEAT_OK;
    LEAT_TRY(read_columns(c, db, name, a, t, e));
    if (t->ncols == 0) return LEAT_OK;
    read_create(t, a);
    *out = t;
    return LEAT_OK;
}

/* ---- the list ---- */

bool leat_my_is_builtin(const char *db)
{
    static const char *const names[] = {"mysql", "sys", "information_schema", "performance_schema",
                                        "ndbinfo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(db, names[i]) == 0) return true;
    return false;
}

/* Keys by STATISTICS: MariaDB shows TABLE_CONSTRAINTS only to who has more than SELECT. */
leat_rc leat_my_relations(leat_my *c, leat_arena *a, leat_my_relation **out, size_t *n, leat_err *e)
{
    leat_my_result r;
    *n = 0;
    LEAT_TRY(leat_my_query(
        c, "read the tables",
        "SELECT t.TABLE_SCHEMA, t.TABLE_NAME, t.ENGINE, t.TABLE_ROWS, t.DATA_LENGTH, EXISTS (SELECT 1 FROM "
        "information_schema.STATISTICS k WHERE k.TABLE_SCHEMA = t.TABLE_SCHEMA AND "
        "k.TABLE_NAME = t.TABLE_NAME AND k.INDEX_NAME = 'PRIMARY') FROM "
        "information_schema.TABLES t WHERE t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND "
        "t.TABLE_SCHEMA NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', "
        "'ndbinfo') ORDER BY 1, 2",
        &r, e));
    leat_my_relation *v = LEAT_NEW(a, leat_my_relation, mysql_num_rows(r.res));
    while (leat_my_next(&r)) {
        const char *engine = text_of(&r, 2, a);
        v[(*n)++] = (leat_my_relation){.db = text_of(&r, 0, a),
                                       .name = text_of(&r, 1, a),
                                       .engine = engine ? engine : "",
                                       .rows = leat_my_cell_i64(&r, 3, -1),
                                       .bytes = leat_my_cell_i64(&r, 4, -1),
                                       .keyed = leat_my_cell_i64(&r, 5, 0) != 0};
    }
    leat_my_result_free(&r);
    *out = v;
    return LEAT_OK;
}

/* Of CURRENT_USER(): behind the last @ is the host, which has none. */
leat_rc leat_my_account(leat_my *c, leat_arena *a, const char **out, leat_err *e)
{
    leat_my_result r;
    leat_buf text = {0};
    LEAT_TRY(leat_my_query(c, "read the account's name", "SELECT CURRENT_USER()", &r, e));
    leat_str user = leat_my_next(&r) ? leat_my_cell(&r, 0) : (leat_str){0};
    size_t at = user.len;
    while (at > 0 && user.s[at - 1] != '@') at--;
    leat_my_put_text(&text, (leat_str){user.s, at ? at - 1 : user.len});
    leat_buf_u8(&text, '@');
    leat_my_put_text(&text, at ? (leat_str){user.s + at, user.len - at} : LEAT_STR("%"));
    *out = leat_arena_str(a, leat_buf_str(&text)).s;
    leat_buf_free(&text);
    leat_my_result_free(&r);
    return LEAT_OK;
}

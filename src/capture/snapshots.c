/* Tables of snapshots: which, in which order, by which statements; see the header. */
#include "capture/snapshots.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/log.h"
#include "capture/patterns.h"

typedef struct ranked {
    leat_snapshot_table table;
    size_t rank; /* pattern that took it, and where nothing else decides its place before */
    size_t place;
} ranked;

static int by_rank(const void *x, const void *y)
{
    const ranked *a = x, *b = y;
    if (a->rank != b->rank) return a->rank > b->rank ? 1 : -1;
    return (a->place > b->place) - (a->place < b->place);
}

static int by_few(const void *x, const void *y)
{
    const ranked *a = x, *b = y;
    if (a->table.rows != b->table.rows) return a->table.rows > b->table.rows ? 1 : -1;
    return (a->place > b->place) - (a->place < b->place);
}

static int by_many(const void *x, const void *y)
{
    return by_few(y, x);
}

/* The first pattern of table.include.list that fits. */
static leat_rc rank_of(const leat_patterns *p, const leat_snapshot_table *t, size_t *rank,
                       leat_err *e)
{
    leat_full_name name;
    leat_str text = leat_full_name_make(&name, t->schema, t->name, NULL);
    leat_rc rc = LEAT_OK;
    bool hit = false;
    for (*rank = 0; *rank < p->n && rc == LEAT_OK; ++*rank) {
        rc = leat_regex_match(p->v[*rank], text, &hit, e);
        if (hit) break;
    }
    leat_full_name_free(&name);
    return rc;
}

static leat_rc rank_tables(const leat_capture_conf *c, const leat_filter *f, leat_arena *a,
                           const leat_snapshot_table *tables, size_t n, ranked *v, size_t *kept,
                           leat_err *e)
{
    leat_patterns p;
    LEAT_TRY(leat_patterns_new(a, "table.include.list", &c->table_include, &p, e));
    *kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool in;
        LEAT_TRY(leat_filter_snapshot(f, tables[i].schema, tables[i].name, &in, e));
        if (!in) continue;
        ranked *r = &v[(*kept)++];
        *r = (ranked){.table = tables[i], .place = i};
        LEAT_TRY(rank_of(&p, &tables[i], &r->rank, e));
    }
    return LEAT_OK;
}

leat_rc leat_snapshot_tables(const leat_capture_conf *c, const leat_filter *f,
                             leat_snapshot_table *tables, size_t *n, leat_err *e)
{
    static int (*const orders[])(const void *, const void *) = {
        [LEAT_SNAPSHOT_ORDER_LIST] = by_rank,
        [LEAT_SNAPSHOT_ORDER_FEW] = by_few,
        [LEAT_SNAPSHOT_ORDER_MANY] = by_many,
    };
    leat_arena a = {0};
    ranked *v = LEAT_NEW(&a, ranked, *n);
    size_t kept = 0;
    leat_rc rc = rank_tables(c, f, &a, tables, *n, v, &kept, e);
    if (rc == LEAT_OK && kept) qsort(v, kept, sizeof *v, orders[c->snapshot_order]);
    for (size_t i = 0; rc == LEAT_OK && i < kept; i++) tables[i] = v[i].table;
    if (rc == LEAT_OK) *n = kept;
    leat_arena_free(&a);
    return rc;
}

static bool is_name(const char *name, const char *schema, const char *table)
{
    size_t n = strlen(schema);
    return strncmp(name, schema, n) == 0 && name[n] == '.' && strcmp(name + n + 1, table) == 0;
}

const char *leat_snapshot_override(const leat_capture_conf *c, const char *schema,
                                   const char *table)
{
    bool listed = false;
    for (size_t i = 0; i < c->overrides.n; i++) listed |= is_name(c->overrides.v[i], schema, table);
    for (size_t i = 0; listed && i < c->override_texts.n; i++)
        if (is_name(c->override_texts.v[i].star[0], schema, table))
            return c->override_texts.v[i].value;
    return NULL;
}

void leat_snapshot_tell_overrides(const leat_capture_conf *c, const char *const *names, size_t n)
{
    for (size_t i = 0; i < c->overrides.n; i++) {
        bool found = false;
        for (size_t k = 0; k < n && !found; k++) found = strcmp(names[k], c->overrides.v[i]) == 0;
        if (!found)
            leat_log(
                LEAT_WARN, "snapshot.override_unused",
                "table=\"%s\" snapshot.select.statement.overrides names it, but the snapshot "
                "reads no such table (expected schema.table, as in the database, and captured): "
                "its select has no effect",
                c->overrides.v[i]);
    }
}

bool leat_snapshot_divides(const char *statement)
{
    static const char *const words[] = {"limit",     "fetch",  "offset", "group",       "having",
                                        "distinct",  "union",  "except", "tablesample", "over",
                                        "intersect", "random", "rand",   NULL};
    for (const char *p = statement ? statement : ""; *p;) {
        leat_str word = {p, 0};
        while (isalnum((unsigned char)*p) || *p == '_') p++;
        word.len = (size_t)(p - word.s);
        for (int i = 0; words[i]; i++)
            if (leat_str_ieq(word, leat_str_of(words[i]))) return false;
        if (word.len == 0) p++;
    }
    return true;
}

void leat_snapshot_put_statement(const char *statement, leat_buf *sql)
{
    leat_str text = leat_str_trim(leat_str_of(statement));
    while (text.len && text.s[text.len - 1] == ';')
        text = leat_str_trim((leat_str){text.s, text.len - 1});
    leat_buf_u8(sql, '(');
    leat_buf_add(sql, text);
    leat_buf_str_z(sql, "\n) AS leat_rows"); /* a comment may end the statement */
}

/* ---- offsets ---- */

bool leat_snapshot_unfinished(const leat_json *offset)
{
    const leat_json *s = leat_json_get(offset, "snapshot");
    if (!s || s->type == LEAT_JSON_FALSE || s->type == LEAT_JSON_NULL) return false;
    return !leat_json_get_bool(offset, "last_snapshot_record", false) &&
           !leat_json_get_bool(offset, "snapshot_completed", false);
}

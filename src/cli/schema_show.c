/* leat schema show and verify: what was noted, for people and as JSON, and whether it is still so.
 *
 * Nothing is changed; the connector may run. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/schema.h"

/* ---- the newest of each table ---- */

typedef struct table {
    leat_str db, name;
    leat_schema_entry newest; /* texts in the arena; entries of all tables count too */
    uint64_t entries;
    bool told; /* by the server */
    struct table *next;
} table;

typedef struct listing {
    leat_arena *a;
    table *first, **tail;
    leat_schema_entry all; /* the newest that concerns all tables */
    uint64_t n, broken;
    int64_t first_broken;
} listing;

static leat_str keep(leat_arena *a, leat_str v)
{
    return v.s ? leat_arena_str(a, v) : v;
}

static leat_schema_entry kept(leat_arena *a, const leat_schema_entry *en)
{
    leat_schema_entry k = *en;
    k.db = keep(a, en->db);
    k.table = keep(a, en->table);
    k.place = keep(a, en->place);
    k.what = keep(a, en->what);
    k.sql = keep(a, en->sql);
    k.def = keep(a, en->def);
    return k;
}

static table *find(listing *l, leat_str db, leat_str name)
{
    table *t = l->first;
    while (t && !(leat_str_eq(t->db, db) && leat_str_eq(t->name, name))) t = t->next;
    return t;
}

static bool list_one(void *arg, const leat_schema_entry *en)
{
    listing *l = arg;
    l->n++;
    if (en->broken && l->broken++ == 0) l->first_broken = en->id;
    if (!en->table.s) { /* all of a database, or all there are: gone, or not known */
        for (table *t = l->first; t; t = t->next)
            if (!en->db.s || leat_str_eq(t->db, en->db)) t->newest = kept(l->a, en);
        return true;
    }
    table *t = find(l, en->db, en->table);
    if (!t) {
        t = LEAT_NEW(l->a, table, 1);
        t->db = keep(l->a, en->db);
        t->name = keep(l->a, en->table);
        *l->tail = t;
        l->tail = &t->next;
    }
    t->newest = kept(l->a, en);
    t->entries++;
    return true;
}

static leat_rc list(leat_schema_call *x, listing *l, leat_err *e)
{
    *l = (listing){.a = &x->a};
    l->tail = &l->first;
    return leat_state_schemas_each(x->state, list_one, l, e);
}

/* ---- show ---- */

static const leat_json *columns_of(leat_arena *a, leat_str def)
{
    const leat_json *j = NULL;
    leat_err e;
    if (!def.s || leat_json_parse(a, def, &j, &e) != LEAT_OK) return NULL;
    return leat_json_get(j, "columns");
}

static unsigned length_of(const leat_json *list)
{
    unsigned n = 0;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) n++;
    return n;
}

void leat_schema_print(const leat_schema_entry *en, uint64_t entries)
{
    char iso[LEAT_ISO_MAX];
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "id", en->id);
    leat_jw_str(&w, "db", en->db);
    leat_jw_str(&w, "table", en->table);
    leat_jw_str(&w, "what", en->what);
    leat_jw_z(&w, "noted", leat_iso_us(en->at_us, 3, iso));
    leat_jw_z(&w, "committed", en->ts_us ? leat_iso_us(en->ts_us, 3, iso) : NULL);
    leat_jw_raw(&w, "place", en->place);
    leat_jw_str(&w, "ddl", en->sql);
    leat_jw_raw(&w, "def", en->def.s ? en->def : LEAT_STR("null"));
    leat_jw_bool(&w, "broken", en->broken);
    if (entries) leat_jw_i64(&w, "entries", (int64_t)entries);
    leat_jw_end(&w);
    printf("%.*s\n", (int)out.len, out.p);
    leat_buf_free(&out);
}

/* What is known of it, for a person. */
static const char *state_of(const leat_schema_entry *en)
{
    if (en->broken) return "broken";
    if (en->def.s) return "known";
    bool gone = leat_str_is(en->what, "drop") || leat_str_is(en->what, "rename");
    return gone ? "gone" : "not known";
}

static void print_table(leat_arena *a, const table *t)
{
    char iso[LEAT_ISO_MAX], name[300];
    const leat_schema_entry *en = &t->newest;
    snprintf(name, sizeof name, LEAT_STR_FMT "." LEAT_STR_FMT, LEAT_STR_ARG(t->db),
             LEAT_STR_ARG(t->name));
    printf("%-40s %-10s %4u columns  %4" PRIu64 " noted, last %s (%.*s)\n", name, state_of(en),
           length_of(columns_of(a, en->def)), t->entries, leat_iso_us(en->at_us, 0, iso),
           LEAT_STR_ARG(en->what));
}

static void print_entry(leat_arena *a, const leat_schema_entry *en)
{
    char iso[LEAT_ISO_MAX];
    printf("%" PRId64 "  %s  %.*s: %s\n   at %.*s\n", en->id, leat_iso_us(en->at_us, 3, iso),
           LEAT_STR_ARG(en->what), state_of(en), LEAT_STR_ARG(en->place));
    if (en->sql.s) printf("   %.*s\n", LEAT_STR_ARG(en->sql));
    const leat_json *columns = columns_of(a, en->def);
    for (const leat_json *c = columns ? columns->child : NULL; c; c = c->next)
        printf("     %-30.*s %.*s%s\n", LEAT_STR_ARG(leat_json_get_str(c, "name")),
               LEAT_STR_ARG(leat_json_get_str(c, "type")),
               leat_json_get_bool(c, "nullable", true) ? "" : " NOT NULL");
}

typedef struct showing {
    leat_schema_call *x;
    uint64_t n;
} showing;

static bool show_one(void *arg, const leat_schema_entry *en)
{
    showing *g = arg;
    g->n++;
    if (g->x->common.json)
        leat_schema_print(en, 0);
    else
        print_entry(&g->x->a, en);
    return true;
}

/* False: it has no dot. */
static bool split(const char *whole, leat_str *db, leat_str *name)
{
    const char *dot = strchr(whole, '.');
    if (!dot || dot == whole || !dot[1]) return false;
    *db = (leat_str){whole, (size_t)(dot - whole)};
    *name = leat_str_of(dot + 1);
    return true;
}

static leat_rc no_table(const leat_schema_call *x, const char *whole, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "schema.unknown", whole,
                     "nothing was noted of a table of this name; 'leat schema %s show' lists those "
                     "there are",
                     x->name);
}

leat_rc leat_schema_split(const leat_schema_call *x, const char *whole, leat_str *db,
                          leat_str *name, leat_err *e)
{
    return split(whole, db, name) ? LEAT_OK : no_table(x, whole, e);
}

leat_rc leat_schema_count(leat_schema_call *x, uint64_t *n, leat_err *e)
{
    listing l;
    LEAT_TRY(list(x, &l, e));
    *n = l.n;
    return LEAT_OK;
}

leat_rc leat_schema_show(leat_schema_call *x, const char *whole, leat_err *e)
{
    listing l;
    leat_str db, name;
    LEAT_TRY(leat_schema_open(x, true, e));
    if (whole) {
        showing g = {.x = x};
        leat_schema_store *store = leat_state_schema_store(x->state);
        LEAT_TRY(leat_schema_split(x, whole, &db, &name, e));
        LEAT_TRY(store->each(store, db, name, show_one, &g, e));
        return g.n ? LEAT_OK : no_table(x, whole, e);
    }
    LEAT_TRY(list(x, &l, e));
    for (const table *t = l.first; t; t = t->next) {
        if (x->common.json)
            leat_schema_print(&t->newest, t->entries);
        else
            print_table(&x->a, t);
    }
    if (l.n == 0) fprintf(stderr, "%s: nothing was noted yet\n", x->name);
    return LEAT_OK;
}

/* ---- verify ---- */

typedef struct verifying {
    leat_schema_call *x;
    listing l;
    uint64_t same, differ, unknown;
} verifying;

static void tell(const verifying *v, leat_str db, leat_str name, const char *verdict,
                 const leat_schema_entry *en)
{
    leat_buf out = {0};
    leat_jw w = {.out = &out};
    if (v->x->common.json) {
        leat_jw_object(&w, NULL);
        leat_jw_str(&w, "db", db);
        leat_jw_str(&w, "table", name);
        leat_jw_z(&w, "verdict", verdict);
        if (en) leat_jw_i64(&w, "id", en->id);
        leat_jw_end(&w);
        printf("%.*s\n", (int)out.len, out.p);
    } else {
        printf("%.*s.%.*s: %s\n", LEAT_STR_ARG(db), LEAT_STR_ARG(name), verdict);
    }
    leat_buf_free(&out);
}

/* What is compared: keys, and columns with their names and types. */
static bool same_def(leat_str x, leat_str y)
{
    leat_arena a = {0};
    const leat_json *p, *q;
    leat_err e;
    bool same =
        leat_json_parse(&a, x, &p, &e) == LEAT_OK && leat_json_parse(&a, y, &q, &e) == LEAT_OK;
    if (same) {
        const leat_json *m = leat_json_get(p, "columns"), *n = leat_json_get(q, "columns");
        m = m ? m->child : NULL;
        n = n ? n->child : NULL;
        for (; same && m && n; m = m->next, n = n->next)
            same =
                leat_str_eq(leat_json_get_str(m, "name"), leat_json_get_str(n, "name")) &&
                leat_str_eq(leat_json_get_str(m, "type"), leat_json_get_str(n, "type")) &&
                leat_json_get_bool(m, "nullable", true) == leat_json_get_bool(n, "nullable", true);
        same = same && !m && !n;
    }
    leat_arena_free(&a);
    return same;
}

static bool verify_one(void *arg, leat_str db, leat_str name, leat_str def)
{
    verifying *v = arg;
    table *t = find(&v->l, db, name);
    if (t) t->told = true;
    if (!t || !t->newest.def.s) {
        v->unknown++;
        tell(v, db, name,
             t ? "what it looks like was not known when it was noted last; its next rows will show"
               : "nothing was noted of it yet; its next rows will show",
             t ? &t->newest : NULL);
    } else if (same_def(t->newest.def, def)) {
        v->same++;
        if (v->x->common.json) tell(v, db, name, "the same", &t->newest);
    } else {
        v->differ++;
        tell(
            v, db, name,
            "the server describes it otherwise than what was noted last: it was altered behind the "
            "connector's position, or without the log's knowledge (sql_log_bin=0)",
            &t->newest);
    }
    return true;
}

leat_rc leat_schema_verify(leat_schema_call *x, int *status, leat_err *e)
{
    verifying v = {.x = x};
    LEAT_TRY(leat_schema_open(x, true, e));
    LEAT_TRY(list(x, &v.l, e));
    LEAT_TRY(leat_schema_setup(x, e));
    if (v.l.broken)
        printf("%" PRIu64 " of %" PRIu64
               " entries do not fit their checksums, the first is %" PRId64
               ": 'leat schema %s rebuild' makes the history anew\n",
               v.l.broken, v.l.n, v.l.first_broken, x->name);
    LEAT_TRY(x->history->now(x->setup.conf, verify_one, &v, e));
    for (const table *t = v.l.first; t; t = t->next)
        if (!t->told && t->newest.def.s) {
            v.differ++;
            tell(&v, t->db, t->name, "the server has no such table, or it is not captured any more",
                 &t->newest);
        }
    fprintf(stderr,
            "%s: %" PRIu64 " entries, %" PRIu64 " broken; tables: %" PRIu64 " as noted, %" PRIu64
            " otherwise, %" PRIu64 " not known\n",
            x->name, v.l.n, v.l.broken, v.same, v.differ, v.unknown);
    if (v.l.broken || v.differ) *status = LEAT_EXIT_FOUND;
    return LEAT_OK;
}

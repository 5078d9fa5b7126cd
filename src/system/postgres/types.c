/* The types known of one database: the built-in ones of types_rules.c, and what the catalog told.
 *
 * A hash table from oid to an immutable entry; entries live in an arena until the end, so a pointer
 * that was given out stays good when its type is replaced (an enum that grew). One thread. Does no
 * I/O: the caller runs leat_pg_types_sql and feeds the rows. */
#include "base/buf.h"
#include "system/postgres/types_oid.h"
#include "system/postgres/types_part.h"

struct leat_pg_types {
    leat_arena a;
    const leat_pg_type **slots; /* heap; open addressing, NULL: free */
    uint32_t n, cap;            /* cap: a power of two */
};

/* Row types of tables, and arrays of them, are left out unless a column has them: they have no
 * mapping, and a database has as many as tables. */
const char leat_pg_types_sql[] =
    "SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typdelim,"
    " CASE t.typcategory WHEN 'A' THEN t.typelem ELSE 0 END,"
    " t.typbasetype, t.typtypmod, t.typndims,"
    " (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)"
    " FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)"
    " FROM pg_catalog.pg_type t"
    " LEFT JOIN pg_catalog.pg_type i ON t.typcategory = 'A' AND i.oid = t.typelem"
    " LEFT JOIN pg_catalog.pg_class r ON r.oid = coalesce(nullif(t.typrelid, 0), i.typrelid)"
    " WHERE r.oid IS NULL OR r.relkind = 'c'"
    " OR t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attnum > 0)";

enum { FIRST_SLOTS = 256 };

static uint32_t slot_of(const leat_pg_types *types, uint32_t oid)
{
    uint32_t i = oid * UINT32_C(2654435761);
    for (i ^= i >> 15;; i++) {
        const leat_pg_type *t = types->slots[i & (types->cap - 1)];
        if (t == NULL || t->oid == oid) return i & (types->cap - 1);
    }
}

static void insert(leat_pg_types *types, const leat_pg_type *type)
{
    uint32_t i = slot_of(types, type->oid);
    types->n += types->slots[i] == NULL;
    types->slots[i] = type;
}

static void grow(leat_pg_types *types)
{
    leat_pg_types old = *types;
    types->cap *= 2;
    types->n = 0;
    types->slots = leat_zalloc(types->cap, sizeof(leat_pg_type *));
    for (uint32_t i = 0; i < old.cap; i++)
        if (old.slots[i]) insert(types, old.slots[i]);
    leat_free(old.slots);
}

static void put_built_in(leat_pg_types *types, const leat_pg_rule *r)
{
    leat_pg_type t = {.oid = r->oid,
                      .name = r->name,
                      .kind = r->category == 'R' ? 'r' : 'b',
                      .category = r->category,
                      .delim = r->oid == LEAT_PG_OID_BOX ? ';' : ',',
                      .typmod = -1};
    if (r->oid == LEAT_PG_OID_INT2VECTOR) t.elem = LEAT_PG_OID_INT2;
    if (r->oid == LEAT_PG_OID_OIDVECTOR) t.elem = LEAT_PG_OID_OID;
    leat_pg_types_put(types, &t);
    t = (leat_pg_type){.oid = r->array,
                       .name = leat_arena_printf(&types->a, "_%s", r->name),
                       .kind = 'b',
                       .category = 'A',
                       .delim = ',',
                       .elem = r->oid,
                       .typmod = -1};
    leat_pg_types_put(types, &t);
}

leat_pg_types *leat_pg_types_new(void)
{
    leat_pg_types *types = leat_zalloc(1, sizeof *types);
    leat_arena_init(&types->a, 0);
    types->cap = FIRST_SLOTS;
    types->slots = leat_zalloc(types->cap, sizeof(leat_pg_type *));
    for (size_t i = 0; i < leat_pg_nrules; i++)
        if (leat_pg_rules[i].oid) put_built_in(types, &leat_pg_rules[i]);
    return types;
}

void leat_pg_types_free(leat_pg_types *types)
{
    if (types == NULL) return;
    leat_arena_free(&types->a);
    leat_free(types->slots);
    leat_free(types);
}

const leat_pg_type *leat_pg_types_get(const leat_pg_types *types, uint32_t oid)
{
    return types->slots[slot_of(types, oid)];
}

static bool same(const leat_pg_type *x, const leat_pg_type *y)
{
    if (strcmp(x->name, y->name) != 0 || x->kind != y->kind || x->category != y->category ||
        x->delim != y->delim || x->elem != y->elem || x->base != y->base ||
        x->typmod != y->typmod || x->ndims != y->ndims || x->nlabels != y->nlabels)
        return false;
    for (uint32_t i = 0; i < x->nlabels; i++)
        if (strcmp(x->labels[i], y->labels[i]) != 0) return false;
    return true;
}

void leat_pg_types_put(leat_pg_types *types, const leat_pg_type *type)
{
    const leat_pg_type *known = leat_pg_types_get(types, type->oid);
    if (known && same(known, type)) return; /* the catalog is read again and again */
    leat_pg_type *t = leat_arena_dup(&types->a, type, sizeof *type);
    t->name = leat_arena_strdup(&types->a, type->name);
    const char **labels = LEAT_NEW(&types->a, const char *, type->nlabels);
    for (uint32_t i = 0; i < type->nlabels; i++)
        labels[i] = leat_arena_strdup(&types->a, type->labels[i]);
    t->labels = labels;
    if (types->n >= types->cap / 2) grow(types);
    insert(types, t);
}

static bool number(leat_str text, int64_t min, int64_t max, int64_t *out)
{
    return text.s && leat_str_i64(text, out) && *out >= min && *out <= max;
}

static bool letter(leat_str text, char *out)
{
    if (text.s == NULL || text.len != 1) return false;
    *out = text.s[0];
    return true;
}

/* A name as a C string in a; what is no UTF-8 in it, in a SQL_ASCII database, is shown as "?". */
static const char *name_of(leat_str text, leat_arena *a)
{
    char *z = leat_arena_printf(a, LEAT_STR_FMT, LEAT_STR_ARG(text));
    leat_str_mend(z);
    return z;
}

/* The labels of an enum, as C strings in a. */
static bool labels_of(leat_str text, leat_arena *a, leat_pg_type *t)
{
    if (text.s == NULL) return true;
    leat_pg_col item = {.parse = leat_pg_parse_text, .table = "pg_type", .name = "labels"};
    leat_pg_col list = item;
    item.type = list.type = "text[]";
    list.elem = &item;
    list.delim = ',';
    leat_value v;
    if (leat_pg_parse_array(&list, text, a, &v, NULL) != LEAT_OK) return false;
    const char **labels = LEAT_NEW(a, const char *, v.len);
    for (uint32_t i = 0; i < v.len; i++) {
        if (v.u.list[i].kind != LEAT_TEXT) return false;
        labels[i] = name_of(leat_value_str(&v.u.list[i]), a);
    }
    t->nlabels = v.len;
    t->labels = labels;
    return true;
}

leat_rc leat_pg_types_row(leat_pg_types *types, const leat_str cols[LEAT_PG_TYPES_COLS],
                          leat_err *e)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_pg_type t = {0};
    int64_t oid, elem, base, typmod, ndims;
    bool ok = number(cols[0], 1, UINT32_MAX, &oid) && cols[1].s && letter(cols[2], &t.kind) &&
              letter(cols[3], &t.category) && letter(cols[4], &t.delim) &&
              number(cols[5], 0, UINT32_MAX, &elem) && number(cols[6], 0, UINT32_MAX, &base) &&
              number(cols[7], INT32_MIN, INT32_MAX, &typmod) &&
              number(cols[8], 0, INT32_MAX, &ndims) && labels_of(cols[9], &a, &t);
    if (ok) {
        t.oid = (uint32_t)oid;
        t.name = name_of(cols[1], &a);
        t.elem = (uint32_t)elem;
        t.base = (uint32_t)base;
        t.typmod = (int32_t)typmod;
        t.ndims = (int32_t)ndims;
        leat_pg_types_put(types, &t);
    }
    leat_arena_free(&a);
    if (ok) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "postgres.catalog", "pg_type",
                     "a row of pg_type is not understood (oid '" LEAT_STR_FMT
                     "'); please report it with the server's version",
                     cols[0].s ? (int)(cols[0].len < 20 ? cols[0].len : 20) : 0,
                     cols[0].s ? cols[0].s : "");
}

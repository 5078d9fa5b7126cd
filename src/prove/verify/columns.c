/* How the columns of two tables are compared: pairs by name, and a canonical text that both sides
 * can make of them. Pure. */
#include <stdio.h>

#include "capture/columns.h"
#include "capture/filter.h"
#include "prove/verify/part.h"

static bool both(const leat_compare_column *s, const leat_compare_column *t, leat_compare_kind one,
                 leat_compare_kind other)
{
    return (s->kind == one && t->kind == other) || (s->kind == other && t->kind == one);
}

static bool json(const char *type)
{
    return strcmp(type, "json") == 0 || strcmp(type, "jsonb") == 0;
}

/* Tables of the same system. */
static leat_canon kin(const leat_compare_column *s, const leat_compare_column *t)
{
    leat_compare_kind k = (leat_compare_kind)s->kind;
    if (k == LEAT_COMPARE_VARBITS && t->kind == k) return LEAT_CANON_BITS;
    if (strcmp(s->type, t->type) == 0) return LEAT_CANON_TEXT;
    if (both(s, t, LEAT_COMPARE_INT, LEAT_COMPARE_NUMBER) ||
        both(s, t, LEAT_COMPARE_NUMBER, LEAT_COMPARE_NUMBER))
        return LEAT_CANON_NUMBER;
    if (k == LEAT_COMPARE_FLOAT && t->kind == k) return LEAT_CANON_FLOAT;
    if (both(s, t, LEAT_COMPARE_CHAR, LEAT_COMPARE_CHAR) ||
        both(s, t, LEAT_COMPARE_CHAR, LEAT_COMPARE_TEXT))
        return LEAT_CANON_TRIMMED;
    if (both(s, t, LEAT_COMPARE_BITS, LEAT_COMPARE_VARBITS)) return LEAT_CANON_BITS;
    if (both(s, t, LEAT_COMPARE_BITS, LEAT_COMPARE_BOOL)) return LEAT_CANON_BOOL;
    if (both(s, t, LEAT_COMPARE_MONEY, LEAT_COMPARE_NUMBER)) return LEAT_CANON_DECIMAL;
    if (k != t->kind || k == LEAT_COMPARE_OTHER) return LEAT_CANON_NONE;
    return json(s->type) && json(t->type) ? LEAT_CANON_JSON : LEAT_CANON_TEXT;
}

/* A target that keeps what it has no type for as text (sink/sql/sqlite.c); one_zero: of it. */
static leat_canon stranger(const leat_compare_column *s, const leat_compare_column *t,
                           bool one_zero)
{
    switch ((leat_compare_kind)s->kind) {
    case LEAT_COMPARE_INT:
    case LEAT_COMPARE_TEXT:
    case LEAT_COMPARE_CHAR:
    case LEAT_COMPARE_BYTES: return LEAT_CANON_TEXT;
    case LEAT_COMPARE_BOOL: return LEAT_CANON_BOOL;
    case LEAT_COMPARE_NUMBER:
        return t->kind == LEAT_COMPARE_TEXT ? LEAT_CANON_TEXT : LEAT_CANON_NUMBER;
    case LEAT_COMPARE_MONEY: return LEAT_CANON_DECIMAL;
    case LEAT_COMPARE_FLOAT: return one_zero ? LEAT_CANON_FLOAT0 : LEAT_CANON_FLOAT;
    case LEAT_COMPARE_DATE:
    case LEAT_COMPARE_TIME:
    case LEAT_COMPARE_STAMP:
    case LEAT_COMPARE_STAMPTZ: return LEAT_CANON_STAMP;
    case LEAT_COMPARE_INTERVAL: return LEAT_CANON_INTERVAL;
    case LEAT_COMPARE_BITS:
        return strcmp(s->type, "bit(1)") == 0 ? LEAT_CANON_BOOL : LEAT_CANON_TEXT;
    case LEAT_COMPARE_VARBITS: return LEAT_CANON_BITS;
    default: return LEAT_CANON_NONE;
    }
}

static bool is_time(leat_compare_kind k)
{
    return k == LEAT_COMPARE_DATE || k == LEAT_COMPARE_TIME || k == LEAT_COMPARE_STAMP ||
           k == LEAT_COMPARE_STAMPTZ;
}

static bool is_number(leat_compare_kind k)
{
    return k == LEAT_COMPARE_INT || k == LEAT_COMPARE_UINT || k == LEAT_COMPARE_NUMBER;
}

/* From numbers of MySQL, or into them. */
static leat_canon number(leat_compare_kind s, leat_compare_kind t)
{
    if (t == LEAT_COMPARE_TEXT || (s == t && s != LEAT_COMPARE_NUMBER)) return LEAT_CANON_TEXT;
    if (s == LEAT_COMPARE_UINT && t == LEAT_COMPARE_INT) return LEAT_CANON_SIGNED;
    if (s == LEAT_COMPARE_INT && t == LEAT_COMPARE_BOOL) return LEAT_CANON_BOOL;
    return is_number(t) || t == LEAT_COMPARE_ANY ? LEAT_CANON_NUMBER : LEAT_CANON_NONE;
}

static bool is_mysql(const leat_compare_side *side)
{
    return strcmp(side->system, "mysql") == 0 || strcmp(side->system, "mariadb") == 0;
}

/* Of MySQL, or into it. A text of MySQL's JSON has blanks out of a snapshot, and none out of the
 * log; PostgreSQL says of no text whether it is JSON before it fails. */
static leat_canon json_abroad(const leat_verify *v, const leat_compare_column *t)
{
    const char *target = v->target->system;
    if (json(t->type)) return LEAT_CANON_JSON;
    if (!is_mysql(v->source)) return LEAT_CANON_TEXT;
    if (strcmp(target, "postgresql") == 0) return LEAT_CANON_NONE;
    return strcmp(target, "mysql") == 0 ? LEAT_CANON_PARSED : LEAT_CANON_JSON;
}

/* One of the two is MySQL or MariaDB (sink/sql/my_text.c, sink/sql/pg_text.c). */
static leat_canon abroad(const leat_verify *v, const leat_compare_column *s,
                         const leat_compare_column *t)
{
    leat_compare_kind to = (leat_compare_kind)t->kind;
    bool text = to == LEAT_COMPARE_TEXT || to == LEAT_COMPARE_ANY;
    bool bits = to == LEAT_COMPARE_BITS || to == LEAT_COMPARE_VARBITS || text;
    bool truth = to == LEAT_COMPARE_BOOL || to == LEAT_COMPARE_INT || to == LEAT_COMPARE_ANY;
    switch ((leat_compare_kind)s->kind) {
    case LEAT_COMPARE_INT:
    case LEAT_COMPARE_UINT:
    case LEAT_COMPARE_NUMBER: return number((leat_compare_kind)s->kind, to);
    case LEAT_COMPARE_BOOL: return truth ? LEAT_CANON_BOOL : LEAT_CANON_NONE;
    case LEAT_COMPARE_MONEY: return is_number(to) ? LEAT_CANON_DECIMAL : LEAT_CANON_NONE;
    case LEAT_COMPARE_FLOAT:
    case LEAT_COMPARE_SINGLE:
        if (to != LEAT_COMPARE_FLOAT && to != LEAT_COMPARE_SINGLE && to != LEAT_COMPARE_ANY)
            return LEAT_CANON_NONE;
        return v->target->one_zero ? LEAT_CANON_REAL0 : LEAT_CANON_REAL;
    case LEAT_COMPARE_TEXT:
    case LEAT_COMPARE_CHAR:
        if (to == LEAT_COMPARE_CHAR) return LEAT_CANON_TRIMMED;
        if (!text) return LEAT_CANON_NONE;
        return json(s->type) ? json_abroad(v, t) : LEAT_CANON_TEXT;
    case LEAT_COMPARE_BYTES:
        return to == LEAT_COMPARE_BYTES || to == LEAT_COMPARE_ANY ? LEAT_CANON_TEXT
                                                                  : LEAT_CANON_NONE;
    case LEAT_COMPARE_DATE:
    case LEAT_COMPARE_TIME:
    case LEAT_COMPARE_STAMP:
    case LEAT_COMPARE_STAMPTZ: return is_time(to) || text ? LEAT_CANON_MOMENT : LEAT_CANON_NONE;
    case LEAT_COMPARE_INTERVAL: return text ? LEAT_CANON_INTERVAL : LEAT_CANON_NONE;
    case LEAT_COMPARE_BITS:
        if (strcmp(s->type, "bit(1)") == 0 && truth) return LEAT_CANON_BOOL;
        return bits ? LEAT_CANON_BITS : LEAT_CANON_NONE;
    case LEAT_COMPARE_VARBITS: return bits ? LEAT_CANON_BITS : LEAT_CANON_NONE;
    default: return LEAT_CANON_NONE;
    }
}

/* A fold's column was made for what the stream had first. One of whole numbers makes 7 of '007', as
 * one of text makes its own text of a float: what the column's type is by now is not what was kept.
 */
static bool outgrown(const leat_verify *v, const leat_compare_column *s,
                     const leat_compare_column *t)
{
    leat_compare_kind k = (leat_compare_kind)s->kind;
    bool real = k == LEAT_COMPARE_FLOAT || k == LEAT_COMPARE_SINGLE;
    bool text = k == LEAT_COMPARE_TEXT || k == LEAT_COMPARE_CHAR || k == LEAT_COMPARE_NUMBER ||
                k == LEAT_COMPARE_MONEY;
    bool whole = t->kind == LEAT_COMPARE_INT || strcmp(t->type, "BOOLEAN") == 0;
    return v->fold && (whole ? real || text : real && t->kind == LEAT_COMPARE_TEXT);
}

static leat_canon canon_of(const leat_verify *v, const leat_compare_column *s,
                           const leat_compare_column *t)
{
    if (outgrown(v, s, t)) return LEAT_CANON_NONE;
    if (is_mysql(v->source) || is_mysql(v->target)) return abroad(v, s, t);
    if (strcmp(v->source->system, v->target->system) == 0) return kin(s, t);
    return stranger(s, t, v->target->one_zero);
}

/* Both order the values of a key's column in the same way. */
static bool ordered(const leat_verify *v, const leat_compare_column *s,
                    const leat_compare_column *t)
{
    if (s->kind == LEAT_COMPARE_INT) return t->kind == LEAT_COMPARE_INT;
    if (is_mysql(v->source) || strcmp(v->source->system, v->target->system) != 0 ||
        strcmp(s->type, t->type) != 0)
        return false;
    return strcmp(s->type, "uuid") == 0 || s->kind == LEAT_COMPARE_NUMBER ||
           s->kind == LEAT_COMPARE_BYTES || s->kind == LEAT_COMPARE_DATE ||
           s->kind == LEAT_COMPARE_STAMP || s->kind == LEAT_COMPARE_STAMPTZ;
}

static const leat_compare_column *find(const leat_compare_table *t, const char *name)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (strcmp(t->columns[i].name, name) == 0) return &t->columns[i];
    return NULL;
}

/* Why the two cannot be compared; NULL: they can, by *canon. */
static const char *unlike(const leat_verify *v, const leat_compare_column *s,
                          const leat_compare_column *t, leat_canon *canon)
{
    *canon = s && t ? canon_of(v, s, t) : LEAT_CANON_NONE;
    if (*canon != LEAT_CANON_NONE) return NULL;
    if (!s) return "the source has no such column";
    if (!t) return "the target has no such column";
    if (outgrown(v, s, t)) return "its type was changed";
    return "its type has no form that both sides can show";
}

static void skip(leat_verify *v, const char *column, const char *why)
{
    leat_buf_printf(&v->skipped, "%s%s (%s)", v->skipped.len ? ", " : "", column, why);
}

/* What the source's options do to a column; *why NULL: nothing. What is never text nor bytes in a
 * record stays as it is, whatever they say. */
static leat_rc changed_on_the_way(const leat_verify *v, const leat_compare_table *source,
                                  const leat_compare_column *c, bool key, const char **why,
                                  leat_err *e)
{
    const char *column = c->name;
    bool in = true, changes;
    bool stays = c->kind == LEAT_COMPARE_INT || c->kind == LEAT_COMPARE_BOOL ||
                 c->kind == LEAT_COMPARE_FLOAT || c->kind == LEAT_COMPARE_SINGLE;
    LEAT_TRY(leat_filter_column(v->filter, source->schema, source->name, column, &in, e));
    LEAT_TRY(leat_columns_changes(v->columns, source->schema, source->name, column, &changes, e));
    changes = changes && !stays;
    *why = !in ? "it is not captured" : changes ? "it is truncated, masked or hashed" : NULL;
    if (!key || !changes) return LEAT_OK;
    return leat_fail(
        e, LEAT_CONF, "verify.changed", source->name,
        "its key's column %s is truncated, masked or hashed on the way: rows cannot be "
        "found by it",
        column);
}

typedef struct pairing {
    leat_compare_field *s, *t;
    uint16_t n, nkey;
    const char *odd, *why; /* a column of a key that cannot be compared */
} pairing;

static void put(pairing *g, const leat_compare_column *s, const leat_compare_column *t,
                leat_canon canon, bool native)
{
    g->s[g->n] = (leat_compare_field){s->name, (uint8_t)canon, s->kind, s->required, native};
    g->t[g->n++] = (leat_compare_field){t->name, (uint8_t)canon, t->kind, t->required, native};
}

/* The columns of `by`'s primary key, in its order, if all of them can be compared. */
static bool put_key(const leat_verify *v, pairing *g, const leat_compare_table *by,
                    const leat_compare_table *source, const leat_compare_table *target)
{
    uint16_t place = 1;
    for (;; place++) {
        const leat_compare_column *key = NULL;
        for (uint32_t i = 0; i < by->n && !key; i++)
            if (by->columns[i].key == place) key = &by->columns[i];
        if (!key) break;
        const leat_compare_column *s = find(source, key->name), *t = find(target, key->name);
        leat_canon canon;
        const char *why = unlike(v, s, t, &canon);
        if (why) {
            g->n = 0;
            g->odd = key->name;
            g->why = why;
            return false;
        }
        put(g, s, t, canon, ordered(v, s, t));
    }
    g->nkey = g->n;
    return g->n > 0;
}

static leat_rc put_rest(leat_verify *v, pairing *g, const leat_compare_table *source,
                        const leat_compare_table *target, leat_err *e)
{
    for (uint32_t i = 0; i < source->n; i++) {
        const leat_compare_column *s = &source->columns[i], *t = find(target, s->name);
        const char *why;
        bool key = false;
        for (uint16_t k = 0; k < g->nkey; k++) key = key || strcmp(g->s[k].name, s->name) == 0;
        LEAT_TRY(changed_on_the_way(v, source, s, key, &why, e));
        if (key) continue;
        leat_canon canon = LEAT_CANON_NONE;
        if (!why) why = unlike(v, s, t, &canon);
        if (why)
            skip(v, s->name, why);
        else
            put(g, s, t, canon, false);
    }
    return LEAT_OK;
}

static leat_rc fail_no_key(const pairing *g, const char *table, leat_err *e)
{
    if (!g->odd)
        return leat_fail(e, LEAT_CONF, "verify.no_key", table,
                         "neither the source's table nor the target's has a primary key: rows "
                         "cannot be told apart");
    return leat_fail(e, LEAT_CONF, "verify.no_key", table,
                     "column %s of the primary key cannot be compared (%s): rows cannot be told "
                     "apart",
                     g->odd, g->why);
}

leat_rc leat_verify_columns(leat_verify *v, const leat_compare_table *source,
                            const leat_compare_table *target, leat_err *e)
{
    pairing g = {.s = LEAT_NEW(&v->arena, leat_compare_field, source->n + 1),
                 .t = LEAT_NEW(&v->arena, leat_compare_field, source->n + 1)};
    leat_buf_clear(&v->skipped);
    if (!put_key(v, &g, target, source, target) && !put_key(v, &g, source, source, target))
        return fail_no_key(&g, source->name, e);
    LEAT_TRY(put_rest(v, &g, source, target, e));
    bool xors = v->source->xors && v->target->xors;
    bool sha =
        is_mysql(v->source) || is_mysql(v->target) || v->source->recodes || v->target->recodes;
    v->splan = (leat_compare_plan){source, g.s, g.n, g.nkey, xors, sha};
    v->tplan = (leat_compare_plan){target, g.t, g.n, g.nkey, xors, sha};
    leat_buf_u8(&v->skipped, 0);
    v->told.skipped = v->skipped.p;
    return LEAT_OK;
}

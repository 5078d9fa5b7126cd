/* Cells: equality, copies, names of kinds (event/value.h).
 *
 * Values are trees by LIST, STRUCT and MAP; all functions here recurse over them. Whoever builds a
 * tree from outside bytes bounds its depth (the wire format at 64), so recursion is bounded too. No
 * state: any thread. */
#include "event/value.h"

/* Values behind u.list: a map has two for each of its len pairs. */
static size_t children(const leat_value *v)
{
    return v->kind == LEAT_MAP ? (size_t)v->len * 2 : v->len;
}

static bool text_eq(const leat_value *x, const leat_value *y)
{
    return x->len == y->len && (x->len == 0 || memcmp(x->u.s, y->u.s, x->len) == 0);
}

static bool float_eq(double x, double y)
{
    return memcmp(&x, &y, sizeof(x)) == 0 || (x != x && y != y);
}

bool leat_value_eq(const leat_value *x, const leat_value *y)
{
    if (x->kind != y->kind) return false;
    switch ((leat_kind)x->kind) {
    case LEAT_NULL:
    case LEAT_ABSENT: return true;
    case LEAT_BOOL:
    case LEAT_INT:
    case LEAT_DATE: return x->u.i == y->u.i;
    case LEAT_FLOAT: return float_eq(x->u.f, y->u.f);
    case LEAT_DECIMAL: return x->scale == y->scale && text_eq(x, y);
    case LEAT_TEXT:
    case LEAT_BYTES: return text_eq(x, y);
    case LEAT_TIME:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ: return x->unit == y->unit && x->u.i == y->u.i;
    case LEAT_TIMETZ: return x->unit == y->unit && x->zone == y->zone && x->u.i == y->u.i;
    case LEAT_INTERVAL:
        return x->u.interval->months == y->u.interval->months &&
               x->u.interval->days == y->u.interval->days && x->u.interval->us == y->u.interval->us;
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP:
        if (x->len != y->len) return false;
        for (size_t i = 0, n = children(x); i < n; i++)
            if (!leat_value_eq(&x->u.list[i], &y->u.list[i])) return false;
        return true;
    }
    return false;
}

static const leat_value *list_copy(leat_arena *a, const leat_value *v)
{
    size_t n = children(v);
    leat_value *list = LEAT_NEW(a, leat_value, n);
    for (size_t i = 0; i < n; i++) list[i] = leat_value_copy(a, &v->u.list[i]);
    return list;
}

leat_value leat_value_struct(leat_arena *a, const leat_value *cells, uint32_t n)
{
    const leat_value *list = leat_arena_dup(a, cells, n * sizeof *cells);
    return (leat_value){.kind = LEAT_STRUCT, .len = n, .u.list = list};
}

leat_value leat_value_copy(leat_arena *a, const leat_value *v)
{
    leat_value copy = *v;
    switch ((leat_kind)v->kind) {
    case LEAT_DECIMAL:
    case LEAT_TEXT:
    case LEAT_BYTES: copy.u.s = leat_arena_str(a, leat_value_str(v)).s; break;
    case LEAT_INTERVAL: {
        leat_interval *interval = LEAT_NEW(a, leat_interval, 1);
        *interval = *v->u.interval;
        copy.u.interval = interval;
        break;
    }
    case LEAT_LIST:
    case LEAT_STRUCT:
    case LEAT_MAP: copy.u.list = list_copy(a, v); break;
    default: break; /* all of it stands in the cell */
    }
    return copy;
}

const char *leat_kind_name(leat_kind kind)
{
    static const char *const names[] = {
        "null",        "absent",   "bool", "int",    "float",  "decimal",
        "text",        "bytes",    "date", "time",   "timetz", "timestamp",
        "timestamptz", "interval", "list", "struct", "map",
    };
    return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

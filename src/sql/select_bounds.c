/* What conditions say of topic, time and offset, so that frames need not be read.
 *
 * xBestIndex notes each condition that is used as two letters, one of the column's kind and one of
 * the comparison; xFilter gets their values in the same order. Bounds only ever narrow: several
 * conditions of a column all count. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "sql/select_part.h"

enum { CONDITIONS = 32, MINUTE_TEXT = 16 };

static const char kind_letters[] = "?tcmsuo"; /* by leat_select_kind */

static char letter_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return '=';
    case SQLITE_INDEX_CONSTRAINT_GT: return '>';
    case SQLITE_INDEX_CONSTRAINT_GE: return 'g';
    case SQLITE_INDEX_CONSTRAINT_LT: return '<';
    case SQLITE_INDEX_CONSTRAINT_LE: return 'l';
    default: return 0;
    }
}

/* Bounds compare as the column does; a condition with another collation is SQLite's to look at. */
static bool own_collation(sqlite3_index_info *info, int i, leat_select_kind kind)
{
    const char *collation = sqlite3_vtab_collation(info, i);
    if (kind == LEAT_SELECT_TOPIC || kind == LEAT_SELECT_CONNECTOR)
        return sqlite3_stricmp(collation, "BINARY") == 0;
    return kind != LEAT_SELECT_TEXT_TIME || sqlite3_stricmp(collation, "moment") == 0;
}

int leat_select_plan(sqlite3_index_info *info, const leat_select_kind *kinds, int ncolumns)
{
    char plan[2 * CONDITIONS + 1];
    int n = 0;
    double cost = 1e9;
    for (int i = 0; i < info->nConstraint && n < CONDITIONS; i++) {
        const struct sqlite3_index_constraint *c = &info->aConstraint[i];
        bool known = c->usable && c->iColumn >= 0 && c->iColumn < ncolumns;
        leat_select_kind kind = known ? kinds[c->iColumn] : LEAT_SELECT_OTHER;
        char op = letter_of(c->op);
        bool name = kind == LEAT_SELECT_TOPIC || kind == LEAT_SELECT_CONNECTOR;
        if (kind == LEAT_SELECT_OTHER || op == 0 || (name && op != '=')) continue;
        if (!own_collation(info, i, kind)) continue;
        plan[2 * n] = kind_letters[kind];
        plan[2 * n + 1] = op;
        info->aConstraintUsage[i].argvIndex = ++n;
        cost /= name || op == '=' ? 100 : 10;
    }
    plan[2 * n] = 0;
    info->idxStr = sqlite3_mprintf("%s", plan);
    info->needToFreeIdxStr = 1;
    info->estimatedCost = cost < 1 ? 1 : cost;
    info->estimatedRows = cost < 1 ? 1 : (sqlite3_int64)cost;
    return info->idxStr ? SQLITE_OK : SQLITE_NOMEM;
}

/* from..to, both included, says which values make the condition true that compares with `value`,
 * which stands for a stretch of them of `width`. */
static void narrow(char op, int64_t value, int64_t width, int64_t *from, int64_t *to)
{
    int64_t end, before, behind;
    if (__builtin_add_overflow(value, width - 1, &end)) end = INT64_MAX;
    before = value == INT64_MIN ? value : value - 1;
    behind = end == INT64_MAX ? end : end + 1;
    if ((op == '=' || op == 'g') && value > *from) *from = value;
    if (op == '>' && behind > *from) *from = behind;
    if ((op == '=' || op == 'l') && end < *to) *to = end;
    if (op == '<' && before < *to) *to = before;
}

/* A number as a bound; false: it says nothing. A fraction widens. */
static bool whole(sqlite3_value *v, char op, int64_t *out, char *op_out)
{
    *op_out = op;
    if (sqlite3_value_type(v) == SQLITE_INTEGER) {
        *out = sqlite3_value_int64(v);
        return true;
    }
    double d = sqlite3_value_double(v);
    if (sqlite3_value_type(v) != SQLITE_FLOAT || !(fabs(d) < 9e18)) return false;
    bool lower = op == '>' || op == 'g';
    *op_out = lower ? 'g' : op == '=' ? '=' : 'l';
    *out = (int64_t)(lower ? floor(d) : ceil(d));
    return true;
}

/* As people and SQLite's date functions write times: seconds and zone (UTC) may be left out. */
static bool parse_moment(leat_str text, int64_t *us)
{
    char whole[LEAT_ISO_MAX + 8];
    if (leat_iso_parse(text, us)) return true;
    if (text.len < MINUTE_TEXT || text.len > LEAT_ISO_MAX) return false;
    int n = snprintf(whole, sizeof whole, "%.*s%sZ", LEAT_STR_ARG(text),
                     text.len == MINUTE_TEXT ? ":00" : "");
    return n > 0 && leat_iso_parse(leat_str_of(whole), us);
}

static leat_rc moment(sqlite3_value *v, int64_t *us, leat_err *e)
{
    leat_str text = {(const char *)sqlite3_value_text(v), (size_t)sqlite3_value_bytes(v)};
    if (text.s && parse_moment(text, us)) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "select.moment", "",
                     "\"%.*s\" is compared with a time and is none; write it as '2026-01-31', "
                     "'2026-01-31 10:00' or '2026-01-31T10:00:00.5Z' (UTC)",
                     (int)(text.len < 80 ? text.len : 80), text.s ? text.s : "");
}

static leat_str text_of(sqlite3_value *v)
{
    const char *s = (const char *)sqlite3_value_text(v);
    return (leat_str){s, s ? (size_t)sqlite3_value_bytes(v) : 0};
}

static void name(leat_str *to, sqlite3_value *v, bool *nothing)
{
    leat_str text = text_of(v);
    if (to->s && !leat_str_eq(*to, text)) *nothing = true;
    if (text.s) *to = text;
}

static leat_rc one(char kind, char op, sqlite3_value *v, leat_select_bounds *b, leat_err *e)
{
    int64_t n = 0;
    switch (kind) {
    case 't': name(&b->topic, v, &b->nothing); break;
    case 'c': name(&b->connector, v, &b->nothing); break;
    case 'm':
        LEAT_TRY(moment(v, &n, e));
        narrow(op, n, 1, &b->least_us, &b->most_us);
        break;
    case 's':
        if (!whole(v, op, &n, &op)) break;
        if (__builtin_mul_overflow(n, (int64_t)1000, &n)) break;
        narrow(op, n, 1000, &b->least_us, &b->most_us);
        break;
    case 'u':
        if (whole(v, op, &n, &op)) narrow(op, n, 1, &b->least_us, &b->most_us);
        break;
    case 'o':
        if (whole(v, op, &n, &op)) narrow(op, n, 1, &b->least, &b->most);
        break;
    default: break;
    }
    return LEAT_OK;
}

leat_rc leat_select_bound(const char *plan, int argc, sqlite3_value **argv, leat_select_bounds *out,
                          leat_err *e)
{
    *out = (leat_select_bounds){
        .least_us = INT64_MIN, .most_us = INT64_MAX, .least = INT64_MIN, .most = INT64_MAX};
    for (int i = 0; i < argc; i++) {
        if (sqlite3_value_type(argv[i]) == SQLITE_NULL)
            out->nothing = true; /* compared with NULL nothing is true */
        else
            LEAT_TRY(one(plan[2 * i], plan[2 * i + 1], argv[i], out, e));
    }
    if (out->least_us > out->most_us || out->least > out->most) out->nothing = true;
    return LEAT_OK;
}

int leat_select_moments(void *arg, int nx, const void *x, int ny, const void *y)
{
    leat_str s = {x, (size_t)nx}, t = {y, (size_t)ny};
    int64_t us, vs;
    (void)arg;
    bool plain = nx == ny && nx > 11 && s.s[10] == 'T' && t.s[10] == 'T' && s.s[nx - 1] == 'Z' &&
                 t.s[ny - 1] == 'Z' && s.s[4] == '-' && t.s[4] == '-';
    if (plain) return leat_str_cmp(s, t); /* as our own columns have them */
    if (parse_moment(s, &us) && parse_moment(t, &vs)) return us < vs ? -1 : us > vs;
    return leat_str_cmp(s, t);
}

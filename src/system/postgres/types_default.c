/* Default expressions of columns (pg_get_expr of pg_attrdef) -> the default of the field's schema.
 *
 * Not an evaluator: it recognizes what Debezium takes for a constant or a function.
 *
 *     NULL::type                          none
 *     [(] name ( ... ) ...                zero: its result is not known beforehand
 *     CURRENT_DATE, LOCALTIME ...         zero
 *     'text' [:: type]                    the constant, '' being one quote
 *     B'0101' [:: type]                   the constant (servers before 13)
 *     digits, true, false                 the constant
 *     anything else                       none
 *
 * The zero of a type is in types_rules.c; types without one have no defaults. A constant is parsed
 * as a value is, so it obeys the column's scale; what that refuses, infinities and NaN of decimals
 * are no defaults; a date is a timestamp, too. With leat_pg_modes.debezium_faults also what
 * Debezium misreads: a constant ends at its first quote and has no line end, the label of an enum
 * keeps its doubled quotes, 'a'::text || 'b'::text is "a", CURRENT_USER is "CURRENT_USER". Pure. */
#include "system/postgres/types_part.h"

static bool is_word(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static size_t word_len(leat_str s)
{
    size_t n = 0;
    while (n < s.len && is_word(s.s[n])) n++;
    return n;
}

/* name(...), perhaps behind one parenthesis: the pattern by which Debezium knows a function. */
static bool is_call(leat_str expr)
{
    if (expr.s[0] == '(') expr = (leat_str){expr.s + 1, expr.len - 1};
    size_t n = word_len(expr);
    return n > 0 && n < expr.len && expr.s[n] == '(' && memchr(expr.s + n, ')', expr.len - n);
}

static bool is_keyword(leat_str expr)
{
    static const char *const words[] = {"CURRENT_DATE", "CURRENT_TIME",   "CURRENT_TIMESTAMP",
                                        "LOCALTIME",    "LOCALTIMESTAMP", "CURRENT_USER",
                                        "CURRENT_ROLE", "SESSION_USER",   "CURRENT_CATALOG",
                                        "USER",         "CURRENT_SCHEMA"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (leat_str_is(expr, words[i])) return true;
    return false;
}

/* Where the constant that begins with the quote at from ends (its closing quote), or s.len. */
static size_t quote_end(leat_str s, size_t from, bool at_first)
{
    for (size_t i = from + 1; i < s.len; i++) {
        if (s.s[i] != '\'') continue;
        if (at_first || i + 1 == s.len || s.s[i + 1] != '\'') return i;
        i++;
    }
    return s.len;
}

/* The inside of the quotes at from, doubled quotes made single unless they end it. */
static leat_str inside(leat_str expr, size_t from, size_t end, leat_arena *a)
{
    char *text = leat_arena_alloc(a, end - from, 1);
    size_t n = 0;
    for (size_t i = from + 1; i < end; i++) {
        text[n++] = expr.s[i];
        if (expr.s[i] == '\'') i++;
    }
    return (leat_str){text, n};
}

/* What stands behind a constant: nothing, or casts to types; no operator. */
static bool is_cast(leat_str rest)
{
    if (rest.len == 0) return true;
    if (!leat_str_starts(rest, "::")) return false;
    for (size_t i = 0; i < rest.len; i++)
        if (strchr("'+-*/|<>=~!@#&^?", rest.s[i])) return false;
    return true;
}

static bool is_number(leat_str expr)
{
    for (size_t i = 0; i < expr.len; i++)
        if (!(expr.s[i] >= '0' && expr.s[i] <= '9') && expr.s[i] != '.') return false;
    return true;
}

/* The text of the constant that expr is; absent if it is none. */
static leat_str constant(const leat_pg_col *col, leat_str expr, leat_arena *a)
{
    leat_str none = {0};
    bool is_text = col->parse == leat_pg_parse_text;
    size_t from = expr.s[0] == 'B' ? 1 : 0;
    if (from < expr.len && expr.s[from] == '\'') {
        bool at_first = col->faults && col->schema->logical != LEAT_L_ENUM;
        size_t end = quote_end(expr, from, at_first);
        if (end == expr.len) return none;
        leat_str rest = {expr.s + end + 1, expr.len - end - 1};
        if (!at_first && !is_cast(rest)) return none;
        if (!at_first && col->faults) /* a label as the server quotes it */
            return leat_arena_str(a, (leat_str){expr.s + from + 1, end - from - 1});
        if (at_first && memchr(expr.s, '\n', end)) return none;
        return inside(expr, from, end, a);
    }
    if (leat_str_is(expr, "true")) return is_text ? none : LEAT_STR("t");
    if (leat_str_is(expr, "false")) return is_text ? none : LEAT_STR("f");
    if (is_number(expr)) return leat_arena_str(a, expr);
    if (!col->faults || col->schema->logical == LEAT_L_ENUM) return none;
    const char *quote = memchr(expr.s, '\'', expr.len);
    if (quote) {
        from = (size_t)(quote - expr.s);
        size_t end = quote_end(expr, from, true);
        return end == expr.len ? none : inside(expr, from, end, a);
    }
    if (col->schema->type == LEAT_T_BOOLEAN) return LEAT_STR("f");
    return is_text ? leat_arena_str(a, expr) : none;
}

/* Without zeros at the end of a fraction, which a column of few digits would refuse. */
static leat_str shorten(const leat_pg_col *col, leat_str text)
{
    if (col->parse != leat_pg_parse_numeric || col->digits == LEAT_PG_ANY_DIGITS) return text;
    if (text.len == 0 || memchr(text.s, '.', text.len) == NULL) return text;
    while (text.s[text.len - 1] == '0') text.len--;
    if (text.s[text.len - 1] == '.') text.len--;
    return text;
}

/* The constant as the server would show it as a value of the column. */
static leat_str as_value(const leat_pg_col *col, leat_str text, leat_arena *a)
{
    bool date = memchr(text.s, '-', text.len) && !memchr(text.s, ' ', text.len);
    if (col->parse != leat_pg_parse_timestamp || !date) return shorten(col, text);
    return leat_str_of(leat_arena_printf(a, LEAT_STR_FMT " 00:00:00", LEAT_STR_ARG(text)));
}

static bool finite(const leat_value *v)
{
    switch (v->kind) {
    case LEAT_DECIMAL: return v->u.s[v->len - 1] >= '0' && v->u.s[v->len - 1] <= '9';
    case LEAT_DATE:
    case LEAT_TIMESTAMP:
    case LEAT_TIMESTAMPTZ:
        return v->u.i != LEAT_TIME_INFINITY && v->u.i != LEAT_TIME_MINUS_INFINITY;
    default: return true;
    }
}

bool leat_pg_default(const leat_pg_col *col, leat_str expr, leat_arena *a, leat_value *out)
{
    if (col->schema == NULL || col->zero == NULL || expr.s == NULL || expr.len == 0) return false;
    if (leat_str_starts(expr, "NULL::")) return false;
    bool is_text = col->parse == leat_pg_parse_text;
    leat_str text = leat_str_of(col->zero);
    if (is_call(expr) || (is_keyword(expr) && !(is_text && col->faults))) {
        if (col->schema->logical == LEAT_L_ENUM) return false;
    } else {
        text = constant(col, expr, a);
        if (text.s == NULL) return false;
    }
    return leat_pg_parse(col, as_value(col, text, a), a, out, NULL) == LEAT_OK && finite(out);
}

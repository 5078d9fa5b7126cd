/* One option's text to its value: numbers with units, booleans, choices, lists.
 *
 * Strict on purpose: "abc" is never 0, "10 s" is never 10. Every complaint says what was expected
 * and what was found, but for a secret only what was expected. Regular expressions are compiled to
 * see whether they can be, and thrown away: who uses them compiles them again for keeps.
 *
 * Pure; any thread. */
#include "config/opt_value.h"

#include "config/regex.h"

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

static const unit ms_units[] = {{"ms", 1},          {"s", 1000},         {"m", 60 * 1000},
                                {"h", 3600 * 1000}, {"d", 86400 * 1000}, {NULL, 0}};
static const unit byte_units[] = {{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0}};

/* A number with one of the units behind it, or bare. */
static bool read_number(leat_str text, const unit *units, int64_t *out)
{
    size_t digits = text.len;
    while (digits > 0 && (text.s[digits - 1] < '0' || text.s[digits - 1] > '9')) digits--;
    leat_str name = {text.s + digits, text.len - digits};
    int64_t factor = 1;
    if (name.len > 0) {
        const unit *u = units;
        while (u->name && !leat_str_ieq(name, leat_str_of(u->name))) u++;
        if (u->name == NULL) return false;
        factor = u->factor;
    }
    int64_t n;
    if (!leat_str_i64((leat_str){text.s, digits}, &n)) return false;
    return !__builtin_mul_overflow(n, factor, out);
}

/* What a value of the row must be, for messages. */
static const char *expected(const leat_opt *o, leat_arena *a)
{
    bool ranged = o->min != 0 || o->max != 0;
    const char *what = "";
    switch (o->type) {
    case LEAT_OPT_INT: what = "a whole number"; break;
    case LEAT_OPT_BOOL: return "true or false";
    case LEAT_OPT_MS: what = "a time (milliseconds, or 250ms, 5s, 2m, 1h, 1d)"; break;
    case LEAT_OPT_BYTES: what = "a size (bytes, or 64k, 16m, 1g)"; break;
    case LEAT_OPT_ENUM:
    case LEAT_OPT_LIST:
    case LEAT_OPT_STR:
    case LEAT_OPT_MANY: return "a text";
    }
    if (!ranged) return what;
    if (o->max == INT64_MAX)
        return leat_arena_printf(a, "%s of at least %lld", what, (long long)o->min);
    return leat_arena_printf(a, "%s from %lld to %lld", what, (long long)o->min, (long long)o->max);
}

/* The end of a message: what was found, unless it must not be shown. Long values are cut. */
static const char *got(const leat_opt *o, leat_str text, leat_arena *a)
{
    enum { SHOWN = 80 };
    if (o->flags & LEAT_OPT_SECRET) return "";
    if (text.len == 0) return ", got nothing";
    if (text.len <= SHOWN)
        return leat_arena_printf(a, ", got \"" LEAT_STR_FMT "\"", LEAT_STR_ARG(text));
    size_t cut = SHOWN;
    while (cut > 0 && ((unsigned char)text.s[cut] & 0xC0) == 0x80) cut--;
    return leat_arena_printf(a, ", got \"%.*s...\" (%zu bytes)", (int)cut, text.s, text.len);
}

static const char *choices_text(const leat_opt *o, leat_arena *a)
{
    const char *all = o->choices[0];
    for (const char *const *c = o->choices + 1; all && *c; c++)
        all = leat_arena_printf(a, "%s, %s", all, *c);
    return all ? all : "";
}

static int choice_of(const leat_opt *o, leat_str text)
{
    for (int i = 0; o->choices[i]; i++)
        if (leat_str_ieq(text, leat_str_of(o->choices[i]))) return i;
    return -1;
}

static const char *check_regex(const leat_opt *o, leat_str pattern, leat_arena *a)
{
    leat_regex_problem p;
    if (leat_regex_check(pattern, &p)) return NULL;
    return leat_arena_printf(a, "must be a regular expression: %s at character %zu%s", p.msg,
                             p.offset + 1, got(o, pattern, a));
}

leat_opt_list leat_opt_list_of(const char *text, leat_arena *a)
{
    size_t len = strlen(text), n = 1;
    for (size_t i = 0; i < len; i++) n += text[i] == ',';
    const char **v = LEAT_NEW(a, const char *, n);
    char *copy = leat_arena_alloc(a, len + n, 1); /* the parts, each with a NUL */
    leat_opt_list out = {v, 0};
    for (size_t i = 0; i <= len;) {
        char *part = copy;
        size_t w = 0;
        for (; i < len && text[i] != ','; i++) {
            if (text[i] == '\\' && i + 1 < len) {
                if (text[++i] != ',') part[w++] = '\\';
            }
            part[w++] = text[i];
        }
        i++; /* over the comma, or beyond the end */
        leat_str s = leat_str_trim((leat_str){part, w});
        if (s.len == 0) continue;
        part[(size_t)(s.s - part) + s.len] = '\0';
        copy = part + w + 1;
        v[out.n++] = s.s;
    }
    return out;
}

static const char *read_list(const leat_opt *o, const char *text, leat_arena *a,
                             leat_opt_value *out)
{
    out->list = leat_opt_list_of(text, a);
    for (size_t i = 0; i < out->list.n; i++) {
        leat_str part = leat_str_of(out->list.v[i]);
        if (o->choices && choice_of(o, part) < 0)
            return leat_arena_printf(a, "must be a list of: %s%s", choices_text(o, a),
                                     got(o, part, a));
        if (o->flags & LEAT_OPT_REGEX) {
            const char *wrong = check_regex(o, part, a);
            if (wrong) return wrong;
        }
    }
    return NULL;
}

static const char *read_str(const leat_opt *o, leat_str text, leat_arena *a, leat_opt_value *out)
{
    if ((o->flags & LEAT_OPT_REGEX) && text.len > 0) {
        const char *wrong = check_regex(o, text, a);
        if (wrong) return wrong;
    }
    out->s = leat_arena_str(a, text).s;
    return NULL;
}

static const char *read_i64(const leat_opt *o, leat_str text, leat_arena *a, leat_opt_value *out)
{
    static const unit none[] = {{NULL, 0}};
    const unit *units = o->type == LEAT_OPT_MS      ? ms_units
                        : o->type == LEAT_OPT_BYTES ? byte_units
                                                    : none;
    bool ranged = o->min != 0 || o->max != 0;
    if (read_number(text, units, &out->i) && (!ranged || (out->i >= o->min && out->i <= o->max)))
        return NULL;
    return leat_arena_printf(a, "must be %s%s", expected(o, a), got(o, text, a));
}

const char *leat_opt_read(const leat_opt *o, const char *text, leat_arena *a, leat_opt_value *out)
{
    *out = (leat_opt_value){0};
    leat_str whole = leat_str_of(text);
    leat_str t = leat_str_trim(whole);
    switch (o->type) {
    case LEAT_OPT_STR: return read_str(o, o->flags & LEAT_OPT_SECRET ? whole : t, a, out);
    case LEAT_OPT_LIST: return read_list(o, text, a, out);
    case LEAT_OPT_INT:
    case LEAT_OPT_MS:
    case LEAT_OPT_BYTES: return read_i64(o, t, a, out);
    case LEAT_OPT_BOOL:
        out->i = leat_str_ieq(t, LEAT_STR("true"));
        if (out->i || leat_str_ieq(t, LEAT_STR("false"))) return NULL;
        return leat_arena_printf(a, "must be %s%s", expected(o, a), got(o, t, a));
    case LEAT_OPT_ENUM:
        out->i = choice_of(o, t);
        if (out->i >= 0) return NULL;
        return leat_arena_printf(a, "must be one of: %s%s", choices_text(o, a), got(o, t, a));
    case LEAT_OPT_MANY: break;
    }
    return "cannot be read by itself";
}

void leat_opt_store(const leat_opt *o, const leat_opt_value *v, void *conf)
{
    char *at = (char *)conf + o->off;
    switch (o->type) {
    case LEAT_OPT_STR: memcpy(at, &v->s, sizeof v->s); break;
    case LEAT_OPT_BOOL: {
        bool b = v->i != 0;
        memcpy(at, &b, sizeof b);
        break;
    }
    case LEAT_OPT_INT:
    case LEAT_OPT_ENUM:
    case LEAT_OPT_MS:
    case LEAT_OPT_BYTES: memcpy(at, &v->i, sizeof v->i); break;
    case LEAT_OPT_LIST: memcpy(at, &v->list, sizeof v->list); break;
    case LEAT_OPT_MANY: break;
    }
}

bool leat_opt_same(const leat_opt *o, const char *x, const char *y, leat_arena *a)
{
    leat_opt_value vx, vy;
    if (leat_opt_read(o, x, a, &vx) || leat_opt_read(o, y, a, &vy)) return false;
    if (o->type == LEAT_OPT_STR) return leat_str_eq(leat_str_of(vx.s), leat_str_of(vy.s));
    if (o->type != LEAT_OPT_LIST) return vx.i == vy.i;
    if (vx.list.n != vy.list.n) return false;
    for (size_t i = 0; i < vx.list.n; i++)
        if (!leat_str_eq(leat_str_of(vx.list.v[i]), leat_str_of(vy.list.v[i]))) return false;
    return true;
}

const char *leat_opt_check(const leat_opt *o, const char *value, leat_arena *a)
{
    leat_opt_value v;
    return leat_opt_read(o, value, a, &v);
}

/* Tries the pattern from star number k on; name is what is left. */
static bool fits(const char *pattern, leat_str name, leat_str *star, unsigned k)
{
    const char *s = strchr(pattern, '*');
    if (s == NULL || k == LEAT_OPT_STARS) return leat_str_is(name, pattern);
    size_t before = (size_t)(s - pattern);
    if (name.len <= before || memcmp(name.s, pattern, before) != 0) return false;
    leat_str rest = {name.s + before, name.len - before};
    for (size_t n = 1; n <= rest.len; n++) {
        if (!fits(s + 1, (leat_str){rest.s + n, rest.len - n}, star, k + 1)) continue;
        star[k] = (leat_str){rest.s, n};
        return true;
    }
    return false;
}

bool leat_opt_fits(const char *pattern, leat_str name, leat_str star[LEAT_OPT_STARS])
{
    leat_str scratch[LEAT_OPT_STARS];
    if (star == NULL) star = scratch;
    for (unsigned i = 0; i < LEAT_OPT_STARS; i++) star[i] = (leat_str){NULL, 0};
    return fits(pattern, name, star, 0);
}

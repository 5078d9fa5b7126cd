/* How Quarkus comes to a property's value, as far as files for Debezium Server make use of it.
 *
 *   %PROFILE.NAME=...       counts instead of NAME when the profile is active
 *   NAME of the environment goes before the file; its name there is exact, or with _ for each sign
 *                           that is no letter or digit, or that in capitals
 *   DEBEZIUM_A_B=...        without a line in the file is debezium.a.b
 *   ${NAME}, ${NAME:text}   the environment's or the file's NAME, else the text, expressions in it
 *
 * ${env:X}, ${file:PATH:KEY} and ${dir:FOLDER:FILE} are left as they are: they are leat's. */
#include "config/dbzserver_value.h"

#include <ctype.h>

enum { DEPTH = 8 }; /* expressions inside each other, and properties that name properties */

typedef struct values {
    leat_arena *a;
    const char *const *env;
    leat_props *props; /* effective */
    leat_report *r;
} values;

/* The value of a variable; NULL: it is not set. */
static const char *env_get(const values *v, const char *name)
{
    size_t len = strlen(name);
    for (const char *const *e = v->env; e && *e; e++)
        if (strncmp(*e, name, len) == 0 && (*e)[len] == '=') return *e + len + 1;
    return NULL;
}

/* The variable that goes before a property of this name; NULL: there is none. In a. */
static const char *env_name(const values *v, const char *name)
{
    char *other = leat_arena_strdup(v->a, name);
    if (env_get(v, other)) return other;
    for (char *c = other; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    if (env_get(v, other)) return other;
    for (char *c = other; *c; c++) *c = (char)toupper((unsigned char)*c);
    return env_get(v, other) ? other : NULL;
}

/* ---- names ---- */

static bool active(const char *profiles, leat_str name)
{
    leat_str rest = leat_str_of(profiles);
    while (rest.s)
        if (leat_str_eq(leat_str_trim(leat_str_cut(&rest, ',')), name)) return true;
    return false;
}

static void add(values *v, leat_str name, const leat_prop *p)
{
    leat_prop *now = leat_props_set(v->props, v->a, name, leat_str_of(p->value), p->line);
    now->said = p->name;
}

/* First the names as they are, then those of active profiles over them. */
static void take_file(values *v, const leat_props *file)
{
    const char *profiles = env_get(v, "QUARKUS_PROFILE");
    if (!profiles) profiles = leat_props_get(file, "quarkus.profile");
    if (!profiles || !*profiles) profiles = "prod";
    for (const leat_prop *p = file->first; p; p = p->next) {
        if (p->was > 0)
            leat_report_add(v->r, true, p->name, p->line,
                            "stands in line %d too; the value of line %d counts", p->was, p->line);
        bool loaders = p->line == 0 && strcmp(p->name, "name") == 0; /* from the file's name */
        if (*p->name != '%' && !loaders) add(v, leat_str_of(p->name), p);
    }
    for (const leat_prop *p = file->first; p; p = p->next) {
        leat_str rest = leat_str_of(p->name), profile;
        if (*p->name != '%') continue;
        profile = leat_str_cut(&rest, '.');
        profile = (leat_str){profile.s + 1, profile.len - 1};
        if (rest.s && rest.len > 0 && active(profiles, profile)) add(v, rest, p);
    }
}

/* What selects something is needed here; all else stays a reference. */
static bool selects(const char *name)
{
    static const char *const names[] = {"debezium.sink.type",
                                        "debezium.format.key",
                                        "debezium.format.value",
                                        "debezium.format.header",
                                        "debezium.source.name",
                                        "debezium.source.connector.class",
                                        NULL};
    for (size_t i = 0; names[i]; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static const char *reference(const values *v, const char *variable, const char *name)
{
    if (name && selects(name)) return leat_arena_strdup(v->a, env_get(v, variable));
    return leat_arena_printf(v->a, "${env:%s}", variable);
}

/* debezium.source.a-b has its value from DEBEZIUM_SOURCE_A_B, which else is debezium.source.a.b. */
static bool is_ours(const char *name)
{
    return strncmp(name, "debezium.", 9) == 0;
}

static void take_env(values *v)
{
    for (leat_prop *p = v->props->first; p; p = p->next) {
        const char *variable = env_name(v, p->name);
        if (!variable) continue;
        p->value = reference(v, variable, p->name);
        p->said = variable;
        p->line = 0;
    }
    for (const char *const *e = v->env; e && *e; e++) {
        const char *eq = strchr(*e, '=');
        if (!eq || strncmp(*e, "DEBEZIUM_", 9) != 0) continue;
        char *variable = leat_arena_printf(v->a, "%.*s", (int)(eq - *e), *e);
        char *name = leat_arena_strdup(v->a, variable);
        bool have = false;
        for (const leat_prop *p = v->props->first; p && !have; p = p->next)
            have = is_ours(p->name) && p->said && strcmp(p->said, variable) == 0;
        if (have) continue;
        for (char *c = name; *c; c++) *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
        leat_prop *p = leat_props_set(v->props, v->a, leat_str_of(name),
                                      leat_str_of(reference(v, variable, name)), 0);
        p->said = variable;
    }
}

/* ---- expressions ---- */

typedef struct expression {
    const leat_prop *p; /* whose value it stands in */
    const char *why;    /* what is wrong; NULL: nothing */
} expression;

static void expand(values *v, leat_str text, int depth, leat_buf *out, expression *x);

/* Where the expression that begins at text[0..2) = "${" ends, behind its "}"; 0: nowhere. */
static size_t end_of(leat_str text)
{
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.s[i] == '{' && i > 0 && text.s[i - 1] == '$') depth++;
        if (text.s[i] == '}' && --depth == 0) return i + 1;
    }
    return 0;
}

static leat_prop *find(const values *v, const char *name)
{
    for (leat_prop *p = v->props->first; p; p = p->next)
        if (strcmp(p->name, name) == 0) return p;
    return NULL;
}

/* inner: what stands between the braces. */
static void stand_for(values *v, leat_str inner, int depth, leat_buf *out, expression *x)
{
    leat_str rest = inner;
    const char *name = leat_arena_str(v->a, leat_str_cut(&rest, ':')).s;
    const char *variable = env_name(v, name);
    leat_prop *other = find(v, name);
    if (variable) {
        leat_buf_str_z(out, reference(v, variable, x->p->name));
    } else if (other) {
        other->used = true;
        expand(v, leat_str_of(other->value), depth + 1, out, x);
    } else if (rest.s) {
        expand(v, rest, depth + 1, out, x);
    } else {
        x->why = leat_arena_printf(v->a,
                                   "${%s} stands for nothing: there is neither such an environment "
                                   "variable nor such a property, and it has no default",
                                   name);
    }
}

static void expand(values *v, leat_str text, int depth, leat_buf *out, expression *x)
{
    if (depth > DEPTH) {
        x->why = "its expressions name each other";
        return;
    }
    for (size_t i = 0; i < text.len && !x->why;) {
        leat_str from = {text.s + i, text.len - i};
        size_t end = leat_str_starts(from, "${") ? end_of(from) : 0;
        leat_str inner = {from.s + 2, end > 3 ? end - 3 : 0};
        if (inner.len == 0) {
            leat_buf_u8(out, (unsigned char)text.s[i++]);
            continue;
        }
        bool ours = leat_str_starts(inner, "env:") || leat_str_starts(inner, "file:") ||
                    leat_str_starts(inner, "dir:");
        if (ours)
            leat_buf_add(out, (leat_str){from.s, end});
        else
            stand_for(v, inner, depth, out, x);
        i += end;
    }
}

void leat_dbzserver_values(leat_arena *a, const leat_props *file, const char *const *env,
                           leat_props *out, leat_report *r)
{
    values v = {a, env, out, r};
    leat_props_init(out, file->file);
    take_file(&v, file);
    take_env(&v);
    for (leat_prop *p = out->first; p; p = p->next) {
        leat_buf text = {0};
        expression x = {.p = p};
        expand(&v, leat_str_of(p->value), 0, &text, &x);
        if (x.why)
            leat_report_add(r, false, p->said ? p->said : p->name, p->line, "%s", x.why);
        else
            p->value = leat_arena_str(a, leat_buf_str(&text)).s;
        leat_buf_free(&text);
    }
}

/* From text to statements, by recursive descent; see the header.
 *
 * The error says what would have been right at the first word that is not. Variables are put in
 * word by word, so that a value stays one name or one literal. */
#include "sql/parse.h"

#include "sql/parse_part.h"

/* Not names unless they are quoted: ksqlDB's reserved words. */
static const char *const reserved[] = {
    "ADVANCE",    "ALL",          "AND",         "AS",           "AT",        "BEGINNING",
    "BETWEEN",    "BY",           "CASE",        "CAST",         "CATALOG",   "CONNECTOR",
    "CONNECTORS", "CREATE",       "DAYS",        "DECIMAL",      "DELETE",    "DESCRIBE",
    "DISTINCT",   "DROP",         "ELSE",        "END",          "EXISTS",    "EXPORT",
    "EXTENDED",   "FALSE",        "FROM",        "FULL",         "GROUP",     "HAVING",
    "HOPPING",    "HOURS",        "IN",          "INNER",        "INSERT",    "INTO",
    "IS",         "JOIN",         "LEFT",        "LIKE",         "LIMIT",     "LIST",
    "LOAD",       "MATERIALIZED", "MINUTES",     "MONTHS",       "NAMESPACE", "NOT",
    "NULL",       "ON",           "OR",          "OUTER",        "PAUSE",     "PRINT",
    "PROPERTIES", "QUERIES",      "QUERY",       "RENAME",       "RESUME",    "RETENTION",
    "RIGHT",      "RUN",          "SAMPLE",      "SCRIPT",       "SECONDS",   "SELECT",
    "SIZE",       "STREAM",       "STREAMS",     "TABLE",        "TERMINATE", "THEN",
    "TO",         "TOPIC",        "TOPICS",      "TRUE",         "TUMBLING",  "UNSET",
    "VALUES",     "VIEW",         "WHEN",        "WHERE",        "WINDOW",    "WITH",
    "WITHIN",     "YEARS",        "MILLISECOND", "MILLISECONDS",
};

/* ---- words ---- */

void leat_sql_step(leat_sql_parser *p)
{
    if (p->t.kind != LEAT_SQL_END) p->end = p->t.at + p->t.text.len;
    p->t = leat_sql_next(&p->lexer);
}

bool leat_sql_see(const leat_sql_parser *p, const char *what)
{
    return leat_sql_token_is(&p->t, what);
}

bool leat_sql_accept(leat_sql_parser *p, const char *what)
{
    if (!leat_sql_see(p, what)) return false;
    leat_sql_step(p);
    return true;
}

/* The word as it may stand in a message: what is in single quotes may be secret. */
static const char *shown(const leat_sql_parser *p)
{
    enum { SHOWN = 40 };
    leat_str text = p->t.text;
    switch (p->t.kind) {
    case LEAT_SQL_END: return "the end of the text";
    case LEAT_SQL_STRING: return "a text in single quotes";
    case LEAT_SQL_OPEN:
        return text.s[0] == '/' ? "a comment without its end" : "a quote without its end";
    default: break;
    }
    text.len = leat_str_fit(text, SHOWN);
    return leat_arena_printf(p->a, "'%.*s'", LEAT_STR_ARG(text));
}

leat_rc leat_sql_at(leat_sql_parser *p, const leat_sql_token *t, const char *what, leat_err *e)
{
    (void)p;
    return leat_fail(e, LEAT_CONF, "sql.syntax", NULL, "line %u:%u: %s", t->line, t->column, what);
}

leat_rc leat_sql_wrong(leat_sql_parser *p, const char *expected, leat_err *e)
{
    const char *text =
        leat_arena_printf(p->a, "Syntax Error\nExpecting %s, got %s", expected, shown(p));
    return leat_sql_at(p, &p->t, text, e);
}

leat_rc leat_sql_expect(leat_sql_parser *p, const char *what, leat_err *e)
{
    if (leat_sql_accept(p, what)) return LEAT_OK;
    return leat_sql_wrong(p, leat_arena_printf(p->a, "'%s'", what), e);
}

/* ---- names and literals ---- */

static leat_str upper(leat_arena *a, leat_str text)
{
    char *out = LEAT_NEW(a, char, text.len + 1);
    memcpy(out, text.s, text.len);
    for (size_t i = 0; i < text.len; i++)
        if (out[i] >= 'a' && out[i] <= 'z') out[i] = (char)(out[i] - 'a' + 'A');
    return (leat_str){out, text.len};
}

/* Without its quotes, those that stand twice once. */
static leat_str unquote(leat_arena *a, leat_str text)
{
    char *out = LEAT_NEW(a, char, text.len), quote = text.s[0];
    size_t n = 0;
    for (size_t i = 1; i + 1 < text.len; i++) {
        out[n++] = text.s[i];
        if (text.s[i] == quote) i++;
    }
    return (leat_str){out, n};
}

static bool is_reserved(leat_str word)
{
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (leat_str_ieq(word, leat_str_of(reserved[i]))) return true;
    return false;
}

static leat_str variable_name(leat_str text)
{
    return (leat_str){text.s + 2, text.len - 3};
}

/* Only letters, digits and _; in quotes or not. */
static bool plain(leat_str text)
{
    bool quoted = text.len >= 2 && (text.s[0] == '"' || text.s[0] == '`') &&
                  text.s[text.len - 1] == text.s[0];
    if (quoted) text = (leat_str){text.s + 1, text.len - 2};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.s[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || (c == '@' && i > 0);
        if (!good) return false;
    }
    return text.len > 0;
}

/* What a variable stands for where a name is expected. */
static leat_rc name_of_variable(leat_sql_parser *p, leat_str *out, leat_err *e)
{
    leat_str value = leat_sql_var_get(p->vars, variable_name(p->t.text));
    if (!value.s || !plain(value))
        return leat_sql_at(p, &p->t,
                           leat_arena_printf(p->a,
                                             "Illegal argument at Line: %u, Col: %u. Identifier "
                                             "names cannot start with '@' and may only contain "
                                             "alphanumeric values and '_'. Got: '%.*s'",
                                             p->t.line, p->t.column,
                                             LEAT_STR_ARG(value.s ? value : p->t.text)),
                           e);
    bool quoted = value.s[0] == '"' || value.s[0] == '`';
    *out = quoted ? unquote(p->a, value) : upper(p->a, value);
    return LEAT_OK;
}

leat_rc leat_sql_name(leat_sql_parser *p, const char *expected, leat_str *out, leat_err *e)
{
    switch (p->t.kind) {
    case LEAT_SQL_WORD:
        if (is_reserved(p->t.text))
            return leat_sql_at(
                p, &p->t,
                leat_arena_printf(p->a,
                                  "Syntax Error\n\"%.*s\" is a reserved keyword and it can't be "
                                  "used as an identifier. You can use it as an identifier by "
                                  "escaping it as `%.*s`",
                                  LEAT_STR_ARG(p->t.text), LEAT_STR_ARG(p->t.text)),
                e);
        *out = upper(p->a, p->t.text);
        break;
    case LEAT_SQL_DIGITS: *out = upper(p->a, p->t.text); break;
    case LEAT_SQL_QUOTED:
    case LEAT_SQL_BACKQUOTED: *out = unquote(p->a, p->t.text); break;
    case LEAT_SQL_VARIABLE: LEAT_TRY(name_of_variable(p, out, e)); break;
    default: return leat_sql_wrong(p, expected, e);
    }
    if (out->len == 0) return leat_sql_wrong(p, expected, e);
    leat_sql_step(p);
    return LEAT_OK;
}

/* What is in single quotes, with its variables. */
static leat_rc filled(leat_sql_parser *p, leat_str text, leat_str *out, leat_err *e)
{
    leat_str inner = unquote(p->a, text);
    leat_buf buf = {0};
    *out = inner;
    if (!p->vars || !memchr(inner.s, '$', inner.len)) return LEAT_OK;
    leat_sql_var_fill(p->vars, inner, &buf);
    if (buf.len > inner.len) p->added += buf.len - inner.len;
    bool most = p->added > LEAT_SQL_FILLED_MOST;
    if (!most) *out = leat_arena_str(p->a, leat_buf_str(&buf));
    leat_buf_free(&buf);
    if (!most) return LEAT_OK;
    return leat_sql_at(p, &p->t, "the variables of this text stand for more than 1 MiB", e);
}

leat_rc leat_sql_string(leat_sql_parser *p, const char *expected, leat_str *out, leat_err *e)
{
    if (p->t.kind != LEAT_SQL_STRING) return leat_sql_wrong(p, expected, e);
    LEAT_TRY(filled(p, p->t.text, out, e));
    leat_sql_step(p);
    return LEAT_OK;
}

static bool is_number(leat_str text)
{
    leat_sql_lexer l;
    if (text.len > 0 && (text.s[0] == '-' || text.s[0] == '+')) text.s++, text.len--;
    leat_sql_lexer_init(&l, text);
    leat_sql_token t = leat_sql_next(&l);
    return t.kind == LEAT_SQL_NUMBER && t.text.len == text.len;
}

/* Where a literal is expected: a quoted text, a number, true or false. */
static leat_rc literal_of_variable(leat_sql_parser *p, leat_str *out, leat_err *e)
{
    leat_str value = leat_sql_var_get(p->vars, variable_name(p->t.text));
    bool quoted = value.len >= 2 && value.s[0] == '\'' && value.s[value.len - 1] == '\'';
    bool word = value.s &&
                (leat_str_ieq(value, LEAT_STR("true")) || leat_str_ieq(value, LEAT_STR("false")));
    if (quoted)
        *out = (leat_str){value.s + 1, value.len - 2};
    else if (value.s && (word || is_number(value)))
        *out = value;
    else
        return leat_sql_at(p, &p->t,
                           leat_arena_printf(p->a,
                                             "Illegal argument at Line: %u, Col: %u. Variable "
                                             "%.*s %s",
                                             p->t.line, p->t.column, LEAT_STR_ARG(p->t.text),
                                             value.s
                                                 ? "is no quoted text, number or boolean: write "
                                                   "it in single quotes"
                                                 : "is not defined"),
                           e);
    return LEAT_OK;
}

/* out absent: NULL. */
static leat_rc literal(leat_sql_parser *p, leat_str *out, leat_err *e)
{
    *out = (leat_str){0};
    if (p->t.kind == LEAT_SQL_STRING) return leat_sql_string(p, "", out, e);
    if (p->t.kind == LEAT_SQL_VARIABLE) {
        LEAT_TRY(literal_of_variable(p, out, e));
    } else if (leat_sql_see(p, "TRUE") || leat_sql_see(p, "FALSE")) {
        *out = leat_sql_see(p, "TRUE") ? LEAT_STR("true") : LEAT_STR("false");
    } else if (leat_sql_see(p, "-")) {
        leat_sql_step(p);
        if (p->t.kind != LEAT_SQL_NUMBER) return leat_sql_wrong(p, "a number", e);
        *out = leat_str_of(leat_arena_printf(p->a, "-%.*s", LEAT_STR_ARG(p->t.text)));
    } else if (p->t.kind == LEAT_SQL_NUMBER) {
        *out = p->t.text;
    } else if (!leat_sql_see(p, "NULL")) {
        return leat_sql_wrong(p, "a value: '...', a number, TRUE, FALSE or NULL", e);
    }
    leat_sql_step(p);
    return LEAT_OK;
}

/* What stands in single quotes, its variables replaced and its quotes kept. */
static leat_rc rest_of_string(leat_sql_parser *p, leat_buf *out, leat_err *e)
{
    leat_str value;
    LEAT_TRY(filled(p, p->t.text, &value, e));
    leat_buf_quoted(out, value, '\'');
    return LEAT_OK;
}

static leat_rc rest(leat_sql_parser *p, leat_buf *out, leat_err *e)
{
    const char *text = p->lexer.text.s;
    size_t from = p->t.at;
    while (p->t.kind != LEAT_SQL_END && !leat_sql_see(p, ";")) {
        bool string = p->t.kind == LEAT_SQL_STRING, variable = p->t.kind == LEAT_SQL_VARIABLE;
        leat_str value;
        if (p->t.kind == LEAT_SQL_OPEN) return leat_sql_wrong(p, "the rest of a SELECT", e);
        if (string || variable) {
            leat_buf_put(out, text + from, p->t.at - from);
            from = p->t.at + p->t.text.len;
        }
        if (string) LEAT_TRY(rest_of_string(p, out, e));
        if (variable) {
            LEAT_TRY(literal_of_variable(p, &value, e));
            bool quoted = !is_number(value) && !leat_str_ieq(value, LEAT_STR("true")) &&
                          !leat_str_ieq(value, LEAT_STR("false"));
            if (quoted)
                leat_buf_quoted(out, value, '\'');
            else
                leat_buf_add(out, value);
        }
        leat_sql_step(p);
    }
    leat_buf_put(out, text + from, p->end - from);
    return LEAT_OK;
}

leat_rc leat_sql_rest(leat_sql_parser *p, leat_str *out, leat_err *e)
{
    leat_buf buf = {0};
    leat_rc rc = rest(p, &buf, e);
    *out = leat_arena_str(p->a, leat_buf_str(&buf));
    leat_buf_free(&buf);
    return rc;
}

/* ---- lists ---- */

leat_rc leat_sql_props(leat_sql_parser *p, leat_sql_prop **out, leat_err *e)
{
    leat_sql_prop **tail = out;
    LEAT_TRY(leat_sql_expect(p, "(", e));
    do {
        leat_sql_prop *prop = LEAT_NEW(p->a, leat_sql_prop, 1);
        leat_sql_token first = p->t;
        prop->line = first.line;
        prop->column = first.column;
        prop->name_text = first.text;
        if (first.kind == LEAT_SQL_STRING)
            LEAT_TRY(leat_sql_string(p, "", &prop->name, e));
        else
            LEAT_TRY(leat_sql_name(p, "the name of an option", &prop->name, e));
        if (prop->name.len == 0) return leat_sql_at(p, &first, "the name of an option is empty", e);
        for (const leat_sql_prop *q = *out; q; q = q->next)
            if (leat_str_eq(q->name, prop->name))
                return leat_sql_at(
                    p, &first,
                    leat_arena_printf(p->a, "Duplicate key %.*s", LEAT_STR_ARG(prop->name)), e);
        LEAT_TRY(leat_sql_expect(p, "=", e));
        size_t from = p->t.at;
        LEAT_TRY(literal(p, &prop->value, e));
        prop->value_text = (leat_str){p->lexer.text.s + from, p->end - from};
        *tail = prop;
        tail = &prop->next;
        if (++p->nprops > LEAT_SQL_PROPS_MOST)
            return leat_sql_at(p, &first, "a text takes at most 10,000 options", e);
    } while (leat_sql_accept(p, ","));
    return leat_sql_expect(p, ")", e);
}

leat_rc leat_sql_names(leat_sql_parser *p, leat_sql_prop **out, leat_err *e)
{
    leat_sql_prop **tail = out;
    do {
        leat_sql_prop *one = LEAT_NEW(p->a, leat_sql_prop, 1);
        if (p->t.kind == LEAT_SQL_WORD && !is_reserved(p->t.text)) { /* as in table.include.list */
            one->name = p->t.text;
            leat_sql_step(p);
        } else if (p->t.kind == LEAT_SQL_STRING) {
            LEAT_TRY(leat_sql_string(p, "", &one->name, e));
        } else {
            LEAT_TRY(leat_sql_name(p, "a table: schema.table, or in single quotes", &one->name, e));
        }
        if (leat_sql_accept(p, ".")) {
            leat_str rest = p->t.text;
            if (p->t.kind == LEAT_SQL_QUOTED || p->t.kind == LEAT_SQL_BACKQUOTED)
                rest = unquote(p->a, rest);
            else if (p->t.kind != LEAT_SQL_WORD)
                return leat_sql_wrong(p, "the name of a table", e);
            leat_sql_step(p);
            one->name = leat_str_of(
                leat_arena_printf(p->a, "%.*s.%.*s", LEAT_STR_ARG(one->name), LEAT_STR_ARG(rest)));
        }
        *tail = one;
        tail = &one->next;
    } while (leat_sql_accept(p, ","));
    return LEAT_OK;
}

/* ---- the text ---- */

static leat_rc one(leat_sql_parser *p, leat_sql_statement **out, leat_err *e)
{
    leat_sql_token first = p->t;
    leat_sql_statement *s = LEAT_NEW(p->a, leat_sql_statement, 1);
    s->line = first.line;
    s->column = first.column;
    s->limit = -1;
    s->vars = p->vars;
    LEAT_TRY(leat_sql_statement_parse(p, s, e));
    if (!leat_sql_see(p, ";")) return leat_sql_wrong(p, "';'", e);
    leat_sql_step(p);
    s->text = (leat_str){p->lexer.text.s + first.at, p->end - first.at};
    bool define = s->kind == LEAT_SQL_DEFINE;
    if (define && ++p->nvars > LEAT_SQL_VARS_MOST)
        return leat_sql_at(p, &first, "a text defines at most 1,000 variables", e);
    if (define || s->kind == LEAT_SQL_UNDEFINE)
        p->vars = leat_sql_var_set(p->vars, p->a, s->name, define ? s->value : (leat_str){0});
    *out = s;
    return LEAT_OK;
}

leat_rc leat_sql_parse(leat_arena *a, leat_str text, const leat_sql_var **vars,
                       leat_sql_statement **out, leat_err *e)
{
    leat_sql_parser p = {.a = a, .vars = *vars};
    leat_sql_statement **tail = out;
    *out = NULL;
    if (memchr(text.s ? text.s : "", 0, text.len) || !leat_str_utf8(text))
        return leat_fail(e, LEAT_CONF, "sql.syntax", NULL,
                         "line 1:1: this is no text: it holds a NUL, or is not UTF-8");
    leat_sql_lexer_init(&p.lexer, text);
    leat_sql_step(&p);
    while (p.t.kind != LEAT_SQL_END) {
        LEAT_TRY(one(&p, tail, e));
        tail = &(*tail)->next;
    }
    *vars = p.vars;
    return LEAT_OK;
}

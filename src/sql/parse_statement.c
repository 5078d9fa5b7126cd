/* The statements themselves: which words follow each other (sql/statement.h). */
#include "sql/parse_part.h"

typedef leat_rc (*rule)(leat_sql_parser *p, leat_sql_statement *s, leat_err *e);

/* The name of what the statement is about. */
static leat_rc name(leat_sql_parser *p, leat_sql_statement *s, const char *expected, leat_err *e)
{
    s->name_text = p->t.text;
    return leat_sql_name(p, expected, &s->name, e);
}

static leat_rc if_exists(leat_sql_parser *p, leat_sql_statement *s, bool not, leat_err *e)
{
    if (!leat_sql_accept(p, "IF")) return LEAT_OK;
    if (not ) LEAT_TRY(leat_sql_expect(p, "NOT", e));
    LEAT_TRY(leat_sql_expect(p, "EXISTS", e));
    s->exists = true;
    return LEAT_OK;
}

/* CONNECTOR, and what the statement is. */
static leat_rc connector(leat_sql_parser *p, leat_sql_statement *s, leat_sql_kind kind, leat_err *e)
{
    s->kind = kind;
    return leat_sql_expect(p, "CONNECTOR", e);
}

/* [WITHOUT TEST] behind the parameters of a connection. */
static leat_rc untested(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (!leat_sql_accept(p, "WITHOUT")) return LEAT_OK;
    s->untested = true;
    return leat_sql_expect(p, "TEST", e);
}

static leat_rc create_connection(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_CREATE_CONNECTION;
    LEAT_TRY(if_exists(p, s, true, e));
    LEAT_TRY(name(p, s, "a name", e));
    LEAT_TRY(leat_sql_expect(p, "WITH", e));
    LEAT_TRY(leat_sql_props(p, &s->props, e));
    return untested(p, s, e);
}

static leat_rc create(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (leat_sql_accept(p, "CONNECTION")) return create_connection(p, s, e);
    if (leat_sql_accept(p, "SOURCE"))
        s->side = LEAT_SQL_SOURCE;
    else if (leat_sql_accept(p, "SINK"))
        s->side = LEAT_SQL_SINK;
    else
        return leat_sql_wrong(p, "'SOURCE CONNECTOR', 'SINK CONNECTOR' or 'CONNECTION'", e);
    LEAT_TRY(connector(p, s, LEAT_SQL_CREATE_CONNECTOR, e));
    LEAT_TRY(if_exists(p, s, true, e));
    LEAT_TRY(name(p, s, "a name", e));
    LEAT_TRY(leat_sql_expect(p, "WITH", e));
    return leat_sql_props(p, &s->props, e);
}

/* FOR CONNECTOR name. */
static leat_rc of_connector(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    LEAT_TRY(leat_sql_expect(p, "FOR", e));
    LEAT_TRY(leat_sql_expect(p, "CONNECTOR", e));
    return name(p, s, "the name of a connector", e);
}

/* LETTERS [id, ...] FOR CONNECTOR name, behind DEAD. */
static leat_rc letters(leat_sql_parser *p, leat_sql_statement *s, leat_sql_kind kind, leat_err *e)
{
    int64_t id = 0;
    s->kind = kind;
    LEAT_TRY(leat_sql_expect(p, "LETTERS", e));
    while (p->t.kind == LEAT_SQL_NUMBER || s->ids.s) {
        if (p->t.kind != LEAT_SQL_NUMBER || !leat_str_i64(p->t.text, &id) || id < 1)
            return leat_sql_wrong(p, "the id of a dead letter, 1 or more", e);
        s->ids = leat_str_of(leat_arena_printf(p->a, "%.*s%s%lld", LEAT_STR_ARG(s->ids),
                                               s->ids.s ? "," : "", (long long)id));
        leat_sql_step(p);
        if (!leat_sql_accept(p, ",")) break;
    }
    return of_connector(p, s, e);
}

/* SHOW, RETRY, DROP and ALTER know them by this word. */
static bool dead(leat_sql_parser *p)
{
    return leat_sql_accept(p, "DEAD");
}

static leat_rc drop(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (dead(p)) return letters(p, s, LEAT_SQL_DROP_LETTERS, e);
    if (leat_sql_accept(p, "CONNECTION")) {
        s->kind = LEAT_SQL_DROP_CONNECTION;
        LEAT_TRY(if_exists(p, s, false, e));
        return name(p, s, "the name of a connection", e);
    }
    LEAT_TRY(connector(p, s, LEAT_SQL_DROP_CONNECTOR, e));
    LEAT_TRY(if_exists(p, s, false, e));
    LEAT_TRY(name(p, s, "a name", e));
    if (leat_sql_accept(p, "DELETE")) {
        LEAT_TRY(leat_sql_expect(p, "OFFSETS", e));
        s->delete_offsets = true;
    }
    s->forget = leat_sql_accept(p, "FORGET");
    return LEAT_OK;
}

static leat_rc act(leat_sql_parser *p, leat_sql_statement *s, leat_sql_kind kind, leat_err *e)
{
    LEAT_TRY(connector(p, s, kind, e));
    return name(p, s, "the name of a connector", e);
}

static leat_rc describe(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (leat_sql_accept(p, "CONNECTION")) {
        s->kind = LEAT_SQL_DESCRIBE_CONNECTION;
        return name(p, s, "the name of a connection", e);
    }
    return act(p, s, LEAT_SQL_DESCRIBE_CONNECTOR, e);
}

/* TEST CONNECTION name [FOR strategy] [WITH (...)] */
static leat_rc test_connection(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_TEST_CONNECTION;
    LEAT_TRY(name(p, s, "the name of a connection", e));
    if (leat_sql_accept(p, "FOR")) {
        if (p->t.kind == LEAT_SQL_WORD) { /* a reserved one too: query */
            s->value = p->t.text;
            leat_sql_step(p);
        } else {
            LEAT_TRY(leat_sql_string(p, "a strategy", &s->value, e));
        }
    }
    return leat_sql_accept(p, "WITH") ? leat_sql_props(p, &s->props, e) : LEAT_OK;
}

static leat_rc test(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (leat_sql_accept(p, "CONNECTION")) return test_connection(p, s, e);
    return act(p, s, LEAT_SQL_TEST_CONNECTOR, e);
}

static leat_rc alter_letter(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    LEAT_TRY(letters(p, s, LEAT_SQL_ALTER_LETTER, e));
    if (!s->ids.s || memchr(s->ids.s, ',', s->ids.len))
        return leat_sql_wrong(p, "the id of one dead letter behind LETTERS", e);
    LEAT_TRY(leat_sql_expect(p, "SET", e));
    return leat_sql_string(p, "columns and values as JSON in single quotes", &s->value, e);
}

static leat_rc retry(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    LEAT_TRY(leat_sql_expect(p, "DEAD", e));
    return letters(p, s, LEAT_SQL_RETRY_LETTERS, e);
}

static leat_rc alter(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (dead(p)) return alter_letter(p, s, e);
    if (leat_sql_accept(p, "OFFSETS")) {
        s->kind = LEAT_SQL_ALTER_OFFSETS;
        LEAT_TRY(of_connector(p, s, e));
        LEAT_TRY(leat_sql_expect(p, "SET", e));
        return leat_sql_string(p, "the offsets as JSON in single quotes", &s->value, e);
    }
    if (leat_sql_accept(p, "CONNECTION")) {
        s->kind = LEAT_SQL_ALTER_CONNECTION;
        LEAT_TRY(name(p, s, "the name of a connection", e));
        LEAT_TRY(leat_sql_expect(p, "SET", e));
        LEAT_TRY(leat_sql_props(p, &s->props, e));
        LEAT_TRY(untested(p, s, e));
        s->restart = leat_sql_accept(p, "RESTART");
        return LEAT_OK;
    }
    if (!leat_sql_see(p, "CONNECTOR"))
        return leat_sql_wrong(p, "'CONNECTOR', 'CONNECTION', 'OFFSETS' or 'DEAD LETTERS'", e);
    LEAT_TRY(act(p, s, LEAT_SQL_ALTER_CONNECTOR, e));
    LEAT_TRY(leat_sql_expect(p, "SET", e));
    return leat_sql_props(p, &s->props, e);
}

static leat_rc reset(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_RESET_OFFSETS;
    LEAT_TRY(leat_sql_expect(p, "OFFSETS", e));
    return of_connector(p, s, e);
}

static leat_rc list(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (leat_sql_accept(p, "SOURCE"))
        s->side = LEAT_SQL_SOURCE;
    else if (leat_sql_accept(p, "SINK"))
        s->side = LEAT_SQL_SINK;
    if (s->side == LEAT_SQL_ANY && dead(p)) return letters(p, s, LEAT_SQL_LIST_LETTERS, e);
    s->kind = LEAT_SQL_LIST_CONNECTORS;
    if (leat_sql_accept(p, "CONNECTORS")) return LEAT_OK;
    if (s->side != LEAT_SQL_ANY) return leat_sql_wrong(p, "'CONNECTORS'", e);
    if (leat_sql_accept(p, "CONNECTIONS")) {
        s->kind = LEAT_SQL_LIST_CONNECTIONS;
        return LEAT_OK;
    }
    if (leat_sql_accept(p, "CONNECTOR")) {
        s->kind = LEAT_SQL_LIST_PLUGINS;
        return leat_sql_expect(p, "PLUGINS", e);
    }
    if (leat_sql_accept(p, "OFFSETS")) {
        s->kind = LEAT_SQL_LIST_OFFSETS;
        return of_connector(p, s, e);
    }
    bool all = leat_sql_accept(p, "ALL");
    s->kind = LEAT_SQL_LIST_TOPICS;
    if (leat_sql_accept(p, "TOPICS")) {
        leat_sql_accept(p, "EXTENDED");
        return LEAT_OK;
    }
    if (all) return leat_sql_wrong(p, "'TOPICS'", e);
    s->kind = LEAT_SQL_LIST_VARIABLES;
    if (leat_sql_accept(p, "VARIABLES")) return LEAT_OK;
    s->kind = LEAT_SQL_LIST_PROPERTIES;
    if (leat_sql_accept(p, "PROPERTIES")) return LEAT_OK;
    return leat_sql_wrong(
        p,
        "'CONNECTORS', 'CONNECTIONS', 'CONNECTOR PLUGINS', 'OFFSETS', 'DEAD LETTERS', 'TOPICS', "
        "'VARIABLES' or 'PROPERTIES'",
        e);
}

static leat_rc pause(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    return act(p, s, LEAT_SQL_PAUSE, e);
}

static leat_rc resume(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    return act(p, s, LEAT_SQL_RESUME, e);
}

static leat_rc stop(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    return act(p, s, LEAT_SQL_STOP, e);
}

static leat_rc restart(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    return act(p, s, LEAT_SQL_RESTART, e);
}

static leat_rc snapshot(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    LEAT_TRY(act(p, s, LEAT_SQL_SNAPSHOT, e));
    if (!leat_sql_accept(p, "TABLES")) LEAT_TRY(leat_sql_expect(p, "TABLE", e));
    LEAT_TRY(leat_sql_names(p, &s->tables, e));
    if (leat_sql_accept(p, "WHERE"))
        LEAT_TRY(leat_sql_string(p, "the condition in single quotes", &s->value, e));
    s->blocking = leat_sql_accept(p, "BLOCKING");
    return LEAT_OK;
}

static leat_rc print(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_PRINT;
    s->name_text = p->t.text;
    if (p->t.kind == LEAT_SQL_STRING)
        LEAT_TRY(leat_sql_string(p, "", &s->name, e));
    else
        LEAT_TRY(leat_sql_name(p, "the name of a topic", &s->name, e));
    if (leat_sql_accept(p, "FROM")) {
        LEAT_TRY(leat_sql_expect(p, "BEGINNING", e));
        s->beginning = true;
    }
    if (!leat_sql_accept(p, "LIMIT")) return LEAT_OK;
    if (p->t.kind != LEAT_SQL_NUMBER || !leat_str_i64(p->t.text, &s->limit) || s->limit < 1)
        return leat_sql_wrong(p, "a number of records, 1 or more", e);
    leat_sql_step(p);
    return LEAT_OK;
}

/* SQLite reads it; what matters here is where it ends. */
static leat_rc query(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_SELECT;
    return leat_sql_rest(p, &s->value, e);
}

/* The name of a variable: any word. */
static leat_rc variable(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    if (p->t.kind != LEAT_SQL_WORD) return leat_sql_wrong(p, "the name of a variable", e);
    s->name = s->name_text = p->t.text;
    leat_sql_step(p);
    return LEAT_OK;
}

static leat_rc define(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_DEFINE;
    LEAT_TRY(variable(p, s, e));
    LEAT_TRY(leat_sql_expect(p, "=", e));
    return leat_sql_string(p, "a value in single quotes", &s->value, e);
}

static leat_rc undefine(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_UNDEFINE;
    return variable(p, s, e);
}

static leat_rc set(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_SET;
    LEAT_TRY(leat_sql_string(p, "the name of a property in single quotes", &s->name, e));
    LEAT_TRY(leat_sql_expect(p, "=", e));
    return leat_sql_string(p, "its value in single quotes", &s->value, e);
}

static leat_rc unset(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    s->kind = LEAT_SQL_UNSET;
    return leat_sql_string(p, "the name of a property in single quotes", &s->name, e);
}

static const struct {
    const char *word;
    rule rule;
} rules[] = {
    {"CREATE", create}, {"DROP", drop},       {"DESCRIBE", describe}, {"SHOW", list},
    {"LIST", list},     {"ALTER", alter},     {"PAUSE", pause},       {"RESUME", resume},
    {"STOP", stop},     {"RESTART", restart}, {"SNAPSHOT", snapshot}, {"RESET", reset},
    {"TEST", test},     {"PRINT", print},     {"DEFINE", define},     {"UNDEFINE", undefine},
    {"SET", set},       {"UNSET", unset},     {"SELECT", query},      {"WITH", query},
    {"RETRY", retry},
};

enum { RULES = sizeof rules / sizeof *rules, LONGEST = 16 };

const char *leat_sql_first_word(size_t i)
{
    return i < RULES ? rules[i].word : NULL;
}

/* Levenshtein's distance, in any case; word is shorter than LONGEST. */
static size_t distance(leat_str word, const char *to)
{
    size_t row[LONGEST + 1], n = strlen(to);
    for (size_t j = 0; j <= n; j++) row[j] = j;
    for (size_t i = 0; i < word.len; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            bool same = leat_str_ieq((leat_str){word.s + i, 1}, (leat_str){to + j, 1});
            size_t least = corner + !same;
            if (row[j] + 1 < least) least = row[j] + 1;
            corner = row[j + 1];
            if (corner + 1 < least) least = corner + 1;
            row[j + 1] = least;
        }
    }
    return row[n];
}

static leat_rc unknown(leat_sql_parser *p, leat_err *e)
{
    leat_str word = p->t.text;
    if (p->t.kind != LEAT_SQL_WORD || word.len > LONGEST)
        return leat_sql_wrong(p, "a statement", e);
    size_t best = 0;
    for (size_t i = 1; i < RULES; i++)
        if (distance(word, rules[i].word) < distance(word, rules[best].word)) best = i;
    return leat_sql_at(p, &p->t,
                       leat_arena_printf(p->a,
                                         "Syntax Error\nUnknown statement '%.*s'\nDid you mean "
                                         "'%s'?",
                                         LEAT_STR_ARG(word), rules[best].word),
                       e);
}

leat_rc leat_sql_statement_parse(leat_sql_parser *p, leat_sql_statement *s, leat_err *e)
{
    for (size_t i = 0; i < RULES; i++) {
        if (!leat_sql_see(p, rules[i].word)) continue;
        if (rules[i].rule != query) leat_sql_step(p); /* its first word belongs to it */
        return rules[i].rule(p, s, e);
    }
    return unknown(p, e);
}

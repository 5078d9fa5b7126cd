/* Words of SQL; see the header. */
#include "sql/token.h"

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool inside_word(char c)
{
    return letter(c) || digit(c) || c == '_' || c == '@';
}

void leat_sql_lexer_init(leat_sql_lexer *l, leat_str text)
{
    *l = (leat_sql_lexer){.text = text, .line = 1, .column = 1};
}

/* The byte so far ahead; 0 behind the end. */
static char peek(const leat_sql_lexer *l, size_t ahead)
{
    return l->at + ahead < l->text.len ? l->text.s[l->at + ahead] : 0;
}

static bool more(const leat_sql_lexer *l)
{
    return l->at < l->text.len;
}

static void step(leat_sql_lexer *l, size_t n)
{
    for (; n > 0 && more(l); n--) {
        char c = l->text.s[l->at++];
        if (c == '\n') {
            l->line++;
            l->column = 1;
        } else if (((unsigned char)c & 0xC0) != 0x80) {
            l->column++;
        }
    }
}

/* False: it has no end. */
static bool skip_comment(leat_sql_lexer *l)
{
    if (peek(l, 0) == '-') {
        while (more(l) && peek(l, 0) != '\n') step(l, 1);
        return true;
    }
    step(l, 2);
    while (more(l) && !(peek(l, 0) == '*' && peek(l, 1) == '/')) step(l, 1);
    bool ends = more(l);
    step(l, 2);
    return ends;
}

/* False: a comment has no end. */
static bool skip_blanks(leat_sql_lexer *l)
{
    for (;;) {
        char c = peek(l, 0), d = peek(l, 1);
        if (more(l) && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
            step(l, 1);
        else if (!((c == '-' && d == '-') || (c == '/' && d == '*')))
            return true;
        else if (!skip_comment(l))
            return false;
    }
}

/* What begins with this quote; false: it has no end. */
static bool take_quoted(leat_sql_lexer *l, char quote)
{
    step(l, 1);
    while (more(l)) {
        bool is = peek(l, 0) == quote, twice = is && peek(l, 1) == quote;
        step(l, twice ? 2 : 1);
        if (is && !twice) return true;
    }
    return false;
}

/* How many bytes from here belong to a number; 0: there is none. */
static size_t number_length(const leat_sql_lexer *l)
{
    size_t n = 0, digits = 0;
    while (digit(peek(l, n))) n++, digits++;
    if (peek(l, n) == '.' && (digits > 0 || digit(peek(l, n + 1)))) {
        n++;
        while (digit(peek(l, n))) n++, digits++;
    }
    if (digits == 0) return 0;
    if (peek(l, n) != 'e' && peek(l, n) != 'E') return n;
    size_t m = n + 1;
    if (peek(l, m) == '+' || peek(l, m) == '-') m++;
    if (!digit(peek(l, m))) return n;
    while (digit(peek(l, m))) m++;
    return m;
}

/* The longer of a number and a word that begins with a digit. */
static leat_sql_token_kind take_digits(leat_sql_lexer *l)
{
    size_t number = number_length(l), word = 0;
    while (inside_word(peek(l, word))) word++;
    step(l, number >= word ? number : word);
    return number >= word ? LEAT_SQL_NUMBER : LEAT_SQL_DIGITS;
}

static size_t variable_length(const leat_sql_lexer *l)
{
    size_t n = 2;
    if (peek(l, 1) != '{' || !(letter(peek(l, 2)) || peek(l, 2) == '_')) return 0;
    while (inside_word(peek(l, n))) n++;
    return peek(l, n) == '}' ? n + 1 : 0;
}

static leat_sql_token_kind take(leat_sql_lexer *l)
{
    char c = peek(l, 0);
    size_t variable = c == '$' ? variable_length(l) : 0;
    if (c == '\'') return take_quoted(l, c) ? LEAT_SQL_STRING : LEAT_SQL_OPEN;
    if (c == '"') return take_quoted(l, c) ? LEAT_SQL_QUOTED : LEAT_SQL_OPEN;
    if (c == '`') return take_quoted(l, c) ? LEAT_SQL_BACKQUOTED : LEAT_SQL_OPEN;
    if (number_length(l) > 0) return take_digits(l);
    if (letter(c) || c == '_') {
        while (inside_word(peek(l, 0))) step(l, 1);
        return LEAT_SQL_WORD;
    }
    if (variable > 0) {
        step(l, variable);
        return LEAT_SQL_VARIABLE;
    }
    step(l, 1);
    while (more(l) && ((unsigned char)peek(l, 0) & 0xC0) == 0x80) step(l, 1);
    return LEAT_SQL_SYMBOL;
}

leat_sql_token leat_sql_next(leat_sql_lexer *l)
{
    leat_sql_lexer before = *l;
    bool whole = skip_blanks(l);
    if (whole) before = *l;
    leat_sql_token t = {.line = before.line, .column = before.column, .at = before.at};
    if (!whole)
        t.kind = LEAT_SQL_OPEN;
    else if (more(l))
        t.kind = take(l);
    t.text = (leat_str){l->text.s + t.at, l->at - t.at};
    return t;
}

bool leat_sql_token_is(const leat_sql_token *t, const char *what)
{
    if (t->kind != LEAT_SQL_WORD && t->kind != LEAT_SQL_SYMBOL) return false;
    return leat_str_ieq(t->text, leat_str_of(what));
}

leat_str leat_sql_cut(leat_str *rest)
{
    leat_sql_lexer l;
    leat_sql_lexer_init(&l, *rest);
    for (;;) {
        leat_sql_token t = leat_sql_next(&l);
        if (t.kind == LEAT_SQL_END || t.kind == LEAT_SQL_OPEN) return (leat_str){0};
        if (!leat_sql_token_is(&t, ";")) continue;
        leat_str out = {rest->s, l.at};
        *rest = (leat_str){rest->s + l.at, rest->len - l.at};
        return out;
    }
}

bool leat_sql_blank(leat_str text)
{
    leat_sql_lexer l;
    leat_sql_lexer_init(&l, text);
    return leat_sql_next(&l).kind == LEAT_SQL_END;
}

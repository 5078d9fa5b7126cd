/* Any bytes as SQL: cut into statements or read as a whole, it comes to the same; what was read is
 * shown without the values of options, and that can be read again. */
#include "fuzz.h"

#include <stdlib.h>

#include "sql/file.h"
#include "sql/parse.h"
#include "sql/token.h"

/* Words cover the text in order, and end. */
static void check_words(leat_str text)
{
    leat_sql_lexer l;
    size_t end = 0;
    leat_sql_lexer_init(&l, text);
    for (;;) {
        leat_sql_token t = leat_sql_next(&l);
        if (t.at < end || t.at + t.text.len != l.at || l.at > text.len) abort();
        if (t.kind == LEAT_SQL_END) break;
        if (t.text.len == 0) abort();
        end = l.at;
    }
    if (l.at != text.len) abort();
}

static unsigned count(const leat_sql_statement *list)
{
    unsigned n = 0;
    for (; list; list = list->next) n++;
    return n;
}

static void check_cuts(leat_str text, unsigned want)
{
    unsigned n = 0;
    while (leat_sql_cut(&text).s) n++;
    if (n != want || !leat_sql_blank(text)) abort();
}

static void check_shown(leat_arena *a, const leat_sql_statement *s)
{
    leat_buf out = {0};
    leat_sql_statement *again = NULL;
    const leat_sql_var *vars = s->vars;
    leat_sql_mask(s, &out);
    leat_str text = leat_arena_str(a, leat_buf_str(&out));
    leat_buf_free(&out);
    if (leat_sql_parse(a, text, &vars, &again, NULL) != LEAT_OK || count(again) != 1) abort();
    if (again->kind != s->kind || !leat_str_eq(again->name, s->name)) abort();
    for (const leat_sql_prop *p = again->props; p; p = p->next)
        if (!leat_str_ieq(p->name, LEAT_STR("connector.class")) &&
            !leat_str_is(p->value, "[string]"))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    leat_arena a;
    leat_arena_init(&a, 0);
    leat_str text = {(const char *)data, size};
    leat_sql_statement *list = NULL;
    const leat_sql_var *vars = NULL;
    leat_config *configs = NULL;
    leat_buf shown = {0};
    leat_err e;
    check_words(text);
    leat_sql_mask_text(text, &shown);
    leat_buf_free(&shown);
    if (leat_sql_parse(&a, text, &vars, &list, &e) == LEAT_OK) {
        check_cuts(text, count(list));
        for (const leat_sql_statement *s = list; s; s = s->next) check_shown(&a, s);
        leat_sql_configs(&a, text, "fuzz.sql", &configs, &e);
    }
    leat_arena_free(&a);
    return 0;
}

/* Statements as they may be shown (sql/parse.h): ksqlDB's QueryMask. */
#include "sql/parse.h"
#include "sql/token.h"

static const char *words_of(const leat_sql_statement *s)
{
    switch (s->kind) {
    case LEAT_SQL_CREATE_CONNECTOR:
        return s->side == LEAT_SQL_SINK ? "CREATE SINK CONNECTOR " : "CREATE SOURCE CONNECTOR ";
    case LEAT_SQL_ALTER_CONNECTOR: return "ALTER CONNECTOR ";
    case LEAT_SQL_CREATE_CONNECTION: return "CREATE CONNECTION ";
    case LEAT_SQL_ALTER_CONNECTION: return "ALTER CONNECTION ";
    default: return NULL;
    }
}

void leat_sql_mask(const leat_sql_statement *s, leat_buf *out)
{
    const char *words = words_of(s);
    bool alters = s->kind == LEAT_SQL_ALTER_CONNECTOR || s->kind == LEAT_SQL_ALTER_CONNECTION;
    bool values = s->kind == LEAT_SQL_DEFINE || s->kind == LEAT_SQL_SET ||
                  s->kind == LEAT_SQL_TEST_CONNECTION;
    if (!words && !values) {
        leat_buf_add(out, s->text);
        return;
    }
    if (!words) {
        leat_sql_mask_text(s->text, out);
        return;
    }
    leat_buf_str_z(out, words);
    if (s->exists) leat_buf_str_z(out, "IF NOT EXISTS ");
    leat_buf_add(out, s->name_text);
    leat_buf_str_z(out, alters ? " SET (" : " WITH (");
    for (const leat_sql_prop *p = s->props; p; p = p->next) {
        if (p != s->props) leat_buf_str_z(out, ", ");
        leat_buf_add(out, p->name_text);
        leat_buf_u8(out, '=');
        bool shown = leat_str_ieq(p->name, LEAT_STR("connector.class")) ||
                     leat_str_ieq(p->name, LEAT_STR("type")) ||
                     leat_str_ieq(p->name, LEAT_STR("strategy"));
        if (shown)
            leat_buf_add(out, p->value_text);
        else
            leat_buf_str_z(out, "'[string]'");
    }
    leat_buf_str_z(out, s->untested ? ") WITHOUT TEST" : ")");
    leat_buf_str_z(out, s->restart ? " RESTART;" : ";");
}

void leat_sql_mask_text(leat_str text, leat_buf *out)
{
    leat_sql_lexer l;
    size_t from = 0;
    bool value = false; /* behind a = */
    leat_sql_lexer_init(&l, text);
    for (;;) {
        leat_sql_token t = leat_sql_next(&l);
        if (t.kind == LEAT_SQL_END) break;
        bool hide = (t.kind == LEAT_SQL_STRING && value) || t.kind == LEAT_SQL_OPEN;
        value = leat_sql_token_is(&t, "=");
        if (!hide) continue;
        leat_buf_put(out, text.s + from, t.at - from);
        leat_buf_str_z(out, "'[string]'");
        from = l.at;
    }
    leat_buf_put(out, text.s + from, text.len - from);
}

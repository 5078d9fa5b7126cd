/* Variables of SQL; see the header. */
#include "sql/vars.h"

#include <stdlib.h>

#include "sql/token.h"

const leat_sql_var *leat_sql_var_set(const leat_sql_var *vars, leat_arena *a, leat_str name,
                                     leat_str value)
{
    leat_sql_var *v = LEAT_NEW(a, leat_sql_var, 1);
    v->name = leat_arena_str(a, name);
    if (value.s) v->value = leat_arena_str(a, value);
    v->next = vars;
    return v;
}

static const leat_sql_var *find(const leat_sql_var *vars, leat_str name)
{
    while (vars && !leat_str_ieq(vars->name, name)) vars = vars->next;
    return vars;
}

leat_str leat_sql_var_get(const leat_sql_var *vars, leat_str name)
{
    const leat_sql_var *v = find(vars, name);
    return v ? v->value : (leat_str){0};
}

static int by_name(const void *x, const void *y)
{
    const leat_sql_var *const *v = x, *const *w = y;
    return leat_str_cmp((*v)->name, (*w)->name);
}

size_t leat_sql_var_list(const leat_sql_var *vars, leat_arena *a, const leat_sql_var ***out)
{
    size_t n = 0, most = 0;
    for (const leat_sql_var *v = vars; v; v = v->next) most++;
    *out = LEAT_NEW(a, const leat_sql_var *, most + 1);
    for (const leat_sql_var *v = vars; v; v = v->next)
        if (v->value.s && find(vars, v->name) == v) (*out)[n++] = v;
    qsort(*out, n, sizeof **out, by_name);
    return n;
}

void leat_sql_var_fill(const leat_sql_var *vars, leat_str text, leat_buf *out)
{
    size_t i = 0;
    while (i < text.len) {
        leat_sql_lexer l;
        leat_sql_lexer_init(&l, (leat_str){text.s + i, text.len - i});
        bool dollar = text.s[i] == '$';
        leat_sql_token t = {0};
        if (dollar) t = leat_sql_next(&l);
        bool is = dollar && t.kind == LEAT_SQL_VARIABLE;
        leat_str value = {0};
        if (is) value = leat_sql_var_get(vars, (leat_str){t.text.s + 2, t.text.len - 3});
        if (value.s)
            leat_buf_add(out, value);
        else
            leat_buf_u8(out, (unsigned char)text.s[i]);
        i += value.s ? t.text.len : 1;
    }
}

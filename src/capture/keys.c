/* message.key.columns: its rules, and which columns of a table they name. Each column of a rule
 * becomes one pattern, `table.column`, as Debezium does it. Pure; any thread. */
#include "capture/keys.h"

#include "capture/patterns.h"

struct leat_keys {
    leat_patterns patterns; /* one a column of a rule, in order */
};

static leat_rc refuse(leat_str rule, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "config.invalid", "message.key.columns",
                     "expected schema.table:column,column; got \"%.*s\"",
                     (int)(rule.len > 200 ? 200 : rule.len), rule.s);
}

/* One rule's patterns, as texts, to v[*n]. */
static leat_rc read_rule(leat_arena *a, leat_str rule, const char **v, size_t *n, leat_err *e)
{
    leat_str columns = rule;
    leat_str table = leat_str_trim(leat_str_cut(&columns, ':'));
    if (table.len == 0 || columns.s == NULL || memchr(columns.s, ':', columns.len))
        return refuse(rule, e);
    while (columns.s) {
        leat_str column = leat_str_trim(leat_str_cut(&columns, ','));
        if (column.len == 0) return refuse(rule, e);
        v[(*n)++] = leat_arena_printf(a, LEAT_STR_FMT "." LEAT_STR_FMT, LEAT_STR_ARG(table),
                                      LEAT_STR_ARG(column));
    }
    return LEAT_OK;
}

leat_rc leat_keys_texts(leat_arena *a, const leat_capture_conf *c, leat_opt_list *out, leat_err *e)
{
    *out = (leat_opt_list){0};
    if (c->key_columns == NULL) return LEAT_OK;
    leat_str rest = leat_str_of(c->key_columns);
    size_t most = 1;
    for (size_t i = 0; i < rest.len; i++) most += rest.s[i] == ',' || rest.s[i] == ';';
    const char **v = LEAT_NEW(a, const char *, most);
    size_t n = 0;
    while (rest.s) {
        leat_str rule = leat_str_trim(leat_str_cut(&rest, ';'));
        if (rule.len == 0 && rest.s == NULL && n > 0) break; /* a ";" at the end */
        LEAT_TRY(read_rule(a, rule, v, &n, e));
    }
    *out = (leat_opt_list){v, n};
    return LEAT_OK;
}

leat_rc leat_keys_new(leat_arena *a, const leat_capture_conf *c, const leat_keys **out, leat_err *e)
{
    leat_opt_list list;
    *out = NULL;
    if (c->key_columns == NULL) return LEAT_OK;
    LEAT_TRY(leat_keys_texts(a, c, &list, e));
    leat_keys *k = LEAT_NEW(a, leat_keys, 1);
    LEAT_TRY(leat_patterns_new(a, "message.key.columns", &list, &k->patterns, e));
    *out = k;
    return LEAT_OK;
}

static bool has(const uint16_t *v, uint16_t n, uint16_t x)
{
    for (uint16_t i = 0; i < n; i++)
        if (v[i] == x) return true;
    return false;
}

leat_rc leat_keys_find(const leat_keys *k, const char *schema, const char *table,
                       const char *const *columns, uint16_t n, uint16_t *out, uint16_t *nout,
                       leat_err *e)
{
    *nout = 0;
    for (size_t p = 0; k && p < k->patterns.n; p++) {
        for (uint16_t i = 0; i < n; i++) {
            leat_full_name name;
            bool hit;
            leat_str text = leat_full_name_make(&name, schema, table, columns[i]);
            leat_rc rc = leat_regex_match(k->patterns.v[p], text, &hit, e);
            leat_full_name_free(&name);
            LEAT_TRY(rc);
            if (hit && !has(out, *nout, i)) out[(*nout)++] = i;
        }
    }
    return LEAT_OK;
}

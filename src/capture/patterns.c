/* Lists of regular expressions, and the names they are compared with. Pure; any thread. */
#include "capture/patterns.h"

leat_rc leat_patterns_new(leat_arena *a, const char *option, const leat_opt_list *list,
                          leat_patterns *out, leat_err *e)
{
    out->v = LEAT_NEW(a, const leat_regex *, list->n);
    out->n = list->n;
    for (size_t i = 0; i < list->n; i++) {
        leat_regex_problem p;
        out->v[i] = leat_regex_new(a, leat_str_of(list->v[i]), &p);
        if (out->v[i] == NULL)
            return leat_fail(e, LEAT_CONF, "config.invalid", option,
                             "\"%.200s\" is no regular expression: %s at character %zu", list->v[i],
                             p.msg, p.offset + 1);
    }
    return LEAT_OK;
}

leat_rc leat_patterns_match(const leat_patterns *p, leat_str name, bool *hit, leat_err *e)
{
    *hit = false;
    for (size_t i = 0; i < p->n && !*hit; i++) LEAT_TRY(leat_regex_match(p->v[i], name, hit, e));
    return LEAT_OK;
}

leat_str leat_full_name_make(leat_full_name *f, const char *schema, const char *table,
                             const char *column)
{
    const char *parts[] = {schema, table, column};
    size_t need = 1, len = 0;
    leat_arena_init(&f->arena, 0);
    for (size_t i = 0; i < 3; i++) need += parts[i] ? strlen(parts[i]) + 1 : 0;
    char *p = need <= sizeof f->buf ? f->buf : leat_arena_alloc(&f->arena, need, 1);
    for (size_t i = 0; i < 3; i++) {
        if (parts[i] == NULL) continue;
        if (len > 0) p[len++] = '.';
        size_t n = strlen(parts[i]);
        memcpy(p + len, parts[i], n);
        len += n;
    }
    p[len] = '\0';
    return (leat_str){p, len};
}

void leat_full_name_free(leat_full_name *f)
{
    leat_arena_free(&f->arena);
}

/* Connectors of .sql files; see the header. */
#include "sql/file.h"

#include <stdio.h>

#include "base/os.h"
#include "sql/parse.h"
#include "sql/template.h"

enum { FILE_MOST = 1 << 20 };

static bool is_there(const leat_config *list, const char *name)
{
    for (; list; list = list->next)
        if (strcmp(list->name, name) == 0) return true;
    return false;
}

static leat_rc take(leat_arena *a, const leat_sql_statement *s, const char *name,
                    leat_config **list, leat_config ***tail, leat_err *e)
{
    bool quiet = s->kind == LEAT_SQL_DEFINE || s->kind == LEAT_SQL_UNDEFINE ||
                 s->kind == LEAT_SQL_SET || s->kind == LEAT_SQL_UNSET;
    char where[128];
    snprintf(where, sizeof where, "%s:%u", name, s->line);
    if (quiet) return LEAT_OK;
    if (s->kind != LEAT_SQL_CREATE_CONNECTOR)
        return leat_fail(
            e, LEAT_CONF, "config.sql", where,
            "only CREATE ... CONNECTOR, DEFINE and SET can stand in a file that is run "
            "or checked; the others are for a hub: leat sql -f %s",
            name);
    leat_config *config = leat_sql_template(s, a);
    config->props.file = leat_arena_strdup(a, name);
    bool again = is_there(*list, config->name);
    if (again && s->exists) return LEAT_OK;
    if (again)
        return leat_fail(e, LEAT_CONF, "config.name", where, "two connectors are named \"%s\"",
                         config->name);
    **tail = config;
    *tail = &config->next;
    return LEAT_OK;
}

leat_rc leat_sql_configs(leat_arena *a, leat_str text, const char *name, leat_config **out,
                         leat_err *e)
{
    leat_sql_statement *list = NULL;
    const leat_sql_var *vars = NULL;
    leat_err err = {0};
    leat_config **tail = out;
    *out = NULL;
    if (leat_str_starts(text, "\xEF\xBB\xBF")) text = (leat_str){text.s + 3, text.len - 3};
    if (leat_sql_parse(a, text, &vars, &list, &err) != LEAT_OK)
        return leat_fail(e, LEAT_CONF, "config.syntax", name, "%s", err.msg);
    for (const leat_sql_statement *s = list; s; s = s->next)
        LEAT_TRY(take(a, s, name, out, &tail, e));
    if (*out) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "config.syntax", name,
                     "there is no CREATE SOURCE|SINK CONNECTOR in it");
}

leat_rc leat_sql_open_file(leat_arena *a, leat_open *o, const char *path, leat_config **out,
                           leat_err *e)
{
    leat_buf text = {0};
    size_t len = strlen(path);
    if (len < 5 || !leat_str_ieq((leat_str){path + len - 4, 4}, LEAT_STR(".sql")))
        return leat_open_file(a, o, path, out, e);
    int err = leat_os_load(path, &text, FILE_MOST);
    leat_rc rc = err < 0
                     ? leat_os_fail(e, err, "read the file", path)
                     : leat_sql_configs(a, leat_arena_str(a, leat_buf_str(&text)), path, out, e);
    leat_buf_free(&text);
    return rc;
}

/* Names of target tables, by collection.name.format or table.name.format. Pure: any thread. */
#include "sink/sql/plan.h"

/* What stands for ${name}; false: nothing does. *text NULL: the source has none. */
static bool part(leat_str name, const leat_table *source, const char **text)
{
    *text = NULL;
    if (leat_str_is(name, "topic"))
        *text = source->topic;
    else if (leat_str_is(name, "source.db"))
        *text = source->db;
    else if (leat_str_is(name, "source.schema"))
        *text = source->schema;
    else if (leat_str_is(name, "source.table"))
        *text = source->name;
    else
        return false;
    return true;
}

const char *leat_rdb_name_wrong(const char *format, leat_arena *a)
{
    static const leat_table none = {0};
    const char *text;
    if (!*format) return "is empty, and says no name";
    for (const char *at = format; (at = strstr(at, "${")); at++) {
        const char *end = strchr(at, '}');
        if (!end) return leat_arena_printf(a, "has no } behind \"%s\"", at);
        leat_str name = {at + 2, (size_t)(end - at - 2)};
        if (part(name, &none, &text)) continue;
        return leat_arena_printf(a,
                                 "has ${" LEAT_STR_FMT "}, which stands for nothing; there are "
                                 "${topic}, ${source.db}, ${source.schema} and ${source.table}",
                                 LEAT_STR_ARG(name));
    }
    return NULL;
}

/* What the format says, with its ${...} filled in. */
static leat_str filled(const char *format, const leat_table *source, leat_arena *a)
{
    leat_buf out = {0};
    for (const char *at = format; *at;) {
        const char *end = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            leat_buf_u8(&out, (unsigned char)*at++);
            continue;
        }
        const char *text;
        part((leat_str){at + 2, (size_t)(end - at - 2)}, source, &text);
        if (text) leat_buf_str_z(&out, text);
        at = end + 1;
    }
    leat_str text = leat_arena_str(a, leat_buf_str(&out));
    leat_buf_free(&out);
    return text;
}

/* The last part is the table, the one before it the schema; a database before these is the
 * connection's. */
static void split(leat_str text, leat_arena *a, const char **schema, const char **name)
{
    leat_str table = {0}, before = {0};
    while (text.s) {
        before = table;
        table = leat_str_cut(&text, '.');
    }
    *schema = before.len > 0 ? leat_arena_str(a, before).s : NULL;
    *name = leat_arena_str(a, table).s;
}

void leat_rdb_name(const leat_rdb_conf *conf, const leat_table *source, leat_arena *a,
                   const char **schema, const char **name)
{
    const char *dotted = conf->table_dotted;
    *schema = NULL;
    if (dotted && strcmp(dotted, "${source.schema}.${source.table}") == 0) {
        *schema = source->schema;
        *name = source->name;
    } else if (dotted) {
        split(filled(dotted, source, a), a, schema, name);
    } else if (strcmp(conf->table_format, "${topic}") == 0) {
        char *text = leat_arena_strdup(a, source->topic);
        for (char *p = text; *p; p++)
            if (*p == '.') *p = '_';
        *name = text;
    } else {
        split(filled(conf->table_format, source, a), a, schema, name);
    }
}

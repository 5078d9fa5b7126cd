/* Names of target tables, by collection.name.format or table.name.format. Pure: any thread. */
#include "sink/sql/plan.h"

static void put_part(leat_buf *out, leat_str name, const leat_table *source)
{
    const char *text = NULL;
    if (leat_str_is(name, "topic")) text = source->topic;
    if (leat_str_is(name, "source.db")) text = source->db;
    if (leat_str_is(name, "source.schema")) text = source->schema;
    if (leat_str_is(name, "source.table")) text = source->name;
    if (text) leat_buf_str_z(out, text);
}

/* What the format says, with its ${...} filled in; what is none of them is left as it is. */
static leat_str filled(const char *format, const leat_table *source, leat_arena *a)
{
    leat_buf out = {0};
    for (const char *at = format; *at;) {
        const char *end = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;
        if (!end) {
            leat_buf_u8(&out, (unsigned char)*at++);
            continue;
        }
        put_part(&out, (leat_str){at + 2, (size_t)(end - at - 2)}, source);
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

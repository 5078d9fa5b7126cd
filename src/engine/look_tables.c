/* The ledger table by table as JSON (stream/tables.h), for commands and the hub. */
#include "engine/look.h"
#include "engine/status.h"
#include "stream/tables.h"

static void write_row(const leat_tables_row *row, bool sink, leat_jw *w)
{
    const leat_counts *c = &row->counts;
    leat_jw_object(w, NULL);
    leat_jw_z(w, sink ? "topic" : "table", *row->table ? row->table : NULL);
    if (sink)
        leat_status_sink_counts(&(leat_sink_counts){c->received, c->appended, c->filtered, c->dead},
                                w);
    else
        leat_status_counts(c, w);
    leat_jw_end(w);
}

leat_rc leat_look_tables(const char *data, const char *name, leat_arena *a, leat_buf *out,
                         leat_err *e)
{
    leat_tables_view v;
    leat_jw w = {.out = out};
    LEAT_TRY(leat_tables_read(
        leat_arena_printf(a, "%s/connectors/%s/" LEAT_TABLES_FILE, data, name), a, &v, e));
    leat_jw_object(&w, NULL);
    leat_jw_z(&w, "name", name);
    leat_jw_z(&w, "kind", v.n == 0 ? NULL : v.sink ? "sink" : "source");
    leat_jw_array(&w, "tables");
    for (size_t i = 0; i < v.n; i++)
        if (i > 0 || !leat_counts_none(&v.rows[i].counts)) write_row(&v.rows[i], v.sink, &w);
    leat_jw_end(&w);
    leat_jw_end(&w);
    return LEAT_OK;
}

/* See the header. A table of which the server does not know how large it is has no bar. */
#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>

enum { BAR = 20 }; /* characters */

const char *leat_show_number(bool human, int64_t v, bool bytes, char out[LEAT_SHOW_CELL])
{
    static const char *const units[2][5] = {{"", " k", " M", " G", " T"},
                                            {" B", " KiB", " MiB", " GiB", " TiB"}};
    double x = (double)v, step = bytes ? 1024 : 1000;
    int unit = 0;
    if (v < 0) return "-";
    if (!human) {
        snprintf(out, LEAT_SHOW_CELL, "%" PRId64, v);
        return out;
    }
    while (x >= step && unit < 4) {
        x /= step;
        unit++;
    }
    snprintf(out, LEAT_SHOW_CELL, unit == 0 ? "%.0f%s" : "%.1f%s", x, units[bytes][unit]);
    return out;
}

const char *leat_show_duration(bool human, int64_t ms, char out[LEAT_SHOW_CELL])
{
    if (ms < 0) return "-";
    if (!human)
        snprintf(out, LEAT_SHOW_CELL, "%" PRId64, ms);
    else if (ms < 1000)
        snprintf(out, LEAT_SHOW_CELL, "%" PRId64 " ms", ms);
    else if (ms < 60000)
        snprintf(out, LEAT_SHOW_CELL, "%.1f s", (double)ms / 1000);
    else if (ms < 3600000)
        snprintf(out, LEAT_SHOW_CELL, "%.0f min", (double)ms / 60000);
    else
        snprintf(out, LEAT_SHOW_CELL, "%.1f h", (double)ms / 3600000);
    return out;
}

/* "1.2 M of 3.0 M rows, 130.5 MiB, 45.1 k rows/s, 40 s left" of what has such members. */
static void put_rows(bool human, const leat_json *j, leat_buf *out)
{
    char cell[LEAT_SHOW_CELL];
    int64_t total = leat_json_get_i64(j, "rows_total", -1);
    int64_t rate = leat_json_get_i64(j, "rows_per_second", -1);
    int64_t left = leat_json_get_i64(j, "milliseconds_left", -1);
    leat_buf_str_z(out, leat_show_number(human, leat_json_get_i64(j, "rows", 0), false, cell));
    if (total >= 0) leat_buf_printf(out, " of %s", leat_show_number(human, total, false, cell));
    int64_t bytes = leat_json_get_i64(j, "bytes", 0);
    leat_buf_printf(out, " rows, %s%s", leat_show_number(human, bytes, true, cell),
                    human ? "" : " bytes");
    if (rate >= 0) leat_buf_printf(out, ", %s rows/s", leat_show_number(human, rate, false, cell));
    if (left >= 0)
        leat_buf_printf(out, ", %s%s left", leat_show_duration(human, left, cell),
                        human ? "" : " ms");
    leat_buf_u8(out, '\n');
}

static void put_table(bool human, const leat_json *t, leat_buf *out)
{
    int64_t rows = leat_json_get_i64(t, "rows", 0), total = leat_json_get_i64(t, "rows_total", -1);
    leat_buf_printf(out, "  %.*s", LEAT_STR_ARG(leat_json_get_str(t, "table")));
    if (leat_str_is(leat_json_get_str(t, "state"), "paused")) leat_buf_str_z(out, " (paused)");
    if (total > 0) {
        int full = (int)(rows * BAR / total), percent = (int)(rows * 100 / total);
        if (human) leat_buf_str_z(out, " [");
        for (int i = 0; human && i < BAR; i++) leat_buf_u8(out, i < full ? '#' : '-');
        leat_buf_printf(out, "%s %d %%,", human ? "]" : "", percent);
    }
    leat_buf_u8(out, ' ');
    put_rows(human, t, out);
}

bool leat_show_reads(const leat_json *table, bool runs)
{
    leat_str state = leat_json_get_str(table, "state");
    bool ad_hoc = leat_str_is(leat_json_get_str(table, "snapshot"), "incremental");
    return (leat_str_is(state, "reading") || leat_str_is(state, "paused")) && (runs || ad_hoc);
}

void leat_show_snapshot(bool human, const leat_json *snapshot, unsigned most, leat_buf *out)
{
    const leat_json *tables = leat_json_get(snapshot, "table_progress");
    bool runs = leat_str_is(leat_json_get_str(snapshot, "state"), "running");
    unsigned shown = 0;
    if (runs) {
        leat_buf_printf(out, "snapshot: %" PRId64 " of %" PRId64 " tables, ",
                        leat_json_get_i64(snapshot, "tables_done", 0),
                        leat_json_get_i64(snapshot, "tables", 0));
        put_rows(human, snapshot, out);
    }
    for (const leat_json *t = tables ? tables->child : NULL; t && shown < most; t = t->next) {
        if (!leat_show_reads(t, runs)) continue;
        put_table(human, t, out);
        shown++;
    }
}

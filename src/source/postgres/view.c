/* What a chunk's rows show: a snapshot of the server's, and the place in its log behind all that
 * can be in it.
 *
 *     view     = {"snapshot":"XMIN:XMAX:XID,XID...","end":"LSN","standby":BOOL}
 *     snapshot   of txid_current_snapshot(): 64-bit ids; XIDs of those running, in order
 *
 * The end is the end of what is written, flushed or not, since a row can be seen before its commit
 * is flushed.
 *
 * A standby knows of those running in another form, which it does not tell: by its number only what
 * is below XMIN is surely in the view. But there views show transactions in the order of the log,
 * and the stream sends nothing that was not replayed: a view has all that ends at or before the
 * place that was replayed when it was taken, which is asked for before. What is replayed just then
 * may be seen already, although the server counts it as replayed a moment later only: as long as
 * there is log that was received and not replayed, the end is behind the next record, whose place
 * is not known but for being another one. Pure; any thread. */
#include "source/postgres/view.h"

#include "base/json.h"
#include "source/postgres/position.h"
#include "source/postgres/walframe.h"

const char leat_pg_view_sql[] =
    "SELECT pg_catalog.txid_current_snapshot(),"
    " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
    " ELSE pg_catalog.pg_current_wal_insert_lsn() END,"
    " pg_catalog.pg_is_in_recovery(),"
    " pg_catalog.pg_last_wal_receive_lsn()";

static bool take_id(leat_str *rest, char sep, uint64_t *out)
{
    return rest->s && leat_str_u64(leat_str_cut(rest, sep), out);
}

static bool take_snapshot(leat_str text, leat_arena *a, leat_pg_view *v)
{
    leat_str rest = text;
    if (!take_id(&rest, ':', &v->xmin) || !take_id(&rest, ':', &v->xmax) || !rest.s) return false;
    if (v->xmin == 0 || v->xmin > v->xmax) return false;
    uint64_t *running = LEAT_NEW(a, uint64_t, rest.len / 2 + 1), last = 0;
    while (rest.s && rest.len > 0) {
        uint64_t id;
        if (!take_id(&rest, ',', &id) || id <= last || id < v->xmin || id >= v->xmax) return false;
        running[v->n++] = last = id;
    }
    v->running = running;
    return true;
}

/* received: how far a standby has the log. */
static leat_rc make(leat_str snapshot, leat_str end, bool standby, leat_str received, leat_arena *a,
                    leat_view *out, leat_err *e)
{
    leat_pg_view *v = LEAT_NEW(a, leat_pg_view, 1);
    v->standby = standby;
    if (!take_snapshot(snapshot, a, v) || !leat_lsn_parse(end, &v->end))
        return leat_fail(e, LEAT_FATAL, "postgres.protocol", "",
                         "no snapshot and place in the log: \"" LEAT_STR_FMT "\", \"" LEAT_STR_FMT
                         "\"",
                         LEAT_STR_ARG(snapshot), LEAT_STR_ARG(end));
    if (standby && !leat_str_eq(received, end))
        v->end++;
    else
        v->end = leat_pg_record_end(v->end);
    char text[LEAT_LSN_TEXT];
    leat_buf b = {0};
    leat_jw w = {.out = &b};
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "snapshot", snapshot);
    leat_jw_z(&w, "end", leat_lsn_print(v->end, text));
    leat_jw_bool(&w, "standby", standby);
    leat_jw_end(&w);
    *out = (leat_view){leat_arena_str(a, leat_buf_str(&b)), v};
    leat_buf_free(&b);
    return LEAT_OK;
}

leat_rc leat_pg_view_new(const leat_str cols[LEAT_PG_VIEW_COLS], uint64_t start, leat_arena *a,
                         leat_view *out, leat_err *e)
{
    LEAT_TRY(make(cols[0], cols[1], leat_str_is(cols[2], "t"), cols[3], a, out, e));
    ((leat_pg_view *)out->priv)->start = start;
    return LEAT_OK;
}

leat_rc leat_pg_view_read(leat_str text, leat_arena *a, leat_view *out, leat_err *e)
{
    const leat_json *j = NULL;
    LEAT_TRY(leat_json_parse(a, text, &j, e));
    leat_str end = leat_json_get_str(j, "end");
    return make(leat_json_get_str(j, "snapshot"), end, leat_json_get_bool(j, "standby", true), end,
                a, out, e);
}

bool leat_pg_view_contains(const leat_view *view, uint64_t tx)
{
    const leat_pg_view *v = view->priv;
    if (tx == 0) return false;
    if (tx < v->xmin) return true;
    if (v->standby || tx >= v->xmax) return false;
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->running[mid] == tx) return false;
        if (v->running[mid] < tx)
            low = mid + 1;
        else
            high = mid;
    }
    return true;
}

leat_cover leat_pg_view_covers(const leat_view *view, leat_position pos)
{
    const leat_pg_view *v = view->priv;
    uint64_t lsn = leat_pg_position_lsn(pos.offset);
    if (!v->standby || lsn == 0) return LEAT_COVER_UNKNOWN;
    return v->start >= lsn ? LEAT_COVER_ALL : LEAT_COVER_LACKS;
}

bool leat_pg_view_passed(const leat_view *view, leat_position pos)
{
    const leat_pg_view *v = view->priv;
    return leat_pg_position_lsn(pos.offset) >= v->end;
}

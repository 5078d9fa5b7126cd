/* A place in a binary log as a position that can be stored: Debezium's offset.
 *
 * Members that are not known are left out, as Debezium does. An offset of a snapshot that was not
 * finished is none. Pure; run by any thread. */
#include "source/mysql/position.h"

#include <stdio.h>

#include "base/json.h"
#include "capture/snapshots.h"

/* Which transaction an offset inside of one is in, and the numbers of its changes so far. */
static void write_counted(leat_jw *w, leat_str counted)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    if (leat_json_parse(&a, counted, &j, NULL) == LEAT_OK)
        for (const leat_json *m = j->child; m; m = m->next)
            if (leat_str_starts(m->name, "transaction_"))
                leat_jw_raw(w, leat_arena_str(&a, m->name).s, leat_json_text(m, &a));
    leat_arena_free(&a);
}

void leat_my_position_write(const leat_my_position *p, leat_buf *out)
{
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    if (p->ts_sec) leat_jw_i64(&w, "ts_sec", p->ts_sec);
    leat_jw_z(&w, "file", p->file);
    leat_jw_i64(&w, "pos", (int64_t)p->pos);
    if (p->gtids.s) leat_jw_str(&w, "gtids", p->gtids);
    if (p->rows) leat_jw_i64(&w, "row", (int64_t)p->rows);
    if (p->server_id) leat_jw_i64(&w, "server_id", p->server_id);
    if (p->events) leat_jw_i64(&w, "event", (int64_t)p->events);
    if (p->server.len) leat_jw_str(&w, "log_server", p->server);
    if (p->counted.s) write_counted(&w, p->counted);
    leat_jw_end(&w);
}

static uint64_t number_of(const leat_json *j, const char *name)
{
    int64_t v = leat_json_get_i64(j, name, 0);
    return v > 0 ? (uint64_t)v : 0;
}

leat_rc leat_my_position_read(leat_str offset, leat_arena *a, leat_my_position *out, leat_err *e)
{
    const leat_json *j;
    *out = (leat_my_position){0};
    LEAT_TRY(leat_json_parse(a, offset, &j, e));
    if (leat_snapshot_unfinished(j)) return LEAT_OK;
    leat_str file = leat_json_get_str(j, "file"), gtids = leat_json_get_str(j, "gtids");
    if ((file.len == 0 && gtids.len == 0) || file.len >= LEAT_MY_FILE)
        return leat_fail(e, LEAT_CONF, "mysql.position", "offset",
                         "the stored offset has no place in the binary log (file and pos, or "
                         "gtids): " LEAT_STR_FMT,
                         LEAT_STR_ARG(offset));
    snprintf(out->file, sizeof out->file, LEAT_STR_FMT, LEAT_STR_ARG(file));
    out->pos = number_of(j, "pos");
    if (out->pos < 4) out->pos = 4;
    if (gtids.len) out->gtids = leat_arena_str(a, gtids);
    out->events = number_of(j, "event");
    /* Of an XA transaction Debezium's offset has a row alone: its place moves on inside, and the
     * rows that follow it are others. */
    out->rows = out->events ? number_of(j, "row") : 0;
    if (out->events) out->counted = leat_arena_str(a, offset);
    out->ts_sec = leat_json_get_i64(j, "ts_sec", 0);
    out->server_id = (uint32_t)number_of(j, "server_id");
    leat_str server = leat_json_get_str(j, "log_server");
    if (server.len) out->server = leat_arena_str(a, server);
    return LEAT_OK;
}

leat_rc leat_my_position_find(const char *server, const leat_position *pos, size_t n, leat_arena *a,
                              leat_my_position *out, leat_err *e)
{
    leat_str other = {0};
    *out = (leat_my_position){0};
    for (size_t i = 0; i < n; i++) {
        const leat_json *j;
        LEAT_TRY(leat_json_parse(a, pos[i].partition, &j, e));
        leat_str name = leat_json_get_str(j, "server");
        if (leat_str_is(name, server))
            return pos[i].offset.s ? leat_my_position_read(pos[i].offset, a, out, e) : LEAT_OK;
        other = name;
    }
    if (!other.s) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "mysql.other_prefix", "topic.prefix",
                     "what this connector has read so far is stored for topic.prefix=" LEAT_STR_FMT
                     ", and now it is \"%s\": set it back, or give the connector a new name",
                     LEAT_STR_ARG(other), server);
}

/* It stands behind the last point. */
uint64_t leat_my_log_number(const char *file)
{
    const char *point = strrchr(file, '.');
    uint64_t n = 0;
    if (point) leat_str_u64(leat_str_of(point + 1), &n);
    return n;
}

uint64_t leat_my_place_unfold(uint64_t pos, uint32_t low)
{
    uint64_t end = (pos & ~UINT64_C(0xffffffff)) | low;
    if (end >= pos) return end;
    return pos - end < UINT64_C(1) << 31 ? 0 : end + (UINT64_C(1) << 32);
}

int leat_my_place_cmp(const char *file, uint64_t pos, const char *other, uint64_t other_pos)
{
    uint64_t x = leat_my_log_number(file), y = leat_my_log_number(other);
    if (x != y) return x < y ? -1 : 1;
    return pos < other_pos ? -1 : pos > other_pos;
}

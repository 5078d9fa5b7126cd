/* source/mysql: any bytes are an event, or refused; and what they say of a table and of its rows
 * makes cells, or is refused.
 *
 * The first byte: bit 0 MariaDB, bit 1 checksums. The rest are events, each behind its header's
 * size, as in a file; rows are read by the last TABLE_MAP, planned from what it says itself. */
#include "fuzz.h"

#include <stdlib.h>

#include "source/mysql/gtid.h"
#include "source/mysql/rowimage.h"

enum { MOST = 1 << 20 };

typedef struct world {
    leat_arena a;
    leat_mysql_image image;
    uint64_t table;
} world;

static bool plan(world *w, const leat_binlog_table *t)
{
    leat_mysql_col *cols = LEAT_NEW(&w->a, leat_mysql_col, t->ncols);
    static const uint8_t as[] = {LEAT_MYSQL_AS_WIRE, LEAT_MYSQL_AS_INET6, LEAT_MYSQL_AS_UUID,
                                 LEAT_MYSQL_AS_POINT, LEAT_MYSQL_AS_INET4};
    for (uint32_t i = 0; i < t->ncols; i++) {
        leat_mysql_want want = {.table = "t",
                                .name = "c",
                                .is_unsigned = t->cols[i].is_unsigned,
                                .collation = t->cols[i].collation,
                                .decimal_u64 = i & 1,
                                .as = as[i % sizeof as],
                                .nlabels = t->cols[i].nlabels,
                                .labels = t->cols[i].labels};
        if (leat_mysql_col_plan(&t->cols[i], &want, &cols[i], NULL) != LEAT_OK) return false;
    }
    w->image = (leat_mysql_image){cols, t->ncols, t->ncols};
    w->table = t->id;
    return true;
}

static void cells(leat_arena *a, const leat_value *row, uint32_t n)
{
    for (uint32_t i = 0; row && i < n; i++) {
        leat_value copy = leat_value_copy(a, &row[i]);
        if (!leat_value_eq(&copy, &row[i])) abort();
    }
}

static void rows(world *w, const leat_binlog_rows *ev)
{
    leat_mysql_rows r;
    leat_err e;
    leat_str raw;
    const leat_value *before, *after;
    if (!w->image.cols || ev->table != w->table) return;
    if (leat_mysql_rows_open(&r, &w->image, ev, &e) != LEAT_OK) return;
    for (leat_rc rc = LEAT_OK; rc == LEAT_OK || rc == LEAT_DATA;) {
        rc = leat_mysql_rows_next(&r, &w->a, &before, &after, &raw, &e);
        if (leat_rc_failed(rc) && !leat_str_utf8(leat_str_of(e.msg))) abort();
        if (rc == LEAT_OK) cells(&w->a, before, w->image.ncells);
        if (rc == LEAT_OK) cells(&w->a, after, w->image.ncells);
        if (w->a.held > 64 * MOST) return;
    }
}

static void event(world *w, const leat_binlog_event *ev)
{
    if (ev->skip) return;
    if (ev->type == LEAT_BINLOG_TABLE_MAP && !plan(w, &ev->table)) w->image.cols = NULL;
    if (ev->type == LEAT_BINLOG_PREVIOUS_GTIDS) {
        leat_gtid_set s = {0};
        leat_gtid_set_decode(&s, ev->previous_gtids, NULL);
        leat_gtid_set_free(&s);
    }
    bool is_rows =
        (ev->type >= LEAT_BINLOG_WRITE_ROWS_V1 && ev->type <= LEAT_BINLOG_DELETE_ROWS_V1) ||
        (ev->type >= LEAT_BINLOG_WRITE_ROWS && ev->type <= LEAT_BINLOG_DELETE_ROWS) ||
        ev->type == LEAT_BINLOG_PARTIAL_UPDATE_ROWS ||
        ev->type >= LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1;
    if (is_rows) rows(w, &ev->rows);
}

static void payload(world *w, const leat_binlog_format *f, const leat_binlog_event *ev)
{
    leat_binlog_unpack u;
    leat_binlog_event in;
    leat_str bytes;
    if (leat_binlog_unpack_init(&u, f, ev, MOST, NULL) == LEAT_OK)
        while (leat_binlog_unpack_next(&u, &bytes, NULL) == LEAT_OK && w->a.held < 64 * MOST)
            if (leat_binlog_decode(&u.format, leat_arena_str(&w->a, bytes), MOST, &w->a, &in,
                                   NULL) == LEAT_OK)
                event(w, &in);
    leat_binlog_unpack_fini(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world w = {0};
    leat_binlog_event ev;
    leat_err e;
    if (size == 0) return 0;
    leat_binlog_format f = {.mariadb = data[0] & 1,
                            .checksum = data[0] & 2 ? LEAT_BINLOG_CHECKSUM_UNKNOWN : 0};
    for (size_t at = 1; at < size && w.a.held < 64 * MOST;) {
        uint8_t type;
        uint32_t n;
        leat_str rest = {(const char *)data + at, size - at};
        if (leat_binlog_peek(rest, &type, &n, NULL) != LEAT_OK || n > rest.len) break;
        rest.len = n;
        at += n;
        leat_rc rc = leat_binlog_decode(&f, rest, MOST, &w.a, &ev, &e);
        if (leat_rc_failed(rc) && (rc != LEAT_FATAL || !leat_str_utf8(leat_str_of(e.msg)))) abort();
        if (rc != LEAT_OK) continue;
        event(&w, &ev);
        if (ev.type == LEAT_BINLOG_TRANSACTION_PAYLOAD) payload(&w, &f, &ev);
    }
    leat_arena_free(&w.a);
    return 0;
}

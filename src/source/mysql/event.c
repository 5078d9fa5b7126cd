/* What the log says becomes transactions: where they begin and end, and what their places are.
 *
 *   MySQL     GTID (or ANONYMOUS_GTID), QUERY BEGIN, {TABLE_MAP..., rows...}, XID or QUERY COMMIT
 *             GTID, QUERY of DDL
 *             GTID, TRANSACTION_PAYLOAD: all of the first line behind GTID, compressed
 *             GTID, QUERY XA START, ..., QUERY XA END, XA_PREPARE;  GTID, QUERY XA COMMIT
 *   MariaDB   GTID (which is the BEGIN too), ..., XID or QUERY COMMIT
 *             GTID that is standalone, QUERY of DDL
 *
 * A transaction's end is a safe place: file and position behind it, and its GTID in the set. One
 * whose GTID the set has already is known: counted, not delivered again. A statement of DDL is a
 * transaction of its own, unless a BEGIN came before it (CREATE TABLE ... SELECT). Rows of XA
 * transactions are delivered where they are prepared, as Debezium does. Run by the task's thread.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/my.h"

/* ---- places ---- */

void leat_my_safe_here(leat_my_source *s, leat_batch *b)
{
    leat_batch_safe_mark(b);
    s->safe = true;
    s->moved = false;
}

void leat_my_gtids_text(const leat_my_source *s, leat_buf *out)
{
    if (!s->gtid) return;
    if (s->mariadb)
        leat_mariadb_gtids_print(&s->state, out);
    else
        leat_gtid_set_print(&s->gtids, out);
}

leat_position leat_my_stream_position(leat_my_source *s, leat_buf *text)
{
    leat_buf gtids = {0};
    leat_my_gtids_text(s, &gtids);
    s->at.gtids = gtids.len ? leat_buf_str(&gtids) : (leat_str){0};
    leat_buf_clear(text);
    leat_my_position_write(&s->at, text);
    text->len--; /* the object goes on */
    leat_jw w = {.out = text, .comma = true, .depth = 1, .is_object = 1};
    if (s->inc) leat_increment_write(s->inc, &w);
    leat_buf_u8(text, '}');
    s->at.gtids = (leat_str){0};
    leat_buf_free(&gtids);
    return (leat_position){s->partition, leat_buf_str(text)};
}

void leat_my_place_here(leat_my_source *s)
{
    s->at.server = s->server;
    snprintf(s->at.file, sizeof s->at.file, "%s", s->file);
    s->at.pos = s->pos;
    s->at.events = s->at.rows = 0;
    s->at.counted = (leat_str){0};
}

static void advance(leat_my_source *s, const leat_binlog_event *ev)
{
    if (ev->end_pos == 0 || ev->flags & LEAT_BINLOG_F_ARTIFICIAL) return;
    uint64_t end = leat_my_place_unfold(s->pos, ev->end_pos);
    if (end == 0) return;
    s->event_pos = end - ev->size;
    s->pos = end;
}

/* ---- transactions ---- */

static void begin(leat_my_source *s, leat_batch *b, const leat_binlog_event *ev)
{
    leat_buf query = s->tx.query;
    leat_buf_clear(&query);
    s->tx = (leat_my_tx){.open = true,
                         .ts_us = (int64_t)ev->ts * 1000000,
                         .server_id = ev->server_id,
                         .thread = -1,
                         .begin = s->event_pos,
                         .query = query};
    b->tx_open = true;
    s->tx.resumed = s->at.events > 0 || s->at.rows > 0;
    s->tx.events = s->at.events;
    s->tx.rows = s->at.rows;
    if (!s->gtid)
        snprintf(s->tx.name, sizeof s->tx.name, "file=%s,pos=%llu", s->file,
                 (unsigned long long)s->tx.begin);
    s->tx.id = leat_my_tx_place(s->file, s->tx.begin);
}

static void begin_gtid(leat_my_source *s, leat_batch *b, const leat_binlog_event *ev)
{
    char uuid[LEAT_UUID_TEXT];
    begin(s, b, ev);
    s->tx.gtid = ev->gtid.id;
    s->tx.timed = ev->gtid.commit_us != 0;
    if (s->tx.timed) s->tx.ts_us = (int64_t)ev->gtid.commit_us;
    if (ev->gtid.anonymous || !ev->gtid.id.gno) {
        s->tx.gtid.gno = 0;
        return;
    }
    leat_gtid_print(&s->tx.gtid, s->tx.name);
    s->tx.id = leat_my_tx_gtid(&s->tx.gtid);
    s->tx.known = leat_gtid_set_has(&s->gtids, &s->tx.gtid);
    s->tx.left_out =
        s->conf->gtid_filter_dml &&
        !leat_my_gtid_counts(s->gtid_rules, leat_gtid_uuid_print(s->tx.gtid.uuid, uuid));
}

static void tell_order(leat_my_source *s)
{
    char at[LEAT_MARIADB_GTID_TEXT];
    leat_mariadb_gtid_print(leat_mariadb_gtids_get(&s->state, s->tx.mariadb.domain), at);
    leat_log(
        LEAT_WARN, "mysql.gtid_order",
        "file=%s pos=%llu %s stands behind %s: the numbers of a domain do not grow from server "
        "to server (gtid_strict_mode=OFF). All of them are delivered in this server's order; "
        "another server may have them in another order, and should not take over. This is "
        "told once",
        s->file, (unsigned long long)s->event_pos, s->tx.name, at);
    s->order_told = true;
}

static void begin_mariadb(leat_my_source *s, leat_batch *b, const leat_binlog_event *ev)
{
    begin(s, b, ev);
    s->tx.mariadb = ev->mariadb_gtid.id;
    s->tx.has_mariadb = true;
    s->tx.begun = !(ev->mariadb_gtid.flags & LEAT_MARIADB_GTID_STANDALONE);
    leat_mariadb_gtid_print(&s->tx.mariadb, s->tx.name);
    s->tx.id = leat_my_tx_mariadb(&s->tx.mariadb);
    /* By file and position the log is followed as it is, whatever its numbers are. */
    s->tx.known = s->gtid && leat_mariadb_gtids_surely_has(&s->state, &s->tx.mariadb);
    if (!s->tx.known && !s->order_told && leat_mariadb_gtids_has(&s->state, &s->tx.mariadb))
        tell_order(s);
}

static leat_rc end(leat_my_source *s, leat_batch *b, leat_err *e)
{
    if (s->tx.open && s->conf->capture.transactions && s->tx.told)
        leat_records_end(s->records, b, leat_str_of(s->tx.name), s->tx.id, s->tx.ts_us);
    if (s->tx.gtid.gno) leat_gtid_set_add(&s->gtids, &s->tx.gtid);
    if (s->tx.has_mariadb) leat_mariadb_gtids_set(&s->state, &s->tx.mariadb);
    s->at.ts_sec = s->tx.ts_us / 1000000;
    s->at.server_id = s->tx.server_id;
    s->tx.open = s->tx.begun = s->tx.known = s->tx.resumed = false;
    s->tx.gtid.gno = 0;
    s->tx.has_mariadb = false;
    b->tx_open = false;
    leat_my_ids_clear(s);
    leat_my_place_here(s);
    leat_my_safe_here(s, b);
    return leat_increment_signals(s->inc, b, e);
}

/* ---- statements ---- */

/* Rows that were logged as a statement are in no event: they cannot be captured. */
static leat_rc changed_by_statement(leat_my_source *s, leat_batch *b, const leat_binlog_event *ev,
                                    leat_err *e)
{
    char db[256];
    bool in;
    snprintf(db, sizeof db, LEAT_STR_FMT, LEAT_STR_ARG(ev->query.db));
    LEAT_TRY(leat_filter_schema(s->filter, db, &in, e));
    leat_tally *y = leat_tallies_get(&b->tables, leat_str_of(db), NULL);
    LEAT_COUNT(b, y, received, 1);
    LEAT_COUNT(b, y, filtered, 1);
    if (!in || s->statement_told) return LEAT_OK;
    s->statement_told = true;
    leat_log(LEAT_WARN, "mysql.statement",
             "database=\"%s\" file=%s pos=%llu thread=%u rows were changed by a session that logs "
             "statements, not rows: these changes are in no event. Set binlog_format=ROW globally, "
             "and let nobody set it otherwise; this is told once",
             db, s->file, (unsigned long long)s->event_pos, ev->query.thread);
    return LEAT_OK;
}

static leat_rc query(leat_my_source *s, leat_batch *b, const leat_binlog_format *f,
                     const leat_binlog_event *ev, leat_err *e)
{
    leat_ddl ddl;
    leat_str sql;
    if (!s->tx.open) begin(s, b, ev);
    leat_my_ddl(s, f, ev, &s->scratch, &ddl, &sql);
    switch (ddl.kind) {
    case LEAT_DDL_BEGIN:
        s->tx.begun = true;
        if (!s->mariadb) s->tx.thread = ev->query.thread;
        return LEAT_OK;
    case LEAT_DDL_SAVEPOINT:
    case LEAT_DDL_ROLLBACK_TO:
    case LEAT_DDL_XA_END: return LEAT_OK;
    case LEAT_DDL_COMMIT:
    case LEAT_DDL_ROLLBACK:
    case LEAT_DDL_XA_COMMIT:
    case LEAT_DDL_XA_ROLLBACK: return end(s, b, e);
    case LEAT_DDL_CHANGES_ROWS: LEAT_TRY(changed_by_statement(s, b, ev, e)); break;
    default: LEAT_TRY(leat_my_statement(s, b, &ddl, sql, e)); break;
    }
    return s->tx.begun ? LEAT_OK : end(s, b, e);
}

/* ---- the log itself ---- */

static void rotate(leat_my_source *s, const leat_binlog_event *ev)
{
    snprintf(s->file, sizeof s->file, LEAT_STR_FMT, LEAT_STR_ARG(ev->rotate.file));
    s->pos = s->event_pos = ev->rotate.pos;
    /* The first one tells where the dump begins. By GTIDs that may lie before the position; but
     * where that is of another server its place means nothing. */
    bool first = ev->flags & LEAT_BINLOG_F_ARTIFICIAL;
    bool known = first && leat_str_eq(s->at.server, s->server);
    if (s->tx.open || known || s->at.events || s->at.rows) return;
    leat_my_place_here(s);
    s->moved = true;
}

/* The server has nothing, or passed over what we have: its place, while nothing is open. */
static void heartbeat(leat_my_source *s, const leat_binlog_event *ev)
{
    uint64_t pos = ev->rotate.pos ? ev->rotate.pos : ev->end_pos;
    if (s->tx.open || !leat_str_is(ev->rotate.file, s->file) || pos <= s->pos) return;
    s->pos = pos;
    leat_my_place_here(s);
    s->moved = true;
}

static leat_rc incident(const leat_my_source *s, const leat_binlog_event *ev, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "mysql.incident", s->file,
                     "the server says at %llu that its log lost events: " LEAT_STR_FMT
                     ". Changes are missing from here on; read the rows again, and begin behind it",
                     (unsigned long long)s->event_pos, LEAT_STR_ARG(ev->incident.message));
}

/* A compressed transaction: its events are read one by one, as far as batches go. */
static leat_rc unpack(leat_my_source *s, const leat_binlog_format *f, leat_str bytes, leat_err *e)
{
    leat_binlog_event ev;
    leat_binlog_format format = *f;
    leat_buf_clear(&s->packed);
    leat_buf_add(&s->packed, bytes);
    LEAT_TRY(leat_binlog_decode(&format, leat_buf_str(&s->packed), 0, &s->scratch, &ev, e));
    s->unpack = (leat_binlog_unpack){0};
    s->unpacking = true;
    return leat_binlog_unpack_init(&s->unpack, f, &ev, 0, e);
}

/* An event of a transaction that was delivered in part is passed over. Debezium counts from BEGIN
 * on; of a compressed one that is inside. */
static void pass_resumed(leat_my_source *s, uint8_t type)
{
    bool before = type == LEAT_BINLOG_GTID || type == LEAT_BINLOG_ANONYMOUS_GTID ||
                  type == LEAT_BINLOG_GTID_TAGGED || type == LEAT_BINLOG_TRANSACTION_PAYLOAD;
    if (s->tx.open && s->tx.resumed && s->tx.events > 0 && !before) s->tx.events--;
}

static void note_statement(leat_my_source *s, leat_str text)
{
    leat_buf_clear(&s->tx.query);
    if (s->conf->include_query) leat_buf_add(&s->tx.query, text);
}

static leat_rc rows_event(leat_my_source *s, leat_batch *b, leat_binlog_event *ev,
                          leat_binlog_format *f, leat_str bytes, leat_err *e)
{
    if (!s->tx.open) begin(s, b, ev);
    /* Cells borrow the bytes, which the next event takes the place of. */
    leat_binlog_format format = *f;
    const leat_my_rel *r = leat_my_rel_find(s, ev->rows.table);
    if (r && r->captured && !s->tx.known) {
        bytes = leat_arena_str(&b->arena, bytes);
        LEAT_TRY(leat_binlog_decode(&format, bytes, 0, &b->arena, ev, e));
    }
    LEAT_TRY(leat_my_change(s, b, &ev->rows, e));
    if (ev->rows.flags & LEAT_BINLOG_ROWS_END) {
        leat_my_ids_clear(s);
        leat_buf_clear(&s->tx.query);
    }
    return LEAT_OK;
}

static leat_rc apply(leat_my_source *s, leat_batch *b, leat_binlog_format *f, leat_binlog_event *ev,
                     leat_str bytes, leat_err *e)
{
    switch (ev->type) {
    case LEAT_BINLOG_ROTATE: rotate(s, ev); return LEAT_OK;
    case LEAT_BINLOG_HEARTBEAT:
    case LEAT_BINLOG_HEARTBEAT_V2: heartbeat(s, ev); return LEAT_OK;
    case LEAT_BINLOG_GTID:
    case LEAT_BINLOG_ANONYMOUS_GTID:
    case LEAT_BINLOG_GTID_TAGGED: begin_gtid(s, b, ev); return LEAT_OK;
    case LEAT_BINLOG_MARIADB_GTID: begin_mariadb(s, b, ev); return LEAT_OK;
    case LEAT_BINLOG_QUERY:
    case LEAT_BINLOG_QUERY_COMPRESSED:
    case LEAT_BINLOG_EXECUTE_LOAD_QUERY: return query(s, b, f, ev, e);
    case LEAT_BINLOG_XID:
    case LEAT_BINLOG_XA_PREPARE: return end(s, b, e);
    case LEAT_BINLOG_TABLE_MAP: return leat_my_rel_map(s, &ev->table, e);
    case LEAT_BINLOG_ROWS_QUERY:
    case LEAT_BINLOG_ANNOTATE_ROWS: note_statement(s, ev->statement); return LEAT_OK;
    case LEAT_BINLOG_TRANSACTION_PAYLOAD: return unpack(s, f, bytes, e);
    case LEAT_BINLOG_INCIDENT: return incident(s, ev, e);
    case LEAT_BINLOG_WRITE_ROWS_V1:
    case LEAT_BINLOG_UPDATE_ROWS_V1:
    case LEAT_BINLOG_DELETE_ROWS_V1:
    case LEAT_BINLOG_WRITE_ROWS:
    case LEAT_BINLOG_UPDATE_ROWS:
    case LEAT_BINLOG_DELETE_ROWS:
    case LEAT_BINLOG_PARTIAL_UPDATE_ROWS:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_UPDATE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED_V1:
    case LEAT_BINLOG_WRITE_ROWS_COMPRESSED:
    case LEAT_BINLOG_UPDATE_ROWS_COMPRESSED:
    case LEAT_BINLOG_DELETE_ROWS_COMPRESSED: return rows_event(s, b, ev, f, bytes, e);
    default: return LEAT_OK;
    }
}

leat_rc leat_my_event(leat_my_source *s, leat_batch *b, leat_binlog_format *f, leat_str bytes,
                      leat_err *e)
{
    leat_binlog_event ev;
    leat_arena_reset(&s->scratch, 1 << 20);
    LEAT_TRY(leat_binlog_decode(f, bytes, 0, &s->scratch, &ev, e));
    if (f == &s->format && ev.type != LEAT_BINLOG_ROTATE) advance(s, &ev);
    if (ev.skip) {
        pass_resumed(s, ev.type);
        return LEAT_OK;
    }
    if (s->tx.open && !s->tx.timed && ev.ts) s->tx.ts_us = (int64_t)ev.ts * 1000000;
    leat_rc rc = apply(s, b, f, &ev, bytes, e);
    pass_resumed(s, ev.type);
    return rc;
}

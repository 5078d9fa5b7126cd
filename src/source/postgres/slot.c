/* The replication slot: what the server says of it, whether we may go on from it, making it.
 *
 * A start position older than the slot's is silently moved forward by the server, so the two are
 * compared here, before anything is streamed: a slot that is ahead of what is durable with us, or
 * one that is gone, is a gap, and a gap is never skipped. The judge is a pure function of four
 * structs. Creating a slot waits on the server until all transactions that run then have ended: the
 * wait has no end, but tells who it waits for, and a stop ends it; for a prepared transaction,
 * which may never end, a person is asked. Run by the task's thread. */
#include "source/postgres/slot.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

enum {
    CREATE_LOOK_MS = 200,      /* between looks whether a stop is wanted */
    CREATE_QUIET_US = 1000000, /* a slot is usually made sooner */
    CREATE_TELL_US = 10000000, /* between lines in the log */
    PREPARED_MS = 5000,        /* a prepared transaction may end by itself for so long */
    DROP_US = 3000000,
};

leat_rc leat_pg_server_identify(leat_pg *wal, leat_pg_server *out, leat_err *e)
{
    PGresult *res;
    *out = (leat_pg_server){0};
    LEAT_TRY(leat_pg_query(wal, "identify the server", "IDENTIFY_SYSTEM", 0, NULL, &res, e));
    bool good = PQntuples(res) == 1 && leat_str_u64(leat_pg_cell(res, 0, 0), &out->systemid) &&
                leat_lsn_parse(leat_pg_cell(res, 0, 2), &out->written);
    out->timeline = (uint32_t)leat_pg_cell_i64(res, 0, 1, 0);
    PQclear(res);
    if (good) return LEAT_OK;
    return leat_fail(e, LEAT_FATAL, "postgres.protocol", "IDENTIFY_SYSTEM",
                     "the server's answer is not understood: it may be no PostgreSQL");
}

uint64_t leat_pg_history_end(leat_str history, uint32_t timeline)
{
    while (history.s) {
        uint64_t number, end;
        leat_str line = leat_str_cut(&history, '\n');
        leat_str first = leat_str_trim(leat_str_cut(&line, '\t'));
        leat_str place = leat_str_trim(leat_str_cut(&line, '\t'));
        if (leat_str_u64(first, &number) && number == timeline && leat_lsn_parse(place, &end))
            return end;
    }
    return 0;
}

leat_rc leat_pg_server_history(leat_pg *wal, uint32_t was, leat_pg_server *out, leat_err *e)
{
    char command[48];
    PGresult *res;
    snprintf(command, sizeof command, "TIMELINE_HISTORY %u", out->timeline);
    LEAT_TRY(leat_pg_query(wal, "read the timeline's history", command, 0, NULL, &res, e));
    if (PQntuples(res) == 1) out->left = leat_pg_history_end(leat_pg_cell(res, 0, 1), was);
    PQclear(res);
    return LEAT_OK;
}

static const char *copied(leat_arena *a, leat_str text)
{
    return text.s ? leat_arena_str(a, text).s : NULL;
}

static void put_look_up(leat_buf *out, const char *name, int version)
{
    leat_buf_printf(out,
                    "SELECT slot_type = 'logical', temporary, active, active_pid, plugin, database,"
                    " restart_lsn, confirmed_flush_lsn, %s, %s, catalog_xmin,"
                    " (SELECT application_name FROM pg_catalog.pg_stat_activity"
                    " WHERE pid = active_pid), CASE WHEN pg_catalog.pg_is_in_recovery()"
                    " THEN pg_catalog.pg_last_wal_replay_lsn()"
                    " ELSE pg_catalog.pg_current_wal_lsn() END,"
                    " (SELECT setting FROM pg_catalog.pg_settings"
                    " WHERE name = 'max_slot_wal_keep_size')"
                    " FROM pg_catalog.pg_replication_slots WHERE slot_name = ",
                    version >= 130000 ? "wal_status" : "NULL::text",
                    version >= 170000   ? "invalidation_reason"
                    : version >= 160000 ? "CASE WHEN conflicting THEN 'conflict' END"
                                        : "NULL::text");
    leat_pg_quote_text(out, leat_str_of(name));
    leat_buf_u8(out, 0);
}

/* Of max_slot_wal_keep_size in MiB; servers before 13 have no limit. Who may not keep anything has
 * the least limit that can be told. */
static int64_t keep_of(const PGresult *res, int version)
{
    if (version >= 130000 && !leat_pg_cell(res, 0, 13).s) return -1;
    int64_t mib = leat_pg_cell_i64(res, 0, 13, -1);
    return mib < 0 ? 0 : mib == 0 ? 1 : mib > INT64_MAX >> 20 ? INT64_MAX : mib << 20;
}

static void take_row(const PGresult *res, int version, leat_arena *a, leat_pg_slot *out)
{
    out->exists = true;
    out->logical = leat_pg_cell_bool(res, 0, 0);
    out->temporary = leat_pg_cell_bool(res, 0, 1);
    out->active = leat_pg_cell_bool(res, 0, 2);
    out->active_pid = leat_pg_cell_i64(res, 0, 3, 0);
    out->plugin = copied(a, leat_pg_cell(res, 0, 4));
    out->database = copied(a, leat_pg_cell(res, 0, 5));
    leat_lsn_parse(leat_pg_cell(res, 0, 6), &out->restart);
    leat_lsn_parse(leat_pg_cell(res, 0, 7), &out->confirmed);
    out->wal_status = copied(a, leat_pg_cell(res, 0, 8));
    out->invalid = copied(a, leat_pg_cell(res, 0, 9));
    out->xmin = (uint32_t)leat_pg_cell_i64(res, 0, 10, 0);
    out->reader = copied(a, leat_pg_cell(res, 0, 11));
    leat_lsn_parse(leat_pg_cell(res, 0, 12), &out->log_end);
    out->keep = keep_of(res, version);
}

leat_rc leat_pg_slot_read(leat_pg *c, const char *name, int64_t ms, leat_arena *a,
                          leat_pg_slot *out, leat_err *e)
{
    PGresult *res;
    leat_buf sql = {0};
    *out = (leat_pg_slot){0};
    put_look_up(&sql, name, c->version);
    leat_rc rc = leat_pg_query_until(c, "look the slot up", sql.p, 0, NULL,
                                     ms ? ms : c->target->query_ms, &res, e);
    leat_buf_free(&sql);
    LEAT_TRY(rc);
    if (PQntuples(res) == 1) take_row(res, c->version, a, out);
    PQclear(res);
    return LEAT_OK;
}

/* ---- the judge ---- */

#define START_AFRESH                                                                               \
    "If its offsets were edited just now, take that back (leat offsets NAME undo). To start "      \
    "afresh, drop the slot if there is one (SELECT pg_drop_replication_slot('%s')), forget the "   \
    "stored offsets (leat offsets NAME reset), and let it take a new snapshot"

static leat_rc judge_missing(const char *name, const leat_pg_position *at, leat_err *e)
{
    char place[LEAT_LSN_TEXT];
    return leat_fail(e, LEAT_CONF, "postgres.slot_missing", name,
                     "the slot \"%s\" does not exist any more, but changes up to %s have been "
                     "read through it: what was committed since is lost to this connector. Was it "
                     "dropped, or the server restored or failed over? " START_AFRESH,
                     name, leat_lsn_print(at->lsn, place), name);
}

/* What keeps a slot from being invalidated for this reason (17: invalidation_reason). */
static const char *prevention(const char *reason)
{
    static const char *const known[][2] = {
        {"rows_removed", "set hot_standby_feedback = on at the standby"},
        {"conflict", "set hot_standby_feedback = on at the standby"},
        {"wal_level_insufficient", "keep wal_level = logical at the primary"},
        {"idle_timeout", "raise idle_replication_slot_timeout, or do not stop connectors for long"},
    };
    for (size_t i = 0; reason && i < sizeof known / sizeof *known; i++)
        if (strcmp(reason, known[i][0]) == 0) return known[i][1];
    return "raise max_slot_wal_keep_size";
}

/* What makes a slot unfit whatever the position. */
static leat_rc judge_kind(const char *name, const char *dbname, const leat_pg_slot *slot,
                          leat_err *e)
{
    if (!slot->logical || !slot->plugin || strcmp(slot->plugin, "pgoutput") != 0)
        return leat_fail(e, LEAT_CONF, "postgres.slot_other", name,
                         "the slot \"%s\" belongs to something else: it is a %s slot%s%s, and a "
                         "logical one with pgoutput is needed. Set slot.name to another name",
                         name, slot->logical ? "logical" : "physical",
                         slot->plugin ? " with plugin " : "", slot->plugin ? slot->plugin : "");
    if (slot->database && strcmp(slot->database, dbname) != 0)
        return leat_fail(
            e, LEAT_CONF, "postgres.slot_other", name,
            "the slot \"%s\" is one of database \"%s\", not of \"%s\": slots are named "
            "once a server. Set slot.name to another name",
            name, slot->database, dbname);
    if (slot->invalid || (slot->wal_status && strcmp(slot->wal_status, "lost") == 0))
        return leat_fail(e, LEAT_CONF, "postgres.wal_removed", name,
                         "the server has invalidated the slot \"%s\" (%s): what it still had to "
                         "send is lost to this connector. To prevent it %s. " START_AFRESH,
                         name, slot->invalid ? slot->invalid : "wal_status is lost",
                         prevention(slot->invalid), name);
    return LEAT_OK;
}

/* A position behind the end of its timeline, on a server that has left it: unless the slot has sent
 * that much itself, as one of a standby does that was promoted under it. */
static bool diverged(const leat_pg_server *server, const leat_pg_position *at,
                     const leat_pg_slot *slot)
{
    return at->timeline && at->timeline != server->timeline && at->lsn > server->left &&
           slot->confirmed <= server->left;
}

static leat_rc judge_server(const leat_pg_server *server, const leat_pg_position *at,
                            const leat_pg_slot *slot, leat_err *e)
{
    char here[LEAT_LSN_TEXT], place[LEAT_LSN_TEXT];
    if (at->systemid && at->systemid != server->systemid)
        return leat_fail(e, LEAT_CONF, "postgres.other_server", "",
                         "this is another server than the one read so far (system identifier %llu, "
                         "was %llu): log positions of one mean nothing on the other. Point "
                         "database.hostname at the old server, or give the connector a new name "
                         "(or delete its offsets) to start afresh here",
                         (unsigned long long)server->systemid, (unsigned long long)at->systemid);
    if (at->lsn > server->written && server->standby)
        return leat_fail(e, LEAT_RETRY, "postgres.standby_behind", "",
                         "the standby has come to %s, but changes up to %s have already been read "
                         "from it: after a restart it has to replay its log again. Wait; if it "
                         "does not come nearer, it may have been made anew from a backup",
                         leat_lsn_print(server->written, here), leat_lsn_print(at->lsn, place));
    if (at->lsn > server->written)
        return leat_fail(
            e, LEAT_CONF, "postgres.server_behind", "",
            "the server's log ends at %s, but changes up to %s have already been read "
            "from it: it was restored from a backup, or a standby took over that had "
            "not received all. Changes were read that the server does not know; "
            "compare the data, delete the connector's offsets, and take a new snapshot. If the "
            "offsets were edited just now, take that back (leat offsets NAME undo)",
            leat_lsn_print(server->written, here), leat_lsn_print(at->lsn, place));
    if (diverged(server, at, slot))
        return leat_fail(
            e, LEAT_CONF, "postgres.diverged", "",
            "the server is on timeline %u, which left timeline %u at %s, but changes up to %s of "
            "that one have been read: a standby took over that had not received all, or a backup "
            "was restored. Those changes are not on this server, and what it wrote in their place "
            "was not read; compare the data, delete the connector's offsets, and take a new "
            "snapshot",
            server->timeline, at->timeline, leat_lsn_print(server->left, here),
            leat_lsn_print(at->lsn, place));
    return LEAT_OK;
}

leat_rc leat_pg_slot_judge(const char *name, const char *dbname, const leat_pg_slot *slot,
                           const leat_pg_server *server, const leat_pg_position *at, leat_err *e)
{
    if (at->lsn) LEAT_TRY(judge_server(server, at, slot, e));
    if (!slot->exists) return at->lsn ? judge_missing(name, at, e) : LEAT_OK;
    LEAT_TRY(judge_kind(name, dbname, slot, e));
    if (at->lsn && slot->confirmed > at->lsn) {
        char theirs[LEAT_LSN_TEXT], ours[LEAT_LSN_TEXT], size[LEAT_PG_SIZE_MAX];
        return leat_fail(e, LEAT_CONF, "postgres.gap", name,
                         "the slot \"%s\" stands at %s, but only changes up to %s are stored: %s "
                         "of log in between will not be sent again. Another reader used the slot, "
                         "or it was made anew, or the offsets are older than it. " START_AFRESH,
                         name, leat_lsn_print(slot->confirmed, theirs),
                         leat_lsn_print(at->lsn, ours),
                         leat_pg_size_text(slot->confirmed - at->lsn, size), name);
    }
    if (slot->active)
        return leat_fail(
            e, LEAT_RETRY, "postgres.slot_in_use", name,
            "the slot \"%s\" is being read by another process (server process %lld, "
            "application \"%s\", see pg_stat_replication). Stop it, or give each "
            "connector a slot.name of its own; if it is a reader that died, the server "
            "notices within its wal_sender_timeout",
            name, (long long)slot->active_pid, slot->reader ? slot->reader : "");
    return LEAT_OK;
}

/* ---- making and dropping ---- */

/* Who keeps a slot from being made: a prepared transaction that was there before we began to wait
 * is CONF; else RETRY with those that run. Ages are only shown of processes that the user may see.
 */
static leat_rc name_blockers(leat_pg *wal, leat_pg *sql, const char *name, int64_t waited_ms,
                             leat_err *e)
{
    static const char query[] =
        "SELECT 'p', pg_catalog.quote_literal(gid), database::text, extract(epoch FROM"
        " pg_catalog.clock_timestamp() - prepared)::pg_catalog.int8 AS age, 1"
        " FROM pg_catalog.pg_prepared_xacts"
        " UNION ALL (SELECT 'r', l.pid::text, a.application_name, extract(epoch FROM"
        " pg_catalog.clock_timestamp() - a.xact_start)::pg_catalog.int8 AS age, count(*) OVER ()"
        " FROM (SELECT DISTINCT pid FROM pg_catalog.pg_locks"
        " WHERE locktype = 'transactionid' AND granted AND pid IS NOT NULL"
        " AND pid NOT IN (pg_catalog.pg_backend_pid(), %d)) l"
        " LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
        " ORDER BY a.xact_start NULLS LAST LIMIT 3)"
        " ORDER BY 1, age DESC NULLS LAST";
    PGresult *res;
    char text[sizeof query + 16];
    snprintf(text, sizeof text, query, PQbackendPID(wal->pg));
    LEAT_TRY(leat_pg_query(sql, "see who blocks the new slot", text, 0, NULL, &res, e));
    int n = PQntuples(res);
    long long age = n ? (long long)leat_pg_cell_i64(res, 0, 3, 0) : 0;
    if (n && PQgetvalue(res, 0, 0)[0] == 'p' && age * 1000 >= waited_ms &&
        waited_ms >= PREPARED_MS) {
        const char *who = PQgetvalue(res, 0, 1);
        leat_fail(e, LEAT_CONF, "postgres.prepared_transaction", name,
                  "the slot \"%s\" cannot be made while the prepared transaction %s of "
                  "database \"%s\" is open; it was prepared %lld s ago. Run in that database "
                  "COMMIT PREPARED %s or ROLLBACK PREPARED %s",
                  name, who, PQgetvalue(res, 0, 2), age, who, who);
        PQclear(res);
        return e->rc;
    }
    leat_buf who = {0};
    for (int i = 0; i < n; i++) {
        bool prepared = PQgetvalue(res, i, 0)[0] == 'p';
        leat_buf_printf(&who, "%s%s %s", i ? ", " : ": ", prepared ? "prepared" : "process",
                        PQgetvalue(res, i, 1));
        if (!prepared) leat_buf_printf(&who, " (\"%s\")", PQgetvalue(res, i, 2));
        if (!PQgetisnull(res, i, 3)) leat_buf_printf(&who, " for %s s", PQgetvalue(res, i, 3));
        int64_t all = leat_pg_cell_i64(res, i, 4, 0);
        if (i == n - 1 && all > 3) leat_buf_printf(&who, " and %lld more", (long long)all - 3);
    }
    PQclear(res);
    leat_fail(e, LEAT_RETRY, "postgres.slot_blocked", name,
              "the server makes the slot \"%s\" once every transaction that runs has ended, and "
              "that has taken %lld s now" LEAT_STR_FMT ". Wait, or end them "
              "(pg_terminate_backend)",
              name, (long long)(waited_ms / 1000), LEAT_STR_ARG(leat_buf_str(&who)));
    leat_buf_free(&who);
    return e->rc;
}

/* Waits until the slot is made. */
static leat_rc await_slot(leat_task *t, leat_pg *wal, leat_pg *sql, const char *name,
                          PGresult **res, leat_err *e)
{
    int64_t begun = leat_mono_us(), told = 0;
    for (;;) {
        leat_rc rc = leat_pg_poll(wal, "create the replication slot", CREATE_LOOK_MS, res, e);
        if (rc != LEAT_AGAIN) return rc;
        int64_t now = leat_mono_us();
        if (t->leaves && t->leaves(t))
            return leat_fail(e, LEAT_RETRY, "postgres.stopped", name,
                             "the slot \"%s\" was not made yet: the connector is to stop or to be "
                             "changed",
                             name);
        if (now - begun < CREATE_QUIET_US) continue;
        leat_err why = {0};
        rc = name_blockers(wal, sql, name, (now - begun) / 1000, &why);
        if (strcmp(why.code, "postgres.slot_blocked") != 0) {
            *e = why;
            return rc;
        }
        if (t->waits) t->waits(t, &why);
        if (told && now - told < CREATE_TELL_US) continue;
        told = now;
        leat_log(LEAT_WARN, why.code, "where=\"%s\" %s", why.where, why.msg);
    }
}

static void put_create(leat_buf *out, const char *name, int version, bool failover)
{
    leat_buf_str_z(out, "CREATE_REPLICATION_SLOT ");
    leat_pg_quote_name(out, leat_str_of(name));
    leat_buf_str_z(out, " LOGICAL pgoutput ");
    if (version < 150000)
        leat_buf_str_z(out, "EXPORT_SNAPSHOT");
    else if (failover && version >= 170000)
        leat_buf_str_z(out, "(SNAPSHOT 'export', FAILOVER true)");
    else
        leat_buf_str_z(out, "(SNAPSHOT 'export')");
    leat_buf_u8(out, 0);
}

leat_rc leat_pg_slot_create(leat_task *t, leat_pg *wal, leat_pg *sql, const char *name,
                            bool failover, leat_arena *a, uint64_t *at, const char **snapshot,
                            leat_err *e)
{
    leat_buf command = {0};
    PGresult *res;
    if (failover && wal->version < 170000)
        leat_log(LEAT_WARN, "postgres.slot_failover",
                 "slot=%s slot.failover needs PostgreSQL 17 or later: an ordinary slot is made",
                 name);
    put_create(&command, name, wal->version, failover);
    leat_rc rc = leat_pg_send(wal, "create the replication slot", command.p, e);
    leat_buf_free(&command);
    if (rc == LEAT_OK) rc = await_slot(t, wal, sql, name, &res, e);
    if (t->waits) t->waits(t, NULL);
    if (rc != LEAT_OK) {
        leat_pg_cancel(wal);
        return rc;
    }
    bool good = PQntuples(res) == 1 && leat_lsn_parse(leat_pg_cell(res, 0, 1), at);
    *snapshot = copied(a, leat_pg_cell(res, 0, 2));
    PQclear(res);
    if (!good)
        return leat_fail(e, LEAT_FATAL, "postgres.protocol", name,
                         "the server's answer to CREATE_REPLICATION_SLOT is not understood");
    char place[LEAT_LSN_TEXT];
    leat_log(LEAT_INFO, "postgres.slot_created", "slot=%s at=%s", name, leat_lsn_print(*at, place));
    return LEAT_OK;
}

leat_rc leat_pg_slot_drop(leat_pg *c, const char *name, leat_err *e)
{
    static const char sql[] = "SELECT pg_catalog.pg_drop_replication_slot(slot_name)"
                              " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    int64_t until = leat_mono_us() + DROP_US;
    for (;;) {
        PGresult *res;
        leat_rc rc = leat_pg_query(c, "drop the replication slot", sql, 1, &name, &res, e);
        if (rc == LEAT_RETRY && strcmp(e->code, "postgres.slot_in_use") == 0 &&
            leat_mono_us() < until) {
            leat_sleep_us(100000);
            continue;
        }
        LEAT_TRY(rc);
        if (PQntuples(res)) leat_log(LEAT_INFO, "postgres.slot_dropped", "slot=%s", name);
        PQclear(res);
        return LEAT_OK;
    }
}

/* Offsets that people look at and set: the source's offset_check, offset_text and leaves.
 *
 * What is taken: the offset as Debezium or leat stores it, the places as numbers or as PostgreSQL
 * prints them ("0/16B3748"). What is not known is refused by name, so that another system's offset
 * is not taken for a place here. offset_check and offset_text are pure; offset_ask and leaves ask
 * the server. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "source/postgres/pg.h"
#include "source/postgres/publication.h"
#include "source/postgres/walframe.h"
#include "system/postgres/quote.h"

#define EXPECTED                                                                                   \
    "expected {\"lsn\":PLACE} (also lsn_proc, lsn_commit, txId, ts_usec, as 'leat offsets NAME "   \
    "--json' shows), a place as \"0/16B3748\" or a number of bytes"

static leat_rc refuse(leat_str offset, const char *what, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "postgres.position", "offset",
                     LEAT_STR_FMT " is no place in PostgreSQL's log: %s; " EXPECTED,
                     LEAT_STR_ARG(offset), what);
}

static bool is_place(leat_str name)
{
    return leat_str_is(name, "lsn") || leat_str_is(name, "lsn_proc") ||
           leat_str_is(name, "lsn_commit");
}

static bool is_known(leat_str name)
{
    static const char *const known[] = {
        "txId",     "ts_usec",  "messageType",          "systemid",           "xmin",
        "timeline", "snapshot", "last_snapshot_record", "snapshot_completed", "transaction_id"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (leat_str_is(name, known[i])) return true;
    return is_place(name) || leat_str_starts(name, "transaction_data_collection_order_") ||
           leat_str_starts(name, "incremental_snapshot_");
}

/* The offset with its places as numbers. */
static leat_rc numbers(leat_str offset, leat_arena *a, leat_buf *out, leat_err *e)
{
    const leat_json *j = NULL;
    bool any = false;
    LEAT_TRY(leat_json_parse(a, offset, &j, e));
    leat_jw w = {.out = out};
    leat_jw_object(&w, NULL);
    for (const leat_json *m = j->child; m; m = m->next) {
        leat_buf value = {0};
        uint64_t lsn = 0;
        if (!is_known(m->name))
            return refuse(offset,
                          leat_arena_printf(a, "\"" LEAT_STR_FMT "\" is no member of its offsets",
                                            LEAT_STR_ARG(m->name)),
                          e);
        bool place = is_place(m->name) && m->type != LEAT_JSON_NULL;
        bool good = m->type == LEAT_JSON_NUMBER   ? leat_str_u64(m->text, &lsn)
                    : m->type == LEAT_JSON_STRING ? leat_lsn_parse(m->text, &lsn)
                                                  : false;
        if (place && (!good || lsn == 0 || lsn > INT64_MAX))
            return refuse(offset,
                          leat_arena_printf(a, "\"" LEAT_STR_FMT "\" is \"" LEAT_STR_FMT "\"",
                                            LEAT_STR_ARG(m->name), LEAT_STR_ARG(m->text)),
                          e);
        any = any || place;
        leat_json_write(m, &value);
        const char *name = leat_arena_str(a, m->name).s;
        if (place)
            leat_jw_i64(&w, name, (int64_t)lsn);
        else
            leat_jw_raw(&w, name, leat_buf_str(&value));
        leat_buf_free(&value);
    }
    leat_jw_end(&w);
    return any ? LEAT_OK : refuse(offset, "it has neither lsn nor lsn_proc nor lsn_commit", e);
}

/* The place as it is stored; the server's identity stays, so that another server is noticed. */
static leat_rc place_of(const leat_pg_conf *conf, leat_position now, leat_position to,
                        leat_arena *a, leat_pg_position *out, leat_err *e)
{
    leat_buf text = {0};
    leat_pg_position was = {0};
    leat_rc rc = numbers(to.offset, a, &text, e);
    leat_position pos = {to.partition, leat_buf_str(&text)};
    if (rc == LEAT_OK) rc = leat_pg_position_find(conf->capture.prefix, &pos, 1, out, e);
    leat_buf_free(&text);
    LEAT_TRY(rc);
    if (out->lsn == 0) {
        refuse(to.offset,
               "it is of a snapshot that had not ended (to begin with a snapshot, reset it)", e);
        return LEAT_PENDING;
    }
    if (now.offset.s &&
        leat_pg_position_find(conf->capture.prefix, &now, 1, &was, NULL) == LEAT_OK) {
        if (!out->systemid) out->systemid = was.systemid;
        if (!out->timeline) out->timeline = was.timeline;
    }
    return LEAT_OK;
}

static const char *note_of(uint64_t was, uint64_t to, const char *slot, leat_arena *a)
{
    char from[LEAT_LSN_TEXT], till[LEAT_LSN_TEXT];
    if (was == 0 || was == to) return NULL;
    leat_lsn_print(was, from);
    leat_lsn_print(to, till);
    if (to > was)
        return leat_arena_printf(a,
                                 "%" PRIu64 " bytes of the log are skipped: changes committed "
                                 "between %s and %s are never delivered",
                                 to - was, from, till);
    return leat_arena_printf(a,
                             "changes committed between %s and %s come again, as far as the slot "
                             "still has them: PostgreSQL sends nothing from before the "
                             "confirmed_flush_lsn of \"%s\", and the start fails with postgres.gap "
                             "if that has passed %s",
                             till, from, slot, till);
}

leat_rc leat_pg_offset_check(const void *p, leat_position now, leat_position to, leat_arena *a,
                             leat_position *out, const char **note, leat_err *e)
{
    const leat_pg_conf *conf = p;
    leat_buf text = {0};
    leat_pg_position place = {0};
    *out = to;
    *note = NULL;
    if (!to.offset.s) return LEAT_OK;
    leat_naming_partition(conf->capture.prefix, &text);
    leat_str ours = leat_arena_str(a, leat_buf_str(&text));
    leat_buf_clear(&text);
    leat_rc rc = LEAT_OK;
    if (!leat_str_eq(ours, to.partition))
        rc = leat_fail(e, LEAT_CONF, "postgres.position", "partition",
                       LEAT_STR_FMT " is no partition of this connector; expected " LEAT_STR_FMT
                                    " (its topic.prefix)",
                       LEAT_STR_ARG(to.partition), LEAT_STR_ARG(ours));
    if (rc == LEAT_OK) rc = place_of(conf, now, to, a, &place, e);
    if (rc == LEAT_OK) {
        leat_pg_position_write(&place, &text);
        *out = (leat_position){ours, leat_arena_str(a, leat_buf_str(&text))};
        *note = note_of(leat_pg_position_lsn(now.offset), place.lsn, conf->slot, a);
    }
    leat_buf_free(&text);
    return rc;
}

/* A place against where the server's log ends and the slot stands. */
static leat_rc compare(const leat_pg_conf *conf, uint64_t to, const PGresult *res, leat_arena *a,
                       const char **note, leat_err *e)
{
    uint64_t end = 0, confirmed = 0;
    char place[LEAT_LSN_TEXT], here[LEAT_LSN_TEXT];
    bool standby = leat_pg_cell_bool(res, 0, 0);
    leat_lsn_parse(leat_pg_cell(res, 0, 1), &end);
    leat_lsn_parse(leat_pg_cell(res, 0, 2), &confirmed);
    leat_lsn_print(to, place);
    if (to > end && !standby)
        return leat_fail(e, LEAT_CONF, "postgres.position", "offset",
                         "%s is not in the server's log yet, which ends at %s: expected a place up "
                         "to there. It would not start (postgres.server_behind), or skip all that "
                         "is committed until then",
                         place, leat_lsn_print(end, here));
    if (to > end)
        *note =
            leat_arena_printf(a, "the standby has come to %s only: it starts once that is at %s",
                              leat_lsn_print(end, here), place);
    else if (confirmed > to)
        *note = leat_arena_printf(a,
                                  "the slot \"%s\" stands at %s already and sends nothing from "
                                  "before that: the start will fail with postgres.gap",
                                  conf->slot, leat_lsn_print(confirmed, here));
    return LEAT_OK;
}

leat_rc leat_pg_offset_ask(const void *p, leat_position to, leat_arena *a, const char **note,
                           leat_err *e)
{
    const leat_pg_conf *conf = p;
    leat_pg sql = {0};
    PGresult *res;
    const char *slot[] = {conf->slot};
    *note = NULL;
    LEAT_TRY(leat_pg_connect(&sql, &conf->target, false, "leat offsets", e));
    leat_rc rc = leat_pg_query(
        &sql, "see where the log ends",
        "SELECT pg_catalog.pg_is_in_recovery(), CASE WHEN pg_catalog.pg_is_in_recovery()"
        " THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_insert_lsn() END,"
        " (SELECT confirmed_flush_lsn FROM pg_catalog.pg_replication_slots WHERE slot_name = $1)",
        1, slot, &res, e);
    if (rc == LEAT_OK) {
        rc = compare(conf, leat_pg_position_lsn(to.offset), res, a, note, e);
        PQclear(res);
    }
    leat_pg_close(&sql);
    return rc;
}

void leat_pg_offset_text(leat_str offset, leat_buf *out)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    char lsn[LEAT_LSN_TEXT], iso[LEAT_ISO_MAX];
    uint64_t place = leat_pg_position_lsn(offset);
    leat_buf_str_z(out, leat_lsn_print(place, lsn));
    if (leat_json_parse(&a, offset, &j, NULL) == LEAT_OK) {
        int64_t at = leat_json_get_i64(j, "ts_usec", 0);
        if (at) leat_buf_printf(out, ", committed %s", leat_iso_us(at, 3, iso));
    }
    leat_arena_free(&a);
}

static void write_sql(const leat_pg_conf *conf, leat_buf *out)
{
    leat_buf_str_z(out, "SELECT pg_drop_replication_slot(");
    leat_pg_quote_text(out, leat_str_of(conf->slot));
    leat_buf_str_z(out, "); DROP PUBLICATION IF EXISTS ");
    for (size_t i = 0; i < conf->publications.n; i++) {
        if (i > 0) leat_buf_str_z(out, ", ");
        leat_pg_quote_name(out, leat_str_of(conf->publications.v[i]));
    }
    leat_buf_u8(out, ';');
}

leat_rc leat_pg_leaves(const void *p, leat_arena *a, const char **text, leat_err *e)
{
    const leat_pg_conf *conf = p;
    leat_pg sql = {0};
    PGresult *res;
    const char *slot[] = {conf->slot};
    *text = NULL;
    LEAT_TRY(leat_pg_connect(&sql, &conf->target, false, "leat delete", e));
    leat_rc rc = leat_pg_query(
        &sql, "look at the slot",
        "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()"
        " THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END,"
        " restart_lsn)::pg_catalog.int8 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1",
        1, slot, &res, e);
    if (rc == LEAT_OK) {
        leat_buf out = {0};
        if (PQntuples(res) > 0) {
            leat_buf_printf(&out,
                            "the slot \"%s\" stays on %s and keeps %" PRId64
                            " bytes of the server's log, more every day, until it is dropped: ",
                            conf->slot, conf->target.host, leat_pg_cell_i64(res, 0, 0, 0));
            write_sql(conf, &out);
            *text = leat_arena_str(a, leat_buf_str(&out)).s;
        }
        leat_buf_free(&out);
        PQclear(res);
    }
    leat_pg_close(&sql);
    return rc;
}

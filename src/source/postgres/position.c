/* A place in PostgreSQL's log as a position that can be stored, and transaction ids.
 *
 * The order of the offset's members is the one in which Debezium's store shows them. Numbers beyond
 * 2^63 do not occur: an LSN is an offset in bytes. The system id is one, so it is text. Pure; run
 * by any thread. */
#include "source/postgres/position.h"

#include <stdio.h>

#include "base/json.h"
#include "capture/snapshots.h"

/* The messageType of a position inside a transaction; which kind of change it was does not matter.
 */
#define INSIDE "UPDATE"

void leat_pg_position_write(const leat_pg_position *p, leat_buf *out)
{
    leat_jw w = {.out = out};
    char id[24];
    uint64_t last = p->sent ? p->sent : p->lsn;
    leat_jw_object(&w, NULL);
    leat_jw_i64(&w, "lsn_proc", (int64_t)last);
    if (p->commit || p->sent) leat_jw_z(&w, "messageType", p->sent ? INSIDE : "COMMIT");
    if (p->commit) leat_jw_i64(&w, "lsn_commit", (int64_t)p->commit);
    leat_jw_i64(&w, "lsn", (int64_t)last);
    if (p->tx) leat_jw_i64(&w, "txId", (int64_t)p->tx);
    if (p->ts_us) leat_jw_i64(&w, "ts_usec", p->ts_us);
    if (p->systemid) {
        snprintf(id, sizeof id, "%llu", (unsigned long long)p->systemid);
        leat_jw_z(&w, "systemid", id);
    }
    if (p->timeline) leat_jw_i64(&w, "timeline", p->timeline);
    leat_jw_end(&w);
}

/* The last change delivered of a transaction that the offset is inside of; 0: it is at an end. A
 * BEGIN has the LSN of the first change, which was not delivered. Older offsets have no
 * messageType.
 */
static uint64_t sent_of(const leat_json *j, uint64_t commit, uint64_t proc)
{
    leat_str type = leat_json_get_str(j, "messageType");
    bool inside = type.len ? !leat_str_is(type, "COMMIT") && !leat_str_is(type, "BEGIN")
                           : commit && proc != commit && !leat_json_get(j, "systemid");
    return inside && leat_json_get_i64(j, "txId", 0) > 0 ? proc : 0;
}

static leat_rc parse(leat_arena *a, leat_str text, leat_pg_position *out, leat_err *e)
{
    const leat_json *j;
    LEAT_TRY(leat_json_parse(a, text, &j, e));
    int64_t lsn = leat_json_get_i64(j, "lsn", 0);
    int64_t proc = leat_json_get_i64(j, "lsn_proc", 0);
    int64_t commit = leat_json_get_i64(j, "lsn_commit", 0);
    if (lsn < 0 || proc < 0 || commit < 0 || (lsn == 0 && proc == 0 && commit == 0))
        return leat_fail(
            e, LEAT_CONF, "postgres.position", "offset",
            "the stored offset has no place in the log (lsn, lsn_proc, lsn_commit): " LEAT_STR_FMT,
            LEAT_STR_ARG(text));
    if (leat_snapshot_unfinished(j)) return LEAT_OK;
    *out = (leat_pg_position){
        .commit = (uint64_t)commit,
        .lsn = (uint64_t)(commit ? commit
                          : proc ? proc
                                 : lsn),
        .tx = (uint64_t)leat_json_get_i64(j, "txId", 0),
        .ts_us = leat_json_get_i64(j, "ts_usec", 0),
        .timeline = (uint32_t)leat_json_get_i64(j, "timeline", 0),
        .sent = sent_of(j, (uint64_t)commit, (uint64_t)proc),
    };
    if (!leat_str_u64(leat_json_get_str(j, "systemid"), &out->systemid)) out->systemid = 0;
    /* Ours moved on by a keepalive: what came before it is done with. */
    if (out->systemid && !out->sent && (uint64_t)proc > out->lsn) out->lsn = (uint64_t)proc;
    return LEAT_OK;
}

leat_rc leat_pg_position_find(const char *server, const leat_position *pos, size_t n,
                              leat_pg_position *out, leat_err *e)
{
    leat_rc rc = LEAT_OK;
    leat_arena a;
    leat_arena_init(&a, 0);
    *out = (leat_pg_position){0};
    leat_str other = {0};
    for (size_t i = 0; rc == LEAT_OK && i < n; i++) {
        const leat_json *j;
        rc = leat_json_parse(&a, pos[i].partition, &j, e);
        if (rc != LEAT_OK) break;
        bool ours = leat_str_is(leat_json_get_str(j, "server"), server);
        other = ours ? (leat_str){0} : leat_json_get_str(j, "server");
        if (!ours || !pos[i].offset.s) continue;
        rc = parse(&a, pos[i].offset, out, e);
        break;
    }
    if (rc == LEAT_OK && other.s)
        rc = leat_fail(
            e, LEAT_CONF, "postgres.other_prefix", "topic.prefix",
            "what this connector has read so far is stored for topic.prefix=" LEAT_STR_FMT
            ", and now it is \"%s\": the tables' rows up to here are in topics of the old "
            "name only. Set it back, or give the connector a new name and a slot.name of "
            "its own, so that it begins with a snapshot",
            LEAT_STR_ARG(other), server);
    leat_arena_free(&a);
    return rc;
}

uint64_t leat_pg_position_lsn(leat_str offset)
{
    leat_pg_position p = {0};
    leat_err e;
    leat_arena a;
    if (!offset.s) return 0;
    leat_arena_init(&a, 0);
    leat_rc rc = parse(&a, offset, &p, &e);
    leat_arena_free(&a);
    return rc == LEAT_OK ? p.lsn : 0;
}

uint64_t leat_pg_xid_widen(uint32_t xid, uint64_t near)
{
    int32_t distance = (int32_t)(xid - (uint32_t)near);
    if (distance < 0 && near < (uint64_t) - (int64_t)distance) return xid;
    return near + (uint64_t)(int64_t)distance;
}

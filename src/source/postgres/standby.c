/* A physical standby as the source (PostgreSQL 16 and later).
 *
 * Nothing can be made there but slots: the publication comes from the primary, and so does the
 * record of running transactions that a new slot waits for. A standby that is promoted goes on
 * sending on the same connection, in a new timeline; until that is noticed positions carry the old
 * one, so the slot's own place decides about those at the next start (leat_pg_slot_judge). Run by
 * the task's thread; leat_pg_standby_check by any. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/check.h"
#include "source/postgres/publication.h"

enum { DECODES = 160000, LOOK_US = 1000000, LOOK_MS = 2000 };

leat_rc leat_pg_standby_is(leat_pg *sql, bool *yes, leat_err *e)
{
    PGresult *res;
    LEAT_TRY(leat_pg_query(sql, "see whether the server is a standby",
                           "SELECT pg_catalog.pg_is_in_recovery()", 0, NULL, &res, e));
    *yes = leat_pg_cell_bool(res, 0, 0);
    PQclear(res);
    return LEAT_OK;
}

static leat_rc fail_old(const leat_pg *sql, const char *host, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "postgres.standby", host,
                     "the server is a standby, and PostgreSQL %d has no logical decoding there "
                     "(version 16 or later has): point database.hostname at the primary",
                     sql->version / 10000);
}

leat_rc leat_pg_standby_look(leat_pg_source *s, leat_err *e)
{
    LEAT_TRY(leat_pg_standby_is(&s->sql, &s->server.standby, e));
    if (s->server.standby && leat_pg_streams(s->conf) && s->sql.version < DECODES)
        return fail_old(&s->sql, s->conf->target.host, e);
    return LEAT_OK;
}

leat_rc leat_pg_standby_publication(leat_pg_source *s, leat_err *e)
{
    const char *name;
    LEAT_TRY(leat_pg_publications_missing(&s->sql, &s->conf->publications, &name, e));
    if (!name) return LEAT_OK;
    return leat_fail(e, LEAT_CONF, "postgres.publication_missing", name,
                     "there is no publication \"%s\", and the server is a standby, where none can "
                     "be made: on its primary run CREATE PUBLICATION ... FOR TABLE ... (leat check "
                     "--sql prints the statement)",
                     name);
}

void leat_pg_standby_tell_slot(const leat_pg_source *s)
{
    if (!s->server.standby) return;
    leat_log(LEAT_INFO, "postgres.standby",
             "slot=%s is made on a standby, which waits for a record of the primary's running "
             "transactions: SELECT pg_log_standby_snapshot() on the primary writes one at once",
             s->conf->slot);
}

/* The timeline is that of the file that is written now. */
static leat_rc new_timeline(leat_pg_source *s, uint32_t *timeline, leat_err *e)
{
    PGresult *res;
    char digits[9] = "";
    LEAT_TRY(
        leat_pg_query(&s->sql, "read the timeline",
                      "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn())",
                      0, NULL, &res, e));
    snprintf(digits, sizeof digits, "%s", PQgetvalue(res, 0, 0));
    PQclear(res);
    *timeline = (uint32_t)strtoul(digits, NULL, 16);
    return LEAT_OK;
}

void leat_pg_standby_watch(leat_pg_source *s, int64_t now)
{
    leat_err e;
    bool still;
    uint32_t timeline;
    if (!s->server.standby || s->tx.open || now - s->standby_us < LOOK_US) return;
    s->standby_us = now;
    if (leat_pg_source_sql(s, &e) != LEAT_OK ||
        leat_pg_standby_is(&s->sql, &still, &e) != LEAT_OK || still ||
        new_timeline(s, &timeline, &e) != LEAT_OK || timeline == 0)
        return;
    leat_log(LEAT_WARN, "postgres.timeline", "was=%u is=%u the standby was promoted: it goes on",
             s->server.timeline, timeline);
    s->server.standby = false;
    s->server.timeline = s->at.timeline = timeline;
}

/* ---- the doctor ---- */

static void feedback_step(leat_pg_exam *x)
{
    PGresult *res = leat_pg_ask(x, "standby", "SHOW hot_standby_feedback", 0, NULL);
    if (!res) return;
    bool on = leat_str_is(leat_pg_cell(res, 0, 0), "on");
    PQclear(res);
    leat_check_step(
        x->c, &(leat_step){
                  .name = "standby",
                  .state = on ? LEAT_STEP_OK : LEAT_STEP_WARN,
                  .code = on ? NULL : "postgres.standby_feedback",
                  .detail = on ? "the server is a standby; making the slot waits for SELECT "
                                 "pg_log_standby_snapshot() on the primary, or its next record"
                               : "the server is a standby with hot_standby_feedback off: the "
                                 "primary removes catalog rows that the slot needs, and the "
                                 "slot is then lost",
                  .advice = on ? NULL
                               : "run the statements on the standby as a superuser; it should "
                                 "also have a physical slot on the primary (primary_slot_name)",
                  .sql = on ? NULL
                            : "ALTER SYSTEM SET hot_standby_feedback = on;\n"
                              "SELECT pg_reload_conf();",
                  .undo = on ? NULL
                             : leat_arena_printf(x->a, "%s\nSELECT pg_reload_conf();",
                                                 leat_pg_setting_undo(x, "hot_standby_feedback"))});
}

void leat_pg_standby_check(leat_pg_exam *x)
{
    leat_err e;
    if (leat_pg_standby_is(&x->sql, &x->standby, &e) != LEAT_OK) {
        leat_pg_tell_err(x, "standby", &e);
    } else if (x->standby && x->sql.version < DECODES) {
        fail_old(&x->sql, x->conf->target.host, &e);
        leat_pg_tell_err(x, "standby", &e);
    } else if (x->standby) {
        feedback_step(x);
    }
}

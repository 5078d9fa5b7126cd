/* What is looked at on the ordinary session, at the start and every few seconds while streaming.
 *
 * The slot: how much log it keeps, and its xmin. The publications: one that is dropped ends the
 * stream up to PostgreSQL 17 and is passed over in silence by later servers, so its loss is an
 * error here. With publication.autocreate.mode=filtered the tables: one that has appeared and is
 * captured is put into the publication, and a warning says from when on it is read. A look that
 * fails is of no matter, the next one is not far. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/postgres/partition.h"
#include "source/postgres/pg.h"
#include "source/postgres/publication.h"

enum {
    LOOK_US = 5000000,    /* between looks */
    SOON_US = 300000,     /* the same while a new table waits for the publication */
    LOOK_MS = 2000,       /* longest time for one */
    SILENT_FROM = 180000, /* server_version_num: passes over publications that are missing */
};

/* ---- publications ---- */

static leat_rc warn_missed(leat_pg_source *s, const leat_pg_tables *t, leat_arena *a, leat_err *e)
{
    leat_pg_missed missed;
    LEAT_TRY(leat_pg_partitions_missed(&s->sql, s->conf, t, a, &missed, e));
    if (missed.n)
        leat_log(LEAT_WARN, "postgres.partition", "tables=%zu first=\"%s.%s\" %s: %s", missed.n,
                 missed.tables[0]->schema, missed.tables[0]->name, missed.why, missed.advice);
    return LEAT_OK;
}

static leat_rc put_in_order(leat_pg_source *s, const char **made, leat_err *e)
{
    const leat_pg_conf *conf = s->conf;
    const leat_pg_publish how = {&conf->publications, (leat_pg_autocreate)conf->autocreate,
                                 conf->via_root};
    leat_pg_tables t;
    bool settled;
    leat_arena a;
    *made = NULL;
    LEAT_TRY(leat_pg_publications_settled(&s->sql, &how, &settled, e));
    if (settled) return LEAT_OK;
    leat_arena_init(&a, 0);
    leat_rc rc = leat_pg_rules_tables(&s->rules, &s->sql, &a, &t, e);
    if (rc == LEAT_OK)
        rc = leat_pg_publications_ensure(&s->sql, &how, t.captured, t.ncaptured, made, e);
    if (rc == LEAT_OK) rc = warn_missed(s, &t, &a, e);
    leat_arena_free(&a);
    return rc;
}

static leat_rc fail_gone(const leat_pg_source *s, const char *name, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "postgres.publication_missing", name,
                     "the publication \"%s\" does not exist any more: the changes that were made "
                     "since it was dropped are not sent. Create it again (CREATE PUBLICATION) and "
                     "restart the connector to go on from now; to have what is missing too, drop "
                     "the slot \"%s\", delete the connector's offsets and take a new snapshot",
                     name, s->conf->slot);
}

/* The publication is leat's to keep. */
static bool follows(const leat_pg_source *s)
{
    return !s->server.standby && s->conf->autocreate == LEAT_PG_FILTERED &&
           s->conf->publications.n == 1;
}

leat_rc leat_pg_ready_publications(leat_pg_source *s, leat_err *e)
{
    const char *name = NULL;
    if (s->resumed && s->sql.version >= SILENT_FROM)
        LEAT_TRY(leat_pg_publications_missing(&s->sql, &s->conf->publications, &name, e));
    if (name) return fail_gone(s, name, e);
    /* New tables are wanted first, and published then: newtables.c. */
    bool later = s->resumed && s->conf->capture.snapshot_new && follows(s);
    if (later) LEAT_TRY(leat_pg_publications_missing(&s->sql, &s->conf->publications, &name, e));
    if (later && !name) return LEAT_OK;
    LEAT_TRY(put_in_order(s, &name, e));
    s->watched_us = leat_mono_us();
    if (name && s->resumed)
        leat_log(LEAT_WARN, "postgres.publication_missing",
                 "publication=\"%s\" was not there and has been made, though changes were read "
                 "before: the server sends none of those that were made without it",
                 name);
    return LEAT_OK;
}

/* ---- while streaming ---- */

void leat_pg_watch_slot(leat_pg_source *s, const leat_pg_slot *slot)
{
    s->log_end = slot->log_end;
    if (slot->exists) s->retained_limit = slot->keep;
    uint64_t end = s->streaming ? s->feedback.server_end : s->server.written;
    if (slot->restart && slot->restart <= end) s->retained = (int64_t)(end - slot->restart);
    if (s->conf->xmin_ms && slot->xmin)
        s->xmin = (int64_t)leat_pg_xid_widen(slot->xmin, s->xid_near);
}

static void look_at_slot(leat_pg_source *s)
{
    leat_arena a;
    leat_pg_slot slot;
    leat_err e;
    leat_arena_init(&a, 0);
    if (leat_pg_slot_read(&s->sql, s->conf->slot, LOOK_MS, &a, &slot, &e) == LEAT_OK)
        leat_pg_watch_slot(s, &slot);
    leat_arena_free(&a);
}

/* Tables came, went, or were renamed since the last look; true at the first one too. */
static bool tables_differ(leat_pg_source *s)
{
    static const char sql[] =
        "SELECT count(*) || ':' || coalesce(sum(pg_catalog.hashtext(n.nspname || '.' || c.relname"
        " || ' ' || c.oid)::pg_catalog.int8), 0) FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
        " AND c.relpersistence = 'p' AND n.nspname <> 'information_schema'"
        " AND n.nspname !~ '^pg_(catalog|toast|temp_)'";
    PGresult *res;
    leat_err e;
    if (leat_pg_query_until(&s->sql, "look for new tables", sql, 0, NULL, LOOK_MS, &res, &e) !=
        LEAT_OK)
        return false;
    const char *now = PQgetvalue(res, 0, 0);
    bool differ = strcmp(now, s->tables_seen) != 0;
    snprintf(s->tables_seen, sizeof s->tables_seen, "%s", now);
    PQclear(res);
    return differ;
}

/* A table that was made since the last look is sent from now on. */
static void look_at_tables(leat_pg_source *s, leat_batch *b)
{
    const char *made;
    leat_err e;
    leat_rc rc = LEAT_OK;
    bool news = s->conf->capture.snapshot_new;
    if (!follows(s) && !news) return;
    bool differ = tables_differ(s), publish = differ;
    if (news) rc = leat_pg_news_look(s, b, follows(s), differ, &publish, &e);
    if (rc == LEAT_OK && publish && follows(s)) rc = put_in_order(s, &made, &e);
    if (rc == LEAT_OK) return;
    s->tables_seen[0] = 0; /* again at the next look */
    leat_log_err(LEAT_WARN, &e);
}

/* The stream stands still meanwhile, so it waits for no lock for long. */
static leat_rc look_at_publications(leat_pg_source *s, leat_batch *b, leat_err *e)
{
    static const char bound[] = "bound the wait for locks";
    leat_err ignored;
    const char *missing = NULL;
    leat_rc rc = leat_pg_exec(&s->sql, bound, "SET lock_timeout = 2000", &ignored);
    if (rc == LEAT_OK)
        rc = leat_pg_publications_missing(&s->sql, &s->conf->publications, &missing, &ignored);
    if (rc == LEAT_OK && missing) return fail_gone(s, missing, e);
    look_at_tables(s, b);
    leat_pg_exec(&s->sql, bound, "SET lock_timeout = 0", &ignored);
    return LEAT_OK;
}

leat_rc leat_pg_watch(leat_pg_source *s, leat_batch *b, int64_t now, leat_err *e)
{
    leat_err ignored;
    int64_t every = s->conf->xmin_ms ? s->conf->xmin_ms * 1000 : LOOK_US;
    bool whole = now - s->watched_us >= (leat_pg_news_wait(s) ? SOON_US : LOOK_US);
    if (s->asked_us && now - s->asked_us < every && !whole) return LEAT_OK;
    s->asked_us = now;
    s->retained = -1;
    if (leat_pg_source_sql(s, &ignored) != LEAT_OK) return LEAT_OK;
    look_at_slot(s);
    if (!whole) return LEAT_OK;
    s->watched_us = now;
    return look_at_publications(s, b, e);
}

/* What a deleted connector leaves on the server, dropped on demand: its slot, and the publications
 * that leat made.
 *
 * A slot is the server's, a publication the database's. What another connector of the same data
 * folder names too, by its options or their defaults, is kept for it, and so is all of a connector
 * that has never had a position: others may have made that. Whether two hosts are one server is
 * asked of the servers, by their system identifiers; one that cannot be asked may be the same. By
 * the caller's thread, with sessions of its own. */
#include "base/log.h"
#include "source/postgres/pg.h"
#include "source/postgres/publication.h"
#include "source/postgres/slot.h"

typedef struct forgetting {
    const leat_pg_conf *conf;
    const leat_source_beside *beside;
    leat_pg sql;
    uint64_t systemid; /* 0: not asked yet, or unknown */
} forgetting;

static uint64_t system_of(const leat_pg_target *target)
{
    leat_pg wal = {0};
    leat_pg_server server = {0};
    leat_err err;
    leat_pg_target once = *target;
    if (once.connect_ms > 10000) once.connect_ms = 10000;
    bool known = leat_pg_connect(&wal, &once, true, "leat forget", &err) == LEAT_OK &&
                 leat_pg_server_identify(&wal, &server, &err) == LEAT_OK;
    leat_pg_close(&wal);
    return known ? server.systemid : 0;
}

static bool same_server(forgetting *f, const leat_pg_conf *other)
{
    const leat_pg_target *one = &f->conf->target, *two = &other->target;
    if (one->port == two->port && strcmp(one->host, two->host) == 0) return true;
    if (!f->systemid) f->systemid = system_of(one);
    uint64_t its = system_of(two);
    return !its || !f->systemid || its == f->systemid;
}

static bool names_publication(const leat_pg_conf *c, const char *name)
{
    bool named = false;
    for (size_t i = 0; i < c->publications.n; i++)
        named = named || strcmp(c->publications.v[i], name) == 0;
    return named;
}

/* Who else uses the slot, or (not NULL) the publication; NULL: nobody. */
static const char *user_of(forgetting *f, const char *publication)
{
    for (size_t i = 0; i < f->beside->n; i++) {
        const leat_pg_conf *other = f->beside->confs[i];
        bool named = publication ? names_publication(other, publication) &&
                                       strcmp(other->target.dbname, f->conf->target.dbname) == 0
                                 : strcmp(other->slot, f->conf->slot) == 0;
        if (named && same_server(f, other)) return f->beside->names[i];
    }
    return NULL;
}

static leat_rc forget_slot(forgetting *f, leat_err *e)
{
    const char *slot = f->conf->slot, *user = user_of(f, NULL);
    if (!user && f->beside->placed) return leat_pg_slot_drop(&f->sql, slot, e);
    if (user)
        leat_log(LEAT_WARN, "postgres.slot_kept", "slot=%s connector=%s uses it too, so it stays",
                 slot, user);
    else
        leat_log(
            LEAT_WARN, "postgres.slot_kept",
            "slot=%s it stays, if there is one: this connector has never had a position in it, "
            "so it may be another's. SELECT pg_drop_replication_slot('%s') drops it",
            slot, slot);
    return LEAT_OK;
}

static leat_rc forget_publication(forgetting *f, const char *name, leat_err *e)
{
    const char *user = user_of(f, name);
    if (!user && f->beside->placed) return leat_pg_publication_drop(&f->sql, name, e);
    if (user)
        leat_log(LEAT_WARN, "postgres.publication_kept",
                 "publication=%s connector=%s uses it too, so it stays", name, user);
    else
        leat_log(LEAT_WARN, "postgres.publication_kept",
                 "publication=%s it stays, if there is one: this connector has never had a "
                 "position, so it may be another's",
                 name);
    return LEAT_OK;
}

leat_rc leat_pg_forget(const void *conf, const leat_source_beside *beside, leat_err *e)
{
    forgetting f = {.conf = conf, .beside = beside};
    LEAT_TRY(leat_pg_connect(&f.sql, &f.conf->target, false, "leat forget", e));
    leat_rc rc = forget_slot(&f, e);
    for (size_t i = 0; rc == LEAT_OK && i < f.conf->publications.n; i++)
        rc = forget_publication(&f, f.conf->publications.v[i], e);
    leat_pg_close(&f.sql);
    return rc;
}

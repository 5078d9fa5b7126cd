/* Deleting a connector; see process.h.
 *
 * In this order, so that what fails can be done again: the server, the stream's position, a sink's
 * registrations, the spool, state.db. The log of the source was let go for what a spool holds, so
 * that is asked for before anything is done. Run by a command's thread, under the connector's lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/os.h"
#include "engine/running.h"
#include "hub/supervisor.h"
#include "stream/kafka/left.h"

/* What only the spool holds. Of a spool that cannot be read nothing is known. */
static leat_rc count_spooled(const leat_process *p, uint64_t *spooled, leat_err *e)
{
    leat_kafka_left left;
    leat_delivered_store *store = leat_state_delivered_store(p->state);
    leat_rc rc = leat_kafka_left_look(p->conf.data, p->conf.name, store, &left, e);
    *spooled = left.spooled;
    leat_kafka_left_free(&left);
    return rc;
}

static leat_rc undelivered(const char *name, uint64_t spooled, leat_err *e)
{
    return leat_fail(e, LEAT_CONF, "delete.spool", name,
                     "%" PRIu64
                     " events are in its spool and not in Kafka, and the source does not "
                     "keep them any more. Start it, let Kafka take them ('leat status %s' shows "
                     "how many are left), then delete it; or delete it with --drop-spool: they are "
                     "lost then",
                     spooled, name);
}

static leat_rc ask_spool(const leat_process *p, leat_err *e)
{
    leat_err why = {0};
    uint64_t spooled = 0;
    leat_rc rc = count_spooled(p, &spooled, &why);
    if (rc == LEAT_OK) return spooled > 0 ? undelivered(p->conf.name, spooled, e) : LEAT_OK;
    return leat_fail(e, LEAT_CONF, "delete.spool", p->conf.name,
                     "what its spool holds cannot be read (%.300s). Restore it; or delete with "
                     "--drop-spool: what Kafka does not have of it is lost then",
                     why.msg);
}

leat_rc leat_process_empty(const char *data, const char *name, leat_err *e)
{
    leat_process p = {.conf = {.data = data, .name = name}, .lock = -1};
    leat_arena_init(&p.arena, 0);
    pthread_mutex_init(&p.guard, NULL);
    leat_page *page = NULL;
    char *counters = leat_arena_printf(&p.arena, "%s/connectors/%s/counters", data, name);
    leat_rc rc = leat_state_open(data, name, true, &p.state, e);
    p.notes = p.state;
    if (leat_page_open(counters, &page, NULL) == LEAT_OK && leat_page_alive(page)) {
        uint64_t spooled = atomic_load(&page->spool_events);
        if (rc == LEAT_OK && spooled > 0) rc = undelivered(name, spooled, e);
    } else if (rc == LEAT_OK) {
        rc = ask_spool(&p, e);
    }
    leat_page_close(page);
    leat_process_close(&p);
    return rc;
}

leat_rc leat_process_look(const char *data, const char *name, leat_arena *a,
                          leat_process_leaves *out, leat_err *e)
{
    leat_process p = {.conf = {.data = data, .name = name}, .lock = -1};
    *out = (leat_process_leaves){0};
    leat_arena_init(&p.arena, 0);
    pthread_mutex_init(&p.guard, NULL);
    leat_rc rc = leat_state_open(data, name, true, &p.state, e);
    p.notes = p.state;
    if (rc == LEAT_OK) rc = leat_state_dead_count(p.state, &out->dead, e);
    if (rc == LEAT_OK && leat_process_parse(&p, &out->unknown) == LEAT_OK) {
        const leat_source *source = p.setup.source;
        out->sink = p.setup.sink != NULL;
        if (source && source->leaves) source->leaves(p.setup.conf, a, &out->server, &out->unknown);
    }
    leat_process_close(&p);
    return rc;
}

/* ---- what others use ---- */

typedef struct neighbours {
    leat_process *p;
    const char **names;
    const void **confs;
    size_t n, cap;
    leat_rc rc;
    leat_err *e;
} neighbours;

static leat_rc take_conf(neighbours *b, const char *name, leat_state *state)
{
    leat_process *p = b->p;
    leat_config *config = NULL;
    leat_setup setup = {0};
    leat_err why = {0};
    leat_rc rc = leat_setup_stored(state, name, &p->arena, &config, &setup, &why);
    const char *klass = config ? leat_props_get(&config->props, "connector.class") : NULL;
    if (klass && leat_source_find(leat_str_trim(leat_str_of(klass))) != p->setup.source)
        return LEAT_OK;
    if (leat_rc_failed(rc) && strcmp(why.code, "connector.unknown") == 0) return LEAT_OK;
    if (leat_rc_failed(rc))
        return leat_fail(b->e, LEAT_CONF, "delete.neighbour", name,
                         "its configuration cannot be read (%.300s), so whether it uses what %s "
                         "made on the server is not known. Mend it or delete it first, or delete "
                         "%s without forget",
                         why.msg, p->conf.name, p->conf.name);
    if (b->n == b->cap) {
        size_t more = b->cap ? b->cap * 2 : 16;
        const char **names = LEAT_NEW(&p->arena, const char *, more);
        const void **confs = LEAT_NEW(&p->arena, const void *, more);
        for (size_t i = 0; i < b->n; i++) {
            names[i] = b->names[i];
            confs[i] = b->confs[i];
        }
        b->names = names;
        b->confs = confs;
        b->cap = more;
    }
    b->names[b->n] = config->name;
    b->confs[b->n++] = setup.conf;
    return LEAT_OK;
}

/* One that is deleted meanwhile is none. */
static bool take_neighbour(void *arg, const char *name)
{
    neighbours *b = arg;
    leat_state *state = NULL;
    leat_err ignored;
    if (strcmp(name, b->p->conf.name) == 0 || leat_connector_name_check(name, &ignored) != LEAT_OK)
        return true;
    b->rc = leat_state_open(b->p->conf.data, name, true, &state, b->e);
    if (b->rc == LEAT_OK)
        b->rc = take_conf(b, name, state);
    else if (strcmp(b->e->code, "connector.unknown") == 0)
        b->rc = LEAT_OK;
    leat_state_close(state);
    return b->rc == LEAT_OK;
}

static bool any_note(void *arg, const leat_note *note)
{
    (void)note;
    *(bool *)arg = true;
    return false;
}

/* It reads the log of the server now, or did before its offsets were taken away. */
static leat_rc was_placed(leat_process *p, bool *placed, leat_err *e)
{
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    *placed = st->progress.len > 2; /* a snapshot; {} is none */
    for (size_t i = 0; i < st->npos; i++) *placed = *placed || st->pos[i].offset.len > 0;
    return *placed ? LEAT_OK : leat_state_positions_each(p->state, any_note, placed, e);
}

static leat_rc forget_server(leat_process *p, leat_err *e)
{
    neighbours b = {.p = p, .e = e};
    leat_source_beside beside = {0};
    const char *folder = leat_arena_printf(&p->arena, "%s/connectors", p->conf.data);
    if (!p->setup.source->forget) return LEAT_OK;
    LEAT_TRY(was_placed(p, &beside.placed, e));
    int err = leat_os_now()->list(folder, take_neighbour, &b);
    if (err < 0) return leat_os_fail(e, err, "list", folder);
    LEAT_TRY(b.rc);
    beside.confs = b.confs;
    beside.names = b.names;
    beside.n = b.n;
    return p->setup.source->forget(p->setup.conf, &beside, e);
}

/* The server, and then the place in its log that means nothing any more. */
static leat_rc forget_source(leat_process *p, leat_err *e)
{
    LEAT_TRY(leat_process_stream(p, e));
    LEAT_TRY(forget_server(p, e));
    const leat_stream_state *st = p->stream->ops->state(p->stream);
    leat_position *none = LEAT_NEW(&p->arena, leat_position, st->npos);
    for (size_t i = 0; i < st->npos; i++)
        none[i].partition = leat_arena_str(&p->arena, st->pos[i].partition);
    return p->stream->ops->edit(p->stream, none, st->npos, LEAT_STR("{}"), e);
}

typedef struct unregistering {
    leat_process *p;
    int err;
    char *path;
} unregistering;

static bool unregister(void *arg, const char *source)
{
    unregistering *u = arg;
    u->path = leat_arena_printf(&u->p->arena, "%s/connectors/%s/stream/readers/%s", u->p->conf.data,
                                source, u->p->conf.name);
    int err = leat_os_now()->unlink(u->path);
    if (err < 0 && err != -ENOENT && err != -ENOTDIR) u->err = err;
    return u->err == 0;
}

/* The streams need not keep anything for the sink any more. */
static leat_rc forget_sink(leat_process *p, leat_err *e)
{
    unregistering u = {.p = p};
    char *folder = leat_arena_printf(&p->arena, "%s/connectors", p->conf.data);
    int err = leat_os_now()->list(folder, unregister, &u);
    if (err < 0) return leat_os_fail(e, err, "list", folder);
    return u.err < 0 ? leat_os_fail(e, u.err, "remove", u.path) : LEAT_OK;
}

static int remove_file(leat_process *p, const char *name)
{
    int err = leat_os_now()->unlink(leat_arena_printf(&p->arena, "%s/%s", p->folder, name));
    return err == -ENOENT ? 0 : err;
}

/* state.db last of what makes it a connector; a folder with nothing left in it goes too. */
static leat_rc remove_state(leat_process *p, leat_err *e)
{
    if (p->stream) p->stream->ops->close(p->stream);
    p->stream = NULL;
    leat_state_close(p->state);
    p->state = p->notes = NULL;
    LEAT_TRY(leat_kafka_left_remove(p->conf.data, p->conf.name, 0, e));
    rmdir(leat_arena_printf(&p->arena, "%s/spool", p->folder)); /* if nothing else is in it */
    /* The keys that query capture has told (source/query/keys.h). */
    const char *keys = leat_arena_printf(&p->arena, "%s/keys", p->folder);
    LEAT_TRY(leat_os_remove_folder(keys, &p->arena, e));
    int err = remove_file(p, LEAT_CONTROL_SOCKET);
    if (err == 0) err = remove_file(p, LEAT_CHILD_NOTE);
    if (err == 0) err = remove_file(p, LEAT_CHILD_WISH);
    if (err == 0) err = remove_file(p, "state.db-wal");
    if (err == 0) err = remove_file(p, "state.db-shm");
    if (err == 0) err = remove_file(p, "state.db");
    if (err == 0) err = leat_os_now()->sync_dir(p->folder);
    if (err < 0) return leat_os_fail(e, err, "remove the state in", p->folder);
    if (p->setup.sink || p->setup.kafka) remove_file(p, LEAT_TABLES_FILE); /* as the totals */
    if (!p->setup.sink) return LEAT_OK;
    remove_file(p, "counters");
    remove_file(p, "lock");
    rmdir(p->folder);
    return LEAT_OK;
}

leat_rc leat_process_delete(const char *data, const char *name, leat_process_deleting how,
                            leat_err *e)
{
    leat_process p = {.conf = {.data = data, .name = name}, .lock = -1};
    leat_arena_init(&p.arena, 0);
    pthread_mutex_init(&p.guard, NULL);
    leat_err why = {0};
    leat_rc rc = leat_process_open(&p, false, e);
    bool known = rc == LEAT_OK && leat_process_parse(&p, &why) == LEAT_OK;
    if (rc == LEAT_OK && !known && how.forget) { /* the rest goes without: a secret may be gone */
        rc = why.rc;
        if (e) *e = why;
    }
    if (rc == LEAT_OK && !how.drop_spool) rc = ask_spool(&p, e);
    if (rc == LEAT_OK && (p.setup.sink || !known)) rc = forget_sink(&p, e);
    if (rc == LEAT_OK && p.setup.source && how.forget) rc = forget_source(&p, e);
    if (rc == LEAT_OK) rc = remove_state(&p, e);
    leat_process_close(&p);
    return rc;
}

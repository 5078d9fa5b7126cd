/* The spool's folder, and what a connector that does not run has left (stream/kafka/left.h).
 *
 * A spool is a data folder of its own, data/connectors/NAME/spool/EPISODE. It is in force exactly
 * if its episode is the store's, in its name and in its frames; then its frames are the truth about
 * positions, else the store is. */
#include "stream/kafka/left.h"

#include <errno.h>
#include <inttypes.h>

#include "base/json.h"
#include "base/os.h"
#include "stream/follow.h"

enum { TREE_DEEP = 8 };

/* ---- the folder ---- */

static char *spools(const char *data, const char *connector, leat_arena *a)
{
    return leat_arena_printf(a, "%s/connectors/%s/spool", data, connector);
}

char *leat_kafka_left_folder(const char *data, const char *connector, uint64_t episode,
                             leat_arena *a)
{
    return leat_arena_printf(a, "%s/%" PRIu64, spools(data, connector, a), episode);
}

/* A folder with all that is in it; 0 also if it is not there. */
static int remove_tree(leat_arena *a, const char *path, unsigned depth)
{
    const leat_os *os = leat_os_now();
    const char **names;
    size_t n;
    int rc = leat_os_names(path, a, &names, &n);
    if (rc == -ENOENT) return 0;
    if (rc == -ENOTDIR) return os->unlink(path);
    for (size_t i = 0; i < n && rc >= 0 && depth < TREE_DEEP; i++)
        rc = remove_tree(a, leat_arena_printf(a, "%s/%s", path, names[i]), depth + 1);
    return rc < 0 ? rc : os->rmdir(path);
}

leat_rc leat_kafka_left_remove(const char *data, const char *connector, uint64_t but, leat_err *e)
{
    leat_arena a = {0};
    const char **names;
    size_t n;
    leat_rc out = LEAT_OK;
    char *folder = spools(data, connector, &a), *keep = leat_arena_printf(&a, "%" PRIu64, but);
    int rc = leat_os_names(folder, &a, &names, &n);
    for (size_t i = 0; i < n && rc >= 0; i++)
        if (strcmp(names[i], keep) != 0)
            rc = remove_tree(&a, leat_arena_printf(&a, "%s/%s", folder, names[i]), 0);
    if (rc < 0 && rc != -ENOENT) out = leat_os_fail(e, rc, "remove what is done in", folder);
    if (leat_rc_failed(out) && e != NULL) e->rc = LEAT_RETRY;
    leat_arena_free(&a);
    return leat_rc_failed(out) ? LEAT_RETRY : LEAT_OK;
}

uint64_t leat_kafka_left_episode(const leat_position *pos, size_t n)
{
    leat_arena a = {0};
    const leat_json *j = NULL;
    int64_t episode = 0;
    const leat_position *own = leat_position_find(pos, n, leat_str_of(LEAT_KAFKA_SPOOL_PARTITION));
    if (own && leat_json_parse(&a, own->offset, &j, NULL) == LEAT_OK)
        episode = leat_json_get_i64(j, "episode", 0);
    leat_arena_free(&a);
    return (uint64_t)episode;
}

/* ---- while nobody runs ---- */

static void take_store(leat_reach *r, const leat_delivered *d)
{
    for (size_t i = 0; i < d->npos; i++) leat_reach_move(r, d->pos[i]);
    leat_reach_progress(r, d->progress);
    r->totals = d->totals;
    r->visible = d->events;
}

/* The spool's frames, if it is in force. */
static leat_rc take_spool(const char *folder, const leat_delivered *d, leat_kafka_left *out,
                          leat_err *e)
{
    leat_restored at;
    leat_err why = {0};
    leat_restored_init(&at);
    leat_rc rc = leat_follow_state(folder, LEAT_KAFKA_SPOOL_NAME, &at, &why);
    leat_reach *r = &at.reach;
    bool none = rc == LEAT_AGAIN || (leat_rc_failed(rc) && strcmp(why.code, "stream.missing") == 0);
    if (rc == LEAT_OK && leat_kafka_left_episode(r->pos, r->npos) == d->episode) {
        const leat_position own = {leat_str_of(LEAT_KAFKA_SPOOL_PARTITION), {0}};
        leat_reach_copy(&out->reach, r);
        leat_reach_move(&out->reach, own);
        leat_reach_settled(&out->reach);
        leat_counts_add(&out->reach.totals, &d->moved);
        uint64_t gone = d->events + d->drained;
        out->spooled = r->visible > gone ? r->visible - gone : 0;
    }
    leat_restored_free(&at);
    if (leat_rc_failed(rc) && !none && e != NULL) *e = why;
    return none ? LEAT_OK : rc;
}

leat_rc leat_kafka_left_look(const char *data, const char *connector, leat_delivered_store *store,
                             leat_kafka_left *out, leat_err *e)
{
    leat_arena a = {0};
    leat_delivered d = {0};
    out->spooled = 0;
    leat_reach_init(&out->reach);
    leat_rc rc = store->load(store, &a, &d, e);
    if (rc == LEAT_OK) {
        take_store(&out->reach, &d);
        rc = take_spool(leat_kafka_left_folder(data, connector, d.episode, &a), &d, out, e);
    }
    leat_arena_free(&a);
    return rc;
}

void leat_kafka_left_free(leat_kafka_left *l)
{
    leat_reach_free(&l->reach);
}

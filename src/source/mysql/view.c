/* Views by places and GTIDs; see the header.
 *
 *     view  = {"server":TEXT,"file":TEXT,"pos":N,"gtids":TEXT,"mariadb":BOOL,"exact":BOOL}
 *
 *     tx    = 01 | 22 bits: hash of server and tag    | 40 bits: number    MySQL's GTID
 *             10 | 22 bits: hash of domain and server | 40 bits: number    MariaDB's
 *             11 | 22 bits: number of the log         | 40 bits: place in it
 *             00 | 62 bits: hash                                           what has no room there
 *
 * Two members of a set whose hashes are the same are in doubt, and so is what has no room. Of
 * MariaDB's a view has the last one of each server of each domain, as numbers need not grow from
 * server to server. */
#include "source/mysql/view.h"

#include <stdio.h>

#include "base/json.h"
#include "source/mysql/position.h"

enum { KIND_SHIFT = 62, KIND_GTID = 1, KIND_MARIADB = 2, KIND_PLACE = 3 };
enum { HASH_BITS = 22, GNO_BITS = 40, POS_BITS = 40 };

#define LOW(bits) ((UINT64_C(1) << (bits)) - 1)

typedef struct view {
    leat_str server;
    const char *file;
    uint64_t pos;
    bool mariadb, exact;
    bool known;               /* what follows is */
    leat_str gtids;           /* as text */
    leat_gtid_set set;        /* in the view's arena, as the ranges are */
    leat_mariadb_gtids state; /* the same */
    bool stored; /* it was read from its text: the stream may be another server's now */
    char window[40];
    char until[LEAT_MY_FILE]; /* a place behind the end that is waited for, too; "": none */
    uint64_t until_pos;
} view;

/* ---- numbers of transactions ---- */

static uint64_t other(leat_str name)
{
    uint64_t hash = leat_str_hash(name) & LOW(KIND_SHIFT);
    return hash ? hash : 1;
}

static uint64_t source_hash(const uint8_t uuid[16], const char *tag)
{
    uint64_t hash = leat_str_hash((leat_str){(const char *)uuid, 16}) * 31;
    return (hash + leat_str_hash(leat_str_of(tag))) >> 7 & LOW(HASH_BITS);
}

uint64_t leat_my_tx_gtid(const leat_gtid *id)
{
    char text[LEAT_GTID_TEXT];
    if (id->gno > LOW(GNO_BITS)) return other(leat_str_of(leat_gtid_print(id, text)));
    return (uint64_t)KIND_GTID << KIND_SHIFT | source_hash(id->uuid, id->tag) << GNO_BITS | id->gno;
}

static uint64_t writer_hash(const leat_mariadb_gtid *id)
{
    const uint32_t names[] = {id->domain, id->server};
    return leat_str_hash((leat_str){(const char *)names, sizeof names}) >> 7 & LOW(HASH_BITS);
}

uint64_t leat_my_tx_mariadb(const leat_mariadb_gtid *id)
{
    char text[LEAT_MARIADB_GTID_TEXT];
    if (id->seq > LOW(GNO_BITS)) return other(leat_str_of(leat_mariadb_gtid_print(id, text)));
    return (uint64_t)KIND_MARIADB << KIND_SHIFT | writer_hash(id) << GNO_BITS | id->seq;
}

uint64_t leat_my_tx_place(const char *file, uint64_t pos)
{
    uint64_t log = leat_my_log_number(file);
    if (log > LOW(HASH_BITS) || pos > LOW(POS_BITS)) return other(leat_str_of(file));
    return (uint64_t)KIND_PLACE << KIND_SHIFT | log << POS_BITS | pos;
}

static bool has_gtid(const view *v, uint64_t tx)
{
    uint64_t hash = tx >> GNO_BITS & LOW(HASH_BITS), gno = tx & LOW(GNO_BITS);
    const leat_gtid_source *found = NULL;
    for (uint32_t i = 0; i < v->set.n; i++) {
        const leat_gtid_source *s = &v->set.sources[i];
        if (source_hash(s->uuid, s->tag) != hash) continue;
        if (found) return false;
        found = s;
    }
    for (uint32_t i = 0; found && i < found->n; i++)
        if (gno >= found->ranges[i].first && gno <= found->ranges[i].last) return true;
    return false;
}

static bool has_mariadb(const view *v, uint64_t tx)
{
    const leat_mariadb_gtid *found = NULL;
    for (uint32_t i = 0; i < v->state.n; i++) {
        if (writer_hash(&v->state.ids[i]) != (tx >> GNO_BITS & LOW(HASH_BITS))) continue;
        if (found) return false;
        found = &v->state.ids[i];
    }
    return found && (tx & LOW(GNO_BITS)) <= found->seq;
}

bool leat_my_view_contains(const leat_view *x, uint64_t tx)
{
    const view *v = x->priv;
    switch (tx >> KIND_SHIFT) {
    case KIND_GTID: return v->known && has_gtid(v, tx);
    case KIND_MARIADB: return v->known && has_mariadb(v, tx);
    case KIND_PLACE: return v->exact && tx < leat_my_tx_place(v->file, v->pos);
    default: return false;
    }
}

/* ---- making ---- */

/* Both are on the heap where they were parsed. */
static void keep_set(const leat_gtid_set *s, leat_arena *a, leat_gtid_set *out)
{
    *out = (leat_gtid_set){.n = s->n, .cap = s->n};
    if (s->n) out->sources = leat_arena_dup(a, s->sources, s->n * sizeof *s->sources);
    for (uint32_t i = 0; i < s->n; i++)
        out->sources[i].ranges =
            leat_arena_dup(a, s->sources[i].ranges, s->sources[i].n * sizeof *s->sources[i].ranges);
}

static void keep_state(const leat_mariadb_gtids *s, leat_arena *a, leat_mariadb_gtids *out)
{
    *out = (leat_mariadb_gtids){.n = s->n, .cap = s->n};
    if (s->n) out->ids = leat_arena_dup(a, s->ids, s->n * sizeof *s->ids);
}

static leat_rc read_gtids(view *v, leat_str text, leat_arena *a, leat_err *e)
{
    leat_gtid_set set = {0};
    leat_mariadb_gtids state = {0};
    leat_rc rc = LEAT_OK;
    v->known = text.s != NULL;
    if (v->known && v->mariadb) rc = leat_mariadb_state_parse(&state, text, e);
    if (v->known && !v->mariadb) rc = leat_gtid_set_parse(&set, text, e);
    keep_state(&state, a, &v->state);
    keep_set(&set, a, &v->set);
    leat_mariadb_gtids_free(&state);
    leat_gtid_set_free(&set);
    return rc;
}

leat_rc leat_my_view_new(const leat_my_viewed *found, leat_arena *a, leat_view *out, leat_err *e)
{
    view *v = LEAT_NEW(a, view, 1);
    leat_buf text = {0};
    leat_jw w = {.out = &text};
    *v = (view){.server = leat_arena_str(a, found->server),
                .file = leat_arena_str(a, found->file).s,
                .pos = found->pos,
                .mariadb = found->mariadb,
                .exact = found->exact};
    if (found->gtids.s) v->gtids = leat_arena_str(a, found->gtids);
    LEAT_TRY(read_gtids(v, found->gtids, a, e));
    leat_jw_object(&w, NULL);
    leat_jw_str(&w, "server", found->server);
    leat_jw_str(&w, "file", found->file);
    leat_jw_i64(&w, "pos", (int64_t)found->pos);
    if (found->gtids.s) leat_jw_str(&w, "gtids", found->gtids);
    leat_jw_bool(&w, "mariadb", found->mariadb);
    leat_jw_bool(&w, "exact", found->exact);
    leat_jw_end(&w);
    *out = (leat_view){leat_arena_str(a, leat_buf_str(&text)), v};
    leat_buf_free(&text);
    return LEAT_OK;
}

leat_rc leat_my_view_read(leat_str text, leat_arena *a, leat_view *out, leat_err *e)
{
    const leat_json *j = NULL;
    LEAT_TRY(leat_json_parse(a, text, &j, e));
    const leat_my_viewed found = {.server = leat_json_get_str(j, "server"),
                                  .file = leat_json_get_str(j, "file"),
                                  .pos = (uint64_t)leat_json_get_i64(j, "pos", 0),
                                  .gtids = leat_json_get_str(j, "gtids"),
                                  .mariadb = leat_json_get_bool(j, "mariadb", false),
                                  .exact = leat_json_get_bool(j, "exact", false)};
    if (!found.file.s)
        return leat_fail(e, LEAT_CONF, "snapshot.progress", "view",
                         "no view of a table: \"" LEAT_STR_FMT "\"", LEAT_STR_ARG(text));
    LEAT_TRY(leat_my_view_new(&found, a, out, e));
    ((view *)out->priv)->stored = true;
    return LEAT_OK;
}

void leat_my_view_end(const leat_view *x, const char **file, uint64_t *pos)
{
    const view *v = x->priv;
    *file = v->file;
    *pos = v->pos;
}

const char *leat_my_view_window(const leat_view *x)
{
    return ((const view *)x->priv)->window;
}

void leat_my_view_set_window(const leat_view *x, const char *id)
{
    view *v = x->priv;
    snprintf(v->window, sizeof v->window, "%s", id);
}

void leat_my_view_await(const leat_view *x, leat_str file, uint64_t pos)
{
    view *v = x->priv;
    snprintf(v->until, sizeof v->until, LEAT_STR_FMT, LEAT_STR_ARG(file));
    v->until_pos = pos;
}

/* ---- against positions ---- */

/* The view has all that the position's text names. */
static bool has_gtids(const view *v, leat_str gtids)
{
    leat_mariadb_gtids at = {0};
    leat_err e;
    if (!v->mariadb) return leat_my_gtids_in(false, &v->set, NULL, gtids);
    bool has = leat_mariadb_gtids_parse(&at, gtids, &e) == LEAT_OK;
    for (uint32_t i = 0; i < at.n; i++)
        has = has && leat_mariadb_gtids_surely_has(&v->state, &at.ids[i]);
    leat_mariadb_gtids_free(&at);
    return has;
}

static bool same_server(const view *v, const leat_my_position *p)
{
    return p->server.len > 0 && leat_str_eq(p->server, v->server);
}

leat_cover leat_my_view_covers(const leat_view *x, leat_position pos)
{
    const view *v = x->priv;
    leat_arena a = {0};
    leat_my_position p;
    leat_err e;
    leat_cover cover = LEAT_COVER_LACKS;
    if (leat_my_position_read(pos.offset, &a, &p, &e) != LEAT_OK) return LEAT_COVER_LACKS;
    if (v->exact && same_server(v, &p)) {
        if (leat_my_place_cmp(v->file, v->pos, p.file, p.pos) >= 0) cover = LEAT_COVER_ALL;
    } else if (v->known && p.gtids.len) {
        if (has_gtids(v, p.gtids)) cover = LEAT_COVER_ALL;
    } else if (!v->exact) {
        cover = LEAT_COVER_UNKNOWN; /* nothing was executed on the server before */
    }
    leat_arena_free(&a);
    return cover;
}

bool leat_my_view_passed(const leat_view *x, leat_position pos)
{
    const view *v = x->priv;
    leat_arena a = {0};
    leat_my_position p;
    leat_err e;
    bool passed = false;
    if (leat_my_position_read(pos.offset, &a, &p, &e) != LEAT_OK) return false;
    if (same_server(v, &p))
        passed = leat_my_place_cmp(p.file, p.pos, v->file, v->pos) >= 0 &&
                 (!v->until[0] || leat_my_place_cmp(p.file, p.pos, v->until, v->until_pos) >= 0);
    else if (v->stored && v->known && p.gtids.len)
        passed = leat_my_gtids_in_text(v->mariadb, p.gtids, v->gtids);
    leat_arena_free(&a);
    return passed;
}

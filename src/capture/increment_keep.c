/* What of a snapshot by signal stands in the position, in Debezium's fields:
 *
 *   incremental_snapshot_primary_key      last key given out: a Java Object[] in hex
 *   incremental_snapshot_maximum_key      the table's last key when its reading began
 *   incremental_snapshot_correlation_id   the signal's id
 *   incremental_snapshot_collections      text: JSON array of the tables to read, the first of
 *                                         which is being read
 *
 * and ours: incremental_snapshot_paused, ..._collections_asked in each table; blocking_snapshots,
 * text: JSON array of their signals. Run by the task's thread.
 */
#include "base/log.h"
#include "capture/increment.h"

#define FIELD "incremental_snapshot_"
#define TABLE FIELD "collections_"
#define BLOCKS "blocking_snapshots"

static void put_keys(leat_jw *w, const char *name, const leat_java_key *v, uint16_t n)
{
    leat_buf hex = {0};
    leat_java_keys_write(v, n, &hex);
    leat_jw_str(w, name, leat_buf_str(&hex));
    leat_buf_free(&hex);
}

static void put_blocks(const leat_increment *inc, leat_jw *w)
{
    leat_buf list = {0};
    leat_jw l = {.out = &list};
    leat_jw_array(&l, NULL);
    for (const leat_increment_block *x = inc->block; x; x = x->next)
        leat_jw_raw(&l, NULL, leat_str_of(x->signal));
    leat_jw_end(&l);
    leat_jw_str(w, BLOCKS, leat_buf_str(&list));
    leat_buf_free(&list);
}

void leat_increment_write(const leat_increment *inc, leat_jw *w)
{
    if (inc->block) put_blocks(inc, w);
    if (!inc->first) return;
    leat_buf tables = {0};
    leat_jw t = {.out = &tables};
    leat_jw_array(&t, NULL);
    for (const leat_wanted *x = inc->first; x; x = x->next) {
        leat_jw_object(&t, NULL);
        leat_jw_z(&t, TABLE "id", x->name);
        leat_jw_z(&t, TABLE "additional_condition", x->filter);
        leat_jw_z(&t, TABLE "surrogate_key", x->surrogate);
        leat_jw_z(&t, TABLE "correlation_id", x->id);
        if (x->asked) leat_jw_z(&t, TABLE "asked", x->asked);
        leat_jw_end(&t);
    }
    leat_jw_end(&t);
    put_keys(w, FIELD "primary_key", inc->sent, inc->nkeys);
    put_keys(w, FIELD "maximum_key", inc->maximum, inc->nkeys);
    leat_jw_str(w, FIELD "collections", leat_buf_str(&tables));
    leat_jw_z(w, FIELD "correlation_id", inc->first->id);
    if (inc->paused) leat_jw_bool(w, FIELD "paused", true);
    leat_buf_free(&tables);
}

static const char *text_of(leat_arena *a, const leat_json *j, const char *name)
{
    leat_str v = leat_json_get_str(j, name);
    return v.s && v.len ? leat_arena_str(a, v).s : NULL;
}

static void recall_tables(leat_increment *inc, const leat_json *list, const char *id)
{
    leat_arena *a = &inc->queue;
    leat_wanted **at = &inc->first;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_wanted *w = LEAT_NEW(a, leat_wanted, 1);
        *w = (leat_wanted){.name = text_of(a, j, TABLE "id"),
                           .filter = text_of(a, j, TABLE "additional_condition"),
                           .surrogate = text_of(a, j, TABLE "surrogate_key"),
                           .id = text_of(a, j, TABLE "correlation_id"),
                           .asked = text_of(a, j, TABLE "asked")};
        if (!w->name) continue;
        if (!w->id) w->id = id ? id : "";
        *at = w;
        at = &w->next;
    }
    inc->tail = at;
}

static void recall_blocks(leat_increment *inc, const leat_json *list)
{
    leat_increment_block **at = &inc->block;
    for (const leat_json *j = list ? list->child : NULL; j; j = j->next) {
        leat_buf text = {0};
        *at = LEAT_NEW(&inc->queue, leat_increment_block, 1);
        leat_json_write(j, &text);
        (*at)->signal = leat_arena_str(&inc->queue, leat_buf_str(&text)).s;
        at = &(*at)->next;
        leat_buf_free(&text);
    }
}

/* Keys that cannot be read: the table is read from its beginning. */
static void recall_keys(leat_increment *inc, const leat_json *j)
{
    leat_java_key *sent, *maximum;
    size_t n = 0, m = 0;
    leat_str last = leat_json_get_str(j, FIELD "primary_key");
    leat_str most = leat_json_get_str(j, FIELD "maximum_key");
    if (!most.s || !leat_java_keys_read(&inc->keys, most, &maximum, &m) || m == 0 ||
        m > LEAT_INCREMENT_KEYS)
        return;
    bool good = last.s && leat_java_keys_read(&inc->keys, last, &sent, &n);
    for (size_t i = 0; i < m; i++) good = good && maximum[i].text.s;
    for (size_t i = 0; i < n; i++) good = good && sent[i].text.s;
    if (!good || (n != 0 && n != m)) {
        leat_log(LEAT_WARN, "signal.keys",
                 "table=\"%s\" the keys in the position cannot be read: "
                 "it is read from its beginning",
                 inc->first->name);
        return;
    }
    inc->nkeys = (uint16_t)m;
    inc->maximum = maximum;
    inc->sent = n ? sent : NULL;
}

/* A member that is a text which holds JSON; NULL if it is not there, or none. */
static const leat_json *inner(leat_arena *a, const leat_json *j, const char *name)
{
    const leat_json *in;
    leat_str text = leat_json_get_str(j, name);
    return text.s && leat_json_parse(a, text, &in, NULL) == LEAT_OK ? in : NULL;
}

void leat_increment_recall(leat_increment *inc, leat_str offset)
{
    leat_arena a = {0};
    const leat_json *j;
    if (leat_json_parse(&a, offset, &j, NULL) == LEAT_OK) {
        recall_tables(inc, inner(&a, j, FIELD "collections"),
                      text_of(&inc->queue, j, FIELD "correlation_id"));
        if (inc->first) recall_keys(inc, j);
        inc->paused = inc->first && leat_json_get_bool(j, FIELD "paused", false);
        recall_blocks(inc, inner(&a, j, BLOCKS));
    }
    leat_arena_free(&a);
}

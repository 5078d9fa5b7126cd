/* Transactions of the model cluster, and its offset topic; see cluster.h.
 *
 * There is one transactional id, so one transaction is open at most. Its records are in the logs,
 * but a read_committed reader, which the oracles are, sees them when it is committed: all at once,
 * or never. */
#include "cluster.h"
#include "sim.h"
#include "stream/kafka/part.h"

static cluster_pending *add(cluster *c)
{
    if (c->npending == c->pending_cap) {
        c->pending_cap = c->pending_cap ? c->pending_cap * 2 : 64;
        c->pending = leat_realloc(c->pending, c->pending_cap * sizeof *c->pending);
    }
    cluster_pending *p = &c->pending[c->npending++];
    *p = (cluster_pending){0};
    return p;
}

void cluster_pend(cluster *c, unsigned topic, unsigned part, uint64_t hash, bool row)
{
    *add(c) =
        (cluster_pending){.hash = hash, .topic = (uint8_t)topic, .part = (uint8_t)part, .row = row};
}

static char *copy(leat_str text)
{
    char *out = text.s ? leat_zalloc(1, text.len + 1) : NULL;
    if (text.len > 0) memcpy(out, text.s, text.len);
    return out;
}

void cluster_pend_offset(cluster *c, leat_position pos)
{
    cluster_pending *p = add(c);
    p->partition = copy(pos.partition);
    p->offset = copy(pos.offset);
}

static void clear(cluster *c)
{
    for (uint32_t i = 0; i < c->npending; i++) {
        leat_free(c->pending[i].partition);
        leat_free(c->pending[i].offset);
    }
    c->npending = 0;
    c->open = false;
}

static void put_offset(cluster *c, const cluster_pending *p)
{
    unsigned i = 0;
    while (i < CLUSTER_OFFSETS && c->partitions[i] && strcmp(c->partitions[i], p->partition) != 0)
        i++;
    if (i == CLUSTER_OFFSETS) {
        sim_fail("offset", "a position of an unknown partition %s", p->partition);
        return;
    }
    if (!c->partitions[i]) c->partitions[i] = leat_strdup(p->partition);
    leat_free(c->offsets[i]);
    c->offsets[i] = p->offset ? leat_strdup(p->offset) : NULL;
}

/* All that the source's position passes by is in the logs. */
static void check_offset(const cluster *c)
{
    sim *s = the_sim;
    int64_t lsn = -1;
    for (unsigned i = 0; i < CLUSTER_OFFSETS && c->partitions[i]; i++)
        if (leat_str_is(sim_partition, c->partitions[i]) && c->offsets[i])
            lsn = sim_position_lsn(leat_str_of(c->offsets[i]));
    uint32_t upto = s->server.from;
    while (upto < s->db.ntxs && s->db.txs[upto].end <= lsn) upto++;
    for (unsigned t = 0; t < DB_TOPICS; t++) {
        for (unsigned i = 0; i < c->nparts; i++) {
            const cluster_part *p = &c->parts[t][i];
            uint32_t next = (uint32_t)(p->best + 1);
            while (next < p->nwant && p->want[next].tx < s->server.from) next++;
            if (lsn >= 0 && next < p->nwant && p->want[next].tx < upto)
                sim_fail("offset", "%s/%u: the position %lld is committed, a record before it not",
                         db_topic_names[t], i, (long long)lsn);
        }
    }
}

void cluster_commit(cluster *c)
{
    for (unsigned i = 0; i < CLUSTER_OFFSETS; i++) {
        leat_free(c->before[i]);
        c->before[i] = c->offsets[i] ? leat_strdup(c->offsets[i]) : NULL;
    }
    for (uint32_t i = 0; i < c->npending && !the_sim->failed; i++) {
        const cluster_pending *p = &c->pending[i];
        if (p->partition)
            put_offset(c, p);
        else
            cluster_append(c, p->topic, p->part, p->hash, p->row);
    }
    clear(c);
    c->commits++;
    if (!the_sim->failed) check_offset(c);
}

void cluster_abort(cluster *c)
{
    c->aborts += c->open;
    clear(c);
}

void cluster_offsets(const cluster *c, bool stale, leat_arena *a, leat_position **pos, size_t *n)
{
    *pos = LEAT_NEW(a, leat_position, CLUSTER_OFFSETS);
    *n = 0;
    for (unsigned i = 0; i < CLUSTER_OFFSETS && c->partitions[i]; i++) {
        const char *offset = stale ? c->before[i] : c->offsets[i];
        if (!offset) continue;
        (*pos)[(*n)++] = (leat_position){leat_arena_str(a, leat_str_of(c->partitions[i])),
                                         leat_arena_str(a, leat_str_of(offset))};
    }
}

/* ---- planted: parts of the delivery that do nothing ---- */

void __wrap_leat_kafka_find_repeats(leat_kafka *k, leat_parcel *p, const leat_batch *b);
void __real_leat_kafka_find_repeats(leat_kafka *k, leat_parcel *p, const leat_batch *b);
void __wrap_leat_kafka_once_abort(leat_kafka *k, const leat_err *why);
void __real_leat_kafka_once_abort(leat_kafka *k, const leat_err *why);
bool __wrap_leat_kafka_once_behind(const leat_kafka *k);
bool __real_leat_kafka_once_behind(const leat_kafka *k);

void __wrap_leat_kafka_find_repeats(leat_kafka *k, leat_parcel *p, const leat_batch *b)
{
    if (the_sim->plant == PLANT_ONCE_NO_SKIP) k->to_skip = 0;
    if (the_sim->plant != PLANT_ONCE_NO_DROP) __real_leat_kafka_find_repeats(k, p, b);
}

void __wrap_leat_kafka_once_abort(leat_kafka *k, const leat_err *why)
{
    if (why || the_sim->plant != PLANT_ONCE_NO_ABORT) __real_leat_kafka_once_abort(k, why);
}

bool __wrap_leat_kafka_once_behind(const leat_kafka *k)
{
    if (the_sim->plant != PLANT_ONCE_NO_AWAIT) return __real_leat_kafka_once_behind(k);
    return !k->once.known;
}

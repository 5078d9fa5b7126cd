/* Partitions: under which table's name a row comes.
 *
 * The log has a row of a partitioned table under the name of its leaf, or under that of its topmost
 * root if the publication has publish_via_partition_root. SELECT gives it by the leaf and by each
 * table above. So what a snapshot should read, and what the filters should let in, depends on where
 * a table stands in its tree. Run by any thread. */
#include "source/postgres/partition.h"

#include <stdlib.h>

#include "source/postgres/publication.h"

enum { DEEPEST = 64 }; /* levels: a tree that is deeper is taken to end there */

/* The database's tables by oid, and which of them are captured. */
typedef struct tree {
    const leat_pg_relation **by_oid;
    size_t n;
    const bool *captured;
} tree;

static int by_oid(const void *x, const void *y)
{
    const leat_pg_relation *a = *(const leat_pg_relation *const *)x;
    const leat_pg_relation *b = *(const leat_pg_relation *const *)y;
    return (a->oid > b->oid) - (a->oid < b->oid);
}

/* The place of a table; all->n: not there. */
static size_t place_of(const tree *all, uint32_t oid)
{
    const leat_pg_relation wanted = {.oid = oid}, *key = &wanted;
    const leat_pg_relation **hit =
        oid && all->n ? bsearch(&key, all->by_oid, all->n, sizeof *hit, by_oid) : NULL;
    return hit ? (size_t)(hit - all->by_oid) : all->n;
}

static tree tree_of(const leat_pg_tables *t, leat_arena *a)
{
    tree out = {.by_oid = LEAT_NEW(a, const leat_pg_relation *, t->nall), .n = t->nall};
    bool *in = leat_arena_zalloc(a, t->nall, sizeof *in, _Alignof(bool));
    for (size_t i = 0; i < out.n; i++) out.by_oid[i] = &t->all[i];
    if (out.n) qsort(out.by_oid, out.n, sizeof *out.by_oid, by_oid);
    for (size_t i = 0; i < t->ncaptured; i++) {
        size_t at = place_of(&out, t->captured[i]->oid);
        if (at < out.n) in[at] = true;
    }
    out.captured = in;
    return out;
}

/* Whether a table above this one is captured; topmost: only the topmost counts. */
static bool captured_above(const tree *all, const leat_pg_relation *t, bool topmost)
{
    bool in = false;
    for (int level = 0; t->parent && level < DEEPEST; level++) {
        size_t at = place_of(all, t->parent);
        if (at == all->n) break;
        in = all->captured[at] || (in && !topmost);
        t = all->by_oid[at];
    }
    return in;
}

static bool is_above(const tree *all, const leat_pg_relation *t, const leat_pg_relation *above)
{
    for (int level = 0; t->parent && level < DEEPEST; level++) {
        if (t->parent == above->oid) return true;
        size_t at = place_of(all, t->parent);
        if (at == all->n) break;
        t = all->by_oid[at];
    }
    return false;
}

/* Whether a leaf below this partitioned table is captured, or is not. */
static bool has_leaf(const tree *all, const leat_pg_relation *t, bool captured)
{
    for (size_t i = 0; i < all->n; i++) {
        const leat_pg_relation *leaf = all->by_oid[i];
        if (leaf->parent && leaf->kind == 'r' && all->captured[i] == captured &&
            is_above(all, leaf, t))
            return true;
    }
    return false;
}

/* The publications' word counts, else the configuration's. any_root: each root is published. */
static leat_rc sends_by_root(leat_pg *c, const leat_pg_conf *conf, bool *by_root, bool *any_root,
                             leat_err *e)
{
    *by_root = *any_root = false;
    for (size_t i = 0; i < conf->publications.n; i++) {
        leat_pg_publication p;
        LEAT_TRY(leat_pg_publication_read(c, conf->publications.v[i], &p, e));
        bool all = p.exists ? p.all_tables : conf->autocreate == LEAT_PG_ALL_TABLES;
        bool root = p.exists ? p.via_root : conf->via_root;
        *by_root |= root;
        *any_root |= root && all;
    }
    return LEAT_OK;
}

leat_rc leat_pg_partitions_once(leat_pg *c, const leat_pg_conf *conf, leat_pg_tables *t,
                                leat_arena *a, leat_err *e)
{
    bool by_root, any_root;
    size_t kept = 0;
    LEAT_TRY(sends_by_root(c, conf, &by_root, &any_root, e));
    if (!by_root && conf->faults) return LEAT_OK;
    tree all = tree_of(t, a);
    for (size_t i = 0; i < t->ncaptured; i++) {
        const leat_pg_relation *one = t->captured[i];
        bool elsewhere = by_root ? captured_above(&all, one, false)
                                 : one->kind == 'p' && has_leaf(&all, one, true);
        if (!elsewhere) t->captured[kept++] = one;
    }
    t->ncaptured = kept;
    return LEAT_OK;
}

leat_rc leat_pg_partitions_missed(leat_pg *c, const leat_pg_conf *conf, const leat_pg_tables *t,
                                  leat_arena *a, leat_pg_missed *out, leat_err *e)
{
    bool by_root, any_root;
    LEAT_TRY(sends_by_root(c, conf, &by_root, &any_root, e));
    *out = (leat_pg_missed){.tables = LEAT_NEW(a, const leat_pg_relation *, t->ncaptured)};
    out->why = by_root ? "changes come under the name of the root, which is not captured"
                       : "changes come under the names of partitions that are not captured";
    out->advice = by_root ? "capture the root, or set publish.via.partition.root=false (and the "
                            "same in a publication that exists)"
                          : "set publish.via.partition.root=true (in a publication that exists: "
                            "ALTER PUBLICATION ... SET (publish_via_partition_root = true)), or "
                            "capture the partitions";
    if (by_root && !any_root) return LEAT_OK; /* a root that is not published does not count */
    tree all = tree_of(t, a);
    for (size_t i = 0; i < t->ncaptured; i++) {
        const leat_pg_relation *one = t->captured[i];
        bool missed = by_root ? one->parent && !captured_above(&all, one, true)
                              : one->kind == 'p' && has_leaf(&all, one, false);
        if (missed) out->tables[out->n++] = one;
    }
    return LEAT_OK;
}

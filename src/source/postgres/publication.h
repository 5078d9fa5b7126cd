/* The publication: what the server sends at all. */
#ifndef LEAT_SOURCE_POSTGRES_PUBLICATION_H
#define LEAT_SOURCE_POSTGRES_PUBLICATION_H

#include "base/buf.h"
#include "config/opt.h"
#include "system/postgres/catalog.h"

/* publication.autocreate.mode, in the order of its choices. */
typedef enum leat_pg_autocreate {
    LEAT_PG_ALL_TABLES,
    LEAT_PG_DISABLED,
    LEAT_PG_FILTERED,
    LEAT_PG_NO_TABLES,
} leat_pg_autocreate;

typedef struct leat_pg_publication {
    bool exists;
    bool all_tables;
    bool inserts, updates, deletes, truncates; /* what it publishes */
    bool via_root;                             /* publish_via_partition_root */
    bool owned;                                /* this user may change it */
} leat_pg_publication;

/* What the publications of publication.name are to be. */
typedef struct leat_pg_publish {
    const leat_opt_list *names; /* one at least */
    leat_pg_autocreate mode;
    bool via_root; /* publish.via.partition.root, for one that is made */
} leat_pg_publish;

leat_rc leat_pg_publication_read(leat_pg *c, const char *name, leat_pg_publication *out,
                                 leat_err *e);
/* Appends the statement that makes it: for tables (n of them, as mode says) or for all. */
void leat_pg_publication_put(leat_buf *out, const char *name, leat_pg_autocreate mode,
                             const leat_pg_relation *const *tables, size_t n, bool via_root);

/* There is one publication, and it has all tables: ensure would do nothing. (The usual case, and
 * listing the tables of a large database takes a while.) */
leat_rc leat_pg_publications_settled(leat_pg *c, const leat_pg_publish *how, bool *settled,
                                     leat_err *e);
/* Makes those publications that are not there, as mode says; a single one is also brought up to
 * date. tables: the captured ones. CONF "postgres.publication_missing" when one is not there and is
 * not to be made. *made: the first that had to be made, or NULL. */
leat_rc leat_pg_publications_ensure(leat_pg *c, const leat_pg_publish *how,
                                    const leat_pg_relation *const *tables, size_t n,
                                    const char **made, leat_err *e);
/* Tables (of n captured ones) whose changes none of the publications sends, as pointers in a.
 * via_root: one of them sends partitions as their root. */
leat_rc leat_pg_publications_lack(leat_pg *c, const leat_opt_list *names, bool via_root,
                                  const leat_pg_relation *const *tables, size_t n, leat_arena *a,
                                  const leat_pg_relation ***out, size_t *nout, leat_err *e);
/* A table of which the publications send only the rows that fit a condition. In an arena. */
typedef struct leat_pg_partial {
    const char *schema, *name;
    const char *condition;
} leat_pg_partial;
leat_rc leat_pg_publications_partial(leat_pg *c, const leat_opt_list *names, leat_arena *a,
                                     const leat_pg_partial **out, size_t *n, leat_err *e);
/* *missing: the first that is not there; NULL: all are. */
leat_rc leat_pg_publications_missing(leat_pg *c, const leat_opt_list *names, const char **missing,
                                     leat_err *e);
/* Their names for a message, in a: "a, b". */
const char *leat_pg_publications_text(const leat_opt_list *names, leat_arena *a);

/* Drops it if leat made it. */
leat_rc leat_pg_publication_drop(leat_pg *c, const char *name, leat_err *e);

#endif

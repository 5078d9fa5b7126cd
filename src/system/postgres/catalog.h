/* What the server's catalog says about tables, columns and types. */
#ifndef LEAT_SYSTEM_POSTGRES_CATALOG_H
#define LEAT_SYSTEM_POSTGRES_CATALOG_H

#include "system/postgres/conn.h"
#include "system/postgres/types.h"

typedef struct leat_pg_column {
    const char *name;
    uint16_t number; /* attnum: gaps where columns were dropped */
    uint32_t type;   /* pg_type.oid */
    int32_t typmod;
    int32_t ndims;
    bool not_null;
    bool generated;     /* GENERATED ALWAYS AS (expression): not in the log before version 18 */
    bool identity;      /* GENERATED ... AS IDENTITY */
    leat_str def;       /* default expression; absent: none */
    const char *output; /* the type's output function, as SQL names it */
} leat_pg_column;

/* What tells a row from all others and every change names: the index of the replica identity, else
 * the primary key, else the first unique index whose columns are NOT NULL. Generated columns, which
 * changes may lack, are in none. */
typedef struct leat_pg_identity {
    uint16_t n;
    const char *const *names;
    const char *const *types; /* as SQL spells them, without modifiers, domains resolved */
    const char *order; /* columns, kinds of type, collations and their versions: another text, and
                          the server may sort and compare the identity in another way */
} leat_pg_identity;

/* In the arena that it was read into. */
typedef struct leat_pg_table {
    uint32_t oid;
    const char *schema, *name;
    char kind;             /* relkind: 'r', 'p' partitioned */
    char replica_identity; /* 'd', 'n', 'f', 'i' */
    bool partition;
    double rows;   /* the planner's estimate, -1: unknown */
    int64_t bytes; /* the same, with large values; of a table with others below it -1 */
    const leat_pg_column *cols;
    uint16_t ncols;
    const char *const *key; /* names: the primary key in its order, else the first unique index that
                               is neither partial nor on expressions */
    uint16_t nkey;
    bool primary;                     /* key is the primary key */
    const leat_pg_identity *identity; /* NULL: none */
} leat_pg_table;

/* Reads one table with its columns and key; *out NULL when there is no such table (any more). */
leat_rc leat_pg_table_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_table **out,
                           leat_err *e);

/* The same of n tables, by as many questions as of one; out has n. */
leat_rc leat_pg_tables_read(leat_pg *c, const uint32_t *oids, size_t n, leat_arena *a,
                            const leat_pg_table **out, leat_err *e);

/* Its identity alone; *out NULL when it has none. */
leat_rc leat_pg_identity_read(leat_pg *c, uint32_t oid, leat_arena *a, const leat_pg_identity **out,
                              leat_err *e);

/* These columns, as if they were its identity; *out NULL when it does not have all of them. */
leat_rc leat_pg_identity_of(leat_pg *c, uint32_t oid, const char *const *names, uint16_t n,
                            leat_arena *a, const leat_pg_identity **out, leat_err *e);

/* A table without its columns. */
typedef struct leat_pg_relation {
    uint32_t oid;
    const char *schema, *name;
    char kind, replica_identity;
    bool partition;
    uint32_t parent; /* of a partition: the table that it is one of; else 0 */
    bool has_key;    /* a primary key */
    bool strange;    /* its identity is an index ('i') that is not its key, or none any more */
    bool can_select; /* this user may read it, once it may use its schema */
    bool can_use;    /* this user may use its schema */
    bool hides;      /* row-level security applies to this user */
    bool owned;      /* this user owns it, or belongs to the role that does */
    double rows;
    const char *owner;
} leat_pg_relation;

/* CONF "postgres.encoding": a name (of a "table", a "column") that is no UTF-8, which those of a
 * SQL_ASCII database need not be. */
leat_rc leat_pg_name_check(leat_str name, const char *what, const char *where, leat_err *e);

/* All ordinary and partitioned tables that are not the server's own, sorted by "schema.name"
 * (bytes).
 */
leat_rc leat_pg_relations(leat_pg *c, leat_arena *a, leat_pg_relation **out, size_t *n,
                          leat_err *e);

/* The same of unlogged tables, whose changes are in no log. */
leat_rc leat_pg_unlogged(leat_pg *c, leat_arena *a, leat_pg_relation **out, size_t *n, leat_err *e);

/* Reads the database's types into types; what is there already is replaced. */
leat_rc leat_pg_types_read(leat_pg *c, leat_pg_types *types, leat_err *e);

#endif

/* What is captured, by this connector's configuration: filters, keys, columns, messages. */
#ifndef LEAT_SOURCE_POSTGRES_RULES_H
#define LEAT_SOURCE_POSTGRES_RULES_H

#include "capture/columns.h"
#include "capture/filter.h"
#include "capture/keys.h"
#include "config/regex.h"
#include "source/postgres/conf.h"
#include "system/postgres/catalog.h"

typedef struct leat_pg_rules {
    const leat_pg_conf *conf;
    const leat_filter *filter;
    const leat_keys *keys;                 /* NULL: none */
    const leat_columns *columns;           /* NULL: none */
    uint32_t skipped;                      /* operations: leat_capture_skips */
    const leat_regex **include, **exclude; /* prefixes of logical messages */
    size_t ninclude, nexclude;
} leat_pg_rules;

/* Compiles; what is made is in a. */
leat_rc leat_pg_rules_new(const leat_pg_conf *conf, leat_arena *a, leat_pg_rules *out, leat_err *e);

/* The lists take the table, and it is none that table.ignore.builtin passes over: PostGIS's one.
 * (The server's own are not asked about.) */
leat_rc leat_pg_rules_table(const leat_pg_rules *rules, const char *schema, const char *table,
                            bool *in, leat_err *e);

/* The tables of the database, and those captured among them. */
typedef struct leat_pg_tables {
    const leat_pg_relation *all;
    size_t nall;
    const leat_pg_relation **captured;
    size_t ncaptured;
} leat_pg_tables;

/* Asks the catalog for them; in a. */
leat_rc leat_pg_rules_tables(const leat_pg_rules *rules, leat_pg *c, leat_arena *a,
                             leat_pg_tables *out, leat_err *e);
/* Unlogged tables that the lists take: they are not captured. */
leat_rc leat_pg_rules_unlogged(const leat_pg_rules *rules, leat_pg *c, leat_arena *a,
                               leat_pg_tables *out, leat_err *e);
/* The tables of a snapshot among captured ones, in the order in which Debezium reads them: as the
 * patterns of table.include.list stand, else by name. tables is sorted by name and is rearranged.
 */
leat_rc leat_pg_rules_snapshot(const leat_pg_rules *rules, const leat_pg_relation **tables,
                               size_t *n, leat_arena *a, leat_err *e);
/* A logical message with this prefix is captured. */
leat_rc leat_pg_rules_prefix(const leat_pg_rules *rules, leat_str prefix, bool *in, leat_err *e);

#endif

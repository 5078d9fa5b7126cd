/* The model database: a history of transactions, made whole from a seed before the run begins.
 *
 * Four tables: orders (one key column, three schema versions, tombstones), items (two key columns,
 * only the key of an old row is known), audit (no key: rows come, and all go), hidden (filtered).
 * A row is a stamp that no other row ever had, and a length: its text follows from both, so events
 * are compared to the byte without being stored. */
#ifndef LEAT_TESTS_SIM_DB_H
#define LEAT_TESTS_SIM_DB_H

#include "base/buf.h"
#include "base/str.h"
#include "dice.h"
#include "event/event.h"

enum { DB_ORDERS, DB_ITEMS, DB_AUDIT, DB_HIDDEN, DB_TABLES, DB_KEYS = 40 };
/* Topics: those of the first three tables, and these. */
enum { DB_MESSAGE = 3, DB_META, DB_TOPICS };

typedef struct db_row {
    int64_t stamp; /* 0: there is no such row */
    uint32_t len;  /* of its text */
} db_row;

/* Everything a view of the database shows. */
typedef struct db_image {
    db_row rows[DB_TABLES][DB_KEYS];
} db_image;

typedef enum db_fate { DB_KEPT, DB_FILTERED, DB_DEAD } db_fate;

typedef struct db_op {
    uint8_t op; /* leat_op: c u d t m */
    uint8_t table;
    uint8_t version; /* of the table's schema */
    uint8_t fate;    /* db_fate */
    uint8_t key, old_key;
    bool toast;           /* its text did not change, so it is not sent */
    db_row before, after; /* of a message: after */
} db_op;

typedef struct db_tx {
    uint64_t id;
    uint32_t first, n; /* of ops; none of a rolled-back one */
    bool rolled_back;
    bool meta;                 /* a RECORD follows it, as transaction metadata do */
    int64_t begin, end, after; /* positions in the log: its own, and where the next one may begin */
    int64_t commit_us;
    uint32_t kept, filtered, dead;
} db_tx;

typedef struct db {
    db_image first; /* before all transactions */
    db_tx *txs;
    uint32_t ntxs, txs_cap;
    db_op *ops;
    uint32_t nops, ops_cap;
    bool tainted[DB_TABLES][DB_KEYS]; /* a change of this row never arrives: it does not fold */
} db;

/* How a history is made. */
typedef struct db_plan {
    uint32_t txs;      /* how many transactions */
    uint32_t giant;    /* changes of the largest */
    uint32_t text_max; /* of a row's text; single ones are larger */
    bool dead;         /* some changes cannot be decoded */
} db_plan;

void db_make(db *d, const db_plan *plan, dicebox *dice);
void db_free(db *d);
/* What is there once the first n transactions are committed. */
void db_view(const db *d, uint32_t n, db_image *out);
/* Applies a change, as it happened. */
void db_apply(db_image *image, const db_op *op);
/* A row's text. */
leat_str db_text(db_row row);
/* The second key column of an item. */
leat_str db_item_name(unsigned key);
/* Position after which transaction i comes next. */
int64_t db_before(const db *d, uint32_t i);

/* The tables of one connection to the database, as a source makes them: schema and mapping. */
enum { DB_VERSIONS = 3 };
typedef struct db_schema {
    leat_origin *origin;
    leat_table *tables[3][DB_VERSIONS];
    leat_table *message;
} db_schema;
void db_schema_make(db_schema *s);
void db_schema_free(db_schema *s);
/* The cells of a row in a version of a table; key_only: the rest is ABSENT. */
leat_value *db_cells(leat_arena *a, unsigned table, unsigned version, unsigned key, db_row row,
                     bool key_only, bool toast);
unsigned db_ncells(unsigned table, unsigned version);
extern const char *const db_topic_names[DB_TOPICS];

#endif

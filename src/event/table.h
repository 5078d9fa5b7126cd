/* A table's schema version, and the origin (the `source` block) it belongs to.
 *
 * Both are immutable and shared by reference count: the source holds the current version, each
 * batch pins those its events use, a reader pins those it decoded. A new version of a table is a
 * new leat_table, never an edit. A version pins the table *and* its mapping: decimal, time and
 * binary modes are settled in its row schema. */
#ifndef LEAT_EVENT_TABLE_H
#define LEAT_EVENT_TABLE_H

#include <stdatomic.h>

#include "base/buf.h"
#include "event/schema.h"
#include "event/value.h"

/* Where a field of the source block comes from. */
typedef enum leat_bind {
    LEAT_BIND_CONST, /* leat_origin_field.value */
    LEAT_BIND_TS_MS, /* the event's commit time */
    LEAT_BIND_TS_US,
    LEAT_BIND_TS_NS,
    LEAT_BIND_SNAPSHOT, /* the event's snapshot marker, as text */
    LEAT_BIND_DB,       /* the table's database, schema and name */
    LEAT_BIND_SCHEMA,
    LEAT_BIND_TABLE,
    LEAT_BIND_CELL,     /* ev->src[cell] */
    LEAT_BIND_SEQUENCE, /* text: JSON array of ev->src[cell] and [cell + 1], each a string or null
                         */
} leat_bind;

typedef struct leat_origin_field {
    uint8_t bind;     /* leat_bind */
    uint8_t cell;     /* CELL, SEQUENCE */
    leat_value value; /* CONST */
} leat_origin_field;

/* What the events of one connector's run have in common. */
typedef struct leat_origin {
    atomic_uint refs;
    leat_arena arena;                /* owns all below */
    const leat_schema *schema;       /* STRUCT of the source block, Debezium's field order */
    const leat_origin_field *fields; /* one for each field of schema */
    uint32_t ncells;                 /* dynamic cells of each event: ev->src has this many */
    const leat_param *headers; /* constant headers of every record; Debezium's context headers */
    uint32_t nheaders;
    leat_str placeholder; /* shown for ABSENT (unavailable.value.placeholder), as bytes; absent:
                             records do not have the field (toast.mode=drop_field) */
    uint8_t tx_cells[2];  /* transaction.id: these cells of ev->src as text, with a ':'
                             between (PostgreSQL: xid and the change's LSN); a cell may be
                             one that no field binds */
    uint8_t ntx_cells;    /* how many of them; 0: records have no transaction block */
} leat_origin;

/* A column as the database has it; beside the row schema's field of the same index. */
typedef struct leat_column {
    const char *type; /* native type with modifiers: "numeric(10,2)" */
    uint32_t oid;     /* the source's own number of the type; 0: none */
    int32_t length;   /* type's length and scale, -1: none */
    int32_t scale;
    uint16_t position; /* 1, 2, 3... in the table, captured or not */
    bool generated, identity;
} leat_column;

enum {
    LEAT_TABLE_TOMBSTONES = 1, /* a delete is followed by a tombstone (tombstones.on.delete) */
    LEAT_TABLE_TX_BLOCK = 2, /* records carry a transaction block (provide.transaction.metadata) */
    LEAT_TABLE_MESSAGE = 4, /* not a table: logical decoding messages; rows are {prefix, content} */
    LEAT_TABLE_RECORD = 8,  /* its changes are records by themselves, not Debezium's envelopes: rows
                               are some of {headers, key, value}, see LEAT_PART_VALUE */
    LEAT_TABLE_KEYS = 16, /* all that is known of the table is its key: rows have nothing else, and
                             its changes are deletes */
};

/* Fields of the rows of a table with LEAT_TABLE_RECORD, in this order; one that is missing is null
 * in all of its records. headers is a STRUCT with a field for each header, which come before those
 * of the origin. */
#define LEAT_PART_HEADERS "headers"
#define LEAT_PART_KEY "key"
#define LEAT_PART_VALUE "value"

typedef struct leat_table {
    atomic_uint refs;
    leat_arena arena;    /* owns all below but origin */
    leat_origin *origin; /* pinned */
    const char *topic;
    const char *db, *schema, *name; /* schema may be NULL where the system has none */
    const leat_schema *row;         /* STRUCT "<topic>.Value", optional */
    const leat_schema *key;         /* STRUCT "<topic>.Key"; NULL: no key */
    const uint16_t *key_cols;       /* indices into row, in the key's order */
    const char *key_tag; /* value of one more field at the key's end, a string that is of no column
                            and the same for all rows; NULL: there is none */
    uint16_t nkey;
    uint16_t flags;              /* LEAT_TABLE_* */
    const uint16_t *id_cols;     /* indices into row of what tells a row from all others and every
                                    change names, in a fixed order (primary key, replica identity);
                                    for who captures: not stored, not in the fingerprint */
    uint16_t nid;                /* 0: none, or not all of them are captured as they are */
    const leat_column *cols;     /* row->nfields */
    const leat_schema *envelope; /* STRUCT "<topic>.Envelope"; of RECORD: schema of the value, or
                                    NULL; made by leat_table_seal */
    uint64_t fingerprint;        /* of all of the above, the origin's schema and headers included:
                                    equal content, equal number; made by leat_table_seal */
} leat_table;

/* An empty one with one reference; fill it from its own arena, then seal it. */
leat_origin *leat_origin_new(void);
leat_table *leat_table_new(leat_origin *origin); /* pins origin */
/* Completes envelope (Debezium's, or MessageValue) and fingerprint. After it nothing changes. */
void leat_table_seal(leat_table *t);

leat_table *leat_table_pin(const leat_table *t);
void leat_table_unpin(leat_table *t);
leat_origin *leat_origin_pin(const leat_origin *o);
void leat_origin_unpin(leat_origin *o);

/* "schema.table", or "database.table" where the system has no schemas; "(messages)" of logical
 * messages, also of a table that a transform made of theirs. Appends. */
void leat_table_name(const leat_table *t, leat_buf *out);

/* ---- both rows of an update of t ---- */

/* An unchanged value that was not logged again (ABSENT) is what it was before. */
void leat_table_fill_unchanged(const leat_table *t, const leat_value *before, leat_value *after);
/* Whether a column of the key is known on both sides and differs. */
bool leat_table_key_changed(const leat_table *t, const leat_value *before, const leat_value *after);

#endif

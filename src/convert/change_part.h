/* The inside of the reader of changes, shared by its parts: change.c (events), change_table.c
 * (tables). Nobody else includes this. */
#ifndef LEAT_CONVERT_CHANGE_PART_H
#define LEAT_CONVERT_CHANGE_PART_H

#include "convert/change.h"

enum {
    LEAT_CHANGE_TABLES = 8192, /* so many are kept, about */
    LEAT_CHANGE_SHAPES = 3,    /* forms of Debezium's placeholder that a column can show, at most */
};

typedef enum leat_change_kind {
    LEAT_CHANGE_OTHER,
    LEAT_CHANGE_ENVELOPE,
    LEAT_CHANGE_MESSAGE,
    LEAT_CHANGE_ROW,
    LEAT_CHANGE_TOMBSTONE,
} leat_change_kind;

/* A record as it was read. */
typedef struct leat_change_record {
    const char *topic;
    leat_change_kind kind;
    const leat_schema *key_schema, *value_schema; /* NULL: none */
    leat_value key, value;
    const leat_value *source; /* of an envelope or message; else NULL */
} leat_change_record;

/* A table version, and by what it is found again. */
typedef struct leat_change_table {
    leat_table *table; /* one reference */
    leat_change_kind kind;
    const leat_schema *key_schema, *value_schema;
    bool old_alike;           /* old rows are of the same schema as new ones */
    const leat_value *absent; /* by field, LEAT_CHANGE_SHAPES each: what it shows that was not sent;
                                 NULL among them: nothing */
    leat_arena arena;         /* of these */
    struct leat_change_table *next;
} leat_change_table;

struct leat_change_reader {
    leat_json_reader *keys, *values;
    leat_change_table *tables; /* the one used last first */
    unsigned ntables;
    leat_rc (*through)(void *arg, leat_record *record, leat_arena *a, leat_err *e); /* or NULL */
    void *through_arg;
};

/* A member of a struct, or of a map of texts; NULL: there is none. */
const leat_value *leat_change_part(const leat_schema *s, const leat_value *v, const char *name);

/* The table of a record; *out NULL: it is a tombstone of no row. */
leat_rc leat_change_table_of(leat_change_reader *r, const leat_change_record *c,
                             const leat_change_table **out, leat_err *e);
void leat_change_tables_forget(leat_change_reader *r);
/* The cell of a field shows what Debezium shows for a value that the source did not send. */
bool leat_change_absent(const leat_change_table *at, uint32_t field, const leat_value *cell);

/* Cells of one are cells of the other: types, what they mean, and names of fields are the same. */
bool leat_change_alike(const leat_schema *x, const leat_schema *y);

#endif

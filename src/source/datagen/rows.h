/* What datagen makes: tables of a shape, and the n-th change of a seed. Pure. */
#ifndef LEAT_SOURCE_DATAGEN_ROWS_H
#define LEAT_SOURCE_DATAGEN_ROWS_H

#include "base/err.h"
#include "event/event.h"

enum { LEAT_DATAGEN_COLUMNS_MAX = 256 };

typedef enum leat_datagen_type {
    LEAT_DATAGEN_INT,
    LEAT_DATAGEN_BIGINT,
    LEAT_DATAGEN_TEXT,
    LEAT_DATAGEN_BOOLEAN,
    LEAT_DATAGEN_DOUBLE,
    LEAT_DATAGEN_TIMESTAMP,
} leat_datagen_type;

typedef struct leat_datagen_column {
    leat_datagen_type type;
    uint32_t length; /* of TEXT, bytes */
} leat_datagen_column;

typedef struct leat_datagen_shape {
    leat_datagen_column col[LEAT_DATAGEN_COLUMNS_MAX]; /* the first, an integer, is the key */
    uint32_t n;
    uint64_t keys;    /* distinct keys, visited in turn; 0: a new one for each change */
    uint32_t deletes; /* of a thousand second, fourth... visits of a key, how many delete it */
    uint64_t seed;
} leat_datagen_shape;

/* "int,int,text(84)"; CONF "config.datagen" says what is wrong with it. */
leat_rc leat_datagen_shape_parse(const char *text, leat_datagen_shape *out, leat_err *e);

/* The common origin; then the i-th table (from 1) of a topic prefix. One reference each. */
leat_origin *leat_datagen_origin(const char *connector, const char *prefix, const char *run_id);
leat_table *leat_datagen_table(leat_origin *origin, const char *prefix, unsigned i,
                               const leat_datagen_shape *shape);

/* Fills the operation and rows of change n (from 0): the same n gives the same change, always. With
 * keys, a key's first visit creates it, later ones update it, delete it or create it again. */
void leat_datagen_change(const leat_datagen_shape *shape, uint64_t n, leat_arena *a,
                         leat_event *ev);

#endif

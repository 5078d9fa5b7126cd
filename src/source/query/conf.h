/* The configuration of query capture: that of Confluent's JDBC source connector. */
#ifndef LEAT_SOURCE_QUERY_CONF_H
#define LEAT_SOURCE_QUERY_CONF_H

#include "capture/dialect.h"

/* mode, in the order of its choices. */
typedef enum leat_query_mode {
    LEAT_QUERY_BULK,
    LEAT_QUERY_INCREMENTING,
    LEAT_QUERY_TIMESTAMP,
    LEAT_QUERY_TIMESTAMP_INCREMENTING,
} leat_query_mode;

/* numeric.mapping, in the order of its choices. */
typedef enum leat_query_numeric {
    LEAT_QUERY_NONE,
    LEAT_QUERY_PRECISION_ONLY,
    LEAT_QUERY_BEST_FIT,
    LEAT_QUERY_BEST_FIT_EAGER_DOUBLE,
} leat_query_numeric;

/* timestamp.granularity, in the order of its choices. */
typedef enum leat_query_granularity {
    LEAT_QUERY_CONNECT_LOGICAL,
    LEAT_QUERY_MICROS_LONG,
    LEAT_QUERY_MICROS_STRING,
    LEAT_QUERY_MICROS_ISO,
    LEAT_QUERY_NANOS_LONG,
    LEAT_QUERY_NANOS_STRING,
    LEAT_QUERY_NANOS_ISO,
} leat_query_granularity;

typedef struct leat_query_conf {
    const char *url, *user, *password, *dialect;
    leat_opt_list whitelist, blacklist, include, exclude, types;
    const char *catalog, *schema;
    int64_t numeric; /* leat_query_numeric */
    bool precision_mapping;
    int64_t calendar; /* 0: legacy */
    int64_t mode;     /* leat_query_mode */
    const char *incrementing;
    leat_opt_list timestamps;
    leat_opt_list number_mapping, moment_mapping; /* "REGEX:COLUMN", "REGEX:[COLUMN|...]" */
    const char *initial;                          /* timestamp.initial: ms; NULL: not set */
    bool non_null;
    const char *query, *query_masked, *suffix;
    int64_t isolation;
    const char *prefix;
    int64_t poll_ms, tables_ms, batch_rows;
    int64_t granularity; /* leat_query_granularity */
    int64_t delay_ms;
    const char *zone;
    bool all_types;
    int64_t late;       /* 0: wait, 1: ignore */
    int64_t deletes_ms; /* between looks for deleted rows; 0: never */
    int64_t late_ms;
} leat_query_conf;

extern const leat_opt *const leat_query_option_tables[]; /* NULL-ended */
/* For leat_source.validate. */
void leat_query_conf_validate(const void *conf, leat_report *r);

/* The statement of `query` or `query.masked`, without a semicolon at its end; NULL: tables are
 * read. In a. */
const char *leat_query_conf_query(const leat_query_conf *c, leat_arena *a);
static inline bool leat_query_has_query(const leat_query_conf *c)
{
    return (c->query && *c->query) || (c->query_masked && *c->query_masked);
}
static inline bool leat_query_by_number(const leat_query_conf *c)
{
    return c->mode == LEAT_QUERY_INCREMENTING || c->mode == LEAT_QUERY_TIMESTAMP_INCREMENTING;
}
static inline bool leat_query_by_moment(const leat_query_conf *c)
{
    return c->mode >= LEAT_QUERY_TIMESTAMP;
}
leat_sql_target leat_query_conf_target(const leat_query_conf *c);

#endif

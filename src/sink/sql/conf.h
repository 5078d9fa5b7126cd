/* The configuration of the relational sinks, whatever class a user names. */
#ifndef LEAT_SINK_SQL_CONF_H
#define LEAT_SINK_SQL_CONF_H

#include "config/opt.h"

/* insert.mode, in the order of its choices. */
typedef enum leat_rdb_insert { LEAT_RDB_INSERT, LEAT_RDB_UPSERT, LEAT_RDB_UPDATE } leat_rdb_insert;

/* primary.key.mode, in the order of its choices. */
typedef enum leat_rdb_pk {
    LEAT_RDB_PK_NONE,
    LEAT_RDB_PK_KEY,   /* record_key */
    LEAT_RDB_PK_VALUE, /* record_value */
    LEAT_RDB_PK_KAFKA,
    LEAT_RDB_PK_HEADER,
} leat_rdb_pk;

/* apply.mode, in the order of its choices. */
typedef enum leat_rdb_unit { LEAT_RDB_TRANSACTION, LEAT_RDB_BATCH } leat_rdb_unit;

typedef struct leat_rdb_conf {
    const char *url, *user, *password;
    const char *dialect; /* name; NULL: what the URL says */
    int64_t connect_ms, query_ms;
    int64_t insert; /* leat_rdb_insert */
    int64_t pk;     /* leat_rdb_pk */
    leat_opt_list pk_fields;
    bool deletes, truncates;
    bool create, evolve;      /* auto.create, auto.evolve */
    int64_t evolution;        /* schema.evolution: 0 none, 1 basic */
    const char *table_format; /* with ${topic}, ${source.db}, ${source.schema}, ${source.table} */
    const char *table_dotted; /* the same, where a dot parts schema and table: table.name.format of
                                 Confluent's; NULL: dots of topics become underscores */
    leat_opt_list fields, fields_not; /* "column" or "topic:column"; empty: all */
    int64_t apply;                    /* leat_rdb_unit */
    bool once;                        /* exactly.once */
    const char *cursor_table;
} leat_rdb_conf;

/* Tables of missing ones may be made, missing columns added. */
static inline bool leat_rdb_may_create(const leat_rdb_conf *c)
{
    return c->create || c->evolution == 1;
}
static inline bool leat_rdb_may_evolve(const leat_rdb_conf *c)
{
    return c->evolve || c->evolution == 1;
}

/* Of leat's own class, Debezium's, Confluent's; NULL-ended. */
extern const leat_opt *const leat_rdb_options[];
extern const leat_opt *const leat_rdb_options_debezium[];
extern const leat_opt *const leat_rdb_options_confluent[];
/* For leat_sink.validate; conf is a leat_rdb_conf. */
void leat_rdb_conf_validate(const void *conf, leat_report *r);

#endif

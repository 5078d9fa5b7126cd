/* The configuration of the MySQL and MariaDB sources. */
#ifndef LEAT_SOURCE_MYSQL_CONF_H
#define LEAT_SOURCE_MYSQL_CONF_H

#include "capture/conf.h"
#include "source/mysql/plan.h"
#include "system/mysql/conn.h"

/* snapshot.mode, in the order of its choices. */
typedef enum leat_my_snapshot_mode {
    LEAT_MY_SNAPSHOT_INITIAL,
    LEAT_MY_SNAPSHOT_INITIAL_ONLY,
    LEAT_MY_SNAPSHOT_NO_DATA,
    LEAT_MY_SNAPSHOT_SCHEMA_ONLY, /* former name of no_data */
    LEAT_MY_SNAPSHOT_NEVER,       /* no_data, but from the oldest log there is */
    LEAT_MY_SNAPSHOT_WHEN_NEEDED,
    LEAT_MY_SNAPSHOT_ALWAYS,
    LEAT_MY_SNAPSHOT_RECOVERY,
    LEAT_MY_SNAPSHOT_SCHEMA_ONLY_RECOVERY, /* former name of recovery */
    LEAT_MY_SNAPSHOT_CONFIGURATION_BASED,
    LEAT_MY_SNAPSHOT_CUSTOM, /* refused */
} leat_my_snapshot_mode;

typedef struct leat_my_conf {
    leat_capture_conf capture; /* first */
    leat_my_target target;
    int64_t ssl; /* index into the choices of database.ssl.mode */
    int64_t server_id;
    leat_opt_list gtid_include, gtid_exclude; /* of MySQL's servers: gtid.source.* */
    bool gtid_filter_dml;                     /* gtid.source.filter.dml.events */
    bool use_gtid;                            /* binlog.position=gtid, if the server has them */
    int64_t snapshot;                         /* leat_my_snapshot_mode */
    bool include_query;
    bool captured_tables_ddl, captured_databases_ddl; /* schema.history.internal.store.only.* */
    bool comments;                                    /* include.schema.comments */
    int64_t bigint;                                   /* leat_my_bigint */
    int64_t tinyint;                                  /* 0: int16, 1: int8 */
    bool faults;                                      /* debezium.faults */
    leat_opt_list converters;
    leat_opt_many converter_types, converter_selectors, converter_checks;
} leat_my_conf;

extern const leat_opt *const leat_my_option_tables[];      /* of mysql; NULL-ended */
extern const leat_opt *const leat_mariadb_option_tables[]; /* of mariadb */
/* For leat_source.validate; conf is a leat_my_conf. */
void leat_my_conf_validate(const void *conf, leat_report *r);
/* The modes that plan.h wants. */
leat_my_modes leat_my_conf_modes(const leat_my_conf *c);
/* The target, with the mode of TLS as conn.h knows it. */
leat_my_target leat_my_conf_target(const leat_my_conf *c);
/* A converter of tinyint(1) takes the column. CONF "config.invalid" for a selector that is no
 * regular expression. */
leat_rc leat_my_conf_boolean(const leat_my_conf *c, const char *table, const leat_my_column *column,
                             bool *yes, leat_err *e);
static inline bool leat_my_based(const leat_my_conf *c)
{
    return c->snapshot == LEAT_MY_SNAPSHOT_CONFIGURATION_BASED;
}

/* It reads changes, not only rows. */
static inline bool leat_my_streams(const leat_my_conf *c)
{
    return leat_my_based(c) ? c->capture.based_stream
                            : c->snapshot != LEAT_MY_SNAPSHOT_INITIAL_ONLY;
}

/* It notes again what tables look like, at a position that there is already. */
static inline bool leat_my_recovers(const leat_my_conf *c)
{
    return c->snapshot == LEAT_MY_SNAPSHOT_RECOVERY ||
           c->snapshot == LEAT_MY_SNAPSHOT_SCHEMA_ONLY_RECOVERY;
}

/* It reads rows at each start. */
static inline bool leat_my_reads_always(const leat_my_conf *c)
{
    return leat_my_based(c) ? c->capture.based_data : c->snapshot == LEAT_MY_SNAPSHOT_ALWAYS;
}

/* It reads rows again where the changes since are lost. */
static inline bool leat_my_reads_if_needed(const leat_my_conf *c)
{
    return leat_my_based(c) ? c->capture.based_on_error
                            : c->snapshot == LEAT_MY_SNAPSHOT_WHEN_NEEDED;
}

/* It reads rows at its first start. */
static inline bool leat_my_reads_rows(const leat_my_conf *c)
{
    if (leat_my_based(c)) return c->capture.based_data;
    return c->snapshot <= LEAT_MY_SNAPSHOT_INITIAL_ONLY ||
           c->snapshot == LEAT_MY_SNAPSHOT_WHEN_NEEDED || c->snapshot == LEAT_MY_SNAPSHOT_ALWAYS;
}

#endif

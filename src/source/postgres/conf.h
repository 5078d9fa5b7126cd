/* The PostgreSQL source's configuration. */
#ifndef LEAT_SOURCE_POSTGRES_CONF_H
#define LEAT_SOURCE_POSTGRES_CONF_H

#include "capture/conf.h"
#include "system/postgres/conn.h"
#include "system/postgres/types.h"

/* snapshot.mode, in the order of its choices. */
typedef enum leat_pg_snapshot_mode {
    LEAT_PG_SNAPSHOT_INITIAL,
    LEAT_PG_SNAPSHOT_INITIAL_ONLY,
    LEAT_PG_SNAPSHOT_NO_DATA,
    LEAT_PG_SNAPSHOT_NEVER,
    LEAT_PG_SNAPSHOT_SCHEMA_ONLY,
    LEAT_PG_SNAPSHOT_ALWAYS,
    LEAT_PG_SNAPSHOT_WHEN_NEEDED,
    LEAT_PG_SNAPSHOT_CONFIGURATION_BASED,
    LEAT_PG_SNAPSHOT_CUSTOM,   /* refused */
    LEAT_PG_SNAPSHOT_RECOVERY, /* refused */
} leat_pg_snapshot_mode;

/* offset.mismatch.strategy, in the order of its choices. */
typedef enum leat_pg_mismatch {
    LEAT_PG_NO_VALIDATION,
    LEAT_PG_TRUST_OFFSET,
    LEAT_PG_TRUST_SLOT,
    LEAT_PG_TRUST_GREATER_LSN,
} leat_pg_mismatch;

/* lsn.flush.mode, in the order of its choices. */
typedef enum leat_pg_flush {
    LEAT_PG_FLUSH_CONNECTOR,
    LEAT_PG_FLUSH_MANUAL,
    LEAT_PG_FLUSH_CONNECTOR_AND_DRIVER,
} leat_pg_flush;

/* toast.mode, in the order of its choices. */
typedef enum leat_pg_toast {
    LEAT_PG_TOAST_PLACEHOLDER,
    LEAT_PG_TOAST_RESELECT,
    LEAT_PG_TOAST_DROP_FIELD,
} leat_pg_toast;

typedef struct leat_pg_conf {
    leat_capture_conf capture; /* first */
    leat_pg_target target;
    const char *slot;
    leat_opt_list publications;
    leat_opt_list identities; /* replica.identity.autoset.values */
    const char *params;       /* slot.stream.params; NULL: none */
    int64_t slot_retries;     /* slot.max.retries */
    int64_t slot_delay_ms;
    int64_t plugin;     /* 0: pgoutput */
    int64_t autocreate; /* leat_pg_autocreate */
    bool via_root;      /* publish.via.partition.root */
    bool failover;
    bool drop_on_stop;
    int64_t mismatch;  /* leat_pg_mismatch */
    int64_t flush;     /* leat_pg_flush */
    bool flush_source; /* flush.lsn.source, its former form */
    int64_t status_ms;
    int64_t xmin_ms;  /* 0: never */
    int64_t snapshot; /* leat_pg_snapshot_mode */
    leat_opt_list prefix_include, prefix_exclude;
    int64_t hstore, interval; /* 0: Debezium's default; 1: map, string */
    int64_t money_digits;
    int64_t toast; /* leat_pg_toast */
    bool include_unknown;
    bool faults; /* debezium.faults */
} leat_pg_conf;

/* The slot is moved by somebody else. */
static inline bool leat_pg_flush_is_manual(const leat_pg_conf *c)
{
    return c->flush == LEAT_PG_FLUSH_MANUAL ||
           (c->flush == LEAT_PG_FLUSH_CONNECTOR && !c->flush_source);
}

static inline bool leat_pg_based(const leat_pg_conf *c)
{
    return c->snapshot == LEAT_PG_SNAPSHOT_CONFIGURATION_BASED;
}

/* It reads changes, not only rows. */
static inline bool leat_pg_streams(const leat_pg_conf *c)
{
    return leat_pg_based(c) ? c->capture.based_stream
                            : c->snapshot != LEAT_PG_SNAPSHOT_INITIAL_ONLY;
}

/* It reads rows at each start. */
static inline bool leat_pg_reads_always(const leat_pg_conf *c)
{
    return leat_pg_based(c) ? c->capture.based_data : c->snapshot == LEAT_PG_SNAPSHOT_ALWAYS;
}

/* It reads rows again where the changes since are lost. */
static inline bool leat_pg_reads_if_needed(const leat_pg_conf *c)
{
    return leat_pg_based(c) ? c->capture.based_on_error
                            : c->snapshot == LEAT_PG_SNAPSHOT_WHEN_NEEDED;
}

/* It reads rows at its first start. */
static inline bool leat_pg_reads_rows(const leat_pg_conf *c)
{
    if (leat_pg_based(c)) return c->capture.based_data;
    return c->snapshot <= LEAT_PG_SNAPSHOT_INITIAL_ONLY || c->snapshot >= LEAT_PG_SNAPSHOT_ALWAYS;
}

extern const leat_opt *const leat_pg_option_tables[]; /* NULL-ended */
/* For leat_source.validate; conf is a leat_pg_conf. */
void leat_pg_conf_validate(const void *conf, leat_report *r);
/* The modes that types.h wants. */
leat_pg_modes leat_pg_conf_modes(const leat_pg_conf *c);

#endif

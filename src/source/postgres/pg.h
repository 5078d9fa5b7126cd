/* Inside of the PostgreSQL source: what its files share. */
#ifndef LEAT_SOURCE_POSTGRES_PG_H
#define LEAT_SOURCE_POSTGRES_PG_H

#include "capture/increment.h"
#include "capture/naming.h"
#include "capture/notify.h"
#include "capture/records.h"
#include "source/postgres/conf.h"
#include "source/postgres/feedback.h"
#include "source/postgres/pgoutput.h"
#include "source/postgres/position.h"
#include "source/postgres/rules.h"
#include "source/postgres/slot.h"
#include "source/source.h"
#include "system/postgres/catalog.h"

/* Cells of ev->src; LEAT_BIND_SEQUENCE wants the last commit and the LSN side by side. */
enum {
    LEAT_PG_SRC_TX,
    LEAT_PG_SRC_COMMIT, /* end of the transaction before: first half of sequence */
    LEAT_PG_SRC_LSN,
    LEAT_PG_SRC_XMIN,
    LEAT_PG_SRC_ORIGIN,
    LEAT_PG_SRC_ORIGIN_LSN,
    LEAT_PG_SRC_N,
};

/* A table as the stream (or a snapshot) has it: its version, and how a row of the wire becomes one
 * of the version's. Heap; in a list that is searched by id. */
typedef struct leat_pg_rel {
    uint32_t id;       /* pg_class.oid */
    bool captured;     /* else: counted and skipped */
    bool signals;      /* it is signal.data.collection */
    bool raw;          /* texts may be no UTF-8: leat_pg.raw */
    leat_table *table; /* current version, one reference; NULL if not captured */
    const char *whole; /* "schema.table"; lives as long as the source is open */
    uint32_t tally;    /* hint for leat_tallies_get */
    leat_table *twin;  /* an equal version that cols and field belong to, one reference; or NULL */
    const leat_rewrite *rewrite; /* done to each row; NULL: nothing */
    const leat_pg_col *cols;     /* of the row's fields; in the table's arena */
    const uint16_t *field; /* of each column of the wire: field of the row, or LEAT_PG_NO_FIELD */
    const bool *identity;  /* of each column of the wire: it is sent with an old key */
    const bool *loose; /* of each: may be NULL (an array's elements too) whatever the catalog says;
                          NULL: none */
    leat_str wire;     /* the relation message that described it; absent: the catalog did */
    uint16_t nwire;
    bool told;      /* that values could not be read again: reselect.c */
    uint16_t tight; /* column of the wire that the last "postgres.null" is about */
    uint64_t tx;    /* transaction that tx_seq counts in */
    uint32_t tx_seq;
    struct leat_pg_rel *next;
} leat_pg_rel;

#define LEAT_PG_NO_FIELD UINT16_MAX
enum { LEAT_PG_RELS = 1024 }; /* buckets; a power of two */

/* The transaction that is being read. */
typedef struct leat_pg_tx {
    bool open;
    bool known;      /* it is durable already: count and skip */
    uint64_t xid;    /* 64 bits */
    uint64_t final;  /* LSN of its commit record */
    uint64_t sent;   /* its changes up to the first one here were delivered before; 0: none */
    int64_t ts_us;   /* commit time; of the last transaction when none is open */
    uint32_t seq;    /* numbers given to its changes */
    leat_str origin; /* where it came from first; absent: here. In origin_name */
    uint64_t origin_lsn;
} leat_pg_tx;

/* heartbeat.action.query: a session of its own, since a statement may wait for us. */
typedef struct leat_pg_action {
    leat_pg c;
    leat_pg_target target; /* the connector's, but for how long connecting may take */
    bool running;
    int64_t due_us;   /* when to run it next, or when what runs is given up; monotonic */
    leat_err failure; /* the last one that was told; rc OK: none since it went well */
} leat_pg_action;

/* The end of a snapshot's view is waited for; see beside.c. */
typedef struct leat_pg_hurry_state {
    uint64_t end;     /* the place waited for; at or before our place: none */
    int64_t asked_us; /* when that was told last; monotonic */
    int64_t nudged_us;
    bool running; /* a transaction of our own */
    leat_pg c;
    leat_pg_target target; /* the connector's, but for how long connecting may take */
} leat_pg_hurry_state;

typedef struct leat_pg_source {
    leat_arena arena; /* from open to close */
    leat_task *task;
    const leat_pg_conf *conf;
    leat_pg_rules rules;
    leat_pg_modes modes;
    leat_topic_names topics; /* which table has which topic */
    leat_records *records;   /* heartbeats, transaction metadata */
    leat_notify *notify;     /* NULL: nothing is told */
    leat_increment *inc;     /* snapshots by signal: incremental.h */
    leat_arena block_arena;  /* a blocking one: of its plan ... */
    leat_plan block_plan;
    leat_chunk *block_chunk; /* ... and what of it is read; NULL: it is not made */
    const char *app;         /* application_name */
    leat_pg sql;             /* ordinary session: catalog, slots */
    leat_pg wal;             /* replication session */
    leat_pg view;            /* snapshot: one REPEATABLE READ transaction */
    leat_pg_server server;
    leat_pg_types *types;
    int64_t patience_ms; /* the server's wal_sender_timeout; 0: none */
    int64_t types_us;    /* when they were read, by the server\'s clock */
    bool types_old;      /* the stream names one that may have changed since */
    leat_origin *origin;
    leat_origin *row_origin; /* of rows of incremental snapshots, which show no LSN */
    leat_table *message;     /* version of the logical messages' "table" */
    leat_pg_col content;     /* how a message's content is shown: as a bytea column */
    leat_pg_rel *rels[LEAT_PG_RELS];
    leat_arena scratch; /* of one wire message that makes no event */

    leat_str partition;   /* position.partition, as text */
    leat_pg_position at;  /* all that ends before is read */
    size_t largest;       /* bytes of the largest message so far */
    bool resumed;         /* at came from the engine: there was a position */
    bool made;            /* the slot, in this open */
    bool needed;          /* changes since the stored position are lost: rows make up for it */
    const char *snapshot; /* exported by a slot just made; NULL: none */
    bool streaming;       /* START_REPLICATION has run */
    bool safe;            /* this batch has a safe place, and at is its position */
    leat_pg_tx tx;
    leat_buf origin_name;
    uint64_t xid_near;   /* a transaction id of the present */
    uint64_t tx_visible; /* the last one that the catalog was seen to show */
    uint64_t row_tx;     /* transaction id of the rows of a snapshot; 0: none */
    uint64_t row_n;      /* rows read of this snapshot: finds a dead letter again */
    uint64_t row_first;  /* of them before the table that is read */
    const char *row_tables, *row_captured; /* for notifications */
    int64_t stream_us;    /* streaming.delay.ms: not before that, monotonic; 0: not looked at */
    bool row_told;        /* notifications of the snapshot have begun, or none are to come */
    bool row_none;        /* a snapshot was wanted, and there was no table to read */
    int64_t row_ts_us;    /* when it was begun */
    int64_t row_seen_us;  /* when the rows at hand were there: asking for each costs too much */
    leat_pg_rel *row_rel; /* the table whose rows are read; NULL: none */
    const leat_pg_table *row_table; /* it, as the catalog has it while they are; NULL: unknown */
    bool row_binary;                /* they come in binary form */
    int64_t view_us;                /* when rows of view were asked for last; monotonic */
    char *row_held;                 /* its next row, of libpq; NULL: none */
    size_t row_len;
    uint64_t idle_end; /* of a keepalive while nothing was open: may become the position */
    int64_t idle_us;   /* when that was done last */
    uint64_t once_end; /* end of the log as the engine asked for it; 0: it did not */
    leat_pg_feedback feedback;
    int64_t xmin;           /* of the slot, with xmin.fetch.interval.ms; 0: none */
    int64_t asked_us;       /* when the slot was looked at last */
    int64_t standby_us;     /* when a standby was asked last whether it still is one */
    int64_t watched_us;     /* when publications and tables were */
    int64_t retained;       /* bytes of log that the slot keeps, -1: unknown */
    int64_t retained_limit; /* leat_gauges */
    uint64_t log_end;       /* of the server, at that look; 0: unknown */
    leat_pg_action action;
    leat_pg_hurry_state hurry;
    char tables_seen[48];      /* stands for all tables' names: another text, other tables */
    struct leat_pg_news *news; /* snapshot.new.tables; NULL: not looked yet, or off */
} leat_pg_source;
typedef struct leat_pg_news leat_pg_news;

/* Reads the catalog's types, and notes when. */
leat_rc leat_pg_source_types(leat_pg_source *s, leat_err *e);
/* sql is usable: connects it again if it was lost. */
leat_rc leat_pg_source_sql(leat_pg_source *s, leat_err *e);

/* Reads the slot and says whether to go on from it (leat_pg_slot_judge); waits for one in use. */
leat_rc leat_pg_source_slot(leat_pg_source *s, leat_pg_slot *slot, leat_err *e);

/* ---- origin.c: the source block ---- */
/* rows: of rows that are not read at a place in the log. */
leat_origin *leat_pg_origin_new(const leat_pg_source *s, bool rows);
/* Makes s->message and s->content: the "table" that logical messages come in. */
leat_rc leat_pg_message_table(leat_pg_source *s, leat_err *e);

/* ---- relation.c: tables ---- */
/* Takes a relation message (and its bytes) in: reads the catalog, makes a version, keeps it. */
leat_rc leat_pg_rel_update(leat_pg_source *s, const leat_pgoutput_msg *m, leat_str bytes,
                           leat_err *e);
/* The relation of that id; NULL: the server has not described it. */
leat_pg_rel *leat_pg_rel_find(leat_pg_source *s, uint32_t id);
/* A table as it is in the catalog now, with all columns that can be read: for snapshots. The result
 * is the caller's, to be freed with leat_pg_rel_free. */
leat_rc leat_pg_rel_of_table(leat_pg_source *s, const leat_pg_table *t, leat_pg_rel **out,
                             leat_err *e);
/* The same, kept among the source's relations in the place of what it was before. */
leat_rc leat_pg_rel_keep(leat_pg_source *s, const leat_pg_table *t, leat_pg_rel **out, leat_err *e);
/* The value of a column of the wire that has a field; bytes absent: NULL; binary: in binary form
 * where the column has a parser of it, else its text. DATA "postgres.null" where the version has no
 * room for a NULL (leat_pg_rel_loosen makes it), "postgres.value" where bytes are none of the
 * column's type, "postgres.encoding" where a text is no UTF-8. */
leat_rc leat_pg_rel_cell(leat_pg_rel *r, uint16_t col, bool binary, leat_str bytes, leat_arena *a,
                         leat_value *out, leat_err *e);
/* After DATA, in e: if a NULL was the reason, puts a version in which that column may be NULL in
 * the place of *r's and gives OK: try again. Else gives e's DATA back, and *r is as it was. */
leat_rc leat_pg_rel_loosen(leat_pg_source *s, leat_pg_rel **r, leat_err *e);
void leat_pg_rel_free(leat_pg_rel *r);
void leat_pg_rels_free(leat_pg_source *s);

/* ---- change.c: rows become events ---- */
/* One change message with its bytes and the LSN of its frame. Counts it. */
leat_rc leat_pg_change(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, leat_str bytes,
                       uint64_t lsn, leat_err *e);
leat_rc leat_pg_truncate(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn,
                         leat_err *e);
leat_rc leat_pg_message(leat_pg_source *s, leat_batch *b, const leat_pgoutput_msg *m, uint64_t lsn,
                        leat_err *e);
/* The dynamic cells of the source block for an event at lsn, in a. */
const leat_value *leat_pg_src(const leat_pg_source *s, leat_arena *a, uint64_t lsn, uint64_t tx);

/* ---- reselect.c ---- */
/* Fills what is ABSENT in after, a row of r made of now, with what the database has at present;
 * what cannot be had stays ABSENT. Fails with what the server says. */
leat_rc leat_pg_reselect(leat_pg_source *s, leat_pg_rel *r, const leat_pgoutput_tuple *now,
                         leat_arena *a, leat_value *after, leat_err *e);

/* ---- stream.c ---- */
leat_rc leat_pg_stream_read(leat_pg_source *s, leat_batch *b, int wait_ms, leat_err *e);
/* A change of the open transaction at lsn was delivered before it was stopped: count and skip it.
 * Asked once for each, in order. */
bool leat_pg_sent_before(leat_pg_source *s, uint64_t lsn);
/* The current place as a position; its offset is in text. */
leat_position leat_pg_stream_position(leat_pg_source *s, leat_buf *text);
/* Everything read so far is safe; the current place becomes b's at the end of the read. */
void leat_pg_safe_here(leat_pg_source *s, leat_batch *b);

/* ---- row.c: rows of COPY become events ---- */
/* What a COPY of the table gives: in binary form those of its columns that have a field, in that
 * form or as text; else all of them as text. */
void leat_pg_row_columns(const leat_pg_rel *r, const leat_pg_table *t, bool binary, leat_buf *sql);
/* What stands behind FROM: the table (only: without those that inherit from it), or the rows of the
 * statement that takes its place. */
void leat_pg_row_source(const char *schema, const char *name, bool only, const char *override,
                        leat_buf *sql);
/* What an error of reading them says; override: NULL, or the statement. In a. */
const char *leat_pg_row_doing(const char *schema, const char *name, const char *override,
                              leat_arena *a);
/* The cells of a row of COPY, one for each field; those without a column are ABSENT. As
 * leat_pg_rel_cell; FATAL "postgres.protocol" when it is no row of the relation's. copyrow.c */
leat_rc leat_pg_row_cells(leat_pg_rel *r, bool binary, leat_str row, leat_arena *a,
                          leat_value *cells, leat_err *e);
/* The next row of a COPY, to be freed with PQfreemem; waits until a monotonic time, and asks for
 * the time only where it waits. As leat_pg_copy_row. */
leat_rc leat_pg_row_next(leat_pg_source *s, leat_pg *c, const char *doing, int64_t until_us,
                         char **row, size_t *len, leat_err *e);
/* A row of s->row_rel becomes an event, or a dead letter. Counts it. */
leat_rc leat_pg_row_give(leat_pg_source *s, leat_str row, leat_snapshot marker, leat_batch *b,
                         leat_err *e);

/* ---- snapshot.c ---- */
leat_rc leat_pg_plan_tables(leat_task *t, leat_plan *plan, leat_err *e);
/* A transaction id for the rows' source block, as Debezium's: one of its own. 0 on a standby. */
leat_rc leat_pg_row_xid(leat_pg_source *s, leat_err *e);
leat_rc leat_pg_read_chunk(leat_task *t, leat_chunk *chunk, leat_batch *b, leat_err *e);
/* The two halves of a plan, for one that a signal asks for: a view, and a table that is read under
 * it, or the rows of a statement instead. */
leat_rc leat_pg_plan_view(leat_pg_source *s, leat_err *e);
void leat_pg_plan_put(leat_pg_source *s, leat_plan *plan, const leat_pg_relation *r,
                      const char *statement);
/* Tells what the rows of the captured tables (n) have otherwise than the stream. plan_tell.c */
leat_rc leat_pg_plan_tell(leat_pg_source *s, const leat_pg_relation *const *captured, size_t n,
                          leat_err *e);
/* The same of one, where this user may not see all of its rows. */
void leat_pg_tell_hidden(const leat_pg_relation *t);
/* Nothing is taken for now: lets go of a view that has rested for too long, RETRY
 * "snapshot.let_go", and of the new slot's snapshot, which nobody will take over any more. */
leat_rc leat_pg_view_rest(leat_pg_source *s, leat_err *e);
/* For its notifications: which tables it has, and which are captured (n). */
void leat_pg_plan_names(leat_pg_source *s, const leat_plan *plan,
                        const leat_pg_relation *const *captured, size_t n);
/* Tells at the begin of the stream that no rows were read before it, if that is so. */
void leat_pg_snapshot_notice(leat_pg_source *s, leat_batch *b);

/* ---- standby.c ---- */
/* Sets server.standby. CONF "postgres.standby": of a version that cannot decode there. */
leat_rc leat_pg_standby_is(leat_pg *sql, bool *yes, leat_err *e);
leat_rc leat_pg_standby_look(leat_pg_source *s, leat_err *e);
/* On a standby: CONF "postgres.publication_missing" if it has not come from the primary. */
leat_rc leat_pg_standby_publication(leat_pg_source *s, leat_err *e);
/* Logs what a slot that is about to be made on a standby waits for; else nothing. */
void leat_pg_standby_tell_slot(const leat_pg_source *s);
/* Notices that a standby was promoted: the position's timeline is then the new one. now: monotonic.
 */
void leat_pg_standby_watch(leat_pg_source *s, int64_t now);

/* ---- watch.c: on ordinary sessions, while streaming ---- */
/* Every few seconds: slot, publications, tables that have appeared. CONF
 * "postgres.publication_missing". now: monotonic. */
leat_rc leat_pg_watch(leat_pg_source *s, leat_batch *b, int64_t now, leat_err *e);
/* What the slot says of itself, for status and source block. */
void leat_pg_watch_slot(leat_pg_source *s, const leat_pg_slot *slot);
/* The publications exist and have the captured tables. */
leat_rc leat_pg_ready_publications(leat_pg_source *s, leat_err *e);
/* Runs heartbeat.action.query when it is due; waits for nothing but connecting. */
void leat_pg_action_turn(leat_pg_source *s, int64_t now);
void leat_pg_action_end(leat_pg_source *s);

/* ---- newtables.c: snapshot.new.tables=parallel ---- */
/* Looks for new tables, and wants their rows; s->sql is connected. differ: some have come or gone.
 * ours: they are put into the publication by leat; *publish: now. */
leat_rc leat_pg_news_look(leat_pg_source *s, leat_batch *b, bool ours, bool differ, bool *publish,
                          leat_err *e);
/* A table waits for being published by us: the next look should be soon. */
bool leat_pg_news_wait(const leat_pg_source *s);
/* The offset is durable. */
void leat_pg_news_acked(leat_pg_source *s, leat_str offset);
void leat_pg_news_free(leat_pg_news *x);

/* ---- check.c ---- */
leat_rc leat_pg_check(const void *conf, leat_checker *c, leat_err *e);
leat_rc leat_pg_discover(const void *conf, leat_catalog *out, leat_err *e);

/* ---- offset.c: as source.h says ---- */
leat_rc leat_pg_offset_ask(const void *conf, leat_position to, leat_arena *a, const char **note,
                           leat_err *e);
leat_rc leat_pg_offset_check(const void *conf, leat_position now, leat_position to, leat_arena *a,
                             leat_position *out, const char **note, leat_err *e);
void leat_pg_offset_text(leat_str offset, leat_buf *out);
leat_rc leat_pg_leaves(const void *conf, leat_arena *a, const char **text, leat_err *e);
/* forget.c: for leat_source.forget. */
leat_rc leat_pg_forget(const void *conf, const leat_source_beside *beside, leat_err *e);

/* compare.c: leat_source.compare */
leat_rc leat_pg_source_compare(const void *conf, const char *app, leat_compare_side **out,
                               leat_err *e);

#endif

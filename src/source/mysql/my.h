/* Inside of the MySQL and MariaDB sources: what their files share. */
#ifndef LEAT_SOURCE_MYSQL_MY_H
#define LEAT_SOURCE_MYSQL_MY_H

#include "capture/columns.h"
#include "capture/filter.h"
#include "capture/increment.h"
#include "capture/keys.h"
#include "capture/naming.h"
#include "capture/notify.h"
#include "capture/records.h"
#include "source/mysql/conf.h"
#include "source/mysql/ddl.h"
#include "source/mysql/gtid.h"
#include "source/mysql/position.h"
#include "source/mysql/view.h"
#include "source/source.h"
#include "system/mysql/dump.h"

/* Cells of ev->src. */
enum {
    LEAT_MY_SRC_SERVER,
    LEAT_MY_SRC_GTID,
    LEAT_MY_SRC_FILE,
    LEAT_MY_SRC_POS,
    LEAT_MY_SRC_ROW,
    LEAT_MY_SRC_THREAD,
    LEAT_MY_SRC_QUERY,
    LEAT_MY_SRC_TX, /* the transaction's name in its metadata; no field of the block */
    LEAT_MY_SRC_N,
};

/* A table as the log has it: its version, and how a row image becomes a row of the version. Heap;
 * in a list that is searched by name. */
typedef struct leat_my_rel {
    const char *db, *name;    /* live as long as this */
    const char *whole;        /* "db.name" */
    uint32_t tally;           /* hint for leat_tallies_get */
    bool captured;            /* else: counted and skipped */
    bool signals;             /* it is signal.data.collection ... */
    leat_mysql_image signal;  /* ... whose first three columns are read so */
    bool stale;               /* a statement changed it since it was described, or def may be of
                                 later than the place that is read */
    leat_arena arena;         /* of def */
    const leat_my_table *def; /* as the catalogue (or full metadata) has it; NULL: none yet */
    leat_table *table;        /* current version, one reference; NULL: none yet, or not captured */
    leat_buf wire;            /* the TABLE_MAP that image was made for */
    leat_arena image_arena;
    leat_mysql_image image;
    const leat_my_col *cols;     /* of the row's fields; in the table's arena */
    const leat_rewrite *rewrite; /* done to each row; NULL: nothing */
    bool mends;                  /* some of cols have a mend */
    uint64_t tx;                 /* transaction that tx_seq counts in */
    uint32_t tx_seq;
    struct leat_my_rel *next;
} leat_my_rel;

typedef struct leat_my_gtid_rules leat_my_gtid_rules;
typedef struct leat_my_ahead leat_my_ahead;
typedef struct leat_my_beginning leat_my_beginning;
typedef struct leat_my_retained leat_my_retained;

enum { LEAT_MY_RELS = 1024, LEAT_MY_IDS = 256 }; /* buckets; powers of two */

/* A table's id in the log, good until its statement ends. */
typedef struct leat_my_id {
    uint64_t id;
    leat_my_rel *rel;
    struct leat_my_id *next;
} leat_my_id;

/* The transaction that is being read. */
typedef struct leat_my_tx {
    bool open;       /* its first event was read, its end was not */
    bool begun;      /* BEGIN was seen: a statement of DDL does not end it */
    bool known;      /* it is durable already: count and skip */
    bool left_out;   /* of a server that gtid.source.* leave out */
    bool told;       /* its BEGIN was put into the stream, if that is wanted */
    bool resumed;    /* a part of it was delivered: skip so many ... */
    uint64_t events; /* ... events that are ahead, and ... */
    uint64_t rows;   /* ... rows of the one behind them */
    uint64_t id;     /* stands for it, the same at each reading */
    int64_t ts_us;   /* commit time; of the present event, where the log does not tell that */
    bool timed;      /* it does */
    uint32_t seq;    /* numbers given to its changes */
    uint32_t server_id;
    int64_t thread; /* -1: not known */
    uint64_t begin; /* place of its first event */
    leat_gtid gtid; /* MySQL's; gno 0: none */
    leat_mariadb_gtid mariadb;
    bool has_mariadb;
    char name[LEAT_GTID_TEXT + LEAT_MY_FILE]; /* its GTID, or file and place; "": none */
    leat_buf query;                           /* statement of the rows that follow */
} leat_my_tx;

typedef struct leat_my_source {
    leat_arena arena; /* from open to close */
    leat_task *task;
    const leat_my_conf *conf;
    leat_my_target target;
    bool mariadb; /* which of the two connectors */
    leat_my_modes modes;
    bool folds;    /* the server compares names without regard to case, and stores lower case */
    bool comments; /* of tables and columns are shown: Debezium's MariaDB connector always does */
    const leat_filter *filter;
    const leat_keys *keys;       /* NULL: none */
    const leat_columns *columns; /* NULL: none */
    uint32_t skipped;            /* operations: leat_capture_skips */
    leat_topic_names topics;     /* which table has which topic */
    leat_records *records;       /* heartbeats, transaction metadata */
    leat_notify *notify;         /* NULL: nothing is told */
    leat_increment *inc;         /* snapshots by signal */
    struct leat_my_plain *plain; /* rows under one view; NULL: none are read */
    leat_arena block_arena;      /* a blocking snapshot: of its plan ... */
    leat_plan block_plan;
    leat_chunk *block_chunk;               /* ... and what of it is read; NULL: not begun */
    const char *row_tables, *row_captured; /* of a snapshot, for notifications */
    bool now;    /* a reader's: tables are what the catalogue says, the history is the task's */
    bool beside; /* rows are read while the stream is */
    bool needed; /* changes since the stored position are lost: rows make up for it */
    struct leat_my_history *history; /* schema changes as records */
    leat_origin *origin;
    leat_my sql;                    /* ordinary session: the catalogue */
    leat_my dump;                   /* the log's */
    leat_my_ahead *ahead;           /* what the rest of the log does to tables; NULL: not looked */
    leat_my_beginning *beginning;   /* of leat_my_begin; NULL: not begun */
    leat_my_gtid_rules *gtid_rules; /* NULL: transactions of all servers count */
    bool gtid;                      /* the server has GTIDs, and they are wanted */
    bool by_gtid;                   /* the dump begins by them: they are known of the position */
    char uuid[LEAT_UUID_TEXT];      /* that the server knows this reader by */

    leat_my_rel *rels[LEAT_MY_RELS];
    leat_my_id *ids[LEAT_MY_IDS];
    uint32_t nids;
    leat_binlog_format format;
    leat_arena scratch;        /* of one event */
    leat_binlog_unpack unpack; /* of a compressed transaction that is being read ... */
    leat_buf packed;           /* ... its bytes ... */
    bool unpacking;            /* ... while there are more */

    leat_str partition;       /* position.partition, as text */
    leat_str server;          /* what the server is told apart by (leat_my_server_name) */
    bool begins;              /* leat_my_begin is to be called */
    bool resumed;             /* at came from the engine: there was a position */
    leat_my_position at;      /* all that ends before is read; gtids: see below */
    leat_gtid_set gtids;      /* the same as a set: MySQL */
    leat_mariadb_gtids state; /* MariaDB */
    char file[LEAT_MY_FILE];  /* log that is being read */
    uint64_t pos;             /* end of the last event in it */
    uint64_t event_pos;       /* begin of the event that is being read */
    bool streaming;           /* the dump was asked for */
    bool safe;                /* this batch has a safe place, and at is its position */
    bool moved;               /* the place moved with nothing in it, since the last safe place */
    bool hurry;               /* where nothing is open any place is wanted as a safe one */
    leat_my_tx tx;
    int64_t heard_us; /* when the server was heard last; monotonic */
    int64_t idle_us;  /* when an idle place was made last */
    leat_my_position acked;
    bool acked_here;            /* it is a place in this server's log */
    leat_my_retained *retained; /* NULL: not looked yet */
    leat_err held;              /* a failure that the next read returns; rc OK: none */
    bool unread_told;           /* a statement that is not understood was warned about */
    bool statement_told;        /* a change that is logged as a statement was warned about */
    bool order_told;            /* GTIDs of a domain that do not grow were warned about */
} leat_my_source;

/* The log and the place in it up to which it was read; before the stream, where it will begin. */
static inline const char *leat_my_file_now(const leat_my_source *s)
{
    return s->streaming ? s->file : s->at.file;
}
static inline uint64_t leat_my_pos_now(const leat_my_source *s)
{
    return s->streaming ? s->pos : s->at.pos;
}
/* Whose log that is; absent: not known. */
static inline leat_str leat_my_log_server_now(const leat_my_source *s)
{
    return s->streaming ? s->server : s->at.server;
}

/* ---- gtidfilter.c: gtid.source.includes and .excludes ---- */
/* Compiles them into a; *out NULL: all count. CONF "config.invalid". */
leat_rc leat_my_gtid_rules_new(const leat_my_conf *c, leat_arena *a, leat_my_gtid_rules **out,
                               leat_err *e);
/* Transactions of the server with this UUID count. ctx: the rules, or NULL. */
bool leat_my_gtid_counts(void *ctx, const char *uuid);

extern const leat_source leat_source_mysql, leat_source_mariadb;

/* The stream is to begin where a view was taken; before it has begun. */
leat_rc leat_my_begin_at(leat_my_source *s, const leat_my_viewed *v, leat_err *e);
/* sql is usable: connects it again if it was lost. */
leat_rc leat_my_source_sql(leat_my_source *s, leat_err *e);

/* ---- origin.c: the source block ---- */
leat_origin *leat_my_origin_new(const leat_my_source *s);
/* The dynamic cells of the source block for the first row of the event that is read, in a. */
leat_value *leat_my_src(const leat_my_source *s, leat_arena *a);

/* ---- relation.c: tables ---- */
/* Takes a TABLE_MAP in: from now on its id stands for the table. */
leat_rc leat_my_rel_map(leat_my_source *s, const leat_binlog_table *map, leat_err *e);
/* The table of that id; NULL: the log has not described it. */
leat_my_rel *leat_my_rel_find(const leat_my_source *s, uint64_t id);
/* The table of that name, made if it is not there. */
leat_rc leat_my_rel_named(leat_my_source *s, leat_str db, leat_str name, leat_my_rel **out,
                          leat_err *e);
/* Its version is made again when its next rows come; name absent: all of the database. */
void leat_my_rel_stale(leat_my_source *s, leat_str db, leat_str name);
/* Reads what the catalogue says of it now into rel->def (NULL: there is no such table). */
leat_rc leat_my_rel_describe(leat_my_source *s, leat_my_rel *rel, leat_err *e);
/* Finds out what the table looks like right behind the statement that is read: rel->def, from the
 * history or the catalogue. Where nobody knows, since it was altered again, rel stays stale. */
leat_rc leat_my_rel_exact(leat_my_source *s, leat_my_rel *rel, leat_err *e);
/* A version of a table whose rows have not come, as the catalogue has it; rel->table stays NULL
 * where there is no such table any more. */
leat_rc leat_my_rel_version(leat_my_source *s, leat_my_rel *rel, leat_err *e);
/* The statement ended: ids mean nothing any more. */
void leat_my_ids_clear(leat_my_source *s);
/* A statement dropped the table (name absent: all of the database): what is not captured of it
 * goes, so that names which come and go are not kept for ever. Those that are captured stay. */
void leat_my_rels_forget(leat_my_source *s, leat_str db, leat_str name);
void leat_my_rels_free(leat_my_source *s);

/* ---- described.c ---- */
/* The description fits the TABLE_MAP: columns, types, and names where the log has them. */
bool leat_my_described(const leat_my_table *def, const leat_binlog_table *map);
/* A description from the log's full metadata alone, in a; NULL: it does not have the names. */
const leat_my_table *leat_my_describe_wire(const leat_binlog_table *map, leat_arena *a);

/* ---- change.c: rows become events ---- */
/* One rows event; bytes stay as long as b's arena. Counts its rows. */
leat_rc leat_my_change(leat_my_source *s, leat_batch *b, const leat_binlog_rows *rows, leat_err *e);
/* A table was emptied by a statement. Counts it. */
leat_rc leat_my_truncate(leat_my_source *s, leat_batch *b, leat_my_rel *rel, leat_err *e);

/* ---- event.c: what the log says becomes transactions ---- */
/* One event of the log, or (with another format than the source's) of a compressed transaction. */
leat_rc leat_my_event(leat_my_source *s, leat_batch *b, leat_binlog_format *f, leat_str bytes,
                      leat_err *e);
/* Everything read so far is safe, and s->at is here. */
void leat_my_safe_here(leat_my_source *s, leat_batch *b);
/* Appends the GTIDs of all that was read; nothing where they do not count. */
void leat_my_gtids_text(const leat_my_source *s, leat_buf *out);
/* The current place as a position; its offset is in text. */
leat_position leat_my_stream_position(leat_my_source *s, leat_buf *text);

/* ---- begin.c: what all tables look like where it begins ---- */
/* Of a connector that begins anew at s->at: notes what the captured tables look like there, and
 * with include.schema.changes adds the records that a snapshot of Debezium's begins with (SET, DROP
 * TABLE IF EXISTS, CREATE DATABASE, CREATE TABLE ...) to b. AGAIN: b is full and there are more,
 * for the next batch. Of one that goes on and has no history yet: only notes. rows: rows of a
 * snapshot follow, so that no record is marked as the last. Once an open: behind OK later calls do
 * nothing. leat_my_stream_read calls it before its first event; a snapshot whose rows come before
 * the stream calls it before them. */
leat_rc leat_my_begin(leat_my_source *s, leat_batch *b, bool rows, leat_err *e);
void leat_my_beginning_free(leat_my_beginning *n);

/* ---- statement.c: statements of DDL ---- */
/* The statement of a QUERY event, in UTF-8, and what it does. Texts point into the event or a. */
void leat_my_ddl(const leat_my_source *s, const leat_binlog_format *f, const leat_binlog_event *ev,
                 leat_arena *a, leat_ddl *ddl, leat_str *sql);
/* What it did to tables that we know: descriptions are stale, tables are emptied; what they look
 * like now is noted, and told as a record if that is wanted. */
leat_rc leat_my_statement(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_str sql,
                          leat_err *e);

/* ---- schemas.c: the schema history (event/schemas.h) ---- */
/* What is known of a table. */
typedef struct leat_my_entry {
    bool found;               /* there is an entry in force */
    bool here;                /* it was noted at the present place: this was read before */
    bool own;                 /* it is of this table, not of a whole database */
    int64_t id;               /* its number */
    leat_str what, sql;       /* as leat_schema_entry */
    const leat_my_table *def; /* what it looks like; NULL: gone, or not known */
} leat_my_entry;
/* The entry in force at the present place; texts in a. */
leat_rc leat_my_schemas_find(leat_my_source *s, const leat_my_rel *r, leat_arena *a,
                             leat_my_entry *out, leat_err *e);
/* The one that was noted for this table at the present place, when it was read before. */
leat_rc leat_my_schemas_here(leat_my_source *s, const leat_my_rel *r, leat_arena *a,
                             leat_my_entry *out, leat_err *e);
/* What is to be noted; as leat_schema_entry. */
typedef struct leat_my_noted {
    const char *what;
    leat_str db, table;       /* absent: all */
    leat_str sql;             /* absent: none */
    const leat_my_table *def; /* NULL: gone, or not known */
} leat_my_noted;
/* Notes them at the present place, durably and together. */
leat_rc leat_my_schemas_note(leat_my_source *s, const leat_my_noted *noted, size_t n, leat_err *e);

/* ---- ahead.c ---- */
/* Looks through the log from the present place to its end, as far as that was not done, for most_us
 * at most (0: however long). AGAIN: there is more of it. */
leat_rc leat_my_ahead_look(leat_my_source *s, int64_t most_us, leat_err *e);
/* The statement behind the present place, as far as was looked, that concerns the table: "at
 * FILE:POS by: ALTER ...", in a; NULL: there is none. */
const char *leat_my_ahead_has(const leat_my_source *s, const leat_my_rel *r, leat_arena *a);
void leat_my_ahead_free(leat_my_ahead *h);

/* ---- retained.c: what the server keeps of its log beyond what is durable ---- */
/* Asks it, if that is due: again and again, between events or while nothing is read. */
void leat_my_retained_look(leat_my_source *s);
/* As the last look told: lag_bytes, retained_* and log_*. */
void leat_my_retained_gauge(const leat_my_source *s, leat_gauges *g);
void leat_my_retained_free(leat_my_source *s);
/* For so many seconds logs are kept, by binlog_expire_logs_seconds and expire_logs_days (NULL: the
 * server has none of that name); 0: for ever. */
int64_t leat_my_expiry_s(const char *seconds, const char *days);

/* ---- history.c: schema changes as records ---- */
struct leat_my_history *leat_my_history_new(const leat_my_source *s);
void leat_my_history_free(struct leat_my_history *h);
/* java.sql.Types of a column's type; a label with the quotes that CREATE TABLE has, appended. */
int leat_my_jdbc_type(const char *base);
void leat_my_label_text(leat_str label, leat_buf *out);
/* A change of a table that a record tells. */
typedef struct leat_my_told {
    const char *type;           /* "CREATE", "ALTER", "DROP"; NULL: the record tells of none */
    leat_str db, name;          /* of the table */
    const leat_my_table *table; /* what it looks like; NULL: gone, or not known */
    leat_value shown;           /* source.table */
    const char *snapshot;       /* source.snapshot of a record of a snapshot at s->at; NULL: it is
                                   of the statement that is read */
} leat_my_told;
void leat_my_history_put(leat_my_source *s, leat_batch *b, leat_str db, leat_str ddl,
                         const leat_my_told *c);
/* A statement that concerns the table (NULL: the database) is told. */
leat_rc leat_my_history_wants(const leat_my_source *s, const char *db, const char *table, bool *yes,
                              leat_err *e);
/* Adds the record of a statement, if it is told. */
leat_rc leat_my_history_add(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_str sql,
                            leat_err *e);

/* The place in the log that was read up to, if nothing is open there, becomes s->at. */
void leat_my_place_here(leat_my_source *s);

/* ---- stream.c ---- */
leat_rc leat_my_stream_read(leat_my_source *s, leat_batch *b, int wait_ms, leat_err *e);

/* ---- server.c: the server's state ---- */
/* What the server is told apart by from others that have a log of the same name, in a. */
leat_rc leat_my_server_name(leat_my *c, leat_arena *a, leat_str *out, leat_err *e);
/* Where its log ends now; with GTIDs, all that it has executed. Texts in a. */
leat_rc leat_my_server_end(leat_my_source *s, leat_arena *a, leat_my_position *out, leat_err *e);
/* MariaDB's GTIDs up to that place in its log, in a. */
leat_rc leat_my_server_gtids_at(leat_my *c, leat_str file, uint64_t pos, leat_arena *a,
                                leat_str *out, leat_err *e);
/* The statement that tells it, on this server. */
const char *leat_my_server_status_sql(const leat_my *c);
/* s->at is the beginning of the oldest log. */
leat_rc leat_my_server_first(leat_my_source *s, leat_err *e);
/* What the log must be like for us; finds out whether it has GTIDs. CONF names the setting. */
leat_rc leat_my_server_ready(leat_my_source *s, leat_err *e);
/* Compares the stored position with what the server has. CONF "mysql.binlog_purged" names the gap.
 */
leat_rc leat_my_server_compare(leat_my_source *s, leat_err *e);

/* ---- source.c: as source.h says ---- */
leat_rc leat_my_open_source(leat_task *t, const leat_position *pos, size_t n, leat_err *e);
leat_rc leat_my_read_source(leat_task *t, leat_batch *b, int wait_ms, leat_err *e);
leat_rc leat_my_ack_source(leat_task *t, leat_position pos, leat_err *e);
leat_rc leat_my_end_source(leat_task *t, leat_arena *a, leat_str *end, leat_err *e);
bool leat_my_passed_source(leat_task *t, leat_str end, const leat_position *pos, size_t n);
void leat_my_gauges_source(leat_task *t, leat_gauges *g);
void leat_my_close_source(leat_task *t);
leat_rc leat_my_offset_check(const void *conf, leat_position now, leat_position to, leat_arena *a,
                             leat_position *out, const char **note, leat_err *e);
void leat_my_offset_text(leat_str offset, leat_buf *out);
/* As leat_source_history.skips. */
bool leat_my_skips(leat_position was, leat_position to, bool *doubt);
leat_rc leat_my_signal_source(leat_task *t, leat_str json, leat_err *e);
const leat_capture_conf *leat_my_capture_source(const void *conf);

/* ---- dbzhistory.c: as source.h says ---- */
extern const leat_source_history leat_my_source_history;

/* ---- check.c ---- */
/* All steps; mariadb: for that connector. */
void leat_my_check(const leat_my_conf *conf, bool mariadb, leat_checker *c);
/* As source.h says. */
leat_rc leat_my_discover(const void *conf, leat_catalog *out, leat_err *e);

/* compare.c: leat_source.compare */
leat_rc leat_my_source_compare(const void *conf, const char *app, leat_compare_side **out,
                               leat_err *e);

#endif

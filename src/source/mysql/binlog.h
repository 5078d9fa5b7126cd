/* The events of a binary log, MySQL 5.7 to 9.x and MariaDB 10.4 to 11.x.
 *
 * Pure decoders: bytes in, structs out, no I/O. Texts and lists point into the bytes given or into
 * the arena, so both must live as long as the event is used. Bytes are one event as it stands in a
 * file or behind the OK byte of a dump stream's packet: header, body, checksum.
 *
 * One thread a format. Malformed bytes are FATAL "mysql.binlog"; a kind of event that is not known
 * and may not be passed over is FATAL "mysql.event". */
#ifndef LEAT_SOURCE_MYSQL_BINLOG_H
#define LEAT_SOURCE_MYSQL_BINLOG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The fifth byte of an event. */
typedef enum leat_binlog_type {
    LEAT_BINLOG_QUERY = 2,
    LEAT_BINLOG_STOP = 3,
    LEAT_BINLOG_ROTATE = 4,
    LEAT_BINLOG_INTVAR = 5, /* statement logging: what an AUTO_INCREMENT or LAST_INSERT_ID was */
    LEAT_BINLOG_RAND = 13,
    LEAT_BINLOG_USER_VAR = 14,
    LEAT_BINLOG_FORMAT_DESCRIPTION = 15,
    LEAT_BINLOG_XID = 16,
    LEAT_BINLOG_BEGIN_LOAD_QUERY = 17,
    LEAT_BINLOG_EXECUTE_LOAD_QUERY = 18,
    LEAT_BINLOG_TABLE_MAP = 19,
    LEAT_BINLOG_WRITE_ROWS_V1 = 23, /* MariaDB's */
    LEAT_BINLOG_UPDATE_ROWS_V1 = 24,
    LEAT_BINLOG_DELETE_ROWS_V1 = 25,
    LEAT_BINLOG_INCIDENT = 26,
    LEAT_BINLOG_HEARTBEAT = 27, /* made for the stream: never in a file */
    LEAT_BINLOG_ROWS_QUERY = 29,
    LEAT_BINLOG_WRITE_ROWS = 30, /* version 2: MySQL's */
    LEAT_BINLOG_UPDATE_ROWS = 31,
    LEAT_BINLOG_DELETE_ROWS = 32,
    LEAT_BINLOG_GTID = 33,
    LEAT_BINLOG_ANONYMOUS_GTID = 34,
    LEAT_BINLOG_PREVIOUS_GTIDS = 35,
    LEAT_BINLOG_TRANSACTION_CONTEXT = 36, /* group replication's; nothing of ours */
    LEAT_BINLOG_VIEW_CHANGE = 37,
    LEAT_BINLOG_XA_PREPARE = 38,
    LEAT_BINLOG_PARTIAL_UPDATE_ROWS = 39,
    LEAT_BINLOG_TRANSACTION_PAYLOAD = 40,
    LEAT_BINLOG_HEARTBEAT_V2 = 41,
    LEAT_BINLOG_GTID_TAGGED = 42,
    LEAT_BINLOG_ANNOTATE_ROWS = 160, /* from here on MariaDB's */
    LEAT_BINLOG_CHECKPOINT = 161,
    LEAT_BINLOG_MARIADB_GTID = 162,
    LEAT_BINLOG_MARIADB_GTID_LIST = 163,
    LEAT_BINLOG_START_ENCRYPTION = 164,
    LEAT_BINLOG_QUERY_COMPRESSED = 165,
    LEAT_BINLOG_WRITE_ROWS_COMPRESSED_V1 = 166,
    LEAT_BINLOG_UPDATE_ROWS_COMPRESSED_V1 = 167,
    LEAT_BINLOG_DELETE_ROWS_COMPRESSED_V1 = 168,
    LEAT_BINLOG_WRITE_ROWS_COMPRESSED = 169,
    LEAT_BINLOG_UPDATE_ROWS_COMPRESSED = 170,
    LEAT_BINLOG_DELETE_ROWS_COMPRESSED = 171,
} leat_binlog_type;

/* leat_binlog_event.flags, as far as they matter. */
enum {
    LEAT_BINLOG_F_IN_USE = 0x01,     /* FORMAT_DESCRIPTION: the file was not closed */
    LEAT_BINLOG_F_ARTIFICIAL = 0x20, /* made for the stream: its position is not one of the file */
    LEAT_BINLOG_F_IGNORABLE = 0x80,  /* who does not know it may pass it over */
};

enum {
    LEAT_BINLOG_HEADER = 19,
    LEAT_BINLOG_MAGIC = 4 /* bytes "\xfe" "bin" before a file's first */
};

typedef enum leat_binlog_checksum {
    LEAT_BINLOG_CHECKSUM_OFF = 0,
    LEAT_BINLOG_CHECKSUM_CRC32 = 1,
    LEAT_BINLOG_CHECKSUM_UNKNOWN = 255, /* before the first FORMAT_DESCRIPTION: found by trying */
} leat_binlog_checksum;

/* What the last FORMAT_DESCRIPTION said. Kept by who reads the stream; zeroed and then given
 * checksum UNKNOWN it is valid before the first event. Owns nothing. */
typedef struct leat_binlog_format {
    bool known;     /* a FORMAT_DESCRIPTION was seen */
    bool mariadb;   /* the server's version says so */
    bool encrypted; /* a START_ENCRYPTION was seen: what follows in the file is not plain (a server
                       decrypts what it sends) */
    uint8_t checksum;  /* leat_binlog_checksum of the events behind it */
    uint8_t npost;     /* how many kinds of event the server has */
    char version[51];  /* of the server: "9.7.4", "10.11.19-MariaDB-log" */
    uint8_t post[256]; /* length of the fixed part of each kind; [0] unused */
} leat_binlog_format;

/* A global transaction id of MySQL. */
enum { LEAT_GTID_TAG = 32 };
typedef struct leat_gtid {
    uint8_t uuid[16];            /* of the server, as it is printed */
    char tag[LEAT_GTID_TAG + 1]; /* lower case; "": none */
    uint64_t gno;                /* 1, 2, 3...; 0: none (ANONYMOUS_GTID) */
} leat_gtid;

/* One of MariaDB. */
typedef struct leat_mariadb_gtid {
    uint32_t domain, server;
    uint64_t seq;
} leat_mariadb_gtid;

/* A column as a TABLE_MAP describes it. What stands below `nullable` comes with the optional
 * metadata: signedness, charsets and geometry types always (MySQL from 8.0, MariaDB from 10.5), the
 * rest with binlog_row_metadata=FULL. */
typedef struct leat_binlog_column {
    uint8_t type;  /* leat_binlog_column_type, with what a STRING stands for resolved */
    uint16_t meta; /* by type: rowimage.h */
    bool nullable;
    bool is_unsigned;       /* of numbers; see LEAT_BINLOG_HAS_SIGNS */
    bool visible;           /* true where nothing is said */
    uint8_t geometry;       /* GEOMETRY: 0 geometry, 1 point, 2 linestring ... 7 collection */
    bool is_key;            /* part of the primary key */
    uint16_t key_prefix;    /* of the key's part, in characters; 0: the whole column */
    uint16_t collation;     /* id; of text, ENUM and SET; 63: binary; 0: not said */
    uint32_t dimension;     /* VECTOR; 0: not said */
    leat_str name;          /* absent: not said; in UTF-8 */
    uint32_t nlabels;       /* ENUM, SET */
    const leat_str *labels; /* in the column's charset, as they come */
} leat_binlog_column;

typedef enum leat_binlog_column_type {
    LEAT_MYSQL_DECIMAL = 0, /* before 5.0; refused */
    LEAT_MYSQL_TINY = 1,
    LEAT_MYSQL_SHORT = 2,
    LEAT_MYSQL_LONG = 3,
    LEAT_MYSQL_FLOAT = 4,
    LEAT_MYSQL_DOUBLE = 5,
    LEAT_MYSQL_NULL = 6,
    LEAT_MYSQL_TIMESTAMP = 7, /* old form, no fractions */
    LEAT_MYSQL_LONGLONG = 8,
    LEAT_MYSQL_INT24 = 9,
    LEAT_MYSQL_DATE = 10,
    LEAT_MYSQL_TIME = 11,     /* old form */
    LEAT_MYSQL_DATETIME = 12, /* old form */
    LEAT_MYSQL_YEAR = 13,
    LEAT_MYSQL_NEWDATE = 14,
    LEAT_MYSQL_VARCHAR = 15,
    LEAT_MYSQL_BIT = 16,
    LEAT_MYSQL_TIMESTAMP2 = 17,
    LEAT_MYSQL_DATETIME2 = 18,
    LEAT_MYSQL_TIME2 = 19,
    LEAT_MARIADB_BLOB_COMPRESSED = 140,
    LEAT_MARIADB_VARCHAR_COMPRESSED = 141,
    LEAT_MYSQL_VECTOR = 242,
    LEAT_MYSQL_JSON = 245,
    LEAT_MYSQL_NEWDECIMAL = 246,
    LEAT_MYSQL_ENUM = 247,
    LEAT_MYSQL_SET = 248,
    LEAT_MYSQL_TINY_BLOB = 249,
    LEAT_MYSQL_MEDIUM_BLOB = 250,
    LEAT_MYSQL_LONG_BLOB = 251,
    LEAT_MYSQL_BLOB = 252,
    LEAT_MYSQL_VAR_STRING = 253,
    LEAT_MYSQL_STRING = 254,
    LEAT_MYSQL_GEOMETRY = 255,
} leat_binlog_column_type;

/* Which optional metadata a TABLE_MAP had; leat_binlog_table.has. */
enum {
    LEAT_BINLOG_HAS_SIGNS = 0x01,    /* is_unsigned is told (always for tables with numbers) */
    LEAT_BINLOG_HAS_CHARSETS = 0x02, /* collation of text columns is told */
    LEAT_BINLOG_HAS_NAMES = 0x04,
    LEAT_BINLOG_HAS_LABELS = 0x08,
    LEAT_BINLOG_HAS_KEY = 0x10,
    LEAT_BINLOG_HAS_GEOMETRY = 0x20,
    LEAT_BINLOG_HAS_VISIBILITY = 0x40,
    LEAT_BINLOG_HAS_LABEL_CHARSETS = 0x80, /* collation of ENUM and SET columns is told */
};

typedef struct leat_binlog_table {
    uint64_t id; /* that rows events name; valid until the statement's end */
    uint16_t flags;
    leat_str db, name;
    uint32_t ncols;
    const leat_binlog_column *cols;
    uint8_t has;         /* LEAT_BINLOG_HAS_* */
    uint32_t nkey;       /* columns of the primary key ... */
    const uint16_t *key; /* ... in its order; only with HAS_KEY */
    leat_str wire;       /* the bytes that all of the above was made of, behind id and flags: equal
                            bytes, equal table */
} leat_binlog_table;

typedef enum leat_binlog_rows_kind {
    LEAT_BINLOG_ROWS_WRITE,  /* after images */
    LEAT_BINLOG_ROWS_UPDATE, /* before and after images in turn */
    LEAT_BINLOG_ROWS_DELETE, /* before images */
} leat_binlog_rows_kind;

enum { LEAT_BINLOG_ROWS_END = 1 /* of a statement: all table ids end their life here */ };

/* A rows event, its rows not yet looked at: rowimage.h reads them. */
typedef struct leat_binlog_rows {
    uint64_t table;  /* leat_binlog_table.id */
    uint16_t flags;  /* LEAT_BINLOG_ROWS_* */
    uint8_t kind;    /* leat_binlog_rows_kind */
    bool partial;    /* PARTIAL_UPDATE_ROWS: JSON columns of after images may hold diffs */
    uint32_t ncols;  /* of the table */
    leat_str before; /* a bit a column: present in before images; absent: no such images */
    leat_str after;
    leat_str rows; /* the images; decompressed where the event was compressed */
} leat_binlog_rows;

typedef struct leat_binlog_event {
    uint8_t type; /* leat_binlog_type, as on the wire */
    bool skip;    /* nothing of ours: an ignorable event that is not known, or one without meaning
                     for a reader of rows; the union is not filled */
    uint16_t flags;
    uint32_t ts; /* seconds since 1970 */
    uint32_t server_id;
    uint32_t size;    /* of the event, header and checksum included */
    uint32_t end_pos; /* in its file, modulo 2^32; 0: made for the stream */
    union {
        struct {
            uint64_t pos;
            leat_str file;
        } rotate; /* ROTATE; HEARTBEAT, HEARTBEAT_V2: where the stream stands (pos 0: end_pos) */
        struct {
            uint32_t thread, seconds; /* connection's id; how long it ran */
            uint16_t error;           /* 0: it succeeded */
            leat_str db;              /* default database; may be empty */
            leat_str sql;             /* decompressed; in the client's charset */
            bool has_sql_mode;
            uint64_t sql_mode;       /* bits of @@sql_mode: DDL is quoted by it */
            uint16_t client_charset; /* collation ids; 0: not said */
            uint16_t server_charset;
            int32_t microseconds; /* behind ts; -1: not said */
            uint64_t xid;         /* of an atomic DDL; 0: none */
        } query; /* QUERY, QUERY_COMPRESSED, EXECUTE_LOAD_QUERY (thread and db alone are sure) */
        uint64_t xid; /* XID: commit */
        struct {
            leat_gtid id;
            bool anonymous;
            uint64_t last_committed, sequence; /* logical clock of group commit */
            uint64_t commit_us;          /* immediate commit time, us since 1970; 0: not said */
            uint64_t original_commit_us; /* on the first server; the same if not said */
            uint64_t length;             /* of the transaction in bytes; 0: not said */
            uint32_t server_version;     /* 80405; 0: not said */
        } gtid;                          /* GTID, ANONYMOUS_GTID, GTID_TAGGED */
        struct {
            leat_mariadb_gtid id;
            uint8_t flags;  /* LEAT_MARIADB_GTID_* */
            uint64_t group; /* id of the group commit; 0: none */
        } mariadb_gtid;
        struct {
            uint32_t n;
            const leat_mariadb_gtid *ids;
            uint8_t flags;
        } gtid_list;
        leat_str previous_gtids; /* PREVIOUS_GTIDS: leat_gtid_set_decode reads it */
        leat_binlog_table table; /* TABLE_MAP */
        leat_binlog_rows rows;   /* every kind of rows event */
        leat_str statement;      /* ROWS_QUERY, ANNOTATE_ROWS: of the rows that follow */
        struct {
            bool one_phase; /* commits here; else it is only prepared */
            leat_str gtrid, bqual;
            int32_t format_id;
        } xa; /* XA_PREPARE */
        struct {
            leat_str data; /* zstd, or as it is */
            bool compressed;
            uint64_t size; /* of the events in it */
        } payload;         /* TRANSACTION_PAYLOAD: leat_binlog_unpack_* reads it */
        struct {
            uint16_t number; /* 1: lost events */
            leat_str message;
        } incident;
    };
} leat_binlog_event;

/* leat_binlog_event.mariadb_gtid.flags */
enum {
    LEAT_MARIADB_GTID_STANDALONE = 0x01, /* one statement of DDL; no COMMIT follows */
    LEAT_MARIADB_GTID_GROUP = 0x02,
    LEAT_MARIADB_GTID_TRANSACTIONAL = 0x04,
    LEAT_MARIADB_GTID_DDL = 0x20,
    LEAT_MARIADB_GTID_PREPARED_XA = 0x40,
    LEAT_MARIADB_GTID_COMPLETED_XA = 0x80,
};

/* Decodes one event. A FORMAT_DESCRIPTION changes *f. A checksum that does not fit is FATAL
 * "mysql.checksum"; bytes of an encrypted file are FATAL "mysql.encrypted".
 * Lists and what is decompressed go to a. most: bytes that a compressed event may become; 0: 1 GiB.
 */
leat_rc leat_binlog_decode(leat_binlog_format *f, leat_str bytes, size_t most, leat_arena *a,
                           leat_binlog_event *out, leat_err *e);

/* Of the first LEAT_BINLOG_HEADER bytes of an event: its type and size, to find the next one in a
 * file. FATAL when it can be none. */
leat_rc leat_binlog_peek(leat_str bytes, uint8_t *type, uint32_t *size, leat_err *e);

/* "query", "table_map"...; "unknown" for other bytes. */
const char *leat_binlog_type_name(uint8_t type);
/* "varchar"...; for messages. */
const char *leat_binlog_column_type_name(uint8_t type);

/* The events inside a TRANSACTION_PAYLOAD, one after the other: memory for one event and zstd's
 * window, whatever the transaction's size. They have no checksums. */
typedef struct leat_binlog_unpack {
    leat_str in;    /* what is left of the payload; borrowed */
    void *zstd;     /* heap; NULL: not compressed */
    leat_buf buf;   /* decompressed, not yet given */
    size_t at;      /* of it already given */
    uint64_t given; /* bytes of events so far; at the end what the event said, or it is an error */
    uint64_t size;
    size_t most;               /* bytes of one event */
    bool ended;                /* all of in was decompressed */
    leat_binlog_format format; /* that of the stream, checksums off */
} leat_binlog_unpack;
/* Of a zeroed one; ev's payload must live as long. most: bytes of one event; 0: 1 GiB. */
leat_rc leat_binlog_unpack_init(leat_binlog_unpack *u, const leat_binlog_format *f,
                                const leat_binlog_event *ev, size_t most, leat_err *e);
/* The bytes of the next event, valid until the next call; LEAT_AGAIN: there is none. To be given to
 * leat_binlog_decode with &u->format. */
leat_rc leat_binlog_unpack_next(leat_binlog_unpack *u, leat_str *bytes, leat_err *e);
void leat_binlog_unpack_fini(leat_binlog_unpack *u);

#endif

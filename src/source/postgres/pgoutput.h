/* The messages of PostgreSQL's logical decoding plugin pgoutput, protocol version 1.
 *
 * A pure decoder: bytes in, structs out; every text and cell points into the bytes given, so these
 * must live as long as the message is used. Servers 10 to 18 send the same at proto_version 1; what
 * they add there (logical messages since 14, binary cells since 14) is understood. Messages of
 * streamed or two-phase transactions (versions 2 to 4) are refused by name. */
#ifndef LEAT_SOURCE_POSTGRES_PGOUTPUT_H
#define LEAT_SOURCE_POSTGRES_PGOUTPUT_H

#include "base/arena.h"
#include "base/err.h"

/* The first byte of a message. */
typedef enum leat_pgoutput_type {
    LEAT_PGOUTPUT_BEGIN = 'B',
    LEAT_PGOUTPUT_COMMIT = 'C',
    LEAT_PGOUTPUT_ORIGIN = 'O',
    LEAT_PGOUTPUT_RELATION = 'R',
    LEAT_PGOUTPUT_TYPE = 'Y',
    LEAT_PGOUTPUT_INSERT = 'I',
    LEAT_PGOUTPUT_UPDATE = 'U',
    LEAT_PGOUTPUT_DELETE = 'D',
    LEAT_PGOUTPUT_TRUNCATE = 'T',
    LEAT_PGOUTPUT_MESSAGE = 'M',
} leat_pgoutput_type;

/* One column of a tuple. */
typedef enum leat_pgoutput_cell_kind {
    LEAT_PGOUTPUT_NULL = 'n',
    LEAT_PGOUTPUT_UNCHANGED = 'u', /* a TOASTed value that the update did not touch: not sent */
    LEAT_PGOUTPUT_TEXT = 't',      /* the type's output function */
    LEAT_PGOUTPUT_BINARY = 'b',    /* its send function; only when asked for with binary 'true' */
} leat_pgoutput_cell_kind;

typedef struct leat_pgoutput_cell {
    char kind;     /* leat_pgoutput_cell_kind */
    leat_str data; /* TEXT, BINARY; else absent */
} leat_pgoutput_cell;

typedef struct leat_pgoutput_tuple {
    uint16_t n; /* columns, in the relation's order */
    const leat_pgoutput_cell *cells;
} leat_pgoutput_tuple;

/* A column as a relation message describes it. */
typedef struct leat_pgoutput_column {
    bool key; /* part of the replica identity (with FULL: every column) */
    leat_str name;
    uint32_t type;  /* pg_type.oid; of a domain its own */
    int32_t typmod; /* pg_attribute.atttypmod, -1: none */
} leat_pgoutput_column;

typedef struct leat_pgoutput_msg {
    char type; /* leat_pgoutput_type */
    union {
        struct {
            uint64_t final_lsn; /* of the commit record */
            int64_t ts_us;      /* commit time, Unix microseconds */
            uint32_t xid;
        } begin;
        struct {
            uint64_t lsn;     /* of the commit record */
            uint64_t end_lsn; /* behind it: what may be confirmed */
            int64_t ts_us;    /* commit time, Unix microseconds */
        } commit;
        struct {
            uint64_t lsn; /* of the commit on the origin */
            leat_str name;
        } origin;
        struct {
            uint32_t id;           /* pg_class.oid */
            leat_str schema, name; /* schema: "pg_catalog" where the wire has "" */
            char replica_identity; /* 'd' default, 'n' nothing, 'f' full, 'i' index */
            uint16_t n;
            const leat_pgoutput_column *cols;
        } relation;
        struct {
            uint32_t id;           /* pg_type.oid */
            leat_str schema, name; /* of a domain: its base type's; schema as in relation */
        } type_of;
        /* INSERT: now. UPDATE: now, and old if old_kind is not 0. DELETE: old. */
        struct {
            uint32_t relation;
            char old_kind; /* 'K': old has the replica identity's columns, the others are NULL;
                              'O': old is the whole row (FULL); 0: no old */
            leat_pgoutput_tuple old, now;
        } change;
        struct {
            uint32_t n;
            const uint32_t *relations;
            bool cascade, restart_identity;
        } truncate;
        struct {
            bool transactional; /* else it stands outside of begin and commit */
            uint64_t lsn;
            leat_str prefix, content;
        } message;
    };
} leat_pgoutput_msg;

/* Decodes one message: the payload of an XLogData frame. Arrays go to a, texts stay in bytes. FATAL
 * "postgres.protocol" when it is malformed, has bytes left over, or is of a kind that protocol 1
 * does not have; out is then undefined. */
leat_rc leat_pgoutput_decode(leat_str bytes, leat_arena *a, leat_pgoutput_msg *out, leat_err *e);

/* "begin", "relation"...; "unknown" for other bytes. */
const char *leat_pgoutput_type_name(char type);

#endif

/* Row images of the binary log: bytes become cells.
 *
 * A table version is planned once: each column of the wire gets a parser, from the TABLE_MAP's
 * types and from what the catalogue (or the full metadata) says of it. Reading an image then looks
 * nothing up. Cells borrow the rows event's bytes where they can: these must live as long as the
 * arena.
 *
 *     types on the wire                         cell
 *     TINYINT ... BIGINT, YEAR                  INT; unsigned BIGINT: INT modulo 2^64, or DECIMAL
 *     FLOAT DOUBLE                              FLOAT
 *     DECIMAL(p,s)                              DECIMAL, scale s
 *     BIT(1), BIT(n)                            BOOL; BYTES, little-endian, (n + 7) / 8 of them
 *     DATE                                      DATE
 *     TIME(p)                                   TIME, unit US; -838:59:59 to 838:59:59
 *     DATETIME(p)                               TIMESTAMP, unit US
 *     TIMESTAMP(p)                              TIMESTAMPTZ, unit US
 *     CHAR VARCHAR TEXT, ENUM, SET              TEXT, in UTF-8 (SET: labels with commas between)
 *     BINARY VARBINARY BLOB                     BYTES (BINARY(n): filled up with zeros to n)
 *     JSON                                      TEXT, as Debezium prints it (jsonbin.h)
 *     GEOMETRY and its kin                      STRUCT {wkb, srid}
 *     POINT                                     STRUCT {x, y, wkb, srid}
 *     VECTOR                                    LIST of FLOAT
 *     INET4 INET6 UUID of MariaDB               TEXT
 *
 * A date that is none (2024-00-00, 0000-00-00, with ALLOW_INVALID_DATES 2024-02-31) is the cell
 * `zero` of its column, or TEXT as the server shows it where there is no such cell. */
#ifndef LEAT_SOURCE_MYSQL_ROWIMAGE_H
#define LEAT_SOURCE_MYSQL_ROWIMAGE_H

#include "event/value.h"
#include "source/mysql/binlog.h"
#include "source/mysql/charset.h"

/* What a column is beyond its type on the wire: MariaDB has no types of its own there. */
typedef enum leat_mysql_as {
    LEAT_MYSQL_AS_WIRE, /* what the wire says; text or bytes by the collation */
    LEAT_MYSQL_AS_INET4,
    LEAT_MYSQL_AS_INET6,
    LEAT_MYSQL_AS_UUID,
    LEAT_MYSQL_AS_POINT, /* a GEOMETRY that is a POINT */
} leat_mysql_as;

/* What is wanted of a column. Borrowed for the call but for table, name, labels and zero, which
 * live as long as the plan. */
typedef struct leat_mysql_want {
    const char *table; /* "db.table", for messages */
    const char *name;
    bool left_out; /* the column has no cell */
    uint8_t as;    /* leat_mysql_as */
    bool is_unsigned;
    bool decimal_u64; /* unsigned BIGINT: a DECIMAL cell (bigint.unsigned.handling.mode=precise) */
    uint16_t collation;     /* id, of text, ENUM and SET; 63: BYTES; 0: text in UTF-8 */
    uint32_t nlabels;       /* ENUM, SET */
    const leat_str *labels; /* in UTF-8 */
    const leat_value *zero; /* the cell of a date that is none; NULL: TEXT as the server shows it */
} leat_mysql_want;

typedef struct leat_mysql_col leat_mysql_col;
/* One value's bytes (not NULL), exactly as long as its type and metadata say. */
typedef leat_rc leat_mysql_parser(const leat_mysql_col *col, leat_str bytes, leat_arena *a,
                                  leat_value *out, leat_err *e);

/* How one column is read. In the arena of its table version; immutable. */
struct leat_mysql_col {
    leat_mysql_parser *parse; /* NULL: left out */
    uint8_t type;             /* leat_binlog_column_type */
    uint8_t digits;           /* fraction digits of times; scale of DECIMAL */
    bool is_unsigned;
    uint8_t prefix; /* bytes of the length before the value; 0: of a fixed length */
    uint16_t meta;
    uint32_t width;              /* bytes of the value, where fixed; BINARY(n): n */
    const leat_charset *charset; /* NULL: UTF-8 */
    uint32_t nlabels;
    const leat_str *labels;
    const leat_value *zero;
    const char *table, *name;
};

/* A table version's columns, in the wire's order. Cells stand in the same order, without those left
 * out. */
typedef struct leat_mysql_image {
    const leat_mysql_col *cols;
    uint32_t ncols;
    uint32_t ncells;
} leat_mysql_image;

/* Plans one column. CONF "mysql.type" for a type that is not known, CONF
 * "mysql.charset" for a collation that is not. */
leat_rc leat_mysql_col_plan(const leat_binlog_column *wire, const leat_mysql_want *want,
                            leat_mysql_col *out, leat_err *e);

/* The rows of one event, one after the other. */
typedef struct leat_mysql_rows {
    const leat_mysql_image *image;
    const leat_binlog_rows *ev;
    leat_cur at;
    uint32_t nbefore, nafter; /* columns present in each kind of image */
    uint32_t unknown; /* of the last row: columns that changed, but are ABSENT as their diffs could
                         not be applied; to be told or read again, never to be passed over */
} leat_mysql_rows;

/* FATAL "mysql.binlog" when the event has another number of columns than the image: the TABLE_MAP
 * before it belongs to another table version. */
leat_rc leat_mysql_rows_open(leat_mysql_rows *r, const leat_mysql_image *image,
                             const leat_binlog_rows *ev, leat_err *e);
/* The next row: before and after get ncells cells each in a, or NULL where the kind has no such
 * image. A column that is not present is ABSENT; so is one whose JSON diffs cannot be applied, as
 * its before image is not there. raw (may be NULL): the row's bytes. LEAT_AGAIN: there is none.
 * DATA: a value that cannot be a cell; raw is set, the next call goes on behind the row. FATAL: the
 * event is malformed. */
leat_rc leat_mysql_rows_next(leat_mysql_rows *r, leat_arena *a, const leat_value **before,
                             const leat_value **after, leat_str *raw, leat_err *e);
/* How many rows are left, counted without making cells (a walk over the bytes). */
leat_rc leat_mysql_rows_count(const leat_mysql_rows *r, uint64_t *n, leat_err *e);

#endif

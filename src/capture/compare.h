/* How `leat verify` reads a database: sums of ranges of a table's rows, and keys with hashes.
 *
 * A side is a session of its own. Both sides make of each column the same canonical text, so that
 * equal rows have equal hashes: of a row the hash of its columns' texts, each with its length, NULL
 * apart from empty. Of a range: how many rows, the sum of the hashes' first halves and the xor of
 * their second ones, so that neither pairs of equal rows nor swapped ones hide. Where the database
 * can, it computes them itself. A range is bounded by keys, as their canonical texts. Calls may
 * wait; one thread a side. */
#ifndef LEAT_CAPTURE_COMPARE_H
#define LEAT_CAPTURE_COMPARE_H

#include "base/err.h"
#include "capture/chunk.h"

__extension__ typedef __int128 leat_int128;

/* What kind of values a column has, by which it is known how two columns can be compared. */
typedef enum leat_compare_kind {
    LEAT_COMPARE_OTHER, /* only with a column of the same type of the same system */
    LEAT_COMPARE_INT,
    LEAT_COMPARE_UINT, /* whole numbers that may be larger than a signed one of 64 bits */
    LEAT_COMPARE_BOOL,
    LEAT_COMPARE_NUMBER, /* decimals */
    LEAT_COMPARE_MONEY,
    LEAT_COMPARE_FLOAT,
    LEAT_COMPARE_SINGLE, /* a float of 32 bits, where it is shown in another way than a double */
    LEAT_COMPARE_TEXT, /* and all whose text is the value: uuid, json, enums, inet, bytes as hex */
    LEAT_COMPARE_CHAR, /* text padded with blanks */
    LEAT_COMPARE_BYTES,
    LEAT_COMPARE_DATE,
    LEAT_COMPARE_TIME,
    LEAT_COMPARE_STAMP,
    LEAT_COMPARE_STAMPTZ,
    LEAT_COMPARE_INTERVAL,
    LEAT_COMPARE_BITS,
    LEAT_COMPARE_VARBITS,
    LEAT_COMPARE_ANY, /* the column takes what it is given (SQLite) */
} leat_compare_kind;

/* The canonical text that both sides make of a column. */
typedef enum leat_canon {
    LEAT_CANON_NONE,     /* there is none: the column is not compared */
    LEAT_CANON_TEXT,     /* as the server shows it */
    LEAT_CANON_BOOL,     /* true, false */
    LEAT_CANON_NUMBER,   /* a decimal without zeros at its end */
    LEAT_CANON_DECIMAL,  /* money as a plain decimal */
    LEAT_CANON_FLOAT,    /* the double's eight bytes in hex, NaN as NaN */
    LEAT_CANON_FLOAT0,   /* the same, without telling -0 from 0 */
    LEAT_CANON_TRIMMED,  /* text without blanks at its end */
    LEAT_CANON_STAMP,    /* date or time as PostgreSQL shows it, of zones: in UTC */
    LEAT_CANON_INTERVAL, /* months, days and microseconds */
    LEAT_CANON_BITS,     /* 0 and 1 without zeros in front */
    LEAT_CANON_JSON,     /* as jsonb */
    LEAT_CANON_PARSED,   /* JSON as MySQL shows it once it has read it out of a text */
    LEAT_CANON_SIGNED,   /* a whole number, from 2^63 on less 2^64 */
    LEAT_CANON_REAL,     /* the double's shortest decimal: sign, digits, exponent of the last one */
    LEAT_CANON_REAL0,    /* the same, without telling -0 from 0 */
    LEAT_CANON_MOMENT,   /* date or time without zeros at its end and without a zone: in UTC */
} leat_canon;

typedef struct leat_compare_column {
    const char *name, *type; /* type: as the server writes it */
    uint8_t kind;            /* leat_compare_kind */
    uint16_t key;            /* place in the primary key, from 1; 0: not in it */
    bool required;           /* it is never NULL, where that decides about its text */
    bool rowid;              /* SQLite: it is the row's number, which is always a whole one */
} leat_compare_column;

typedef struct leat_compare_table {
    const char *schema, *name; /* schema NULL: the session's */
    const leat_compare_column *columns;
    uint32_t n;   /* 0: there is no such table */
    int64_t rows; /* estimate, -1: unknown */
} leat_compare_table;

/* A column that is compared. */
typedef struct leat_compare_field {
    const char *name;
    uint8_t canon; /* leat_canon */
    uint8_t kind;  /* leat_compare_kind of this side */
    bool required; /* as of the column */
    bool native;   /* of a key: both servers order the values in the same way, by an index if there
                      is one; else they are ordered by the bytes of their texts */
} leat_compare_field;

/* A table of one side as it is compared; the first nkey fields are the key. */
typedef struct leat_compare_plan {
    const leat_compare_table *table;
    const leat_compare_field *fields;
    uint16_t n, nkey;
    bool xors; /* the second halves are xored; else they are summed, too */
    bool sha;  /* hashes are the first 16 bytes of SHA-256, else MD5, which new MySQLs have not */
} leat_compare_plan;

typedef struct leat_compare_sum {
    uint64_t rows;
    leat_int128 sum;  /* of the first halves, as signed numbers */
    leat_int128 both; /* xor or sum of the second halves */
} leat_compare_sum;

/* A sum as servers write it: digits, with a minus or without. */
static inline leat_int128 leat_compare_number(leat_str text)
{
    bool minus = text.len > 0 && text.s[0] == '-';
    leat_int128 v = 0;
    for (size_t i = minus; i < text.len; i++) v = v * 10 + (text.s[i] - '0');
    return minus ? -v : v;
}

/* Whether a text is one: what stands in no quotes in a statement has to be. A side's column may
 * hold anything, whatever its type (SQLite). */
static inline bool leat_compare_is_number(leat_str text)
{
    size_t i = text.len > 0 && text.s[0] == '-', from = i;
    while (i < text.len && text.s[i] >= '0' && text.s[i] <= '9') i++;
    return i == text.len && i > from;
}

/* A half of a hash, of its 16 lower-case hexadecimal digits from at on. */
static inline int64_t leat_compare_half(leat_str hex, int at)
{
    uint64_t v = 0;
    for (int i = at; i < at + 16; i++) {
        char c = hex.s[i];
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return (int64_t)v;
}

/* The halves of the hash of a row: of its columns' texts, each behind its length and a colon, "N"
 * for NULL. */
void leat_compare_hash(leat_str texts, bool sha, int64_t *first, int64_t *second);

/* Rows with lo < key <= hi, both nkey texts; NULL: no bound. Or, if nkeys > 0, those with these
 * keys, nkeys * nkey texts. */
typedef struct leat_compare_range {
    const leat_str *lo, *hi;
    const leat_str *keys;
    uint32_t nkeys;
} leat_compare_range;

/* One row. */
typedef struct leat_compare_row {
    const leat_str *key;   /* nkey texts, borrowed for the call */
    int64_t first, second; /* halves of its hash */
    uint64_t version;      /* another one whenever the row was written; 0: the server has none */
} leat_compare_row;

typedef struct leat_compare_side leat_compare_side;
struct leat_compare_side {
    const char *system; /* "postgresql", "mysql", "mariadb", "sqlite" */
    char quote;         /* around names */
    bool xors;          /* it has an xor of its own */
    bool folds;         /* names of tables that differ by case alone are the same */
    bool versions;      /* its rows tell their versions */
    bool one_zero;      /* what it is given as -0 is 0 there */
    bool recodes;       /* its texts are not UTF-8 there: only a plan's sha hashes them as that */
    int64_t spent_us;   /* in statements so far */
    /* Set by its owner: once true, long statements end with RETRY; NULL: never. */
    bool (*leaves)(void *arg);
    void *arg;

    /* Appends the expression of a column's canonical text; and " AND ..." of a range: for a
     * statement whose one item of FROM is the table. */
    void (*text)(leat_buf *out, const leat_compare_field *f);
    void (*where)(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r);

    /* Appends the constant of the column's type that has this canonical text; NULL: the text in
     * quotes is one. */
    void (*value)(leat_buf *out, const leat_compare_field *f, leat_str text);

    /* Fills table, whose schema and name are given; in a. */
    leat_rc (*describe)(leat_compare_side *s, leat_compare_table *t, leat_arena *a, leat_err *e);
    /* All that follows until `end` is of one moment. view: what it shows, in a (NULL: not asked
     * for); running: ids of transactions that the server counts as not ended, of a side with
     * versions. */
    leat_rc (*begin)(leat_compare_side *s, leat_arena *a, leat_view *view, const uint64_t **running,
                     size_t *nrunning, leat_err *e);
    leat_rc (*end)(leat_compare_side *s, leat_err *e);
    /* The key of the row behind `skip` others of the range, in its order; NULL: there are not as
     * many. In a. */
    leat_rc (*bound)(leat_compare_side *s, const leat_compare_plan *p, const leat_compare_range *r,
                     uint64_t skip, leat_arena *a, const leat_str **key, leat_err *e);
    leat_rc (*sum)(leat_compare_side *s, const leat_compare_plan *p, const leat_compare_range *r,
                   leat_compare_sum *out, leat_err *e);
    leat_rc (*rows)(leat_compare_side *s, const leat_compare_plan *p, const leat_compare_range *r,
                    void (*fn)(void *arg, const leat_compare_row *row), void *arg, leat_err *e);
    /* Removes the row of this key if it is still what it was, committed; *done: it is gone. NULL:
     * nothing is written to this side. */
    leat_rc (*remove)(leat_compare_side *s, const leat_compare_plan *p, const leat_compare_row *row,
                      bool *done, leat_err *e);
    void (*close)(leat_compare_side *s);
};

#endif

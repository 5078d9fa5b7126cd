/* Tables as a server describes them now: information_schema and SHOW CREATE TABLE. */
#ifndef LEAT_SYSTEM_MYSQL_CATALOG_H
#define LEAT_SYSTEM_MYSQL_CATALOG_H

#include "system/mysql/conn.h"

/* A column. Texts are never NULL unless said. */
typedef struct leat_my_column {
    const char *name;
    const char *type;      /* whole, lower case but for labels: "int(6) unsigned zerofill" */
    const char *base;      /* its first word: "int", "varchar", "enum" */
    int32_t length, scale; /* what stands in its parentheses: numbers, -1: none */
    bool is_unsigned, zerofill;
    bool nullable;
    bool auto_increment;
    bool generated;         /* from other columns */
    bool on_update;         /* set to the time at each update */
    leat_str def;           /* constant default as it would be written between quotes, or a number;
                               absent: there is none */
    bool def_now;           /* the default is the time of the insert */
    const char *charset;    /* NULL: it has none */
    const char *collation;  /* NULL: it has none */
    uint16_t collation_id;  /* 0: none, or not known */
    const char *comment;    /* "": none */
    uint32_t nlabels;       /* enum, set */
    const leat_str *labels; /* without quotes */
} leat_my_column;

typedef struct leat_my_table {
    const char *db, *name;
    const leat_my_column *cols;
    uint16_t ncols;
    const uint16_t *key; /* columns of the primary key, else of the first unique key all of whose
                            columns are NOT NULL, in the key's order */
    uint16_t nkey;
    bool primary;        /* it is the primary key */
    const char *charset; /* default; NULL: not known */
    const char *comment; /* "": none */
    const char *create;  /* SHOW CREATE TABLE */
} leat_my_table;

/* Reads a table's description into a; *out is NULL when there is no such table, or it is a view. */
leat_rc leat_my_table_read(leat_my *c, const char *db, const char *name, leat_arena *a,
                           const leat_my_table **out, leat_err *e);

/* SHOW CREATE TABLE, in a; *out is NULL when there is no such table, or it is a view. */
leat_rc leat_my_table_create(leat_my *c, const char *db, const char *name, leat_arena *a,
                             const char **out, leat_err *e);

/* Fills base, length, scale, signs and labels of a column from its type. */
void leat_my_column_type(leat_my_column *c, leat_arena *a);

/* A table of the list. */
typedef struct leat_my_relation {
    const char *db, *name;
    const char *engine; /* "" where the server does not say */
    int64_t rows;       /* estimates, -1: unknown */
    int64_t bytes;
    bool keyed; /* it has a primary key */
} leat_my_relation;

/* All tables that are no views and not the server's own, sorted by database and name; in a. */
leat_rc leat_my_relations(leat_my *c, leat_arena *a, leat_my_relation **out, size_t *n,
                          leat_err *e);
/* The account of the session, as it stands in a GRANT: 'name'@'host'. In a. */
leat_rc leat_my_account(leat_my *c, leat_arena *a, const char **out, leat_err *e);
/* One of the server's own databases: mysql, sys and their like. */
bool leat_my_is_builtin(const char *db);

#endif

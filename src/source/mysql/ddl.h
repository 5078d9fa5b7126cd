/* What a statement of the binary log does, and which tables it concerns.
 *
 * A tokenizer, no parser: it finds the kind of statement and the names behind it, and never fails:
 * what it does not know is UNREAD and may concern any table. It understands quoting (also
 * ANSI_QUOTES), comments, and comments that are code on a server of that version. A column's
 * definition is not looked at: the catalogue has the truth. Pure; any thread. */
#ifndef LEAT_SOURCE_MYSQL_DDL_H
#define LEAT_SOURCE_MYSQL_DDL_H

#include "base/arena.h"

typedef enum leat_ddl_kind {
    LEAT_DDL_OTHER,  /* nothing that concerns tables: GRANT, FLUSH, CREATE FUNCTION, SET ... */
    LEAT_DDL_UNREAD, /* nobody knows: all tables may be others behind it */
    LEAT_DDL_BEGIN,  /* BEGIN, START TRANSACTION, XA START */
    LEAT_DDL_COMMIT,
    LEAT_DDL_ROLLBACK,
    LEAT_DDL_SAVEPOINT,   /* and RELEASE SAVEPOINT */
    LEAT_DDL_ROLLBACK_TO, /* a savepoint: the transaction goes on */
    LEAT_DDL_XA_END,      /* the transaction's statements end; not yet prepared */
    LEAT_DDL_XA_PREPARE,
    LEAT_DDL_XA_COMMIT,
    LEAT_DDL_XA_ROLLBACK,
    LEAT_DDL_CREATE_TABLE,
    LEAT_DDL_ALTER_TABLE,  /* and CREATE INDEX, DROP INDEX */
    LEAT_DDL_DROP_TABLE,   /* one or several */
    LEAT_DDL_RENAME_TABLE, /* pairs; also ALTER TABLE ... RENAME TO */
    LEAT_DDL_TRUNCATE_TABLE,
    LEAT_DDL_CREATE_DATABASE,
    LEAT_DDL_ALTER_DATABASE,
    LEAT_DDL_DROP_DATABASE, /* all of its tables */
    LEAT_DDL_CREATE_VIEW,   /* and ALTER VIEW */
    LEAT_DDL_DROP_VIEW,
    LEAT_DDL_CHANGES_ROWS, /* INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL ... as a statement: rows
                              that are in no rows event */
} leat_ddl_kind;

enum {
    LEAT_DDL_ANSI_QUOTES = 1,          /* sql_mode: "x" is a name */
    LEAT_DDL_NO_BACKSLASH_ESCAPES = 2, /* sql_mode */
    LEAT_DDL_MARIADB = 4,              /* comments with "M!" are code */
};

/* A table concerned. Names as the server knows them, unquoted. */
typedef struct leat_ddl_table {
    leat_str db, name;         /* db: the default one where the statement names none */
    leat_str new_db, new_name; /* RENAME: what it is called now; else absent */
} leat_ddl_table;

typedef struct leat_ddl {
    uint8_t kind;        /* leat_ddl_kind */
    bool temporary;      /* CREATE/DROP TEMPORARY TABLE: concerns no table that is captured */
    bool if_exists;      /* IF EXISTS, IF NOT EXISTS, OR REPLACE */
    bool index;          /* CREATE INDEX, DROP INDEX */
    bool like_or_select; /* CREATE TABLE ... LIKE, ... SELECT */
    leat_str database;   /* of the kinds about databases; else the default one */
    leat_str xid;        /* XA: its text */
    uint32_t ntables;
    const leat_ddl_table *tables;
} leat_ddl;

/* sql in an ASCII-compatible charset; flags: LEAT_DDL_*; version: the server's, as in comments
 * (80036), 0: every version's comments are code. Texts point into sql or a. */
void leat_ddl_read(leat_str sql, leat_str default_db, unsigned flags, uint32_t version,
                   leat_arena *a, leat_ddl *out);
/* The flags that stand in a QUERY event's sql_mode. */
unsigned leat_ddl_flags(uint64_t sql_mode);
/* "create_table"... */
const char *leat_ddl_kind_name(uint8_t kind);

#endif

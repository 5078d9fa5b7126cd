/* A statement of SQL as it was read: what to do with which connector, connection or topic.
 *
 * ksqlDB's:
 *   CREATE SOURCE|SINK CONNECTOR [IF NOT EXISTS] name WITH (option = literal, ...);
 *   DROP CONNECTOR [IF EXISTS] name;    DESCRIBE CONNECTOR name;
 *   SHOW|LIST [SOURCE|SINK] CONNECTORS; SHOW|LIST CONNECTOR PLUGINS;
 *   SHOW|LIST TOPICS; PRINT topic [FROM BEGINNING] [LIMIT n];
 *   DEFINE name = 'value'; UNDEFINE name; SHOW|LIST VARIABLES;
 *   SHOW|LIST PROPERTIES; SET 'name' = 'value'; UNSET 'name';
 * and beside them:
 *   ALTER CONNECTOR name SET (option = literal, ...);      NULL takes an option out
 *   PAUSE|RESUME|STOP|RESTART CONNECTOR name;
 *   SHOW|LIST OFFSETS FOR CONNECTOR name; RESET OFFSETS FOR CONNECTOR name;
 *   ALTER OFFSETS FOR CONNECTOR name SET 'JSON';
 *   DROP CONNECTOR [IF EXISTS] name [DELETE OFFSETS] [FORGET];
 *   SNAPSHOT CONNECTOR name TABLES table, ... [WHERE 'condition'] [BLOCKING];
 *   SHOW|LIST|RETRY|DROP DEAD LETTERS [id, ...] FOR CONNECTOR name;    no id: all
 *   ALTER DEAD LETTERS id FOR CONNECTOR name SET 'JSON';
 *   TEST CONNECTOR name;
 *   CREATE CONNECTION [IF NOT EXISTS] name WITH (type = literal, ...) [WITHOUT TEST];
 *   ALTER CONNECTION name SET (parameter = literal, ...) [WITHOUT TEST] [RESTART];
 *   DROP CONNECTION [IF EXISTS] name; DESCRIBE CONNECTION name; SHOW|LIST CONNECTIONS;
 *   TEST CONNECTION name [FOR strategy] [WITH (option = literal, ...)];
 *   SELECT ...; WITH name AS (SELECT ...) SELECT ...;      SQLite's, over topics and state
 *
 * Words that are not quoted are names in capitals; "..." and `...` keep their case. */
#ifndef LEAT_SQL_STATEMENT_H
#define LEAT_SQL_STATEMENT_H

#include "sql/vars.h"

typedef enum leat_sql_kind {
    LEAT_SQL_CREATE_CONNECTOR,
    LEAT_SQL_ALTER_CONNECTOR,
    LEAT_SQL_DROP_CONNECTOR,
    LEAT_SQL_DESCRIBE_CONNECTOR,
    LEAT_SQL_TEST_CONNECTOR,
    LEAT_SQL_CREATE_CONNECTION,
    LEAT_SQL_ALTER_CONNECTION,
    LEAT_SQL_DROP_CONNECTION,
    LEAT_SQL_DESCRIBE_CONNECTION,
    LEAT_SQL_TEST_CONNECTION,
    LEAT_SQL_LIST_CONNECTIONS,
    LEAT_SQL_LIST_CONNECTORS,
    LEAT_SQL_LIST_PLUGINS,
    LEAT_SQL_PAUSE,
    LEAT_SQL_RESUME,
    LEAT_SQL_STOP,
    LEAT_SQL_RESTART,
    LEAT_SQL_SNAPSHOT,
    LEAT_SQL_LIST_OFFSETS,
    LEAT_SQL_ALTER_OFFSETS,
    LEAT_SQL_RESET_OFFSETS,
    LEAT_SQL_LIST_LETTERS,
    LEAT_SQL_RETRY_LETTERS,
    LEAT_SQL_DROP_LETTERS,
    LEAT_SQL_ALTER_LETTER,
    LEAT_SQL_LIST_TOPICS,
    LEAT_SQL_PRINT,
    LEAT_SQL_SELECT,
    LEAT_SQL_DEFINE,
    LEAT_SQL_UNDEFINE,
    LEAT_SQL_LIST_VARIABLES,
    LEAT_SQL_LIST_PROPERTIES,
    LEAT_SQL_SET,
    LEAT_SQL_UNSET,
} leat_sql_kind;

typedef enum leat_sql_side { LEAT_SQL_ANY, LEAT_SQL_SOURCE, LEAT_SQL_SINK } leat_sql_side;

/* An option in parentheses, or a table of a list. */
typedef struct leat_sql_prop {
    leat_str name, value;           /* value absent: NULL */
    leat_str name_text, value_text; /* as written */
    unsigned line, column;
    struct leat_sql_prop *next;
} leat_sql_prop;

typedef struct leat_sql_statement {
    leat_sql_kind kind;
    leat_str text;         /* as written, with its semicolon */
    unsigned line, column; /* where it begins, from 1 */
    leat_sql_side side;
    bool exists;           /* IF [NOT] EXISTS */
    leat_str name;         /* of the connector, connection, topic or variable; absent: none */
    leat_str name_text;    /* as written */
    leat_sql_prop *props;  /* in order */
    leat_sql_prop *tables; /* of a snapshot; their names */
    leat_str value; /* of DEFINE and SET; the condition of a snapshot; JSON of offsets; a strategy;
                       the whole of a SELECT, its variables replaced, without its semicolon */
    leat_str ids;   /* of dead letters: "1,2"; absent: all */
    bool delete_offsets, forget, blocking, beginning;
    bool untested, restart;   /* of a connection */
    int64_t limit;            /* of PRINT; -1: none */
    const leat_sql_var *vars; /* defined before it */
    struct leat_sql_statement *next;
} leat_sql_statement;

#endif

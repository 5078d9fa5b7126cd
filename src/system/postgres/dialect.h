/* Inside of PostgreSQL's dialect (capture/dialect.h): its session, shared by dialect.c and
 * dialect_late.c. */
#ifndef LEAT_SYSTEM_POSTGRES_DIALECT_H
#define LEAT_SYSTEM_POSTGRES_DIALECT_H

#include "capture/dialect.h"
#include "system/postgres/conn.h"
#include "system/postgres/types.h"

typedef struct leat_pg_query_session {
    leat_pg c;
    leat_pg_target target;
    leat_arena arena; /* what target points at */
    leat_pg_types *types;
    const leat_sql_column *const *cols; /* of the rows that are read ... */
    size_t ncols;
    bool reading, headed; /* ... between begin and end; the head of the copy has come */
} leat_pg_query_session;

/* "2026-11-21 10:15:00.123456+00" as a literal; beyond year 9999 as a sum. */
void leat_pg_put_instant(int64_t us, leat_buf *out);

/* The two calls of the dialect that say up to where rows are settled. */
leat_rc leat_pg_dialect_look(leat_sql *s, leat_sql_settled *w, leat_err *e);
void leat_pg_dialect_forget(leat_sql_settled *w);

extern const leat_dialect leat_dialect_postgres;

#endif

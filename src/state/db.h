/* The inside of a SQLite file's handle: state.db's, shared by its parts, and hub.db's,
 * which is opened in the same way. Nobody else includes this. */
#ifndef LEAT_STATE_DB_H
#define LEAT_STATE_DB_H

#include <sqlite3.h>
#include <stddef.h>

#include "state/state.h"

struct leat_state {
    leat_dead_store dead; /* first: the store is the state */
    leat_delivered_store delivered;
    leat_schema_store schemas;
    sqlite3 *db;
    char *path;
    const char *const *migrations; /* each brings the file from its index to the next */
    int nmigrations;
    const char *advice; /* where the file is damaged; NULL: state.db's */
};

#define LEAT_STATE_OF_DELIVERED(store)                                                             \
    ((leat_state *)(void *)((char *)(store)-offsetof(leat_state, delivered)))
#define LEAT_STATE_OF_SCHEMAS(store)                                                               \
    ((leat_state *)(void *)((char *)(store)-offsetof(leat_state, schemas)))
/* letters.c */
extern const leat_dead_store leat_state_letters_calls;
/* schemas.c */
extern const leat_schema_store leat_state_schemas_calls;
/* delivered.c */
extern const leat_delivered_store leat_state_delivered_calls;
/* Opens s->path, in a folder, for writing: made (mode 0600) and brought forward. */
leat_rc leat_state_setup(leat_state *s, const char *folder, leat_err *e);
/* Opens s->path only to be read. *version: how many migrations it has had. PENDING: there is no
 * such file. */
leat_rc leat_state_look(leat_state *s, int *version, leat_err *e);

/* SQLite's last error as ours; doing: "write". */
leat_rc leat_state_fail(const leat_state *s, const char *doing, leat_err *e);
/* Statements without values or rows. */
leat_rc leat_state_run(leat_state *s, const char *sql, const char *doing, leat_err *e);
leat_rc leat_state_prepare(leat_state *s, const char *sql, sqlite3_stmt **st, leat_err *e);
/* v outlives the statement's steps; absent is NULL. */
void leat_state_bind(sqlite3_stmt *st, int i, leat_str v);
/* The same with a text that ends with a NUL; NULL is NULL. */
void leat_state_bind_z(sqlite3_stmt *st, int i, const char *z);
/* Valid until the next step. */
leat_str leat_state_column(sqlite3_stmt *st, int i);
/* Steps a statement that returns no row and finalizes it. */
leat_rc leat_state_finish(leat_state *s, sqlite3_stmt *st, const char *doing, leat_err *e);

#endif

/* What a statement may do: read, for a while, in bounded memory.
 *
 * SQLite's authorizer is asked for each thing that a statement would do, when it is prepared; all
 * but reading is refused, and so is recursion, which has no end of its own. Limits of SQLite bound
 * what is left: lengths, depths, joins. A handler looks at the clock while it runs. */
#include <stdio.h>

#include "base/clock.h"
#include "sql/select_part.h"

enum {
    OPS = 10000,        /* of SQLite's machine between two looks at the clock */
    LONGEST = 16 << 20, /* bytes of a value or row */
    DEPTH = 100,        /* of an expression */
    COMPOUNDS = 50,     /* SELECTs joined by UNION and its like */
    PROGRAM = 250000,   /* steps of a prepared statement */
    COLUMNS_MOST = 500, /* of a result */
    ARGUMENTS = 100,    /* of a function */
    PATTERN = 1000,     /* bytes of LIKE and GLOB */
};

static const struct {
    int limit, value;
} limits[] = {
    {SQLITE_LIMIT_LENGTH, LONGEST},
    {SQLITE_LIMIT_SQL_LENGTH, LEAT_SELECT_TEXT},
    {SQLITE_LIMIT_COLUMN, COLUMNS_MOST},
    {SQLITE_LIMIT_EXPR_DEPTH, DEPTH},
    {SQLITE_LIMIT_COMPOUND_SELECT, COMPOUNDS},
    {SQLITE_LIMIT_VDBE_OP, PROGRAM},
    {SQLITE_LIMIT_FUNCTION_ARG, ARGUMENTS},
    {SQLITE_LIMIT_ATTACHED, 0},
    {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN},
    {SQLITE_LIMIT_VARIABLE_NUMBER, 0},
    {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
    {SQLITE_LIMIT_WORKER_THREADS, 0},
};

static const char *const functions[] = {"load_extension", "sqlite_log",    "fts3_tokenizer",
                                        "fts5",           "sqlite_offset", NULL};

static int refuse(leat_select *q, const char *what, const char *name)
{
    if (!*q->refused) {
        snprintf(q->refused, sizeof q->refused, "%s%s%s", what, name ? " " : "", name ? name : "");
        leat_str_mend(q->refused);
    }
    return SQLITE_DENY;
}

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && sqlite3_stricmp(name, *list) != 0) list++;
    return *list;
}

static const char *deed(int action)
{
    switch (action) {
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE: return "writing to the table";
    case SQLITE_ATTACH: return "ATTACH";
    case SQLITE_DETACH: return "DETACH";
    case SQLITE_PRAGMA: return "PRAGMA";
    case SQLITE_TRANSACTION: return "a transaction";
    case SQLITE_SAVEPOINT: return "SAVEPOINT";
    case SQLITE_RECURSIVE: return "WITH RECURSIVE";
    default: return "a statement that changes something";
    }
}

static int may(void *arg, int action, const char *a, const char *b, const char *database,
               const char *trigger)
{
    leat_select *q = arg;
    (void)database, (void)trigger;
    if (action == SQLITE_SELECT || q->declaring) return SQLITE_OK;
    if (action == SQLITE_FUNCTION)
        return b && is_one_of(b, functions) ? refuse(q, "the function", b) : SQLITE_OK;
    if (action == SQLITE_READ) {
        bool inner =
            a && (sqlite3_strnicmp(a, "pragma_", 7) == 0 || sqlite3_strnicmp(a, "sqlite_", 7) == 0);
        return inner ? refuse(q, "the table", a) : SQLITE_OK;
    }
    bool named = action == SQLITE_INSERT || action == SQLITE_UPDATE || action == SQLITE_DELETE ||
                 action == SQLITE_PRAGMA;
    return refuse(q, deed(action), named ? a : NULL);
}

static int is_late(void *arg)
{
    const leat_select *q = arg;
    return leat_mono_us() >= q->until_us;
}

int leat_select_declare(leat_select *q, const char *declared)
{
    q->declaring = true;
    int rc = sqlite3_declare_vtab(q->db, declared);
    q->declaring = false;
    return rc;
}

/* SQLite's own tables that are of use: once they were named their columns are known, which could
 * not be declared later. */
static void know_own_tables(leat_select *q)
{
    sqlite3_stmt *st = NULL;
    sqlite3_prepare_v2(q->db, "SELECT 1 FROM json_each('1'), json_tree('1')", -1, &st, NULL);
    sqlite3_finalize(st);
}

void leat_select_guard(leat_select *q)
{
    know_own_tables(q);
    sqlite3_hard_heap_limit64(LEAT_SELECT_MEMORY);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(q->db, limits[i].limit, limits[i].value);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_progress_handler(q->db, OPS, is_late, q);
    sqlite3_set_authorizer(q->db, may, q);
}

/* Errors by SQLite's codes, as they are or without what makes them special. Pure; any thread. */
#include "system/sqlite/classify.h"

#include <stddef.h>

static const struct {
    int state; /* extended, or primary */
    leat_rc rc;
    const char *code, *advice;
} faults[] = {
    {SQLITE_CONSTRAINT_NOTNULL, LEAT_DATA, "sql.null", NULL},
    {SQLITE_CONSTRAINT_FOREIGNKEY, LEAT_DATA, "sql.foreign_key", NULL},
    {SQLITE_CONSTRAINT_UNIQUE, LEAT_DATA, "sql.unique", NULL},
    {SQLITE_CONSTRAINT_PRIMARYKEY, LEAT_DATA, "sql.unique", NULL},
    {SQLITE_CONSTRAINT_CHECK, LEAT_DATA, "sql.check", NULL},
    {SQLITE_CONSTRAINT_TRIGGER, LEAT_DATA, "sql.trigger", NULL},
    {SQLITE_CONSTRAINT_DATATYPE, LEAT_DATA, "sql.type", NULL},
    {SQLITE_CONSTRAINT, LEAT_DATA, "sql.constraint", NULL},
    {SQLITE_MISMATCH, LEAT_DATA, "sql.type", NULL},
    {SQLITE_TOOBIG, LEAT_DATA, "sql.too_large", NULL},
    {SQLITE_RANGE, LEAT_DATA, "sql.value", NULL},
    {SQLITE_BUSY, LEAT_RETRY, "sql.locked", "Another process writes to the file"},
    {SQLITE_LOCKED, LEAT_RETRY, "sql.locked", "Another process writes to the file"},
    {SQLITE_FULL, LEAT_RETRY, "sql.full", "Make room on the disk of the file"},
    {SQLITE_IOERR, LEAT_RETRY, "sql.disk", "See the system's log for what the disk has"},
    {SQLITE_PROTOCOL, LEAT_RETRY, "sql.locked", NULL},
    {SQLITE_INTERRUPT, LEAT_RETRY, "sql.cancelled", NULL},
    {SQLITE_SCHEMA, LEAT_RETRY, "sql.changed", NULL},
    {SQLITE_CANTOPEN, LEAT_CONF, "sql.open",
     "Check that the folder of the file is there and that leat may write to it"},
    {SQLITE_READONLY, LEAT_CONF, "sql.read_only", "Let leat write to the file and its folder"},
    {SQLITE_PERM, LEAT_CONF, "sql.privilege", "Let leat write to the file and its folder"},
    {SQLITE_AUTH, LEAT_CONF, "sql.privilege", NULL},
    {SQLITE_NOTADB, LEAT_CONF, "sql.open", "The file is no SQLite database: name another one"},
    {SQLITE_CORRUPT, LEAT_FATAL, "sql.damaged",
     "The database file is damaged: restore it, or let SQLite's .recover mend it"},
};

leat_rc leat_sqlite_fail(leat_err *e, sqlite3 *db, const char *path, const char *doing)
{
    int state = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    const char *text = db ? sqlite3_errmsg(db) : "out of memory";
    const size_t n = sizeof faults / sizeof *faults;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            if (faults[i].state != (pass == 0 ? state : (state & 0xff))) continue;
            return leat_fail(e, faults[i].rc, faults[i].code, path, "could not %s: %s%s%s", doing,
                             text, faults[i].advice ? ". " : "",
                             faults[i].advice ? faults[i].advice : "");
        }
    return leat_fail(e, LEAT_CONF, "sql.refused", path, "could not %s: %s", doing, text);
}

/* What tables looked like, by position: entries that a source writes as it reads its log, and the
 * store of them.
 *
 * A log tells of a table as it was, a catalogue as it is. What a source found out it notes here, so
 * that it can read the same part of its log again however late. Entries are only added; which of a
 * table's is in force at a place of the log the source says, newest first. */
#ifndef LEAT_EVENT_SCHEMAS_H
#define LEAT_EVENT_SCHEMAS_H

#include "base/err.h"
#include "base/str.h"

typedef struct leat_schema_entry {
    int64_t id;     /* the store's: 1, 2, 3 ... in the order in which they were added */
    leat_str db;    /* concerned; absent: all tables there are */
    leat_str table; /* absent: all of the database */
    leat_str place; /* in the log, behind what was noted: the source's JSON */
    leat_str what;  /* "snapshot", "create", "alter", "rename", "drop", "seen", "unread", "gap" */
    leat_str sql;   /* the statement; absent: none */
    leat_str def;   /* what the table looks like from there on, JSON; absent: gone, or not known */
    int64_t ts_us;  /* commit time of the statement; 0: none */
    int64_t at_us;  /* when it was noted; the store's */
    bool broken;    /* its checksum does not fit: nothing of it is sure, not even the names */
} leat_schema_entry;

typedef struct leat_schema_store {
    /* Durable as a whole on return, or nothing of it: then the same call will do later (RETRY). */
    leat_rc (*add)(struct leat_schema_store *s, const leat_schema_entry *entries, size_t n,
                   leat_err *e);
    /* Those that concern the table, also by its database or all, newest first, until fn returns
     * false. Texts are borrowed for the call. Costs what is looked at, however many there are. */
    leat_rc (*each)(struct leat_schema_store *s, leat_str db, leat_str table,
                    bool (*fn)(void *arg, const leat_schema_entry *entry), void *arg, leat_err *e);
    /* Whether nothing was ever noted. */
    leat_rc (*empty)(struct leat_schema_store *s, bool *empty, leat_err *e);
} leat_schema_store;

#endif

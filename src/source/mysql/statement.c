/* Statements of DDL: what they concern, and what is noted and told of it.
 *
 * A statement is read twice where the log is read twice, and noted once: what was noted when it was
 * read first is used again, since the catalogue was nearer then. Run by the task's thread. */
#include "base/log.h"
#include "source/mysql/charset.h"
#include "source/mysql/my.h"

/* ---- reading ---- */

static bool is_ascii(leat_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.s[i] >= 128) return false;
    return true;
}

/* The log has the text in the client's charset. False: nobody knows what its names are. */
static bool in_utf8(const leat_binlog_event *ev, leat_arena *a, leat_str *sql)
{
    leat_err e;
    const leat_charset *cs = leat_charset_of_collation(ev->query.client_charset);
    *sql = ev->query.sql;
    if (is_ascii(*sql)) return true;
    if (cs && !leat_charset_is_binary(cs) && leat_charset_utf8(cs, *sql, a, sql, &e) == LEAT_OK)
        return true;
    if (leat_str_utf8(*sql)) return true;
    *sql = leat_arena_str(a, ev->query.sql);
    leat_str_mend((char *)(uintptr_t)sql->s);
    sql->len = strlen(sql->s);
    return cs && (leat_charset_is_utf8(cs) || leat_charset_is_binary(cs));
}

static bool fold(leat_str *name, leat_arena *a)
{
    if (!name->s) return true;
    if (!is_ascii(*name)) return false;
    char *p = (char *)(uintptr_t)leat_arena_str(a, *name).s;
    for (size_t i = 0; i < name->len; i++)
        if (p[i] >= 'A' && p[i] <= 'Z') p[i] = (char)(p[i] + 'a' - 'A');
    name->s = p;
    return true;
}

/* Names as such a server stores them; one that we cannot fold may be any. */
static void fold_all(leat_ddl *ddl, leat_arena *a)
{
    leat_ddl_table *t = leat_arena_dup(a, ddl->tables, ddl->ntables * sizeof *t);
    bool all = fold(&ddl->database, a);
    for (uint32_t i = 0; i < ddl->ntables; i++)
        all &= fold(&t[i].db, a) && fold(&t[i].name, a) && fold(&t[i].new_db, a) &&
               fold(&t[i].new_name, a);
    ddl->tables = t;
    if (!all && ddl->kind >= LEAT_DDL_CREATE_TABLE && ddl->kind <= LEAT_DDL_DROP_DATABASE)
        ddl->kind = LEAT_DDL_UNREAD;
}

void leat_my_ddl(const leat_my_source *s, const leat_binlog_format *f, const leat_binlog_event *ev,
                 leat_arena *a, leat_ddl *ddl, leat_str *sql)
{
    unsigned flags = (ev->query.has_sql_mode ? leat_ddl_flags(ev->query.sql_mode) : 0) |
                     (f->mariadb ? LEAT_DDL_MARIADB : 0);
    bool sure = in_utf8(ev, a, sql);
    leat_ddl_read(*sql, ev->query.db, flags, s->sql.version, a, ddl);
    if (!sure && ddl->kind >= LEAT_DDL_CREATE_TABLE && ddl->kind <= LEAT_DDL_DROP_DATABASE)
        ddl->kind = LEAT_DDL_UNREAD;
    if (s->folds && ddl->kind >= LEAT_DDL_CREATE_TABLE) fold_all(ddl, a);
}

/* ---- noting ---- */

typedef struct notes {
    leat_my_noted *list;
    size_t n;
} notes;

/* Unless that was done when the statement was read before. */
static leat_rc add(leat_my_source *s, notes *to, leat_my_rel *r, const leat_my_noted *noted,
                   leat_err *e)
{
    leat_my_entry en;
    if (!r->captured) return LEAT_OK;
    LEAT_TRY(leat_my_schemas_find(s, r, &s->scratch, &en, e));
    if (!en.here || !en.own) to->list[to->n++] = *noted;
    return LEAT_OK;
}

/* Makes known what the table looks like behind the statement, and notes it. */
static leat_rc describe(leat_my_source *s, const char *what, leat_str db, leat_str name,
                        leat_str sql, notes *to, leat_err *e)
{
    leat_my_rel *r;
    LEAT_TRY(leat_my_rel_named(s, db, name, &r, e));
    if (!r->captured && !s->conf->capture.schema_changes) return LEAT_OK;
    LEAT_TRY(leat_my_rel_exact(s, r, e));
    const leat_my_noted noted = {what, db, name, sql, r->stale ? NULL : r->def};
    return add(s, to, r, &noted, e);
}

static leat_rc gone(leat_my_source *s, const char *what, leat_str db, leat_str name, leat_str sql,
                    notes *to, leat_err *e)
{
    leat_my_rel *r;
    const leat_my_noted noted = {what, db, name, sql, NULL};
    LEAT_TRY(leat_my_rel_named(s, db, name, &r, e));
    return add(s, to, r, &noted, e);
}

static leat_rc one_table(leat_my_source *s, const leat_ddl *ddl, const leat_ddl_table *t,
                         leat_str sql, notes *to, leat_err *e)
{
    switch (ddl->kind) {
    case LEAT_DDL_CREATE_TABLE: return describe(s, "create", t->db, t->name, sql, to, e);
    case LEAT_DDL_ALTER_TABLE: return describe(s, "alter", t->db, t->name, sql, to, e);
    case LEAT_DDL_DROP_TABLE: return gone(s, "drop", t->db, t->name, sql, to, e);
    default: break;
    }
    if (!t->new_name.s) return describe(s, "alter", t->db, t->name, sql, to, e);
    LEAT_TRY(gone(s, "rename", t->db, t->name, sql, to, e));
    return describe(s, "rename", t->new_db, t->new_name, sql, to, e);
}

static void tell_unread(leat_my_source *s, leat_str sql)
{
    enum { SHOWN = 200 };
    leat_log(s->unread_told ? LEAT_DEBUG : LEAT_WARN, "mysql.unread",
             "file=%s pos=%llu a statement is not understood, so that any table may be another "
             "behind it: all are looked up again. This is told once. " LEAT_STR_FMT,
             s->file, (unsigned long long)s->event_pos, (int)leat_str_fit(sql, SHOWN), sql.s);
    s->unread_told = true;
}

static leat_rc note(leat_my_source *s, const leat_ddl *ddl, leat_str sql, leat_err *e)
{
    leat_str none = {0};
    notes to = {.list = LEAT_NEW(&s->scratch, leat_my_noted, 2 * (size_t)ddl->ntables + 1)};
    if (ddl->kind == LEAT_DDL_UNREAD) {
        tell_unread(s, sql);
        to.list[to.n++] = (leat_my_noted){"unread", none, none, sql, NULL};
    }
    if (ddl->kind == LEAT_DDL_DROP_DATABASE)
        to.list[to.n++] = (leat_my_noted){"drop", ddl->database, none, sql, NULL};
    if (ddl->kind >= LEAT_DDL_CREATE_TABLE && ddl->kind <= LEAT_DDL_RENAME_TABLE)
        for (uint32_t i = 0; i < ddl->ntables; i++)
            LEAT_TRY(one_table(s, ddl, &ddl->tables[i], sql, &to, e));
    return leat_my_schemas_note(s, to.list, to.n, e);
}

/* ---- applying ---- */

static leat_rc empty(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_err *e)
{
    leat_my_rel *r;
    for (uint32_t i = 0; i < ddl->ntables; i++) {
        LEAT_TRY(leat_my_rel_named(s, ddl->tables[i].db, ddl->tables[i].name, &r, e));
        LEAT_TRY(leat_my_truncate(s, b, r, e));
    }
    return LEAT_OK;
}

static void make_stale(leat_my_source *s, const leat_ddl *ddl)
{
    leat_str none = {0};
    if (ddl->kind == LEAT_DDL_UNREAD) leat_my_rel_stale(s, none, none);
    if (ddl->kind == LEAT_DDL_DROP_DATABASE || ddl->kind == LEAT_DDL_ALTER_DATABASE)
        leat_my_rel_stale(s, ddl->database, none);
    for (uint32_t i = 0; i < ddl->ntables; i++) {
        const leat_ddl_table *t = &ddl->tables[i];
        leat_my_rel_stale(s, t->db, t->name);
        if (t->new_name.s) leat_my_rel_stale(s, t->new_db, t->new_name);
    }
}

static void forget(leat_my_source *s, const leat_ddl *ddl)
{
    leat_str none = {0};
    if (ddl->kind == LEAT_DDL_DROP_DATABASE) leat_my_rels_forget(s, ddl->database, none);
    for (uint32_t i = 0; i < ddl->ntables; i++) {
        const leat_ddl_table *t = &ddl->tables[i];
        if (ddl->kind == LEAT_DDL_DROP_TABLE || t->new_name.s)
            leat_my_rels_forget(s, t->db, t->name);
    }
}

leat_rc leat_my_statement(leat_my_source *s, leat_batch *b, const leat_ddl *ddl, leat_str sql,
                          leat_err *e)
{
    if (ddl->temporary) return LEAT_OK;
    if (ddl->kind == LEAT_DDL_TRUNCATE_TABLE) return empty(s, b, ddl, e);
    make_stale(s, ddl);
    if (s->tx.known) return LEAT_OK;
    LEAT_TRY(note(s, ddl, sql, e));
    if (s->conf->capture.schema_changes) LEAT_TRY(leat_my_history_add(s, b, ddl, sql, e));
    forget(s, ddl);
    return LEAT_OK;
}

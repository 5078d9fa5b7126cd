/* Which kind of statement it is, and the names behind it.
 *
 * One function for each first word. Clauses of no interest are passed over token by token; nothing
 * is an error. A statement of DDL whose names are not found, and one whose first word is not known,
 * is UNREAD. */
#include "source/mysql/ddl.h"
#include "source/mysql/ddl_token.h"

enum { TABLES_MOST = 4096 };
#define MODE_ANSI_QUOTES UINT64_C(4)
#define MODE_NO_BACKSLASH_ESCAPES UINT64_C(0x100000)

typedef struct reader {
    leat_ddl_lexer x;
    leat_ddl *out;
    leat_ddl_table *tables; /* room for cap */
    uint32_t cap;
    bool lost; /* a name that had to be there was not found */
} reader;

unsigned leat_ddl_flags(uint64_t sql_mode)
{
    return (sql_mode & MODE_ANSI_QUOTES ? LEAT_DDL_ANSI_QUOTES : 0U) |
           (sql_mode & MODE_NO_BACKSLASH_ESCAPES ? LEAT_DDL_NO_BACKSLASH_ESCAPES : 0U);
}

/* ---- names ---- */

static bool is_name(const reader *r)
{
    return r->x.now.kind == LEAT_DDL_WORD || r->x.now.kind == LEAT_DDL_NAME;
}

static bool take_name(reader *r, leat_str *out)
{
    if (!is_name(r)) return false;
    *out = r->x.now.text;
    leat_ddl_next(&r->x);
    return true;
}

/* name, or database.name; a database of its own where there is none before. */
static bool take_table(reader *r, leat_str *db, leat_str *name)
{
    *db = r->out->database;
    if (!take_name(r, name)) return false;
    while (leat_ddl_punct(&r->x, '.')) {
        *db = *name;
        if (!take_name(r, name)) return false;
    }
    return true;
}

static leat_ddl_table *add_table(reader *r)
{
    leat_ddl *out = r->out;
    if (out->ntables == TABLES_MOST) return NULL;
    if (out->ntables == r->cap) {
        r->cap = r->cap * 2 + 2;
        leat_ddl_table *more = LEAT_NEW(r->x.a, leat_ddl_table, r->cap);
        if (out->ntables) memcpy(more, r->tables, out->ntables * sizeof *more);
        r->tables = more;
        out->tables = more;
    }
    return &r->tables[out->ntables];
}

/* False when there is no name, or no room for it. */
static bool add(reader *r)
{
    leat_ddl_table *t = add_table(r);
    r->lost = r->lost || !t || !take_table(r, &t->db, &t->name);
    r->out->ntables += !r->lost;
    return !r->lost;
}

/* IF EXISTS, IF NOT EXISTS */
static void take_if(reader *r)
{
    if (!leat_ddl_word(&r->x, "IF")) return;
    leat_ddl_word(&r->x, "NOT");
    leat_ddl_word(&r->x, "EXISTS");
    r->out->if_exists = true;
}

/* Up to the word, not inside of parentheses; now is behind it. */
static bool skip_to(reader *r, const char *word)
{
    unsigned depth = 0;
    while (r->x.now.kind != LEAT_DDL_END) {
        if (depth == 0 && leat_ddl_word(&r->x, word)) return true;
        if (leat_ddl_is_punct(&r->x, '(')) depth++;
        if (leat_ddl_is_punct(&r->x, ')') && depth) depth--;
        leat_ddl_next(&r->x);
    }
    return false;
}

/* ---- transactions ---- */

static leat_ddl_kind xa(reader *r)
{
    leat_ddl_kind kind = LEAT_DDL_OTHER;
    if (leat_ddl_word(&r->x, "START") || leat_ddl_word(&r->x, "BEGIN"))
        kind = LEAT_DDL_BEGIN;
    else if (leat_ddl_word(&r->x, "END"))
        kind = LEAT_DDL_XA_END;
    else if (leat_ddl_word(&r->x, "PREPARE"))
        kind = LEAT_DDL_XA_PREPARE;
    else if (leat_ddl_word(&r->x, "COMMIT"))
        kind = LEAT_DDL_XA_COMMIT;
    else if (leat_ddl_word(&r->x, "ROLLBACK"))
        kind = LEAT_DDL_XA_ROLLBACK;
    const char *from = r->x.now.text.s;
    bool string = r->x.now.kind == LEAT_DDL_STRING;
    r->out->xid = leat_str_trim((leat_str){from - string, (size_t)(r->x.end - from) + string});
    return kind;
}

static leat_ddl_kind rollback(reader *r)
{
    leat_ddl_word(&r->x, "WORK");
    return leat_ddl_word(&r->x, "TO") ? LEAT_DDL_ROLLBACK_TO : LEAT_DDL_ROLLBACK;
}

/* ---- CREATE ---- */

static leat_ddl_kind database(reader *r, leat_ddl_kind kind)
{
    leat_str name;
    take_if(r);
    if (take_name(r, &name)) r->out->database = name;
    return kind;
}

static leat_ddl_kind create_table(reader *r)
{
    take_if(r);
    if (!add(r)) return LEAT_DDL_UNREAD;
    leat_ddl_punct(&r->x, '(');
    r->out->like_or_select = leat_ddl_is_word(&r->x, "LIKE") || leat_ddl_is_word(&r->x, "SELECT");
    while (!r->out->like_or_select && skip_to(r, "SELECT")) r->out->like_or_select = true;
    return LEAT_DDL_CREATE_TABLE;
}

/* CREATE INDEX, DROP INDEX: the table behind ON. */
static leat_ddl_kind index_on(reader *r)
{
    take_if(r);
    leat_str name;
    take_name(r, &name);
    r->out->index = true;
    return skip_to(r, "ON") && add(r) ? LEAT_DDL_ALTER_TABLE : LEAT_DDL_UNREAD;
}

static leat_ddl_kind view(reader *r, leat_ddl_kind kind)
{
    take_if(r);
    if (!add(r)) return LEAT_DDL_UNREAD;
    while (kind == LEAT_DDL_DROP_VIEW && leat_ddl_punct(&r->x, ',') && add(r)) {}
    return kind;
}

static bool is_one_of(const reader *r, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (leat_ddl_is_word(&r->x, words[i])) return true;
    return false;
}

/* Words between CREATE and what is created: ALGORITHM = x, DEFINER = `a`@`b`, SQL SECURITY x. */
static bool is_created(const reader *r)
{
    static const char *const words[] = {
        "TABLE",    "VIEW",    "INDEX",      "DATABASE", "SCHEMA",   "FUNCTION",  "PROCEDURE",
        "TRIGGER",  "EVENT",   "SERVER",     "USER",     "ROLE",     "SEQUENCE",  "PACKAGE",
        "INSTANCE", "LIBRARY", "TABLESPACE", "LOGFILE",  "RESOURCE", "REFERENCE", "PREPARE"};
    return is_one_of(r, words, sizeof words / sizeof *words);
}

static void take_modifiers(reader *r)
{
    while (r->x.now.kind != LEAT_DDL_END && !is_created(r)) {
        if (leat_ddl_is_word(&r->x, "REPLACE")) r->out->if_exists = true;
        if (leat_ddl_is_word(&r->x, "TEMPORARY")) r->out->temporary = true;
        leat_ddl_next(&r->x);
    }
}

static leat_ddl_kind create(reader *r)
{
    take_modifiers(r);
    if (leat_ddl_word(&r->x, "TABLE")) return create_table(r);
    if (leat_ddl_word(&r->x, "VIEW")) return view(r, LEAT_DDL_CREATE_VIEW);
    if (leat_ddl_word(&r->x, "INDEX")) return index_on(r);
    if (leat_ddl_word(&r->x, "DATABASE") || leat_ddl_word(&r->x, "SCHEMA"))
        return database(r, LEAT_DDL_CREATE_DATABASE);
    return leat_ddl_is_end(&r->x) ? LEAT_DDL_UNREAD : LEAT_DDL_OTHER;
}

/* ---- ALTER ---- */

/* RENAME [TO | AS | =] name, but not of a column or an index. */
static bool take_rename(reader *r)
{
    leat_ddl_table *t = &r->tables[0];
    if (leat_ddl_is_word(&r->x, "COLUMN") || leat_ddl_is_word(&r->x, "INDEX") ||
        leat_ddl_is_word(&r->x, "KEY"))
        return false;
    if (!leat_ddl_word(&r->x, "TO") && !leat_ddl_word(&r->x, "AS")) leat_ddl_punct(&r->x, '=');
    r->lost = r->lost || !take_table(r, &t->new_db, &t->new_name);
    return !r->lost;
}

/* MariaDB: PARTITION p TO TABLE x; TABLE x TO PARTITION p. Else it is about a character set. */
static void take_convert(reader *r)
{
    bool out = leat_ddl_word(&r->x, "PARTITION") && skip_to(r, "TABLE");
    if (out || leat_ddl_word(&r->x, "TABLE")) add(r);
}

static leat_ddl_kind alter_table(reader *r)
{
    leat_ddl_kind kind = LEAT_DDL_ALTER_TABLE;
    unsigned depth = 0;
    take_if(r);
    if (!add(r)) return LEAT_DDL_UNREAD;
    while (r->x.now.kind != LEAT_DDL_END) {
        if (depth == 0 && leat_ddl_word(&r->x, "CONVERT")) {
            take_convert(r);
            continue;
        }
        if (depth == 0 && leat_ddl_word(&r->x, "RENAME")) {
            if (take_rename(r)) kind = LEAT_DDL_RENAME_TABLE;
            continue;
        }
        if (depth == 0 && leat_ddl_word(&r->x, "EXCHANGE")) {
            if (skip_to(r, "WITH") && leat_ddl_word(&r->x, "TABLE")) add(r);
            continue;
        }
        if (leat_ddl_is_punct(&r->x, '(')) depth++;
        if (leat_ddl_is_punct(&r->x, ')') && depth) depth--;
        leat_ddl_next(&r->x);
    }
    return kind;
}

static leat_ddl_kind alter_database(reader *r)
{
    static const char *const options[] = {"DEFAULT",    "CHARACTER", "CHARSET", "COLLATE",
                                          "ENCRYPTION", "READ",      "COMMENT"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (leat_ddl_is_word(&r->x, options[i])) return LEAT_DDL_ALTER_DATABASE;
    return database(r, LEAT_DDL_ALTER_DATABASE);
}

static leat_ddl_kind alter(reader *r)
{
    take_modifiers(r);
    if (leat_ddl_word(&r->x, "TABLE")) return alter_table(r);
    if (leat_ddl_word(&r->x, "VIEW")) return view(r, LEAT_DDL_CREATE_VIEW);
    if (leat_ddl_word(&r->x, "DATABASE") || leat_ddl_word(&r->x, "SCHEMA"))
        return alter_database(r);
    return leat_ddl_is_end(&r->x) ? LEAT_DDL_UNREAD : LEAT_DDL_OTHER;
}

/* ---- DROP, RENAME, TRUNCATE ---- */

/* DROP UNDO TABLESPACE, DROP SPATIAL REFERENCE SYSTEM, DROP AGGREGATE FUNCTION ... */
static void take_drop_modifiers(reader *r)
{
    static const char *const words[] = {"UNDO", "SPATIAL", "AGGREGATE"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) leat_ddl_word(&r->x, words[i]);
}

static leat_ddl_kind drop(reader *r)
{
    if (leat_ddl_word(&r->x, "TEMPORARY")) r->out->temporary = true;
    if (leat_ddl_word(&r->x, "DATABASE") || leat_ddl_word(&r->x, "SCHEMA"))
        return database(r, LEAT_DDL_DROP_DATABASE);
    take_drop_modifiers(r);
    if (leat_ddl_word(&r->x, "VIEW")) return view(r, LEAT_DDL_DROP_VIEW);
    if (leat_ddl_word(&r->x, "INDEX")) return index_on(r);
    if (!leat_ddl_word(&r->x, "TABLE") && !leat_ddl_word(&r->x, "TABLES"))
        return is_created(r) ? LEAT_DDL_OTHER : LEAT_DDL_UNREAD;
    take_if(r);
    if (!add(r)) return LEAT_DDL_UNREAD;
    while (leat_ddl_punct(&r->x, ',') && add(r)) {}
    return LEAT_DDL_DROP_TABLE;
}

static bool rename_pair(reader *r)
{
    if (!add(r)) return false;
    leat_ddl_table *t = &r->tables[r->out->ntables - 1];
    r->lost = r->lost || !skip_to(r, "TO") || !take_table(r, &t->new_db, &t->new_name);
    return !r->lost;
}

static leat_ddl_kind rename_tables(reader *r)
{
    if (leat_ddl_is_word(&r->x, "USER")) return LEAT_DDL_OTHER;
    if (!leat_ddl_word(&r->x, "TABLE") && !leat_ddl_word(&r->x, "TABLES")) return LEAT_DDL_UNREAD;
    take_if(r);
    if (!rename_pair(r)) return LEAT_DDL_UNREAD;
    while (leat_ddl_punct(&r->x, ',') && rename_pair(r)) {}
    return LEAT_DDL_RENAME_TABLE;
}

static leat_ddl_kind truncate(reader *r)
{
    leat_ddl_word(&r->x, "TABLE");
    return add(r) ? LEAT_DDL_TRUNCATE_TABLE : LEAT_DDL_UNREAD;
}

/* ---- rows ---- */

/* The table behind INSERT, UPDATE and their like, where it stands plainly. */
static leat_ddl_kind rows(reader *r)
{
    static const char *const words[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK",
                                        "IGNORE",       "INTO",    "FROM"};
    for (size_t i = 0; i < sizeof words / sizeof *words;)
        i = leat_ddl_word(&r->x, words[i]) ? 0 : i + 1;
    add(r);
    return LEAT_DDL_CHANGES_ROWS;
}

static leat_ddl_kind load(reader *r)
{
    if (skip_to(r, "INTO") && leat_ddl_word(&r->x, "TABLE")) add(r);
    return LEAT_DDL_CHANGES_ROWS;
}

static leat_ddl_kind statement(reader *r);

/* MariaDB's SET STATEMENT x = y FOR statement. */
static leat_ddl_kind set(reader *r)
{
    if (!leat_ddl_word(&r->x, "STATEMENT") || !skip_to(r, "FOR")) return LEAT_DDL_OTHER;
    return leat_ddl_is_word(&r->x, "SET") ? LEAT_DDL_OTHER : statement(r);
}

static leat_ddl_kind begin(reader *r)
{
    (void)r;
    return LEAT_DDL_BEGIN;
}
static leat_ddl_kind start(reader *r)
{
    return leat_ddl_word(&r->x, "TRANSACTION") ? LEAT_DDL_BEGIN : LEAT_DDL_OTHER;
}
static leat_ddl_kind commit(reader *r)
{
    (void)r;
    return LEAT_DDL_COMMIT;
}
static leat_ddl_kind savepoint(reader *r)
{
    (void)r;
    return LEAT_DDL_SAVEPOINT;
}
static leat_ddl_kind changes(reader *r)
{
    (void)r;
    return LEAT_DDL_CHANGES_ROWS;
}

/* First words of statements after which every table is what it was. */
static bool is_harmless(const reader *r)
{
    static const char *const words[] = {
        "ANALYZE",  "BACKUP",     "BINLOG",    "CACHE",     "CHANGE",   "CHECK",  "CHECKSUM",
        "CLONE",    "DEALLOCATE", "DELIMITER", "DESC",      "DESCRIBE", "DO",     "EXPLAIN",
        "FLUSH",    "GRANT",      "HELP",      "INSTALL",   "KILL",     "LOCK",   "OPTIMIZE",
        "PREPARE",  "PURGE",      "REPAIR",    "RESET",     "REVOKE",   "SELECT", "SHOW",
        "SHUTDOWN", "SIGNAL",     "STOP",      "UNINSTALL", "UNLOCK",   "USE",    "VALUES"};
    return is_one_of(r, words, sizeof words / sizeof *words);
}

static leat_ddl_kind statement(reader *r)
{
    static const struct {
        const char *word;
        leat_ddl_kind (*read)(reader *r);
    } first[] = {
        {"BEGIN", begin},
        {"COMMIT", commit},
        {"ROLLBACK", rollback},
        {"START", start},
        {"SAVEPOINT", savepoint},
        {"RELEASE", savepoint},
        {"XA", xa},
        {"CREATE", create},
        {"ALTER", alter},
        {"DROP", drop},
        {"RENAME", rename_tables},
        {"TRUNCATE", truncate},
        {"INSERT", rows},
        {"UPDATE", rows},
        {"DELETE", rows},
        {"REPLACE", rows},
        {"LOAD", load},
        {"SET", set},
        {"CALL", changes},
        {"WITH", changes},
    };
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        if (leat_ddl_word(&r->x, first[i].word)) return first[i].read(r);
    return leat_ddl_is_end(&r->x) || is_harmless(r) ? LEAT_DDL_OTHER : LEAT_DDL_UNREAD;
}

void leat_ddl_read(leat_str sql, leat_str default_db, unsigned flags, uint32_t version,
                   leat_arena *a, leat_ddl *out)
{
    *out = (leat_ddl){.database = default_db};
    const char *text = sql.s ? sql.s : "";
    reader r = {.x = {.p = text, .end = text + sql.len, .flags = flags, .version = version, .a = a},
                .out = out};
    leat_ddl_next(&r.x);
    while (leat_ddl_punct(&r.x, '(') || leat_ddl_punct(&r.x, ';')) {}
    out->kind = (uint8_t)statement(&r);
    if (r.lost && out->kind != LEAT_DDL_CHANGES_ROWS) out->kind = LEAT_DDL_UNREAD;
    if (out->kind <= LEAT_DDL_UNREAD) out->ntables = 0;
}

const char *leat_ddl_kind_name(uint8_t kind)
{
    static const char *const names[] = {
        "other",          "unread",          "begin",          "commit",        "rollback",
        "savepoint",      "rollback_to",     "xa_end",         "xa_prepare",    "xa_commit",
        "xa_rollback",    "create_table",    "alter_table",    "drop_table",    "rename_table",
        "truncate_table", "create_database", "alter_database", "drop_database", "create_view",
        "drop_view",      "changes_rows",
    };
    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

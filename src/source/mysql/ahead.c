/* Looking ahead: which tables are altered between here and the end of the log.
 *
 * The catalogue tells what a table looks like now. It looked the same at the present place if no
 * statement in between concerns it; only the log knows that. So the rest of it is passed over once,
 * on a session of its own that ends where the log ends, statements alone are looked at, and where
 * each table was concerned last is kept. Later looks go on where the last one ended. Nothing is
 * delivered by it. Run by the task's thread. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/mysql/my.h"

enum { WAIT_MS = 100, TOLD_US = 2000000, SHOWN = 120 };

/* Where a table was concerned last. Heap, with its names behind it. */
typedef struct concerned {
    leat_str db, name; /* absent: all */
    char file[LEAT_MY_FILE];
    uint64_t pos; /* behind the statement */
    char sql[SHOWN + 1];
    struct concerned *next;
} concerned;

struct leat_my_ahead {
    concerned *list;
    char file[LEAT_MY_FILE]; /* all before is known */
    uint64_t pos;
    leat_my dump;
    leat_binlog_format format;
    leat_arena scratch;
    uint64_t bytes; /* passed over by this look */
};

static void drop(concerned **at)
{
    concerned *c = *at;
    *at = c->next;
    leat_free(c);
}

void leat_my_ahead_free(leat_my_ahead *h)
{
    if (!h) return;
    leat_my_close(&h->dump);
    while (h->list) drop(&h->list);
    leat_arena_free(&h->scratch);
    leat_free(h);
}

/* ---- what is found ---- */

static bool same(leat_str x, leat_str y)
{
    return (x.s == NULL) == (y.s == NULL) && leat_str_eq(x, y);
}

static concerned *concerned_new(leat_str db, leat_str name)
{
    concerned *c = leat_zalloc(1, sizeof *c + db.len + name.len);
    char *text = (char *)(c + 1);
    if (db.s) c->db = (leat_str){memcpy(text, db.s, db.len), db.len};
    if (name.s) c->name = (leat_str){memcpy(text + db.len, name.s, name.len), name.len};
    return c;
}

static void note(leat_my_ahead *h, leat_str db, leat_str name, leat_str sql)
{
    concerned *c = h->list;
    while (c && !(same(c->db, db) && same(c->name, name))) c = c->next;
    if (!c) {
        c = concerned_new(db, name);
        c->next = h->list;
        h->list = c;
    }
    snprintf(c->file, sizeof c->file, "%s", h->file);
    c->pos = h->pos;
    snprintf(c->sql, sizeof c->sql, LEAT_STR_FMT,
             (int)leat_str_fit(sql, sql.len < SHOWN ? sql.len : SHOWN), sql.s);
}

static void note_ddl(leat_my_ahead *h, const leat_ddl *ddl, leat_str sql)
{
    leat_str none = {0};
    if (ddl->temporary) return;
    if (ddl->kind == LEAT_DDL_UNREAD) note(h, none, none, sql);
    if (ddl->kind == LEAT_DDL_DROP_DATABASE) note(h, ddl->database, none, sql);
    if (ddl->kind < LEAT_DDL_CREATE_TABLE || ddl->kind > LEAT_DDL_RENAME_TABLE) return;
    for (uint32_t i = 0; i < ddl->ntables; i++) {
        const leat_ddl_table *t = &ddl->tables[i];
        note(h, t->db, t->name, sql);
        if (t->new_name.s) note(h, t->new_db, t->new_name, sql);
    }
}

/* ---- passing over ---- */

static leat_rc query(leat_my_source *s, leat_my_ahead *h, leat_binlog_format *f, leat_str bytes,
                     leat_err *e)
{
    leat_binlog_event ev;
    leat_ddl ddl;
    leat_str sql;
    LEAT_TRY(leat_binlog_decode(f, bytes, 0, &h->scratch, &ev, e));
    leat_my_ddl(s, f, &ev, &h->scratch, &ddl, &sql);
    note_ddl(h, &ddl, sql);
    return LEAT_OK;
}

/* A compressed transaction may hold a statement too: CREATE TABLE ... SELECT. */
static leat_rc payload(leat_my_source *s, leat_my_ahead *h, leat_str bytes, leat_err *e)
{
    leat_binlog_event ev;
    leat_binlog_unpack u = {0};
    leat_arena a = {0};
    leat_str inner;
    leat_rc rc = leat_binlog_decode(&h->format, bytes, 0, &a, &ev, e);
    if (rc == LEAT_OK) rc = leat_binlog_unpack_init(&u, &h->format, &ev, 0, e);
    while (rc == LEAT_OK && (rc = leat_binlog_unpack_next(&u, &inner, e)) == LEAT_OK) {
        uint8_t type;
        uint32_t size;
        rc = leat_binlog_peek(inner, &type, &size, e);
        if (rc == LEAT_OK && type == LEAT_BINLOG_QUERY) rc = query(s, h, &u.format, inner, e);
    }
    leat_binlog_unpack_fini(&u);
    leat_arena_free(&a);
    return rc == LEAT_AGAIN ? LEAT_OK : rc;
}

static void advance(leat_my_ahead *h, leat_str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.s + 13; /* end of the event, u32 */
    uint32_t low =
        (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    bool artificial = (p[4] & LEAT_BINLOG_F_ARTIFICIAL) != 0;
    if (low == 0 || artificial) return;
    uint64_t end = leat_my_place_unfold(h->pos, low);
    if (end > 0) h->pos = end;
}

static leat_rc one(leat_my_source *s, leat_my_ahead *h, leat_str bytes, leat_err *e)
{
    leat_binlog_event ev;
    uint8_t type;
    uint32_t size;
    LEAT_TRY(leat_binlog_peek(bytes, &type, &size, e));
    leat_arena_reset(&h->scratch, 1 << 20);
    h->bytes += bytes.len;
    if (type != LEAT_BINLOG_ROTATE) advance(h, bytes);
    switch (type) {
    case LEAT_BINLOG_QUERY:
    case LEAT_BINLOG_QUERY_COMPRESSED: return query(s, h, &h->format, bytes, e);
    case LEAT_BINLOG_TRANSACTION_PAYLOAD: return payload(s, h, bytes, e);
    case LEAT_BINLOG_FORMAT_DESCRIPTION:
        return leat_binlog_decode(&h->format, bytes, 0, &h->scratch, &ev, e);
    case LEAT_BINLOG_ROTATE:
        LEAT_TRY(leat_binlog_decode(&h->format, bytes, 0, &h->scratch, &ev, e));
        snprintf(h->file, sizeof h->file, LEAT_STR_FMT, LEAT_STR_ARG(ev.rotate.file));
        h->pos = ev.rotate.pos;
        return LEAT_OK;
    default: return LEAT_OK;
    }
}

/* What is read already is not ahead any more. */
static void drop_passed(leat_my_ahead *h, const char *file, uint64_t pos)
{
    for (concerned **at = &h->list; *at;) {
        if (leat_my_place_cmp((*at)->file, (*at)->pos, file, pos) <= 0)
            drop(at);
        else
            at = &(*at)->next;
    }
}

static leat_rc start(leat_my_source *s, leat_my_ahead *h, leat_err *e)
{
    const char *file = leat_my_file_now(s);
    uint64_t pos = leat_my_pos_now(s);
    drop_passed(h, file, pos);
    if (!h->file[0] || leat_my_place_cmp(h->file, h->pos, file, pos) < 0) {
        snprintf(h->file, sizeof h->file, "%s", file);
        h->pos = pos;
    }
    if (h->pos > UINT32_MAX) return LEAT_AGAIN; /* the server takes no such place */
    leat_my_start from = {.file = h->file, .pos = h->pos < 4 ? 4 : h->pos, .ends = true};
    h->dump.leaves = s->dump.leaves;
    h->dump.arg = s->dump.arg;
    h->format = (leat_binlog_format){.checksum = LEAT_BINLOG_CHECKSUM_UNKNOWN};
    h->bytes = 0;
    LEAT_TRY(leat_my_connect(&h->dump, &s->target, e));
    return leat_my_dump(&h->dump, &from, e);
}

static leat_rc stopped(const leat_my_source *s, leat_err *e)
{
    return leat_fail(e, LEAT_RETRY, "mysql.stopped", s->target.host,
                     "told to stop while looking ahead in the binary log");
}

/* To the log's end: OK; AGAIN: there was no time for it. */
static leat_rc pass(leat_my_source *s, leat_my_ahead *h, int64_t until_us, leat_err *e)
{
    leat_str bytes;
    for (unsigned n = 1;; n++) {
        leat_rc rc = leat_my_dump_next(&h->dump, WAIT_MS, &bytes, e);
        if (rc == LEAT_PENDING) return LEAT_OK;
        bool look = rc == LEAT_AGAIN || n % 1024 == 0;
        if (look && h->dump.leaves && h->dump.leaves(h->dump.arg)) return stopped(s, e);
        if (look && until_us && leat_mono_us() > until_us) return LEAT_AGAIN;
        if (rc == LEAT_AGAIN) continue;
        LEAT_TRY(rc);
        LEAT_TRY(one(s, h, bytes, e));
    }
}

leat_rc leat_my_ahead_look(leat_my_source *s, int64_t most_us, leat_err *e)
{
    leat_err why = {.rc = LEAT_RETRY,
                    .code = "mysql.looks_ahead",
                    .msg = "it looks through the rest of the log for statements that alter tables"};
    if (!s->ahead) s->ahead = leat_zalloc(1, sizeof *s->ahead);
    leat_my_ahead *h = s->ahead;
    int64_t begun = leat_mono_us();
    if (s->task->waits) s->task->waits(s->task, &why);
    leat_rc rc = start(s, h, e);
    if (rc == LEAT_OK) rc = pass(s, h, most_us ? begun + most_us : 0, e);
    if (s->task->waits) s->task->waits(s->task, NULL);
    leat_my_close(&h->dump);
    if (leat_mono_us() - begun > TOLD_US)
        leat_log(LEAT_INFO, "mysql.looked_ahead", "to=%s:%llu bytes=%llu seconds=%.1f%s", h->file,
                 (unsigned long long)h->pos, (unsigned long long)h->bytes,
                 (double)(leat_mono_us() - begun) / 1e6, rc == LEAT_AGAIN ? " it has more" : "");
    return rc;
}

const char *leat_my_ahead_has(const leat_my_source *s, const leat_my_rel *r, leat_arena *a)
{
    for (const concerned *c = s->ahead ? s->ahead->list : NULL; c; c = c->next) {
        if (c->db.s && !leat_str_is(c->db, r->db)) continue;
        if (c->name.s && !leat_str_is(c->name, r->name)) continue;
        if (leat_my_place_cmp(c->file, c->pos, leat_my_file_now(s), leat_my_pos_now(s)) <= 0)
            continue;
        return leat_arena_printf(a, "at %s:%llu by: %s", c->file, (unsigned long long)c->pos,
                                 c->sql);
    }
    return NULL;
}

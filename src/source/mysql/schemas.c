/* The schema history: what is noted of tables as the log is read, and found again.
 *
 * An entry's place is the position behind it, and, where the server has GTIDs, the transaction that
 * it stands in:
 *
 *   {"ts_sec":...,"file":"mysql-bin.000001","pos":1926,"gtids":"2ec757f5-...:1-5","gtid":"...:6",
 *    "log_server":"2ec757f5-..."}
 *
 * In force is the newest entry of a table (or of its database, or of all tables) whose place was
 * reached. Reading again what was read before finds the entries of then; a statement that is read
 * again is not noted again. Run by the task's thread.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "source/mysql/my.h"
#include "source/mysql/tabledef.h"

/* ---- places ---- */

static void put_place(leat_my_source *s, leat_buf *out)
{
    leat_buf gtids = {0};
    leat_jw w = {.out = out};
    leat_my_gtids_text(s, &gtids);
    leat_jw_object(&w, NULL);
    if (s->tx.open && s->tx.ts_us) leat_jw_i64(&w, "ts_sec", s->tx.ts_us / 1000000);
    leat_jw_z(&w, "file", leat_my_file_now(s));
    leat_jw_i64(&w, "pos", (int64_t)leat_my_pos_now(s));
    if (gtids.len) leat_jw_str(&w, "gtids", leat_buf_str(&gtids));
    if (s->gtid && s->tx.open && (s->tx.gtid.gno || s->tx.has_mariadb))
        leat_jw_z(&w, "gtid", s->tx.name);
    if (leat_my_log_server_now(s).len) leat_jw_str(&w, "log_server", leat_my_log_server_now(s));
    leat_jw_end(&w);
    leat_buf_free(&gtids);
}

/* All of the set was read. */
static bool has_read(const leat_my_source *s, leat_str set)
{
    return leat_my_gtids_in(s->mariadb, &s->gtids, &s->state, set);
}

/* file and pos of a place tell whether it was reached. In a MariaDB's own log they do always, and
 * numbers of a domain need not, as they may fall. */
static bool by_place(const leat_my_source *s, leat_str log_server)
{
    return !s->gtid ||
           (s->mariadb && log_server.len && leat_str_eq(log_server, leat_my_log_server_now(s)));
}

/* The place was reached; *here: it is the present one. */
static bool reached(const leat_my_source *s, leat_str place, bool *here)
{
    leat_arena a = {0};
    const leat_json *j;
    leat_err e;
    *here = false;
    bool yes = leat_json_parse(&a, place, &j, &e) == LEAT_OK;
    if (yes) {
        leat_str gtid = leat_json_get_str(j, "gtid"), gtids = leat_json_get_str(j, "gtids");
        leat_str file = leat_json_get_str(j, "file");
        uint64_t pos = (uint64_t)leat_json_get_i64(j, "pos", 0);
        bool numbers = !by_place(s, leat_json_get_str(j, "log_server"));
        if (numbers && gtid.s) {
            *here = s->tx.open && leat_str_is(gtid, s->tx.name);
            yes = *here || has_read(s, gtid);
        } else if (file.s) {
            int order = leat_my_place_cmp(file.s, pos, leat_my_file_now(s), leat_my_pos_now(s));
            *here = order == 0;
            yes = order <= 0;
            /* One of Debezium's has what was read before its transaction. */
            if (numbers && gtids.s) yes = has_read(s, gtids);
        } else if (numbers && gtids.s) {
            yes = has_read(s, gtids);
        }
    }
    leat_arena_free(&a);
    return yes;
}

/* ---- finding ---- */

typedef struct finding {
    leat_my_source *s;
    leat_arena *a;
    leat_my_entry *out;
    bool here_only; /* the entry that was noted at the present place */
    leat_str db, name;
} finding;

static void take(finding *f, const leat_schema_entry *en, bool here)
{
    leat_err e;
    leat_my_entry *out = f->out;
    *out = (leat_my_entry){.found = true,
                           .here = here,
                           .own = en->table.s != NULL,
                           .id = en->id,
                           .what = leat_arena_str(f->a, en->what)};
    if (en->sql.s) out->sql = leat_arena_str(f->a, en->sql);
    if (!en->def.s || !en->table.s) return;
    if (leat_my_tabledef_read(leat_arena_str(f->a, en->def), f->db, f->name, f->a, &out->def, &e) !=
        LEAT_OK)
        leat_log_err(LEAT_WARN, &e);
}

static bool look(void *arg, const leat_schema_entry *en)
{
    finding *f = arg;
    bool here;
    if (en->broken) {
        leat_log(LEAT_WARN, "schema.broken",
                 "entry=%lld table=\"" LEAT_STR_FMT "." LEAT_STR_FMT
                 "\" its checksum does not fit: it is not used, nor is any before it. 'leat schema "
                 "%s verify' tells what is broken",
                 (long long)en->id, LEAT_STR_ARG(f->db), LEAT_STR_ARG(f->name),
                 f->s->task->connector);
        return false;
    }
    if (!reached(f->s, en->place, &here)) return true;
    if (f->here_only && (!here || !en->table.s)) return true;
    take(f, en, here);
    return false;
}

static leat_rc find(leat_my_source *s, const leat_my_rel *r, bool here_only, leat_arena *a,
                    leat_my_entry *out, leat_err *e)
{
    leat_schema_store *store = s->now ? NULL : s->task->schemas;
    finding f = {s, a, out, here_only, leat_str_of(r->db), leat_str_of(r->name)};
    *out = (leat_my_entry){0};
    return store ? store->each(store, f.db, f.name, look, &f, e) : LEAT_OK;
}

leat_rc leat_my_schemas_find(leat_my_source *s, const leat_my_rel *r, leat_arena *a,
                             leat_my_entry *out, leat_err *e)
{
    return find(s, r, false, a, out, e);
}

leat_rc leat_my_schemas_here(leat_my_source *s, const leat_my_rel *r, leat_arena *a,
                             leat_my_entry *out, leat_err *e)
{
    return find(s, r, true, a, out, e);
}

/* ---- noting ---- */

leat_rc leat_my_schemas_note(leat_my_source *s, const leat_my_noted *noted, size_t n, leat_err *e)
{
    leat_schema_store *store = s->now ? NULL : s->task->schemas;
    leat_arena a = {0};
    leat_buf place = {0}, text = {0};
    if (!store || n == 0) return LEAT_OK;
    leat_schema_entry *list = LEAT_NEW(&a, leat_schema_entry, n);
    put_place(s, &place);
    for (size_t i = 0; i < n; i++) {
        list[i] = (leat_schema_entry){.db = noted[i].db,
                                      .table = noted[i].table,
                                      .place = leat_buf_str(&place),
                                      .what = leat_str_of(noted[i].what),
                                      .sql = noted[i].sql,
                                      .ts_us = s->tx.open ? s->tx.ts_us : 0};
        if (!noted[i].def) continue;
        leat_buf_clear(&text);
        leat_my_tabledef_write(noted[i].def, &text);
        list[i].def = leat_arena_str(&a, leat_buf_str(&text));
    }
    leat_rc rc = store->add(store, list, n, e);
    leat_buf_free(&place);
    leat_buf_free(&text);
    leat_arena_free(&a);
    return rc;
}

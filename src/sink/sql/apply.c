/* Events -> rows -> the target; see the header.
 *
 * All rows of a batch are first given to the dialect at once, behind a savepoint. If one fails, the
 * savepoint is gone back to, the good ones before it are given again, and the culprit is taken
 * alone, with all care: so one bad row costs a repetition, and the rest is written. In
 * apply.mode=batch rows may be reduced and reordered first (reduce.c); what fails there is done
 * again in the stream's order, in which foreign keys hold. */
#include "sink/sql/apply.h"

#include "base/fault.h"
#include "sink/sql/reduce.h"

void leat_rdb_applier_free(leat_rdb_applier *p)
{
    leat_free(p->rows);
    leat_free(p->affected);
    leat_arena_free(&p->scratch);
}

/* ---- rows ---- */

/* The rows were given to the target, but those that it did not tell of. */
static void tell(leat_rdb_applier *p, const leat_batch *b, const leat_rdb_row *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        p->task->tell(p->task, b, rows[i].event,
                      p->affected[i] < 0 ? LEAT_FATE_NONE : LEAT_FATE_WRITTEN);
}

static void add(leat_rdb_applier *p, leat_rdb_shape *shape, const leat_value *cells,
                const leat_value *old, uint32_t event)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 1024;
        p->rows = leat_realloc(p->rows, p->cap * sizeof *p->rows);
        p->affected = leat_realloc(p->affected, p->cap * sizeof *p->affected);
    }
    p->rows[p->n++] = (leat_rdb_row){.shape = shape, .cells = cells, .old = old, .event = event};
}

/* Rejects the event, or says why the sink stops here. */
static leat_rc refuse(leat_rdb_applier *p, const leat_batch *b, uint32_t event, const leat_err *why,
                      leat_err *e)
{
    const leat_event *ev = &b->ev[event];
    if (p->task->tolerate) {
        p->task->reject(p->task, b, event, why);
        p->refused = true;
        return LEAT_OK;
    }
    leat_err copy = *why;
    return leat_fail(e, LEAT_CONF, copy.code, copy.where,
                     "%s offset %lld: %.420s. The sink stops here (errors.tolerance=none); with "
                     "errors.tolerance=all such changes go to the dead letters",
                     leat_event_topic(ev), (long long)ev->offset, copy.msg);
}

static bool key_there(const leat_rdb_plan *plan, const leat_value *cells)
{
    for (uint16_t i = 0; i < plan->nkey; i++) {
        uint8_t kind = cells[plan->fields[i].from].kind;
        if (kind == LEAT_ABSENT || kind == LEAT_NULL) return false;
    }
    return plan->nkey > 0;
}

/* All of the key is known, nulls included. */
static bool key_sent(const leat_rdb_plan *plan, const leat_value *cells)
{
    for (uint16_t i = 0; i < plan->nkey; i++)
        if (cells[plan->fields[i].from].kind == LEAT_ABSENT) return false;
    return true;
}

/* The old row names another key than the new one. A null names none: no row of the target has it,
 * and it may be made up (event/envelope.h). */
static bool key_moved(const leat_rdb_plan *plan, const leat_event *ev)
{
    if (!ev->before || !ev->after) return false;
    for (uint16_t i = 0; i < plan->nkey; i++) {
        const leat_value *old = &ev->before[plan->fields[i].from];
        const leat_value *now = &ev->after[plan->fields[i].from];
        if (old->kind == LEAT_ABSENT || old->kind == LEAT_NULL || now->kind == LEAT_ABSENT)
            continue;
        if (!leat_value_eq(old, now)) return true;
    }
    return false;
}

static bool whole(const leat_rdb_plan *plan, const leat_value *cells)
{
    for (uint16_t i = 0; i < plan->nfields; i++)
        if (cells[plan->fields[i].from].kind == LEAT_ABSENT) return false;
    return true;
}

/* By what a row is found that got another key: what was not sent of the old one has not changed, as
 * far as anyone knows. */
static const leat_value *old_key(leat_rdb_applier *p, const leat_rdb_plan *plan,
                                 const leat_event *ev)
{
    if (key_sent(plan, ev->before)) return ev->before;
    leat_value *cells =
        leat_arena_dup(&p->scratch, ev->before, ev->table->row->nfields * sizeof *cells);
    for (uint16_t i = 0; i < plan->nkey; i++) {
        uint32_t at = plan->fields[i].from;
        if (cells[at].kind == LEAT_ABSENT) cells[at] = ev->after[at];
    }
    return cells;
}

/* The row of an insert or update. A change that lacks columns is an UPDATE, since an upsert of a
 * row with a NOT NULL column left out fails though the row is there. */
static void add_change(leat_rdb_applier *p, const leat_batch *b, leat_rdb_plan *plan, uint32_t i)
{
    const leat_event *ev = &b->ev[i];
    const leat_rdb_conf *conf = p->target->conf;
    const leat_value *cells = ev->after;
    bool moved = ev->op == LEAT_OP_UPDATE && key_moved(plan, ev);
    leat_rdb_kind kind = LEAT_RDB_ROW_INSERT;
    if (conf->insert == LEAT_RDB_UPDATE || (conf->insert == LEAT_RDB_UPSERT && moved))
        kind = LEAT_RDB_ROW_UPDATE;
    else if (conf->insert == LEAT_RDB_UPSERT && ev->op == LEAT_OP_UPDATE && !whole(plan, cells))
        kind = LEAT_RDB_ROW_UPDATE;
    else if (conf->insert == LEAT_RDB_UPSERT && plan->nkey > 0)
        kind = LEAT_RDB_ROW_UPSERT;
    leat_rdb_shape *shape = leat_rdb_plan_shape(p->target, plan, kind, cells, moved);
    if (shape->nset == 0) { /* nothing but the key, which is there */
        p->task->tell(p->task, b, i, LEAT_FATE_WRITTEN);
        return;
    }
    add(p, shape, cells, moved ? old_key(p, plan, ev) : cells, i);
    p->rows[p->n - 1].made = ev->op != LEAT_OP_UPDATE;
}

static void refuse_key(const leat_rdb_plan *plan, const leat_event *ev, leat_err *why)
{
    leat_fail(why, LEAT_DATA, "sql.key_missing", plan->table->label,
              "the change (op %c) does not have all key columns: %s", ev->op,
              plan->nkey == 0 ? "the target's rows have no key by primary.key.mode"
                              : "one of them is NULL, or was not sent");
}

/* LEAT_DATA: why it never can be applied. */
static leat_rc add_event(leat_rdb_applier *p, const leat_batch *b, leat_rdb_plan *plan, uint32_t i,
                         leat_err *why)
{
    const leat_event *ev = &b->ev[i];
    const leat_rdb_conf *conf = p->target->conf;
    bool deletes = ev->op == LEAT_OP_DELETE, truncates = ev->op == LEAT_OP_TRUNCATE;
    const leat_value *named = deletes ? ev->before : ev->after;
    bool unwanted = (deletes && !conf->deletes) || (truncates && !conf->truncates);
    bool nobody = (ev->table->flags & LEAT_TABLE_KEYS) && !truncates &&
                  !leat_rc_failed(plan->bad.rc) && !key_there(plan, named) &&
                  key_sent(plan, named); /* a tombstone whose key no row of the target has */
    if (unwanted || nobody) {
        p->task->tell(p->task, b, i, LEAT_FATE_FILTERED);
        return LEAT_OK;
    }
    bool keyless = strcmp(plan->bad.code, "sql.no_key") == 0; /* as a record of a TRUNCATE is */
    if (leat_rc_failed(plan->bad.rc) && !(truncates && keyless)) {
        *why = plan->bad;
        return LEAT_DATA;
    }
    if (truncates) {
        add(p, leat_rdb_plan_shape(p->target, plan, LEAT_RDB_ROW_TRUNCATE, NULL, false), NULL, NULL,
            i);
        return LEAT_OK;
    }
    bool keyed = deletes || conf->insert != LEAT_RDB_INSERT;
    if (ev->op == LEAT_OP_MESSAGE) keyed = false;
    if (!named || (keyed && !key_there(plan, named))) {
        refuse_key(plan, ev, why);
        return LEAT_DATA;
    }
    if (deletes)
        add(p, leat_rdb_plan_shape(p->target, plan, LEAT_RDB_ROW_DELETE, NULL, false), NULL, named,
            i);
    else
        add_change(p, b, plan, i);
    return LEAT_OK;
}

/* Something before it was refused, which it has to wait for. */
static bool waits(leat_rdb_applier *p, const leat_batch *b, uint32_t event)
{
    return p->refused && p->task->waits && p->task->waits(p->task, b, event);
}

static leat_rc add_all(leat_rdb_applier *p, const leat_batch *b, leat_err *e)
{
    leat_rdb_plan *plan = NULL;
    p->n = 0;
    p->refused = false;
    for (uint32_t i = 0; i < b->n; i++) {
        const leat_event *ev = &b->ev[i];
        leat_err why = {0};
        leat_rc rc;
        if (waits(p, b, i)) continue;
        if (ev->op == LEAT_OP_RECORD) {
            rc = leat_fail(&why, LEAT_DATA, "sql.no_row", leat_event_topic(ev),
                           "the record is no change of a table");
        } else {
            if (!plan || !leat_rdb_plan_is(plan, ev->table))
                LEAT_TRY(leat_rdb_plan_of(p->target, ev->table, &plan, e));
            rc = add_event(p, b, plan, i, &why);
        }
        if (rc == LEAT_DATA) LEAT_TRY(refuse(p, b, i, &why, e));
    }
    return LEAT_OK;
}

/* ---- into the target ---- */

static leat_rc exec(leat_rdb_applier *p, const char *sql, leat_err *e)
{
    leat_rdb_conn *c = p->target->conn;
    return c->dialect->exec(c, sql, sql, e);
}

static leat_rc give(leat_rdb_applier *p, const leat_rdb_row *rows, uint32_t n, uint32_t *done,
                    leat_err *e)
{
    leat_rdb_conn *c = p->target->conn;
    *done = 0;
    for (uint32_t i = 0; i < n; i++) p->affected[i] = -1;
    if (n > 0 && LEAT_FAULT(sink_lose)) n--;
    return c->dialect->apply(c, rows, n, p->affected, done, e);
}

/* An UPDATE has to find its row, but where insert.mode=update says that it need not. */
static bool must_find(const leat_rdb_applier *p, const leat_rdb_row *row)
{
    return row->shape->kind == LEAT_RDB_ROW_UPDATE && p->target->conf->insert != LEAT_RDB_UPDATE;
}

/* The first of rows that did not find what it was to change; n: none. */
static uint32_t first_lost(const leat_rdb_applier *p, const leat_rdb_row *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (must_find(p, &rows[i]) && p->affected[i] == 0) return i;
    return n;
}

/* LEAT_DATA: it cannot be applied. */
static leat_rc give_one(leat_rdb_applier *p, const leat_rdb_row *row, leat_err *why)
{
    uint32_t done;
    LEAT_TRY(give(p, row, 1, &done, why));
    if (first_lost(p, row, 1) == 1) return LEAT_OK;
    return leat_fail(why, LEAT_DATA, "sql.row_missing", row->shape->table->label,
                     "the row that the change is of is not in the target, and the change does not "
                     "carry all its columns");
}

static leat_rdb_plan *plan_of(leat_rdb_applier *p, const leat_batch *b, const leat_rdb_row *row)
{
    leat_rdb_plan *plan = p->target->plans;
    while (!leat_rdb_plan_is(plan, b->ev[row->event].table)) plan = plan->next;
    return plan;
}

/* A change whose row is not there, or a change of a key whose new row is: what comes out is the new
 * row alone. Of columns that the change does not carry the row has none then: beside a snapshot the
 * whole row comes later. */
static leat_rc replace_one(leat_rdb_applier *p, const leat_batch *b, const leat_rdb_row *row,
                           leat_err *why)
{
    leat_rdb_plan *plan = plan_of(p, b, row);
    leat_rdb_row both[2] = {*row, *row};
    uint32_t done, n = row->old != row->cells ? 2 : 1;
    both[0].shape = leat_rdb_plan_shape(p->target, plan, LEAT_RDB_ROW_DELETE, NULL, false);
    both[1].shape = leat_rdb_plan_shape(p->target, plan, LEAT_RDB_ROW_UPSERT, row->cells, false);
    LEAT_TRY(give(p, both + 2 - n, n, &done, why));
    p->affected[0] = p->affected[n - 1];
    return LEAT_OK;
}

/* What a server says of a row where the table was changed under its statement, among others. */
static bool doubts_table(const leat_err *why)
{
    return strcmp(why->code, "sql.table_missing") == 0 ||
           strcmp(why->code, "sql.column_missing") == 0 || strcmp(why->code, "sql.type") == 0 ||
           strcmp(why->code, "sql.generated") == 0;
}

/* One row by itself, behind a savepoint. What cannot be is refused. */
static leat_rc apply_one(leat_rdb_applier *p, const leat_batch *b, const leat_rdb_row *row,
                         leat_err *e)
{
    leat_err why = {0};
    LEAT_TRY(exec(p, "SAVEPOINT leat_row", e));
    leat_rc rc = give_one(p, row, &why);
    if (rc == LEAT_DATA && must_find(p, row)) {
        LEAT_TRY(exec(p, "ROLLBACK TO SAVEPOINT leat_row", e));
        leat_err first = why;
        rc = replace_one(p, b, row, &why);
        if (rc == LEAT_DATA) why = first;
    }
    if (rc == LEAT_DATA) {
        LEAT_TRY(exec(p, "ROLLBACK TO SAVEPOINT leat_row", e));
        if (doubts_table(&why)) LEAT_TRY(leat_rdb_plan_holds(p->target, plan_of(p, b, row), e));
        LEAT_TRY(refuse(p, b, row->event, &why, e));
    } else if (leat_rc_failed(rc)) {
        if (e) *e = why;
        return rc;
    } else {
        tell(p, b, row, 1);
    }
    return exec(p, "RELEASE SAVEPOINT leat_row", e);
}

/* The row at from by itself. If it is refused, rows behind it that have to wait are left out. */
static leat_rc take_culprit(leat_rdb_applier *p, const leat_batch *b, uint32_t from, leat_err *e)
{
    uint32_t n = from + 1;
    bool before = p->refused;
    p->refused = false;
    LEAT_TRY(apply_one(p, b, &p->rows[from], e));
    for (uint32_t i = from + 1; p->refused && i < p->n; i++)
        if (!waits(p, b, p->rows[i].event)) p->rows[n++] = p->rows[i];
    if (p->refused) p->n = n;
    p->refused = p->refused || before;
    return LEAT_OK;
}

/* All rows in their order; the culprits are taken alone. */
static leat_rc apply_rows(leat_rdb_applier *p, const leat_batch *b, bool *clean, leat_err *e)
{
    const leat_rdb_row *rows = p->rows;
    uint32_t from = 0, to = p->n;
    *clean = true;
    while (from < p->n) {
        leat_err why = {0};
        uint32_t done = 0;
        LEAT_TRY(exec(p, "SAVEPOINT leat_rows", e));
        leat_rc rc = give(p, rows + from, to - from, &done, &why);
        if (rc == LEAT_OK) {
            done = first_lost(p, rows + from, to - from);
            if (done < to - from) rc = LEAT_DATA;
        }
        if (rc == LEAT_OK) {
            LEAT_TRY(exec(p, "RELEASE SAVEPOINT leat_rows", e));
            tell(p, b, rows + from, to - from);
            from = to;
            if (from < p->n && !*clean) LEAT_TRY(take_culprit(p, b, from++, e));
            to = p->n;
            continue;
        }
        if (rc != LEAT_DATA) {
            if (e) *e = why;
            return rc;
        }
        *clean = false;
        LEAT_TRY(exec(p, "ROLLBACK TO SAVEPOINT leat_rows", e));
        LEAT_TRY(exec(p, "RELEASE SAVEPOINT leat_rows", e));
        to = from + done;
        if (done == 0) {
            LEAT_TRY(take_culprit(p, b, from++, e));
            to = p->n;
        }
    }
    return LEAT_OK;
}

/* Reduced and sorted. DATA: it did not go; nothing of it was applied. */
static leat_rc apply_reduced(leat_rdb_applier *p, const leat_batch *b, leat_err *e)
{
    leat_err why = {0};
    leat_rdb_row *rows;
    uint32_t n, done = 0;
    leat_rdb_reduce(p->rows, p->n, &p->scratch, &rows, &n);
    LEAT_TRY(exec(p, "SAVEPOINT leat_rows", e));
    leat_rc rc = give(p, rows, n, &done, &why);
    if (rc == LEAT_OK && first_lost(p, rows, n) < n) rc = LEAT_DATA;
    if (rc == LEAT_DATA) LEAT_TRY(exec(p, "ROLLBACK TO SAVEPOINT leat_rows", e));
    if (rc != LEAT_OK && rc != LEAT_DATA) {
        if (e) *e = why;
        return rc;
    }
    LEAT_TRY(exec(p, "RELEASE SAVEPOINT leat_rows", e));
    /* What a later row stands for is written with it. */
    for (uint32_t i = 0; rc == LEAT_OK && i < p->n; i++)
        p->task->tell(p->task, b, p->rows[i].event, LEAT_FATE_WRITTEN);
    if (rc == LEAT_OK) tell(p, b, rows, n);
    return rc;
}

leat_rc leat_rdb_apply(leat_rdb_applier *p, const leat_batch *b, leat_err *e)
{
    bool clean = true, batch = p->target->conf->apply == LEAT_RDB_BATCH;
    leat_arena_reset(&p->scratch, 1 << 20);
    LEAT_TRY(add_all(p, b, e));
    if (p->n == 0) return LEAT_OK;
    bool reduces = batch && !p->ordered && p->n > 1;
    if (reduces) {
        leat_rc rc = apply_reduced(p, b, e);
        if (rc != LEAT_DATA) return rc;
    }
    LEAT_TRY(apply_rows(p, b, &clean, e));
    if (reduces && clean) p->ordered = true;
    return LEAT_OK;
}

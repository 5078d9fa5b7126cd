/* source/query/deletes: what looks tell of a table in memory, over crashes between its file and the
 * stream. */
#include "../test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "source/query/query.h"

enum { IDS = 10 };

static const leat_compare_field fields[] = {
    {.name = "id", .kind = LEAT_COMPARE_INT, .native = true}};
static const size_t places[] = {0};
static const leat_schema int64 = {.type = LEAT_T_INT64};
static const leat_sql_column column = {.name = "v"};
static const leat_query_conf conf = {
    .mode = LEAT_QUERY_INCREMENTING, .batch_rows = 100, .deletes_ms = 1000};

/* The table has ids of one digit, all behind the position. */
typedef struct world {
    bool there[IDS], bad[IDS]; /* bad: the row cannot be read */
    bool null[IDS];            /* its column v holds a NULL, which it may not */
    bool asked[IDS];           /* by the statement of rows */
    int at;                    /* of its answer */
    uint32_t most;             /* events of a batch */
    unsigned sums, keys;       /* statements of those */
    leat_compare_side side;
    char folder[64];
    leat_task task;
    leat_query_shape shape;
    leat_query_table t, *tables[1];
    leat_query_source s;
    leat_arena a;
} world;

static world *w;

/* ---- the database ---- */

static bool within(const leat_compare_range *r, int id)
{
    bool in = r->nkeys == 0;
    for (uint32_t i = 0; i < r->nkeys; i++) in = in || r->keys[i].s[0] == '0' + id;
    return in && (!r->lo || r->lo[0].s[0] < '0' + id) && (!r->hi || r->hi[0].s[0] >= '0' + id);
}

static leat_str text_of(int id)
{
    static const char digits[] = "0123456789";
    return (leat_str){digits + id, 1};
}

static leat_rc bound(leat_compare_side *side, const leat_compare_plan *p,
                     const leat_compare_range *r, uint64_t skip, leat_arena *a,
                     const leat_str **key, leat_err *e)
{
    (void)side, (void)p, (void)r, (void)skip, (void)a, (void)e;
    *key = NULL;
    return LEAT_OK;
}

static leat_rc sum(leat_compare_side *side, const leat_compare_plan *p, const leat_compare_range *r,
                   leat_compare_sum *out, leat_err *e)
{
    (void)side, (void)p, (void)e;
    *out = (leat_compare_sum){0};
    w->sums++;
    for (int id = 0; id < IDS; id++) {
        char row[] = {'1', ':', (char)('0' + id)};
        int64_t first, second;
        if (!w->there[id] || !within(r, id)) continue;
        leat_compare_hash((leat_str){row, sizeof row}, false, &first, &second);
        out->rows++;
        out->sum += first;
        out->both ^= second;
    }
    return LEAT_OK;
}

static leat_rc rows(leat_compare_side *side, const leat_compare_plan *p,
                    const leat_compare_range *r, void (*fn)(void *arg, const leat_compare_row *row),
                    void *arg, leat_err *e)
{
    (void)side, (void)p, (void)e;
    w->keys++;
    for (int id = 0; id < IDS; id++) {
        const leat_str key = text_of(id);
        const leat_compare_row row = {.key = &key};
        if (w->there[id] && within(r, id)) fn(arg, &row);
    }
    return LEAT_OK;
}

static void where(leat_buf *out, const leat_compare_plan *p, const leat_compare_range *r)
{
    (void)out, (void)p;
    for (int id = 0; id < IDS; id++) w->asked[id] = within(r, id);
}

static void close_side(leat_compare_side *side)
{
    (void)side;
}

static leat_rc compare(leat_sql *s, const char *app, leat_compare_side **out, leat_err *e)
{
    (void)s, (void)app, (void)e;
    *out = &w->side;
    return LEAT_OK;
}

static leat_rc begin(leat_sql *s, const char *sql, const leat_sql_column *const *cols, size_t n,
                     leat_err *e)
{
    (void)s, (void)sql, (void)cols, (void)n, (void)e;
    w->at = 0;
    return LEAT_OK;
}

static leat_rc row(leat_sql *s, int wait_ms, leat_arena *a, leat_value *cells, leat_str *raw,
                   leat_err *e)
{
    (void)s, (void)wait_ms, (void)a;
    while (w->at < IDS && !(w->asked[w->at] && w->there[w->at])) w->at++;
    if (w->at == IDS) return LEAT_PENDING;
    int id = w->at++;
    *raw = text_of(id);
    if (w->bad[id]) return leat_fail(e, LEAT_DATA, "test.bad", "row", "it is bad");
    cells[0] = leat_int(id);
    cells[1] = w->null[id] ? leat_null() : leat_int(0);
    cells[2] = (leat_value){.kind = LEAT_TEXT, .len = 1, .u.s = text_of(id).s};
    return LEAT_OK;
}

static leat_rc end(leat_sql *s, leat_err *e)
{
    (void)s, (void)e;
    return LEAT_OK;
}

static const leat_dialect dialect = {.begin = begin, .row = row, .end = end, .compare = compare};

/* ---- a run ---- */

static void ok(leat_rc rc, const leat_err *e)
{
    if (leat_rc_failed(rc)) fail_msg("%s", e->msg);
}

/* told: the last batch of looks that is durable; at: the position. */
static void open_at(uint64_t told, int64_t at)
{
    leat_err e;
    w->t.at = w->t.group = (leat_query_offset){.has_number = true, .number = at};
    w->t.look = (leat_query_look){.partition = LEAT_STR("p"), .at = {.told = told}, .ready = true};
    ok(leat_query_deletes_open(&w->s, &w->t, &e), &e);
}

static void close_all(void)
{
    leat_query_deletes_close(&w->t);
    w->s.looking = NULL;
    w->s.side = NULL;
}

/* One step that has something to tell: "+3 -4 !" are a row, a delete, a dead letter. */
static const char *step(void)
{
    leat_batch b = {0};
    leat_err e;
    leat_buf out = {0};
    leat_batch_init(&b, w->most, 1 << 20);
    ok(leat_query_deletes_step(&w->s, &w->t, &b, &e), &e);
    for (uint32_t i = 0; i < b.n; i++) {
        bool gone = b.ev[i].op == LEAT_OP_DELETE;
        const leat_value *key = &b.ev[i].after->u.list[0];
        leat_buf_printf(&out, "%c%d ", gone ? '-' : '+', (int)key->u.i);
    }
    for (const leat_dead *d = b.dead; d; d = d->next) leat_buf_str_z(&out, "! ");
    leat_batch_free(&b);
    const char *text = leat_arena_str(&w->a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text ? text : "";
}

/* Steps to the end of a look. */
static const char *look(void)
{
    leat_buf out = {0};
    uint64_t looks = w->t.look.at.looks;
    while (w->t.look.at.looks == looks) leat_buf_str_z(&out, step());
    const char *text = leat_arena_str(&w->a, leat_buf_str(&out)).s;
    leat_buf_free(&out);
    return text ? text : "";
}

static int start(void **state)
{
    (void)state;
    w = leat_zalloc(1, sizeof *w);
    w->most = 100;
    snprintf(w->folder, sizeof w->folder, "/tmp/leat-looks-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->side = (leat_compare_side){.system = "test",
                                  .xors = true,
                                  .bound = bound,
                                  .sum = sum,
                                  .rows = rows,
                                  .where = where,
                                  .close = close_side};
    leat_origin *origin = leat_origin_new();
    leat_query_shape *shape = &w->shape;
    shape->table = leat_table_new(origin);
    shape->table->topic = shape->table->name = "t";
    shape->key = (leat_query_key){
        .n = 1,
        .places = places,
        .plan = {.fields = fields, .n = 1, .nkey = 1, .xors = true},
        .signature = "1",
        .gone = leat_table_new(origin),
    };
    shape->key.gone->topic = shape->key.gone->name = "t";
    leat_origin_unpin(origin);
    shape->fields = LEAT_NEW(&w->a, leat_query_field, 2);
    for (int i = 0; i < 2; i++)
        shape->fields[i] = (leat_query_field){.schema = &int64, .column = &column};
    shape->n = 2;
    shape->nread = 3;
    shape->number_quoted = "id";
    shape->select = "SELECT";
    w->task = (leat_task){.connector = "q", .folder = w->folder};
    w->t.label = w->t.topic = w->t.from = "t";
    w->t.shape = shape;
    w->tables[0] = &w->t;
    w->s = (leat_query_source){.task = &w->task,
                               .conf = &conf,
                               .sql = {.dialect = &dialect},
                               .tables = w->tables,
                               .ntables = 1,
                               .once = true};
    open_at(0, IDS);
    return 0;
}

static void remove_folder(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/keys", w->folder);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (const struct dirent *f; (f = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "%s/keys/%s", w->folder, f->d_name);
        if (f->d_name[0] != '.') assert_int_equal(unlink(path), 0);
    }
    closedir(d);
    snprintf(path, sizeof path, "%s/keys", w->folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(w->folder), 0);
}

static int stop(void **state)
{
    (void)state;
    close_all();
    leat_table_unpin(w->shape.table);
    leat_table_unpin(w->shape.key.gone);
    leat_free(w->s.cells);
    leat_buf_free(&w->s.offset);
    leat_arena_free(&w->s.arena);
    leat_arena_free(&w->a);
    remove_folder();
    leat_free(w);
    return 0;
}

/* ---- tests ---- */

/* A row that came back is told until it is durable, though the sums are equal by then. */
static void test_a_crash_after_news(void **state)
{
    (void)state;
    w->there[1] = w->there[2] = true;
    assert_string_equal(look(), "");
    w->there[3] = true;
    assert_string_equal(look(), "+3 ");
    close_all();
    open_at(0, IDS);
    assert_string_equal(look(), "+3 ");
    assert_string_equal(look(), "");
    close_all();
    open_at(1, IDS);
    assert_string_equal(look(), "");
}

/* What is there then decides: of a row that came back its delete, of one that was deleted the row,
 * which came back in between. */
static void test_a_crash_before_another_change(void **state)
{
    (void)state;
    w->there[1] = w->there[2] = true;
    assert_string_equal(look(), "");
    w->there[2] = false;
    w->there[3] = true;
    step(); /* it ends in a crash */
    close_all();
    w->there[2] = true;
    w->there[3] = false;
    open_at(0, IDS);
    assert_string_equal(look(), "-3 +2 ");
    assert_string_equal(look(), "");
}

/* A key that became another one: what is gone is told first. */
static void test_a_key_that_changed(void **state)
{
    (void)state;
    w->there[1] = w->there[5] = true;
    assert_string_equal(look(), "");
    w->there[5] = false;
    w->there[3] = true;
    assert_string_equal(look(), "-5 +3 ");
}

/* Rows that a person passed over are not told, by a run that ends before its look does neither. */
static void test_rows_that_were_passed_over(void **state)
{
    leat_err e;
    (void)state;
    close_all();
    open_at(0, 2);
    w->there[1] = w->there[2] = true;
    ok(leat_query_deletes_flush(&w->t, &e), &e);
    assert_string_equal(look(), "");
    for (int n = 0; n < 2; n++) {
        close_all();
        open_at(0, 5);
        w->there[4] = true;
        assert_false(w->t.look.whole);
        w->t.at.number = 7;
        ok(leat_query_deletes_flush(&w->t, &e), &e);
    }
    close_all();
    open_at(0, 7);
    assert_string_equal(look(), "");
    w->there[6] = true;
    assert_string_equal(look(), "+6 ");
}

/* A first look reads the rows, once; where it has seen them sums do, in the next run too. */
static void test_a_first_look(void **state)
{
    (void)state;
    for (int id = 1; id <= 6; id++) w->there[id] = true;
    assert_string_equal(look(), "");
    assert_int_equal(w->sums + w->keys, 0);
    close_all();
    open_at(0, IDS);
    assert_true(w->t.look.whole);
    assert_string_equal(look(), "");
    assert_int_equal(w->sums, 1);
    assert_int_equal(w->keys, 0);
    w->there[4] = false;
    assert_string_equal(look(), "-4 ");
}

/* One that cannot be read is a dead letter once; of the others none is told twice for it. */
static void test_a_row_that_cannot_be_read(void **state)
{
    (void)state;
    w->there[1] = w->there[2] = w->bad[2] = true;
    assert_string_equal(look(), "");
    w->there[3] = w->there[4] = w->there[5] = w->bad[4] = true;
    assert_string_equal(look(), "+3 +5 ! ");
    assert_string_equal(look(), "");
    close_all();
    open_at(0, IDS);
    assert_string_equal(look(), "+3 +5 ! ");
    assert_string_equal(look(), "");
    w->there[2] = w->there[4] = w->there[5] = false;
    assert_string_equal(look(), "-5 ");
}

/* Nor one with a value that has no room in the record, which a poll told. */
static void test_a_row_that_cannot_be_told(void **state)
{
    (void)state;
    w->there[1] = w->there[2] = w->null[2] = true;
    assert_string_equal(look(), "");
    assert_string_equal(look(), "");
    w->there[3] = w->null[3] = true;
    assert_string_equal(look(), "! ");
    assert_string_equal(look(), "");
}

/* What has no room in a batch is for the next one, in a look and after a crash. */
static void test_small_batches(void **state)
{
    (void)state;
    w->there[0] = true;
    assert_string_equal(look(), "");
    for (int id = 1; id <= 6; id++) w->there[id] = true;
    w->there[0] = false;
    w->bad[2] = true;
    w->most = 2;
    assert_string_equal(look(), "-0 +1 +3 +4 +5 +6 ! ");
    assert_int_equal(w->t.look.at.told, 4);
    close_all();
    open_at(1, IDS);
    assert_string_equal(step(), "+3 +4 ");
    assert_string_equal(look(), "+5 +6 ! ");
    assert_string_equal(look(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_crash_after_news, start, stop),
        cmocka_unit_test_setup_teardown(test_a_crash_before_another_change, start, stop),
        cmocka_unit_test_setup_teardown(test_a_key_that_changed, start, stop),
        cmocka_unit_test_setup_teardown(test_rows_that_were_passed_over, start, stop),
        cmocka_unit_test_setup_teardown(test_a_first_look, start, stop),
        cmocka_unit_test_setup_teardown(test_a_row_that_cannot_be_read, start, stop),
        cmocka_unit_test_setup_teardown(test_a_row_that_cannot_be_told, start, stop),
        cmocka_unit_test_setup_teardown(test_small_batches, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* convert/change against the records of a real Debezium 3.6 on PostgreSQL: each envelope is read
 * into the change that it is of, and that, written again, is what was recorded. Without schemas the
 * change has the same rows, as far as JSON can tell. */
#include "../test.h"

#include <stdlib.h>

#include "convert/change.h"
#include "convert/json.h"
#include "event/envelope.h"
#include "golden.h"

typedef struct tally {
    leat_change_reader *reader;
    leat_json_converter *values, *keys;
    size_t changes, deletes, absent, rows, records, nothing;
} tally;

/* Numbers behind "ts_ns": what leat does not have, the last three digits, are made 0. */
static void blunt(leat_buf *text)
{
    static const char name[] = "\"ts_ns\":";
    for (char *p = text->p;
         (p = memmem(p, (size_t)(text->p + text->len - p), name, sizeof name - 1)) != NULL;) {
        p += sizeof name - 1;
        char *end = p;
        while (*end >= '0' && *end <= '9') end++;
        for (int i = 1; i <= 3 && end - i >= p; i++) end[-i] = '0';
    }
}

/* How many zeros a fraction of a second was given is not kept: 06.120000Z is 06.12Z. */
static void shorten(leat_buf *text)
{
    char *to = text->p;
    for (const char *p = text->p; *p; p++) {
        if (*p == 'Z' && p[1] == '"' && to > text->p && to[-1] == '0') {
            char *end = to;
            while (end > text->p && end[-1] == '0') end--;
            bool fraction = memchr(end - (end - text->p > 9 ? 9 : end - text->p), '.', 9);
            if (end > text->p && end[-1] == '.') end--;
            if (fraction) to = end;
        }
        *to++ = *p;
    }
    *to = 0;
}

static void check_same(const golden_file *f, size_t i, leat_str expected, leat_buf *got)
{
    leat_buf text = {0};
    leat_buf_add(&text, expected);
    leat_buf_u8(&text, 0);
    leat_buf_u8(got, 0);
    blunt(&text);
    blunt(got);
    shorten(&text);
    shorten(got);
    if (strcmp(text.p, got->p) != 0) {
        size_t at = 0;
        while (text.p[at] == got->p[at]) at++;
        at = at > 80 ? at - 80 : 0;
        print_error("%s %zu:\n  expected ...%.200s\n  got      ...%.200s\n", f->name, i,
                    text.p + at, got->p + at);
        fail();
    }
    leat_buf_free(&text);
}

static void check_event(golden_file *f, size_t i, tally *t, const leat_event *ev)
{
    leat_record out[LEAT_RECORDS_MAX];
    leat_buf value = {0}, key = {0};
    leat_err e = {0};
    bool is_null;
    leat_envelope_records(ev, &f->a, out);
    leat_str placeholder = ev->table->origin->placeholder;
    leat_rc rc = leat_json_convert(t->values, out[0].value_schema, &out[0].value, placeholder,
                                   &value, &is_null, &e);
    if (rc == LEAT_OK && f->records[i].key.s)
        rc = leat_json_convert(t->keys, out[0].key_schema, &out[0].key, placeholder, &key, &is_null,
                               &e);
    if (rc != LEAT_OK) {
        print_error("%s %zu: %s %s\n", f->name, i, e.where, e.msg);
        fail();
    }
    check_same(f, i, f->records[i].value, &value);
    leat_buf_free(&value);
    leat_buf_free(&key);
}

static bool has(const golden_file *f, size_t i, const char *text)
{
    leat_str v = f->records[i].value;
    return v.s && memmem(v.s, v.len, text, strlen(text));
}

static void count(tally *t, const leat_event *ev)
{
    t->deletes += ev->op == LEAT_OP_DELETE;
    for (uint32_t k = 0; ev->after && k < ev->table->row->nfields; k++)
        t->absent += ev->after[k].kind == LEAT_ABSENT;
}

static void read_file(golden_file *f, void *arg)
{
    tally *t = arg;
    bool defaults = strncmp(f->name, "defaults_no_replace_null", 24) != 0;
    const leat_json_read_conf conf = {.schemas = true, .replace_null_with_default = defaults};
    const leat_json_conf json = {.schemas = true,
                                 .decimal_numeric =
                                     strncmp(f->name, "decimal_numeric_format", 22) == 0,
                                 .replace_null_with_default = defaults};
    t->reader = leat_change_reader_new(&conf, &conf);
    t->values = leat_json_converter_new(&json);
    t->keys = leat_json_converter_new(&json);
    leat_batch b;
    leat_batch_init(&b, 0, 0);
    for (size_t i = 0; i < f->n; i++) {
        leat_err e = {0};
        const golden_record *r = &f->records[i];
        leat_batch_reset(&b);
        leat_json_converter_forget(t->values);
        leat_json_converter_forget(t->keys);
        leat_rc rc = leat_change_read(t->reader, r->topic, r->key, r->value, &b, &e);
        if (leat_rc_failed(rc) && !leat_str_starts(r->value, "{\"schema\":"))
            continue; /* another converter's */
        if (leat_rc_failed(rc)) {
            print_error("%s %zu %s: %s %s\n", f->name, i, r->topic, e.where, e.msg);
            fail();
        }
        assert_int_equal(b.n, rc == LEAT_OK);
        t->nothing += rc == LEAT_AGAIN;
        if (rc == LEAT_AGAIN) continue;
        t->records += b.ev[0].op == LEAT_OP_RECORD;
        bool envelope = has(f, i, ".Envelope\"") && has(f, i, "\"op\":");
        t->rows += b.ev[0].op != LEAT_OP_RECORD && !envelope;
        if (!envelope) continue;
        count(t, &b.ev[0]);
        t->changes++;
        /* A transaction block is not kept; of a mask that cuts, "P0Y" is an interval; what an
         * hstore shows that was not sent is known, but its schema is that of any JSON. */
        if (has(f, i, "\"transaction\":null") && !has(f, i, "{\\\"__debezium_unav") &&
            strncmp(f->name, "mask_types_cut", 14) != 0)
            check_event(f, i, t, &b.ev[0]);
    }
    leat_batch_free(&b);
    leat_change_reader_free(t->reader);
    leat_json_converter_free(t->values);
    leat_json_converter_free(t->keys);
}

static void test_with_schemas(void **state)
{
    (void)state;
    tally t = {0};
    assert_true(golden_each(".schema.jsonl", read_file, &t) > 70);
    print_message("# %zu changes (%zu deletes), %zu absent cells, %zu rows, %zu records, %zu "
                  "nothing\n",
                  t.changes, t.deletes, t.absent, t.rows, t.records, t.nothing);
    assert_true(t.changes > 300);
    assert_true(t.deletes > 20);
    assert_true(t.absent > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_schemas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* source/postgres/pgoutput and walframe: recorded bytes of a real server against what they say.
 *
 * CASE.hex has a message a line, CASE.json what an independent decoder made of it
 * (record_pgoutput.py). Each message is decoded, written as JSON in the same form, and compared;
 * then damaged, which must be noticed. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/os.h"
#include "source/postgres/pgoutput.h"
#include "source/postgres/walframe.h"

#define FOLDER TESTS_DIR "/vectors/pgoutput/"

static void put_lsn(leat_jw *w, const char *name, uint64_t lsn)
{
    char text[LEAT_LSN_TEXT];
    leat_jw_z(w, name, leat_lsn_print(lsn, text));
    uint64_t back;
    assert_true(leat_lsn_parse(leat_str_of(text), &back) && back == lsn);
}

static void put_hex(leat_jw *w, const char *name, leat_str bytes)
{
    leat_buf hex = {0};
    leat_buf_hex(&hex, bytes);
    leat_jw_str(w, name, leat_buf_str(&hex));
    leat_buf_free(&hex);
}

static void put_tuple(leat_jw *w, const char *name, const leat_pgoutput_tuple *t)
{
    leat_jw_array(w, name);
    for (uint16_t i = 0; i < t->n; i++) {
        const leat_pgoutput_cell *c = &t->cells[i];
        if (c->kind == LEAT_PGOUTPUT_NULL) leat_jw_null(w, NULL);
        if (c->kind == LEAT_PGOUTPUT_UNCHANGED) leat_jw_bool(w, NULL, false);
        if (c->kind == LEAT_PGOUTPUT_TEXT) leat_jw_str(w, NULL, c->data);
        if (c->kind == LEAT_PGOUTPUT_BINARY) {
            leat_jw_object(w, NULL);
            put_hex(w, "hex", c->data);
            leat_jw_end(w);
        }
    }
    leat_jw_end(w);
}

static void put_relation(leat_jw *w, const leat_pgoutput_msg *m)
{
    leat_jw_i64(w, "id", m->relation.id);
    leat_jw_str(w, "schema", m->relation.schema);
    leat_jw_str(w, "name", m->relation.name);
    leat_jw_str(w, "identity", (leat_str){&m->relation.replica_identity, 1});
    leat_jw_array(w, "columns");
    for (uint16_t i = 0; i < m->relation.n; i++) {
        const leat_pgoutput_column *c = &m->relation.cols[i];
        leat_jw_object(w, NULL);
        leat_jw_str(w, "name", c->name);
        leat_jw_bool(w, "key", c->key);
        leat_jw_i64(w, "type", c->type);
        leat_jw_i64(w, "typmod", c->typmod);
        leat_jw_end(w);
    }
    leat_jw_end(w);
}

static void put_change(leat_jw *w, const leat_pgoutput_msg *m)
{
    leat_jw_i64(w, "relation", m->change.relation);
    const char old[2] = {m->change.old_kind, '\0'};
    if (m->change.old_kind) put_tuple(w, old, &m->change.old);
    if (m->type != LEAT_PGOUTPUT_DELETE) put_tuple(w, "N", &m->change.now);
}

static void put_truncate(leat_jw *w, const leat_pgoutput_msg *m)
{
    leat_jw_bool(w, "cascade", m->truncate.cascade);
    leat_jw_bool(w, "restart_identity", m->truncate.restart_identity);
    leat_jw_array(w, "relations");
    for (uint32_t i = 0; i < m->truncate.n; i++) leat_jw_i64(w, NULL, m->truncate.relations[i]);
    leat_jw_end(w);
}

static void put_body(leat_jw *w, const leat_pgoutput_msg *m)
{
    switch ((leat_pgoutput_type)m->type) {
    case LEAT_PGOUTPUT_BEGIN:
        put_lsn(w, "final_lsn", m->begin.final_lsn);
        leat_jw_i64(w, "ts_us", m->begin.ts_us);
        leat_jw_i64(w, "xid", m->begin.xid);
        break;
    case LEAT_PGOUTPUT_COMMIT:
        put_lsn(w, "lsn", m->commit.lsn);
        put_lsn(w, "end_lsn", m->commit.end_lsn);
        leat_jw_i64(w, "ts_us", m->commit.ts_us);
        break;
    case LEAT_PGOUTPUT_ORIGIN:
        put_lsn(w, "lsn", m->origin.lsn);
        leat_jw_str(w, "name", m->origin.name);
        break;
    case LEAT_PGOUTPUT_RELATION: put_relation(w, m); break;
    case LEAT_PGOUTPUT_TYPE:
        leat_jw_i64(w, "id", m->type_of.id);
        leat_jw_str(w, "schema", m->type_of.schema);
        leat_jw_str(w, "name", m->type_of.name);
        break;
    case LEAT_PGOUTPUT_INSERT:
    case LEAT_PGOUTPUT_UPDATE:
    case LEAT_PGOUTPUT_DELETE: put_change(w, m); break;
    case LEAT_PGOUTPUT_TRUNCATE: put_truncate(w, m); break;
    case LEAT_PGOUTPUT_MESSAGE:
        leat_jw_bool(w, "transactional", m->message.transactional);
        put_lsn(w, "lsn", m->message.lsn);
        leat_jw_str(w, "prefix", m->message.prefix);
        put_hex(w, "content", m->message.content);
        break;
    }
}

static void put_message(leat_jw *w, leat_str bytes, leat_arena *a)
{
    leat_pgoutput_msg m;
    leat_err e = {0};
    if (leat_pgoutput_decode(bytes, a, &m, &e) != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
    leat_jw_object(w, NULL);
    leat_jw_z(w, "type", leat_pgoutput_type_name(m.type));
    put_body(w, &m);
    leat_jw_end(w);
}

static void put_frame(leat_jw *w, leat_str bytes, leat_arena *a)
{
    (void)a;
    leat_walframe f;
    leat_err e = {0};
    if (leat_walframe_decode(bytes, &f, &e) != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
    leat_jw_object(w, NULL);
    leat_jw_str(w, "type", (leat_str){&f.type, 1});
    if (f.type == LEAT_WALFRAME_DATA) put_lsn(w, "start", f.start);
    put_lsn(w, "end", f.end);
    leat_jw_i64(w, "ts_us", f.ts_us);
    if (f.type == LEAT_WALFRAME_DATA)
        put_hex(w, "data", f.data);
    else
        leat_jw_bool(w, "reply", f.reply);
    leat_jw_end(w);
}

static void load(const char *name, const char *suffix, leat_buf *out)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "%s%s", name, suffix);
    if (leat_os_load(path, out, 1 << 24) != 0) fail_msg("cannot read %s", path);
}

typedef void put_fn(leat_jw *w, leat_str bytes, leat_arena *a);
typedef void damage_fn(leat_str bytes);

/* Each line of CASE.hex through put, against its element of CASE.json; then through damage. */
static void run(const char *name, put_fn *put, damage_fn *damage)
{
    leat_arena a = {0};
    leat_buf hex = {0}, text = {0}, bytes = {0}, got = {0}, want = {0};
    load(name, ".hex", &hex);
    load(name, ".json", &text);
    const leat_json *all;
    leat_err e = {0};
    assert_int_equal(leat_json_parse(&a, leat_buf_str(&text), &all, &e), LEAT_OK);
    const leat_json *expected = all->child;
    leat_str rest = leat_str_trim(leat_buf_str(&hex));
    for (unsigned n = 1; rest.s; n++, expected = expected->next) {
        leat_buf_clear(&bytes), leat_buf_clear(&got), leat_buf_clear(&want);
        assert_true(leat_buf_unhex(&bytes, leat_str_cut(&rest, '\n')));
        leat_jw w = {.out = &got};
        put(&w, leat_buf_str(&bytes), &a);
        assert_non_null(expected);
        leat_json_write(expected, &want);
        if (!leat_str_eq(leat_buf_str(&got), leat_buf_str(&want)))
            fail_msg("%s, message %u:\n got " LEAT_STR_FMT "\nwant " LEAT_STR_FMT, name, n,
                     LEAT_STR_ARG(leat_buf_str(&got)), LEAT_STR_ARG(leat_buf_str(&want)));
        if (bytes.len < 1000) damage(leat_buf_str(&bytes));
    }
    assert_null(expected);
    leat_buf_free(&hex), leat_buf_free(&text), leat_buf_free(&bytes);
    leat_buf_free(&got), leat_buf_free(&want);
    leat_arena_free(&a);
}

/* Cut anywhere or with a byte more, a message is refused: nothing of another length reads as one.
 * The copy is exactly as long, so that the sanitizer sees a step too far. */
static void damage_message(leat_str bytes)
{
    leat_arena a = {0};
    leat_pgoutput_msg m;
    for (size_t n = 0; n <= bytes.len + 1; n++) {
        if (n == bytes.len) continue;
        char *copy = leat_zalloc(n ? n : 1, 1);
        memcpy(copy, bytes.s, n < bytes.len ? n : bytes.len);
        leat_err e = {0};
        assert_int_equal(leat_pgoutput_decode((leat_str){copy, n}, &a, &m, &e), LEAT_FATAL);
        assert_string_equal(e.code, "postgres.protocol");
        leat_free(copy);
        leat_arena_reset(&a, 1 << 16);
    }
    leat_arena_free(&a);
}

static void damage_frame(leat_str bytes)
{
    leat_walframe f;
    size_t head = bytes.s[0] == LEAT_WALFRAME_DATA ? 25 : bytes.len; /* the rest may be any */
    for (size_t n = 0; n < head; n++)
        assert_int_equal(leat_walframe_decode((leat_str){bytes.s, n}, &f, NULL), LEAT_FATAL);
}

static void test_vectors(void **state)
{
    (void)state;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    unsigned n = 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        char *dot = strrchr(d->d_name, '.');
        if (strcmp(dot, ".hex") != 0 || strcmp(d->d_name, "walframe.hex") == 0) continue;
        *dot = '\0';
        run(d->d_name, put_message, damage_message);
        n++;
    }
    closedir(dir);
    assert_true(n >= 20);
}

static void test_frames(void **state)
{
    (void)state;
    run("walframe", put_frame, damage_frame);
    leat_walframe f;
    const char other[18] = "q";
    assert_int_equal(leat_walframe_decode((leat_str){other, sizeof other}, &f, NULL), LEAT_FATAL);
}

static void refused(const char *hex)
{
    leat_arena a = {0};
    leat_buf bytes = {0};
    leat_pgoutput_msg m;
    assert_true(leat_buf_unhex(&bytes, leat_str_of(hex)));
    if (leat_pgoutput_decode(leat_buf_str(&bytes), &a, &m, NULL) != LEAT_FATAL) fail_msg("%s", hex);
    /* Counts that lie cost no memory. */
    assert_true(a.held <= 1 << 16);
    leat_buf_free(&bytes);
    leat_arena_free(&a);
}

static void test_refused(void **state)
{
    (void)state;
    refused("");
    refused("53000003c700");                 /* S: stream start, of protocol 2 */
    refused("5a");                           /* no such kind */
    refused("49000000014effff");             /* insert: 65535 columns in no bytes */
    refused("49000000014e0001740000ffff61"); /* a text longer than the message */
    refused("49000000014e000178");           /* a cell of kind x */
    refused("49000000014b00016e");           /* insert with an old key */
    refused("44000000014e00016e");           /* delete with a new row */
    refused("55000000014b00016e4b00016e");   /* update with two old keys */
    refused("55000000014b00016e");           /* update without its new row */
    refused("54ffffffff00");                 /* truncate of 4294967295 tables */
    refused("54000000010400000001");         /* an option not known */
    refused("520000000173007400780000");     /* replica identity x */
    refused("5200000001730074006400010261000000001700000000");       /* column flags not known */
    refused("43010000000000000001000000000000000100000000000000ff"); /* commit flags */
    refused("4d020000000000000001610000000000");                     /* message flags not known */
    refused("4200000000000000017fffffffffffffff00000001");           /* a time beyond 64 bits */
}

static void test_status(void **state)
{
    (void)state;
    char out[LEAT_WALFRAME_STATUS_LEN];
    leat_walframe_status(out, 0x1122334455667788, 2, 1, LEAT_PG_EPOCH_US + 5, true);
    leat_buf hex = {0};
    leat_buf_hex(&hex, (leat_str){out, sizeof out});
    leat_buf_u8(&hex, 0);
    assert_string_equal(hex.p, "721122334455667788"
                               "0000000000000002"
                               "0000000000000001"
                               "0000000000000005"
                               "01");
    leat_buf_free(&hex);
}

static void test_lsn(void **state)
{
    (void)state;
    static const struct {
        uint64_t lsn;
        const char *text;
    } good[] = {{0, "0/0"},
                {0x16B3748, "0/16B3748"},
                {0x1600000000, "16/0"},
                {UINT64_MAX, "FFFFFFFF/FFFFFFFF"},
                {0xA0000000B, "A/B"}};
    char text[LEAT_LSN_TEXT];
    uint64_t lsn;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_string_equal(leat_lsn_print(good[i].lsn, text), good[i].text);
        assert_true(leat_lsn_parse(leat_str_of(good[i].text), &lsn));
        assert_true(lsn == good[i].lsn);
    }
    assert_true(leat_lsn_parse(LEAT_STR("a/0000000b"), &lsn) && lsn == 0xA0000000B);
    static const char *const bad[] = {"",     "/",   "0/",   "/0",          "0",    "0/0/0",
                                      " 0/0", "g/0", "-1/0", "123456789/0", "0/0 ", "0/0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (leat_lsn_parse(leat_str_of(bad[i]), &lsn)) fail_msg("'%s' was taken", bad[i]);
    assert_false(leat_lsn_parse((leat_str){0}, &lsn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors), cmocka_unit_test(test_frames),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_status),
        cmocka_unit_test(test_lsn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is pure in the PostgreSQL source: positions, transaction ids, the judge of slots, verdicts
 * on errors, quoting, rows of COPY, options. */
#include "../test.h"

#include "base/clock.h"
#include "capture/snapshots.h"
#include "config/load.h"
#include "source/postgres/conf.h"
#include "source/postgres/copytext.h"
#include "source/postgres/feedback.h"
#include "source/postgres/params.h"
#include "source/postgres/pg.h"
#include "source/postgres/position.h"
#include "source/postgres/slot.h"
#include "system/postgres/classify.h"
#include "system/postgres/quote.h"

/* ---- positions ---- */

static const char *written(const leat_pg_position *p)
{
    static char text[512];
    leat_buf b = {0};
    leat_pg_position_write(p, &b);
    assert_true(b.len < sizeof text);
    memcpy(text, b.p, b.len);
    text[b.len] = 0;
    leat_buf_free(&b);
    return text;
}

static leat_rc found(const char *server, const char *partition, const char *offset,
                     leat_pg_position *out, leat_err *e)
{
    leat_position pos = {leat_str_of(partition), leat_str_of(offset)};
    return leat_pg_position_find(server, &pos, 1, out, e);
}

static void position_is_debeziums(void **state)
{
    (void)state;
    leat_pg_position p = {.lsn = 23478,
                          .commit = 23470,
                          .tx = 5,
                          .ts_us = 1700000000000001,
                          .systemid = 18446744073709551615u,
                          .timeline = 2};
    assert_string_equal(written(&p),
                        "{\"lsn_proc\":23478,\"messageType\":\"COMMIT\",\"lsn_commit\":23470,"
                        "\"lsn\":23478,\"txId\":5,\"ts_usec\":1700000000000001,"
                        "\"systemid\":\"18446744073709551615\",\"timeline\":2}");
    p = (leat_pg_position){.lsn = 7};
    assert_string_equal(written(&p), "{\"lsn_proc\":7,\"lsn\":7}");
}

static void position_comes_back(void **state)
{
    (void)state;
    leat_err e;
    leat_pg_position p = {.lsn = 99,
                          .commit = 88,
                          .tx = 77,
                          .ts_us = -5,
                          .systemid = 66,
                          .timeline = 3},
                     q;
    assert_int_equal(found("shop", "{\"server\":\"shop\"}", written(&p), &q, &e), LEAT_OK);
    assert_int_equal(q.lsn, 99);
    assert_int_equal(q.commit, 88);
    assert_int_equal(q.tx, 77);
    assert_int_equal(q.ts_us, -5);
    assert_int_equal(q.systemid, 66);
    assert_int_equal(q.timeline, 3);
    assert_int_equal(leat_pg_position_lsn(leat_str_of(written(&p))), 99);
}

static void position_of_debezium(void **state)
{
    (void)state;
    leat_err e;
    leat_pg_position p;
    /* In the middle of a transaction: from the last commit on. */
    assert_int_equal(found("s", "{\"server\":\"s\"}",
                           "{\"lsn_proc\":500,\"messageType\":\"INSERT\",\"lsn_commit\":400,"
                           "\"lsn\":500,\"txId\":9,\"ts_usec\":1}",
                           &p, &e),
                     LEAT_OK);
    assert_int_equal(p.lsn, 400);
    assert_int_equal(p.sent, 500);
    assert_int_equal(p.tx, 9);
    assert_int_equal(found("s", "{\"server\":\"s\"}", "{\"lsn_proc\":500,\"lsn\":450}", &p, &e),
                     LEAT_OK);
    assert_int_equal(p.lsn, 500);
    assert_int_equal(found("s", "{\"server\":\"s\"}",
                           "{\"lsn\":450,\"snapshot\":\"INITIAL\",\"last_snapshot_record\":true}",
                           &p, &e),
                     LEAT_OK);
    assert_int_equal(p.lsn, 450);
    /* A snapshot that had not ended is no position. */
    assert_int_equal(found("s", "{\"server\":\"s\"}",
                           "{\"lsn\":450,\"snapshot\":\"INITIAL\",\"last_snapshot_record\":false}",
                           &p, &e),
                     LEAT_OK);
    assert_int_equal(p.lsn, 0);
}

/* What was delivered of the transaction behind the place. */
static uint64_t sent(const char *offset)
{
    leat_err e;
    leat_pg_position p;
    assert_int_equal(found("s", "{\"server\":\"s\"}", offset, &p, &e), LEAT_OK);
    return p.sent;
}

static void position_inside_a_transaction(void **state)
{
    (void)state;
    assert_int_equal(sent("{\"lsn_proc\":5,\"messageType\":\"DELETE\",\"lsn\":5,\"txId\":9}"), 5);
    assert_int_equal(sent("{\"lsn_proc\":5,\"lsn_commit\":4,\"lsn\":5,\"txId\":9}"), 5);
    /* Ends, a begin, one that names no transaction, ours after a keepalive. */
    assert_int_equal(sent("{\"lsn_proc\":5,\"messageType\":\"COMMIT\",\"lsn_commit\":5,"
                          "\"lsn\":5,\"txId\":9}"),
                     0);
    assert_int_equal(sent("{\"lsn_proc\":5,\"lsn_commit\":5,\"lsn\":5,\"txId\":9}"), 0);
    assert_int_equal(sent("{\"lsn_proc\":5,\"messageType\":\"BEGIN\",\"lsn_commit\":4,"
                          "\"lsn\":5,\"txId\":9}"),
                     0);
    assert_int_equal(sent("{\"lsn_proc\":5,\"messageType\":\"INSERT\",\"lsn_commit\":4}"), 0);
    assert_int_equal(sent("{\"lsn_proc\":7,\"lsn_commit\":5,\"lsn\":7,\"txId\":9,"
                          "\"systemid\":\"1\"}"),
                     0);
    /* It is written so that Debezium and we read it back. */
    leat_err e;
    leat_pg_position p = {.lsn = 40, .commit = 40, .tx = 9, .systemid = 6, .sent = 50}, q;
    assert_string_equal(written(&p),
                        "{\"lsn_proc\":50,\"messageType\":\"UPDATE\",\"lsn_commit\":40,"
                        "\"lsn\":50,\"txId\":9,\"systemid\":\"6\"}");
    assert_int_equal(found("s", "{\"server\":\"s\"}", written(&p), &q, &e), LEAT_OK);
    assert_int_equal(q.lsn, 40);
    assert_int_equal(q.sent, 50);
}

static void position_of_another_or_broken(void **state)
{
    (void)state;
    leat_err e;
    leat_pg_position p = {.lsn = 1};
    assert_int_equal(found("shop", "{\"server\":\"other\"}", "{\"lsn\":5}", &p, &e), LEAT_CONF);
    assert_string_equal(e.code, "postgres.other_prefix");
    assert_int_equal(p.lsn, 0);
    assert_int_equal(leat_pg_position_find("shop", NULL, 0, &p, &e), LEAT_OK);
    assert_int_equal(p.lsn, 0);
    assert_int_equal(found("s", "{\"server\":\"s\"}", "{\"file\":\"x\"}", &p, &e), LEAT_CONF);
    assert_string_equal(e.code, "postgres.position");
    assert_int_equal(found("s", "{\"server\":\"s\"}", "{\"lsn\":-5}", &p, &e), LEAT_CONF);
    assert_int_equal(found("s", "{\"server\":\"s\"}", "{\"lsn\":", &p, &e), LEAT_CONF);
    assert_int_equal(leat_pg_position_lsn(LEAT_STR("nonsense")), 0);
    assert_int_equal(leat_pg_position_lsn((leat_str){0}), 0);
}

static void xids_widen_to_the_nearest(void **state)
{
    (void)state;
    const uint64_t epoch = UINT64_C(1) << 32;
    assert_true(leat_pg_xid_widen(5, 7) == 5);
    assert_true(leat_pg_xid_widen(9, 7) == 9);
    assert_true(leat_pg_xid_widen(4294967290u, epoch + 3) == 4294967290u);
    assert_true(leat_pg_xid_widen(3, epoch - 2) == epoch + 3);
    assert_true(leat_pg_xid_widen(4294967290u, 3 * epoch + 3) == 3 * epoch - 6);
    assert_true(leat_pg_xid_widen(100, 3 * epoch + 50) == 3 * epoch + 100);
    /* Nothing is before the first epoch. */
    assert_true(leat_pg_xid_widen(4294967290u, 3) == 4294967290u);
}

/* ---- slots ---- */

static const leat_pg_slot good_slot = {.exists = true,
                                       .logical = true,
                                       .plugin = "pgoutput",
                                       .database = "shop",
                                       .restart = 90,
                                       .confirmed = 100};
static const leat_pg_server server = {.systemid = 1, .timeline = 1, .written = 200};

static const char *judged(const leat_pg_slot *slot, const leat_pg_position *at, leat_rc want)
{
    static leat_err e;
    e = (leat_err){0};
    assert_int_equal(leat_pg_slot_judge("s", "shop", slot, &server, at, &e), want);
    return e.code;
}

static void slot_and_position_fit(void **state)
{
    (void)state;
    leat_pg_slot none = {0};
    leat_pg_position start = {0}, at = {.lsn = 100, .systemid = 1}, later = {.lsn = 150};
    judged(&none, &start, LEAT_OK);
    judged(&good_slot, &start, LEAT_OK);
    judged(&good_slot, &at, LEAT_OK);
    judged(&good_slot, &later, LEAT_OK);
}

static void gaps_are_named(void **state)
{
    (void)state;
    leat_pg_slot none = {0}, slot;
    leat_pg_position at = {.lsn = 99, .systemid = 1}, ahead = {.lsn = 201}, start = {0};
    assert_string_equal(judged(&good_slot, &at, LEAT_CONF), "postgres.gap");
    assert_string_equal(judged(&none, &at, LEAT_CONF), "postgres.slot_missing");
    assert_string_equal(judged(&good_slot, &ahead, LEAT_CONF), "postgres.server_behind");
    leat_pg_server replaying = server;
    leat_err e = {0};
    replaying.standby = true;
    assert_int_equal(leat_pg_slot_judge("s", "shop", &good_slot, &replaying, &ahead, &e),
                     LEAT_RETRY);
    assert_string_equal(e.code, "postgres.standby_behind");
    at = (leat_pg_position){.lsn = 100, .systemid = 2};
    assert_string_equal(judged(&good_slot, &at, LEAT_CONF), "postgres.other_server");
    slot = good_slot;
    slot.wal_status = "lost";
    assert_string_equal(judged(&slot, &start, LEAT_CONF), "postgres.wal_removed");
    slot = good_slot;
    slot.invalid = "rows_removed";
    assert_string_equal(judged(&slot, &start, LEAT_CONF), "postgres.wal_removed");
}

static void timelines_that_parted(void **state)
{
    (void)state;
    static const char history[] = "1\t0/16\tno recovery target specified\n\n"
                                  "3\t0/C7\tafter LSN 0/C7\n";
    assert_int_equal(leat_pg_history_end(leat_str_of(history), 1), 0x16);
    assert_int_equal(leat_pg_history_end(leat_str_of(history), 3), 0xc7);
    assert_int_equal(leat_pg_history_end(leat_str_of(history), 2), 0);
    assert_int_equal(leat_pg_history_end(LEAT_STR(""), 1), 0);
    leat_err e = {0};
    leat_pg_server promoted = {.systemid = 1, .timeline = 2, .written = 200, .left = 100};
    leat_pg_position at = {.lsn = 100, .systemid = 1, .timeline = 1};
    assert_int_equal(leat_pg_slot_judge("s", "shop", &good_slot, &promoted, &at, &e), LEAT_OK);
    at.lsn = 101;
    assert_int_equal(leat_pg_slot_judge("s", "shop", &good_slot, &promoted, &at, &e), LEAT_CONF);
    assert_string_equal(e.code, "postgres.diverged");
    leat_pg_slot passed =
        good_slot; /* it has sent that itself: the standby was promoted under it */
    passed.confirmed = 101;
    assert_int_equal(leat_pg_slot_judge("s", "shop", &passed, &promoted, &at, &e), LEAT_OK);
}

static void slots_of_others(void **state)
{
    (void)state;
    leat_pg_position start = {0};
    leat_pg_slot slot = good_slot;
    slot.logical = false;
    slot.plugin = NULL;
    assert_string_equal(judged(&slot, &start, LEAT_CONF), "postgres.slot_other");
    slot = good_slot;
    slot.plugin = "decoderbufs";
    assert_string_equal(judged(&slot, &start, LEAT_CONF), "postgres.slot_other");
    slot = good_slot;
    slot.database = "other";
    assert_string_equal(judged(&slot, &start, LEAT_CONF), "postgres.slot_other");
    slot = good_slot;
    slot.active = true;
    assert_string_equal(judged(&slot, &start, LEAT_RETRY), "postgres.slot_in_use");
}

/* ---- errors ---- */

static void errors_are_classified(void **state)
{
    (void)state;
    static const struct {
        const char *state, *message;
        leat_rc rc;
        const char *code;
    } cases[] = {
        {"28P01", "password authentication failed", LEAT_CONF, "postgres.auth"},
        {"28000", "no pg_hba.conf entry", LEAT_CONF, "postgres.auth"},
        {"3D000", "database \"x\" does not exist", LEAT_CONF, "postgres.database_missing"},
        {"42501", "must be superuser or replication role", LEAT_CONF, "postgres.privilege"},
        {"42501", "permission denied for table t", LEAT_CONF, "postgres.privilege"},
        {"55006", "replication slot \"s\" is active for PID 7", LEAT_RETRY, "postgres.slot_in_use"},
        {"53400", "all replication slots are in use", LEAT_CONF, "postgres.too_many_slots"},
        {"53300", "number of requested standby connections exceeds max_wal_senders", LEAT_RETRY,
         "postgres.too_many_senders"},
        {"53300", "sorry, too many clients already", LEAT_RETRY, "postgres.too_many_connections"},
        {"57P01", "terminating connection due to administrator command", LEAT_RETRY,
         "postgres.closed"},
        {"57P03", "the database system is starting up", LEAT_RETRY, "postgres.starting"},
        {"55000", "logical decoding requires wal_level >= logical", LEAT_CONF,
         "postgres.wal_level"},
        {"55000", "can no longer get changes from replication slot \"s\"", LEAT_CONF,
         "postgres.wal_removed"},
        {"58P01", "requested WAL segment 0001 has already been removed", LEAT_CONF,
         "postgres.wal_removed"},
        {"42704", "publication \"p\" does not exist", LEAT_CONF, "postgres.publication_missing"},
        {"42704", "replication slot \"s\" does not exist", LEAT_CONF, "postgres.slot_missing"},
        {"40001", "canceling statement due to conflict with recovery", LEAT_RETRY,
         "postgres.conflict"},
        {"08006", "connection failure", LEAT_RETRY, "postgres.connect"},
        {"XX001", "invalid page in block 0", LEAT_FATAL, "postgres.corrupted"},
        {"22012", "division by zero", LEAT_CONF, "postgres.refused"},
        {"22021", "invalid byte sequence for encoding \"UTF8\": 0xe9", LEAT_CONF,
         "postgres.encoding"},
        {"22P05", "character with byte sequence", LEAT_CONF, "postgres.encoding"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        leat_pg_verdict v =
            leat_pg_classify(leat_str_of(cases[i].state), leat_str_of(cases[i].message));
        assert_int_equal(v.rc, cases[i].rc);
        assert_string_equal(v.code, cases[i].code);
    }
}

static void network_errors_are_classified(void **state)
{
    (void)state;
    leat_pg_verdict v = leat_pg_classify_network(
        LEAT_STR("could not translate host name \"x\" to address: Name or service not known\n"));
    assert_int_equal(v.rc, LEAT_RETRY);
    assert_string_equal(v.code, "postgres.resolve");
    v = leat_pg_classify_network(LEAT_STR("server does not support SSL, but SSL was required"));
    assert_int_equal(v.rc, LEAT_CONF);
    v = leat_pg_classify_network(LEAT_STR("server closed the connection unexpectedly"));
    assert_int_equal(v.rc, LEAT_RETRY);
    assert_string_equal(v.code, "postgres.connect");
}

/* ---- SQL and rows ---- */

static void names_and_texts_are_quoted(void **state)
{
    (void)state;
    leat_buf b = {0};
    leat_pg_quote_table(&b, "My \"S\"", "t'x\\");
    leat_buf_u8(&b, ' ');
    leat_pg_quote_text(&b, LEAT_STR("it's"));
    leat_buf_u8(&b, ' ');
    leat_pg_quote_text(&b, LEAT_STR("a\\'b"));
    leat_buf_u8(&b, 0);
    assert_string_equal(b.p, "\"My \"\"S\"\"\".\"t'x\\\" 'it''s' E'a\\\\''b'");
    leat_buf_free(&b);
}

static void sizes_are_told(void **state)
{
    (void)state;
    char text[LEAT_PG_SIZE_MAX];
    assert_string_equal(leat_pg_size_text(0, text), "0 B");
    assert_string_equal(leat_pg_size_text(1023, text), "1023 B");
    assert_string_equal(leat_pg_size_text(1536, text), "1.5 KiB");
    assert_string_equal(leat_pg_size_text(UINT64_C(3) << 40, text), "3.0 TiB");
    assert_string_equal(leat_pg_size_text(UINT64_MAX, text), "15.9 EiB");
}

/* Splits row and compares with n columns; NULL stands for NULL. */
static void splits(const char *row, int n, const char *const *want)
{
    char text[64];
    size_t len = strlen(row);
    memcpy(text, row, len);
    char *rest = text;
    for (int i = 0; i < n; i++) {
        leat_str got;
        assert_non_null(rest);
        assert_true(leat_pg_copy_column(&rest, text + len, &got));
        if (!want[i]) {
            assert_null(got.s);
            continue;
        }
        assert_int_equal(got.len, strlen(want[i]));
        assert_memory_equal(got.s, want[i], got.len);
    }
    assert_null(rest);
}

static void copied_rows_are_split(void **state)
{
    (void)state;
    splits("1\tabc\t", 3, (const char *[]){"1", "abc", ""});
    splits("\\N\t\\\\N\tN", 3, (const char *[]){NULL, "\\N", "N"});
    splits("a\\tb\\nc\\\\d\\r\\b\\f\\v", 1, (const char *[]){"a\tb\nc\\d\r\b\f\v"});
    splits("", 1, (const char *[]){""});
    char text[] = "x\\", *rest = text;
    leat_str got;
    assert_false(leat_pg_copy_column(&rest, text + 2, &got));
}

/* ---- options ---- */

static leat_report parsed(leat_arena *a, leat_pg_conf *c, const char *more)
{
    static const char base[] = "database.hostname=h\ndatabase.user=u\ndatabase.dbname=d\n"
                               "topic.prefix=shop\n";
    leat_props props;
    leat_report r;
    leat_err e;
    memset(c, 0, sizeof *c);
    leat_props_init(&props, "x.properties");
    const char *text = leat_arena_printf(a, "%s%s", base, more);
    assert_int_equal(leat_props_read(a, leat_str_of(text), &props, &e), LEAT_OK);
    leat_report_init(&r, a);
    leat_opts_values(leat_pg_option_tables, &props, a, c, &r);
    leat_pg_conf_validate(c, &r);
    return r;
}

static void options_have_debeziums_defaults(void **state)
{
    (void)state;
    leat_arena a;
    leat_pg_conf c;
    leat_arena_init(&a, 0);
    leat_report r = parsed(&a, &c, "");
    assert_int_equal(r.errors, 0);
    assert_int_equal(c.target.port, 5432);
    assert_string_equal(c.slot, "debezium");
    assert_int_equal(c.publications.n, 1);
    assert_string_equal(c.publications.v[0], "dbz_publication");
    assert_int_equal(c.slot_retries, 6);
    assert_int_equal(c.slot_delay_ms, 10000);
    assert_string_equal(leat_pg_sslmode(c.target.sslmode), "prefer");
    assert_false(leat_pg_flush_is_manual(&c));
    assert_int_equal(c.snapshot, LEAT_PG_SNAPSHOT_INITIAL);
    assert_int_equal(c.status_ms, 10000);
    assert_int_equal(leat_pg_conf_modes(&c).money_digits, 2);
    leat_arena_free(&a);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "slot.name=Not Valid\n",
        "slot.name=\n",
        "plugin.name=decoderbufs\n",
        "snapshot.mode=custom\n",
        "snapshot.mode=recovery\n",
        "database.port=70000\n",
        "slot.stream.params=a=b\n",
        "slot.stream.params=origin\n",
        "slot.stream.params=origin=all\n",
        "slot.stream.params=origin=any;proto_version=2\n",
        "slot.stream.params=binary=true\n",
        "slot.stream.params=streaming=on\n",
        "slot.stream.params=add-tables=public.t\n",
        "publication.name=,\n",
        "database.sslmode=verify\n",
        "snapshot.select.statement.overrides=public.t\n",
        "message.prefix.include.list=a\nmessage.prefix.exclude.list=b\n",
    };
    leat_arena a;
    leat_pg_conf c;
    leat_arena_init(&a, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leat_report r = parsed(&a, &c, bad[i]);
        if (r.errors == 0) fail_msg("taken: %s", bad[i]);
    }
    leat_report r = parsed(&a, &c,
                           "snapshot.select.statement.overrides=public.t\n"
                           "snapshot.select.statement.overrides.public.t=select 1\n");
    assert_int_equal(r.errors, 0);
    assert_string_equal(leat_snapshot_override(&c.capture, "public", "t"), "select 1");
    assert_null(leat_snapshot_override(&c.capture, "public", "u"));
    assert_true(leat_snapshot_divides(NULL));
    assert_true(leat_snapshot_divides("SELECT * FROM t WHERE limits > 3 AND \"credit_limit\" < 9"));
    assert_false(leat_snapshot_divides("SELECT * FROM t ORDER BY id Limit 3"));
    assert_false(leat_snapshot_divides("(SELECT DISTINCT a FROM t)"));
    assert_false(leat_snapshot_divides("SELECT * FROM t UNION ALL SELECT * FROM u"));
    leat_arena_free(&a);
}

static void params_are_passed_on(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_err e;
    assert_int_equal(leat_pg_params_put(NULL, 130000, &out, &e), LEAT_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(leat_pg_params_put(" origin = none ;; messages=false;", 160000, &out, &e),
                     LEAT_OK);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p, ", origin 'none', messages 'false'");
    leat_buf_clear(&out);
    assert_int_equal(leat_pg_params_put("origin=any", 160000, &out, &e), LEAT_OK);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p, ", origin 'any', messages 'true'");
    assert_int_equal(leat_pg_params_put("origin=any", 150000, &out, &e), LEAT_CONF);
    assert_non_null(strstr(e.msg, "16"));
    leat_buf_free(&out);
}

static void options_with_two_spellings(void **state)
{
    (void)state;
    leat_arena a;
    leat_pg_conf c;
    leat_arena_init(&a, 0);
    parsed(&a, &c, "database.sslmode=verify_full\n");
    assert_string_equal(leat_pg_sslmode(c.target.sslmode), "verify-full");
    parsed(&a, &c, "database.sslmode=VERIFY-CA\n");
    assert_string_equal(leat_pg_sslmode(c.target.sslmode), "verify-ca");
    parsed(&a, &c, "database.sslmode=verify_ca\nflush.lsn.source=false\n");
    assert_string_equal(leat_pg_sslmode(c.target.sslmode), "verify-ca");
    assert_true(leat_pg_flush_is_manual(&c));
    leat_report r = parsed(&a, &c, "lsn.flush.mode=manual\npublication.name=a, b\n");
    assert_int_equal(r.errors, 0);
    assert_true(leat_pg_flush_is_manual(&c));
    assert_int_equal(c.publications.n, 2);
    leat_arena_free(&a);
}

/* What became durable is told soon, though the read would wait for longer. */
static void reads_end_in_time_for_updates(void **state)
{
    (void)state;
    leat_pg_feedback f = {.interval_us = 10000000, .sent_us = leat_mono_us()};
    assert_int_equal(leat_pg_feedback_wait(&f, 200), 200);
    f.acked = 1;
    assert_in_range(leat_pg_feedback_wait(&f, 200), 1, 21);
    f.sent_us -= 60000000; /* the socket is full: no busy loop */
    assert_in_range(leat_pg_feedback_wait(&f, 200), 1, 21);
    f.acked = 0;
    f.interval_us = 100000;
    f.sent_us = leat_mono_us();
    assert_in_range(leat_pg_feedback_wait(&f, 200), 1, 101);
}

static void tables_are_named_unmistakably(void **state)
{
    (void)state;
    leat_arena a;
    leat_arena_init(&a, 0);
    assert_string_equal(leat_pg_table_label(&a, "public", "t"), "public.t");
    const char *one = leat_pg_table_label(&a, "a.b", "c");
    assert_string_not_equal(one, leat_pg_table_label(&a, "a", "b.c"));
    leat_arena_free(&a);
}

/* ---- offsets that a person sets ---- */

static leat_rc edited(const char *now, const char *partition, const char *offset, leat_arena *a,
                      leat_position *out, const char **note, leat_err *e)
{
    leat_pg_conf conf = {.capture.prefix = "shop", .slot = "leat"};
    leat_position was = {LEAT_STR("{\"server\":\"shop\"}"), leat_str_of(now)};
    leat_position to = {leat_str_of(partition), leat_str_of(offset)};
    *e = (leat_err){0};
    return leat_pg_offset_check(&conf, was, to, a, out, note, e);
}

static void offsets_are_taken_in_many_shapes(void **state)
{
    (void)state;
    static const char *const now =
        "{\"lsn_proc\":100,\"lsn\":100,\"systemid\":\"7\",\"timeline\":2}";
    static const char *const good[] = {
        "{\"lsn\":\"0/C8\"}", "{\"lsn\":200}", "{\"lsn_proc\":\"0/C8\",\"lsn\":\"0/C8\"}",
        "{\"lsn\":200,\"timeline\":2,\"systemid\":\"7\",\"snapshot\":null}"};
    leat_arena a = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        leat_position out;
        const char *note;
        leat_err e;
        assert_int_equal(edited(now, "{\"server\":\"shop\"}", good[i], &a, &out, &note, &e),
                         LEAT_OK);
        assert_true(leat_str_is(
            out.offset, "{\"lsn_proc\":200,\"lsn\":200,\"systemid\":\"7\",\"timeline\":2}"));
        assert_non_null(strstr(note, "100 bytes of the log are skipped"));
        assert_non_null(strstr(note, "0/64 and 0/C8"));
    }
    leat_position out;
    const char *note;
    leat_err e;
    assert_int_equal(edited(now, "{\"server\":\"shop\"}", "{\"lsn\":10}", &a, &out, &note, &e),
                     LEAT_OK);
    assert_non_null(strstr(note, "come again"));
    assert_int_equal(edited(now, "{\"server\":\"other\"}", NULL, &a, &out, &note, &e), LEAT_OK);
    assert_null(out.offset.s); /* what is another's can be forgotten */
    leat_arena_free(&a);
}

static void offsets_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *partition, *offset, *says;
    } bad[] = {
        {"{\"server\":\"shop\"}", "{}", "neither lsn"},
        {"{\"server\":\"shop\"}", "{\"lsn\":null}", "neither lsn"},
        {"{\"server\":\"shop\"}", "{\"lsn\":\"16\"}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":\"0/\"}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":0}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":-1}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":1.5}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":18446744073709551615}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":\"99999999/0\"}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":{}}", "0/16B3748"},
        {"{\"server\":\"shop\"}", "{\"lsn\":5,\"gtids\":\"x\"}", "\"gtids\""},
        {"{\"server\":\"shop\"}", "{\"n\":100}", "\"n\""},
        {"{\"server\":\"shop\"}", "{\"lsn\":5,\"snapshot\":\"INITIAL\"}", "had not ended"},
        {"{\"server\":\"other\"}", "{\"lsn\":5}", "{\"server\":\"shop\"}"},
    };
    leat_arena a = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        leat_position out;
        const char *note;
        leat_err e;
        leat_rc want = strstr(bad[i].offset, "INITIAL") ? LEAT_PENDING : LEAT_CONF;
        assert_int_equal(edited(NULL, bad[i].partition, bad[i].offset, &a, &out, &note, &e), want);
        assert_string_equal(e.code, "postgres.position");
        if (!strstr(e.msg, bad[i].says)) fail_msg("%s: %s", bad[i].offset, e.msg);
    }
    leat_arena_free(&a);
}

static void offsets_are_told(void **state)
{
    (void)state;
    leat_buf out = {0};
    leat_pg_offset_text(LEAT_STR("{\"lsn\":23803720,\"ts_usec\":1763712000000000}"), &out);
    leat_buf_u8(&out, 0);
    assert_string_equal(out.p, "0/16B3748, committed 2025-11-21T08:00:00.000Z");
    leat_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_taken_in_many_shapes),
        cmocka_unit_test(offsets_that_are_none_are_refused),
        cmocka_unit_test(offsets_are_told),
        cmocka_unit_test(position_is_debeziums),
        cmocka_unit_test(position_comes_back),
        cmocka_unit_test(position_of_debezium),
        cmocka_unit_test(position_inside_a_transaction),
        cmocka_unit_test(position_of_another_or_broken),
        cmocka_unit_test(xids_widen_to_the_nearest),
        cmocka_unit_test(slot_and_position_fit),
        cmocka_unit_test(gaps_are_named),
        cmocka_unit_test(timelines_that_parted),
        cmocka_unit_test(slots_of_others),
        cmocka_unit_test(errors_are_classified),
        cmocka_unit_test(network_errors_are_classified),
        cmocka_unit_test(names_and_texts_are_quoted),
        cmocka_unit_test(sizes_are_told),
        cmocka_unit_test(copied_rows_are_split),
        cmocka_unit_test(options_have_debeziums_defaults),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(options_with_two_spellings),
        cmocka_unit_test(params_are_passed_on),
        cmocka_unit_test(reads_end_in_time_for_updates),
        cmocka_unit_test(tables_are_named_unmistakably),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* source/mysql/binlog: events that no server of the vectors writes, and what must be refused. */
#include "test.h"

#include <stdio.h>
#include <zlib.h>

#include "source/mysql/binlog.h"

static leat_arena a;
static leat_binlog_format f;
static leat_buf b;

/* An event with this body; a checksum where the format has them. */
static leat_str event(uint8_t type, unsigned flags, const void *body, size_t n)
{
    size_t crc = f.checksum == LEAT_BINLOG_CHECKSUM_CRC32 ? 4 : 0;
    leat_buf_clear(&b);
    leat_buf_le32(&b, 1700000000);
    leat_buf_u8(&b, type);
    leat_buf_le32(&b, 42);
    leat_buf_le32(&b, (uint32_t)(LEAT_BINLOG_HEADER + n + crc));
    leat_buf_le32(&b, 4711);
    leat_buf_u8(&b, flags & 255);
    leat_buf_u8(&b, flags >> 8);
    leat_buf_put(&b, body, n);
    if (crc) leat_buf_le32(&b, (uint32_t)crc32_z(0, (const Bytef *)b.p, b.len));
    return leat_buf_str(&b);
}
#define EVENT(type, body) event(type, 0, body, sizeof(body) - 1)

static leat_binlog_event decode(leat_str bytes)
{
    leat_binlog_event ev;
    leat_err e = {0};
    if (leat_binlog_decode(&f, bytes, 0, &a, &ev, &e) != LEAT_OK) fail_msg("%s: %s", e.code, e.msg);
    return ev;
}

static void refuse(leat_str bytes, size_t most, const char *code, const char *part)
{
    leat_binlog_event ev;
    leat_err e = {0};
    assert_int_equal(leat_binlog_decode(&f, bytes, most, &a, &ev, &e), LEAT_FATAL);
    assert_string_equal(e.code, code);
    if (!strstr(e.msg, part)) fail_msg("%s", e.msg);
}

static int plain(void **state)
{
    (void)state;
    f = (leat_binlog_format){.checksum = LEAT_BINLOG_CHECKSUM_OFF};
    return 0;
}

static int checked(void **state)
{
    (void)state;
    f = (leat_binlog_format){.checksum = LEAT_BINLOG_CHECKSUM_CRC32};
    return 0;
}

static int end(void **state)
{
    (void)state;
    leat_arena_free(&a);
    leat_buf_free(&b);
    return 0;
}

static void test_small_ones(void **state)
{
    (void)state;
    leat_binlog_event ev = decode(EVENT(LEAT_BINLOG_HEARTBEAT, "binlog.000007"));
    assert_true(leat_str_is(ev.rotate.file, "binlog.000007"));
    assert_int_equal(ev.rotate.pos, 4711);
    assert_int_equal(ev.ts, 1700000000);
    assert_int_equal(ev.server_id, 42);
    ev = decode(EVENT(LEAT_BINLOG_HEARTBEAT_V2, "\1\x03"
                                                "b.1\2\x09\xfe\0\0\0\0\1\0\0\0\0"));
    assert_true(leat_str_is(ev.rotate.file, "b.1"));
    assert_int_equal(ev.rotate.pos, UINT64_C(1) << 32);
    ev = decode(EVENT(LEAT_BINLOG_INCIDENT, "\1\0\4lost"));
    assert_int_equal(ev.incident.number, 1);
    assert_true(leat_str_is(ev.incident.message, "lost"));
    ev = decode(EVENT(LEAT_BINLOG_XA_PREPARE, "\1\1\0\0\0\3\0\0\0\1\0\0\0abcd"));
    assert_true(ev.xa.one_phase && leat_str_is(ev.xa.gtrid, "abc") &&
                leat_str_is(ev.xa.bqual, "d"));
    ev = decode(EVENT(LEAT_BINLOG_MARIADB_GTID, "\5\0\0\0\0\0\0\0\7\0\0\0\2\x09\0\0\0\0\0\0\0"));
    assert_int_equal(ev.mariadb_gtid.id.seq, 5);
    assert_int_equal(ev.mariadb_gtid.id.domain, 7);
    assert_int_equal(ev.mariadb_gtid.id.server, 42);
    assert_int_equal(ev.mariadb_gtid.group, 9);
}

static void test_passed_over(void **state)
{
    (void)state;
    assert_true(decode(EVENT(LEAT_BINLOG_STOP, "")).skip);
    assert_true(decode(EVENT(LEAT_BINLOG_INTVAR, "\1xxxxxxxx")).skip);
    assert_true(decode(event(99, LEAT_BINLOG_F_IGNORABLE, "?", 1)).skip);
    refuse(event(99, 0, "?", 1), 0, "mysql.event", "99");
    assert_false(decode(EVENT(LEAT_BINLOG_XID, "\1\0\0\0\0\0\0\0")).skip);
}

/* A default with exceptions, and a key with a prefix, beside kinds that are not known. */
static void test_metadata(void **state)
{
    (void)state;
    leat_binlog_event ev =
        decode(EVENT(LEAT_BINLOG_TABLE_MAP,
                     "\1\0\0\0\0\0\0\0\1d\0\1t\0\4\x0f\x03\x0f\x0f\x06\x50\0\x50\0\x50\0\5"
                     "\2\5\x2d\1\x08\2\x3f\1\1\x80\x63\2zz\x09\4\3\x0a\0\0\x0c\1\xb0"));
    const leat_binlog_table *t = &ev.table;
    assert_int_equal(t->ncols, 4);
    assert_int_equal(t->cols[0].collation, 45);
    assert_int_equal(t->cols[2].collation, 8);
    assert_int_equal(t->cols[3].collation, 63);
    assert_true(t->cols[1].is_unsigned && !t->cols[1].visible && t->cols[3].visible);
    assert_true(t->cols[0].nullable && !t->cols[1].nullable && t->cols[2].nullable);
    assert_int_equal(t->nkey, 2);
    assert_int_equal(t->key[0], 3);
    assert_int_equal(t->cols[3].key_prefix, 10);
    assert_true(t->cols[0].is_key && !t->cols[2].is_key);
    assert_int_equal(t->has, LEAT_BINLOG_HAS_CHARSETS | LEAT_BINLOG_HAS_SIGNS |
                                 LEAT_BINLOG_HAS_KEY | LEAT_BINLOG_HAS_VISIBILITY);
}

static void test_malformed(void **state)
{
    (void)state;
    refuse(EVENT(LEAT_BINLOG_XID, "\1\0\0"), 0, "mysql.binlog", "xid");
    refuse(EVENT(LEAT_BINLOG_MARIADB_GTID_LIST, "\xff\xff\xff\x0f"), 0, "mysql.binlog",
           "gtid_list");
    refuse(EVENT(LEAT_BINLOG_TABLE_MAP, "\1\0\0\0\0\0\0\0\1d\0\1t\0\xfc\xff\xff"), 0,
           "mysql.binlog", "table_map");
    refuse(EVENT(LEAT_BINLOG_WRITE_ROWS, "\1\0\0\0\0\0\0\0\1\0\1\xff"), 0, "mysql.binlog",
           "write_rows");
    refuse(EVENT(LEAT_BINLOG_TRANSACTION_PAYLOAD, "\1\1\x09\2\1\0\0xx"), 0, "mysql.binlog",
           "payload");
    leat_str bytes = EVENT(LEAT_BINLOG_XID, "\1\0\0\0\0\0\0\0");
    bytes.len--;
    refuse(bytes, 0, "mysql.binlog", "size");
    refuse((leat_str){"\1\2\3", 3}, 0, "mysql.binlog", "malformed");
}

static void test_checksums(void **state)
{
    (void)state;
    leat_str bytes = EVENT(LEAT_BINLOG_XID, "\1\0\0\0\0\0\0\0");
    assert_int_equal(decode(bytes).xid, 1);
    b.p[20] = (char)(b.p[20] ^ 1);
    refuse(bytes, 0, "mysql.checksum", "got ");
    f.encrypted = true;
    refuse(bytes, 0, "mysql.encrypted", "encrypt_binlog");
    f.encrypted = false;
    bytes = EVENT(LEAT_BINLOG_START_ENCRYPTION, "\1\1\0\0\0xxxxxxxxxxxx");
    assert_true(decode(bytes).skip && f.encrypted);
    /* Before the first FORMAT_DESCRIPTION it is found by trying. */
    bytes = EVENT(LEAT_BINLOG_ROTATE, "\4\0\0\0\0\0\0\0b.000001");
    f.checksum = LEAT_BINLOG_CHECKSUM_UNKNOWN;
    assert_true(leat_str_is(decode(bytes).rotate.file, "b.000001"));
    f.checksum = LEAT_BINLOG_CHECKSUM_OFF;
    bytes = EVENT(LEAT_BINLOG_ROTATE, "\4\0\0\0\0\0\0\0b.000001");
    f.checksum = LEAT_BINLOG_CHECKSUM_UNKNOWN;
    assert_true(leat_str_is(decode(bytes).rotate.file, "b.000001"));
}

/* MariaDB's compressed statement: what it may become is bounded before memory is taken. */
static void test_compressed(void **state)
{
    (void)state;
    static const char text[] = "insert into t values (1), (1), (1), (1), (1), (1), (1), (1)";
    char body[256] = {[8] = 1, [13] = 'd'}; /* thread, seconds, 1 byte of database, no variables */
    uLongf n = sizeof body - 17;
    body[15] = (char)0x81;
    body[16] = (char)(sizeof text - 1);
    assert_int_equal(compress((Bytef *)body + 17, &n, (const Bytef *)text, sizeof text - 1), Z_OK);
    leat_str bytes = event(LEAT_BINLOG_QUERY_COMPRESSED, 0, body, 17 + n);
    leat_binlog_event ev = decode(bytes);
    assert_true(leat_str_is(ev.query.sql, text) && leat_str_is(ev.query.db, "d"));
    refuse(bytes, 20, "mysql.event_size", "max.event.bytes");
    body[16]++;
    refuse(event(LEAT_BINLOG_QUERY_COMPRESSED, 0, body, 17 + n), 0, "mysql.binlog", "decompressed");
    memcpy(body + 15, "\x84\x7f\xff\xff\xff", 5);
    refuse(event(LEAT_BINLOG_QUERY_COMPRESSED, 0, body, 20), 0, "mysql.event_size", "bytes");
    memcpy(body + 15, "\x84\x0f\xff\xff\xff", 5);
    refuse(event(LEAT_BINLOG_QUERY_COMPRESSED, 0, body, 20), 0, "mysql.binlog", "decompressed");
}

/* A transaction as it is, not compressed: its size is compared. */
static void test_payload(void **state)
{
    (void)state;
    leat_buf body = {0};
    leat_str one = EVENT(LEAT_BINLOG_XID, "\1\0\0\0\0\0\0\0");
    leat_buf_put(&body, "\1\1\x36\2\3\xfc\xff\0\3\1\x36\0", 12);
    leat_buf_add(&body, one);
    leat_buf_add(&body, one);
    leat_binlog_event ev = decode(event(LEAT_BINLOG_TRANSACTION_PAYLOAD, 0, body.p, body.len)), in;
    leat_binlog_unpack u;
    leat_err e;
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        leat_str bytes;
        leat_rc rc;
        unsigned n = 0;
        ev.payload.size += wrong;
        assert_int_equal(leat_binlog_unpack_init(&u, &f, &ev, 0, &e), LEAT_OK);
        for (; (rc = leat_binlog_unpack_next(&u, &bytes, &e)) == LEAT_OK; n++) {
            assert_int_equal(leat_binlog_decode(&u.format, bytes, 0, &a, &in, &e), LEAT_OK);
            assert_int_equal(in.xid, 1);
        }
        assert_int_equal(rc, wrong ? LEAT_FATAL : LEAT_AGAIN);
        assert_int_equal(n, 2);
        leat_binlog_unpack_fini(&u);
    }
    leat_buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test_setup(test_small_ones, plain),
        cmocka_unit_test_setup(test_passed_over, plain),
        cmocka_unit_test_setup(test_metadata, plain),
        cmocka_unit_test_setup(test_malformed, plain),
        cmocka_unit_test_setup(test_checksums, checked),
        cmocka_unit_test_setup(test_compressed, plain),
        cmocka_unit_test_setup(test_payload, plain),
    };
    return cmocka_run_group_tests(all, NULL, end);
}

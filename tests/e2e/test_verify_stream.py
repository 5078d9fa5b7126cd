"""`leat verify` of a source: its tables against its own stream, folded."""

import functools
import json
import os
import signal
import subprocess
import threading

import test_verify
import test_verify_mysql as mysql
from servers.process import until

verify = functools.partial(test_verify.verify, connector="shop")

TABLES = {
    "nums": "id int PRIMARY KEY, i bigint, n numeric, d float8, b bool",
    "texts": "k text PRIMARY KEY, t text, c char(6), y bytea, j jsonb, big text",
    "pairs": "a int, b text, v int, PRIMARY KEY (b, a)",
}
ROWS = 2000
FILL = """
    INSERT INTO nums SELECT g, g * 7919::bigint, g / 8.0::numeric, g * 0.1, g % 2 = 0
        FROM generate_series(1, {n}) g;
    INSERT INTO texts SELECT 'k' || g, CASE WHEN g % 5 = 0 THEN '' ELSE 'v' || g END,
        'c' || g % 100, decode(md5(g::text), 'hex'), jsonb_build_object('g', g), NULL
        FROM generate_series(1, {n}) g;
    INSERT INTO pairs SELECT g % 50, 'p' || g, g FROM generate_series(1, {n}) g;
"""
LONG = "(SELECT string_agg(md5(g::text || random()), '') FROM generate_series(1, 500) g)"


def begin(db, leat, rows=ROWS, **more):
    for name, columns in TABLES.items():
        db.sql(f"CREATE TABLE {name} ({columns})")
    for statement in FILL.format(n=rows).split(";\n"):
        if statement.strip():
            db.sql(statement)
    more = {"skipped_operations": "none"} | more
    leat.run(leat.write("shop.properties", db.properties(name="shop", **more)))
    await_rows(leat)


def await_rows(leat):
    until(lambda: (leat.told("shop").get("snapshot") or {}).get("state") == "done", 120, "its rows")


def behind_its_back(db, *statements):
    """What the statements do is not published: the stream never hears of it."""
    db.sql(f"ALTER PUBLICATION {db.name} SET (publish = 'truncate')")
    for statement in statements:
        db.sql(statement)
    db.sql(f"ALTER PUBLICATION {db.name} SET (publish = 'insert, update, delete, truncate')")


def test_what_the_stream_says_is_what_the_tables_hold(db, leat):
    """Changes of every kind, folded; then what was planted, each of it and nothing else; then
    corrected through the stream."""
    begin(db, leat)
    db.sql(f"UPDATE texts SET big = {LONG} WHERE k IN ('k1', 'k2', 'k3')")
    db.sql("UPDATE texts SET t = 'unchanged beside it' WHERE k IN ('k1', 'k2')")
    db.sql("UPDATE texts SET k = 'moved' WHERE k = 'k2'")
    db.sql("UPDATE nums SET id = id + 100000 WHERE id <= 100")
    db.sql("DELETE FROM nums WHERE id BETWEEN 101 AND 200")
    db.sql("UPDATE nums SET d = '-0' WHERE id = 1999")
    db.sql("UPDATE nums SET d = 'NaN', n = 'NaN' WHERE id = 1998")
    db.sql("TRUNCATE pairs")
    db.sql("INSERT INTO pairs SELECT g % 50, 'q' || g, g FROM generate_series(1, 700) g")
    whole, tables, found = verify(leat)
    assert whole["equal"] and found == {} and whole["tables"] == len(TABLES)
    assert [tables[t]["rows"] for t in TABLES] == [ROWS - 100, ROWS, 700]
    assert all(t["not_compared"] == "" and t["position"] for t in tables.values())
    assert tables["nums"]["target"] == "shop.public.nums"

    planted = {
        ("nums", "301"): ("UPDATE nums SET i = i + 1 WHERE id = 301", "different"),
        ("nums", "302"): ("UPDATE nums SET n = round(n, 9) WHERE id = 302", "different"),
        ("nums", "303"): ("UPDATE nums SET i = NULL WHERE id = 303", "different"),
        ("nums", "304"): ("DELETE FROM nums WHERE id = 304", "extra"),
        ("nums", "900000"): ("INSERT INTO nums SELECT 900000, i, n, d, b FROM nums WHERE id = 305",
                             "missing"),
        ("nums", "1999"): ("UPDATE nums SET d = 0 WHERE id = 1999", "different"),
        ("texts", "k5"): ("UPDATE texts SET t = NULL WHERE k = 'k5'", "different"),
        ("texts", "k6"): ("UPDATE texts SET t = '' WHERE k = 'k6'", "different"),
        ("texts", "k7"): ("UPDATE texts SET t = t || ' ' WHERE k = 'k7'", "different"),
        ("texts", "k8"): ("UPDATE texts SET y = set_byte(y, 3, get_byte(y, 3) # 1) WHERE k = 'k8'",
                          "different"),
        ("texts", "moved"): ("UPDATE texts SET big = big || 'x' WHERE k = 'moved'", "different"),
        ("pairs", "9", "q9"): ("UPDATE pairs SET v = -v WHERE b = 'q9'", "different"),
    }
    behind_its_back(db, *(statement for statement, _ in planted.values()))
    expected = {key: kind for key, (_, kind) in planted.items()}
    whole, tables, found = verify(leat, ok=(3,))
    assert found == expected and not whole["undecided"]
    assert verify(leat, "public.pairs", ok=(3,))[2] == {("pairs", "9", "q9"): "different"}

    # a row that the stream has too much has no event that would take it away
    whole, _, _ = verify(leat, "--repair", ok=(3,))
    assert whole["repaired"] == len(planted) - 1
    until(lambda: verify(leat, ok=(3,))[2] == {("nums", "304"): "extra"}, 120, "the corrections")


def test_while_the_source_moves(db, leat):
    begin(db, leat, snapshot_streaming="beside")
    going = [True]

    def load():
        with db.connect(autocommit=True) as c:
            i = 0
            while going[0]:
                i += 1
                c.execute("UPDATE nums SET i = i + 1 WHERE id = %s", (501 + i % 1400,))
                c.execute("UPDATE pairs SET v = v + 1 WHERE b = %s", (f"p{501 + i % 1400}",))
                c.execute("DELETE FROM texts WHERE k = %s", (f"k{501 + i % 1400}",))
                c.execute("INSERT INTO texts (k, t) VALUES (%s, now())", (f"k{501 + i % 1400}",))

    worker = threading.Thread(target=load, daemon=True)
    worker.start()
    try:
        for _ in range(3):
            whole, _, found = verify(leat)
            assert whole["equal"] and found == {}
        going[0] = False
        worker.join(60)
        behind_its_back(db, "UPDATE nums SET n = n + 1 WHERE id BETWEEN 1 AND 300",
                        "DELETE FROM texts WHERE k = 'k1'")
        going[0] = True
        worker = threading.Thread(target=load, daemon=True)
        worker.start()
        whole, _, found = verify(leat, ok=(3,))
        expected = {("nums", str(i)): "different" for i in range(1, 301)}
        assert found == expected | {("texts", "k1"): "extra"} and not whole["undecided"]
    finally:
        going[0] = False
        worker.join(60)


def test_mysql_and_mariadb(binlog, leat):
    """Rows of all types, changed and unchanged; what is planted past the log; corrections."""
    mysql.begin_source(binlog, leat, skipped__operations="none")
    await_rows(leat)
    binlog.sql("UPDATE nums SET i = -i, d = -d WHERE id % 3 = 0; DELETE FROM nums WHERE id = 10;"
               "UPDATE texts SET k = 'moved', t = REPEAT('x', 60000) WHERE k = 'k1B';"
               "TRUNCATE pairs; INSERT INTO pairs VALUES (1, 'a', 1), (2, 'a', 2)", "shop")
    whole, tables, found = verify(leat)
    assert whole["equal"] and found == {} and whole["tables"] == len(mysql.TABLES)
    assert tables["shop.nums"]["rows"] == mysql.ROWS + 8 - 1 and tables["shop.pairs"]["rows"] == 2
    planted = {
        ("nums", "4"): ("UPDATE nums SET i = i + 1 WHERE id = 4", "different"),
        ("nums", "5"): ("DELETE FROM nums WHERE id = 5", "extra"),
        ("nums", "6"): ("UPDATE nums SET u = u - 1 WHERE id = 6", "different"),
        ("nums", "7"): ("UPDATE nums SET n = NULL WHERE id = 7", "different"),
        ("nums", "200000"): ("INSERT INTO nums (id, i) VALUES (200000, 1)", "missing"),
        ("texts", "moved"): ("UPDATE texts SET t = CONCAT(t, 'x') WHERE k = 'moved'", "different"),
        ("texts", "k2B"): ("UPDATE texts SET v = CONCAT(v, ' ') WHERE k = 'k2B'", "different"),
        ("texts", "k4B"): ("UPDATE texts SET v = NULL WHERE k = 'k4B'", "different"),
        ("times", "8"): ("UPDATE times SET s = s + INTERVAL 1 MICROSECOND WHERE id = 8",
                         "different"),
        ("pairs", "1", "a"): ("UPDATE pairs SET v = 7 WHERE a = 1", "different"),
    }
    past = ";".join(statement for statement, _ in planted.values())
    binlog.sql(f"SET SESSION sql_log_bin = 0; {past}", "shop")
    whole, _, found = verify(leat, ok=(3,))
    assert mysql.told(found) == {key: kind for key, (_, kind) in planted.items()}
    assert not whole["undecided"]
    whole, _, _ = verify(leat, "--repair", ok=(3,))
    assert whole["repaired"] == len(planted) - 1
    until(lambda: mysql.told(verify(leat, ok=(3,))[2]) == {("nums", "5"): "extra"}, 120,
          "the corrections")


def test_what_cannot_be_folded_is_refused(db, leat):
    """Rows that no snapshot read, a stream without its beginning, a table without a key."""
    begin(db, leat, rows=10)
    assert "verify.nothing" in leat.call("verify", "shop", "public.none", ok=(1,)).stderr
    db.sql("CREATE TABLE bare (t text)")
    db.sql("INSERT INTO bare VALUES ('x')")
    until(lambda: "shop.public.bare" in leat.call("topics").stdout, 60, "its topic")
    done = leat.call("verify", "shop", "--json", ok=(1,))
    assert "verify.fold" in done.stderr and "shop.public.bare" in done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {x["table"].removeprefix("public."): x["equal"] for x in lines} == dict.fromkeys(
        TABLES, True)
    assert verify(leat, "public.nums", "public.texts")[0]["tables"] == 2
    db.sql("DROP TABLE bare")
    db.sql('CREATE TABLE "Nums" (id int PRIMARY KEY)')
    assert "verify.shared" in leat.call("verify", "shop", ok=(1,)).stderr
    assert verify(leat, "public.nums")[0]["tables"] == 1
    db.sql('DROP TABLE "Nums"')

    # a source that is stopped: equal tables are equal, others are not judged
    assert leat.stop() == 0
    assert verify(leat)[0]["equal"]
    db.sql("UPDATE nums SET i = -1 WHERE id = 1")
    for _ in range(3):
        assert "verify.not_running" in leat.call("verify", "shop", ok=(1,)).stderr

    for option, value, words in (
            ("snapshot_mode", "no_data", "by snapshot.mode"),
            ("snapshot_include_collection_list", "public.texts", "by snapshot.include"),
            ("column_mask_hash_SHA-256_with_salt_s", ".*\\.b", "key's column b")):
        leat.run(leat.write("shop.properties", db.properties(name="shop", **{option: value})))
        until(lambda: words in leat.call("verify", "shop", ok=(0, 1, 3)).stderr, 60, words)
        assert leat.stop() == 0


def test_columns_that_are_not_as_they_were(db, leat):
    """Left out, masked: told, and not compared; the others are."""
    begin(db, leat, column_exclude_list="public.nums.d", column_mask_with_5_chars=".*\\.(c|id|a)")
    whole, tables, _ = verify(leat)
    assert whole["equal"]
    assert tables["nums"]["not_compared"] == "d (it is not captured)"
    assert tables["texts"]["not_compared"] == "c (it is truncated, masked or hashed)"
    behind_its_back(db, "UPDATE texts SET c = 'other' WHERE k = 'k1'",
                    "UPDATE texts SET t = 'other' WHERE k = 'k2'")
    assert verify(leat, ok=(3,))[2] == {("texts", "k2"): "different"}


def test_columns_of_another_type_than_before(db, leat):
    """Text in what was made for whole numbers is neither equal nor different; wider ones are."""
    db.sql("CREATE TABLE codes (id int PRIMARY KEY, code int, flag bool, share int, wide int)")
    db.sql("INSERT INTO codes VALUES (1, 1, true, 1, 1)")
    begin(db, leat, rows=10)
    db.sql("ALTER TABLE codes ALTER code TYPE text, ALTER flag TYPE text, ALTER share TYPE float8,"
           " ALTER wide TYPE bigint")
    db.sql("INSERT INTO codes VALUES (2, '007', '01', '-0', 1::bigint << 40)")
    whole, tables, found = verify(leat, "public.codes")
    assert whole["equal"] and found == {}
    assert tables["codes"]["not_compared"] == ", ".join(
        f"{column} (its type was changed)" for column in ("code", "flag", "share"))
    behind_its_back(db, "UPDATE codes SET wide = 7 WHERE id = 2")
    assert verify(leat, "public.codes", ok=(3,))[2] == {("codes", "2"): "different"}


def test_a_stream_without_its_beginning(db, leat):
    begin(db, leat, rows=100, retention_ms=1000, segment_ms=1000)

    def refused():
        db.sql("UPDATE nums SET i = i + 1 WHERE id = 1")
        return "verify.retention" in leat.call("verify", "shop", "public.nums", ok=(0, 1)).stderr

    until(refused, 120, "what retention removed")


def test_a_stream_in_kafka_is_refused(db, leat, kafka):
    db.sql("CREATE TABLE nums (id int PRIMARY KEY)")
    props = db.properties(name="shop", topic_prefix=db.name)
    leat.run("--kafka", kafka.bootstrap, leat.write("shop.properties", props))
    await_rows(leat)
    assert "verify.kafka" in leat.call("verify", "shop", ok=(1,)).stderr


def test_a_snapshot_that_is_not_done_is_refused(db, faulty):
    """The stream takes nothing for a while."""
    for name in ("nums", "more"):
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY)")
        db.sql(f"INSERT INTO {name} SELECT generate_series(1, 10)")
    faulty.run(faulty.write("shop.properties", db.properties(name="shop")),
               env={"LEAT_FAULT": "stream_append:0:10000ms"})
    until(lambda: "verify.snapshot" in faulty.call("verify", "shop", ok=(0, 1, 3)).stderr, 60,
          "a snapshot that runs")
    until(lambda: faulty.call("verify", "shop", ok=(0, 1, 3)).returncode == 0, 120, "its end")


def test_a_killed_verification_leaves_nothing(db, leat):
    begin(db, leat, rows=20000)
    before = {entry for entry in _files(leat) if "/stream/" not in entry}
    child = subprocess.Popen([leat.binary, "verify", "--data", leat.data, "shop", "--load", "1%"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scratch = f"/proc/{child.pid}/fd"
    try:
        until(lambda: any("(deleted)" in _link(f"{scratch}/{fd}") for fd in os.listdir(scratch)),
              60, "its scratch file, which has no name")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert {entry for entry in _files(leat) if "/stream/" not in entry} == before
    assert verify(leat)[0]["equal"]


def test_a_scratch_file_that_does_not_fit_is_told(db, leat):
    """A file may not be larger than that, which is what a full disk is to it."""
    begin(db, leat, rows=20000)
    limit = 'trap "" XFSZ; ulimit -f 64; exec "$0" "$@"'
    done = subprocess.run(
        ["bash", "-c", limit, leat.binary, "verify", "--data", leat.data, "shop"],
        env={**os.environ, "SQLITE_TMPDIR": leat.folder}, capture_output=True, text=True,
        timeout=120, check=False)
    assert done.returncode == 1 and f"{leat.folder}: " in done.stderr
    assert "verify.scratch" in done.stderr and "SQLITE_TMPDIR" in done.stderr
    assert verify(leat)[0]["equal"]


def _link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _files(leat):
    return [os.path.join(at, name) for at, _, names in os.walk(leat.data) for name in names]

"""Signals: snapshots on demand by `leat signal`, the signal table and the file; what stops them,
what they survive, and that rows yield to changes."""

import json
import os
import re
import threading

import pytest
from servers.process import until

TABLE = "CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32), data text)"


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE a (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(1, 100) i")
    return db


def running(leat, db, env=None, **more):
    more = {"snapshot_mode": "no_data", **more}
    leat.run(leat.write("shop.properties", db.properties(name="shop", **more)), env=env)
    until(lambda: state(leat) == "RUNNING", 60, "the stream")


def state(leat):
    leat.alive()
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout).get("state") if done.returncode == 0 else None


def position(leat):
    return leat.status("shop").get("position") or {}


def idle(leat):
    """No snapshot that a signal asked for is left."""
    until(lambda: not any("snapshot" in k for k in position(leat)), 60, "the end of the snapshot")


def logged(leat, word):
    return until(lambda: leat.alive() or word in leat.stderr, 30, word)


def rows(leat, topic="shop.public.a"):
    """Records of the snapshot."""
    if not any(t["topic"] == topic for t in leat.topics()):
        return []
    return [r["value"] for r in leat.read(topic) if r["value"] and r["value"]["op"] == "r"]


def ids(leat, topic="shop.public.a"):
    return [v["after"]["id"] for v in rows(leat, topic)]


def signal(leat, *words, **options):
    return leat.call("signal", "shop", *words, **options)


def test_snapshot(shop, leat):
    """Several chunks, no table of signals; only what fits the condition; what is told."""
    running(leat, shop, incremental_snapshot_chunk_size=30)
    said = json.loads(signal(leat, "snapshot", "public.a", "--json", "--id", "x").stdout)
    assert said["id"] == "x"
    idle(leat)
    assert ids(leat) == list(range(1, 101))
    assert {v["source"]["snapshot"] for v in rows(leat)} == {"incremental"}
    assert all(v["source"]["lsn"] is None and v["source"]["sequence"] for v in rows(leat))
    assert "is taken" in signal(leat, "snapshot", "public\\..*", "where", "id", "<=", "2").stderr
    idle(leat)
    assert ids(leat)[100:] == [1, 2]
    counts = leat.status("shop")["counts"]
    assert counts["rows_read"] == counts["rows_appended"] == 102
    signal(leat, "log", "at {} now")
    logged(leat, 'at {"lsn_proc":')


def test_its_sessions_end(shop, leat):
    """Those of the reader, and the one that had the server flush its log."""
    running(leat, shop)
    sessions = ("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'leat shop%'"
                " AND datname = current_database() AND backend_type = 'client backend'")
    signal(leat, "snapshot", "public.a")
    idle(leat)
    assert len(ids(leat)) == 100
    until(lambda: leat.alive() or shop.sql(sessions)[0][0] == 1, 60, "its sessions to end")


def test_refused(shop, leat):
    """What cannot be done is told, and the stream goes on."""
    shop.sql("CREATE TABLE nokey (id int); INSERT INTO nokey VALUES (1)")
    shop.sql("CREATE TABLE other (id int PRIMARY KEY)")
    running(leat, shop, table_exclude_list="public.other")
    for words, ok in (
        (("snapshot",), 2), (("dance",), 2), (("pause", "x"), 2), (("snapshot", "where", "x"), 2),
        (("snapshot", "a", "where"), 2), (("pause", "--blocking"), 2), ((), 2),
    ):
        assert signal(leat, *words, ok=(ok,)).stderr
    assert "signal.data" in signal(leat, "snapshot", "a(", ok=(1,)).stderr
    assert "nobody" in leat.call("signal", "nobody", "pause", ok=(1,)).stderr
    signal(leat, "snapshot", "public.nokey", "public.other", "public.none", "--id", "odd")
    logged(leat, "table=\"public.nokey\" it has no primary key")
    logged(leat, "table=\"public.other\" is not captured")
    logged(leat, "table=\"public.none\" is not captured")
    idle(leat)
    signal(leat, "snapshot", "public.a", "WHERE", "no such column = 1")
    logged(leat, "status=SQL_EXCEPTION")
    idle(leat)
    signal(leat, "stop")
    logged(leat, "signal.no_snapshot")
    shop.sql("INSERT INTO a VALUES (101, 'new')")
    assert leat.read_until("shop.public.a", 1)[0]["value"]["op"] == "c"
    assert leat.status("shop")["counts"]["rows_read"] == 0
    leat.stop()
    assert "control.not_running" in signal(leat, "pause", ok=(1,)).stderr


def names_sent(shop, ident, n):
    """A signal with n names of tables that are not there."""
    shop.sql("INSERT INTO debezium_signal SELECT %s, 'execute-snapshot', json_build_object("
             "'data-collections', (SELECT json_agg('public.x' || g)"
             " FROM generate_series(1, %s) g))",
             ident, n)


def told(leat):
    return [r["value"] for r in leat.read("told")]


def test_many_unknown_tables(shop, leat):
    """They are left out a few at a time: the stream and a restart go on. Too many are refused."""
    shop.sql(TABLE)
    more = {"signal_data_collection": "public.debezium_signal",
            "notification_enabled_channels": "sink", "notification_sink_topic_name": "told"}
    running(leat, shop, **more)
    names_sent(shop, "most", 10001)
    logged(leat, "data-collections has 10001 entries, and a signal may have up to 10000")
    names_sent(shop, "many", 1100)
    until(lambda: leat.alive() or any(t["topic"] == "told" for t in leat.topics()), 60, "told")
    shop.sql("INSERT INTO a VALUES (101, 'new')")
    leat.stop()
    running(leat, shop, **more)
    until(lambda: leat.alive() or told(leat)[-1]["type"] == "COMPLETED", 180, "the last of them")
    assert leat.read_until("shop.public.a", 1)[0]["value"]["op"] == "c"
    more = [v["additional_data"] for v in told(leat)]
    more = [t for t in more if "scanned_collection" in t]
    done = [t["scanned_collection"] for t in more]
    assert done == [f"public.x{i}" for i in range(1, 1101)]
    assert more[0]["data_collections"].endswith("public.x1000,... (100 more)")


def test_surrogate_key(shop, leat):
    """A table without a key is read by a column that is named."""
    shop.sql("CREATE TABLE nokey (n int NOT NULL, v text)")
    shop.sql("INSERT INTO nokey SELECT i, 'x' FROM generate_series(1, 25) i")
    running(leat, shop, incremental_snapshot_chunk_size=10)
    signal(leat, "snapshot", "public.nokey", "--surrogate-key", "n")
    idle(leat)
    assert [v["after"]["n"] for v in rows(leat, "shop.public.nokey")] == list(range(1, 26))


def test_a_surrogate_key_that_is_shared(shop, leat):
    """Rows with one value are read together where they fit into memory; where they do not, that is
    told, and nothing waits for ever."""
    shop.sql("CREATE TABLE few (n int NOT NULL, v text)")
    shop.sql("INSERT INTO few SELECT i / 50, 'x' FROM generate_series(0, 99) i")
    shop.sql("CREATE TABLE many (n int NOT NULL, v text)")
    shop.sql("INSERT INTO many SELECT 5, repeat('x', 1000) FROM generate_series(1, 20000) i")
    running(leat, shop, incremental_snapshot_chunk_size=10)
    signal(leat, "snapshot", "public.few", "--surrogate-key", "n")
    idle(leat)
    assert len(rows(leat, "shop.public.few")) == 100
    signal(leat, "snapshot", "public.many", "--surrogate-key", "n")
    logged(leat, "signal.surrogate_key")
    idle(leat)
    assert not rows(leat, "shop.public.many")
    signal(leat, "snapshot", "public.a")
    idle(leat)
    assert len(ids(leat)) == 100


def test_composite_keys(shop, leat):
    """Keys of several columns, of types whose order is the server's; the row behind the last."""
    shop.sql("CREATE TABLE k (t text, u uuid, n numeric, PRIMARY KEY (t, u, n))")
    shop.sql("INSERT INTO k SELECT chr(97 + i % 7) || '''\\', md5((i % 20)::text)::uuid, i / 3.0"
             " FROM generate_series(1, 200) i")
    running(leat, shop, incremental_snapshot_chunk_size=7)
    signal(leat, "snapshot", "public.k")
    idle(leat)
    assert len(rows(leat, "shop.public.k")) == 200
    keys = {json.dumps(r["key"]) for r in leat.read("shop.public.k")}
    assert len(keys) == 200


def test_pause_and_restart(shop, faulty):
    """Paused it stays where it is, over a kill too; resumed it goes on behind the last chunk, up to
    the end that the table had when its first one was read."""
    leat = faulty
    shop.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(101, 400) i")
    notes = {"notification_enabled_channels": "sink,log",
             "notification_sink_topic_name": "shop.notes"}
    slow = {"LEAT_FAULT": "source_query:0:100ms"}  # minutes for all of it
    running(leat, shop, env=slow, incremental_snapshot_chunk_size=1, **notes)
    signal(leat, "snapshot", "public.a", "--id", "slow")
    until(lambda: rows(leat), 60, "its first row")
    signal(leat, "pause")
    until(lambda: position(leat).get("incremental_snapshot_paused"), 60, "the pause")
    done = len(rows(leat))
    assert 0 < done < 400
    leat.kill()
    running(leat, shop, incremental_snapshot_chunk_size=20, **notes)
    logged(leat, "signal.snapshot_goes_on")
    shop.sql("INSERT INTO a VALUES (1000, 'new')")
    leat.read_until("shop.public.a", done + 1)
    assert position(leat)["incremental_snapshot_correlation_id"] == "slow"
    assert len(rows(leat)) == done
    signal(leat, "resume")
    idle(leat)
    assert ids(leat) == list(range(1, 401))
    steps = [r["value"]["type"] for r in leat.read("shop.notes")]
    assert steps[0] == "STARTED" and steps[-2:] == ["TABLE_SCAN_COMPLETED", "COMPLETED"]
    assert steps.index("IN_PROGRESS") < steps.index("PAUSED") < steps.index("RESUMED")


def test_paused_before_it_begins(shop, leat):
    """A table's end is looked for when its first chunk is read: what came before that is a change
    and a row, as with Debezium."""
    shop.sql(TABLE)
    running(leat, shop, signal_data_collection="public.debezium_signal",
            incremental_snapshot_chunk_size=20)
    wanted = json.dumps({"data-collections": ["public.a"], "type": "incremental"})
    with shop.connect(autocommit=False) as c:
        c.execute("INSERT INTO debezium_signal VALUES ('1', 'execute-snapshot', %s)", (wanted,))
        c.execute("INSERT INTO debezium_signal VALUES ('2', 'pause-snapshot', '{}')")
    until(lambda: position(leat).get("incremental_snapshot_paused"), 60, "the pause")
    shop.sql("INSERT INTO a VALUES (1000, 'new')")
    leat.read_until("shop.public.a", 1)
    assert rows(leat) == []
    signal(leat, "resume")
    idle(leat)
    assert ids(leat) == [*range(1, 101), 1000]


def test_stop(shop, leat):
    """Of one table that waits, then of all."""
    shop.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)")
    running(leat, shop, incremental_snapshot_chunk_size=1)
    signal(leat, "snapshot", "public.a", "public.b")
    signal(leat, "pause")
    signal(leat, "stop", "public.b")
    tables = json.loads(position(leat)["incremental_snapshot_collections"])
    assert [t["incremental_snapshot_collections_id"] for t in tables] == ["public.a"]
    signal(leat, "stop")
    assert not any("snapshot" in k for k in position(leat))
    assert rows(leat, "shop.public.b") == [] and len(rows(leat)) < 100


def fold(records):
    table = {}
    for r in records:
        value = r["value"]
        if value is None:
            continue
        key = r["key"]["id"]
        if value["op"] == "t":
            table.clear()
        elif value["op"] == "d":
            table.pop(key, None)
        else:
            table[key] = value["after"]["v"]
    return table


@pytest.mark.parametrize("way", ["own", "windows", "insert_delete"])
def test_rows_yield(shop, leat, way):
    """Under updates, deletes and keys that change, a key only ever moves forward."""
    more = {}
    if way != "own":
        shop.sql(TABLE)
        more = {"signal_data_collection": "public.debezium_signal"}
    if way == "insert_delete":
        more["incremental_snapshot_watermarking_strategy"] = "insert_delete"
    shop.sql("UPDATE a SET v = '0'")
    running(leat, shop, incremental_snapshot_chunk_size=5, **more)
    over = threading.Event()

    def load():
        with shop.connect() as c:
            n = 0
            while not over.is_set():
                n += 1
                c.execute("UPDATE a SET v = (v::int + 1)::text WHERE id %% 7 = %s", (n % 7,))
                if n % 10 == 0:
                    c.execute("DELETE FROM a WHERE id = 50")
                    c.execute("INSERT INTO a VALUES (50, %s)", (str(n * 1000),))
                if n % 15 == 0:
                    c.execute("UPDATE a SET id = 200 - id, v = (v::int + 1)::text"
                              " WHERE id IN (60, 140)")

    writer = threading.Thread(target=load)
    writer.start()
    try:
        for _ in range(3):
            signal(leat, "snapshot", "public.a")
            idle(leat)
    finally:
        over.set()
        writer.join()
    wanted = dict(shop.sql("SELECT id, v FROM a"))
    until(lambda: fold(leat.read("shop.public.a")) == wanted, 30, "the table")
    last = {}
    for r in leat.read("shop.public.a"):
        value = r["value"]
        if value and value["op"] in "rcu":
            version = int(value["after"]["v"])
            assert version >= last.get(r["key"]["id"], 0) or r["key"]["id"] in (60, 140), r
            last[r["key"]["id"]] = version
    counts = leat.status("shop")["counts"]
    assert counts["rows_read"] == counts["rows_appended"] + counts["rows_superseded"]
    windows = [r["key"]["id"][37:] for r in leat.read("shop.public.debezium_signal")
               if r["value"]] if way != "own" else []
    assert ("open" in windows) == (way != "own") and ("close" in windows) == (way == "windows")
    left = shop.sql("SELECT count(*) FROM debezium_signal")[0][0] if way == "insert_delete" else 0
    assert left == 0


def test_kills(shop, leat):
    """Killed while it reads, it goes on; no key is missing."""
    shop.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(101, 3000) i")
    running(leat, shop, incremental_snapshot_chunk_size=20)
    signal(leat, "snapshot", "public.a")
    for i in range(3):
        until(lambda n=i: len(rows(leat)) > n * 400, 30, "some rows")
        leat.kill()
        running(leat, shop, incremental_snapshot_chunk_size=20)
    idle(leat)
    got = ids(leat)
    assert sorted(set(got)) == list(range(1, 3001)) and len(got) < 3200


def test_signal_table(shop, leat):
    """Signals in the table: bad ones are told; it is not sent itself: snapshots go on without."""
    shop.sql(TABLE)
    shop.sql("CREATE PUBLICATION parts FOR TABLE a, debezium_signal")
    running(leat, shop, signal_data_collection="public.debezium_signal", publication_name="parts",
            publication_autocreate_mode="disabled", snapshot_mode="initial")
    assert ids(leat) == list(range(1, 101))
    insert = "INSERT INTO debezium_signal VALUES (%s, %s, %s)"
    shop.sql(insert, "1", "log", "{")
    shop.sql(insert, "2", "jump", None)
    shop.sql(insert, "3", "schema-changes", "{}")
    shop.sql(insert, "4", "log", '{"message": "it works {}"}')
    for word in ("where=1 the data of the signal is no JSON", "signal.type", "signal.unsupported",
                 'id="4" it works {"lsn_proc"'):
        logged(leat, word)
    wanted = {"data-collections": ["public.a"], "type": "incremental"}
    shop.sql(insert, "5", "execute-snapshot", json.dumps(wanted))
    logged(leat, 'id="5" table="public.a" status=SUCCEEDED')
    idle(leat)
    assert len(ids(leat)) == 200
    shop.sql("ALTER PUBLICATION parts DROP TABLE debezium_signal")
    signal(leat, "snapshot", "public.a")
    logged(leat, "signal.table_not_sent")
    idle(leat)
    assert len(ids(leat)) == 300
    assert [r["value"]["after"]["id"] for r in leat.read("shop.public.debezium_signal")
            if "-" not in r["value"]["after"]["id"]] == list("12345")


def test_several_readers(shop, leat):
    """snapshot.max.threads is for ad hoc snapshots, too: so many chunks are under way at once."""
    shop.sql(TABLE + "; CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
             " PERFORM pg_advisory_xact_lock_shared(43); RETURN NEW; END $$;"
             "CREATE TRIGGER wait BEFORE INSERT ON debezium_signal FOR EACH ROW"
             " WHEN (NEW.type = 'snapshot-window-open') EXECUTE PROCEDURE wait()")
    running(leat, shop, incremental_snapshot_chunk_size=10, snapshot_max_threads=3,
            signal_data_collection="public.debezium_signal")
    waits = ("SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
             " WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted")
    with shop.connect() as c:
        c.execute("SELECT pg_advisory_lock(43)")
        signal(leat, "snapshot", "public.a")
        until(lambda: leat.alive() or shop.sql(waits)[0][0] == 3, 60, "three readers")
        c.execute("SELECT pg_advisory_unlock(43)")
    idle(leat)
    assert sorted(ids(leat)) == list(range(1, 101))


def test_table_that_cannot_be_written(shop, leat):
    """No right to write watermarks: told, and done without."""
    shop.sql(TABLE)
    shop.sql("CREATE RULE no AS ON INSERT TO debezium_signal WHERE new.id LIKE '%-open'"
             " DO INSTEAD SELECT 1 / 0")
    running(leat, shop, signal_data_collection="public.debezium_signal")
    signal(leat, "snapshot", "public.a")
    logged(leat, "cannot be written to")
    idle(leat)
    assert len(ids(leat)) == 100


@pytest.mark.parametrize("dropped", [False, True])
def test_no_signal_table(shop, leat, dropped):
    """The table of signal.data.collection is not there, or not any more: told, and done without."""
    if dropped:
        shop.sql(TABLE)
    running(leat, shop, signal_data_collection="public.debezium_signal")
    if dropped:
        shop.sql("DROP TABLE debezium_signal")
    signal(leat, "snapshot", "public.a")
    logged(leat, "signal.data.collection: the signal table public.debezium_signal cannot be")
    idle(leat)
    assert ids(leat) == list(range(1, 101))
    shop.sql(TABLE)
    signal(leat, "snapshot", "public.a")
    until(lambda: leat.alive() or len(ids(leat)) == 200, 60, "the second snapshot")
    assert shop.sql("SELECT count(*) > 1 FROM debezium_signal")[0][0]


@pytest.mark.parametrize("kind", ["incremental", "blocking"])
def test_a_condition_of_another_table(shop, leat, kind):
    """It is told; one that fits is not."""
    shop.sql(TABLE)
    running(leat, shop, signal_data_collection="public.debezium_signal")
    wanted = {"data-collections": ["public.a"], "type": kind, "additional-conditions": [
        {"data-collection": "public.other", "filter": "id < 9"},
        {"data-collection": "PUBLIC.*", "filter": "id < 4"}]}
    shop.sql("INSERT INTO debezium_signal VALUES ('1', 'execute-snapshot', %s)", json.dumps(wanted))
    logged(leat, "signal.condition_unused")
    until(lambda: leat.alive() or ids(leat), 60, "the rows")
    idle(leat)
    assert ids(leat) == [1, 2, 3]
    assert leat.stderr.count("signal.condition_unused") == 1
    assert 'table="public.other"' in leat.stderr


def test_read_only(shop, leat):
    """read.only: nothing is written, signals in the table are read."""
    shop.sql(TABLE)
    running(leat, shop, signal_data_collection="public.debezium_signal", read_only="true")
    wanted = {"data-collections": ["public.a"], "type": "incremental"}
    shop.sql("INSERT INTO debezium_signal VALUES ('1', 'execute-snapshot', %s)", json.dumps(wanted))
    logged(leat, "status=SUCCEEDED")
    idle(leat)
    assert len(ids(leat)) == 100
    assert shop.sql("SELECT count(*) FROM debezium_signal")[0][0] == 1


def test_blocking(shop, leat):
    """By leat signal, with a condition and with a whole select; a bad one stops nothing."""
    running(leat, shop)
    signal(leat, "snapshot", "public.a", "WHERE", "id < 4", "--blocking")
    idle(leat)
    assert ids(leat) == [1, 2, 3]
    assert [v["source"]["snapshot"] for v in rows(leat)] == ["first", "true", "last"]
    signal(leat, "snapshot", "public.a", "WHERE", "SELECT * FROM a WHERE id = 9", "--blocking")
    idle(leat)
    assert ids(leat)[3:] == [9]
    for bad in (("public.a", "WHERE", "SELECT nothing"), ("public.none",)):
        signal(leat, "snapshot", *bad, "--blocking")
        logged(leat, "is given up")
    shop.sql("INSERT INTO a VALUES (101, 'new')")
    leat.read_until("shop.public.a", 5)


def test_a_condition_is_one_statement(shop, leat):
    """Who may write signals reads tables by them; other statements are not theirs to run."""
    running(leat, shop)
    more = "; CREATE TABLE made (id int); "
    for condition, *words in (
        (f"true){more} SELECT id FROM a WHERE (true",),
        (f"true) AS x LIMIT 0{more} SELECT FROM (SELECT * FROM a", "--blocking"),
        (f"true) AS x){more} SELECT EXISTS (SELECT FROM (SELECT * FROM a", "--blocking"),
    ):
        signal(leat, "snapshot", "public.a", "WHERE", condition, *words)
        logged(leat, "is given up" if words else "status=SQL_EXCEPTION")
        idle(leat)
    signal(leat, "snapshot", "public.a", "WHERE", "id <= 3")
    idle(leat)
    assert ids(leat) == [1, 2, 3]
    assert shop.sql("SELECT to_regclass('made')") == [(None,)]


def test_file(shop, leat):
    """Lines of the file are done, and taken out; bad ones are told by their number."""
    path = os.path.join(leat.folder, "signals.txt")
    running(leat, shop, signal_enabled_channels="file", signal_file=path,
            signal_poll_interval_ms=100)
    wanted = {"id": "f1", "type": "execute-snapshot",
              "data": {"data-collections": ["public.a"], "type": "INCREMENTAL"}}
    with open(path, "w", encoding="utf-8") as f:
        f.write("no json\n\n" + json.dumps(wanted) + "\n")
        f.write('{"id":"f2","type":"log","data":{"message":"by file"}}')
    logged(leat, "line=1")
    logged(leat, 'id="f2" by file')
    until(lambda: os.path.getsize(path) == 0, 30, "the file to be empty")
    idle(leat)
    assert len(ids(leat)) == 100


def test_table_changes_meanwhile(shop, leat):
    """A column that comes while a table is read: its chunk is read again."""
    shop.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(101, 2000) i")
    running(leat, shop, incremental_snapshot_chunk_size=10)
    signal(leat, "snapshot", "public.a")
    until(lambda: len(rows(leat)) > 100, 30, "some rows")
    shop.sql("ALTER TABLE a ADD COLUMN w int DEFAULT 7")
    shop.sql("UPDATE a SET v = 'new' WHERE id = 2000")
    idle(leat)
    got = {v["after"]["id"]: v["after"] for v in rows(leat)}
    assert sorted(got) == list(range(1, 2000)) or sorted(got) == list(range(1, 2001))
    assert got[1999]["w"] == 7
    assert fold(leat.read("shop.public.a"))[2000] == "new"


def test_progress(shop, leat):
    """The status tells what a snapshot has read of its table, at rest and at its end."""
    shop.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(101, 5000) i; ANALYZE a")
    shop.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1), (2), (3); ANALYZE b")
    running(leat, shop, incremental_snapshot_chunk_size=1)
    signal(leat, "snapshot", "public.a")
    signal(leat, "pause")

    def shown(state):
        tables = leat.status("shop")["snapshot"]["table_progress"]
        return tables[0] if tables and tables[0]["state"] == state else None

    table = until(lambda: shown("paused"), 60, "the table in the status")
    assert table["table"] == "public.a" and table["snapshot"] == "incremental"
    assert table["rows"] <= table["rows_total"] == 5000
    assert "public.a (paused)" in leat.call("status", "shop").stdout
    signal(leat, "stop")
    signal(leat, "snapshot", "public.b")
    table = until(lambda: shown("done"), 60, "the end in the status")
    assert (table["table"], table["rows"], table["milliseconds_left"]) == ("public.b", 3, 0)


@pytest.mark.parametrize("mode", ["filtered", "disabled"])
def test_new_tables(shop, leat, mode):
    """A table that appears is published, or what to run is told, and read without a restart."""
    if mode == "disabled":
        shop.sql("CREATE PUBLICATION own FOR TABLE a")
    running(leat, shop, snapshot_new_tables="parallel", publication_autocreate_mode=mode,
            publication_name="own" if mode == "disabled" else "leat_new",
            table_include_list="public.*")
    shop.sql("CREATE TABLE n (id int PRIMARY KEY, v text);"
             " INSERT INTO n SELECT i, 'before' FROM generate_series(1, 50) i")
    if mode == "disabled":
        logged(leat, "ADD TABLE \"public\".\"n\"")
        shop.sql("ALTER PUBLICATION own ADD TABLE n")
    until(lambda: len(set(ids(leat, "shop.public.n"))) == 50, 60, "the new table's rows")
    idle(leat)
    shop.sql("INSERT INTO n VALUES (51, 'after')")
    until(lambda: len({r["key"]["id"] for r in leat.read("shop.public.n")}) == 51, 60,
          "its changes")


def test_toast(shop, leat):
    """A change that leaves a large value out: the row is read again, so that nothing is unknown."""
    shop.sql("CREATE TABLE big (id int PRIMARY KEY, n int, v text)")
    shop.sql("INSERT INTO big SELECT i, 0, (SELECT string_agg(md5((i * k)::text), '')"
             " FROM generate_series(1, 200) k) FROM generate_series(1, 300) i")
    running(leat, shop, incremental_snapshot_chunk_size=50)
    over = threading.Event()

    def load():
        with shop.connect() as c:
            while not over.is_set():
                c.execute("UPDATE big SET n = n + 1 WHERE id % 10 = 3")

    writer = threading.Thread(target=load)
    writer.start()
    try:
        signal(leat, "snapshot", "public.big")
        idle(leat)
    finally:
        over.set()
        writer.join()
    known = {v["after"]["id"] for v in rows(leat, "shop.public.big")
             if not re.fullmatch("__debezium.*", v["after"]["v"])}
    assert known == set(range(1, 301))


def test_a_new_table_without_a_key(shop, leat):
    """What to run is told."""
    running(leat, shop, snapshot_new_tables="parallel", publication_autocreate_mode="filtered",
            table_include_list="public.*")
    shop.sql("CREATE TABLE bare (v text)")
    logged(leat, "leat signal NAME snapshot public.bare --blocking")
    assert "the signal no surrogate-key" not in leat.stderr

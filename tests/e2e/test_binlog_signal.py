"""Signals of MySQL and MariaDB: as test_signal.py is of PostgreSQL's."""

import json
import os
import threading

import pytest
from binlog import restart, stream
from servers.process import until
from test_binlog_snapshots import numbers
from test_signal import fold, idle, logged, position, rows, signal
from test_signal_kafka import channel, committed, send

TABLE = "CREATE TABLE debezium_signal (id varchar(42) PRIMARY KEY, type varchar(32), data text)"
TOPIC = "shop.shop.a"


def fill(server, table, first, last, value="'old'"):
    limit, s = numbers(server, last)
    server.sql(f"{limit} INSERT INTO {table} {s} SELECT n, {value} FROM s WHERE n >= {first}",
               "shop")


@pytest.fixture
def shop(binlog):
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY, v varchar(100))", "shop")
    fill(binlog, "a", 1, 100)
    return binlog


def configured(leat, server, **more):
    more = {k.replace("_", "."): v for k, v in more.items()}
    config = server.properties(database__include__list="shop") | more
    return leat.write("shop.properties", config)


def running(leat, server, again=False, **more):
    (restart if again else stream)(leat, configured(leat, server, **more))


def ids(leat, topic=TOPIC):
    return [v["after"]["id"] for v in rows(leat, topic)]


def windows(**more):
    return {"signal_data_collection": "shop.debezium_signal", **more}


def insert(server, id_, type_, data):
    text = "NULL" if data is None else "'" + data.replace("'", "''") + "'"
    server.sql(f"INSERT INTO debezium_signal VALUES ('{id_}', '{type_}', {text})", "shop")


def test_snapshot(shop, leat):
    """Several chunks, no table of signals; only what fits the condition; what is told."""
    running(leat, shop, incremental_snapshot_chunk_size=30)
    said = json.loads(signal(leat, "snapshot", "shop.a", "--json", "--id", "x").stdout)
    assert said["id"] == "x"
    idle(leat)
    assert ids(leat) == list(range(1, 101))
    assert {v["source"]["snapshot"] for v in rows(leat, TOPIC)} == {"incremental"}
    assert "is taken" in signal(leat, "snapshot", "shop\\..*", "where", "id", "<=", "2").stderr
    idle(leat)
    assert ids(leat)[100:] == [1, 2]
    counts = leat.status("shop")["counts"]
    assert counts["rows_read"] == counts["rows_appended"] == 102
    signal(leat, "log", "at {} now")
    logged(leat, 'at {"ts_sec":' if "ts_sec" in leat.stderr else 'at {"')


def test_refused(shop, leat):
    """What cannot be done is told, and the stream goes on."""
    shop.sql("CREATE TABLE nokey (id int); INSERT INTO nokey VALUES (1);"
             "CREATE TABLE other (id int PRIMARY KEY); CREATE VIEW seen AS SELECT 1", "shop")
    running(leat, shop, table_exclude_list="shop.other")
    assert "signal.data" in signal(leat, "snapshot", "a(", ok=(1,)).stderr
    signal(leat, "snapshot", "shop.nokey", "shop.other", "shop.none", "shop.seen", "--id", "odd")
    logged(leat, "table=\"shop.nokey\" it has no primary key")
    logged(leat, "table=\"shop.other\" is not captured: table.include.list")
    logged(leat, "table=\"shop.none\" is not captured: there is no table")
    logged(leat, "table=\"shop.seen\" is not captured: it is a view")
    idle(leat)
    signal(leat, "snapshot", "shop.a", "WHERE", "no such column = 1")
    logged(leat, "status=SQL_EXCEPTION")
    idle(leat)
    signal(leat, "snapshot", "shop.a", "--surrogate-key", "v")
    logged(leat, "its surrogate-key is no column that is NOT NULL")
    idle(leat)
    signal(leat, "stop")
    logged(leat, "signal.no_snapshot")
    shop.sql("INSERT INTO a VALUES (101, 'new')", "shop")
    assert leat.read_until(TOPIC, 1)[0]["value"]["op"] == "c"
    assert leat.status("shop")["counts"]["rows_read"] == 0


def test_keys(shop, leat):
    """A key of several columns, whose order is the server's; a table that is read by a column that
    is named, and rows that share it; a table of an engine without transactions."""
    shop.sql("CREATE TABLE k (t varchar(9) COLLATE utf8mb4_general_ci, b varbinary(9),"
             " e enum('z', 'a'), n decimal(9,3), PRIMARY KEY (t, b, e, n));"
             "CREATE TABLE few (n int NOT NULL, v varchar(9));"
             "CREATE TABLE old (n int PRIMARY KEY, v varchar(9)) ENGINE=MyISAM", "shop")
    limit, s = numbers(shop, 200)
    shop.sql(f"{limit} INSERT INTO k {s} SELECT CONCAT(CHAR(97 + n % 7), '''\\\\'), n % 5,"
             f" 1 + n % 2, n / 3 FROM s; INSERT INTO few {s} SELECT n DIV 50, 'x' FROM s;"
             f"INSERT INTO old {s} SELECT n, 'x' FROM s", "shop")
    running(leat, shop, incremental_snapshot_chunk_size=7)
    signal(leat, "snapshot", "shop.k", "shop.old")
    signal(leat, "snapshot", "shop.few", "--surrogate-key", "n")
    idle(leat)
    assert len(rows(leat, "shop.shop.k")) == 200
    assert len({json.dumps(r["key"]) for r in leat.read("shop.shop.k")}) == 200
    assert ids_of(leat, "old") == list(range(1, 201))
    assert len(rows(leat, "shop.shop.few")) == 200


def ids_of(leat, table):
    return [v["after"]["n"] for v in rows(leat, f"shop.shop.{table}")]


def test_pause_and_restart(shop, faulty):
    """Paused it stays where it is, over a kill too; resumed it goes on behind the last chunk, up to
    the end that the table had when its first one was read."""
    leat = faulty
    fill(shop, "a", 101, 300)
    notes = {"notification_enabled_channels": "sink,log",
             "notification_sink_topic_name": "shop.notes"}
    config = configured(leat, shop, incremental_snapshot_chunk_size=1, **notes)
    leat.run(config, env={"LEAT_FAULT": "source_query:0:50ms"})
    until(lambda: leat.alive() or "mysql.streaming" in leat.stderr, 60, "streaming")
    signal(leat, "snapshot", "shop.a", "--id", "slow")
    until(lambda: rows(leat, TOPIC), 60, "its first row")
    signal(leat, "pause")
    until(lambda: position(leat).get("incremental_snapshot_paused"), 60, "the pause")
    done = len(rows(leat, TOPIC))
    assert 0 < done < 300
    leat.kill()
    running(leat, shop, again=True, incremental_snapshot_chunk_size=20, **notes)
    logged(leat, "signal.snapshot_goes_on")
    shop.sql("INSERT INTO a VALUES (1000, 'new')", "shop")
    leat.read_until(TOPIC, done + 1, seconds=60)
    assert position(leat)["incremental_snapshot_correlation_id"] == "slow"
    assert len(rows(leat, TOPIC)) == done
    signal(leat, "resume")
    idle(leat)
    assert ids(leat) == list(range(1, 301))
    steps = [r["value"]["type"] for r in leat.read("shop.notes")]
    assert "STARTED" in steps and steps[-2:] == ["TABLE_SCAN_COMPLETED", "COMPLETED"]
    assert steps.index("IN_PROGRESS") < steps.index("PAUSED") < steps.index("RESUMED")


def test_stop(shop, leat):
    """Of one table that waits, then of all."""
    shop.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)", "shop")
    running(leat, shop, incremental_snapshot_chunk_size=1)
    signal(leat, "snapshot", "shop.a", "shop.b")
    signal(leat, "pause")
    signal(leat, "stop", "shop.b")
    tables = json.loads(position(leat)["incremental_snapshot_collections"])
    assert [t["incremental_snapshot_collections_id"] for t in tables] == ["shop.a"]
    signal(leat, "stop")
    assert not any("snapshot" in k for k in position(leat))
    assert rows(leat, "shop.shop.b") == [] and len(rows(leat, TOPIC)) < 100


@pytest.mark.parametrize("way", ["own", "windows", "insert_delete", "by_place"])
def test_rows_yield(shop, leat, way):
    """Under updates, deletes and keys that change, a key only ever moves forward."""
    more = {}
    if way in ("windows", "insert_delete"):
        shop.sql(TABLE, "shop")
        more = windows()
    if way == "insert_delete":
        more["incremental_snapshot_watermarking_strategy"] = "insert_delete"
    if way == "by_place":
        more["binlog_gtid"] = "false"
    shop.sql("UPDATE a SET v = '0'", "shop")
    running(leat, shop, incremental_snapshot_chunk_size=5, **more)
    over = threading.Event()

    def load():
        n = 0
        while not over.is_set():
            text = ""
            for _ in range(20):
                n += 1
                text += f"UPDATE a SET v = v + 1 WHERE id % 7 = {n % 7};"
                if n % 10 == 0:
                    text += f"DELETE FROM a WHERE id = 50; INSERT INTO a VALUES (50, {n * 1000});"
                if n % 15 == 0:
                    text += "UPDATE a SET id = 200 - id, v = v + 1 WHERE id = 60 OR id = 140;"
            shop.sql(text, "shop")

    writer = threading.Thread(target=load)
    writer.start()
    try:
        for _ in range(2):
            signal(leat, "snapshot", "shop.a")
            idle(leat)
    finally:
        over.set()
        writer.join()
    wanted = {int(k): v for k, v in shop.sql("SELECT id, v FROM a", "shop")}
    until(lambda: fold(leat.read(TOPIC)) == wanted, 60, "the table")
    last = {}
    for r in leat.read(TOPIC):
        value = r["value"]
        if value and value["op"] in "rcu":
            version = int(value["after"]["v"])
            assert version >= last.get(r["key"]["id"], 0) or r["key"]["id"] in (60, 140), r
            last[r["key"]["id"]] = version
    counts = leat.status("shop")["counts"]
    assert counts["rows_read"] == counts["rows_appended"] + counts["rows_superseded"]
    if "signal_data_collection" not in more:
        return
    seen = [r["key"]["id"][37:] for r in leat.read("shop.shop.debezium_signal") if r["value"]]
    assert "open" in seen and ("close" in seen) == (way == "windows")
    if way == "insert_delete":
        assert shop.sql("SELECT count(*) FROM debezium_signal", "shop") == [["0"]]


def test_kills(shop, leat):
    """Killed while it reads, it goes on; no key is missing."""
    fill(shop, "a", 101, 3000)
    running(leat, shop, incremental_snapshot_chunk_size=20)
    signal(leat, "snapshot", "shop.a")
    for i in range(2):
        until(lambda n=i: len(rows(leat, TOPIC)) > n * 400, 60, "some rows")
        leat.kill()
        running(leat, shop, again=True, incremental_snapshot_chunk_size=20)
    idle(leat)
    got = ids(leat)
    assert sorted(set(got)) == list(range(1, 3001)) and len(got) < 3200


@pytest.mark.parametrize("captured", [True, False])
def test_signal_table(shop, leat, captured):
    """Signals in the table, be it captured or not: bad ones are told, good ones are done."""
    shop.sql(TABLE, "shop")
    more = {} if captured else {"table_include_list": "shop.a"}
    running(leat, shop, **windows(read_only="true"), **more)
    insert(shop, "1", "log", "{")
    insert(shop, "2", "jump", None)
    insert(shop, "3", "schema-changes", "{}")
    insert(shop, "4", "log", '{"message": "it works {} Grüße"}')
    for word in ("where=1 the data of the signal is no JSON", "signal.type", "signal.unsupported",
                 'id="4" it works {"', "Grüße"):
        logged(leat, word)
    shop.sql("BEGIN; INSERT INTO debezium_signal VALUES ('no', 'log', '{\"message\":\"undone\"}');"
             "ROLLBACK", "shop")
    insert(shop, "5", "execute-snapshot",
           json.dumps({"data-collections": ["shop.a"], "type": "incremental"}))
    logged(leat, 'id="5" table="shop.a" status=SUCCEEDED')
    idle(leat)
    assert ids(leat) == list(range(1, 101))
    assert "undone" not in leat.stderr
    assert any(t["topic"] == "shop.shop.debezium_signal" for t in leat.topics()) == captured
    assert shop.sql("SELECT count(*) FROM debezium_signal", "shop") == [["5"]]


def test_a_signal_that_cannot_be_read(shop, leat):
    """What is no text of its character set is told, and the row behind it is done."""
    shop.sql(TABLE.replace("data text", "data text CHARACTER SET gb2312"), "shop")
    running(leat, shop, **windows(read_only="true"))
    shop.sql("INSERT INTO debezium_signal VALUES ('1', 'log', _gb2312 0xAAA1),"
             "('2', 'log', '{\"message\": \"the next one {}\"}')", "shop")
    logged(leat, 'id="2" the next one {"')
    logged(leat, 'signal.unread table="shop.debezium_signal"')


def test_table_that_cannot_be_written(shop, leat):
    """No watermarks can be written: told, and done without."""
    shop.sql(TABLE + "; CREATE TRIGGER no BEFORE INSERT ON debezium_signal FOR EACH ROW SIGNAL"
             " SQLSTATE '45000' SET MESSAGE_TEXT = 'not here'", "shop")
    running(leat, shop, **windows())
    signal(leat, "snapshot", "shop.a")
    logged(leat, "cannot be written to")
    idle(leat)
    assert len(ids(leat)) == 100


def test_blocking(shop, leat):
    """By leat signal, with a condition and with a whole select; a bad one stops nothing."""
    shop.sql("CREATE TABLE b (id int); INSERT INTO b VALUES (1), (1)", "shop")
    running(leat, shop)
    signal(leat, "snapshot", "shop.a", "WHERE", "id < 4", "--blocking")
    idle(leat)
    assert ids(leat) == [1, 2, 3]
    assert [v["source"]["snapshot"] for v in rows(leat, TOPIC)] == ["first", "true", "last"]
    signal(leat, "snapshot", "shop.a", "WHERE", "SELECT * FROM shop.a WHERE id = 9", "--blocking")
    idle(leat)
    assert ids(leat)[3:] == [9]
    for bad in (("shop.a", "WHERE", "SELECT nothing"), ("shop.none",)):
        signal(leat, "snapshot", *bad, "--blocking")
        logged(leat, "is given up")
        idle(leat)
    signal(leat, "snapshot", "shop.a", "shop.b", "--blocking")
    idle(leat)
    assert ids(leat)[4:] == list(range(1, 101)) and ids(leat, "shop.shop.b") == [1, 1]
    shop.sql("INSERT INTO a VALUES (101, 'new')", "shop")
    leat.read_until(TOPIC, 105)


def test_a_condition_is_one_statement(shop, leat):
    """Who may write signals reads tables by them; other statements are not theirs to run."""
    running(leat, shop)
    for n, (condition, *words) in enumerate((
        ("true; CREATE TABLE made (id int)",),
        ("true) OR (true",),
        ("v = 'x\\' OR true) -- '",),
        ("true /*!50000 ) */",),
        ("true /* no end",),
        ("true) AS x; CREATE TABLE made (id int); SELECT (1", "--blocking"),
    )):
        signal(leat, "snapshot", "shop.a", "WHERE", condition, *words)
        word = "is given up" if words else "status=SQL_EXCEPTION"
        until(lambda n=n, w=word: leat.alive() or leat.stderr.count(w) > (0 if "given" in w else n),
              60, word)
        idle(leat)
    signal(leat, "snapshot", "shop.a", "WHERE", "id <= 3 -- the first")
    idle(leat)
    assert ids(leat) == [1, 2, 3]
    assert shop.sql("SHOW TABLES LIKE 'made'", "shop") == []


def test_file_and_topic(shop, leat, kafka):
    """The other channels: lines of a file, records of a topic of Kafka."""
    topic = kafka.create(f"{shop.kind}-signals")
    path = os.path.join(leat.folder, "signals.txt")
    running(leat, shop, **channel(kafka, topic, signal_enabled_channels="file,kafka",
                                  signal_file=path, signal_poll_interval_ms=100))
    wanted = {"id": "f1", "type": "execute-snapshot",
              "data": {"data-collections": ["shop.a"], "type": "INCREMENTAL"}}
    with open(path, "w", encoding="utf-8") as f:
        f.write("no json\n\n" + json.dumps(wanted) + "\n")
    logged(leat, "line=1")
    until(lambda: os.path.getsize(path) == 0, 60, "the file to be empty")
    idle(leat)
    assert len(ids(leat)) == 100
    send(kafka, topic, "shop", "no json")
    send(kafka, topic, "shop", wanted)
    until(lambda: len(ids(leat)) == 200, 60, "the rows")
    until(lambda: committed(kafka, topic) == 2, 60, "the place in the topic")


def test_table_changes_meanwhile(shop, leat):
    """A column that comes while a table is read: its chunk is read again; a table that goes."""
    fill(shop, "a", 101, 2000)
    shop.sql("CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone VALUES (1)", "shop")
    running(leat, shop, incremental_snapshot_chunk_size=10)
    signal(leat, "snapshot", "shop.a", "shop.gone")
    until(lambda: len(rows(leat, TOPIC)) > 100, 60, "some rows")
    shop.sql("ALTER TABLE a ADD COLUMN w int DEFAULT 7; DROP TABLE gone;"
             "UPDATE a SET v = 'new' WHERE id = 2000", "shop")
    idle(leat)
    got = {v["after"]["id"]: v["after"] for v in rows(leat, TOPIC)}
    assert sorted(got) == list(range(1, 2000)) or sorted(got) == list(range(1, 2001))
    assert got[1999]["w"] == 7
    assert fold(leat.read(TOPIC))[2000] == "new"


def test_checked(shop, leat):
    """`leat check` names a signal table that is not there, and rights that are missing, with the
    statements that mend it."""
    def steps(**more):
        config = shop.properties(database__include__list="shop")
        config |= {"signal.data.collection": "shop.debezium_signal"} | more
        out = leat.call("check", leat.write("c.properties", config), "--json", ok=(0, 3)).stdout
        return {s["step"]: s for s in map(json.loads, out.splitlines())}["signal table"]

    step = steps()
    assert step["state"] == "FAILED" and "CREATE TABLE `shop`.`debezium_signal`" in step["sql"]
    shop.sql(TABLE, "shop")
    assert steps()["state"].upper() == "OK"
    shop.sql("DROP USER IF EXISTS few; CREATE USER few IDENTIFIED BY 'p'; GRANT SELECT ON shop.* TO"
             " few; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO few")
    try:
        few = {"database.user": "few", "database.password": "p"}
        step = steps(**few)
        assert "GRANT INSERT ON `shop`.`debezium_signal`" in step["sql"]
        assert steps(**few, **{"read.only": "true"})["state"].upper() == "OK"
        shop.sql("GRANT INSERT ON shop.debezium_signal TO few")
        assert steps(**few)["state"].upper() == "OK"
        way = {"incremental.snapshot.watermarking.strategy": "insert_delete"}
        assert "GRANT DELETE" in steps(**few, **way)["sql"]
        assert steps(**{"signal.data.collection": "nodot"})["state"] == "FAILED"
    finally:
        shop.sql("DROP USER few")

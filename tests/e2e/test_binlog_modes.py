"""snapshot.mode and snapshot.streaming=after of MySQL and MariaDB."""

import json
import random
import threading
import time

import pytest
from servers.process import until
from test_binlog_snapshots import SEED, Writer, check, config_of, create, numbers

BOTH = [("r", 1), ("r", 2)]


@pytest.fixture
def shop(binlog):
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)", "shop")
    return binlog


def once(leat, server, ok=(0,), **more):
    config = server.properties(database__include__list="shop")
    config |= {k.replace("_", "."): v for k, v in more.items()}
    return leat.call("run", "--once", leat.write("shop.properties", config), ok=ok, seconds=120)


def records(leat, topic="shop.shop.a"):
    """(op, id) of each record."""
    if not any(t["topic"] == topic for t in leat.topics()):
        return []
    return [(r["value"]["op"], r["key"]["id"]) for r in leat.read(topic) if r["value"]]


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_always(shop, leat, streaming):
    """Each start reads all rows, then the changes since the last one: none is left out."""
    once(leat, shop, snapshot_mode="always", snapshot_streaming=streaming)
    shop.sql("INSERT INTO a VALUES (3); DELETE FROM a WHERE id = 1", "shop")
    once(leat, shop, snapshot_mode="always", snapshot_streaming=streaming)
    got = records(leat)
    assert got[:2] == BOTH and sorted(got[2:]) == [("c", 3), ("d", 1), ("r", 2), ("r", 3)]
    if streaming == "after":
        assert got[2:] == [("r", 2), ("r", 3), ("c", 3), ("d", 1)]
    once(leat, shop, snapshot_mode="initial", snapshot_streaming=streaming)
    assert len(records(leat)) == 6


def test_when_needed(shop, leat):
    """A log that is gone: other modes stop, this one reads all rows again."""
    once(leat, shop, snapshot_mode="when_needed")
    once(leat, shop, snapshot_mode="when_needed")
    assert records(leat) == BOTH
    shop.sql("INSERT INTO a VALUES (3); FLUSH BINARY LOGS; INSERT INTO a VALUES (4);"
             "FLUSH BINARY LOGS", "shop")
    last = shop.sql("SHOW BINARY LOGS")[-1][0]

    def purged():  # not while the server takes it that leat still reads
        shop.sql(f"PURGE BINARY LOGS TO '{last}'", force=True)
        return shop.sql("SHOW BINARY LOGS")[0][0] == last

    until(purged, 60, "the logs to be gone")
    assert "mysql.binlog_purged" in once(leat, shop, snapshot_mode="initial", ok=(1,)).stderr
    assert "mysql.snapshot_needed" in once(leat, shop, snapshot_mode="when_needed").stderr
    assert records(leat)[2:] == [("r", n) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_modes_of_the_first_start(shop, leat, streaming):
    """initial_only ends behind the rows; no_data and never read none, from the end and from the
    oldest log on; configuration_based does as it is told."""
    once(leat, shop, snapshot_mode="initial_only", snapshot_streaming=streaming)
    assert records(leat) == BOTH
    shop.sql("INSERT INTO a VALUES (3)", "shop")
    for name, options, expected in (
        ("none", {"snapshot_mode": "no_data"}, []),
        ("schema", {"snapshot_mode": "schema_only"}, []),
        ("old", {"snapshot_mode": "never"}, [("c", 1), ("c", 2), ("c", 3)]),
        ("based", {"snapshot_mode": "configuration_based"}, []),
        ("rows", {"snapshot_mode": "configuration_based",
                  "snapshot_mode_configuration_based_snapshot_data": "true"},
         BOTH + [("r", 3)]),
    ):
        once(leat, shop, name=name, topic_prefix=name, snapshot_streaming=streaming, **options)
        assert [r for r in records(leat, f"{name}.shop.a")][-3:] == expected, name


def test_recovery(binlog, leat):
    """A history that is lost, and a log without names: recovery notes the tables again, and what
    was not read yet is read."""
    binlog.sql("SET GLOBAL binlog_row_metadata = MINIMAL")
    try:
        binlog.sql("CREATE TABLE a (id int PRIMARY KEY, v int)", "shop")
        assert "mysql.nothing_to_recover" in once(
            leat, binlog, snapshot_mode="recovery", ok=(1, 2)).stderr
        once(leat, binlog)
        binlog.sql("INSERT INTO a VALUES (1, 1)", "shop")
        leat.call("schema", "shop", "rebuild", "--yes")
        said = once(leat, binlog, snapshot_mode="schema_only_recovery").stderr
        assert "mysql.recovery" in said
        assert records(leat) == [("c", 1)]
        noted = json.loads(leat.call("schema", "shop", "show", "shop.a", "--json").stdout)
        assert "snapshot" in json.dumps(noted)
    finally:
        binlog.sql("SET GLOBAL binlog_row_metadata = FULL")


def test_rows_first(binlog, leat):
    """snapshot.streaming=after under load: rows, then changes; nothing is missing, nothing comes
    twice (but of MyISAM, which has no views), and the schema changes come before both."""
    dice = random.Random(SEED)
    create(binlog, 3000)
    with Writer(binlog, dice.randrange(1 << 30), 1000, truncates=0) as writer:
        until(lambda: writer.batches > 1 or writer.error, 60, "some changes")
        leat.run(leat.write("shop.properties", config_of(binlog, snapshot__streaming="after")))
        until(lambda: leat.alive() or "mysql.streaming" in leat.stderr, 300, "the stream")
        seen = writer.batches
        until(lambda: writer.batches > seen + 2 or writer.error, 300, "changes behind it")
    check(binlog, leat, f"(KILL_SEED={SEED})", keyless=("bare",))
    ops = [r["value"]["op"] for r in leat.read("shop.shop.t0") if r["value"]]
    assert "r" not in ops[ops.count("r"):], "a row behind a change"
    marks = [r["value"]["source"]["snapshot"] for r in leat.read("shop.shop.t0") if r["value"]]
    assert marks.count("first_in_data_collection") + marks.count("first") == 1
    kinds = [r["value"]["ddl"].split()[0] for r in leat.read("shop")]
    assert kinds[0] == "SET" and "CREATE" in kinds


def test_rows_first_interrupted(binlog, faulty):
    """Killed among the rows it begins again; changes come once."""
    limit, s = numbers(binlog, 20000)
    binlog.sql(f"CREATE TABLE t (id int PRIMARY KEY, v varchar(200)); {limit}"
               f"INSERT INTO t {s} SELECT n, REPEAT('v', 100) FROM s", "shop")
    config = faulty.write("shop.properties", config_of(binlog, snapshot__streaming="after"))
    faulty.run("--once", config, env={"LEAT_FAULT": "stream_mark:2:kill"})
    until(lambda: "child_died" in faulty.stderr, 120, "the kill")
    faulty.kill()
    binlog.sql("INSERT INTO t VALUES (0, 'new')", "shop")
    faulty.call("run", "--once", config, seconds=300)
    rows = [r["value"] for r in faulty.read("shop.shop.t") if r["value"]]
    last = max(i for i, v in enumerate(rows) if v["source"]["snapshot"] == "first")
    assert sorted(v["after"]["id"] for v in rows[last:]) == list(range(20001))
    assert [v["source"]["snapshot"] for v in rows[last:]].count("last") == 1


def test_without_the_privilege(binlog, leat):
    """MySQL: neither RELOAD nor LOCK TABLES is told by name; LOCK TABLES is enough. MariaDB needs
    neither."""
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2);"
               "DROP USER IF EXISTS few; CREATE USER few IDENTIFIED BY 'p';"
               "GRANT SELECT ON shop.* TO few; GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.*"
               " TO few", "shop")
    try:
        few = {"database_user": "few", "database_password": "p", "snapshot_mode": "initial",
               "snapshot_streaming": "after"}
        file = leat.write("few.properties", binlog.properties(
            database__include__list="shop",
            **{name.replace("_", "."): value for name, value in few.items()}))

        def locks():
            steps = leat.call("check", file, "--json", ok=None).stdout.splitlines()
            found = [json.loads(step) for step in steps]
            return [step for step in found if step.get("step", step.get("name")) == "snapshot lock"]

        if binlog.kind == "mysql":
            (step,) = locks()
            assert "GRANT LOCK TABLES ON `shop`.*" in step["sql"], step
            said = once(leat, binlog, ok=(1,), **few).stderr
            assert "mysql.lock_privilege" in said and "GRANT RELOAD" in said
            binlog.sql("GRANT LOCK TABLES ON shop.* TO few")
        (step,) = locks()
        assert step["state"] == "ok", step
        once(leat, binlog, **few)
        assert records(leat) == BOTH
        few["snapshot_streaming"] = "beside"
        binlog.sql("CREATE TABLE bare (v int); REVOKE LOCK TABLES ON shop.* FROM few"
                   if binlog.kind == "mysql" else "CREATE TABLE bare (v int)", "shop")
        leat.write("few.properties", binlog.properties(
            database__include__list="shop",
            **{name.replace("_", "."): value for name, value in few.items()}))
        (step,) = locks()
        assert "shop.bare" in step["detail"] and "no key" in step["detail"], step
    finally:
        binlog.sql("DROP USER few")


def test_writers_go_on(binlog, leat):
    """The lock is held for the moment alone: while rows wait to be read, others write."""
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)", "shop")
    over, longest = threading.Event(), [0.0]

    def load():
        n = 10
        while not over.is_set():
            n += 1
            begun = time.monotonic()
            binlog.sql(f"INSERT INTO a VALUES ({n})", "shop")
            longest[0] = max(longest[0], time.monotonic() - begun)

    writer = threading.Thread(target=load)
    writer.start()
    try:
        once(leat, binlog, snapshot_mode="initial", snapshot_streaming="after")
    finally:
        over.set()
        writer.join()
    ids = sorted(i for _, i in records(leat))
    assert len(ids) == len(set(ids)), "a row and its change, both"


def test_a_view_that_rests(binlog, leat):
    """Paused among the rows for longer than snapshot.hold.ms: the view is let go, and all begins
    again when it goes on."""
    limit, s = numbers(binlog, 60000)
    binlog.sql(f"CREATE TABLE t (id int PRIMARY KEY, v varchar(200)); {limit}"
               f"INSERT INTO t {s} SELECT n, REPEAT('v', 100) FROM s", "shop")
    leat.run(leat.write("shop.properties", config_of(
        binlog, snapshot__streaming="after", snapshot__hold__ms="1000", limits__rate__events="4000",
        errors__retry__delay__initial__ms="100")))
    leat.read_until("shop.shop.t", 100, seconds=120)
    leat.call("pause", "shop")
    until(lambda: leat.alive() or "snapshot.let_go" in leat.stderr, 120, "the view to be let go")
    leat.call("resume", "shop")
    until(lambda: leat.alive() or "snapshot.done" in leat.stderr or
          leat.status("shop")["snapshot"]["state"] == "done", 300, "the end of the snapshot")
    ids = [r["value"]["after"]["id"] for r in leat.read("shop.shop.t")]
    assert set(ids) == set(range(1, 60001))


def test_emptied_under_a_view(binlog, leat):
    """A table that is truncated before its rows are read is none of the view's any more: all begins
    again, with the table as it is."""
    limit, s = numbers(binlog, 60000)
    binlog.sql("CREATE TABLE t (id int PRIMARY KEY, v varchar(200));"
               "CREATE TABLE z (id int PRIMARY KEY); INSERT INTO z VALUES (1), (2);"
               f"{limit} INSERT INTO t {s} SELECT n, REPEAT('v', 100) FROM s", "shop")
    leat.run(leat.write("shop.properties", config_of(
        binlog, snapshot__streaming="after", limits__rate__events="5000",
        errors__retry__delay__initial__ms="100")))
    leat.read_until("shop.shop.t", 100, seconds=120)
    binlog.sql("TRUNCATE z; INSERT INTO z VALUES (3)", "shop")
    until(lambda: leat.alive() or leat.status("shop")["snapshot"]["state"] == "done", 300,
          "the end of the snapshot")
    assert "mysql.table_changed" in leat.stderr
    assert [r["value"]["after"]["id"] for r in leat.read("shop.shop.z")] == [3]
    assert {r["value"]["after"]["id"] for r in leat.read("shop.shop.t")} == set(range(1, 60001))

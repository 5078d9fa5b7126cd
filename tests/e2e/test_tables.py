"""The ledger table by table: `leat status --tables`, REST and /metrics, of sources and sinks."""

import re

import pytest
from hub import Hub
from servers.process import until
from target import SqliteTarget, sink

SUMS = ("received", "appended", "filtered", "dead", "deduplicated", "rows_read", "rows_appended",
        "rows_superseded")


def ledger(leat, name="shop"):
    """By table: the counts."""
    told = leat.json("status", name, "--tables")
    by = "topic" if told["kind"] == "sink" else "table"
    return {row[by]: row["counts"] for row in told["tables"]}


def summed(tables, members=SUMS):
    return {m: sum(counts[m] for counts in tables.values()) for m in members}


def settled(leat, name="shop", members=SUMS):
    """The ledger once its sum is the total of the status."""

    def equal():
        tables = ledger(leat, name)
        total = leat.status(name)["counts"]
        return tables if summed(tables, members) == {m: total[m] for m in members} else None

    return until(equal, 30, "the sum of the tables to be the total")


def fill(db):
    for table in ("a", "b", "unwanted"):
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, v text)")
    db.sql("ALTER TABLE b ALTER v SET STORAGE EXTERNAL")
    db.sql("INSERT INTO a SELECT g, 'x' FROM generate_series(1, 10) g")


def change(db):
    db.sql("UPDATE a SET v = 'y' WHERE id <= 4")
    db.sql("DELETE FROM a WHERE id > 7")  # skipped: filtered
    db.sql("INSERT INTO b SELECT g, 'x' FROM generate_series(1, 5) g")
    db.sql("INSERT INTO b VALUES (6, repeat('x', 100000))")  # too large: dead
    db.sql("INSERT INTO unwanted VALUES (1, 'x')")
    with db.connect() as c:
        c.execute("INSERT INTO a VALUES (11, 'x')")
        c.execute("INSERT INTO b VALUES (11, 'x')")


FILTER = {"skipped_operations": "d,t", "max_event_bytes": "65536", "publication_autocreate_mode":
          "all_tables", "table_exclude_list": "public.unwanted"}


def props(db, **more):
    return db.properties(name="shop", **FILTER, **more)


def check(tables):
    a, b = tables["public.a"], tables["public.b"]
    assert (a["received"], a["appended"], a["filtered"], a["dead"]) == (8, 5, 3, 0)
    assert (a["rows_read"], a["rows_appended"]) == (10, 10)
    assert (b["received"], b["appended"], b["filtered"], b["dead"]) == (7, 6, 0, 1)
    assert (b["rows_read"], b["rows_appended"]) == (0, 0)
    assert tables["public.unwanted"]["filtered"] == 1


def test_of_a_source(db, leat):
    """Each table has its own counts, whose sum is the total; a restart keeps them."""
    fill(db)
    leat.run(leat.write("shop.properties", props(db)))
    leat.read_until("shop.public.a", 10)
    change(db)
    leat.read_until("shop.public.b", 6)
    check(settled(leat))
    text = leat.call("status", "shop", "--tables").stdout.splitlines()
    assert text[0].split()[:3] == ["TABLE", "RECEIVED", "APPENDED"]
    assert [line.split()[0] for line in text[1:]] == ["public.a", "public.b", "public.unwanted",
                                                      "total"]
    assert text[-1].split()[1:5] == ["16", "11", "4", "1"]

    assert leat.stop() == 0
    check(ledger(leat))  # also of one that does not run
    leat.run(leat.write("shop.properties", props(db)))
    db.sql("INSERT INTO a VALUES (12, 'x')")
    leat.read_until("shop.public.a", 16)
    tables = settled(leat)
    assert tables["public.a"]["appended"] == 6 and tables["public.b"]["appended"] == 6

    # A kill loses no count of the total: what no row has stands in the one without a name.
    leat.kill()
    leat.run(leat.write("shop.properties", props(db)))
    db.sql("INSERT INTO b VALUES (12, 'x')")
    leat.read_until("shop.public.b", 7)
    settled(leat)


def test_a_transaction_that_comes_again(db, leat):
    """What is behind a safe place is counted once it is durable, however often it came."""
    fill(db)
    leat.run(leat.write("shop.properties", props(db, snapshot_mode="no_data")))
    until(lambda: leat.told("shop").get("state") == "RUNNING", 30, "it runs")
    for _ in range(3):
        with db.connect() as c:
            c.execute("INSERT INTO b SELECT g, 'x' FROM generate_series(1, 60000) g")
            c.execute("DELETE FROM b")
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = "
               "'walsender' AND datname = current_database()")
    db.sql("INSERT INTO a VALUES (50, 'x')")
    until(lambda: ledger(leat).get("public.a", {}).get("appended") == 1, 60, "the last change")
    b = settled(leat)["public.b"]
    assert (b["appended"], b["filtered"], b["in_flight"]) == (180000, 180000, 0)


def test_transforms_keep_the_table(db, leat):
    """A transform makes records of other tables; whose counts they are stays."""
    fill(db)
    by = {"transforms": "key", "transforms_key_fields": "op", "transforms_key_type":
          "org.apache.kafka.connect.transforms.ValueToKey"}
    leat.run(leat.write("shop.properties", props(db, **by)))
    leat.read_until("shop.public.a", 10)
    change(db)
    leat.read_until("shop.public.b", 6)
    check(settled(leat))
    assert leat.stop() == 0

    # What it cannot take is not appended, but dead.
    by |= {"transforms_key_fields": "nothing", "errors_tolerance": "all"}
    leat.run(leat.write("shop.properties", props(db, **by)))
    db.sql("INSERT INTO a SELECT g, 'x' FROM generate_series(20, 23) g")
    until(lambda: ledger(leat)["public.a"]["dead"] == 4, 30, "the letters")
    assert settled(leat)["public.a"]["appended"] == 5


def test_of_a_sink(db, leat, tmp_path):
    """By topic: what was read is written, left out, or dead."""
    target = SqliteTarget(tmp_path)
    fill(db)
    change(db)
    source = leat.write("shop.properties", db.properties(name="shop"))
    pump = leat.write("pump.properties", sink(target, ["shop.public.a", "shop.public.b"],
                                              delete_enabled="false", errors_tolerance="all"))
    leat.run("--once", source, pump)
    assert leat.wait(60) == 0, leat.stderr[-3000:]
    target.sql("CREATE TRIGGER refuse BEFORE INSERT ON b WHEN new.id = 20 BEGIN "
               "SELECT RAISE(ABORT, 'no twenty'); END")
    db.sql("INSERT INTO b VALUES (20, 'x'), (21, 'x')")
    db.sql("DELETE FROM a WHERE id = 2")
    leat.run("--once", source, pump)
    assert leat.wait(60) == 0, leat.stderr[-3000:]
    tables = ledger(leat, "pump")
    a, b = tables["shop.public.a"], tables["shop.public.b"]
    assert (a["read"], a["delivered"], a["filtered"], a["dead"]) == (9, 8, 1, 0)
    assert (b["read"], b["delivered"], b["filtered"], b["dead"]) == (9, 8, 0, 1)
    assert None not in tables
    text = leat.call("status", "pump", "--tables").stdout.splitlines()
    assert text[-1].split() == ["total", "18", "16", "1", "1"]


def test_by_rest_and_metrics(db, leat):
    fill(db)
    hub = Hub(leat)
    config = {k.replace("_", "."): v for k, v in props(db).items() if k != "name"}
    assert hub.ask("POST", "/connectors", {"name": "shop", "config": config}).status == 201
    until(lambda: ledger(leat).get("public.a", {}).get("rows_read") == 10, 30, "the rows")
    change(db)
    until(lambda: ledger(leat).get("public.b", {}).get("received") == 7, 30, "the changes")
    tables = {row["table"]: row["counts"] for row in hub.get("/hub/v1/connectors/shop/tables")
              ["tables"]}
    check(tables)
    assert tables == ledger(leat)
    metrics = hub.ask("GET", "/metrics").text
    found = {(table, outcome): int(n) for table, outcome, n in re.findall(
        r'^leat_table_changes_total\{connector="shop",table="([^"]*)",outcome="(\w+)"\} (\d+)$',
        metrics, re.M)}
    assert found[("public.a", "appended")] == 5 and found[("public.b", "dead")] == 1
    assert found[("public.a", "rows_appended")] == 10
    assert hub.ask("GET", "/hub/v1/connectors/nobody/tables").status == 404
    hub.make("idle", state="STOPPED")
    assert hub.get("/hub/v1/connectors/idle/tables")["tables"] == []


@pytest.mark.parametrize("args", [("--tables",), ("--tables", "a", "b")])
def test_wants_one_name(leat, args):
    assert leat.call("status", *args, ok=(2,)).stderr


def test_nobody(leat):
    assert "connector.unknown" in leat.call("status", "nobody", "--tables", ok=(1,)).stderr


def test_of_a_binary_log(binlog, leat):
    for table in ("a", "b", "unwanted"):
        binlog.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, v text)", "shop")
    binlog.sql("INSERT INTO a VALUES (1, 'x'), (2, 'x'), (3, 'x')", "shop")
    config = binlog.properties(
        database__include__list="shop", table__include__list="shop.a,shop.b",
        skipped__operations="d", snapshot__mode="initial")
    leat.run(leat.write("shop.properties", config))
    leat.read_until("shop.shop.a", 3)
    binlog.sql("UPDATE a SET v = 'y'; DELETE FROM a WHERE id < 3; INSERT INTO unwanted VALUES (1, "
               "'x'); BEGIN; INSERT INTO a VALUES (4, 'x'); INSERT INTO b VALUES (1, 'x'); COMMIT; "
               "TRUNCATE b; INSERT INTO b VALUES (2, 'x')", "shop")
    until(lambda: ledger(leat).get("shop.b", {}).get("received") == 3, 30, "the changes")
    tables = settled(leat)
    a, b = tables["shop.a"], tables["shop.b"]
    assert (a["received"], a["appended"], a["filtered"]) == (6, 4, 2)
    assert (a["rows_read"], a["rows_appended"]) == (3, 3)
    assert b["received"] == 3
    assert tables["shop.unwanted"]["filtered"] == 1

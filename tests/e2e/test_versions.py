"""The PostgreSQL source on other versions of the server: the core of it on each that is here.

All of the tests run on one of them by PGVERSION=17 make test T=e2e; tools/setup.sh servers fetches
them.
"""

import os

import pytest
from servers.postgres import Missing, Postgres
from servers.process import until

TYPES = {
    "b": ("bool", "true", True),
    "n": ("numeric(10,2)", "'12.30'", "BM4="),
    "f": ("float8", "0.1", 0.1),
    "c": ("varchar(9)", "'x''y'", "x'y"),
    "d": ("date", "'2024-02-29'", 19782),
    "t": ("timestamp", "'2024-02-29 01:02:03.000004'", 1709168523000004),
    "z": ("timestamptz", "'2024-02-29 01:02:03+02'", "2024-02-28T23:02:03.000000Z"),
    "i": ("interval", "'1 day'", 86400000000),
    "u": ("uuid", "'5c4ed9b1-6d9e-4d5c-8f55-3f6b0bd5a8a1'", "5c4ed9b1-6d9e-4d5c-8f55-3f6b0bd5a8a1"),
    "j": ("jsonb", """'{"a": 1}'""", '{"a": 1}'),
    "y": ("bytea", "'\\x0001'", "AAE="),
    "a": ("int[]", "'{1,NULL}'", [1, None]),
    "m": ("mood", "'ok'", "ok"),
    "o": ("positive", "7", 7),
}


@pytest.fixture(scope="module", params=["12", "13", "14", "16", "17", "18"])
def server(request, scratch):
    try:
        one = Postgres(os.path.join(scratch, f"versions-{request.param}"), request.param)
    except Missing as e:
        pytest.skip(str(e))
    yield one.start()
    one.stop("immediate")


@pytest.fixture
def db(server):
    """Shadows the shared server's."""
    database = server.database()
    yield database
    database.drop()


def once(leat, db, **more):
    return leat.call("run", "--once", leat.write("shop.properties", db.properties(**more)))


def test_check(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    done = leat.call("check", leat.write("shop.properties", db.properties()))
    assert f"PostgreSQL {db.server.version}." in done.stdout


def test_types_and_restarts(db, leat):
    """Every kind of change, from the snapshot and from the log, over three runs."""
    db.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    db.sql("CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _, _) in TYPES.items())
    values = ", ".join(text for _, text, _ in TYPES.values())
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    db.sql(f"INSERT INTO t VALUES (1, {values})")
    once(leat, db)
    db.sql(f"INSERT INTO t VALUES (2, {values})")
    db.sql("UPDATE t SET c = 'new' WHERE id = 1")
    once(leat, db)
    db.sql("UPDATE t SET id = 5 WHERE id = 2")
    db.sql("DELETE FROM t WHERE id = 1")
    db.sql("TRUNCATE t")
    once(leat, db, skipped_operations="none")
    records = leat.read("shop.public.t")
    assert [(r["key"] and r["key"]["id"], r["value"] and r["value"]["op"]) for r in records] == [
        (1, "r"),
        (2, "c"),
        (1, "u"),
        (2, "d"),
        (2, None),
        (5, "c"),
        (1, "d"),
        (1, None),
        (None, "t"),
    ]
    wanted = {name: value for name, (_, _, value) in TYPES.items()}
    for record, key in (records[0], 1), (records[1], 2):
        assert record["value"]["after"] == {"id": key, **wanted}
    assert records[2]["value"]["after"] == {"id": 1, **wanted, "c": "new"}


def test_generated_columns(db, leat):
    """The log has stored ones from version 18 on, where the publication says so."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) STORED)")
    db.sql("INSERT INTO t VALUES (1)")
    published = db.server.version >= 18
    how = " WITH (publish_generated_columns = stored)" if published else ""
    db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES{how}")
    once(leat, db)
    db.sql("INSERT INTO t VALUES (2)")
    once(leat, db)
    rows = [r["value"]["after"] for r in leat.read("shop.public.t")]
    assert rows == [{"id": 1, "g": 2}, {"id": 2, "g": 4} if published else {"id": 2}]


def test_virtual_columns(db, leat):
    """No log has them; the snapshot reads them, as it reads all that SELECT gives."""
    db.server.needs(18, "virtual generated columns")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, g int GENERATED ALWAYS AS (id * 2) VIRTUAL)")
    db.sql("INSERT INTO t VALUES (1)")
    once(leat, db)
    db.sql("INSERT INTO t VALUES (2)")
    once(leat, db)
    rows = [r["value"]["after"] for r in leat.read("shop.public.t")]
    assert rows == [{"id": 1, "g": 2}, {"id": 2}]


def test_column_lists_and_row_filters(db, leat):
    """Of a publication that a person made."""
    db.server.needs(15, "column lists and row filters")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text, secret text NOT NULL)")
    db.sql(f"CREATE PUBLICATION {db.name} FOR TABLE t (id, v) WHERE (id < 10)")
    once(leat, db)
    db.sql("INSERT INTO t VALUES (1, 'a', 'x'), (11, 'b', 'x')")
    db.sql("UPDATE t SET v = 'c' WHERE id = 1")
    db.sql("UPDATE t SET id = 12 WHERE id = 1")
    once(leat, db)
    told = [
        (r["key"]["id"], r["value"] and r["value"]["op"], r["value"] and r["value"]["after"])
        for r in leat.read("shop.public.t")
    ]
    assert told == [
        (1, "c", {"id": 1, "v": "a"}),
        (1, "u", {"id": 1, "v": "c"}),
        (1, "d", None),
        (1, None, None),
    ]


def test_a_failover_slot(db, leat):
    db.server.needs(17, "failover slots")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db, slot_failover="true")
    assert db.slots()[db.name]["failover"]


def test_a_slot_that_was_idle_too_long(db, leat):
    db.server.needs(18, "idle_replication_slot_timeout")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db)
    db.server.sql("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'")
    db.server.sql("SELECT pg_reload_conf()")

    def invalid():
        db.server.sql("CHECKPOINT")
        return db.slots()[db.name]["invalidation_reason"]

    try:
        assert until(invalid, 30, "the end of the slot") == "idle_timeout"
    finally:
        db.server.sql("ALTER SYSTEM RESET idle_replication_slot_timeout")
        db.server.sql("SELECT pg_reload_conf()")
    file = leat.write("shop.properties", db.properties())
    done = leat.call("run", "--once", file, ok=(1,))
    assert "postgres.wal_removed" in done.stderr and "idle_replication_slot_timeout" in done.stderr

"""The PostgreSQL source at the edges of what a server can hold: very many tables, very large values
and transactions. Nothing may crash, memory stays bounded, and what cannot work says so."""

import re

import pytest
from servers.process import until
from test_kills import connector_pid

MIB = 1 << 20


def begin(leat, db, **more):
    leat.run(leat.write("shop.properties", db.properties(name="shop", **more)))
    until(lambda: "postgres.streaming" in leat.stderr, 1200, "the stream", every=0.5)


def peak(leat):
    """The most memory that the connector's process has had, in bytes."""
    with open(f"/proc/{connector_pid(leat)}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]) * 1024


def received(leat):
    leat.alive()
    return leat.status("shop")["counts"]["received"]


def test_ten_thousand_tables(db, leat):
    """One publication; a transaction that touches all of them."""
    with db.connect() as c:
        for i in range(10000):
            c.execute(f"CREATE TABLE t{i} (id int PRIMARY KEY, v text)")
    begin(leat, db)
    with db.connect(autocommit=True) as c:
        c.execute(
            "DO $$ BEGIN FOR i IN 0..9999 LOOP"
            " EXECUTE format('INSERT INTO t%s VALUES (1, ''a'')', i); END LOOP; END $$"
        )
    until(lambda: received(leat) == 10000, 1200, "all changes", every=1)
    assert len(leat.topics()) >= 10000
    assert peak(leat) < 256 * MIB
    assert leat.stop() == 0


@pytest.mark.parametrize("size", [100_000_000, 500_000_000])
@pytest.mark.parametrize("kind", ["text", "bytea"])
def test_large_values(db, leat, kind, size):
    """At most four copies of what the server sends are in memory at once."""
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, v {kind})")
    begin(leat, db)
    sent = size if kind == "text" else 2 * size
    value = f"repeat('x', {size})" if kind == "text" else f"convert_to(repeat('x', {size}), 'UTF8')"
    db.sql(f"INSERT INTO t VALUES (1, {value})")
    until(lambda: received(leat) == 1, 300, "the change", every=0.5)
    assert peak(leat) < 4 * sent + 64 * MIB
    assert leat.stop() == 0


def test_a_row_that_no_server_can_send(db, leat):
    """A bytea of 600 MB is 1.2 GB as text: an error that says so, not a retry for ever."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v bytea)")
    begin(leat, db)
    db.sql("INSERT INTO t VALUES (1, convert_to(repeat('x', 600000000), 'UTF8'))")
    until(lambda: "postgres.row_too_large" in leat.stderr, 300, "the error", every=0.5)


def test_two_million_rows(db, leat):
    """In one transaction."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    begin(leat, db)
    db.sql("INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 2000000) g")
    until(lambda: received(leat) == 2000000, 900, "all changes", every=1)
    assert peak(leat) < 256 * MIB
    assert leat.stop() == 0


def test_fifty_thousand_subtransactions(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    begin(leat, db)
    db.sql(
        "DO $$ BEGIN FOR i IN 1..50000 LOOP BEGIN INSERT INTO t VALUES (i);"
        " IF i % 2 = 0 THEN RAISE 'no'; END IF; EXCEPTION WHEN OTHERS THEN NULL; END;"
        " END LOOP; END $$"
    )
    until(lambda: received(leat) == 25000, 600, "all changes", every=1)
    assert peak(leat) < 256 * MIB
    assert leat.stop() == 0


def test_a_thousand_tables_come_and_go(db, leat):
    begin(leat, db)
    with db.connect() as c:
        for i in range(1000):
            c.execute(f"CREATE TABLE come{i} (id int PRIMARY KEY)")
            c.execute(f"INSERT INTO come{i} VALUES ({i})")
            c.execute(f"DROP TABLE come{i}")
    until(lambda: received(leat) == 1000, 600, "all changes", every=1)
    assert len([t for t in leat.topics() if ".come" in t["topic"]]) == 1000
    assert peak(leat) < 256 * MIB
    assert leat.stop() == 0

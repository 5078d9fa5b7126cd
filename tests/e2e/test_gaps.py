"""Where a change could be lost in silence, or a connector stand still for ever: what a database
lets people do to a table, a type, a slot or a server while nobody looks, or in the middle."""

import os
import subprocess

import pytest
from servers.postgres import Postgres
from servers.process import until


def once(leat, db, ok=(0,), **more):
    config = leat.write("shop.properties", db.properties(name="shop", errors_max_retries=3, **more))
    return leat.call("run", "--once", config, ok=ok, seconds=60)


def waits_for_lock(db):
    return db.sql(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database() AND application_name LIKE 'leat%%'"
    )


def test_table_without_columns(db, leat):
    db.sql("CREATE TABLE nothing (); INSERT INTO nothing DEFAULT VALUES")
    db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    once(leat, db)
    db.sql("INSERT INTO nothing DEFAULT VALUES; INSERT INTO t VALUES (2)")
    once(leat, db)
    assert len(leat.read("shop.public.t")) == 2
    assert [r["value"]["op"] for r in leat.read("shop.public.nothing")] == ["r", "c"]


def test_type_dropped_since(db, leat):
    """The log tells of types that the catalog has no more; that must not end the connector."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db)
    db.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    db.sql("CREATE TABLE m (id int PRIMARY KEY, one mood, many mood[])")
    db.sql("INSERT INTO m VALUES (1, 'ok', '{sad,ok}')")
    db.sql("DROP TABLE m; DROP TYPE mood; INSERT INTO t VALUES (1)")
    assert "postgres.type_gone" in once(leat, db).stderr
    assert len(leat.read("shop.public.t")) == 1
    after = leat.read("shop.public.m")[0]["value"]["after"]
    assert after == {"id": 1, "one": "ok", "many": "{sad,ok}"}


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE b ALTER v TYPE bigint",
        "ALTER TABLE b RENAME v TO w",
        "ALTER TABLE b DROP v",
        "BEGIN; ALTER TABLE b RENAME TO old; CREATE TABLE b (LIKE old INCLUDING ALL);"
        "INSERT INTO b SELECT * FROM old; DROP TABLE old; COMMIT",
    ],
)
def test_table_altered_before_its_rows_are_read(db, leat, change):
    """A rewritten table is empty to a view that is older, and COPY sees the columns of now."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1)")
    db.sql("CREATE TABLE b (id int PRIMARY KEY, v int)")
    db.sql("INSERT INTO b SELECT i, i FROM generate_series(1, 100) i")
    db.sql("SELECT pg_create_logical_replication_slot(current_database(), 'pgoutput')")
    config = leat.write("shop.properties", db.properties(name="shop", errors_max_retries=3))
    with db.connect(autocommit=False) as c:
        c.execute("LOCK TABLE a IN ACCESS EXCLUSIVE MODE")
        leat.run("--once", config)
        until(lambda: waits_for_lock(db), 20, "leat to wait for the first table")
        db.sql(change)
        c.rollback()
    assert leat.wait() == 0, leat.stderr
    read = {r["key"]["id"] for r in leat.read("shop.public.b")}
    assert read == set(range(1, 101))
    assert "dead" not in leat.stderr


def test_topic_prefix_changed(db, leat):
    """Rows of before would be missing under the new name, and what is acknowledged stand still."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    once(leat, db)
    assert "postgres.other_prefix" in once(leat, db, ok=(1,), topic_prefix="mart").stderr
    db.sql("INSERT INTO t VALUES (2)")
    once(leat, db)
    assert len(leat.read("shop.public.t")) == 2


def test_one_giant_row(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, x text)")
    once(leat, db)
    giant = "SELECT 2, string_agg(md5(i::text), '') FROM generate_series(1, 1000000) i"
    db.sql(f"BEGIN; INSERT INTO t VALUES (1, 'x'); INSERT INTO t {giant};"
           "INSERT INTO t VALUES (3, 'x'); COMMIT")
    once(leat, db)
    sizes = [len(r["value"]["after"]["x"]) for r in leat.read("shop.public.t")]
    assert sizes == [1, 32000000, 1]


def test_messages_between_and_inside_transactions(db, leat):
    """Messages outside of transactions overtake one that is open; each comes once."""
    db.server.needs(14, "messages in pgoutput")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db)
    with db.connect(autocommit=False) as c:
        c.execute("INSERT INTO t VALUES (1)")
        db.sql("SELECT pg_logical_emit_message(false, 'p', 'one')")
        once(leat, db)
        c.execute("SELECT pg_logical_emit_message(true, 'p', 'inside')")
        db.sql("SELECT pg_logical_emit_message(false, 'p', 'two')")
        c.commit()
    once(leat, db)
    once(leat, db)
    assert len(leat.read("shop.public.t")) == 1
    assert len(leat.read("shop.message")) == 3


def test_server_that_parted(leat, scratch):
    """A copy of the server that was promoted knows nothing of what was read since, and what it
    wrote itself before our position would never be sent."""
    server = Postgres(os.path.join(scratch, "first")).start()
    db = server.database()
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    once(leat, db)
    server.stop()
    copy = Postgres.__new__(Postgres)
    copy.__dict__.update(server.__dict__, data=server.data + "-copy")
    subprocess.run(["cp", "-a", server.data, copy.data], check=True)
    with open(os.path.join(copy.data, "postgresql.conf"), "a", encoding="ascii") as f:
        f.write("restore_command = 'false'\nrecovery_target_action = 'promote'\n")
    with open(os.path.join(copy.data, "recovery.signal"), "w", encoding="ascii"):
        pass
    server.start()
    db.sql("INSERT INTO t VALUES (1)")
    once(leat, db)
    server.stop()
    try:
        copy.start()
        db.server = copy
        until(lambda: not db.sql("SELECT pg_is_in_recovery()")[0][0], 30, "the promotion")
        db.sql("INSERT INTO t SELECT generate_series(2, 1000)")
        assert "postgres.diverged" in once(leat, db, ok=(1,)).stderr
    finally:
        copy.stop("immediate")

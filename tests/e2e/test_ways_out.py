"""Snapshots that do not come to their end by themselves: conditions that take for ever, a pause
that lasts, a table that is emptied while its rows wait, rows that the stream does not have."""

import os
import signal as signals

import pytest
from servers.process import until
from test_publication import file_of, steps
from test_signal import idle, ids, logged, position, rows, running, signal, state

SLEEPS = "CASE WHEN pg_sleep({}) IS NULL THEN false ELSE {} END"
READS = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
         " AND application_name LIKE 'leat shop%%' AND state = 'active' AND query LIKE %s")


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE a (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO a SELECT i, 'old' FROM generate_series(1, 200) i")
    return db


def goes_on(leat, db, n=1000):
    """The stream does."""
    db.sql("INSERT INTO a VALUES (%s, 'new')", n)
    until(lambda: any(r["key"] and r["key"]["id"] == n
                      for r in leat.read("shop.public.a", ok=None)), 60, "the stream to go on")


def test_a_condition_without_an_index(shop, leat):
    """Looking for its rows takes too long: the table is read by its key, and the snapshot ends."""
    running(leat, shop, incremental_snapshot_chunk_size=25, database_query_timeout_ms=2000)
    signal(leat, "snapshot", "public.a", "WHERE", SLEEPS.format(0.02, "id % 50 = 0"))
    logged(leat, "signal.condition_slow")
    idle(leat)
    assert "status=SUCCEEDED" in leat.stderr
    assert ids(leat) == [50, 100, 150, 200]


def test_a_condition_that_takes_for_ever(shop, leat):
    """What no part can be read by is given up and told; the next table is read."""
    shop.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)")
    running(leat, shop, database_query_timeout_ms=2000)
    signal(leat, "snapshot", "public.a", "WHERE", SLEEPS.format(5, "true"))
    signal(leat, "snapshot", "public.b")
    until(lambda: leat.alive() or "give the signal again" in leat.stderr, 120, "the end of it")
    idle(leat)
    assert 'table="public.a" status=SQL_EXCEPTION' in leat.stderr
    assert ids(leat, "shop.public.b") == [1] and rows(leat) == []
    goes_on(leat, shop)


@pytest.mark.parametrize("words", [(), ("--blocking",)])
def test_a_condition_that_leaves_its_part(shop, leat, words):
    """One that would read rows of other parts, again and again, is no condition."""
    running(leat, shop, incremental_snapshot_chunk_size=10)
    signal(leat, "snapshot", "public.a", "WHERE", "id < 5) OR (id > 2", *words)
    logged(leat, "is no expression by itself")
    idle(leat)
    assert rows(leat) == []
    goes_on(leat, shop)


def test_a_part_that_is_not_wanted_any_more(shop, leat):
    """A stop ends the statement, however long it would take."""
    running(leat, shop)
    signal(leat, "snapshot", "public.a", "WHERE", SLEEPS.format(300, "true"))
    copies = lambda: shop.sql(READS, "%pg_sleep%")[0][0]  # noqa: E731
    until(lambda: leat.alive() or copies() == 1, 60, "its statement")
    signal(leat, "stop")
    until(lambda: leat.alive() or copies() == 0, 60, "the end of its statement")
    idle(leat)
    signal(leat, "snapshot", "public.a")
    idle(leat)
    assert ids(leat) == list(range(1, 201))


def test_a_blocking_snapshot_is_stopped(shop, leat):
    """One that would take for ever keeps the stream waiting, until it is given up."""
    running(leat, shop)
    signal(leat, "snapshot", "public.a", "WHERE", SLEEPS.format(300, "true"), "--blocking",
           ok=(0, 1))
    until(lambda: leat.alive() or shop.sql(READS, "COPY%")[0][0] == 1, 60, "its statement")
    signal(leat, "snapshot", "public.a", "--blocking", ok=(0, 1))
    assert state(leat) == "RUNNING" and "blocking_snapshots" in position(leat)
    signal(leat, "stop", "--blocking")
    idle(leat)
    assert "signal.blocking_stopped" in leat.stderr
    until(lambda: shop.sql(READS, "COPY%")[0][0] == 0, 60, "the end of its statement")
    goes_on(leat, shop)
    assert rows(leat) == []
    signal(leat, "stop", "--blocking")
    logged(leat, "no blocking snapshot runs")
    assert signal(leat, "stop", "public.a", "--blocking", ok=(2,)).stderr
    assert signal(leat, "pause", "--blocking", ok=(2,)).stderr


@pytest.mark.parametrize("way", ["keyless", "after", "blocking"])
def test_a_view_does_not_rest_for_ever(db, faulty, way):
    """Paused in the middle of what is read under one view: after a while the view is let go, and
    once it is resumed, the rows are read again."""
    leat = faulty
    key = "" if way == "keyless" else "PRIMARY KEY"
    db.sql(f"CREATE TABLE a (id int {key}, v text); ALTER TABLE a ALTER v SET STORAGE EXTERNAL")
    db.sql("INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i")
    config = leat.write("shop.properties", db.properties(
        name="shop", snapshot_hold_ms=1000, limits_memory="24m",
        snapshot_mode="no_data" if way == "blocking" else "initial",
        snapshot_streaming="after" if way == "after" else "beside"))
    leat.run(config, env={"LEAT_FAULT": "stream_append:0:1000ms"})
    if way == "blocking":
        until(lambda: state(leat) == "RUNNING", 60, "the stream")
        signal(leat, "snapshot", "public.a", "--blocking", ok=(0, 1))
    read = lambda: (leat.told("shop").get("counts") or {}).get("rows_read", 0)  # noqa: E731
    until(lambda: leat.alive() or read() > 0, 60, "the first rows")
    views = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
             " AND application_name LIKE 'leat shop%' AND query LIKE 'COPY%' AND state = 'active'")
    assert db.sql(views)[0][0] == 1
    leat.call("pause", "shop")
    logged(leat, "snapshot.let_go")
    until(lambda: leat.alive() or db.sql(views)[0][0] == 0, 60, "the view to be let go")
    assert leat.status("shop")["state"] == "PAUSED"
    n = len(rows(leat))
    assert 0 < n < 20000
    leat.kill()
    leat.run(config)
    until(lambda: state(leat) == "PAUSED", 60, "the pause")
    leat.call("resume", "shop")
    until(lambda: leat.alive() or read() >= n + 20000, 120, "the rows again")
    until(lambda: len(rows(leat)) >= n + 20000, 120, "them in the stream")
    assert {v["after"]["id"] for v in rows(leat)} == set(range(1, 20001))


@pytest.mark.parametrize("skipped", ["t", "none"])
def test_a_truncate_that_is_skipped(shop, leat, skipped):
    """Rows wait while their table is emptied. A TRUNCATE that is told takes them out; one that is
    skipped is nowhere, as a delete that is skipped is."""
    running(leat, shop, skipped_operations=skipped)
    sender = shop.sql("SELECT pid FROM pg_stat_replication JOIN pg_replication_slots"
                      " ON active_pid = pid WHERE database = current_database()")[0][0]
    try:
        os.kill(sender, signals.SIGSTOP)
    except PermissionError:
        pytest.skip("the server's processes are another user's")
    try:
        # Without it the stream may already be behind the view, and the rows need not wait.
        shop.sql("SELECT pg_logical_emit_message(true, 'test', 'not sent')")
        signal(leat, "snapshot", "public.a", ok=(0, 1))
        read = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name LIKE 'leat shop reader%' AND query = 'COMMIT'"
                " AND state = 'idle'")
        until(lambda: leat.alive() or shop.sql(read)[0][0] == 1, 60, "rows that wait")
        shop.sql("TRUNCATE a; INSERT INTO a VALUES (1, 'new'), (2, 'new')")
    finally:
        os.kill(sender, signals.SIGCONT)
    idle(leat)
    goes_on(leat, shop)
    told = [r["value"]["op"] for r in leat.read("shop.public.a") if r["value"]]
    if skipped == "none":
        assert told == ["t", "c", "c", "c"]
    else:
        assert sorted(told) == ["c"] * 3 + ["r"] * 198
        assert ids(leat) == list(range(3, 201))


def test_rows_that_the_publication_leaves_out(shop, leat):
    """A snapshot reads them, as Debezium's: that is told, with what leaves them out."""
    shop.server.needs(15, "row filters")
    shop.sql(f'CREATE TABLE b (id int PRIMARY KEY); CREATE PUBLICATION "{shop.name}"'
             " FOR TABLE a WHERE (id > 190), b")
    file = file_of(leat, shop, snapshot_mode="initial")
    step = steps(leat, file, "publication rows", ok=(0, 3))[0]
    assert step["code"] == "postgres.publication_rows" and "public.a" in step["detail"]
    name, value = step["advice"].split(": ")[-1].split("=", 1)
    leat.call("run", "--once", file)
    assert len(ids(leat)) == 200
    leat.call("offsets", "shop", "reset", "--yes")
    file = leat.write("shop.properties", shop.properties(
        name="shop", snapshot_mode="initial") | {
            "snapshot.select.statement.overrides": "public.a", name: value})
    assert not steps(leat, file, "publication rows", ok=(0, 3))
    leat.call("run", "--once", file)
    assert ids(leat)[200:] == list(range(191, 201))


def test_rows_that_policies_hide(shop, leat):
    """Row-level security leaves rows out without an error: that is told, with what shows them."""
    user = f"{shop.name}_cdc"
    shop.sql(f'CREATE ROLE "{user}" LOGIN REPLICATION; GRANT SELECT ON a TO "{user}";'
             f' GRANT CREATE ON DATABASE "{shop.name}" TO "{user}";'
             f' CREATE PUBLICATION "{shop.name}" FOR TABLE a')
    shop.sql("ALTER TABLE a ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON a USING (id <= 3)")
    try:
        more = {"database.user": user, "publication.autocreate.mode": "disabled"}
        file = leat.write("shop.properties", shop.properties(name="shop") | more)
        step = steps(leat, file, "row security", ok=(0, 3))[0]
        assert step["code"] == "postgres.row_security" and "BYPASSRLS" in step["sql"]
        leat.call("run", "--once", file)
        assert ids(leat) == [1, 2, 3]
        shop.sql(step["sql"])
        assert not steps(leat, file, "row security", ok=(0, 3))
        leat.run(file)
        until(lambda: state(leat) == "RUNNING", 60, "the stream")
        signal(leat, "snapshot", "public.a")
        idle(leat)
        assert sorted(set(ids(leat))) == list(range(1, 201))
        assert "postgres.row_security" not in leat.stderr
    finally:
        leat.kill()
        shop.sql(f'DROP OWNED BY "{user}"; DROP ROLE "{user}"')


def test_what_is_no_table_is_told_as_what_it_is(shop, leat):
    shop.sql("CREATE TABLE out (id int PRIMARY KEY); CREATE VIEW vw AS SELECT * FROM a;"
             " CREATE MATERIALIZED VIEW mv AS SELECT * FROM a;"
             " CREATE UNLOGGED TABLE unl (id int PRIMARY KEY)")
    running(leat, shop, table_exclude_list="public.out")
    told = {"public.out": "table.include.list", "public.vw": "a view", "public.mv": "a view",
            "public.unl": "UNLOGGED", "public.none": "no table of this name", "a": "schema.table"}
    signal(leat, "snapshot", *told)
    for name, why in told.items():
        line = logged(leat, f'table="{name}" is not captured') and next(
            text for text in leat.stderr.split("\n") if f'table="{name}" is not captured' in text)
        assert why in line
    idle(leat)

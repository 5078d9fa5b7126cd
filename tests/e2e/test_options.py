"""Options of Debezium's that no recorded case sets, each seen to do what it says."""

import json

import pytest
from servers.process import until


def run_once(leat, db, ok=(0,), name="shop", **more):
    file = leat.write(f"{name}.properties", db.properties(name=name, **more))
    return leat.call("run", "--once", file, ok=ok)


def after(records):
    return [r["value"]["after"] for r in records]


def sockets(port):
    """Timers of the sockets to a port on this machine: 02 is keep-alive's."""
    out = set()
    with open("/proc/net/tcp", encoding="ascii") as f:
        for line in list(f)[1:]:
            parts = line.split()
            if int(parts[2].split(":")[1], 16) == port and parts[3] == "01":
                out.add(parts[5].split(":")[0])
    return out


@pytest.mark.parametrize("keep", [True, False])
def test_keep_alive(db, leat, keep):
    """The operating system watches idle connections, or does not."""
    more = {"database.tcpKeepAlive": str(keep).lower()}
    leat.run(leat.write("shop.properties", db.properties(name="shop") | more))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    if keep:
        until(lambda: "02" in sockets(db.server.port), 10, "a keep-alive timer")
    else:
        assert "02" not in sockets(db.server.port)
    assert leat.stop() == 0


def test_more_tables_than_allowed(db, leat):
    """guardrail.collections: a start that captures too much says so, or does not happen."""
    for name in "abc":
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY)")
    fail = {"guardrail_collections_max": 2, "guardrail_collections_limit_action": "fail"}
    done = run_once(leat, db, ok=(1, 2), **fail)
    assert "capture.guardrail" in done.stderr and "3 tables would be captured" in done.stderr
    assert db.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", db.name) == [
        (0,)
    ]
    run_once(leat, db, **fail, table_include_list="public.[ab]")
    done = run_once(leat, db, guardrail_collections_max=2)
    assert "capture.guardrail" in done.stderr


def test_columns_left_out_in_a_line(db, leat):
    """All columns of a table whose types have no mapping are named, however many."""
    columns = ", ".join(f"c{i} box" for i in range(15))
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    db.sql("INSERT INTO t VALUES (1)")
    (line,) = [x for x in run_once(leat, db).stderr.split("\n") if "column_left_out" in x]
    assert all(f"c{i} box" in line for i in range(15))
    assert after(leat.read("shop.public.t")) == [{"id": 1}]


def test_masks_of_what_is_no_text(db, leat):
    """What a mask does not hide is told."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n int, a text[], v text, u uuid)")
    db.sql("INSERT INTO t VALUES (1, 42, '{secret}', 'secret', NULL)")
    done = run_once(leat, db, **{"column.mask.with.3.chars": "public.t.[nauv]"})
    told = [x for x in done.stderr.split("\n") if "capture.not_masked" in x]
    assert len(told) == 2 and 'column="n" is of type' in told[0] and 'column="a"' in told[1]
    (row,) = after(leat.read("shop.public.t"))
    assert row == {"id": 1, "n": 42, "a": ["secret"], "v": "***", "u": "***"}


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_a_statement_that_is_none(db, leat, streaming):
    """The table is named and the option; a statement may end with a comment."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1), (2)")
    option = "snapshot.select.statement.overrides"
    own = {"snapshot.streaming": streaming, option: "public.t"}
    done = run_once(leat, db, ok=(1, 2), **own | {f"{option}.public.t": "selec"})
    assert f"could not read the rows of public.t by {option}: syntax error" in done.stderr
    run_once(leat, db, **own | {f"{option}.public.t": "SELECT * FROM t WHERE id > 1 -- new ones"})
    assert after(leat.read("shop.public.t")) == [{"id": 2}]


@pytest.mark.parametrize("streaming", ["beside", "after"])
def test_statements_without_effect(db, leat, streaming):
    """A table that is named without its schema, one that is not there, a statement of no table."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1), (2)")
    option = "snapshot.select.statement.overrides"
    some = "SELECT * FROM t WHERE id > 1"
    own = {"snapshot.streaming": streaming, option: "t,public.none", f"{option}.t": some,
           f"{option}.public.none": some, f"{option}.public.t": some}
    said = run_once(leat, db, **own).stderr
    assert f'table="t" {option} names it' in said
    assert f'table="public.none" {option} names it' in said
    assert f"{option}.public.t" in said and f"{option} does not name public.t" in said
    assert after(leat.read("shop.public.t")) == [{"id": 1}, {"id": 2}]
    done = leat.call("check", leat.write("shop.properties", db.properties(name="shop") | own),
                     ok=None)
    assert f"{option} does not name public.t" in done.stdout + done.stderr


def test_intervals_as_text(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, i interval)")
    db.sql("INSERT INTO t VALUES (1, '-1 year 2 mons 3 days -04:05:06.789'), (2, '0')")
    run_once(leat, db, interval_handling_mode="string")
    db.sql("INSERT INTO t SELECT id + 2, i FROM t")
    run_once(leat, db, interval_handling_mode="string")
    texts = [row["i"] for row in after(leat.read("shop.public.t"))]
    assert texts[:2] == texts[2:] == ["P0Y-10M3DT-4H-5M-6.789S", "P0Y0M0DT0H0M0S"]


def test_messages_left_out(db, leat):
    db.server.needs(14, "messages in pgoutput")
    run_once(leat, db, message_prefix_exclude_list="no.*")
    for prefix in ("yes", "no", "noise", "yesno"):
        db.sql("SELECT pg_logical_emit_message(true, %s, 'x')", prefix)
    run_once(leat, db, message_prefix_exclude_list="no.*")
    records = leat.read("shop.message")
    assert [r["value"]["message"]["prefix"] for r in records] == ["yes", "yesno"]


@pytest.mark.parametrize("order", ["ascending", "descending"])
def test_order_of_tables(db, leat, order):
    for name, rows in (("few", 1), ("many", 300), ("mid", 20)):
        db.sql(f"CREATE TABLE {name} AS SELECT g AS id FROM generate_series(1, {rows}) g")
        db.sql(f"ANALYZE {name}")
    run_once(leat, db, snapshot_tables_order_by_row_count=order)
    begun = {
        name: leat.read(f"shop.public.{name}")[0]["value"]["ts_us"]
        for name in ("few", "mid", "many")
    }
    tables = sorted(begun, key=begun.get)
    assert tables == (["few", "mid", "many"] if order == "ascending" else ["many", "mid", "few"])


def test_system_tables(db, leat):
    """Lists that fit all tables do not fit the server's own."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1)")
    run_once(leat, db, table_ignore_builtin="true", table_include_list=".*")
    assert [t["topic"] for t in leat.topics()] == ["shop.public.t"]


def test_names_of_other_topics(db, leat):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    more = {
        "provide.transaction.metadata": "true",
        "topic.transaction": "tx",
        "topic.heartbeat.prefix": "beats",
        "heartbeat.interval.ms": "100",
    }
    leat.run(leat.write("shop.properties", db.properties(name="shop") | more))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    db.sql("INSERT INTO t VALUES (1)")
    wanted = {"shop.public.t", "shop.tx", "beats.shop"}
    until(lambda: wanted == {t["topic"] for t in leat.topics()}, 30, "topics")
    assert leat.stop() == 0


def test_xmin(db, leat):
    """The slot's catalog xmin, in the source block once it was read."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    leat.run(leat.write("shop.properties", db.properties(name="shop", xmin_fetch_interval_ms=100)))
    until(lambda: "postgres.streaming" in leat.stderr, 30, "the stream")
    n = 0

    def shown():
        nonlocal n
        n += 1
        db.sql("INSERT INTO t VALUES (%s)", n)
        return leat.read_until("shop.public.t", n)[-1]["value"]["source"]["xmin"]

    xmin = until(shown, 30, "an xmin")
    assert isinstance(xmin, int) and xmin <= db.sql("SELECT txid_current()")[0][0]
    assert leat.stop() == 0


@pytest.mark.parametrize(
    "rules, said",
    [
        ("public.t:FUL", "must be rules like schema.table:FULL"),
        ("public.t:FULL,public.(t:FULL", "is no regular expression"),
        ("public.t", "must be rules like"),
    ],
)
def test_identities_that_cannot_be_read(db, leat, rules, said):
    done = run_once(leat, db, ok=(2,), replica_identity_autoset_values=rules)
    assert said in done.stderr


def test_identities_in_doubt(db, leat):
    """Two rules for a table; an index that is not there. Nothing is made or changed."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    done = run_once(
        leat, db, ok=(1, 2), replica_identity_autoset_values="public.t:FULL,public.*:NOTHING"
    )
    assert "both fit the table public.t" in done.stderr
    done = run_once(leat, db, ok=(1, 2), replica_identity_autoset_values="public.t:INDEX nope")
    assert 'index "nope"' in done.stderr
    assert db.sql("SELECT relreplident FROM pg_class WHERE relname = 't'") == [("d",)]


@pytest.mark.parametrize(
    "option, value, way_out",
    [
        ("converters", "iso", "time.precision.mode=isostring"),
        ("post.processors", "reselector", "toast.mode=reselect"),
        ("transaction.metadata.factory", "com.example.Mine", "provide.transaction.metadata"),
        ("sourceinfo.struct.maker", "com.example.Mine", "Debezium's own"),
    ],
)
def test_refused_with_the_way_out(db, leat, option, value, way_out):
    file = leat.write("shop.properties", db.properties(name="shop") | {option: value})
    done = leat.call("run", "--once", file, ok=(2,))
    (line,) = [x for x in done.stderr.splitlines() if f" {option}: is known but not" in x]
    assert way_out in line


# ---- toast.mode


def toasted(db):
    """A table with a large value that is stored outside of its row."""
    db.sql("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    db.sql("CREATE TABLE t (k mood, id int, n int, big text, j jsonb, PRIMARY KEY (k, id))")
    db.sql("ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER j SET STORAGE EXTERNAL")
    db.sql(
        "INSERT INTO t VALUES ('ok', 1, 1, repeat('a\\b', 1000),"
        " jsonb_build_object('k', repeat('x', 5000)))"
    )


GONE = "__debezium_unavailable_value"


def test_reselect(db, leat):
    """What was not sent is read again: the row as it is now, and masks apply to it."""
    toasted(db)
    more = {"toast.mode": "reselect", "column.truncate.to.5.chars": "public.t.big"}
    file = leat.write("shop.properties", db.properties(name="shop") | more)
    leat.run(file)
    leat.read_until("shop.public.t", 1)
    db.sql("UPDATE t SET n = 2")
    last = leat.read_until("shop.public.t", 2)[-1]["value"]["after"]
    assert last["n"] == 2 and last["big"] == "a\\ba\\"
    assert json.loads(last["j"]) == {"k": "x" * 5000}
    db.sql("UPDATE t SET id = 2")  # a key change: the new row is asked for by its new key
    records = leat.read_until("shop.public.t", 5)
    assert [r["value"] and r["value"]["op"] for r in records[2:]] == ["d", None, "c"]
    assert json.loads(records[4]["value"]["after"]["j"]) == {"k": "x" * 5000}
    assert leat.stop() == 0
    # Gone, renamed and dropped by the time that the changes are read: the placeholder.
    db.sql("UPDATE t SET n = 3")
    db.sql("UPDATE t SET n = 4, k = 'sad'")
    db.sql("ALTER TABLE t RENAME big TO large")
    done = leat.call("run", "--once", file)
    assert "postgres.not_reselected" in done.stderr
    third = leat.read("shop.public.t")[5]["value"]["after"]
    assert (third["n"], third["j"]) == (3, GONE)
    assert leat.status("shop")["counts"].get("dead_lettered", 0) == 0


def test_drop_field(db, leat):
    """The record lacks the field, and so does its schema; the next one has it again."""
    toasted(db)
    run_once(leat, db, toast_mode="drop_field")
    db.sql("UPDATE t SET n = 2")
    db.sql("UPDATE t SET n = 3, big = 'small'")
    db.sql("DELETE FROM t")
    run_once(leat, db, toast_mode="drop_field")
    rows = leat.read("shop.public.t")
    assert [set(r["value"]["after"] or {}) for r in rows[:3]] == [
        {"k", "id", "n", "big", "j"},
        {"k", "id", "n"},
        {"k", "id", "n", "big"},
    ]
    assert set(rows[3]["value"]["before"]) == {"k", "id", "n", "big", "j"}
    for plain, r in zip(rows[:3], leat.read("shop.public.t", "--format", "json-schema")):
        value = r["value"]
        (schema,) = [f for f in value["schema"]["fields"] if f["field"] == "after"]
        assert [f["field"] for f in schema["fields"]] == list(value["payload"]["after"])
        assert value["payload"]["after"] == plain["value"]["after"]


def test_messages_in_transactions(db, leat):
    """provide.transaction.metadata counts them as events of a collection of their own."""
    db.server.needs(14, "messages in pgoutput")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    more = {"provide_transaction_metadata": "true", "snapshot_mode": "no_data"}
    run_once(leat, db, **more)
    with db.connect() as c, c.transaction():
        c.execute("SELECT pg_logical_emit_message(true, 'x', 'one')")
        c.execute("INSERT INTO t VALUES (1)")
        c.execute("SELECT pg_logical_emit_message(true, 'x', 'two')")
    run_once(leat, db, **more)
    places = [r["value"]["transaction"] for r in leat.read("shop.message")]
    assert [(p["total_order"], p["data_collection_order"]) for p in places] == [(1, 1), (3, 1)]
    end = leat.read("shop.transaction")[-1]["value"]
    assert (end["status"], end["event_count"]) == ("END", 3)
    counts = {c["data_collection"]: c["event_count"] for c in end["data_collections"]}
    assert counts == {"LOGICAL_DECODING_MESSAGE": 2, "public.t": 1}

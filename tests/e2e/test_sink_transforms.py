"""Transforms of sinks, between stream and target: over embedded streams and over Kafka alike."""

import json
import os
import re

import pytest
from query import config as query
from target import SqliteTarget, sink
from test_intake import KEY, ROW, created, letters, put, text
from test_intake import once as once_kafka

TRANSFORMS = "org.apache.kafka.connect.transforms."


def of(chain, **more):
    """transforms=...: name -> (class, options); more: predicates and what they need, "." as "_"."""
    props = {"transforms": ",".join(chain)}
    for name, (klass, options) in chain.items():
        props[f"transforms.{name}.type"] = TRANSFORMS + klass
        props |= {f"transforms.{name}.{key}": value for key, value in options.items()}
    return props | {key.replace("_", "."): value for key, value in more.items()}


FLAT = of({"row": ("ExtractField$Value", {"field": "after"})})
# Tombstones have no fields, and of two topics one has rows without keys.
KEYED = of({"key": ("ValueToKey", {"fields": "id", "predicate": "bare"})},
           predicates="bare", predicates_bare_type=f"{TRANSFORMS}predicates.TopicNameMatches",
           predicates_bare_pattern="q_.*")


def once(leat, files, ok=0):
    leat.run("--once", *files)
    assert leat.wait(120) == ok, leat.stderr[-3000:]


CHANGES = """
    UPDATE t SET v = 'new' WHERE id <= 5;
    UPDATE t SET id = id + 100 WHERE id > 15;
    DELETE FROM t WHERE id = 7;
    ALTER TABLE t ADD COLUMN more numeric(10,2);
    INSERT INTO t VALUES (200, 'x', '2024-02-29 12:00:00.5', 0.01)
"""


@pytest.mark.parametrize("stream", ["embedded", "kafka"])
@pytest.mark.parametrize("mode", ["transaction", "batch"])
def test_rows_out_of_envelopes(request, db, leat, copy, stream, mode):
    """Made, changed, with another key, deleted, with a new column: the target is the source, and
    the ledger is even."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text, at timestamp)")
    db.sql("INSERT INTO t SELECT g, 'v' || g, '2024-01-01' FROM generate_series(1, 20) g")
    name = f"flat{mode}"
    topic = f"{name}.public.t"
    props = db.properties(name="shop", topic_prefix=name)
    files = [leat.write("shop.properties", props),
             leat.write("pump.properties", sink(copy, [topic], apply_mode=mode,
                                                table_name_format="t") | FLAT)]
    if stream == "kafka":
        kafka = request.getfixturevalue("kafka")
        props |= {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")}
        leat.write("shop.properties", props)
        files.insert(0, leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap}))
    for changes in ("SELECT 1", CHANGES):
        db.sql(changes)
        if stream == "kafka":  # the topic is there before it is read
            once(leat, files[:2])
        once(leat, files)
        assert copy.rows("t") == db.sql("SELECT * FROM t ORDER BY id")
    (cursor,) = [text for text, in copy.sql("SELECT position FROM leat_cursors")]
    counts = {k: int(n) for k, n in re.findall(r'"(read|delivered|filtered|dead)":(\d+)', cursor)}
    assert counts["read"] == counts["delivered"] + counts["filtered"] > 30 and counts["dead"] == 0


@pytest.mark.parametrize("of_source, of_sink", [
    ({}, FLAT | {"apply.mode": "transaction"}), ({}, FLAT | {"apply.mode": "batch"}),
    (FLAT | {"toast.mode": "reselect"}, {})], ids=["transaction", "batch", "source"])
def test_another_key_and_a_large_value(db, leat, copy, of_source, of_sink):
    """What an update of the key does not carry stays: the row is moved, not made anew. A source's
    transforms make two records of it: the source reads the value."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, large text NOT NULL, v text)")
    db.sql("INSERT INTO t SELECT g, string_agg(md5(g::text || n), ''), 'a' "
           "FROM generate_series(1, 3) g, generate_series(1, 400) n GROUP BY g")
    files = [leat.write("shop.properties", db.properties(name="shop") | of_source),
             leat.write("pump.properties", sink(copy, ["shop.public.t"]) | of_sink)]
    once(leat, files)
    db.sql("UPDATE t SET id = 10, v = 'b' WHERE id = 1; UPDATE t SET v = 'c' WHERE id = 2;"
           "UPDATE t SET id = 20 WHERE id = 2; UPDATE t SET id = 30 WHERE id = 20;"
           "DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (3, 'small', 'd')")
    once(leat, files)
    assert copy.rows("t") == db.sql("SELECT * FROM t ORDER BY id")


def test_a_large_value_of_a_new_key(db, kafka, leat):
    """Over Kafka a source's transforms leave what stands for a value that was not sent."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, large text)")
    db.sql("INSERT INTO t SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, 400) n")
    props = db.properties(name="shop", topic_prefix="large", unavailable_value_placeholder="gone")
    files = [leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap}),
             leat.write("shop.properties",
                        props | FLAT | {"value.converter.schemas.enable": "false"})]
    once(leat, files)
    db.sql("UPDATE t SET id = 2")
    once(leat, files)
    values = [json.loads(r.value or "null") for r in kafka.read("large.public.t")]
    assert values[1:] == [None, None, {"id": 2, "large": "gone"}]


BY_NR = {"primary.key.mode": "record_value", "primary.key.fields": "nr"}
TOUCHED = of({"key": ("ValueToKey", {"fields": "op"})}) | BY_NR | {"primary.key.fields": "id"}


@pytest.mark.parametrize("stream, more", [
    ("embedded", {}), ("embedded", BY_NR), ("embedded", TOUCHED), ("kafka", {}),
    ("kafka", BY_NR | {"insert.mode": "update"})],
    ids=["key", "column", "touched", "kafka", "kafka-column"])
def test_old_rows_by_an_index(request, db, leat, copy, stream, more):
    """An old row has the columns of an index, and in Debezium's form nulls and zeros beside them.
    Rows of the target are not looked for by these: the one with the key 0 is another."""
    prefix = f"by{len(more)}"
    table = "CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL, nr int, v text)"
    rows = "INSERT INTO t VALUES (0, 5, 50, 'zero'), (1, 10, 100, 'a'), (2, 20, 200, 'b')"
    for statement in (table, rows):
        db.sql(statement)
        copy.sql(statement)
    db.sql("CREATE UNIQUE INDEX by_code ON t (code)")
    db.sql("ALTER TABLE t REPLICA IDENTITY USING INDEX by_code")
    copy.sql("CREATE UNIQUE INDEX by_nr ON t (nr)")
    props = db.properties(name="shop", topic_prefix=prefix)
    pump = sink(copy, [f"{prefix}.public.t"], table_name_format="t") | more
    files = [leat.write("shop.properties", props), leat.write("pump.properties", pump)]
    if stream == "kafka":
        kafka = request.getfixturevalue("kafka")
        props |= {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")}
        leat.write("shop.properties", props)
        files.insert(0, leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap}))
        once(leat, files[:2])
    once(leat, files)
    db.sql("UPDATE t SET code = 11, v = 'new' WHERE id = 1; UPDATE t SET code = 21 WHERE id = 2")
    if stream == "kafka":
        once(leat, files[:2])
    once(leat, files)
    assert copy.rows("t") == db.sql("SELECT * FROM t ORDER BY id")


@pytest.mark.parametrize("more", [{}, BY_NR, FLAT], ids=["key", "column", "rows"])
def test_deletes_by_an_index(db, leat, copy, more):
    """They do not tell the key: each is refused, and no row goes for it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, code int NOT NULL UNIQUE, nr int, v text)")
    db.sql("INSERT INTO t VALUES (0, 5, 50, 'zero'), (1, 10, 100, 'a')")
    db.sql("ALTER TABLE t REPLICA IDENTITY USING INDEX t_code_key")
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, ["shop.public.t"],
                                                errors_tolerance="all") | more)]
    once(leat, files)
    rows = db.sql("SELECT * FROM t ORDER BY id")
    db.sql("DELETE FROM t WHERE id = 1")
    once(leat, files)
    assert [letter["code"] for letter in letters(leat)] == ["sql.key_missing"]
    assert copy.rows("t") == rows


@pytest.mark.parametrize("mode", ["transaction", "batch"])
def test_another_key_of_two_columns(db, leat, copy, mode):
    """Of an old row only the source's key is sent: the row is found by it and by what the new row
    has in the other column, and keeps its large value."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, nr int, large text)")
    db.sql("INSERT INTO t SELECT g, g * 10, string_agg(md5(g::text || n), '') "
           "FROM generate_series(1, 3) g, generate_series(1, 400) n GROUP BY g")
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, ["shop.public.t"], apply_mode=mode)
                        | BY_NR | {"primary.key.fields": "id,nr"})]
    once(leat, files)
    db.sql("UPDATE t SET id = 4 WHERE id = 1; UPDATE t SET id = 5 WHERE id = 4")
    once(leat, files)
    assert copy.rows("t") == db.sql("SELECT * FROM t ORDER BY id")


def test_rows_of_a_query(db, leat, tmp_path):
    """They have no keys: a transform of the sink makes one, of the topics that its predicate names;
    without it such rows are inserted only."""
    target = SqliteTarget(tmp_path)
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text, at timestamptz NOT NULL)")
    db.sql("INSERT INTO t VALUES (1, 'a', now()), (2, 'b', now())")
    source = leat.write("q.properties", query(db, "timestamp", name="q",
                                              query="SELECT id, v, at FROM t"))
    keyed = leat.write("pump.properties", sink(target, ["q_"], table_name_format="keyed") | KEYED)
    bare = leat.write("bare.properties", sink(
        target, ["q_"], table_name_format="bare", primary_key_mode="none", insert_mode="insert",
        delete_enabled="false")
        | {"name": "bare"})
    once(leat, [source, keyed, bare])
    db.sql("UPDATE t SET v = 'c', at = now() WHERE id = 2")
    once(leat, [source, keyed, bare])
    assert [r[:2] for r in target.rows("keyed")] == [(1, "a"), (2, "c")]
    assert [r[:2] for r in target.rows("bare", order="id, v")] == [(1, "a"), (2, "b"), (2, "c")]


def test_what_a_source_made(db, leat, copy):
    """Rows that the source's transforms took out of their envelopes are rows to a sink too."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    files = [leat.write("shop.properties", db.properties(name="shop") | of(
        {"row": ("ExtractField$Value", {"field": "after"})})),
        leat.write("pump.properties", sink(copy, ["shop.public.t"]))]
    once(leat, files)
    db.sql("UPDATE t SET v = 'c' WHERE id = 1; DELETE FROM t WHERE id = 2")
    once(leat, files)
    assert copy.rows("t") == [(1, "c")]
    db.sql("UPDATE t SET id = 3, v = 'd' WHERE id = 1; UPDATE t SET v = 'e' WHERE id = 3")
    once(leat, files)
    assert copy.rows("t") == [(3, "e")]


def test_what_is_no_row(db, leat, copy):
    """Transactions and heartbeats have schemas as rows that transforms made do: the sink knows them
    apart."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t VALUES (1, 'a')")
    rows = {"row": ("ExtractField$Value", {"field": "after", "predicate": "rows"})}
    source = db.properties(name="shop", provide_transaction_metadata="true",
                           heartbeat_interval_ms=1) | of(
        rows, predicates="rows", predicates_rows_pattern=".*public.*",
        predicates_rows_type=f"{TRANSFORMS}predicates.TopicNameMatches")
    pump = sink(copy, [], topics_regex=".*(public.t|transaction|heartbeat.*)",
                errors_tolerance="all")
    del pump["topics"]
    files = [leat.write("shop.properties", source), leat.write("pump.properties", pump)]
    once(leat, files)
    for changes in ("UPDATE t SET v = 'b'", "UPDATE t SET id = 2", "UPDATE t SET v = 'c'"):
        db.sql(changes)
        once(leat, files)
    assert copy.rows("t") == [(2, "c")]
    refused = [(letter["code"], letter["topic"]) for letter in letters(leat)]
    assert refused.count(("sql.no_row", "shop.transaction")) == 6
    assert {topic for _, topic in refused} <= {"shop.transaction", "__debezium-heartbeat.shop"}


# ---- what goes wrong

MISSING = of({"key": ("ValueToKey", {"fields": "nope"})})


def test_what_it_cannot_take(db, leat, copy):
    """The sink stops and names the event, or this goes to the dead letters, to be dropped."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t VALUES (1, 'a')")
    config = sink(copy, ["shop.public.t"]) | MISSING
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", config)]
    once(leat, files, ok=1)
    assert "transform.failed" in leat.stderr
    assert "shop.public.t at offset 0: transforms.key (ValueToKey)" in leat.stderr
    leat.write("pump.properties", config | {"errors.tolerance": "all"})
    once(leat, files)
    (letter,) = letters(leat)
    assert letter["code"] == "transform.failed"
    assert json.loads(letter["position"]) == {"topic": "shop.public.t", "offset": 0}
    again = leat.call("dead-letters", "pump", "retry", "--all", "--json", ok=(3,))
    assert json.loads(again.stdout)["letters"][0]["code"] == "dead_letter.source"
    leat.write("pump.properties", sink(copy, ["shop.public.t"]))  # mended: it goes on behind it
    db.sql("INSERT INTO t VALUES (2, 'b')")
    once(leat, files)
    assert copy.rows("t") == [(2, "b")]


@pytest.mark.parametrize("stream", ["embedded", "kafka"])
def test_each_record_by_itself(request, db, leat, copy, stream):
    """What cannot be taken of a change is a letter, the rest of it is written: of a delete the
    key alone is there, the new row of a key change has all columns. It is the same over Kafka."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    chain = of({"row": ("ExtractField$Value", {"field": "after"}),
                "key": ("ValueToKey", {"fields": "id,v"})})
    props = db.properties(name="shop", topic_prefix="apart")
    files = [leat.write("shop.properties", props),
             leat.write("pump.properties", sink(copy, ["apart.public.t"], table_name_format="t",
                                                errors_tolerance="all") | chain)]
    if stream == "kafka":
        kafka = request.getfixturevalue("kafka")
        props |= {f"{part}.converter.schemas.enable": "true" for part in ("key", "value")}
        leat.write("shop.properties", props)
        files.insert(0, leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap}))
        once(leat, files[:2])
    once(leat, files)
    db.sql("UPDATE t SET id = 3 WHERE id = 1; DELETE FROM t WHERE id = 2; "
           "INSERT INTO t VALUES (4, 'd')")
    if stream == "kafka":
        once(leat, files[:2])
    once(leat, files)
    assert copy.rows("t") == [(1, "a"), (2, "b"), (3, "a"), (4, "d")]
    dead = letters(leat)
    assert {letter["code"] for letter in dead} == {"transform.failed"}
    assert sorted(json.loads(letter["position"])["offset"] for letter in dead) == [2, 3, 5, 6]


def test_dead_letters_of_kafka(kafka, leat, copy):
    """The stage and the class of the transform stand in the headers, and what others cannot take
    has its own."""
    topic = kafka.create("untransformed")
    good = text(ROW, {"id": 1, "text": "a"})
    other = text(ROW | {"fields": ROW["fields"][:1]}, {"id": 2})
    put(kafka, [{"topic": None, "key": text(KEY, {"id": n}), "value": value}
                for n, value in ((1, good), (2, other), (3, "{"))], topic)
    config = sink(copy, [topic], table_name_format="t") | of(
        {"key": ("ValueToKey", {"fields": "id,text"})})
    once_kafka(leat, kafka, config, ok=1)
    assert "untransformed-0@1" in leat.stderr and "transform.failed" in leat.stderr
    config |= {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "shapeless",
               "errors.deadletterqueue.topic.replication.factor": "1",
               "errors.deadletterqueue.context.headers.enable": "true"}
    once_kafka(leat, kafka, config)
    assert copy.rows("t") == [(1, "a")]
    headers = [{name.removeprefix("__connect.errors."): value for name, value in r.headers}
               for r in kafka.read("shapeless")]
    assert [(h["stage"], h["class.name"]) for h in headers] == [
        (b"TRANSFORMATION", f"{TRANSFORMS}ValueToKey".encode()),
        (b"VALUE_CONVERTER", b"org.apache.kafka.connect.json.JsonConverter")]


def test_objects_without_schemas(kafka, leat, copy):
    """Of records without schemas a transform takes members by their names: here the key, and then
    the envelope out of what somebody has put around it."""
    topic = kafka.create("plainly")
    values = [{"id": n, "envelope": json.loads(created(n)["value"])["payload"]} for n in (1, 2)]
    values.append(values[1] | {"envelope": values[1]["envelope"] | {
        "after": {"id": 2, "text": "new"}}})
    put(kafka, [{"topic": None, "key": None, "value": json.dumps(v)} for v in values], topic)
    chain = of({"key": ("ValueToKey", {"fields": "id"}),
                "row": ("ExtractField$Value", {"field": "envelope"})})
    plain = {f"{part}.converter.schemas.enable": "false" for part in ("key", "value")}
    once_kafka(leat, kafka, sink(copy, [topic], table_name_format="t") | chain | plain)
    assert copy.rows("t") == [(1, "row 1"), (2, "new")]


@pytest.mark.parametrize("wrong, said", [
    (of({"x": ("Flatten", {})}), "transforms.x.type"),
    (of({"x": ("ValueToKey", {})}), "transforms.x.fields"),
    (of({"x": ("ValueToKey", {"fields": "id", "predicate": "p"})}), "transforms.x.predicate"),
])
def test_options(leat, tmp_path, wrong, said):
    target = SqliteTarget(tmp_path)
    file = leat.write("pump.properties", sink(target, ["shop.public.t"]) | wrong)
    done = leat.call("check", file, ok=(1, 2))
    assert said in done.stderr + done.stdout
    assert not os.path.exists(target.path)


def test_verify_refuses(db, leat, copy):
    """What is changed on purpose is not to be equal."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO t VALUES (1, 'a')")
    once(leat, [leat.write("shop.properties", db.properties(name="shop")),
                leat.write("pump.properties", sink(copy, ["shop.public.t"]) | FLAT)])
    done = leat.call("verify", "pump", ok=(1,))
    assert "verify.changed" in done.stderr and "transforms" in done.stderr

"""Sinks that read Kafka: what a real Debezium wrote there, and leat itself, into PostgreSQL and
SQLite; exactly once, whatever is killed, and whoever shares the topics."""

import json
import os
import re
import signal
import time

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from leat import Leat
from servers import kafka as kafka_server
from servers.process import until
from target import PostgresTarget, SqliteTarget, sink

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "golden", "postgres")


@pytest.fixture
def own_kafka(scratch, tmp_path):
    """A Kafka that nobody else uses: it is stopped here."""
    try:
        server = kafka_server.Kafka(str(tmp_path / "kafka"))
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    yield server.start()
    if server.process:
        server.kill()


@pytest.fixture
def second(tmp_path):
    """Another leat, with a data folder of its own."""
    one = Leat(tmp_path / "second")
    yield one
    one.kill()


def recorded(case, schemas=True):
    """The records of a real Debezium, each as a dict."""
    name = f"{case}.{'schema' if schemas else 'noschema'}.jsonl"
    with open(os.path.join(GOLDEN, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def put(kafka, records, topic=None, partition=-1):
    """Into Kafka, as they were recorded."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5, "log_level": 0})
    for r in records:
        key, value = (r[k] if r[k] is None else r[k].encode() for k in ("key", "value"))
        to = {"topic": topic or r["topic"], "key": key, "value": value}
        if partition >= 0:
            to["partition"] = partition
        producer.produce(**to)
        producer.poll(0)
    assert producer.flush(60) == 0


def once(leat, kafka, *configs, ok=0):
    """All that is in Kafka now is in the targets."""
    worker = leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap})
    files = [leat.write(f"{c['name']}.properties", c) for c in configs]
    leat.run("--once", worker, *files)
    assert leat.wait(120) == ok, leat.stderr[-3000:]


def statements(case):
    """What was done to the source: the recorded script, statement by statement."""
    with open(os.path.join(GOLDEN, f"{case}.sql"), encoding="utf-8") as f:
        text = re.sub(r"^--.*$", "", f.read(), flags=re.M)
    return [s for s in re.split(r";\s*\n", text) if s.strip()]


def replay(db, case):
    for extension in ("hstore", "ltree", "citext", "isn"):
        db.sql(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    for statement in statements(case):
        try:
            db.sql(statement)
        except psycopg.Error:  # the script has some that were meant to fail
            pass


def keyed(records):
    """Topic -> table, of those whose rows have keys: the others are of no use to an upsert."""
    rows = [r for r in records
            if r["value"] and '"op":' in r["value"] and '"op":"t"' not in r["value"]]
    bare = {r["topic"] for r in rows if r["key"] is None}
    return {r["topic"]: r["topic"].split(".")[-1] for r in rows
            if r["topic"] not in bare and ".public." in r["topic"]}


# What Debezium's form does not tell: months and days of an interval, the zone of a timetz, zeros in
# front of a varbit and at the end of a number of any scale.
LOSSY = ("interval", "time with time zone", "bit varying", "money[]")
FLAT = {"m2"}  # an array of two dimensions, of which it shows nothing


def as_text(db, table, columns):
    shown = (f'trim_scale("{c}")::text' if kind == "numeric" else f'"{c}"::text'
             for c, kind in columns.items())
    return db.sql(f"SELECT {', '.join(shown)} FROM {table} ORDER BY 1, 2")


def columns_of(db, table):
    """name -> type"""
    rows = db.sql("SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
                  " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
                  " ORDER BY attname", table)
    return {name: kind for name, kind in rows
            if not kind.startswith(LOSSY) and name not in FLAT}


CASES = ["crud", "composite_pk", "schema_evolution", "replica_identity_default",
         "replica_identity_full", "truncate", "toast_full", "types_arrays",
         "types_temporal_adaptive", "types_numeric_precise", "types_misc", "types_not_null",
         "comments_propagate"]


def prepare(db, copy, case):
    """The source as it was in the end, and empty tables like its own."""
    replay(db, case)
    replay(copy.db, case)
    tables = copy.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table, name in copy.sql("SELECT conrelid::regclass::text, conname FROM pg_constraint"
                                " WHERE contype = 'f'"):  # which topics do not keep
        copy.sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    copy.sql("TRUNCATE " + ", ".join(t for t, in tables))


def check_equal(db, copy, tables):
    for table in tables:
        columns = columns_of(db, table)
        assert as_text(copy.db, table, columns) == as_text(db, table, columns), (table, columns)


@pytest.mark.parametrize("case", CASES)
def test_what_debezium_wrote(db, kafka, leat, copy, case):
    """Its records with schemas, into PostgreSQL: the tables are what they were."""
    records = recorded(case)
    topics = keyed(records)
    put(kafka, records)
    prepare(db, copy, case)
    once(leat, kafka, sink(copy, sorted(topics), auto_evolve="true"))
    check_equal(db, copy, topics.values())


@pytest.mark.parametrize("schemas", [True, False], ids=["schemas", "plain"])
def test_into_sqlite(kafka, leat, tmp_path, schemas):
    """With schemas and without, into a file: rows, a delete, a change of a key."""
    target = SqliteTarget(tmp_path)
    target.sql("CREATE TABLE customers (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT,"
               " email TEXT)")
    topic = f"crud-{'schemas' if schemas else 'plain'}.public.customers"
    put(kafka, recorded("crud", schemas), topic)
    plain = {} if schemas else {f"{part}_converter_schemas_enable": "false"
                                for part in ("key", "value")}
    once(leat, kafka, sink(target, [topic], **plain))
    assert target.rows("customers") == [
        (1, "Sally", "Thomas", "sally@acme.com"),
        (2, "George", "Bailey", "gbailey@foobar.com"),
        (3, "Anne Marie", "Kretchmar", "annek@noanswer.org"),
    ]
    at = [json.loads(p) for _, p in target.sql("SELECT source, position FROM leat_cursors")]
    assert [a["kafka_offset"] for a in at] == [7]
    assert at[0]["read"] == 7 and at[0]["delivered"] + at[0]["filtered"] == 7
    once(leat, kafka, sink(target, [topic], **plain))  # nothing is read again
    at = [json.loads(p) for _, p in target.sql("SELECT source, position FROM leat_cursors")]
    assert at[0]["read"] == 7


def test_converters_of_headers(kafka, leat, tmp_path):
    """Any will do: a sink looks at names alone. Of values it is told that there is none."""
    target = SqliteTarget(tmp_path)
    put(kafka, recorded("crud"), "crud-headers.public.customers")
    other = "org.apache.kafka.connect.storage.StringConverter"
    once(leat, kafka, sink(target, ["crud-headers.public.customers"], header_converter=other))
    assert "header.converter: accepted, but has no effect here" in leat.stderr
    assert len(target.rows("customers")) == 3
    once(leat, kafka, sink(target, ["crud-headers.public.customers"], value_converter=other), ok=2)
    assert f"value.converter: is {other}, which is not built yet" in leat.stderr


# ---- many rows

ROW = {"type": "struct", "optional": True, "fields": [
    {"type": "int64", "optional": False, "field": "id"},
    {"type": "string", "optional": True, "field": "text"},
]}
SOURCE = {"type": "struct", "optional": False, "fields": [
    {"type": "string", "optional": False, "field": "table"}]}
ENVELOPE = {"type": "struct", "optional": False, "fields": [
    ROW | {"field": "before"}, ROW | {"field": "after"}, SOURCE | {"field": "source"},
    {"type": "string", "optional": False, "field": "op"}]}
KEY = {"type": "struct", "optional": False, "fields": ROW["fields"][:1]}


def text(schema, payload):
    return json.dumps({"schema": schema, "payload": payload}, separators=(",", ":"))


def created(n, table="t"):
    value = {"before": None, "after": {"id": n, "text": f"row {n}"}, "source": {"table": table},
             "op": "c"}
    return {"topic": None, "key": text(KEY, {"id": n}), "value": text(ENVELOPE, value)}


# Who is killed is missed by the group after so long, the least that brokers allow.
QUICK = {"consumer_override_session_timeout_ms": "6000"}


def exactly_once(target, topics, **more):
    """Into a table where a repeat is seen."""
    target.sql("CREATE TABLE t (id bigint, text text)")
    return sink(target, topics, table_name_format="t", insert_mode="insert",
                primary_key_mode="none", delete_enabled="false", **QUICK, **more)


def counts(target):
    return target.sql("SELECT count(*), count(DISTINCT id) FROM t")[0]


def committed(kafka, topic, group="connect-pump"):
    """partition -> where the group stands"""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})
    try:
        parts = [TopicPartition(topic, p) for p in range(kafka.topics()[topic])]
        return {p.partition: p.offset for p in consumer.committed(parts, timeout=30)}
    finally:
        consumer.close()


def start(leat, kafka, config):
    worker = leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap})
    files = (worker, leat.write("pump.properties", config))
    leat.run(*files)
    return files


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_exactly_once(kafka, leat, postgres, tmp_path, kind):
    """Killed again and again, each record is there once."""
    target = PostgresTarget(postgres) if kind == "postgresql" else SqliteTarget(tmp_path)
    topic = kafka.create(f"once-{kind}", partitions=3)
    total, kills = 40000, 0
    put(kafka, [created(n) for n in range(total // 2)], topic)
    files = start(leat, kafka, exactly_once(target, [topic]))
    for n in range(5):
        until(lambda: leat.alive() or counts(target)[0] > n * 5000, 90, "some rows", every=0.02)
        pid = leat.told("pump").get("pid")
        if pid and n % 2 == 0:
            os.kill(pid, signal.SIGKILL)
        else:
            leat.kill()
            leat.run(*files)
        kills += 1
        put(kafka, [created(m) for m in range(total // 2 + n * 4000, total // 2 + (n + 1) * 4000)],
            topic)
    until(lambda: leat.alive() or counts(target)[0] >= total, 120, "all rows", every=0.2)
    assert tuple(counts(target)) == (total, total), kills
    told = until(lambda: [s for s in [leat.told("pump")] if s.get("counts")], 30, "its status")[0]
    assert told["counts"] == {"read": total, "delivered": total, "filtered": 0, "dead": 0,
                              "in_flight": 0}
    until(lambda: sum(committed(kafka, topic).values()) == total, 30, "the group's offsets")
    leat.stop()
    if kind == "postgresql":
        target.drop()


def test_another_leat_shares_the_partitions(kafka, leat, second, copy):
    """Partitions move to a second one, and back when it is killed: each record is there once."""
    topic = kafka.create("shared", partitions=4)
    put(kafka, [created(n) for n in range(4000)], topic)
    config = exactly_once(copy, [topic])
    start(leat, kafka, config)
    until(lambda: leat.alive() or counts(copy)[0] == 4000, 90, "the first rows")
    start(second, kafka, config)
    until(lambda: "sink.partition" in second.stderr, 90, "partitions of the second")
    put(kafka, [created(n) for n in range(4000, 12000)], topic)
    until(lambda: counts(copy)[0] == 12000, 90, "rows by both")
    mine = [json.loads(p) for p, in copy.sql("SELECT position FROM leat_cursors")]
    assert sorted(c["kafka_partition"] for c in mine) == [0, 1, 2, 3]
    put(kafka, [created(n) for n in range(12000, 20000)], topic)
    second.kill()
    put(kafka, [created(n) for n in range(20000, 24000)], topic)
    until(lambda: leat.alive() or counts(copy)[0] >= 24000, 120, "what the second left")
    time.sleep(1)  # whatever would come twice
    assert tuple(counts(copy)) == (24000, 24000)


def test_rows_without_envelopes(kafka, leat, copy):
    """As ExtractNewRecordState leaves them: a row is written, a null behind its key deletes it,
    also where nothing else of the topic was read since the start."""
    topic = kafka.create("shop.public.bare")
    rows = [{"topic": None, "key": text(KEY, {"id": n}),
             "value": text(ROW, {"id": n, "text": f"row {n}"})} for n in range(3)]
    put(kafka, rows, topic)
    config = sink(copy, [topic])
    once(leat, kafka, config)
    assert copy.rows("bare") == [(n, f"row {n}") for n in range(3)]
    put(kafka, [rows[1] | {"value": None}], topic)
    once(leat, kafka, config)
    assert copy.rows("bare") == [(0, "row 0"), (2, "row 2")]
    put(kafka, [rows[1], rows[0] | {"value": None}], topic)
    once(leat, kafka, config)
    assert copy.rows("bare") == [(1, "row 1"), (2, "row 2")]
    other = kafka.create("shop.public.none")
    put(kafka, [rows[0] | {"value": None}], other)
    once(leat, kafka, config | {"topics": other})
    assert copy.sql("SELECT to_regclass('none')") == [(None,)], "a key alone makes no table"


# ---- what goes wrong


def letters(leat):
    lines = leat.call("dead-letters", "pump", "list", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_poison(kafka, leat, copy):
    """What cannot be read stops the sink, or goes to the dead letters and to Connect's topic."""
    topic = kafka.create("poison")
    broken = {"topic": None, "key": text(KEY, {"id": 2}), "value": '{"schema":'}
    bare = {"topic": None, "key": None, "value": '{"a": 1}'}
    misfit = created(4)
    misfit["value"] = misfit["value"].replace('"id":4', '"id":"four"')
    refused = created(5)
    refused["value"] = refused["value"].replace('"row 5"', '"refused"')
    put(kafka, [created(1), broken, bare, misfit, refused, created(6)], topic)
    copy.sql("CREATE TABLE t (id bigint PRIMARY KEY, text text CHECK (text <> 'refused'))")
    config = sink(copy, [topic], table_name_format="t")
    once(leat, kafka, config, ok=1)
    assert "poison-0@1" in leat.stderr and "convert.value" in leat.stderr
    assert copy.rows("t") == [(1, "row 1")], "what is before it was written"
    config |= {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "poisoned",
               "errors.deadletterqueue.topic.replication.factor": "1",
               "errors.deadletterqueue.context.headers.enable": "true"}
    once(leat, kafka, config)
    assert [key for key, _ in copy.rows("t")] == [1, 6]
    kept = sorted(letters(leat), key=lambda l: json.loads(l["position"])["offset"])
    assert [(l["code"], json.loads(l["position"])) for l in kept] == [
        (code, {"topic": topic, "partition": 0, "offset": at})
        for code, at in [("convert.value", 1), ("convert.value", 2), ("convert.value", 3),
                         ("sql.check", 4)]
    ], kept
    shown = json.loads(leat.call("dead-letters", "pump", "show", kept[0]["id"], "--json").stdout)
    assert bytes.fromhex(shown["bytes_hex"]) == broken["value"].encode()
    reported = kafka.read("poisoned")
    assert [r.value for r in reported] == [
        r["value"].encode() for r in (broken, bare, misfit, refused)]
    assert reported[0].key == broken["key"].encode() and reported[1].key is None
    headers = [dict(r.headers) for r in reported]
    stages = [h["__connect.errors.stage"] for h in headers]
    assert stages == [b"VALUE_CONVERTER"] * 3 + [b"TASK_PUT"]
    assert [name for name, _ in reported[0].headers] == ["__connect.errors." + name for name in (
        "topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name",
        "exception.class.name", "exception.message", "exception.stacktrace")]
    assert headers[3]["__connect.errors.offset"] == b"4"
    assert headers[3]["__connect.errors.topic"] == b"poison"
    assert headers[3]["__connect.errors.class.name"] == b"org.apache.kafka.connect.sink.SinkTask"
    # the target is mended: its letter is written, and what waits behind it
    copy.sql("ALTER TABLE t DROP CONSTRAINT t_text_check")
    again = leat.call("dead-letters", "pump", "retry", "--all", "--json", ok=(3,))
    tried = {t["id"]: t for t in json.loads(again.stdout)["letters"]}
    assert tried[kept[3]["id"]]["ok"], tried
    assert [tried[l["id"]]["code"] for l in kept[:3]] == ["dead_letter.source"] * 3, tried
    assert [key for key, _ in copy.rows("t")] == [1, 5, 6]
    put(kafka, [created(7)], topic)
    once(leat, kafka, config)
    assert [key for key, _ in copy.rows("t")] == [1, 5, 6, 7], "it goes on where it was"


# One partition's backlog, of several pulls; each of them takes the target a while.
SLOW = """
CREATE TABLE statements (tx bigint, query text);
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN
  INSERT INTO statements VALUES (txid_current(), current_query());
  PERFORM pg_sleep(0.2);
  RETURN NULL;
END$$;
CREATE TRIGGER s BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""


def test_partitions_move_while_a_transaction_is_open(kafka, leat, second, copy):
    """What one transaction of the target has of several pulls is committed before its partition is
    given away; and is there once, whoever is killed."""
    topic, total = kafka.create("held", partitions=2), 70000
    put(kafka, [created(n) for n in range(total)], topic, partition=0)
    config = exactly_once(copy, [topic])
    copy.sql(SLOW)
    files = start(leat, kafka, config)
    until(lambda: leat.alive() or counts(copy)[0] > 0, 90, "the first rows", every=0.02)
    start(second, kafka, config)
    until(lambda: "sink.partition" in second.stderr, 90, "a partition of the second")
    put(kafka, [created(n) for n in range(total, total + 20000)], topic, partition=0)
    put(kafka, [created(n) for n in range(total + 20000, total + 21000)], topic, partition=1)
    until(lambda: counts(copy)[0] > total // 2, 90, "rows by both")
    second.kill()
    until(lambda: leat.told("pump").get("pid"), 30, "its process")
    os.kill(leat.told("pump")["pid"], signal.SIGKILL)
    until(lambda: leat.alive() or counts(copy)[0] >= total + 21000, 120, "all rows", every=0.2)
    time.sleep(1)  # whatever would come twice
    assert tuple(counts(copy)) == (total + 21000, total + 21000), files
    copies = [n for n, in copy.sql(
        "SELECT count(*) FROM statements WHERE query LIKE '%COPY%' GROUP BY tx")]
    assert max(copies) >= 2, "a commit for each pull"


def test_poison_far_behind(kafka, leat, copy):
    """A record that cannot be read, pulls behind the first: all before it is written when the sink
    stops there, and all but it when it goes to the dead letters."""
    topic, at = kafka.create("far"), 31234
    records = [created(n) for n in range(40000)]
    records[at]["value"] = '{"schema":'
    put(kafka, records, topic)
    config = exactly_once(copy, [topic])
    once(leat, kafka, config, ok=1)
    assert f"{topic}-0@{at}" in leat.stderr
    assert tuple(counts(copy)) == (at, at), "what is before it was written"
    config |= {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "far-dead",
               "errors.deadletterqueue.topic.replication.factor": "1"}
    once(leat, kafka, config)
    assert tuple(counts(copy)) == (39999, 39999)
    assert [json.loads(l["position"])["offset"] for l in letters(leat)] == [at]
    assert [r.value for r in kafka.read("far-dead")] == [b'{"schema":']


def test_kafka_away(own_kafka, leat, copy):
    """While Kafka is away the sink waits; then it goes on where it was."""
    topic = own_kafka.create("away", partitions=2)
    put(own_kafka, [created(n) for n in range(100)], topic)
    start(leat, own_kafka, exactly_once(copy, [topic]))
    until(lambda: leat.alive() or counts(copy)[0] == 100, 90, "the first rows")
    own_kafka.stop()
    until(lambda: leat.alive() or "kafka.down" in leat.stderr, 60, "the warning")
    own_kafka.start()
    put(own_kafka, [created(n) for n in range(100, 200)], topic)
    until(lambda: leat.alive() or counts(copy)[0] >= 200, 120, "the rows behind that")
    assert tuple(counts(copy)) == (200, 200)


def test_a_topic_that_is_made_anew(kafka, leat, copy):
    """Deleted and made again, it is read from its beginning, though it has the cursor's offset."""
    topic = kafka.create("remade")
    put(kafka, [created(n) for n in range(10)], topic)
    config = exactly_once(copy, [topic])
    once(leat, kafka, config)
    assert tuple(counts(copy)) == (10, 10)
    kafka.delete(topic)
    kafka.create(topic)
    put(kafka, [created(n) for n in range(100, 130)], topic)
    once(leat, kafka, config)
    assert "kafka.topic_remade" in leat.stderr
    assert tuple(counts(copy)) == (40, 40)


def test_what_was_removed_is_told(kafka, leat, copy):
    """Records that retention took before they were read: the sink stops, or goes on if told so."""
    topic = kafka.create("removed")
    put(kafka, [created(n) for n in range(10)], topic)
    config = exactly_once(copy, [topic])
    once(leat, kafka, config)
    put(kafka, [created(n) for n in range(10, 30)], topic)
    upto = TopicPartition(topic, 0, 20)
    kafka.admin.delete_records([upto])[upto].result(30)
    once(leat, kafka, config, ok=1)
    assert "stream.gap" in leat.stderr and "offsets 10 to 19" in leat.stderr
    once(leat, kafka, config | {"consumer.override.auto.offset.reset": "earliest"})
    assert tuple(counts(copy)) == (20, 20)


def test_topics_by_a_pattern(kafka, leat, copy):
    """All that fit, also those that come later; the group's name is the user's."""
    kafka.create("fit.one")
    kafka.create("unfit.one")
    put(kafka, [created(1)], "fit.one")
    put(kafka, [created(2)], "unfit.one")
    config = exactly_once(copy, []) | {"topics.regex": r"fit\..*",
                                       "consumer.override.group.id": "mine"}
    del config["topics"]
    files = start(leat, kafka, config)
    until(lambda: leat.alive() or counts(copy)[0] == 1, 90, "the first row")
    checked = leat.call("check", "--kafka", kafka.bootstrap, files[1]).stdout
    assert "1 there, read as the group mine" in checked, checked
    assert "offsets.kafka" in leat.call("offsets", "pump", ok=(1,)).stderr
    kafka.create("fit.two")
    put(kafka, [created(3)], "fit.two")
    until(lambda: leat.alive() or counts(copy)[0] == 2, 60, "a row of a later topic")
    assert [i for i, in copy.sql("SELECT id FROM t ORDER BY 1")] == [1, 3]
    until(lambda: committed(kafka, "fit.two", "mine") == {0: 1}, 30, "the group's offsets")

"""schema.history.exchange: Debezium's schema history is adopted, from its topic or file, and
mirrored to its topic."""

import json
import os

import pytest
from binlog import restart, stream
from confluent_kafka import Consumer, KafkaException, TopicPartition
from servers.process import until
from test_signal_kafka import send

INTERNAL = "schema.history.internal"
FILE = "io.debezium.storage.file.history.FileSchemaHistory"


@pytest.fixture
def shop(binlog):
    """A log without names: what columns were called only a history knows."""
    binlog.sql("SET GLOBAL binlog_row_metadata = MINIMAL")
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY, was int)", "shop")
    yield binlog
    binlog.sql("SET GLOBAL binlog_row_metadata = FULL")


def configured(leat, server, way, **more):
    config = server.properties(database__include__list="shop") | more
    return leat.write("shop.properties", config | {"schema.history.exchange": way})


def topic_of(kafka, topic):
    return {f"{INTERNAL}.kafka.bootstrap.servers": kafka.bootstrap,
            f"{INTERNAL}.kafka.topic": topic}


def lines_in(kafka, topic):
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "x", "log_level": 0,
                         "enable.auto.commit": False})
    try:
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        except KafkaException:  # the topic is not there yet
            return []
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = []
        while len(found) < end:
            m = consumer.poll(30)
            assert m is not None, f"{len(found)} of {end} records"
            if not m.error():
                assert m.key() is None
                found.append(json.loads(m.value()))
        return found
    finally:
        consumer.close()


def forgotten(leat, server):
    """Has a leat read up to a row; forgets its history, of which the lines are the answer; then
    rows are made that the catalogue's description would be wrong for."""
    leat.call("run", "--once", configured(leat, server, "off"), seconds=120)
    lines = leat.call("schema", "shop", "export").stdout.splitlines()
    leat.call("schema", "shop", "rebuild", "--yes")
    server.sql("INSERT INTO a VALUES (1, 7); ALTER TABLE a RENAME COLUMN was TO becomes", "shop")
    assert any("`a`" in json.loads(line)["ddl"] for line in lines), lines
    return lines


def rows(leat):
    return [r["value"]["after"] for r in leat.read("shop.shop.a")]


def test_adopted(shop, leat, kafka):
    """From the topic, all or nothing: what is no entry is named; without it the connector stops."""
    topic = kafka.create(f"{shop.kind}-history")
    lines = forgotten(leat, shop)
    said = leat.call("run", "--once", configured(leat, shop, "off"), ok=(1,), seconds=120).stderr
    assert "mysql.schema_unknown" in said
    leat.call("schema", "shop", "rebuild", "--yes")
    config = configured(leat, shop, "adopt", **topic_of(kafka, topic))
    for line in lines:
        send(kafka, topic, None, line)
    leat.call("run", "--once", config, seconds=120)
    assert rows(leat) == [{"id": 1, "was": 7}]
    shown = leat.call("schema", "shop", "show", "shop.a", "--json").stdout
    assert "CREATE TABLE" in shown
    assert "schema.adopted" not in leat.call("run", "--once", config, seconds=120).stderr


def test_adopted_from_a_file(shop, leat):
    path = os.path.join(leat.folder, "history.dat")
    lines = forgotten(leat, shop)
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join([*lines, "{}"]) + "\n")
    config = configured(leat, shop, "adopt",
                        **{INTERNAL: FILE, f"{INTERNAL}.file.filename": path})
    said = leat.call("run", "--once", config, ok=(1,), seconds=120).stderr
    assert "schema.record" in said and f"record {len(lines) + 1}:" in said
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    said = leat.call("run", "--once", config, seconds=120).stderr
    assert "schema.adopted" in said
    assert rows(leat) == [{"id": 1, "was": 7}]


def test_adopted_ahead_of_the_offset(shop, leat):
    """Debezium's history has a statement that its offset lacks: it is read once more, and what the
    history says of it counts, although the table was altered again behind it."""
    off = configured(leat, shop, "off")
    leat.call("run", "--once", off, seconds=120)
    begun = leat.call("offsets", "shop", "--json").stdout
    shop.sql("ALTER TABLE a RENAME COLUMN was TO is1; INSERT INTO a VALUES (1, 7)", "shop")
    leat.call("run", "--once", off, seconds=120)
    path = leat.write("history.dat", leat.call("schema", "shop", "export").stdout)
    leat.call("schema", "shop", "rebuild", "--yes")
    leat.call("offsets", "shop", "set", leat.write("begun.json", begun), "--yes")
    shop.sql("ALTER TABLE a RENAME COLUMN is1 TO is2", "shop")
    config = configured(leat, shop, "adopt", **{INTERNAL: FILE, f"{INTERNAL}.file.filename": path})
    leat.call("run", "--once", config, seconds=120)
    assert rows(leat) == [{"id": 1, "is1": 7}] * 2


def test_mirrored(shop, leat, kafka):
    """What is noted stands in the topic, once, over restarts; from there another goes on."""
    topic = f"{shop.kind}-mirror"
    config = configured(leat, shop, "mirror", **topic_of(kafka, topic))
    stream(leat, config)
    shop.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1)", "shop")
    leat.read_until("shop.shop.b", 1, seconds=60)

    def mirrored():
        return [line["ddl"] for line in lines_in(kafka, topic)]

    until(lambda: leat.alive() or any("CREATE TABLE b" in d for d in mirrored()), 60, "the topic")
    leat.stop()
    restart(leat, config)
    shop.sql("ALTER TABLE b ADD COLUMN v int; INSERT INTO b VALUES (2, 2)", "shop")
    until(lambda: leat.alive() or any("ALTER TABLE b" in d for d in mirrored()), 60, "the topic")
    found = mirrored()
    assert len([d for d in found if d.startswith("CREATE TABLE b")]) == 1, found
    leat.read_until("shop.shop.b", 2, seconds=60)
    leat.stop()
    leat.call("schema", "shop", "rebuild", "--yes")
    said = leat.call("run", "--once", config, seconds=120).stderr
    assert "schema.adopted" in said
    assert len(lines_in(kafka, topic)) == len(found), "what was adopted is not written back"
    leat.call("schema", "shop", "rebuild", "--yes")
    os.remove(os.path.join(leat.data, "connectors/shop/schemas.mirrored"))
    adopt = configured(leat, shop, "adopt", **topic_of(kafka, topic))
    leat.call("run", "--once", adopt, seconds=120)
    restart(leat, configured(leat, shop, "mirror", **topic_of(kafka, topic)))
    shop.sql("CREATE TABLE c (id int PRIMARY KEY)", "shop")
    until(lambda: leat.alive() or any("CREATE TABLE c" in d for d in mirrored()), 60, "the topic")
    behind = mirrored()
    assert behind[:len(found)] == found
    assert not any("b` (" in d or "TABLE b" in d for d in behind[len(found):]), behind


def test_refused(shop, leat, kafka):
    """What is missing is named, and a topic that is not there."""
    for way, more, word in (
        ("adopt", {}, f"{INTERNAL}.kafka.bootstrap.servers"),
        ("adopt", {f"{INTERNAL}.kafka.bootstrap.servers": "x:1"}, f"{INTERNAL}.kafka.topic"),
        ("adopt", {INTERNAL: FILE}, f"{INTERNAL}.file.filename"),
        ("mirror", {INTERNAL: FILE, f"{INTERNAL}.file.filename": "x"}, "take adopt"),
    ):
        done = leat.call("check", configured(leat, shop, way, **more), ok=None)
        assert done.returncode == 2 and word in done.stdout + done.stderr, (way, more)
    config = configured(leat, shop, "adopt", **topic_of(kafka, f"{shop.kind}-no-such"))
    said = leat.call("run", "--once", config, ok=(1,), seconds=120).stderr
    assert f"{shop.kind}-no-such" in said


def test_the_topic_of_schema_changes_is_checked(binlog, leat, kafka):
    """`leat check` looks at it beside the tables' topics, where it is written."""
    binlog.sql("CREATE TABLE a (id int PRIMARY KEY)", "shop")
    worker = leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap})
    for wanted in ("true", "false"):
        prefix = f"{binlog.kind}-{wanted}"
        config = binlog.properties(database__include__list="shop", topic__prefix=prefix)
        file = leat.write("shop.properties", config | {"include.schema.changes": wanted})
        out = leat.call("check", worker, file, "--json", ok=(0, 3)).stdout
        steps = [json.loads(line)["step"] for line in out.splitlines() if '"step"' in line]
        assert f"kafka topic {prefix}.shop.a" in steps, out
        assert (f"kafka topic {prefix}" in steps) == (wanted == "true"), out

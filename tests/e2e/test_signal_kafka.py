"""Signals through a topic of Kafka: Debezium's names, its keys, its place in the topic."""

import json

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from servers.process import until
from test_signal import idle, ids, logged, position, running, shop  # noqa: F401

WANTED = {"type": "execute-snapshot",
          "data": {"data-collections": ["public.a"], "type": "INCREMENTAL"}}


def send(kafka, topic, key, value, partition=0):
    """One record, there when this returns."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    value = value if value is None or isinstance(value, str) else json.dumps(value)
    producer.produce(topic, key=key, value=value, partition=partition)
    assert producer.flush(60) == 0


def committed(kafka, topic, group="kafka-signal"):
    """The group's place in the topic; None: it has none."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "log_level": 0})
    try:
        (at,) = consumer.committed([TopicPartition(topic, 0)], timeout=30)
        return at.offset if at.offset >= 0 else None
    finally:
        consumer.close()


def channel(kafka, topic, **more):
    names = {"signal_enabled_channels": "source,kafka", "signal_kafka_topic": topic,
             "signal_kafka_bootstrap_servers": kafka.bootstrap}
    return names | more


def test_signals(shop, leat, kafka):  # noqa: F811
    """The key decides; what is no signal is told, and passed; what is done is committed, and after
    a restart nothing is done again."""
    topic = kafka.create(f"{shop.name}-signals")
    running(leat, shop, **channel(kafka, topic, incremental_snapshot_chunk_size=30))
    send(kafka, topic, "another", WANTED)
    send(kafka, topic, None, WANTED)
    send(kafka, topic, "shop", "no json")
    send(kafka, topic, "shop", None)
    send(kafka, topic, "shop", {"id": "odd", "type": "dance", "data": {}})
    send(kafka, topic, "shop", {"id": "l1", "type": "log", "data": {"message": "by Kafka {}"}})
    logged(leat, "offset=2 a signal is no JSON")
    logged(leat, "offset=4 expected log, execute-snapshot")
    logged(leat, 'id="l1" by Kafka {"lsn_proc"')
    assert ids(leat) == []
    send(kafka, topic, "shop", WANTED)
    until(lambda: len(ids(leat)) == 100, 60, "the rows")
    idle(leat)
    until(lambda: committed(kafka, topic) == 7, 60, "the place in the topic")
    assert leat.stop() == 0
    running(leat, shop, **channel(kafka, topic))
    send(kafka, topic, "shop", {"id": "l2", "type": "log", "data": {"message": "the second"}})
    logged(leat, 'id="l2" the second')
    assert leat.stderr.count("by Kafka") == 1 and len(ids(leat)) == 100


def test_what_is_not_done_comes_again(shop, leat, faulty, kafka):  # noqa: F811
    """Killed before it is durable that a signal was taken: it is not committed, and done then."""
    topic = kafka.create(f"{shop.name}-signals")
    send(kafka, topic, "shop", WANTED)
    faulty.run(faulty.write("shop.properties", shop.properties(
        name="shop", snapshot_mode="no_data", **channel(kafka, topic))),
        env={"LEAT_FAULT": "stream_mark:2:kill"})
    until(lambda: "child_died" in faulty.stderr, 60, "the kill")
    faulty.kill()
    assert committed(kafka, topic) is None
    running(leat, shop, **channel(kafka, topic))
    until(lambda: set(ids(leat)) == set(range(1, 101)), 60, "the rows")
    until(lambda: committed(kafka, topic) == 1, 60, "the place in the topic")


def test_the_topic_comes_later(shop, leat, kafka):  # noqa: F811
    """It is waited for; by default it is the prefix with -signal; a second partition is told. Where
    the group has no place it begins at the end, if it is to."""
    topic, prefix = f"{shop.name}-signal", shop.name
    more = {"topic_prefix": prefix, "signal_consumer_auto_offset_reset": "latest",
            "signal_consumer_group_id": f"{prefix}-group"}
    names = channel(kafka, None, **more)
    del names["signal_kafka_topic"]
    running(leat, shop, **names)
    logged(leat, "signal.topic_missing")
    kafka.create(topic, partitions=2)

    def answered():
        send(kafka, topic, prefix, {"id": "x", "type": "log", "data": {"message": "at last"}})
        return "at last" in leat.stderr

    until(answered, 90, "an answer", every=1)
    logged(leat, "has 2 partitions, of which only the first one is read")
    until(lambda: committed(kafka, topic, f"{prefix}-group"), 60, "the place in the topic")
    assert committed(kafka, topic) is None


def test_beside_the_stream_in_kafka(shop, leat, kafka):  # noqa: F811
    """The brokers are those of the stream where no others are named; the notifications go there."""
    prefix = shop.name
    topic = kafka.create(f"{prefix}-signal")
    props = shop.properties(
        name="shop", topic_prefix=prefix, snapshot_mode="no_data",
        signal_enabled_channels="kafka", notification_enabled_channels="sink,log",
        notification_sink_topic_name=f"{prefix}.notes") | {
        "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
    leat.run("--kafka", kafka.bootstrap, leat.write("shop.properties", props))
    send(kafka, topic, prefix, WANTED | {"id": "k1"})
    rows = kafka.read_until(f"{prefix}.public.a", 100)
    assert {json.loads(r.value)["source"]["snapshot"] for r in rows} == {"incremental"}
    notes = [json.loads(r.value) for r in kafka.read_until(f"{prefix}.notes", 6)]
    notes = [n for n in notes if n["aggregate_type"] == "Incremental Snapshot"]
    assert [n["type"] for n in notes] == [
        "STARTED", "IN_PROGRESS", "TABLE_SCAN_COMPLETED", "COMPLETED"]
    assert {n["id"] for n in notes} == {"k1"}
    logged(leat, "aggregate=\"Incremental Snapshot\" type=COMPLETED id=\"k1\"")


@pytest.mark.parametrize("change,words", [
    ({"signal_kafka_bootstrap_servers": ""}, "signal.kafka.bootstrap.servers: is required"),
    ({"signal_consumer_security_protocol": "ROT13"}, "signal.consumer.security.protocol: must be"),
    ({"signal_consumer_interceptor_classes": "x"}, "signal.consumer.interceptor.classes"),
    ({"signal_consumer_nonsense": "x"}, "signal.consumer.nonsense"),
])
def test_refused(shop, leat, change, words):  # noqa: F811
    names = {"signal_enabled_channels": "kafka",
             "signal_kafka_bootstrap_servers": "127.0.0.1:1"} | change
    done = leat.call("run", "--once", "--strict", leat.write(
        "shop.properties", shop.properties(name="shop", **names)), ok=(2,))
    assert words in done.stderr


def test_kafka_is_away(shop, leat):  # noqa: F811
    """It is told, and nothing else waits for it."""
    running(leat, shop, signal_enabled_channels="kafka",
            signal_kafka_bootstrap_servers="127.0.0.1:1")
    logged(leat, "could not read the topic of signals")
    shop.sql("INSERT INTO a VALUES (101, 'new')")
    leat.read_until("shop.public.a", 1)
    assert position(leat)
    assert leat.stop() == 0


def test_check(shop, leat, kafka):  # noqa: F811
    """leat check tells where it would go on, and what is wrong with the topic."""
    def said(topic, **more):
        config = leat.write("shop.properties", shop.properties(
            name="shop", **channel(kafka, topic, signal_kafka_groupId=shop.name, **more)))
        lines = leat.call("check", "--json", config, ok=None).stdout.splitlines()
        (step,) = [s for s in map(json.loads, lines) if s["step"] == "signal topic"]
        return step["state"], step.get("code"), step["detail"]

    one, two = kafka.create(f"{shop.name}-one"), kafka.create(f"{shop.name}-two", partitions=2)
    send(kafka, one, "shop", WANTED)
    state, _, detail = said(one)
    assert state == "ok" and detail == (
        f"{one} holds offsets 0 to 1; {shop.name} goes on at its beginning, since the group has "
        "no place")
    assert said(two)[:2] == ("warn", "signal.partitions")
    assert said(f"{shop.name}-none")[:2] == ("warn", "signal.topic_missing")
    assert said(one, signal_kafka_bootstrap_servers="127.0.0.1:1")[:2] == ("FAILED", "kafka.down")

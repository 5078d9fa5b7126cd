"""Exactly once into a real Kafka: whatever is killed, a reader with isolation.level=read_committed
sees each change once and in order; who was replaced writes nothing more that can be seen. KILLS and
KILL_SEED: how often and when."""

import json
import os
import signal
import time

import pytest
from confluent_kafka import Producer
from leat import Leat
from load import check_tables
from servers.process import until
from test_kafka import (
    KILLS,
    OnKafka,
    all_there,
    caught_up,
    check_complete,
    number,
    own_kafka,  # noqa: F401 - a fixture
    parse,
    survives_kills,
)

ONCE = {"exactly.once.support": "required", "spool.after.ms": "1000"}
OFFSETS = "connect-offsets"


def check_once(records, hint):
    """The changes of a topic: none is there twice, and those of a key are in order."""
    seen, last = set(), {}
    for r in records:
        value = r["value"]
        if value is None or value.get("transaction") is None or r["key"] is None:
            continue
        assert number(r) not in seen, f"{number(r)} is there twice {hint}"
        seen.add(number(r))
        key, lsn = json.dumps(r["key"]), value["source"]["lsn"]
        assert last.get(key, 0) <= lsn, f"{key} has {lsn} behind {last[key]} {hint}"
        last[key] = lsn
    return seen


def check(db, leat, kafka, hint=""):
    got = all_there(db, leat, kafka)
    caught_up(db, leat)
    until(lambda: leat.status("shop")["counts"]["in_flight"] == 0, 60, "a ledger that balances")
    check_tables(db, got, hint)
    seen = set()
    for topic, records in got.records.items():
        seen |= check_once(records, f"in {topic} {hint}")
    ends = [json.loads(r.value)["id"] for r in kafka.read("shop.transaction")
            if json.loads(r.value)["status"] == "END"]
    assert len(ends) == len(set(ends)), f"the end of a transaction is there twice {hint}"
    return check_complete(kafka, seen, hint)


def offsets(kafka, name, topic=OFFSETS):
    """Partition -> offset, of one connector, as Kafka Connect reads them."""
    found = {}
    for r in kafka.read(topic):
        connector, partition = json.loads(r.key)
        if connector == name:
            found[json.dumps(partition)] = r.value and json.loads(r.value)
    return found


@pytest.mark.parametrize("boundary", ["poll", "interval", "connector"])
def test_once(db, leat, kafka, boundary):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, name text)")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    name = f"once{boundary}"
    own = {"offsets.storage.topic": f"{db.name}.offsets"} if boundary == "connector" else {}
    props = db.properties(name=name, topic_prefix=db.name) | ONCE | own | {
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "transaction.boundary": boundary,
        "transaction.boundary.interval.ms": "500",
        "topic.creation.default.partitions": "2",
        "topic.creation.default.replication.factor": "1",
    }
    files = ["--kafka", kafka.bootstrap, leat.write("once.properties", props)]
    leat.run(*files)
    topic = f"{db.name}.public.orders"
    kafka.read_until(topic, 1)
    db.sql("INSERT INTO orders SELECT g, 'b' FROM generate_series(2, 5000) g")
    db.sql("UPDATE orders SET name = 'c' WHERE id = 1")
    db.sql("DELETE FROM orders WHERE id = 1")
    records = [parse(r) for r in kafka.read_until(topic, 5003)]
    ids = sorted(r["key"]["id"] for r in records if r["value"] and r["value"]["op"] == "c")
    assert ids == list(range(2, 5001))
    ones = [r["value"] and r["value"]["op"] for r in records if r["key"]["id"] == 1]
    assert ones == ["r", "u", "d", None]
    caught_up(db, leat)
    until(lambda: leat.status(name)["delivery"]["once"]["commits"] > 0, 60, "the count of commits")
    found = offsets(kafka, name, *own.values())
    source = found[json.dumps({"server": db.name})]
    assert source["lsn_commit"] > 0 and source["messageType"] == "COMMIT"
    assert leat.stop() == 0
    leat.run(*files)  # nothing comes again
    db.sql("INSERT INTO orders VALUES (6000, 'd')")
    kafka.read_until(topic, 5004)
    caught_up(db, leat)
    assert len(kafka.read(topic)) == 5004
    assert leat.stop() == 0


def put_offset(kafka, topic, name, server, at):
    """As a task of Kafka Connect writes it."""
    offset = {"lsn_proc": at, "messageType": "COMMIT", "lsn_commit": at, "lsn": at, "txId": 7,
              "ts_usec": 1}
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(topic, key=json.dumps([name, {"server": server}], separators=(",", ":")),
                     value=json.dumps(offset))
    assert producer.flush(60) == 0


def test_goes_on_where_connect_stood(db, leat, kafka):
    """A first start takes the offset that Kafka Connect left; a later one, too, where Kafka Connect
    has gone on meanwhile."""
    name, topic = "went", f"{db.name}.offsets"
    db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    db.sql(f"CREATE PUBLICATION {db.name} FOR ALL TABLES")
    db.sql(f"SELECT pg_create_logical_replication_slot('{db.name}', 'pgoutput')")

    def insert(key):
        db.sql(f"INSERT INTO orders VALUES ({key})")
        return int(db.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0])

    def ids():
        leat.run("--once", *files)
        assert leat.wait() == 0
        return sorted(parse(r)["key"]["id"] for r in kafka.read(f"{db.name}.public.orders"))

    at = insert(1)
    insert(2)
    kafka.create(topic, **{"cleanup.policy": "compact"})
    put_offset(kafka, topic, name, db.name, at)
    files = ["--kafka", kafka.bootstrap, leat.write("went.properties", db.properties(
        name=name, topic_prefix=db.name) | ONCE | {
            "key.converter.schemas.enable": "false", "offsets.storage.topic": topic})]
    told = {step["step"]: step for step in map(
        json.loads, leat.call("check", "--json", *files, ok=None).stdout.splitlines())}
    assert told["kafka transactional id"]["state"] == "ok"
    assert "transaction.max.timeout.ms=" in told["kafka transaction timeout"]["detail"]
    assert ids() == [2]
    mine = offsets(kafka, name, topic)[json.dumps({"server": db.name})]
    assert mine["lsn_commit"] > at
    put_offset(kafka, topic, name, db.name, insert(3))
    insert(4)
    assert ids() == [2, 4]
    assert "kafka.offsets_taken" in leat.stderr


@pytest.mark.timeout(600 + 60 * KILLS)
def test_once_kills(db, leat, own_kafka):  # noqa: F811
    survives_kills(db, leat, own_kafka, check, **ONCE)


def running(leat, name):
    done = leat.call("status", name, "--json", ok=None)
    return done.returncode == 0 and json.loads(done.stdout).get("state") == "RUNNING"


def test_zombie(db, leat, kafka, tmp_path):
    """A process that was stopped, and replaced meanwhile, writes nothing more that can be seen."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, name text)")
    props = db.properties(name="zombie", topic_prefix=db.name) | ONCE | {
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "snapshot.mode": "no_data",
    }
    files = ["--kafka", kafka.bootstrap, leat.write("zombie.properties", props)]
    topic = f"{db.name}.public.orders"
    leat.run(*files)
    until(lambda: running(leat, "zombie"), 120, "the connector")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    kafka.read_until(topic, 1)
    caught_up(db, leat)
    pid = leat.status("zombie")["pid"]
    os.kill(pid, signal.SIGSTOP)
    db.sql("INSERT INTO orders SELECT g, 'b' FROM generate_series(2, 100) g")
    other = Leat(tmp_path / "other", leat.binary)
    try:
        db.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots"
               " WHERE slot_name = %s AND active", db.name)  # as wal_sender_timeout does
        other.run(*files)
        kafka.read_until(topic, 100)
        os.kill(pid, signal.SIGCONT)
        until(lambda: "kafka.fenced" in leat.stderr, 120, "the end of the one that was replaced")
        db.sql("INSERT INTO orders SELECT g, 'c' FROM generate_series(101, 200) g")
        records = [parse(r) for r in kafka.read_until(topic, 200)]
        assert sorted(r["key"]["id"] for r in records) == list(range(1, 201))
        caught_up(db, other)
        assert len(kafka.read(topic)) == 200
    finally:
        leat.kill()
        other.stop()

"""`leat shadow` on a real Kafka: equal streams, streams that differ, and what it leaves behind.

What stands there for Debezium is a leat that writes to Kafka; tests/peers has the real one.
"""

import json
import os
import signal

import pytest
from confluent_kafka import Producer
from leat import Leat
from servers.process import until
from shadow import Shadow, describe
from workload import Workload

PLAIN = {
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
    "skipped.operations": "none",
    "snapshot.mode": "no_data",
}
SEED = 4711


@pytest.fixture
def other(tmp_path):
    """The one that writes to Kafka."""
    one = Leat(tmp_path / "other")
    yield one
    one.kill()


def write(other, kafka, db, prefix, **more):
    """Starts it; its configuration, as shadow gets it."""
    config = {**db.properties(), "topic.prefix": prefix, "publication.autocreate.mode":
              "all_tables", "name": prefix, **PLAIN, **more}
    other.run("--kafka", kafka.bootstrap, other.write(f"{prefix}.properties", config))
    until(lambda: any(s["active"] for s in db.slots().values()), 60, "its slot")
    return config


def shadow_of(leat, kafka, config, *args, **more):
    """A shadow of that configuration."""
    file = leat.write(f"{config['name']}.properties", {**config, **more})
    return Shadow(leat, "--kafka", kafka.bootstrap, *args, file)


def compared(shadow, n):
    """Until a line of progress says so."""

    def enough():
        shadow.leat.alive()
        return any(e["compared"] >= n for e in shadow.events("progress"))

    until(enough, 120, f"{n} records compared", every=0.2)


def test_equal(db, leat, other, kafka):
    """Over the fixed workload that the comparison with Debezium has, too."""
    load = Workload(db, SEED)
    config = write(other, kafka, db, "equal", **{"provide.transaction.metadata": "true"})
    shadow = shadow_of(leat, kafka, config).ready()
    load.round(1500)
    for change in (load.clear, load.alter):
        shadow.rest(seconds=300)
        change()
    shadow.rest(seconds=300)
    load.round(500)
    compared(shadow, 2000)
    status, result = shadow.end()
    assert status == 0, describe(shadow)
    assert result["finished"] and result["compared"] == result["equal"] >= 2000
    assert sum(result["differences"].values()) == 0
    assert list(db.slots()) == [db.name], "only the shadow's slot is dropped"
    assert not os.listdir(os.path.join(leat.data, "shadow"))


def test_differences(db, leat, other, kafka):
    """A value, a record too few and a record too many are told, with where and what."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    db.sql("CREATE TABLE left_out (id int PRIMARY KEY)")
    masked = {"column.mask.with.4.chars": "public.t.v", "table.exclude.list": "public.left_out"}
    config = write(other, kafka, db, "differ", **masked)
    for option in masked:
        del config[option]
    shadow = shadow_of(leat, kafka, config, "--wait", "3").ready()
    db.sql("INSERT INTO left_out VALUES (1)")
    db.sql("INSERT INTO t VALUES (1, 'seen')")
    (record,) = kafka.read_until("differ.public.t", 1)
    value = json.loads(record.value)
    value["source"]["txId"] += 1  # nobody made this one
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce("differ.public.t", json.dumps(value), record.key)
    assert producer.flush(30) == 0
    db.sql("INSERT INTO t VALUES (2, '****')")
    db.sql("INSERT INTO t VALUES (3, '****')")
    kinds = {"content", "missing", "extra"}
    until(lambda: {d["kind"] for d in shadow.events("difference")} >= kinds, 60, "all", every=0.2)
    status, result = shadow.end()
    assert status == 3
    found = {d["kind"]: d for d in shadow.events("difference")}
    assert found["content"]["path"] == "value.after.v"
    assert (found["content"]["leat"], found["content"]["debezium"]) == ('"seen"', '"****"')
    assert found["missing"]["topic"] == "differ.public.left_out"
    assert found["extra"]["topic"] == "differ.public.t" and found["extra"]["offset"] == 1
    assert result["differences"]["content"] == result["differences"]["extra"] == 1


def test_what_a_killed_one_leaves(db, leat, other, kafka):
    """Its slot is dropped by the next one; one that stands beside it is refused by name."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    config = write(other, kafka, db, "killed")
    shadow = shadow_of(leat, kafka, config).ready()
    file = leat.write("killed.properties", config)
    done = leat.call("shadow", "--kafka", kafka.bootstrap, file, ok=(1,))
    assert "shadow.running" in done.stderr
    name = f"{db.name}_shadow"
    leat.process.signal(signal.SIGKILL)
    leat.wait()
    until(lambda: not db.slots()[name]["active"], 60, "the slot without its reader", every=0.1)
    os.remove(leat.out)
    shadow = shadow_of(leat, kafka, config).ready()
    db.sql("INSERT INTO t VALUES (1)")
    compared(shadow, 1)
    status, _ = shadow.end()
    assert status == 0, describe(shadow)
    assert name not in db.slots()
    db.sql(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')")
    done = leat.call("shadow", "--kafka", kafka.bootstrap, file, ok=(1,))
    assert "shadow.slot_exists" in done.stderr and name in done.stderr
    assert name in db.slots(), "somebody else's slot is left alone"


def test_wrong_usage(leat):
    """What is missing is named; nothing is begun."""
    file = leat.write("c.properties", {"connector.class": "postgres", "name": "c"})
    log = leat.write("log.properties", {
        "connector.class": "mysql", "name": "log", "topic.prefix": "log", "database.user": "u",
        "database.hostname": "127.0.0.1", "database.port": "1",
    })
    for args, said in (
        ((), "name the file"),
        ((file,), "config.stream"),
        (("--wait", "0", file), "--wait"),
        (("--kafka", "127.0.0.1:1", file), "database.hostname"),
        (("--kafka", "127.0.0.1:1", leat.write("w.properties", "group.id=x\n")), "config"),
        (("--kafka", "127.0.0.1:1", "--slot", "s", log), "--slot: MySQL has no slots"),
        (("--kafka", "127.0.0.1:1", "--keep-slot", log), "--keep-slot: MySQL has no slots"),
    ):
        done = leat.call("shadow", *args, ok=(2,))
        assert said in done.stderr, args
    rules = leat.json("shadow", "--rules")
    assert all(r["reason"] for r in rules["passed_over"] + rules["not_compared"])

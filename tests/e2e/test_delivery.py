"""Kafka as the stream: records as `leat read` shows those of the embedded stream, the spool while
Kafka is away, kills in all its phases, records that Kafka refuses."""

import json
import os
import random
import signal
import time

import pytest
from servers.process import until

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)


@pytest.fixture
def shop(db, kafka):
    """Topics of its own: Kafka is shared."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, n int, what text)")
    db.prefix = f"shop{random.randrange(1 << 40)}"
    db.topic = f"{db.prefix}.public.orders"
    return db


def start(leat, db, kafka, *args, **more):
    props = db.properties(**{"name": "shop", "topic_prefix": db.prefix, **more})
    config = leat.write("shop.properties", props)
    leat.run(*args, "--kafka", kafka.bootstrap, config)
    return config


def status(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def phase(leat):
    return status(leat).get("delivery", {}).get("state")


def flushed(db):
    (row,) = db.sql("SELECT confirmed_flush_lsn - '0/0'::pg_lsn FROM pg_replication_slots "
                    f"WHERE slot_name = '{db.name}'")
    return int(row[0])


def now(db):
    return int(db.sql("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")[0][0])


def changes(records):
    """(id, n, lsn) of each, repeats left out; those of a key stand in the source's order."""
    seen, last, out = set(), {}, []
    for record in records:
        value = json.loads(record.value) if record.value else None
        if not value:
            continue
        row, at = value["after"] or value["before"], value["source"]["lsn"]
        change = (row["id"], row["n"], at, value["op"])
        if change in seen:
            continue
        seen.add(change)
        assert at >= last.get(row["id"], 0), f"{change} after {last[row['id']]}"
        last[row["id"]] = at
        out.append(change)
    return out


def test_records_are_those_of_the_embedded_stream(shop, kafka, leat, tmp_path):
    shop.sql("INSERT INTO orders SELECT i, 0, 'row ' || i FROM generate_series(1, 5) i")
    start(leat, shop, kafka)
    until(lambda: status(leat).get("state") == "RUNNING", 30, "the stream")
    shop.sql("UPDATE orders SET n = 1 WHERE id = 2")
    shop.sql("UPDATE orders SET id = 9 WHERE id = 3")
    shop.sql("DELETE FROM orders WHERE id = 1")
    records = kafka.read_until(shop.topic, 11)
    assert len(records) == 11
    got = [(json.loads(r.key), json.loads(r.value) if r.value else None) for r in records]
    assert [v["payload"]["op"] if v else None for _, v in got] == \
        ["r"] * 5 + ["u", "d", None, "c", "d", None]
    assert got[5][0]["payload"] == {"id": 2}
    assert got[5][1]["schema"]["name"] == f"{shop.topic}.Envelope"
    names = [name for name, _ in records[8].headers]
    assert "__debezium.oldkey" in names, names
    until(lambda: flushed(shop) > 0, 30, "an acknowledgement")


def schemaless():
    return {"key_converter_schemas_enable": "false", "value_converter_schemas_enable": "false"}


def test_away_under_load(shop, kafka, leat):
    """While Kafka is away the log is let go; all arrives when it is back, in order."""
    start(leat, shop, kafka, spool_after_ms=500, **schemaless())
    until(lambda: status(leat).get("state") == "RUNNING", 30, "the stream")
    shop.sql("INSERT INTO orders SELECT i, 0, 'x' FROM generate_series(1, 200) i")
    kafka.read_until(shop.topic, 200)
    kafka.kill()
    for n in range(1, 31):
        shop.sql(f"UPDATE orders SET n = {n} WHERE id % 10 = {n % 10}")
    upto = now(shop)
    until(lambda: flushed(shop) >= upto, 60, "the log to be let go while Kafka is away")
    until(lambda: status(leat)["delivery"]["spool_events"] >= 580, 10, "status to tell")
    said = status(leat)["delivery"]
    assert said["state"] == "SPOOL" and said["spool_bytes"] > 0
    assert "Kafka is away" in leat.call("status").stdout
    kafka.start()
    until(lambda: phase(leat) == "DIRECT", 90, "the spool to be sent")
    shop.sql("UPDATE orders SET n = 99")
    records = kafka.read_until(shop.topic, 1000)
    got = changes(records)
    assert len(got) == 200 + 600 + 200
    counts = status(leat)["counts"]
    assert counts["received"] == counts["appended"]
    assert not os.listdir(f"{leat.data}/connectors/shop/spool")


def test_killed_in_all_phases(shop, kafka, leat):
    """leat and Kafka are killed at random under load: nothing is lost, each key in order."""
    dice = random.Random(SEED)
    start(leat, shop, kafka, spool_after_ms=300, **schemaless())
    until(lambda: status(leat).get("state") == "RUNNING", 30, "the stream")
    shop.sql("INSERT INTO orders SELECT i, 0, 'x' FROM generate_series(1, 50) i")
    n = 0
    for kill in range(10):
        for _ in range(20):
            n += 1
            shop.sql(f"UPDATE orders SET n = {n} WHERE id % 5 = {n % 5}")
            time.sleep(dice.uniform(0, 0.03))
        if kill % 4 == 1:
            kafka.kill()
        elif kill % 4 == 3:
            kafka.start()
        pid = status(leat).get("pid")
        if pid:
            os.kill(pid, signal.SIGKILL)
    if kafka.process is None:
        kafka.start()
    want = 50 + 10 * n
    upto = now(shop)
    until(lambda: flushed(shop) >= upto, 60, "all to be durable")
    until(lambda: phase(leat) == "DIRECT", 90, "the spool to be sent")
    got = until(lambda: (lambda c: c if len(c) >= want else None)(changes(kafka.read(shop.topic))),
                60, f"{want} changes (KILL_SEED={SEED})", every=0.5)
    assert len(got) == want, f"KILL_SEED={SEED}"
    assert len({(i, m) for i, m, _, _ in got}) == want


def test_a_record_too_large(shop, kafka, leat):
    """It stops the connector, or is a dead letter, as errors.tolerance says."""
    large = {"producer_override_max_request_size": 20000, **schemaless()}
    start(leat, shop, kafka, **large)
    until(lambda: status(leat).get("state") == "RUNNING", 30, "the stream")
    shop.sql("INSERT INTO orders VALUES (1, 0, 'small')")
    kafka.read_until(shop.topic, 1)
    shop.sql("INSERT INTO orders SELECT 2, 0, string_agg(md5(i::text), '') "
             "FROM generate_series(1, 1000) i")
    shop.sql("INSERT INTO orders VALUES (3, 0, 'small')")
    until(lambda: "kafka.too_large" in leat.call("status", "shop", "--json", ok=None).stdout, 30,
          "the connector to stop")
    leat.stop()
    start(leat, shop, kafka, errors_tolerance="all", **large)
    until(lambda: len(changes(kafka.read(shop.topic))) >= 2, 60, "the record behind it")
    assert [c[0] for c in changes(kafka.read(shop.topic))] == [1, 3]
    until(lambda: status(leat)["counts"]["dead"] == 1, 30, "the dead letter to count")
    counts = status(leat)["counts"]
    assert counts["received"] == counts["appended"] + counts["dead"] == 3


def test_a_spool_that_is_full(shop, kafka, leat):
    """The source waits and says why; it goes on by itself when Kafka is back."""
    start(leat, shop, kafka, spool_after_ms=300, spool_max_bytes=200000,
          compression_type="none", **schemaless())
    until(lambda: status(leat).get("state") == "RUNNING", 30, "the stream")
    shop.sql("INSERT INTO orders VALUES (0, 0, 'first')")
    kafka.read_until(shop.topic, 1)
    kafka.kill()
    for n in range(1, 41):
        shop.sql(f"INSERT INTO orders SELECT {n} * 100 + i, {n}, repeat(md5(i::text), 8) "
                 "FROM generate_series(0, 99) i")
    until(lambda: status(leat).get("state") == "STALLED", 60, "the spool to be full")
    assert status(leat)["error"]["code"] == "spool.full"
    kafka.start()
    until(lambda: len(changes(kafka.read(shop.topic))) >= 4001, 120, "all that waited", every=0.5)
    until(lambda: phase(leat) == "DIRECT", 60, "the spool to be sent")
    until(lambda: status(leat)["state"] == "RUNNING", 60, "the state")

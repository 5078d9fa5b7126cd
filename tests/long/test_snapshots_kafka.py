"""Kafka as the stream of a snapshot beside it: killed at any moment under load, Kafka too, it goes
on where it was, and a key's state only ever moves forward. SNAP_KILLS and KILL_SEED: how often and
when; SNAP_KAFKA_ROWS: how much."""

import os
import random
import time

import pytest
from servers.process import until
from test_kafka import OnKafka, caught_up, kill_one, number, own_kafka, parse  # noqa: F401
from test_kafka import PLAIN
from test_snapshots import (
    KILLS,
    MORE,
    SEED,
    TABLES,
    WideLoad,
    check_sums,
    check_versions,
    config_of,
    create,
)
from load import await_snapshot, check_tables

ROWS = int(os.environ.get("SNAP_KAFKA_ROWS", "36000"))  # in all


class WithoutRepeats(OnKafka):
    """What a consumer sees that forgets what it has seen before: with at least once, what was sent
    and not known to be there is sent again."""

    def __init__(self, leat, kafka):
        self.leat, self.kafka, self.records = leat, kafka, {}
        there = kafka.topics()
        for table in TABLES:
            topic, seen = f"shop.public.{table}", set()
            self.records[topic] = kept = []
            for r in kafka.read(topic, seconds=240) if topic in there else []:
                record = parse(r)
                value = record["value"]
                if value is None:
                    continue
                known = r.value if value["op"] == "r" else number(record)
                if known not in seen:
                    kept.append(record)
                if known not in seen and value["op"] == "d":
                    kept.append(record | {"value": None})  # its tombstone
                seen.add(known)


def last_is_there(leat, kafka):
    leat.alive()
    got = WithoutRepeats(leat, kafka)
    return got if all(any(((r["value"] or {}).get("after") or {}).get("id") == 10**9
                          for r in got.records[f"shop.public.{t}"]) for t in TABLES) else None


def write_the_last(db):
    """A row in each table."""
    db.sql("INSERT INTO accounts VALUES (1000000000, 0, 'the last')")
    db.sql("INSERT INTO notes VALUES (1000000000, 'the last')")
    db.sql("INSERT INTO files VALUES (1000000000, 1, 'the last')")
    db.sql("INSERT INTO bank VALUES (1000000000, 0)")
    for table in MORE:
        db.sql(f"INSERT INTO {table} VALUES (1000000000, nextval('versions'), 'the last')")


@pytest.mark.timeout(900 + ROWS // 100 + 60 * KILLS)
def test_killed_at_any_moment(db, leat, faulty, own_kafka):  # noqa: F811
    dice = random.Random(SEED)
    hint = f"(KILL_SEED={SEED})"
    rows = ROWS // (len(MORE) + 2)
    create(db, rows)
    more = PLAIN | {"topic.creation.default.partitions": "1", "snapshot.max.threads": "2",
                    "spool.after.ms": "1000", "limits.memory": "24m", "max.event.bytes": "256k"}
    config = config_of(db) | more
    del config["snapshot.streaming"]  # it is the default
    files = (leat.write("worker.properties", {"bootstrap.servers": own_kafka.bootstrap}),
             leat.write("shop.properties", config))
    load = WideLoad(db, SEED, rows, rest_s=0.03, big=0.002)
    # Its first processes die at a statement that is inside of the snapshot on any machine.
    faulty.run(*files, env={"LEAT_FAULT": "source_query:120:kill"})
    until(lambda: "resumed=true" in faulty.stderr, 120, "a snapshot that goes on")
    faulty.kill()
    leat.run(*files)
    victims = (["leat", "kafka", "leat", "server"] * KILLS)[:KILLS]
    for victim in victims:
        time.sleep(dice.uniform(0.1, 1.5))
        kill_one(victim, db, leat, files, own_kafka, dice)
    await_snapshot(leat)
    commits = load.commits
    until(lambda: load.commits > commits + 20 or load.error, 300, "twenty transactions")
    load.stop()
    write_the_last(db)
    got = until(lambda: last_is_there(leat, own_kafka), 240, "the last rows in Kafka", every=1)
    caught_up(db, leat)
    check_tables(db, got, hint, TABLES)
    assert check_versions(got, hint) > rows
    assert check_sums(got, 100 * rows, hint) > 1
    counts = leat.status("shop")["counts"]
    assert counts["in_flight"] == counts["rows_in_flight"] == 0, (counts, hint)

"""The same incremental snapshots by a real Debezium and by leat, side by side on one database: the
same signals, by the table and by a topic of Kafka, give the same set of records; and so they do
under load, but for the rows that yield to changes."""

import collections
import json
import random
import threading
import time

import pytest
from servers.process import until
from test_golden import load, settle
from test_signal_kafka import send

SCHEMA = """
CREATE TABLE debezium_signal (id varchar(64) PRIMARY KEY, type varchar(32), data varchar(2048));
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, paid numeric(12, 3), at timestamptz,
    more jsonb, tags text[], raw bytea, v int NOT NULL DEFAULT 0);
CREATE TABLE pairs (a text, b bigint, u uuid, v text, PRIMARY KEY (a, b, u));
CREATE TABLE bare (n int NOT NULL, v text); ALTER TABLE bare REPLICA IDENTITY FULL;
CREATE TABLE named (n int NOT NULL, v text); ALTER TABLE named REPLICA IDENTITY FULL;
CREATE TABLE none (id int PRIMARY KEY);
INSERT INTO customers SELECT g, 'n-' || g, g / 7.0, '2026-01-01'::timestamptz + g * '1 min'
    ::interval, jsonb_build_object('g', g), ARRAY['a', g::text], decode(md5(g::text), 'hex'), 0
    FROM generate_series(1, 2500) g;
INSERT INTO pairs SELECT chr(97 + g % 7) || '''\\', g % 50, md5(g::text)::uuid, 'p' || g
    FROM generate_series(1, 700) g;
INSERT INTO bare SELECT g, 'b' FROM generate_series(1, 130) g;
INSERT INTO named SELECT g, 'c' FROM generate_series(1, 130) g;
"""
JSON = {f"{part}.converter{option}": value
        for part in ("key", "value")
        for option, value in (("", "org.apache.kafka.connect.json.JsonConverter"),
                              (".schemas.enable", "false"))}


class Side:
    """Debezium and leat with the same configuration but for the slot."""

    def __init__(self, db, leat, kafka, connect, prefix, **more):
        self.db, self.leat, self.kafka, self.prefix = db, leat, kafka, prefix
        self.signals = kafka.create(f"{prefix}.signals")
        config = db.properties() | JSON | {
            "topic.prefix": prefix, "snapshot.mode": "no_data", "skipped.operations": "none",
            "publication.autocreate.mode": "all_tables", "slot.drop.on.stop": "false",
            "signal.data.collection": "public.debezium_signal",
            "signal.enabled.channels": "source,kafka", "signal.kafka.topic": self.signals,
            "signal.kafka.bootstrap.servers": kafka.bootstrap,
            "message.key.columns": "public.named:n", "signal.poll.interval.ms": "500",
            "incremental.snapshot.chunk.size": "100",
            "notification.enabled.channels": "sink",
            "notification.sink.topic.name": f"{prefix}.notes"} | more
        connect.create(prefix, config)
        mine = config | {"name": "shop", "slot.name": f"{db.name}_leat",
                         "signal.kafka.groupId": f"{prefix}-leat"}
        leat.run(leat.write("shop.properties", mine))
        until(lambda: leat.alive() or self.streaming() == [True, True], 120, "both slots",
              every=0.2)
        db.sql("UPDATE customers SET v = v WHERE id = 1")  # a commit that both have seen

    def streaming(self):
        """A slot is active while it is being made, too."""
        return [s["active"] and s["confirmed_flush_lsn"] is not None
                for s in self.db.slots().values()]

    def topics(self):
        return {t for t in self.kafka.topics() if t.startswith(f"{self.prefix}.public.")}

    def debezium(self, topic):
        """(key, value) of each record, as JSON with the order of members."""
        if topic not in self.kafka.topics():
            return []
        return [(r.key and load(r.key), r.value and load(r.value))
                for r in self.kafka.read(topic, seconds=240)]

    def own(self, topic):
        if topic not in {t["topic"] for t in self.leat.topics()}:
            return []
        lines = self.leat.call("read", topic, seconds=240).stdout.split("\n")[:-1]
        return [(dict(r)["key"], dict(r)["value"]) for r in map(load, lines)]

    def notes(self, read):
        return [dict(value) for _, value in read(f"{self.prefix}.notes")]

    def done(self, n):
        """n snapshots have ended, on both sides."""
        def ended(read):
            self.leat.alive()
            last = [v["type"] for v in self.notes(read) if v["aggregate_type"] ==
                    "Incremental Snapshot"]
            return last.count("COMPLETED") >= n

        for name, read in (("Debezium", self.debezium), ("leat", self.own)):
            until(lambda r=read: ended(r), 300, f"the end of {n} snapshots by {name}", every=0.5)

    def settled(self, read, topic, ops):
        """The records with these operations, as texts with how often each is there."""
        found = collections.Counter()
        for key, value in read(topic):
            if value and dict(value)["op"] in ops:
                found[repr((settle(key or [], self.db.name), settle(value, self.db.name)))] += 1
        return found

    def compare(self, topic, ops, lost=False):
        """How many records leat has. lost: Debezium may have fewer."""
        mine, theirs = (self.settled(r, topic, ops) for r in (self.own, self.debezium))
        missing, extra = theirs - mine, mine - theirs
        assert not missing and (lost or not extra), (
            f"{topic}: leat lacks {sum(missing.values())} of {sum(theirs.values())} records, the "
            f"first: {next(iter(missing), None)}; and has {sum(extra.values())} others, the first: "
            f"{next(iter(extra), None)}")
        return sum(mine.values())


def wanted(*tables, **more):
    return {"data-collections": [f"public.{t}" for t in tables], "type": "incremental"} | more


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", ["windows", "read_only"])
def test_the_same_records(db, leat, kafka, connect, gone, mode):  # noqa: F811
    """Of tables at rest: several, with conditions, of a key of several columns, by a column that is
    named, of one without rows; by each channel. The notifications too. Records without a key take
    each other's place in a window of Debezium's, of which the last is left: leat has them all."""
    prefix = f"inc{mode.replace('_', '')}"
    db.sql(SCHEMA)
    gone.append(prefix)
    side = Side(db, leat, kafka, connect, prefix, **{"read.only": str(mode == "read_only").lower()})
    insert = "INSERT INTO debezium_signal VALUES (%s, 'execute-snapshot', %s)"
    db.sql(insert, "by-table", json.dumps(wanted("customers", "none", "pairs")))
    side.done(1)
    send(kafka, side.signals, prefix, {
        "id": "by-topic", "type": "execute-snapshot",
        "data": wanted("customers", "pairs", **{"additional-conditions": [
            {"data-collection": "public.customers", "filter": "id % 10 = 3 AND paid > 7"}]})})
    side.done(2)
    db.sql(insert, "by-column", json.dumps(wanted("named", "bare", **{"surrogate-key": "n"})))
    side.done(3)
    leat.alive()
    counts = {table: side.compare(f"{prefix}.public.{table}", "r", lost=table == "bare")
              for table in ("customers", "pairs", "named", "bare", "none")}
    few = db.sql("SELECT count(*) FROM customers WHERE id % 10 = 3 AND paid > 7")[0][0]
    assert counts == {"customers": 2500 + few, "pairs": 1400, "named": 130, "bare": 130,
                      "none": 0}
    assert few > 100
    told = [[(n["id"], n["type"], *sorted(dict(n["additional_data"]).items())) for n in
             side.notes(read) if n["aggregate_type"] == "Incremental Snapshot"]
            for read in (side.own, side.debezium)]
    for mine, theirs in zip(*told):
        assert mine == theirs
    assert len(told[0]) == len(told[1]) > 50


class Versions:
    """Updates, inserts, deletes and changes of keys in customers; a key's v only grows."""

    def __init__(self, db, seed):
        self.db, self.dice, self.going = db, random.Random(seed), True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with self.db.connect() as c:
            n = 0
            while self.going:
                n += 1
                key = self.dice.randrange(1, 2700)
                what = self.dice.randrange(8)
                if what == 0:
                    c.execute("DELETE FROM customers WHERE id = %s", (key,))
                elif what == 1:
                    c.execute("UPDATE customers SET id = id + 5000, v = %s WHERE id = %s"
                              " AND NOT EXISTS (SELECT FROM customers WHERE id = %s)",
                              (n, key, key + 5000))
                elif what == 2:
                    c.execute("INSERT INTO customers VALUES (%s, 'new', 1, now(), '{}', '{}', '',"
                              " %s) ON CONFLICT (id) DO UPDATE SET v = excluded.v", (key, n))
                else:
                    c.execute("UPDATE customers SET v = %s WHERE id BETWEEN %s AND %s",
                              (n, key, key + 3))
                time.sleep(0.003)

    def stop(self):
        self.going = False
        self.thread.join(60)


def fold(records):
    table = {}
    for key, value in records:
        if not value:
            continue
        value, key = dict(value), dict(key)["id"]
        if value["op"] == "d":
            table.pop(key, None)
        else:
            table[key] = dict(value["after"])["v"]
    return {int(k): int(v) for k, v in table.items()}


@pytest.mark.timeout(1800)
def test_under_load(db, leat, kafka, connect, gone):
    """The changes are the same ones; each key of the table is told of by both; both fold to the
    table; and by leat a key's state only moves forward."""
    prefix = "incload"
    db.sql(SCHEMA)
    gone.append(prefix)
    side = Side(db, leat, kafka, connect, prefix)
    topic = f"{prefix}.public.customers"
    load_of = Versions(db, 4711)
    for n in range(3):
        db.sql("INSERT INTO debezium_signal VALUES (%s, 'execute-snapshot', %s)", f"s{n}",
               json.dumps(wanted("customers")))
        side.done(n + 1)
    load_of.stop()
    db.sql("INSERT INTO customers VALUES (1000000, 'the last')")
    for name, read in (("leat", side.own), ("Debezium", side.debezium)):
        until(lambda r=read: any(key and int(dict(key)["id"]) == 1000000 for key, _ in r(topic)),
              600, f"the last row by {name}", every=5)
    assert side.compare(topic, "cud") > 100
    table = dict(db.sql("SELECT id, v FROM customers"))
    told = {}
    for name, read in (("leat", side.own), ("Debezium", side.debezium)):
        records = [r for r in read(topic) if r[1]]
        told[name] = fold(records)
        assert told[name] == table, name
    last = {}
    for key, value in side.own(topic):
        if not value or not dict(value)["after"]:
            continue
        version, key = int(dict(dict(value)["after"])["v"]), dict(key)["id"]
        assert version >= last.get(key, 0), (key, version, last[key], dict(value)["op"])
        last[key] = version

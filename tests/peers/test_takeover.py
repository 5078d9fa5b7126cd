"""A connector that runs on Kafka Connect with Debezium goes on in leat and back, under load: who
reads the topic sees every change once, in order, and cannot tell who wrote it."""

import json
import os
import threading

import orders
import pytest
from servers.connect import JSON
from servers.process import until
from test_kafka import caught_up


class Load(threading.Thread):
    """Transactions of three rows, one after the other, until it is told to stop."""

    def __init__(self, db):
        super().__init__(daemon=True)
        self.db, self.ids, self.done = db, [], threading.Event()
        self.start()

    def run(self):
        connection = self.db.connect(autocommit=True)
        while not self.done.is_set():
            n = len(self.ids) + 100
            values = ",".join(f"({n + i}, 'load')" for i in range(3))
            connection.execute(f"INSERT INTO orders VALUES {values}")
            self.ids += [n, n + 1, n + 2]
            self.done.wait(0.003)
        connection.close()

    def grows(self, rows):
        """Until so many more rows are there."""
        goal = len(self.ids) + rows
        until(lambda: len(self.ids) >= goal, 60, "the load")

    def stop(self):
        self.done.set()
        self.join()
        return self.ids


def shape(record):
    """All that a consumer can tell writers by: key, members in their order, headers."""
    value = json.loads(record.value)
    return (
        list(json.loads(record.key)),
        list(value),
        list(value["source"]),
        [name for name, _ in record.headers],
        value["source"]["version"],
    )


def hand_over(leat, connect, *args, name="shop"):
    done = leat.call("takeover", "--connect", connect.url, name, *args, seconds=180)
    return done.stdout


WAYS = {
    "plain": {},
    "once": {"exactly.once.support": "required"},  # on a worker that does it
    "leat-once": {},  # only leat does it
}


@pytest.fixture(params=WAYS)
def way(request):
    """How sure delivery is, and the Kafka Connect for that."""
    worker = "connect_once" if request.param == "once" else "connect"
    return request.param, request.getfixturevalue(worker)


def start(leat, way, name):
    """What was taken over, exactly once where only leat does it."""
    file = os.path.join(leat.folder, f"{name}.json")
    if way == "leat-once":
        with open(file, encoding="utf-8") as f:
            config = json.load(f)
        config["config"]["exactly.once.support"] = "required"
        leat.write(f"{name}.json", config)
    leat.run(file)
    until(lambda: leat.alive() or leat.told(name).get("state") == "RUNNING", 240, "leat")


def without_repeats(records):
    """At least once, a transaction that one was stopped inside comes again from its beginning."""
    return list({r.what: r for r in reversed(records)}.values())[::-1]


@pytest.mark.timeout(1200)
def test_there_and_back_and_there_again_under_load(db, leat, kafka, way):
    """Each record compared, field by field, with what the other one writes of such a change."""
    kind, connect = way
    prefix = name = f"shop{kind.replace('-', '')}"
    topic = f"{prefix}.public.orders"
    db.sql(orders.CREATE)
    db.sql(orders.FILL.format(1, 5))
    connect.create(name, db.properties(topic_prefix=prefix) | WAYS[kind] | {
        "publication.autocreate.mode": "all_tables",
        "provide.transaction.metadata": "true",
        "value.converter": JSON,
        "value.converter.schemas.enable": str(kind == "plain").lower(),
    })
    kafka.read_until(topic, 5, seconds=120)
    load = orders.Load(db)
    load.grows(25)
    theirs_until = len(load.done)
    caught_up(db, leat)  # by Kafka Connect
    load.grows(10)
    hand_over(leat, connect, connect.file, name=name)
    assert connect.state(name) == ("STOPPED", [])
    start(leat, kind, name)
    ours = len(load.done)
    load.grows(25)
    ours_until = len(load.done)
    caught_up(db, leat)
    load.grows(10)
    hand_over(leat, connect, "--back", name=name)
    assert leat.process.wait(30) == 0
    leat.process = None
    assert connect.state(name) == ("RUNNING", ["RUNNING"])
    load.grows(20)
    hand_over(leat, connect, connect.file, name=name)
    start(leat, kind, name)
    load.grows(10)
    done = load.stop()
    caught_up(db, leat)
    assert leat.stop() == 0
    connect.call("DELETE", f"/connectors/{name}")
    records = [orders.Record(r) for r in kafka.read(topic, seconds=240)]
    assert [r.id for r in records[:5]] == [1, 2, 3, 4, 5] and all(r.is_row for r in records[:5])
    wanted = [what for t in done for what in orders.expected(t)]
    records = without_repeats(records[5:]) if kind == "plain" else records[5:]
    assert [r.what for r in records] == wanted
    by_first = orders.of(done, records)
    orders.check_chain(done, by_first)
    theirs = orders.forms(done[:theirs_until], by_first)
    mine = orders.forms(done[ours:ours_until], by_first)
    assert {kind: len(seen) for kind, seen in mine.items()} == dict.fromkeys(theirs, 1)
    assert mine == theirs
    if kind != "plain":
        orders.check_ends(done, kafka.read(f"{prefix}.transaction"))


def test_what_runs_there_is_not_given_back(db, leat, connect):
    """A second worker on the slot is what a hand-over must never make."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    connect.create("other", {**db.properties(), "topic.prefix": "other"})
    done = leat.call("takeover", "--connect", connect.url, "other", "--back", ok=(1,))
    assert "takeover.running" in done.stderr
    connect.call("DELETE", "/connectors/other")


def key_of(record):
    return json.loads(record.key)["payload"]["id"]


def test_kafka_connect_goes_on_after_a_crash(db, leat, kafka, connect):
    """leat is gone with kill -9 and its machine with it: what it wrote to Kafka Connect's topic of
    offsets is enough. Changes may come twice, none is missing, and no second snapshot is taken."""
    topic = "crash.public.orders"
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders SELECT i, 'before' FROM generate_series(1, 5) i")
    props = db.properties(topic_prefix="crash") | {"publication.autocreate.mode": "all_tables"}
    leat.run(connect.file, leat.write("crash.properties", props | {"name": "crash"}))
    kafka.read_until(topic, 5)
    load = Load(db)
    load.grows(600)
    key = b'["crash",{"server":"crash"}]'
    until(lambda: [r for r in kafka.read("connect-offsets") if r.key == key], 60, "an offset")
    leat.kill()
    load.grows(300)
    connect.create("crash", props)
    load.grows(300)
    ids = load.stop()
    wanted = set(ids) | set(range(1, 6))

    def there():
        records = kafka.read(topic)
        return records if {key_of(r) for r in records} >= wanted else None

    records = until(there, 180, "all rows", every=1)
    assert {key_of(r) for r in records} == wanted
    ops = [json.loads(r.value)["op"] for r in records]
    assert ops.count("r") == 5 and set(ops) == {"r", "c"}
    first = list(dict.fromkeys(key_of(r) for r in records))
    assert first == sorted(first)
    assert {shape(r)[4] for r in records} == {"3.6.0.Final"}
    connect.call("DELETE", "/connectors/crash")

"""A connector that runs on Kafka Connect with Debezium goes on in leat and back, under load: who
reads the topic sees every change once, in order, and cannot tell who wrote it."""

import json
import threading

from servers.process import until

TOPIC = "shop.public.orders"


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


def hand_over(leat, connect, *args):
    done = leat.call("takeover", "--connect", connect.url, "shop", *args, seconds=180)
    return done.stdout


def test_there_and_back_and_there_again_under_load(db, leat, kafka, connect):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders SELECT i, 'before' FROM generate_series(1, 5) i")
    connect.create("shop", {**db.properties(), "publication.autocreate.mode": "all_tables"})
    kafka.read_until(TOPIC, 5)
    load = Load(db)
    load.grows(300)
    hand_over(leat, connect, connect.file)
    assert connect.state("shop") == ("STOPPED", [])
    leat.run(leat.folder + "/shop.json")
    load.grows(300)
    until(lambda: leat.status("shop")["state"] == "RUNNING", 30, "leat")
    load.grows(300)
    hand_over(leat, connect, "--back")
    assert leat.process.wait(30) == 0
    leat.process = None
    assert connect.state("shop") == ("RUNNING", ["RUNNING"])
    load.grows(300)
    hand_over(leat, connect, connect.file)
    leat.run(leat.folder + "/shop.json")
    load.grows(300)
    ids = load.stop()
    records = kafka.read_until(TOPIC, len(ids) + 5, seconds=90)
    leat.stop()
    seen = [json.loads(r.value)["after"]["id"] for r in records]
    assert seen == [1, 2, 3, 4, 5, *ids]
    assert len({json.dumps(shape(r)) for r in records}) == 1


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

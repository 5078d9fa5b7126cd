"""A connector of MySQL or MariaDB that runs on Kafka Connect with Debezium goes on in leat and
back, under load with DDL in the middle: who reads the topic sees every change, in order, and cannot
tell who wrote it. Debezium does not read the log's names of columns: of what was altered meanwhile
it knows by its schema history, which leat goes on with."""

import collections
import json
import os
import threading

import pytest
from servers.connect import JSON
from servers.process import until
from test_takeover import hand_over, without_repeats

CREATE = """
CREATE TABLE orders (id int PRIMARY KEY, a varchar(20), b varchar(20), amount decimal(12,3),
    at datetime(6), day date, flag tinyint(1), kind enum('x','y'), raw varbinary(8), doc json);
CREATE TABLE zz_end (id int PRIMARY KEY)"""
ROW = "({0}, 'a', 'b', 12.5, '2024-03-01 12:00:00.123456', '2024-02-28', 1, 'y', x'00ff', '{{}}')"
# Debezium's parser loses a column where one statement swaps them.
SWAP = "; ".join(f"ALTER TABLE orders RENAME COLUMN {old} TO {new}"
                 for old, new in (("a", "c"), ("b", "a"), ("c", "b")))
# The records of a transaction: operation and id behind the first; a tombstone has no operation.
RECORDS = [("c", 0), ("c", 1), ("u", 1), ("d", 0), (None, 0), ("c", 2)]
TIMES = {"ts_ms", "ts_us", "ts_ns", "pos", "gtid", "thread", "file"}


class Load(threading.Thread):
    """Transactions one after the other, and now and then two columns swap their names, until it is
    told to stop. `done`: of each the first id."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done, self.halt = server, [], threading.Event()
        self.start()

    def run(self):
        while not self.halt.wait(0.02):
            n = 100 + 10 * len(self.done)
            names = "id, a, b, amount, at, day, flag, kind, raw, doc"
            text = f"BEGIN; INSERT INTO orders ({names}) VALUES {ROW.format(n)}, "
            text += f"{ROW.format(n + 1)}; UPDATE orders SET amount = 13 WHERE id = {n + 1};"
            text += f"DELETE FROM orders WHERE id = {n}; "
            text += f"INSERT INTO orders ({names}) VALUES {ROW.format(n + 2)}; COMMIT;"
            if len(self.done) % 7 == 6:
                text += SWAP
            self.server.sql(text, "shop")
            self.done.append(n)

    def grows(self, transactions):
        goal = len(self.done) + transactions
        until(lambda: len(self.done) >= goal or not self.is_alive(), 240, "the load")
        assert self.is_alive()

    def stop(self):
        self.halt.set()
        self.join()
        return self.done


class Record:
    def __init__(self, raw):
        self.body = raw.value and json.loads(raw.value)
        self.key = json.loads(raw.key)
        self.headers = [name for name, _ in raw.headers]
        self.op = self.body and self.body["op"]
        number = self.body and self.body["transaction"] and self.body["transaction"]["total_order"]
        self.what = self.op, self.key["id"], number

    def form(self, first):
        """All that a consumer could tell writers by, without place and time."""
        def blank(v):
            if isinstance(v, dict):
                return {k: type(x).__name__ if k in TIMES else blank(x) for k, x in v.items()}
            return v - first if isinstance(v, int) and first <= v < first + 10 else v

        body = self.body and blank(self.body)
        if body:
            body["transaction"]["id"] = "a transaction"
        return json.dumps([blank(self.key), body, self.headers])


def begin(leat, name):
    """What was taken over, with the schema history in Debezium's topic too."""
    file = os.path.join(leat.folder, f"{name}.json")
    with open(file, encoding="utf-8") as f:
        config = json.load(f)
    config["config"]["schema.history.exchange"] = "mirror"
    leat.run(leat.write(f"{name}.json", config))
    until(lambda: leat.alive() or leat.told(name).get("state") == "RUNNING", 240, "leat")


CLASSES = {
    "mysql": "io.debezium.connector.mysql.MySqlConnector",
    "mariadb": "io.debezium.connector.mariadb.MariaDbConnector",
}


@pytest.fixture(params=CLASSES)
def shop(request, connect, mysql_servers):
    if request.param not in connect.kinds:
        pytest.skip("no Debezium for MariaDB: tools/setup.sh debezium fetches it")
    server = mysql_servers(request.param)
    server.fresh("shop")
    server.sql(CREATE, "shop")
    return server


def forms(transactions, records):
    """Place in a transaction -> the forms of its records."""
    found = collections.defaultdict(set)
    for first in transactions:
        mine = [r for r in records if first <= r.key["id"] < first + 10]
        for (op, i), record in zip(RECORDS, mine):
            assert (record.op, record.key["id"]) == (op, first + i)
            found[op, i].add(record.form(first))
    return found


@pytest.mark.timeout(1200)
def test_there_and_back_and_there_again_under_load(shop, leat, kafka, connect, gone):
    name = f"my{shop.kind}"
    topic = f"{name}.shop.orders"
    shop.sql(f"INSERT INTO orders VALUES {ROW.format(1)}", "shop")
    gone.append(name)
    connect.create(name, shop.properties() | {
        "name": name,
        "topic.prefix": name,
        "connector.class": CLASSES[shop.kind],
        "database.include.list": "shop",
        "snapshot.mode": "initial",
        "provide.transaction.metadata": "true",
        "schema.history.internal.kafka.bootstrap.servers": kafka.bootstrap,
        "schema.history.internal.kafka.topic": f"{name}-history",
        "value.converter": JSON,
        "value.converter.schemas.enable": "false",
        "key.converter": JSON,
        "key.converter.schemas.enable": "false",
    })
    kafka.read_until(topic, 1, seconds=120)

    def caught_up(load):
        """All of the load so far is in the topic."""
        goal = load.done[-1]
        until(lambda: leat.process is None or leat.alive() or any(
            r.key and json.loads(r.key)["id"] > goal for r in kafka.read(topic)), 240,
            f"record {goal}", every=1)

    load = Load(shop)
    load.grows(25)
    theirs = load.done[:20]
    caught_up(load)
    hand_over(leat, connect, connect.file, name=name)
    assert connect.state(name) == ("STOPPED", [])
    begin(leat, name)
    ours = len(load.done)
    load.grows(25)
    ours_until = len(load.done)
    caught_up(load)
    assert "history" in hand_over(leat, connect, "--back", name=name)
    assert leat.process.wait(30) == 0
    leat.process = None
    assert connect.state(name) == ("RUNNING", ["RUNNING"])
    back = len(load.done)
    load.grows(25)
    back_until = len(load.done)
    caught_up(load)
    hand_over(leat, connect, connect.file, name=name)
    begin(leat, name)
    load.grows(15)
    done = load.stop()
    caught_up(load)
    assert leat.stop() == 0
    records = [Record(r) for r in kafka.read(topic, seconds=240)]
    assert records[0].op == "r" and records[0].body["after"]["a"] == "a"
    told, records = records, without_repeats(records[1:])
    wanted = [(op, n + i) for n in done for op, i in RECORDS]
    wrong = next((n for (_, n, _), w in zip([r.what for r in records], wanted) if n != w[1]), None)
    assert wrong is None, [r.what for r in told if abs(r.what[1] - wrong) < 12]
    assert [r.what[:2] for r in records] == wanted
    wrong = [r.what for r in records for side in ("before", "after")
             if r.body and r.body[side] and (r.body[side]["a"], r.body[side]["b"]) != ("a", "b")]
    assert not wrong
    others = forms(theirs, records)
    mine = forms(done[ours:ours_until], records)
    again = forms(done[back:back_until], records)
    for part, text in others.items():
        assert mine[part] == text == again[part], part

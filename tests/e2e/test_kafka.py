"""A database's changes into a real Kafka: nothing is lost and order is kept, whatever is killed,
and while Kafka is away the database may let its log go. KILLS and KILL_SEED: how often and when.
Each change carries its transaction and its number in it, and each transaction ends with a record of
how many it had: so what is missing is seen, and what is there twice is known for a repeat."""

import json
import os
import random
import signal
import tempfile
import time

import pytest
from load import CREATE, TABLES, Load, await_snapshot, check_tables, properties
from servers import kafka as kafka_server
from servers.process import until
from test_kills import connector_pid, kill_leat, kill_server

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("KILLS", "0"))  # together, of Kafka, of leat and of the server; 0: 10

PLAIN = {
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
    "provide.transaction.metadata": "true",
    "topic.creation.groups": "transactions",
    "topic.creation.transactions.include": r".*\.transaction",
    "topic.creation.transactions.partitions": "1",
    "topic.creation.default.partitions": "3",
    "topic.creation.default.replication.factor": "1",
}
LAST = 30  # rows of each table, so that each partition has some of them


@pytest.fixture
def own_kafka(scratch):
    """A Kafka that nobody else uses: it is killed here."""
    try:
        server = kafka_server.Kafka(tempfile.mkdtemp(prefix="kafka-", dir=scratch))
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    yield server.start()
    if server.process:
        server.kill()


class OnKafka:
    """What load.py asks of a leat, answered by the topics of a cluster."""

    def __init__(self, leat, kafka):
        self.leat, self.kafka, self.records = leat, kafka, {}
        for table in TABLES:
            topic = f"shop.public.{table}"
            there = topic in kafka.topics()
            self.records[topic] = []
            if there:
                self.records[topic] = [parse(r) for r in kafka.read(topic, seconds=240)]

    def topics(self):
        return [{"topic": topic} for topic in self.records]


def parse(record):
    """As `leat read` prints it; the log of a partition is in order, which is all that keys need."""
    load = [json.loads(part) if part is not None else None for part in (record.key, record.value)]
    return {"key": load[0], "value": load[1], "headers": record.headers}


def config(leat, db, kafka, **more):
    worker = leat.write("worker.properties", {"bootstrap.servers": kafka.bootstrap})
    return worker, leat.write("shop.properties", properties(db) | PLAIN | more)


def caught_up(db, leat, seconds=240):
    """What the server holds now is in Kafka: then the server may let it go."""
    end = db.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0]

    def released():
        leat.alive()
        told = db.sql("SELECT confirmed_flush_lsn - '0/0' FROM pg_replication_slots"
                      " WHERE slot_name = %s", db.name)
        return told and told[0][0] is not None and told[0][0] >= end

    until(released, seconds, "the release of the server's log", every=0.3)


def is_last(record):
    after = (record["value"] or {}).get("after") or {}
    return "the last" in (after.get("owner"), after.get("text"), after.get("body"))


def all_there(db, leat, kafka):
    """Writes last rows, and waits until these are in Kafka: then what was before them is, too,
    since the order of a partition is kept. Rows of a snapshot would come out of that order.
    The records."""
    await_snapshot(leat)
    db.sql(f"""
        INSERT INTO accounts SELECT 2000000000 + g, 0, 'the last' FROM generate_series(1, {LAST}) g;
        INSERT INTO files SELECT 1000000 + g, 1, 'the last' FROM generate_series(1, {LAST}) g;
        INSERT INTO notes (text) SELECT 'the last' FROM generate_series(1, {LAST}) g""")

    def there():
        leat.alive()
        got = OnKafka(leat, kafka)
        last = [len({str(r["key"]) for r in rs if is_last(r)}) for rs in got.records.values()]
        return got if last == [LAST] * len(TABLES) else None

    got = until(there, 240, "the last rows in Kafka", every=1)
    last = {tx for tx, _ in last_changes(got)}
    until(lambda: last <= set(ended(kafka)), 60, "their transaction's end")
    return got


def number(record):
    """(transaction, number in it). The rest of Debezium's id is the position of the change."""
    transaction = record["value"]["transaction"]
    return transaction["id"].partition(":")[0], transaction["total_order"]


def last_changes(got):
    return [number(r) for records in got.records.values() for r in records if is_last(r)]


def ended(kafka):
    """Transaction -> how many changes it had."""
    counts = {}
    for r in kafka.read("shop.transaction"):
        value = json.loads(r.value)
        if value["status"] == "END":
            counts[value["id"].partition(":")[0]] = value["event_count"]
    return counts


def check_order(records, hint):
    """What a consumer sees that forgets repeats: for each key its changes, in the log's order."""
    seen, last = set(), {}
    for r in records:
        value = r["value"]
        if value is None or value.get("transaction") is None or r["key"] is None:
            continue
        key = json.dumps(r["key"])
        if number(r) in seen:
            continue
        seen.add(number(r))
        lsn = value["source"]["lsn"]
        assert last.get(key, 0) <= lsn, f"{key} has {lsn} behind {last[key]} {hint}"
        last[key] = lsn
    return seen


def check_complete(kafka, seen, hint):
    """Each change of each transaction that ended is there. How many transactions there were."""
    counts = ended(kafka)
    numbers = {}
    for tx, n in seen:
        numbers.setdefault(tx, set()).add(n)
    for tx, n in counts.items():
        have = numbers.get(tx, set())
        assert have == set(range(1, n + 1)), f"{tx} has {len(have)} of {n} changes {hint}"
    return len(counts)


def check(db, leat, kafka, hint=""):
    got = all_there(db, leat, kafka)
    caught_up(db, leat)
    until(lambda: leat.status("shop")["counts"]["in_flight"] == 0, 30, "a ledger that balances")
    check_tables(db, got, hint)
    seen = set()
    for topic, records in got.records.items():
        seen |= check_order(records, f"in {topic} {hint}")
    return check_complete(kafka, seen, hint)


def test_kafka(db, leat, kafka):
    """Snapshot, changes and deletes, as Debezium sends them; the connector's own topics made."""
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, name text)")
    db.sql("INSERT INTO orders VALUES (1, 'a')")
    props = db.properties(name="shop", topic_prefix=db.name) | PLAIN | {
        "topic.creation.groups": "compacted,transactions",
        "topic.creation.compacted.include": r".*\.orders",
        "topic.creation.compacted.partitions": "2",
        "topic.creation.compacted.cleanup.policy": "compact",
        "producer.override.compression.type": "lz4",
    }
    leat.run("--kafka", kafka.bootstrap, leat.write("shop.properties", props))
    topic = f"{db.name}.public.orders"
    kafka.read_until(topic, 1)
    db.sql("INSERT INTO orders VALUES (2, 'b')")
    db.sql("UPDATE orders SET name = 'c' WHERE id = 1")
    db.sql("DELETE FROM orders WHERE id = 1")
    records = sorted(map(parse, kafka.read_until(topic, 5)), key=lambda r: r["key"]["id"])
    ops = [(r["key"]["id"], r["value"] and r["value"]["op"]) for r in records]
    assert ops == [(1, "r"), (1, "u"), (1, "d"), (1, None), (2, "c")]
    assert kafka.topics()[f"{db.name}.transaction"] == 1
    assert kafka.topics()[topic] == 2 and kafka.config(topic)["cleanup.policy"] == "compact"
    caught_up(db, leat)
    assert leat.stop() == 0


@pytest.mark.timeout(600)
def test_away(db, leat, own_kafka):
    """Kafka is away under load: the database's log is let go all the same, and all arrives."""
    db.sql(CREATE)
    leat.run(*config(leat, db, own_kafka, **{"spool.after.ms": "1000"}))
    own_kafka.read_until("shop.public.accounts", 100)
    load = Load(db, SEED, rest_s=0.03, big=0.002)
    until(lambda: load.commits > 20, 60, "load")
    own_kafka.kill()
    caught_up(db, leat, 60)  # Kafka is still away
    commits = load.commits
    until(lambda: load.commits > commits + 50, 60, "more load")
    caught_up(db, leat, 60)
    assert leat.status("shop")["state"] == "RUNNING"
    own_kafka.start()
    load.stop()
    assert check(db, leat, own_kafka, f"(KILL_SEED={SEED})") > 50


def kill_kafka(kafka, dice):
    if dice.random() < 0.5:
        kafka.kill()
    else:
        kafka.stop()
    time.sleep(dice.uniform(0, 2))
    kafka.start()


def kill_one(victim, db, leat, files, kafka, dice):
    if victim == "kafka":
        kill_kafka(kafka, dice)
    elif victim == "leat":
        kill_leat(leat, files, dice)
    else:
        kill_server(db, dice)


def survives_kills(db, leat, kafka, checked, **more):
    """Of all three under load; checked: what looks at what came, as check."""
    dice = random.Random(SEED)
    db.sql(CREATE)
    files = config(leat, db, kafka, **more)
    leat.run(*files)
    until(lambda: connector_pid(leat), 60, "the connector")
    load = Load(db, SEED, rest_s=0.03, big=0.002)
    n = KILLS or 10
    victims = (["kafka", "leat", "server"] * n)[:n]
    dice.shuffle(victims)
    for victim in victims:
        time.sleep(dice.uniform(0.3, 1.5))
        kill_one(victim, db, leat, files, kafka, dice)
    time.sleep(1)
    load.stop()
    assert load.commits > 20
    checked(db, leat, kafka, f"(KILL_SEED={SEED})")


@pytest.mark.timeout(600 + 60 * KILLS)
def test_kafka_kills(db, leat, own_kafka):
    survives_kills(db, leat, own_kafka, check, **{"spool.after.ms": "1000"})


@pytest.mark.timeout(600)
def test_stalled(db, leat, own_kafka):
    """A Kafka that answers nothing and closes nothing is away, too."""
    db.sql(CREATE)
    leat.run(*config(leat, db, own_kafka, **{"spool.after.ms": "1000"}))
    own_kafka.read_until("shop.public.accounts", 100)
    own_kafka.process.signal(signal.SIGSTOP)
    load = Load(db, SEED, rest_s=0.03, big=0.002)
    until(lambda: load.commits > 20, 60, "load")
    caught_up(db, leat, 60)
    own_kafka.process.signal(signal.SIGCONT)
    load.stop()
    check(db, leat, own_kafka, f"(KILL_SEED={SEED})")

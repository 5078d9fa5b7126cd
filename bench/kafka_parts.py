"""The parts about Kafka: leat, librdkafka alone and the real Debezium Server, in turns.

The broker runs on the same machine, so it takes its part of the processors from all of them."""

import os

import debezium
import measure
from confluent_kafka import Consumer, TopicPartition
from leat import ROOT
from report import progress
from servers import kafka
from servers.process import until

# What leat gives librdkafka with its default limits.memory: queue.buffering.max.kbytes.
QUEUE = (2 * 16 << 20) + (1 << 20)
# A broker as it is run: all of its compiler, and room to work; what is deleted goes at once.
BROKER = {"log_segment_delete_delay_ms": 1000, "num_network_threads": 3, "num_io_threads": 8}
JAVA = ("-XX:+UseG1GC", "-Xshare:auto")
CREATION = {
    "topic.creation.default.partitions": 1,
    "topic.creation.default.replication.factor": 1,
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
}
ONCE = {"exactly.once.support": "required"}
HEADERS_OFF = {"extended.headers.enabled": "false"}
SAMPLE = 4096  # records whose bytes the bare producer sends again and again
PART_OF_OTHERS = 0.3  # Debezium's default and tuned runs end after so much of the backlog
SNAPSHOTS = 3  # of Debezium, which takes half a minute for each


def _broker(world):
    """Started when a part asks for it first; ends with the bench."""
    if not getattr(world, "kafka", None):
        progress("   starting Kafka")
        folder = os.path.join(world.folder, "kafka")
        world.kafka = kafka.Kafka(folder, heap="1g", java=JAVA, **BROKER).start()
        world.at_end(world.kafka.kill)
    return world.kafka


_numbers = iter(range(1, 1 << 30))


def _count(broker, topic, wanted):
    """By its end: neither transactions nor compaction take offsets here."""
    end = debezium.End(broker, topic)
    got = end.now()
    end.close()
    if got != wanted:
        raise RuntimeError(f"{topic} has {got} records, {wanted} were to be there")


def _count_committed(broker, topic, wanted):
    """By reading it: the ends of transactions take offsets, too."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench",
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    got, ended = 0, False
    while not ended:
        for m in consumer.consume(10000, 1.0):
            ended = ended or m.error() is not None  # the end of the partition
            got += m.error() is None
    consumer.close()
    if got != wanted:
        raise RuntimeError(f"{topic} has {got} committed records, {wanted} were to be there")


def _run(leat, broker, config, *args):
    cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn"]
    return measure.run([*cmd, "--kafka", broker.bootstrap, *args, config])


def _watched(leat, broker, config):
    """The same, with its memory looked at all the time, and librdkafka's threads: measure.Memory.
    Looking costs time, so this is no run to take the time of."""
    leat.run("--once", "--log-level", "warn", "--kafka", broker.bootstrap, config)
    memory = measure.Memory(leat.process.pid, "rdk:")
    status = leat.wait(600)
    memory.stop()
    if status != 0:
        raise RuntimeError(leat.stderr)
    return memory


def _add(table, part, name, costs, n, unit="events/s"):
    table.add(part, name, [c.rate(n) for c in costs], unit,
              cpu=[c.cpu_per_million(n) for c in costs])


def _add_memory(table, part, memories, most):
    table.add(part, "leat, peak of memory", [m.peak for m in memories], "MiB", most, False)
    shares = [100 * m.share for m in memories]
    table.add(part, "leat, librdkafka's threads of its CPU", shares, "%")


# ---- librdkafka alone


class Bare:
    """librdkafka alone, with leat's settings, sending what leat sent to a topic."""

    def __init__(self, world, name):
        import parts

        parts.build_tool("bench/producer")
        self.world, self.file, self.records = world, os.path.join(world.folder, name), None

    def learn(self, broker, topic, n):
        """From the last records of a topic of n, whose keys are the longest."""
        if self.records is not None:
            return
        consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "bench"})
        consumer.assign([TopicPartition(topic, 0, max(0, n - SAMPLE))])
        self.records = []
        until(lambda: self.records.extend(consumer.consume(SAMPLE, 0.5)) or
              len(self.records) >= min(n, SAMPLE), 60, "a sample of the records", every=0)
        consumer.close()
        with open(self.file, "wb") as f:
            f.writelines(r.value() + b"\n" for r in self.records)

    def run(self, broker, n, codec):
        topic = broker.create(f"bare{next(_numbers)}")
        width = max(len(r.key()) for r in self.records)
        headers = [f"{name}={value.decode()}" for name, value in self.records[-1].headers() or []]
        tool = os.path.join(ROOT, "build/bench/producer")
        cost = measure.run([tool, broker.bootstrap, topic, n, width, self.file, codec, QUEUE,
                            *headers])
        broker.delete(topic)
        return cost


# ---- made-up changes, beside the bare producer


def kafka_datagen(world, table):
    """Made-up changes into Kafka, and the same bytes by librdkafka alone."""
    for codec in ("none", "lz4"):
        _datagen(world, table, codec)


def _datagen(world, table, codec):
    import parts

    broker, n = _broker(world), world.scaled(2_000_000)
    bare = Bare(world, f"values-{codec}")

    def ours(run=_run):
        leat, prefix = world.leat(), f"gen{next(_numbers)}"
        topic = f"{prefix}.datagen.t1"
        props = parts.DATAGEN | CREATION | {
            "datagen.events": n, "topic.prefix": prefix,
            "producer.override.compression.type": codec,
        }
        cost = run(leat, broker, leat.write("gen.properties", props))
        _count(broker, topic, n)
        bare.learn(broker, topic, n)
        broker.delete(topic)
        world.forget(leat)
        return cost

    things = {f"leat, {codec}": ours,
              f"librdkafka alone, {codec}": lambda: bare.run(broker, n, codec)}
    costs = parts.in_turns(world.runs, things)
    for name, all_ in costs.items():
        _add(table, "kafka-datagen", name, all_, n)
    table.add("kafka-datagen", f"leat / librdkafka alone, {codec}",
              parts.ratios(*costs.values()), "x", 0.75)
    if codec == "none":
        _add_memory(table, "kafka-datagen", [ours(_watched)], 48)


def kafka_once(world, table):
    """Made-up changes into Kafka, exactly once and at least once; what the first costs."""
    import parts

    broker, n = _broker(world), world.scaled(2_000_000)

    def send(count, **more):
        leat, prefix = world.leat(), f"once{next(_numbers)}"
        topic = f"{prefix}.datagen.t1"
        props = parts.DATAGEN | CREATION | {"datagen.events": n, "topic.prefix": prefix} | more
        cost = _run(leat, broker, leat.write("gen.properties", props))
        count(broker, topic, n)
        broker.delete(topic)
        world.forget(leat)
        return cost

    costs = parts.in_turns(world.runs, {
        "at least once": lambda: send(_count),
        "exactly once": lambda: send(_count_committed, **ONCE),
    })
    for name, all_ in costs.items():
        _add(table, "kafka-once", name, all_, n)
    table.add("kafka-once", "exactly once / at least once",
              parts.ratios(costs["exactly once"], costs["at least once"]), "x")


# ---- PostgreSQL's log into Kafka


def _streams(world, broker, backlog, run=_run, unix=False, **more):
    """The whole backlog by leat."""
    leat, prefix = world.leat(), f"pg{next(_numbers)}"
    topic = f"{prefix}.public.acc"
    props = CREATION | {"topic.prefix": prefix} | more
    cost = backlog.with_slot(
        lambda slot: run(leat, broker, backlog.config(leat, slot, unix, **props)))
    _count(broker, topic, backlog.changes)
    broker.delete(topic)
    world.forget(leat)
    return cost


def _without_debezium(table):
    """True, and told in the table, if Debezium Server is not on this machine."""
    why = debezium.missing()
    if why:
        table.note(f"{why}; its rows, and those that need them, are missing")
    return why is not None


class Peers:
    """Debezium's runs of one part: costs by mode, peaks of memory."""

    def __init__(self, table, part):
        self.table, self.part, self.peaks = table, part, {}

    def run(self, name, fn):
        cost, peak = fn()
        self.peaks.setdefault(name, []).append(peak)
        return cost

    def add_memory(self):
        for name, peaks in self.peaks.items():
            self.table.add(self.part, f"{name}, peak of memory", peaks, "MiB")


def kafka_pg(world, table):
    """A backlog of transactions of 100 rows into Kafka, beside pg_recvlogical and Debezium; the
    memory, and the producer's part of the processor time."""
    import parts

    broker, n = _broker(world), world.scaled(1_000_000)
    peers, alone = Peers(table, "kafka-pg"), _without_debezium(table)
    backlog = world.backlog(
        n, 100, before=None if alone else lambda b: debezium.prepare(world, broker, b))
    things = {
        "leat": lambda: _streams(world, broker, backlog),
        "leat, headers off": lambda: _streams(world, broker, backlog, **HEADERS_OFF),
        "the same, Unix socket": lambda: _streams(world, broker, backlog, unix=True, **HEADERS_OFF),
        "pg_recvlogical": lambda: backlog.recvlogical(False),
    }
    sizes = dict.fromkeys(things, n)
    for mode in [] if alone else (debezium.DEFAULT, debezium.TUNED_MODE, debezium.BEST):
        name = f"Debezium, {mode.name}"
        sizes[name] = n if mode is debezium.BEST else int(n * PART_OF_OTHERS)
        things[name] = lambda m=mode, name=name: peers.run(
            name, lambda: debezium.stream(world, broker, backlog, m, sizes[name]))
    costs = parts.in_turns(world.runs, things)
    for name, all_ in costs.items():
        _add(table, "kafka-pg", name, all_, sizes[name])
    table.add("kafka-pg", "leat / pg_recvlogical",
              parts.ratios(costs["leat"], costs["pg_recvlogical"]), "x", 1.0)
    if not alone:
        mine, best = costs["leat, headers off"], costs["Debezium, best"]
        table.add("kafka-pg", "leat / Debezium's best, headers off", parts.ratios(mine, best), "x",
                  4.0)
        table.add("kafka-pg", "CPU, Debezium's best / leat, headers off",
                  [b.cpu / a.cpu for a, b in zip(mine, best)], "x", 8.0)
    memories = [_streams(world, broker, backlog, _watched) for _ in range(min(3, world.runs))]
    _add_memory(table, "kafka-pg", memories, 48)
    peers.add_memory()
    backlog.close()


# ---- a table's rows into Kafka


def _rows(world, broker, backlog, bare, run=_run):
    leat, prefix = world.leat(), f"rows{next(_numbers)}"
    slot, topic = f"{backlog.db.name}_rows", f"{prefix}.public.acc"
    props = CREATION | HEADERS_OFF | {
        "topic.prefix": prefix, "snapshot.mode": "initial", "snapshot.streaming": "beside"}
    cost = run(leat, broker, backlog.config(leat, slot, **props))
    _count(broker, topic, backlog.changes)
    bare.learn(broker, topic, backlog.changes)
    broker.delete(topic)
    backlog.drop_slot(slot)
    world.forget(leat)
    return cost


def kafka_snapshot(world, table):
    """2M rows of a table into Kafka, beside librdkafka alone and Debezium at its best."""
    import parts

    broker, n = _broker(world), world.scaled(2_000_000)
    peers, alone = Peers(table, "kafka-snapshot"), _without_debezium(table)
    backlog, bare = world.backlog(n, 1000), Bare(world, "values-rows")
    backlog.db.sql("VACUUM ANALYZE acc")
    things = {"leat": lambda: _rows(world, broker, backlog, bare),
              "librdkafka alone": lambda: bare.run(broker, n, "none")}
    if not alone:
        things["Debezium, best"] = lambda: peers.run("Debezium, best", lambda: debezium.snapshot(
            world, broker, backlog, debezium.BEST))
    costs = parts.in_turns(world.runs, things, {"Debezium, best": SNAPSHOTS})
    for name, all_ in costs.items():
        _add(table, "kafka-snapshot", name, all_, n, "rows/s")
    by_bare = parts.ratios(costs["leat"], costs["librdkafka alone"])
    table.add("kafka-snapshot", "leat / librdkafka alone", by_bare, "x",
              0.75 if alone else None)
    if not alone:
        by_best = parts.ratios(costs["leat"], costs["Debezium, best"])
        table.add("kafka-snapshot", "leat / Debezium's best", by_best, "x")
        lower = [max(a / 0.75, b / 5) for a, b in zip(by_bare, by_best)]
        table.add("kafka-snapshot", "leat / the lower of 0.75 and 5 of these", lower, "x", 1.0)
    memory = _rows(world, broker, backlog, bare, _watched)
    _add_memory(table, "kafka-snapshot", [memory], 64)
    peers.add_memory()
    backlog.close()


# ---- latency


def kafka_latency(world, table):
    """From sending COMMIT to the line of `leat read --follow --kafka`, at 100 commits a second."""
    broker = _broker(world)
    backlog = world.backlog(1000, 100)
    leat, prefix = world.leat(), f"lat{next(_numbers)}"
    topic, slot = f"{prefix}.public.acc", backlog.slot()
    props = CREATION | {"topic.prefix": prefix}
    leat.run("--log-level", "warn", "--kafka", broker.bootstrap,
             backlog.config(leat, slot, **props))
    until(lambda: topic in broker.topics() and len(broker.read(topic)) >= 1000, 60, "the backlog")
    _latency(world, table, broker, backlog, topic, "leat", (3.0, 10.0))
    leat.stop()
    world.forget(leat)
    broker.delete(topic)
    for mode in [] if _without_debezium(table) else (debezium.DEFAULT, debezium.LOW_LATENCY):
        with debezium.running(world, broker, backlog, mode) as topic:
            _latency(world, table, broker, backlog, topic, f"Debezium, {mode.name}", (None, None))
    backlog.close()


def _latency(world, table, broker, backlog, topic, who, targets):
    import parts

    reader = world.leat()
    follower = parts.Follower(reader, topic, "--kafka", broker.bootstrap, "--from", "end")
    parts.measure_latency(world, table, "kafka-latency", backlog, follower,
                          (f"consumer, {who}", *targets), 600 if who == "leat" else 300)
    world.forget(reader)


PARTS = {
    "kafka-datagen": kafka_datagen,
    "kafka-once": kafka_once,
    "kafka-pg": kafka_pg,
    "kafka-snapshot": kafka_snapshot,
    "kafka-latency": kafka_latency,
}

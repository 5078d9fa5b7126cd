"""The parts about Kafka: a broker on the same machine, so it takes its part of the processors."""

import os
import time

import measure
from leat import ROOT
from report import progress
from servers import kafka
from servers.process import until

QUEUE = 64 << 20  # of the bare producer: what leat has with its default limits.memory
CREATION = {
    "topic.creation.default.partitions": 1,
    "topic.creation.default.replication.factor": 1,
    "key.converter.schemas.enable": "false",
    "value.converter.schemas.enable": "false",
}


def _broker(world):
    """Started when a part asks for it first; ends with the bench."""
    if not getattr(world, "kafka", None):
        progress("   starting Kafka")
        world.kafka = kafka.Kafka(os.path.join(world.folder, "kafka"), heap="1g").start()
        world.at_end(world.kafka.kill)
    return world.kafka


_numbers = iter(range(1, 1 << 30))


def _count(leat, broker, topic, wanted):
    got = int(leat.call("read", topic, "--kafka", broker.bootstrap, "--count", seconds=600).stdout)
    if got != wanted:
        raise RuntimeError(f"{topic} has {got} records, {wanted} were to be there")


def _run(leat, broker, config, *args):
    cmd = [leat.binary, "run", "--once", "--data", leat.data, "--log-level", "warn"]
    return measure.run([*cmd, "--kafka", broker.bootstrap, *args, config])


# ---- made-up changes, beside the bare producer


def kafka_datagen(world, table):
    """Made-up changes into Kafka, and the same bytes by librdkafka alone."""
    import parts

    broker, n = _broker(world), world.scaled(1_000_000)
    parts.build_tool("bench/producer")
    for codec in ("none", "lz4"):
        sample = os.path.join(world.folder, f"values-{codec}")
        size = {}

        def ours(codec=codec, sample=sample, size=size):
            leat, prefix = world.leat(), f"gen{next(_numbers)}"
            props = parts.DATAGEN | CREATION | {
                "datagen.events": n, "topic.prefix": prefix,
                "producer.override.compression.type": codec,
            }
            cost = _run(leat, broker, leat.write("gen.properties", props))
            topic = f"{prefix}.datagen.t1"
            _count(leat, broker, topic, n)
            if not size:
                records = broker.read(topic, most=4096)
                size["key"] = max(len(r.key) for r in records)
                with open(sample, "wb") as f:
                    f.writelines(r.value + b"\n" for r in records)
            broker.delete(topic)
            world.forget(leat)
            return cost

        def bare(codec=codec, sample=sample, size=size):
            topic = broker.create(f"bare{next(_numbers)}")
            cmd = [os.path.join(ROOT, "build/bench/producer"), broker.bootstrap, topic, n]
            cost = measure.run([*cmd, size["key"], sample, codec, QUEUE])
            broker.delete(topic)
            return cost

        things = {f"leat, {codec}": ours, f"librdkafka alone, {codec}": bare}
        costs = parts.in_turns(world.runs, things)
        for name, all_ in costs.items():
            table.add("kafka-datagen", name, [c.rate(n) for c in all_], "events/s",
                      cpu=[c.cpu_per_million(n) for c in all_])
        mine, theirs = costs.values()
        table.add("kafka-datagen", f"leat / librdkafka alone, {codec}",
                  parts.ratios(mine, theirs), "x", 0.75)


# ---- PostgreSQL's log into Kafka


def _config(world, backlog, leat, prefix):
    return backlog.config(leat, backlog.slot(), **CREATION, **{"topic.prefix": prefix})


def kafka_pg(world, table):
    """A backlog of transactions of 100 rows into Kafka, beside pg_recvlogical; and the memory."""
    import parts

    broker, n = _broker(world), world.scaled(1_000_000)
    backlog = world.backlog(n, 100)

    def ours():
        leat, prefix = world.leat(), f"pg{next(_numbers)}"
        cost = backlog.with_slot(
            lambda slot: _run(leat, broker, backlog.config(leat, slot, **CREATION,
                                                           **{"topic.prefix": prefix})))
        _count(leat, broker, f"{prefix}.public.acc", n)
        broker.delete(f"{prefix}.public.acc")
        world.forget(leat)
        return cost

    things = {"leat": ours, "pg_recvlogical": lambda: backlog.recvlogical(False)}
    costs = parts.in_turns(world.runs, things)
    for name, all_ in costs.items():
        table.add("kafka-pg", name, [c.rate(n) for c in all_], "events/s",
                  cpu=[c.cpu_per_million(n) for c in all_],
                  recorded="26k-48k events/s" if name == "leat" else None)
    table.add("kafka-pg", "leat / pg_recvlogical",
              parts.ratios(costs["leat"], costs["pg_recvlogical"]), "x", 1.0)
    peaks = []
    for _ in range(min(3, world.runs)):
        leat, prefix = world.leat(), f"pg{next(_numbers)}"
        leat.run("--once", "--log-level", "warn", "--kafka", broker.bootstrap,
                 _config(world, backlog, leat, prefix))
        memory = measure.Memory(leat.process.pid)
        status = leat.wait(600)
        memory.stop()
        if status != 0:
            raise RuntimeError(leat.stderr)
        peaks.append(memory.peak)
        world.forget(leat)
    table.add("kafka-pg", "memory, peak", peaks, "MiB", 48, False, recorded="RSS 436-1418 MB")
    backlog.close()


def kafka_latency(world, table):
    """From sending COMMIT to the line of `leat read --follow --kafka`, at 100 commits a second."""
    import parts

    broker = _broker(world)
    backlog = world.backlog(1000, 100)
    leat, prefix = world.leat(), f"lat{next(_numbers)}"
    topic = f"{prefix}.public.acc"
    leat.run("--log-level", "warn", "--kafka", broker.bootstrap,
             _config(world, backlog, leat, prefix))
    until(lambda: topic in broker.topics() and len(broker.read(topic)) >= 1000, 60, "the backlog")
    follower = parts.Follower(leat, topic, "--kafka", broker.bootstrap, "--from", "end")
    time.sleep(1)  # until it stands at the end: a record before that is lost to it
    parts.measure_latency(world, table, "kafka-latency", backlog, follower,
                          ("read --follow --kafka", 3.0, 10.0))
    world.forget(leat)
    backlog.close()


PARTS = {"kafka-datagen": kafka_datagen, "kafka-pg": kafka_pg, "kafka-latency": kafka_latency}

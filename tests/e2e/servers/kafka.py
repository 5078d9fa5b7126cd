"""A private Apache Kafka: one node that is broker and controller, in a scratch folder.

`tools/setup.sh kafka` puts its jars into the user's cache; tests/run.py calls it. Without Maven or
Java, `Missing` says what is missing, and the fixture skips.

Listeners: `bootstrap` (plain text, where everybody may do everything), `tls` (certificates of
`authority`; a client's own one is asked for), `sasl` and `sasl_tls` (PLAIN, SCRAM-SHA-256,
SCRAM-SHA-512: users such as alice, password NAME-secret, who may do what `allow` allowed them).
"""

import base64
import dataclasses
import functools
import os
import re
import shutil
import signal
import subprocess

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from .certificates import Authority
from .postgres import CACHE
from .process import Process, free_port, until

VERSION = "4.1.0"  # as tools/setup.sh has it
USERS = ("alice", "bob", "carol", "dave")
HOST = "127.0.0.1"
JAVA = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel="

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAIN",
    "listener.security.protocol.map": "PLAIN:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,"
    "SASLTLS:SASL_SSL,CONTROLLER:PLAINTEXT",
    "num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "true",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "2",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "ssl.client.auth": "requested",
    "ssl.keystore.type": "PEM",
    "ssl.truststore.type": "PEM",
}


class Missing(Exception):
    """Kafka is not on this machine; the text says what to do about it."""


def jars():
    """The folder of Kafka's jars."""
    folder = os.path.join(CACHE, f"kafka-{VERSION}")
    if not shutil.which("java"):
        raise Missing("java is missing: install default-jre-headless to have Kafka's tests")
    if not os.path.isdir(folder):
        raise Missing(f"Kafka {VERSION} is not here: tools/setup.sh kafka fetches it (by mvn)")
    return folder


def _acl_parts(user, operation, resource, name, literal=False):
    literal = literal or resource == "broker"
    return (
        ResourceType[resource.upper()],
        name,
        ResourcePatternType.LITERAL if literal else ResourcePatternType.PREFIXED,
        f"User:{user}",
        "*",
        AclOperation[operation.upper()],
        AclPermissionType.ALLOW,
    )


def _acl(*args):
    return AclBinding(*_acl_parts(*args))


@dataclasses.dataclass
class Record:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list


class Kafka:
    """One server. Made but not started; settings override SETTINGS: "." is written as "_".
    extra: more listeners, name -> (protocol, its settings), whose address `address(name)` is; or
    what makes these of the server. java: options of its JVM; those of the tests make it start
    quickly, not work quickly. options: more of them. cluster: its id, of 16 bytes."""

    def __init__(self, folder, heap="512m", extra=None, java=JAVA, options=(),
                 cluster=b"leat-test-kafka1", **settings):
        self.jars, self.options = jars(), [*java, *options]
        self.cluster = base64.urlsafe_b64encode(cluster).decode().rstrip("=")
        self.folder, self.heap = str(folder), heap
        self.log = os.path.join(self.folder, "kafka.log")
        self.process = None
        os.makedirs(self.folder, exist_ok=True)
        self.authority = Authority(os.path.join(self.folder, "tls"), "leat test CA of Kafka")
        self.extra = (extra(self) if callable(extra) else extra) or {}
        listeners = ("PLAIN", "TLS", "SASL", "SASLTLS", *self.extra, "CONTROLLER")
        self.ports = {name: free_port() for name in listeners}
        self.conf = os.path.join(self.folder, "server.properties")
        self._write({name.replace("_", "."): str(v) for name, v in settings.items()})
        self._format()

    # ---- addresses

    def address(self, listener):
        return f"{HOST}:{self.ports[listener]}"

    @property
    def bootstrap(self):
        return self.address("PLAIN")

    @property
    def tls(self):
        return self.address("TLS")

    @property
    def sasl(self):
        return self.address("SASL")

    @property
    def sasl_tls(self):
        return self.address("SASLTLS")

    def login(self, user, mechanism="SCRAM-SHA-256", password=None):
        """The options of a client that logs in, as Java's clients have them."""
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
        return {
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": f"org.apache.kafka.common.security.{module} required"
            f' username="{user}" password="{password or user + "-secret"}";',
        }

    # ---- files

    def keystore(self, name, san=f"IP:{HOST},DNS:localhost", expired=False, authority=None):
        """A key and its certificate in one file of PEM."""
        authority = authority or self.authority
        pem, key = authority.issue(name, f"leat-test-{name}", san, expired)
        both = authority.path(f"{name}-both.pem")
        with open(both, "w", encoding="ascii") as f:
            for part in (key, pem):
                with open(part, encoding="ascii") as g:
                    f.write(g.read())
        return both

    def _write(self, settings):
        both = self.keystore("broker")
        listeners = ",".join(f"{name}://{self.address(name)}" for name in self.ports)
        advertised = listeners.rpartition(",CONTROLLER")[0]
        plain = " ".join(f'user_{u}="{u}-secret"' for u in USERS)
        security = "org.apache.kafka.common.security"
        props = SETTINGS | {
            "listeners": listeners,
            "advertised.listeners": advertised,
            "controller.quorum.voters": f"1@{self.address('CONTROLLER')}",
            "log.dirs": os.path.join(self.folder, "data"),
            "ssl.keystore.location": both,
            "ssl.truststore.location": self.authority.ca,
        }
        for name in ("sasl", "sasltls"):
            of = f"listener.name.{name}"
            props[f"{of}.plain.sasl.jaas.config"] = (
                f"{security}.plain.PlainLoginModule required {plain};"
            )
            for bits in (256, 512):
                props[f"{of}.scram-sha-{bits}.sasl.jaas.config"] = (
                    f"{security}.scram.ScramLoginModule required;"
                )
        for name, (protocol, more) in self.extra.items():
            props["listener.security.protocol.map"] += f",{name}:{protocol}"
            for key, value in more.items():
                props[f"listener.name.{name.lower()}.{key}"] = value
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write("".join(f"{name}={value}\n" for name, value in (props | settings).items()))

    def java(self, *args, heap="128m", level="error"):
        """A command that runs a class of Kafka's."""
        classes = os.path.join(self.jars, "*")
        return ["java", *self.options, f"-Xmx{heap}", QUIET + level, "-cp", classes, *args]

    def tool(self, *args):
        """A class of Kafka's to its end: what it says on stdout."""
        done = subprocess.run(self.java(*args), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(args)}: {done.stdout}{done.stderr}")
        return done.stdout

    def _format(self):
        users = [
            arg
            for u in USERS
            for bits in (256, 512)
            for arg in ("--add-scram", f"SCRAM-SHA-{bits}=[name={u},password={u}-secret]")
        ]
        self.tool("kafka.tools.StorageTool", "format", "-t", self.cluster, "-c", self.conf, *users)

    def begin_anew(self, cluster):
        """While it does not run: at the same address another cluster, with nothing in it."""
        data = os.path.join(self.folder, "data")
        os.rename(data, f"{data}-{self.cluster}")
        self.cluster = base64.urlsafe_b64encode(cluster).decode().rstrip("=")
        self._format()

    def come_back(self, cluster):
        """While it does not run: the one that was there before, by the id that it had."""
        data = os.path.join(self.folder, "data")
        shutil.rmtree(data)
        os.rename(f"{data}-{cluster}", data)
        self.cluster = cluster

    # ---- life

    def start(self):
        cmd = self.java("kafka.Kafka", self.conf, heap=self.heap, level="warn")
        self.process = Process(cmd, stderr=self.log, cwd=self.folder)
        until(self._answers, 300, f"Kafka, see {self.log}", every=0.1)
        return self

    def _answers(self):
        if self.process.status is not None:
            raise RuntimeError(f"Kafka ended with {self.process.status}:\n{self.log_text()}")
        try:
            return self.admin.list_topics(timeout=1).brokers
        except KafkaException:
            return False

    def stop(self):
        """In order; as long as it takes to hand over what it leads."""
        if self.process is None:
            return
        self.process.signal(signal.SIGTERM)
        self.process.wait(60)
        self.process = None

    def kill(self):
        self.process.kill()
        self.process = None

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()[-8000:]

    # ---- use

    @functools.cached_property
    def admin(self):
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

    def create(self, topic, partitions=1, **config):
        """config: "cleanup_policy" and the like."""
        config = {name.replace("_", "."): str(value) for name, value in config.items()}
        new = NewTopic(topic, partitions, 1, config=config)
        self.admin.create_topics([new])[topic].result(30)
        until(lambda: topic in self.topics(), 30, f"topic {topic}")
        return topic

    def delete(self, topic):
        self.admin.delete_topics([topic])[topic].result(30)
        until(lambda: topic not in self.topics(), 30, f"the end of topic {topic}")

    def topics(self):
        """name -> number of partitions, without Kafka's own."""
        found = self.admin.list_topics(timeout=10).topics.values()
        own = "__(consumer_offsets|transaction_state|share_group_state|cluster_metadata)$"
        return {t.topic: len(t.partitions) for t in found if not re.match(own, t.topic)}

    def config(self, topic):
        """A topic's settings: name -> value."""
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        (future,) = self.admin.describe_configs([resource]).values()
        return {name: entry.value for name, entry in future.result(30).items()}

    def allow(self, *acl):
        """allow("alice", "write", "topic", "shop."): on all whose names begin so; with True behind
        it: on that one. On the cluster: "broker", "kafka-cluster"."""
        for future in self.admin.create_acls([_acl(*acl)]).values():
            future.result(30)

    def forbid(self, *acl):
        """Takes back what allow gave."""
        old = AclBindingFilter(*_acl_parts(*acl))
        for future in self.admin.delete_acls([old]).values():
            assert future.result(30)

    def read(self, topic, committed=True, seconds=60, most=None):
        """All records that are there now, partition by partition, as a list of Record; most: only
        the first that come, so many or more."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "leat-tests",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        try:
            found = self.admin.list_topics(topic, timeout=10).topics[topic]
            if found.error:
                return []
            left = set(found.partitions)
            consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in left])
            records = []

            def ended():
                for m in consumer.consume(5000, timeout=0.2):
                    if m.error() is None:
                        records.append(
                            Record(m.topic(), m.partition(), m.offset(), m.timestamp()[1], m.key(),
                                   m.value(), m.headers() or [])
                        )
                    elif m.error().code() == KafkaError._PARTITION_EOF:
                        left.discard(m.partition())
                    else:
                        raise KafkaException(m.error())
                return not left or (most and len(records) >= most)

            until(ended, seconds, f"the end of {topic}", every=0)
            return sorted(records, key=lambda r: (r.partition, r.offset))
        finally:
            consumer.close()

    def read_until(self, topic, n, seconds=60, **options):
        """At least n records; reads again until they are there."""

        def enough():
            records = self.read(topic, seconds=seconds, **options) if topic in self.topics() else []
            return records if len(records) >= n else None

        return until(enough, seconds, f"{n} records in {topic}", every=0.2)

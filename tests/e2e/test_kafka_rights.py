"""What a user has to be allowed on a Kafka with an authorizer, right by right: `leat check` names
the one that is missing, and with all of them a connector streams. And brokers that are too old."""

import json

import pytest
from servers.kafka_old import OldKafka

USER = "carol"  # of this file alone
MADE = {"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1"}


class Case:
    """A connector `NAME` whose topics begin with its name, and what its user may do."""

    def __init__(self, kafka, leat, name, **more):
        self.kafka, self.leat, self.name = kafka, leat, name
        self.given = []
        self.worker = leat.write("worker.properties", {
            "bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
            **kafka.login(USER, "PLAIN"), "offset.storage.topic": f"{name}-offsets",
            "offset.storage.replication.factor": "1", "offset.storage.partitions": "1"})
        self.file = leat.write(f"{name}.properties", {
            "connector.class": "datagen", "datagen.events": "10", "topic.prefix": f"{name}-t",
            "name": name, **MADE, **{k.replace("_", "."): v for k, v in more.items()}})

    def allow(self, *acl):
        self.kafka.allow(USER, *acl)
        self.given.append(acl)

    def allow_topics(self, *rights):
        for right in rights:
            self.allow(right, "topic", self.name)

    def take_back(self):
        for acl in self.given:
            self.kafka.forbid(USER, *acl)

    def check(self):
        """What is wrong: step -> (code, what was found and what to do)."""
        out = self.leat.call("check", self.worker, self.file, "--json", ok=(0, 3)).stdout
        steps = [json.loads(line) for line in out.splitlines()]
        return {s["step"]: (s["state"], s["code"], f"{s['detail']}: {s['advice']}")
                for s in steps if s["state"] in ("FAILED", "warn")}

    def streams(self, events=10):
        self.leat.run("--once", self.worker, self.file)
        assert self.leat.wait(120) == 0, self.leat.stderr[-4000:]
        assert len(self.kafka.read(f"{self.name}-t.datagen.t1")) >= events


@pytest.fixture
def case(kafka, leat):
    made = []

    def make(name, **more):
        made.append(Case(kafka, leat, name, **more))
        return made[-1]

    yield make
    for one in made:
        one.take_back()


def denied(found, step, *words):
    state, code, said = found[step]
    assert (state, code) == ("FAILED", "kafka.denied"), found
    assert all(word in said for word in words), said


def test_each_right(kafka, case):
    """At least once, from none on."""
    one = case("rightsa")
    topic = "kafka topic rightsa-t.datagen.t1"
    found = one.check()
    denied(found, "kafka idempotence", "Write on the topics", "IdempotentWrite")
    denied(found, topic, "Describe", "Write", "Create")
    one.allow_topics("describe")
    found = one.check()
    denied(found, topic, "Create")
    one.allow_topics("create")
    assert set(one.check()) == {"kafka idempotence"}  # what can be seen while it is not there
    kafka.create("rightsa-t.datagen.t1")
    denied(one.check(), topic, "Write")
    one.allow_topics("write")
    assert one.check() == {}
    one.streams()


def test_own_topics(case, db):
    """Transactions, heartbeats and notifications have topics too."""
    one = case("rightsb")
    one.file = one.leat.write("rightsb.properties", db.properties(
        name="rightsb", topic_prefix="rightsb-t", provide_transaction_metadata="true",
        heartbeat_interval_ms="1000", notification_enabled_channels="sink",
        notification_sink_topic_name="rightsb-notes") | MADE)
    db.sql("CREATE TABLE orders (id int PRIMARY KEY)")
    topics = ("rightsb-t.transaction", "__debezium-heartbeat.rightsb-t", "rightsb-notes",
              "rightsb-t.public.orders")
    found = one.check()
    for topic in topics:
        denied(found, f"kafka topic {topic}", "Describe", "Write", "Create")
    for right in ("describe", "create", "write"):
        one.allow_topics(right)
        one.allow(right, "topic", "__debezium-heartbeat.rightsb")
    assert one.check() == {}


def test_topics_with_other_names(case, db):
    """By `topic.regex`: the name that they have in Kafka is looked at, once."""
    one = case("rightse")
    one.file = one.leat.write("rightse.properties", db.properties(
        name="rightse", topic_prefix="rightse-t", topic_regex=r"(.*)\.public\.part_\d",
        topic_replacement="$1.parts",
        topic_naming_strategy="io.debezium.schema.SchemaRegexTopicNamingStrategy") | MADE)
    db.sql("CREATE TABLE part_1 (id int PRIMARY KEY); CREATE TABLE part_2 (id int PRIMARY KEY);"
           " CREATE TABLE whole (id int PRIMARY KEY)")
    found = [step for step in one.check() if step.startswith("kafka topic rightse-t.")]
    assert found == ["kafka topic rightse-t.parts", "kafka topic rightse-t.public.whole"]


def test_the_topic_of_schema_changes(case, binlog):
    """Of MySQL and MariaDB, unless it is switched off."""
    one = case("rightsf")
    props = binlog.properties(name="rightsf", topic__prefix="rightsf-t") | MADE
    binlog.sql("CREATE TABLE shop.t (id int PRIMARY KEY)")
    own, table = "kafka topic rightsf-t", "kafka topic rightsf-t.shop.t"
    one.file = one.leat.write("rightsf.properties", props)
    found = one.check()
    denied(found, own, "Describe", "Write", "Create")
    denied(found, table, "Describe", "Write", "Create")
    one.file = one.leat.write("rightsf.properties", props | {"include.schema.changes": "false"})
    found = one.check()
    assert own not in found and table in found
    for right in ("describe", "create", "write"):
        one.allow_topics(right)
    one.file = one.leat.write("rightsf.properties", props)
    assert not [step for step in one.check() if step.startswith("kafka ")]


def test_each_right_of_exactly_once(kafka, case):
    one = case("rightsc", exactly_once_support="required")
    topic, offsets = "kafka topic rightsc-t.datagen.t1", "kafka topic rightsc-offsets"
    identity = "leat-rightsc-0"
    kafka.create("rightsc-offsets", cleanup_policy="compact")
    kafka.create("rightsc-t.datagen.t1")
    for right in ("describe", "write"):
        one.allow(right, "topic", "rightsc-t")
    found = one.check()
    denied(found, offsets, "Describe", "Write")
    state, code, said = found["kafka transactional id"]
    assert (state, code) == ("warn", "kafka.denied")
    for word in ("Describe and Write", f"{identity}.check", "DescribeConfigs"):
        assert word in said
    one.allow("describe_configs", "broker", "kafka-cluster")
    denied(one.check(), "kafka transactional id", f"{identity}: ", "Describe and Write")
    for right in ("describe", "write"):
        one.allow(right, "transactional_id", identity, True)  # no other that begins so
        assert ("kafka transactional id" in one.check()) == (right == "describe")
    one.allow("describe", "topic", "rightsc-offsets")
    denied(one.check(), offsets, "Write")
    one.allow("write", "topic", "rightsc-offsets")
    found = one.check()
    assert set(found) == {"kafka reading rightsc-offsets"}
    denied(found, "kafka reading rightsc-offsets", "Read")
    one.allow("read", "topic", "rightsc-offsets")
    assert one.check() == {}
    one.streams()


def test_a_check_does_not_end_a_connector(kafka, case, leat):
    """Its own transactional id is tried, where that may be used and none beside it, as it runs."""
    one = case("rightsd", exactly_once_support="required", datagen_events="0", datagen_rate="50")
    for right in ("describe", "create", "write", "read"):
        one.allow_topics(right)
    one.allow("write", "transactional_id", "leat-rightsd-0", True)
    one.allow("describe_configs", "broker", "kafka-cluster")
    topic = "rightsd-t.datagen.t1"
    leat.run(one.worker, one.file)
    n = len(kafka.read_until(topic, 20))
    for _ in range(3):
        assert one.check() == {}
    kafka.read_until(topic, n + 100)
    assert leat.status("rightsd")["state"] == "RUNNING" and "fenced" not in leat.stderr
    assert leat.stop() == 0


# ---- old brokers


@pytest.fixture
def old():
    broker = OldKafka()
    yield broker
    broker.close()


def test_brokers_that_are_too_old(leat, old):
    """Without numbers for batches there is no telling repeats apart: said at once, and for good."""
    worker = leat.write("worker.properties", {"bootstrap.servers": old.bootstrap})
    config = {"connector.class": "datagen", "datagen.events": "10", "topic.prefix": "old",
              "name": "old"}
    file = leat.write("old.properties", config)

    def told(file):
        out = leat.call("check", worker, file, "--json", ok=(3,)).stdout
        return {s["step"]: s for s in map(json.loads, out.splitlines())}

    step = told(file)["kafka idempotence"]
    assert step["state"] == "FAILED" and step["code"] == "kafka.too_old"
    assert "0.11 or later" in step["advice"]
    leat.run(worker, file)
    assert leat.wait(120) == 1
    assert "kafka.too_old" in leat.stderr and "Kafka 0.11 or later" in leat.stderr
    file = leat.write("old.properties", config | {"exactly.once.support": "required"})
    step = told(file)["kafka transactional id"]
    assert step["state"] == "FAILED" and step["code"] == "kafka.no_transactions"
    leat.run(worker, file)
    assert leat.wait(120) == 1
    assert "kafka.no_transactions" in leat.stderr



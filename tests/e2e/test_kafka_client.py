"""The client side of Kafka on a real one: the port to a producer, reading, `leat check`."""

import json
import os
import re
import subprocess

import pytest
from confluent_kafka import Producer
from leat import ROOT

DATAGEN = {"connector.class": "datagen", "datagen.events": "10", "topic.prefix": "checked"}


def produce(kafka, topic, records, **options):
    producer = Producer({"bootstrap.servers": kafka.bootstrap, **options})
    for record in records:
        producer.produce(topic, **record)
    assert producer.flush(30) == 0


def test_port(kafka):
    """The unit tests of the port, which run on librdkafka's mock there, on a real cluster."""
    program = os.path.join(ROOT, "build-san/tests/unit_kafka_client")
    if not os.path.exists(program):
        pytest.skip("there is no build-san/tests/unit_kafka_client")
    env = {**os.environ, "LEAT_TEST_KAFKA": kafka.bootstrap, "CMOCKA_MESSAGE_OUTPUT": "STDOUT"}
    done = subprocess.run([program], env=env, capture_output=True, text=True, timeout=300)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-6000:]
    for name in ("in_order", "partitions", "small_topic", "transactions"):
        assert re.search(rf"OK \] test_{name}\n", said), said[-6000:]


def test_read(kafka, leat):
    topic = kafka.create("read-1", 3)
    rows = [{"a": i, "big": 12345678901234567890} for i in range(30)]
    produce(
        kafka,
        topic,
        [
            {
                "key": json.dumps({"schema": {}, "payload": {"id": i}}),
                "value": json.dumps({"schema": {"type": "struct"}, "payload": row}),
                "partition": i % 3,
                "timestamp": 1_700_000_000_000 + i * 1000,
                "headers": [("h", b"x"), ("none", None), ("bytes", b"\xff")],
            }
            for i, row in enumerate(rows)
        ],
    )
    got = leat.read(topic, "--kafka", kafka.bootstrap)
    assert sorted(r["value"]["a"] for r in got) == list(range(30))
    for r in got:
        assert r["key"] == {"id": r["value"]["a"]} and r["partition"] == r["value"]["a"] % 3
        assert r["headers"] == [["h", "x"], ["none", None], ["bytes", {"$base64": "/w=="}]]
        assert r["timestamp"] == 1_700_000_000_000 + r["value"]["a"] * 1000
        assert r["value"]["big"] == 12345678901234567890
    whole = leat.read(topic, "--kafka", kafka.bootstrap, "--format", "json-schema", "--max", "4")
    assert len(whole) == 4 and whole[0]["value"]["schema"] == {"type": "struct"}
    one = leat.read(topic, "--kafka", kafka.bootstrap, "--partition", "1", "--from", "8")
    assert [r["offset"] for r in one] == [8, 9]
    late = leat.read(topic, "--kafka", kafka.bootstrap, "--from", "2023-11-14T22:13:45Z")
    assert sorted(r["value"]["a"] for r in late) == list(range(25, 30))
    count = leat.call("read", topic, "--kafka", kafka.bootstrap, "--count")
    assert count.stdout == "30\n"
    topics = {t["topic"]: t for t in leat.json("topics", "--kafka", kafka.bootstrap)}
    assert topics[topic]["partitions"] == 3 and topics[topic]["next_offset"] == 30


def test_read_what_is_no_json(kafka, leat):
    topic = kafka.create("read-2")
    produce(
        kafka,
        topic,
        [
            {"key": None, "value": None},
            {"key": b"\xff\x00", "value": 'say "hi"'},
            {"key": "", "value": "[1,"},
            {"key": "1", "value": '{"a":1,"a":2}'},
        ],
    )
    got = [(r["key"], r["value"]) for r in leat.read(topic, "--kafka", kafka.bootstrap)]
    assert got == [
        (None, None),
        ({"$base64": "/wA="}, 'say "hi"'),
        ("", "[1,"),
        (1, '{"a":1,"a":2}'),
    ]


def test_read_committed(kafka, leat):
    topic = kafka.create("read-3")
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "read-3"})
    producer.init_transactions(30)
    for n, commit in enumerate((True, False, True)):
        producer.begin_transaction()
        producer.produce(topic, value=str(n))
        producer.flush(30)
        producer.commit_transaction(30) if commit else producer.abort_transaction(30)
    assert [r["value"] for r in leat.read_until(topic, 2, "--kafka", kafka.bootstrap)] == [0, 2]
    both = leat.read(topic, "--kafka", kafka.bootstrap, "--uncommitted")
    assert [r["value"] for r in both] == [0, 1, 2]


def test_read_refusals(kafka, leat):
    def refused(*args, status=1):
        return leat.call("read", *args, "--kafka", kafka.bootstrap, ok=(status,)).stderr

    topic = kafka.create("read-4")
    assert "[topic.unknown]" in refused("read-none")
    assert "read-none" not in kafka.topics()  # looking does not make it
    assert "[kafka.partition]" in refused(topic, "--partition", "7")
    assert "--format native" in refused(topic, "--format", "native", status=2)
    done = leat.call("read", topic, "--kafka", "127.0.0.1:1", ok=(1,))
    assert "Connection refused" in done.stderr and "[kafka.down]" in done.stderr
    for port in ("abc", "0", "99999"):
        done = leat.call("read", topic, "--kafka", f"127.0.0.1:{port}", ok=(1, 2))
        assert f'the port of "127.0.0.1:{port}"' in done.stderr
    done = leat.call("read", topic, "--partition", "1", ok=(2,))
    assert "--partition is for topics on Kafka" in done.stderr


# ---- check


def check(leat, worker, config=None, status=0):
    """step -> what was told of it."""
    worker = leat.write("worker.properties", worker)
    file = leat.write("checked.properties", {**DATAGEN, **(config or {})})
    out = leat.call("check", worker, file, "--json", ok=(status,)).stdout
    return {s["step"]: s for s in map(json.loads, out.splitlines())}


TOPIC_STEP = "kafka topic checked.datagen.t1"


def test_check(kafka, leat):
    plain = {"bootstrap.servers": kafka.bootstrap}
    steps = check(leat, plain)
    assert steps["kafka answer"]["state"] == "ok"
    assert "make topics by themselves" in steps[TOPIC_STEP]["detail"]
    made = {
        "topic.creation.default.partitions": "2",
        "topic.creation.default.replication.factor": "1",
    }
    assert "may be made" in check(leat, plain, made)[TOPIC_STEP]["detail"]
    bad = {**made, "topic.creation.default.replication.factor": "3"}
    step = check(leat, plain, bad, status=3)[TOPIC_STEP]
    assert step["code"] == "kafka.topic_refused" and "topic.creation" in step["advice"]
    bad = {**made, "topic.creation.default.cleanup.policy": "often"}
    assert check(leat, plain, bad, status=3)[TOPIC_STEP]["code"] == "kafka.topic_refused"
    assert "checked.datagen.t1" not in kafka.topics()  # a check changes nothing
    kafka.create("checked.datagen.t1", 2, max_message_bytes=5000)
    steps = check(leat, plain)
    assert "2 partitions, may be written to" in steps[TOPIC_STEP]["detail"]
    assert steps["kafka size checked.datagen.t1"]["code"] == "kafka.too_large"
    assert kafka.read("checked.datagen.t1") == []
    kafka.delete("checked.datagen.t1")


def test_check_unreachable(kafka, leat):
    steps = check(leat, {"bootstrap.servers": "127.0.0.1:1,no.such.host.invalid:9092"}, status=3)
    assert "cannot be resolved" in steps["kafka connect"]["detail"]
    assert "kafka answer" not in steps
    # The wrong kind of listener, both ways.
    step = check(leat, {"bootstrap.servers": kafka.tls}, status=3)["kafka answer"]
    assert step["state"] == "FAILED" and "security.protocol" in step["advice"]
    tls = {"bootstrap.servers": kafka.bootstrap, "security.protocol": "SSL"}
    steps = check(leat, tls, status=3)
    assert any(s["state"] == "FAILED" and s["code"] in ("kafka.tls", "kafka.down")
               for s in steps.values())


def test_tls(kafka, leat):
    tls = {"bootstrap.servers": kafka.tls, "security.protocol": "SSL"}
    step = check(leat, tls, status=3)["kafka TLS"]
    assert step["code"] == "kafka.tls" and "ssl.truststore.location" in step["advice"]
    good = {**tls, "ssl.truststore.type": "PEM", "ssl.truststore.location": kafka.authority.ca}
    assert "by TLS" in check(leat, good)["kafka answer"]["detail"]
    with open(kafka.authority.ca, encoding="ascii") as f:
        inline = {**tls, "ssl.truststore.type": "PEM", "ssl.truststore.certificates": f.read()}
    assert "by TLS" in check(leat, inline)["kafka answer"]["detail"]
    # Another name than the certificate's.
    other = {**good, "bootstrap.servers": kafka.tls.replace("127.0.0.1", "127.0.0.2")}
    assert any(s["state"] == "FAILED" for s in check(leat, other, status=3).values())


def test_java_stores(kafka, leat):
    ca, folder = kafka.authority.ca, leat.folder
    p12, jks = os.path.join(folder, "trust.jks"), os.path.join(folder, "old.jks")
    for path, kind in ((p12, "PKCS12"), (jks, "JKS")):
        subprocess.run(
            ["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", ca, "-keystore", path,
             "-storetype", kind, "-storepass", "changeit"],
            check=True, capture_output=True,
        )
    tls = {"bootstrap.servers": kafka.tls, "security.protocol": "SSL",
           "ssl.truststore.location": p12, "ssl.truststore.password": "changeit"}
    assert "by TLS" in check(leat, tls)["kafka answer"]["detail"]

    def refused(**options):
        worker = leat.write("worker.properties", tls | options)
        file = leat.write("checked.properties", DATAGEN)
        return leat.call("check", worker, file, ok=(1,)).stderr

    assert "wrong password" in refused(**{"ssl.truststore.password": "other"})
    assert "keytool -importkeystore" in refused(**{"ssl.truststore.location": jks})
    assert "os.enoent" in refused(**{"ssl.truststore.location": p12 + "x"})


def test_login(kafka, leat):
    worker = {"bootstrap.servers": kafka.sasl_tls, "security.protocol": "SASL_SSL",
              "ssl.truststore.location": kafka.authority.ca, **kafka.login("alice", "PLAIN")}
    steps = check(leat, worker, status=3)  # alice has no right to the topic
    assert "logged in by PLAIN" in steps["kafka answer"]["detail"]
    wrong = worker | kafka.login("alice", "PLAIN", "no-such-password")
    step = check(leat, wrong, status=3)["kafka log in"]
    assert step["code"] == "kafka.auth" and "no-such-password" not in str(step)
    other = worker | {"sasl.mechanism": "GSSAPI"}
    done = leat.call("check", leat.write("w.properties", other),
                     leat.write("checked.properties", DATAGEN), ok=(1,))
    assert "goes with Krb5LoginModule" in done.stderr and "alice-secret" not in done.stderr


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_scram(kafka, leat, mechanism):
    """Kafka 4 takes it from librdkafka 2.6.1 on; with an older one the check says so."""
    worker = {"bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
              **kafka.login("alice", mechanism)}
    steps = check(leat, worker, status=3)
    if "kafka answer" in steps:
        assert f"logged in by {mechanism}" in steps["kafka answer"]["detail"]
    else:
        step = steps["kafka log in"]
        assert step["code"] == "kafka.auth" and "2.6.1" in step["advice"]


def test_rights(kafka, leat):
    worker = {"bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
              **kafka.login("dave", "PLAIN")}
    made = {"topic.prefix": "daves", "topic.creation.default.partitions": "1",
            "topic.creation.default.replication.factor": "1"}
    name = "kafka topic daves.datagen.t1"
    step = check(leat, worker, made, status=3)[name]
    assert step["code"] == "kafka.denied" and "describe" in step["detail"]
    kafka.allow("dave", "describe", "topic", "daves.")
    step = check(leat, worker, made, status=3)[name]
    assert step["code"] == "kafka.denied" and "Create" in step["advice"]
    kafka.allow("dave", "create", "topic", "daves.")
    found = check(leat, worker, made, status=3)
    assert "may be made" in found[name]["detail"]
    assert "Write" in found["kafka idempotence"]["detail"] + found["kafka idempotence"]["advice"]
    kafka.create("daves.datagen.t1")
    step = check(leat, worker, made, status=3)[name]
    assert step["code"] == "kafka.denied" and "Write" in step["advice"]
    kafka.allow("dave", "write", "topic", "daves.")
    assert "may be written to" in check(leat, worker, made)[name]["detail"]
    assert kafka.read("daves.datagen.t1") == []
    # Reading, too, by a worker's file.
    produce(kafka, "daves.datagen.t1", [{"value": "1"}])
    file = leat.write("dave.properties", worker)
    done = leat.call("read", "daves.datagen.t1", "--kafka", file, ok=(1,))
    assert "[kafka.denied]" in done.stderr
    kafka.allow("dave", "read", "topic", "daves.")
    assert leat.call("read", "daves.datagen.t1", "--kafka", file, "--count").stdout == "1\n"

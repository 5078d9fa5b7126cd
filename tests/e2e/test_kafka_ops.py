"""What goes wrong between a connector and Kafka, as who runs it sees it: the state, the reason,
what is lost by which command, and that it goes on when the reason has gone."""

import json
import os

import pytest
from hub import Hub
from servers import kafka as kafka_server
from servers.certificates import Authority
from servers.process import until
from test_kafka import caught_up

ONE = {"topic.creation.default.partitions": "1", "topic.creation.default.replication.factor": "1"}
QUICK = {"spool.after.ms": "1000"}


@pytest.fixture
def orders(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders VALUES (1, 'first')")
    return db


def topic_of(db):
    return f"{db.name}.public.orders"


def start(leat, db, kafka, *names, worker=None, **more):
    """The connector `shop` on its worker, once the first row is in Kafka."""
    worker = {"bootstrap.servers": kafka.bootstrap} | (worker or {})
    worker = leat.write("worker.properties", worker)
    props = db.properties(name="shop", topic_prefix=db.name) | {
        "key.converter.schemas.enable": "false", "value.converter.schemas.enable": "false"}
    more = {name.replace("_", "."): value for name, value in more.items()}
    leat.run(worker, leat.write("shop.properties", props | ONE | more))


def ids(records):
    return [json.loads(r.value)["after"]["id"] for r in records if r.value]


def state(leat):
    done = leat.call("status", "shop", "--json", ok=None)
    return json.loads(done.stdout) if done.returncode == 0 else {"state": None}


def failed(leat, code):
    """Until the connector has failed; its error."""
    until(lambda: state(leat)["state"] == "FAILED", 90, "a failure", every=0.2)
    error = until(lambda: state(leat).get("error"), 30, "its error", every=0.2)
    assert error["code"] == code, error
    return error["message"]


# ---- Kafka is away


@pytest.mark.timeout(600)
def test_why_kafka_is_away(orders, leat, kafka):
    """Status, why and the status of a connector that was stopped meanwhile tell it."""
    start(leat, orders, kafka, **QUICK)
    kafka.read_until(topic_of(orders), 1)
    assert state(leat)["delivery"]["error"] is None
    kafka.kill()
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    caught_up(orders, leat, 60)
    delivery = state(leat)["delivery"]
    assert delivery["state"] == "SPOOL" and delivery["spool_events"] == 1
    assert delivery["error"]["code"] == "kafka.down"
    assert "Connection refused" in delivery["error"]["message"], delivery
    assert delivery["error_since"].startswith("20") and delivery["retry_ms"] == 1000
    why = leat.call("why", "shop").stdout
    assert "Connection refused" in why and "tried again" in why and "1 events wait" in why
    assert "Connection refused" in leat.call("status", "shop").stdout
    leat.stop()
    stopped = state(leat)
    assert stopped["state"] == "STOPPED" and stopped["delivery"]["spool_events"] == 1
    assert stopped["position"]["lsn"] > 0 and stopped["position_text"]
    assert stopped["counts"]["appended"] == 1 and stopped["counts"]["rows_appended"] == 1
    kafka.start()
    start(leat, orders, kafka, **QUICK)
    kafka.read_until(topic_of(orders), 2)
    until(lambda: state(leat)["delivery"]["state"] == "DIRECT", 60, "the end of the spool")
    until(lambda: state(leat)["delivery"]["error"] is None, 60, "no trouble")
    leat.stop()
    stopped = state(leat)
    assert stopped["delivery"] == {"state": "DIRECT", "spool_events": 0}
    assert stopped["position"]["lsn"] > 0


def wrong_password(kafka, db):
    return {"bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
            **kafka.login("alice", "PLAIN", "no-such-password")}


def wrong_authority(kafka, db):
    other = Authority(os.path.join(kafka.folder, f"other-{db.name}"), "another CA")
    return {"bootstrap.servers": kafka.tls, "security.protocol": "SSL",
            "ssl.truststore.type": "PEM", "ssl.truststore.location": other.ca}


def plain_text(kafka, db):
    return {"bootstrap.servers": kafka.tls}


def another_server(kafka, db):
    return {"bootstrap.servers": f"{db.server.host}:{db.server.port}"}


@pytest.mark.parametrize("wrong, code, words", [
    (wrong_password, "kafka.auth", "sasl.jaas.config"),
    (wrong_authority, "kafka.tls", "ssl.truststore.location must hold the authority"),
    (plain_text, "kafka.down", "does the listener want TLS"),
    (another_server, "kafka.down", "no broker of Kafka"),
])
def test_a_worker_that_is_wrong(orders, leat, kafka, wrong, code, words):
    """What was told goes to the spool, and status and why say what to look at."""
    start(leat, orders, kafka, worker=wrong(kafka, orders), **QUICK)

    def error():
        delivery = state(leat).get("delivery") or {}
        return delivery.get("state") == "SPOOL" and delivery["error"]

    said = until(error, 90, "the spool", every=0.2)
    assert said["code"] == code and words in said["message"], said
    assert "SCRAM" not in said["message"] and "no-such-password" not in leat.stderr
    why = leat.call("why", "shop").stdout
    assert words in why and "nothing blocks it:" not in why
    assert leat.stderr.count("verification callback") == 0


@pytest.mark.timeout(600)
def test_deleted_with_a_spool(orders, leat, kafka):
    """It is refused as long as the spool holds what nobody else has."""
    start(leat, orders, kafka, **QUICK)
    kafka.read_until(topic_of(orders), 1)
    kafka.kill()
    orders.sql("INSERT INTO orders VALUES (2, 'second'), (3, 'third')")
    caught_up(orders, leat, 60)
    spool = os.path.join(leat.data, "connectors/shop/spool")
    done = leat.call("delete", "shop", "--yes", ok=(1,))
    assert "delete.spool" in done.stderr and "2 events" in done.stderr
    assert state(leat)["state"] == "RUNNING"  # nothing was done
    leat.stop()
    assert "delete.spool" in leat.call("delete", "shop", "--yes", ok=(1,)).stderr
    assert os.listdir(spool)
    assert os.path.exists(os.path.join(leat.data, "connectors/shop/tables"))
    leat.call("delete", "shop", "--yes", "--drop-spool")
    assert not os.path.exists(spool)
    assert not os.path.exists(os.path.join(leat.data, "connectors/shop/state.db"))
    assert not os.path.exists(os.path.join(leat.data, "connectors/shop/tables"))


@pytest.mark.timeout(600)
def test_another_stream_with_a_spool(orders, leat, kafka):
    """It is refused as long as the spool holds what nobody else has."""
    start(leat, orders, kafka, **QUICK)
    kafka.read_until(topic_of(orders), 1)
    kafka.kill()
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    caught_up(orders, leat, 60)
    leat.stop()
    leat.run(os.path.join(leat.folder, "shop.properties"))
    assert leat.wait(60) == 1
    assert "stream.spool" in leat.stderr and "1 events are in its spool" in leat.stderr
    kafka.start()
    start(leat, orders, kafka, **QUICK)
    assert ids(kafka.read_until(topic_of(orders), 2)) == [1, 2]
    until(lambda: state(leat)["delivery"]["state"] == "DIRECT", 60, "the end of the spool")
    leat.stop()
    leat.run(os.path.join(leat.folder, "shop.properties"))
    assert [r["value"]["after"]["id"] for r in leat.read_until(topic_of(orders), 2)] == [1, 2]


@pytest.mark.timeout(900)
def test_a_transaction_larger_than_the_spool(orders, leat, kafka):
    """The spool keeps to its bound, that is told, and all of it arrives once Kafka is back."""
    start(leat, orders, kafka, spool_max_bytes="4m", **QUICK)
    kafka.read_until(topic_of(orders), 1)
    kafka.kill()
    orders.sql("INSERT INTO orders VALUES (2, 'small')")
    caught_up(orders, leat, 60)
    text = "md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) || md5((g + 3)::text)"
    orders.sql(f"INSERT INTO orders SELECT g, {text} FROM generate_series(3, 200000) g")

    def stalled():
        told = state(leat)
        return told if told["state"] == "STALLED" else None

    told = until(stalled, 120, "no room", every=0.2)
    assert told["error"]["code"] == "spool.full" and "spool.max.bytes" in told["error"]["message"]
    spool = os.path.join(leat.data, "connectors/shop/spool")
    files = [os.path.join(at, name) for at, _, names in os.walk(spool) for name in names]
    assert 3 << 20 < sum(os.path.getsize(f) for f in files) < 6 << 20
    assert told["delivery"]["spool_bytes"] < 6 << 20
    assert "the spool has reached its limit" in leat.call("why", "shop").stdout
    kafka.start()
    records = kafka.read_until(topic_of(orders), 200000, seconds=300)
    caught_up(orders, leat, 120)
    assert "spool.transaction" in leat.stderr
    seen = ids(records)
    assert set(seen) == set(range(1, 200001))
    first = list(dict.fromkeys(seen))
    assert first == sorted(first)
    until(lambda: not os.listdir(spool), 60, "the end of the spool")


# ---- topics, sizes and rights


@pytest.fixture(scope="module")
def strict(scratch):
    """A Kafka that makes no topics by itself."""
    try:
        kafka = kafka_server.Kafka(os.path.join(scratch, "strict"),
                                   auto_create_topics_enable="false")
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    kafka.start()
    yield kafka
    kafka.kill()


def again(leat, db, kafka, **more):
    """The connector had failed, and `leat run` ended with it: once more."""
    assert leat.wait(60) == 1
    start(leat, db, kafka, **more)


@pytest.mark.timeout(600)
def test_a_topic_deleted_meanwhile(orders, leat, strict):
    """It is made again, as topic.creation says, and delivery goes on."""
    kafka = strict
    start(leat, orders, kafka, topic_creation_default_cleanup_policy="compact")
    kafka.read_until(topic_of(orders), 1)
    kafka.delete(topic_of(orders))
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    records = kafka.read_until(topic_of(orders), 1, seconds=120)
    assert ids(records)[-1] == 2
    caught_up(orders, leat, 60)
    assert kafka.config(topic_of(orders))["cleanup.policy"] == "compact"
    assert state(leat)["state"] == "RUNNING"


@pytest.mark.timeout(600)
def test_a_missing_topic_that_nobody_makes(orders, leat, strict):
    """topic.creation.enable=false, and brokers that make none: FAILED with what to do; then it is
    made, and a start goes on. The same when it goes later."""
    topic, no = topic_of(orders), {"topic.creation.enable": "false"}
    start(leat, orders, strict, worker=no)
    message = failed(leat, "kafka.topic_unknown")
    assert state(leat)["error"]["where"] == topic and "make it" in message
    strict.create(topic)
    again(leat, orders, strict, worker=no)
    assert ids(strict.read_until(topic, 1, seconds=90)) == [1]
    strict.delete(topic)
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    failed(leat, "kafka.topic_unknown")
    strict.create(topic)
    again(leat, orders, strict, worker=no)
    assert 2 in ids(strict.read_until(topic, 1, seconds=90))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("tolerance", ["none", "all"])
def test_a_record_that_is_too_large(orders, leat, kafka, tolerance):
    """For the topic: it stops the connector, or goes to the dead letters."""
    kafka.create(topic_of(orders), max_message_bytes=5000)
    start(leat, orders, kafka, errors_tolerance=tolerance, **{"errors.max.retries": "3"})
    kafka.read_until(topic_of(orders), 1)
    orders.sql("INSERT INTO orders SELECT 2, string_agg(md5(g::text), '') FROM"
               " generate_series(1, 1000) g")
    orders.sql("INSERT INTO orders VALUES (3, 'third')")
    if tolerance == "none":
        assert "errors.tolerance=all" in failed(leat, "kafka.too_large")
        assert ids(kafka.read(topic_of(orders))) == [1]
        return
    assert ids(kafka.read_until(topic_of(orders), 2, seconds=90)) == [1, 3]
    caught_up(orders, leat, 60)
    counts = state(leat)["counts"]
    assert counts["dead"] == 1 and counts["in_flight"] == 0
    assert "kafka.too_large" in leat.call("dead-letters", "shop", "list").stdout


@pytest.mark.timeout(600)
def test_a_right_that_is_taken_away(orders, leat, kafka):
    """FAILED with the topic and the right; given back, a restart goes on where it was."""
    user, topic = "alice", topic_of(orders)
    for right in ("write", "describe", "create"):
        kafka.allow(user, right, "topic", orders.name)
    login = {"bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
             **kafka.login(user, "PLAIN")}
    start(leat, orders, kafka, worker=login)
    kafka.read_until(topic, 1)
    kafka.forbid(user, "write", "topic", orders.name)
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    assert "WRITE" in failed(leat, "kafka.denied").upper()
    kafka.allow(user, "write", "topic", orders.name)
    again(leat, orders, kafka, worker=login)
    assert ids(kafka.read_until(topic, 2, seconds=90)) == [1, 2]


# ---- offsets for Kafka Connect


def offsets(kafka, topic):
    """What stands there: key -> the last offset."""
    if topic not in kafka.topics():
        return {}
    return {r.key.decode(): json.loads(r.value) if r.value else None for r in kafka.read(topic)}


@pytest.mark.timeout(600)
def test_offsets_for_kafka_connect(orders, leat, kafka):
    """While it runs they are never ahead of what Kafka has, and after a kill not far behind; after
    an end in order they are what leat has."""
    topic, key = f"{orders.name}-offsets", f'["shop",{{"server":"{orders.name}"}}]'
    worker = {"offset.storage.topic": topic, "offset.storage.replication.factor": "1",
              "offset.storage.partitions": "3", "offset.flush.interval.ms": "200"}
    start(leat, orders, kafka, worker=worker)
    kafka.read_until(topic_of(orders), 1)
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    ((end,),) = orders.sql("SELECT pg_current_wal_lsn() - '0/0'")

    def there():
        found = offsets(kafka, topic).get(key)
        return found if found and found["lsn"] >= end else None

    found = until(there, 60, "the offset", every=0.2)
    assert {"lsn", "lsn_proc", "lsn_commit", "txId", "ts_usec"} <= set(found)
    assert kafka.config(topic)["cleanup.policy"] == "compact" and kafka.topics()[topic] == 3
    leat.kill()
    assert offsets(kafka, topic)[key]["lsn"] >= end
    start(leat, orders, kafka, worker=worker)
    orders.sql("INSERT INTO orders VALUES (3, 'third')")
    assert set(ids(kafka.read_until(topic_of(orders), 3))) == {1, 2, 3}
    assert leat.stop() == 0
    (mine,) = leat.json("offsets", "shop")["offsets"]
    by_time = {"partition": mine["partition"], "offset": {"time": "2026-01-31T10:00:00Z"}}
    done = leat.call("offsets", "shop", "set", json.dumps({"offsets": [by_time]}), "--yes", ok=(1,))
    assert "offsets.time" in done.stderr and "Kafka" in done.stderr
    assert offsets(kafka, topic)[key] == mine["offset"]
    leat.call("offsets", "shop", "reset", "--yes")
    until(lambda: offsets(kafka, topic)[key] is None, 60, "the offset's end", every=0.2)


@pytest.mark.timeout(600)
def test_offsets_that_cannot_be_written(orders, leat, kafka):
    """No right to that topic: it is told once, and nothing else waits for it."""
    topic = f"{orders.name}.public"
    for right in ("write", "describe", "create"):
        kafka.allow("bob", right, "topic", topic)
    worker = {"bootstrap.servers": kafka.sasl, "security.protocol": "SASL_PLAINTEXT",
              **kafka.login("bob", "PLAIN"), "offset.storage.topic": f"{orders.name}-offsets",
              "offset.storage.replication.factor": "1", "offset.flush.interval.ms": "100"}
    start(leat, orders, kafka, worker=worker)
    kafka.read_until(topic_of(orders), 1)
    until(lambda: "kafka.offsets" in leat.stderr, 60, "a warning")
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    kafka.read_until(topic_of(orders), 2)
    caught_up(orders, leat, 60)
    assert leat.stop() == 0
    assert leat.stderr.count("could not be written for Kafka Connect, and is tried") == 1


# ---- several tasks


@pytest.mark.timeout(900)
def test_tasks_and_kills(leat, kafka):
    """Four tasks of one connector, killed with kill -9 and their Kafka too: each table's changes
    are all there, and in order but for repeats."""
    config = {"connector.class": "datagen", "topic.prefix": "gen4", "datagen.tables": "8",
              "tasks.max": "4", "datagen.rate": "1500", "datagen.events": "60000",
              "spool.after.ms": "1000", "key.converter.schemas.enable": "false",
              "value.converter.schemas.enable": "false", **ONE}
    files = ("--kafka", kafka.bootstrap, leat.write("gen.properties", config))
    topics = [f"gen4.datagen.t{i}" for i in range(1, 9)]

    def there():
        made = kafka.topics()
        return sum(len(kafka.read(t)) for t in topics if t in made)

    for n, victim in enumerate(("leat", "kafka", "leat"), 1):
        leat.run(*files)
        until(lambda n=n: there() >= n * 4000, 120, "events", every=0.3)
        assert n > 1 or len(leat.status("gen")["tasks"]) == 4
        if victim == "kafka":
            kafka.kill()
            until(lambda: "kafka.away" in leat.stderr, 60, "the spool")
            leat.kill()
            kafka.start()
        leat.kill()
    leat.run("--once", *files)
    assert leat.wait(240) == 0, leat.stderr[-3000:]
    seen = {}
    for topic in topics:
        found = ids(kafka.read(topic))
        first = list(dict.fromkeys(found))
        assert first == sorted(first), topic
        seen[topic] = len(first)
    assert sum(seen.values()) == 60000, seen


def test_a_hub_streams_into_kafka(leat, kafka):
    """`leat serve --kafka`: its connectors have that worker, which is not stored with them."""
    hub = Hub(leat, "--kafka", kafka.bootstrap)
    hub.make("hubgen", datagen_rate="500", datagen_events="300", datagen_stay="true", **{
        name.replace(".", "_"): value for name, value in ONE.items()})
    assert len(kafka.read_until("hubgen.datagen.t1", 300)) == 300
    assert leat.status("hubgen")["delivery"]["state"] == "DIRECT"
    assert "bootstrap.servers" not in hub.get("/connectors/hubgen/config")
    hub.ask("PATCH", "/connectors/hubgen/config", {"datagen.events": "600"})
    assert len(kafka.read_until("hubgen.datagen.t1", 600)) == 600
    assert leat.stop() == 0

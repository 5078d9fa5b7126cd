"""Files of others as they are: Debezium Server's application.properties, and a worker's file with
the files of its connectors, as connect-standalone is called. Into a real Kafka."""

import json

import pytest
from javafile import offsets_file

JSON = "org.apache.kafka.connect.json.JsonConverter"


@pytest.fixture
def orders(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
    db.sql("INSERT INTO orders VALUES (1, 'a'), (2, 'b')")
    return db


def server(db, kafka, prefix, **more):
    """application.properties as Debezium's documentation has it."""
    source = {**db.properties(), "topic.prefix": prefix, "offset.flush.interval.ms": "0"}
    source["offset.storage.file.filename"] = "data/offsets.dat"
    props = {f"debezium.source.{name}": value for name, value in source.items()}
    serializer = "org.apache.kafka.common.serialization.StringSerializer"
    return props | {
        "debezium.sink.type": "kafka",
        "debezium.sink.kafka.producer.bootstrap.servers": kafka.bootstrap,
        "debezium.sink.kafka.producer.key.serializer": serializer,
        "debezium.sink.kafka.producer.value.serializer": serializer,
        "debezium.format.key": "json",
        "debezium.format.value": "json",
        "quarkus.log.console.json": "false",
        **more,
    }


def test_debezium_server(orders, leat, kafka):
    """Schemas, keys and headers as Debezium Server writes them: JSON with a schema."""
    path = leat.write("application.properties", server(orders, kafka, "ds1"))
    leat.run("--once", path)
    assert leat.wait() == 0
    one, two = kafka.read("ds1.public.orders")
    assert json.loads(one.key)["payload"] == {"id": 1}
    assert json.loads(two.value)["payload"]["after"] == {"id": 2, "what": "b"}
    assert json.loads(two.value)["schema"]["name"] == "ds1.public.orders.Envelope"
    headers = dict(one.headers)
    assert headers["__debezium.context.connectorLogicalName"] == (
        b'{"schema":{"type":"string","optional":false},"payload":"ds1"}')
    assert "quarkus.log.console.json: accepted, but has no effect" in leat.stderr
    assert leat.json("status", "application")["state"] == "STOPPED"


def test_profiles_environment_and_formats(orders, leat, kafka):
    """The password is nowhere but in the environment."""
    more = {
        "debezium.format.schemas.enable": "false",
        "debezium.format.header.schemas.enable": "true",
        "debezium.source.database.password": "${DB_PASSWORD}",
        "%dev.debezium.source.topic.prefix": "dev",
        "%prod.debezium.source.topic.prefix": "${STAGE:none}",
    }
    path = leat.write("application.properties", server(orders, kafka, "never", **more))
    env = {"DB_PASSWORD": "geheim", "STAGE": "ds2", "DEBEZIUM_SOURCE_SKIPPED_OPERATIONS": "none"}
    leat.run("--once", path, env=env)
    assert leat.wait() == 0
    one, _ = kafka.read("ds2.public.orders")
    assert json.loads(one.key) == {"id": 1}
    assert list(json.loads(one.value))[:2] == ["before", "after"]
    with open(leat.data + "/connectors/application/state.db", "rb") as f:
        assert b"geheim" not in f.read()


def test_it_goes_on_from_debeziums_file(orders, leat, kafka):
    orders.sql(f"CREATE PUBLICATION {orders.name} FOR ALL TABLES")
    ((at,),) = orders.sql(
        f"SELECT lsn - '0/0' FROM pg_create_logical_replication_slot('{orders.name}', 'pgoutput')")
    orders.sql("INSERT INTO orders VALUES (3, 'c')")
    offset = {"lsn_proc": int(at), "messageType": "COMMIT", "lsn_commit": int(at), "lsn": int(at)}
    offsets = offsets_file(leat.folder + "/o.dat", ("kafka", {"server": "ds3"}, offset))
    more = {"debezium.source.offset.storage.file.filename": offsets}
    leat.run("--once", leat.write("application.properties", server(orders, kafka, "ds3", **more)))
    assert leat.wait() == 0
    (one,) = kafka.read("ds3.public.orders")
    assert json.loads(one.value)["payload"]["after"]["id"] == 3


@pytest.mark.parametrize("more, option, words", [
    ({"debezium.sink.type": "pulsar"}, "debezium.sink.type", "only kafka"),
    ({"debezium.format.value": "avro"}, "debezium.format.value", "not built yet"),
    ({"debezium.transforms": "x", "debezium.transforms.x.type": "T"}, "transforms.x.type",
     "is not built yet"),
    ({"debezium.source.database.port": "x"}, "debezium.source.database.port", "a whole number"),
    ({"debezium.source.topic.prefix": "${NONE}"}, "debezium.source.topic.prefix",
     "stands for nothing"),
    ({"debezium.sink.kafka.producer.partitioner.class": "P"}, "partitioner.class",
     "would change the data"),
])
def test_what_debezium_server_has_and_leat_not(orders, leat, kafka, more, option, words):
    """Refused under the name in the file, with the line."""
    path = leat.write("application.properties", server(orders, kafka, "ds4", **more))
    leat.run("--once", path)
    assert leat.wait() == 2
    (line,) = [x for x in leat.stderr.splitlines() if words in x]
    assert option in line and "application.properties:" in line


def worker(kafka, leat, **more):
    props = {
        "bootstrap.servers": kafka.bootstrap,
        "key.converter": JSON,
        "value.converter": JSON,
        "key.converter.schemas.enable": "false",
        "value.converter.schemas.enable": "false",
        "offset.storage.file.filename": leat.folder + "/connect.offsets",
        "plugin.path": "/usr/share/java",
    }
    return leat.write("worker.properties", props | more)


def test_as_connect_standalone_is_called(orders, leat, kafka):
    """Two connectors on one worker; warnings of its file are told once, under its name."""
    files = []
    for name in ("c1", "c2"):
        config = orders.properties(name=name, slot_name=f"{orders.name}_{name}")
        files.append(leat.write(f"{name}.properties", {**config, "topic.prefix": name}))
    leat.run("--once", worker(kafka, leat), *files)
    assert leat.wait() == 0
    for name in ("c1", "c2"):
        one, _ = kafka.read(f"{name}.public.orders")
        assert json.loads(one.key) == {"id": 1}
        assert dict(one.headers)["__debezium.context.connectorLogicalName"] == name.encode()
    assert leat.stderr.count("plugin.path: accepted") == 1
    assert "worker.properties:7: warning: plugin.path" in leat.stderr


def test_brokers_of_the_command_line(orders, leat, kafka):
    path = leat.write("c3.properties", {**orders.properties(name="c3"), "topic.prefix": "c3"})
    leat.run("--once", "--kafka", kafka.bootstrap, path)
    assert leat.wait() == 0
    assert len(kafka.read("c3.public.orders")) == 2
    assert not leat.call("topics").stdout.count("c3.public.orders")


@pytest.mark.parametrize("more, words", [
    ({"value.converter": "io.confluent.connect.avro.AvroConverter"}, "would change the records"),
    ({"exactly.once.source.support": "maybe"}, "exactly.once.source.support"),
    ({"offset.storage.partitions": "x"}, "must be a whole number"),
])
def test_workers_that_cannot_be(orders, leat, kafka, more, words):
    path = leat.write("c4.properties", orders.properties(name="c4"))
    leat.run("--once", worker(kafka, leat, **more), path)
    assert leat.wait() == 2
    assert words in leat.stderr


def test_a_worker_alone(leat, kafka):
    leat.run(worker(kafka, leat))
    assert leat.wait() == 2
    assert "names no connector" in leat.stderr


def test_heartbeats_and_transactions(orders, leat, kafka):
    """Their topics, as Debezium Server writes them: without headers."""
    more = {
        "debezium.format.schemas.enable": "false",
        "debezium.source.heartbeat.interval.ms": "100",
        "debezium.source.topic.heartbeat.prefix": "beats",
        "debezium.source.provide.transaction.metadata": "true",
        "debezium.source.topic.transaction": "tx",
    }
    leat.run(leat.write("application.properties", server(orders, kafka, "ds5", **more)))
    kafka.read_until("beats.ds5", 2)
    orders.sql("INSERT INTO orders VALUES (3, 'c'), (4, 'd')")
    begin, end = kafka.read_until("ds5.tx", 2)
    leat.stop()
    beat = kafka.read("beats.ds5")[0]
    assert json.loads(beat.key) == {"serverName": "ds5"} and beat.headers == []
    assert list(json.loads(beat.value)) == ["ts_ms"]
    ident = json.loads(begin.key)["id"]
    first, last = json.loads(begin.value), json.loads(end.value)
    assert (first["status"], first["id"], first["event_count"]) == ("BEGIN", ident, None)
    assert last["data_collections"] == [{"data_collection": "public.orders", "event_count": 2}]
    assert (last["status"], last["event_count"], begin.headers) == ("END", 2, [])
    change = json.loads(kafka.read("ds5.public.orders")[-1].value)
    assert change["transaction"]["total_order"] == 2


# As Debezium's documentation and its examples have them, but for the addresses.
SERIALIZER = "org.apache.kafka.common.serialization.StringSerializer"
DOCUMENTED = {
    "debezium.source.connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "debezium.source.offset.storage.file.filename": "data/offsets.dat",
    "debezium.source.offset.flush.interval.ms": "0",
    "debezium.source.topic.prefix": "tutorial",
    "debezium.source.schema.include.list": "inventory",
    "debezium.sink.type": "kafka",
    "debezium.sink.kafka.producer.key.serializer": SERIALIZER,
    "debezium.sink.kafka.producer.value.serializer": SERIALIZER,
    "quarkus.log.console.json": "false",
}
LINEAGE = "openlineage.integration"
LOGGER = 'quarkus.log.category."io.openlineage.client.transports.ConsoleTransport"'
EXAMPLES = {
    "the manual": DOCUMENTED,
    "one of the examples": {
        **{k: v for k, v in DOCUMENTED.items() if not k.endswith("file.filename")},
        "debezium.source.offset.storage": "org.apache.kafka.connect.storage."
        "MemoryOffsetBackingStore",
        f"debezium.source.{LINEAGE}.enabled": "true",
        f"debezium.source.{LINEAGE}.config.file.path": "config/openlineage.yml",
        f"debezium.source.{LINEAGE}.job.description": "This connector does cdc for products",
        f"debezium.source.{LINEAGE}.job.tags": "env=prod,team=cdc",
        f"debezium.source.{LINEAGE}.job.owners": "Mario=maintainer,John Doe=Data scientist",
        f"{LOGGER}.level": "INFO",
        f"{LOGGER}.handlers": "myFile",
        f"{LOGGER}.use-parent-handlers": "false",
        'quarkus.log.handler.file."myFile".enable': "true",
        'quarkus.log.handler.file."myFile".path': "logs/console-transport.log",
    },
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_examples(db, leat, kafka, example):
    if "tutorial.inventory.customers" in kafka.topics():
        kafka.delete("tutorial.inventory.customers")
    db.sql("CREATE SCHEMA inventory")
    db.sql("CREATE TABLE inventory.customers (id int PRIMARY KEY, email text)")
    db.sql("CREATE TABLE public.others (id int PRIMARY KEY)")
    db.sql("INSERT INTO inventory.customers VALUES (1001, 'sally')")
    db.sql("INSERT INTO public.others VALUES (1)")
    place = {k: v for k, v in db.properties().items() if k.startswith("database.")}
    props = EXAMPLES[example] | {f"debezium.source.{k}": v for k, v in place.items()}
    props["debezium.sink.kafka.producer.bootstrap.servers"] = kafka.bootstrap
    leat.run(leat.write("application.properties", props))
    kafka.read_until("tutorial.inventory.customers", 1)
    db.sql("UPDATE inventory.customers SET email = 'sally@example.com'")
    first, second = kafka.read_until("tutorial.inventory.customers", 2)
    assert json.loads(first.value)["payload"]["op"] == "r"
    assert json.loads(second.value)["payload"]["after"]["email"] == "sally@example.com"
    assert json.loads(second.key)["payload"] == {"id": 1001}
    assert not [t for t in kafka.topics() if t == "tutorial.public.others"]
    assert leat.stop() == 0

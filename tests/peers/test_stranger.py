"""Configurations as people have them, with Kafka Connect and Debezium, and then, the same file and
the same worker's file, with `leat run`: the same topics with the same records."""

import os

import pytest
from servers.postgres import Postgres
from servers.process import until
from test_golden import compare, records, run_sql

CLASS = {"connector.class": "io.debezium.connector.postgresql.PostgresConnector"}
CONFIGS = {
    # Debezium's tutorial for PostgreSQL.
    "tutorial": CLASS | {
        "tasks.max": "1",
        "topic.prefix": "dbserver1",
        "schema.include.list": "inventory",
    },
    # The manual's example of a connector.
    "manual": CLASS | {
        "topic.prefix": "fulfillment",
        "table.include.list": "public.inventory",
    },
    # What stands in repositories of people who run it.
    "grown": CLASS | {
        "tasks.max": "1",
        "plugin.name": "pgoutput",
        "slot.name": "grown_slot",
        "publication.name": "grown_publication",
        "publication.autocreate.mode": "filtered",
        "topic.prefix": "grown",
        "table.include.list": "inventory.customers,inventory.orders,inventory.products",
        "column.exclude.list": "inventory.customers.secret",
        "column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K": "inventory.customers.email",
        "message.key.columns": "inventory.orders:purchaser",
        "snapshot.mode": "initial",
        "decimal.handling.mode": "string",
        "time.precision.mode": "connect",
        "hstore.handling.mode": "json",
        "tombstones.on.delete": "true",
        "provide.transaction.metadata": "true",
        "heartbeat.interval.ms": "5000",
        "heartbeat.action.query": "INSERT INTO inventory.beats VALUES (1, now()) "
        "ON CONFLICT (id) DO UPDATE SET at = now()",
        "key.converter": "org.apache.kafka.connect.json.JsonConverter",
        "key.converter.schemas.enable": "false",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "topic.creation.default.replication.factor": "1",
        "topic.creation.default.partitions": "1",
        "topic.creation.default.cleanup.policy": "compact",
        "errors.log.enable": "true",
        "errors.tolerance": "none",
        "max.batch.size": "2048",
        "max.queue.size": "8192",
        "poll.interval.ms": "500",
        "snapshot.fetch.size": "10240",
    },
}
SETUP = """
CREATE SCHEMA inventory;
CREATE TABLE inventory.products (id serial PRIMARY KEY, name varchar(255) NOT NULL,
    description varchar(512), weight float);
CREATE TABLE inventory.customers (id serial PRIMARY KEY, first_name varchar(255) NOT NULL,
    email varchar(255) NOT NULL UNIQUE, secret text, since timestamptz DEFAULT '2020-02-02');
CREATE TABLE inventory.orders (id serial PRIMARY KEY, order_date date NOT NULL, at time, made
    timestamp, purchaser int NOT NULL REFERENCES inventory.customers, total numeric(8,2));
CREATE TABLE inventory.beats (id int PRIMARY KEY, at timestamptz);
CREATE TABLE public.inventory (sku text PRIMARY KEY, stock int);
ALTER TABLE inventory.customers REPLICA IDENTITY FULL;
ALTER TABLE inventory.products REPLICA IDENTITY FULL;
INSERT INTO inventory.products (name, weight) VALUES ('wheel', 3.14), ('rope', 0.1);
INSERT INTO inventory.customers (first_name, email, secret) VALUES
    ('Ann', 'ann@example.com', 'x'), ('Bo', 'bo@example.com', NULL);
INSERT INTO inventory.orders (order_date, at, made, purchaser, total) VALUES
    ('2024-02-29', '10:11:12', '2024-02-29 10:11:12.345678', 1, 12.50);
INSERT INTO public.inventory VALUES ('a', 1), ('b', 2);
"""
CHANGES = """
INSERT INTO inventory.customers (first_name, email) VALUES ('Cy', 'cy@example.com');
UPDATE inventory.customers SET email = 'ann@example.org' WHERE id = 1;
INSERT INTO inventory.orders (order_date, purchaser, total) VALUES ('2024-03-01', 3, 0.99);
UPDATE inventory.orders SET purchaser = 2 WHERE id = 2;
DELETE FROM inventory.orders WHERE id = 1;
UPDATE inventory.products SET description = 'long', weight = NULL WHERE id = 2;
ALTER TABLE inventory.products ADD COLUMN color text DEFAULT 'red';
INSERT INTO inventory.products (name) VALUES ('axe');
DELETE FROM inventory.products WHERE name = 'wheel';
UPDATE public.inventory SET sku = 'c' WHERE sku = 'b';
INSERT INTO public.inventory VALUES ('z', 9);
"""
LAST = {  # table: how many of its records there are
    "dbserver1.inventory.customers": 4,
    "dbserver1.inventory.products": 6,
    "fulfillment.public.inventory": 6,
    "grown.inventory.customers": 4,
    "grown.inventory.products": 6,
}


@pytest.fixture(scope="module")
def server(scratch):
    """Of its own: the slot has a name that others have too."""
    one = Postgres(os.path.join(scratch, "stranger")).start()
    yield one
    one.stop("immediate")


def topics_of(kafka, prefix):
    return [t for t in kafka.topics() if t.startswith(f"{prefix}.")]


def all_of(kafka, prefix):
    """Once the last changes are there: what a consumer has, times and places settled."""
    for topic, n in LAST.items():
        if topic.startswith(f"{prefix}."):
            kafka.read_until(topic, n, seconds=120)
    if prefix == "grown":
        kafka.read_until("grown.transaction", 2 * 7, seconds=60)
    lines = []
    for topic in topics_of(kafka, prefix):
        for r in kafka.read(topic):
            key, value = ((part and part.decode()) for part in (r.key, r.value))
            headers = [(name, text.decode()) for name, text in r.headers]
            lines.append({"topic": r.topic, "key": key, "value": value, "headers": headers})
    return records(lines, "postgres")


def begin(server, kafka, prefix):
    server.sql("DROP SCHEMA IF EXISTS inventory CASCADE; DROP TABLE IF EXISTS public.inventory")
    for name, in server.sql("SELECT pubname FROM pg_publication"):
        server.sql(f"DROP PUBLICATION {name}")
    server.drop_slots()
    for topic in topics_of(kafka, prefix):
        kafka.delete(topic)
    run_sql(server, SETUP)


def is_read(server):
    """The slot's reader is beyond the snapshot."""
    until(lambda: server.sql("SELECT active FROM pg_replication_slots") == [(True,)], 120,
          "the stream", every=0.2)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_file_that_is_there(server, leat, kafka, connect, gone, name):
    """A server without decoderbufs, which is Debezium's default, wants plugin.name there; leat does
    without."""
    place = {"database.hostname": server.host, "database.port": str(server.port),
             "database.user": server.user, "database.password": "postgres",
             "database.dbname": "postgres"}
    config = CONFIGS[name] | place
    prefix = config["topic.prefix"]
    begin(server, kafka, prefix)
    gone.append(name)
    connect.create(name, {"plugin.name": "pgoutput"} | config)
    is_read(server)
    run_sql(server, CHANGES)
    theirs = all_of(kafka, prefix)
    connect.call("DELETE", f"/connectors/{gone.pop()}")
    until(lambda: server.sql("SELECT active FROM pg_replication_slots") == [(False,)], 60,
          "the end", every=0.2)
    begin(server, kafka, prefix)
    leat.run(connect.file, leat.write("register-postgres.json", {"name": name, "config": config}))
    until(lambda: leat.told(name).get("state") == "RUNNING", 60, "leat")
    is_read(server)
    until(lambda: leat.told(name).get("snapshot", {}).get("state") == "done", 60, "the rows")
    run_sql(server, CHANGES)
    ours = all_of(kafka, prefix)
    assert leat.stop() == 0
    compare(theirs, ours, name == "tutorial")
    assert " ERROR " not in leat.stderr and "error:" not in leat.stderr, leat.stderr

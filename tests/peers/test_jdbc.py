"""Debezium's JDBC sink, on a real Kafka Connect: what leat wrote is to it what Debezium wrote; and
what it refuses stands in the dead letters as what leat's own sink refuses."""

import pytest
from servers.connect import JSON
from servers.process import until
from target import PostgresTarget
from test_intake import KEY, ROW, created, put, text
from workload_types import SETUP, TYPES

# What the JDBC sink writes in no form, whoever wrote the topic: it wants PostGIS, does not know the
# arrays' types, and has no column without a place in the events.
REFUSED = ("point", "bytea[]", "numeric(8,3)[]", "date[]", "time[]", "timestamp[]",
           "timestamp with time zone[]", "pair", "pair[]", "int4multirange", "box", "pg_lsn")
# What it cannot write into a column of that very type, or writes as something else.
BENT = ("inet", "cidr", "macaddr", "macaddr8", "bit(1)", "bit varying(20)", "interval", "tsvector",
        "time with time zone", "int4range", "int8range", "numrange", "tsrange", "tstzrange",
        "daterange", "hstore", "isbn", "mood", "inet[]", "macaddr[]", "int4range[]", "mood[]",
        "real[]", "double precision[]")
# Values that it writes as others: JSON has no NaN, it knows no infinity, no year before 1 and no
# sign of a zero; this one, of times, it fails at.
FAILS = "24:00:00"
OTHERS = {"-0", "NaN", "Infinity", "-Infinity", "infinity", "-infinity", "4713-01-01 BC",
          "<?xml version=\"1.0\"?><b x='1'/>"}
# A date that Debezium's snapshot shows otherwise than its stream: docs/compatibility.md.
OF_SNAPSHOT = {"4713-01-01 BC"}
KINDS = [kind for kind in TYPES if kind not in REFUSED]
EXACT = [kind for kind in KINDS if kind not in BENT]

SHOP = """
    CREATE TABLE customers (id int PRIMARY KEY, name varchar(40) NOT NULL, notes text,
                            since timestamptz DEFAULT '2020-02-02');
    CREATE TABLE orders (id bigint PRIMARY KEY, customer int NOT NULL, total numeric(10,2),
                         made timestamp, day date, open boolean DEFAULT true);
    CREATE TABLE pairs (a text, b int, v double precision, PRIMARY KEY (a, b));
    CREATE TABLE ends (id int PRIMARY KEY);
    ALTER TABLE customers ALTER notes SET STORAGE EXTERNAL;
    ALTER TABLE customers REPLICA IDENTITY FULL;
    INSERT INTO customers SELECT g, 'c' || g, repeat('n', 4000) FROM generate_series(1, 20) g;
    INSERT INTO orders SELECT g, g % 20 + 1, g / 7.0, '2024-02-29 12:00:00.123456', '2024-02-29'
        FROM generate_series(1, 500) g;
    INSERT INTO pairs SELECT chr(97 + g % 7), g, g / 3.0 FROM generate_series(1, 100) g
"""
CHANGES = """
    UPDATE customers SET name = 'new' WHERE id <= 5;
    UPDATE customers SET id = id + 100 WHERE id > 15;
    UPDATE customers SET notes = NULL WHERE id = 6;
    DELETE FROM orders WHERE id % 7 = 0;
    INSERT INTO orders VALUES (1000, 1, -0.01);
    DELETE FROM orders WHERE id = 1000;
    INSERT INTO orders VALUES (1000, 2, 0.01, NULL, '1969-12-31', false);
    UPDATE pairs SET b = -b WHERE b < 10;
    ALTER TABLE orders ADD COLUMN place varchar(10);
    UPDATE orders SET place = 'p' || id WHERE id BETWEEN 10 AND 20;
    INSERT INTO orders (id, customer, place) VALUES (1001, 3, 'here');
    TRUNCATE pairs;
    INSERT INTO pairs VALUES ('again', 1, 0.5)
"""
TABLES = ("customers", "orders", "pairs", "ends", "exact")


def jdbc(target, topics, **more):
    """A configuration of the JDBC sink; its tables have the source's names."""
    server = target.db.server
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": ",".join(topics),
        "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{target.db.name}",
        "connection.username": server.user,
        "connection.password": "postgres",
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "truncate.enabled": "true",
        "primary.key.mode": "record_key",
        "schema.evolution": "basic",
        "key.converter": JSON,
        "value.converter": JSON,
        "value.converter.schemas.enable": "true",
        # Kafka Connect's own makes maps of the keys in the headers of a key that changed, which the
        # JDBC sink fails at, whoever wrote them.
        "header.converter": "org.apache.kafka.connect.storage.StringConverter",
        "consumer.override.auto.offset.reset": "earliest",
    } | {key.replace("_", "."): value for key, value in more.items()}


PLAIN_NAMES = {
    "transforms": "route",
    "transforms.route.type": "org.apache.kafka.connect.transforms.RegexRouter",
    "transforms.route.regex": r".*\.public\.(.*)",
    "transforms.route.replacement": "$1",
}


def differ(mine, other):
    """What only one has, the first few: of lines that follow each other the parts that differ.
    pytest's own account of long ones takes minutes and shows nothing."""
    only = sorted(set(mine) ^ set(other))[:20]
    parts = [[(x, y) for x, y in zip(a.split(", "), b.split(", ")) if x != y]
             for a, b in zip(only[::2], only[1::2])]
    return [pair for line in parts for pair in line[:6]] or only


@pytest.fixture
def targets(postgres):
    made = [PostgresTarget(postgres) for _ in range(3)]
    yield made
    for one in made:
        one.drop()


def fill(db, table, first, kinds, without=()):
    """NULLs, then all values of these types; of one that has fewer some come again."""
    left_out = {FAILS, *without}
    values = [[v for v in TYPES[kind] if v not in left_out] or [None] for kind in kinds]
    places = ", ".join(["%s"] * (len(kinds) + 1))
    db.sql(f"INSERT INTO {table} (id) VALUES ({first})")
    for n in range(max(len(v) for v in values)):
        db.sql(f"INSERT INTO {table} VALUES ({places})", first + n + 1,
               *(v[n % len(v)] for v in values))


def make(db):
    for statement in SETUP:
        db.sql(statement)
    for table, kinds in (("kinds", KINDS), ("exact", EXACT)):
        columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(kinds))
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, {columns})")
    db.sql(SHOP)


@pytest.mark.timeout(900)
def test_as_what_debezium_wrote(db, leat, kafka, connect, gone, targets):
    """One database, read by Debezium and by leat; the JDBC sink makes a database of each one's
    topics, and fills one whose tables are there already: the first two are the same to pg_dump,
    types included, the third is the source."""
    theirs, ours, exact = targets
    make(db)
    fill(db, "kinds", 0, KINDS, OF_SNAPSHOT)
    fill(db, "exact", 0, EXACT, OTHERS)
    config = db.properties() | {
        "skipped.operations": "none", "publication.autocreate.mode": "all_tables",
        "key.converter": JSON, "value.converter": JSON, "value.converter.schemas.enable": "true",
    }
    gone.append("theirs")
    connect.create("theirs", config | {"topic.prefix": "theirs"})
    leat.run(connect.file, leat.write("ours.properties", config | {
        "name": "ours", "topic.prefix": "ours", "slot.name": f"{db.name}_ours"}))
    for prefix in ("theirs", "ours"):
        kafka.read_until(f"{prefix}.public.pairs", 100, seconds=120)
    for one in (ours, theirs):
        for statement in SETUP:
            one.sql(statement)
    make(exact.db)
    exact.sql("TRUNCATE " + ", ".join(TABLES))
    for name, target, prefix, more in (
            ("jdbc-theirs", theirs, "theirs", {}), ("jdbc-ours", ours, "ours", {}),
            ("jdbc-exact", exact, "ours", {"schema_evolution": "none"})):
        gone.append(name)
        tables = TABLES if target is exact else (*TABLES, "kinds")
        topics = [f"{prefix}.public.{table}" for table in tables]
        connect.create(name, jdbc(target, topics, **more) | PLAIN_NAMES)
    for statement in CHANGES.split(";\n"):
        db.sql(statement)
        if "ADD COLUMN" in statement:
            exact.sql(statement)
    fill(db, "kinds", 100, KINDS)
    fill(db, "exact", 100, EXACT, OTHERS)
    db.sql("INSERT INTO ends VALUES (1)")

    def rows(one):
        return one.dump("--data-only", "--exclude-table=kinds")

    def settled():
        leat.alive()
        for name in gone:
            for task in connect.call("GET", f"/connectors/{name}/status")["tasks"]:
                causes = task.get("trace", "").split("Caused by")[1:]
                assert task["state"] == "RUNNING", (name, [c[:300] for c in causes])
        return theirs.db.dump() == ours.db.dump() and rows(db) == rows(exact.db)

    try:
        until(settled, 240, "the same everywhere", every=3)
    finally:
        alike, same = differ(theirs.db.dump(), ours.db.dump()), differ(rows(db), rows(exact.db))
        assert not alike, str(alike)
        assert not same, str(same)
    assert len(rows(db)) > 400


# ---- dead letters

OTHER = {"type": "struct", "optional": True, "fields": ROW["fields"][:1]}


def row(n, value=None):
    value = text(ROW, {"id": n, "text": f"row {n}"}) if value is None else value
    return {"topic": None, "key": text(KEY, {"id": n}), "value": value}


POISON = [
    row(1),
    row(2, '{"schema":'),
    row(3, '{"a": 1}'),
    row(4) | {"key": '{"schema":'},
    row(5, text(OTHER, {"id": 5})),
    row(6),
]
MUST_DIFFER = ("__connect.errors.exception.message", "__connect.errors.exception.stacktrace")


def settled_headers(record):
    """Names in their order, and values; of what a program says in its own words how it begins."""
    shown = []
    for name, value in record.headers:
        if name.endswith("exception.stacktrace"):
            value = value.split(b":")[0]
        shown.append((name, b"" if name.endswith("exception.message") else value))
    return shown


def test_dead_letters(kafka, leat, connect, gone, targets):
    """One file for both: records that cannot be read or transformed are reported by leat as Kafka
    Connect reports them: the same records with the same headers, whose values have the same form.
    (What the target refuses ends the JDBC sink, which reports nothing then.)"""
    theirs, ours, _ = targets
    topic = kafka.create("poisoned")
    put(kafka, POISON, topic)
    more = {
        "name": "dead", "tasks.max": "1", "collection.name.format": "t",
        "transforms": "key",
        "transforms.key.type": "org.apache.kafka.connect.transforms.ValueToKey",
        "transforms.key.fields": "id,text",
        "errors.tolerance": "all", "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true",
    }
    config = jdbc(theirs, [topic]) | more | {"errors.deadletterqueue.topic.name": "dead-theirs"}
    gone.append("dead")
    connect.create("dead", config)
    until(lambda: theirs.sql("SELECT to_regclass('t')") != [(None,)] and len(theirs.rows("t")) == 2,
          120, "the rows of Kafka Connect's sink", every=0.5)
    config = jdbc(ours, [topic]) | more | {"errors.deadletterqueue.topic.name": "dead-ours",
                                           "consumer.override.group.id": "ours"}
    leat.run("--once", connect.file, leat.write("dead.properties", config))
    assert leat.wait(120) == 0, leat.stderr
    assert ours.rows("t") == theirs.rows("t")
    only = ("--schema-only", "--table=t")
    assert ours.db.dump(*only) == theirs.db.dump(*only)
    until(lambda: len(kafka.read("dead-theirs")) == 4, 60, "Kafka Connect's dead letters")
    pairs = list(zip(kafka.read("dead-theirs"), kafka.read("dead-ours"), strict=True))
    for t, o in pairs:
        assert (o.key, o.value, o.timestamp) == (t.key, t.value, t.timestamp)
        assert settled_headers(o) == settled_headers(t)
    stages = [dict(t.headers)["__connect.errors.stage"] for t, _ in pairs]
    assert stages == [b"VALUE_CONVERTER", b"VALUE_CONVERTER", b"KEY_CONVERTER", b"TRANSFORMATION"]

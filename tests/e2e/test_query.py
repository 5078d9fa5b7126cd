"""Query capture: tables and queries, polled as Confluent's JDBC source connector does, and the
traps in that: rows that commit late, moments shared at a page's end, clocks of other zones."""

import json
import sqlite3

import pytest
from query import MODES, Writers, check_modes, config, ids, offsets, source, values
from servers.process import until

TABLE = "CREATE TABLE t (id bigserial PRIMARY KEY, v int, at timestamptz NOT NULL DEFAULT now())"


# ---- as it is printed

STATEMENT = """
CREATE SOURCE CONNECTOR JDBC_SOURCE_POSTGRES_01 WITH (
    'connector.class'= 'io.confluent.connect.jdbc.JdbcSourceConnector',
    'connection.url'= 'jdbc:postgresql://{host}:{port}/{db}',
    'connection.user'= 'postgres',
    'connection.password'= 'postgres',
    'mode'= 'incrementing',
    'incrementing.column.name'= 'city_id',
    'topic.prefix'= 'postgres_'{more}
);
"""


def statement(leat, db, more=""):
    text = STATEMENT.format(host=db.server.host, port=db.server.port, db=db.name, more=more)
    return leat.write("source.sql", text)


def test_the_statement_as_it_is_printed(leat, db):
    db.sql("CREATE TABLE city (city_id serial PRIMARY KEY, name text NOT NULL)")
    db.sql("INSERT INTO city (name) VALUES ('Bern'), ('Rom')")
    leat.call("run", "--once", statement(leat, db))
    records = leat.read("postgres_city", "--format", "json-schema")
    assert [r["key"] for r in records] == [None, None]
    assert [r["value"]["payload"] for r in records] == [
        {"city_id": 1, "name": "Bern"},
        {"city_id": 2, "name": "Rom"},
    ]
    assert records[0]["value"]["schema"] == {
        "type": "struct",
        "optional": False,
        "name": "city",
        "fields": [
            {"type": "int32", "optional": False, "field": "city_id"},
            {"type": "string", "optional": False, "field": "name"},
        ],
    }
    found = leat.json("offsets", "JDBC_SOURCE_POSTGRES_01")["offsets"]
    assert [(o["partition"], o["offset"]) for o in found] == [
        ({"protocol": "1", "table": "public.city"}, {"incrementing": 2})
    ]


def test_its_key(leat, db):
    """"key" becomes two transforms, by which the record's key is the column's value."""
    db.sql("CREATE TABLE city (city_id serial PRIMARY KEY, name text NOT NULL)")
    db.sql("INSERT INTO city (name) VALUES ('Bern'), ('Rom')")
    leat.call("run", "--once", statement(leat, db, """, "key" = 'city_id'"""))
    records = leat.read("postgres_city", "--format", "json-schema")
    assert [r["key"]["payload"] for r in records] == [1, 2]
    assert records[0]["key"]["schema"] == {"type": "int32", "optional": False}
    assert records[0]["value"]["payload"] == {"city_id": 1, "name": "Bern"}


# ---- modes


def test_each_mode_goes_on(leat, db):
    """New rows in all of them, changed ones where moments are looked at; from the position on."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 1000) g")
    files = [
        source(leat, db, mode, f"m{i}", prefix=f"m{i}_", query="SELECT * FROM t WHERE v < 9999")
        for i, mode in enumerate(MODES)
    ]

    def change():
        db.sql("INSERT INTO t (v) VALUES (1001)")
        db.sql("UPDATE t SET v = 0, at = clock_timestamp() WHERE id = 7")

    check_modes(leat, files, change)


def test_an_offset_is_altered(leat, db):
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 5) g")
    file = source(leat, db, "incrementing")
    leat.call("run", "--once", file)

    def set_to(**offset):
        one = {"partition": {"table": "public.t", "protocol": "1"}, "offset": offset}
        return leat.call("offsets", "q", "set", json.dumps({"offsets": [one]}), "--yes", ok=None)

    done = set_to(timestamp=5)
    assert done.returncode != 0 and "the mode has other members" in done.stderr
    assert set_to(incrementing=3).returncode == 0
    leat.call("run", "--once", file)
    assert ids(leat, "q_t") == [1, 2, 3, 4, 5, 4, 5]
    assert len(offsets(leat)) == 1


def test_tables_new_ones_and_changed_ones(leat, db):
    """Two tasks share the tables out; one that is made later is found; so is a new column."""
    db.sql("CREATE TABLE a (id serial PRIMARY KEY)")
    db.sql("CREATE TABLE b (id serial PRIMARY KEY); INSERT INTO a DEFAULT VALUES")
    more = {"tasks.max": 2, "table.poll.interval.ms": 200, "table.blacklist": "c"}
    leat.run(leat.write("q.properties", config(db, "incrementing") | more))
    leat.read_until("q_a", 1, seconds=60)
    db.sql("CREATE TABLE c (id serial PRIMARY KEY); INSERT INTO c DEFAULT VALUES")
    db.sql("CREATE TABLE d (id serial PRIMARY KEY); INSERT INTO d DEFAULT VALUES")
    leat.read_until("q_d", 1, seconds=60)
    db.sql("ALTER TABLE a ADD n text DEFAULT 'new'")
    db.sql("INSERT INTO a DEFAULT VALUES; INSERT INTO b DEFAULT VALUES")
    leat.read_until("q_b", 1, seconds=60)
    leat.read_until("q_a", 2, seconds=60)
    assert values(leat, "q_a") == [{"id": 1}, {"id": 2, "n": "new"}]
    assert not any(t["topic"] == "q_c" for t in leat.topics())


TYPES = [
    ("bool", "boolean", "true", True, {"type": "boolean"}),
    ("i2", "smallint", "-7", -7, {"type": "int16"}),
    ("i8", "bigint", "9000000000", 9000000000, {"type": "int64"}),
    ("f4", "real", "1.5", 1.5, {"type": "float"}),
    ("money", "money", "'1234.5'", 1234.5, {"type": "double"}),
    ("txt", "varchar(9)", "'x'", "x", {"type": "string"}),
    ("js", "jsonb", "'{}'", "{}", {"type": "string"}),
    ("byt", "bytea", r"'\x0102'", "AQI=", {"type": "bytes"}),
    ("tz", "timetz", "'10:00:00+02'", 28800000, {"type": "int32", "name": "Time"}),
    ("d", "date", "'2024-02-29'", 19782, {"type": "int32", "name": "Date"}),
    ("old", "date", "'1500-01-01'", -171655, {"type": "int32", "name": "Date"}),
    ("ts", "timestamp", "'2024-02-29 11:14:15.123456'", 1709205255123,
     {"type": "int64", "name": "Timestamp"}),
]


def test_types(leat, db):
    """Schemas and values as the JDBC connector has them; what it leaves out is told."""
    columns = ", ".join(f"{name} {sql}" for name, sql, *_ in TYPES)
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns}, n numeric(8,2), tags text[])")
    db.sql(f"INSERT INTO t VALUES (1, {', '.join(t[2] for t in TYPES)}, 3.5, '{{a}}')")
    leat.call("run", "--once", source(leat, db, "bulk", "plain", prefix="p_"))
    more = {"numeric.mapping": "best_fit", "include.unknown.datatypes": "true"}
    more["timestamp.granularity"] = "micros_iso_datetime_string"
    fitted = leat.write("fit.properties", config(db, "bulk", prefix="f_") | more)
    leat.call("run", "--once", fitted)
    (record,) = leat.read("p_t", "--format", "json-schema")
    fields = {f.pop("field"): f for f in record["value"]["schema"]["fields"]}
    for name, _, _, value, schema in TYPES:
        want = {"optional": True, **schema}
        if "name" in schema:
            want |= {"name": f"org.apache.kafka.connect.data.{schema['name']}", "version": 1}
        assert (name, record["value"]["payload"][name]) == (name, value)
        assert (name, fields[name]) == (name, want)
    assert fields["n"]["parameters"] == {"scale": "2", "connect.decimal.precision": "8"}
    assert "tags" not in fields
    (value,) = values(leat, "f_t")
    assert (value["n"], value["tags"]) == (3.5, "{a}")
    assert value["ts"] == "2024-02-29T11:14:15.123456"


def codes(leat):
    """Of the dead letters."""
    out = leat.call("dead-letters", "q", "list", "--json").stdout
    return [json.loads(line)["code"] for line in out.split("\n")[:-1]]


def test_a_value_without_room(leat, db):
    """A numeric without limits has a Decimal of scale 0, as in JDBC: what does not fit is kept, and
    rows behind it are read."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n numeric)")
    db.sql("INSERT INTO t VALUES (1, 7), (2, 7.5), (3, 8), (4, 0.25)")
    file = source(leat, db, "incrementing")
    leat.call("run", "--once", file)
    assert ids(leat, "q_t") == [1, 3]
    assert codes(leat) == ["query.value"] * 2
    db.sql("INSERT INTO t VALUES (5, 9)")
    leat.call("run", "--once", file)
    assert ids(leat, "q_t") == [1, 3, 5]
    assert len(codes(leat)) == 2


def test_sqlite(leat, tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE o (id INTEGER PRIMARY KEY, price DECIMAL(8,2), note TEXT NOT NULL,"
                  " at TIMESTAMP NOT NULL)")
        rows = [(1, 1.5, "a", "2024-02-29 11:14:15"), (2, 2, "b", "2024-02-29 11:14:15.250"),
                (3, None, "c", "2024-03-01 00:00:00")]
        c.executemany("INSERT INTO o VALUES (?, ?, ?, ?)", rows)
    props = {"connector.class": "JdbcSource", "connection.url": f"jdbc:sqlite:{path}",
             "incrementing.column.name": "", "timestamp.column.name": "at"}
    files = []
    for mode in ["bulk", "incrementing", "timestamp", "timestamp+incrementing"]:
        more = {"mode": mode, "topic.prefix": f"{mode[:1]}{len(mode)}_"}
        files.append(leat.write(f"{mode}.properties", props | more))
    leat.call("run", "--once", *files)
    for topic in ["b4_o", "i12_o", "t9_o", "t22_o"]:
        assert ids(leat, topic) == [1, 2, 3]
    assert values(leat, "t9_o")[1] == {"id": 2, "price": "AMg=", "note": "b", "at": 1709205255250}
    with sqlite3.connect(path) as c:
        c.execute("UPDATE o SET note = 'new', at = '2024-03-02 00:00:00' WHERE id = 1")
    leat.call("run", "--once", *files[2:])
    for topic in ["t9_o", "t22_o"]:
        assert [(v["id"], v["note"]) for v in values(leat, topic)][3:] == [(1, "new")]


# ---- what is wrong is told


WRONG = [
    ({"connection.url": "jdbc:oracle:thin:@localhost:1521:x"}, "jdbc:oracle: cannot be read"),
    ({"connection.url": "postgres://x"}, "is no JDBC URL"),
    ({"connection.url": "jdbc:postgresql://h:0/x"}, "a port is none"),
    ({"incrementing.column.name": "nope"}, '"nope" is no column of public.t'),
    ({"incrementing.column.name": "v"}, "may be NULL"),
    ({"incrementing.column.name": "at"}, "expected whole numbers"),
    ({"mode": "timestamp", "timestamp.column.name": "v"}, "expected a timestamp"),
    ({"mode": "timestamp", "timestamp.column.name": ""}, "reads rows by it"),
    ({"query": "SELECT 1 AS id, 2 AS id"}, "two columns of the name id"),
    ({"query": "SELECT 1", "table.whitelist": "t"}, "cannot be set beside a list of tables"),
    ({"query": "SELEC 1"}, "syntax error"),
    ({"transforms": "x"}, "transforms.x.type"),
    ({"transforms": "x", "transforms.x.type": "org.x.Flatten"}, "is not built yet"),
]


@pytest.mark.parametrize("more, text", WRONG, ids=[text for _, text in WRONG])
def test_wrong(leat, db, more, text):
    db.sql(TABLE)
    file = leat.write("q.properties", config(db, "incrementing") | more)
    done = leat.call("run", "--once", file, ok=(1, 2))
    assert text in done.stderr


def test_check(leat, db):
    db.sql(TABLE)
    db.server.password_user("plain", "x")
    done = leat.call("check", source(leat, db, "timestamp"))
    assert "table public.t" in done.stdout and "can be told" in done.stdout
    more = {"connection.user": "plain", "connection.password": "x"}
    file = leat.write("p.properties", config(db, "timestamp") | more)
    assert "permission denied" in leat.call("check", file, ok=(3,)).stdout
    done = leat.call("check", "--sql", file, ok=(3,))
    assert 'GRANT pg_read_all_stats TO "plain";' in done.stdout
    db.sql('DROP ROLE "plain"')


# ---- rows that commit late


def waits(leat):
    """Until it has told that rows wait for a transaction."""
    until(lambda: "query.late_commits" in leat.stderr, 60, "word of rows that wait")


def looks(db, n=3):
    """Until its session has asked so many things more."""
    seen = {db.sql("SELECT clock_timestamp()")[0][0]}
    ask = "SELECT query_start FROM pg_stat_activity WHERE application_name = 'leat q'"

    def asked():
        seen.update(at for (at,) in db.sql(ask) if at and at > min(seen))
        return len(seen) > n

    until(asked, 60, "more statements of leat's")


def test_a_number_that_commits_late(leat, db):
    db.sql(TABLE)
    with db.connect(autocommit=False) as late:
        late.execute("INSERT INTO t (v) VALUES (1)")
        db.sql("INSERT INTO t (v) VALUES (2)")
        leat.run(source(leat, db, "incrementing"))
        waits(leat)
        assert not any(t["topic"] == "q_t" for t in leat.topics())
        late.commit()
    leat.read_until("q_t", 2, seconds=60)
    assert ids(leat, "q_t") == [1, 2]


def test_a_prepared_transaction_is_waited_for(leat, db):
    db.sql(TABLE)
    leat.run(source(leat, db, "incrementing"))
    with db.connect(autocommit=False) as late:
        late.execute("INSERT INTO t (v) VALUES (1)")
        db.sql("INSERT INTO t (v) VALUES (2)")
        waits(leat)
        late.execute("PREPARE TRANSACTION 'late'")
    db.sql("INSERT INTO t (v) VALUES (3)")
    looks(db)
    assert not any(t["topic"] == "q_t" for t in leat.topics())
    db.sql("COMMIT PREPARED 'late'")
    leat.read_until("q_t", 3, seconds=60)
    assert ids(leat, "q_t") == [1, 2, 3]


def test_a_moment_that_commits_late(leat, db):
    """now() is when its transaction began, here before it wrote anything and before rows that
    others have committed since."""
    db.sql(TABLE)
    leat.run(source(leat, db, "timestamp", late_transactions_ms="10m"))
    with db.connect(autocommit=False) as late:
        late.execute("SELECT 1")
        db.sql("INSERT INTO t (v) VALUES (2)")
        waits(leat)
        late.execute("INSERT INTO t (v) VALUES (1)")
        late.commit()
    leat.read_until("q_t", 2, seconds=60)
    assert [v["v"] for v in values(leat, "q_t")] == [1, 2]


def test_late_commits_are_missed_where_that_is_asked_for(leat, db):
    """The trap itself: what the option is against."""
    db.sql(TABLE)
    leat.run(source(leat, db, "incrementing", late_commits="ignore"))
    with db.connect(autocommit=False) as late:
        late.execute("INSERT INTO t (v) VALUES (1)")
        db.sql("INSERT INTO t (v) VALUES (2)")
        leat.read_until("q_t", 1, seconds=60)
        late.commit()
    db.sql("INSERT INTO t (v) VALUES (3)")
    leat.read_until("q_t", 2, seconds=60)
    assert ids(leat, "q_t") == [2, 3]


# ---- moments that are shared, clocks of other zones


@pytest.mark.parametrize("mode", ["timestamp", "timestamp+incrementing"])
def test_moments_shared_at_the_end_of_a_page(leat, db, mode):
    """Pages of two rows, of which three have one moment, and five another."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v, at) VALUES (1, '2024-01-01'), (2, '2024-01-02'), (3, '2024-01-02'),"
           " (4, '2024-01-02'), (5, '2024-01-03')")
    db.sql("INSERT INTO t (v, at) SELECT g, '2024-01-04' FROM generate_series(6, 10) g")
    leat.call("run", "--once", source(leat, db, mode, query_suffix="LIMIT 2"))
    assert sorted(ids(leat, "q_t")) == list(range(1, 11))


def test_numbers_shared_in_a_query(leat, db):
    """A join gives a number several rows, which come together or not at all."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE l (t int, n int)")
    db.sql("INSERT INTO t SELECT generate_series(1, 50)")
    db.sql("INSERT INTO l SELECT i, g FROM generate_series(1, 50) i, generate_series(1, 7) g")
    query = "SELECT t.id, l.n FROM t JOIN l ON l.t = t.id"
    more = {"query": query, "topic.prefix": "lines", "batch.max.rows": 10}
    more["query.suffix"] = "LIMIT 5"
    leat.call("run", "--once", leat.write("q.properties", config(db, "incrementing") | more))
    assert sorted((v["id"], v["n"]) for v in values(leat, "lines")) == [
        (i, n) for i in range(1, 51) for n in range(1, 8)
    ]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", "UTC"])
def test_a_clock_of_another_zone(leat, db, zone):
    """Moments stored without a zone, of a server whose clock is not UTC: they are instants again,
    rows of this moment are not taken for such of the future, nor later ones for earlier."""
    db.sql(f"ALTER DATABASE \"{db.name}\" SET timezone = '{zone}'")
    db.sql("CREATE TABLE t (id serial PRIMARY KEY, v int,"
           " at timestamp NOT NULL DEFAULT localtimestamp, real timestamptz DEFAULT now())")
    db.sql("INSERT INTO t (v) VALUES (1)")
    file = source(leat, db, "timestamp", db_timezone=zone)
    leat.call("run", "--once", file)
    db.sql("INSERT INTO t (v) VALUES (2)")
    leat.call("run", "--once", file)
    found = values(leat, "q_t")
    assert [v["id"] for v in found] == [1, 2]
    assert all(v["at"] == v["real"] for v in found)


# ---- transforms, of any source


def test_transforms_of_a_log(leat, db):
    """Debezium's envelopes with a plain key, and without what has no value."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, v text)")
    more = {
        "transforms": "key,row",
        "transforms.key.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
        "transforms.key.field": "id",
        "transforms.row.type": "org.apache.kafka.connect.transforms.ExtractField$Value",
        "transforms.row.field": "after",
        "transforms.row.predicate": "tombstone",
        "transforms.row.negate": "true",
        "predicates": "tombstone",
        "predicates.tombstone.type":
            "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone",
    }
    file = leat.write("shop.properties", db.properties() | more)
    db.sql("INSERT INTO t VALUES (1, 'a')")
    leat.call("run", "--once", file)
    db.sql("INSERT INTO t VALUES (2, 'b')")
    db.sql("UPDATE t SET id = 3 WHERE id = 2")
    db.sql("DELETE FROM t WHERE id = 3")
    leat.call("run", "--once", file)
    (topic,) = [t["topic"] for t in leat.topics() if t["topic"].endswith("public.t")]
    records = leat.read(topic)
    assert [(r["key"], r["value"]) for r in records] == [
        (1, {"id": 1, "v": "a"}),
        (2, {"id": 2, "v": "b"}),
        (2, None),
        (2, None),
        (3, {"id": 3, "v": "b"}),
        (3, None),
        (3, None),
    ]
    assert {h[0] for h in records[0]["headers"]} >= {"__debezium.context.connectorName"}
    assert "__debezium.newkey" in {h[0] for h in records[2]["headers"]}


def test_a_transform_that_fails(leat, db):
    """It stops the connector, with the record named; or its rows go to the dead letters."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) VALUES (1), (2)")
    more = {"transforms": "k", "transforms.k.type": "ValueToKey", "transforms.k.fields": "nope"}
    props = config(db, "incrementing") | more
    done = leat.call("run", "--once", leat.write("q.properties", props), ok=(1,))
    assert "Field does not exist: nope" in done.stderr and "transforms.k" in done.stderr
    leat.call("run", "--once", leat.write("q.properties", props | {"errors.tolerance": "all"}))
    assert codes(leat) == ["transform.failed"] * 2
    status = leat.json("status", "q")
    assert status["counts"]["received"] == status["counts"]["dead"] == 2


# ---- against what the log says


def test_eight_writers_in_each_mode(leat, db):
    """Overlapping transactions, some of them long, some taken back, and leat killed in between:
    what the modes read, beside what the log says was committed."""
    db.sql(TABLE + "; ALTER TABLE t REPLICA IDENTITY FULL")
    db.sql("CREATE INDEX ON t (at, id)")
    modes = {"n": "incrementing", "m": "timestamp", "b": "timestamp+incrementing"}
    files = [source(leat, db, mode, name, prefix=f"{name}_") for name, mode in modes.items()]
    log = leat.write("log.properties", db.properties(topic_prefix="log"))
    leat.run(log)
    until(lambda: leat.alive() or "postgres.streaming" in leat.stderr, 60, "the log is read")
    leat.kill()
    leat.run(log, *files)
    with Writers(db):
        for name in modes:
            leat.read_until(f"{name}_t", 1, seconds=60)
            leat.kill()
            leat.run(log, *files)
    leat.stop(60)
    leat.call("run", "--once", log, *files, seconds=180)
    leat.call("run", "--once", source(leat, db, "bulk", "all", prefix="all_"))

    final = dict(db.sql("SELECT id, v FROM t"))
    assert len(final) > 50
    changes = [v for v in values(leat, "log.public.t") if v and v["op"] in "cur"]
    committed = {(v["after"]["id"], v["after"]["v"]) for v in changes}
    for name in modes:
        read = [(v["id"], v["v"]) for v in values(leat, f"{name}_t")]
        assert set(read) <= committed, "nothing is invented"
        assert len(read) == len(set(read)), "nothing comes twice"
        if name == "n":
            assert sorted(id for id, _ in read) == sorted(final), "no row is missed"
        else:
            last = dict(read)
            assert last == final, "no row's last state is missed"
    assert {v["id"]: v["v"] for v in values(leat, "all_t")} == final

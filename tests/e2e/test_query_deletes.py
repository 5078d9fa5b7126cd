"""Query capture, deletes.interval.ms: rows that are not in the table any more are told, those that
are there never, and each once; in all dialects, beside writers, over kills."""

import json
import pathlib
import sqlite3

import pytest
from query import MODES, Deleters, config, config_at, deleted, last, offsets
from servers.process import until

TABLE = "CREATE TABLE t (id bigserial PRIMARY KEY, v int, at timestamptz NOT NULL DEFAULT now())"
LOOKS = {"deletes.interval.ms": 100}


def source(leat, db, mode, name="q", **more):
    options = {key: more.pop(key) for key in list(more) if "." in key}
    return leat.write(f"{name}.properties", config(db, mode, **more) | LOOKS | options)


# ---- PostgreSQL


@pytest.mark.parametrize("mode", MODES)
def test_each_mode(leat, db, mode):
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 10) g")
    file = source(leat, db, mode)
    leat.call("run", "--once", file)
    assert [r["key"] for r in leat.read("q_t")] == [{"id": n} for n in range(1, 11)]
    db.sql("DELETE FROM t WHERE id IN (3, 7)")
    leat.call("run", "--once", file)
    assert deleted(leat, "q_t") == [{"id": 3}, {"id": 7}]
    record = [r for r in leat.read("q_t", "--format", "json-schema") if r["value"] is None][0]
    assert record["key"] == {
        "schema": {
            "type": "struct",
            "optional": False,
            "fields": [{"type": "int64", "optional": False, "field": "id"}],
        },
        "payload": {"id": 3},
    }
    db.sql("INSERT INTO t (v) VALUES (11)")
    leat.call("run", "--once", file)
    assert deleted(leat, "q_t") == [{"id": 3}, {"id": 7}], "once"
    assert len(last(leat, "q_t")) == 9
    looked = offsets(leat)["{'deletes': 'public.t'}"]
    assert looked["told"] == 1 and looked["looks"] >= 3, "more while rows wait for others"
    counts = leat.json("status", "q")["counts"]
    assert counts["received"] == counts["appended"]


def test_the_key_as_transforms_make_it(leat, db):
    """ksqlDB's "key" is two transforms: a tombstone's key is as those of the rows."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) VALUES (1), (2)")
    chain = {
        "transforms": "a,b",
        "transforms.a.type": "org.apache.kafka.connect.transforms.ValueToKey",
        "transforms.a.fields": "id",
        "transforms.b.type": "org.apache.kafka.connect.transforms.ExtractField$Key",
        "transforms.b.field": "id",
    }
    file = source(leat, db, "incrementing", **chain)
    leat.call("run", "--once", file)
    db.sql("DELETE FROM t WHERE id = 1")
    leat.call("run", "--once", file)
    assert [(r["key"], r["value"] is None) for r in leat.read("q_t")] == [
        (1, False), (2, False), (1, True)
    ]


KEYS = [
    ("two", "a text, b int", ["('x', -1)", "('x', 1)", "('x ', 1)", "('X', 1)", "('x', 10)"]),
    ("texts", "k text", ["('')", "(' ')", "('a')", "('A')", "('a ')", "('ä')", "('z')",
                         "(E'a\\nb')", "('it''s \\')", "('😀')"]),
    ("numbers", "k bigint", ["(-9223372036854775808)", "(-10)", "(-9)", "(0)", "(9)", "(10)",
                             "(9223372036854775807)"]),
    ("uuids", "k uuid", ["('00000000-0000-0000-0000-000000000000')",
                         "('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')",
                         "('ffffffff-ffff-ffff-ffff-ffffffffffff')"]),
    ("chars", "k char(4)", ["('a')", "('ab')", "('abcd')"]),
    ("decimals", "k numeric(9,2)", ["(-1.5)", "(0)", "(10)", "(9.99)"]),
    ("bytes", "k bytea", [r"('\x')", r"('\x00')", r"('\xff00')"]),
    ("days", "k date", ["('2024-02-29')", "('0044-03-15 BC')", "('9999-12-31')"]),
    ("instants", "k timestamptz(3)", ["('2024-02-29 01:02:03.5+02')",
                                      "('2024-02-29 01:02:03.25')"]),
    ("clocks", "k timestamp(3)", ["('2024-02-29 01:02:03.5')", "('2024-02-29')"]),
    ("bools", "k bool", ["(true)", "(false)"]),
]


@pytest.mark.parametrize("columns, rows", [k[1:] for k in KEYS], ids=[k[0] for k in KEYS])
def test_keys(leat, db, columns, rows):
    """Each key in turn is deleted: its tombstone has the key of its record."""
    names = ", ".join(one.split()[0] for one in columns.split(", "))
    db.sql(f"ALTER DATABASE \"{db.name}\" SET timezone = 'Asia/Tokyo'")
    db.sql(f"CREATE TABLE t ({columns}, PRIMARY KEY ({names}))")
    files = [source(leat, db, "bulk")]
    for row in rows:
        db.sql(f"INSERT INTO t VALUES {row}".replace("%", "%%"))
        leat.call("run", "--once", *files)
    known = {}
    for record in leat.read("q_t"):
        known.setdefault(json.dumps(record["key"]), len(known))
    assert len(known) == len(rows)
    for n, row in enumerate(rows):
        db.sql(f"DELETE FROM t WHERE ({names}) = {row}".replace("%", "%%"))
        leat.call("run", "--once", *files)
        assert [known[json.dumps(key)] for key in deleted(leat, "q_t")] == list(range(n + 1))


def test_a_table_that_is_emptied(leat, db):
    """And one half of it at once: each key is told, in parts."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 30000) g")
    file = source(leat, db, "incrementing")
    leat.call("run", "--once", file)
    db.sql("DELETE FROM t WHERE id % 2 = 0")
    leat.call("run", "--once", file)
    assert sorted(key["id"] for key in deleted(leat, "q_t")) == list(range(2, 30001, 2))
    db.sql("TRUNCATE t")
    leat.call("run", "--once", file)
    assert sorted(key["id"] for key in deleted(leat, "q_t")) == list(range(1, 30001))


def test_rows_that_come_back(leat, db):
    """Behind the position, where the mode does not look: they are told, for their tombstone was."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 5) g")
    files = [source(leat, db, mode, f"m{i}", prefix=f"m{i}_")
             for i, mode in enumerate(MODES) if mode != "bulk"]
    leat.call("run", "--once", *files)
    db.sql("DELETE FROM t WHERE id = 3")
    leat.call("run", "--once", *files)
    db.sql("INSERT INTO t (id, v, at) VALUES (3, 33, '2020-01-01')")
    db.sql("UPDATE t SET id = -4 WHERE id = 4")
    leat.call("run", "--once", *files)
    leat.call("run", "--once", *files)
    for i in range(1, 4):
        assert [r["key"]["id"] for r in leat.read(f"m{i}_t")] [:6] == [1, 2, 3, 4, 5, 3]
        found = {id: v["v"] for (id,), v in last(leat, f"m{i}_t").items()}
        assert found == {1: 1, 2: 2, 3: 33, -4: 4, 5: 5}


def test_switched_on_later(leat, db):
    """Rows that were told before it are known after a first look, and not told again; nor those
    that a person passed over."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 5) g")
    plain = leat.write("q.properties", config(db, "incrementing"))
    leat.call("run", "--once", plain)
    file = source(leat, db, "incrementing")
    leat.call("run", "--once", file)
    db.sql("DELETE FROM t WHERE id = 2; INSERT INTO t (v) VALUES (6), (7), (8)")
    one = {"partition": {"table": "public.t", "protocol": "1"}, "offset": {"incrementing": 7}}
    leat.call("offsets", "q", "set", json.dumps({"offsets": [one]}), "--yes")
    leat.call("run", "--once", file)
    records = leat.read("q_t")
    assert [(r["key"], r["value"]["id"]) for r in records[:5]] == [(None, n) for n in range(1, 6)]
    assert [r["key"] for r in records[5:]] == [{"id": 8}, {"id": 2}]


def test_a_wider_key(leat, db):
    """Its texts are as they were: rows that were told before are known. Another column is told."""
    db.sql("CREATE TABLE t (a int, b varchar(5), c int, PRIMARY KEY (a, b))")
    db.sql("INSERT INTO t VALUES (1, 'x', 1), (2, 'x', 2), (3, 'x', 3)")
    file = source(leat, db, "bulk")
    leat.call("run", "--once", file)
    db.sql("ALTER TABLE t ALTER a TYPE bigint, ALTER b TYPE varchar(100)")
    db.sql("DELETE FROM t WHERE a = 2")
    assert "query.keys_new" not in leat.call("run", "--once", file).stderr
    assert deleted(leat, "q_t") == [{"a": 2, "b": "x"}]
    db.sql("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (c)")
    assert "query.keys_new" in leat.call("run", "--once", file).stderr
    db.sql("DELETE FROM t WHERE c = 3")
    assert "query.keys_new" not in leat.call("run", "--once", file).stderr
    assert deleted(leat, "q_t") == [{"a": 2, "b": "x"}, {"c": 3}]


def test_a_key_that_changes_while_it_runs(leat, db):
    """The columns are as they were; the next look has the other key."""
    db.sql("CREATE TABLE t (a int PRIMARY KEY, b int NOT NULL)")
    db.sql("INSERT INTO t VALUES (1, 11), (2, 12)")
    leat.run(source(leat, db, "bulk"))
    leat.read_until("q_t", 4, seconds=60)
    db.sql("ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b)")
    until(lambda: leat.read("q_t")[-1]["key"] == {"b": 12}, 60, "records with the other key")
    looks = offsets(leat)["{'deletes': 'public.t'}"]["looks"]
    until(lambda: offsets(leat)["{'deletes': 'public.t'}"]["looks"] > looks + 1, 60, "two looks")
    db.sql("DELETE FROM t WHERE b = 11")
    until(lambda: deleted(leat, "q_t"), 60, "the delete")
    leat.stop()
    assert deleted(leat, "q_t") == [{"b": 11}]


@pytest.mark.parametrize("encoding, keys", [
    ("LATIN1", ["a", "\u00e4", "\u00ff", "z"]),
    ("WIN1251", ["a", "\u0401", "\u0416", "\u0451", "\u20ac"]),
])
def test_a_database_of_another_encoding(leat, db, encoding, keys):
    """Its own bytes are others, but the sums are those of UTF-8: a look at a table without deletes
    reads no keys, which the server's log would have."""
    name = f"{db.name}_{encoding.lower()}"
    db.sql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    db.sql(f"ALTER DATABASE {name} SET log_statement = 'all'")

    def reads():
        lines = [line for line in db.server.log_text().split("\n") if f"@{name} " in line]
        assert any("sum(" in line for line in lines)
        return sum("xmin::text" in line for line in lines)

    with db.server.connect(name) as c:
        c.execute("CREATE TABLE t (k text PRIMARY KEY)")
        for key in keys:
            c.execute("INSERT INTO t VALUES (%s)", (key,))
        url = f"jdbc:postgresql://{db.server.host}:{db.server.port}/{name}"
        file = source(leat, db, "bulk", **{"connection.url": url})
        leat.call("run", "--once", file)
        assert reads() == 0
        c.execute("DELETE FROM t WHERE k = %s", (keys[1],))
        leat.call("run", "--once", file)
        assert reads() > 0
    db.sql(f"DROP DATABASE {name}")
    assert [key["k"] for key in deleted(leat, "q_t")] == [keys[1]]


LARGE = [
    ("ENCODING 'WIN1251' LOCALE 'C'", "text", "z\u0401\u0416\u0451\u20ac"),
    ("ENCODING 'LATIN1' LOCALE 'C'", "text", "aZ\u00e4\u00ff"),
    ("ENCODING 'UTF8' LOCALE 'C'", "text", "aZ\u00e4\uffee\U0001f600"),
    ("ENCODING 'UTF8' LOCALE 'C'", 'text COLLATE "de-x-icu"', "aAZ\u00e4\u00df"),
    ("ENCODING 'UTF8' LOCALE 'C'", "text COLLATE folded", "bZ\u00e4\u00df"),
]


@pytest.mark.parametrize("made, type, letters", LARGE,
                         ids=["win1251", "latin1", "utf8", "icu", "folded"])
def test_orders_of_large_tables(leat, db, made, type, letters):
    """So many rows that a look cuts the table into ranges, in whatever order its own texts have:
    what was deleted is told, a row that came back, and nothing else."""
    name, rows = f"{db.name}_large", 24000
    db.sql(f"CREATE DATABASE {name} {made} TEMPLATE template0")
    try:
        with db.server.connect(name) as c:
            c.execute("CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2',"
                      " deterministic = false)")
            c.execute(f"CREATE TABLE t (k {type} PRIMARY KEY, id bigserial)")
            c.execute("INSERT INTO t (k) SELECT substr(%s, 1 + g %% %s, 1) || g"
                      " FROM generate_series(1, %s) g", (letters, len(letters), rows))
            url = f"jdbc:postgresql://{db.server.host}:{db.server.port}/{name}"
            file = source(leat, db, "incrementing", **{"connection.url": url})
            leat.call("run", "--once", file)
            gone = c.execute("DELETE FROM t WHERE id % 2400 = 7 RETURNING k").fetchall()
            c.execute("INSERT INTO t VALUES (%s, 3)", (f"{letters[-1]}new",))
            for _ in range(2):
                leat.call("run", "--once", file)
    finally:
        db.sql(f"DROP DATABASE {name}")
    assert sorted(key["k"] for key in deleted(leat, "q_t")) == sorted(k for k, in gone)
    others = [r["key"]["k"] for r in leat.read("q_t") if r["value"]]
    assert len(others) == rows + 1 and others[-1] == f"{letters[-1]}new"


def test_eight_writers(leat, db):
    """Inserts, changes, deletes, keys that come back and keys that change in long transactions,
    leat killed in between: what lives ends with its row, what does not with its tombstone."""
    db.sql(TABLE)
    db.sql("CREATE INDEX ON t (at, id)")
    modes = {"n": "incrementing", "m": "timestamp", "b": "timestamp+incrementing", "k": "bulk"}
    files = [source(leat, db, mode, name, prefix=f"{name}_") for name, mode in modes.items()]
    leat.run(*files)
    with Deleters(db):
        for name in modes:
            leat.read_until(f"{name}_t", 1, seconds=60)
            leat.kill()
            leat.run(*files)
    leat.stop(60)
    leat.call("run", "--once", *files, seconds=180)
    leat.call("run", "--once", *files, seconds=180)

    final = dict(db.sql("SELECT id, v FROM t"))
    assert len(final) > 20
    for name in modes:
        found = {id: v["v"] for (id,), v in last(leat, f"{name}_t").items()}
        told = {key["id"] for key in deleted(leat, f"{name}_t")}
        assert (name, sorted(found)) == (name, sorted(final))
        assert name == "n" or found == final
        assert len(told - set(final)) > 20


def killed_at(faulty, file, point, n):
    """At the n-th pass; False: it came to its end before."""
    before = faulty.stderr.count(f"fault {point}:")
    faulty.run("--once", file, env={"LEAT_FAULT": f"{point}:{n}:kill"})

    def struck():
        return faulty.stderr.count(f"fault {point}:") > before

    until(lambda: struck() or faulty.process.status is not None, 60, "its end")
    faulty.kill()
    return struck()


@pytest.mark.parametrize("point", ["stream_append", "stream_sync", "stream_mark", "engine_ack"])
def test_killed_between_a_look_and_its_commit(faulty, db, point):
    """At each pass in turn of a run that tells a delete and a row that came back: after it both are
    told, and nothing else."""
    db.sql(TABLE)
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 40) g")
    file = source(faulty, db, "incrementing")
    faulty.call("run", "--once", file)
    lost = 0
    for n in range(1, 40):
        db.sql(f"DELETE FROM t WHERE id = {n}; INSERT INTO t (id, v) VALUES (-{n}, {n})")
        passed = killed_at(faulty, file, point, n)
        lost += {"id": n} not in deleted(faulty, "q_t")
        faulty.call("run", "--once", file)
        told = [key["id"] for key in deleted(faulty, "q_t")]
        assert set(told) == set(range(1, n + 1))
        assert sorted(last(faulty, "q_t")) == sorted(db.sql("SELECT id FROM t"))
        if not passed:
            break
    assert n > 1 and (lost > 0 or point not in ("stream_append", "stream_sync"))


# ---- what is wrong is told


def test_without_a_primary_key(leat, db):
    db.sql("CREATE TABLE t (id serial UNIQUE NOT NULL, v int)")
    file = source(leat, db, "incrementing")
    done = leat.call("run", "--once", file, ok=(1,))
    assert "public.t has no primary key" in done.stderr
    assert "has no primary key" in leat.call("check", file, ok=(3,)).stdout
    for type in ("interval", "inet", "double precision"):
        db.sql(f"DROP TABLE t; CREATE TABLE t (id {type} PRIMARY KEY, v int)")
        done = leat.call("run", "--once", source(leat, db, "bulk"), ok=(1,))
        assert "deleted rows of public.t cannot be found by its primary key" in done.stderr


INEXACT = [
    ("timestamp", "timestamp.granularity", "micros_long", ["2024-02-29 01:02:03.000001",
                                                           "2024-02-29 01:02:03.000002"]),
    ("numeric(17,1)", "numeric.mapping", "none", ["9007199254740993.1", "9007199254740993.2"]),
    ("timestamp(3)", "db.timezone", "+01:00", ["2024-03-31 02:30:00", "2024-03-31 03:30:00"]),
]


@pytest.mark.parametrize("type, option, exact, keys", INEXACT,
                         ids=["moments", "decimals", "clocks"])
def test_keys_that_records_do_not_tell_apart(leat, db, type, option, exact, keys):
    """Two rows of one record key: the delete of one would be the other's. The option that makes
    them two is named, and does."""
    db.sql(f"CREATE TABLE t (k {type} PRIMARY KEY)")
    for key in keys:
        db.sql(f"INSERT INTO t VALUES ('{key}')")
    fit = {"numeric.mapping": "best_fit_eager_double"}
    if option == "db.timezone":
        fit[option] = "Europe/Berlin"
    file = source(leat, db, "bulk", **fit)
    for done in (leat.call("run", "--once", file, ok=(1,)).stderr,
                 leat.call("check", file, ok=(3,)).stdout):
        assert "cannot be told by its primary key" in done
        assert option in done
    file = source(leat, db, "bulk", **(fit | {option: exact}))
    leat.call("run", "--once", file)
    db.sql(f"DELETE FROM t WHERE k = '{keys[0]}'")
    leat.call("run", "--once", file)
    assert len(deleted(leat, "q_t")) == 1 and len(last(leat, "q_t")) == 1


def test_two_tables_of_one_topic(leat, db):
    """Of two schemas, by different tasks, too: the delete of one would be of the other's row."""
    for schema in ("a", "b"):
        db.sql(f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.t (id int PRIMARY KEY)")
        db.sql(f"INSERT INTO {schema}.t VALUES (1), (2)")
    for more in ({}, {"tasks.max": 2, "table.whitelist": "a.t,b.t"}):
        file = source(leat, db, "bulk", **more)
        assert "a.t and b.t have one topic" in leat.call("run", "--once", file, ok=(1,)).stderr
        assert "a.t and b.t have one topic" in leat.call("check", file, ok=(3,)).stdout
    leat.call("run", "--once", source(leat, db, "bulk", **{"table.whitelist": "a.t"}))
    db.sql("DELETE FROM a.t WHERE id = 1")
    leat.call("run", "--once", source(leat, db, "bulk", **{"table.whitelist": "a.t"}))
    assert deleted(leat, "q_t") == [{"id": 1}]


@pytest.mark.parametrize("more, text", [
    ({"query": "SELECT 1 AS id"}, "cannot be set beside query"),
    ({"query.suffix": "LIMIT 5"}, "cannot be set beside query.suffix"),
    ({"transaction.isolation.mode": "READ_UNCOMMITTED"}, "rows are told that are not there yet"),
    ({"deletes.interval.ms": "-1"}, "deletes.interval.ms"),
    ({"connection.url": "jdbc:postgresql://127.0.0.1,127.0.0.2/x"}, "one may be behind"),
], ids=["query", "suffix", "isolation", "negative", "hosts"])
def test_wrong(leat, db, more, text):
    db.sql(TABLE)
    done = leat.call("run", "--once", source(leat, db, "incrementing", **more), ok=(1, 2))
    assert text in done.stderr


def test_a_user_without_rights(leat, db):
    db.sql(TABLE)
    db.server.password_user("plain", "x")
    more = {"connection.user": "plain", "connection.password": "x"}
    file = source(leat, db, "bulk", **more)
    assert "permission denied" in leat.call("check", file, ok=(3,)).stdout
    assert "permission denied" in leat.call("run", "--once", file, ok=(1,)).stderr
    db.sql('DROP ROLE "plain"')


def test_a_table_that_is_dropped(leat, db):
    """It ends no other's looks, and its rows are not told as deleted; made anew, those that are not
    in it are."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1), (2)")
    db.sql("CREATE TABLE b (id int PRIMARY KEY); INSERT INTO b VALUES (1), (2)")
    leat.run(source(leat, db, "bulk", **{"table.poll.interval.ms": 100}))
    for table in "ab":
        leat.read_until(f"q_{table}", 4, seconds=60)
    db.sql("DROP TABLE a")
    db.sql("DELETE FROM b WHERE id = 2")
    until(lambda: deleted(leat, "q_b"), 60, "the other table's delete")
    assert deleted(leat, "q_a") == []
    db.sql("CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (2), (3)")
    until(lambda: deleted(leat, "q_a"), 60, "the delete of the table made anew")
    leat.stop()
    assert deleted(leat, "q_a") == [{"id": 1}]
    assert deleted(leat, "q_b") == [{"id": 2}]
    keys = pathlib.Path(leat.data) / "connectors" / "q" / "keys"
    assert len(list(keys.glob("*.db"))) == 2
    leat.call("delete", "q", "--yes")
    assert not keys.exists()


# ---- a sink


def test_a_sink_deletes_them(leat, db):
    db.sql(TABLE + "; CREATE SCHEMA copy")
    db.sql("INSERT INTO t (v) SELECT g FROM generate_series(1, 10) g")
    file = source(leat, db, "timestamp+incrementing", **{"table.whitelist": "t"})
    server = db.server
    sink = leat.write("k.properties", {
        "connector.class": "sql",
        "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{db.name}",
        "connection.username": server.user,
        "topics": "q_t",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
        "insert.mode": "upsert",
        "collection.name.format": "copy.t",
        "schema.evolution": "basic",
    })
    leat.run(file, sink)
    until(lambda: db.sql("SELECT to_regclass('copy.t') IS NOT NULL")[0][0], 60, "the copy")
    until(lambda: len(db.sql("SELECT id FROM copy.t")) == 10, 60, "ten rows")
    db.sql("DELETE FROM t WHERE id < 4")
    until(lambda: db.sql("SELECT min(id), count(*) FROM copy.t") == [(4, 7)], 60, "the deletes")
    leat.stop()


# ---- SQLite


SQLITE = [
    "(a INTEGER, b INTEGER NOT NULL, PRIMARY KEY (a, b))",
    "(a INTEGER PRIMARY KEY DESC, b INTEGER)",
    "(a INTEGER PRIMARY KEY, b INTEGER) WITHOUT ROWID",
]


@pytest.mark.parametrize("columns", SQLITE, ids=["two", "descending", "without"])
def test_sqlite_texts_in_keys_of_numbers(leat, tmp_path, columns):
    """They are no part of a statement; and no number's order is relied on."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute(f"CREATE TABLE t {columns}")
        rows = ["x) or (1", "'; DROP TABLE t; --", "0) OR 1=1 --", 10, 9, "9.5", "a'b"]
        c.executemany("INSERT INTO t VALUES (?, 7)", [(row,) for row in rows])
    props = config_at(f"jdbc:sqlite:{path}", None, "bulk") | LOOKS
    del props["connection.user"]
    file = leat.write("q.properties", props)
    leat.call("run", "--once", file)
    with sqlite3.connect(path) as c:
        c.execute("DELETE FROM t WHERE a IN (9, 'x) or (1')")
    leat.call("run", "--once", file)
    leat.call("run", "--once", file)
    assert [key["a"] for key in deleted(leat, "q_t")] == [9]


@pytest.mark.parametrize("type, keys", [
    ("TIMESTAMP", ["2024-02-29 00:00:00", "2024-02-29T00:00:00"]),
    ("DATE", ["2024-02-29", 1709164800000]), ("BOOLEAN", [1, 2]),
    ("REAL", [16777216.0, 16777217.0]), ("TIME", ["10:00", "10:00:00"]), ("BLOB", ["a", b"a"]),
    ("VARBINARY", ["a", b"a"]),
], ids=["moments", "days", "booleans", "floats", "times", "bytes", "varbinary"])
def test_sqlite_keys_that_records_do_not_tell_apart(leat, tmp_path, type, keys):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute(f"CREATE TABLE t (k {type} NOT NULL PRIMARY KEY)")
        c.executemany("INSERT INTO t VALUES (?)", [(key,) for key in keys])
    props = config_at(f"jdbc:sqlite:{path}", None, "bulk") | LOOKS
    del props["connection.user"]
    file = leat.write("q.properties", props)
    done = leat.call("run", "--once", file, ok=(1,)).stderr
    assert "records show it alike where SQLite has different ones" in done
    assert "cannot be told by its primary key" in leat.call("check", file, ok=(3,)).stdout


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_sqlite_keys_with_zeros(leat, tmp_path, encoding):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute(f"PRAGMA encoding = '{encoding}'")
        c.execute("CREATE TABLE t (k TEXT NOT NULL PRIMARY KEY, v INT)")
        keys = ["a", "a\0", "a\0b", "a\0c", "\0", "", "b\0'"]
        c.executemany("INSERT INTO t VALUES (?, 1)", [(key,) for key in keys])
    props = config_at(f"jdbc:sqlite:{path}", None, "bulk") | LOOKS
    del props["connection.user"]
    file = leat.write("q.properties", props)
    leat.call("run", "--once", file)
    gone = ["a\0b", "b\0'", ""]
    with sqlite3.connect(path) as c:
        c.executemany("DELETE FROM t WHERE k = ?", [(key,) for key in gone])
    for _ in range(2):
        leat.call("run", "--once", file)
    assert sorted(key["k"] for key in deleted(leat, "q_t")) == sorted(gone)
    assert {key for key, in last(leat, "q_t")} == set(keys) - set(gone)


@pytest.mark.parametrize("mode", MODES)
def test_sqlite(leat, tmp_path, mode):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as c:
        c.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT"
                  " CURRENT_TIMESTAMP)")
        c.execute("CREATE TABLE two (a TEXT, id INT NOT NULL, at TIMESTAMP NOT NULL DEFAULT"
                  " CURRENT_TIMESTAMP, PRIMARY KEY (a, id))")
        c.executemany("INSERT INTO t (id) VALUES (?)", [(n,) for n in range(-5, 6)])
        rows = [("x", 1), ("x ", 2), ("X", 3), ("ä", 4), ("it's", -5), ("", 6)]
        c.executemany("INSERT INTO two (a, id) VALUES (?, ?)", rows)
    props = config_at(f"jdbc:sqlite:{path}", None, mode) | LOOKS
    del props["connection.user"]
    file = leat.write("q.properties", props)
    leat.call("run", "--once", file)
    with sqlite3.connect(path) as c:
        c.execute("DELETE FROM t WHERE id IN (-3, 4)")
        c.execute("DELETE FROM two WHERE id IN (2, 3, -5)")
    leat.call("run", "--once", file)
    assert deleted(leat, "q_t") == [{"id": -3}, {"id": 4}]
    found = {(key["a"], key["id"]) for key in deleted(leat, "q_two")}
    assert found == {("x ", 2), ("X", 3), ("it's", -5)}
    assert len(last(leat, "q_two")) == 3
    leat.call("run", "--once", file)
    assert len(deleted(leat, "q_t")) == 2 and len(deleted(leat, "q_two")) == 3

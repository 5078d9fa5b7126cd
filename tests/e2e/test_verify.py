"""`leat verify`: planted differences are found, each of them and nothing else, also while both
sides move."""

import json
import threading

import pytest
from servers.process import until
from target import PostgresTarget, SqliteTarget, sink

TABLES = {
    "nums": "id int PRIMARY KEY, i bigint, n numeric, m numeric(12,2), d float8, r float4, b bool",
    "texts": "k text PRIMARY KEY, t text, v varchar(20), c char(6), b bytea, u uuid, j jsonb",
    "times": "id bigint PRIMARY KEY, d date, t time, s timestamp, z timestamptz, i interval",
    "pairs": "a int, b text, v int, PRIMARY KEY (b, a)",
}
TOPICS = [f"shop.public.{name}" for name in TABLES]
ROWS = 3000

FILL = """
    INSERT INTO nums SELECT g, g * 7919::bigint, g / 8.0::numeric, g / 3.0, g * 0.1, g * 0.5,
        g % 2 = 0 FROM generate_series(1, {n}) g;
    INSERT INTO texts SELECT 'k' || g || CASE g % 3 WHEN 0 THEN 'ä' ELSE 'B' END, 'text ' || g,
        CASE WHEN g % 5 = 0 THEN '' ELSE 'v' || g END, 'c' || g % 100, decode(md5(g::text), 'hex'),
        md5(g::text)::uuid, jsonb_build_object('g', g) FROM generate_series(1, {n}) g;
    INSERT INTO times SELECT g, date '2000-01-01' + g, time '00:00' + g * interval '1.5 s',
        timestamp '1999-12-31 23:59:59.5' + g * interval '1 h', timestamptz '2024-03-31 00:30:00+00'
        + g * interval '13 min', g * interval '1 day 2 s' FROM generate_series(1, {n}) g;
    INSERT INTO pairs SELECT g % 50, 'p' || g, g FROM generate_series(1, {n}) g;
"""


@pytest.fixture(params=["postgresql", "sqlite"])
def target(request, postgres, tmp_path):
    one = PostgresTarget(postgres) if request.param == "postgresql" else SqliteTarget(tmp_path)
    one.postgres = request.param == "postgresql"
    yield one
    one.drop()


def begin(db, leat, target, rows=ROWS):
    for name, columns in TABLES.items():
        db.sql(f"CREATE TABLE {name} ({columns})")
    for statement in FILL.format(n=rows).split(";\n"):
        if statement.strip():
            db.sql(statement)
    files = [leat.write("shop.properties", db.properties(name="shop"))]
    files.append(leat.write("pump.properties", sink(target, TOPICS, errors_tolerance="all")))
    leat.run(*files)
    until(lambda: counts(target) == [rows] * len(TABLES), 120, "all rows in the target")


def counts(target):
    try:
        return [target.sql(f"SELECT count(*) FROM {name}")[0][0] for name in TABLES]
    except Exception:  # not made yet
        return []


def verify(leat, *words, connector="pump", ok=(0,)):
    """The result, the tables, and the differences as {(table, key): kind}."""
    lines = leat.call("verify", connector, "--json", *words, ok=ok, seconds=300).stdout.splitlines()
    lines = [json.loads(line) for line in lines]
    found = {(x["table"].removeprefix("public."), *x["key"].values()): x["difference"]
             for x in lines if "difference" in x}
    tables = {x["table"].removeprefix("public."): x for x in lines
              if "table" in x and "difference" not in x}
    return lines[-1], tables, found


def plant(target):
    """At least 1,000 differences in the target: what verify is to say, by table and key."""
    planted = {}

    def change(table, column, value, ids, key="id"):
        quoted = ", ".join(f"'{i}'" if isinstance(i, str) else str(i) for i in ids)
        target.sql(f"UPDATE {table} SET {column} = {value} WHERE {key} IN ({quoted})")
        planted.update({(table, str(i)): "different" for i in ids})

    pg = target.postgres
    change("nums", "i", "i + 1", range(1, 201))
    change("nums", "m", "m + 0.01" if pg else "'7.77'", range(201, 301))
    change("nums", "i", "NULL", range(301, 351))
    if pg:
        change("nums", "d", "'-0'", [3000])
        change("nums", "n", "round(n, 9)", range(351, 401))  # the same number, other digits
    change("nums", "d", "d + 1e-12", range(401, 451))
    change("nums", "b", "NOT b", range(451, 501))
    # swapped: both rows are there, their values are not where they belong
    change("nums", "i", "i + CASE id % 2 WHEN 1 THEN 7919 ELSE -7919 END", range(501, 601))
    target.sql("DELETE FROM nums WHERE id BETWEEN 701 AND 800")
    planted.update({("nums", str(i)): "missing" for i in range(701, 801)})
    extra = range(-100, 0)
    target.sql(f"INSERT INTO nums (id, i) VALUES {', '.join(f'({i}, 1)' for i in extra)}")
    planted.update({("nums", str(i)): "extra" for i in extra})

    keys = [row[0] for row in target.rows("texts", "k")]
    empty = [k for k in keys if int("".join(c for c in k if c.isdigit())) % 5 == 0]
    full = [k for k in keys if k not in empty]
    change("texts", "v", "NULL", empty[:100], "k")  # NULL is not empty
    change("texts", "v", "''", full[:50], "k")
    change("texts", "t", "t || ' '", full[50:150], "k")  # blanks at the end
    bit = "set_byte(b, 3, get_byte(b, 3) # 1)" if pg else "x'00'"
    change("texts", "b", bit, full[150:250], "k")
    zone = "z + interval '1 hour'" if pg else "replace(z, '+00:00', '+01:00')"
    change("times", "z", zone, range(1, 101))
    change("times", "s", "s + interval '1 us'" if pg else "s || '9'", range(101, 151))
    change("times", "i", "i + interval '1 us'" if pg else "'0 mons 0 days 00:00:00'",
           range(151, 201))
    if not pg:
        return planted
    # doubled: without a primary key of the target's, a row can be there twice
    target.sql("ALTER TABLE pairs DROP CONSTRAINT pairs_pkey")
    target.sql("INSERT INTO pairs SELECT * FROM pairs WHERE v <= 40")
    for row in target.sql("SELECT DISTINCT b, a FROM pairs WHERE v <= 40"):
        planted[("pairs", row[0], str(row[1]))] = "repeated"
    return planted


def test_planted_differences(db, leat, target):
    begin(db, leat, target)
    db.sql("UPDATE nums SET d = 0 WHERE id = 3000")
    until(lambda: target.sql("SELECT d FROM nums WHERE id = 3000")[0][0] == 0, 60, "it")
    whole, tables, found = verify(leat)
    assert whole["equal"] and found == {} and whole["tables"] == len(TABLES)
    assert {t["rows"] for t in tables.values()} == {ROWS}
    assert all(t["not_compared"] == "" and t["position"] for t in tables.values())

    planted = plant(target)
    assert len(planted) >= 1000
    whole, tables, found = verify(leat, ok=(3,))
    assert found == planted
    assert whole["differences"] == len(planted) and not whole["undecided"]
    assert tables["pairs"]["equal"] != target.postgres

    if target.postgres:  # the sink's upserts need the key
        target.sql("DELETE FROM pairs p USING pairs q "
                   "WHERE p.ctid > q.ctid AND p.a = q.a AND p.b = q.b")
        target.sql("ALTER TABLE pairs ADD PRIMARY KEY (b, a)")
        planted = {k: v for k, v in planted.items() if k[0] != "pairs"}

    # corrected through the stream, and nothing is left
    whole, _, _ = verify(leat, "--repair", ok=(3,))
    assert whole["repaired"] == len(planted)

    def equal():
        status = leat.call("verify", "pump", "--json", ok=(0, 3), seconds=300).stdout
        return json.loads(status.splitlines()[-1])["equal"]

    until(equal, 120, "what was repaired")


def test_while_both_sides_move(db, leat, copy):
    copy.postgres = True
    begin(db, leat, copy)
    going = [True]

    def load():
        with db.connect(autocommit=True) as c:
            i = 0
            while going[0]:
                i += 1
                c.execute("UPDATE nums SET i = i + 1 WHERE id = %s", (1001 + i % 1900,))
                c.execute("UPDATE pairs SET v = v + 1 WHERE b = %s", (f"p{1 + i % ROWS}",))
                c.execute("DELETE FROM times WHERE id = %s", (1001 + i % 1900,))
                c.execute("INSERT INTO times (id, s) VALUES (%s, now())", (1001 + i % 1900,))

    worker = threading.Thread(target=load, daemon=True)
    worker.start()
    try:
        whole, _, found = verify(leat)
        assert whole["equal"] and found == {}
        planted = {}
        copy.sql("UPDATE nums SET m = m + 1 WHERE id BETWEEN 1 AND 300")
        planted.update({("nums", str(i)): "different" for i in range(1, 301)})
        copy.sql("DELETE FROM times WHERE id BETWEEN 1 AND 50")
        planted.update({("times", str(i)): "missing" for i in range(1, 51)})
        whole, _, found = verify(leat, ok=(3,))
        assert found == planted and not whole["undecided"]
    finally:
        going[0] = False
        worker.join(60)


def test_what_differs_on_purpose_is_refused(db, leat, copy, tmp_path):
    """Two tables that share a target, and options by which rows are kept or left out: a repair
    would remove what is well."""
    db.sql("CREATE SCHEMA a")
    for name in ("orders", "a.orders", 'a."ORDERS"'):
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, t text)")
    db.sql("INSERT INTO orders VALUES (1, 'here')")
    db.sql("INSERT INTO a.orders VALUES (2, 'there')")
    db.sql("INSERT INTO a.\"ORDERS\" VALUES (3, 'upper')")
    shop = leat.write("shop.properties", db.properties(name="shop"))

    def refused(words, target, *topics, **more):
        """All of verify's ways are, in these words, once the sink has this configuration."""
        leat.run(shop, leat.write("pump.properties", sink(target, topics, **more)))
        until(lambda: words in leat.call("verify", "pump", ok=(0, 1, 3)).stderr, 120, words)
        for more in ("--repair", "public.orders --repair", "a.orders"):
            assert words in leat.call("verify", "pump", *more.split(), ok=(1,)).stderr
        said = leat.call("verify", "pump", ok=(1,)).stderr
        assert leat.stop() == 0
        return said

    both = ["shop.public.orders", "shop.a.orders"]
    said = refused("verify.shared", copy, *both)
    assert all(topic in said for topic in both)
    # where names are the same whatever their case
    refused("verify.shared", SqliteTarget(tmp_path), both[0], "shop.a.ORDERS")
    for option, value in (("delete_enabled", "false"), ("truncate_enabled", "false"),
                          ("insert_mode", "insert"), ("insert_mode", "update")):
        said = refused(f"{option.replace('_', '.')}=", copy, *both, **{option: value})
        assert "verify.changed" in said


def test_load_is_kept(db, leat, copy):
    begin(db, leat, copy)
    whole, _, _ = verify(leat, "--load", "20%")
    assert whole["equal"] and whole["slept_ms"] > 0
    assert whole["source_percent"] <= 21 and whole["target_percent"] <= 21


def test_one_process_at_the_server(db, leat, copy, postgres):
    """However gladly the servers would give more: by their log, which tells how it was done."""
    begin(db, leat, copy)
    for name, value in {"session_preload_libraries": "'auto_explain'", "parallel_setup_cost": "0",
                        "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
                        "min_parallel_table_scan_size": "0", "parallel_tuple_cost": "0",
                        "jit_above_cost": "0"}.items():
        for one in (db, copy.db):
            one.sql(f"ALTER DATABASE {one.name} SET {name} = {value}")
    with open(postgres.log, encoding="utf-8", errors="replace") as log:
        log.seek(0, 2)
        assert verify(leat)[0]["equal"]
        plans = log.read().split("Query Text: ")
    sums = [plan for plan in plans if plan.startswith("SELECT count(*),coalesce(sum(")]
    assert len(sums) >= 2 * len(TABLES)
    assert not [plan for plan in sums if "Gather" in plan or "JIT:" in plan], sums[0]


def test_bad_words(db, leat, copy):
    for words in ("", "pump --load 0", "pump --load x", "pump --load 101%", "pump --wait 0", "a/b"):
        leat.call("verify", *words.split(), ok=(2,))
    assert "connector.unknown" in leat.call("verify", "nobody", ok=(1,)).stderr
    begin(db, leat, copy, rows=10)
    assert "verify.nothing" in leat.call("verify", "pump", "public.none", ok=(1,)).stderr
    whole, tables, _ = verify(leat, "public.nums")
    assert list(tables) == ["nums"] and whole["rows"] == 10
    copy.sql("DROP TABLE pairs")
    assert "verify.table_missing" in leat.call("verify", "pump", ok=(1,)).stderr
    assert leat.stop() == 0
    said = leat.call("verify", "pump", "public.nums", ok=(0, 1))
    assert said.returncode == 0 or "verify.not_running" in said.stderr


def test_edges(db, leat, copy):
    """Empty tables, tables without a key, NULL beside empty, -0, NaN, blanks, zones; what cannot be
    reached, and a sink that does not run."""
    db.sql("CREATE TABLE odd (id int PRIMARY KEY, t text, c char(4), d float8, z timestamptz,"
           " n numeric)")
    db.sql("CREATE TABLE bare (id int PRIMARY KEY, t text)")
    db.sql("CREATE TABLE never (id int PRIMARY KEY)")
    db.sql("""INSERT INTO odd VALUES (1, '', 'a', '-0', '2024-03-31 02:30+02', 1.10),
        (2, NULL, NULL, 'NaN', NULL, 'NaN'), (3, ' ', ' ', '-Infinity', 'infinity', 0.00),
        (4, 'ä''"\\', '', 5e-324, '0044-03-15 12:00+00 BC', 1e30)""")
    db.sql("INSERT INTO bare VALUES (1, 'x')")
    topics = ["shop.public.odd", "shop.public.bare", "shop.public.never"]
    files = [leat.write("shop.properties", db.properties(name="shop"))]
    files.append(leat.write("pump.properties", sink(copy, topics)))
    leat.run(*files)
    until(lambda: [r[0] for r in found_rows(copy, "odd")] == [1, 2, 3, 4] and
          len(found_rows(copy, "bare")) == 1, 120, "the rows")
    whole, tables, found = verify(leat)
    assert whole["equal"] and found == {} and tables["odd"]["rows"] == 4
    assert tables["never"]["rows"] == 0, "the target has no such table, the source no row of it"

    # emptied on both sides
    db.sql("DELETE FROM bare")
    until(lambda: found_rows(copy, "bare") == [], 60, "an empty table")
    whole, tables, _ = verify(leat)
    assert whole["equal"] and tables["bare"]["rows"] == 0

    # each of these alone is a difference
    for change in ("t = NULL WHERE id = 1", "t = '' WHERE id = 2", "t = '' WHERE id = 3",
                   "d = 0 WHERE id = 1", "n = 1.1 WHERE id = 1", "n = NULL WHERE id = 2",
                   "z = z + interval '1 h' WHERE id = 1", "d = 0 WHERE id = 4"):
        key = change[-1]
        before = copy.sql(f"SELECT t, d, n, z::text FROM odd WHERE id = {key}")[0]
        copy.sql(f"UPDATE odd SET {change}")
        _, _, found = verify(leat, "public.odd", ok=(3,))
        assert found == {("odd", key): "different"}, change
        with copy.db.connect(autocommit=True) as c:
            c.execute("UPDATE odd SET t = %s, d = %s, n = %s, z = %s WHERE id = %s", (*before, key))
    assert verify(leat)[0]["equal"]

    # a sink that is stopped: equal tables are equal, others are not judged
    assert leat.stop() == 0
    assert verify(leat)[0]["equal"]
    copy.sql("UPDATE odd SET t = 'other' WHERE id = 1")
    assert "verify.not_running" in leat.call("verify", "pump", ok=(1,)).stderr

    # without a key on either side
    copy.sql("ALTER TABLE odd DROP CONSTRAINT odd_pkey")
    db.sql("ALTER TABLE odd DROP CONSTRAINT odd_pkey")
    assert "verify.no_key" in leat.call("verify", "pump", "public.odd", ok=(1,)).stderr

    # the target is gone
    copy.sql("DROP TABLE odd")
    assert "verify.table_missing" in leat.call("verify", "pump", "public.odd", ok=(1,)).stderr
    copy.drop()
    said = leat.call("verify", "pump", ok=(1,)).stderr
    assert "database_missing" in said and "connection.url" in said


def test_domains(db, leat, target):
    """They are compared as what is below them, which may be a domain again."""
    db.sql("CREATE DOMAIN small AS int")
    db.sql("CREATE DOMAIN smaller AS small")
    db.sql("CREATE DOMAIN flag AS bit(1)")
    db.sql("CREATE TABLE odd (id smaller PRIMARY KEY, n smaller, f flag)")
    db.sql("INSERT INTO odd SELECT g, g, (g % 2)::bit(1) FROM generate_series(1, 100) g")
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(target, ["shop.public.odd"])))
    until(lambda: len(found_rows(target, "odd")) == 100, 120, "the rows")
    whole, tables, found = verify(leat, ok=(0, 3))
    assert whole["equal"] and found == {} and tables["odd"]["not_compared"] == ""
    target.sql("UPDATE odd SET n = 0 WHERE id = 7")
    assert verify(leat, ok=(3,))[2] == {("odd", "7"): "different"}


def found_rows(target, table):
    try:
        return target.rows(table, "id")
    except Exception:  # not made yet
        return []


def test_a_source_of_another_encoding(db, leat, target):
    """Its own bytes are others than the target's: equal texts are equal, in keys too, and what
    differs is found."""
    texts, name = "aZ\u00e4\u00ff\u00df", f"{db.name}_latin1"
    db.sql(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        with db.server.connect(name) as c:
            c.execute("CREATE TABLE t (k text PRIMARY KEY, v text)")
            c.execute("INSERT INTO t SELECT substr(%s, 1 + g %% 5, 1) || g, %s"
                      " FROM generate_series(1, 3000) g", (texts, texts))
        own = {"database.dbname": name, "slot.name": name, "publication.name": name}
        shop = leat.write("shop.properties", db.properties(name="shop") | own)
        leat.run(shop, leat.write("pump.properties", sink(target, ["shop.public.t"])))
        until(lambda: rows_of_t(target) == 3000, 120, "all rows in the target")
        whole, _, found = verify(leat)
        assert whole["equal"] and found == {}
        target.sql(f"UPDATE t SET v = 'x' WHERE k = '{texts[4]}4'")
        target.sql(f"DELETE FROM t WHERE k = '{texts[2]}2'")
        whole, _, found = verify(leat, ok=(3,))
        assert found == {("t", f"{texts[4]}4"): "different", ("t", f"{texts[2]}2"): "missing"}
    finally:
        leat.kill()
        db.server.drop_slots(name)
        db.sql(f"DROP DATABASE {name}")


def rows_of_t(target):
    try:
        return target.sql("SELECT count(*) FROM t")[0][0]
    except Exception:  # not made yet
        return 0

"""`leat verify` with MySQL and MariaDB, as source and as target: planted differences are found,
each of them and nothing else, also while both sides move."""

import threading

import pytest
from servers.process import until
from target import MysqlTarget, PostgresTarget, sink
from test_verify import verify

ROWS = 1500

# A collation that takes 'a' and 'A' for one, and does not see blanks at the end.
SHOP = """
    CREATE TABLE nums (id bigint unsigned PRIMARY KEY, i bigint, u bigint unsigned, n decimal(20,6),
        d double, r float, b boolean, y year, f bit(1), w bit(10), z int(8) zerofill);
    CREATE TABLE texts (k varchar(40) CHARACTER SET latin1 PRIMARY KEY,
        t text CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, v varchar(20), c char(6),
        e enum('x','y z'), s set('a','b'), b varbinary(40), x binary(4), j json);
    CREATE TABLE times (id int PRIMARY KEY, d date, n date NOT NULL, t time(6), s datetime(6),
        m datetime NOT NULL, z timestamp(3) NULL);
    CREATE TABLE pairs (a int, b varchar(20), v int, PRIMARY KEY (b, a));
"""
TABLES = ["nums", "texts", "times", "pairs"]
SEQ = "WITH RECURSIVE q (g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM q WHERE g < {n})"
FILL = """
    SET SESSION sql_mode = '';
    SET SESSION {deep} = 100000;
    SET SESSION time_zone = '+00:00';
    INSERT INTO nums {q} SELECT g, g * 7919, 18446744073709551615 - g, g / 8, g * 0.1e0, g * 0.7e0,
        g % 2, 1901 + g % 200, g % 2, g % 1024, g FROM q;
    INSERT INTO nums (id, d, r) VALUES (100001, 1.7976931348623157e308, 3.4e38),
        (100002, 5e-324, 1e-30), (100003, -1e15, -1e7), (100004, 123456789012345680, 16777216),
        (100005, 1e-5, 0.001), (100006, 0, 0), (100008, -1.7976931348623157e308, 0.1),
        (100007, -2.2250738585072014e-308, -1.1754943508222875e-38);
    INSERT INTO texts {q} SELECT CONCAT('k', g, CASE g % 3 WHEN 0 THEN 'ä' ELSE 'B' END),
        CONCAT('text ', g, ' €😀'), IF(g % 5 = 0, '', CONCAT('v', g)), CONCAT('c', g % 100),
        IF(g % 2, 'x', 'y z'), IF(g % 2, 'a,b', ''), UNHEX(SHA2(g, 256)), x'0102',
        CONCAT('{{"g": ', g, '}}') FROM q;
    INSERT INTO times {q} SELECT g, DATE_ADD('2000-01-01', INTERVAL g DAY), '2001-01-01',
        SEC_TO_TIME(g * 1.5), DATE_ADD('1999-12-31 23:59:59.5', INTERVAL g HOUR),
        '2002-01-01 01:02:03',
        DATE_ADD('2024-03-31 00:30:00', INTERVAL g * 13 MINUTE) FROM q;
    INSERT INTO times (id, d, n, s, m) VALUES
        (100001, '0000-00-00', '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'),
        (100002, '2024-00-10', '2024-02-00', '2024-00-00 01:00:00', '2024-12-00 00:00:00');
    INSERT INTO pairs {q} SELECT g % 50, CONCAT('p', g), g FROM q;
"""


@pytest.fixture
def copy(postgres):
    one = PostgresTarget(postgres)
    one.postgres = True
    yield one
    one.drop()


def begin_source(binlog, leat, *others, n=ROWS, **more):
    """It runs, and others beside it."""
    binlog.sql(SHOP, "shop")
    deep = "max_recursive_iterations" if binlog.kind == "mariadb" else "cte_max_recursion_depth"
    binlog.sql(FILL.format(n=n, q=SEQ.format(n=n), deep=deep), "shop")
    leat.run(leat.write("shop.properties", binlog.properties(
        snapshot__mode="initial", database__include__list="shop", **more)), *others)


def begin(binlog, leat, target, n=ROWS, **more):
    """Both run, and all rows are delivered."""
    pump = leat.write("pump.properties", sink(target, [f"shop.shop.{t}" for t in TABLES]))
    begin_source(binlog, leat, pump, n=n, **more)
    want = {t: int(binlog.sql(f"SELECT COUNT(*) FROM {t}", "shop")[0][0]) for t in TABLES}
    until(lambda: leat.alive() or counts(target) == want, 120, "all rows in the target")
    return want



def counts(target):
    try:
        return {t: int(target.sql(f"SELECT count(*) FROM {t}")[0][0]) for t in TABLES}
    except Exception:  # not made yet
        return {}


def told(found):
    return {(key[0].removeprefix("shop."), *key[1:]): kind for key, kind in found.items()}


def planter(copy, planted):
    """Changes rows of the copy, and notes what verify is to say of them."""

    def change(table, column, value, ids, key="id"):
        quoted = ", ".join(f"'{i}'" for i in ids)
        copy.sql(f"UPDATE {table} SET {column} = {value} WHERE {key} IN ({quoted})")
        planted.update({(table, str(i)): "different" for i in ids})

    return change


def plant(copy):
    """What verify is to say of it."""
    planted = {}
    change = planter(copy, planted)
    change("nums", "i", "i + 1", range(1, 101))
    change("nums", "u", "u - 1", range(101, 121))
    change("nums", "n", "n + 0.000001", range(121, 141))
    change("nums", "d", "d * (1 + 2.3e-16)", range(141, 161))
    change("nums", "b", "1 - b", range(161, 181))
    change("nums", "f", "NOT f", range(181, 201))
    change("nums", "w", "~w", range(201, 221))
    change("nums", "d", "'-0'", [100006])
    change("nums", "r", "r + 0.125", range(221, 231))
    # swapped: both rows are there, their values are not where they belong
    change("nums", "i", "i + CASE id % 2 WHEN 1 THEN 7919 ELSE -7919 END", range(301, 401))
    copy.sql("DELETE FROM nums WHERE id BETWEEN 501 AND 600")
    planted.update({("nums", str(i)): "missing" for i in range(501, 601)})
    copy.sql("INSERT INTO nums (id, i) SELECT g, 1 FROM generate_series(200001, 200100) g")
    planted.update({("nums", str(i)): "extra" for i in range(200001, 200101)})

    keys = [row[0] for row in copy.rows("texts", "k")]
    empty = [k for k in keys if int("".join(c for c in k if c.isdigit())) % 5 == 0]
    full = [k for k in keys if k not in empty]
    change("texts", "v", "NULL", empty[:50], "k")  # NULL is not empty
    change("texts", "v", "''", full[:50], "k")
    change("texts", "t", "t || ' '", full[50:100], "k")  # what the source's collation does not see
    change("texts", "t", "upper(t)", full[100:150], "k")
    change("texts", "c", "c || ' '", full[150:170], "k")
    change("texts", "b", "set_byte(b, 3, get_byte(b, 3) # 1)", full[170:220], "k")
    change("texts", "s", "'b,a'", [k for k in full[220:260] if int(k[1:-1]) % 2], "k")
    change("texts", "j", "'{\"g\": 0}'", full[260:280], "k")
    change("times", "z", "z + interval '1 hour'", range(1, 51))
    change("times", "s", "s + interval '1 us'", range(51, 101))
    change("times", "t", "t + interval '1 us'", range(101, 121))
    change("times", "d", "d - 1", range(121, 141))
    change("times", "d", "'1970-01-01'", [100001])
    change("times", "n", "'0001-01-01'", [100002])
    copy.sql("ALTER TABLE pairs DROP CONSTRAINT pairs_pkey")
    copy.sql("INSERT INTO pairs SELECT * FROM pairs WHERE v <= 40")
    for row in copy.sql("SELECT DISTINCT b, a FROM pairs WHERE v <= 40"):
        planted[("pairs", row[0], str(row[1]))] = "repeated"
    return planted


def equal(leat):
    return verify(leat, ok=(0, 3))[0]["equal"]


@pytest.mark.parametrize("handling", ["long", "precise"])
def test_into_postgresql(binlog, leat, copy, handling):
    want = begin(binlog, leat, copy, bigint__unsigned__handling__mode=handling)
    whole, tables, found = verify(leat, ok=(0, 3))
    assert found == {} and whole["equal"]
    assert {t.removeprefix("shop."): x["rows"] for t, x in tables.items()} == want
    assert all(t["not_compared"] == "" and t["position"] for t in tables.values())
    planted = plant(copy)
    whole, tables, found = verify(leat, ok=(3,))
    found = told(found)
    assert found == planted, sorted(set(found.items()) ^ set(planted.items()))[:20]
    copy.sql("DELETE FROM pairs p USING pairs q WHERE p.ctid > q.ctid AND p.a = q.a AND p.b = q.b")
    copy.sql("ALTER TABLE pairs ADD PRIMARY KEY (b, a)")
    left = {k for k in planted if k[0] != "pairs"}
    whole, _, _ = verify(leat, "--repair", ok=(3,))
    assert whole["repaired"] == len(left)
    until(lambda: equal(leat), 120, "what was repaired")


def test_while_both_sides_move(binlog, leat, copy):
    """Rows have no versions there: one that goes forth and back between looks is no difference."""
    begin(binlog, leat, copy)
    going, failed = [True], []

    def load():
        i = 0
        try:
            while going[0]:
                i += 1
                rows = range(701 + i % 700, 701 + i % 700 + 20)
                binlog.sql(";".join(
                    f"UPDATE nums SET b = 1 - b, i = i + 1 WHERE id = {r};"
                    f"UPDATE nums SET f = 1 - f WHERE id = 1001;"
                    f"UPDATE times SET d = NULL WHERE id = {r};"
                    f"UPDATE times SET d = '2000-01-01' WHERE id = {r};"
                    f"DELETE FROM pairs WHERE b = 'p{r}';"
                    f"INSERT INTO pairs VALUES ({r} % 50, 'p{r}', {r})"
                    for r in rows), "shop")
        except AssertionError as e:
            failed.append(e)

    worker = threading.Thread(target=load, daemon=True)
    worker.start()
    try:
        for _ in range(3):
            whole, _, found = verify(leat, ok=(0, 3))
            assert found == {} and whole["equal"]
        planted = {}
        copy.sql("UPDATE nums SET n = n + 1 WHERE id BETWEEN 1 AND 300")
        planted.update({("nums", str(i)): "different" for i in range(1, 301)})
        copy.sql("DELETE FROM times WHERE id BETWEEN 1 AND 50")
        planted.update({("times", str(i)): "missing" for i in range(1, 51)})
        copy.sql("INSERT INTO pairs SELECT 7, 'extra' || g, g FROM generate_series(1, 50) g")
        planted.update({("pairs", "7", f"extra{i}"): "extra" for i in range(1, 51)})
        whole, _, found = verify(leat, "--load", "50%", ok=(3,))
        assert told(found) == planted and not whole["undecided"]
    finally:
        going[0] = False
        worker.join(60)
    assert not failed, failed


# ---- the other way

PG = {
    "nums": "id int PRIMARY KEY, i bigint, n numeric, m numeric(12,2), d float8, r float4, b bool,"
            " y money, x bit(10), w bit varying(9)",
    "texts": "k text PRIMARY KEY, t text, v varchar(20), c char(6), b bytea, u uuid, j jsonb,"
             " e inet",
    "times": "id bigint PRIMARY KEY, d date, t time, s timestamp, z timestamptz, i interval,"
             " o timetz",
    "pairs": "a int, b text, v int, PRIMARY KEY (b, a)",
}
PG_FILL = """
    INSERT INTO nums SELECT g, g * 7919::bigint, g / 8.0::numeric, g / 3.0, g * 0.1, g * 0.7,
        g % 2 = 0, g::numeric::money, (g % 1024)::bit(10), (g % 512)::bit(9)
        FROM generate_series(1, {n}) g;
    INSERT INTO nums (id, d, r) VALUES (100001, 1.7976931348623157e308, 3.4e38),
        (100002, 5e-324, 1e-30), (100003, -1e15, -1e7), (100004, 123456789012345680, 16777216),
        (100005, 1e-5, 0.001), (100006, 0, 0),
        (100007, -2.2250738585072014e-308, -1.1754943508222875e-38);
    INSERT INTO texts SELECT 'k' || g || CASE g % 3 WHEN 0 THEN 'ä' ELSE 'B' END, 'text ' || g,
        CASE WHEN g % 5 = 0 THEN '' ELSE 'v' || g END, 'c' || g % 100, decode(md5(g::text), 'hex'),
        md5(g::text)::uuid, jsonb_build_object('g', g, 'longer', g / 7.0), '10.0.0.1'
        FROM generate_series(1, {n}) g;
    INSERT INTO texts (k, t) VALUES ('K1B', 'another key'), ('k1b', 'third'), ('k1B ', 'fourth');
    INSERT INTO times SELECT g, date '2000-01-01' + g, time '00:00' + g * interval '1.5 s',
        timestamp '1999-12-31 23:59:59.5' + g * interval '1 h', timestamptz '2024-03-31 00:30:00+00'
        + g * interval '13 min', g * interval '1 day 2 s' - interval '1 month',
        timetz '13:14:15.5+02' FROM generate_series(1, {n}) g;
    INSERT INTO pairs SELECT g % 50, 'p' || g, g FROM generate_series(1, {n}) g;
"""


def test_from_postgresql(db, binlog, leat):
    """Into MySQL and MariaDB; differences planted there."""
    copy = MysqlTarget(binlog)
    for name, columns in PG.items():
        db.sql(f"CREATE TABLE {name} ({columns})")
    for statement in PG_FILL.format(n=ROWS).split(";\n"):
        if statement.strip():
            db.sql(statement)
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, [f"shop.public.{t}" for t in PG])))
    want = {t: db.sql(f"SELECT count(*) FROM {t}")[0][0] for t in PG}
    until(lambda: leat.alive() or counts(copy) == want, 120, "all rows in the target")
    whole, tables, found = verify(leat, ok=(0, 3))
    assert found == {} and whole["equal"]
    assert all(t["not_compared"] == "" for t in tables.values())
    planted = {}
    change = planter(copy, planted)
    change("nums", "i", "i + 1", range(1, 101))
    change("nums", "n", "CONCAT(n, '0')", range(101, 151))  # the same number, other digits
    change("nums", "m", "m + 0.01", range(151, 201))
    change("nums", "d", "d * (1 + 2.3e-16)", range(201, 221))
    change("nums", "b", "1 - b", range(221, 241))
    change("nums", "b", "2", range(241, 251))
    change("nums", "y", "y + 0.01", range(251, 261))
    change("nums", "x", "x ^ 1", range(261, 281))
    change("nums", "w", "w ^ 1", range(281, 291))
    if binlog.kind == "mysql":
        change("nums", "d", "-0e0", [100006])
    change("nums", "i", "i + IF(id % 2, 7919, -7919)", range(301, 401))
    copy.sql("DELETE FROM nums WHERE id BETWEEN 501 AND 600")
    planted.update({("nums", str(i)): "missing" for i in range(501, 601)})
    copy.sql("INSERT INTO nums (id, i) VALUES " + ", ".join(f"({i}, 1)" for i in range(-100, 0)))
    planted.update({("nums", str(i)): "extra" for i in range(-100, 0)})
    keys = [row[0] for row in db.sql("SELECT k FROM texts ORDER BY k") if len(row[0]) > 4]
    empty = [k for k in keys if int("".join(c for c in k if c.isdigit())) % 5 == 0]
    full = [k for k in keys if k not in empty]
    change("texts", "v", "NULL", empty[:50], "k")
    change("texts", "v", "''", full[:50], "k")
    change("texts", "t", "CONCAT(t, ' ')", full[50:100], "k")
    change("texts", "t", "UPPER(t)", full[100:150], "k")
    change("texts", "c", "TRIM(c)", full[150:160], "k")
    change("texts", "b", "INSERT(b, 3, 1, x'00')", [k for k in full[160:200]], "k")
    change("texts", "j", "'{}'", full[200:220], "k")
    change("times", "z", "z + INTERVAL 1 HOUR", range(1, 51))
    change("times", "s", "s + INTERVAL 1 MICROSECOND", range(51, 101))
    change("times", "i", "'0 mons 0 days 00:00:00'", range(101, 121))
    change("times", "o", "'13:14:15.5+00:00'", range(121, 131))
    change("times", "d", "d + INTERVAL 1 DAY", range(131, 141))
    whole, tables, found = verify(leat, ok=(3,))
    found = {(key[0].removeprefix("public."), *key[1:]): kind for key, kind in found.items()}
    assert found == planted, sorted(set(found.items()) ^ set(planted.items()))[:20]
    whole, _, _ = verify(leat, "--repair", ok=(3,))
    assert whole["repaired"] == len(planted)
    until(lambda: equal(leat), 120, "what was repaired")


@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_json_into_texts(mysql_servers, leat, kind):
    """The log has JSON without the blanks of a snapshot, and the target keeps it as text: blanks
    are no difference, all else is."""
    source, copy = mysql_servers("mysql"), MysqlTarget(mysql_servers(kind))
    source.fresh("shop")
    source.sql("CREATE TABLE notes (id int PRIMARY KEY, j json)", "shop")
    values = ("""'{"a": [1, 2, {}], "b": "x, y: \\\\"z"}'""", """'"text"'""", "'null'", "NULL",
              "JSON_OBJECT('price', CAST(19.90 AS DECIMAL(6,2)), 'd', 0.25, 'ä', 1.0)")

    def fill(first):
        rows = ", ".join(f"({first + n}, {value})" for n, value in enumerate(values))
        source.sql(f"INSERT INTO notes VALUES {rows}", "shop")

    fill(1)
    leat.run(leat.write("shop.properties", source.properties(
        snapshot__mode="initial", database__include__list="shop")),
             leat.write("pump.properties", sink(copy, ["shop.shop.notes"])))
    rows = "SELECT COUNT(*) FROM notes"
    until(lambda: leat.alive() or (copy.columns("notes") and copy.sql(rows)[0][0] == "5"), 120,
          "the snapshot's rows")
    fill(11)
    until(lambda: leat.alive() or copy.sql(rows)[0][0] == "10", 120, "those of the log")
    whole, tables, found = verify(leat, ok=(0, 3))
    assert whole["equal"] and found == {} and tables["shop.notes"]["not_compared"] == ""
    copy.sql("UPDATE notes SET j = REPLACE(j, 'x, y', 'x,y') WHERE id = 11")
    copy.sql("UPDATE notes SET j = 'no JSON' WHERE id = 12")
    assert told(verify(leat, ok=(3,))[2]) == {("notes", "11"): "different",
                                              ("notes", "12"): "different"}
    copy.drop()

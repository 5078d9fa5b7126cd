"""`leat verify` with MySQL and MariaDB, as source and as target: planted differences are found, each
of them and nothing else, also while both sides move."""

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
    INSERT INTO nums (id, d, r) VALUES (100001, 1.7976931348623157e308, 3.4e38), (100002, 5e-324, 1e-30),
        (100003, -1e15, -1e7), (100004, 123456789012345680, 16777216), (100005, 1e-5, 0.001), (100006, 0, 0);
    INSERT INTO texts {q} SELECT CONCAT('k', g, CASE g % 3 WHEN 0 THEN 'ä' ELSE 'B' END),
        CONCAT('text ', g, ' €😀'), IF(g % 5 = 0, '', CONCAT('v', g)), CONCAT('c', g % 100),
        IF(g % 2, 'x', 'y z'), IF(g % 2, 'a,b', ''), UNHEX(SHA2(g, 256)), x'0102', CONCAT('{{"g": ', g, '}}') FROM q;
    INSERT INTO times {q} SELECT g, DATE_ADD('2000-01-01', INTERVAL g DAY), '2001-01-01',
        SEC_TO_TIME(g * 1.5), DATE_ADD('1999-12-31 23:59:59.5', INTERVAL g HOUR), '2002-01-01 01:02:03',
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


def begin(binlog, leat, target, n=ROWS, **more):
    """Both run, and all rows are delivered."""
    binlog.sql(SHOP, "shop")
    deep = "max_recursive_iterations" if binlog.kind == "mariadb" else "cte_max_recursion_depth"
    binlog.sql(FILL.format(n=n, q=SEQ.format(n=n), deep=deep), "shop")
    files = [leat.write("shop.properties", binlog.properties(
        snapshot__mode="initial", database__include__list="shop", **more)),
        leat.write("pump.properties", sink(target, [f"shop.shop.{t}" for t in TABLES]))]
    leat.run(*files)
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


def plant(copy):
    """What verify is to say of it."""
    planted = {}

    def change(table, column, value, ids, key="id"):
        quoted = ", ".join(f"'{i}'" for i in ids)
        copy.sql(f"UPDATE {table} SET {column} = {value} WHERE {key} IN ({quoted})")
        planted.update({(table, str(i)): "different" for i in ids})

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

"""What is MySQL's and MariaDB's alone about the relational sinks: DDL that commits, several unique
indexes, collations, long statements, what the server refuses or is too busy for."""

import json

import pytest
from servers.process import until
from target import MysqlTarget, sink


@pytest.fixture(params=["mysql", "mariadb"])
def mysql(request, mysql_servers):
    one = MysqlTarget(mysql_servers(request.param))
    yield one
    one.drop()


def once(leat, db, target, *tables, ok=0, **more):
    """All that the source has now is in the target."""
    topics = [f"shop.public.{table}" for table in tables]
    leat.run("--once", leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(target, topics, **more)))
    assert leat.wait(120) == ok, leat.stderr[-3000:]


def dead(leat):
    lines = leat.call("dead-letters", "pump", "list", "--json").stdout.splitlines()
    return sorted(json.loads(line)["code"] for line in lines)


def texts(rows):
    return [tuple(v if v is None else str(v) for v in row) for row in rows]


def test_columns_amid_a_transaction(db, leat, mysql):
    """A table that changes in the middle of a source transaction that is longer than a batch: DDL
    would commit the first half of it. It is written again, whole, and once."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, wide text)")
    once(leat, db, mysql, "t")
    with db.connect(autocommit=False) as c:
        c.execute("INSERT INTO t SELECT g, repeat('w', 300) FROM generate_series(1, 30000) g")
        c.execute("ALTER TABLE t ADD COLUMN late int")
        c.execute("CREATE TABLE u (id int PRIMARY KEY)")
        c.execute("INSERT INTO t SELECT g, 'x', g FROM generate_series(30001, 40000) g")
        c.execute("INSERT INTO u VALUES (1)")
        c.commit()
    once(leat, db, mysql, "t", "u")
    assert "sql.table_changed" in leat.stderr
    assert mysql.rows("t", "count(*), count(late), sum(id)") == texts(
        db.sql("SELECT count(*), count(late), sum(id) FROM t"))
    assert mysql.rows("u") == [("1",)]


def test_several_unique_indexes(db, leat, mysql):
    """ON DUPLICATE KEY UPDATE would change the row that has the same value in another index."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text, b int)")
    mysql.sql("CREATE TABLE t (id int PRIMARY KEY, a varchar(20) UNIQUE, b int)")
    db.sql("INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 2), (3, 'x', 3), (4, NULL, 4)")
    once(leat, db, mysql, "t", errors_tolerance="all")
    assert mysql.rows("t") == [("1", "x", "1"), ("2", "y", "2"), ("4", None, "4")]
    assert dead(leat) == ["sql.unique"]
    db.sql("UPDATE t SET b = b * 10")
    once(leat, db, mysql, "t", errors_tolerance="all")
    assert mysql.rows("t") == [("1", "x", "10"), ("2", "y", "20"), ("4", None, "40")]


@pytest.mark.parametrize("index", ["", ", UNIQUE (a)", ", UNIQUE (id, a)"])
def test_no_index_to_find_rows_by(db, leat, mysql, index):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int)")
    mysql.sql(f"CREATE TABLE t (id int NOT NULL, a int{index})")
    db.sql("INSERT INTO t VALUES (1, 1)")
    once(leat, db, mysql, "t", ok=1)
    assert "sql.no_unique" in leat.stderr
    assert mysql.rows("t") == []


def test_keys_of_text(db, leat, mysql):
    """Keys that PostgreSQL tells apart and MySQL's usual collations do not; names with quotes; zero
    in a column that numbers itself."""
    db.sql('CREATE TABLE "t`x" (k text PRIMARY KEY, "select" int, "a b""c`" int)')
    for i, key in enumerate(["a", "A", "a ", "ä", "", "'", "\\", "\\'", "日本", "𝄞"]):
        db.sql('INSERT INTO "t`x" VALUES (%s, %s, 0)', key, i)
    once(leat, db, mysql, "t_x")  # the topic's name has no quote
    db.sql('DELETE FROM "t`x" WHERE k IN (%s, %s, %s)', "A", "\\", "")
    db.sql("""UPDATE "t`x" SET "a b""c`" = 7 WHERE k IN ('a', '''')""")
    db.sql("""UPDATE "t`x" SET k = 'B' WHERE k = 'ä'""")
    once(leat, db, mysql, "t_x")
    assert mysql.sql("SELECT HEX(k), `select`, `a b\"c``` FROM `t``x` ORDER BY 2") == [
        [key.encode().hex().upper(), str(n), str(m)]
        for key, n, m in db.sql('SELECT * FROM "t`x" ORDER BY 2')]
    db.sql("CREATE TABLE n (id int PRIMARY KEY)")
    mysql.sql("CREATE TABLE n (id int PRIMARY KEY AUTO_INCREMENT)")
    db.sql("INSERT INTO n VALUES (0), (5)")
    once(leat, db, mysql, "n")
    assert mysql.rows("n") == [("0",), ("5",)]


POISON = """
    CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b varchar(5), c int, d date, n decimal(4,1),
                    CHECK (a < 100), FOREIGN KEY (c) REFERENCES p (id))
"""


def test_poison(db, leat, mysql):
    """Each thing that the server refuses, amid rows that are good: those are written, in order, and
    nothing is cut or bent."""
    db.sql("CREATE TABLE p (id int PRIMARY KEY)")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int, d text, n numeric)")
    mysql.sql(POISON)
    db.sql("INSERT INTO p VALUES (1), (2)")
    for values in (
        "(1, 5, 'much too long', 1, NULL, 1)",
        "(2, 5, 'ok', 99, NULL, 1)",
        "(3, 500, 'ok', 2, NULL, 1)",
        "(4, NULL, 'ok', 2, NULL, 1)",
        "(5, 5, 'ok', 2, 'no date', 1)",
        "(6, 5, 'ok', 2, '2024-02-30', 1)",
        "(7, 5, 'ok', 2, '2024-02-29', 99999)",
    ):
        db.sql(f"INSERT INTO t VALUES {values}")
    many = "INSERT INTO t SELECT g, 2, 'ok', 2, '2024-01-01', 1.5 FROM"
    many += " generate_series(%s::int, %s::int) g"
    db.sql(many, 11, 3000)
    db.sql("INSERT INTO t VALUES (5000, 500, 'ok', 2, NULL, 1)")
    db.sql(many, 5001, 5100)
    once(leat, db, mysql, "p", "t", errors_tolerance="all")
    good = db.sql("SELECT id, a, b, c, d, n FROM t WHERE id > 7 AND id <> 5000 ORDER BY id")
    assert mysql.rows("t") == texts(good)
    assert dead(leat) == ["sql.check", "sql.check", "sql.foreign_key", "sql.invalid", "sql.invalid",
                          "sql.null", "sql.range", "sql.too_long"]
    db.sql("UPDATE t SET a = 7 WHERE id = 11")
    db.sql("DELETE FROM t WHERE id % 2 = 0 AND id > 10")
    once(leat, db, mysql, "p", "t", errors_tolerance="all")
    good = db.sql("SELECT id, a, b, c, d, n FROM t WHERE id > 7 ORDER BY id")
    assert mysql.rows("t") == texts(good)


def test_long_rows(db, leat, mysql):
    """Rows as long as a statement may be, and one beyond that."""
    was, most = mysql.sql("SELECT @@max_allowed_packet")[0][0], 4 << 20
    mysql.server.sql(f"SET GLOBAL max_allowed_packet = {most}")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, b text)")
    small, large = most // 4, most
    db.sql("INSERT INTO t SELECT g, repeat('ä', %s) FROM generate_series(1, 4) g", small // 2)
    db.sql("INSERT INTO t VALUES (5, repeat('x', %s)), (6, 'ok')", large)
    once(leat, db, mysql, "t", errors_tolerance="all")
    mysql.server.sql(f"SET GLOBAL max_allowed_packet = {was}")
    want = [(str(n), str(small // 2)) for n in range(1, 5)] + [("6", "2")]
    assert mysql.rows("t", "id, CHAR_LENGTH(b)") == want
    assert dead(leat) == ["sql.too_large"]


def _there(target):
    return sorted(int(k) for k, in target.rows("t", "id")) if target.columns("t") else None


def test_target_away(db, leat, mysql):
    """A row that is locked, sessions that are ended and a server that is gone are waited for."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    db.sql("INSERT INTO t VALUES (1, 'ok')")
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties",
                        sink(mysql, ["shop.public.t"], query_timeout_ms="1s",
                             errors_max_retries="-1")))
    until(lambda: leat.alive() or _there(mysql) == [1], 60, "the first row")
    mysql.server.kill()
    db.sql("INSERT INTO t VALUES (2, 'ok')")
    until(lambda: "RETRYING" in json.dumps(leat.told("pump")), 60, "a retry")
    mysql.server.start()
    until(lambda: leat.alive() or _there(mysql) == [1, 2], 120, "the second row")
    mine = "SELECT id FROM information_schema.processlist WHERE db = 'copy'"
    mine += " AND id <> CONNECTION_ID()"
    for (session,) in mysql.sql(mine):
        mysql.server.sql(f"KILL {session}", force=True)
    db.sql("INSERT INTO t VALUES (3, 'ok')")
    until(lambda: leat.alive() or _there(mysql) == [1, 2, 3], 120, "the third row")


def test_check(db, leat, mysql):
    """The steps, and what they say where rights are missing; nothing stays in the target."""
    url = mysql.url.replace("?user=root", "")
    server = mysql.server
    server.sql("DROP USER IF EXISTS poor; CREATE USER poor IDENTIFIED BY 'p''w';"
               "GRANT SELECT, INSERT ON copy.* TO poor")
    config = sink(mysql, ["shop.public.t"]) | {"connection.url": url, "connection.username": "root"}
    good = leat.call("check", leat.write("a.properties", config), "--json")
    steps = [json.loads(line) for line in good.stdout.splitlines()]
    assert {step["state"] for step in steps} == {"ok"}, good.stdout
    config |= {"connection.username": "poor", "connection.password": "p'w"}
    bad = leat.call("check", leat.write("b.properties", config), ok=(1, 3))
    assert "make tables" in bad.stdout and "denied" in bad.stdout
    config |= {"connection.password": "wrong"}
    bad = leat.call("check", leat.write("c.properties", config), ok=(1, 3))
    assert "mysql.auth" in bad.stdout and "connection.password" in bad.stdout
    config |= {"connection.url": url.replace("/copy", "/none"), "connection.username": "root",
               "connection.password": ""}
    bad = leat.call("check", leat.write("d.properties", config), ok=(1, 3))
    assert "mysql.database_missing" in bad.stdout
    assert mysql.sql("SHOW TABLES") == []
    server.sql("DROP USER poor")

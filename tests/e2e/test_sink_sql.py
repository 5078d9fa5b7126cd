"""The relational sinks: PostgreSQL's changes through the stream into PostgreSQL and SQLite."""

import base64
import json
import subprocess

import psycopg
import pytest
from servers.process import until
from target import MysqlTarget, PostgresTarget, SqliteTarget, sink
from workload_types import SETUP, TYPES


def make_target(request, kind):
    if kind == "postgresql":
        return PostgresTarget(request.getfixturevalue("postgres"))
    if kind == "sqlite":
        return SqliteTarget(request.getfixturevalue("tmp_path"))
    return MysqlTarget(request.getfixturevalue("mysql_servers")(kind))


@pytest.fixture(params=["postgresql", "sqlite", "mysql", "mariadb"])
def target(request):
    one = make_target(request, request.param)
    yield one
    one.drop()


@pytest.fixture(params=["mysql", "mariadb"])
def mysql(request):
    one = make_target(request, request.param)
    yield one
    one.drop()


def once(leat, db, target, topics, source=None, ok=0, **more):
    """All that the source has now is in the target."""
    files = [leat.write("shop.properties", db.properties(name="shop", **(source or {})))]
    files.append(leat.write("pump.properties", sink(target, topics, **more)))
    leat.run("--once", *files)
    assert leat.wait(120) == ok, leat.stderr[-3000:]


# ---- types

SKIPPED = ("pair", "pair[]", "int4multirange", "box", "pg_lsn", "large", "large_bytes")
KINDS = [kind for kind in TYPES if kind not in SKIPPED]
NAMES = [f"c{i}" for i in range(len(KINDS))]  # of their columns


def make_types(db):
    """One table with a column of each type."""
    for statement in SETUP:
        db.sql(statement)
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(NAMES, KINDS))
    db.sql(f"CREATE TABLE kinds (id int PRIMARY KEY, {columns})")


def fill_types(db, first, without=None):
    """NULLs, then all values; a type that has fewer than others has some again. without: what is
    left out, by type."""
    values = {k: [v for v in TYPES[k] if v not in (without or {}).get(k, ())] for k in KINDS}
    most = max(len(v) for v in values.values())
    rows = [[None] * len(KINDS)] + [[values[k][n % len(values[k])] for k in KINDS]
                                    for n in range(most)]
    places = ", ".join(["%s"] * (len(KINDS) + 1))
    for n, row in enumerate(rows):
        db.sql(f"INSERT INTO kinds VALUES ({places})", first + n, *row)


def source_types(db):
    """type -> its values by id, as the source prints them"""
    shown = ", ".join(f"{name}::text" for name in NAMES)
    rows = db.sql(f"SELECT id, {shown} FROM kinds ORDER BY id")
    return {kind: [(row[0], seen(kind, row[i + 1])) for row in rows]
            for i, kind in enumerate(KINDS)}


def differences(mine, got):
    """type -> pairs of (id, value) that are not the same"""
    assert [k for k, _ in mine["integer"]] == [int(k) for k, _ in got["integer"]]
    wrong = {}
    for kind in KINDS:
        pairs = [(x, y) for (_, x), (_, y) in zip(mine[kind], got[kind]) if x != y]
        if pairs:
            wrong[kind] = pairs[:3]
    return wrong


def seen(kind, value):
    """A value as far as the source's events tell it: Debezium's form of bits has no zeros in front,
    and PostgreSQL itself leaves out an XML declaration that says nothing."""
    if value is not None and kind == "bit varying(20)":
        return value.lstrip("0")
    return value.removeprefix('<?xml version="1.0"?>') if value is not None else None


def test_types_to_postgresql(db, leat, copy):
    """Each type there and back, out of a snapshot and of the stream, into a table of the sink's."""
    make_types(db)
    for statement in SETUP:
        copy.sql(statement)
    for first in range(0, 100, 10):  # so many rows are copied
        fill_types(db, first)
    once(leat, db, copy, ["shop.public.kinds"])
    fill_types(db, 100)
    once(leat, db, copy, ["shop.public.kinds"])
    declared = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0"
    declared += " AND attrelid = 'kinds'::regclass ORDER BY attnum"
    base = {"label": "character varying(12)", "price": "numeric(12,3)"}  # domains
    assert copy.sql(declared) == [(name, base.get(kind, kind)) for name, kind in db.sql(declared)]
    assert not differences(source_types(db), source_types(copy.db))


def back(c, kind, value):
    """What a target without the source's types holds, as the source would print it."""
    if value is None:
        return None
    if kind.endswith("[]"):
        items = json.loads(value)
        if kind == "bytea[]":
            items = [i and "\\x" + base64.b64decode(i).hex() for i in items]
        items = [json.dumps(i) if isinstance(i, (dict, list, bool)) else i for i in items]
        items = [i if i is None else str(i) for i in items]
        return c.execute(f"SELECT (%s::text[]::{kind})::text", (items,)).fetchone()[0]
    if kind == "hstore":
        pairs = json.loads(value)
        return c.execute("SELECT hstore(%s::text[], %s::text[])::text",
                         (list(pairs), list(pairs.values()))).fetchone()[0]
    if kind == "point":
        point = json.loads(value)
        value = f"({point['x']},{point['y']})"
    if isinstance(value, bytes):
        value = "\\x" + value.hex()
    if kind in ("boolean", "bit(1)"):
        value = str(value)
    if isinstance(value, float):
        value = repr(value)
    times = ("date", "timestamp", "timestamp with time zone")
    if kind in times and value[0] in "-0" and value[:4] != "-inf" and value[:4] < "0001":
        year, rest = value.lstrip("-").split("-", 1)  # ISO's year 0 is 1 BC
        value = f"{int(year) + 1:04d}-{rest} BC"
    return c.execute(f"SELECT (%s::text::{kind})::text", (str(value),)).fetchone()[0]


def target_types(db, target):
    rows = target.rows("kinds", ", ".join(["id", *NAMES]))
    with db.connect() as c:
        return {kind: [(row[0], seen(kind, back(c, kind, row[i + 1]))) for row in rows]
                for i, kind in enumerate(KINDS)}


def test_types_to_sqlite(db, leat, tmp_path):
    """The same into SQLite, where most types are text: each text gives the value back."""
    target = SqliteTarget(tmp_path)
    make_types(db)
    fill_types(db, 0)
    once(leat, db, target, ["shop.public.kinds"])
    mine = source_types(db)
    for kind in ("real", "double precision"):  # SQLite's zero has no sign
        mine[kind] = [(k, "0" if v == "-0" else v) for k, v in mine[kind]]
    assert not differences(mine, target_types(db, target))


# What MySQL's and MariaDB's types have no place for.
BEYOND = {
    "real": ("NaN", "Infinity", "-Infinity"),
    "double precision": ("NaN", "-Infinity"),
    "date": ("4713-01-01 BC", "infinity", "-infinity"),
    "timestamp": ("infinity", "-infinity", "0044-03-15 12:00:00 BC"),
    "timestamp with time zone": ("infinity", "-infinity", "0044-03-15 12:00:00+00 BC"),
}


def test_types_to_mysql(db, leat, mysql):
    """The same into MySQL and MariaDB, out of a snapshot and of the stream."""
    make_types(db)
    fill_types(db, 0, BEYOND)
    once(leat, db, mysql, ["shop.public.kinds"])
    fill_types(db, 100, BEYOND)
    once(leat, db, mysql, ["shop.public.kinds"])
    rows = mysql.rows("kinds", ", ".join(["id", *NAMES]))
    mine, got = source_types(db), {}
    with db.connect() as c:
        for i, kind in enumerate(KINDS):
            texts = [(row[0], row[i + 1]) for row in rows]
            if kind == "bytea":
                texts = [(k, v and "\\x" + v) for k, v in texts]
                texts = [(k, "\\x" if v == "" else v) for k, v in texts]
            got[kind] = [(k, seen(kind, back(c, kind, v))) for k, v in texts]
    if mysql.server.kind == "mariadb":  # whose zero has no sign
        for kind in ("real", "double precision"):
            mine[kind] = [(k, "0" if v == "-0" else v) for k, v in mine[kind]]
    assert not differences(mine, got)


def test_beyond_mysql(db, leat, mysql):
    """What their types cannot hold is refused, column and value named, and never bent."""
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(BEYOND))
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns})")
    n = 0
    for i, (kind, values) in enumerate(BEYOND.items()):
        for text in values:
            db.sql(f"INSERT INTO t (id, c{i}) VALUES (%s, %s)", n, text)
            n += 1
    db.sql("INSERT INTO t VALUES (100)")
    once(leat, db, mysql, ["shop.public.t"], errors_tolerance="all")
    assert mysql.rows("t", "id") == [("100",)]
    assert dead(leat) == ["sql.range"] * n


# ---- what rows become

SHOP = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, notes text);
    ALTER TABLE customers ALTER notes SET STORAGE EXTERNAL;
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers ON UPDATE CASCADE,
                         total numeric(10,2));
    INSERT INTO customers SELECT g, 'c' || g, repeat('n', 4000) FROM generate_series(1, 20) g;
    INSERT INTO orders SELECT g, g % 20 + 1, g FROM generate_series(1, 50) g
"""
TOPICS = ["shop.public.customers", "shop.public.orders"]


def same(db, target, *tables):
    for table in tables:
        names = db.sql("SELECT column_name FROM information_schema.columns WHERE table_name = %s"
                       " ORDER BY ordinal_position", table)
        columns = ", ".join(name for (name,) in names)
        mine = db.sql(f"SELECT {columns} FROM {table} ORDER BY 1")
        got = target.rows(table, columns)
        want = [tuple(v if v is None else str(v) for v in row) for row in mine]
        has = [tuple(v if v is None else str(v) for v in row) for row in got]
        if has != want:  # pytest's own account of many rows takes minutes
            at = next((i for i, (a, b) in enumerate(zip(has, want)) if a != b), len(want))
            raise AssertionError(f"{table}, row {at} of {len(want)}: {has[at:at + 1]} is not "
                                 f"{want[at:at + 1]}; {len(has)} rows")


@pytest.mark.parametrize("mode", ["transaction", "batch"])
def test_changes(db, leat, target, mode):
    """Inserts, updates, changes of keys, deletes, a column that comes, values that are not sent
    because they did not change, truncates: the target is the source."""
    db.sql(SHOP)
    more = {"source": {"skipped_operations": "none"}, "apply_mode": mode}
    once(leat, db, target, TOPICS, **more)
    same(db, target, "customers", "orders")
    for statement in (
        "UPDATE customers SET name = 'new' WHERE id <= 5",  # without notes
        "UPDATE customers SET id = id + 100 WHERE id > 15",  # with its orders
        "UPDATE customers SET notes = NULL WHERE id = 6",
        "DELETE FROM orders WHERE id % 7 = 0",
        "INSERT INTO orders VALUES (1000, 1, -0.01)",
        "DELETE FROM orders WHERE id = 1000",
        "INSERT INTO orders VALUES (1000, 2, 0.01)",
        "ALTER TABLE customers ADD COLUMN age int",
        "UPDATE customers SET age = id",
        "INSERT INTO customers VALUES (200, 'x', NULL, 3)",
        "UPDATE customers SET id = 201 WHERE id = 200",
    ):
        db.sql(statement)
    once(leat, db, target, TOPICS, **more)
    same(db, target, "customers", "orders")
    db.sql("TRUNCATE orders, customers")
    db.sql("INSERT INTO customers VALUES (1, 'again', NULL)")
    once(leat, db, target, TOPICS, **more)
    same(db, target, "customers", "orders")


# ---- rows that the target refuses


POISON = """
    CREATE TABLE t (id int PRIMARY KEY, a int, b varchar(5), c int REFERENCES p);
    ALTER TABLE t ADD CHECK (a < 100)
"""


def dead(leat):
    lines = leat.call("dead-letters", "pump", "list", "--json").stdout.splitlines()
    return sorted(json.loads(line)["code"] for line in lines)


def test_poison(db, leat, copy):
    """Rows that the target never takes go to the dead letters, each with its reason; the rest is
    written, in order."""
    db.sql("CREATE TABLE p (id int PRIMARY KEY)")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int)")
    copy.sql("CREATE TABLE p (id int PRIMARY KEY)")
    copy.sql(POISON)
    db.sql("INSERT INTO p VALUES (1), (2)")
    db.sql("INSERT INTO t SELECT g, 1, 'ok', 1 FROM generate_series(1, 500) g")
    topics = ["shop.public.p", "shop.public.t"]
    once(leat, db, copy, topics, errors_tolerance="all")
    same(db, copy, "p", "t")
    db.sql("INSERT INTO t VALUES (1001, 5, 'much too long', 1)")
    db.sql("INSERT INTO t VALUES (1002, 5, 'ok', 99)")
    db.sql("INSERT INTO t VALUES (1003, 500, 'ok', 2)")
    db.sql("INSERT INTO t SELECT g, 2, 'ok', 2 FROM generate_series(2001, 2100) g")
    db.sql("UPDATE t SET a = 7 WHERE id = 2001")
    db.sql("DELETE FROM t WHERE id = 2002")
    once(leat, db, copy, topics, errors_tolerance="all")
    wanted = db.sql("SELECT * FROM t WHERE id NOT IN (1001, 1002, 1003) ORDER BY id")
    assert copy.rows("t") == wanted
    assert dead(leat) == ["sql.check", "sql.foreign_key", "sql.too_long"]
    assert leat.json("status", "pump", ok=(0, 1))["counts"]["dead"] == 3


def test_many_rows(db, leat, copy):
    """Rows that are copied: keys that come again and again, identities, partitions, rows
    that the target refuses amid them, a column that comes."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text, n int)")
    db.sql("CREATE TABLE p (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text UNIQUE,"
             " n int CHECK (n >= 0))")
    copy.sql("CREATE TABLE p (id int PRIMARY KEY, a text) PARTITION BY RANGE (id)")
    copy.sql("CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5000)")
    topics = [f"shop.public.{t}" for t in ("t", "p")]
    db.sql("INSERT INTO t SELECT g, 'x' || g, g FROM generate_series(1, 3000) g")
    db.sql("INSERT INTO p SELECT g, E'\\\\ \\t\\n\\r' || g FROM generate_series(1, 3000) g")
    once(leat, db, copy, topics, errors_tolerance="all")
    same(db, copy, "t", "p")
    with db.connect(autocommit=False) as c:
        for i in range(5):  # an upsert each, of the same keys
            c.execute("DELETE FROM t WHERE id <= 200")
            c.execute("INSERT INTO t SELECT g, %s || g, g FROM generate_series(1, 200) g",
                      (f"{i}-",))
            c.execute("UPDATE t SET n = n + 1 WHERE id <= 200")
        c.execute("INSERT INTO t SELECT g, 'y' || g, CASE WHEN g %% 500 = 0 THEN -1 ELSE g END"
                  " FROM generate_series(4001, 6000) g", ())
        c.execute("INSERT INTO p SELECT g, 'y' FROM generate_series(4901, 5100) g")
        c.execute("ALTER TABLE t ADD COLUMN late int")
        c.execute("INSERT INTO t SELECT g, 'z' || g, g, g FROM generate_series(7001, 7500) g")
        c.commit()
    once(leat, db, copy, topics, errors_tolerance="all")
    assert dead(leat) == ["sql.check"] * (4 + 101)  # a row without a partition is one, too
    rows = "SELECT id, a, n, late FROM t{} ORDER BY id"
    assert copy.sql(rows.format("")) == db.sql(rows.format(" WHERE n >= 0"))
    assert copy.rows("p") == db.sql("SELECT * FROM p WHERE id < 5000 ORDER BY id")


NOTE = """
CREATE TABLE how (query text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN INSERT INTO how VALUES (tg_op || ' ' || current_query()); RETURN NULL; END$$;
"""
NOTES = NOTE + "CREATE TRIGGER n AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note();"


def how(copy):
    """What statements wrote the table since this was asked last: "COPY" into it, or "INSERT"."""
    rows = copy.sql("DELETE FROM how RETURNING query")
    assert all(query.startswith("INSERT ") for query, in rows)
    return {"COPY" if "COPY " in query else "INSERT" for query, in rows}


def test_upserts_of_new_rows(db, leat, copy):
    """Rows that the source has new are copied into the table itself, and merged where it has some
    of them; what changes rows is merged at once."""
    db.sql("CREATE TABLE t (id int, part int, a text, PRIMARY KEY (id, part))")
    copy.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, a text, part int,"
             " twice text GENERATED ALWAYS AS (a || a) STORED, PRIMARY KEY (part, id))"
             " PARTITION BY LIST (part);"
             "CREATE TABLE t0 PARTITION OF t FOR VALUES IN (0);"
             "CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);" + NOTES)
    rows = "SELECT id, part, a{} FROM t ORDER BY 1, 2"

    def then(*statements):
        for statement in statements:
            db.sql(statement)
        once(leat, db, copy, ["shop.public.t"])
        assert copy.sql(rows.format("")) == db.sql(rows.format(""))
        return how(copy)

    fill = "INSERT INTO t SELECT g, g % 2, 'x' || g FROM generate_series({}, {}) g"
    assert then(fill.format(1, 2000)) == {"COPY"}
    copy.sql("INSERT INTO t (id, part, a) OVERRIDING SYSTEM VALUE SELECT g, g % 2, 'old'"
             " FROM generate_series(2500, 3500) g; DELETE FROM how")
    assert then(fill.format(2001, 4000)) == {"INSERT"}
    assert then(fill.format(4001, 4500)) == {"COPY"}
    assert then("UPDATE t SET a = a || 'y' WHERE id % 3 = 0") == {"INSERT"}
    assert then("BEGIN; DELETE FROM t WHERE id > 2000;" + fill.format(2001, 3000) + "; COMMIT",
                "DELETE FROM t WHERE id <= 2000", fill.format(1, 500)) == {"COPY"}


def test_a_trigger_of_updates_sees_upserts(db, leat, copy):
    """INSERT ... ON CONFLICT DO UPDATE fires such a trigger for each statement."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text);" + NOTE +
             "CREATE TRIGGER u AFTER UPDATE ON t FOR EACH STATEMENT EXECUTE FUNCTION note()")
    db.sql("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 500) g")
    once(leat, db, copy, ["shop.public.t"])
    same(db, copy, "t")
    assert copy.sql("SELECT count(*) > 0 FROM how WHERE query LIKE 'UPDATE %'") == [(True,)]


@pytest.mark.parametrize("kind", ["none", "part", "deferrable", "other"])
def test_upserts_without_a_unique_key(db, leat, copy, kind):
    """Rows that are new are refused by a table that could not take them as upserts."""
    uniques = {"none": "", "part": "CREATE UNIQUE INDEX i ON t (id) WHERE id > 0",
               "deferrable": "ALTER TABLE t ADD UNIQUE (id) DEFERRABLE INITIALLY DEFERRED",
               "other": "CREATE UNIQUE INDEX i ON t (id, a)"}
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int NOT NULL, a text);" + uniques[kind])
    db.sql("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 500) g")
    once(leat, db, copy, ["shop.public.t"], ok=1)
    assert copy.rows("t") == []
    if kind != "deferrable":
        assert "sql.no_unique" in leat.stderr


def test_upserts_by_a_role_of_few_rights(db, leat, copy, postgres):
    """A role that may not update, and one whom row security bounds, get what single statements
    would."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text);" + NOTES)
    role = copy.db.name
    copy.sql(f"CREATE ROLE {role} LOGIN; GRANT ALL ON SCHEMA public TO {role};"
             f"GRANT SELECT, INSERT ON t TO {role}; GRANT ALL ON how TO {role}")
    try:
        db.sql("INSERT INTO t SELECT g, 'x' FROM generate_series(1, 500) g")
        once(leat, db, copy, ["shop.public.t"], ok=1, connection_username=role)
        assert copy.rows("t") == [] and "permission denied" in leat.stderr
        copy.sql(f"GRANT UPDATE ON t TO {role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
                 f"CREATE POLICY p ON t TO {role} USING (true) WITH CHECK (true)")
        once(leat, db, copy, ["shop.public.t"], connection_username=role)
        same(db, copy, "t")
        assert how(copy) == {"INSERT"}
    finally:
        copy.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_copies_after_a_row_was_refused(db, leat, copy):
    """A row that is refused between two runs of rows that are copied, all in one transaction: the
    second run is copied, too. A trigger counts the statements."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    db.sql("CREATE TABLE p (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE p (id int PRIMARY KEY CHECK (id < 10), a text)")
    copy.sql("CREATE SEQUENCE statements")
    copy.sql("CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS"
             " $$BEGIN PERFORM nextval('statements'); RETURN NULL; END$$")
    copy.sql("CREATE TRIGGER n AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION note()")
    topics = ["shop.public.t", "shop.public.p"]
    db.sql("INSERT INTO p VALUES (1, 'ok')")
    db.sql("INSERT INTO t VALUES (1, 'ok')")
    once(leat, db, copy, topics, errors_tolerance="all")
    with db.connect(autocommit=False) as c:
        c.execute("INSERT INTO t SELECT g, 'x' FROM generate_series(101, 200) g")
        c.execute("INSERT INTO p VALUES (10, 'refused')")
        c.execute("INSERT INTO t SELECT g, 'x' FROM generate_series(201, 400) g")
        c.commit()
    once(leat, db, copy, topics, errors_tolerance="all")
    same(db, copy, "t")
    assert dead(leat) == ["sql.check"]
    assert copy.sql("SELECT last_value FROM statements")[0][0] < 10, "rows came one by one"


def test_a_text_that_copy_cannot_send(binlog, leat, copy):
    """A NUL character among rows that are copied costs its own row, and no other."""
    binlog.sql("CREATE TABLE o (id INT PRIMARY KEY, note VARCHAR(9));"
               "INSERT INTO o WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
               " i < 300) SELECT i, IF(i = 150, 'a\\0b', 'ok') FROM n", "shop")
    more = {"errors_tolerance": "all", "errors_max_retries": "2"}
    leat.run("--once", leat.write("shop.properties", binlog.properties(snapshot__mode="initial")),
             leat.write("pump.properties", sink(copy, ["shop.shop.o"], **more)))
    assert leat.wait(120) == 0, leat.stderr[-3000:]
    assert [row[0] for row in copy.rows("o", "id")] == [i for i in range(1, 301) if i != 150]
    assert dead(leat) == ["sql.text"]


FULL = """
#define _GNU_SOURCE
#include <dlfcn.h>
int PQputCopyData(void *conn, const char *p, int n)
{
    static int calls;
    int (*real)(void *, const char *, int) = (int (*)(void *, const char *, int))
        dlsym(RTLD_NEXT, "PQputCopyData");
    return calls++ == 0 ? 0 : real(conn, p, n);
}
"""


def test_a_piece_that_is_not_taken(db, leat, copy, tmp_path):
    """libpq has no room for rows that are copied, and says so by a 0: nothing is committed without
    them."""
    (tmp_path / "full.c").write_text(FULL, encoding="utf-8")
    full = str(tmp_path / "full.so")
    if "build-san" in leat.binary:
        pytest.skip("the sanitizers' library has to be loaded first")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", full, tmp_path / "full.c"], check=True)
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    db.sql("INSERT INTO t SELECT g, 'ok' FROM generate_series(1, 200) g")
    leat.run("--once", leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, ["shop.public.t"])), env={"LD_PRELOAD": full})
    assert leat.wait(120) == 0, leat.stderr[-3000:]
    assert "retry_in_ms" in leat.stderr
    same(db, copy, "t")


def test_rows_into_a_view(db, leat, copy):
    """What takes rows and no COPY gets them one by one."""
    db.sql("CREATE TABLE v (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE base (id int PRIMARY KEY, a text)")
    copy.sql("CREATE VIEW v AS SELECT * FROM base WHERE a <> ''")
    copy.sql("CREATE RULE r AS ON INSERT TO v DO INSTEAD INSERT INTO base VALUES (new.id, new.a)")
    db.sql("INSERT INTO v SELECT g, 'x' || g FROM generate_series(1, 1000) g")
    once(leat, db, copy, ["shop.public.v"], insert_mode="insert")
    assert copy.rows("base") == db.sql("SELECT * FROM v ORDER BY id")


def test_sinks_that_begin_at_once(db, leat, target):
    """Each finds no table of cursors, and all but one find it there when they make it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    files = [leat.write(f"s{i}.properties",
                        sink(target, ["shop.public.t"], table_name_format=f"t{i}")
                        | {"name": f"s{i}"}) for i in range(12)]
    files.append(leat.write("shop.properties", db.properties(name="shop")))
    leat.run("--once", *files)
    assert leat.wait(120) == 0, leat.stderr[-3000:]
    for i in range(12):
        assert [str(v) for v in target.rows(f"t{i}")[0]] == ["1"]


def test_poison_stops(db, leat, copy):
    """Without errors.tolerance=all the sink stops at such a row, and names it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a varchar(3))")
    db.sql("INSERT INTO t VALUES (1, 'ok'), (2, 'long'), (3, 'ok')")
    once(leat, db, copy, ["shop.public.t"], ok=1)
    assert "sql.too_long" in leat.stderr and "shop.public.t offset 1" in leat.stderr
    assert copy.rows("t") == []


def test_target_away(db, leat, copy, postgres):
    """A table that is locked, and sessions that are ended, are waited for."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    db.sql("INSERT INTO t VALUES (1, 'ok')")
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties",
                        sink(copy, ["shop.public.t"], query_timeout_ms="1s")))
    until(lambda: leat.alive() or _there(copy) == [(1,)], 60, "the first row")
    with copy.db.connect(autocommit=False) as c:
        c.execute("LOCK TABLE t")
        db.sql("INSERT INTO t VALUES (2, 'ok')")
        until(lambda: "RETRYING" in json.dumps(leat.told("pump")), 60, "a retry")
        c.rollback()
    until(lambda: leat.alive() or _there(copy) == [(1,), (2,)], 60, "the second row")
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                 copy.db.name)
    db.sql("INSERT INTO t VALUES (3, 'ok')")
    until(lambda: leat.alive() or _there(copy) == [(1,), (2,), (3,)], 60, "the third row")


def _there(target):
    try:
        return target.rows("t", "id")
    except psycopg.Error:  # the table is not there yet
        return None


@pytest.mark.parametrize("option, value, said", [
    ("table.name.format", "${source.tabel}", "table.name.format: has ${source.tabel}"),
    ("table.name.format", "copy_${topic", "table.name.format: has no }"),
    ("dialect.name", "nope", "dialect.name: there is no dialect nope"),
    ("dialect.name", "MySqlDatabaseDialect", "connection.url says, which is of sqlite"),
])
def test_wrong_options(leat, tmp_path, option, value, said):
    config = sink(SqliteTarget(tmp_path), ["shop.public.t"]) | {option: value}
    wrong = leat.call("check", leat.write("pump.properties", config), ok=(2,))
    assert said in wrong.stderr


@pytest.mark.parametrize("name", ["pk.mode", "primary.key.mode"])
def test_debezium_s_class_takes_both_names_of_the_key(leat, tmp_path, name):
    config = sink(SqliteTarget(tmp_path), ["shop.public.t"]) | {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector", "insert.mode": "upsert",
        name: "record_key"}
    leat.call("check", leat.write("pump.properties", config))


@pytest.mark.parametrize("mode", ["record_key", "record_value"])
def test_a_key_that_is_not_there(db, leat, copy, mode):
    """Rows are not found by a part of the key that is named: others would be written over."""
    db.sql("CREATE TABLE t (id int, part int, a text, PRIMARY KEY (id, part))")
    db.sql("INSERT INTO t VALUES (1, 1, 'one'), (1, 2, 'two')")
    once(leat, db, copy, ["shop.public.t"], primary_key_mode=mode, primary_key_fields="id,prt",
         errors_tolerance="all")
    assert dead(leat) == ["sql.no_key", "sql.no_key"]
    said = leat.call("dead-letters", "pump", "list", "--json").stdout
    assert "primary.key.fields names prt" in said

"""Tables of a relational target that others change while a sink writes to them, and tables that it
may not make or change."""

import json

import pytest
from servers.process import until
from target import PostgresTarget, sink
from test_sink_sql import make_target

CURSORS = """
    CREATE TABLE leat_cursors (sink VARCHAR(255) NOT NULL, source VARCHAR(255) NOT NULL,
                               owner VARCHAR(64), position TEXT, PRIMARY KEY (sink, source))
"""

@pytest.fixture(params=["postgresql", "sqlite", "mysql", "mariadb"])
def target(request):
    one = make_target(request, request.param)
    yield one
    one.drop()


def begin(db, leat, target, *tables, **more):
    """Source and sink run."""
    for table in tables:
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, a text)")
        db.sql(f"INSERT INTO {table} VALUES (1, 'first')")
    topics = [f"shop.public.{table}" for table in tables]
    more = {"errors_tolerance": "all", **more}
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(target, topics, **more)))


def has(leat, target, table, *rows):
    """Waits for these rows of id and a."""
    want = [tuple(map(str, row)) for row in rows]

    def there():
        leat.alive()
        try:
            got = target.rows(table, "id, a")
        except Exception:  # the table is not there
            return False
        return [tuple(map(str, row)) for row in got] == want

    until(there, 60, f"{rows} in {table}")


def codes(leat):
    lines = leat.call("dead-letters", "pump", "list", "--json").stdout.splitlines()
    return [json.loads(line)["code"] for line in lines]


def test_tables_that_others_change(db, leat, target):
    """A column, then a table is dropped under the sink: both are made again, no row is refused."""
    begin(db, leat, target, "t", "u")
    has(leat, target, "t", (1, "first"))
    has(leat, target, "u", (1, "first"))
    target.sql("ALTER TABLE t DROP COLUMN a")
    db.sql("INSERT INTO t VALUES (2, 'second')")
    has(leat, target, "t", (1, None), (2, "second"))
    target.sql("DROP TABLE u")
    db.sql("INSERT INTO u VALUES (2, 'second')")
    has(leat, target, "u", (2, "second"))
    assert codes(leat) == []
    assert leat.status("pump")["state"] == "RUNNING"


def test_a_column_that_gets_another_type(db, leat, postgres):
    """Statements that were prepared for the type before are prepared anew."""
    copy = PostgresTarget(postgres)
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    begin(db, leat, copy, "t")
    has(leat, copy, "t", (1, "first"))
    copy.sql("UPDATE t SET a = '1'")
    copy.sql("ALTER TABLE t ALTER a TYPE int USING a::int")
    db.sql("INSERT INTO t VALUES (2, '2')")
    has(leat, copy, "t", (1, 1), (2, 2))
    assert codes(leat) == []
    copy.drop()


def poor(target):
    """A user who writes rows, and neither makes nor changes tables; its URL, and what it lacks."""
    if isinstance(target, PostgresTarget):
        name = f"poor_{target.db.name}"
        for statement in (f"CREATE ROLE {name} LOGIN", f"GRANT ALL ON t, leat_cursors TO {name}"):
            target.sql(statement)
        owner = f"ALTER TABLE t OWNER TO {name}"
        return (target.url.replace(f"user={target.db.server.user}", f"user={name}"),
                [f"GRANT CREATE ON SCHEMA public TO {name}", owner],
                [f"REASSIGN OWNED BY {name} TO postgres", f"DROP OWNED BY {name}",
                 f"DROP ROLE {name}"])
    target.sql("DROP USER IF EXISTS poor; CREATE USER poor;"
               " GRANT SELECT, INSERT, UPDATE, DELETE ON copy.* TO poor")
    return (target.url.replace("user=root", "user=poor"), ["GRANT CREATE, ALTER ON copy.* TO poor"],
            ["DROP USER poor"])


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mariadb"])
def test_what_it_may_not_make(request, db, leat, kind):
    """Rows of a table that the target refuses to make, or to add a column to, are dead letters; the
    rest is written. Once it may, they are written by a retry, and later ones by themselves."""
    target = make_target(request, kind)
    bin_ = " COLLATE utf8mb4_bin" if kind != "postgresql" else ""
    target.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    target.sql(CURSORS + bin_)
    url, grants, undo = poor(target)
    begin(db, leat, target, "t", "u", connection_url=url)
    has(leat, target, "t", (1, "first"))
    until(lambda: codes(leat) == ["sql.table_missing"], 60, "the row of u")
    db.sql("ALTER TABLE t ADD b int")
    db.sql("INSERT INTO t VALUES (2, 'second', 2)")
    db.sql("UPDATE u SET a = 'later' WHERE id = 1")
    db.sql("INSERT INTO u VALUES (2, 'second')")
    want = ["sql.table_missing", "sql.column_missing", "sink.waits", "sql.table_missing"]
    until(lambda: codes(leat) == want, 60, "the others")
    said = leat.call("dead-letters", "pump", "list", "--json").stdout
    assert "refuses to make it" in said and "refuses to add it" in said
    for grant in grants:
        target.sql(grant)
    keys = iter(range(3, 100))

    def looks_again():
        db.sql(f"INSERT INTO t VALUES ({next(keys)}, 'more', 3)")
        return len(target.rows("t", "id")) > 1

    if kind == "postgresql":  # a session of the others has the rights that it began with
        until(looks_again, 60, "a row of t without a retry", every=1)
    leat.call("dead-letters", "pump", "retry", "--all")
    more = [(key, "more") for key in range(3, next(keys))]
    has(leat, target, "t", (1, "first"), (2, "second"), *more)
    has(leat, target, "u", (1, "later"), (2, "second"))
    assert codes(leat) == []
    assert leat.stop() == 0
    for statement in undo:
        target.sql(statement)
    target.drop()


def test_what_it_may_not_make_stops(db, leat, postgres):
    """Without errors.tolerance=all the sink stops there, and says what the server said."""
    copy = PostgresTarget(postgres)
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql(CURSORS)
    url, _, undo = poor(copy)
    begin(db, leat, copy, "u", connection_url=url, errors_tolerance="none")
    until(lambda: leat.told("pump").get("state") == "FAILED", 60, "its end")
    error = leat.told("pump")["error"]
    assert error["code"] == "sql.table_missing"
    assert "permission denied" in error["message"] and "offset 0" in error["message"]
    leat.kill()
    for statement in undo:
        copy.sql(statement)
    copy.drop()


def test_a_trigger_that_looks_for_a_table(db, leat, postgres):
    """Of many rows that go together those whose trigger names a table that is not there are
    refused, not all tried for ever."""
    copy = PostgresTarget(postgres)
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a text)")
    copy.sql("""CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  IF NEW.id % 90 = 0 THEN INSERT INTO gone VALUES (NEW.id); END IF;
                  RETURN NEW;
                END $$""")
    copy.sql("CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()")
    begin(db, leat, copy, "t")
    has(leat, copy, "t", (1, "first"))
    db.sql("INSERT INTO t SELECT n, 'more' FROM generate_series(2, 200) n")
    until(lambda: codes(leat) == ["sql.table_missing"] * 2, 60, "the two rows")
    until(lambda: len(copy.rows("t", "id")) == 198, 60, "the others")
    copy.drop()


def test_a_column_that_was_added_to_the_target_first(db, leat, target):
    """By hand, before the source has it: with options that add none it is taken all the same."""
    begin(db, leat, target, "t", schema_evolution="none", auto_create="true")
    has(leat, target, "t", (1, "first"))
    target.sql("ALTER TABLE t ADD COLUMN b int")
    db.sql("ALTER TABLE t ADD COLUMN b int")
    db.sql("INSERT INTO t VALUES (2, 'second', 3)")
    has(leat, target, "t", (1, "first"), (2, "second"))
    assert [str(row[0]) for row in target.rows("t", "b", "id")][-1] == "3"
    assert codes(leat) == []


def test_domains_over_domains(db, leat, postgres):
    """A cell is written as the type at the bottom reads it."""
    copy = PostgresTarget(postgres)
    copy.sql("CREATE DOMAIN flag AS bit(1)")
    copy.sql("CREATE DOMAIN sure AS flag")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a sure)")
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a boolean)")
    db.sql("INSERT INTO t VALUES (1, true), (2, false)")
    leat.run(leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, ["shop.public.t"])))
    has(leat, copy, "t", (1, "1"), (2, "0"))
    copy.drop()

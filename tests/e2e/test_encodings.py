"""Databases that are not in UTF-8: names and values are shown as they are meant, by snapshot and
stream alike; what has no meaning is told."""

import json

import pytest

# encoding -> (table, column, value): what it can say
TEXTS = {
    "LATIN1": ("t\u00fc", "\u00e9", "\u00e4\u00df\u00ff"),
    "EUC_JP": ("\u8868", "\u5217", "\u65e5\u672c\u8a9e\uff76\uff85"),
    "WIN1251": ("\u0442", "\u0436", "\u041f\u0440\u0438\u0432\u0435\u0442"),
    "SQL_ASCII": ("t\u00fc", "\u00e9", "\u00e4\u65e5\U0001f600"),
}


@pytest.fixture
def made(db):
    """made(encoding): (name, its configuration), of a database that goes at the end."""
    names = []

    def make(encoding):
        name = f"{db.name}_{encoding.lower()}"
        names.append(name)
        db.sql(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        own = {"database.dbname": name, "slot.name": name, "publication.name": name}
        return name, db.properties(name="shop") | own

    yield make
    for name in names:
        db.server.drop_slots(name)
        db.sql(f"DROP DATABASE {name} WITH (FORCE)" if db.server.version >= 13 else
               f"DROP DATABASE {name}")


@pytest.mark.parametrize("encoding", TEXTS)
def test_what_it_says_is_shown(db, leat, made, encoding):
    table, column, value = TEXTS[encoding]
    name, props = made(encoding)
    sides = {"SQL_ASCII": "SQL_ASCII"}
    with db.server.connect(name, client_encoding=sides.get(encoding, "UTF8")) as c:
        for statement in (
            f"CREATE TYPE mood AS ENUM ('{value}')",
            f'CREATE TABLE "{table}" (id int PRIMARY KEY, "{column}" text, a text[], m mood,'
            f" d varchar(20) DEFAULT '{value}')",
            f"INSERT INTO \"{table}\" VALUES (1, '{value}', ARRAY['{value}', NULL], '{value}')",
        ):
            c.execute(statement.encode())
        file = leat.write("shop.properties", props | {"table.include.list": "public\\..*"})
        leat.call("run", "--once", file)
        c.execute(f'UPDATE "{table}" SET id = 2'.encode())
    leat.call("run", "--once", file)
    (topic,) = [t["topic"] for t in leat.topics()]
    rows = [r["value"]["after"] for r in leat.read(topic) if r["value"] and r["value"]["after"]]
    wanted = {column: value, "a": [value, None], "m": value, "d": value}
    assert rows == [{"id": 1, **wanted}, {"id": 2, **wanted}]


def test_bytes_that_are_no_text(db, leat, made):
    """A SQL_ASCII database keeps any bytes: a change with such a text is a dead letter with its
    bytes, in a snapshot and in the stream; all others go on."""
    name, props = made("SQL_ASCII")
    file = leat.write("shop.properties", props | {"binary.handling.mode": "hex"})
    latin = "E'M\\374ller'"  # one byte for the letter
    with db.server.connect(name, client_encoding="SQL_ASCII") as c:

        def run(*statements):
            for statement in statements:
                c.execute(statement.encode())

        run("CREATE TABLE t (id int PRIMARY KEY, v text, a varchar(9)[], b bytea, j jsonb)",
            "ALTER TABLE t REPLICA IDENTITY FULL",
            "CREATE TABLE k (v text PRIMARY KEY)",
            "INSERT INTO t VALUES (1, 'good', NULL, '\\xfc', '\"\u00fc\"')",
            f"INSERT INTO t VALUES (2, {latin})",
            f"INSERT INTO t VALUES (3, '', ARRAY[{latin}])",
            f"INSERT INTO k SELECT {latin} || i FROM generate_series(1, 300) i",
            "INSERT INTO k VALUES ('good')")
        leat.call("run", "--once", file)
        run(f"INSERT INTO t VALUES (4, {latin}), (5, 'M\u00fcller')",
            "UPDATE t SET v = 'mended' WHERE id = 4",
            "UPDATE t SET v = 'again' WHERE id = 4",
            "DELETE FROM k WHERE v LIKE '%ller7'",
            f"SELECT pg_logical_emit_message(true, {latin}, 'hello')")
        leat.call("run", "--once", file)
    after = [(r["value"]["op"], r["value"]["after"]) for r in leat.read("shop.public.t")]
    assert [(op, row["id"], row["v"]) for op, row in after] == [
        ("r", 1, "good"), ("c", 5, "M\u00fcller"), ("u", 4, "again")]
    assert (after[0][1]["b"], after[0][1]["j"]) == ("fc", '"\u00fc"')
    assert [r["key"]["v"] for r in leat.read("shop.public.k")] == ["good"]
    lines = leat.call("dead-letters", "shop", "list", "--json").stdout.splitlines()
    letters = [json.loads(line) for line in lines]
    assert {letter["code"] for letter in letters} == {"postgres.encoding"}
    assert len(letters) == 2 + 300 + 4, "two rows of t, those of k; then two, a key and a message"
    streamed = letters[-4]["id"]
    assert "4dfc6c6c6572" in leat.call("dead-letters", "shop", "show", streamed).stdout
    assert "encoding" in leat.call("check", file).stdout


def test_a_name_that_is_no_text(db, leat, made):
    """No event can have it: refused, with its bytes."""
    name, props = made("SQL_ASCII")
    file = leat.write("shop.properties", props)
    with db.server.connect(name, client_encoding="SQL_ASCII") as c:
        c.execute("CREATE TABLE t (id int PRIMARY KEY)")
        leat.call("run", "--once", file)
        c.execute("DO $$ BEGIN EXECUTE 'ALTER TABLE t ADD ' || quote_ident(E'\\374') || ' int';"
                  " END $$")
        c.execute("INSERT INTO t VALUES (1)")
        said = leat.call("run", "--once", file, ok=(1,)).stderr
        assert "postgres.encoding" in said and "fc (hexadecimal)" in said
        c.execute("DO $$ BEGIN EXECUTE 'ALTER TABLE t RENAME ' || quote_ident(E'\\374')"
                  " || ' TO u'; END $$")

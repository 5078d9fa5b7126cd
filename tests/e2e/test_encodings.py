"""Databases that are not in UTF-8: names and values are shown as they are meant, by snapshot and
stream alike; what has no meaning is told."""

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

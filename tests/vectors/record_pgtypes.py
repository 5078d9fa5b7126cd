#!/usr/bin/env python3
"""Records what the server sends for the cases of pgtypes: catalog rows and values in text form.

    record_pgtypes.py HOST PORT USER [CASE...]

The cases are those of tests/golden/postgres about types and defaults, and pgtypes/more_*.sql (with
records of a real Debezium 3.6 beside them, more_*.schema.jsonl: schema and payload of "after").
Those of extensions (pgvector, postgis) are recorded when they are named: the server must have them.
Their SQL runs here with the session settings of leat; pgtypes/CASE.texts.json keeps for each record
the table's columns (where they changed) and the row's texts, which the parsers under test turn into
what Debezium made of the same rows.
"""

import glob
import json
import os
import re
import struct
import sys

from record_pgoutput import Server

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(os.path.dirname(HERE), "golden", "postgres")
OUT = os.path.join(HERE, "pgtypes")
SRC = os.path.join(os.path.dirname(os.path.dirname(HERE)), "src/system/postgres")

COLUMNS = """SELECT a.attname, a.atttypid, a.atttypmod, a.attndims, a.attnotnull,
    a.attgenerated <> '', pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = '{}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""


def literals(path, after):
    """The C string literals that follow a text, joined, up to the semicolon."""
    with open(path, encoding="utf-8") as f:
        text = f.read().split(after, 1)[1]
    return "".join(re.findall(r'"([^"]*)"', re.match(r'[\s\\]*(?:"[^"]*"[\s\\]*)+', text)[0]))


def cells(body):
    """The columns of a DataRow message."""
    (n,) = struct.unpack_from("!h", body)
    at, out = 2, []
    for _ in range(n):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        out.append(None if size < 0 else body[at : at + size].decode())
        at += max(size, 0)
    return out


class Recorder:
    def __init__(self, where):
        settings = literals(os.path.join(SRC, "types.h"), "#define LEAT_PG_SESSION")
        self.db = Server(*where, "leat_vectors", options=settings)
        self.columns = {}
        self.events = []

    def rows(self, sql):
        self.db.send(sql)
        return [cells(body) for body in self.db.until(b"Z")]

    def add(self, table, rows):
        columns = self.rows(COLUMNS.format(table))
        for row in rows:
            event = {"table": table, "row": row}
            if self.columns.get(table) != columns:
                event["columns"] = self.columns[table] = columns
            self.events.append(event)

    def run(self, setup, stream):
        self.rows(setup)
        tables = "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = "
        tables += "'public'::regnamespace AND relname <> 'spatial_ref_sys' ORDER BY oid"
        for (table,) in self.rows(tables):
            self.add(table, self.rows(f"SELECT * FROM {table}"))
        for statement in stream.split(";\n"):
            statement = statement.strip().rstrip(";")
            m = re.match(r"(?:insert into|update) (\w+)", statement)
            rows = self.rows(statement + (" returning *" if m else ""))
            if m:
                self.add(m[1], rows)

    def types(self):
        """The catalog's rows of the types used, and of those they are made of."""
        sql = literals(os.path.join(SRC, "types.c"), "const char leat_pg_types_sql[] =")
        rows = {row[0]: row for row in self.rows(sql)}
        used = [c[1] for e in self.events for c in e.get("columns", ())]
        for oid in used:  # grows as it goes
            used += [x for x in rows[oid][5:7] if x != "0" and x in rows and x not in used]
        return [rows[oid] for oid in sorted(set(used), key=int)]


def record(where, path):
    name = os.path.basename(path)[:-4]
    admin = Server(*where, "postgres")
    admin.sql("drop database if exists leat_vectors (force)")
    admin.sql("create database leat_vectors")
    with open(path, encoding="utf-8") as f:
        setup, _, stream = f.read().partition("-- stream")
    recorder = Recorder(where)
    for extension in ("hstore", "citext", "ltree"):
        if re.search(rf"\b{extension}\b", setup + stream):
            recorder.rows(f"create extension if not exists {extension}")
    setup = re.sub(r"create extension (\w+)", r"create extension if not exists \1", setup)
    recorder.run(setup.split("\n", 1)[1], stream.split("\n", 1)[1])
    with open(os.path.join(OUT, name + ".texts.json"), "w", encoding="utf-8") as f:
        types = ",\n  ".join(json.dumps(t, ensure_ascii=False) for t in recorder.types())
        events = ",\n  ".join(json.dumps(e, ensure_ascii=False) for e in recorder.events)
        f.write(f'{{"types": [{types}],\n "events": [{events}]}}\n')
    print(f"{name}: {len(recorder.events)} rows")


def main():
    host, port, user, *cases = sys.argv[1:]
    paths = [os.path.join(GOLDEN, f"{case}.sql") for case in cases]
    for pattern in () if cases else ("types_*.sql", "defaults*.sql", "generated_identity.sql"):
        paths += sorted(glob.glob(os.path.join(GOLDEN, pattern)))
    if not cases:
        paths += sorted(glob.glob(os.path.join(OUT, "more_*.sql")))
    for path in paths:
        record((host, int(port), user), path)
    Server(host, int(port), user, "postgres").sql("drop database leat_vectors (force)")


if __name__ == "__main__":
    main()

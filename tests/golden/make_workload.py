#!/usr/bin/env python3
"""Writes postgres/workload.sql: a small workload of tests/e2e/workload.py from a fixed seed, as
SQL that one session runs. make_workload.py HOST PORT USER: a server on which it is run while it
is made.

Left out is what a file of SQL or another run cannot have: COPY, sessions beside each other,
defaults that are random. record.py then records what Debezium makes of it."""

import os
import sys

import psycopg

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

from workload import Workload  # noqa: E402

SEED, ROUNDS, CHANGES = 4711, 4, 45
DB = "leat_workload"


class Session:
    """A connection that writes down what it executes."""

    def __init__(self, conninfo, out):
        self.c = psycopg.connect(conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor)
        self.out = out

    def execute(self, statement, params=None):
        text = self.c.cursor().mogrify(statement, params) if params else statement
        self.out.append(text)
        return self.c.execute(text)

    def close(self):
        self.c.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Database:
    def __init__(self, conninfo):
        self.conninfo, self.out = conninfo, []

    def connect(self, **_):
        return Session(self.conninfo, self.out)

    def sql(self, statement):
        with self.connect() as c:
            c.execute(statement)


class Small(Workload):
    sessions, big = 1, 6

    def copy(self, connection, t, n):
        return self.insert(connection, t, 1 + n % 3)

    def multiply(self, connection, t, most):
        return self.insert(connection, t, 1)

    def default(self, connection, t):
        return self.add(connection, t)


def main():
    host, port, user = sys.argv[1:]
    where = f"host={host} port={port} user={user}"
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {DB} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {DB}")
    db = Database(f"{where} dbname={DB}")
    load = Small(db, SEED)
    setup, db.out[:] = db.out[:], []
    parts = []
    for _ in range(ROUNDS):
        load.round(CHANGES)
        parts.append(db.out[:])
        db.out.clear()
        for change in (load.clear, load.alter):
            change()
            parts.append(db.out[:])
            db.out.clear()
    with psycopg.connect(f"{where} dbname=postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {DB} WITH (FORCE)")
    with open(os.path.join(HERE, "postgres/workload.sql"), "w", encoding="utf-8", newline="") as f:
        f.write("-- setup (before the connector starts; seen by the snapshot)\n")
        f.write(";\n".join(setup) + ";\n-- stream (after the connector is streaming)\n")
        f.write("-- wait until all was read\n".join(";\n".join(p) + ";\n" for p in parts))
    print(f"{load.changes} changes")


if __name__ == "__main__":
    main()

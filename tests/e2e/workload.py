"""A workload made from a seed: random tables of all types, and transactions of every shape.

Inserts, updates, deletes, changes of keys, nulls and extremes of each type, values that stand in
TOAST tables, COPY, truncates, logical messages; transactions that are big, rolled back, prepared,
that have savepoints, and that run beside each other; and, between two rounds, changes of the
tables. What Debezium shows of a table is what the catalog says when it meets the table's next
change: so the tables change only while nothing else runs, and each gets a row at once.
"""

import random

import psycopg
from workload_types import DEFAULTS, PLAIN, SETUP, TYPES, value

KEYS = ("id", "two", "text", "uuid", "none", "full")
# What becomes of a column: its type's successors.
WIDER = {"smallint": "integer", "integer": "bigint", "varchar(20)": "text", "label": "text",
         "real": "double precision", "time(3)": "time", "timestamp(3)": "timestamp"}


class Table:
    def __init__(self, name, key, columns):
        """columns: name -> type, both as SQL has them."""
        self.name, self.key, self.columns = name, key, columns
        self.required = set()  # columns that are NOT NULL
        self.next = 1

    def create(self):
        key = {
            "id": "id bigint PRIMARY KEY",
            "two": "id bigint, other text, PRIMARY KEY (other, id)",
            "text": "id text PRIMARY KEY",
            "uuid": "id uuid PRIMARY KEY",
            "none": "id bigint",
            "full": "id bigint PRIMARY KEY",
        }[self.key]
        columns = "".join(f", {name} {self.declared(name)}" for name in self.columns)
        yield f"CREATE TABLE {self.name} ({key}{columns})"
        if self.key in ("none", "full"):
            yield f"ALTER TABLE {self.name} REPLICA IDENTITY FULL"

    def declared(self, name):
        return self.columns[name] + (" NOT NULL" if name in self.required else "")

    def key_of(self, n):
        return {"text": f"k'{n}", "uuid": f"00000000-0000-4000-8000-{n:012d}"}.get(self.key, n)

    def names(self):
        return ["id", *(["other"] if self.key == "two" else []), *self.columns]

    def row(self, dice):
        n, self.next = self.next, self.next + 1
        other = [f"o{n % 3}"] if self.key == "two" else []
        values = (value(dice, t, name in self.required) for name, t in self.columns.items())
        return [self.key_of(n), *other, *values]


class Workload:
    """Makes its tables in the database's schemas `public` and `other one`; round() after round()
    changes their rows; changes counts those that were committed, about."""

    sessions = 3
    big = 400  # statements of a transaction that is big

    def __init__(self, db, seed, tables=8, types=None):
        self.db, self.dice, self.changes = db, random.Random(seed), 0
        self.types = types or list(TYPES)
        self.made = 0
        self.full = {}  # of a table: a column that has no NULLs any more
        for statement in SETUP:
            db.sql(statement)
        db.sql('CREATE SCHEMA "other one"')
        kinds = self.types[:]
        self.dice.shuffle(kinds)
        self.tables = []
        for i in range(tables):
            some = kinds[i * len(kinds) // tables : (i + 1) * len(kinds) // tables]
            some += self.dice.sample([t for t in PLAIN if t in self.types], 2)
            name = f'"other one"."Tafel {i}"' if i == tables - 1 else f"t{i}"
            self.create(name, KEYS[i % len(KEYS)], some)

    def create(self, name, key, kinds):
        quoted = [f'"c{i} ü.x"' if i == 1 and key == "uuid" else f"c{i}" for i in range(len(kinds))]
        table = Table(name, key, dict(zip(quoted, kinds)))
        table.required |= {c for c, kind in table.columns.items() if TYPES[kind]
                           and self.dice.random() < 0.1}
        for statement in table.create():
            self.db.sql(statement)
        self.tables.append(table)

    def round(self, changes):
        """Transactions that make about so many changes: in sessions whose tables are their own, so
        that none waits for another."""
        end, n = self.changes + changes, self.sessions
        sessions = [self.db.connect(autocommit=True) for _ in range(n)]
        parts = [self.tables[i::n] for i in range(n)]
        running = [None] * n
        while self.changes < end or any(running):
            i = self.dice.randrange(n)
            if running[i] is None and self.changes < end:
                running[i] = self.transaction(sessions[i], parts[i], end - self.changes)
            elif running[i] is not None and next(running[i], "over") == "over":
                running[i] = None
        for session in sessions:
            session.close()

    def transaction(self, connection, tables, most):
        """Yields between its statements."""
        made = 0
        commit = self.dice.random() > 0.1
        size = self.dice.choice((1, 1, 2, 5, 20)) if self.dice.random() < 0.97 else self.big
        connection.execute("BEGIN")
        for _ in range(size):
            try:
                connection.execute("SAVEPOINT s")
                n = self.step(connection, self.dice.choice(tables), most)
            except psycopg.errors.Error:  # a key that is taken, a range that is too wide
                connection.execute("ROLLBACK TO s")
                continue
            if self.dice.random() < 0.1:
                connection.execute("ROLLBACK TO s")
                continue
            made += n
            yield
        if self.dice.random() < 0.03:
            self.made += 1
            connection.execute(f"PREPARE TRANSACTION 'p{self.made}'")
            yield
            connection.execute(f"{'COMMIT' if commit else 'ROLLBACK'} PREPARED 'p{self.made}'")
        else:
            connection.execute("COMMIT" if commit else "ROLLBACK")
        self.changes += made if commit else 0

    def step(self, connection, t, most):
        """One statement; how many rows it changed."""
        what = self.dice.random()
        if what < 0.45:
            return self.insert(connection, t, self.dice.choice((1, 1, 3, 10)))
        if what < 0.50:
            return self.copy(connection, t, self.dice.randrange(1, 200))
        if what < 0.75:
            return self.update(connection, t)
        if what < 0.80 and t.key != "none":
            return self.rename(connection, t)
        if what < 0.93:
            return self.delete(connection, t)
        if what < 0.935:
            connection.execute(f"TRUNCATE {t.name}")
            return 1
        if what < 0.97 and most > 1000:
            return self.multiply(connection, t, min(most, 3000))
        if what < 0.975:
            return self.message(connection)
        return self.insert(connection, t, 2)

    def insert(self, connection, t, n):
        rows = [t.row(self.dice) for _ in range(n)]
        types = ["%s"] * (len(t.names()) - len(t.columns))
        types += [f"%s::text::{kind}" for kind in t.columns.values()]
        values = ",".join(f"({','.join(types)})" for _ in rows)
        flat = [v for row in rows for v in row]
        return connection.execute(
            f"INSERT INTO {t.name} ({','.join(t.names())}) VALUES {values}", flat
        ).rowcount

    def copy(self, connection, t, n):
        with connection.cursor() as cursor:
            with cursor.copy(f"COPY {t.name} ({','.join(t.names())}) FROM STDIN") as copy:
                for _ in range(n):
                    copy.write_row(t.row(self.dice))
        return n

    def some(self, t):
        """A condition that a part of the table's rows meets."""
        if t.key in ("text", "uuid"):
            key = str(t.key_of(self.dice.randrange(1, t.next + 1))).replace("'", "''")
            return f"id = '{key}'"
        part = self.dice.choice((2, 7, 31))
        return f"mod(id, {part}) = {self.dice.randrange(2)} AND id > {t.next - 300}"

    def update(self, connection, t):
        name = self.dice.choice(list(t.columns))
        kind = t.columns[name]
        return connection.execute(
            f"UPDATE {t.name} SET {name} = %s::text::{kind} WHERE {self.some(t)}",
            [value(self.dice, kind, name in t.required)],
        ).rowcount

    def rename(self, connection, t):
        """Changes of keys: a delete and an insert to who reads."""
        at = self.dice.randrange(1, t.next + 1)
        n, t.next = t.next, t.next + 1
        return connection.execute(f"UPDATE {t.name} SET id = %s WHERE id = %s",
                                  [t.key_of(n), t.key_of(at)]).rowcount

    def delete(self, connection, t):
        return connection.execute(f"DELETE FROM {t.name} WHERE {self.some(t)}").rowcount

    def message(self, connection):
        """A logical message, in the transaction or not."""
        content = "m" * self.dice.randrange(50)
        connection.execute("SELECT pg_logical_emit_message(%s, 'leat', %s)",
                           [self.dice.random() < 0.5, content])
        return 1

    def multiply(self, connection, t, most):
        """Many rows by one statement."""
        if t.key not in ("id", "full", "none", "two"):
            return 0
        first, names = t.next, ",".join(t.names()[1:])
        n = connection.execute(
            f"INSERT INTO {t.name} (id, {names}) SELECT {first} + row_number() OVER (), {names}"
            f" FROM (SELECT * FROM {t.name} LIMIT 50) x, generate_series(1, {most // 50})"
        ).rowcount
        t.next += n + 1
        return n

    # ---- changes of tables

    def clear(self):
        """Takes rows away that a column has no room for later. Before alter(), a rest between."""
        with self.db.connect(autocommit=True) as connection:
            for t in self.tables:
                name = self.column(t, PLAIN)
                if name and name not in t.required and self.dice.random() < 0.2:
                    connection.execute(f"DELETE FROM {t.name} WHERE {name} IS NULL")
                    self.full[t] = name

    def alter(self):
        """Each table changes, and gets a row. Nothing else may run meanwhile."""
        with self.db.connect(autocommit=True) as connection:
            for t in self.tables:
                changes = (self.add, self.add, self.default, self.drop, self.call, self.widen,
                           self.require, self.identity)
                change = self.require if t in self.full else self.dice.choice(changes)
                change(connection, t)
                self.changes += self.insert(connection, t, 1)
        self.full.clear()

    def column(self, t, kinds):
        """One of the table's columns whose type is among these; None: it has none."""
        found = [name for name, kind in t.columns.items() if kind in kinds]
        return self.dice.choice(found) if found else None

    def name(self):
        self.made += 1
        return f"n{self.made}"

    def add(self, connection, t):
        name, kind = self.name(), self.dice.choice(self.types)
        connection.execute(f"ALTER TABLE {t.name} ADD COLUMN {name} {kind}")
        t.columns[name] = kind

    def default(self, connection, t):
        """A column whose value all rows have, without being written again."""
        name, kind = self.name(), self.dice.choice([k for k in DEFAULTS if k in self.types])
        connection.execute(
            f"ALTER TABLE {t.name} ADD COLUMN {name} {kind} NOT NULL DEFAULT {DEFAULTS[kind]}"
        )
        t.columns[name] = kind
        t.required.add(name)

    def drop(self, connection, t):
        if len(t.columns) > 3:
            name = self.dice.choice(list(t.columns))
            connection.execute(f"ALTER TABLE {t.name} DROP COLUMN {name}")
            del t.columns[name]
            t.required.discard(name)

    def call(self, connection, t):
        """Another name for a column."""
        old, new = self.dice.choice(list(t.columns)), self.name()
        connection.execute(f"ALTER TABLE {t.name} RENAME COLUMN {old} TO {new}")
        t.columns = {new if name == old else name: kind for name, kind in t.columns.items()}
        if old in t.required:
            t.required.remove(old)
            t.required.add(new)

    def widen(self, connection, t):
        """Another type for a column, which writes the table anew."""
        name = self.column(t, WIDER)
        if name:
            kind = t.columns[name] = WIDER[t.columns[name]]
            connection.execute(f"ALTER TABLE {t.name} ALTER COLUMN {name} TYPE {kind}")

    def require(self, connection, t):
        """NOT NULL where no row has a NULL, or no longer."""
        name = self.full.get(t)
        if name:
            connection.execute(f"ALTER TABLE {t.name} ALTER COLUMN {name} SET NOT NULL")
            t.required.add(name)
        elif t.required:
            name = self.dice.choice(sorted(t.required))
            connection.execute(f"ALTER TABLE {t.name} ALTER COLUMN {name} DROP NOT NULL")
            t.required.remove(name)

    def identity(self, connection, t):
        """What the log has of old rows."""
        if t.key in ("id", "full", "two"):
            what = self.dice.choice(("FULL", "DEFAULT"))
            connection.execute(f"ALTER TABLE {t.name} REPLICA IDENTITY {what}")

    def again(self):
        """One table goes, and another comes under its name. Nothing of the old one may be on its
        way: Debezium asks for the key of the table that has the name now."""
        if self.dice.random() < 0.3:
            old = self.tables.pop(self.dice.randrange(len(self.tables)))
            self.db.sql(f"DROP TABLE {old.name}")
            self.create(old.name, self.dice.choice(KEYS), self.dice.sample(self.types, 6))
            with self.db.connect(autocommit=True) as connection:
                self.changes += self.insert(connection, self.tables[-1], 2)

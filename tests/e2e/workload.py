"""A workload made from a seed: random tables of all types, and transactions of every shape.

Inserts, updates, deletes, changes of keys, nulls and extremes of each type, big transactions,
rolled-back ones, savepoints, truncates, COPY; and, between two rounds, changes of the tables. What
Debezium shows of a table is what the catalog says when it meets the table's next change: so the
tables change only while nothing else runs, and each gets a row at once.
"""

import random

import psycopg

# type -> texts of values, of which a row takes one, or NULL
TYPES = {
    "smallint": ["-32768", "32767", "0"],
    "integer": ["-2147483648", "2147483647", "0", "42"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
    "oid": ["0", "4294967295"],
    "numeric": ["0", "-0.000000000000000000001", "1e50", "123456789012345678901234567890.12345"],
    "numeric(10,2)": ["-99999999.99", "99999999.99", "0.01", "-0.10", "0"],
    "numeric(38,0)": ["99999999999999999999999999999999999999", "-1", "0"],
    "real": ["3.4028235e38", "1e-45", "-0", "NaN", "Infinity", "-Infinity", "0.1", "16777217"],
    "double precision": ["1.7976931348623157e308", "5e-324", "-0", "NaN", "-Infinity", "0.1"],
    "money": ["-92233720368547758.08", "92233720368547758.07", "0.01"],
    "boolean": ["t", "f"],
    "text": ["", " ", "ä€𝄞 \t\n\\\"'", "\x01\x1f\x7f", "x" * 3000, "null", "{}"],
    "varchar(20)": ["", "zwölf Zeichen", "\\N", "\"quoted\""],
    "char(5)": ["", "ab", "abcde"],
    "bytea": ["", "\\x00ff7f80", "\\x" + "ab" * 500],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "json": ['{"b": 1, "a": [1.50, null, "\\u00e4"]}', "null", '"x"', "1e400"],
    "jsonb": ['{"b": 1, "a": [1.50, null]}', "[]", "-0.0"],
    "xml": ["<a>1</a>", "<?xml version=\"1.0\"?><b x='1'/>"],
    "date": ["0001-01-01", "9999-12-31", "1969-12-31", "4713-01-01 BC", "infinity", "-infinity"],
    "time": ["00:00:00", "24:00:00", "23:59:59.999999", "12:00:00.5"],
    "time(3)": ["00:00:00.001", "23:59:59.999"],
    "time with time zone": ["00:00:00+14", "23:59:59.999999-12", "12:30:00.25+05:30"],
    "timestamp": ["0001-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-02-29 12:00:00.5",
                  "9999-12-31 23:59:59.999999", "infinity", "-infinity"],
    "timestamp(3)": ["1970-01-01 00:00:00.001", "2038-01-19 03:14:08.999"],
    "timestamp with time zone": ["0001-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00",
                                 "2024-02-29 12:00:00.5+05:30", "9999-12-31 23:59:59.999999+00"],
    "interval": ["0", "1 year 2 mons 3 days 04:05:06.789", "-178000 years", "-1 mon +1 day"],
    "inet": ["0.0.0.0", "255.255.255.255/8", "::1", "2001:db8::/32"],
    "cidr": ["10.0.0.0/8", "2001:db8::/32"],
    "macaddr": ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(1)": ["0", "1"],
    "bit(9)": ["100000001", "000000000"],
    "bit varying(20)": ["", "1", "10101010101010101010"],
    "point": ["(0,0)", "(-1.5e10,2.25)"],
    "int4range": ["empty", "[1,10)", "(,)", "[5,)"],
    "int8range": ["[-9223372036854775808,0)", "empty"],
    "numrange": ["[0.1,2.50]", "(,1e10)"],
    "tsrange": ["[2024-01-01 00:00:00,2024-01-02 00:00:00.5)", "empty"],
    "tstzrange": ["[2024-01-01 00:00:00+00,)", "empty"],
    "daterange": ["[2024-01-01,2024-02-01)", "(,)"],
    "integer[]": ["{}", "{1,NULL,-2147483648}"],
    "bigint[]": ["{}", "{9223372036854775807}"],
    "text[]": ["{}", '{"a,b","\\"",NULL,""}'],
    "boolean[]": ["{t,f,NULL}"],
    "double precision[]": ["{0.1,NaN,-Infinity}"],
    "numeric(8,3)[]": ["{1.500,-0.001,NULL}"],
    "uuid[]": ["{00000000-0000-0000-0000-000000000001}"],
    "date[]": ["{2024-02-29,1969-12-31}"],
    "mood": ["sad", "ok", "it's \"fine\""],
}
KEYS = ("id", "two", "text", "uuid", "none", "full")
PLAIN = ("integer", "bigint", "text", "boolean", "numeric(10,2)", "timestamp", "uuid")


class Table:
    def __init__(self, name, key, columns):
        self.name, self.key, self.columns = name, key, columns  # columns: name -> type
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
        columns = "".join(f", {name} {kind}" for name, kind in self.columns.items())
        yield f"CREATE TABLE {self.name} ({key}{columns})"
        if self.key in ("none", "full"):
            yield f"ALTER TABLE {self.name} REPLICA IDENTITY FULL"

    def key_of(self, n):
        return {"text": f"k'{n}", "uuid": f"00000000-0000-4000-8000-{n:012d}"}.get(self.key, n)

    def names(self):
        return ["id", *(["other"] if self.key == "two" else []), *self.columns]

    def row(self, dice):
        n, self.next = self.next, self.next + 1
        other = [f"o{n % 3}"] if self.key == "two" else []
        return [self.key_of(n), *other, *(value(dice, kind) for kind in self.columns.values())]


def value(dice, kind):
    if dice.random() < 0.15:
        return None
    if kind in ("integer", "bigint") and dice.random() < 0.5:
        return str(dice.randrange(-(1 << 31), 1 << 31))
    if kind == "text" and dice.random() < 0.5:
        return "".join(chr(dice.randrange(0x20, 0x250)) for _ in range(dice.randrange(30)))
    if kind == "timestamp" and dice.random() < 0.5:
        return f"{dice.randrange(1900, 2100)}-01-01 00:00:00.{dice.randrange(1000000):06d}"
    return dice.choice(TYPES[kind])


class Workload:
    """Makes its tables in the database's schema `public`; round() after round() changes their rows;
    changes counts those that were committed, about."""

    def __init__(self, db, seed, tables=8, types=None):
        self.db, self.dice, self.changes = db, random.Random(seed), 0
        self.types = types or list(TYPES)
        self.made = 0
        db.sql("CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \"fine\"')")
        kinds = self.types[:]
        self.dice.shuffle(kinds)
        self.tables = []
        for i in range(tables):
            some = kinds[i * len(kinds) // tables : (i + 1) * len(kinds) // tables]
            some += self.dice.sample([t for t in PLAIN if t in self.types], 2)
            columns = {f"c{j}": kind for j, kind in enumerate(some)}
            table = Table(f"t{i}", KEYS[i % len(KEYS)], columns)
            for statement in table.create():
                db.sql(statement)
            self.tables.append(table)

    def round(self, changes):
        """Transactions that make about so many changes."""
        end = self.changes + changes
        with self.db.connect(autocommit=True) as connection:
            while self.changes < end:
                self.transaction(connection, end - self.changes)

    def transaction(self, connection, most):
        made = 0
        commit = self.dice.random() > 0.1
        size = self.dice.choice((1, 1, 2, 5, 20)) if self.dice.random() < 0.97 else 400
        connection.execute("BEGIN")
        for _ in range(size):
            try:
                connection.execute("SAVEPOINT s")
                n = self.step(connection, most)
            except psycopg.errors.Error:  # a key that is taken, a range that is too wide
                connection.execute("ROLLBACK TO s")
                continue
            if self.dice.random() < 0.1:
                connection.execute("ROLLBACK TO s")
                continue
            made += n
        connection.execute("COMMIT" if commit else "ROLLBACK")
        self.changes += made if commit else 0

    def step(self, connection, most):
        """One statement; how many rows it changed."""
        t = self.dice.choice(self.tables)
        what = self.dice.random()
        if what < 0.45:
            return self.insert(connection, t, self.dice.choice((1, 1, 3, 10)))
        if what < 0.50:
            return self.copy(connection, t, self.dice.randrange(1, 200))
        if what < 0.75:
            return self.update(connection, t)
        if what < 0.80 and t.key in ("id", "full", "two"):
            return self.rename(connection, t)
        if what < 0.93:
            return self.delete(connection, t)
        if what < 0.935:
            connection.execute(f"TRUNCATE {t.name}")
            return 1
        if what < 0.97 and most > 1000:
            return self.multiply(connection, t, min(most, 3000))
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
            [value(self.dice, kind)],
        ).rowcount

    def rename(self, connection, t):
        """Changes of keys: a delete and an insert to who reads."""
        at = self.dice.randrange(1, t.next + 1)
        n, t.next = t.next, t.next + 1
        return connection.execute(f"UPDATE {t.name} SET id = {n} WHERE id = {at}").rowcount

    def delete(self, connection, t):
        return connection.execute(f"DELETE FROM {t.name} WHERE {self.some(t)}").rowcount

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

    def alter(self):
        """Each table changes, and gets a row. Nothing else may run meanwhile."""
        with self.db.connect(autocommit=True) as connection:
            for t in self.tables:
                if len(t.columns) > 3 and self.dice.random() < 0.4:
                    name = self.dice.choice(list(t.columns))
                    connection.execute(f"ALTER TABLE {t.name} DROP COLUMN {name}")
                    del t.columns[name]
                else:
                    self.made += 1
                    kind = self.dice.choice(self.types)
                    connection.execute(f"ALTER TABLE {t.name} ADD COLUMN n{self.made} {kind}")
                    t.columns[f"n{self.made}"] = kind
                self.changes += self.insert(connection, t, 1)

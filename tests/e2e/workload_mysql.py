"""Changes of every kind for MySQL and MariaDB, made from a seed: what one does is decided here, not
by the server, so that the same seed makes the same changes."""

import random

# Columns with the literals that they may hold; what both servers and all versions have.
COLUMNS = {
    "ti": ("tinyint", ["-128", "127", "0"]),
    "tu": ("tinyint unsigned", ["255", "0"]),
    "bo": ("tinyint(1)", ["0", "1", "7"]),
    "si": ("smallint", ["-32768", "32767"]),
    "mi": ("mediumint unsigned", ["16777215", "0"]),
    "it": ("int", ["-2147483648", "2147483647", "42"]),
    "iu": ("int unsigned", ["4294967295", "1"]),
    "bi": ("bigint", ["-9223372036854775808", "9223372036854775807"]),
    "bu": ("bigint unsigned", ["9223372036854775807", "0"]),
    "de": ("decimal(20,6)", ["12345678901234.123456", "-0.000001", "0"]),
    "dw": ("decimal(38,0)", ["99999999999999999999999999999999999999", "-1"]),
    "fl": ("float", ["1.5", "-0.25", "3.4e38", "0"]),
    "do": ("double", ["1.1", "-2.2250738585072014e-308", "1e300", "0"]),
    "b1": ("bit(1)", ["b'0'", "b'1'"]),
    "bx": ("bit(20)", ["b'0'", "b'10101010101010101010'"]),
    "ch": ("char(10)", ["'abc'", "''", "'trail  '"]),
    "vc": ("varchar(200)", ["'größe €'", "''", "'😀 emoji'", "'a\\\\b''c\\n'"]),
    "la": ("varchar(40) CHARACTER SET latin1", ["'äöü'", "'plain'"]),
    "tx": ("text", ["'short'", "REPEAT('long ', 2000)", "''"]),
    "mt": ("mediumtext CHARACTER SET utf8mb4", ["REPEAT('x', 70000)", "'y'"]),
    "bn": ("binary(8)", ["x'0011223344556677'", "x'01'"]),
    "vb": ("varbinary(40)", ["x'00ff'", "''"]),
    "bl": ("blob", ["x'deadbeef'", "REPEAT('b', 3000)"]),
    "da": ("date", ["'2024-02-29'", "'1000-01-01'", "'9999-12-31'"]),
    "dt": ("datetime", ["'2024-02-29 23:59:59'", "'1000-01-01 00:00:00'"]),
    "d3": ("datetime(3)", ["'2024-02-29 23:59:59.999'", "'1969-12-31 23:59:59.001'"]),
    "d6": ("datetime(6)", ["'2024-02-29 23:59:59.999999'", "'9999-12-31 00:00:00.000001'"]),
    "ts": ("timestamp(6) NULL", ["'2024-02-29 23:59:59.123456'", "'1970-01-02 00:00:00'"]),
    "tm": ("time", ["'23:59:59'", "'-838:59:59'", "'838:59:59'"]),
    "t6": ("time(6)", ["'12:00:00.000001'", "'-01:02:03.456789'"]),
    "ye": ("year", ["2024", "1901"]),
    "en": ("enum('a','b','größe')", ["'a'", "'größe'"]),
    "se": ("set('x','y','z')", ["'x'", "'x,z'", "''"]),
    "js": ("json", ["'{\"a\": 1, \"b\": [true, null, \"x\"]}'", "'[]'", "'1.5'"]),
    "nn": ("int NOT NULL DEFAULT 5", ["1", "2"]),
    "vd": ("varchar(20) DEFAULT 'none'", ["'some'"]),
}
TABLES = 3
PAIR = "CREATE TABLE pair (a int, b varchar(20), v int, PRIMARY KEY (a, b))"
BARE = "CREATE TABLE bare (v int, w varchar(20))"


class Workload:
    def __init__(self, server, database, seed):
        self.server, self.database = server, database
        self.dice, self.changes, self.added = random.Random(seed), 0, 0
        self.rows = {f"t{i}": [] for i in range(TABLES)}
        self.next = 1
        columns = ", ".join(f"`{name}` {kind}" for name, (kind, _) in COLUMNS.items())
        self.run([f"CREATE TABLE t{i} (id int PRIMARY KEY, {columns})" for i in range(TABLES)])
        self.run([PAIR, BARE])

    def run(self, statements):
        self.server.sql(";\n".join(statements), self.database)

    def value(self, name):
        kind, literals = COLUMNS[name]
        if "NOT NULL" not in kind and self.dice.random() < 0.1:
            return "NULL"
        return self.dice.choice(literals)

    def insert(self, table, n):
        rows = []
        for _ in range(n):
            rows.append(f"({self.next}, " + ", ".join(map(self.value, COLUMNS)) + ")")
            self.rows[table].append(self.next)
            self.next += 1
        names = ", ".join(f"`{name}`" for name in ("id", *COLUMNS))
        return f"INSERT INTO {table} ({names}) VALUES {', '.join(rows)}", n

    def update(self, table):
        some = self.dice.sample(self.rows[table], min(len(self.rows[table]),
                                                      self.dice.randrange(1, 5)))
        names = self.dice.sample(list(COLUMNS), self.dice.randrange(1, 4))
        sets = ", ".join(f"`{name}` = {self.value(name)}" for name in names)
        return f"UPDATE {table} SET {sets} WHERE id IN ({str(some)[1:-1]})", len(some)

    def move(self, table):
        at = self.dice.randrange(len(self.rows[table]))
        old, self.rows[table][at] = self.rows[table][at], self.next
        self.next += 1
        return f"UPDATE {table} SET id = {self.next - 1} WHERE id = {old}", 2

    def delete(self, table):
        row = self.rows[table].pop(self.dice.randrange(len(self.rows[table])))
        return f"DELETE FROM {table} WHERE id = {row}", 2

    def other(self):
        n = self.next
        self.next += 1
        return self.dice.choice([
            (f"INSERT INTO pair VALUES ({n}, 'b{n % 7}', {n})", 1),
            (f"UPDATE pair SET v = v + 1 ORDER BY a LIMIT {n % 3 + 1}", 1),
            (f"INSERT INTO bare VALUES ({n}, 'w'), ({n}, NULL)", 2),
            (f"REPLACE INTO pair VALUES (1, 'b', {n})", 1),
            (f"INSERT INTO pair VALUES (2, 'b', {n}) ON DUPLICATE KEY UPDATE v = {n}", 1),
        ])

    def statement(self):
        table, what = self.dice.choice(list(self.rows)), self.dice.random()
        if what < 0.15:
            return self.other()
        if what < 0.5 or len(self.rows[table]) < 20:
            return self.insert(table, self.dice.choice([1, 1, 2, 10]))
        if what < 0.8:
            return self.update(table)
        return self.move(table) if what < 0.85 else self.delete(table)

    def round(self, changes):
        """Transactions, some of which are rolled back, with about so many changes."""
        goal, batch = self.changes + changes, []
        while self.changes < goal:
            made = [self.statement() for _ in range(self.dice.choice([1, 1, 3, 8]))]
            batch += ["BEGIN", *(text for text, _ in made), "COMMIT"]
            self.changes += sum(n for _, n in made)
            if self.dice.random() < 0.05:
                batch += ["BEGIN", f"INSERT INTO bare VALUES ({self.next}, 'gone')", "ROLLBACK"]
            if len(batch) > 300:
                self.run(batch)
                batch = []
        self.run(batch)

    def alter(self):
        """Tables become other ones, and the next changes are of these."""
        self.added += 1
        n = self.added
        self.run([
            f"ALTER TABLE t0 ADD COLUMN x{n} int DEFAULT {n}",
            f"ALTER TABLE t1 ADD COLUMN y{n} varchar(10) AFTER it",
            f"ALTER TABLE t2 MODIFY vc varchar({200 + n})",
            f"CREATE TABLE extra{n} (id int PRIMARY KEY, v varchar(5))",
            f"INSERT INTO extra{n} VALUES (1, 'a'), (2, 'b')",
            f"RENAME TABLE extra{n} TO other{n}",
            f"INSERT INTO other{n} VALUES (3, 'c')",
        ])
        self.changes += 3

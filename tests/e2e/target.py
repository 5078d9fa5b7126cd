"""A relational target of a sink: another database of the same server, a MySQL or MariaDB, or a file
of SQLite. Its tables are read by its own client, as text, so that two targets can be compared."""

import re
import sqlite3

from servers.process import until


class PostgresTarget:
    """A database of its own; tables have their own names."""

    def __init__(self, server):
        self.db = server.database()

    @property
    def url(self):
        server = self.db.server
        return f"jdbc:postgresql://{server.host}:{server.port}/{self.db.name}?user={server.user}"

    def sql(self, statement):
        return self.db.sql(statement)

    def rows(self, table, columns="*", order="1"):
        return self.db.sql(f"SELECT {columns} FROM {table} ORDER BY {order}")

    def drop(self):
        self.db.drop()


class SqliteTarget:
    """A file."""

    def __init__(self, folder):
        self.path = str(folder / "target.db")

    @property
    def url(self):
        return f"jdbc:sqlite:{self.path}"

    def sql(self, statement):
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def rows(self, table, columns="*", order="1"):
        return self.sql(f"SELECT {columns} FROM {table} ORDER BY {order}")

    def drop(self):
        pass


class MysqlTarget:
    """A database `copy` on one of the servers that the tests share; values come as texts, bytes in
    hex."""

    # By type, what shows the value whole: a FLOAT is printed with six digits.
    SHOWN = {
        "float": "CAST(`{0}` AS DOUBLE)",
        "bit": "LPAD(BIN(`{0}`), {1}, '0')",
        "longblob": "HEX(`{0}`)",
        "blob": "HEX(`{0}`)",
        "varbinary": "HEX(`{0}`)",
    }

    def __init__(self, server):
        self.server = server
        server.sql("DROP DATABASE IF EXISTS copy; CREATE DATABASE copy CHARACTER SET utf8mb4")

    @property
    def url(self):
        scheme = self.server.kind
        return f"jdbc:{scheme}://{self.server.host}:{self.server.port}/copy?user=root"

    def sql(self, statement):
        return self.server.sql(statement, "copy")

    def columns(self, table):
        """name -> (type, length of bits)"""
        rows = self.sql(
            "SELECT column_name, data_type, numeric_precision FROM information_schema.columns"
            f" WHERE table_schema = 'copy' AND table_name = '{table}' ORDER BY ordinal_position"
        )
        return {name: (kind, length) for name, kind, length in rows}

    def rows(self, table, columns="*", order="1"):
        known = self.columns(table)
        names = list(known) if columns == "*" else columns.split(", ")
        if set(names) - set(known):
            return [tuple(row) for row in self.sql(f"SELECT {columns} FROM {table}")]
        shown = [self.SHOWN.get(known[n][0], "`{0}`").format(n, known[n][1]) for n in names]
        shown = [f"IFNULL(CONCAT('=', {one}), 'NULL')" for one in shown]
        order = f"`{names[0]}`" if order == "1" else order
        rows = self.sql(f"SELECT {', '.join(shown)} FROM {table} ORDER BY {order}")
        return [tuple(_cell(text) for text in row) for row in rows]

    def drop(self):
        self.server.sql("DROP DATABASE IF EXISTS copy")


def _cell(text):
    """What the client printed of '=value': it writes some characters as two."""
    if text == "NULL":
        return None
    plain = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
    return re.sub(r"\\(.)", lambda m: plain[m.group(1)], text[1:])


def sink(target, topics, **more):
    """A configuration of a sink `pump`: keywords with "." written as "_"."""
    props = {
        "name": "pump",
        "connector.class": "sql",
        "topics": ",".join(topics),
        "connection.url": target.url,
    }
    return props | {key.replace("_", "."): value for key, value in more.items()}


def delivered(leat, records, name="pump", seconds=180):
    """Waits until the sink has so many events behind it: its counts."""

    def enough():
        leat.alive()
        counts = leat.told(name).get("counts") or {}
        return counts if counts.get("read", 0) >= records else None

    return until(enough, seconds, f"{records} events in {name}", every=0.2)

"""The tokenizer of DDL beside the real servers: thousands of made-up statements are given to MySQL
and MariaDB, and which tables each one changed, as the catalogue tells it, must be among those that
leat found in it. DDL_STATEMENTS and DDL_SEED (0: any) change how many and which."""

import collections
import json
import os
import random
import subprocess

import pytest
from leat import ROOT

PROGRAM = os.path.join(ROOT, "build-san/tests/ddl")
N = int(os.environ.get("DDL_STATEMENTS", "60"))
SEED = int(os.environ.get("DDL_SEED", "1")) or random.randrange(1 << 30)

NAMES = ["t", "order", "größe", "a b", "x.y", "q`q", "T2", "$d", "1a", "rename", "to", "table"]
NAMES += ["a''b"]
DBS = ["shop", "sho p"]
WORDS = ["ALTER TABLE x", "DROP TABLE t", "RENAME TO u", "it''s", "a\\'b", ";", "-- x", "/*", "*/"]
WORDS += ["`", '"']
COLUMN_TYPES = [
    "int", "int unsigned", "varchar(20)", "decimal(8,2)", "text", "datetime(3)",
    "enum('a','b,c','(')",
    "set('x','y')", "bigint", "json", "char(3) CHARACTER SET latin1", "timestamp NULL", "double",
]

# Two plain looks: over both in one, with SHA2 and GROUP_CONCAT, MariaDB 10.11 dies now and then.
TELL = (
    "SELECT '=', {n}, TABLE_SCHEMA, TABLE_NAME, CONCAT_WS('|', TABLE_TYPE, TABLE_COMMENT) FROM "
    "information_schema.TABLES WHERE TABLE_SCHEMA IN ('shop', 'sho p', 'extra') AND "
    "TABLE_TYPE <> 'VIEW' UNION ALL SELECT '=', {n}, '', '', ''",
    "SELECT '+', {n}, TABLE_SCHEMA, TABLE_NAME, CONCAT_WS(' ', COLUMN_NAME, COLUMN_TYPE, "
    "IS_NULLABLE, COLUMN_KEY, IFNULL(COLUMN_DEFAULT, '-'), IFNULL(COLLATION_NAME, '-'), "
    "COLUMN_COMMENT, ORDINAL_POSITION) FROM information_schema.COLUMNS WHERE "
    "TABLE_SCHEMA IN ('shop', 'sho p', 'extra') UNION ALL SELECT '+', {n}, '', '', ''",
)


class Maker:
    """Statements, most of which a server accepts."""

    def __init__(self, dice, mariadb):
        self.dice, self.mariadb = dice, mariadb

    def pick(self, *of):
        return self.dice.choice(of)

    def quoted(self, name):
        return "`" + name.replace("`", "``") + "`"

    def blank(self):
        comments = [" /* RENAME TO x */ ", " -- it's `\n", " # \"\n", " /**/ ", "\t", "\r\n"]
        return self.dice.choice(comments) if self.dice.random() < 0.15 else " "

    def name(self):
        name = self.dice.choice(NAMES)
        if name in ("t", "T2", "größe", "$d", "1a") and self.dice.random() < 0.5:
            return name
        return self.quoted(name)

    def table(self):
        if self.dice.random() < 0.6:
            return self.name()
        db = self.dice.choice(DBS)
        db = db if db == "shop" and self.dice.random() < 0.5 else self.quoted(db)
        return f"{db}{self.pick('.', '.', ' . ')}{self.name()}"

    def literal(self):
        return "'" + self.dice.choice(WORDS).replace("\\'", "\\'") + "'"

    def column(self):
        return self.dice.choice(["a", "b", "c", "d", "`e f`", "`to`", "`rename`", "`add`"])

    def definition(self):
        kind = self.dice.choice(COLUMN_TYPES)
        more = self.pick("", "", " NOT NULL", " NULL", f" COMMENT {self.literal()}")
        if kind == "varchar(20)" and self.dice.random() < 0.3:
            more += f" DEFAULT {self.literal()}"
        return f"{self.column()} {kind}{more}"

    def columns(self):
        names = self.dice.sample(["a", "b", "c", "`to`", "`rename`"], self.dice.randint(0, 4))
        text = "".join(f", {n} {self.dice.choice(COLUMN_TYPES)}" for n in names)
        check = ", CHECK (length('RENAME TO z') > 1)" if self.dice.random() < 0.1 else ""
        return f"(id int PRIMARY KEY{text}{check})"

    def options(self):
        return self.pick(
            "", "", f" COMMENT = {self.literal()}", " ENGINE=InnoDB", " DEFAULT CHARSET latin1",
            " PARTITION BY HASH (id) PARTITIONS 2",
        )

    def create(self):
        exists = self.pick("", "", "IF NOT EXISTS ")
        which = self.dice.random()
        if which < 0.15:
            return f"CREATE TABLE {exists}{self.table()} LIKE {self.table()}"
        if which < 0.2:
            return f"CREATE TABLE {self.table()} (LIKE {self.table()})"
        if which < 0.3:
            return f"CREATE TABLE {exists}{self.table()} (id int PRIMARY KEY) AS SELECT 1 AS id"
        if which < 0.35:
            return f"CREATE TEMPORARY TABLE {exists}{self.table()} {self.columns()}"
        if which < 0.45 and self.mariadb:
            return f"CREATE OR REPLACE TABLE {self.table()} {self.columns()}{self.options()}"
        if which < 0.5:
            return f"CREATE /*!32302 TABLE */ {exists}{self.table()} {self.columns()}"
        return f"CREATE TABLE {exists}{self.table()} {self.columns()}{self.options()}"

    def clause(self):
        c, d = self.column(), self.definition()
        place = self.pick("", "", " FIRST", " AFTER id")
        of_both = [
            f"ADD {d}", f"ADD COLUMN {d}{place}", f"ADD COLUMN ({d})", f"DROP COLUMN {c}",
            f"DROP {c}",
            f"MODIFY {c} varchar(30){place}", f"CHANGE {c} {d}",
            f"RENAME COLUMN {c} TO {self.column()}",
            f"ALTER {c} SET DEFAULT 1", f"ALTER COLUMN {c} DROP DEFAULT",
            f"COMMENT = {self.literal()}",
            f"COMMENT {self.literal()}", "ADD INDEX `rename` (id)", "DROP INDEX `rename`",
            "RENAME INDEX `rename` TO `to`", "RENAME KEY `to` TO k", "ADD UNIQUE KEY k2 (id)",
            "CONVERT TO CHARACTER SET latin1", "DEFAULT CHARACTER SET = utf8mb4", "ENGINE = InnoDB",
            "ALGORITHM = COPY", "LOCK = SHARED", "ROW_FORMAT = DYNAMIC", "AUTO_INCREMENT = 5",
            "ADD CONSTRAINT ck CHECK (id <> 'rename to' + 1)",
            "DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
            f"ADD COLUMN g int AS (id + 1) {self.pick('VIRTUAL', 'STORED')}", "ORDER BY id",
        ]
        return self.dice.choice(of_both)

    def alter(self):
        clauses = [self.clause() for _ in range(self.dice.choice([1, 1, 1, 2, 3]))]
        if self.dice.random() < 0.2:
            clauses.append(f"RENAME {self.pick('TO ', 'AS ', '', '= ')}{self.table()}")
        exists = self.pick("IF EXISTS ", "", "") if self.mariadb else ""
        text = ",".join(self.blank() + c for c in clauses)
        return f"ALTER{self.blank()}TABLE {exists}{self.table()}{text}"

    def index(self):
        if self.dice.random() < 0.4:
            return f"DROP INDEX {self.pick('i1', '`on`')} ON {self.table()}"
        kind = self.pick("", "UNIQUE ")
        using = self.pick("", " USING BTREE")
        return f"CREATE {kind}INDEX {self.pick('i1', '`on`')}{using} ON {self.table()} (id)"

    def drop(self):
        tables = ", ".join(self.table() for _ in range(self.dice.choice([1, 1, 2, 3])))
        which = self.pick("", "", "TEMPORARY ")
        word, end = self.pick("TABLE", "TABLES"), self.pick("", " CASCADE")
        return f"DROP {which}{word} IF EXISTS {tables}{end}"

    def rename(self):
        pairs = [f"{self.table()} TO {self.table()}" for _ in range(self.dice.choice([1, 1, 2]))]
        return f"RENAME TABLE {', '.join(pairs)}"

    def partition(self):
        t = self.table()
        if not self.mariadb:
            what = self.pick("ADD PARTITION PARTITIONS 1", "REMOVE PARTITIONING")
            return f"ALTER TABLE {t} {what}"
        return self.pick(
            f"ALTER TABLE {t} PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (9), "
            "PARTITION p1 VALUES LESS THAN MAXVALUE)",
            f"ALTER TABLE {t} CONVERT PARTITION p0 TO TABLE {self.table()}",
            f"ALTER TABLE {t} REMOVE PARTITIONING",
        )

    def database(self):
        return self.pick(
            "CREATE DATABASE IF NOT EXISTS extra", "DROP DATABASE IF EXISTS extra",
            "CREATE TABLE IF NOT EXISTS extra.t (id int)",
            "ALTER DATABASE shop COLLATE utf8mb4_bin",
            "DROP SCHEMA IF EXISTS `extra`", "ALTER DATABASE `sho p` CHARACTER SET = utf8mb4",
        )

    def other(self):
        return self.pick(
            "CREATE OR REPLACE VIEW v AS SELECT 1 AS a", "DROP VIEW IF EXISTS v", "FLUSH TABLES",
            "ANALYZE TABLE t", f"TRUNCATE {self.pick('', 'TABLE ')}{self.table()}",
            "CREATE DEFINER=`root`@`localhost` PROCEDURE p1() SELECT 'DROP TABLE t'",
            "DROP PROCEDURE IF EXISTS p1", "SET @a = 'ALTER TABLE t'", "DROP TRIGGER IF EXISTS tr",
            "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @x = 1",
            "DROP EVENT IF EXISTS e1",
        )

    def statement(self):
        makers = [self.create] * 6 + [self.alter] * 8 + [self.drop] * 2 + [self.rename] * 2
        makers += [self.index, self.partition, self.database, self.other]
        text = self.dice.choice(makers)()
        return text.lower() if self.dice.random() < 0.1 and "`" not in text else text


def found(statements, binlog):
    """What leat says of each."""
    version = binlog.sql("SELECT VERSION()")[0][0].split("-")[0].split(".")
    number = sum(int(v) * w for v, w in zip(version, (10000, 100, 1)))
    flags = 4 if binlog.kind == "mariadb" else 0
    done = subprocess.run(
        [PROGRAM, "shop", str(number), str(flags)],
        input="\0".join(statements).encode() + b"\0",
        capture_output=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def catalogues(statements, binlog):
    """The catalogue behind each: (database, table) -> what it looks like; and which one failed.
    None is there behind a statement where the server could not tell."""
    script = [tell.format(n=-1) for tell in TELL]
    for n, text in enumerate(statements):
        script += [text, *(tell.format(n=n) for tell in TELL)]
    script = "delimiter ;;\n" + "".join(f"{text}\n;;\n" for text in script)
    done = binlog._client(script, "shop", check=False, force=True)
    tables, columns = collections.defaultdict(dict), collections.defaultdict(dict)
    for line in done.stdout.split("\n"):
        cells = line.split("\t")
        if len(cells) == 5 and cells[0] in "=+":
            looked = (tables if cells[0] == "=" else columns)[int(cells[1])]
            looked.setdefault((cells[2], cells[3]), []).append(cells[4])
    states = {
        n: {t: (text, sorted(columns[n].get(t, []))) for t, text in found.items() if t[1]}
        for n, found in tables.items() if n in columns
    }
    return states, done.stderr.count("ERROR ")


@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="there is no build-san/tests/ddl")
def test_tables_found(binlog):
    dice = random.Random(SEED)
    maker = Maker(dice, binlog.kind == "mariadb")
    for db in (*DBS, "extra"):
        binlog.sql(f"DROP DATABASE IF EXISTS `{db}`")
    binlog.sql("CREATE DATABASE shop; CREATE DATABASE `sho p`")
    statements = [maker.statement() for _ in range(N)]
    states, errors = catalogues(statements, binlog)
    changes = 0
    assert len(states) > 0.9 * N, f"(DDL_SEED={SEED}) {len(states)} looks at the catalogue"
    for n, (text, said) in enumerate(zip(statements, found(statements, binlog))):
        if n not in states or n - 1 not in states:
            continue
        was, now = states[n - 1], states[n]
        changed = {t for t in was.keys() | now.keys() if was.get(t) != now.get(t)}
        changes += len(changed)
        known = {tuple(t) for t in said["tables"]}
        if said["kind"] == "drop_database":
            known |= {t for t in changed if t[0] == said["database"]}
        where = f"(DDL_SEED={SEED}) {n}: {text}\n{said}"
        assert said["kind"] != "unread", where
        assert changed <= known, f"{where}\n{changed - known} changed too"
    assert changes > N / 10, f"(DDL_SEED={SEED}) {errors} of {N} statements failed"
    for db in ("sho p", "extra"):
        binlog.sql(f"DROP DATABASE IF EXISTS `{db}`")

"""Query capture of MySQL and MariaDB: modes, types, clocks of zones, and rows that commit late,
against what the binary log says."""

import json
import random
import subprocess
import time

import pytest
from query import (
    MODES,
    Together,
    check_modes,
    config_at,
    deleted,
    ids,
    last,
    offsets,
    values,
)
from servers.process import until

TABLE = (
    "CREATE TABLE t (id bigint AUTO_INCREMENT PRIMARY KEY, v int,"
    " at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (at, id))"
)


def config(server, mode, prefix="q_", database="shop", user="root", **more):
    url = f"jdbc:{server.kind}://127.0.0.1:{server.port}/{database}"
    return config_at(url, user, mode, prefix, **more)


def source(leat, server, mode, name="q", prefix="q_", **more):
    return leat.write(f"{name}.properties", config(server, mode, prefix, **more))


def codes(leat):
    """Of the dead letters."""
    out = leat.call("dead-letters", "q", "list", "--json").stdout
    return [json.loads(line)["code"] for line in out.split("\n")[:-1]]


class Session:
    """One that stays open: statements go to it one by one, and are waited for."""

    def __init__(self, server):
        self.server = server
        self.process = subprocess.Popen(
            server.client("-n", "shop"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)

    def send(self, text):
        self.process.stdin.write(text + ";\n")
        self.process.stdin.flush()

    def sql(self, text):
        self.send(f"{text}; SELECT 'done'")
        while self.process.stdout.readline().strip() != "done":
            assert self.process.poll() is None, text


# ---- modes


def test_each_mode_goes_on(leat, binlog):
    """New rows in all of them, changed ones where moments are looked at; from the position on."""
    binlog.sql(TABLE, "shop")
    binlog.sql("INSERT INTO t (v) VALUES " + ", ".join(f"({n})" for n in range(1, 1001)), "shop")
    files = [
        source(leat, binlog, mode, f"m{i}", prefix=f"m{i}_", query="SELECT * FROM t WHERE v < 9999")
        for i, mode in enumerate(MODES)
    ]

    def change():
        binlog.sql("INSERT INTO t (v) VALUES (1001)", "shop")
        binlog.sql("UPDATE t SET v = 0, at = NOW(6) WHERE id = 7", "shop")

    check_modes(leat, files, change)


def test_which_tables(leat, binlog):
    """Those of the URL's database, or of all that catalog.pattern names; its name is in the
    position, as the JDBC connector has it."""
    binlog.sql("DROP DATABASE IF EXISTS shop_b; CREATE DATABASE shop_b")
    for database, table in (("shop", "a"), ("shop", "b"), ("shop_b", "c")):
        binlog.sql(f"CREATE TABLE {table} (id int AUTO_INCREMENT PRIMARY KEY)", database)
        binlog.sql(f"INSERT INTO {table} VALUES (NULL)", database)
    binlog.sql("CREATE VIEW w AS SELECT id FROM a", "shop")

    def read(name, **more):
        leat.call("run", "--once", source(leat, binlog, "incrementing", name, f"{name}_", **more))
        return {t["topic"] for t in leat.topics() if t["topic"].startswith(f"{name}_")}

    assert read("p") == {"p_a", "p_b"}
    assert read("all", catalog_pattern="shop%") == {"all_a", "all_b", "all_c"}
    assert read("w", table_types="VIEW", validate_non_null="false") == {"w_w"}
    assert read("x", table_whitelist="`shop`.`b`") == {"x_b"}
    assert read("y", table_blacklist="shop.b") == {"y_a"}
    assert read("z", database="", table_whitelist="shop_b.c") == {"z_c"}
    assert offsets(leat, "x") == {
        "{'protocol': '1', 'table': 'shop.b'}": {"incrementing": 1}
    }
    binlog.sql("DROP DATABASE shop_b")


TYPES = [
    ("t1", "tinyint(1)", "1", 1, {"type": "int8"}),
    ("tu", "tinyint unsigned", "200", 200, {"type": "int16"}),
    ("i2", "smallint", "-7", -7, {"type": "int16"}),
    ("m3", "mediumint unsigned", "16777215", 16777215, {"type": "int64"}),
    ("i4", "int", "-2147483648", -2147483648, {"type": "int32"}),
    ("iu", "int unsigned", "4294967295", 4294967295, {"type": "int64"}),
    ("i8", "bigint", "9000000000", 9000000000, {"type": "int64"}),
    ("b1", "bit(1)", "b'1'", 1, {"type": "int8"}),
    ("b7", "bit(7)", "b'1000001'", 65, {"type": "int8"}),
    ("f4", "float", "1234.567", 1234.567, {"type": "float"}),
    ("f8", "double", "0.1", 0.1, {"type": "double"}),
    ("txt", "varchar(9)", "'gä'", "gä", {"type": "string"}),
    ("lt", "longtext", "'x'", "x", {"type": "string"}),
    ("js", "json", "'{}'", "{}", {"type": "string"}),
    ("e", "enum('a','b')", "'b'", "b", {"type": "string"}),
    ("st", "set('a','b')", "'a,b'", "a,b", {"type": "string"}),
    ("byt", "varbinary(9)", "X'0102'", "AQI=", {"type": "bytes"}),
    ("bl", "blob", "X'0102'", "AQI=", {"type": "bytes"}),
    ("d", "date", "'2024-02-29'", 19782, {"type": "int32", "name": "Date"}),
    ("old", "date", "'1500-01-01'", -171655, {"type": "int32", "name": "Date"}),
    ("y", "year", "2024", 19723, {"type": "int32", "name": "Date"}),
    ("tm", "time(3)", "'10:00:00.5'", 36000500, {"type": "int32", "name": "Time"}),
    ("ts", "timestamp(6) NULL", "'2024-02-29 11:14:15.123456'", 1709205255123,
     {"type": "int64", "name": "Timestamp"}),
    ("dt", "datetime(6)", "'2024-02-29 11:14:15.123456'", 1709205255123,
     {"type": "int64", "name": "Timestamp"}),
]


def test_types(leat, binlog):
    """Schemas and values as the JDBC connector has them from Connector/J."""
    columns = ", ".join(f"{name} {sql}" for name, sql, *_ in TYPES)
    binlog.sql(f"CREATE TABLE t (id int PRIMARY KEY, {columns}, n decimal(8,2), g point)", "shop")
    row = ", ".join(t[2] for t in TYPES)
    binlog.sql(f"INSERT INTO t VALUES (1, {row}, 3.5, ST_GeomFromText('POINT(1 2)'))", "shop")
    binlog.sql("INSERT INTO t (id) VALUES (2)", "shop")
    leat.call("run", "--once", source(leat, binlog, "bulk", "plain", prefix="p_"))
    more = {"timestamp.granularity": "micros_iso_datetime_string", "numeric.mapping": "best_fit"}
    fitted = leat.write("fit.properties", config(binlog, "bulk", prefix="f_") | more)
    leat.call("run", "--once", fitted)
    record, empty = leat.read("p_t", "--format", "json-schema")
    fields = {f.pop("field"): f for f in record["value"]["schema"]["fields"]}
    for name, _, _, value, schema in TYPES:
        want = {"optional": True, **schema}
        if "name" in schema:
            want |= {"name": f"org.apache.kafka.connect.data.{schema['name']}", "version": 1}
        assert (name, record["value"]["payload"][name]) == (name, value)
        assert (name, fields[name]) == (name, want)
        assert empty["value"]["payload"][name] is None
    assert fields["n"]["parameters"] == {"scale": "2", "connect.decimal.precision": "8"}
    assert record["value"]["payload"]["n"] == "AV4="
    assert fields["g"]["type"] == "bytes"
    value, _ = values(leat, "f_t")
    assert value["n"] == "AV4=", "JDBC calls it DECIMAL, which numeric.mapping is not about"
    assert value["ts"] == value["dt"] == "2024-02-29T11:14:15.123456"


def test_values_without_room(leat, binlog):
    """They are kept with the dead letters, and rows behind them are read."""
    binlog.sql("CREATE TABLE t (id int PRIMARY KEY, b bit(8), u bigint unsigned, c time)", "shop")
    binlog.sql("INSERT INTO t VALUES (1, b'11111111', 1, NULL), (2, b'1', 18446744073709551615,"
               " NULL), (3, NULL, 1, '30:00:00'), (4, b'1', 1, '23:59:59')", "shop")
    file = source(leat, binlog, "incrementing")
    leat.call("run", "--once", file)
    assert ids(leat, "q_t") == [4]
    assert codes(leat) == ["query.value"] * 3
    binlog.sql("INSERT INTO t (id) VALUES (5)", "shop")
    leat.call("run", "--once", file)
    assert ids(leat, "q_t") == [4, 5]


def test_days_of_zeros(leat, binlog):
    """No day: an error of the row, or NULL where the URL says so."""
    binlog.sql("SET sql_mode = ''; CREATE TABLE t (id int PRIMARY KEY, d date, at datetime);"
               " INSERT INTO t VALUES (1, '0000-00-00', NULL), (2, NULL, '0000-00-00 00:00:00')",
               "shop")
    leat.call("run", "--once", source(leat, binlog, "bulk", db_timezone="+02:00"))
    assert codes(leat) == ["query.value"] * 2
    more = config(binlog, "bulk", prefix="n_", db_timezone="+02:00")
    more["connection.url"] += "?zeroDateTimeBehavior=CONVERT_TO_NULL"
    leat.call("run", "--once", leat.write("n.properties", more))
    assert values(leat, "n_t") == [{"id": n, "d": None, "at": None} for n in (1, 2)]


WRONG = [
    ({"incrementing.column.name": "nope"}, '"nope" is no column of shop.t'),
    ({"incrementing.column.name": "v"}, "may be NULL"),
    ({"incrementing.column.name": "at"}, "expected whole numbers"),
    ({"mode": "timestamp", "timestamp.column.name": "v"}, "expected a timestamp"),
    ({"query": "SELECT 1 AS id, 2 AS id"}, "Duplicate column name"),
    ({"query": "SELEC 1"}, "error in your SQL syntax"),
    ({"mode": "timestamp", "timestamp.column.name": "at", "db.timezone": "Mars/Base"},
     "no zone that the server knows"),
    ({"connection.user": "nobody", "errors.max.retries": "0"}, "Access denied"),
]


@pytest.mark.parametrize("more, text", WRONG, ids=[text for _, text in WRONG])
def test_wrong(leat, binlog, more, text):
    binlog.sql(TABLE, "shop")
    file = leat.write("q.properties", config(binlog, "incrementing") | more)
    done = leat.call("run", "--once", file, ok=(1, 2))
    assert text in done.stderr


def test_a_right_that_is_missing(leat, binlog):
    """Without PROCESS nobody sees who may still commit: refused, and the GRANT mends it."""
    binlog.sql(TABLE + "; INSERT INTO t (v) VALUES (1)", "shop")
    binlog.sql("CREATE USER plain@localhost; GRANT SELECT ON shop.* TO plain@localhost")
    try:
        file = source(leat, binlog, "timestamp", user="plain")
        assert "PROCESS" in leat.call("run", "--once", file, ok=(1,)).stderr
        done = leat.call("check", "--sql", file, ok=(3,))
        (grant,) = [line for line in done.stdout.splitlines() if line.startswith("GRANT PROCESS")]
        undo = leat.call("check", "--undo", file, ok=(3,)).stdout
        binlog.sql(grant)
        assert "can be told" in leat.call("check", file).stdout
        leat.call("run", "--once", file)
        assert ids(leat, "q_t") == [1]
        binlog.sql(undo)
        leat.call("check", file, ok=(3,))
        ignoring = source(leat, binlog, "incrementing", "i", "i_", user="plain",
                          late_commits="ignore")
        leat.call("run", "--once", ignoring)
        assert ids(leat, "i_t") == [1]
    finally:
        binlog.sql("DROP USER plain@localhost")


# ---- rows that commit late


def waits(leat):
    """Until it has told that rows wait for a transaction."""
    until(lambda: "query.late_commits" in leat.stderr, 60, "word of rows that wait")


def test_a_number_that_commits_late(leat, binlog):
    binlog.sql(TABLE, "shop")
    with Session(binlog) as late:
        late.sql("BEGIN; INSERT INTO t (v) VALUES (1)")
        binlog.sql("INSERT INTO t (v) VALUES (2)", "shop")
        leat.run(source(leat, binlog, "incrementing"))
        waits(leat)
        assert "a transaction of connection" in leat.stderr
        assert not any(t["topic"] == "q_t" for t in leat.topics())
        late.sql("COMMIT")
    leat.read_until("q_t", 2, seconds=60)
    assert ids(leat, "q_t") == [1, 2]


def test_a_prepared_transaction_is_waited_for(leat, binlog):
    binlog.sql(TABLE, "shop")
    leat.run(source(leat, binlog, "incrementing"))
    with Session(binlog) as late:
        late.sql("XA START 'late'; INSERT INTO t (v) VALUES (1)")
        binlog.sql("INSERT INTO t (v) VALUES (2)", "shop")
        waits(leat)
        late.sql("XA END 'late'; XA PREPARE 'late'")
    binlog.sql("INSERT INTO t (v) VALUES (3)", "shop")
    time.sleep(1)
    assert not any(t["topic"] == "q_t" for t in leat.topics())
    binlog.sql("XA COMMIT 'late'")
    leat.read_until("q_t", 3, seconds=60)
    assert ids(leat, "q_t") == [1, 2, 3]


def test_a_moment_that_commits_late(leat, binlog):
    """NOW() is when the statement began, here before rows that others have committed since."""
    binlog.sql(TABLE, "shop")
    leat.run(source(leat, binlog, "timestamp"))
    with Session(binlog) as late:
        late.sql("BEGIN; INSERT INTO t (v) VALUES (1)")
        binlog.sql("INSERT INTO t (v) VALUES (2)", "shop")
        waits(leat)
        assert not any(t["topic"] == "q_t" for t in leat.topics())
        late.sql("COMMIT")
    leat.read_until("q_t", 2, seconds=60)
    assert [v["v"] for v in values(leat, "q_t")] == [1, 2]


def test_a_statement_that_takes_long(leat, binlog):
    """Its rows are of the moment at which it began, long before it wrote anything."""
    binlog.sql(TABLE, "shop")
    leat.run(source(leat, binlog, "timestamp"))
    with Session(binlog) as late:
        late.send("INSERT INTO t (v) SELECT SLEEP(8)")
        time.sleep(1)
        binlog.sql("INSERT INTO t (v) VALUES (2)", "shop")
        waits(leat)
        late.sql("DO 1")
    leat.read_until("q_t", 2, seconds=60)
    assert [v["v"] for v in values(leat, "q_t")] == [0, 2]


def test_somebody_who_looks_too_often(leat, binlog):
    """InnoDB renews its list of transactions only when nobody has read it for a moment: rows are
    not taken by an old list, and come once there is a new one."""
    binlog.sql(TABLE, "shop")
    with Session(binlog) as watcher:
        watcher.sql("SELECT COUNT(*) FROM information_schema.INNODB_TRX")
        leat.run(source(leat, binlog, "incrementing"))
        end = time.monotonic() + 10
        binlog.sql("INSERT INTO t (v) VALUES (1)", "shop")
        while time.monotonic() < end and "reads more often" not in leat.stderr:
            watcher.sql("SELECT COUNT(*) FROM information_schema.INNODB_TRX")
            time.sleep(0.02)
        assert "which somebody reads more often" in leat.stderr
        assert not any(t["topic"] == "q_t" for t in leat.topics())
    leat.read_until("q_t", 1, seconds=60)


def test_one_looks_at_a_time(leat, binlog):
    """Connectors take turns; who is kept from it says so."""
    binlog.sql(TABLE, "shop")
    with Session(binlog) as other:
        other.sql("SELECT GET_LOCK('leat.looks', 0)")
        binlog.sql("INSERT INTO t (v) VALUES (1)", "shop")
        leat.run(source(leat, binlog, "incrementing"))
        until(lambda: "the lock 'leat.looks'" in leat.stderr, 60, "word of the lock")
        assert not any(t["topic"] == "q_t" for t in leat.topics())
        other.sql("DO RELEASE_LOCK('leat.looks')")
        leat.read_until("q_t", 1, seconds=60)


REPLICA = {
    "mysql": ("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1,"
              " SOURCE_USER='x'; START REPLICA", "STOP REPLICA; RESET REPLICA ALL"),
    "mariadb": ("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x';"
                " START SLAVE", "STOP SLAVE; RESET SLAVE ALL"),
}


def test_a_replica_is_refused(leat, binlog):
    """What it applies has numbers and moments of elsewhere, and an order of its own."""
    start, stop = REPLICA[binlog.kind]
    binlog.sql(TABLE + "; INSERT INTO t (v) VALUES (1)", "shop")
    binlog.sql(start)
    try:
        for mode in ("incrementing", "timestamp"):
            done = leat.call("run", "--once", source(leat, binlog, mode), ok=(1,))
            assert "query.standby" in done.stderr
        leat.call("run", "--once", source(leat, binlog, "incrementing", late_commits="ignore"))
        assert ids(leat, "q_t") == [1]
    finally:
        binlog.sql(stop)


def test_late_commits_are_missed_where_that_is_asked_for(leat, binlog):
    """The trap itself: what the option is against."""
    binlog.sql(TABLE, "shop")
    leat.run(source(leat, binlog, "incrementing", late_commits="ignore"))
    with Session(binlog) as late:
        late.sql("BEGIN; INSERT INTO t (v) VALUES (1)")
        binlog.sql("INSERT INTO t (v) VALUES (2)", "shop")
        leat.read_until("q_t", 1, seconds=60)
        late.sql("COMMIT")
    binlog.sql("INSERT INTO t (v) VALUES (3)", "shop")
    leat.read_until("q_t", 2, seconds=60)
    assert ids(leat, "q_t") == [2, 3]


# ---- moments that are shared, clocks of other zones


@pytest.mark.parametrize("mode", ["timestamp", "timestamp+incrementing"])
def test_moments_shared_at_the_end_of_a_page(leat, binlog, mode):
    """Pages of two rows, of which three have one moment, and five another."""
    binlog.sql(TABLE, "shop")
    binlog.sql("INSERT INTO t (v, at) VALUES (1, '2024-01-01'), (2, '2024-01-02'),"
               " (3, '2024-01-02'), (4, '2024-01-02'), (5, '2024-01-03'), (6, '2024-01-04'),"
               " (7, '2024-01-04'), (8, '2024-01-04'), (9, '2024-01-04'), (10, '2024-01-04')",
               "shop")
    leat.call("run", "--once", source(leat, binlog, mode, query_suffix="LIMIT 2"))
    assert sorted(ids(leat, "q_t")) == list(range(1, 11))


ZONES = {"Europe/Berlin": 7200, "+02:00": 7200, "-03:30": -12600, "UTC": 0}


@pytest.mark.parametrize("zone", ZONES)
def test_a_clock_of_another_zone(leat, binlog, zone):
    """DATETIME has no zone: of db.timezone's clock it becomes an instant, and is compared as one;
    before and behind the years of the server's tables too."""
    load_zone(binlog)
    binlog.sql("CREATE TABLE t (id int PRIMARY KEY, at datetime NOT NULL)", "shop")
    moments = ["1950-07-01 12:00:00", "2024-07-01 12:00:00", "2050-07-01 12:00:00"]
    rows = ", ".join(f"({i}, '{m}')" for i, m in enumerate(moments, 1))
    binlog.sql(f"INSERT INTO t VALUES {rows}", "shop")
    file = source(leat, binlog, "timestamp", db_timezone=zone)
    leat.call("run", "--once", file)
    found = {v["id"]: v["at"] // 1000 for v in values(leat, "q_t")}
    winter = 3600 if zone == "Europe/Berlin" else ZONES[zone]
    assert found == {1: -615470400 - winter, 2: 1719835200 - ZONES[zone]}
    binlog.sql("INSERT INTO t VALUES (4, '2024-07-01 12:00:01')", "shop")
    leat.call("run", "--once", file)
    assert ids(leat, "q_t")[2:] == [4]
    leat.call("run", "--once", source(leat, binlog, "bulk", "b", "b_", db_timezone=zone))
    found = {v["id"]: v["at"] // 1000 for v in values(leat, "b_t")}
    assert found[3] == 2540289600 - winter


def load_zone(server):
    """Of the server's tables of zones one is enough: Berlin's summer of 2024, and its winters."""
    name = "INSERT INTO mysql.time_zone_name VALUES ('Europe/Berlin', 1)"
    if server.sql("SELECT CONVERT_TZ('2024-01-01', 'Europe/Berlin', '+00:00')") != [["NULL"]]:
        return
    changes = [(-2**31, 2), (1711846800, 1), (1729990800, 2)]
    rows = ", ".join(f"(1, {at}, {kind})" for at, kind in changes)
    server.sql(
        "SET sql_mode = ''; SET sql_log_bin = 0;"
        "INSERT INTO mysql.time_zone VALUES (1, 'N');"
        f"{name};"
        "INSERT INTO mysql.time_zone_transition_type VALUES (1, 1, 7200, 1, 'CEST'),"
        " (1, 2, 3600, 0, 'CET');"
        f"INSERT INTO mysql.time_zone_transition VALUES {rows};"
    )


# ---- against what the log says


class Writers(Together):
    """So many at once, each with a script of transactions of up to so many seconds: rows are
    inserted, those of its own changed, and sometimes all is taken back. more: statements of a
    transaction behind its own, by how many rows there are, in @r1 and so on."""

    def __init__(self, server, n=8, seconds=8, longest=1.0, seed=1, more=lambda dice, rows: []):
        self.server = server
        dice = [random.Random(seed * 100 + i) for i in range(n)]
        super().__init__(self._run, [(self._script(one, seconds, longest, more),) for one in dice])

    @staticmethod
    def _script(dice, seconds, longest, more):
        out, spent, rows = [], 0.0, 0
        while spent < seconds:
            out.append("BEGIN; SELECT 1;")
            for _ in range(dice.randint(1, 4)):
                pause = dice.random() ** 3 * longest / 2
                spent += pause
                rows += 1
                out.append("INSERT INTO t (v) VALUES (0);")
                out.append(f"SET @r{rows} = LAST_INSERT_ID(); DO SLEEP({pause:.3f});")
            for row in dice.sample(range(1, rows + 1), min(rows, dice.randint(0, 3))):
                out.append(f"UPDATE t SET v = v + 1, at = NOW(6) WHERE id = @r{row};")
            out += more(dice, rows)
            out.append("ROLLBACK;" if dice.random() < 0.15 else "COMMIT;")
        return "\n".join(out)

    def _run(self, script):
        try:
            self.server.sql(script, "shop")
        except AssertionError as e:  # told by the thread that waits
            self.errors.append(str(e)[-2000:])


def test_eight_writers_in_each_mode(leat, binlog):
    """Overlapping transactions, some of them long, some taken back, and leat killed in between:
    what the modes read, beside what the log says was committed."""
    binlog.sql(TABLE, "shop")
    modes = {"n": "incrementing", "m": "timestamp", "b": "timestamp+incrementing"}
    files = [source(leat, binlog, mode, name, f"{name}_") for name, mode in modes.items()]
    log = leat.write("log.properties", binlog.properties(topic__prefix="log"))
    leat.run(log)
    until(lambda: leat.alive() or "mysql.streaming" in leat.stderr, 60, "the log is read")
    leat.kill()
    leat.run(log, *files)
    with Writers(binlog):
        for name in modes:
            leat.read_until(f"{name}_t", 1, seconds=60)
            leat.kill()
            leat.run(log, *files)
    leat.stop(60)
    leat.call("run", "--once", log, *files, seconds=180)
    leat.call("run", "--once", source(leat, binlog, "bulk", "all", "all_"))

    final = {int(id): int(v) for id, v in binlog.sql("SELECT id, v FROM t", "shop")}
    assert len(final) > 50
    changes = [v for v in values(leat, "log.shop.t") if v and v["op"] in "cur"]
    committed = {(v["after"]["id"], v["after"]["v"]) for v in changes}
    assert {id for id, _ in committed} == set(final)
    for name in modes:
        read = [(v["id"], v["v"]) for v in values(leat, f"{name}_t")]
        assert set(read) <= committed, "nothing is invented"
        assert len(read) == len(set(read)), "nothing comes twice"
        if name == "n":
            assert sorted(id for id, _ in read) == sorted(final), "no row is missed"
        else:
            last = dict(read)
            assert last == final, "no row's last state is missed"
    assert {v["id"]: v["v"] for v in values(leat, "all_t")} == final


# ---- deleted rows


def deletes(dice, rows):
    """Some of its rows are deleted; a few keys come back, or change."""
    out = []
    for row in dice.sample(range(1, rows + 1), min(rows, dice.randint(0, 3))):
        out.append(f"DELETE FROM t WHERE id = @r{row};")
        if dice.random() < 0.2:
            out.append(f"COMMIT; DO SLEEP({dice.random() * 0.5:.3f}); BEGIN;")
            out.append(f"INSERT IGNORE INTO t (id, v) VALUES (@r{row}, -1);")
    out.append(f"UPDATE IGNORE t SET id = -id, at = NOW(6) WHERE id = @r{rows} AND id % 5 = 0;")
    return out


def test_eight_writers_that_delete(leat, binlog):
    """leat killed in between: what lives ends with its row, what does not with its tombstone."""
    binlog.sql(TABLE, "shop")
    modes = {"n": "incrementing", "m": "timestamp", "b": "timestamp+incrementing", "k": "bulk"}
    files = [source(leat, binlog, mode, name, f"{name}_", deletes_interval_ms=100)
             for name, mode in modes.items()]
    leat.run(*files)
    with Writers(binlog, more=deletes):
        for name in modes:
            leat.read_until(f"{name}_t", 1, seconds=60)
            leat.kill()
            leat.run(*files)
    leat.stop(60)
    leat.call("run", "--once", *files, seconds=180)
    leat.call("run", "--once", *files, seconds=180)

    final = {int(id): int(v) for id, v in binlog.sql("SELECT id, v FROM t", "shop")}
    assert len(final) > 20
    for name in modes:
        found = {id: v["v"] for (id,), v in last(leat, f"{name}_t").items()}
        told = {key["id"] for key in deleted(leat, f"{name}_t")}
        assert (name, sorted(found)) == (name, sorted(final))
        assert name == "n" or found == final
        assert len(told - set(final)) > 20


KEYS = [
    ("two", "a varchar(9), b int", ["('x', -1)", "('x', 1)", "('X ', 10)", "('y', 1)"]),
    ("texts", "k varchar(20) COLLATE utf8mb4_bin", ["('')", "('a')", "('A')", "('\u00e4')",
                                                    "('it''s \\\\')", "('\U0001f600')"]),
    ("folded", "k varchar(20)", ["('a')", "('B')", "('c')"]),
    ("large", "k bigint unsigned", ["(0)", "(9)", "(10)", "(9223372036854775807)"]),
    ("numbers", "k bigint", ["(-9223372036854775808)", "(-10)", "(-9)", "(9)", "(10)"]),
    ("chars", "k char(4)", ["('a')", "('ab')", "('abcd')"]),
    ("decimals", "k decimal(9,2)", ["(-1.5)", "(0)", "(10)", "(9.99)"]),
    ("bytes", "k varbinary(9)", ["('')", "(X'00')", "(X'ff00')"]),
    ("fixed", "k binary(3)", ["(X'000000')", "(X'ff0000')"]),
    ("days", "k date", ["('2024-02-29')", "('9999-12-31')"]),
    ("instants", "k timestamp(3)", ["('2024-02-29 01:02:03.5')", "('2024-02-29 01:02:03.25')"]),
    ("clocks", "k datetime", ["('2024-02-29 01:02:03')", "('2024-02-29')"]),
    ("names", "k enum('b','a','c')", ["('a')", "('b')", "('c')"]),
]


@pytest.mark.parametrize("columns, rows", [k[1:] for k in KEYS], ids=[k[0] for k in KEYS])
def test_deleted_keys(leat, binlog, columns, rows):
    """Each key in turn is deleted: its tombstone has the key of its record."""
    names = ", ".join(one.split()[0] for one in columns.split(", "))
    binlog.sql(f"CREATE TABLE t ({columns}, PRIMARY KEY ({names})) CHARSET utf8mb4", "shop")
    file = source(leat, binlog, "bulk", deletes_interval_ms=100)
    for row in rows:
        binlog.sql(f"INSERT INTO t VALUES {row}", "shop")
        leat.call("run", "--once", file)
    known = {}
    for record in leat.read("q_t"):
        known.setdefault(json.dumps(record["key"]), len(known))
    assert len(known) == len(rows)
    for n, row in enumerate(rows):
        binlog.sql(f"DELETE FROM t WHERE ({names}) = {row}", "shop")
        leat.call("run", "--once", file)
        assert [known[json.dumps(key)] for key in deleted(leat, "q_t")] == list(range(n + 1))


ZEROS = ["0000-00-00", "2024-00-00", "2024-02-00", "2024-02-29", "2024-03-01"]


@pytest.mark.parametrize("url", ["", "?zeroDateTimeBehavior=CONVERT_TO_NULL"],
                         ids=["letters", "null"])
@pytest.mark.parametrize("type", ["date", "datetime", "timestamp"])
def test_keys_of_zeros(leat, binlog, type, url):
    """Their rows are dead letters, so that nothing is told of their deletes; those of the others
    are."""
    binlog.sql(f"SET sql_mode = ''; CREATE TABLE t (a int, k {type}, PRIMARY KEY (a, k))", "shop")
    keys = [ZEROS[0], *ZEROS[3:]] if type == "timestamp" else ZEROS
    for key in keys:
        binlog.sql(f"SET sql_mode = ''; INSERT INTO t VALUES (1, '{key}')", "shop")
    props = config(binlog, "bulk", deletes_interval_ms=100)
    props["connection.url"] += url
    file = leat.write("q.properties", props)
    leat.call("run", "--once", file)
    first = {json.dumps(r["key"]) for r in leat.read("q_t")}
    assert len(first) == 2
    for key in keys:
        binlog.sql(f"SET sql_mode = ''; DELETE FROM t WHERE k = '{key}'", "shop")
        leat.call("run", "--once", file)
        told = [json.dumps(key) for key in deleted(leat, "q_t")]
        assert len(told) == max(0, ZEROS.index(key) - 2) and set(told) <= first
        assert len(last(leat, "q_t")) == 2 - len(told)


def test_clocks_that_skip_an_hour(leat, binlog):
    """Two rows of one record key: the delete of one would be the other's."""
    binlog.sql("CREATE TABLE t (k datetime PRIMARY KEY)", "shop")
    binlog.sql("INSERT INTO t VALUES ('2024-03-31 02:30:00'), ('2024-03-31 03:30:00')", "shop")
    load_zone(binlog)
    file = source(leat, binlog, "bulk", deletes_interval_ms=100, db_timezone="Europe/Berlin")
    done = leat.call("run", "--once", file, ok=(1,))
    assert "cannot be told by its primary key" in done.stderr and "db.timezone" in done.stderr
    file = source(leat, binlog, "bulk", deletes_interval_ms=100, db_timezone="+01:00")
    leat.call("run", "--once", file)
    binlog.sql("DELETE FROM t WHERE k = '2024-03-31 02:30:00'", "shop")
    leat.call("run", "--once", file)
    assert len(deleted(leat, "q_t")) == 1 and len(last(leat, "q_t")) == 1


LARGE = [("cp1251", "cp1251_general_ci", "z\u0401\u0416\u0451"),
         ("utf8mb4", "utf8mb4_unicode_ci", "bZ\u00df\uffee\U0001f600")]


@pytest.mark.parametrize("charset, collation, letters", LARGE, ids=["cp1251", "utf8mb4"])
def test_orders_of_large_tables(leat, binlog, charset, collation, letters):
    """So many rows that a look cuts the table into ranges, in whatever order its own texts have:
    what was deleted is told, a row that came back, and nothing else."""
    rows = 24000
    binlog.sql(f"CREATE TABLE t (k varchar(20) CHARACTER SET {charset} COLLATE {collation} PRIMARY"
               " KEY, id bigint UNIQUE)", "shop")
    keys = [f"{letters[n % len(letters)]}{n}" for n in range(1, rows + 1)]
    texts = ", ".join(f"('{key}', {n})" for n, key in enumerate(keys, 1))
    binlog.sql(f"SET NAMES utf8mb4; INSERT INTO t VALUES {texts}", "shop")
    file = source(leat, binlog, "incrementing", deletes_interval_ms=100,
                  validate_non_null="false")
    leat.call("run", "--once", file)
    binlog.sql("DELETE FROM t WHERE id % 2400 = 7", "shop")
    binlog.sql(f"SET NAMES utf8mb4; INSERT INTO t VALUES ('{letters[0]}new', -7)", "shop")
    for _ in range(2):
        leat.call("run", "--once", file)
    gone = [key for n, key in enumerate(keys, 1) if n % 2400 == 7]
    assert sorted(key["k"] for key in deleted(leat, "q_t")) == sorted(gone)
    others = [r["key"]["k"] for r in leat.read("q_t") if r["value"]]
    assert len(others) == rows + 1 and others[-1] == f"{letters[0]}new"


def test_an_emptied_table(leat, binlog):
    binlog.sql(TABLE, "shop")
    binlog.sql("INSERT INTO t (v) VALUES " + ", ".join(f"({n})" for n in range(12000)), "shop")
    file = source(leat, binlog, "incrementing", deletes_interval_ms=100)
    leat.call("run", "--once", file)
    before = {r["key"]["id"] for r in leat.read("q_t")}
    binlog.sql("DELETE FROM t WHERE id % 100 = 7", "shop")
    leat.call("run", "--once", file)
    assert len(deleted(leat, "q_t")) == 120
    binlog.sql("TRUNCATE t; INSERT INTO t (v) VALUES (1)", "shop")
    leat.call("run", "--once", file)
    assert {key["id"] for key in deleted(leat, "q_t")} == before - {1}
    assert list(last(leat, "q_t")) == [(1,)]


def test_looks_without_autocommit(leat, binlog):
    """The server's sessions begin without it: a look, which takes a second here, still sees what
    was committed, and told, since it began."""
    binlog.sql(TABLE, "shop")
    rows = ", ".join(f"({n})" for n in range(20000))
    for _ in range(3):
        binlog.sql(f"INSERT INTO t (v) VALUES {rows}", "shop")
    with Session(binlog) as writer:
        binlog.sql("SET GLOBAL autocommit = 0")
        try:
            leat.run(source(leat, binlog, "incrementing", deletes_interval_ms=1))
            leat.read_until("q_t", 60000, seconds=120)
            for _ in range(100):
                writer.sql("INSERT INTO t (v) VALUES (0)")
                time.sleep(0.05)
            leat.read_until("q_t", 60100, seconds=60)
            until(lambda: offsets(leat)["{'deletes': 'shop.t'}"]["looks"] > 1, 60, "two looks")
            leat.stop()
        finally:
            binlog.sql("SET GLOBAL autocommit = 1")
    assert deleted(leat, "q_t") == []


def test_a_table_without_a_key(leat, binlog):
    binlog.sql("CREATE TABLE t (id int)", "shop")
    file = source(leat, binlog, "bulk", deletes_interval_ms=100)
    assert "shop.t has no primary key" in leat.call("run", "--once", file, ok=(1,)).stderr

"""MySQL and MariaDB by their binary logs: what one who runs it sees, and that nothing is lost."""

import datetime
import json
import threading

import pytest
from binlog import mark, restart, stream
from servers.process import until

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v varchar(20), w text, j json)"
END = "CREATE TABLE zz_end (id int PRIMARY KEY)"


def config(server, **more):
    return server.properties(database__include__list="shop", **more)


def values(leat, topic="shop.shop.t"):
    return [r["value"] for r in leat.read(topic) if r["value"] is not None]


def ids(leat):
    return [v["after"]["id"] for v in values(leat)]


def start(leat, server, **more):
    server.sql(f"{TABLE}; {END}", "shop")
    file = leat.write("shop.properties", config(server, **more))
    stream(leat, file)
    return file


@pytest.mark.parametrize("gtid", ["true", "false"])
def test_kills(gtid, binlog, leat):
    """Killed again and again under load, with DDL in between: each change once, in order."""
    file = start(leat, binlog, binlog__gtid=gtid)
    rounds, rows = 4, 40

    def load():
        for k in range(rounds):
            text = [f"ALTER TABLE t ADD COLUMN c{k} int DEFAULT {k};"] if k else []
            text += [f"INSERT INTO t (id, v) VALUES ({k * rows + i}, 'x');" for i in range(rows)]
            binlog.sql("".join(text), "shop")

    writer = threading.Thread(target=load)
    writer.start()
    for _ in range(3):
        leat.kill()
        restart(leat, file)
    writer.join()
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert ids(leat) == list(range(rounds * rows))
    for k in range(1, rounds):
        assert values(leat)[k * rows]["after"][f"c{k}"] == k


def test_server_restarts(binlog, leat):
    """The server is killed and comes back: the stream goes on where it was."""
    start(leat, binlog, errors__retry__delay__initial__ms="100")
    binlog.sql("INSERT INTO t (id) VALUES (1)", "shop")
    leat.read_until("shop.shop.t", 1, seconds=60)
    binlog.kill()
    binlog.start()
    binlog.sql("INSERT INTO t (id) VALUES (2)", "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert ids(leat) == [1, 2]


def test_numbers_of_a_domain_that_do_not_grow(mysql_servers, leat):
    """A replica's own write takes a number that its primary gives too: both are read, in the order
    of the log, also behind a restart in between; the doctor tells of the setting."""
    server = mysql_servers("mariadb")
    server.fresh("shop")
    file = start(leat, server)
    at = int(server.sql("SELECT @@global.gtid_binlog_pos")[0][0].split("-")[2])

    def write(server_id, seq, number):
        server.sql(f"SET SESSION server_id = {server_id}, gtid_seq_no = {at + seq};"
                   f"INSERT INTO t (id) VALUES ({number})", "shop")

    for server_id, seq, number in ((2, 1, 1), (2, 2, 2), (2, 3, 3), (1, 1, 4)):
        write(server_id, seq, number)
    leat.read_until("shop.shop.t", 4, seconds=60)
    leat.stop()
    write(1, 2, 5)
    restart(leat, file)
    write(1, 4, 6)
    mark(server, leat, "shop.shop.zz_end", database="shop")
    assert ids(leat) == [1, 2, 3, 4, 5, 6]
    assert leat.stderr.count("mysql.gtid_order") == 1
    leat.stop()
    for server_id, seq, number in ((2, 11, 7), (2, 12, 8), (1, 11, 9)):
        write(server_id, seq, number)
    leat.call("run", "--once", file, seconds=120)
    assert ids(leat) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    steps = leat.call("check", file, "--json").stdout
    assert "SET GLOBAL gtid_strict_mode = 'ON'" in steps


def set_inside(leat, event, row, told):
    """The stored offset is one of Debezium's that stands inside of the next transaction; told:
    changes of table t that it delivered."""
    offsets = leat.json("offsets", "shop")
    offsets["offsets"][0]["offset"] |= {
        "event": event,
        "row": row,
        "transaction_id": "one",
        "transaction_data_collection_order_shop.t": told,
    }
    leat.call("offsets", "shop", "set", leat.write("inside.json", json.dumps(offsets)), "--yes")


def orders(leat):
    """Of each change: id, place in the transaction, place among those of its table."""
    return [(v["after"]["id"], v["transaction"]["total_order"],
             v["transaction"]["data_collection_order"]) for v in values(leat)]


@pytest.mark.parametrize("statements, other", [("false", 0), ("true", 0), ("false", 1)])
def test_inside_a_transaction(statements, other, binlog, leat):
    """An offset of Debezium's that stands behind the second row of a third statement: what follows
    comes, with the numbers behind those that Debezium gave. Of MariaDB it is sent the statements'
    texts, and counts them, only where it shows them. Before all that there can be a statement that
    is no rows: with an event of its own for the variable in it, which counts."""
    file = start(leat, binlog, provide__transaction__metadata="true", include__query=statements)
    binlog.sql("CREATE TABLE other (id int PRIMARY KEY)", "shop")
    mark(binlog, leat, "shop.shop.zz_end", 1, database="shop")
    leat.stop()
    texts = statements == "true" or binlog.kind == "mysql"
    mixed = "INSERT INTO other VALUES (@x); " * other
    ids = "(8)", "(9)", "(1), (2), (3), (4)", "(5)"
    # What differs from server to server (uuid) is logged as rows.
    text = ";".join(f"INSERT INTO t (id, w) VALUES {i.replace(')', ', uuid())')}" for i in ids)
    binlog.sql(f"SET binlog_format = MIXED, @x = 1; BEGIN; {mixed}{text}; COMMIT", "shop")
    # What begins it; variable and statement; text, table and rows of two statements; and of the
    # third without rows.
    set_inside(leat, event=(9 if texts else 6) + 2 * other, row=2, told=4)
    leat.call("run", "--once", file, seconds=120)
    assert orders(leat) == [(3, 5, 5), (4, 6, 6), (5, 7, 7)]
    end = leat.read("shop.transaction")[-1]["value"]
    assert (end["status"], end["event_count"]) == ("END", 7)


def test_inside_a_compressed_transaction(mysql_servers, leat):
    """Debezium counts what is packed, not what it is packed in. Rows of 3,000 bytes: an event has
    two of them."""
    server = mysql_servers("mysql")
    server.fresh("shop")
    file = start(leat, server, provide__transaction__metadata="true")
    mark(server, leat, "shop.shop.zz_end", 1, database="shop")
    leat.stop()
    rows = ", ".join(f"({i}, repeat('x', 3000))" for i in range(1, 8))
    server.sql("SET binlog_transaction_compression = ON;"
               f"INSERT INTO t (id, w) VALUES {rows}", "shop")
    # BEGIN, the text, the table, rows 1 and 2, and half of the next event.
    set_inside(leat, event=4, row=1, told=3)
    leat.call("run", "--once", file, seconds=120)
    assert orders(leat) == [(i, i, i) for i in range(4, 8)]


def test_years(binlog, leat):
    """Rows and changes show the years that are stored; a date in the year 0 is none."""
    def insert(i):
        binlog.sql(f"SET sql_mode = ''; INSERT INTO y VALUES ({i}, '0050-01-01', '0099-12-31', 0,"
                   "'0000-05-06', '0000-05-06', '0000-02-03')", "shop")

    binlog.sql("CREATE TABLE y (id int PRIMARY KEY, d date, dt datetime, y year, no date NOT NULL,"
               "z date, zt datetime)", "shop")
    insert(1)
    leat.run(leat.write("shop.properties", config(binlog, snapshot__mode="initial")))
    leat.read_until("shop.shop.y", 1, seconds=120)
    insert(2)
    epoch = datetime.date(1970, 1, 1)
    want = {
        "d": (datetime.date(50, 1, 1) - epoch).days,
        "dt": (datetime.date(99, 12, 31) - epoch).days * 86400000,
        "y": 0, "no": 0, "z": None, "zt": None,
    }
    for i, record in enumerate(leat.read_until("shop.shop.y", 2, seconds=120), 1):
        assert record["value"]["after"] == {"id": i, **want}


def test_times_of_statements(mysql_servers, leat):
    """MariaDB's log does not tell when a transaction was committed: each of its changes has the
    time of its own statement, as Debezium shows it."""
    server = mysql_servers("mariadb")
    server.fresh("shop")
    start(leat, server)
    at = "SET timestamp = {0}; INSERT INTO t (id) VALUES ({0});"
    server.sql(f"BEGIN; {at.format(1700000000)} {at.format(1700000005)} COMMIT", "shop")
    records = leat.read_until("shop.shop.t", 2, seconds=60)
    found = [(r["value"]["after"]["id"], r["value"]["source"]["ts_ms"]) for r in records]
    assert found == [(1700000000, 1700000000000), (1700000005, 1700000005000)]


@pytest.mark.parametrize("gtid", ["true", "false"])
def test_purged(gtid, binlog, leat):
    """What was not read is gone from the server: it stops, and says what is missing."""
    file = start(leat, binlog, binlog__gtid=gtid)
    binlog.sql("INSERT INTO t (id) VALUES (1)", "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    leat.stop()
    binlog.sql("INSERT INTO t (id) VALUES (2); FLUSH BINARY LOGS; FLUSH BINARY LOGS", "shop")
    last = binlog.sql("SHOW BINARY LOGS")[-1][0]

    def purged():
        """Not while the server still has a session that reads a log."""
        binlog.sql(f"PURGE BINARY LOGS TO '{last}'")
        return binlog.sql("SHOW BINARY LOGS")[0][0] == last

    until(purged, 60, "the purge", every=0.2)
    leat.run(file)
    until(lambda: "mysql.binlog_purged" in leat.stderr, 60, "the error")
    assert leat.wait() != 0
    line = next(one for one in leat.stderr.splitlines() if "mysql.binlog_purged" in one)
    assert "leat offsets" in line and "lost to this connector" in line


@pytest.mark.parametrize("gtid", ["true", "false"])
def test_back_to_a_time(gtid, binlog, leat):
    """What was committed later is captured again, and a transaction of before it."""
    file = start(leat, binlog, binlog__gtid=gtid)
    for i in (1, 2, 3):
        binlog.sql(f"INSERT INTO t (id) VALUES ({i})", "shop")
        leat.read_until("shop.shop.t", i, seconds=60)
        binlog.sql("SELECT SLEEP(2)")
    leat.stop()
    second = values(leat)[1]["ts_ms"] // 1000 + 2
    at = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    time = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    leat.call("offsets", "shop", "set", json.dumps({"offsets": [
        {"partition": {"server": "shop"}, "offset": {"time": time}}]}), "--yes")
    restart(leat, file)
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert ids(leat) == [1, 2, 3, 2, 3]


def test_minimal_images(binlog, leat):
    """Columns that the log leaves out are known to be left out."""
    start(leat, binlog)
    binlog.sql(
        "SET SESSION binlog_row_image = MINIMAL; INSERT INTO t (id, v, w) VALUES (1, 'a', 'b');"
        "UPDATE t SET v = 'c' WHERE id = 1; DELETE FROM t WHERE id = 1",
        "shop",
    )
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    made, changed, gone = values(leat)
    assert made["after"]["v"] == "a"
    assert changed["after"]["id"] == 1 and changed["after"]["v"] == "c"
    assert changed["after"]["w"] == "__debezium_unavailable_value"
    assert changed["before"]["id"] == 1
    assert gone["before"]["id"] == 1 and gone["after"] is None


def test_altered_meanwhile(binlog, leat):
    """Rows of before a table was altered or dropped have the columns of then."""
    file = start(leat, binlog)
    leat.stop()
    binlog.sql(
        "INSERT INTO t (id, v) VALUES (1, 'a'); ALTER TABLE t RENAME COLUMN v TO name;"
        "INSERT INTO t (id, name) VALUES (2, 'b'); DROP TABLE t",
        "shop",
    )
    restart(leat, file)
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert [(v["after"].get("v"), v["after"].get("name")) for v in values(leat)] == [
        ("a", None),
        (None, "b"),
    ]


def test_altered_without_names(binlog, leat):
    """The log has no names, and the table was altered meanwhile: they are those of then."""
    file = start(leat, binlog)
    leat.stop()
    binlog.sql("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
    try:
        binlog.sql("INSERT INTO t (id, w) VALUES (1, 'a'); ALTER TABLE t DROP COLUMN w", "shop")
        restart(leat, file)
        mark(binlog, leat, "shop.shop.zz_end", database="shop")
        assert values(leat)[0]["after"]["w"] == "a"
    finally:
        binlog.sql("SET GLOBAL binlog_row_metadata = 'FULL'")


def test_large_transaction(binlog, leat):
    """A transaction of more rows than a batch has, in order."""
    start(leat, binlog)
    rows = ",".join(f"({i}, REPEAT('x', 20), REPEAT('y', 500))" for i in range(3000))
    binlog.sql(f"BEGIN; INSERT INTO t (id, v, w) VALUES {rows}; COMMIT", "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert ids(leat) == list(range(3000))


def test_once(binlog, leat):
    """run --once ends at the end of the log as it was at its start."""
    binlog.sql(f"{TABLE}; {END}", "shop")
    file = leat.write("shop.properties", config(binlog))
    leat.run("--once", file)
    assert leat.wait(120) == 0
    binlog.sql("INSERT INTO t (id) VALUES (1)", "shop")
    leat.run("--once", file)
    assert leat.wait(120) == 0
    assert ids(leat) == [1]


def test_check(binlog, leat):
    """The doctor names the right that is missing, and the statement that grants it."""
    binlog.sql(
        "DROP USER IF EXISTS poor@'%'; CREATE USER poor@'%' IDENTIFIED BY 'secret';"
        "GRANT SELECT ON shop.* TO poor@'%'"
    )
    binlog.sql(TABLE, "shop")
    poor = {"database.user": "poor", "database.password": "secret"}
    file = leat.write("poor.properties", config(binlog) | poor)
    steps = leat.call("check", file, "--json", ok=(3,)).stdout
    assert "GRANT REPLICATION SLAVE ON *.*" in steps and "secret" not in steps
    binlog.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO poor@'%'")
    done = leat.call("check", file, ok=None)
    assert done.returncode == 0, done.stdout
    wrong = leat.write("wrong.properties", config(binlog) | poor | {"database.password": "other"})
    assert "mysql.auth" in leat.call("check", wrong, "--json", ok=(3,)).stdout


def test_connections(binlog, leat):
    """A saved connection: tried as each strategy needs it, and used by a connector."""
    binlog.sql(
        "DROP USER IF EXISTS reader@'%'; CREATE USER reader@'%' IDENTIFIED BY 'secret';"
        "GRANT SELECT, INSERT ON shop.* TO reader@'%'"
    )
    binlog.sql(TABLE, "shop")
    words = [f"type={binlog.kind}", f"host={binlog.host}", f"port={binlog.port}",
             "username=reader", "database=shop", f"server.id={900000 + binlog.port}"]
    file = leat.write("password", "password=secret\n")
    assert "is required" in leat.call("connection", "create", "s", *words[:3], ok=(2,)).stderr
    leat.call("connection", "create", "s", "strategy=By Query", *words, "--from", file)

    def steps(strategy, ok):
        done = leat.call("connection", "test", "s", "--strategy", strategy, "--json", ok=(ok,))
        assert "secret" not in done.stdout + done.stderr
        return {s["step"]: s for s in map(json.loads, done.stdout.splitlines()) if "step" in s}

    assert steps("query", 0)["tables"]["state"] == "ok"
    assert steps("custom", 0)["function"]["state"] == "skipped"
    write = steps("write", 3)["write"]
    assert "UPDATE, DELETE" in write["detail"] and "INSERT" not in write["detail"]
    binlog.sql(write["sql"])
    steps("write", 0)
    assert "REPLICATION SLAVE" in steps("binlog", 3)["replication"]["sql"]
    binlog.sql("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO reader@'%'")
    leat.call("connection", "test", "s", "--strategy", "By Bin Logs")
    binlog.sql("INSERT INTO t (id) VALUES (7)", "shop")
    leat.run("--once", leat.write("shop.properties", {
        "connector.class": binlog.kind, "connection": "s", "topic.prefix": "shop"}))
    assert leat.wait(120) == 0
    assert ids(leat) == [7]
    leat.call("plugins", binlog.kind, "--template")


def test_refused(binlog, leat):
    """What is not there yet is said, not guessed."""
    file = leat.write("a.properties", config(binlog) | {"snapshot.mode": "custom"})
    done = leat.call("check", file, ok=None)
    assert done.returncode == 2 and "Java class" in done.stdout + done.stderr
    other = {"mysql": "mariadb", "mariadb": "mysql"}[binlog.kind]
    file = leat.write("b.properties", config(binlog) | {"connector.class": other})
    assert f"connector.class={binlog.kind}" in leat.call("check", file, ok=(3,)).stdout


def test_tls(binlog, leat):
    """Encrypted if asked for; an authority that did not sign the certificate is refused."""
    binlog.sql(TABLE, "shop")
    # A MariaDB shows its certificate only to a session that is encrypted.
    encrypts = (binlog.sql("SHOW STATUS LIKE 'Ssl_server_not_after'")[0][1] != ""
                or binlog.sql("SHOW VARIABLES LIKE 'have_ssl'") == [["have_ssl", "YES"]])
    file = leat.write("a.properties", config(binlog) | {"database.ssl.mode": "required"})
    done = leat.call("check", file, "--json", ok=None)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode == 0) == encrypts, steps
    if not encrypts:
        assert "mysql.tls" in done.stdout

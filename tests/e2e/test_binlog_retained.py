"""What MySQL and MariaDB keep of their logs for a connector: shown, and warned about in time."""

import pytest
from binlog import mark, restart, stream
from servers.process import until

TABLES = "CREATE TABLE t (id int PRIMARY KEY, w longtext); CREATE TABLE zz_end (id int PRIMARY KEY)"
LIVES = "SET GLOBAL binlog_expire_logs_seconds = "


def start(leat, server, **more):
    server.sql(TABLES, "shop")
    file = leat.write("shop.properties",
                      server.properties(database__include__list="shop", **more))
    stream(leat, file)
    return file


def pause(leat):
    leat.call("pause", "shop")
    until(lambda: leat.status("shop")["state"] == "PAUSED", 60, "the pause")


def insert(server, *ids):
    for i in ids:
        server.sql(f"INSERT INTO t VALUES ({i}, REPEAT('x', 1000000))", "shop")


@pytest.fixture
def lasting(binlog):
    """Its settings are put back."""
    old = binlog.sql("SELECT @@global.binlog_expire_logs_seconds")[0][0]
    yield binlog
    binlog.sql(LIVES + old)


def why(leat):
    return leat.call("why", "shop").stdout


def test_what_is_kept(lasting, leat):
    """How much, and for how long: from when the position's log was closed. What is soon to be
    removed is warned about once, and again where it goes nearer."""
    lasting.sql(LIVES + "86400")
    start(leat, lasting)
    insert(lasting, 1)
    mark(lasting, leat, "shop.shop.zz_end", database="shop")
    first = until(lambda: (s := leat.status("shop"))["retained_bytes"] >= 0 and s, 60, "the look")
    assert first["log_left_ms"] == pytest.approx(86400_000, abs=2000), "its log is the last one"
    assert first["log_expires_ms"] == 86400_000 and not first["log_removed"]
    assert first["retained_limit"] == 0
    pause(leat)
    insert(lasting, 2, 3)
    lasting.sql("FLUSH BINARY LOGS")

    def grown():
        s = leat.status("shop")
        return s["retained_bytes"] > 2_000_000 and s

    s = until(grown, 60, "what is kept")
    assert s["lag_bytes"] == s["retained_bytes"] < 3_000_000
    assert 86000_000 < s["log_left_ms"] < 86400_000
    assert "log that was not read" not in why(leat) and "mysql.log_expires" not in leat.stderr
    lasting.sql(LIVES + "1")
    until(lambda: "mysql.log_expires" in leat.stderr, 60, "the warning")
    said = "may remove log that was not read at any moment"
    until(lambda: said in why(leat), 10, "the reason")
    assert leat.status("shop")["log_left_ms"] == 0
    leat.call("resume", "shop")
    mark(lasting, leat, "shop.shop.zz_end", 2, database="shop")
    until(lambda: leat.status("shop")["retained_bytes"] == 0, 60, "nothing to be kept")
    assert leat.stderr.count("mysql.log_expires") == 1
    assert "log that was not read" not in why(leat)


def test_removed_while_paused(binlog, leat):
    """The position's log is gone, and with it the session that had read it: that is said while it
    is paused, and when it goes on it stops."""
    start(leat, binlog, errors__retry__delay__initial__ms="100")
    insert(binlog, 1)
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    pause(leat)
    for (session,) in binlog.sql("SELECT id FROM information_schema.processlist "
                                 "WHERE command LIKE 'Binlog Dump%'"):
        binlog.sql(f"KILL {session}")
    for i in range(8):  # more than what is on its way in a socket
        insert(binlog, 10 + i)
    binlog.sql("FLUSH BINARY LOGS; FLUSH BINARY LOGS")
    last = binlog.sql("SHOW BINARY LOGS")[-1][0]

    def purged():
        binlog.sql(f"PURGE BINARY LOGS TO '{last}'")
        return binlog.sql("SHOW BINARY LOGS")[0][0] == last

    until(purged, 60, "the purge", every=0.2)
    until(lambda: leat.status("shop")["log_removed"], 60, "the loss to be seen")
    until(lambda: "mysql.log_removed" in leat.stderr, 10, "the warning")
    line = next(one for one in leat.stderr.splitlines() if "mysql.log_removed" in one)
    assert "leat offsets" in line and "lost to this connector" in line
    assert "The server has removed log that was not read" in why(leat)
    leat.call("resume", "shop")
    until(lambda: "mysql.binlog_purged" in leat.stderr, 60, "the error")
    assert leat.wait() != 0


def test_it_is_not_told(mysql_servers, leat):
    """Without the right to see the logs nothing is shown, which is said once; changes are read."""
    server = mysql_servers("mysql")
    server.fresh("shop")
    file = start(leat, server)
    mark(server, leat, "shop.shop.zz_end", database="shop")
    leat.stop()
    server.sql("DROP USER IF EXISTS few@'%'; CREATE USER few@'%' IDENTIFIED BY 'secret';"
               "GRANT SELECT ON shop.* TO few@'%'; GRANT REPLICATION SLAVE ON *.* TO few@'%'")
    file = leat.write("shop.properties", server.properties(
        database__include__list="shop", database__user="few", database__password="secret"))
    restart(leat, file)
    mark(server, leat, "shop.shop.zz_end", 2, database="shop")
    until(lambda: "mysql.retained_unknown" in leat.stderr, 60, "the warning")
    assert "REPLICATION CLIENT" in leat.stderr
    s = leat.status("shop")
    assert s["retained_bytes"] == s["retained_limit"] == s["log_left_ms"] == -1

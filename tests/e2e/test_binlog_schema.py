"""The schema history of MySQL and MariaDB: rows have the columns of their time, or the connector
stops; `leat schema` shows, verifies, exports, mends and forgets what is known."""

import json
import sqlite3

import pytest
from binlog import mark, restart, stream
from servers.process import until

TABLE = "CREATE TABLE t (id int PRIMARY KEY, v varchar(20), w varchar(20))"
END = "CREATE TABLE zz_end (id int PRIMARY KEY)"
SWAP = "ALTER TABLE t RENAME COLUMN v TO w, RENAME COLUMN w TO v"


@pytest.fixture(params=["MINIMAL", "FULL"])
def metadata(request, binlog):
    """What the log tells of columns."""
    binlog.sql(f"SET GLOBAL binlog_row_metadata = '{request.param}'")
    yield request.param
    binlog.sql("SET GLOBAL binlog_row_metadata = 'FULL'")


def start(leat, server, **more):
    server.sql(f"{TABLE}; {END}", "shop")
    config = server.properties(database__include__list="shop", **more)
    file = leat.write("shop.properties", config)
    stream(leat, file)
    return file


def rows(leat):
    """(id, v, w) of what came."""
    values = [r["value"] for r in leat.read("shop.shop.t") if r["value"] is not None]
    return [tuple(v["after"].get(c) for c in ("id", "v", "w")) for v in values]


def entries(leat, table="shop.t"):
    out = leat.call("schema", "shop", "show", table, "--json").stdout
    return [json.loads(line) for line in out.splitlines()]


def insert(n):
    """Its values tell which column was called what when it was written."""
    return f"INSERT INTO t (id, v, w) VALUES ({n}, 'v', 'w');"


def test_swapped_while_it_stood(metadata, binlog, leat):
    """Two columns of one type swap their names while the connector stands: nothing but the history
    can tell the rows before from those behind."""
    file = start(leat, binlog)
    leat.stop()
    binlog.sql(f"{insert(1)} {SWAP}; {insert(2)}", "shop")
    restart(leat, file)
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert rows(leat) == [(1, "v", "w"), (2, "v", "w")]
    whats = [en["what"] for en in entries(leat)]
    assert whats[-1] == "snapshot" and "alter" in whats


def test_swapped_twice(metadata, binlog, leat):
    """What a table looked like between two statements, both behind the connector's position, only
    full metadata tells. Without it the connector stops, and goes on with what a person says."""
    file = start(leat, binlog)
    leat.stop()
    binlog.sql(f"{insert(1)} {SWAP}; {insert(2)} {SWAP}; {insert(3)}", "shop")
    if metadata == "FULL":
        restart(leat, file)
    else:
        leat.run(file)
        until(lambda: "mysql.schema_unknown" in leat.stderr, 60, "the error")
        assert leat.wait() != 0
        line = next(one for one in leat.stderr.splitlines() if "mysql.schema_unknown" in one)
        assert "ALTER TABLE t RENAME" in line and "leat schema shop set shop.t" in line
        assert rows(leat) == [(1, "v", "w")]
        known = next(en["def"] for en in entries(leat) if en["def"])
        columns = known["columns"]
        columns[1], columns[2] = columns[2], columns[1]
        leat.call("schema", "shop", "set", "shop.t", leat.write("t.json", json.dumps(known)))
        restart(leat, file)
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    assert rows(leat) == [(1, "v", "w"), (2, "v", "w"), (3, "v", "w")]


def test_no_history(metadata, binlog, leat):
    """A table of which nothing was noted: the catalogue will do if the log's rest does not alter
    it, and without full metadata only then."""
    file = start(leat, binlog)
    leat.stop()
    leat.call("schema", "shop", "rebuild", "--yes")
    binlog.sql(f"{insert(1)} ALTER TABLE zz_end ADD x int", "shop")
    restart(leat, file)
    binlog.sql("INSERT INTO zz_end VALUES (1, 1)", "shop")
    leat.read_until("shop.shop.zz_end", 1, seconds=60)
    assert rows(leat) == [(1, "v", "w")]
    leat.stop()
    leat.call("schema", "shop", "rebuild", "--yes")
    binlog.sql(f"{insert(2)} {SWAP}; {insert(3)}", "shop")
    if metadata == "FULL":
        restart(leat, file)
        binlog.sql("INSERT INTO zz_end VALUES (2, 2)", "shop")
        leat.read_until("shop.shop.zz_end", 2, seconds=60)
        assert rows(leat)[1:] == [(2, "v", "w"), (3, "v", "w")]
        return
    leat.run(file)
    until(lambda: "mysql.schema_unknown" in leat.stderr, 60, "the error")
    assert leat.wait() != 0
    assert rows(leat) == [(1, "v", "w")]


def test_read_again(metadata, binlog, leat):
    """The position is set back: the same rows come again, with the same columns."""
    file = start(leat, binlog)
    mark(binlog, leat, "shop.shop.zz_end", 1, database="shop")
    leat.stop()
    begun = leat.call("offsets", "shop", "--json").stdout
    restart(leat, file)
    for n, ddl in enumerate((SWAP, SWAP, "ALTER TABLE t ADD x int"), 1):
        binlog.sql(f"{insert(n)} {ddl}", "shop")
        mark(binlog, leat, "shop.shop.zz_end", n + 1, database="shop")
    binlog.sql(insert(4), "shop")
    mark(binlog, leat, "shop.shop.zz_end", 5, database="shop")
    leat.stop()
    noted = [en["what"] for en in entries(leat)]
    leat.call("offsets", "shop", "set", leat.write("begun.json", begun), "--yes")
    restart(leat, file)
    leat.read_until("shop.shop.zz_end", 9, seconds=60)
    assert [r[:3] for r in rows(leat)] == [(i, "v", "w") for i in (1, 2, 3, 4)] * 2
    assert [en["what"] for en in entries(leat)][-len(noted) :] == noted


def place_of(server):
    """Where the log ends, as members of an offset."""
    mysql = server.kind == "mysql"
    status = server.sql("SHOW BINARY LOG STATUS" if mysql else "SHOW MASTER STATUS")[0]
    gtids = status[4] if mysql else server.sql("SELECT @@global.gtid_binlog_pos")[0][0]
    return {"file": status[0], "pos": int(status[1]), "gtids": gtids}


def test_set_ahead(metadata, binlog, leat):
    """The position is set behind statements that were not read: what was noted before them is not
    what tables look like there."""
    file = start(leat, binlog)
    mark(binlog, leat, "shop.shop.zz_end", 1, database="shop")
    leat.stop()
    binlog.sql(f"{SWAP}; {insert(1)}", "shop")
    offsets = json.loads(leat.call("offsets", "shop", "--json").stdout)
    offsets["offsets"][0]["offset"] |= place_of(binlog)
    leat.call("offsets", "shop", "set", leat.write("ahead.json", json.dumps(offsets)), "--yes")
    restart(leat, file)
    binlog.sql(insert(2), "shop")
    mark(binlog, leat, "shop.shop.zz_end", 2, database="shop")
    assert rows(leat) == [(2, "v", "w")]


def test_read_again_where_numbers_fell(mysql_servers, leat):
    """A statement whose number is below one before it (gtid_strict_mode=OFF): rows before it that
    are read again have the columns of then."""
    server = mysql_servers("mariadb")
    server.fresh("shop")
    server.sql("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
    try:
        file = start(leat, server)
        mark(server, leat, "shop.shop.zz_end", 1, database="shop")
        leat.stop()
        begun = leat.call("offsets", "shop", "--json").stdout
        restart(leat, file)
        at = int(server.sql("SELECT @@global.gtid_binlog_pos")[0][0].split("-")[2])
        end = "INSERT INTO zz_end VALUES (2)"
        for server_id, seq, text in ((2, 1, end), (2, 2, insert(1)), (1, 1, SWAP),
                                     (1, 2, insert(2))):
            server.sql(f"SET SESSION server_id = {server_id}, gtid_seq_no = {at + seq}; {text}",
                       "shop")
        mark(server, leat, "shop.shop.zz_end", 3, database="shop")
        leat.stop()
        leat.call("offsets", "shop", "set", leat.write("begun.json", begun), "--yes")
        restart(leat, file)
        leat.read_until("shop.shop.zz_end", 5, seconds=60)
        assert rows(leat) == [(1, "v", "w"), (2, "v", "w")] * 2
    finally:
        server.sql("SET GLOBAL binlog_row_metadata = 'FULL'")


def test_charset_of_statements(metadata, binlog, leat):
    """A statement of a client with another character set: its names are read in that."""
    binlog.sql("CREATE TABLE `größe` (id int PRIMARY KEY, v int, w int)", "shop")
    start(leat, binlog)
    text = "INSERT INTO `größe` (id, v, w) VALUES ({}, 1, 2);"
    swap = "ALTER TABLE `größe` RENAME COLUMN v TO w, RENAME COLUMN w TO v;"
    binlog.sql(text.format(1), "shop")
    binlog.sql("SET NAMES latin1; " + swap, "shop", encoding="latin1")
    binlog.sql(text.format(2), "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    topic = next(t["topic"] for t in leat.topics() if t["topic"].startswith("shop.shop.gr"))
    got = [(r["value"]["after"]["v"], r["value"]["after"]["w"]) for r in leat.read(topic)]
    assert got == [(1, 2), (1, 2)]


def test_show_and_verify(binlog, leat):
    """What is noted is shown; a table that is another one on the server, and an entry that was
    changed, are found."""
    file = start(leat, binlog)
    binlog.sql("ALTER TABLE t ADD x int COMMENT 'it''s'; DROP TABLE IF EXISTS nothing", "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    shown = leat.call("schema", "shop", "show").stdout
    assert "shop.t" in shown and "4 columns" in shown
    one = leat.call("schema", "shop", "show", "shop.t").stdout
    assert "ALTER TABLE t ADD x" in one
    assert "2 as noted, 0 otherwise" in leat.call("schema", "shop", "verify").stderr
    leat.stop()
    binlog.sql("SET sql_log_bin = 0; ALTER TABLE t DROP COLUMN x", "shop")
    found = leat.call("schema", "shop", "verify", ok=(3,))
    assert "shop.t" in found.stdout and "1 otherwise" in found.stderr
    db = sqlite3.connect(leat.data + "/connectors/shop/state.db")
    db.execute("UPDATE schemas SET def = replace(def, '\"v\"', '\"z\"') WHERE tab = 't'")
    db.commit()
    db.close()
    found = leat.call("schema", "shop", "verify", ok=(3,))
    assert "do not fit their checksums" in found.stdout
    restart(leat, file)
    binlog.sql(insert(1), "shop")
    mark(binlog, leat, "shop.shop.zz_end", 2, database="shop")
    assert rows(leat) == [(1, "v", "w")] and "schema.broken" in leat.stderr
    assert "schema.unknown" in leat.call("schema", "shop", "show", "shop.none", ok=(1,)).stderr
    assert "connector.unknown" in leat.call("schema", "nobody", "show", ok=(1,)).stderr
    assert leat.call("schema", "shop", "eat", ok=(2,))


def test_export_and_import(binlog, leat):
    """What goes out as Debezium keeps it comes in again, and is enough to go on."""
    file = start(leat, binlog)
    enum = "enum('a','b,''c') NOT NULL DEFAULT 'a'"
    binlog.sql(f"ALTER TABLE t ADD e {enum}, ADD u int unsigned", "shop")
    mark(binlog, leat, "shop.shop.zz_end", database="shop")
    leat.stop()
    out = leat.call("schema", "shop", "export").stdout
    records = [json.loads(line) for line in out.splitlines()]
    altered = next(r for r in records if r["ddl"].startswith("ALTER"))
    change = altered["tableChanges"][0]
    assert change["id"] == '"shop"."t"' and change["type"] == "ALTER"
    assert [c["name"] for c in change["table"]["columns"]] == ["id", "v", "w", "e", "u"]
    assert change["table"]["columns"][3]["enumValues"] == ["'a'", "'b,''c'"]
    assert altered["source"] == {"server": "shop"} and altered["position"]["file"]
    was = entries(leat)[0]["def"]
    leat.call("schema", "shop", "rebuild", "--yes")
    leat.call("schema", "shop", "import", leat.write("history.jsonl", out))
    now = entries(leat)[0]["def"]
    for x, y in zip(was["columns"], now["columns"]):
        assert x["name"] == y["name"] and x["nullable"] == y["nullable"], (x, y)
        assert x["type"].replace("int(10)", "int").replace("int(11)", "int") == y["type"].replace(
            "int(10)", "int"
        ).replace("int(11)", "int")
    binlog.sql("SET GLOBAL binlog_row_metadata = 'MINIMAL'")
    try:
        binlog.sql(f"{insert(1)} {SWAP}; {insert(2)}", "shop")
        restart(leat, file)
        mark(binlog, leat, "shop.shop.zz_end", 2, database="shop")
        assert rows(leat) == [(1, "v", "w"), (2, "v", "w")]
    finally:
        binlog.sql("SET GLOBAL binlog_row_metadata = 'FULL'")
    bad = leat.write("bad.jsonl", '{"source":{"server":"shop"}}')
    assert "schema.record" in leat.call("schema", "shop", "import", bad, ok=(1,)).stderr

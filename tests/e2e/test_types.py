"""Every type of the server and its extremes: the snapshot and the stream show the same, in all
modes, and what a type's text says is what is shown.

The server makes the values from literals; nothing here knows a wire format. A row takes the next
literal of each column in turn, so rows mix; the last row is all NULLs.
"""

import pytest
from servers.process import until

# type -> literals. "#" before a type: from that version of the server on.
SCALARS = {
    "boolean": ["true", "false"],
    "smallint": ["-32768", "32767", "0"],
    "integer": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807"],
    "oid": ["0", "4294967295"],
    "real": ["NaN", "Infinity", "-Infinity", "-0", "3.4028235e38", "1e-45", "0.1"],
    "double precision": ["NaN", "-Infinity", "-0", "1.7976931348623157e308", "5e-324", "0.1"],
    "numeric": ["0", "-0.00", "1e1000", "1e-1000", "123456789012345678901234567890.5", "1.10"],
    "numeric(38,10)": ["9999999999999999999999999999.9999999999", "-0.0000000001", "0"],
    "numeric(5,0)": ["99999", "-99999"],
    "money": ["92233720368547758.07", "-92233720368547758.08", "0"],
    "text": ["", " a\tb\n\r\\N\\", "\u00fc\u20ac\U0001f600", "NULL", '{"}', "x" * 10000],
    "varchar(7)": ["", "\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac\u20ac"],
    "char(5)": ["", "ab"],
    '"char"': ["a", ""],
    "name": ["n", "x" * 63],
    "citext": ["AbC"],
    "bytea": ["\\x", "\\x00ff5c27", "abc"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "FFFFFFFF-ffff-ffff-ffff-ffffffffffff"],
    "json": ['{"a": 1, "a": 2}', "null", '"\\u00e9"', "[1e400]"],
    "jsonb": ['{"b": [1, {"c": null}], "a": "\\"\\\\"}', "1e30"],
    "xml": ["<a/>", "<a b='1'>\u00e9&amp;</a>", "text"],
    "bit": ["0", "1"],
    "bit(3)": ["000", "101"],
    "bit(20)": ["1" + "0" * 19, "0" * 20],
    "varbit": ["", "1", "0" * 17 + "1"],
    "date": ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2000-02-29", "0001-01-01"],
    "time": ["00:00", "24:00", "23:59:59.999999", "00:00:00.000001"],
    "time(0)": ["23:59:59.5", "00:00"],
    "time(3)": ["23:59:59.999", "00:00:00.001"],
    "timetz": ["00:00+15:59:59", "24:00-15:59", "12:34:56.789012Z"],
    "timestamp": ["infinity", "-infinity", "4713-11-24 BC", "294246-12-31 23:59:59.999999"],
    "timestamp(0)": ["1969-12-31 23:59:59.4", "0001-01-01 BC"],
    "timestamp(3)": ["1969-12-31 23:59:59.999", "9999-12-31 23:59:59.999"],
    "timestamptz": ["infinity", "-infinity", "4713-11-24 BC 00:00Z", "294246-12-31 23:59:59.9Z"],
    "timestamptz(1)": ["2024-02-29 11:14:15.96+05:30"],
    "interval": ["0", "-178000000 years", "178000000 years 11 mons 31 days 1:2:3.000004", "-1 us"],
    "inet": ["1.2.3.4", "10.0.0.1/8", "::1", "fe80::1/10"],
    "cidr": ["10.0.0.0/8", "2001:db8::/32"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "point": ["(1,2)", "(-1e308,1e-308)", "(NaN,Infinity)"],
    "line": ["{1,-1,0}"],
    "lseg": ["[(0,0),(1,1)]"],
    "box": ["(1,1),(0,0)"],
    "path": ["[(0,0),(1,1)]", "((0,0),(1,1))"],
    "polygon": ["((0,0),(1,1),(2,0))"],
    "circle": ["<(1,2),3>"],
    "tsvector": ["'a':1A 'b c':2", ""],
    "tsquery": ["a & !b"],
    "int4range": ["empty", "(,)", "[1,5)"],
    "int8range": ["[-9223372036854775808,)"],
    "numrange": ["(1.5,2.50]"],
    "tsrange": ['["2020-01-01 00:00","infinity")'],
    "tstzrange": ['["2020-01-01 00:00Z",)'],
    "daterange": ["[2020-01-01,infinity)"],
    "#14 int4multirange": ["{}", "{[1,3),[5,7)}"],
    "pg_lsn": ["FFFFFFFF/FFFFFFFF"],
    "txid_snapshot": ["10:20:10,14"],
    "jsonpath": ["$.a[*]"],
    "ltree": ["a.b_c.d"],
    "hstore": ['""=>"", "a"=>NULL, "q\\"k"=>"v\\\\"'],
    "isbn": ["0-393-04002-X"],
    "mood": ["sad", "o,k", "it's \"so\""],
    "price": ["1.50"],
    "when_": ["2020-01-01 00:00:00.123"],
    "comp": ['(1,"a,b")'],
}
NO_ARRAY = {'"char"'}  # ''::"char" is the same as no element
EXTENSIONS = ("citext", "hstore", "ltree", "isn")
MODES = {
    "default": {},
    "text": {
        "decimal.handling.mode": "string",
        "time.precision.mode": "isostring",
        "binary.handling.mode": "hex",
        "interval.handling.mode": "string",
        "include.unknown.datatypes": "true",
    },
    "other": {
        "decimal.handling.mode": "double",
        "time.precision.mode": "microseconds",
        "binary.handling.mode": "base64",
        "hstore.handling.mode": "map",
        "include.unknown.datatypes": "true",
        "debezium.faults": "false",
    },
    "connect": {
        "time.precision.mode": "connect",
        "binary.handling.mode": "base64-url-safe",
        "money.fraction.digits": "0",
    },
}
# Shown as the text that the server has for them, in the mode "text".
AS_TEXT = """text varchar(7) char(5) name citext uuid json jsonb xml cidr macaddr macaddr8 ltree
    int4range int8range numrange tsrange tstzrange daterange mood numeric numeric(38,10)
    numeric(5,0) tsvector price""".split()


def columns(db):
    """(name, type, literals) of what this server has, arrays behind the types themselves."""
    for name in EXTENSIONS:
        db.sql(f"CREATE EXTENSION IF NOT EXISTS {name}")
    db.sql("CREATE TYPE mood AS ENUM ('sad', 'o,k', 'it''s \"so\"')")
    db.sql("CREATE DOMAIN price AS numeric(8,2)")
    db.sql("CREATE DOMAIN when_ AS timestamp(3)")
    db.sql("CREATE TYPE comp AS (a int, b text)")
    have = []
    for kind, literals in SCALARS.items():
        since, _, rest = kind.partition(" ")
        if since.startswith("#"):
            if db.server.version < int(since[1:]):
                continue
            kind = rest
        have.append((f"c{len(have)}", kind, literals))
    for _, kind, literals in list(have):
        if kind not in NO_ARRAY:
            have.append((f"c{len(have)}", f"{kind}[]", literals))
    return have


def fill(db, table, cols):
    """A row a literal of the column that has most, and one of NULLs; arrays have a NULL inside, and
    those of the first row are empty."""
    db.sql(
        f"CREATE TABLE {table} (id int PRIMARY KEY, "
        + ", ".join(f"{name} {kind}" for name, kind, _ in cols)
        + ")"
    )
    rows = max(len(literals) for _, _, literals in cols)
    for i in range(rows + 1):
        values = []
        for _, kind, literals in cols:
            value = literals[i % len(literals)]
            if kind.endswith("[]"):
                values.append([] if i == 0 else [value, None, literals[0]])
            else:
                values.append(value)
        if i == rows:
            values = [None] * len(cols)
        cells = ", ".join(
            f"%s::text[]::{kind}" if kind.endswith("[]") else f"%s::text::{kind}"
            for _, kind, _ in cols
        )
        db.sql(f"INSERT INTO {table} VALUES ({i}, {cells})", *values)
    return rows + 1


@pytest.mark.parametrize("mode", MODES)
def test_snapshot_and_stream(db, leat, mode):
    db.server.needs(13, "txid_snapshot beside pg_snapshot, jsonpath")
    cols = columns(db)
    n = fill(db, "a", cols)
    db.sql("CREATE TABLE b (LIKE a INCLUDING ALL)")
    db.sql("ALTER TABLE b REPLICA IDENTITY FULL")
    leat.run(leat.write("shop.properties", db.properties(name="shop") | MODES[mode]))
    read = leat.read_until("shop.public.a", n)
    db.sql("INSERT INTO b SELECT * FROM a ORDER BY id")
    db.sql("UPDATE b SET id = id + 1000")
    streamed = leat.read_until("shop.public.b", 4 * n, seconds=60)
    until(lambda: leat.status("shop")["counts"].get("received") == 2 * n, 10, "all changes")
    assert leat.status("shop")["counts"].get("dead_lettered", 0) == 0
    assert leat.stop() == 0
    assert len(read) == n
    kinds = {name: kind for name, kind, _ in cols}
    rows = {r["value"]["after"]["id"]: r["value"]["after"] for r in read}
    created = [r["value"]["after"] for r in streamed[:n]]
    for row in created:
        for name in rows[row["id"]]:
            assert row[name] == rows[row["id"]][name], f"{kinds.get(name)} of row {row['id']}"
    # A key change with the whole old row: what it was, and what it is, are the same but for the id.
    deleted = [r["value"]["before"] for r in streamed[n:] if r["value"] and r["value"]["op"] == "d"]
    assert deleted == created
    later = [r["value"]["after"] for r in streamed[n:] if r["value"] and r["value"]["op"] == "c"]
    assert [row | {"id": row["id"] - 1000} for row in later] == created
    if mode == "text":
        compare_texts(db, cols, rows)


def compare_texts(db, cols, rows):
    """The server's own texts beside what was shown."""
    shown = 0
    for name, kind, _ in cols:
        if kind not in AS_TEXT:
            continue
        for i, text in db.sql(f"SELECT id, {name}::text FROM a"):
            if text in ("NaN", "Infinity", "-Infinity"):
                continue
            if kind == "char(5)" and text is not None:
                text = text.ljust(5)
            assert rows[i][name] == text, f"{kind} of row {i}"
            shown += 1
    assert shown > 100

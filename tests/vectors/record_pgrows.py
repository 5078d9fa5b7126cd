#!/usr/bin/env python3
"""Records rows of all types in COPY's two forms, text and binary, into pgrows.json.

    record_pgrows.py HOST PORT USER

Each type is a column, each row has one of its values, extremes first, then NULL. In binary form a
column whose type has no exact one is the text of its output function, as leat asks for it.
"""

import json
import os
import struct
import sys

import psycopg
from record_pgbinary import TYPES as EXACT
from record_pgtypes import SRC, literals

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "pgrows.json")

# Those without an exact binary form, of which the server's texts alone can be relied on; and types
# of one's own.
TEXT = {
    '"char"': ["", "a", "\\377"],
    "money": ["-92233720368547758.08", "92233720368547758.07", "0.01", "-0.05"],
    "bit(1)": ["0", "1"],
    "bit(12)": ["000000000001", "100000000000", "000000000000"],
    "bit varying": ["", "1", "0" * 70 + "1"],
    "inet": ["0.0.0.0", "255.255.255.255/8", "::1", "2001:db8::ff/32", "10.1.2.3/32"],
    "cidr": ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"],
    "macaddr": ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "xml": ["", "<a>1</a>", "plain", "<?xml version=\"1.0\"?><b/>"],
    "point": ["(0,0)", "(-1.5e300,5e-324)", "(NaN,Infinity)"],
    "box": ["(2,2),(0,0)"],
    "circle": ["<(0,0),1.5>"],
    "line": ["{1,-1,0}"],
    "lseg": ["[(0,0),(1,1)]"],
    "path": ["((0,0),(1,1))", "[(0,0)]"],
    "polygon": ["((0,0),(1,1),(2,0))"],
    "tsvector": ["", "'a':1A 'b c':2,3", "'it''s'"],
    "tsquery": ["'a' & !'b'"],
    "pg_lsn": ["0/0", "FFFFFFFF/FFFFFFFF"],
    "int4range": ["empty", "(,)", "[1,2147483647)", "[-2147483648,0)"],
    "int8range": ["empty", "[-9223372036854775808,9223372036854775807)"],
    "numrange": ["(,)", "[-1e-20,1e20]", "[NaN,NaN]"],
    "daterange": ["[4713-01-01 BC,infinity)", "empty"],
    "tsrange": ["[0044-03-15 12:00:00 BC,9999-12-31 23:59:59.999999]", "[-infinity,infinity]"],
    "tstzrange": ["[2024-01-01 00:00:00+00,)"],
    "int4multirange": ["{}", "{[1,3),[5,9)}"],
    "nummultirange": ["{[1.5,2.50)}"],
    "smallint[]": ["{}", "{-32768,32767,NULL}"],
    "integer[]": ["{}", "{1,NULL,-2147483648}"],
    "bigint[]": ["{-9223372036854775808}"],
    "real[]": ["{3.4028235e38,1e-45,NaN,-0}"],
    "double precision[]": ["{1.7976931348623157e308,5e-324,-Infinity}"],
    "numeric[]": ["{0,1e30,-0.00001,NaN}"],
    "numeric(8,3)[]": ["{1.500,NULL,-99999.999}"],
    "text[]": ["{}", '{"a,b","\\\\\\"",NULL,"","NULL","{}"}'],
    "varchar(9)[]": ['{"ä€","x"}'],
    "char(3)[]": ['{"a  "}'],
    "boolean[]": ["{t,f,NULL}"],
    "date[]": ["{4713-01-01 BC,infinity,2024-02-29}"],
    "time[]": ["{24:00:00,00:00:00.000001}"],
    "timestamp[]": ["{\"0044-03-15 12:00:00 BC\",infinity}"],
    "timestamptz[]": ["{\"9999-12-31 23:59:59.999999+00\"}"],
    "uuid[]": ["{ffffffff-ffff-ffff-ffff-ffffffffffff}"],
    "json[]": ['{"{\\"a\\": 1}"}'],
    "jsonb[]": ['{"[1, null]"}'],
    "inet[]": ["{10.0.0.1,::1}"],
    "oidvector": ["1 2 4294967295"],
    "int2vector": ["-32768 0"],
    "mood": ["sad", "it's \"fine\"", "ok,{}"],
    "mood[]": ["{sad,\"ok,{}\"}"],
    "positive": ["1", "2147483647"],
    "pair": ['(1,"a,b")', '(,"")'],
}
OWN = ("mood", "positive")  # of these, those with an exact form
MAKE = [
    "CREATE TYPE pg_temp.mood AS ENUM ('sad', 'it''s \"fine\"', 'ok,{}')",
    "CREATE DOMAIN pg_temp.positive AS integer CHECK (VALUE > 0)",
    "CREATE TYPE pg_temp.pair AS (a int, b text)",
    "SET search_path = pg_temp, pg_catalog",
]
COLUMNS = """
    SELECT a.attname, format_type(t.oid, a.atttypmod), a.atttypid::text, a.atttypmod::text,
           a.attndims::text, t.typoutput::text
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = 'pgrows_t'::regclass AND a.attnum > 0 ORDER BY a.attnum
"""


def tuples(data):
    """The rows of a binary COPY, without its header and its end."""
    at = 11 + 4
    at += 4 + struct.unpack_from("!i", data, at)[0]
    while (n := struct.unpack_from("!h", data, at)[0]) >= 0:
        start = at
        at += 2
        for _ in range(n):
            size = struct.unpack_from("!i", data, at)[0]
            at += 4 + max(size, 0)
        yield data[start:at]


def copied(cursor, sql):
    with cursor.copy(sql) as copy:
        return b"".join(bytes(block) for block in copy)


def main():
    host, port, user = sys.argv[1:]
    settings = literals(os.path.join(SRC, "types.h"), "#define LEAT_PG_SESSION")
    db = psycopg.connect(host=host, port=port, user=user, dbname="postgres", options=settings)
    c = db.cursor()
    for statement in MAKE:
        c.execute(statement)
    # record_pgbinary.py writes its values as E'...' literals
    values = {t: [v.replace("\\\\", "\\") for v in vs] for t, vs in EXACT.items()} | TEXT
    exact = [t in EXACT or t in OWN for t in values]
    names = [f"c{i}" for i in range(len(values))]
    c.execute("CREATE TEMP TABLE pgrows_t ("
              + ", ".join(f"{n} {t}" for n, t in zip(names, values)) + ")")
    for i in range(max(map(len, values.values())) + 1):
        row = [v[i] if i < len(v) else None for v in values.values()]
        casts = ", ".join(f"%s::text::{t}" for t in values)
        c.execute(f"INSERT INTO pgrows_t VALUES ({casts})", row)
    columns = c.execute(COLUMNS).fetchall()
    asked = ", ".join(
        n if e else f"pg_catalog.textin({output}({n}))"
        for n, e, (*_, output) in zip(names, exact, columns)
    )
    binary = copied(c, f"COPY (SELECT {asked} FROM pgrows_t) TO STDOUT (FORMAT binary)")
    text = copied(c, "COPY pgrows_t TO STDOUT").decode().split("\n")[:-1]
    types_sql = literals(os.path.join(SRC, "types.c"), "leat_pg_types_sql[] =")
    lines = copied(c, f"COPY ({types_sql}) TO STDOUT").decode().split("\n")[:-1]
    types = [[None if v == "\\N" else v.replace("\\\\", "\\") for v in line.split("\t")]
             for line in lines]
    wanted = {column[2] for column in columns}
    out = {
        "types": [t for t in types if t[0] in wanted],
        "columns": [[*column[:5], e] for column, e in zip(columns, exact)],
        "rows": [[t, b.hex()] for t, b in zip(text, tuples(binary), strict=True)],
    }
    with open(OUT, "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, indent=0)
        f.write("\n")
    print(f"{len(names)} columns, {len(text)} rows")


if __name__ == "__main__":
    main()

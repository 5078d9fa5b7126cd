#!/usr/bin/env python3
"""Records values of PostgreSQL's types in both forms, text and binary, into pgbinary.json.

    record_pgbinary.py HOST PORT USER

A line a type: oid, typmod and the values, each as its text and its binary form in hex. What the
types' own send functions give is what COPY ... (FORMAT binary) carries.
"""

import json
import os
import sys

from record_pgoutput import Server
from record_pgtypes import SRC, cells, literals

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pgbinary.json")

SPREAD = "generate_series(-12, 12) g"
NUMBERS = ["0", "1", "-1", "9", "10", "99", "9999", "10000", "10001", "99999999", "100000000",
           "123456789012345678901234567890", "0.1", "0.0001", "0.00001", "-0.00000001234",
           "1.10", "12345.67890", "10000.0001", "99999.99999", "0.00", "0.000000", "NaN",
           "Infinity", "-Infinity", "1e400", "-1e-300", "4.0000000000000000000001"]
TIMES = ["2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "1970-01-01 00:00:00",
         "0001-01-01 00:00:00", "0044-03-15 12:00:00 BC", "9999-12-31 23:59:59.5",
         "infinity", "-infinity", "2024-02-29 13:14:15.123456", "294246-12-31 00:00:00",
         "4713-01-01 00:00:00 BC"]
TEXTS = ["", "a", "  blanks  ", "tab\\tline\\n", "\\\\N", "äöü €", "\"q\" 'q'", "x" * 300]

# type: values as SQL literals' contents, or a query that gives them
TYPES = {
    "boolean": ["t", "f"],
    "smallint": ["0", "1", "-1", "32767", "-32768"],
    "integer": ["0", "1", "-1", "2147483647", "-2147483648"],
    "bigint": ["0", "-1", "9223372036854775807", "-9223372036854775808", "1234567890123"],
    "oid": ["0", "1", "4294967295"],
    "real": ["0", "-0", "1", "0.1", "3.4e38", "1.4e-45", "NaN", "Infinity", "-Infinity",
             "16777217"],
    "double precision": ["0", "-0", "0.1", "1e308", "5e-324", "NaN", "Infinity", "-Infinity",
                         "123456789.123456789"],
    "numeric": NUMBERS,
    "numeric(10,2)": ["0", "1", "-1.5", "99999999.99", "0.01", "-0.1"],
    "numeric(20,9)": ["0", "1.000000001", "-12345678901.5"],
    "text": TEXTS,
    "character varying(400)": TEXTS,
    "character(7)": ["", "a", " b ", "1234567"],
    "name": ["", "a", "a name"],
    "json": ["{}", '{"a": [1, 2.50, null]}', ' {"b" : "ä"}'],
    "jsonb": ["{}", '{"a": [1, 2.50, null]}', '"x"', "1e5"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
             "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
    "bytea": ["", "\\\\x00", "\\\\xdeadbeef5c0a09"],
    "date": ["2000-01-01", "1970-01-01", "0001-01-01", "0044-03-15 BC", "infinity", "-infinity",
             "5874897-12-31", "4713-01-01 BC"],
    "time without time zone": ["00:00:00", "24:00:00", "13:14:15.123456", "23:59:59.999999"],
    "time(3) without time zone": ["13:14:15.123"],
    "time with time zone": ["00:00:00+00", "13:14:15.123456-03:30", "24:00:00+15:59:59",
                            "01:02:03-15:59"],
    "timestamp without time zone": TIMES,
    "timestamp(3) without time zone": ["2024-02-29 13:14:15.123"],
    "timestamp with time zone": TIMES,
    "interval": ["0", "1 year 2 mons -3 days 04:05:06.789", "-1 mon +5 days", "-00:00:00.000001",
                 "178000000 years", "1 day -1 hour", "-25 mons"],
}
RANDOM = {
    "numeric": "SELECT round((random() * 10 ^ g)::numeric, abs(g) + 2) * CASE WHEN random() < .5"
    f" THEN -1 ELSE 1 END FROM {SPREAD}, generate_series(1, 8)",
    "double precision": f"SELECT random() * 10 ^ g FROM {SPREAD}",
    "real": f"SELECT (random() * 10 ^ g)::real FROM {SPREAD}",
    "timestamp without time zone": "SELECT timestamp '2000-01-01' + interval '1 s'"
    f" * 10 ^ (abs(g) % 10) * (random() - 0.5) FROM {SPREAD}",
    "interval": "SELECT interval '1 s' * (random() * 1e7) - interval '1 mon' * g +"
    f" interval '1 day' * (g * 3) FROM {SPREAD}",
}


def literal(text):
    text = text.replace("'", "''")
    return f"E'{text}'"


def main():
    host, port, user = sys.argv[1:]
    settings = literals(os.path.join(SRC, "types.h"), "#define LEAT_PG_SESSION")
    db = Server(host, int(port), user, "postgres", options=settings)

    def rows(sql):
        db.send(sql)
        return [cells(body) for body in db.until(b"Z")]

    rows("SELECT setseed(0.5)")
    out = []
    for name, values in TYPES.items():
        array = ", ".join(literal(v) + "::" + name for v in values)
        query = f"SELECT unnest(ARRAY[{array}])"
        if name in RANDOM:
            query += f" UNION ALL ({RANDOM[name]})"
        named = f"oid = '{name}'::regtype"
        (send, oid) = rows(f"SELECT typsend::text, oid FROM pg_type WHERE {named}")[0]
        rows(f"CREATE TEMP TABLE pgbinary_t (v {name})")
        typmod = rows("SELECT atttypmod FROM pg_attribute WHERE attrelid = 'pgbinary_t'::regclass"
                      " AND attnum = 1")[0][0]
        rows(f"INSERT INTO pgbinary_t {query}")
        found = rows(f"SELECT v, encode({send}(v), 'hex') FROM pgbinary_t")
        rows("DROP TABLE pgbinary_t")
        out.append({"type": name, "oid": oid, "typmod": typmod, "values": found})
    with open(OUT, "w", encoding="utf-8") as f:
        lines = ",\n".join(json.dumps(t, ensure_ascii=False) for t in out)
        f.write(f"[{lines}]\n")
    print(f"{len(out)} types, {sum(len(t['values']) for t in out)} values")


if __name__ == "__main__":
    main()

"""The types of a workload, with texts of values for each: extremes, what needs quoting, what is
long.

Left out is what Debezium is known to get wrong where leat does not (docs/compatibility.md):
`name`, arrays of bits, fractions of a second in time[] and timetz[], NULLs in arrays of enums.
"""

EXTENSIONS = ("citext", "hstore", "isn", "ltree")

# What is made in the database before its tables; domains and types of its own.
SETUP = [
    *(f"CREATE EXTENSION IF NOT EXISTS {name}" for name in EXTENSIONS),
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \"fine\"')",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE DOMAIN label AS varchar(12)",
    "CREATE DOMAIN price AS numeric(12,3)",
    "CREATE DOMAIN large AS text",
    "CREATE DOMAIN large_bytes AS bytea",
]

# type -> texts of values, of which a row takes one, or NULL
TYPES = {
    "smallint": ["-32768", "32767", "0"],
    "integer": ["-2147483648", "2147483647", "0", "42"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
    "oid": ["0", "4294967295"],
    "numeric": ["0", "-0.000000000000000000001", "1e50", "123456789012345678901234567890.12345"],
    "numeric(10,2)": ["-99999999.99", "99999999.99", "0.01", "-0.10", "0"],
    "numeric(38,0)": ["99999999999999999999999999999999999999", "-1", "0"],
    "real": ["3.4028235e38", "1e-45", "-0", "NaN", "Infinity", "-Infinity", "0.1", "16777217"],
    "double precision": ["1.7976931348623157e308", "5e-324", "-0", "NaN", "-Infinity", "0.1"],
    "money": ["-92233720368547758.08", "92233720368547758.07", "0.01"],
    "boolean": ["t", "f"],
    "text": ["", " ", "ä€𝄞 \t\n\\\"'", "\x01\x1f\x7f", "x" * 3000, "null", "{}"],
    "varchar(20)": ["", "zwölf Zeichen", "\\N", "\"quoted\""],
    "char(5)": ["", "ab", "abcde"],
    '"char"': ["a", "~"],
    "citext": ["AbC", "ÄÖ"],
    "label": ["", "a label"],
    "price": ["999999999.999", "-0.001"],
    "bytea": ["", "\\x00ff7f80", "\\x" + "ab" * 500],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "json": ['{"b": 1, "a": [1.50, null, "\\u00e4"]}', "null", '"x"', "1e400"],
    "jsonb": ['{"b": 1, "a": [1.50, null]}', "[]", "-0.0"],
    "xml": ["<a>1</a>", "<?xml version=\"1.0\"?><b x='1'/>"],
    "date": ["0001-01-01", "9999-12-31", "1969-12-31", "4713-01-01 BC", "infinity", "-infinity"],
    "time": ["00:00:00", "24:00:00", "23:59:59.999999", "12:00:00.5"],
    "time(3)": ["00:00:00.001", "23:59:59.999"],
    "time with time zone": ["00:00:00+14", "23:59:59.999999-12", "12:30:00.25+05:30"],
    "timestamp": ["0001-01-01 00:00:00", "1969-12-31 23:59:59.999999", "2024-02-29 12:00:00.5",
                  "9999-12-31 23:59:59.999999", "infinity", "-infinity", "0044-03-15 12:00:00 BC"],
    "timestamp(3)": ["1970-01-01 00:00:00.001", "2038-01-19 03:14:08.999"],
    "timestamp with time zone": ["0001-01-01 00:00:00+00", "1969-12-31 23:59:59.999999+00",
                                 "2024-02-29 12:00:00.5+05:30", "9999-12-31 23:59:59.999999+00",
                                 "infinity", "-infinity", "0044-03-15 12:00:00+00 BC"],
    "interval": ["0", "1 year 2 mons 3 days 04:05:06.789", "-178000 years", "-1 mon +1 day"],
    "inet": ["0.0.0.0", "255.255.255.255/8", "::1", "2001:db8::/32"],
    "cidr": ["10.0.0.0/8", "2001:db8::/32"],
    "macaddr": ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(1)": ["0", "1"],
    "bit(9)": ["100000001", "000000000"],
    "bit varying(20)": ["", "1", "10101010101010101010"],
    "point": ["(0,0)", "(-1.5e10,2.25)"],
    "int4range": ["empty", "[1,10)", "(,)", "[5,)"],
    "int8range": ["[-9223372036854775808,0)", "empty"],
    "numrange": ["[0.1,2.50]", "(,1e10)"],
    "tsrange": ["[2024-01-01 00:00:00,2024-01-02 00:00:00.5)", "empty"],
    "tstzrange": ["[2024-01-01 00:00:00+00,)", "empty"],
    "daterange": ["[2024-01-01,2024-02-01)", "(,)"],
    "tsvector": ["'a':1A 'b c':2", ""],
    "ltree": ["Top.Science.Astronomy", ""],
    "hstore": ['"a"=>"1", "b c"=>NULL', "", '"q\\"x"=>"\\\\"'],
    "isbn": ["0-306-40615-2"],
    "mood": ["sad", "ok", "it's \"fine\""],
    "integer[]": ["{}", "{1,NULL,-2147483648}"],
    "smallint[]": ["{-32768,32767}"],
    "bigint[]": ["{}", "{9223372036854775807}"],
    "oid[]": ["{0,4294967295}"],
    "real[]": ["{0.1,NaN,Infinity}"],
    "text[]": ["{}", '{"a,b","\\"",NULL,""}'],
    "varchar(20)[]": ['{"a b",NULL}'],
    "char(5)[]": ["{ab,abcde}"],
    "citext[]": ["{AbC,NULL}"],
    "bytea[]": ['{"\\\\x00ff",NULL}'],
    "boolean[]": ["{t,f,NULL}"],
    "double precision[]": ["{0.1,NaN,-Infinity}"],
    "numeric(8,3)[]": ["{1.500,-0.001,NULL}"],
    "uuid[]": ["{00000000-0000-0000-0000-000000000001}"],
    "json[]": ['{"{\\"a\\": 1}",NULL}'],
    "jsonb[]": ['{"{\\"a\\": 1}","[]"}'],
    "date[]": ["{2024-02-29,1969-12-31}"],
    "time[]": ["{12:00:00,23:59:59}"],
    "timestamp[]": ['{"2024-02-29 12:00:00.5",NULL}'],
    "timestamp with time zone[]": ['{"2024-02-29 12:00:00.5+00"}'],
    "inet[]": ["{::1,10.0.0.1}"],
    "macaddr[]": ["{08:00:2b:01:02:03}"],
    "int4range[]": ['{"[1,5)",empty}'],
    "mood[]": ["{sad,ok}", "{}"],
    # Long enough for a TOAST table, where an update of other columns leaves it: made by value().
    "large": [],
    "large_bytes": [],
    # Without a place in Debezium's events, so left out.
    "pair": ['(1,"x y")'],
    "pair[]": [],
    "int4multirange": ["{[1,2),[5,9)}"],
    "box": ["(1,1),(0,0)"],
    "pg_lsn": ["0/16B3748"],
}
PLAIN = ("integer", "bigint", "text", "boolean", "numeric(10,2)", "timestamp", "uuid")

# Defaults of columns; what Debezium shows of an expression is the zero of its type.
DEFAULTS = {
    "smallint": "7",
    "integer": "-42",
    "bigint": "9223372036854775807",
    "numeric(10,2)": "1.50",
    "boolean": "true",
    "text": "'a ''default'''",
    "varchar(20)": "'x'",
    "date": "'2024-02-29'",
    "timestamp": "'2024-02-29 12:00:00'",
    "uuid": "gen_random_uuid()",
    "mood": "'ok'",
    "double precision": "0.5",
}


def value(dice, kind, required=False):
    """The text of a value; None is NULL."""
    if dice.random() < 0.15 and not required:
        return None
    if kind in ("integer", "bigint") and dice.random() < 0.5:
        return str(dice.randrange(-(1 << 31), 1 << 31))
    if kind == "text" and dice.random() < 0.5:
        return "".join(chr(dice.randrange(0x20, 0x250)) for _ in range(dice.randrange(30)))
    if kind == "timestamp" and dice.random() < 0.5:
        return f"{dice.randrange(1900, 2100)}-01-01 00:00:00.{dice.randrange(1000000):06d}"
    if kind in ("large", "large_bytes"):
        prefix = "\\x" if kind == "large_bytes" else ""
        return prefix + (f"{dice.getrandbits(32000):08000x}" if dice.random() < 0.2 else "")
    return dice.choice(TYPES[kind]) if TYPES[kind] else None

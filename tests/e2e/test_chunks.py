"""Tables read by chunks beside the stream (chunks.c, without an engine): the same rows as the plain
snapshot's, whatever the types, keys and sizes."""

import json
import os
import subprocess

import pytest
from leat import ROOT

PROGRAM = os.path.join(ROOT, "build-san/tests/chunks")

TYPES = """
CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext;
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN price AS numeric(8,2);
CREATE TABLE types (
    id serial PRIMARY KEY, dropped int,
    b boolean, i2 smallint, i4 int, i8 bigint, o oid, f4 real, f8 double precision,
    n numeric, n2 numeric(12,3), p price, po positive, m money,
    t text, v varchar(50), c char(9), nm name, ci citext, ch "char",
    j json, jb jsonb, x xml, u uuid, ba bytea,
    d date, ti time, ti0 time(0), tz timetz, ts timestamp, ts3 timestamp(3), tstz timestamptz,
    iv interval, bi bit(5), bi1 bit(1), vb varbit, ip inet, net cidr, mac macaddr, mac8 macaddr8,
    mo mood, mos mood[], ia int[], ta text[], tsa timestamp[], na numeric[], i2a int[][],
    r int4range, tr tstzrange, pt point, bx box, h hstore, tv tsvector, pr pair,
    def text DEFAULT 'def''ault', g int GENERATED ALWAYS AS (id * 2) STORED,
    ide int GENERATED ALWAYS AS IDENTITY
);
ALTER TABLE types DROP COLUMN dropped;
"""
VALUES = """
INSERT INTO types (b, i2, i4, i8, o, f4, f8, n, n2, p, po, m, t, v, c, nm, ci, ch, j, jb, x, u,
    ba, d, ti, ti0, tz, ts, ts3, tstz, iv, bi, bi1, vb, ip, net, mac, mac8, mo, mos, ia, ta, tsa,
    na, i2a, r, tr, pt, bx, h, tv, pr)
SELECT g % 2 = 0, g % 30000, g, g * 10000000000, g, g / 3.0, g / 7.0, g * 1.5 ^ (g % 40),
    g / 8.0, g / 4.0, g % 5 + 1, g * 1.25, E'a\\tb\\nc\\\\' || g, 'v' || g, 'c' || g % 9,
    'n' || g, 'CiT', 'x', '{"a":  1}', '{"b": [1, 2]}', xml('<a>' || g || '</a>'),
    md5(g::text)::uuid, decode(md5(g::text), 'hex'), date '2000-01-01' + g,
    time '00:00' + g * interval '1 ms',
    '12:13:14', '13:14:15.5+03:30', timestamp '1990-05-06 07:08:09.123456' + g * interval '1 day',
    '2020-01-01 00:00:00.123', timestamptz '2024-02-29 12:00+02' - g * interval '1 h',
    g * interval '1 day 02:03:04.5' - interval '3 mons', (g % 32)::bit(5), (g % 2)::bit(1),
    (g % 64)::bit(7)::varbit, '10.1.2.3', '10.0.0.0/8', '08:00:2b:01:02:03',
    '08:00:2b:01:02:03:04:05', (enum_range(NULL::mood))[g % 3 + 1], '{sad,happy}'::mood[],
    ARRAY[g, NULL, 3], ARRAY['x y', NULL, '"q"'], ARRAY[timestamp '2000-01-01 00:00'],
    ARRAY[1.50, NULL], '{{1,2},{3,4}}', int4range(1, g + 2), '[2020-01-01 00:00+00,)',
    point(g, 1.5),
    box(point(0, 0), point(g, 1)), 'a=>1, b=>NULL', 'fat cat', ROW(g, 'x'::text)::pair
    FROM generate_series(1, 300) g;
INSERT INTO types (t) VALUES (NULL);
INSERT INTO types (n, f4, f8, d, ts, tstz, ti, c, t, ba) VALUES
    ('NaN', 'NaN', '-0', 'infinity', '-infinity', 'infinity', '24:00', '', '', ''),
    ('-0.000', '-Infinity', 'Infinity', '0044-03-15 BC', '0001-01-01 BC', '0044-03-15 BC',
    '00:00', ' ', E'\\\\N', '\\x00');
"""


def program(db, tmp_path, *args, ok=0, **more):
    if not os.path.exists(PROGRAM):
        pytest.skip("there is no build-san/tests/chunks")
    more.setdefault("slot_name", db.name)
    path = tmp_path / "chunks.properties"
    path.write_text("".join(f"{k}={v}\n" for k, v in db.properties(**more).items()))
    done = subprocess.run(
        [PROGRAM, str(path), *map(str, args)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == ok, done.stderr
    return {r["table"]: r for r in map(json.loads, done.stdout.splitlines())}


def compare(db, tmp_path, bytes_=8192, most=16, **more):
    return program(db, tmp_path, "compare", bytes_, most, **more)


@pytest.mark.parametrize(
    "modes",
    [
        {},
        {
            "debezium_faults": "false",
            "include_unknown_datatypes": "true",
            "decimal_handling_mode": "string",
            "hstore_handling_mode": "map",
            "binary_handling_mode": "base64",
            "time_precision_mode": "isostring",
            "interval_handling_mode": "string",
        },
        {
            "decimal_handling_mode": "double",
            "column_mask_with_5_chars": ".*[.]t",
            "column_exclude_list": ".*[.]i8,.*[.]jb",
        },
    ],
)
def test_all_types(db, tmp_path, modes):
    db.sql(TYPES)
    db.sql(VALUES)
    told = compare(db, tmp_path, **modes)["public.types"]
    assert told["rows"] == 303
    assert told["keyed"]
    assert told["chunks"] >= 3


KEYS = """
CREATE TABLE composite (a text COLLATE "C", b int, v text, PRIMARY KEY (a, b));
INSERT INTO composite SELECT chr(65 + g % 7) || '''\\', g, repeat('x', 100) FROM
    generate_series(1, 3000) g;
CREATE TABLE texts (k text PRIMARY KEY, v text);
INSERT INTO texts SELECT DISTINCT md5(g::text) || CASE g % 3 WHEN 0 THEN ' "q"' WHEN 1 THEN 'Ä'
    ELSE '' END,
    repeat('y', 100) FROM generate_series(1, 3000) g;
CREATE TABLE uuids (k uuid PRIMARY KEY, v text);
INSERT INTO uuids SELECT md5(g::text)::uuid, repeat('y', 100) FROM generate_series(1, 3000) g;
CREATE DOMAIN code AS char(6); CREATE DOMAIN code2 AS code;
CREATE TABLE domains (k code2 PRIMARY KEY, v text);
INSERT INTO domains SELECT to_hex(g), repeat('y', 100) FROM generate_series(1, 3000) g;
CREATE TABLE numbers (k numeric PRIMARY KEY, v text);
INSERT INTO numbers SELECT g / 7.0 - 100, repeat('y', 100) FROM generate_series(1, 3000) g;
INSERT INTO numbers VALUES ('NaN', 'nan');
CREATE TYPE color AS ENUM ('red', 'green', 'a "b"');
CREATE TABLE enums (k color, n smallint, t timestamptz, d date, f double precision, i interval, b
    bytea,
    z timetz, PRIMARY KEY (k, n, t, d, f, i, b, z));
INSERT INTO enums SELECT (enum_range(NULL::color))[g % 3 + 1], g,
    '2024-03-31 01:59:59.999999+01'::timestamptz
    - g * interval '1 day 1 us', date '1970-01-05' - g, g / 3.0, g * interval
    '-1 mon 3 days 1.5 s',
    decode(md5(g::text), 'hex'), '01:02:03.4-05:30' FROM generate_series(1, 2000) g;
INSERT INTO enums VALUES ('red', 1, 'infinity', '-infinity', 'NaN', '-00:00:00.000001', '',
    '24:00+00');
CREATE TABLE "Odd ""name" ("Ke'y" bigint PRIMARY KEY, v text);
INSERT INTO "Odd ""name" SELECT g, repeat('z', 100) FROM generate_series(1, 3000) g;
CREATE TABLE identity_index (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL, v text);
CREATE UNIQUE INDEX i ON identity_index (b, a);
ALTER TABLE identity_index REPLICA IDENTITY USING INDEX i;
INSERT INTO identity_index SELECT g, g, 'b' || g % 10, repeat('z', 100) FROM generate_series(1,
    3000) g;
CREATE TABLE unique_only (a int NOT NULL UNIQUE, b int UNIQUE, v text);
ALTER TABLE unique_only REPLICA IDENTITY FULL;
INSERT INTO unique_only SELECT g, NULL, repeat('z', 100) FROM generate_series(1, 3000) g;
CREATE TABLE nulls_in_key (a int UNIQUE, v text);
INSERT INTO nulls_in_key SELECT NULL, 'x' FROM generate_series(1, 100);
CREATE TABLE keyless (v text);
INSERT INTO keyless SELECT repeat('z', 100) FROM generate_series(1, 3000);
CREATE TABLE empty (id int PRIMARY KEY);
CREATE TABLE parts (id int, region text, v text, PRIMARY KEY (region, id)) PARTITION BY LIST
    (region);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
INSERT INTO parts SELECT g, CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END, repeat('p', 100)
    FROM generate_series(1, 3000) g;
ANALYZE;
"""
CUT = ["composite", "texts", "uuids", "domains", "numbers", "enums", 'Odd "name',
       "identity_index", "unique_only"]


def create_keys(db):
    db.sql(KEYS)
    if db.sql("SELECT 1 FROM pg_collation WHERE collname = 'de-x-icu'"):
        db.sql("CREATE TABLE icu (k text COLLATE \"de-x-icu\" PRIMARY KEY, v text)")
        db.sql("INSERT INTO icu SELECT chr(97 + g % 26) || chr(65 + g % 25) || chr(192 + g % 40)"
               " || g, repeat('i', 100) FROM generate_series(1, 3000) g")


@pytest.mark.parametrize("most", [3, 64])
def test_all_kinds_of_keys(db, tmp_path, most):
    create_keys(db)
    told = compare(db, tmp_path, 65536, most, debezium_faults="false")
    for table in CUT:
        assert told[f"public.{table}"]["keyed"], table
        assert told[f"public.{table}"]["chunks"] >= 3, told[f"public.{table}"]
    for table in ("nulls_in_key", "keyless"):
        assert not told[f"public.{table}"]["keyed"], table
        assert told[f"public.{table}"]["chunks"] == 1, table
    assert told["public.empty"]["rows"] == 0


def test_partitions_by_their_root(db, tmp_path):
    create_keys(db)
    told = compare(db, tmp_path, 65536, publish_via_partition_root="true",
                   table_include_list="public.parts")
    assert list(told) == ["public.parts"]
    assert told["public.parts"]["rows"] == 3000
    assert told["public.parts"]["chunks"] >= 3


def test_rows_by_their_identities(db, tmp_path):
    create_keys(db)
    db.sql("DELETE FROM composite WHERE b > 100")
    program(db, tmp_path, "keys", 65536, debezium_faults="false")


def test_a_select_in_the_place_of_a_table(db, tmp_path):
    create_keys(db)
    statement = "SELECT * FROM public.composite WHERE b % 2 = 0;"
    more = {
        "snapshot_select_statement_overrides": "public.composite",
        "snapshot_select_statement_overrides_public.composite": statement,
    }
    told = compare(db, tmp_path, 65536, table_include_list="public.composite", **more)
    assert told["public.composite"]["rows"] == 1500


@pytest.mark.parametrize("end", ["ORDER BY b LIMIT 1500", "GROUP BY a, b, c HAVING b % 2 = 0"])
def test_a_select_that_cannot_be_divided(db, tmp_path, end):
    """Which rows it gives depends on others: it is read in one piece."""
    create_keys(db)
    columns = ", ".join(r[0] for r in db.sql("SELECT attname FROM pg_attribute WHERE attnum > 0"
                                             " AND attrelid = 'composite'::regclass"
                                             " AND NOT attisdropped ORDER BY attnum"))
    end = end.replace("a, b, c", columns)
    more = {
        "snapshot_select_statement_overrides": "public.composite",
        "snapshot_select_statement_overrides_public.composite":
            f"SELECT {columns} FROM public.composite {end}",
    }
    told = compare(db, tmp_path, 65536, table_include_list="public.composite", **more)
    assert told["public.composite"]["rows"] == 1500
    assert told["public.composite"]["chunks"] == 1
    assert not told["public.composite"]["keyed"]


def test_what_is_masked_or_left_out_is_no_identity(db, tmp_path):
    create_keys(db)
    told = compare(db, tmp_path, 65536, table_include_list="public.identity_index,public.uuids",
                   column_exclude_list="public.identity_index.a")
    assert not told["public.identity_index"]["keyed"]
    assert told["public.uuids"]["keyed"]


def test_parts_are_about_as_large_as_asked(db, tmp_path):
    db.sql("CREATE TABLE big (id int PRIMARY KEY, v text)")
    db.sql("INSERT INTO big SELECT g, repeat('b', 80) FROM generate_series(1, 200000) g")
    db.sql("DELETE FROM big WHERE id BETWEEN 20000 AND 100000")
    told = program(db, tmp_path, "read", 1 << 20)["public.big"]
    # 200,000 rows take about 24 MiB, a part 1 MiB of them: 120,000 rows are left.
    assert 10 <= told["chunks"] <= 60, told
    assert told["largest"] < 40000, told

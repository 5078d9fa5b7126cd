"""PostGIS and pgvector, the real ones: what a real Debezium 3.6 made of their types, and that
snapshot and stream show the same. `tools/setup.sh extensions` installs PostGIS for the server of
the tests, `tools/setup.sh servers` fetches a PostgreSQL 16 that has pgvector."""

import os

import pytest
from servers.postgres import Missing, Postgres
from servers.process import until
from test_golden import compare, delivered, recorded, run_case

VALUES = {
    "postgis": {
        "geometry": ["POINT(0 0)", "POINT EMPTY", "SRID=4326;POINT Z (1 2 3)", "POINT M (1 2 3)",
                     "SRID=999999;LINESTRING(0 0,1e300 -1e-300)", "POLYGON((0 0,1 0,1 1,0 0))",
                     "GEOMETRYCOLLECTION(POINT(1 1),GEOMETRYCOLLECTION EMPTY)",
                     "CURVEPOLYGON(CIRCULARSTRING(0 0,4 0,4 4,0 4,0 0))",
                     "TIN(((0 0,0 9,9 0,0 0)))", "POLYHEDRALSURFACE(((0 0,0 9,9 0,0 0)))"],
        "geometry(Point,4326)": ["SRID=4326;POINT(1 2)"],
        "geography": ["POINT(-180 90)", "SRID=4267;POINT(1 2)", "POLYGON((0 0,1 0,1 1,0 0))"],
    },
    "pgvector": {
        "vector": ["[0]", "[-0,1e-45,3.4e38]", "[" + ",".join(["0.1"] * 16000) + "]"],
        "vector(2)": ["[1,2]"],
        "halfvec": ["[0.1,65504,-6e-8]", "[" + ",".join(["1"] * 16000) + "]"],
        "sparsevec": ["{}/1", "{1:1}/1", "{1:-1,32767:3.4e38}/32767"],
    },
}


@pytest.fixture(scope="module")
def vectors(scratch):
    try:
        server = Postgres(os.path.join(scratch, "pg-16"), "16").start()
    except Missing as e:
        pytest.skip(str(e))
    yield server
    server.stop("immediate")


@pytest.fixture(params=["postgis", "pgvector"])
def extended(request):
    """(extension, database) of a server that has it."""
    name = request.param
    server = request.getfixturevalue("postgres" if name == "postgis" else "vectors")
    one = server.sql("SELECT 1 FROM pg_available_extensions WHERE name = %s",
                     "vector" if name == "pgvector" else name)
    if not one:
        pytest.skip("PostGIS is not installed: tools/setup.sh extensions installs it")
    database = server.database()
    yield name, database
    database.drop()


def test_as_debezium(extended, leat):
    case, db = extended
    run_case(case, db, leat)
    for schemas in (False, True):
        compare(recorded(case, schemas), delivered(case, leat, db, schemas), schemas)


def test_snapshot_and_stream(extended, leat):
    case, db = extended
    db.sql(f"CREATE EXTENSION {'vector' if case == 'pgvector' else case}")
    kinds = VALUES[case]
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(kinds))
    for table in "ab":
        db.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, {columns})")
    n = max(map(len, kinds.values()))
    for row in range(n):
        values = [v[row % len(v)] for v in kinds.values()]
        marks = ", ".join(f"%s::text::{kind}" for kind in kinds)
        db.sql(f"INSERT INTO a VALUES ({row}, {marks})", *values)
    leat.run(leat.write("shop.properties", db.properties(name="shop")))
    read = leat.read_until("shop.public.a", n, seconds=60)
    db.sql("INSERT INTO b SELECT * FROM a ORDER BY id")
    made = leat.read_until("shop.public.b", n, seconds=60)
    assert [r["value"]["after"] for r in made] == [r["value"]["after"] for r in read]
    assert all(None not in r["value"]["after"].values() for r in read)
    assert leat.stop() == 0


def test_a_vector_of_too_many_dimensions(vectors, leat):
    """Debezium's schema counts them in 16 bits: such a row goes to the dead letters, by name."""
    db = vectors.database()
    try:
        db.sql("CREATE EXTENSION vector")
        db.sql("CREATE TABLE t (id int PRIMARY KEY, s sparsevec)")
        leat.run(leat.write("shop.properties", db.properties(name="shop")))
        until(lambda: "postgres.streaming" in leat.stderr, 60, "the stream")
        db.sql("INSERT INTO t VALUES (1, '{1:1}/40000'), (2, '{1:1}/4')")
        leat.read_until("shop.public.t", 1)
        (dead,) = leat.call("dead-letters", "shop", "list", "--json").stdout.splitlines()
        assert "32767" in dead
        assert leat.stop() == 0
    finally:
        leat.kill()
        db.drop()

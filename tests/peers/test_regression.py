"""PostgreSQL's own regression tests make a database with everything that its authors thought of:
captured whole, its stream and its snapshot are equal.

`tools/setup.sh regress` fetches the scripts (Debian's source package of the server).
"""

import glob
import json
import os
import re
import shutil
import subprocess
from collections import Counter

import pytest
from servers.postgres import CACHE, programs
from whole import rows, snapshot_of, stream_of

SOURCE = os.path.join(CACHE, "postgresql-regress")

# Scripts that are about the server as a whole, or that need its test library.
NOT = {
    "tablespace", "database", "create_am", "create_function_c", "create_role", "dependency",
    "encoding", "euc_kr", "infinite_recurse", "largeobject", "password", "publication", "rolenames",
    "roleattributes", "subscription", "misc_functions", "stats", "sysviews", "vacuum", "select_parallel",
    "write_parallel", "privileges", "event_trigger", "conversion", "guc", "brin", "gin", "gist",
    "spgist", "hash_index", "join", "tuplesort", "opr_sanity", "type_sanity", "misc_sanity",
    "sanity_check", "memoize", "partition_prune", "partition_join", "aggregates", "create_index",
}


def scripts():
    with open(os.path.join(SOURCE, "parallel_schedule"), encoding="utf-8") as f:
        for line in re.findall(r"^test: (.*)$", f.read(), re.M):
            yield from (name for name in line.split() if name not in NOT)


def make(db, folder):
    """Runs the scripts, from where the server can read their data; statements that fail are as they
    may be: many are meant to."""
    shutil.copytree(SOURCE, folder)
    env = {**os.environ, "PG_ABS_SRCDIR": folder, "PG_LIBDIR": "/nowhere", "PG_DLSUFFIX": ".so",
           "PGTZ": "PST8PDT", "PGDATESTYLE": "Postgres, MDY"}
    for name in scripts():
        path = os.path.join(folder, "sql", f"{name}.sql")
        subprocess.run(
            ["psql", "-X", "-q", "-h", db.server.host, "-p", str(db.server.port), "-U",
             db.server.user, "-d", db.name, "-f", path],
            env=env, capture_output=True, check=False, timeout=600,
        )


def restore(db, dump):
    """Into another database of the server, which the stream is read of."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-h", db.server.host, "-p", str(db.server.port), "-U", db.server.user,
         "-d", db.name],
        input=dump, capture_output=True, check=False,
    )
    return done.stderr.decode(errors="replace")


def test_stream_and_snapshot_are_equal(scratch, postgres, leat):
    if not glob.glob(os.path.join(SOURCE, "sql", "*.sql")):
        pytest.skip("the server's regression tests are not here: tools/setup.sh regress")
    made, db = postgres.database(), postgres.database()
    try:
        make(made, os.path.join(scratch, "regress"))
        tables = made.sql("SELECT count(*) FROM pg_tables WHERE schemaname !~ '^pg_|^info'")[0][0]
        assert tables > 150
        dump = subprocess.run(
            [os.path.join(programs(), "pg_dump"), "-h", made.server.host, "-p",
             str(made.server.port), "-U", made.server.user, made.name],
            capture_output=True, check=True,
        ).stdout
        errors = []
        stream = stream_of(db, leat, lambda: errors.append(restore(db, dump)), seconds=600)
        snapshot = snapshot_of(db, leat)
        compare(db, stream, snapshot)
        assert len(stream) > 100 and sum(map(len, rows(leat, "snap").values())) > 10000
    finally:
        made.drop()
        db.drop()


def compare(db, stream, snapshot):
    """Topic by topic. Generated columns are in the snapshot only; a table of nothing else, and one
    without columns, has no rows in the stream."""
    generated = {}
    for schema, table, column in db.sql(
        "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid ="
        " attrelid JOIN pg_namespace n ON n.oid = relnamespace WHERE attgenerated <> ''"
    ):
        generated.setdefault(f"{schema}.{table}", []).append(column)
    different = []
    for topic in sorted(set(stream) | set(snapshot)):
        sides = [plain(side.get(topic, {}), generated.get(topic, ())) for side in (stream, snapshot)]
        if sides[0] != sides[1]:
            only = [sorted((x - y).elements())[:3] for x, y in (sides, sides[::-1])]
            different.append((topic, *only))
    assert not different, "\n".join(map(str, different))


def plain(counted, columns):
    out = Counter()
    for text, n in counted.items():
        row = {k: v for k, v in json.loads(text).items() if k not in columns}
        out[json.dumps(row, sort_keys=True)] += n
    return out

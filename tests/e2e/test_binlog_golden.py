"""Records of a real Debezium 3.6 from MySQL 9 and MariaDB 10.11 (tests/golden/), case by case: the
same statements, streamed, give the same records. Rows of snapshots are left out of the comparison.
"""

import glob
import os
import re

import pytest
from binlog import TESTS, config_of, delivered, mark, recorded, statements, stream
from servers.process import until

# What a case needs that leat does not do yet.
LATER = {
    "crud_unwrap": "transforms",
}
# Cases that stop Debezium: what leat makes of them is in test_binlog.py.
STOPPED = {"row_image_minimal", "partial_json", "types_inet4", "types_inet6"}

# What a table looks like behind a statement is what it looks like when leat reads the statement:
# these are given one by one, so that this is the same.
STEPS = {"ddl", "defaults"}

# Where leat differs on purpose, by a part of what was recorded and what it is here. Debezium reads
# the statements themselves, and so shows what they say; leat shows what the server made of them.
# And commas in an ENUM's labels stay as they are: Debezium's stream has a backslash before them.
MENDED = {
    "mariadb-ddl": [
        (r'("typeExpression":"INT","charsetName":null,"length":)null', r"\g<1>11"),
        (r'(create table lk.*"position":2.*"comment":)null', r'\1"tbl"'),
    ],
    "mariadb-defaults": [('"curdate\\(\\)"', "null")],
    "mysql-types_char": [(r'"en":"b\\\\,c"', '"en":"b,c"')],
    "mariadb-types_char": [(r'"en":"b\\\\,c"', '"en":"b,c"')],
}


def cases():
    names = glob.glob(os.path.join(TESTS, "golden/m*/*.sql"))
    for name in sorted({os.path.basename(n)[:-4] for n in names} - STOPPED):
        later = [pytest.mark.skip(reason=f"needs {LATER[name]}")] if name in LATER else []
        yield pytest.param(name, marks=later)


@pytest.mark.parametrize("case", list(cases()))
def test_case(case, binlog, leat):
    if not os.path.exists(os.path.join(TESTS, "golden", binlog.kind, f"{case}.sql")):
        pytest.skip(f"{binlog.kind} does not have it")
    setup, parts = statements(binlog, case)
    config = config_of(binlog, case)
    binlog.fresh("golden")
    binlog.sql(setup + "CREATE TABLE zz_end (id int PRIMARY KEY);", "golden", force=True)
    stream(leat, leat.write("case.json", {"name": case, "config": config}))
    end = f"{config['topic.prefix']}.golden.zz_end"
    if case in STEPS:
        parts = [p for part in parts for p in re.split(r";\s*", part) if p.strip()]
    for i, part in enumerate(parts):
        binlog.sql(part, "golden", force=True)
        mark(binlog, leat, end, i + 1)
        if "signal.data.collection" in config:
            until(lambda: not any("snapshot" in k for k in leat.status(case)["position"]), 60,
                  "the end of the snapshot")
    mended = MENDED.get(f"{binlog.kind}-{case}", [])
    for schemas in (False, True):
        compare(recorded(binlog, case, schemas, mended), delivered(leat, schemas), end, schemas)


def compare(expected, got, end, schemas):
    got.pop(end)
    beating = {t for t in expected if t.startswith("__debezium-heartbeat")}
    assert sorted(set(got) - beating) == sorted(set(expected) - beating), "topics"
    for topic, wanted in expected.items():
        for i, (w, g) in enumerate(zip(wanted, got.get(topic, []))):
            for part, x, y in zip(("key", "value", "headers"), w, g):
                assert y == x, f"{topic}, record {i}, {part} (schemas {schemas})"
        if topic not in beating:  # as many as there was time for
            assert len(got[topic]) == len(wanted), f"records in {topic}"

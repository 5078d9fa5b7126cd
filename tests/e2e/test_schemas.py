"""Whole schemas of the kinds that are shown around: what the stream gives of each row is what the
snapshot gives of it."""

import os

import pytest
from whole import rows, snapshot_of, stream_of, without

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")

# Columns that the log does not have before PostgreSQL 18: generated ones.
GENERATED = {"trade": {"trade.order_details": ["total"]}}


@pytest.mark.parametrize("schema", ["music", "rental", "trade"])
def test_snapshot_and_stream_are_equal(db, leat, schema):
    with open(os.path.join(FOLDER, f"{schema}.sql"), encoding="utf-8") as f:
        text = f.read()

    def fill():
        with db.connect() as connection:
            connection.execute(text)

    stream = stream_of(db, leat, fill)
    snapshot = snapshot_of(db, leat)
    for topic, columns in GENERATED.get(schema, {}).items():
        for side in (stream, snapshot):
            without(side, topic, columns)
    assert sorted(stream) == sorted(snapshot)
    for topic in stream:
        assert stream[topic] == snapshot[topic], topic
    (count,) = db.sql(
        "SELECT sum((xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM ONLY"
        " %I.%I', schemaname, tablename), false, true, '')))[1]::text::bigint) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )[0]
    assert sum(sum(c.values()) for c in rows(leat, "snap").values()) == count > 0

"""The recorded script, asked of a Kafka Connect that runs: what leat is held against in
tests/e2e/test_rest.py is what Kafka Connect says today."""

from hub import Rest
from rest_script import play

NO_CLASS = "Failed to find any class that implements Connector and which name matches"

# What is this worker's own: its ids, its plugins, lengths of its paths, and how far a restart was.
OWN = {
    "01_root": {"values": ["commit", "kafka_cluster_id"]},
    "04_plugins": {"values": ["*"]},
    "05_plugins_all": {"values": ["*"]},
    "37_restart_onlyfailed": {"values": ["*"]},
    "53_validate_unknown_plugin": {"message": f"{NO_CLASS} Nope"},
    "62_create_unknown_class": {"message": f"{NO_CLASS} com.Nope"},
    "67_create_unknown_field": {"message": 'Unrecognized field "zzz"'},
    "69_get_slash_name": {"values": ["*"]},  # HTML
    "81_options": {"values": ["*"]},  # the same in words, beside Allow
}


def test_the_recorded_exchanges(db, connect, tmp_path):
    db.sql("CREATE TABLE nothing (id int PRIMARY KEY)")
    lines = tmp_path / "lines.txt"
    lines.write_text("a\nb\nc\n", encoding="ascii")
    mine = db.properties()
    names = [
        ("WORKER", f"127.0.0.1:{connect.port}"),
        ("FILE", str(lines)),
        ('"127.0.0.1", "database.port": "PGPORT"', f'"{mine["database.hostname"]}", '
         f'"database.port": "{mine["database.port"]}"'),
        ('"database.dbname": "bench"', f'"database.dbname": "{mine["database.dbname"]}"'),
        ("restslot", f"rest_{mine['database.dbname']}"),
    ]
    listed = dict(OWN)
    wrong = play(Rest(connect.port), names, listed)
    assert not wrong, "\n".join(wrong)
    assert not listed

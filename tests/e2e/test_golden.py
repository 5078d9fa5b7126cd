"""Records of a real Debezium 3.6 (tests/golden/), case by case: the same SQL gives the same ones.

CASE.sql is set-up (seen by the snapshot) and, after "-- stream", what is streamed; CASE.json the
connector's configuration; CASE.noschema.jsonl and CASE.schema.jsonl what a consumer got. What
Debezium Server wrote to Kafka is beside it: its application.properties and CASE.jsonl. Compared is
the JSON text itself, member by member in order, numbers by their digits; but what differs from
run to run (times, positions, transaction ids) by its form only.
"""

import glob
import json
import os
import re
import signal

import psycopg
import pytest
from servers.process import until

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOLDEN = os.path.join(TESTS, "golden/postgres")
SERVER = os.path.join(TESTS, "golden/postgres_ds")

# What a case needs that leat does not do yet.
LATER = {
    "crud_cloudevents": "the CloudEvents converter",
    "crud_event_changes": "transforms",
    "crud_logical_router": "transforms",
    "crud_regex_router": "transforms",
    "crud_unwrap": "transforms",
    "crud_unwrap_delete_to_tombstone": "transforms",
    "crud_unwrap_drop": "transforms",
    "crud_unwrap_rewrite": "transforms",
    "crud_unwrap_tombstone": "transforms",
    "outbox": "transforms",
    "outbox_expand": "transforms",
}



def extremes(recorded):
    """Debezium's snapshot shows dates BC as AD and infinite ones otherwise than its stream."""
    for record in recorded:
        for snapshot, stream in (
            ("-622191234", "-2147472692"),
            ("-625821272", "-2147472691"),
            ("1001860", "-2440550"),
        ):
            record["value"] = record["value"].replace(f'"d":{snapshot},', f'"d":{stream},')
    return recorded


def names(recorded):
    """A column of type name is null in Debezium's stream: those of the rows 4 and 1."""
    for record in recorded[-2:]:
        name = "n" if '"id":4' in record["key"] else "nm"
        record["value"] = record["value"].replace('"nm":null', f'"nm":"{name}"')
    return recorded


def update(recorded):
    """Of an update of a replica identity that is not the key Debezium makes a delete of key 0 and a
    create; its key is the one of the create, and what is known of the old row stands before it."""
    at = next(i for i, r in enumerate(recorded) if "newkey" in str(r["headers"]))
    gone, _, made = recorded[at : at + 3]
    before = re.search(r'"before":(\{[^{}]*\}),"after":null', gone["value"])[1]
    value = made["value"].replace('"before":null', f'"before":{before}')
    headers = [h for h in made["headers"] if "oldkey" not in h[0]]
    made |= {"value": value.replace('"op":"c"', '"op":"u"'), "headers": headers}
    return recorded[:at] + [made] + recorded[at + 3 :]


def instead(**columns):
    """Mends rows in which leat shows other values of those columns."""

    def mend(recorded):
        for record in recorded:
            for column, value in columns.items() if record["value"] else ():
                pattern = rf'"{column}":"(?:[^"\\]|\\.)*"'
                record["value"] = re.sub(pattern, f'"{column}":"{value}"', record["value"])
        return recorded

    return mend


def placeholders(recorded):
    """Debezium truncates and hashes the placeholder, and does not hash inet."""
    for record in recorded:
        for debezium, leat in (
            ('"big":"__deb"', '"big":"__debezium_unavailable_value"'),
            ('"hashed":"18f5df8e2f137e283b9d4fd484a3cbe91bd52f9e051ffad00b6e6ddde11fd978"',
             '"hashed":"__debezium_unavailable_value"'),
            ('"ip":"10.1.2.3/24"',
             '"ip":"a59ab5cdd5ca2be643d39a597c1cf5687baca000fa69ceb557deab03364f9387"'),
        ):
            record["value"] = record["value"] and record["value"].replace(debezium, leat)
    return recorded


HIDDEN = ("u", "j", "jb", "x", "ip", "ci", "ma", "ct", "lt", "tv", "r", "isbn", "hs", "hu", "nu",
          "mon", "b")
WHOLE = {"tz": "10:00:00Z", "tsz": "2024-01-02T03:04:05.000000Z", "iv": "P0Y0M1DT0H0M0S",
         "nu": "1234.56", "mon": "1234.56", "b": "AQID", "ts": "2024-01-02T03:04:05Z",
         "d": "2024-01-02Z", "ti": "03:04:05Z"}

# Where leat differs on purpose: what was recorded, as it is right.
MENDED = {
    "extreme_times": extremes,
    "identity_index_not_key": update,
    "mask_toast": placeholders,
    "mask_types": instead(**dict.fromkeys(HIDDEN, "***")),
    "mask_types_cut": instead(**WHOLE),
    "types_char": names,
}

# The version from which on PostgreSQL has what a case's SQL uses.
SINCE = {
    "defaults": (13, "gen_random_uuid"),
    "defaults_no_replace_null": (13, "gen_random_uuid"),
    "defaults_more": (13, "gen_random_uuid"),
    "identity_mixed": (12, "generated columns"),
    "partitioned_root": (13, "publish_via_partition_root"),
    "types_odd": (15, "multiranges, negative scales"),
    "logical_message": (14, "messages in pgoutput"),
    "logical_message_hex": (14, "messages in pgoutput"),
    "types_misc_unknown": (14, "multiranges"),
    "types_misc_unknown_included": (14, "multiranges"),
    "types_numeric_negscale": (15, "negative scales"),
}

# The table that ended each recording, seen by cases that tell of all tables.
MARKED = {"incremental_snapshot_notif", "notifications_initial"}

# Debezium read the catalog when all statements had run, and so shows columns as they were in the
# end: leat is held until then.
LATE = {"schema_evolution", "schema_refresh_pk_added"}

# Numbers that differ from run to run; and columns whose default is the time or random.
VARIES = {"ts_ms", "ts_us", "ts_ns", "lsn", "txId"}
DEFAULTS = {"tsn", "dc", "ug"}


def load(text):
    """JSON with the order of members and the digits of numbers."""
    return json.loads(text, object_pairs_hook=list, parse_int=_number, parse_float=_number)


class _number(str):
    """A number by its text; a string of the same text is not equal to it."""

    def __eq__(self, other):
        return type(other) is _number and str.__eq__(self, other)

    __hash__ = str.__hash__

    def __repr__(self):
        return str(self)


def settle(value, db):
    """The value with what varies replaced by its form."""
    if isinstance(value, list) and value and all(isinstance(m, tuple) for m in value):
        return [(k, _member(k, v, db)) for k, v in value]
    if isinstance(value, list):
        return [settle(v, db) for v in value]
    return value


def _member(key, value, db):
    if key in VARIES and isinstance(value, _number):
        return "<number>"
    if key in DEFAULTS:
        return type(value)
    if key == "sequence" and isinstance(value, str):
        return re.sub(r'\\?"\d+\\?"', '"<lsn>"', value)
    if key == "db" and value == db:
        return "<db>"
    if key == "id" and isinstance(value, str):
        value = re.sub(r"^\d+:\d+$", "<tx>:<lsn>", value)
        return re.sub(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}(?=$|-)", "<uuid>", value)
    if key == "timestamp" and isinstance(value, _number):
        return "<number>"
    if key == "data" and isinstance(value, str) and "WindowTimestamp" in value:
        return re.sub(r"\d{4}-[-0-9T:.]+Z", "<time>", value)
    return settle(value, db)


def _header(name, value):
    """The number of a run is another in each; Debezium Server has it in JSON with a schema."""
    if not name.endswith(".runId"):
        return value
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<run>", value)


def records(lines, db):
    """topic -> [(key, value, headers)], settled, in offset order."""
    out = {}
    for r in lines:
        headers = [(k, _header(k, v)) for k, v in r["headers"]]
        key, value = (None if r[p] is None else settle(load(r[p]), db) for p in ("key", "value"))
        out.setdefault(r["topic"], []).append((key, value, headers))
    return out


def recorded(case, schemas):
    return recorded_in(GOLDEN, f"{case}.{'schema' if schemas else 'noschema'}", MENDED.get(case))


def recorded_in(folder, name, mend=None):
    with open(os.path.join(folder, f"{name}.jsonl"), encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    out = records(mend(lines) if mend else lines, "golden")
    for topic in out:
        if topic.endswith(".transaction"):
            del out[topic][-2:]  # of the row that ended the recording
    return out


def statements(case):
    with open(os.path.join(GOLDEN, f"{case}.sql"), encoding="utf-8") as f:
        setup, _, stream = f.read().partition("-- stream")
    return setup.split("\n", 1)[1], stream.split("\n", 1)[1]


def run_sql(db, text):
    """As psql does with a file, going on after errors; begin ... commit are given as they are."""
    with db.connect() as c:
        for statement in split(text):
            try:
                c.execute(statement)
            except psycopg.Error:
                pass  # recorded with the case: the real one went on too


def split(text):
    """Statements at their semicolons, those in quotes and dollar quotes left alone."""
    part = r"'(?:[^']|'')*'|\"[^\"]*\"|\$(\w*)\$.*?\$\1\$|[^;'\"$]+|\$"
    statement = ""
    for m in re.finditer(part + "|;", text, re.S):
        if m[0] != ";":
            statement += m[0]
        elif statement.strip():
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def lsn(text):
    high, low = text.split("/")
    return (int(high, 16) << 32) + int(low, 16)


def own_of(db):
    """Options of where to read, which a recorded configuration has otherwise."""
    ours = ("database.", "slot.", "publication.", "snapshot.")
    return {k: v for k, v in db.properties().items() if k.startswith(ours)}


def run_case(case, db, leat, *args, **more):
    """Configures, takes the snapshot, streams; returns when leat has passed the database's end.
    more: options of the connector beside those that were recorded."""
    with open(os.path.join(GOLDEN, f"{case}.json"), encoding="utf-8") as f:
        config = json.load(f)["connector_config"] | own_of(db)
    config |= {name.replace("_", "."): value for name, value in more.items()}
    file = leat.write(f"{case}.json", {"name": case, "config": config})
    play(case, case, db, leat, *args, file)
    if "heartbeat.interval.ms" in config and not args:
        until(lambda: any(map(heartbeat, leat.topics())), 30, "a heartbeat")


def play(case, name, db, leat, *args):
    """The statements of a case, while `leat run ARGS` runs the connector of that name."""
    setup, stream = statements(case)
    for extension in ("hstore", "citext", "ltree", "isn"):
        if re.search(rf"\b{extension}\b", setup + stream):
            db.sql(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    run_sql(db, setup)
    if case in MARKED:
        db.sql("CREATE TABLE zz_end (id int PRIMARY KEY)")
    leat.run(*args)

    def status():
        leat.alive()
        done = leat.call("status", name, "--json", ok=None)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    until(lambda: status().get("state") == "RUNNING", 30, "streaming")
    pid = status()["pid"]
    if case in LATE:
        os.kill(pid, signal.SIGSTOP)
    parts = re.split(r"^-- wait .*$", stream, flags=re.M)
    for part in parts if len(parts) > 1 else [stream]:
        run_sql(db, part)
        os.kill(pid, signal.SIGCONT)
        end = lsn(db.sql("SELECT pg_current_wal_lsn()")[0][0])

        def passed():
            """It has read all, and no snapshot that a signal asked for is left."""
            position = status().get("position") or {}
            lsns = (position.get("lsn_proc") or 0, position.get("lsn") or 0)
            return max(lsns) >= end and not any("snapshot" in k for k in position)

        until(passed, 30, "the end of the stream")


def heartbeat(topic):
    return topic["topic"].startswith("__debezium-heartbeat.")


def delivered(case, leat, db, schemas):
    lines = []
    for topic in leat.topics():
        out = leat.call("read", topic["topic"], "--format", "json-schema" if schemas else "json")
        for line in out.stdout.split("\n")[:-1]:
            lines.append(raw(line))
    return records(lines, db.name)


def raw(line):
    """A line of `leat read` with key and value as the text that stands there."""
    r = json.loads(line)
    text = {"topic": r["topic"], "headers": [tuple(h) for h in r["headers"]]}
    at = line.index('"key":') + len('"key":')
    for part, following in (("key", ',"value":'), ("value", ',"headers":')):
        end = line.index(following, at) if part == "key" else line.rindex(following)
        text[part] = None if r[part] is None else line[at:end]
        at = end + len(following)
    return text


# Those of extensions that not every server has: test_extensions.py.
EXTENSIONS = {"pgvector", "postgis"}


def all_cases():
    names = {os.path.basename(p)[:-4] for p in glob.glob(os.path.join(GOLDEN, "*.sql"))}
    for name in sorted(names - EXTENSIONS):
        reason = f"needs {LATER[name]}" if name in LATER else None
        yield pytest.param(name, marks=[pytest.mark.skip(reason=reason)] if reason else [])


@pytest.mark.parametrize("case", list(all_cases()))
def test_case(case, db, leat):
    if case in SINCE:
        db.server.needs(*SINCE[case])
    run_case(case, db, leat)
    for schemas in (False, True):
        compare(recorded(case, schemas), delivered(case, leat, db, schemas), schemas)


def compare(expected, got, schemas):
    assert sorted(got) == sorted(expected), "topics"
    for topic, wanted in expected.items():
        for i, (w, g) in enumerate(zip(wanted, got[topic])):
            for part, x, y in zip(("key", "value", "headers"), w, g):
                assert y == x, f"{topic}, record {i}, {part} (schemas {schemas})"
        if not heartbeat({"topic": topic}):  # as many as there was time for
            assert len(got[topic]) == len(wanted), f"records in {topic}"


@pytest.mark.parametrize("schemas", [False, True])
@pytest.mark.parametrize("case", ["crud_txmeta", "heartbeat"])
def test_on_kafka(case, schemas, db, leat, kafka):
    """The same as records of a cluster: bytes, headers, and the connector's own topics."""
    expected = recorded(case, schemas)
    for topic in set(expected) & set(kafka.topics()):
        kafka.delete(topic)
    told = str(schemas).lower()
    run_case(case, db, leat, "--kafka", kafka.bootstrap, key_converter_schemas_enable=told,
             value_converter_schemas_enable=told)
    compare(expected, on_kafka(kafka, expected, db), schemas)


def on_kafka(kafka, expected, db):
    """What the expected topics have there, once they have as much as that."""
    lines = []
    for topic, wanted in expected.items():
        wanted = 1 if heartbeat({"topic": topic}) else len(wanted)
        for r in kafka.read_until(topic, wanted):
            key, value = ((part and part.decode()) for part in (r.key, r.value))
            headers = [(name, text.decode()) for name, text in r.headers]
            lines.append({"topic": r.topic, "key": key, "value": value, "headers": headers})
    return records(lines, db.name)


@pytest.mark.parametrize("case", ["ext_headers_off", "heartbeat_tx", "noschema", "schema"])
def test_debezium_server(case, db, leat, kafka):
    """Its application.properties as it was recorded, but for the addresses."""
    expected = recorded_in(SERVER, f"crud_{case}")
    with open(os.path.join(SERVER, f"crud_{case}.application.properties"), encoding="utf-8") as f:
        config = dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)
    config |= {f"debezium.source.{name}": value for name, value in own_of(db).items()}
    config["debezium.sink.kafka.producer.bootstrap.servers"] = kafka.bootstrap
    play("crud", "application", db, leat, leat.write("application.properties", config))
    compare(expected, on_kafka(kafka, expected, db), case == "schema")

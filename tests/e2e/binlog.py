"""What the tests of MySQL and MariaDB share: recorded cases, and a leat that streams them."""

import json
import os
import re

from servers.process import until
from test_golden import load, raw

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Members that differ from run to run.
VARIES = {"ts_ms", "ts_us", "ts_ns", "pos", "thread", "server_id", "timestamp"}
TIMES = {"tsn", "dd"}  # columns with the time of the insert


def golden(server, name):
    with open(os.path.join(TESTS, "golden", server.kind, name), encoding="utf-8") as f:
        return f.read()


def statements(server, case):
    """The set-up, and the parts of what is streamed, between which to wait."""
    setup, _, stream = golden(server, f"{case}.sql").partition("-- stream")
    parts = re.split(r"^-- wait .*$", stream.split("\n", 1)[1], flags=re.M)
    return setup.split("\n", 1)[1], parts


def settle(key, value):
    """The value with what varies replaced by its form."""
    if key in VARIES and value is not None and not isinstance(value, list):
        return f"<{key}>"
    if key in TIMES:
        return type(value)
    if key == "file":
        return "<file>"
    if key in ("gtid", "id") and isinstance(value, str):
        value = re.sub(r"^([0-9a-f]{8}-[-0-9a-f]{27}:\d+|\d+-\d+-\d+)$", "<gtid>", value)
        return re.sub(r"^[0-9a-f]{8}-[-0-9a-f]{27}-(open|close)$", r"<window>-\1", value)
    if key == "data" and isinstance(value, str):
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", value)
    if isinstance(value, list) and value and all(isinstance(m, tuple) for m in value):
        return [(k, settle(k, v)) for k, v in value]
    if isinstance(value, list):
        return [settle(None, v) for v in value]
    return value


def headers(record):
    return [(k, "<run>" if k.endswith(".runId") else v) for k, v in record["headers"]]


def member(value, name):
    return next((v for k, v in value if k == name), None) if isinstance(value, list) else None


def payload(value):
    """The value without its schema."""
    inner = member(value, "payload")
    return value if inner is None else inner


def streamed(lines):
    """topic -> [(key, value, headers)] of what comes behind a snapshot's rows, settled."""
    out, begun = {}, set()
    for r in lines:
        key, value = (None if r[p] is None else load(r[p]) for p in ("key", "value"))
        topic = r["topic"]
        if member(payload(value), "aggregate_type") == "Initial Snapshot":
            continue
        source = member(payload(value), "source")
        if source is not None and member(source, "snapshot") == "false":
            begun.add(topic)
        if source is None and value is not None:
            begun.add(topic)
        if topic not in begun:
            continue
        if member(payload(value), "ddl") is not None:
            value = rowless(value)
        out.setdefault(topic, []).append((settle(None, key), settle(None, value), headers(r)))
    return out


def rowless(value):
    """Debezium leaves the row of the change before in the source block of a statement."""
    if isinstance(value, list) and value and all(isinstance(m, tuple) for m in value):
        return [(k, "<row>" if k == "row" else rowless(v)) for k, v in value]
    return value


def recorded(server, case, schemas, mended=()):
    """mended: pairs for re.sub, of the values' texts."""
    lines = []
    for line in golden(server, f"{case}.{'schema' if schemas else 'noschema'}.jsonl").splitlines():
        record = json.loads(line)
        for pattern, by in mended if record["value"] else ():
            record["value"] = re.sub(pattern, by, record["value"])
        lines.append(record)
    return streamed(lines)


def delivered(leat, schemas):
    lines = []
    for topic in leat.topics():
        out = leat.call("read", topic["topic"], "--format", "json-schema" if schemas else "json")
        lines += [raw(line) for line in out.stdout.split("\n")[:-1]]
    return streamed(lines)


def config_of(server, case, **more):
    """The recorded configuration, at this server."""
    recorded_one = json.loads(golden(server, f"{case}.json"))["connector_config"]
    config = {
        k: v
        for k, v in recorded_one.items()
        if not k.startswith(("schema.history.", "snapshot.", "poll."))
    }
    ours = ("database.", "snapshot.")
    here = {k: v for k, v in server.properties().items() if k.startswith(ours)}
    return config | here | more


def stream(leat, file):
    """Starts leat and returns once it reads the log."""
    leat.run(file)
    until(lambda: leat.alive() or "mysql.streaming" in leat.stderr, 60, "streaming")


def restart(leat, file):
    """Once more, until it streams: what was said before does not count."""
    said = leat.stderr.count("mysql.streaming")
    leat.run(file)
    until(lambda: leat.alive() or leat.stderr.count("mysql.streaming") > said, 60, "streaming")


def mark(server, leat, topic, n=1, database="golden"):
    """A row in zz_end, which leat has read when all before it is."""
    server.sql(f"INSERT INTO zz_end VALUES ({n})", database)
    leat.read_until(topic, n, seconds=60)

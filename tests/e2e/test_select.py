"""SELECT over topics and state: by `leat sql` on a data folder, by a hub; and what is refused."""

import glob
import json
import os
import re
import subprocess
import threading
import time

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from datagen import TOPIC, source
from hub import Hub
from servers.process import until
from servers.proxy import Proxy

COUNT = 20000


@pytest.fixture
def filled(leat):
    """A stream of 20,000 changes in two topics, some of them deletes."""
    path = source(leat, datagen_events=COUNT, datagen_tables=2, datagen_keys=500)
    leat.call("run", "--once", path)
    return leat


def select(leat, text, *args, ok=0):
    """Rows as objects; or, of one that fails, what is said."""
    done = subprocess.run(
        [leat.binary, "sql", "--data", leat.data, "--json", *args],
        input=text.rstrip(";") + ";",
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == ok, (text, done.stdout[-2000:], done.stderr[-2000:])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return rows if ok == 0 else rows[-1]["message"]


def native(leat, topic, *args):
    return leat.read(topic, "--format", "native", *args)


def test_select_gives_what_read_gives(filled):
    """Every event of a topic, its offset, operation, time and rows; the topic as a table and as a
    condition."""
    want = [
        (e["offset"], e["op"], e["ts_us"], e["before"], e["after"]) for e in native(filled, TOPIC)
    ]
    columns = '"offset", op, ts_us, "before", "after"'
    for source_ in (f'"{TOPIC}"', f"events WHERE topic = '{TOPIC}'"):
        rows = select(filled, f"SELECT {columns} FROM {source_}", "--max", "100000")
        assert [tuple(r.values()) for r in rows] == want
    new, old = "after->>'$.id'", "\"before\"->>'$.id'"
    twice = f"{new} AS a, {old} AS b, after->>'$.c1' AS c, {new} AS d"
    rows = select(filled, f'SELECT {twice} FROM "{TOPIC}"', "--max", "100000")
    for row, (_, _, _, before, after) in zip(rows, want, strict=True):
        new, old = after or {}, before or {}
        id = new.get("id")
        assert row == {"a": id, "b": old.get("id"), "c": new.get("c1"), "d": id}
    records = filled.read(TOPIC, "--max", "50")
    rows = select(filled, f'SELECT "offset", "key", value, source FROM "{TOPIC}" LIMIT 20')
    by_offset = {r["offset"]: r for r in records}
    for row in rows:
        record = by_offset[row["offset"]]
        assert row["key"] == record["key"] and row["value"] == record["value"]
        assert row["source"] == record["value"]["source"]


def test_conditions_on_time_and_offset(filled):
    """They narrow exactly, however the time is written; fewer events are read than there are."""
    events = native(filled, TOPIC)
    middle = events[len(events) // 2]
    iso = select(filled, f'SELECT ts FROM "{TOPIC}" WHERE "offset" = {middle["offset"]}')[0]["ts"]
    for condition in (
        f"ts >= '{iso}'",
        f"ts >= '{iso.replace('T', ' ').rstrip('Z')}'",
        f"ts_us >= {middle['ts_us']}",
        f"NOT ts < '{iso}'",
        f"ts || '' >= '{iso}' COLLATE moment",
    ):
        want = sum(e["ts_us"] >= middle["ts_us"] for e in events)
        rows = select(filled, f'SELECT count(*) AS n FROM "{TOPIC}" WHERE {condition}')
        assert rows == [{"n": want}], condition
    low, high = events[100]["offset"], events[200]["offset"]
    rows = select(filled, f'SELECT "offset" FROM "{TOPIC}" WHERE "offset" BETWEEN {low} AND {high}')
    assert [r["offset"] for r in rows] == [e["offset"] for e in events[100:201]]
    ms = middle["ts_us"] // 1000
    want = sum(e["ts_us"] // 1000 == ms for e in events)
    rows = select(filled, f'SELECT count(*) AS n FROM "{TOPIC}" WHERE ts_ms = {ms}')
    assert rows == [{"n": want}]
    assert select(filled, f'SELECT count(*) AS n FROM "{TOPIC}" WHERE ts = NULL') == [{"n": 0}]
    assert select(filled, f'SELECT 1 FROM "{TOPIC}" WHERE ts > \'2999-01-01\'') == []
    for condition in (f"topic = '{TOPIC.upper()}' COLLATE NOCASE", "ts < 'x' COLLATE BINARY"):
        rows = select(filled, f"SELECT count(*) AS n FROM events WHERE {condition}")
        assert rows == [{"n": len(events) if "topic" in condition else COUNT}], condition
    other = "gen.datagen.t2"
    few = [sum(e["offset"] < 10 for e in native(filled, t)) for t in (TOPIC, other)]
    late = sum(e["offset"] >= 990 for e in events)
    for text, want in (
        (f'"{TOPIC}" WHERE "offset" < 10 OR "offset" >= 990', few[0] + late),
        (f"events WHERE (topic = '{TOPIC}' AND \"offset\" < 10) OR "
         f"(topic = '{other}' AND \"offset\" < 10)", sum(few)),
        (f"topics WHERE topic = '{TOPIC}' OR (connector = 'gen' AND topic > 'gen')", 2),
        ("counters WHERE connector = 'gen' OR (connector > 'a' AND counter = 'received')", 18),
    ):  # each side is a scan of its own, and what both give is one row
        assert select(filled, f"SELECT count(*) AS n FROM {text}") == [{"n": want}], text
    message = select(filled, f'SELECT 1 FROM "{TOPIC}" WHERE ts > \'tomorrow\'', ok=1)
    assert "tomorrow" in message and "select.moment" in message


def test_json_joins_and_groups(filled):
    events = native(filled, TOPIC)
    rows = select(filled, f'SELECT op, count(*) AS n FROM "{TOPIC}" GROUP BY op ORDER BY op')
    want = {}
    for e in events:
        want[e["op"]] = want.get(e["op"], 0) + 1
    assert {r["op"]: r["n"] for r in rows} == want and set(want) == {"c", "u", "d"}
    rows = select(
        filled,
        f"SELECT count(DISTINCT after->>'$.id') AS n FROM \"{TOPIC}\" WHERE op = 'c';",
    )
    assert rows == [{"n": len({e["after"]["id"] for e in events if e["op"] == "c"})}]
    rows = select(
        filled,
        "WITH t AS (SELECT topic, count(*) AS n FROM events GROUP BY topic) "
        "SELECT t.topic, n, connector FROM t JOIN topics USING (topic) ORDER BY 1",
    )
    assert [r["topic"] for r in rows] == [TOPIC, "gen.datagen.t2"]
    assert sum(r["n"] for r in rows) == COUNT and rows[0]["connector"] == "gen"
    rows = select(
        filled,
        f"SELECT topic, \"offset\" AS o FROM events WHERE topic IN ('gen.datagen.t2', '{TOPIC}') "
        "ORDER BY \"offset\" LIMIT 1000",
    )
    assert [r["o"] for r in rows] == sorted(r["o"] for r in rows)
    assert {r["topic"] for r in rows} == {TOPIC, "gen.datagen.t2"}
    rows = select(filled, f'SELECT after FROM "{TOPIC}" WHERE "offset" = 0 UNION SELECT \'{{"a\'')
    assert '{"a' in [r["after"] for r in rows] and len(rows) == 2
    rows = select(filled, f'SELECT "offset", "offset" FROM "{TOPIC}" LIMIT 1')
    assert rows == [{"offset": 0, "offset_2": 0}]


def test_the_small_table_is_the_outer_one(leat):
    """Each scan of it opens folders and files: one, not one for each event."""
    for name, prefix in (("a", "z"), ("b", "y")):
        props = {"connector.class": "datagen", "datagen.rate": 0, "datagen.events": 5}
        props["topic.prefix"] = prefix
        leat.call("run", "--once", leat.write(f"{name}.properties", props))
    rows = select(leat, "SELECT connector, topic FROM events JOIN connectors USING (connector)")
    assert [r["connector"] for r in rows] == ["a"] * 5 + ["b"] * 5
    assert [r["topic"][0] for r in rows] == ["z"] * 5 + ["y"] * 5


def test_minutes_are_counted_as_read_counts(filled):
    rows = select(filled, "SELECT topic, sum(records) AS n FROM minutes GROUP BY topic")
    for row in rows:
        assert row["n"] == int(filled.call("read", row["topic"], "--count").stdout)
    by_minute = {}
    for e in native(filled, TOPIC):
        records = 2 if e["op"] == "d" else 1
        minute = e["ts_us"] // 60_000_000 * 60_000
        by_minute[minute] = by_minute.get(minute, 0) + records
    rows = select(filled, f"SELECT minute_ms, records FROM minutes WHERE topic = '{TOPIC}'")
    assert {r["minute_ms"]: r["records"] for r in rows} == by_minute
    first = min(by_minute)
    where = f"topic = '{TOPIC}' AND minute_ms = {first}"
    rows = select(filled, f"SELECT records FROM minutes WHERE {where}")
    assert rows == [{"records": by_minute[first]}]


def test_state_is_a_table_too(filled):
    rows = select(filled, "SELECT connector, side, class, state, error FROM connectors")
    assert [tuple(r.values()) for r in rows] == [("gen", "source", "datagen", "STOPPED", None)]
    rows = select(filled, "SELECT value FROM counters WHERE counter = 'appended'")
    assert rows == [{"value": COUNT}]
    assert select(filled, "SELECT count(*) AS n FROM dead_letters") == [{"n": 0}]
    rows = select(filled, "SELECT topic, next_offset FROM topics ORDER BY topic")
    assert [r["topic"] for r in rows] == [TOPIC, "gen.datagen.t2"]


def test_only_what_is_asked_for_is_read(filled):
    """A stream that cannot be read is told where a query names one of its topics, and nowhere
    else."""
    (segment, *_) = sorted(glob.glob(f"{filled.data}/connectors/gen/stream/*.seg*"))
    with open(segment, "r+b") as f:
        f.write(bytes(4096))
    assert select(filled, "SELECT count(*) AS n FROM counters")[0]["n"] > 0
    assert [r["connector"] for r in select(filled, "SELECT connector FROM connectors")] == ["gen"]
    for table in ("events", "topics", f'"{TOPIC}"'):
        assert "stream." in select(filled, f"SELECT count(*) FROM {table}", ok=1)


HOSTILE = [
    ("SELECT 1; SELECT 2", None),  # two statements are two
    ("SELECT load_extension('/lib/x.so')", "load_extension"),
    ("SELECT * FROM pragma_database_list", "is refused"),
    ("SELECT * FROM sqlite_master", "sqlite_master"),
    ("WITH x AS (SELECT 1) INSERT INTO topics SELECT * FROM x", "refused"),
    ("WITH x AS (SELECT 1) DELETE FROM events", "may not be modified"),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
     "WITH RECURSIVE is refused"),
    ("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n", "RECURSIVE"),
    ("SELECT '" + "x" * 1_000_000 + "'", "it may have 65536"),
    ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "select."),
    ("SELECT " + " + ".join(["1"] * 5000), "select.syntax"),
    ("SELECT " + " UNION ALL SELECT ".join(["1"] * 500), "select.syntax"),
    ("SELECT zeroblob(1000000000)", "select.large"),
    ("SELECT group_concat(a.value) FROM json_each('[" + ",".join(["1"] * 1000) + "]') a, "
     "json_each('[" + ",".join(["1"] * 1000) + "]') b, json_each('[" + ",".join(["1"] * 1000)
     + "]') c", "select."),
    ("SELECT * FROM orders", "SHOW TOPICS"),
    ("SELECT * FROM gen.datagen.t1", "double quotes"),
    ("SELECT * FROM gen.t1", "double quotes"),
    ("SELECT id FROM events", "after->>"),
    ("SELECT ?", "select."),
    ("SELECT abs(-9223372036854775808)", "integer overflow"),
    ("SELECT", "select.syntax"),
]  # fmt: skip


@pytest.mark.parametrize("text,said", HOSTILE, ids=[t[:40] for t, _ in HOSTILE])
def test_what_a_query_may_not(filled, text, said):
    if said is None:
        assert len(select(filled, text)) == 2
        return
    assert said in select(filled, text, "--timeout", "5", ok=1)


@pytest.mark.parametrize(
    "text",
    [
        "ATTACH 'x.db' AS x",
        "PRAGMA journal_mode",
        "INSERT INTO topics VALUES (1)",
        "CREATE TABLE t(a)",
        "VACUUM INTO '/tmp/x'",
        "EXPLAIN SELECT 1",
    ],
)
def test_what_is_no_select_is_no_statement(filled, text):
    assert "Syntax Error" in select(filled, text, ok=2)


def test_a_query_ends_in_time_and_memory(filled):
    """Joins without end are stopped; what sorts too much is told so."""
    endless = "SELECT count(*) FROM events a, events b, events c WHERE a.ts > b.ts AND b.ts > c.ts"
    message = select(filled, endless, "--timeout", "1", ok=1)
    assert "select.time" in message and "1 s" in message
    message = select(
        filled,
        "SELECT a.value || b.value || zeroblob(20000) AS x FROM "
        f'(SELECT "offset" AS value FROM "{TOPIC}") a, '
        "(SELECT 1 AS value FROM events LIMIT 10) b "
        "ORDER BY x LIMIT 100000",
        ok=1,
    )
    assert "select.memory" in message


def test_answers_are_bounded(filled):
    done = filled.call("sql", "--data", filled.data, "--max", "7", "-e", "SELECT 1 FROM events")
    assert "7 rows" in done.stdout and "more rows" in done.stderr
    done = filled.call("sql", "--data", filled.data, "--max", "100001", "-e", "SELECT 1", ok=(2,))
    assert "100000" in done.stderr


def test_a_folder_that_is_not_there(leat):
    done = leat.call("sql", "--data", leat.data + "-none", "-e", "SELECT 1 FROM events", ok=(1,))
    assert leat.data + "-none" in done.stderr


def test_a_hub_answers_and_stays_well(filled):
    """By the hub's route: the same rows; a query that takes all it can does not hold up the hub,
    and no more than a few run at once."""
    hub = Hub(filled)
    answer = hub.ask("POST", "/hub/v1/query", {"sql": "SELECT topic FROM topics ORDER BY 1"})
    assert answer.status == 200, answer.text
    assert answer.json["columns"] == ["topic"] and answer.json["more"] is False
    assert answer.json["rows"] == [[TOPIC], ["gen.datagen.t2"]]
    for body, status in (
        ({"sql": "SELECT nothing"}, 400),
        ({"sql": "WITH x AS (SELECT 1) DELETE FROM events"}, 400),
        ({"sql": "SELECT 1", "max_rows": 0}, 400),
        ({"sql": "SELECT 1", "timeout_ms": 10**9}, 400),
        ({}, 400),
        ([], 400),
    ):
        assert hub.ask("POST", "/hub/v1/query", body).status == status, body
    answer = hub.ask("POST", "/ksql", {"ksql": "SELECT * FROM topics;"})
    assert (answer.status, answer.json["error_code"]) == (400, 40002)

    endless = "SELECT count(*) FROM events a, events b, events c WHERE a.ts > b.ts AND b.ts > c.ts"
    got = []

    def ask():
        body = {"sql": endless, "timeout_ms": 8000}
        while (status := hub.ask("POST", "/hub/v1/query", body).status) == 429:
            pass  # those that look whether the hub is full take a place, too
        got.append(status)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for t in threads:
        t.start()

    def full():
        answer = hub.ask("POST", "/hub/v1/query", {"sql": "SELECT 1"})
        assert hub.get("/connectors") == []
        return answer.status == 429 or len(got) == 2

    until(full, 60, "two queries to run")
    for t in threads:
        t.join()
    assert got == [503] * 2
    assert hub.ask("POST", "/hub/v1/query", {"sql": "SELECT 1"}).status == 200
    # A row for the one that is refused as such comes after all that could be.
    assert hub.ask("DELETE", "/connectors/none").status == 404
    deeds = until(lambda: hub.get("/hub/v1/audit")["deeds"], 30, "the audit")
    assert [d["path"] for d in deeds] == ["/ksql", "/connectors/none"][::-1], deeds


def test_console_shows_a_table(filled):
    hub = Hub(filled)
    done = subprocess.run(
        [filled.binary, "sql", "--connect", f"http://127.0.0.1:{hub.port}",
         "--define", f"t={TOPIC}",
         "-e", "SELECT '${t}' AS t, count(*) AS n FROM events WHERE topic = '${t}' AND op = 'c'"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[0].split() == ["t", "|", "n"] and lines[2].split()[0] == TOPIC
    assert lines[3].startswith("1 row, ")


# ---- topics in Kafka


HEADERS = [("h", b"\xff"), ("t", b"x")]


def produce(kafka, topic, records, partitions=2):
    """records: (partition, ms, key, value)."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for done in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        done.result(60)
    client = Producer({"bootstrap.servers": kafka.bootstrap})
    for partition, ms, key, value in records:
        client.produce(topic, value, key, partition, timestamp=ms, headers=HEADERS)
    assert client.flush(60) == 0


def change(op, before, after):
    value = {"before": before, "after": after, "source": {"table": "t"}, "op": op}
    return json.dumps({"schema": {}, "payload": value}).encode()


def test_kafka(leat, kafka):
    """By name and by the table kafka; envelopes have their parts; conditions on time and offset,
    and an end that does not move."""
    os.makedirs(leat.data)
    topic = f"sel-{time.time_ns()}.public.t"
    began = 1_700_000_000_000
    rows = [(i % 2, began + i * 1000, str(i).encode(), change("c", None, {"id": i}))
            for i in range(1000)]
    rows += [(0, began + 2_000_000, None, b"text"), (0, began + 2_000_000, b"\xff\x00", None),
             (1, began + 2_000_000, b"1", b"[1,2.50]")]
    produce(kafka, topic, rows)
    worker = leat.write("worker.properties", f"bootstrap.servers={kafka.bootstrap}\n")
    at = ("--kafka", worker)
    (count,) = select(leat, f'SELECT count(*) AS n FROM "{topic}"', *at)
    assert count["n"] == 1003
    (same,) = select(leat, f"SELECT count(*) AS n FROM kafka WHERE topic = '{topic}'",
                     "--kafka", kafka.bootstrap)
    assert same["n"] == 1003
    rows = select(leat, "SELECT partition, op, \"key\", before, after->>'$.id' AS id, source "
                  f"FROM \"{topic}\" WHERE op IS NOT NULL ORDER BY id", *at)
    assert rows[7] == {"partition": 1, "op": "c", "key": 7, "before": None, "id": 7,
                       "source": {"table": "t"}}
    assert [r["id"] for r in rows] == list(range(1000))
    others = select(leat, f'SELECT "key", value, headers FROM "{topic}" WHERE op IS NULL '
                    "ORDER BY partition, \"offset\"", *at)
    headers = [["h", {"$base64": "/w=="}], ["t", "x"]]
    assert others == [{"key": None, "value": "text", "headers": headers},
                      {"key": {"$base64": "/wA="}, "value": None, "headers": headers},
                      {"key": 1, "value": [1, 2.5], "headers": headers}]
    plain = f'SELECT "offset" AS o FROM "{topic}" WHERE value ='
    assert select(leat, f"{plain} 'text'", *at) == [{"o": 500}]
    broken = f"SELECT count(*) AS n FROM \"{topic}\" WHERE value->>'$.op' = 'c'"
    assert "json_valid(value)" in select(leat, broken, *at, ok=1)
    assert select(leat, f"{broken.replace('value->', 'json_valid(value) AND value->')}",
                  *at) == [{"n": 1000}]
    for condition, want, most in (
        (f"ts_ms >= {began + 900_000}", 103, 110),
        ("ts >= '2023-11-14 22:28:20' AND ts < '2023-11-14 22:28:30'", 10, 110),
        ("\"offset\" >= 490 AND \"offset\" < 495", 10, 14),
        ("\"offset\" < 5", 10, 14),
        ("\"offset\" < 5 OR \"offset\" >= 490", 33, 38),
        ("ts < '1960-01-01'", 0, 1003),
        ("ts >= '1960-01-01'", 1003, 1003),
        ("\"offset\" > 100000", 0, 0),
        ("topic = 'other'", 0, 0),
    ):
        done = subprocess.run(
            [leat.binary, "sql", "--data", leat.data, *at, "-e",
             f'SELECT count(*) FROM "{topic}" WHERE {condition}'],
            capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (condition, done.stderr)
        found = re.search(r"(\d+)\s*\n1 row, (\d+) events read", done.stdout)
        assert int(found[1]) == want and int(found[2]) <= most, (condition, done.stdout)
    pairs = select(leat, f'SELECT count(*) AS n FROM "{topic}" a JOIN "{topic}" b '
                   "ON a.partition = b.partition AND a.\"offset\" = b.\"offset\" "
                   "WHERE a.\"offset\" < 2", *at)
    assert pairs == [{"n": 4}]
    known = select(leat, "SELECT count(*) AS n FROM topics", *at)
    assert known == [{"n": 0}]


def test_kafka_uneven(leat, kafka):
    """Partitions that end before the offset that is asked for, or begin behind it. The long one
    takes several fetches: what the others answer is heard meanwhile."""
    os.makedirs(leat.data)
    topic = f"uneven-{time.time_ns()}"
    sizes = (20000, 5, 0)
    rows = [(p, 1_700_000_000_000, b"k", b"x" * 500) for p, n in enumerate(sizes) for _ in range(n)]
    produce(kafka, topic, rows, len(sizes))
    at = ("--kafka", kafka.bootstrap)
    count = f'SELECT count(*) AS n FROM "{topic}" WHERE "offset" >='
    for least, want in ((50, 19950), (5, 19995), (3, 19999), (20000, 0), (50000, 0)):
        assert select(leat, f"{count} {least}", *at) == [{"n": want}], least
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for done in admin.delete_records([TopicPartition(topic, 0, 60)]).values():
        done.result(60)
    for least, want in ((50, 19940), (3, 19942), (70, 19930)):
        assert select(leat, f"{count} {least}", *at) == [{"n": want}], least


def test_kafka_join(leat, kafka):
    """The inner topic is begun for each row of the outer one, also backwards and where a scan is
    left before its end; connections are not made anew."""
    os.makedirs(leat.data)
    a, b = (f"join{time.time_ns()}.{name}" for name in "ab")
    produce(kafka, a, [(i % 2, 1_700_000_000_000, b"k", b"%d" % i) for i in range(100)], 2)
    produce(kafka, b, [(0, 1_700_000_000_000, b"k", b"%d" % i) for i in range(20000)], 1)
    proxy = Proxy(int(kafka.bootstrap.rpartition(":")[2]))
    at = ("--kafka", f"127.0.0.1:{proxy.port}")  # brokers tell their own address from there on
    rows = select(leat, f'SELECT a.value AS x, b.value AS y FROM "{a}" a CROSS JOIN "{b}" b '
                  'ON b."offset" = 19999 - a.value * 100', *at)
    assert sorted(r["x"] for r in rows) == list(range(100))
    assert all(r["y"] == 19999 - r["x"] * 100 for r in rows)
    rows = select(leat, f'SELECT (SELECT b.value FROM "{b}" b WHERE b."offset" >= a.value * 7 '
                  f'LIMIT 1) = a.value * 7 AS same, count(*) AS n FROM "{a}" a GROUP BY 1', *at)
    assert "double quotes" in select(leat, f"SELECT * FROM {a}", *at, ok=1)
    many = " UNION ALL ".join([f'SELECT 1 FROM "{a}"'] + [f'SELECT 1 FROM "{b}"'] * 9)
    assert len(select(leat, f"{many} LIMIT 5", *at)) == 5
    proxy.close()
    assert rows == [{"same": 1, "n": 100}]
    assert proxy.passed <= 8, proxy.passed


def test_kafka_refused(filled, kafka, scratch):
    """What cannot be: no topic, one that nobody has, a Kafka that does not answer; names of the
    streams here still work."""
    at = ("--kafka", kafka.bootstrap)
    assert "WHERE topic" in select(filled, "SELECT * FROM kafka", *at, ok=1)
    nobody = f"nobody-{time.time_ns()}"
    assert "no such topic" in select(filled, f"SELECT * FROM kafka WHERE topic = '{nobody}'", *at,
                                     ok=1)
    assert "no such table" in select(filled, f'SELECT * FROM "{nobody}"', *at, ok=1)
    assert "no such table" in select(filled, "SELECT * FROM kafka WHERE topic = 'x'", ok=1)
    for text in (f'SELECT count(*) AS n FROM "{TOPIC}"',
                 f"SELECT count(*) AS n FROM events WHERE topic = '{TOPIC}'"):
        assert select(filled, text, *at)[0]["n"] == len(native(filled, TOPIC))
    away = ("--kafka", "127.0.0.1:1", "--timeout", "3")
    assert "127.0.0.1:1" in select(filled, f'SELECT * FROM "{nobody}"', *away, ok=1)
    assert select(filled, "SELECT count(*) AS n FROM events", *away)[0]["n"] == COUNT
    worker = filled.write("worker.properties", "bootstrap.servers=${env:NOT_THERE}\n")
    assert "NOT_THERE" in select(filled, "SELECT 1", "--kafka", worker, ok=1)
    usage = subprocess.run([filled.binary, "sql", "--kafka", "x", "-e", "SELECT 1"],
                           capture_output=True, text=True, timeout=60)
    assert usage.returncode == 2 and "goes with --data" in usage.stderr


def test_kafka_of_a_hub(leat, kafka):
    """The hub's own Kafka; records that come while a query runs are not in it."""
    topic = f"hub-{time.time_ns()}"
    produce(kafka, topic, [(0, 1_700_000_000_000 + i, b"k", b"%d" % i) for i in range(50000)], 1)
    worker = leat.write("worker.properties", f"bootstrap.servers={kafka.bootstrap}\ngroup.id=g\n")
    hub = Hub(leat, worker)
    stop = threading.Event()

    def go_on():
        client = Producer({"bootstrap.servers": kafka.bootstrap})
        while not stop.is_set():
            client.produce(topic, b"0", b"k")
            client.poll(0.001)
        client.flush(60)

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        count = f'(SELECT count(*) AS n FROM "{topic}")'
        text = f"SELECT a.n = b.n AND a.n >= 50000 AS same FROM {count} a, {count} b"
        answer = hub.ask("POST", "/hub/v1/query", {"sql": text})
        assert answer.status == 200 and answer.json["rows"] == [[1]], answer.text
    finally:
        stop.set()
        writer.join()
    assert hub.ask("POST", "/hub/v1/query", {"sql": "SELECT * FROM kafka"}).status == 400
    assert leat.stop() == 0


def test_kafka_keeps_secrets(leat, kafka):
    """Kafka Connect's connectors and Kafka's own topics are no tables, however they are named."""
    configs = f"connect-configs-{time.time_ns()}"
    produce(kafka, configs, [(0, 1_700_000_000_000, b"connector-a", b'{"password":"hunter2"}')], 1)
    worker = leat.write(
        "worker.properties",
        f"bootstrap.servers={kafka.bootstrap}\ngroup.id=g\nconfig.storage.topic={configs}\n",
    )
    hub = Hub(leat, worker)
    for source_ in (f'"{configs}"', f'"{configs.upper()}"', f"kafka WHERE topic = '{configs}'",
                    "kafka WHERE topic = '__consumer_offsets'"):  # fmt: skip
        answer = hub.ask("POST", "/hub/v1/query", {"sql": f"SELECT value FROM {source_}"})
        assert answer.status == 400 and "select.refused" in answer.text, answer.text
        assert "hunter2" not in answer.text
    assert leat.stop() == 0


@pytest.mark.parametrize(
    "line,said",
    [("connection=nope", "no connection"), ("security.protocol=nonsense", "security.protocol")],
)
def test_a_kafka_that_cannot_be_asked(filled, line, said):
    """A worker whose Kafka is wrongly configured is told of where its topics are asked for."""
    start = f"bootstrap.servers=127.0.0.1:1\ngroup.id=g\n{line}\n"
    hub = Hub(filled, filled.write("worker.properties", start))
    events = len(native(filled, TOPIC))
    for table, n in (("events", COUNT), (f'"{TOPIC}"', events), ("connectors", 1)):
        answer = hub.ask("POST", "/hub/v1/query", {"sql": f"SELECT count(*) FROM {table}"})
        assert answer.status == 200 and answer.json["rows"] == [[n]], answer.text
    for table in ("kafka", "nobody"):
        answer = hub.ask("POST", "/hub/v1/query", {"sql": f"SELECT * FROM {table}"})
        assert answer.status == 400 and said in answer.text, answer.text
    assert filled.stop() == 0

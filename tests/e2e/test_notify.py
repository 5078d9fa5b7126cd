"""PostgreSQL's LISTEN/NOTIFY as a source: payloads, rows, and what a reconnect can lose."""

import json
from threading import Event, Thread
from time import sleep

import pytest
from servers.process import until

JSON = "io.debezium.data.Json"


def config(db, channels="orders", **more):
    server = db.server
    props = {
        "connector.class": "notify",
        "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{db.name}",
        "connection.user": server.user,
        "channels": channels,
        "topic.prefix": "shop",
        "mark.interval.ms": 200,
    }
    return props | {key.replace("_", "."): value for key, value in more.items()}


def source(leat, db, name="n", **more):
    return leat.write(f"{name}.properties", config(db, **more))


def listen(leat, file, times=1):
    leat.run(file)
    listens(leat, times)


def listens(leat, times):
    said = lambda: leat.stderr.count("notify.listening") >= times
    until(lambda: leat.alive() or said(), 60, "the session listens")


def values(leat, topic, n=None):
    if n is not None:
        leat.read_until(topic, n, seconds=60)
    return [r["value"] for r in leat.read(topic)]


def codes(leat, name="n"):
    """Of the dead letters."""
    out = leat.call("dead-letters", name, "list", "--json").stdout
    return [json.loads(line)["code"] for line in out.split("\n")[:-1]]


def test_payloads(leat, db):
    """In the order of commits, each to its channel's topic; what is rolled back never comes."""
    listen(leat, source(leat, db, channels='orders,Odd name,"q'))
    with db.connect(autocommit=False) as c:
        c.execute("""NOTIFY orders, '{"id": 1}'""")
        c.rollback()
        c.execute("""NOTIFY orders, '{"id": 2}'""")
        c.execute("""NOTIFY "Odd name", '"text"'""")
        c.commit()
    db.sql("""NOTIFY orders, '{"id": 3, "ä": "\\u00e4"}'; NOTIFY other, '1'""")
    db.sql("NOTIFY \"\"\"q\", '7'")
    found = values(leat, "shop.orders", 2)
    assert [(v["channel"], v["payload"]) for v in found] == [
        ("orders", '{"id": 2}'),
        ("orders", '{"id": 3, "ä": "\\u00e4"}'),
    ]
    assert all(v["pid"] > 0 and "row" not in v for v in found)
    assert values(leat, "shop.Odd_name", 1)[0]["channel"] == "Odd name"
    assert values(leat, "shop._q", 1)[0]["payload"] == "7"
    leat.stop(30)
    (record, _) = leat.read("shop.orders", "--format", "json-schema")
    assert record["key"] is None
    assert record["value"]["schema"] == {
        "type": "struct",
        "optional": False,
        "name": "leat.postgres.Notification",
        "version": 1,
        "fields": [
            {"type": "string", "optional": False, "field": "channel"},
            {"type": "string", "optional": False, "name": JSON, "version": 1, "field": "payload"},
            {"type": "int32", "optional": True, "field": "pid"},
        ],
    }
    assert {t["topic"] for t in leat.topics()} == {"shop.orders", "shop.Odd_name", "shop._q"}


def test_what_is_no_json(leat, db):
    """It is kept with the dead letters; as text it is a payload as any."""
    listen(leat, source(leat, db))
    db.sql("NOTIFY orders, 'no json'; NOTIFY orders; NOTIFY orders, '1'")
    assert [v["payload"] for v in values(leat, "shop.orders", 1)] == ["1"]
    leat.stop(30)
    assert codes(leat) == ["notify.payload"] * 2
    listen(leat, source(leat, db, "t", payload_format="text", topic_prefix="t"), 2)
    db.sql("NOTIFY orders, 'no json'; NOTIFY orders")
    assert [v["payload"] for v in values(leat, "t.orders", 2)] == ["no json", ""]


def test_rows(leat, db):
    """As they are when the notification is read; null where there is none; what names none by its
    form is a dead letter."""
    db.sql("CREATE TABLE o (id int, part text, v int, PRIMARY KEY (id, part))")
    db.sql("INSERT INTO o VALUES (1, 'a', 10), (1, 'b', 11)")
    listen(leat, source(leat, db, row_table="public.o", row_key="id,part"))
    for payload in ['{"id": 1, "part": "b"}', '{"id": 2, "part": "b"}', '{"id": 1}',
                    '{"id": "x", "part": "b"}', '[1]', '{"id": 1, "part": "a", "more": [1]}']:
        db.sql("SELECT pg_notify('orders', %s)", payload)
    found = values(leat, "shop.orders", 3)
    assert [v["row"] and json.loads(v["row"]) for v in found] == [
        {"id": 1, "part": "b", "v": 11}, None, {"id": 1, "part": "a", "v": 10}
    ]
    until(lambda: len(codes(leat)) == 3, 30, "the dead letters")
    assert sorted(codes(leat)) == ["notify.key", "notify.key", "postgres.refused"]


def test_a_row_by_a_text(leat, db):
    db.sql("CREATE TABLE o (id uuid PRIMARY KEY, v int)")
    key = "6b1f3c4e-0000-4000-8000-000000000001"
    db.sql(f"INSERT INTO o VALUES ('{key}', 1)")
    more = {"payload_format": "text", "row_table": "o", "row_key": "id"}
    listen(leat, source(leat, db, **more))
    db.sql(f"NOTIFY orders, '{key}'; NOTIFY orders, 'none'")
    assert json.loads(values(leat, "shop.orders", 1)[0]["row"]) == {"id": key, "v": 1}
    until(lambda: codes(leat) == ["postgres.refused"], 30, "the dead letter")


def test_what_nobody_heard_is_told(leat, db):
    """Without a query it is lost, and the log says from when to when."""
    file = source(leat, db)
    listen(leat, file)
    assert "notify.gap" not in leat.stderr
    db.sql("NOTIFY orders, '1'")
    values(leat, "shop.orders", 1)
    leat.kill()
    db.sql("NOTIFY orders, '2'")
    listen(leat, file, 2)
    assert leat.stderr.count("notify.gap") == 1 and "are lost" in leat.stderr
    db.sql("NOTIFY orders, '3'")
    assert [v["payload"] for v in values(leat, "shop.orders", 2)] == ["1", "3"]


OUTBOX = """
CREATE TABLE outbox (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), v text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('orders', row_to_json(NEW)::text); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION tell();
"""
QUERY = "SELECT row_to_json(o)::text FROM outbox o WHERE at > $1 ORDER BY id -- all"


def heard(leat):
    return {json.loads(v["payload"])["v"] for v in values(leat, "shop.orders")}


def test_a_query_bounds_the_gap(leat, db):
    """Rows that were there before the first start, those of kills and of lost sessions: nothing
    is missing; the first start reads by pages."""
    db.sql(OUTBOX)
    db.sql("INSERT INTO outbox (v) SELECT 'old' || g FROM generate_series(1, 1300) g")
    file = source(leat, db, fetch_query=QUERY)
    want = {f"old{g}" for g in range(1, 1301)}
    for round in range(3):
        listen(leat, file, round + 1)
        for n in range(20):
            db.sql(f"INSERT INTO outbox (v) VALUES ('r{round}.{n}')")
            want.add(f"r{round}.{n}")
            if n == 10:
                db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       " WHERE application_name = 'leat n'")
        until(lambda: leat.alive() or want <= heard(leat), 60, "all of it")
        leat.kill()
        db.sql(f"INSERT INTO outbox (v) VALUES ('gone{round}')")
        want.add(f"gone{round}")
    leat.call("run", "--once", file)
    assert heard(leat) == want
    assert "are lost" not in leat.stderr


@pytest.mark.parametrize("query", [QUERY, None], ids=["query", "none"])
def test_more_than_there_is_room_for(leat, db, query):
    """While nothing is read, so much is kept; then the session begins anew, and what was dropped
    is a gap as any."""
    db.sql(OUTBOX)
    listen(leat, source(leat, db, **({"fetch_query": query} if query else {})))
    db.sql("INSERT INTO outbox (v) VALUES ('first')")
    values(leat, "shop.orders", 1)
    leat.call("pause", "n")
    want = {"first", "last"}
    for n in range(8):
        big = f"repeat('x', 7800) || '{n}.' || g"
        db.sql(f"INSERT INTO outbox (v) SELECT {big} FROM generate_series(1, 200) g")
        want |= {"x" * 7800 + f"{n}.{g}" for g in range(1, 201)}
    sleep(3)  # some beats
    leat.call("resume", "n")
    listens(leat, 2)
    assert leat.stderr.count("notify.behind ") == 1
    assert leat.stderr.count("notify.gap") == (0 if query else 1)
    db.sql("INSERT INTO outbox (v) VALUES ('last')")
    want = want if query else {"first", "last"}
    until(lambda: leat.alive() or want <= heard(leat), 60, "all of it")
    assert heard(leat) == want


def test_an_end_under_load(leat, db):
    """The position moves although there is always more than was taken: a run --once ends."""
    db.sql("CREATE VIEW o AS SELECT 1 AS id, pg_sleep(0.02)::text AS slow")
    stop = Event()

    def load():
        with db.connect() as c:
            while not stop.wait(0.002):
                c.execute("NOTIFY orders, '1'")

    thread = Thread(target=load)
    thread.start()
    more = {"payload_format": "text", "row_table": "public.o", "row_key": "id"}
    try:
        leat.call("run", "--once", source(leat, db, **more), seconds=30)
    finally:
        stop.set()
        thread.join()


def test_several_channels_of_a_query(leat, db):
    query = "VALUES ('a', '1'), ('b', '2')"
    leat.call("run", "--once", source(leat, db, channels="a,b", fetch_query=query))
    assert [v["payload"] for v in values(leat, "shop.a") + values(leat, "shop.b")] == ["1", "2"]


def test_its_offset(leat, db):
    file = source(leat, db, fetch_query="SELECT to_json($1::timestamptz)::text")
    leat.call("run", "--once", file)
    (offset,) = leat.json("offsets", "n")["offsets"]
    assert offset["partition"] == {"server": "shop"} and offset["offset"]["heard_usec"] > 0

    def set_to(partition, offset):
        one = {"partition": partition, "offset": offset}
        return leat.call("offsets", "n", "set", json.dumps({"offsets": [one]}), "--yes", ok=None)

    assert "expected" in set_to({"server": "x"}, {"heard_usec": 1}).stderr
    assert "expected" in set_to({"server": "shop"}, {"lsn": 1}).stderr
    assert set_to({"server": "shop"}, {"heard_usec": 1709205255123456}).returncode == 0
    leat.call("run", "--once", file)
    found = [json.loads(v["payload"]) for v in values(leat, "shop.orders")]
    assert found[0] == "-infinity" and found[1].startswith("2024-02-29T11:14:15.123456")


WRONG = [
    ({"connection_url": "jdbc:mysql://h/x"}, "must be one of PostgreSQL"),
    ({"channels": "x" * 64}, "more than 63 bytes"),
    ({"topic_prefix": "a b"}, "must be of letters"),
    ({"row_table": "o"}, "row.table needs it"),
    ({"row_key": "id"}, "is missing for row.key"),
    ({"payload_format": "text", "row_table": "o", "row_key": "a,b"}, "must be one column"),
    ({"row_table": "o", "row_key": "nope"}, "nope"),
    ({"row_table": "public.none", "row_key": "id", "errors_max_retries": "0"}, "does not exist"),
    ({"fetch_query": "SELEC 1"}, "syntax error"),
    ({"fetch_query": "SELECT 1, 2, 3"}, "gives 3 columns"),
    ({"fetch_query": "SELECT '1'", "channels": "a,b"}, "gives 1 columns"),
    ({"fetch_query": "SELECT 'x', '1'"}, "whose channel is not among"),
    ({"fetch_query": "DELETE FROM o"}, "syntax error"),
]


@pytest.mark.parametrize("more, text", WRONG, ids=[text for _, text in WRONG])
def test_wrong(leat, db, more, text):
    db.sql("CREATE TABLE o (id int PRIMARY KEY)")
    done = leat.call("run", "--once", source(leat, db, **more), ok=(1, 2))
    assert text in done.stderr


def test_check(leat, db):
    db.sql("CREATE TABLE o (id int PRIMARY KEY)")
    done = leat.call("check", source(leat, db))
    assert "the session may LISTEN" in done.stdout and "Set fetch.query" in done.stdout
    db.server.password_user("plain", "x")
    more = {"row_table": "o", "row_key": "id", "fetch_query": "SELECT id::text FROM o",
            "connection_user": "plain", "connection_password": "x"}
    done = leat.call("check", source(leat, db, **more), ok=(3,))
    assert done.stdout.count("permission denied") == 2
    db.sql('GRANT SELECT ON o TO "plain"')
    leat.call("check", source(leat, db, **more))
    db.sql('DROP OWNED BY "plain"; DROP ROLE "plain"')

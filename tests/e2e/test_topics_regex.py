"""`topics.regex`: a sink finds its topics by a pattern, also those that come while it runs."""

import os
import random
import re
import signal
import threading

import pytest
from hub import Hub
from playwright.sync_api import expect
from servers.process import until
from target import SqliteTarget
from target import sink as named
from test_round_trips import SEED, kill_one, settled
from test_sink_sql import same


def sink(target, pattern, **more):
    props = named(target, [], **more)
    del props["topics"]
    return props | {"topics.regex": pattern}


def rows(target, table):
    try:
        return target.rows(table, "count(*)")[0][0]
    except Exception:  # the table is not there yet
        return None


def fits(leat, n, name="pump", seconds=20):
    """Waits until so many topics are told; their names."""
    def enough():
        leat.alive()
        topics = leat.told(name).get("topics")
        return [topics] if topics is not None and len(topics) == n else None

    return until(enough, seconds, f"{n} topics of {name}", every=0.1)[0]


def test_topics_are_found(db, leat, tmp_path):
    """Tables that come later, sources that come later, and a restart; no others."""
    target = SqliteTarget(tmp_path)
    db.sql("CREATE TABLE orders (id int PRIMARY KEY); CREATE TABLE secrets (id int PRIMARY KEY);"
           "INSERT INTO orders VALUES (1); INSERT INTO secrets VALUES (1)")
    pattern = r"(shop|gen)\.(public|datagen)\.(orders.*|t\d)"
    pump = leat.write("pump.properties", sink(target, pattern))
    leat.run(pump)
    until(lambda: "sink.no_topic_fits" in leat.stderr, 20, "the warning")
    assert fits(leat, 0) == []
    assert "waits for one" in leat.call("why", "pump").stdout
    shop = leat.write("shop.properties", db.properties(name="shop"))
    leat.stop()
    leat.run(pump, shop)
    until(lambda: leat.alive() or rows(target, "orders") == 1, 60, "the snapshot")
    db.sql("CREATE TABLE orders_2 (id int PRIMARY KEY)")
    db.sql("INSERT INTO orders_2 VALUES (1), (2)")
    db.sql("INSERT INTO secrets VALUES (2)")
    until(lambda: leat.alive() or rows(target, "orders_2") == 2, 10, "the new table's rows")
    assert fits(leat, 2) == ["shop.public.orders", "shop.public.orders_2"]
    assert leat.stderr.count("sink.topic_found") >= 1
    leat.kill()
    db.sql("CREATE TABLE orders_3 (id int PRIMARY KEY)")
    db.sql("INSERT INTO orders_3 VALUES (1), (2), (3)")
    gen = leat.write("gen.properties", {"connector.class": "datagen", "topic.prefix": "gen",
                                        "datagen.events": 500})
    leat.run(shop, gen, pump)
    until(lambda: leat.alive() or (rows(target, "orders_3"), rows(target, "t1")) == (3, 500), 60,
          "both new streams")
    same(db, target, "orders", "orders_2", "orders_3")
    assert rows(target, "secrets") is None
    assert len(fits(leat, 4)) == 4
    why = leat.call("why", "pump").stdout
    assert "gen.datagen.t1, shop.public.orders, shop.public.orders_2" in why, why
    assert "shop.public.orders_3" in leat.call("status", "pump").stdout
    offsets = leat.call("offsets", "pump").stdout
    assert all(topic in offsets for topic in fits(leat, 4)), offsets
    until(lambda: leat.status("pump")["counts"]["in_flight"] == 0, 10, "all of it")
    assert leat.status("pump")["counts"]["delivered"] == 1 + 2 + 3 + 500
    check = leat.call("check", pump).stdout
    assert "4 topics fit topics.regex now" in check and "shop.public.orders_3" in check, check


def test_verify(db, leat, copy):
    """`leat verify` compares the tables of the topics that fit, and no others."""
    db.sql("CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int);"
           "CREATE TABLE c (id int PRIMARY KEY)")
    for table in "ab":
        db.sql(f"INSERT INTO {table} SELECT g, g FROM generate_series(1, 100) g")
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, r"shop\.public\.[ab]"))]
    leat.run(*files)
    until(lambda: leat.alive() or (rows(copy, "a"), rows(copy, "b")) == (100, 100), 60, "the rows")
    assert leat.call("verify", "pump").returncode == 0
    copy.sql("UPDATE b SET n = 0 WHERE id = 7")
    assert leat.call("verify", "pump", ok=(3,)).returncode == 3


def test_balances_over_tables_that_come(db, leat, copy):
    """apply.mode=transaction: money moves into tables that the same transaction has filled for the
    first time; who reads the target sees a sum of zero, also while leat is killed."""
    dice, hint = random.Random(SEED), f"(KILL_SEED={SEED})"
    most = 12
    for place in (db, copy):  # the target's are there, so that nothing but rows is written
        for i in range(most):
            if place is copy or i == 0:
                place.sql(f"CREATE TABLE m{i} (id int PRIMARY KEY, n bigint NOT NULL)")
    db.sql("INSERT INTO m0 SELECT g, 0 FROM generate_series(1, 100) g")
    files = [leat.write("shop.properties", db.properties(name="shop")),
             leat.write("pump.properties", sink(copy, r"shop\.public\.m\d+",
                                                apply_mode="transaction"))]
    leat.run(*files)
    until(lambda: leat.alive() or rows(copy, "m0") == 100, 60, "the snapshot")
    seen, going = [], [True]
    sums = " UNION ALL ".join(f"SELECT n FROM m{i}" for i in range(most))

    def watch():
        with copy.db.connect() as c:
            while going[0]:
                seen.append(c.execute(f"SELECT sum(n), count(*) FROM ({sums}) x").fetchone())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for i in range(1, most):
        with db.connect(autocommit=False) as c:
            c.execute(f"CREATE TABLE m{i} (id int PRIMARY KEY, n bigint NOT NULL)")
            c.commit()
            for k in range(10):  # the first one is of a topic that nobody has seen
                c.execute("UPDATE m0 SET n = n - %s WHERE id = %s", (5 * i, dice.randint(1, 100)))
                c.execute(f"INSERT INTO m{i} VALUES (%s, %s)", (k, 3 * i))
                c.execute(f"INSERT INTO m{i} VALUES (%s, %s)", (k + 100, 2 * i))
                c.commit()
        if i % 4 == 2:
            kill_one(dice.choice(["shop", "pump", None]), leat, files)
    settled(db, leat, copy, [f"m{i}" for i in range(most)], hint)
    going[0] = False
    watcher.join(60)
    assert len(set(seen)) > 3, "the watcher has seen it move"
    broken = [s for s in seen if s[0] != 0]
    assert not broken, (broken[:3], SEED)
    assert fits(leat, most)


@pytest.mark.parametrize("sees", ["gone", "anew", "nothing"])
@pytest.mark.parametrize("option", [{"topics": "gen.datagen.t1"},
                                    {"topics.regex": r"gen\..*"}], ids=lambda o: next(iter(o)))
def test_a_topic_that_goes_and_comes(leat, tmp_path, option, sees):
    """Its connector is deleted with its topics, and made anew: the sink reads the new one, from
    its beginning. It runs meanwhile and sees that nothing is there; or it looks only when the new
    one is there; or it does not run."""
    target = SqliteTarget(tmp_path)
    hub = Hub(leat, "--files-root", str(tmp_path))
    hub.make("gen", datagen_events="100")
    config = {"connector.class": "sql", "connection.url": target.url, "auto.create": "true"}
    hub.make("pump", **config, **option)
    until(lambda: rows(target, "t1") == 100, 30, "the first ones")
    until(lambda: leat.status("pump")["counts"]["in_flight"] == 0, 10, "its cursor")
    pid = leat.told("pump")["pid"]
    if sees == "nothing":
        assert hub.ask("PUT", "/connectors/pump/stop").status == 204
        hub.wait_state("pump", "STOPPED")
    elif sees == "anew":
        os.kill(pid, signal.SIGSTOP)
    assert hub.ask("DELETE", "/connectors/gen").status == 204
    until(lambda: leat.call("topics", "delete", "gen.datagen.t1", "--yes", ok=None).returncode == 0,
          30, "the topic to go")
    target.sql("DELETE FROM t1")
    if sees == "gone":
        until(lambda: "stream.missing" in leat.stderr, 30, "the sink to notice")
    elif sees == "nothing":
        assert hub.ask("PUT", "/connectors/pump/resume").status == 202
    if sees != "anew":
        hub.wait_state("pump")
    hub.make("gen", datagen_events="50")
    if sees == "anew":
        hub.wait_events("gen", 50)
        os.kill(pid, signal.SIGCONT)
        until(lambda: "stream.anew" in leat.stderr, 30, "the sink to notice")
    until(lambda: rows(target, "t1") == 50, 60, "the new ones")
    hub.wait_state("pump")


BAD = ["(", "[a", "*", "a{2,1}", "(?<x", r"[a-z&&[^b]]", "(?z)a", r"\p{javaLowerCase}"]


@pytest.mark.parametrize("pattern", BAD)
def test_bad_patterns(leat, tmp_path, pattern):
    """Refused where a configuration is given, with the place; nothing is started."""
    file = leat.write("pump.properties", sink(SqliteTarget(tmp_path), pattern))
    for command in ("run", "check"):
        done = leat.call(command, file, ok=(2,))
        assert "topics.regex: must be a regular expression" in done.stderr, done.stderr


def test_one_of_the_two(leat, tmp_path):
    """As Kafka Connect says it, by file and by REST."""
    target = SqliteTarget(tmp_path)
    both = named(target, ["a"]) | {"topics.regex": "a"}
    neither = {k: v for k, v in both.items() if not k.startswith("topics")}
    told = {"both": (both, "topics and topics.regex are mutually exclusive options, but both are"
                           " set."),
            "neither": (neither, "Must configure one of topics or topics.regex")}
    for name, (config, _) in told.items():
        leat.write(f"{name}.properties", config)
    for name, (_, text) in told.items():
        assert text in leat.call("check", f"{name}.properties", ok=(2,)).stderr
    hub = Hub(leat, "--files-root", str(tmp_path))
    for config, text in told.values():
        path = "/connector-plugins/sql/config/validate"
        answer = hub.ask("PUT", path, config).json
        wrong = {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"]
                 if c["value"]["errors"]}
        for option in ("topics", "topics.regex"):
            value = config.get(option, "null")
            said = f"Invalid value {value} for configuration {option}: {text}"
            assert wrong.pop(option) == [said]
        assert not wrong
    answer = hub.ask("PUT", path, neither | {"topics.regex": "a("}).json
    wrong = {c["value"]["name"]: c["value"]["errors"] for c in answer["configs"]
             if c["value"]["errors"]}
    assert list(wrong) == ["topics.regex"] and "at character" in wrong["topics.regex"][0]


def test_a_pattern_that_never_ends(leat, tmp_path):
    """It is not taken for one that does not fit: the sink fails with its name."""
    target = SqliteTarget(tmp_path)
    gen = {"connector.class": "datagen", "topic.prefix": "a" * 60, "datagen.events": 10}
    leat.run("--once", leat.write("gen.properties", gen),
             leat.write("pump.properties", sink(target, "(a+)+b|((a|a)*)*c")))
    assert leat.wait() == 1
    assert "[regex.limit]" in leat.stderr or "regex.limit" in leat.stderr, leat.stderr[-2000:]


def test_the_page(leat, browser):
    """REST names the topics that fit now, also in a trial; the drawing has the edges."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="50", datagen_tables="2")
    # (?i) is Java's: the browser's own patterns have none
    hub.make("out", **{"connector.class": "null", "topics.regex": r"(?i)GEN\.DATAGEN\.T[13]"})
    hub.wait_events("gen", 50)
    assert hub.get("/connectors/out/topics") == {"out": {"topics": ["gen.datagen.t1"]}}
    trial = hub.ask("POST", "/hub/v1/checks", {"config": {
        "connector.class": "null", "topics.regex": r"gen\..*"}}).json
    step = next(s for s in trial["steps"] if s["step"] == "topics")
    assert step["state"] == "ok" and "gen.datagen.t1, gen.datagen.t2" in step["detail"], step
    trial = hub.ask("POST", "/hub/v1/checks", {"config": {
        "connector.class": "null", "topics.regex": "gen"}}).json
    step = next(s for s in trial["steps"] if s["step"] == "topics")
    assert (step["state"], step["code"]) == ("warn", "sink.no_topic_fits")
    with browser.tab(hub, "lineage") as tab:
        tab.get_by_role("button", name="List", exact=True).click()
        row = tab.get_by_role("row").filter(has_text="gen.datagen.t1")
        expect(row).to_contain_text("out")
        expect(tab.get_by_role("row").filter(has_text="gen.datagen.t2")).to_contain_text("nobody")
        hub.make("more", datagen_rate="50")
        config = {"connector.class": "null", "topics.regex": r"(gen|more)\.datagen\.t\d"}
        assert hub.ask("PUT", "/connectors/out/config", config).status == 200
        row = tab.get_by_role("row").filter(has_text="more.datagen.t1")
        expect(row).to_contain_text("out", timeout=20000)
        expect(tab.get_by_role("row").filter(has_text="gen.datagen.t2")).to_contain_text(
            re.compile("out"))

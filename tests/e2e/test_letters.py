"""Dead letters of a sink: rows that wait behind them, edit, retry, drop, and the breaker."""

import json

from hub import Hub
from servers.process import until
from target import sink

TOPICS = ["shop.public.t"]


def letters(leat, *more):
    lines = leat.call("dead-letters", "pump", "list", "--json", *more).stdout.splitlines()
    return [json.loads(line) for line in lines]


def act(leat, *words, ok=(0,)):
    return json.loads(leat.call("dead-letters", "pump", *words, "--json", ok=ok).stdout)


def begin(db, leat, copy, source=None, **more):
    """Both run; a row of a > 99 is refused by the target."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a < 100), b text)")
    db.sql("INSERT INTO t SELECT g, 1, 'ok' FROM generate_series(1, 50) g")
    files = [leat.write("shop.properties", db.properties(name="shop", **(source or {})))]
    more = {"errors_tolerance": "all", **more}
    files.append(leat.write("pump.properties", sink(copy, TOPICS, **more)))
    leat.run(*files)
    until(lambda: len(copy.rows("t")) == 50, 90, "the first rows")
    return files


def row(target, key):
    return [tuple(r[1:]) for r in target.rows("t") if r[0] == key]


def poison(db, copy, mark):
    """Row 7 is poisoned, and changed twice behind that; row 8 goes on. All of it is delivered."""
    db.sql("UPDATE t SET a = 500 WHERE id = 7")
    db.sql("UPDATE t SET a = 8, b = 'later' WHERE id = 7")
    db.sql("UPDATE t SET b = 'last' WHERE id = 7")
    db.sql("UPDATE t SET a = 9 WHERE id = 8")
    db.sql("INSERT INTO t VALUES (%s, 1, 'mark')", mark)
    until(lambda: row(copy, mark), 90, "the mark")


def test_later_changes_wait_and_are_written_in_order(db, leat, copy):
    begin(db, leat, copy)
    poison(db, copy, 1000)
    assert row(copy, 7) == [(1, "ok")], "later changes of the row wait"
    assert row(copy, 8) == [(9, "ok")], "the others do not"
    first, second, third = letters(leat)
    assert [x["code"] for x in (first, second, third)] == ["sql.check", "sink.waits", "sink.waits"]
    assert [x["state"] for x in (first, second, third)] == ["failed", "waits", "waits"]
    counts = leat.json("status", "pump")["counts"]
    assert counts["read"] == counts["delivered"] + counts["dead"] and counts["dead"] == 3

    # in order: a later one alone is not tried, the first one fails again
    tried = act(leat, "retry", second["id"], ok=(3,))
    assert tried["failed"] == 1 and str(first["id"]) in tried["letters"][0]["reason"]
    assert tried["letters"][0]["code"] == "sink.waits"
    tried = act(leat, "retry", "--all", ok=(3,))
    assert (tried["retried"], tried["failed"]) == (0, 3)
    assert letters(leat)[0]["tries"] == 1

    # edited, it goes, and what waits behind it
    act(leat, "edit", first["id"], "--set", '{"a":50,"b":"edited"}')
    shown = json.loads(leat.call("dead-letters", "pump", "show", first["id"], "--json").stdout)
    assert shown["after"]["a"] == 50 and shown["edit"] == {"a": 50, "b": "edited"}
    assert "edited" in leat.call("dead-letters", "pump", "show", first["id"]).stdout
    assert act(leat, "retry", first["id"])["retried"] == 1
    assert row(copy, 7) == [(50, "edited")]
    assert act(leat, "retry", "--all", "--code", "sink.waits")["retried"] == 2
    assert row(copy, 7) == [(8, "last")] and letters(leat) == []

    # nothing waits any more
    db.sql("UPDATE t SET b = 'free' WHERE id = 7")
    until(lambda: row(copy, 7) == [(8, "free")], 90, "the row that waited")


def test_dropping_lets_the_row_go_on(db, leat, copy):
    files = begin(db, leat, copy)
    poison(db, copy, 1000)
    assert leat.stop() == 0
    # also of one that does not run, and what waits is known to the next process
    ids = [x["id"] for x in letters(leat)]
    assert act(leat, "drop", ids[0])["dropped"] == 1
    leat.run(*files)
    db.sql("UPDATE t SET b = 'behind' WHERE id = 7")
    until(lambda: len(letters(leat)) == 3, 90, "one more that waits")
    assert act(leat, "drop", "--all", "--table", "nothing")["dropped"] == 0
    assert act(leat, "drop", "--all", "--topic", TOPICS[0])["dropped"] == 3
    db.sql("UPDATE t SET b = 'free' WHERE id = 7")
    until(lambda: row(copy, 7) == [(8, "free")], 90, "the row that waited")


def test_a_mended_table_is_noticed(db, leat, copy):
    """Rows that a column was missing for are dead letters until it is there, without a restart."""
    begin(db, leat, copy, schema_evolution="none")
    db.sql("ALTER TABLE t ADD COLUMN c int")
    db.sql("INSERT INTO t VALUES (101, 1, 'early', 1)")
    until(lambda: [x["code"] for x in letters(leat)] == ["sql.column_missing"], 90, "the letter")
    copy.sql("ALTER TABLE t ADD COLUMN c int")

    def delivered():
        db.sql("INSERT INTO t SELECT max(id) + 1, 1, 'late', 2 FROM t")
        return copy.sql("SELECT count(*) FROM t WHERE b = 'late' AND c = 2")[0][0] > 0

    until(delivered, 30, "a row behind the mended table", every=0.3)
    failed = act(leat, "retry", "--all")["failed"]
    assert failed == 0 and row(copy, 101) == [(1, "early", 1)]


def test_truncate_supersedes(db, leat, copy):
    begin(db, leat, copy, source={"skipped_operations": "none"}, truncate_enabled="true")
    poison(db, copy, 1000)
    db.sql("TRUNCATE t")
    db.sql("INSERT INTO t VALUES (7, 3, 'new')")
    until(lambda: copy.rows("t") == [(7, 3, "new")], 90, "the row behind the TRUNCATE")
    assert {x["state"] for x in letters(leat)} == {"superseded"}
    tried = act(leat, "retry", "--all", ok=(3,))
    assert tried["retried"] == 0 and tried["letters"][0]["code"] == "dead_letter.superseded"
    assert row(copy, 7) == [(3, "new")]


def test_too_many_pause_it(db, leat, copy):
    begin(db, leat, copy, errors_parked_keys="3")
    db.sql("UPDATE t SET a = 500 WHERE id <= 10")
    until(lambda: leat.json("status", "pump")["state"] == "PAUSED", 90, "the pause")
    assert "errors.parked.keys" in leat.json("status", "pump")["desired"]["by"]
    assert len(letters(leat)) == 10, "what was read is not lost"
    copy.sql("ALTER TABLE t DROP CONSTRAINT t_a_check")
    assert act(leat, "retry", "--all")["retried"] == 10
    leat.call("resume", "pump")
    db.sql("UPDATE t SET b = 'on' WHERE id = 1")
    until(lambda: row(copy, 1) == [(500, "on")], 90, "it goes on")


def test_breaker(db, leat, copy):
    begin(db, leat, copy, errors_breaker_percent="50", errors_breaker_window="20")
    db.sql("UPDATE t SET a = 500 WHERE id <= 40")
    until(lambda: leat.json("status", "pump")["state"] == "PAUSED", 90, "the breaker")
    assert "errors.breaker.percent" in leat.json("status", "pump")["desired"]["by"]


def test_rest(db, leat, copy):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a < 100), b text)")
    db.sql("INSERT INTO t VALUES (1, 500, 'x'), (2, 600, 'y'), (3, 700, 'z')")
    hub = Hub(leat)
    source = {k: str(v) for k, v in db.properties().items()}
    pump = {k: str(v) for k, v in sink(copy, TOPICS, errors_tolerance="all").items()}
    for name, config in (("shop", source), ("pump", pump)):
        config.pop("name", None)
        assert hub.ask("POST", "/connectors", {"name": name, "config": config}).status == 201
    path = "/hub/v1/connectors/pump/dead-letters"
    until(lambda: len(hub.get(path)) == 3, 90, "dead letters")
    one, two, three = [x["id"] for x in hub.get(path)]
    whole = hub.get(f"{path}/{one}")
    assert whole["retriable"] and whole["after"] == {"id": 1, "a": 500, "b": "x"}
    assert whole["op"] in "rc" and whole["before"] is None

    for bad in ({}, {"after": 3}, {"after": {"c": 1}}, {"after": {"a": "x"}}, {"after": {"id": 9}}):
        assert hub.ask("PATCH", f"{path}/{one}", bad).status == 400, bad
    assert hub.ask("PATCH", f"{path}/{one}", {"after": {"a": 5}}).json["after"]["a"] == 5
    assert hub.ask("PATCH", f"{path}/{one}", {"after": None}).json["edit"] is None
    assert hub.ask("PATCH", f"{path}/{one}", {"after": {"a": None}}).status == 200
    assert hub.ask("PATCH", f"{path}/999", {"after": {"a": 5}}).status == 404
    assert hub.ask("PATCH", f"{path}/x", {"after": {"a": 5}}).status == 404

    for bad in ({}, {"ids": 1}, {"ids": ["x"]}, {"ids": [1], "all": True}, {"ids": [0]}):
        assert hub.ask("POST", f"{path}/retry", bad).status == 400, bad
    assert hub.ask("POST", f"{path}/retry", {"ids": [999]}).status == 404
    tried = hub.ask("POST", f"{path}/retry", {"ids": [one, two]}).json
    assert (tried["retried"], tried["failed"]) == (1, 1)
    assert copy.rows("t") == [(1, None, "x")]
    assert hub.ask("DELETE", f"{path}/{two}").status == 204
    assert hub.ask("DELETE", f"{path}/{two}").status == 404
    assert hub.ask("POST", f"{path}/drop", {"all": True}).json == {"dropped": 1}
    assert hub.get(path) == []
    hub.ask("POST", f"{path}/drop", {"ids": [three]})


def test_sql(db, leat, copy):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, a int, b text)")
    copy.sql("CREATE TABLE t (id int PRIMARY KEY, a int CHECK (a < 100), b text)")
    db.sql("INSERT INTO t VALUES (1, 500, 'x'), (2, 600, 'y'), (3, 700, 'z')")
    hub = Hub(leat)
    source = {k: str(v) for k, v in db.properties().items()}
    pump = {k: str(v) for k, v in sink(copy, TOPICS, errors_tolerance="all").items()}
    for name, config in (("shop", source), ("pump", pump)):
        config.pop("name", None)
        assert hub.ask("POST", "/connectors", {"name": name, "config": config}).status == 201

    def ask(text):
        return hub.ask("POST", "/ksql", {"ksql": text.replace("OF", "FOR CONNECTOR `pump`")})

    def said(text):
        answer = ask(text)
        assert answer.status == 200, answer.text
        return answer.json[0]

    until(lambda: len(said("SHOW DEAD LETTERS OF;")["deadLetters"]) == 3, 90, "dead letters")
    one, two, three = [x["id"] for x in said("LIST DEAD LETTERS OF;")["deadLetters"]]
    shown = said(f"SHOW DEAD LETTERS {three}, {one} OF;")["deadLetters"]
    assert [x["id"] for x in shown] == [three, one]
    assert shown[1]["after"] == {"id": 1, "a": 500, "b": "x"}

    for text in ("SHOW DEAD LETTERS 0 OF;", "SHOW DEAD LETTERS 1, OF;", "DROP DEAD LETTERS x OF;",
                 "ALTER DEAD LETTERS OF SET '{}';", "ALTER DEAD LETTERS 1, 2 OF SET '{}';",
                 "ALTER DEAD LETTERS 1 OF;", "RETRY LETTERS OF;", "DROP DEAD LETTERS 1;",
                 f"ALTER DEAD LETTERS {one} OF SET '{{';",
                 f"ALTER DEAD LETTERS {one} OF SET '{{\"none\":1}}';"):
        assert ask(text).status == 400, text
    for verb in ("SHOW", "RETRY", "DROP"):
        assert ask(f"{verb} DEAD LETTERS 999 OF;").status == 404, verb
    assert hub.ask("POST", "/ksql", {"ksql": "SHOW DEAD LETTERS FOR CONNECTOR none;"}).status == 404

    said(f"ALTER DEAD LETTERS {one} OF SET '{{\"a\":5,\"b\":\"it''s\"}}';")
    tried = said(f"RETRY DEAD LETTERS {one}, {two} OF;")
    assert (tried["retried"], tried["failed"]) == (1, 1)
    assert copy.rows("t") == [(1, 5, "it's")]
    assert said(f"DROP DEAD LETTERS {two} OF;")["dropped"] == 1
    assert said("RETRY DEAD LETTERS OF;")["failed"] == 1
    assert said("DROP DEAD LETTERS OF;")["dropped"] == 1
    assert said("SHOW DEAD LETTERS OF;")["deadLetters"] == []


def test_bad_words(db, leat):
    leat.run("--once", leat.write("shop.properties", db.properties(name="shop")))
    assert leat.wait(90) == 0
    for words in ("retry", "drop", "edit", "edit 1", "retry x", "drop 0", "retry 1 --all",
                  "retry 1 --code x", "edit 1 --set {", "eat 1", "retry --all --wait 0"):
        leat.call("dead-letters", "shop", *words.split(), ok=(2,))
    assert "dead_letter.unknown" in leat.call("dead-letters", "shop", "drop", 1, ok=(1,)).stderr
    assert "dead_letter.source" in leat.call("dead-letters", "shop", "retry", "--all",
                                             ok=(1,)).stderr
    assert "connector.unknown" in leat.call("dead-letters", "nobody", "drop", 1, ok=(1,)).stderr

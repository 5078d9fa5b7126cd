"""Options that name what the database does not have: `leat check` tells each, and what was near."""

import json


def steps(leat, db, *names, ok=(0,), **more):
    more = {k.replace("__", "-"): v for k, v in more.items()}
    file = leat.write("shop.properties", db.properties(name="shop") | more)
    found = [json.loads(x) for x in leat.call("check", file, "--json", ok=ok).stdout.splitlines()]
    return [s for s in found if s["step"] in names]


def shop(db):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, card text, note varchar(9))")
    db.sql("CREATE TABLE items (id int PRIMARY KEY)")
    db.sql("CREATE VIEW totals AS SELECT count(*) FROM orders")


def test_names_that_nothing_has(db, leat):
    """In all options of names; the nearest name stands there, and no salt."""
    shop(db)
    wrong = {
        "schema.include.list": ("public, publik", "publik", "public"),
        "table.include.list": (r"public\.orders,public\.itmes", r"public\.itmes", "public.items"),
        "snapshot.include.collection.list": ("public.order", "public.order", "public.orders"),
        "column.mask.with.4.chars": ("public.orders.crad", "public.orders.crad",
                                     "public.orders.card"),
        "column.mask.hash.SHA-256.with.salt.pepper": ("public.orders.notes", "public.orders.notes",
                                                      "public.orders.note"),
        "column.truncate.to.3.chars": ("public.orders.nnote", "public.orders.nnote",
                                       "public.orders.note"),
        "column.exclude.list": ("public.orders.ids", "public.orders.ids", "public.orders.id"),
        "column.propagate.source.type": ("orders.card", "orders.card", None),
        "datatype.propagate.source.type": ("public.orders.varchr", "public.orders.varchr",
                                           "public.orders.varchar"),
        "message.key.columns": ("public.orders:cardd", "public.orders.cardd",
                                "public.orders.card"),
        "signal.data.collection": ("public.signals", "public.signals", None),
    }
    options = {option: value for option, (value, _, _) in wrong.items()}
    found = steps(leat, db, "names", **options)
    details = [s["detail"] for s in found]
    assert len(details) == 11 and details[-1] == "and 1 more", "ten are told one by one"
    assert all(s["code"] == "postgres.unknown_name" and s["state"] == "warn" for s in found)
    assert "pepper" not in json.dumps(found)
    for option, (_, pattern, near) in wrong.items():
        (detail,) = [d for d in steps_of(leat, db, option, wrong) if pattern in d]
        assert near is None or f"did you mean {near}?" in detail
        assert ("did you mean" in detail) == (near is not None)


def steps_of(leat, db, option, wrong):
    """One at a time: none hides behind "and 1 more"."""
    return [s["detail"] for s in steps(leat, db, "names", **{option: wrong[option][0]})]


def test_names_that_are_there(db, leat):
    """Patterns that fit something are no news; a view is told as one."""
    shop(db)
    good = {
        "table.include.list": r"public\.(orders|items),PUBLIC.ORDERS",
        "column.mask.with.4.chars": r".*\.card",
        "message.key.columns": "(.*).orders:id,note",
        "datatype.propagate.source.type": r".+\.VARCHAR",
    }
    (found,) = steps(leat, db, "names", **good)
    assert (found["state"], found["detail"]) == ("ok", "all that the options name is there")
    (found,) = steps(leat, db, "names", **{"table.exclude.list": "public.totals"})
    assert "fits no table, but the view public.totals" in found["detail"]


def test_statements_that_name_nothing(db, leat):
    """The server reads them, and runs none."""
    shop(db)
    beat = {"heartbeat.interval.ms": "1000"}
    step = "heartbeat.action.query"
    (found,) = steps(leat, db, step, **beat, **{step: "DELETE FROM orders; "})
    assert found["state"] == "ok"
    (found,) = steps(leat, db, step, **beat, **{step: "INSERT INTO beats VALUES (now())"})
    assert found["state"] == "warn" and "beats" in found["detail"]
    (found,) = steps(leat, db, step, **beat, **{step: "SELECT toutch(1)"})
    assert "toutch" in found["detail"]
    option = "snapshot.select.statement.overrides"
    override = {option: "public.orders", f"{option}.public.orders": "SELECT * FROM oders"}
    (found,) = steps(leat, db, f"{option}.public.orders", ok=(3,), **override)
    assert found["state"] == "FAILED" and "oders" in found["detail"]


def test_unlogged_tables(db, leat):
    """They are in no log: told by check, with the statement, and at each start."""
    shop(db)
    db.sql("CREATE UNLOGGED TABLE carts (id int PRIMARY KEY)")
    db.sql("INSERT INTO carts VALUES (1)")
    more = {"table.include.list": "public.carts,public.orders"}
    (found,) = steps(leat, db, "unlogged tables", **more)
    assert found["code"] == "postgres.unlogged" and "public.carts" in found["detail"]
    assert found["sql"] == 'ALTER TABLE "public"."carts" SET LOGGED;'
    assert steps(leat, db, "unlogged tables", **{"table.include.list": "public.orders"}) == []
    file = leat.write("shop.properties", db.properties(name="shop") | more)
    for _ in range(2):
        said = leat.call("run", "--once", file).stderr
        assert "postgres.unlogged" in said and "public.carts" in said
    db.sql(found["sql"])
    db.sql("INSERT INTO carts VALUES (2)")
    assert "postgres.unlogged" not in leat.call("run", "--once", file).stderr
    assert [r["value"]["after"]["id"] for r in leat.read("shop.public.carts")] == [2]

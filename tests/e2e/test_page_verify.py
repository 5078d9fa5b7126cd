"""A sink is verified and repaired by the hub, and in its page; a source, too."""

import re

from browser import expect, usable
from hub import Hub
from servers.process import until
from target import sink

VERIFY = "/hub/v1/connectors/pump/verify"


def begin(db, leat, copy, rows=2000, env=None):
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, status text)")
    db.sql(f"INSERT INTO orders SELECT g, 'new' FROM generate_series(1, {rows}) g")
    hub = Hub(leat, env=env)
    hub.make("shop", **db.properties())
    hub.make(**sink(copy, ["shop.public.orders"]))

    def delivered():
        try:
            return copy.sql("SELECT count(*) FROM orders")[0][0] == rows
        except Exception:  # not made yet
            return False

    until(delivered, 120, "all rows in the target")
    return hub


def verify(hub, of="pump", **body):
    where = VERIFY.replace("pump", of)
    answer = hub.ask("POST", where, body)
    assert answer.status == 202, answer.text
    assert answer.json["running"] and answer.json["result"] is None
    until(lambda: not hub.get(where)["running"], 120, "the report")
    return hub.get(where)


def plant(copy):
    copy.sql("UPDATE orders SET status = 'lost' WHERE id IN (7, 8)")
    copy.sql("DELETE FROM orders WHERE id = 9")
    copy.sql("INSERT INTO orders VALUES (-1, 'mine')")
    return {"7": "different", "8": "different", "9": "missing", "-1": "extra"}


def test_a_report(leat, db, copy):
    # Keys of secrets that no file holds go to the process, too.
    hub = begin(db, leat, copy, env={"LEAT_KEY": "ab" * 32})
    none = hub.get(VERIFY)
    assert not none["running"] and none["begun"] is None and none["tables"] == []
    report = verify(hub)
    assert report["error"] is None and report["result"]["equal"]
    (table,) = report["tables"]
    assert table["table"] == "public.orders" and table["rows"] == 2000 and table["position"]

    planted = plant(copy)
    report = verify(hub, tables=["public.orders"], load=100)
    assert {d["key"]["id"]: d["difference"] for d in report["differences"]} == planted
    assert not report["result"]["equal"] and report["result"]["differences"] == 4
    report = verify(hub, repair=True, load=100)
    assert report["repair"] and all(d["repaired"] for d in report["differences"])
    until(lambda: verify(hub, load=100)["result"]["equal"], 120, "the corrections")

    # What is wrong is told, not done.
    for body in ({"load": 0}, {"load": "x"}, {"wait": 1e9}, {"seconds": -1}, {"repair": 1},
                 {"tables": "t"}, {"tables": [1]}, {"tables": ["t"] * 201}, []):
        assert hub.ask("POST", VERIFY, body).status == 400, body
    hub.make("sample", datagen_rate="1")
    assert hub.ask("POST", VERIFY.replace("pump", "sample"), {}).status == 400
    assert hub.ask("POST", VERIFY.replace("pump", "nobody"), {}).status == 404
    assert hub.ask("DELETE", VERIFY).status == 409
    report = verify(hub, of="shop", load=100)
    assert report["result"]["equal"] and report["tables"][0]["target"] == "shop.public.orders"
    report = verify(hub, tables=["no.such", "--repair"])
    assert report["error"]["error"] == "verify.nothing" and report["result"] is None

    # It waits for a source that is paused; meanwhile there is one, and it can be stopped.
    assert hub.ask("PUT", "/connectors/shop/pause").status == 202
    hub.wait_state("shop", "PAUSED")
    db.sql("UPDATE orders SET status = 'new' WHERE id = 11")
    copy.sql("DELETE FROM orders WHERE id = 10")
    assert hub.ask("POST", VERIFY, {"wait": 600}).status == 202
    assert hub.ask("POST", VERIFY, {}).status == 409
    assert hub.ask("DELETE", VERIFY).status == 204
    until(lambda: not hub.get(VERIFY)["running"], 30, "its end")
    assert hub.get(VERIFY)["error"]["error"] == "verify.stopped"
    assert hub.ask("POST", VERIFY, {"wait": 600, "seconds": 1}).status == 202
    until(lambda: not hub.get(VERIFY)["running"], 30, "the end of its time")
    assert hub.get(VERIFY)["error"]["error"] == "verify.late"
    assert [a["status"] for a in hub.get("/hub/v1/audit")["deeds"]
            if a["path"].endswith("/verify")].count(202) >= 6
    # A report goes with its connector, and what runs with the hub.
    assert hub.ask("POST", VERIFY, {"wait": 600}).status == 202
    assert leat.stop() == 0


def test_in_the_page(leat, db, copy, browser):
    hub = begin(db, leat, copy)
    plant(copy)
    with browser.tab(hub, "c/pump/status") as tab:
        tab.get_by_role("link", name="Verify", exact=True).click()
        expect(tab.get_by_role("heading", name="Not verified yet.")).to_be_visible()
        tab.get_by_label(re.compile("^Load")).fill("100")
        tab.get_by_role("button", name="Verify", exact=True).click()
        expect(tab.get_by_text("4 keys differ", exact=True)).to_be_visible()
        differ = tab.get_by_label("Keys that differ")
        expect(differ.get_by_role("row").filter(has_text="id=9")).to_contain_text("missing")
        expect(differ.get_by_role("row").filter(has_text="id=-1")).to_contain_text("extra")
        tab.reload()
        expect(differ.get_by_role("row")).to_have_count(5)
        usable(tab, hub, ["c/pump/verify"])
        tab.set_viewport_size({"width": 1440, "height": 900})
        tab.get_by_role("button", name="Repair…").click()
        dialog = tab.get_by_role("dialog")
        expect(dialog).to_contain_text("3 rows of the last report")
        dialog.get_by_role("button", name="Cancel").click()
        assert copy.sql("SELECT status FROM orders WHERE id = 7")[0][0] == "lost"
        tab.get_by_role("button", name="Repair…").click()
        dialog.get_by_role("button", name="Repair", exact=True).click()
        expect(tab.get_by_text(re.compile("4 corrected"))).to_be_visible()
        until(lambda: copy.sql("SELECT count(*), count(*) FILTER (WHERE status = 'new') "
                               "FROM orders")[0] == (2000, 2000), 60, "the corrections")
        tab.get_by_role("button", name="Verify again").click()
        expect(tab.get_by_text(re.compile("^Equal: 1 table, 2,000 rows"))).to_be_visible()
        tab.goto(tab.url.replace("/pump/", "/shop/"))
        tab.get_by_role("button", name="Verify", exact=True).click()
        expect(tab.get_by_text(re.compile("^Equal: 1 table, 2,000 rows"))).to_be_visible()

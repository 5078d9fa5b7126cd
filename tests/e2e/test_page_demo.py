"""leat demo with its page: what is broken there is noticed, mended and proven."""

import json
import re
import sqlite3
import types
import urllib.error
import urllib.request

from browser import expect, usable
from hub import Hub
from servers.process import until
from test_demo import demo  # noqa: F401, a fixture


def begin(demo, *args):
    demo.start("--rate", 40, *args)
    found = until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/ui/", demo.stderr), 30, "its page")
    demo.lines(1)
    return types.SimpleNamespace(port=int(found[1]))


def ask(hub, path, body=None):
    request = urllib.request.Request(
        f"http://127.0.0.1:{hub.port}{path}", json.dumps(body).encode() if body else None,
        {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        return e.code, json.load(e)


def incident(hub, what):
    """Its lines, once it is over."""
    def over():
        (one,) = [i for i in ask(hub, "/hub/v1/demo")[1]["incidents"] if i["what"] == what]
        return None if one["open"] else [line["text"] for line in one["lines"]]

    return until(over, 120, f"the end of {what}")


def test_its_buttons(demo, browser):  # noqa: F811
    hub = begin(demo)
    with browser.tab(hub) as tab:
        panel = tab.get_by_label("Demo", exact=True)
        expect(panel.get_by_role("link", name="equal", exact=True)).to_be_visible()
        expect(tab.get_by_role("link", name="warehouse", exact=True)).to_be_visible()

        panel.get_by_role("button", name="Kill the connector").click()
        said = incident(hub, "kill")
        assert "is killed (signal 9)" in said[0] and "started again as process" in said[1]
        assert said[-1].startswith("Proven equal again: 6 tables")
        assert said[-1].endswith("Lost: 0. Twice: 0")
        expect(panel).to_contain_text("Proven equal again")

        panel.get_by_role("button", name="Drop the slot").click()
        said = incident(hub, "drop-slot")
        assert any("a new slot, and all rows read again" in text for text in said)
        assert said[-1].startswith("Proven equal again")

        panel.get_by_role("button", name="Poison a row").click()
        expect(panel).to_contain_text("which is a dead letter now")
        panel.get_by_role("button", name="Poison a row").click()
        expect(panel.get_by_role("alert")).to_contain_text("not over yet")
        pages = tab.get_by_role("navigation", name="Pages")
        expect(pages.get_by_label(re.compile(r"^\d+ dead letters$"))).to_be_visible()
        panel.get_by_role("button", name="Put all right").click()
        assert incident(hub, "poison")[-1].startswith("Proven equal again")
        (target,) = re.findall(r"topics in (\S+)/data", demo.stderr)
        db = sqlite3.connect(f"{target}/warehouse.db", timeout=60)
        assert db.execute("SELECT count(*) FROM customers WHERE name = 'Poison'").fetchone()[0] == 1
        db.close()

        slider = panel.get_by_role("slider")
        slider.focus()
        slider.press("Home")
        until(lambda: ask(hub, "/hub/v1/demo")[1]["rate"] == 0, 30, "the traffic to rest")
        usable(tab, hub, ["", "c/warehouse/verify"])
        tab.set_viewport_size({"width": 1440, "height": 900})
        panel.get_by_role("button", name="Close the demo's panel").click()
        expect(panel).to_have_count(0)
        tab.get_by_role("button", name="Demo", exact=True).click()
        expect(panel).to_be_visible()

    for body in ({"do": "nothing"}, {"do": 1}, {"rate": -1}, {"rate": 10**9}, {"rate": "x"},
                 {"a": 1}):
        assert ask(hub, "/hub/v1/demo", body)[0] == 400, body
    demo.process.terminate()
    assert demo.finish()[1] == 0, demo.stderr
    assert demo.left() == []


def test_without_its_page(demo):  # noqa: F811
    _, status = demo.start("--seconds", 1, "--no-page").finish()
    assert status == 0 and "/ui/" not in demo.stderr
    assert demo.left() == []


def test_a_port_that_is_taken(demo, leat):  # noqa: F811
    hub = Hub(leat)
    demo.start("--listen", f"127.0.0.1:{hub.port}")
    assert demo.finish()[1] == 1
    assert "[demo.capture]" in demo.stderr and "http.listen" in demo.stderr
    assert demo.left() == []
    assert hub.ask("GET", "/hub/v1/demo").status == 404
    assert hub.ask("POST", "/hub/v1/demo", {"do": "kill"}).status == 404


def test_any_port(demo):  # noqa: F811
    hub = begin(demo, "--listen", "127.0.0.1:0", "--seconds", 20)
    assert hub.port > 0
    assert ask(hub, "/hub/v1/demo")[0] == 200
    assert demo.finish(120)[1] == 0
    assert demo.left() == []

"""The page at /ui: how it is served, and what it shows of connectors in a browser."""

import gzip
import json
import os
import re
import subprocess

import pytest
from browser import expect, url, usable
from hub import Hub
from leat import ROOT
from servers.process import until

FIRST_LOAD = 300 << 10  # bytes, compressed


def assets(hub):
    text = hub.ask("GET", "/ui/").text
    return text, re.findall(r'(?:href|src)="(a/[^"]+)"', text)


def fetch(hub, path, coding=None):
    connection = hub.connect()
    connection.request("GET", path, headers={"Accept-Encoding": coding} if coding else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


# ---- how it is served


def test_the_page_is_served(leat, browser):
    hub = Hub(leat)
    answer = hub.ask("GET", "/ui")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "trusted-types leat" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-cache"
    text, files = assets(hub)
    assert '<base href="/ui/">' in text and len(files) >= 2
    for file in files:
        plain, body = fetch(hub, f"/ui/{file}")
        assert plain.status == 200 and "immutable" in plain.getheader("Cache-Control")
        assert plain.getheader("Content-Encoding") is None
        packed, gz = fetch(hub, f"/ui/{file}", "gzip, deflate")
        assert packed.getheader("Content-Encoding") == "gzip" and gzip.decompress(gz) == body
        best, br = fetch(hub, f"/ui/{file}", "gzip, deflate, br;q=0.9")
        assert best.getheader("Content-Encoding") == "br" and len(br) <= len(gz)
        refused, none = fetch(hub, f"/ui/{file}", "br;q=0, gzip;q=0")
        assert refused.getheader("Content-Encoding") is None and none == body
    assert hub.ask("GET", "/ui/c/a/status").text == text
    for path in ("/ui/a/nope.js", "/ui/a/index.html", "/ui/a/..%2f..%2fetc"):
        assert hub.ask("GET", path).status in (400, 404), path
    to_page = hub.ask("GET", "/", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (to_page.status, to_page.headers["location"]) == (303, "/ui/")
    assert hub.get("/")["version"]


def test_behind_a_proxy_under_a_path(leat, browser):
    """One that sends the path as it came, and the name by which it was asked."""
    hub = Hub(leat, "--url", "https://example.org/tools/leat/")
    host = {"Host": "example.org"}
    own = {**host, "Origin": "https://example.org", "Sec-Fetch-Site": "same-origin"}
    for path in ("/ui/", "/tools/leat/ui/", "/tools/leat/ui/c/x/log"):
        assert '<base href="/tools/leat/ui/">' in hub.ask("GET", path, headers=host).text, path
    page = {**host, "Accept": "text/html"}
    assert hub.ask("GET", "/tools/leat", headers=page).headers["location"] == "/tools/leat/ui/"
    assert hub.ask("GET", "/tools/leat/connectors", headers=host).json == []
    body = {"name": "gen", "config": {"connector.class": "datagen", "topic.prefix": "gen"}}
    assert hub.ask("POST", "/tools/leat/connectors", body, own).status == 201
    other = {**own, "Origin": "https://evil.example"}
    assert hub.ask("PUT", "/tools/leat/connectors/gen/stop", headers=other).status == 403
    evil = {**own, "Host": "evil.example"}
    assert hub.ask("PUT", "/connectors/gen/stop", headers=evil).status == 403
    assert hub.ask("GET", "/tools/leatherette/connectors", headers=host).status == 404
    assert leat.stop() == 0


@pytest.mark.parametrize("wrong", ["example.org", "ftp://example.org", "https://",
                                   "https://example.org/a\"b", "https://example.org//evil.example"])
def test_no_address_of_a_proxy(leat, wrong):
    done = leat.call("serve", "--listen", "127.0.0.1:0", "--url", wrong, ok=(1, 2))
    assert "config.url" in done.stderr


def test_its_types_hold(browser):
    """The bundler looks at no types: the compiler does."""
    web = os.path.join(ROOT, "build/web")
    done = subprocess.run(["node", "node_modules/typescript/bin/tsc", "--noEmit"], cwd=web,
                          capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout


def test_the_overview_of_a_hub(leat):
    """What the page is fed by: rows, the stream's first message, and what it refuses."""
    hub = Hub(leat, "--history", "1")
    hub.make("gen", datagen_rate="500")
    hub.make("off", state="STOPPED")
    hub.wait_state("gen")
    until(lambda: hub.get("/hub/v1/overview")["rows"][0]["rate"] > 100, 60, "a rate")
    rows = {r["name"]: r for r in hub.get("/hub/v1/overview")["rows"]}
    assert rows["gen"]["condition"] == "RUNNING" and rows["gen"]["events"] > 0
    assert rows["off"]["condition"] == "STOPPED" and rows["off"]["rate"] == -1
    until(lambda: len(hub.get("/hub/v1/overview?sparks=true")["sparks"]["gen"]) > 1, 60, "history")
    assert hub.ask("GET", "/hub/v1/stream").status == 406
    connection = hub.connect()
    connection.request("GET", "/hub/v1/stream", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.readline() == b"event: overview\n"
    first = json.loads(answer.readline().removeprefix(b"data: "))
    assert first["whole"] and [r["name"] for r in first["rows"]] == ["gen", "off"]
    assert hub.ask("DELETE", "/connectors/off").status == 204
    while True:
        line = answer.readline()
        if line.startswith(b"data: "):
            later = json.loads(line.removeprefix(b"data: "))
            if later["whole"]:
                break
    assert [r["name"] for r in later["rows"]] == ["gen"]
    connection.close()
    log = hub.get("/hub/v1/connectors/gen/log")
    assert "\n" in log["lines"] and hub.get(f"/hub/v1/connectors/gen/log?since={log['next']}")
    assert leat.stop() == 0


def test_what_an_edit_of_offsets_brings_about(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="500")
    hub.wait_events("gen", 10)
    where = "/hub/v1/connectors/gen/offsets/preview"
    assert hub.ask("POST", where, {"reset": True}).status == 400, "it runs"
    assert hub.ask("PUT", "/connectors/gen/stop").status == 204
    before = hub.get("/connectors/gen/offsets")
    plan = hub.ask("POST", where, {"reset": True})
    assert plan.status == 200 and plan.json["first_start"], plan.text
    assert plan.json["changes"][0]["before"]["offset"] == before["offsets"][0]["offset"]
    assert hub.ask("POST", where, {"offsets": []}).status == 400
    assert hub.ask("POST", where, {"offsets": [{"partition": {}, "offset": 1}]}).status == 400
    assert hub.get("/connectors/gen/offsets") == before, "nothing was changed"


# ---- in a browser


def line(tab, name):
    return tab.locator(f'tr[data-name="{name}"]')


def shows(tab, name, state):
    expect(line(tab, name).locator(".state")).to_have_attribute("data-state", state)


def test_connectors_live_and_by_hand(leat, browser):
    hub = Hub(leat, "--history", "1")
    with browser.tab(hub) as tab:
        expect(tab.get_by_role("heading", name="Nothing flows yet.")).to_be_visible()
        hub.make("gen-a", datagen_rate="500")
        shows(tab, "gen-a", "RUNNING")
        hub.make("gen-b", datagen_rate="100")
        hub.make("off", state="STOPPED")
        shows(tab, "off", "STOPPED")
        expect(line(tab, "gen-a").locator("td.rate")).to_have_text(re.compile(r"[45]\d\d"))

        # Several at once; the other tab of the browser sees it too.
        other = tab.context.new_page()
        other.goto(url(hub, "?q=gen-"))
        expect(other.locator("tr[data-name]")).to_have_count(2)
        tab.get_by_label("Tick gen-a").click()
        tab.get_by_label("Tick gen-b").click()
        tab.get_by_role("button", name="Pause").click()
        for one in (tab, other):
            shows(one, "gen-a", "PAUSED")
            shows(one, "gen-b", "PAUSED")
        assert hub.state("gen-b") == "PAUSED"

        # The place is in the URL.
        tab.get_by_role("button", name=re.compile("2 paused")).click()
        expect(tab.locator("tr[data-name]")).to_have_count(2)
        tab.reload()
        expect(tab.locator("tr[data-name]")).to_have_count(2)
        tab.get_by_role("button", name="Events/s").click()
        tab.get_by_label("Filter connectors").fill("nothing like it")
        expect(tab.get_by_text("No connector matches")).to_be_visible()
        tab.get_by_role("button", name="Clear filter").click()
        expect(tab.locator("tr[data-name]")).to_have_count(3)


def test_a_connector(leat, browser):
    hub = Hub(leat, "--history", "1")
    hub.make("gen", datagen_rate="200", datagen_password="hunter2")
    hub.make("out", **{"connector.class": "null", "topics": "gen.datagen.t1"})
    with browser.tab(hub) as tab:
        line(tab, "gen").get_by_role("link", name="gen").click()
        expect(tab.get_by_role("heading", level=1)).to_contain_text("gen")
        expect(tab).to_have_title(re.compile("gen · RUNNING"))
        expect(tab.get_by_text("it adds up")).to_be_visible()
        expect(tab.get_by_role("link", name="out")).to_be_visible()

        tab.get_by_role("link", name="Plots").click()
        expect(tab.locator(".canvas canvas").first).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("events: .*last"))).to_be_visible()
        tab.get_by_role("button", name="Table").first.click()
        expect(tab.get_by_role("columnheader", name="events")).to_be_visible()

        tab.get_by_role("link", name="Log", exact=True).click()
        expect(tab.locator(".log")).to_contain_text("INFO")
        with tab.expect_download() as download:
            tab.get_by_role("button", name="Save", exact=True).click()
        assert download.value.suggested_filename == "gen.log"
        with open(download.value.path(), encoding="utf-8") as f:
            assert "INFO" in f.read()

        # Stopped, its offsets can be reset: what that brings about is told first.
        tab.get_by_role("link", name="Offsets").click()
        tab.get_by_role("button", name="Stop gen").click()
        tab.get_by_role("dialog").get_by_role("button", name="Stop gen").click()
        expect(tab).to_have_title(re.compile("gen · STOPPED"))
        tab.get_by_role("button", name="Reset…").click()
        expect(tab.get_by_text("No position is left")).to_be_visible()
        tab.get_by_role("button", name="Change the offsets").click()
        expect(tab.get_by_text("There is no position yet.")).to_be_visible()
        assert hub.get("/connectors/gen/offsets") == {"offsets": []}
        tab.get_by_role("button", name="Resume").click()
        expect(tab).to_have_title(re.compile("gen · RUNNING"))

        # Configuration: the secret is a mask that goes back; what is wrong is told.
        tab.get_by_role("link", name="Configuration").click()
        expect(tab.locator("pre.code")).to_contain_text("datagen.password=***")
        tab.get_by_role("button", name="Edit").click()
        text = tab.locator(".cm-content")
        text.fill(text.inner_text().replace("datagen.rate=200", "datagen.rate=fast"))
        tab.get_by_role("button", name="Save and restart…").click()
        dialog = tab.get_by_role("dialog")
        expect(dialog).to_contain_text("datagen.rate=fast")
        dialog.get_by_role("button", name="Save and restart").click()
        expect(dialog).to_contain_text("nothing was saved")
        dialog.get_by_role("button", name="Cancel").click()
        text.fill(text.inner_text().replace("datagen.rate=fast", "datagen.rate=300"))
        tab.get_by_role("button", name="Save and restart…").click()
        dialog.get_by_role("button", name="Save and restart").click()
        expect(tab.get_by_text("Saved; it was restarted.")).to_be_visible()
        assert hub.get("/connectors/gen/config")["datagen.rate"] == "300"

        tab.get_by_role("button", name="More").click()
        tab.get_by_role("menuitem", name="Delete…").click()
        tab.get_by_role("dialog").get_by_role("button", name="Delete gen").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("Overview")
        expect(line(tab, "gen")).to_have_count(0)
        assert hub.get("/connectors") == ["out"]
        assert "hunter2" not in tab.content()


def test_the_hub_restarted_underneath(leat, browser):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    with browser.tab(hub, "c/gen/status") as tab:
        expect(tab).to_have_title(re.compile("gen · RUNNING"))
        assert leat.stop() == 0
        expect(tab.get_by_text("No answer from the hub since")).to_be_visible()
        expect(tab.get_by_role("button", name="Pause")).to_be_disabled()
        Hub(leat, listen=f"127.0.0.1:{hub.port}")
        expect(tab.get_by_text("No answer from the hub since")).to_have_count(0)
        expect(tab.get_by_role("button", name="Pause")).to_be_enabled()
        expect(tab.locator(".figures dd").first).not_to_have_text("–")


def test_two_hundred_connectors(leat, browser):
    hub = Hub(leat)
    for i in range(200):
        hub.make(f"c{i:03}", state="STOPPED")
    with browser.tab(hub) as tab:
        expect(tab.get_by_text("200 connectors")).to_be_visible()
        assert tab.locator("tr[data-name]").count() < 100, "only those in view are drawn"
        tab.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(line(tab, "c199")).to_be_visible()
        tab.keyboard.press("Control+k")
        tab.get_by_role("combobox").fill("c 123")
        tab.get_by_role("option", name=re.compile("open c123")).click()
        expect(tab.get_by_role("heading", level=1)).to_contain_text("c123")
        tab.go_back()
        tab.get_by_label("Filter connectors").fill("c05")
        expect(tab.locator("tr[data-name]")).to_have_count(10)


def test_the_first_load_is_small(leat, browser):
    hub = Hub(leat)
    with browser.profile() as context:
        tab = context.new_page()
        sizes = {}
        tab.on("requestfinished", lambda r: sizes.__setitem__(r.url, r.sizes()["responseBodySize"]))
        tab.goto(url(hub))
        expect(tab.get_by_role("heading", name="Nothing flows yet.")).to_be_visible()
        assert 0 < sum(sizes.values()) <= FIRST_LOAD, sizes
        assert all(u.startswith(f"http://127.0.0.1:{hub.port}/") for u in sizes), sizes
        assert context.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(leat, browser, theme):
    """axe-core finds nothing serious, and a phone has no sideways scrolling."""
    hub = Hub(leat, "--history", "1")
    hub.make("gen", datagen_rate="100")
    hub.make("off", state="STOPPED")
    hub.wait_events("gen", 10)
    places = ["", "c/gen/status", "c/gen/tables", "c/gen/plots", "c/gen/offsets", "c/gen/log",
              "c/gen/config", "c/off/status", "c/nobody/status", "nowhere"]
    with browser.tab(hub, color_scheme=theme) as tab:
        usable(tab, hub, places)

"""What the tabs of a browser share: two streams, whatever they look at."""

import contextlib
import json
import re
import urllib.parse

import pytest
from browser import expect, url
from hub import Hub
from servers.process import until
from servers.proxy import Proxy

TOPICS = [f"gen.datagen.t{n}" for n in range(1, 7)]


def follow(hub, *wishes):
    """The answer of /hub/v1/events to wishes, each a dict or a text."""
    wishes = [w if isinstance(w, str) else json.dumps(w) for w in wishes]
    query = urllib.parse.urlencode([("follow", w) for w in wishes])
    connection = hub.connect()
    connection.request("GET", f"/hub/v1/events?{query}", headers={"Accept": "text/event-stream"})
    return connection.getresponse()


def told(answer, event):
    """The next (id, data) of that event."""
    found = {}
    while line := answer.readline().decode():
        if line == "\n":
            if found.get("event") == event:
                return found.get("id"), found.get("data")
            found = {}
        elif not line.startswith(":"):
            name, value = line.rstrip("\n").split(": ", 1)
            found[name] = value
    raise AssertionError("the stream ended")


def test_events_of_several_topics(leat):
    """Each goes on where it is told to; what is missing is told and does not hold up the others."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200", datagen_tables="2")
    hub.wait_events("gen", 100)
    answer = follow(hub, {"id": "b", "topic": TOPICS[1], "from": "end", "op": "c"},
                    {"id": "none", "topic": "no.such"},
                    {"id": "a", "topic": TOPICS[0], "from": "5"})
    assert answer.status == 200
    place, _ = told(answer, "at")
    assert place.startswith("b:") and int(place[2:]) > 0
    seen = {"a": [], "b": []}
    while len(seen["a"]) < 50 or len(seen["b"]) < 50:
        name, offset = told(answer, "event")[0].split(":")
        seen[name].append(int(offset))
    assert seen["a"] == list(range(5, 5 + len(seen["a"])))
    assert seen["b"][0] >= int(place[2:]) and seen["b"] == sorted(seen["b"])
    answer.close()
    answer = follow(hub, {"id": "none", "topic": "no.such"})
    failed = json.loads(told(answer, "failed")[1])
    assert failed["id"] == "none" and failed["code"] == "topic.unknown"
    answer.close()
    # Once it is there, it comes.
    answer = follow(hub, {"id": "later", "topic": "later.datagen.t1", "from": "end"})
    told(answer, "failed")
    hub.make("later", datagen_rate="50")
    assert told(answer, "event")[0] == "later:0"
    answer.close()
    assert leat.stop() == 0


@pytest.mark.parametrize("wishes", [
    [], ["{"], ["[]"], ['{"id":"a"}'], ['{"topic":"t"}'], ['{"id":"a:b","topic":"t"}'],
    ['{"id":"a","topic":"t"}'] * 65])
def test_what_cannot_be_followed(leat, wishes):
    hub = Hub(leat)
    assert follow(hub, *wishes).status == 400
    assert hub.ask("GET", "/hub/v1/events?follow={}").status == 406


def test_one_wish_that_cannot_be(leat):
    """It is told by its id, once; the others go on."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="50")
    hub.wait_events("gen", 20)
    answer = follow(hub, {"id": "day", "topic": TOPICS[0], "from": "yesterday"},
                    {"id": "letter", "topic": TOPICS[0], "op": "x"},
                    {"id": "good", "topic": TOPICS[0]})
    assert answer.status == 200
    failed = [json.loads(told(answer, "failed")[1]) for _ in range(2)]
    assert [(f["id"], f["code"]) for f in failed] == [("day", "events.from"),
                                                      ("letter", "events.op")]
    assert "yesterday" in failed[0]["message"]
    ids = [told(answer, "event")[0] for _ in range(120)]  # for two seconds and more
    assert ids == [f"good:{n}" for n in range(120)]
    answer.close()
    answer = follow(hub, {"id": "day", "topic": TOPICS[0], "from": "yesterday"})
    told(answer, "failed")
    assert answer.readline().startswith(b":")  # nothing but the beat
    answer.close()
    assert leat.stop() == 0


def test_a_stream_made_anew_is_followed(leat):
    """A tail goes on with the first event of the new one."""
    hub = Hub(leat)
    hub.make("gen", datagen_events="60")
    answer = follow(hub, {"id": "a", "topic": TOPICS[0]})
    ids = [told(answer, "event")[0] for _ in range(60)]
    assert ids[-1] == "a:59"
    assert hub.ask("DELETE", "/connectors/gen").status == 204
    until(lambda: leat.call("topics", "delete", TOPICS[0], "--yes", ok=None).returncode == 0, 30,
          "the topic to go")
    assert json.loads(told(answer, "failed")[1])["code"] == "stream.missing"
    assert told(answer, "at") == ("a:0", "0")
    hub.make("gen", datagen_events="10")
    assert [told(answer, "event")[0] for _ in range(10)] == [f"a:{n}" for n in range(10)]
    answer.close()
    assert leat.stop() == 0


def test_what_is_passed_over_is_not_read_again(leat):
    """Where a tail is whose filter lets nothing through is told now and then."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="200", datagen_tables="1")
    hub.wait_events("gen", 100)
    answer = follow(hub, {"id": "a", "topic": TOPICS[0], "contains": "not in any event"})
    at = [int(told(answer, "at")[1]) for _ in range(3)]
    assert 0 < at[0] < at[1] < at[2]
    answer.close()
    assert leat.stop() == 0


def test_topics_that_all_follow(leat):
    """There is a bound to them, and who goes gives room."""
    hub = Hub(leat)
    wishes = [{"id": str(n), "topic": "no.such"} for n in range(64)]
    held = [follow(hub, *wishes) for _ in range(8)]
    assert [a.status for a in held] == [200] * 8
    assert follow(hub, wishes[0]).status == 503
    held.pop().close()

    def room():
        answer = follow(hub, wishes[0])
        answer.close()
        return answer.status == 200

    until(room, 30, "the one that left to be noticed")
    for answer in held:
        answer.close()
    assert leat.stop() == 0


def test_seven_tabs_are_live(leat, browser):
    """Six topics and a connector's events in seven tabs: a browser has six connections."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="60", datagen_tables="6")
    hub.wait_events("gen", 100)
    with browser.profile() as context:
        tabs = []
        for place in [f"t/{t}?from=beginning" for t in TOPICS] + ["c/gen/events"]:
            tabs.append(context.new_page())
            tabs[-1].goto(url(hub, place))
        for tab in tabs:
            expect(tab.get_by_text("Live", exact=True)).to_be_visible()
            newest = tab.locator(".event-list tbody tr").first
            expect(newest).to_be_visible()
            was = newest.text_content()
            expect(newest).not_to_have_text(was)
        # Nobody's stream was in the way of an eighth tab's requests, and all go on.
        eighth = context.new_page()
        eighth.goto(url(hub, "topics"))
        expect(eighth.get_by_role("link", name=TOPICS[5])).to_be_visible()
        eighth.close()
        tabs.pop(0).close()
        for tab in tabs:
            newest = tab.locator(".event-list tbody tr").first
            was = newest.text_content()
            expect(newest).not_to_have_text(was)
        # A list has each event once, in order, whoever else came and went.
        tab = tabs[0]
        tab.get_by_role("button", name="Freeze").click()
        shown = [int(t.replace(",", "")) for t in
                 tab.locator(".event-list tbody td:first-child").all_text_contents()]
        assert shown == list(range(shown[0], shown[0] - len(shown), -1))
        assert context.complaints == [], context.complaints
    assert leat.stop() == 0


def test_a_tab_that_asks_for_what_cannot_be(leat, browser):
    """It says what is wrong with its place; the one beside it goes on."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="60")
    hub.wait_events("gen", 60)
    with browser.profile() as context:
        good, bad = context.new_page(), context.new_page()
        first = good.locator(".event-list tbody td:first-child").first
        good.goto(url(hub, f"t/{TOPICS[0]}?from=beginning"))
        expect(first).to_be_visible()
        bad.goto(url(hub, f"t/{TOPICS[0]}?from=yesterday"))
        expect(bad.get_by_text('got "yesterday"')).to_be_visible()
        expect(bad.locator(".event-list tbody tr")).to_have_count(0)
        was = first.text_content()
        expect(first).not_to_have_text(was)
        expect(good.get_by_text("Live", exact=True)).to_be_visible()
        expect(good.get_by_text("yesterday")).to_have_count(0)
        # Mended, it is read with the other one.
        bad.get_by_label("From").fill("beginning")
        bad.get_by_role("button", name="Apply").click()
        expect(bad.locator(".event-list tbody tr").first).to_be_visible()
        expect(bad.get_by_text('got "yesterday"')).to_have_count(0)
        assert context.complaints == [], context.complaints
    assert leat.stop() == 0


def test_the_hub_restarts_under_a_tail(leat, browser):
    """What it missed meanwhile comes; without a worker of its own, too."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="50")
    hub.wait_events("gen", 20)
    with browser.profile() as context:
        context.add_init_script("delete window.SharedWorker")
        tab = context.new_page()
        tab.goto(url(hub, f"t/{TOPICS[0]}?from=beginning"))
        first = tab.locator(".event-list tbody td:first-child").first
        expect(first).to_be_visible()
        leat.stop()
        expect(tab.get_by_text("The hub does not answer.")).to_be_visible()
        Hub(leat, listen=f"127.0.0.1:{hub.port}")
        was = int(first.text_content().replace(",", ""))
        until(lambda: int(first.text_content().replace(",", "")) > was, 60, "it to go on")
        expect(tab.get_by_text("The hub does not answer.")).to_have_count(0)
        tab.get_by_role("button", name="Freeze").click()
        shown = [int(t.replace(",", "")) for t in
                 tab.locator(".event-list tbody td:first-child").all_text_contents()]
        assert shown == list(range(shown[0], shown[0] - len(shown), -1))
    assert leat.stop() == 0


class Heard(Proxy):
    """Keeps what of the events' stream was asked for last."""

    asked = ""

    def _forward(self, data, target, from_server):
        if not from_server and data.startswith(b"GET /hub/v1/events?"):
            self.asked = data.split(b" ", 2)[1].decode()
        super()._forward(data, target, from_server)


def test_a_tab_that_dies_is_not_followed(leat, browser):
    """One that says no bye, as one that crashed."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20", datagen_tables="2")
    hub.wait_events("gen", 20)
    hub.port = (proxy := Heard(hub.port)).port
    with browser.profile() as context:
        context.add_init_script("addEventListener('pagehide', e => e.stopImmediatePropagation())")
        tabs = [context.new_page(), context.new_page()]
        for tab, topic in zip(tabs, TOPICS):
            tab.goto(url(hub, f"t/{topic}?from=beginning"))
            expect(tab.locator(".event-list tbody tr").first).to_be_visible()
        assert proxy.asked.count("follow=") == 2
        tabs.pop().close()
        until(lambda: proxy.asked.count("follow=") == 1, 30, "it to be let go")
        assert TOPICS[0] in proxy.asked
        assert context.complaints == [], context.complaints
    proxy.close()
    assert leat.stop() == 0


def test_a_stream_that_is_silent(leat, browser):
    """The hub beats: where nothing comes the stream is lost, whatever TCP says."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 20)
    hub.port = (proxy := Proxy(hub.port)).port
    with browser.profile() as context:
        tab = context.new_page()
        tab.goto(url(hub, f"t/{TOPICS[0]}?from=beginning"))
        first = tab.locator(".event-list tbody td:first-child").first
        expect(first).to_be_visible()
        proxy.swallow()
        expect(tab.get_by_text("The hub does not answer.")).to_be_visible()
        was = int(first.text_content().replace(",", ""))
        proxy.mend()
        expect(tab.get_by_text("The hub does not answer.")).to_have_count(0)
        until(lambda: int(first.text_content().replace(",", "")) > was, 60, "it to go on")
    proxy.close()
    assert leat.stop() == 0


def test_one_topic_of_a_tail_is_away(leat, browser):
    """It is told as long as it is so, whatever comes of the others."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 20)
    with browser.tab(hub) as tab:
        tab.route("**/connectors/gen/topics", lambda route: route.fulfill(
            json={"gen": {"topics": [TOPICS[0], "no.such"]}}))
        tab.goto(url(hub, "c/gen/events"))
        newest = tab.locator(".event-list tbody tr").first
        expect(newest).to_be_visible()
        was = newest.text_content()
        expect(newest).not_to_have_text(was)
        expect(tab.locator(".note[role=status]")).to_contain_text("no.such")
    assert leat.stop() == 0


def test_more_topics_than_a_request_holds(leat, browser):
    """The newest are followed, the others are told so, until some are left."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="40")
    hub.wait_events("gen", 20)
    with browser.profile() as context:
        context.add_init_script("""
            const Worker = SharedWorker, heard = window.heard = {};
            window.SharedWorker = class extends Worker {
              constructor(...all) {
                super(...all);
                this.port.addEventListener("message", ({data}) => {
                  if (data.tail) (heard[data.tail] ??= {})[data.kind] = data.message ?? data.came;
                });
                window.say = (kind, n, more) => {
                  for (let i = 0; i < n; i++) this.port.postMessage(
                      {kind, tail: `more${i}`, ...more});
                };
              }
            };""")
        tab = context.new_page()
        tab.goto(url(hub, f"t/{TOPICS[0]}?from=beginning"))
        newest = tab.locator(".event-list tbody tr").first
        expect(newest).to_be_visible()
        wish = {"topic": TOPICS[0], "from": "end", "op": "c"}
        tab.evaluate("wish => say('follow', 100, {wish})", wish)
        cut = tab.get_by_text("more topics than one request holds")
        expect(cut).to_be_visible()
        until(lambda: tab.evaluate("heard.more99?.lines > 0"), 60, "the newest to be read")
        told = tab.evaluate("heard")
        assert "one request holds" in told["more0"]["problem"] and "problem" not in told["more99"]
        tab.evaluate("say('drop', 60)")
        expect(cut).to_have_count(0)
        was = newest.text_content()
        expect(newest).not_to_have_text(was)
        assert context.complaints == [], context.complaints
    assert leat.stop() == 0


def test_a_condition_of_sql(leat, browser):
    """What is held and fits, then what comes; what is wrong with it stands beneath it."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="40")
    hub.wait_events("gen", 300)
    fits = [e["offset"] for e in hub.get(f"/hub/v1/topics/{TOPICS[0]}/events?max=300")["events"]
            if e["value"]["after"]["c1"] % 40 == 0]
    assert len(fits) > 1
    where = "after->>'$.c1' % 40 = 0 -- a few"
    with browser.tab(hub, f"t/{TOPICS[0]}?from=beginning") as tab:
        field = tab.get_by_label("Only events where")
        shown = tab.locator(".event-list tbody td:first-child")
        field.fill("totl > 1")
        tab.get_by_role("button", name="Apply").click()
        expect(tab.get_by_role("alert")).to_contain_text("no such column: totl")
        expect(field).to_have_attribute("aria-invalid", "true")
        for wrong, says in (("op = 'c", "unrecognized token: \"'c"),
                            ("1); DELETE FROM events; --", "there is more than one"),
                            ("op >> > 1", 'near ">"'), ("(SELECT", 'near ")"'),
                            ("1) /*", 'near ")"'), ("op IN ('c'", "near \"ORDER\"")):
            field.fill(wrong)
            tab.get_by_role("button", name="Apply").click()
            expect(tab.get_by_role("alert")).to_contain_text(says)
            expect(shown).to_have_count(0)
        field.fill(where)
        tab.get_by_role("button", name="Apply").click()
        expect(tab.get_by_role("alert")).to_have_count(0)
        expect(shown.last).to_have_text(str(fits[0]))
        # Live: what comes is looked at, too. Its place is in the URL.
        newest = int(shown.first.text_content().replace(",", ""))
        until(lambda: int(shown.first.text_content().replace(",", "")) > newest, 60, "more")
        tab.reload()
        expect(field).to_have_value(where)
        expect(shown.last).to_have_text(str(fits[0]))
        tab.get_by_role("button", name="Freeze").click()
        found = [int(t.replace(",", "")) for t in shown.all_text_contents()][::-1]
        assert found[:len(fits)] == fits and found == sorted(set(found))
        # The record opens as it is.
        tab.locator(".event-list tbody tr").last.get_by_role("button").click()
        expect(tab.get_by_label("Event", exact=True)).to_contain_text(f"offset {fits[0]}")
        # With the other filters, from an offset.
        tab.goto(url(hub, f"t/{TOPICS[0]}?op=d&from=beginning&where={urllib.parse.quote(where)}"))
        expect(tab.get_by_text("Nothing fits.")).to_be_visible()
        tab.goto(url(hub, f"t/{TOPICS[0]}?from={fits[0] + 1}&where={urllib.parse.quote(where)}"))
        expect(shown.last).to_have_text(str(fits[1]))
    # Looking is no deed.
    assert [d["path"] for d in hub.get("/hub/v1/audit")["deeds"]] == ["/connectors"]
    assert leat.stop() == 0


def search_url(hub, where, **wish):
    return url(hub, f"t/{TOPICS[0]}?{urllib.parse.urlencode({'where': where, **wish})}")


def offsets(shown):
    return [int(t.replace(",", "")) for t in shown.all_text_contents()][::-1]


def test_a_condition_finds_large_rows(leat, browser):
    """An answer that ends early, as the hub's do at 16 MiB, is gone on with."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="1000", datagen_events="1000", datagen_stay="true",
             datagen_columns="bigint,text(32000)")
    until(lambda: hub.counters("gen")["appended"] >= 1000, 60, "all events")
    with browser.tab(hub) as tab:
        tab.goto(search_url(hub, "op = 'c'", **{"from": "beginning"}))
        expect(tab.locator(".event-list tbody td:first-child").first).to_have_text("999")
    assert leat.stop() == 0


def test_a_condition_keeps_to_its_bounds(leat, browser):
    """Whatever parentheses it closes: those of its topic, from where it is told to, each once."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="1000", datagen_events="600", datagen_stay="true",
             datagen_tables="2", datagen_keys="20")
    until(lambda: hub.counters("gen")["appended"] >= 600, 60, "all events")
    held = hub.get(f"/hub/v1/topics/{TOPICS[0]}/events?from=280&max=400")["events"]
    fits = [e["offset"] for e in held if e["value"] and e["value"]["op"] in ("c", "u")]
    assert 1 < len(fits) < 40, fits
    with browser.tab(hub) as tab:
        shown = tab.locator(".event-list tbody td:first-child")
        for where in ("op = 'c') OR (op = 'u'",
                      "op IN ('c', 'u')) UNION ALL SELECT 5, ('{}'"):
            tab.goto(search_url(hub, where, **{"from": "280"}))
            expect(shown.first).to_have_text(str(fits[-1]))
            tab.wait_for_timeout(500)
            assert offsets(shown) == fits, where
    assert leat.stop() == 0


@contextlib.contextmanager
def searching(leat, browser, path, begin):
    """A tab that looks for all of a topic, from there; and its requests to that path."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="40")
    hub.wait_events("gen", 40)
    with browser.tab(hub) as tab:
        asked = []
        tab.on("request", lambda r: asked.append(r) if r.url.endswith(path) else None)
        tab.goto(search_url(hub, "1", **{"from": begin}))
        yield tab, asked
    assert leat.stop() == 0


def test_a_condition_beyond_the_end(leat, browser):
    """An offset that is not there yet is waited for."""
    with searching(leat, browser, "/hub/v1/topics", "100000") as (tab, looks):
        until(lambda: tab.wait_for_timeout(200) or len(looks) > 4, 60, "it to look again")
        expect(tab.locator(".event-list tbody tr")).to_have_count(0)


@pytest.mark.parametrize("answered", [1000, 0])
def test_a_condition_that_takes_long(leat, browser, answered):
    """Smaller pieces are asked for, so that it ends; where the smallest are too large, too."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="50000", datagen_events="5000", datagen_stay="true")
    until(lambda: hub.counters("gen")["appended"] >= 5000, 60, "all events")
    endless = "SELECT count(*) FROM events a, events b, events c"
    late = hub.ask("POST", "/hub/v1/query", {"sql": endless, "timeout_ms": 1000})
    assert late.status == 503 and "[select.time]" in late.text
    asked = []

    def answer(route):
        low, high = re.search(r'"offset" >= (\d+) AND "offset" < (\d+)',
                              route.request.post_data_json["sql"]).groups()
        asked.append(int(high) - int(low))
        if asked[-1] <= answered:
            route.continue_()
        else:
            route.fulfill(status=503, body=late.text, content_type="application/json")

    with browser.tab(hub) as tab:
        tab.route("**/hub/v1/query", answer)
        tab.goto(search_url(hub, '"offset" % 200 = 0', **{"from": "beginning"}))
        if answered:
            shown = tab.locator(".event-list tbody td:first-child")
            expect(shown.first).to_have_text("4,800")
            assert offsets(shown) == list(range(0, 5000, 200))
        else:
            expect(tab.get_by_role("alert")).to_contain_text("the query was stopped after")
            asks = len(asked)
            tab.wait_for_timeout(3000)
            assert len(asked) == asks < 20 and asked[-1] == 1000
    assert leat.stop() == 0


def test_a_condition_rests_while_hidden(leat, browser):
    """At its end it asks no more until it is seen again, and then finds what came meanwhile."""
    with searching(leat, browser, "/hub/v1/query", "beginning") as (tab, asked):
        shown = tab.locator(".event-list tbody td:first-child")
        expect(shown.first).to_be_visible()
        tab.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
        tab.wait_for_timeout(2500)  # what was under way
        asks, was = len(asked), offsets(shown)[-1]
        tab.wait_for_timeout(5000)
        assert len(asked) == asks
        tab.evaluate("delete document.hidden")
        until(lambda: tab.wait_for_timeout(200) or offsets(shown)[-1] > was, 60, "it to go on")

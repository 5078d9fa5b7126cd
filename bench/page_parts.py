"""The page in Chromium: its first load, and a live tail of 5,000 events a second: frames, long
tasks, memory. A million events take 200 s; --scale 18 is an hour."""

import json
import re
import time

import browser
from hub_parts import Hub, _create
from measure import MIB
from report import progress
from servers.process import until

RATE, EVENTS = 5000, 1_000_000
TRACED_S = 10

# When the heading is there; frames, and tasks that held the page up.
WATCH = """
(() => {
  const found = (window.leatBench = { shown: 0, frames: 0, longest: 0, tasks: 0 });
  new MutationObserver((_, o) => {
    if (!document.querySelector("main h1")) return;
    found.shown = performance.now();
    o.disconnect();
  }).observe(document, { childList: true, subtree: true });
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) {
      found.tasks++;
      found.longest = Math.max(found.longest, task.duration);
    }
  }).observe({ type: "longtask", buffered: true });
  const frame = () => {
    found.frames++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})();
"""


def _first_load(world, table, chromium, hub):
    took, sizes = [], []
    for _ in range(max(5, world.runs)):
        with chromium.profile() as context:
            context.add_init_script(WATCH)
            tab = context.new_page()
            got = {}
            tab.on("requestfinished",
                   lambda r, got=got: got.__setitem__(r.url, r.sizes()["responseBodySize"]))
            tab.goto(browser.url(hub))
            until(lambda tab=tab: tab.evaluate("leatBench.shown") > 0, 60, "the overview")
            took.append(tab.evaluate("leatBench.shown"))
            sizes.append(sum(got.values()) / 1024)
    table.add("page", "first load, compressed", sizes, "KiB", 300, least=False)
    table.add("page", "first load, until the overview stands", took, "ms", 500, least=False)


def _private(session):
    """MiB that the tab's process has for itself."""
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = [0]
    for pid in (p["id"] for p in processes if p["type"] == "renderer"):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            sizes.append(sum(map(int, re.findall(r"Private_\w+: +(\d+)", f.read()))) / 1024)
    return max(sizes)


def _heap(tab):
    session = tab.context.new_cdp_session(tab)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return used / MIB


def _thread(tab, seconds):
    """Processor time of the page's thread: ms of each second, and of its longest task. A task's
    time by the clock grows when others have the processor; this does not."""
    browser_of = tab.context.browser
    browser_of.start_tracing(page=tab, categories=["toplevel"])
    time.sleep(seconds)
    events = json.loads(browser_of.stop_tracing())["traceEvents"]
    pages = {(e["pid"], e["tid"]) for e in events
             if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"}
    tasks = {page: [0] for page in pages}
    for e in events:
        page = (e["pid"], e["tid"])
        if page in pages and e["name"] == "ThreadControllerImpl::RunTask" and "tdur" in e:
            tasks[page].append(e["tdur"] / 1000)
    busiest = max(tasks.values(), key=sum)
    return sum(busiest) / seconds, max(busiest)


def _tail(world, chromium, hub):
    """Frames a second, the longest task, heap and private memory early and at the end, and what the
    page's thread takes."""
    events = world.scaled(EVENTS)
    with chromium.profile() as context:
        context.add_init_script(WATCH)
        tab = context.new_page()
        tab.goto(browser.url(hub, "t/gen0.datagen.t1"))
        system = chromium.chromium.new_browser_cdp_session()
        rows = tab.locator(".event-list tbody tr")
        until(lambda: rows.count() > 20, 60, "events")
        time.sleep(2)
        offset = ("Number(document.querySelector('.event-list tbody td').textContent"
                  ".replace(/\\D/g, ''))")
        first, begun = tab.evaluate(offset), time.monotonic()
        tab.evaluate("Object.assign(leatBench, {frames: 0, longest: 0, tasks: 0})")
        heap = private = None
        until(lambda: tab.evaluate(offset) - first >= events / 4, 7200, "a quarter", every=1)
        heap, private = _heap(tab), _private(system)
        until(lambda: tab.evaluate(offset) - first >= events, 7200, "all events", every=1)
        seconds = time.monotonic() - begun
        seen = tab.evaluate(offset) - first
        found = tab.evaluate("leatBench")
        grown = _heap(tab) - heap, _private(system) - private
        assert context.complaints == [], context.complaints
        busy, own = _thread(tab, TRACED_S)
        progress(f"   {seen} events in {seconds:.0f} s, {found['tasks']} tasks over 50 ms")
        fps = found["frames"] / seconds
        return fps, found["longest"], seen / seconds, private, *grown, busy, own


def page(world, table):
    """Its first load, and a tail of 5,000 events a second."""
    if not browser.chromium():
        table.note("page: there is no Chromium")
        return
    leat = world.leat()
    hub = Hub(leat)
    chromium = browser.Browser()
    try:
        _first_load(world, table, chromium, hub)
        _create(hub, {"gen0": {"connector.class": "datagen", "topic.prefix": "gen0",
                               "datagen.rate": str(RATE)}})
        runs = [_tail(world, chromium, hub) for _ in range(min(world.runs, 2))]
    finally:
        chromium.close()
        world.forget(leat)
    fps, longest, rate, private, heap, grown, busy, own = map(list, zip(*runs, strict=True))
    table.add("page", "live tail: events a second", rate, "/s", 0.98 * RATE)
    table.add("page", "live tail: frames a second", fps, "/s", 50)
    table.add("page", "live tail: longest task", longest, "ms", 100, least=False)
    table.add("page", "live tail: longest task, its processor time", own, "ms", 100, least=False)
    table.add("page", "live tail: processor time of the page's thread", busy, "ms/s")
    table.add("page", "live tail: private memory of the tab's process, early", private, "MiB")
    table.add("page", "live tail: what that grew by", grown, "MiB", 32, least=False)
    table.add("page", "live tail: what its heap grew by", heap, "MiB", 16, least=False)


PARTS = {"page": page}

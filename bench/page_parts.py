"""The page in Chromium: its first load, and a live tail of 5,000 events a second: frames, long
tasks, memory. A million events take 200 s; `page-hour` is an hour of them, minute by minute."""

import contextlib
import json
import re
import time

import browser
from hub_parts import Hub, _create
from measure import MIB
from report import progress
from servers.process import until

RATE, EVENTS = 5000, 1_000_000
MINUTES = 60
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
    """MiB that the tab's process, and its worker's where that is another, have for themselves."""
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = []
    for pid in (p["id"] for p in processes if p["type"] == "renderer"):
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
            sizes.append(sum(map(int, re.findall(r"Private_\w+: +(\d+)", f.read()))) / 1024)
    return sum(sizes)


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


# The newest offset that is shown.
OFFSET = ("Number(document.querySelector('.event-list tbody td').textContent"
          ".replace(/\\D/g, ''))")
ANEW = "Object.assign(leatBench, {frames: 0, longest: 0, tasks: 0})"


@contextlib.contextmanager
def _watched(chromium, hub):
    """A tab with the tail, and a session that asks about its processes."""
    with chromium.profile() as context:
        context.add_init_script(WATCH)
        tab = context.new_page()
        tab.goto(browser.url(hub, "t/gen0.datagen.t1"))
        rows = tab.locator(".event-list tbody tr")
        until(lambda: rows.count() > 20, 60, "events")
        time.sleep(2)
        yield tab, chromium.chromium.new_browser_cdp_session()
        assert context.complaints == [], context.complaints


def _tail(world, chromium, hub):
    """Frames a second, the longest task, heap and private memory early and at the end, and what the
    page's thread takes."""
    events = world.scaled(EVENTS)
    with _watched(chromium, hub) as (tab, system):
        first, begun = tab.evaluate(OFFSET), time.monotonic()
        tab.evaluate(ANEW)
        until(lambda: tab.evaluate(OFFSET) - first >= events / 4, 7200, "a quarter", every=1)
        heap, private = _heap(tab), _private(system)
        until(lambda: tab.evaluate(OFFSET) - first >= events, 7200, "all events", every=1)
        seconds = time.monotonic() - begun
        seen = tab.evaluate(OFFSET) - first
        found = tab.evaluate("leatBench")
        grown = _heap(tab) - heap, _private(system) - private
        busy, own = _thread(tab, TRACED_S)
        progress(f"   {seen} events in {seconds:.0f} s, {found['tasks']} tasks over 50 ms")
        fps = found["frames"] / seconds
        return fps, found["longest"], seen / seconds, private, *grown, busy, own


@contextlib.contextmanager
def _page_of(world, table):
    """A hub and a Chromium; None: there is no Chromium."""
    if not browser.chromium():
        table.note("page: there is no Chromium")
        yield None
        return
    leat = world.leat()
    chromium = browser.Browser()
    try:
        yield Hub(leat), chromium
    finally:
        chromium.close()
        world.forget(leat)


def _begin(hub):
    _create(hub, {"gen0": {"connector.class": "datagen", "topic.prefix": "gen0",
                           "datagen.rate": str(RATE)}})


def page(world, table):
    """Its first load, and a tail of 5,000 events a second."""
    with _page_of(world, table) as found:
        if not found:
            return
        hub, chromium = found
        _first_load(world, table, chromium, hub)
        _begin(hub)
        runs = [_tail(world, chromium, hub) for _ in range(min(world.runs, 2))]
    fps, longest, rate, private, heap, grown, busy, own = map(list, zip(*runs, strict=True))
    table.add("page", "live tail: events a second", rate, "/s", 0.98 * RATE)
    table.add("page", "live tail: frames a second", fps, "/s", 50)
    table.add("page", "live tail: longest task", longest, "ms", 100, least=False)
    table.add("page", "live tail: longest task, its processor time", own, "ms", 100, least=False)
    table.add("page", "live tail: processor time of the page's thread", busy, "ms/s")
    table.add("page", "live tail: private memory, early", private, "MiB")
    table.add("page", "live tail: what that grew by", grown, "MiB", 32, least=False)
    table.add("page", "live tail: what its heap grew by", heap, "MiB", 16, least=False)


def _minute(tab, system):
    """Frames and events a second, the longest task, and private memory at its end."""
    tab.evaluate(ANEW)
    first, begun = tab.evaluate(OFFSET), time.monotonic()
    time.sleep(60)
    found = tab.evaluate("leatBench")
    seconds, events = time.monotonic() - begun, tab.evaluate(OFFSET) - first
    return found["frames"] / seconds, events / seconds, found["longest"], _private(system)


def page_hour(world, table):
    """An hour of the tail, or of --scale as much: each minute, and memory at its ends."""
    minutes = []
    with _page_of(world, table) as found:
        if not found:
            return
        hub, chromium = found
        _begin(hub)
        with _watched(chromium, hub) as (tab, system):
            heap, private = _heap(tab), _private(system)
            for n in range(max(1, round(MINUTES * world.args.scale))):
                fps, rate, longest, size = one = _minute(tab, system)
                minutes.append(one)
                progress(f"   minute {n + 1}: {fps:.1f} frames/s, {rate:.0f} events/s, "
                         f"longest task {longest:.0f} ms, {size:.0f} MiB")
            ends = _heap(tab), _private(system)
    fps, rate, longest, _ = map(list, zip(*minutes, strict=True))
    table.add("page-hour", "minutes", [len(minutes)], "min")
    table.add("page-hour", "events a second", rate, "/s", 0.98 * RATE)
    table.add("page-hour", "frames a second, each minute", fps, "/s", 50)
    table.add("page-hour", "frames a second, the worst minute", [min(fps)], "/s", 50)
    table.add("page-hour", "longest task", [max(longest)], "ms", 100, least=False)
    table.add("page-hour", "private memory at the start", [private], "MiB")
    table.add("page-hour", "private memory at the end", [ends[1]], "MiB", private + 32,
              least=False)
    table.add("page-hour", "heap at the start", [heap], "MiB")
    table.add("page-hour", "heap at the end", [ends[0]], "MiB", heap + 16, least=False)


PARTS = {"page": page, "page-hour": page_hour}
LONG = {"page-hour"}  # not done unless it is named

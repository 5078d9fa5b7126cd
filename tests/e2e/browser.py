"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import contextlib
import glob
import os
import shutil

from leat import ROOT
from playwright.sync_api import expect, sync_playwright

WAIT_MS = 60_000  # a bound that ends a test; it does not judge
expect.set_options(timeout=WAIT_MS)


def chromium():
    """The path of a Chromium; None: there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One Chromium for the session; a tab is a page of a fresh profile."""

    def __init__(self):
        self.playwright = sync_playwright().start()
        self.chromium = self.playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    @contextlib.contextmanager
    def profile(self, **options):
        """A profile of its own, and its complaints: reports of the policy, errors of scripts, what
        was asked for elsewhere."""
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = self.chromium.new_context(**options)
        context.set_default_timeout(WAIT_MS)
        context.complaints = []
        context.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error("
            "'policy: ' + e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample))")
        context.on("page", lambda tab: listen(context, tab))
        try:
            yield context
        finally:
            context.close()

    @contextlib.contextmanager
    def tab(self, hub, path="", **options):
        """A tab that shows a place of the page; at the end nothing may have been complained of."""
        with self.profile(**options) as context:
            tab = context.new_page()
            tab.goto(url(hub, path))
            yield tab
            assert context.complaints == [], context.complaints


def listen(context, tab):
    def told(message):
        # A hub that is away or refuses is told by the browser, too.
        if message.type == "error" and "Failed to load resource" not in message.text:
            if "ERR_CONNECTION" not in message.text:
                context.complaints.append(message.text)

    tab.on("console", told)
    tab.on("pageerror", lambda e: context.complaints.append(str(e)))


def url(hub, path=""):
    return f"http://127.0.0.1:{hub.port}/ui/{path}"


def axe_source():
    """axe-core, as the build fetched it for the page's tests."""
    found = glob.glob(os.path.join(ROOT, "build/web/node_modules/axe-core/axe.min.js"))
    with open(found[0], encoding="utf-8") as f:
        return f.read()


def violations(tab):
    """What axe-core finds that is serious: a line each."""
    tab.evaluate(axe_source())
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {node['html'][:160]} {node['failureSummary']}"
            for v in found["violations"] if v["impact"] in ("serious", "critical")
            for node in v["nodes"]]


def usable(tab, hub, places):
    """axe-core finds nothing serious on any of them, and a phone has no sideways scrolling."""
    phone = {"width": 360, "height": 740}
    for place in places:
        tab.set_viewport_size({"width": 1440, "height": 900})
        tab.goto(url(hub, place))
        expect(tab.get_by_role("heading", level=1)).to_be_visible()
        expect(tab.locator(".waiting")).to_have_count(0)
        found = violations(tab)
        assert found == [], (place, found)
        tab.set_viewport_size(phone)
        assert tab.evaluate("document.documentElement.scrollWidth") <= phone["width"], place

"""docs/ as a site inside the binary."""

import os
import re
import urllib.parse

import pytest
from browser import expect, violations
from hub import Hub
from leat import ROOT


def test_every_page_and_every_link(leat):
    """All of docs/ is there, no link leads nowhere, and names of the repository lead to pages."""
    hub = Hub(leat, "--url", "https://example.org/tools")
    host = {"Host": "example.org"}
    assert hub.ask("GET", "/docs", headers=host).headers["location"] == "/tools/docs/"
    moved = hub.ask("GET", "/docs/connectors/README.md", headers=host)
    assert (moved.status, moved.headers["location"]) == (303, "/tools/docs/connectors/")
    pages, todo = {}, ["/docs/"]
    while todo:
        path = todo.pop()
        if path in pages:
            continue
        answer = hub.ask("GET", path, headers=host)
        assert answer.status == 200, path
        pages[path] = answer.text
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        assert "trusted-types 'none'" in answer.headers["content-security-policy"]
        for link in re.findall(r'(?:href|src)="([^"]+)"', answer.text):
            to = urllib.parse.urljoin(f"http://hub{path}", link)
            if to.startswith("http://hub/docs/"):
                todo.append(urllib.parse.urlsplit(to).path)
    for folder, _, files in os.walk(os.path.join(ROOT, "docs")):
        for name in files:
            if name.endswith(".md"):
                source = os.path.relpath(os.path.join(folder, name), ROOT)
                path = "/" + re.sub(r"(README)?\.md$", "", source)
                assert path in pages, source
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    title = f.readline().lstrip("# ").strip().replace("`", "")
                assert title.split(" ")[0] in pages[path]
    for path, text in pages.items():
        for link in re.findall(r'href="([^"]*#[^"]+)"', text):
            to = urllib.parse.urlsplit(urllib.parse.urljoin(f"http://hub{path}", link))
            if to.netloc == "hub" and "<main" in text:
                assert f'id="{to.fragment}"' in pages[to.path], (path, link)
    assert hub.ask("GET", "/docs/nothing", headers=host).status == 404
    assert hub.ask("GET", "/docs/a/..%2f..%2fetc", headers=host).status in (400, 404)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_in_a_browser(leat, browser, theme):
    hub = Hub(leat)
    with browser.profile(color_scheme=theme) as context:
        tab = context.new_page()
        tab.goto(f"http://127.0.0.1:{hub.port}/docs/")
        expect(tab.get_by_role("heading", level=1)).to_have_text("Documentation")
        tab.keyboard.press("/")
        search = tab.get_by_label("Search the documentation")
        expect(search).to_be_focused()
        search.fill("no such words anywhere")
        expect(tab.get_by_text("Nothing for")).to_be_visible()
        search.fill("replica identity")
        first = tab.locator("#found a").first
        expect(first).to_contain_text("replica identity", ignore_case=True)
        place = first.evaluate("link => link.href")
        search.press("Enter")
        expect(tab).to_have_url(place)
        assert violations(tab) == []
        tab.goto(f"http://127.0.0.1:{hub.port}/docs/operations")
        assert violations(tab) == []
        tab.set_viewport_size({"width": 360, "height": 740})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        tab.get_by_role("link", name="The page", exact=True).first.click()
        expect(tab.get_by_role("heading", name="Nothing flows yet.")).to_be_visible()
        assert context.complaints == [], context.complaints

"""The pictures of docs/page.md: made of a small shop that is captured and copied, each in light or
dark, wide or on a phone. LEAT_PICTURES=1 writes them to docs/pictures."""

import base64
import itertools
import os
import re

from browser import expect, url
from hub import Hub
from leat import ROOT
from servers.process import until

FOLDER = os.path.join(ROOT, "docs/pictures")
LOOKED_AT = os.path.join(ROOT, "build/pictures")  # of every page, for who changes one
MOST_BYTES = 100_000  # of one; all together are in the binary
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
SIZES = {"wide": WIDE, "phone": PHONE}

# name, place, theme, size, what is waited for
PICTURES = [
    ("overview", "", "light", WIDE, "tr[data-name=shop] td.rate"),
    ("overview-dark", "", "dark", WIDE, "tr[data-name=shop] td.rate"),
    ("overview-phone", "", "dark", PHONE, "tr[data-name=shop] td.rate"),
    ("connector", "c/shop/status", "light", WIDE, ".figures"),
    ("configuration", "c/shop/config", "dark", WIDE, ".versions"),
    ("event", "t/shop.public.orders?from=beginning&op=u", "dark", WIDE, ".event-list tbody tr"),
    ("new", "new", "light", WIDE, ".cards"),
    ("connection", "connections/shop", "light", WIDE, ".test"),
    ("dead-letters", "dead-letters", "light", WIDE, ".letters tbody tr"),
    ("sql", "sql", "dark", WIDE, ".cm-content"),
    ("lineage", "lineage?view=graph", "light", WIDE, ".node"),
    ("catalogue", "catalogue", "dark", WIDE, ".cards"),
    ("settings-phone", "settings/appearance", "light", PHONE, ".setting"),
]

EVERY = [
    "", "new", "new?view=paste", "new/postgres", "new/postgres?view=sql",
    "new/postgres?step=review",
    "c/shop/status", "c/shop/events", "c/shop/tables", "c/shop/plots", "c/shop/offsets",
    "c/shop/log", "c/shop/config", "c/warehouse/verify", "topics",
    "t/shop.public.orders?from=beginning", "dead-letters", "connections", "connections/shop", "sql",
    "lineage?view=graph", "lineage?view=list", "catalogue", "catalogue/postgres",
    "settings/access", "settings/audit", "settings/hub", "settings/appearance",
]


def shop(hub, db):
    """A captured shop, a copy of it that refuses some orders, and more beside it."""
    server = db.server
    db.sql("CREATE TABLE customers (id int PRIMARY KEY, name text)")
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, customer int, status text, total numeric)")
    db.sql("ALTER TABLE orders REPLICA IDENTITY FULL")
    db.sql("INSERT INTO customers SELECT g, 'customer ' || g FROM generate_series(1, 40) g")
    db.sql("INSERT INTO orders SELECT g, g % 40, 'new', g * 1.5 FROM generate_series(1, 60) g")
    db.sql("CREATE SCHEMA copy")
    db.sql("CREATE TABLE copy.orders"
           " (id int PRIMARY KEY, customer int, status text, total numeric CHECK (total < 84))")
    body = {"name": "shop", "type": "postgres", "strategy": "wal", "parameters": {
        "host": server.host, "port": str(server.port), "username": server.user,
        "password": "unused", "database": db.name}}
    assert hub.ask("POST", "/hub/v1/connections?test=false", body).status == 201
    hub.make("shop", **{"connector.class": "postgres", "connection": "shop", "topic.prefix": "shop",
                        "slot.name": f"s_{db.name}", "table.include.list": "public.*"})
    hub.make("warehouse", **{
        "connector.class": "sql", "topics": "shop.public.orders", "errors.tolerance": "all",
        "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{db.name}",
        "connection.user": server.user, "table.name.format": "copy.orders"})
    hub.make("clicks", datagen_rate="200", datagen_tables="3")
    hub.make("archive", state="STOPPED", **{"connector.class": "null",
                                            "topics": "clicks.datagen.t1,clicks.datagen.t2"})
    hub.wait_events("clicks", 200)
    until(lambda: hub.counters("warehouse")["dead"] > 0, 120, "dead letters")
    db.sql("UPDATE orders SET status = 'paid', total = total + 1 WHERE id <= 20")
    hub.ask("PATCH", "/connectors/shop/config", {"heartbeat.interval.ms": "10000"})


def picture(tab, name):
    """What is seen, as WebP."""
    session = tab.context.new_cdp_session(tab)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    session.detach()
    data = base64.b64decode(shot["data"])
    assert 5_000 < len(data) <= MOST_BYTES, (name, len(data))
    if os.environ.get("LEAT_PICTURES"):
        os.makedirs(FOLDER, exist_ok=True)
        with open(os.path.join(FOLDER, f"{name}.webp"), "wb") as f:
            f.write(data)


def test_pictures(leat, db, browser):
    """Each place looks like something, in its theme and size; each picture of the docs is there."""
    hub = Hub(leat, "--history", "1")
    shop(hub, db)
    for theme in ("light", "dark"):
        with browser.tab(hub, color_scheme=theme) as tab:
            for name, place, of, size, seen in PICTURES:
                if of != theme:
                    continue
                tab.set_viewport_size(size)
                tab.goto(url(hub, place))
                expect(tab.locator(seen).first).to_be_visible()
                expect(tab.get_by_text("Live", exact=True)).to_be_visible()
                if name == "event":
                    tab.locator(seen).first.get_by_role("button").click()
                    expect(tab.get_by_label("Event", exact=True)).to_be_visible()
                if name == "sql":
                    tab.locator(seen).fill("SELECT op, count(*) AS events, max(ts) AS newest\n"
                                           'FROM "shop.public.orders" GROUP BY op;')
                    tab.locator(seen).press("Control+Enter")
                    expect(tab.get_by_label("Result: Select")).to_be_visible()
                if name == "connection":
                    tab.get_by_role("button", name="Test", exact=True).click()
                    expect(tab.locator(".verdict")).to_be_visible()
                picture(tab, name)
    assert leat.stop() == 0
    db.server.drop_slots(db.name)
    there = {f.removesuffix(".webp") for f in os.listdir(FOLDER)}
    assert there == {name for name, *_ in PICTURES}


def test_every_page(leat, db, browser):
    """Dark and light, wide and narrow: each has its title and stays within the width. With
    LEAT_PICTURES they are left in build/pictures, to be looked at."""
    hub = Hub(leat, "--history", "1")
    shop(hub, db)
    hub.ask("POST", "/hub/v1/connectors/warehouse/verify", {})
    until(lambda: not hub.get("/hub/v1/connectors/warehouse/verify")["running"], 60, "a report")
    too_wide = []
    for theme in ("light", "dark"):
        with browser.tab(hub, color_scheme=theme) as tab:
            for place, (name, size) in itertools.product(EVERY, SIZES.items()):
                tab.set_viewport_size(size)
                tab.goto(url(hub, place))
                expect(tab.get_by_role("heading", level=1)).not_to_be_empty()
                expect(tab.locator(".waiting")).to_have_count(0)
                width = tab.evaluate("document.documentElement.scrollWidth")
                if width > size["width"]:
                    too_wide.append((place, theme, name, width))
                if os.environ.get("LEAT_PICTURES"):
                    tab.wait_for_timeout(400)  # plots and edges are drawn a frame later
                    file = re.sub(r"\W+", "-", place or "overview")
                    tab.screenshot(path=os.path.join(LOOKED_AT, f"{file}.{theme}.{name}.png"))
    assert too_wide == []
    assert leat.stop() == 0
    db.server.drop_slots(db.name)

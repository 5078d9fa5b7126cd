"""From nothing to live events in the page, and the events themselves."""

import re
import time

import pytest
from browser import expect, url, usable
from hub import Hub
from servers.process import until

NEWCOMER_S = 60


def field(tab, name):
    return tab.locator(f'[name="{name}"]')


def test_a_newcomer_with_a_wrong_password(leat, db, browser):
    """An empty folder, a role with a password that is mistyped first; then changes are seen."""
    role = f"page_{db.name}"
    db.sql("CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric(10,2))")
    db.sql("INSERT INTO orders VALUES (1, 'new', 12.50)")
    db.sql("ALTER TABLE orders REPLICA IDENTITY FULL")
    db.sql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'right'")
    db.sql(f"GRANT password_users TO {role}")
    try:
        walk(leat, db, browser, role)
    finally:
        leat.stop()
        db.server.drop_slots(db.name)
        db.sql(f"DROP OWNED BY {role}")
        db.sql(f"DROP ROLE {role}")


def walk(leat, db, browser, role):
    hub = Hub(leat)
    with browser.tab(hub) as tab:
        begun = time.monotonic()
        tab.get_by_role("main").get_by_role("link", name="New connector").last.click()
        tab.get_by_role("link", name=re.compile("^PostgreSQL Reads")).click()
        field(tab, "database.hostname").fill(db.server.host)
        field(tab, "database.port").fill(str(db.server.port))
        field(tab, "database.user").fill(role)
        field(tab, "database.dbname").fill(db.name)
        field(tab, "database.password").fill("wrong")

        # The test runs by itself, says what failed, and leads to the field.
        panel = tab.get_by_label("Test", exact=True)
        expect(panel).to_contain_text("to mend")
        expect(panel).to_contain_text("password")
        expect(panel.get_by_text("Run this as an administrator")).to_have_count(0)
        panel.get_by_role("button", name=re.compile("Go to")).first.click()
        expect(field(tab, "database.password")).to_be_focused()
        field(tab, "database.password").fill("right")
        expect(panel).to_contain_text("with other parameters")
        panel.get_by_role("button", name="Test again").click()
        expect(panel).to_contain_text("All is well")

        tab.get_by_role("link", name="Next: strategy").click()
        expect(tab.get_by_text("public.orders", exact=True)).to_be_visible()
        tab.get_by_role("link", name="Next: review").click()
        assert "right" not in tab.get_by_label("The configuration").inner_text()
        tab.get_by_role("textbox", name="Name").fill("shop")
        tab.get_by_role("button", name="Create connector").click()

        # The row that was there, then one that is changed now.
        row = tab.get_by_role("row").filter(has_text="id: 1")
        expect(row.filter(has_text="row read")).to_be_visible()
        db.sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        expect(row.filter(has_text="status")).to_be_visible()
        took = time.monotonic() - begun
        row.filter(has_text="status").get_by_role("button").click()
        pane = tab.get_by_label("Event", exact=True)
        expect(pane).to_contain_text("paid")
        stored = tab.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert "right" not in stored and "wrong" not in stored, "no secret is kept"
        print(f"from an empty hub to live events in {took:.1f} s")
    assert hub.get("/connectors/shop/config")["slot.name"] == "shop"


def test_what_is_wrong_is_told_in_place(leat, browser):
    hub = Hub(leat)
    hub.make("taken", datagen_rate="1", state="STOPPED")
    with browser.tab(hub, "new/postgres") as tab:
        field(tab, "database.port").fill("99999")
        expect(tab.get_by_text("expected 1 to 65,535")).to_be_visible()
        expect(field(tab, "database.port")).to_have_attribute("aria-invalid", "true")
        expect(tab.get_by_text("Still to fill in")).to_be_visible()
        address = tab.get_by_placeholder("paste postgres")
        address.fill("postgres://me:secret%21@db.example:5433/shop")
        expect(field(tab, "database.hostname")).to_have_value("db.example")
        expect(field(tab, "database.port")).to_have_value("5433")
        expect(field(tab, "database.password")).to_have_value("secret!")
        expect(tab.get_by_text("expected 1 to 65,535")).to_have_count(0)
        tab.get_by_placeholder(re.compile("find one of")).fill("heartbeat.interval")
        expect(field(tab, "heartbeat.interval.ms")).to_be_visible()

        # An address with a password in it is not kept in the browser; the rest of the draft is.
        tab.goto(url(hub, "new/sql"))
        field(tab, "connection.url").fill("jdbc:postgresql://h/d?user=u&password=hunter2")
        field(tab, "connection.username").fill("drafted")
        tab.wait_for_function("JSON.stringify(sessionStorage).includes('drafted')")
        assert "hunter2" not in tab.evaluate("JSON.stringify(sessionStorage)")

        tab.goto(url(hub, "new?view=paste"))
        text = tab.locator(".cm-content")
        text.fill('{"name": "mine", "config": {"connector.class": "nope"}}')
        tab.get_by_role("button", name="Read it").click()
        expect(tab.get_by_text("nope is not in this build")).to_be_visible()
        text.fill('{"name": "taken", "config": {"connector.class": "datagen", "topic.prefix": "p",'
                  ' "datagen.rate": "fast"}}')
        tab.get_by_role("button", name="Read it").click()
        expect(tab.get_by_text("A connector “taken” exists.")).to_be_visible()
        tab.get_by_role("textbox", name="Name").fill("mine")
        tab.get_by_role("button", name="Create connector").click()
        expect(tab.get_by_text("1 parameter is to be mended.")).to_be_visible()
        assert hub.get("/connectors") == ["taken"]


def test_an_address_at_once(leat, browser):
    """As people have it: with a percent sign, TLS, IPv6, JDBC's; typed as well as pasted."""
    hub = Hub(leat)
    with browser.tab(hub, "new/postgres?step=nonsense") as tab:
        address = tab.get_by_placeholder("paste postgres")
        address.fill("postgresql://me:100%sure@[::1]:80/my%20shop?sslmode=require")
        for name, value in [("hostname", "::1"), ("port", "80"), ("user", "me"),
                            ("password", "100%sure"), ("dbname", "my shop")]:
            expect(field(tab, f"database.{name}")).to_have_value(value)
        tab.get_by_placeholder(re.compile("find one of")).fill("database.sslmode")
        expect(field(tab, "database.sslmode")).to_have_value("require")
        address.fill("mysql://me@db/shop")
        expect(tab.get_by_text("This is an address of MySQL or MariaDB")).to_be_visible()
        address.fill("nothing of the kind")
        expect(tab.get_by_text("Expected postgres://user")).to_be_visible()
        tab.goto(url(hub, "new/mysql"))
        address = tab.get_by_placeholder("paste mysql")
        address.press_sequentially("jdbc:mariadb://db9:3307/shop?user=u&password=p")
        expect(address).to_have_value("jdbc:mariadb://db9:3307/shop?user=u&password=p")
        address.press("Backspace")  # an edit, no paste
        expect(address).to_have_value("jdbc:mariadb://db9:3307/shop?user=u&password=")
        expect(field(tab, "database.hostname")).to_have_value("")
        address.press("p")
        address.press("Enter")
        for name, value in [("hostname", "db9"), ("port", "3307"), ("user", "u"),
                            ("password", "p")]:
            expect(field(tab, f"database.{name}")).to_have_value(value)
        expect(address).to_have_value("")


PASTED = """\
-- by ops
CREATE SOURCE CONNECTOR "pasted" WITH (
  'connector.class' = 'org.example.Datagen', -- not ours
  'topic.prefix' = 'p',
  'my.own.key' = 'kept'
);
"""


def test_typing_goes_on(leat, browser):
    """Keys that come faster than the page is drawn: each stands where it was typed, and the page
    is not busy with texts that replace each other."""
    hub = Hub(leat)
    with browser.tab(hub, "new/datagen?view=json") as tab:
        text = tab.locator(".cm-content")
        text.fill('{"topic.prefix": "p" "x"}')
        text.press("Control+End")
        for key in "abcdefghijklmnopqrstuvwxyz":
            tab.keyboard.type(key)
        expect(text).to_contain_text('"x"}abcdefghijklmnopqrstuvwxyz')


def test_views_of_a_configuration(leat, browser):
    """Pasted as SQL, looked at as JSON and properties, changed in each and in the form."""
    hub = Hub(leat)
    with browser.tab(hub, "new?view=paste") as tab:
        text = tab.locator(".cm-content")
        view = tab.get_by_role("group", name="View")
        read = tab.get_by_role("button", name="Read it")
        text.fill(PASTED)
        read.click()
        expect(tab.get_by_text("org.example.Datagen is not in this build")).to_be_visible()
        ours = PASTED.replace("org.example.Datagen", "datagen")
        text.fill(ours)
        read.click()
        fates = tab.get_by_label("What becomes of its options")
        expect(fates).to_contain_text("unknown: kept, and passed over: my.own.key")
        shown = tab.get_by_label("The configuration")
        view.get_by_role("button", name="SQL").click()
        assert shown.inner_text().strip() == ours.strip()

        tab.get_by_role("link", name=re.compile("Parameters")).click()
        view.get_by_role("button", name="JSON").click()
        expect(text).to_contain_text('"my.own.key": "kept"')
        expect(tab.get_by_text("2 comments are kept, not shown.")).to_be_visible()
        text.fill('{"connector.class": "datagen", "topic.prefix": "p", "datagen.rate": 7 "x"}')
        expect(tab.get_by_text("Line 1: expected }")).to_be_visible()
        text.press("Control+End")
        text.press_sequentially(" y")  # the problem stays the same one
        expect(view.get_by_role("button", name="Form")).to_be_disabled()
        assert tab.get_by_text("Next: review").get_attribute("href") is None
        tab.get_by_role("button", name="Discard text changes").click()
        expect(text).to_contain_text('"my.own.key": "kept"')
        text.fill('{"connector.class": "postgres"}')
        expect(tab.get_by_text("this is the form of")).to_be_visible()
        text.fill('{"connector.class": "datagen", "topic.prefix": "q", "my.own.key": "kept",'
                  ' "datagen.rate": 7}')
        view.get_by_role("button", name="Properties").click()
        expect(text).to_contain_text("# by ops")
        expect(text).to_contain_text("datagen.rate=7")
        tab.reload()  # the draft stays, but for what might be a secret
        view.get_by_role("button", name="Form").click()
        expect(field(tab, "topic.prefix")).to_have_value("q")
        field(tab, "topic.prefix").fill("r")
        view.get_by_role("button", name="SQL").click()
        expect(text).to_contain_text("'topic.prefix' = 'r'")
        usable(tab, hub, ["new/datagen?view=sql", "new?view=paste"])
        tab.set_viewport_size({"width": 1440, "height": 900})
        tab.goto(url(hub, "new/datagen?step=review"))
        tab.get_by_role("button", name="Create connector").click()
        until(lambda: hub.get("/connectors") == ["pasted"], 60, "it to be made")
        assert hub.get("/connectors/pasted/config")["datagen.rate"] == "7"
    assert leat.stop() == 0


def test_a_name_that_is_free(leat, browser):
    """Proposed at once, also where the page begins with the form."""
    hub = Hub(leat)
    hub.make("shop", state="STOPPED")
    with browser.tab(hub, "new/postgres?step=review") as tab:
        expect(tab.get_by_role("textbox", name="Name")).to_have_value("shop-2")
    assert hub.get("/hub/v1/about")["stream"] == "embedded"
    assert leat.stop() == 0


def test_events_of_a_topic(leat, browser):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 50)
    with browser.tab(hub, "topics") as tab:
        tab.get_by_role("link", name="gen.datagen.t1").click()
        rows = tab.locator(".event-list tbody tr")
        expect(rows.nth(3)).to_be_visible()
        tab.get_by_role("button", name="Freeze").click()
        expect(tab.get_by_text(re.compile("Frozen; .* more came"))).to_be_visible()
        tab.goto(url(hub, "t/gen.datagen.t1?from=0"))
        expect(rows.nth(20)).to_be_visible()
        rows.first.get_by_role("button").click()
        pane = tab.get_by_label("Event", exact=True)
        expect(pane).to_be_visible()
        pane.get_by_role("button", name="Record").click()
        expect(pane).to_contain_text('"topic": "gen.datagen.t1"')
        pane.get_by_role("button", name="Record").press("]")
        expect(rows.nth(1)).to_have_class("ticked")
        expect(pane.get_by_role("button", name="Record")).to_be_focused()

        # One that did not come by is asked for: its place is in the URL.
        tab.goto(url(hub, "t/gen.datagen.t1?e=gen.datagen.t1@7"))
        expect(pane).to_contain_text("offset 7")
        expect(pane.get_by_role("row", name=re.compile("^id int64, not null"))).to_be_visible()
        tab.goto(url(hub, "t/gen.datagen.t1?e=gen.datagen.t1@999999999"))
        expect(tab.get_by_text(re.compile("999999999 is not there"))).to_be_visible()

        # While the hub is away it is told, and can be tried again.
        asked = "**/events?from=*&max=1*"
        tab.route(asked, lambda route: route.abort())
        tab.goto(url(hub, "t/gen.datagen.t1?e=gen.datagen.t1@7"))
        expect(tab.get_by_text("The hub does not answer.")).to_be_visible()
        tab.unroute(asked)
        tab.get_by_role("button", name="Try again").click()
        expect(pane).to_contain_text("offset 7")

        # It stays until the next one is there.
        held = []
        tab.route(asked, lambda route: held.append(route))
        with tab.expect_request(asked):
            tab.evaluate("history.pushState(null, '', location.pathname + '?e=gen.datagen.t1@8');"
                         "dispatchEvent(new PopStateEvent('popstate'))")
        expect(pane).to_contain_text("offset 7")
        held[0].continue_()
        expect(pane).to_contain_text("offset 8")
        tab.unroute(asked)

        tab.goto(url(hub, "t/gen.datagen.t1?from=0"))
        tab.get_by_label("Only records that contain").fill("no such text anywhere")
        tab.get_by_role("button", name="Apply").click()
        expect(tab.get_by_text("Nothing fits.")).to_be_visible()


def test_changes_of_a_schema_tell_their_statement(leat, mysql_servers, browser):
    server = mysql_servers("mariadb")
    server.fresh("shop")
    server.sql("CREATE TABLE notes (id int PRIMARY KEY)", "shop")
    hub = Hub(leat)
    config = {k: str(v) for k, v in server.properties().items() if k != "name"}
    hub.make("shop", **config)
    hub.wait_state("shop")
    server.sql("ALTER TABLE notes ADD COLUMN note text", "shop")
    with browser.tab(hub, "t/shop?from=beginning") as tab:
        row = tab.get_by_role("row").filter(has_text="databaseName: shop").first
        expect(row).to_contain_text("ALTER TABLE notes ADD COLUMN note text")
        row.get_by_role("button").click()
        expect(tab.get_by_label("Event", exact=True)).to_contain_text("schema change")
        tab.goto(url(hub, "t/nobody"))
        expect(tab.get_by_text("there is no topic")).to_be_visible()
        expect(tab.get_by_text("No event yet.")).to_have_count(0)


def test_what_the_log_does_not_carry(leat, db, browser):
    """A column that was not sent is told as such; types are told, numbers and times read."""
    db.sql("CREATE TABLE notes (id int PRIMARY KEY, note text, total numeric(10, 2),"
           " any_total numeric, day date, far date, at timestamp, clock time)")
    db.sql("ALTER TABLE notes ALTER COLUMN note SET STORAGE EXTERNAL")
    db.sql("INSERT INTO notes VALUES (1, repeat('x', 10000), 1.5, -12.345, '1969-12-31',"
           " '12921-08-01', '2026-01-31 10:00:00.000012', '10:00:00.5')")
    hub = Hub(leat)
    server = db.server
    hub.make("shop", **{
        "connector.class": "postgres", "database.hostname": server.host,
        "database.port": str(server.port), "database.user": server.user,
        "database.dbname": db.name, "slot.name": f"s_{db.name}",
        "table.include.list": "public.notes", "decimal.handling.mode": "precise",
        "time.precision.mode": "adaptive"})
    until(lambda: hub.get("/hub/v1/topics"), 60, "the snapshot")
    db.sql("UPDATE notes SET total = 2.5")
    with browser.tab(hub, "t/shop.public.notes?from=beginning&op=u") as tab:
        tab.locator(".event-list tbody tr").first.get_by_role("button").click()
        pane = tab.get_by_label("Event", exact=True)
        row = pane.get_by_role("row").filter(has_text="note")
        expect(row).to_contain_text("unchanged, not sent")
        expect(row).to_contain_text("string")
        for column, said, shown in [
                ("total", "Decimal(2)", "2.50"), ("any_total", "VariableScaleDecimal", "-12.345"),
                ("day", "Date", "1969-12-31"), ("far", "Date", "+012921-08-01"),
                ("clock", "MicroTime", "10:00:00.500000"),
                ("at", "MicroTimestamp", "2026-01-31T10:00:00.000012")]:
            row = pane.get_by_role("row").filter(
                has=tab.get_by_role("rowheader", name=column, exact=True))
            expect(row).to_contain_text(said)
            expect(row).to_contain_text(shown)
    assert leat.stop() == 0
    db.server.drop_slots(db.name)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_create(leat, browser, theme):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 50)
    places = ["new", "new?view=paste", "new/postgres", "new/postgres?step=strategy",
              "new/datagen?step=review", "topics", "t/gen.datagen.t1?from=0", "c/gen/events"]
    with browser.tab(hub, color_scheme=theme) as tab:
        usable(tab, hub, places)

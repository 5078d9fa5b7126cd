"""Connections, dead letters, SQL and the catalogue in the page."""

import functools
import json
import os
import re
from datetime import datetime, timedelta, timezone

import pytest
from browser import expect, url, usable, violations
from hub import Hub
from servers.process import until
from test_access import set_user

LETTERS = "/hub/v1/connectors/copy/dead-letters"


def field(tab, name):
    return tab.locator(f'[name="{name}"]')


def test_connections(leat, db, browser):
    """Make one with a wrong database first, test it, use it, change it, delete it."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat)
    with browser.tab(hub, "connections") as tab:
        expect(tab.get_by_role("heading", name="No connection saved.")).to_be_visible()
        tab.get_by_role("link", name="New connection").click()
        tab.get_by_role("link", name=re.compile("^PostgreSQL")).click()
        field(tab, "host").fill(db.server.host)
        field(tab, "port").fill("99999")
        expect(tab.get_by_text("expected 1 to 65,535")).to_be_visible()
        field(tab, "port").fill(str(db.server.port))
        field(tab, "username").fill(db.server.user)
        field(tab, "password").fill("a secret")
        field(tab, "database").fill("no_such_database")
        tab.get_by_role("textbox", name=re.compile("^Name")).fill("shop")
        tab.get_by_role("radio", name=re.compile("By Query")).click()

        # What is wrong is told, leads to its field, and keeps it from being saved.
        panel = tab.get_by_label("Test", exact=True)
        panel.get_by_role("button", name="Test").click()
        expect(panel).to_contain_text("1 to mend")
        panel.get_by_role("button", name="Go to Database").click()
        expect(field(tab, "database")).to_be_focused()
        tab.get_by_role("button", name="Save connection").click()
        expect(tab.get_by_role("button", name="Save it untested")).to_be_visible()
        assert hub.get("/hub/v1/connections") == []
        field(tab, "database").fill(db.name)
        panel.get_by_role("button", name="Test again").click()
        expect(panel).to_contain_text("All is well")
        tab.get_by_role("button", name="Save connection").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("shop")
        saved = hub.get("/hub/v1/connections/shop")
        assert saved["strategy"] == "query" and saved["parameters"]["database"] == db.name
        expect(tab.get_by_text("•••••• stored")).to_be_visible()
        assert "a secret" not in tab.content()

        # The list tests it in place.
        tab.get_by_role("link", name="All connections").click()
        tab.get_by_role("button", name="Test shop").click()
        expect(tab.get_by_text("all is well")).to_be_visible()
        expect(tab.locator("td.tested time")).to_have_attribute("tabindex", "0")

        # A hub that stops in mid-check is told, and it can be tested again.
        tab.route("**/hub/v1/checks", lambda route: route.fulfill(
            body='event: step\ndata: {"step": "reach", "state": "ok"}\n\n',
            content_type="text/event-stream"))
        tab.get_by_role("button", name="Test shop").click()
        expect(tab.get_by_text("The hub ended the test before it was done.")).to_be_visible()
        tab.unroute("**/hub/v1/checks")
        tab.get_by_role("button", name="Test shop").click()
        expect(tab.get_by_text("all is well")).to_be_visible()

        # One that is used is saved with a question, and not deleted.
        hub.make("gen", state="STOPPED", **{"connector.class": "postgres", "connection": "shop",
                                            "topic.prefix": "p", "slot.name": f"s_{db.name}"})
        tab.get_by_role("link", name="shop").click()
        expect(tab.get_by_text("used by gen")).to_be_visible()
        tab.get_by_role("radio", name=re.compile("By Custom")).click()
        tab.get_by_role("button", name="Save", exact=True).click()
        dialog = tab.get_by_role("dialog")
        expect(dialog).to_contain_text("One connector uses it: gen.")
        dialog.get_by_role("button", name="Save shop").click()
        expect(tab.get_by_text(re.compile("^Saved"))).to_be_visible()
        assert hub.get("/hub/v1/connections/shop")["strategy"] == "custom"
        tab.get_by_role("button", name="Delete…").click()
        dialog.get_by_role("button", name="Delete shop").click()
        expect(tab.get_by_text(re.compile("gen")).last).to_be_visible()
        expect(tab.get_by_text("Nothing was changed.")).to_be_visible()
        assert hub.ask("DELETE", "/connectors/gen").status == 204
        tab.get_by_role("button", name="Delete…").click()
        dialog.get_by_role("button", name="Delete shop").click()
        expect(tab.get_by_role("heading", name="No connection saved.")).to_be_visible()
        assert hub.get("/hub/v1/connections") == []


def test_sql(leat, browser):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 10)
    with browser.tab(hub, "sql") as tab:
        editor = tab.locator(".cm-content")
        editor.fill("SHOW CONNECTORS;\nSHOW TOPICS;")
        tab.get_by_role("button", name="Run all").click()
        connectors = tab.get_by_label("Result: Connector list")
        expect(connectors.get_by_role("row").filter(has_text="gen")).to_contain_text("datagen")
        expect(tab.get_by_label("Result: Kafka topics")).to_contain_text("gen.datagen.t1")
        with tab.expect_download() as download:
            connectors.get_by_role("button", name="CSV").click()
        with open(download.value.path(), encoding="utf-8") as f:
            assert f.readline().strip() == "name,type,className,state"
            assert f.readline().startswith("gen,source,datagen,RUNNING")
        with tab.expect_download() as download:
            connectors.get_by_role("button", name="JSON").click()
        with open(download.value.path(), encoding="utf-8") as f:
            assert json.load(f)[0]["name"] == "gen"

        # A topic is asked, too.
        editor.fill('SELECT op, count(*) AS n FROM "gen.datagen.t1" GROUP BY op;')
        editor.press("Control+Enter")
        found = tab.get_by_label("Result: Select")
        expect(found.get_by_role("columnheader", name="n", exact=True)).to_be_visible()
        expect(found).to_contain_text("events read")

        # What is wrong is told with its place.
        editor.fill("SHOW CONECTORS;")
        editor.press("Control+Enter")
        expect(tab.get_by_label("Error").first).to_contain_text("line 1:6")

        # What cannot be taken back is asked first; secrets are not kept.
        editor.fill('STOP CONNECTOR "gen";')
        editor.press("Control+Enter")
        dialog = tab.get_by_role("dialog")
        expect(dialog).to_contain_text('STOP CONNECTOR "gen";')
        dialog.get_by_role("button", name="Cancel").click()
        assert hub.state("gen") == "RUNNING"
        editor.press("Control+Enter")
        dialog.get_by_role("button", name="Run it").click()
        expect(tab.get_by_label("Result: Connector action")).to_be_visible()
        until(lambda: hub.state("gen") == "STOPPED", 60, "gen to stop")
        editor.fill("ALTER CONNECTOR \"gen\" SET ('datagen.password' = 'hunter2');")
        editor.press("Control+Enter")
        expect(tab.get_by_text(re.compile("^Running since"))).to_have_count(0)
        expect(tab.locator(".result")).to_have_count(6)
        editor.fill("SHOW TOPICS; DEFINE pw = 'hunter2';")
        tab.get_by_role("button", name="Run all").click()
        expect(tab.get_by_label("Result: Kafka topics")).to_have_count(2)
        tab.reload()
        past = tab.get_by_label("Statements of before")
        past.get_by_role("button", name="SHOW CONNECTORS").first.click()
        expect(editor).to_contain_text("SHOW CONNECTORS;")
        stored = tab.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
        assert "hunter2" not in stored and "STOP CONNECTOR" in stored


def test_what_the_console_cannot_show_or_read(leat, browser):
    """Objects are told as JSON, PRINT leads to its topic's page, and who answers in the hub's place
    with no JSON does not hold it up."""
    hub = Hub(leat)

    def answer(body, route):
        route.fulfill(status=203, content_type="application/json", body=body)

    hub.make("gen", datagen_rate="20")
    hub.wait_events("gen", 10)
    with browser.tab(hub, "sql") as tab:
        editor = tab.locator(".cm-content")
        everything = tab.get_by_role("button", name="Run all")
        editor.fill('DESCRIBE CONNECTOR "gen";')
        everything.click()
        told = tab.get_by_label("Result: Connector description")
        expect(told).to_contain_text('"state":"RUNNING"')
        tab.route("**/hub/v1/query", lambda route: route.fulfill(
            status=502, content_type="text/html", body="<html>Bad Gateway</html>"))
        editor.fill("SELECT 1;")
        everything.click()
        expect(tab.get_by_label("Error")).to_contain_text("HTTP 502")
        for nothing in ("null", "[null]", '{"columns": []}'):
            tab.get_by_role("button", name="Clear results").click()
            tab.unroute_all()
            tab.route("**/hub/v1/query", functools.partial(answer, nothing))
            everything.click()
            expect(tab.get_by_label("Error")).to_contain_text("HTTP 203")
        tab.route("**/ksql", functools.partial(answer, "[null]"))
        editor.fill("SHOW TOPICS;")
        everything.click()
        expect(tab.get_by_label("Error")).to_have_count(2)
        tab.unroute_all()
        editor.fill("PRINT;")
        everything.click()
        expect(tab.get_by_text("PRINT needs the name of a topic")).to_be_visible()
        editor.fill("SHOW TOPICS;\n-- since it was made\n"
                    "print 'gen.datagen.t1' FROM BEGINNING LIMIT 3;")
        everything.click()
        tab.get_by_label("Result: Print").get_by_role("link", name="gen.datagen.t1").click()
        expect(tab).to_have_url(re.compile(r"t/gen\.datagen\.t1\?from=beginning$"))
        expect(tab.get_by_role("row").filter(has_text="new row").first).to_be_visible()


def test_the_catalogue(leat, browser):
    hub = Hub(leat)
    listed = hub.get("/hub/v1/plugins?absent=true")
    assert [p for p in listed if "absent" not in p] == hub.get("/hub/v1/plugins")
    with browser.tab(hub, "catalogue") as tab:
        tab.get_by_label("Find a connector").fill("io.debezium.connector.postgresql")
        tab.get_by_role("link", name=re.compile("^PostgreSQL")).click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("PostgreSQL")
        row = tab.locator('tr[id="slot.name"]')
        expect(row).to_contain_text("debezium")
        tab.get_by_label("Find an option").fill("publication")
        expect(row).to_have_count(0)
        tab.reload()
        expect(tab.locator('tr[id="publication.name"]')).to_be_visible()
        tab.goto(url(hub, "catalogue/postgres#slot.drop.on.stop"))
        expect(tab.locator('tr[id="slot.drop.on.stop"]')).to_be_focused()
        tab.get_by_role("link", name="New connector").click()
        expect(field(tab, "database.hostname")).to_be_visible()


def refuse(hub, db):
    """A sink whose target refuses ten of fifty rows."""
    server = db.server
    db.sql("CREATE TABLE target (id bigint PRIMARY KEY CHECK (id < 40), c1 int, c2 int, c3 text)")
    hub.make("gen", datagen_events="50", datagen_rate="0", datagen_stay="true")
    hub.make("copy", **{
        "connector.class": "sql", "topics": "gen.datagen.t1", "errors.tolerance": "all",
        "connection.url": f"jdbc:postgresql://{server.host}:{server.port}/{db.name}",
        "connection.user": server.user, "table.name.format": "target"})


def test_dead_letters(leat, db, browser):
    """Rows that a target refuses: looked at by reason, with what they were to write."""
    hub = Hub(leat)
    with browser.tab(hub, "dead-letters") as tab:
        expect(tab.get_by_role("heading", name="No dead letters.")).to_be_visible()
        refuse(hub, db)
        group = tab.get_by_label("copy sql.check")
        expect(group).to_contain_text("10 events")
        badge = tab.get_by_role("navigation", name="Pages").get_by_label("10 dead letters")
        expect(badge).to_be_visible()
        group.get_by_role("row").last.get_by_role("button").click()
        pane = tab.get_by_label("Dead letter", exact=True)
        expect(pane).to_contain_text("violates check constraint")
        expect(pane.get_by_role("row").filter(has_text="c3")).to_be_visible()
        tab.reload()
        expect(pane).to_contain_text("violates check constraint")
        pane.press("Escape")
        expect(pane).to_have_count(0)
        tab.get_by_label("Filter dead letters").fill("no such reason")
        expect(tab.get_by_text("No dead letter fits.")).to_be_visible()
        tab.get_by_role("button", name="Clear filter").click()
        tab.get_by_label("Error", exact=True).select_option("sql.check")
        expect(tab.get_by_text("10 of 10")).to_be_visible()
        usable(tab, hub, [f"dead-letters?id=copy/{hub.get(LETTERS)[0]['id']}"])


def test_dead_letters_are_ended(leat, db, browser):
    """One is edited and written, one dropped, the others are written once the target lets them."""
    hub = Hub(leat)
    refuse(hub, db)
    until(lambda: len(hub.get(LETTERS)) == 10, 120, "ten dead letters")
    with browser.tab(hub, f"dead-letters?id=copy/{hub.get(LETTERS)[0]['id']}") as tab:
        group = tab.get_by_label("copy sql.check")
        pane = tab.get_by_label("Dead letter", exact=True)
        pane.get_by_role("button", name="Edit…").click()
        dialog = tab.get_by_role("dialog")
        text = dialog.get_by_role("textbox")
        text.fill("{no json")
        dialog.get_by_role("button", name="Keep the edit").click()
        expect(dialog).to_contain_text("This is no JSON")
        row = hub.get(f"{LETTERS}/{hub.get(LETTERS)[0]['id']}")["after"]
        text.fill(json.dumps({**row, "c3": "by hand"}))
        dialog.get_by_role("button", name="Keep the edit").click()
        expect(pane).to_contain_text("by hand")
        pane.get_by_role("button", name="Retry").click()
        expect(pane).to_contain_text("failed again")
        db.sql("ALTER TABLE target DROP CONSTRAINT target_id_check")
        pane.get_by_role("button", name="Retry").click()
        expect(pane).to_have_count(0)
        assert db.sql("SELECT count(*) FROM target WHERE c3 = 'by hand'") == [(1,)]
        expect(group).to_contain_text("9 events")
        group.get_by_role("row").last.get_by_role("button").click()
        pane.get_by_role("button", name="Drop…").click()
        dialog.get_by_role("button", name="Drop it").click()
        expect(group).to_contain_text("8 events")
        group.get_by_role("button", name="Retry 8").click()
        expect(tab.get_by_role("heading", name="No dead letters.")).to_be_visible()
        assert db.sql("SELECT count(*) FROM target") == [(49,)]


def test_versions_of_a_configuration(leat, browser):
    """Each save is a version, with who, when and what; an old one is put in force again."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="10", datagen_password="hunter2")
    for rate in ("20", "20", "30"):
        hub.ask("PATCH", "/connectors/gen/config", {"datagen.rate": rate})
    where = "/hub/v1/connectors/gen/versions"
    assert [v["config"]["datagen.rate"] for v in hub.get(where)] == ["30", "20", "10"]
    assert "hunter2" not in json.dumps(hub.get(where)) and hub.get(where)[0]["version"] == 3
    with browser.tab(hub, "c/gen/config") as tab:
        past = tab.get_by_label("History", exact=True)
        expect(past.get_by_role("listitem")).to_have_count(3)
        past.get_by_role("button", name="v2", exact=False).first.click()
        expect(past).to_contain_text("datagen.rate=20")
        past.get_by_role("button", name="Roll back to v1…").click()
        dialog = tab.get_by_role("dialog")
        expect(dialog).to_contain_text("datagen.rate=10")
        dialog.get_by_role("button", name="Save and restart").click()
        expect(tab.get_by_text("Saved; it was restarted.")).to_be_visible()
        expect(past.get_by_role("listitem")).to_have_count(4)
    assert hub.get("/connectors/gen/config")["datagen.rate"] == "10"
    assert hub.get("/connectors/gen/config")["datagen.password"] == "***"
    assert hub.ask("DELETE", "/connectors/gen").status == 204
    assert hub.ask("GET", where).status == 404
    hub.make("gen", datagen_rate="5")
    assert len(hub.get(where)) == 1


def test_a_configuration_as_a_form(leat, browser):
    """Edited in a form and as SQL: one draft, with its masks; what is fixed is locked there, and
    told where a text changes it all the same."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="10", datagen_password="hunter2", my_own_key="kept")
    with browser.tab(hub, "c/gen/config?view=form") as tab:
        view = tab.get_by_role("group", name="View")
        dialog = tab.get_by_role("dialog")
        text = tab.locator(".cm-content")
        save = tab.get_by_role("button", name="Save and restart…")
        expect(field(tab, "datagen.rate")).to_be_disabled()
        tab.get_by_role("button", name="Edit").click()
        expect(tab.get_by_text("2 more are in no form:")).to_contain_text("my.own.key")
        expect(field(tab, "topic.prefix")).to_be_disabled()
        expect(tab.get_by_text("It can't change later").first).to_be_visible()
        field(tab, "datagen.rate").fill("many")
        expect(tab.get_by_text("expected a whole number")).to_be_visible()
        field(tab, "datagen.rate").fill("20")
        view.get_by_role("button", name="SQL").click()
        expect(text).to_contain_text("'datagen.rate' = '20'")
        expect(text).to_contain_text("'my.own.key' = 'kept'")
        statement = text.inner_text()
        text.fill(statement.replace('"gen"', '"other"'))
        save.click()
        expect(tab.get_by_text("a connector keeps its name")).to_be_visible()
        text.fill(statement.replace("SOURCE", "SINK"))
        save.click()
        expect(tab.get_by_text("It stays CREATE SOURCE CONNECTOR.")).to_be_visible()
        text.fill(statement.replace("'topic.prefix' = 'gen'", "'topic.prefix' = 'other'"))
        view.get_by_role("button", name="Form").click()
        expect(field(tab, "topic.prefix")).to_have_value("other")
        save.click()
        expect(dialog).to_contain_text("topic.prefix is not meant to change")
        dialog.get_by_role("button", name="Cancel").click()
        view.get_by_role("button", name="JSON").click()
        text.fill(text.inner_text().replace('"other"', '"gen"'))
        save.click()
        expect(dialog).to_contain_text("datagen.rate=20")
        expect(dialog.get_by_text("is not meant to change")).to_have_count(0)
        dialog.get_by_role("button", name="Save and restart").click()
        expect(tab.get_by_text("Saved; it was restarted.")).to_be_visible()
        stored = hub.get("/connectors/gen/config")
        assert stored["datagen.rate"] == "20" and stored["my.own.key"] == "kept"
        assert stored["datagen.password"] == "***" and stored["topic.prefix"] == "gen"

        # One that is stopped is not restarted by a save.
        assert hub.ask("PUT", "/connectors/gen/stop").status == 204
        expect(tab).to_have_title(re.compile("STOPPED"))
        tab.goto(url(hub, "c/gen/config?view=form"))
        tab.get_by_role("button", name="Edit").click()
        field(tab, "datagen.rate").fill("30")
        tab.get_by_role("button", name="Save…").click()
        expect(dialog).to_contain_text("It stays STOPPED.")
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(tab.get_by_text("Saved.", exact=True)).to_be_visible()
        assert hub.state("gen") == "STOPPED"
        usable(tab, hub, ["c/gen/config?view=form", "c/gen/config?view=sql"])


def test_edits_of_a_sink(leat, browser, tmp_path):
    """Under former names and with references; a password that is typed is not shown, what somebody
    else changed meanwhile stays, and edits are not left without a word."""
    hub = Hub(leat, "--files-root", str(tmp_path))
    (tmp_path / "own.properties").write_text("make=true\n")
    reference = f"${{file:{tmp_path}/own.properties:make}}"
    hub.make("copy", "STOPPED", **{
        "connector.class": "sql", "topics": "x", "connection.url": f"jdbc:sqlite:{tmp_path}/x.db",
        "connection.user": "me", "connection.password": "old", "pk.mode": "record_key",
        "auto.create": reference})
    with browser.tab(hub, "c/copy/config?view=form") as tab:
        dialog = tab.get_by_role("dialog")
        text = tab.locator(".cm-content")
        find = tab.get_by_placeholder(re.compile("find one of"))
        save = tab.get_by_role("button", name="Save…")

        def edit():
            tab.get_by_role("button", name="Edit").click()
            expect(field(tab, "connection.username")).to_have_value("me")
            field(tab, "connection.username").fill("you")

        edit()
        expect(field(tab, "primary.key.mode")).to_have_value("record_key")
        find.fill("auto.create")
        expect(field(tab, "auto.create")).to_have_value(reference)
        find.fill("")
        tab.get_by_role("button", name="Replace").click()
        expect(field(tab, "connection.password")).to_be_focused()
        save.click()  # nothing was typed: the old one stays
        expect(dialog).to_contain_text("connection.user=you")
        assert "password" not in dialog.inner_text()
        hub.ask("PATCH", "/connectors/copy/config", {"my.own.key": "theirs"})
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(dialog).to_contain_text("Changed meanwhile; nothing was saved: my.own.key")
        dialog.get_by_role("button", name="Load it").click()

        edit()
        tab.get_by_role("button", name="Replace").click()
        field(tab, "connection.password").fill("hunter2")
        tab.get_by_role("group", name="View").get_by_role("button", name="JSON").click()
        expect(text).to_contain_text('"connection.password": "***"')
        expect(text).to_contain_text('"my.own.key": "theirs"')
        tab.get_by_role("navigation").get_by_role("link", name="Log", exact=True).click()
        expect(dialog).to_contain_text("Leave the edits of copy?")
        dialog.get_by_role("button", name="Cancel").click()
        save.click()
        expect(dialog).to_contain_text("connection.password=(a new one)")
        assert "hunter2" not in tab.locator("body").inner_text()
        with tab.expect_request(lambda r: r.url.endswith("/connectors/copy/config")
                                and r.method == "PUT") as sent:
            dialog.get_by_role("button", name="Save", exact=True).click()
        assert sent.value.post_data_json["connection.password"] == "hunter2"
        expect(tab.get_by_text("Saved.", exact=True)).to_be_visible()
    stored = hub.get("/connectors/copy/config")
    assert stored["connection.user"] == "you" and "connection.username" not in stored
    assert stored["connection.password"] == "***" and stored["auto.create"] == reference


def test_settings(leat, browser):
    """Without a login nobody is let in by the page; with one they are, and the audit says who."""
    set_user(leat, "boss", "admin", password="a long password")
    hub = Hub(leat)
    made = {"kind": "token", "name": "ci", "role": "operator", "days": 7}
    assert hub.ask("POST", "/hub/v1/access", made).status == 403
    assert hub.ask("DELETE", "/hub/v1/access/password/boss").status == 403
    with browser.tab(hub, "settings/access") as tab:
        expect(tab.get_by_text("Reached without a login")).to_be_visible()
        expect(tab.get_by_role("button", name="New", exact=True)).to_be_disabled()
        tab.get_by_role("link", name="Appearance").click()
        tab.get_by_role("button", name="Dark", exact=True).click()
        expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
        tab.reload()
        expect(tab.locator("html")).to_have_attribute("data-theme", "dark")
        tab.get_by_role("link", name="Hub", exact=True).click()
        expect(tab.get_by_text(str(leat.data))).to_be_visible()
        tab.get_by_role("link", name="About").click()
        expect(tab.get_by_text("Apache License")).to_be_visible()
    assert leat.stop() == 0

    hub = Hub(leat, "--require-login")
    known = {"username": "boss", "password": "a long password"}
    with browser.tab(hub, "settings/access", http_credentials=known) as tab:
        tab.get_by_role("button", name="New", exact=True).click()
        dialog = tab.get_by_role("dialog")
        dialog.get_by_label("Name").fill("ci")
        dialog.get_by_role("radio", name=re.compile("operator")).check()
        dialog.get_by_role("button", name="Make the token").click()
        token = dialog.get_by_label("Token", exact=True).inner_text()
        dialog.get_by_role("button", name="I have it").click()
        bearer = {"Authorization": f"Bearer {token}"}
        assert hub.ask("GET", "/hub/v1/who", headers=bearer).json["role"] == "operator"
        expect(tab.get_by_role("row").filter(has_text="ci")).to_contain_text("operator")
        assert token not in tab.content()
        tab.get_by_role("button", name="New", exact=True).click()
        dialog.get_by_role("button", name="User").click()
        dialog.get_by_label("Name").fill("boss")
        dialog.get_by_label(re.compile("^Password")).fill("short")
        expect(dialog.get_by_role("button", name="Add the user")).to_be_disabled()
        dialog.get_by_label(re.compile("^Password")).fill("another one")
        dialog.get_by_role("button", name="Add the user").click()
        expect(dialog).to_contain_text("It was not made.")
        dialog.get_by_role("button", name="Cancel").click()
        tab.get_by_role("button", name="End ci").click()
        tab.get_by_role("dialog").get_by_role("button", name="End ci").click()
        expect(tab.get_by_role("row").filter(has_text="ci")).to_have_count(0)
        assert hub.ask("GET", "/hub/v1/who", headers=bearer).status == 401
        tab.get_by_role("link", name="Audit").click()
        ended = tab.get_by_role("row").filter(has_text="/hub/v1/access/token/ci")
        expect(ended).to_contain_text("boss")
        tab.get_by_label("Filter the audit").fill("no such thing")
        expect(tab.get_by_text(re.compile("^0 of"))).to_be_visible()
        with tab.expect_download() as download:
            tab.get_by_role("button", name="CSV").click()
        with open(download.value.path(), encoding="utf-8") as f:
            assert f.readline().strip() == "at,who,how,role,address,method,path,status"


def test_lineage(leat, browser):
    """What comes from where, drawn and as a list; the focus is in the URL."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="50", datagen_tables="12")
    hub.make("other", datagen_rate="50")
    hub.make("out", state="STOPPED", **{"connector.class": "null",
                                        "topics": "other.datagen.t1,nowhere.yet"})
    hub.wait_events("gen", 50)
    hub.wait_events("other", 50)
    with browser.tab(hub, "lineage") as tab:
        plane = tab.get_by_label("Lineage, drawn")
        expect(plane.get_by_role("button", name="nowhere.yet")).to_be_visible()
        expect(plane.locator("path.edge.broken")).to_have_count(3)
        expect(plane.get_by_role("button", name="gen.datagen.t9")).to_have_count(0)
        plane.get_by_role("button", name="gen: 4 more show them").click()
        expect(plane.get_by_role("button", name="gen.datagen.t9")).to_be_visible()
        plane.get_by_role("button", name=re.compile("STOPPED out")).click()
        faded = plane.locator(".node.faded")
        expect(faded.filter(has_text="gen.datagen.t9")).to_be_visible()
        expect(faded.filter(has_text="other.datagen.t1")).to_have_count(0)
        tab.reload()
        expect(faded.filter(has_text="gen.datagen.t1").first).to_be_visible()
        tab.get_by_role("link", name="Open", exact=True).click()
        expect(tab.get_by_role("heading", level=1)).to_contain_text("out")
        tab.go_back()
        tab.get_by_role("button", name="List", exact=True).click()
        row = tab.get_by_role("row").filter(has_text="other.datagen.t1")
        expect(row).to_contain_text("out")
        expect(row.locator("td.num")).to_have_text(re.compile(r"\d"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_the_rest(leat, browser, theme):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    body = {"name": "shop", "type": "postgres", "strategy": "wal",
            "parameters": {"host": "127.0.0.1", "port": "1", "username": "u", "password": "p"}}
    assert hub.ask("POST", "/hub/v1/connections?test=false", body).status == 201
    places = ["connections", "connections?new=", "connections?new=postgres", "connections/shop",
              "dead-letters", "sql", "lineage?view=graph", "lineage?view=list", "catalogue",
              "catalogue/null", "more", "settings/access", "settings/audit", "settings/hub",
              "settings/appearance", "settings/about", "c/gen/config"]
    with browser.tab(hub, color_scheme=theme) as tab:
        usable(tab, hub, places)


def test_verbs_of_the_palette(leat, browser):
    """What can be done with a connector, a topic, a connection or a plugin, by keyboard."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    hub.make("other", state="STOPPED")
    hub.wait_events("gen", 10)
    with browser.tab(hub, "c/gen/status") as tab:
        found = tab.get_by_role("listbox", name="What was found")
        dialog = tab.get_by_role("dialog")

        def run(text, first):
            expect(tab.get_by_text("Live", exact=True)).to_be_visible()
            tab.keyboard.press("Control+k")
            tab.get_by_role("combobox", name="Search or run").fill(text)
            expect(found.get_by_role("option").first).to_contain_text(first)
            tab.keyboard.press("Enter")

        # Those of the page's own connector come first.
        expect(tab.get_by_role("heading", level=1)).to_contain_text("gen")
        tab.keyboard.press("Control+k")
        expect(found.get_by_role("option").first).to_have_text(re.compile("^opengen"))
        expect(found.get_by_role("option").filter(has_text=re.compile("^stop"))).to_have_count(1)
        tab.keyboard.press("Escape")

        run("log-level gen", "log-level")
        dialog.get_by_label("Level").select_option("DEBUG")
        dialog.get_by_role("button", name="Set the level").click()
        until(lambda: hub.get("/admin/loggers/gen")["level"] == "DEBUG", 30, "the level")
        run("snapshot gen", "snapshot")
        expect(dialog.get_by_role("button", name="Snapshot them")).to_be_disabled()
        dialog.get_by_label("Tables, separated by commas").fill("no.such")
        dialog.get_by_role("button", name="Snapshot them").click()
        expect(tab.get_by_role("alert")).to_be_visible()  # generated rows are read once
        run("pause gen", "pause")
        until(lambda: hub.state("gen") == "PAUSED", 60, "it to be paused")
        run("tail gen.datagen.t1", "tail")
        expect(tab.get_by_role("heading", level=1)).to_have_text("gen.datagen.t1")
        run("resume gen", "resume")
        until(lambda: hub.state("gen") == "RUNNING", 60, "it to go on")
        run("configuration other", "configuration")
        expect(tab.get_by_label("Configuration of other")).to_be_visible()
        run("new postgres", "new")
        expect(tab.get_by_role("heading", level=1)).to_have_text("New connector: PostgreSQL")
        run("sql SHOW TOPICS;", "sql")
        expect(tab.locator(".cm-content")).to_have_text("SHOW TOPICS;")
        run("delete other", "delete")
        dialog.get_by_role("button", name="Delete other").click()
        until(lambda: hub.get("/connectors") == ["gen"], 60, "it to be gone")
    assert leat.stop() == 0


def test_a_retry_to_come(leat, browser):
    """What is still to come is not told as just past, nor what is past as to come."""
    hub = Hub(leat)
    hub.make("gen")
    hub.wait_state("gen")
    error = {"action": "RETRY", "code": "os.eio", "where": "x", "message": "made up"}

    def retrying(route):
        at = (datetime.now(timezone.utc) + timedelta(minutes=3)).isoformat()
        status = {**route.fetch().json(), "tasks": [
            {"id": 0, "state": "RETRYING", "since": at, "waits_for": None, "error": error,
             "attempts": 1, "retry_at": at}]}
        route.fulfill(json=status)

    with browser.profile() as context:
        context.route("**/hub/v1/connectors/gen/status", retrying)
        tab = context.new_page()
        tab.goto(url(hub, "c/gen/status"))
        expect(tab.get_by_text(re.compile("Attempt 2 in about 3 min"))).to_be_visible()
        expect(tab.locator("time").filter(has_text="in about")).to_have_count(1)
    assert leat.stop() == 0


def test_long_numbers_of_offsets(leat, browser):
    """They are shown and sent as they are, also those that a double cannot hold."""
    hub = Hub(leat)
    hub.make("gen", state="STOPPED")
    hub.wait_state("gen", "STOPPED")
    long, sent = "12345678901234567890", []

    def preview(route):
        sent.append(route.request.post_data)
        route.fulfill(json={"changes": []})

    with browser.tab(hub) as tab:
        tab.route("**/connectors/gen/offsets", lambda route: route.fulfill(
            body='{"offsets":[{"partition":{"t":"a"},"offset":{"n":%s,"b":[1]}}]}' % long,
            content_type="application/json"))
        tab.route("**/offsets/preview", preview)
        tab.goto(url(hub, "c/gen/offsets"))
        expect(tab.locator("pre.code")).to_contain_text(f'"n": {long},')
        tab.get_by_role("button", name="Edit…").click()
        tab.get_by_role("button", name="Show what this brings about").click()
        expect(tab.get_by_text("Nothing changes.")).to_be_visible()
        assert f'"n": {long},' in sent[0]
        assert json.loads(sent[0])["offsets"][0]["offset"] == {"n": int(long), "b": [1]}
    assert leat.stop() == 0


def test_offsets_by_time(leat, browser):
    """A time, by the clocks that were chosen, is an offset of each topic: which, what comes again,
    and which has none, is told before it is so."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100", datagen_tables="2")
    hub.make("out", **{"connector.class": "null",
                       "topics": "gen.datagen.t1,gen.datagen.t2,none.yet"})
    hub.wait_events("gen", 400)
    for name in ("gen", "out"):
        assert hub.ask("PUT", f"/connectors/{name}/stop").status == 204
        hub.wait_state(name, "STOPPED")
    topics = {t["topic"]: t["next_offset"] for t in hub.get("/hub/v1/topics")}
    events = {t: hub.get(f"/hub/v1/topics/{t}/events?max=10000")["events"] for t in topics}
    # The field has seconds: the last second that some records of each came before.
    at = min(e[-1]["value"]["ts_ms"] for e in events.values()) // 1000
    want = {t: next((r["offset"] for r in e if r["value"]["ts_ms"] >= at * 1000), len(e))
            for t, e in events.items()}
    assert all(0 < want[t] < topics[t] for t in topics), (want, topics)
    with browser.tab(hub, "c/out/offsets", timezone_id="Asia/Kolkata") as tab:
        tab.get_by_role("button", name="Go to a time…").click()
        field = tab.get_by_label(re.compile("by the clocks of Asia/(Kolkata|Calcutta)$"))
        there = datetime.fromtimestamp(at, timezone(timedelta(hours=5, minutes=30)))
        field.fill(there.strftime("%Y-%m-%dT%H:%M:%S"))
        stamp = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        expect(tab.get_by_text(stamp)).to_be_visible()
        tab.get_by_role("button", name="Show what this brings about").click()
        plan = tab.get_by_label("What this brings about")
        for t, offset in want.items():
            expect(plan).to_contain_text(f'{{"kafka_offset":{offset}}}')
        expect(plan).to_contain_text("Left out, since it has read nothing of them yet: none.yet")
        tab.get_by_role("button", name="Change the offsets").click()
        expect(plan).to_have_count(0)
        stored = hub.get("/connectors/out/offsets")["offsets"]
        assert {o["partition"]["kafka_topic"]: o["offset"]["kafka_offset"] for o in stored} == want
        # A source goes where its stream recorded that it was then.
        tab.goto(url(hub, "c/gen/offsets"))
        tab.get_by_role("button", name="Go to a time…").click()
        field.fill(there.strftime("%Y-%m-%dT%H:%M:%S"))
        tab.get_by_role("button", name="Show what this brings about").click()
        expect(plan).to_contain_text("what came later is captured again")
        tab.get_by_role("button", name="Change the offsets").click()
        expect(plan).to_have_count(0)
        n = hub.get("/connectors/gen/offsets")["offsets"][0]["offset"]["n"]
        early = sum(e["value"]["ts_ms"] < at * 1000 for t in events.values() for e in t)
        assert 0 < n <= early
        tab.get_by_role("button", name="Go to a time…").click()
        field.fill("2001-01-01T00:00:00")
        tab.get_by_role("button", name="Show what this brings about").click()
        expect(tab.get_by_role("alert")).to_contain_text("not recorded")
    assert leat.stop() == 0


def test_times_by_other_clocks(leat, browser):
    """The viewer's, UTC or the hub's: chosen once, kept, and everywhere."""
    hub = Hub(leat, "--history", "1", env={"TZ": "Australia/Eucla"})
    hub.make("gen", datagen_rate="10", datagen_events="10", datagen_stay="true")
    hub.wait_events("gen", 1)
    first = hub.get("/hub/v1/topics/gen.datagen.t1/events?max=1")["events"][0]
    at = first["value"]["ts_ms"] // 1000

    def clock(hours, minutes):
        zone = timezone(timedelta(hours=hours, minutes=minutes))
        return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")

    with browser.tab(hub, "settings/appearance", timezone_id="Asia/Kathmandu",
                     locale="en-GB") as tab:
        times = tab.get_by_role("group", name="Times")
        expect(times.get_by_role("button", name=re.compile("^Yours .Asia.Kat"))).to_have_attribute(
            "aria-pressed", "true")
        event = tab.locator(".event-list time").last
        for name, shown, exact in (("Yours", clock(5, 45), "GMT+05:45"),
                                   ("UTC", clock(0, 0), "GMT"),
                                   ("The hub's", clock(8, 45), "GMT+08:45")):
            tab.goto(url(hub, "settings/appearance"))
            times.get_by_role("button", name=re.compile(f"^{name}")).click()
            tab.goto(url(hub, "t/gen.datagen.t1?from=beginning"))
            expect(event).to_have_text(re.compile(f"{shown}$"))
            told = re.compile(rf"{shown}\.\d+ {re.escape(exact)}")
            expect(event).to_have_attribute("title", told)
            expect(event).to_have_attribute("title", re.compile(rf"{clock(0, 0)}\.\d+Z$"))
        tab.reload()
        expect(event).to_have_text(re.compile(f"{clock(8, 45)}$"))
        # By keyboard; and the plots.
        tab.keyboard.press("Control+k")
        tab.get_by_role("combobox", name="Search or run").fill("time-zone utc")
        tab.keyboard.press("Enter")
        expect(event).to_have_text(re.compile(f"{clock(0, 0)}$"))
        tab.goto(url(hub, "c/gen/plots"))
        tab.get_by_role("button", name="Table").first.click()
        hour = datetime.now(timezone.utc).strftime("%H:")
        shown = re.compile(f"^({hour}|{clock(0, 0)[:3]})")
        expect(tab.locator(".plot .sideways tbody th").last).to_contain_text(shown)
    assert leat.stop() == 0


GROWING = {
    "name": "shop", "type": "source", "plugin": "postgres", "state": "RUNNING",
    "condition": "RUNNING", "stage": None, "trace": None, "tasks": 1, "deaths": 0, "pid": 1,
    "host": "db1", "database": "shop", "events": 1, "rate": 1, "dead": 0, "behind_ms": 1,
    "since_ms": 1, "lag_bytes": 0, "retained_limit": 2 << 30, "log_left_ms": -1,
    "log_expires_ms": -1, "log_removed": False, "spool_bytes": -1,
    "stream_bytes": 0, "resident_bytes": 1,
    "snapshot": None}


def test_the_audit_tells_what_changed(leat, browser):
    """Of configurations and connections, by whatever way; secrets as masks."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20", datagen_password="hunter2")
    config = hub.get("/connectors/gen/config")
    where = "/connectors/gen/config"
    answer = hub.ask("PUT", where, {**config, "datagen.rate": "30", "datagen.seed": "2"})
    assert answer.status == 200, answer.text
    patch = {"datagen.seed": None, "datagen.password": "s3cret"}
    assert hub.ask("PATCH", where, patch).status == 200
    sql = "ALTER CONNECTOR \"gen\" SET ('datagen.rate' = '40');"
    assert hub.ask("POST", "/ksql", {"ksql": sql}).status == 200
    assert hub.ask("PUT", where, {**config, "datagen.rate": "fast"}).status == 400
    body = {"name": "shop", "type": "postgres", "strategy": "wal",
            "parameters": {"host": "db1", "port": "1", "username": "u", "password": "hunter2"}}
    assert hub.ask("POST", "/hub/v1/connections?test=false", body).status == 201
    patch = {"strategy": "query", "parameters": {"host": "db2", "port": None, "password": "s3cret"}}
    assert hub.ask("PATCH", "/hub/v1/connections/shop?test=false", patch).status == 200
    assert hub.ask("PATCH", "/hub/v1/connections/shop?test=false",
                   {"parameters": {"host": "db3", "password": "***"}}).status == 200
    assert hub.ask("DELETE", "/hub/v1/connections/shop").status == 204
    assert hub.ask("DELETE", "/hub/v1/connections/shop").status == 404
    assert hub.ask("DELETE", "/connectors/gen").status == 204

    def told():
        deeds = hub.get("/hub/v1/audit")["deeds"][::-1]
        return deeds if deeds[-1]["path"] == "/connectors/gen" else None

    deeds = until(told, 30, "the audit")
    changed = [d["changed"] for d in deeds if not d["path"].startswith("/ksql")]
    assert changed[0]["datagen.rate"] == [None, "20"]
    assert changed[0]["datagen.password"] == [None, "***"]
    assert changed[1:4] == [
        {"datagen.rate": ["20", "30"], "datagen.seed": [None, "2"]},
        {"datagen.seed": ["2", None], "datagen.password": ["***", "***"]},
        {"datagen.rate": ["30", "40"]}]
    assert changed[4] is None, "it was refused"
    assert changed[5]["host"] == [None, "db1"] and changed[5]["password"] == [None, "***"]
    assert changed[6] == {"strategy": ["wal", "query"], "host": ["db1", "db2"],
                          "port": ["1", "5432"], "password": ["***", "***"]}
    assert changed[7] == {"host": ["db2", "db3"]}
    assert changed[8] == {"strategy": ["query", None], "host": ["db3", None],
                          "username": ["u", None], "password": ["***", None]}
    assert changed[9] is None, "there was none"
    assert changed[10]["datagen.rate"] == ["40", None]
    with open(os.path.join(leat.data, "hub.db"), "rb") as f:
        kept = f.read()
    assert b"hunter2" not in kept and b"s3cret" not in kept
    with browser.tab(hub, "settings/audit") as tab:
        row = tab.get_by_role("row").filter(has_text="PATCH").filter(has_text=where)
        row.get_by_role("button", name="2 options").click()
        expect(tab.locator(".diff.removed").filter(has_text="datagen.seed=2")).to_be_visible()
        expect(tab.locator(".diff.added").filter(has_text="datagen.password=***")).to_be_visible()
        assert "s3cret" not in tab.content()
        assert violations(tab) == []
    assert leat.stop() == 0


def test_the_audit_bounds_what_changed(leat):
    """Long names and values are cut, and of too many the rest is left out."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="20")
    config = hub.get("/connectors/gen/config")
    where = "/connectors/gen/config"
    assert hub.ask("PUT", where, {**config, "x" * 10_000: "1"}).status == 200
    many = {f"x{n}": '"' * 4000 for n in range(20)}
    assert hub.ask("PUT", where, {**config, **many}).status == 200

    def told():
        deeds = [d for d in hub.get("/hub/v1/audit")["deeds"] if d["method"] == "PUT"]
        return [d["changed"] for d in deeds] if len(deeds) == 2 else None

    several, long = until(told, 30, "the audit")
    assert long == {"x" * 256: [None, "1"]}
    assert several.pop("...") == [None, None] and 5 < len(several) < 9
    assert all(v in ([None, '"' * 1024], ["1", None]) for v in several.values())
    assert len(json.dumps(several)) <= 16 << 10
    assert leat.stop() == 0


def feed_of(context, rows, **more):
    """The page is fed with a connector that retains so much at these times (ms from the first)."""
    own = {"id": "h", "version": "1", "worker": "w", "begun_ms": 0, "demo": False}
    text = ""
    for at, retained in rows:
        row = {**GROWING, "retained_bytes": retained, **more}
        told = {"at_ms": 1_700_000_000_000 + at, "whole": True, "hub": own, "rows": [row]}
        text += f"event: overview\ndata: {json.dumps(told)}\n\n"
    context.add_init_script("delete window.SharedWorker")
    context.route("**/hub/v1/stream", lambda route: route.fulfill(
        body=text, content_type="text/event-stream"))


def test_what_grows(leat, browser):
    """Whether what a server retains grows stands beside it, once two minutes are known; and when
    its limit is reached."""
    hub = Hub(leat)
    with browser.profile() as context:
        feed_of(context, [(0, 1 << 30), (120_000, (1 << 30) + (24 << 20))])
        tab = context.new_page()
        tab.goto(url(hub))
        cell = tab.locator('tr[data-name="shop"] td.retained')
        expect(cell).to_contain_text("↗")
        expect(cell.get_by_role("img", name="grows by about 12 MiB a minute")).to_be_visible()
        told = re.compile("; limit 2 GiB, reached in about 83 min$")
        expect(cell.locator("span").first).to_have_attribute("title", told)
        expect(cell.locator(".tone-warn, .tone-bad")).to_have_count(0)
    with browser.profile() as context:
        feed_of(context, [(0, 1900 << 20)])
        tab = context.new_page()
        tab.goto(url(hub))
        expect(tab.locator('tr[data-name="shop"] td.retained .tone-bad')).to_be_visible()
    assert leat.stop() == 0


HOUR = 3_600_000
LOSSES = [
    ({"log_left_ms": 720 * HOUR, "log_expires_ms": 720 * HOUR}, "", "kept for about 30 d more"),
    ({"log_left_ms": 3 * HOUR, "log_expires_ms": 13 * HOUR}, "in about 3 h.", "about 3 h more"),
    ({"log_left_ms": 0, "log_expires_ms": 9, "state": "PAUSED", "condition": "PAUSED"},
     "at any moment.", "old enough to be removed"),
    ({"log_removed": True, "state": "STOPPED", "condition": "STOPPED", "pid": 0,
      "retained_limit": -1}, "The server has removed log that was not read.", "was removed"),
]


@pytest.mark.parametrize("more, said, hover", LOSSES, ids=["far", "near", "due", "gone"])
def test_what_is_soon_removed(more, said, hover, leat, browser):
    """A server that removes its log for its age: until when what was not read is kept."""
    hub = Hub(leat)
    with browser.profile() as context:
        feed_of(context, [(0, 1 << 30)], **{"retained_limit": 0, **more})
        tab = context.new_page()
        tab.goto(url(hub))
        row = tab.locator('tr[data-name="shop"]')
        cell = row.locator("td.retained span").first
        expect(cell).to_have_attribute("title", re.compile(hover))
        assert "no limit set" not in cell.get_attribute("title")
        if said:
            expect(row.locator("td.why")).to_contain_text(said)
            expect(cell).to_have_class(re.compile("tone-(bad|warn)"))
        else:
            expect(row.locator("td.why")).not_to_contain_text("not read")
            expect(cell).not_to_have_class(re.compile("tone-"))
        tab.goto(url(hub, "c/shop/plots"))
        expect(tab.get_by_role("heading", name=re.compile(f"^Retained .*{hover}"))).to_be_visible()
    assert leat.stop() == 0


def test_what_is_retained_is_plotted(leat, browser):
    """With its limit, and the line on which it goes there; what the hub noted when no page was
    open counts."""
    hub = Hub(leat)
    now = 1_700_000_000
    columns = ["at", "events", "dead", "stream_bytes", "resident_bytes", "lag_bytes", "behind_ms",
               "retained_bytes", "retained_limit"]
    points = [[now - 600 + 60 * i, 0, 0, 0, 1, 0, 0, (1 << 30) + i * (6 << 20), 2 << 30]
              for i in range(10)]
    with browser.profile() as context:
        feed_of(context, [(0, (1 << 30) + (60 << 20))])
        context.route("**/connectors/shop/history*", lambda route: route.fulfill(
            json={"name": "shop", "every_seconds": 60, "columns": columns, "points": points}))
        tab = context.new_page()
        tab.goto(url(hub, "c/shop/plots"))
        expect(tab.get_by_role("heading", name=re.compile(
            r"^Retained \(limit 2 GiB, reached in about 3 h\), last 1 h$"))).to_be_visible()
        plot = tab.get_by_role("img", name=re.compile("^Retained"))
        expect(plot).to_have_attribute("aria-label", re.compile(
            "kept by the server: 1 GiB to .*, last 1.06 GiB; limit: 2 GiB to 2 GiB, last 2 GiB; "
            "forecast: 1.06 GiB to 1.15 GiB"))
    assert leat.stop() == 0


def test_what_a_slot_retains(leat, db, postgres, browser):
    """Of a real server: noted with its limit, and plotted."""
    postgres.needs(13, "max_slot_wal_keep_size")
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat, "--history", "1")
    postgres.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '640MB'")
    try:
        postgres.sql("SELECT pg_reload_conf()")
        hub.make("shop", **{
            "connector.class": "postgres", "topic.prefix": "shop", "slot.name": f"s_{db.name}",
            "database.hostname": db.server.host, "database.port": str(db.server.port),
            "database.user": db.server.user, "database.dbname": db.name})

        def noted():
            history = hub.get("/hub/v1/connectors/shop/history")
            last = dict(zip(history["columns"], (history["points"] or [[]])[-1], strict=False))
            return last.get("retained_bytes", -1) >= 0 and last["retained_limit"]

        assert until(noted, 60, "what is retained to be noted") == 640 << 20
        with browser.tab(hub, "c/shop/plots") as tab:
            expect(tab.get_by_role("heading", name=re.compile(
                r"^Retained \(limit 640 MiB"))).to_be_visible()
        assert hub.get("/hub/v1/connectors/shop/status")["retained_limit"] == 640 << 20
        # That it may keep nothing is a limit, too.
        postgres.sql("ALTER SYSTEM SET max_slot_wal_keep_size = 0")
        postgres.sql("SELECT pg_reload_conf()")
        until(lambda: hub.get("/hub/v1/connectors/shop/status")["retained_limit"] == 1, 60,
              "the limit of none")
    finally:
        postgres.sql("ALTER SYSTEM RESET max_slot_wal_keep_size")
        postgres.sql("SELECT pg_reload_conf()")
    assert leat.stop() == 0

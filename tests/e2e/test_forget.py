"""A connector is deleted with what it made on the server: what others use stays."""

import os

import pytest
from hub import Hub
from servers.process import until


@pytest.fixture
def shop(db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    return db


def config(db, slot, **more):
    made = {k: v for k, v in db.properties(**{"slot_name": slot, **more}).items() if k != "name"}
    made.pop("publication.name", None)  # the default's
    return made


def make(hub, name, state="RUNNING", **config):
    body = {"name": name, "config": config, "initial_state": state}
    answer = hub.ask("POST", "/connectors", body)
    assert answer.status == 201, answer.text


def rows(hub, name, n):
    until(lambda: hub.counters(name)["appended"] >= n, 60, f"{n} events of {name}")


def publications(db):
    return [r[0] for r in db.sql("SELECT pubname FROM pg_publication")]


def dropped(hub, name):
    answer = hub.ask("DELETE", f"/connectors/{name}?forget=true")
    assert answer.status == 204, answer.text


def test_what_a_neighbour_uses_stays(shop, leat):
    """The publication by its default name, the slot; of one that runs, and of one that is stopped.
    The last one's goes."""
    one, two = shop.name + "_one", shop.name + "_two"
    hub = Hub(leat)
    make(hub, "one", **config(shop, one, topic_prefix="one"))
    make(hub, "two", **config(shop, two, topic_prefix="two"))
    rows(hub, "one", 1)
    rows(hub, "two", 1)
    dropped(hub, "two")
    assert set(shop.slots()) == {one} and publications(shop) == ["dbz_publication"]
    assert "postgres.publication_kept" in leat.stderr and "connector=one" in leat.stderr
    shop.sql("INSERT INTO t VALUES (2)")
    rows(hub, "one", 2)
    make(hub, "other", "STOPPED", **config(shop, one, topic_prefix="other"))
    dropped(hub, "one")
    assert set(shop.slots()) == {one} and publications(shop) == ["dbz_publication"]
    assert "postgres.slot_kept" in leat.stderr
    assert hub.ask("PUT", "/connectors/other/resume").status == 202
    rows(hub, "other", 1)
    dropped(hub, "other")
    assert not shop.slots() and not publications(shop)


def test_one_that_never_ran_drops_nothing(shop, leat):
    """It names a slot that it never had a position in; at the command line too."""
    hub = Hub(leat)
    make(hub, "one", **config(shop, shop.name, topic_prefix="one"))
    rows(hub, "one", 1)
    make(hub, "never", "STOPPED", **config(shop, shop.name, topic_prefix="never"))
    dropped(hub, "never")
    assert set(shop.slots()) == {shop.name}
    assert hub.state("one") == "RUNNING"
    assert leat.stop() == 0
    leat.call("delete", "one", "--yes")
    hub = Hub(leat)
    make(hub, "never", "STOPPED", **config(shop, shop.name, topic_prefix="never"))
    assert leat.stop() == 0
    said = leat.call("delete", "never", "--forget", "--yes").stderr
    assert "postgres.slot_kept" in said and "pg_drop_replication_slot" in said
    assert set(shop.slots()) == {shop.name} and publications(shop) == ["dbz_publication"]


def test_one_that_stays_goes_on(shop, leat, tmp_path):
    """What a neighbour uses is not known: nothing is dropped, and nobody is stopped."""
    secret = tmp_path / "secret.properties"
    secret.write_text(f"slot={shop.name}_x\n")
    hub = Hub(leat, "--files-root", str(tmp_path))
    make(hub, "one", **config(shop, shop.name, topic_prefix="one"))
    make(hub, "dark", "STOPPED",
         **config(shop, "${file:" + str(secret) + ":slot}", topic_prefix="dark"))
    rows(hub, "one", 1)
    os.unlink(secret)
    answer = hub.ask("DELETE", "/connectors/one?forget=true")
    assert answer.status == 400 and "delete.neighbour" in answer.text, answer.text
    hub.wait_state("one", seconds=60)
    shop.sql("INSERT INTO t VALUES (2)")
    rows(hub, "one", 2)
    assert set(shop.slots()) == {shop.name}
    assert hub.ask("DELETE", "/connectors/dark").status == 204
    dropped(hub, "one")
    assert not shop.slots()

"""What a hub answers while something outside it does not, and while a connector cannot run."""

import contextlib
import os
import signal
import socket
import threading

from hub import Hub
from servers.process import until


def test_systems_that_never_answer_hold_up_nobody_else(leat):
    hub = Hub(leat)
    hole = socket.create_server(("127.0.0.1", 0), backlog=64)  # accepts, and says nothing
    config = {"connector.class": "postgres", "name": "x", "topic.prefix": "x",
              "database.hostname": "127.0.0.1", "database.port": str(hole.getsockname()[1]),
              "database.user": "u", "database.password": "p", "database.dbname": "d"}
    answers = []

    def validate():
        answers.append(hub.ask("PUT", "/connector-plugins/PostgresConnector/config/validate",
                               config, seconds=300))

    threads = [threading.Thread(target=validate) for _ in range(16)]
    for t in threads:
        t.start()
    refused = until(lambda: [a for a in answers if a.status == 503], 120, "a refusal")
    assert refused[0].headers["retry-after"] and "ask again" in refused[0].json["message"]
    assert hub.ask("GET", "/health", seconds=60).status == 200
    assert hub.get("/connectors") == []
    hole.close()
    for t in threads:
        t.join()
    assert {a.status for a in answers} <= {200, 503}
    assert leat.stop() == 0


def test_what_it_needs_is_gone_at_the_start(leat):
    """A reference that named something at the last start names nothing now."""
    hub = Hub(leat, env={"LEAT_TEST_RATE": "100"})
    hub.make("gen", datagen_rate="${env:LEAT_TEST_RATE}")
    hub.wait_events("gen")
    assert leat.stop() == 0
    hub = Hub(leat)
    hub.wait_state("gen", "FAILED")
    assert "LEAT_TEST_RATE" in hub.get("/connectors/gen/status")["connector"]["trace"]
    status = hub.get("/hub/v1/connectors/gen/status")
    assert status["state"] == "FAILED" and status["error"]["code"] == "config.provider"
    for said in (hub.get("/hub/v1/connectors/gen/why")["why"], leat.call("why", "gen").stdout):
        assert "gen is FAILED" in said and "LEAT_TEST_RATE" in said
    # Where it stands is known without.
    hub.ask("PUT", "/connectors/gen/stop")
    assert hub.get("/connectors/gen/offsets")["offsets"]
    assert leat.json("offsets", "gen")["offsets"]
    assert leat.json("offsets", "gen", "history")
    assert leat.stop() == 0


def test_a_key_that_is_gone(leat, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    hub = Hub(leat)
    hub.make("shop", **db.properties())
    hub.wait_state("shop")
    assert leat.stop() == 0
    os.rename(f"{leat.data}/secret.key", f"{leat.data}/secret.away")
    hub = Hub(leat)
    hub.wait_state("shop", "FAILED")
    assert "seal.key_missing" in hub.get("/connectors/shop/status")["connector"]["trace"]
    assert leat.json("status", "shop", ok=None)["error"]["code"] == "seal.key_missing"
    os.rename(f"{leat.data}/secret.away", f"{leat.data}/secret.key")
    hub.ask("POST", "/connectors/shop/restart")
    hub.wait_state("shop")
    assert leat.stop() == 0


def test_one_that_dies_again_and_again(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")

    def loops():
        """Until a pause is long enough to be looked at."""
        status = hub.get("/hub/v1/connectors/gen/status")
        if status["state"] == "RESTARTING" and status["deaths"] >= 3:
            said = hub.get("/hub/v1/connectors/gen/why")["why"]
            if "RESTARTING" in said:
                return status, said, leat.call("why", "gen").stdout
        elif status.get("pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(status["pid"], signal.SIGKILL)
        return None

    status, said, line = until(loops, 120, "a pause between two deaths")
    assert status["restart_at"] and status["error"]["code"] == "process.died"
    assert "times in a row, and is started again at 20" in said
    assert "it was stopped in order" not in line
    hub.ask("PUT", "/connectors/gen/stop")
    assert "deaths" not in hub.get("/hub/v1/connectors/gen/status")
    assert leat.stop() == 0


def test_one_that_is_halted_does_not_answer(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    hub.wait_state("gen")
    pid = hub.counters("gen")["pid"]
    os.kill(pid, signal.SIGSTOP)
    said = leat.call("why", "gen", ok=None).stdout
    os.kill(pid, signal.SIGCONT)
    assert "it does not answer" in said and "does not run" not in said
    assert leat.stop() == 0


def test_what_asks_a_process_is_bounded(leat):
    """A log and a query are another process's to answer: they are among those that may wait."""
    hub = Hub(leat)
    paths = hub.get("/hub/v1/openapi.json")["paths"]
    for method, path in (("get", "/hub/v1/connectors/{connector}/log"), ("post", "/hub/v1/query")):
        assert "503" in paths[path][method]["responses"], path
    assert leat.stop() == 0


def test_the_overview_waits_for_no_connector(leat):
    """One of several tasks is asked how it is; while it does not answer the rows of before do."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100", datagen_tables="2", tasks_max="2")
    hub.wait_state("gen")
    pid = hub.counters("gen")["pid"]

    def overtakes():
        first = threading.Thread(target=hub.get, args=("/hub/v1/overview",))
        os.kill(pid, signal.SIGSTOP)
        first.start()
        first.join(0.5)
        rows = hub.get("/hub/v1/overview")["rows"] if first.is_alive() else []
        overtaken = first.is_alive()
        os.kill(pid, signal.SIGCONT)
        first.join()
        return overtaken and rows

    assert until(overtakes, 30, "an answer before the sample")[0]["name"] == "gen"
    assert leat.stop() == 0


def test_a_log_of_one_that_is_silent(leat):
    """Its last beat is 30 s old: it is not asked, which would take its time."""
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    hub.wait_events("gen", 300)  # by then there was a beat
    pid = hub.counters("gen")["pid"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: hub.counters("gen")["condition"] == "STALLED", 90, "the silence")
    answer = hub.ask("GET", "/hub/v1/connectors/gen/log")
    os.kill(pid, signal.SIGCONT)
    assert answer.status == 503 and "process.silent" in answer.text
    assert leat.stop() == 0


def test_why_of_one_that_has_just_begun(leat):
    hub = Hub(leat)
    hub.make("gen", datagen_rate="100")
    hub.wait_state("gen")
    said = leat.call("why", "gen").stdout
    assert "nothing came in the last minute" not in said and "the last minute" not in said
    assert leat.stop() == 0


def test_a_configuration_that_holds_its_name(leat):
    hub = Hub(leat)
    config = {"connector.class": "datagen", "name": "gen", "datagen.rate": "10"}
    for path in ("checks", "discover"):
        answer = hub.ask("POST", f"/hub/v1/{path}", {"config": config})
        assert answer.status == 200, answer.text
    answer = hub.ask("POST", "/hub/v1/checks", {"name": "other", "config": config})
    assert answer.status == 400 and "other" in answer.text


def test_a_mask_that_stands_for_nothing(leat, db):
    hub = Hub(leat)
    config = {**db.properties(), "database.password": "***"}
    answer = hub.ask("POST", "/connectors", {"name": "shop", "config": config})
    assert answer.status == 400 and "*** is the mask" in answer.text
    answer = hub.ask("POST", "/hub/v1/checks", {"config": config})
    assert "*** is the mask" in answer.text and answer.json["steps"] == []
    assert hub.get("/connectors") == []
    hub.make("shop", **db.properties())
    answer = hub.ask("PUT", "/connectors/shop/config", config)
    assert answer.status == 200, answer.text
    assert leat.stop() == 0

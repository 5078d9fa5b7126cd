"""tests/e2e/test_kafka.py and test_once.py with the kills of KILLS, 50 by default: of Kafka, leat
and the server. And Kafka away for AWAY seconds, 120 by default, under load."""

import os
import time

import pytest
from load import CREATE, Load
from servers.process import until
from test_kafka import SEED, caught_up, check, config
from test_kafka import own_kafka, test_kafka_kills  # noqa: F401 - collected here
from test_once import test_once_kills  # noqa: F401 - collected here

AWAY = int(os.environ.get("AWAY", "120"))


@pytest.mark.timeout(1200 + 3 * AWAY)
def test_away_for_long(db, leat, own_kafka):  # noqa: F811
    """The server's log is let go all the time, and everything is there and in order afterwards."""
    db.sql(CREATE)
    leat.run(*config(leat, db, own_kafka, **{"spool.after.ms": "1000"}))
    own_kafka.read_until("shop.public.accounts", 100)
    load = Load(db, SEED, rest_s=0.03, big=0.002)
    until(lambda: load.commits > 20, 60, "load")
    own_kafka.kill()
    end, looks = time.monotonic() + AWAY, 0
    while time.monotonic() < end:
        commits = load.commits
        until(lambda n=commits: load.commits > n + 10, 60, "more load")
        caught_up(db, leat, 60)  # up to what was written when it was asked
        looks += 1
    told = leat.status("shop")
    assert told["state"] == "RUNNING" and told["delivery"]["state"] == "SPOOL"
    assert told["delivery"]["spool_events"] > 0 and told["delivery"]["error"]
    print(f"away for {AWAY} s: {looks} looks, {told['delivery']['spool_events']} events spooled")
    own_kafka.start()
    load.stop()
    assert check(db, leat, own_kafka, f"(KILL_SEED={SEED})") > looks

"""leat and PostgreSQL killed at random moments under load: nothing is lost, nothing is doubled.
KILLS and KILL_SEED change how often and when."""

import contextlib
import os
import random
import signal
import time

from load import CREATE, Load, check, properties
from servers.process import until

SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)
KILLS = int(os.environ.get("KILLS", "0"))  # of leat and of the server; 0: the few of every day


def connector_pid(leat):
    return leat.told("shop").get("pid")


def kill_leat(leat, files, dice):
    pid = connector_pid(leat)
    if pid and dice.random() < 0.5:
        with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(pid, signal.SIGKILL)  # the supervisor starts it again
    else:
        leat.kill()
        leat.run(*files)


def kill_server(db, dice):
    db.server.kill() if dice.random() < 0.5 else db.server.stop("immediate")
    time.sleep(dice.uniform(0, 0.5))
    db.server.start()


def test_kills(db, leat):
    dice = random.Random(SEED)
    db.sql(CREATE)
    config = leat.write("shop.properties", properties(db))
    leat.run(config)
    until(lambda: connector_pid(leat), 30, "the connector")
    load = Load(db, SEED)
    victims = ["leat"] * (KILLS or 10) + ["server"] * (KILLS or 5)
    dice.shuffle(victims)
    for victim in victims:
        time.sleep(dice.uniform(0.3, 1.5))
        if victim == "leat":
            kill_leat(leat, [config], dice)
        else:
            kill_server(db, dice)
    time.sleep(1)
    load.stop()
    assert load.commits > 20
    check(db, leat, f"(KILL_SEED={SEED})")

"""Between leat and PostgreSQL stands a proxy that cuts, resets, stalls, delays, drops half-way and
swallows, under load: afterwards the stream is the tables, each change once. NETWORK_ROUNDS: how
often each of them happens."""

import os
import random
import time

import pytest
from load import CREATE, Load, check, position, properties
from servers.process import until
from servers.proxy import Proxy

ROUNDS = int(os.environ.get("NETWORK_ROUNDS", "1"))
SEED = int(os.environ.get("KILL_SEED", "0")) or random.randrange(1 << 30)

TROUBLES = {
    "cut": lambda proxy, dice: proxy.cut(),
    "reset": lambda proxy, dice: proxy.reset(),
    "half-way": lambda proxy, dice: proxy.drop_after(dice.randrange(1, 20000)),
    "stall": lambda proxy, dice: proxy.stall(),
    "swallow": lambda proxy, dice: proxy.swallow(),
    "delay": lambda proxy, dice: proxy.delay(dice.uniform(0.01, 0.2)),
}


@pytest.fixture
def proxy(db):
    one = Proxy(db.server.port)
    yield one
    one.close()


def moves(leat):
    """What is committed now arrives."""
    before = position(leat)
    until(lambda: leat.alive() or position(leat) > before, 60, "the stream goes on", every=0.1)


def test_network(db, leat, proxy):
    dice = random.Random(SEED)
    db.sql(CREATE)
    leat.run(leat.write("shop.properties", properties(
        db, database_port=proxy.port, errors_retry_delay_initial_ms=20,
        errors_retry_delay_max_ms=500)))
    load = Load(db, SEED, rest_s=0.005)
    moves(leat)
    troubles = list(TROUBLES) * ROUNDS
    dice.shuffle(troubles)
    for trouble in troubles:
        TROUBLES[trouble](proxy, dice)
        time.sleep(dice.uniform(0.1, 0.6))  # what the load does meanwhile
        proxy.mend()
        moves(leat)
    load.stop()
    assert load.commits > 20 and proxy.passed > 2 * ROUNDS
    check(db, leat, f"(KILL_SEED={SEED}, {troubles})")

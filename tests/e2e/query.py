"""Query capture: configurations, what its topics hold, and writers whose transactions overlap."""

import random
import threading
import time

JDBC = "io.confluent.connect.jdbc.JdbcSourceConnector"


def config(db, mode, prefix="q_", **more):
    """Of tables or a query of this database; keywords: "." is written as "_"."""
    server = db.server
    url = f"jdbc:postgresql://{server.host}:{server.port}/{db.name}"
    return config_at(url, server.user, mode, prefix, **more)


def config_at(url, user, mode, prefix="q_", **more):
    props = {
        "connector.class": JDBC,
        "connection.url": url,
        "connection.user": user,
        "mode": mode,
        "topic.prefix": prefix,
        "poll.interval.ms": 100,
    }
    if "incrementing" in mode:
        props["incrementing.column.name"] = "id"
    if "timestamp" in mode:
        props["timestamp.column.name"] = "at"
    return props | {key.replace("_", "."): value for key, value in more.items()}


def source(leat, db, mode, name="q", **more):
    return leat.write(f"{name}.properties", config(db, mode, **more))


def values(leat, topic, *args, **options):
    return [record["value"] for record in leat.read(topic, *args, **options)]


def ids(leat, topic, **options):
    return [value["id"] for value in values(leat, topic, **options)]


def offsets(leat, name="q"):
    """partition -> offset, as REST has them."""
    found = leat.json("offsets", name)
    return {str(o["partition"]): o["offset"] for o in found["offsets"]}


def deleted(leat, topic):
    """The keys of the tombstones, in their order."""
    return [record["key"] for record in leat.read(topic) if record["value"] is None]


def last(leat, topic):
    """A key's values -> the value of its last record, but of those that end with a tombstone."""
    out = {}
    for record in leat.read(topic):
        out[tuple(record["key"].values())] = record["value"]
    return {key: value for key, value in out.items() if value is not None}


MODES = ["bulk", "incrementing", "timestamp", "timestamp+incrementing"]


def check_modes(leat, files, change):
    """A query of rows 1 to 1000 in each of MODES, m0 to m3; change adds row 1001 and touches 7."""
    leat.call("run", "--once", *files)
    for i in range(4):
        assert sorted(ids(leat, f"m{i}_")) == list(range(1, 1001))
    change()
    leat.call("run", "--once", *files)
    assert sorted(ids(leat, "m0_")) == sorted([*range(1, 1001), *range(1, 1002)])
    assert ids(leat, "m1_")[1000:] == [1001]
    assert sorted(ids(leat, "m2_")[1000:]) == [7, 1001]
    assert sorted(ids(leat, "m3_")[1000:]) == [7, 1001]
    assert offsets(leat, "m0") == {"{'query': 'query'}": {"polls": 2}}
    assert offsets(leat, "m1") == {"{'query': 'query'}": {"incrementing": 1001}}
    assert set(offsets(leat, "m2")["{'query': 'query'}"]) == {"timestamp", "timestamp_nanos"}
    assert len(offsets(leat, "m3")["{'query': 'query'}"]) == 3


class Together:
    """Each of these in a thread of its own, with its arguments; what goes wrong is told at the
    end."""

    def __init__(self, run, arguments):
        self.errors = []
        self.threads = [threading.Thread(target=run, args=one) for one in arguments]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors


class Writers(Together):
    """So many at once, in transactions of up to so many seconds: each inserts rows, changes some of
    its own, waits in between, and sometimes takes all of it back."""

    def __init__(self, db, n=8, seconds=8, longest=1.0, seed=1):
        super().__init__(self._run, [(seed * 100 + i,) for i in range(n)])
        self.db, self.longest = db, longest
        self.until = time.monotonic() + seconds

    def _run(self, seed):
        dice = random.Random(seed)
        try:
            with self.db.connect(autocommit=False) as c:
                mine = []
                while time.monotonic() < self.until:
                    mine += self._transaction(c, dice, mine)
        except Exception as e:  # told by the thread that waits
            self.errors.append(repr(e))

    def _transaction(self, c, dice, mine):
        new = []
        c.execute("SELECT 1")
        time.sleep(dice.random() * self.longest / 4)
        for _ in range(dice.randint(1, 4)):
            row = c.execute("INSERT INTO t (v) VALUES (0) RETURNING id").fetchone()
            new.append(row[0])
            time.sleep(dice.random() ** 3 * self.longest / 4)
        for id in dice.sample(mine, min(len(mine), dice.randint(0, 3))):
            c.execute("UPDATE t SET v = v + 1, at = now() WHERE id = %s", (id,))
        if dice.random() < 0.15:
            c.rollback()
            return []
        c.commit()
        return new


class Deleters(Writers):
    """The same, of which each also deletes rows of its own, gives some back their key, and changes
    others' keys."""

    def _transaction(self, c, dice, mine):
        new = super()._transaction(c, dice, mine)
        gone = dice.sample(mine, min(len(mine), dice.randint(0, 3)))
        c.execute("DELETE FROM t WHERE id = ANY (%s)", (gone,))
        time.sleep(dice.random() * self.longest / 8)
        for id in gone[: dice.choice([0, 0, 1])]:
            if dice.random() < 0.5:
                c.commit()
                time.sleep(dice.random() * self.longest / 2)
            c.execute("INSERT INTO t (id, v, at) VALUES (%s, -1, now())", (id,))
        for id in dice.sample(new, min(len(new), dice.choice([0, 0, 1]))):
            c.execute("UPDATE t SET id = -id, at = now() WHERE id = %s", (id,))
        c.commit()
        return new

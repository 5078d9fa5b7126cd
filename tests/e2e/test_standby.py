"""A physical standby as the source: PostgreSQL 16 and later decode there, and go on when it is
promoted; older ones are refused by name."""

import os

import psycopg
import pytest
from servers.postgres import Missing, Postgres
from servers.process import until

DECODES = ["17", "18"]


class Pair:
    """A primary and its standby."""

    def __init__(self, folder, version, **settings):
        try:
            self.primary = Postgres(os.path.join(folder, "primary"), version, **settings)
        except Missing as e:
            pytest.skip(str(e))
        conninfo = f"host=127.0.0.1 port={self.primary.port} user=postgres application_name=standby"
        self.standby = Postgres(
            os.path.join(folder, "standby"),
            copy_of=self.primary,
            primary_conninfo=conninfo,
            primary_slot_name="standby",
            hot_standby_feedback="on",
            **settings,
        )
        open(os.path.join(self.standby.data, "standby.signal"), "w", encoding="ascii").close()
        self.primary.start()
        self.primary.sql("SELECT pg_create_physical_replication_slot('standby')")
        self.standby.start()

    def database(self):
        self.db = self.primary.database()
        self.db.sql("CREATE TABLE orders (id int PRIMARY KEY, what text)")
        self.db.sql("INSERT INTO orders VALUES (1, 'a')")
        self.sync()
        return self.db

    def sync(self, seconds=60):
        """Until the standby has all that the primary has written."""
        (end,) = self.primary.sql("SELECT pg_current_wal_insert_lsn()::text")[0]
        until(
            lambda: self.standby.sql("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", end)[0][0],
            seconds,
            "the standby",
        )

    def properties(self, **more):
        props = self.db.properties(name="shop", **more)
        return props | {"database.port": str(self.standby.port)}

    def promote(self):
        self.primary.kill()
        self.standby.sql("SELECT pg_promote()")
        until(lambda: not self.standby.sql("SELECT pg_is_in_recovery()")[0][0], 30, "promotion")

    def stop(self):
        self.standby.stop("immediate")
        self.primary.stop("immediate")


@pytest.fixture(scope="module")
def pair(request, scratch):
    one = Pair(os.path.join(scratch, f"pair-{request.param}"), request.param, fsync="off")
    one.database()
    yield one
    one.stop()


def keys(records):
    return [r["key"]["id"] for r in records]


def nudge(pair):
    """Lets the standby make a slot: it waits for a record of what runs on the primary."""
    begun = "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'"
    until(lambda: pair.standby.sql(begun)[0][0], 30, "the slot's beginning")
    pair.primary.sql("SELECT pg_log_standby_snapshot()")


@pytest.mark.parametrize("pair", DECODES, indirect=True)
def test_a_publication_has_to_be_made_on_the_primary(pair, leat):
    file = leat.write("shop.properties", pair.properties())
    done = leat.call("run", "--once", file, ok=(1,))
    assert "postgres.publication_missing" in done.stderr
    assert "primary" in done.stderr and "CREATE PUBLICATION" in done.stderr
    said = leat.call("check", file, ok=(3,)).stdout
    assert "primary" in said and "CREATE PUBLICATION" in said


@pytest.mark.parametrize("pair", DECODES[:1], indirect=True)
def test_a_standby_that_replays_again(pair, leat):
    """After a crash it answers before it is where it was: that is waited for."""
    pair.db.sql(f"CREATE PUBLICATION {pair.db.name} FOR ALL TABLES")
    pair.db.sql("CREATE TABLE again (id int PRIMARY KEY)")
    pair.sync()
    file = leat.write("shop.properties", pair.properties(
        table_include_list="public.again", errors_retry_delay_initial_ms="100",
        errors_retry_delay_max_ms="500"))
    leat.run(file)
    nudge(pair)
    pair.standby.sql("CHECKPOINT")  # it replays from here
    pair.db.sql("INSERT INTO again VALUES (1)")
    leat.read_until("shop.public.again", 1)
    assert leat.stop() == 0
    pair.standby.stop("immediate")
    pair.standby.set(recovery_min_apply_delay="1h")
    pair.standby.start()
    leat.run(file)
    until(lambda: leat.alive() or "postgres.standby_behind" in leat.stderr, 30, "the wait")
    pair.standby.set(recovery_min_apply_delay="0")
    pair.db.sql("INSERT INTO again VALUES (2)")
    assert keys(leat.read_until("shop.public.again", 2)) == [1, 2]
    leat.stop()
    pair.standby.drop_slots(pair.db.name)
    pair.db.sql(f"DROP PUBLICATION {pair.db.name}; DROP TABLE again")


@pytest.mark.parametrize("pair", DECODES, indirect=True)
def test_a_standby_is_read_and_promoted(pair, leat):
    pair.db.sql(f"CREATE PUBLICATION {pair.db.name} FOR ALL TABLES")
    pair.sync()
    file = leat.write("shop.properties", pair.properties())
    leat.run(file)
    nudge(pair)
    leat.read_until("shop.public.orders", 1)
    pair.db.sql("INSERT INTO orders VALUES (2, 'b')")
    pair.db.sql("UPDATE orders SET what = 'c' WHERE id = 1")
    leat.read_until("shop.public.orders", 3)
    pair.promote()
    write = "INSERT INTO orders VALUES (%s, 'after')"
    pair.standby.sql(write, 3, db=pair.db.name)
    leat.read_until("shop.public.orders", 4)
    assert leat.stop() == 0
    pair.standby.sql(write, 4, db=pair.db.name)
    leat.run(file)
    records = leat.read_until("shop.public.orders", 5)
    assert keys(records) == [1, 2, 1, 3, 4]
    assert [r["value"]["op"] for r in records] == ["r", "c", "u", "c", "c"]


@pytest.mark.parametrize("pair", [None], indirect=True)
def test_a_standby_that_cannot_decode(pair, leat):
    if pair.standby.version >= 16:
        pytest.skip("the server installed decodes on standbys")
    file = leat.write("shop.properties", pair.properties())
    done = leat.call("run", "--once", file, ok=(1,))
    assert "postgres.standby" in done.stderr and "16" in done.stderr
    assert "postgres.standby" in leat.call("check", file, ok=(3,)).stdout

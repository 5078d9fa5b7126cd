"""A primary that fails, and the standby that takes over with its slots (PostgreSQL 17 and later):
the connector follows by itself, and no change is lost."""

import os

import pytest
from servers.postgres import Missing, Postgres
from servers.process import until


class Cluster:
    """A primary at 127.0.0.1 and its standby at 127.0.0.2, both at one port."""

    def __init__(self, folder, version):
        more = {"fsync": "off"}
        try:
            self.primary = Postgres(os.path.join(folder, "a"), version, **more)
        except Missing as e:
            pytest.skip(str(e))
        self.standby = Postgres(
            os.path.join(folder, "b"),
            copy_of=self.primary,
            listen_addresses="127.0.0.2",
            primary_conninfo=f"host=127.0.0.1 port={self.primary.port} user=postgres"
            " dbname=postgres",
            primary_slot_name="standby",
            hot_standby_feedback="on",
            sync_replication_slots="on",
            **more,
        )
        self.standby.host, self.standby.port = "127.0.0.2", self.primary.port
        open(os.path.join(self.standby.data, "standby.signal"), "w", encoding="ascii").close()
        self.primary.start()
        self.primary.sql("SELECT pg_create_physical_replication_slot('standby', true)")
        # The slot's reader is told only what the standby has.
        self.primary.set(synchronized_standby_slots="standby")
        self.standby.start()

    def synced(self, slot):
        """The standby has the slot, fit to go on with."""
        found = self.standby.sql(
            "SELECT synced AND NOT temporary AND invalidation_reason IS NULL"
            " FROM pg_replication_slots WHERE slot_name = %s", slot
        )
        return found == [(True,)]

    def fail_over(self):
        self.primary.kill()
        self.standby.sql("SELECT pg_promote()")
        until(lambda: not self.standby.sql("SELECT pg_is_in_recovery()")[0][0], 60, "promotion")

    def stop(self):
        self.standby.stop("immediate")
        self.primary.stop("immediate")


@pytest.fixture(scope="module", params=["17", "18"])
def cluster(request, scratch):
    one = Cluster(os.path.join(scratch, f"failover-{request.param}"), request.param)
    yield one
    one.stop()


def test_a_failover_is_followed(cluster, leat):
    db = cluster.primary.database()
    db.sql("CREATE TABLE t (id int PRIMARY KEY)")
    db.sql("INSERT INTO t VALUES (1)")
    hosts = "127.0.0.2,127.0.0.1"  # the standby first: it is no place to read before it took over
    props = db.properties(name="shop", slot_failover="true", errors_retry_delay_max_ms="1000")
    leat.run(leat.write("shop.properties", props | {"database.hostname": hosts}))
    leat.read_until("shop.public.t", 1, seconds=60)
    db.sql("INSERT INTO t VALUES (2)")
    leat.read_until("shop.public.t", 2, seconds=60)
    until(lambda: cluster.synced(db.name), 120, "the slot on the standby", every=0.2)
    db.sql("INSERT INTO t VALUES (3)")
    cluster.fail_over()
    with cluster.standby.connect(db.name) as c:
        kept = [row[0] for row in c.execute("SELECT id FROM t ORDER BY id")]
        c.execute("INSERT INTO t VALUES (4)")
    read = leat.read_until("shop.public.t", len(kept) + 1, seconds=120)
    assert [r["key"]["id"] for r in read] == [*kept, 4]
    assert "postgres.streaming" in leat.stderr
    assert leat.stop() == 0

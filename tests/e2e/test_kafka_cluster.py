"""A spool belongs to the cluster that has what came before it, and to no other."""

import shutil
import tempfile

import pytest
from servers import kafka as kafka_server
from servers.process import until
from test_kafka import caught_up, own_kafka  # noqa: F401
from test_kafka_ops import QUICK, failed, ids, orders, start, state, topic_of  # noqa: F401

OTHER = b"leat-test-kafka2"


@pytest.fixture(scope="module")
def other_kafka(scratch):
    try:
        server = kafka_server.Kafka(tempfile.mkdtemp(prefix="other-", dir=scratch), cluster=OTHER)
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    yield server.start()
    server.kill()
    shutil.rmtree(server.folder)


def offsets_of(db):
    return f"{db.name}-offsets"


@pytest.fixture(params=["least", "once"])
def more(request, orders):  # noqa: F811
    """Options; the offset topic is its own: connectors of other tests have the same name."""
    once = {"exactly_once_support": "required", "offsets_storage_topic": offsets_of(orders)}
    return once if request.param == "once" else {}


def with_a_spool(leat, db, kafka, more):
    """Row 1 is in Kafka, row 2 in the spool alone, and leat is stopped."""
    start(leat, db, kafka, **QUICK, **more)
    kafka.read_until(topic_of(db), 1)
    kafka.kill()
    db.sql("INSERT INTO orders VALUES (2, 'second')")
    caught_up(db, leat, 60)
    leat.stop()


def is_direct(leat):
    until(lambda: state(leat)["delivery"]["state"] == "DIRECT", 60, "the end of the spool")


@pytest.mark.timeout(600)
def test_other_brokers_with_a_spool(orders, leat, kafka, other_kafka, more):  # noqa: F811
    """Nothing is sent to them, until a person says so; once the spool is empty they are told."""
    topic = topic_of(orders)
    with_a_spool(leat, orders, kafka, more)
    start(leat, orders, other_kafka, **QUICK, **more)
    told = failed(leat, "kafka.other_cluster")
    assert f"the cluster {other_kafka.cluster}, and 1 events" in told, told
    assert f"brokers of {kafka.cluster};" in told and "spool.other.cluster=deliver" in told, told
    assert topic not in other_kafka.topics()
    leat.stop()
    kafka.start()
    start(leat, orders, kafka, **QUICK, **more)
    assert ids(kafka.read_until(topic, 2)) == [1, 2]
    is_direct(leat)
    leat.stop()
    start(leat, orders, other_kafka, **QUICK, **more)
    orders.sql("INSERT INTO orders VALUES (3, 'third')")
    assert ids(other_kafka.read_until(topic, 1)) == [3]
    assert f"was={kafka.cluster} is={other_kafka.cluster}" in leat.stderr
    leat.stop()


@pytest.mark.timeout(600)
def test_a_cluster_that_is_lost(orders, leat, kafka, other_kafka, more):  # noqa: F811
    """What its spool has goes to another one, by a person's word."""
    with_a_spool(leat, orders, kafka, more)
    start(leat, orders, other_kafka, **QUICK, **more, spool_other_cluster="deliver")
    orders.sql("INSERT INTO orders VALUES (3, 'third')")
    assert ids(other_kafka.read_until(topic_of(orders), 2)) == [2, 3]
    is_direct(leat)
    assert "kafka.cluster_changed" in leat.stderr
    leat.stop()
    start(leat, orders, other_kafka, **QUICK, **more)
    orders.sql("INSERT INTO orders VALUES (4, 'fourth')")
    assert ids(other_kafka.read_until(topic_of(orders), 3)) == [2, 3, 4]
    leat.stop()


@pytest.mark.timeout(600)
def test_a_cluster_made_anew_at_the_same_address(orders, leat, own_kafka, more):  # noqa: F811
    """The process goes on beside it, and notices. What the new one was sent the old one gets."""
    topic = topic_of(orders)
    start(leat, orders, own_kafka, **QUICK, **more)
    own_kafka.read_until(topic, 1)
    was = own_kafka.cluster
    own_kafka.kill()
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    caught_up(orders, leat, 60)
    own_kafka.begin_anew(OTHER)
    own_kafka.start()
    told = failed(leat, "kafka.other_cluster")
    assert own_kafka.cluster in told and was in told and "nothing was sent" not in told
    leat.stop()
    own_kafka.kill()
    own_kafka.come_back(was)
    own_kafka.start()
    start(leat, orders, own_kafka, **QUICK, **more)
    assert set(ids(own_kafka.read_until(topic, 2))) == {1, 2}
    is_direct(leat)
    leat.stop()


@pytest.mark.timeout(600)
def test_a_cluster_made_anew_while_nothing_happens(orders, leat, own_kafka):  # noqa: F811
    """Nothing is in a spool then; and the position, which does not hold there, is not written."""
    offsets = offsets_of(orders)
    worker = {"offset.storage.topic": offsets, "offset.storage.replication.factor": "1",
              "offset.flush.interval.ms": "3600000"}
    start(leat, orders, own_kafka, **QUICK, worker=worker)
    own_kafka.read_until(offsets, 1)
    orders.sql("INSERT INTO orders VALUES (2, 'second')")
    own_kafka.read_until(topic_of(orders), 2)
    own_kafka.kill()
    own_kafka.begin_anew(OTHER)
    own_kafka.start()
    orders.sql("INSERT INTO orders VALUES (3, 'third')")
    assert "until now it delivered into" in failed(leat, "kafka.other_cluster")
    leat.stop()
    assert offsets not in own_kafka.topics() or not own_kafka.read(offsets)

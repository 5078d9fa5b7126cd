"""The fixtures of tests/e2e, whose folder pytest.ini puts on the path, and a real Kafka Connect."""

import os

import pytest
from borrow import fixtures
from servers import kafka as kafka_server
from servers.connect import Connect

scratch = fixtures.scratch
postgres = fixtures.postgres
db = fixtures.db
mysql_servers = fixtures.mysql_servers
leat = fixtures.leat
kafka_process = fixtures.kafka_process
kafka = fixtures.kafka
pytest_runtest_makereport = fixtures.pytest_runtest_makereport


def worker_of(scratch, kafka, name, **settings):
    if kafka.process is None:
        kafka.start()
    try:
        worker = Connect(os.path.join(scratch, name), kafka, name, **settings)
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    yield worker.start()
    worker.stop()


@pytest.fixture(scope="session")
def connect(scratch, kafka_process):
    yield from worker_of(scratch, kafka_process, "connect")


@pytest.fixture(scope="session")
def connect_once(scratch, kafka_process):
    """A worker that writes exactly once."""
    yield from worker_of(scratch, kafka_process, "once", exactly_once_source_support="enabled")


@pytest.fixture
def gone(connect):
    """Connectors that are deleted at the end."""
    names = []
    yield names
    for name in names:
        connect.call("DELETE", f"/connectors/{name}")

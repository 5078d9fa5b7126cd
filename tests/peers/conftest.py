"""The fixtures of tests/e2e, whose folder pytest.ini puts on the path, and a real Kafka Connect."""

import os

import pytest
from borrow import fixtures
from servers import kafka as kafka_server
from servers.connect import Connect

scratch = fixtures.scratch
postgres = fixtures.postgres
db = fixtures.db
leat = fixtures.leat
kafka_process = fixtures.kafka_process
kafka = fixtures.kafka
pytest_runtest_makereport = fixtures.pytest_runtest_makereport


@pytest.fixture(scope="session")
def connect(scratch, kafka_process):
    if kafka_process.process is None:
        kafka_process.start()
    try:
        worker = Connect(os.path.join(scratch, "connect"), kafka_process)
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    worker.start()
    yield worker
    worker.stop()

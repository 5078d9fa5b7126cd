"""Fixtures: a PostgreSQL and a Kafka for the session, a database and a leat for each test.

    def test_x(db, leat):
        db.sql("CREATE TABLE t (id int PRIMARY KEY)")
        leat.run(leat.write("shop.properties", db.properties()))
        leat.read_until("shop.public.t", 1)

When a test fails, what its leat said on stderr is shown with it. LEAT_KEEP=1 keeps the folders.
"""

import os
import shutil
import tempfile

import pytest
from leat import ROOT, Leat
from servers import kafka as kafka_server
from servers import mysql as mysql_server
from servers.postgres import Postgres
from target import PostgresTarget


@pytest.fixture(scope="session")
def scratch():
    """A folder that other users can reach: servers do not run as root. Its path is short, since a
    Unix socket's has 107 bytes at most."""
    folder = tempfile.mkdtemp(prefix="leat-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    yield folder
    if not os.environ.get("LEAT_KEEP"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(scratch):
    """The server that the tests share. One may stop or kill it: it is started for the next."""
    server = Postgres(os.path.join(scratch, "pg")).start()
    yield server
    server.stop("immediate")


@pytest.fixture(scope="session")
def kafka_process(scratch):
    """The Kafka that the tests share, started for the first that wants it."""
    try:
        server = kafka_server.Kafka(os.path.join(scratch, "kafka"))
    except kafka_server.Missing as e:
        pytest.skip(str(e))
    yield server
    if server.process:
        server.kill()


@pytest.fixture
def kafka(kafka_process):
    """That Kafka, which runs; one may stop or kill it. Its topics stay: take names of your own."""
    if kafka_process.process is None or kafka_process.process.status is not None:
        kafka_process.start()
    return kafka_process


@pytest.fixture(scope="session")
def mysql_servers(scratch):
    """kind -> a MySQL or MariaDB that the tests share, started for the first that wants it."""
    servers = {}

    def get(kind):
        if kind not in servers:
            made = {"mysql": mysql_server.MySQL, "mariadb": mysql_server.MariaDB}[kind]
            try:
                servers[kind] = made(os.path.join(scratch, kind), 7)
            except mysql_server.Missing as e:
                pytest.skip(str(e))
        server = servers[kind]
        if server.process is None or server.process.status is not None:
            server.start()
        return server

    yield get
    for server in servers.values():
        server.kill()


@pytest.fixture(scope="session", params=["mysql", "mariadb"])
def binlog_process(request, mysql_servers):
    """One after the other."""
    server = mysql_servers(request.param)
    yield server
    server.kill()


@pytest.fixture
def binlog(binlog_process):
    """That server, which runs, with an empty database `shop`; one may stop or kill it."""
    if binlog_process.process is None or binlog_process.process.status is not None:
        binlog_process.start()
    binlog_process.fresh("shop")
    return binlog_process


@pytest.fixture
def db(postgres):
    """A database of its own on the shared server; its slots are dropped with it."""
    if postgres.process is None or postgres.process.status is not None:
        postgres.start()
    database = postgres.database()
    yield database
    database.drop()


@pytest.fixture
def copy(postgres):
    """Another database of that server, for a sink."""
    one = PostgresTarget(postgres)
    yield one
    one.drop()


@pytest.fixture
def leat(tmp_path):
    """The binary with a data folder of its own; ended with the test."""
    one = Leat(tmp_path / "leat")
    yield one
    one.kill()


@pytest.fixture
def faulty(tmp_path):
    """The binary of build-san, which has the fault points."""
    one = Leat(tmp_path / "leat")
    one.binary = os.path.join(ROOT, "build-san/leat")
    if not os.path.exists(one.binary):
        pytest.skip("there is no build-san/leat with fault points")
    yield one
    one.kill()


@pytest.fixture(scope="session")
def browser_process():
    """The Chromium that the tests of the page share."""
    import browser  # Playwright is imported for them alone

    if not browser.chromium():
        pytest.skip("there is no Chromium (tools/setup.sh test)")
    one = browser.Browser()
    yield one
    one.close()


@pytest.fixture
def browser(browser_process, leat):
    """That Chromium, where the page is in the build."""
    absent = os.path.join(os.path.dirname(leat.binary), "src/page.absent")
    if os.path.exists(absent):
        with open(absent, encoding="utf-8") as f:
            pytest.skip(f"the page is not in this build: {f.read().strip()}")
    return browser_process


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    args = getattr(item, "funcargs", {})
    one = args.get("leat") or args.get("faulty")
    if report.failed and isinstance(one, Leat) and one.stderr:
        report.sections.append(("stderr of leat", one.stderr[-20000:]))

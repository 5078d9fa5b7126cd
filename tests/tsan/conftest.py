"""The fixtures of tests/e2e, whose folder pytest.ini puts on the path."""

from borrow import fixtures

leat = fixtures.leat
pytest_runtest_makereport = fixtures.pytest_runtest_makereport

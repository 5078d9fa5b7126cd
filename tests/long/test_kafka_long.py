"""tests/e2e/test_kafka.py with the kills of KILLS, 50 by default: of Kafka, leat and the server."""

from test_kafka import own_kafka, test_kafka_kills  # noqa: F401 - collected here

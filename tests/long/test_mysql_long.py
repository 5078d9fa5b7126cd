"""MySQL and MariaDB with the kills of KILLS, 50 by default, of leat and of the server each, with
DDL in the middle; and their snapshots, killed at any moment."""

from test_binlog_kills import test_kills  # noqa: F401 - collected here
from test_binlog_snapshots import test_killed_at_any_moment  # noqa: F401 - collected here

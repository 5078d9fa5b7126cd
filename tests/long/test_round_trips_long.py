"""The round trips of a million changes, with a kill every few seconds."""

import os

os.environ.setdefault("ROUND_TRIP_CHANGES", "1000000")

from test_round_trips import (  # noqa: E402,F401 - collected here
    test_every_part_is_killed,
    test_giant_transactions,
)

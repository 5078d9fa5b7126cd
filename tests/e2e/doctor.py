"""What the doctor tells of a connection, by the command line."""

import json


class Tried:
    """The connection "ward" of this leat; whoever inherits it makes it."""

    def __init__(self, leat):
        self.leat = leat

    def test(self, *more, ok=(0, 3)):
        """step -> what was told of it."""
        done = self.leat.call("connection", "test", "ward", "--json", *more, ok=ok)
        return {s["step"]: s for s in map(json.loads, done.stdout.splitlines())}

    def script(self, which, *more):
        return self.leat.call("connection", "test", "ward", which, *more, ok=(0, 3)).stdout


def bad(steps):
    return {name for name, s in steps.items() if s["state"] in ("FAILED", "warn")}

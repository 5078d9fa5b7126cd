"""`leat shadow` in the background, as tests see it: the JSON objects that it prints."""

import json

from servers.process import until


class Shadow:
    def __init__(self, leat, *args):
        self.leat = leat
        leat.start("shadow", "--json", *args)

    def events(self, *kinds):
        """Those printed so far, of these kinds."""
        lines = self.leat.stdout.split("\n")[:-1]
        found = (json.loads(line) for line in lines if line.startswith("{"))
        return [e for e in found if not kinds or e["event"] in kinds]

    def ready(self, seconds=120):
        def there():
            self.leat.alive()
            return self.events("ready")

        until(there, seconds, "both sides being read", every=0.1)
        return self

    def rest(self, seconds=1800):
        """Until all that was written so far has been compared."""
        seen = [-1, 0]

        def quiet():
            self.leat.alive()
            last = (self.events("progress") or [None])[-1]
            if not last or any(last["waiting"].values()):
                return False
            same = last["compared"] == seen[0] and last["seconds"] > seen[1] and seen[0] > 0
            if last["compared"] != seen[0]:
                seen[:] = [last["compared"], last["seconds"]]
            return same

        until(quiet, seconds, "a moment without anything to compare", every=0.5)

    def end(self, seconds=300):
        """In order: (exit status, the result)."""
        status = self.leat.stop(seconds)
        results = self.events("result")
        return status, results[-1] if results else None

    def wait(self, seconds=300):
        """Until it ends by itself."""
        status = self.leat.wait(seconds)
        results = self.events("result")
        return status, results[-1] if results else None


def describe(shadow, most=10):
    """Its differences, and its log's end, for an assertion's message."""
    found = shadow.events("difference")[:most]
    return "\n".join(json.dumps(d) for d in found) + "\n" + shadow.leat.stderr[-2000:]

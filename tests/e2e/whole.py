"""A whole database, captured twice: what its rows are in a stream, and in a snapshot."""

import json
from collections import Counter

from servers.process import until

ALL = {"publication.autocreate.mode": "all_tables", "debezium.faults": "false",
       "snapshot.streaming": "after", "tombstones.on.delete": "false"}


def connector(db, name, mode):
    own = {"slot.name": f"{db.name}_{name}", "publication.name": f"{db.name}_{name}"}
    own |= {"name": name, "topic.prefix": name, "snapshot.mode": mode}
    return {**db.properties(), **own, **ALL}


def stream_of(db, leat, fill, seconds=120):
    """Rows by topic of what `fill` does, as they come: a Counter of JSON texts each."""
    leat.run(leat.write("stream.properties", connector(db, "stream", "no_data")))
    until(lambda: leat.call("status", "stream", ok=None).returncode == 0 and
          leat.status("stream")["state"] == "RUNNING", 60, "streaming")
    fill()
    high, low = db.sql("SELECT pg_current_wal_lsn()")[0][0].split("/")
    end = (int(high, 16) << 32) + int(low, 16)

    def passed():
        leat.alive()
        position = leat.status("stream").get("position") or {}
        return max(position.get("lsn_proc") or 0, position.get("lsn") or 0) >= end

    until(passed, seconds, "the end of the stream", every=0.2)
    assert leat.stop() == 0
    return rows(leat, "stream")


def snapshot_of(db, leat):
    leat.run("--once", leat.write("snap.properties", connector(db, "snap", "initial")))
    assert leat.wait(300) == 0, leat.stderr[-2000:]
    return rows(leat, "snap")


def rows(leat, prefix):
    """Creates and reads, without the changes of later deletes; topics without their prefix."""
    found = {}
    for topic in leat.topics():
        name = topic["topic"]
        if not name.startswith(prefix + "."):
            continue
        lines = leat.call("read", name, seconds=300).stdout.split("\n")[:-1]
        values = (json.loads(line)["value"] for line in lines)
        found[name[len(prefix) + 1:]] = Counter(
            json.dumps(v["after"], sort_keys=True) for v in values if v and v["op"] in "rc"
        )
    return found


def without(rows_by_topic, topic, columns):
    """The same, without columns that a topic's log does not have."""
    cut = Counter()
    for text, n in rows_by_topic[topic].items():
        cut[json.dumps({k: v for k, v in json.loads(text).items() if k not in columns})] += n
    rows_by_topic[topic] = cut

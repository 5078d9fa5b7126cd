"""Retention from the command line: bounds, sinks that sleep, forced gaps, a full disk, and topics
that are left over. The null sink counts what it gets; its ledger is compared with the source's."""

import glob
import os
import subprocess
import time

import pytest
from datagen import TOPIC, sink, source
from leat import Leat
from servers.process import until

SMALL = {"segment.bytes": "1m", "retention.bytes": "4m"}


@pytest.fixture
def other(leat, tmp_path):
    """A second `leat run` on the same data folder."""
    one = Leat(tmp_path / "other", leat.binary)
    one.data = leat.data
    yield one
    one.kill()


def segments(leat, connector="gen"):
    return sorted(glob.glob(f"{leat.data}/connectors/{connector}/stream/*.seg"))


def held_bytes(leat):
    return sum(os.stat(path).st_blocks * 512 for path in segments(leat))


def register(leat):
    """The sink has seen the topic's beginning, and sleeps."""
    leat.run("--once", source(leat, datagen_events=100), sink(leat))
    assert leat.wait() == 0


def delivered(leat, n, seconds=60):
    """Waits until the sink has delivered n events."""

    def there():
        done = leat.call("status", "out", "--json", ok=None)  # it may be just starting
        return done.returncode == 0 and f'"delivered":{n},' in done.stdout

    until(there, seconds, f"{n} events in the sink")


def stalled(leat, name="gen"):
    status = leat.status(name)
    return status if status["state"] == "STALLED" else None


def test_a_sink_that_sleeps(leat, other):
    """The source stops at its bound, names the sink, and goes on when it wakes."""
    register(leat)
    leat.run(source(leat, datagen_events=300000, **SMALL))
    status = until(lambda: stalled(leat), 30, "the source to stall")
    assert status["error"]["code"] == "stream.retention_held"
    assert "sink out (" in status["error"]["message"] and "events" in status["error"]["message"]
    assert held_bytes(leat) <= 4 << 20
    assert [r["sink"] for r in status["readers"]] == ["out"]
    behind = status["readers"][0]["events_behind"]
    assert behind == status["counts"]["appended"] - 100
    assert "STALLED" in leat.call("status").stdout and "stream.retention_held" in leat.stderr
    time.sleep(1)  # it stays there
    assert stalled(leat)["counts"] == status["counts"]

    other.run(sink(leat))
    delivered(leat, 300000, 60)
    assert held_bytes(leat) <= 4 << 20
    assert other.stop() == 0 and leat.stop() == 0
    counts = leat.status("gen")["counts"]
    assert counts["received"] == counts["appended"] == 300000
    topic = leat.topics()[0]
    assert topic["first_offset"] > 100 and topic["next_offset"] == 300000
    assert len(leat.read(TOPIC, "--max", 1)) == 1
    assert leat.read(TOPIC, "--max", 1)[0]["offset"] == topic["first_offset"]
    assert topic["next_offset"] - topic["first_offset"] == int(
        leat.call("read", TOPIC, "--count").stdout
    )


def test_killed_while_stalled(leat, other):
    register(leat)
    leat.run(source(leat, datagen_events=200000, **SMALL))
    until(lambda: stalled(leat), 30, "the source to stall")
    leat.kill()
    leat.run(source(leat, datagen_events=200000, **SMALL))
    until(lambda: stalled(leat), 30, "the source to stall again")
    other.run(sink(leat))
    delivered(leat, 200000, 60)


def test_stopped_while_stalled(leat):
    register(leat)
    leat.run(source(leat, datagen_events=200000, **SMALL))
    until(lambda: stalled(leat), 30, "the source to stall")
    begun = time.monotonic()
    assert leat.stop() == 0
    assert time.monotonic() - begun < 10


def test_forced(leat, other):
    """The source never waits; the sink that lost something fails and says what."""
    register(leat)
    forced = SMALL | {"retention.force": "true"}
    leat.run("--once", source(leat, datagen_events=200000, **forced))
    assert leat.wait() == 0
    first = leat.topics()[0]["first_offset"]
    assert first > 100
    other.run(sink(leat))
    assert other.wait() == 1
    error = leat.status("out")["error"]
    assert error["code"] == "stream.gap"
    assert f"{TOPIC} from offset 100 to {first - 1} ({first - 100} records)" in error["message"]
    assert leat.status("out")["counts"]["delivered"] == 100
    os.unlink(f"{leat.data}/connectors/gen/stream/readers/out")  # as the message says
    other.run("--once", sink(leat))
    assert other.wait() == 0
    assert leat.status("out")["counts"]["delivered"] == 200000 - first


def test_by_time(leat):
    """What is old goes, of a slow source too; the newest segment stays."""
    leat.run(source(leat, datagen_rate=20, retention_ms=1000))
    until(lambda: len(segments(leat)) and "00001.seg" not in segments(leat)[0], 40, "the removal")
    assert leat.topics()[0]["first_offset"] > 0
    assert leat.stop() == 0


def test_a_reader_goes_on(leat):
    """leat read of what is being removed: to its end, or told that there is a gap."""
    leat.run("--once", source(leat, datagen_events=100000, segment_bytes="1m"))
    assert leat.wait() == 0
    cmd = [leat.binary, "read", TOPIC, "--data", leat.data, "--format", "native"]
    reader = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reader.stdout.readline()  # and now it waits for us
    leat.run("--once", source(leat, datagen_events=200000, **SMALL))
    assert leat.wait() == 0
    out, err = reader.communicate(timeout=60)
    assert reader.returncode == 1 and "[stream.gap]" in err, err[-500:]
    assert len(out.split("\n")) > 100


@pytest.mark.parametrize(
    "options, word",
    [
        ({"retention.bytes": "1m", "segment.bytes": "1m"}, "at least twice segment.bytes"),
        ({"retention.ms": "0"}, "retention.ms"),
        ({"segment.bytes": "10"}, "segment.bytes"),
        ({"compression.type": "gzip"}, "lz4, zstd, none"),
        ({"retention.bytes": "lots"}, "retention.bytes"),
    ],
)
def test_bad_options(leat, options, word):
    done = leat.call("run", source(leat, **options), ok=(2,))
    assert word in done.stderr


def test_topics_delete(leat):
    leat.run("--once", source(leat, datagen_events=1000), sink(leat))
    assert leat.wait() == 0
    topic = leat.topics()[0]
    assert topic["connector_exists"] is True and topic["bytes"] > 1000
    refused = leat.call("topics", "delete", TOPIC, "--yes", ok=(1,)).stderr
    assert "[topic.in_use]" in refused and "leat delete gen" in refused
    assert "[topic.unknown]" in leat.call("topics", "delete", "nix", "--yes", ok=(1,)).stderr
    for file in glob.glob(f"{leat.data}/connectors/gen/state.db*"):
        os.unlink(file)  # what leat delete leaves
    assert leat.topics()[0]["connector_exists"] is False
    assert "--yes" in leat.call("topics", "delete", TOPIC, ok=(2,)).stderr
    assert len(leat.topics()) == 1
    warned = leat.call("topics", "delete", TOPIC, "--yes").stderr
    assert "1000 records" in warned
    assert leat.topics() == []
    assert not os.path.exists(f"{leat.data}/connectors/gen/stream")


def test_claims_removed_by_hand(leat):
    leat.run("--once", source(leat, datagen_events=1000))
    assert leat.wait() == 0
    os.unlink(f"{leat.data}/topics/{TOPIC}")
    assert leat.topics() == []
    leat.run("--once", source(leat, datagen_events=1000))
    assert leat.wait() == 0
    assert [t["topic"] for t in leat.topics()] == [TOPIC]
    assert "topic.claimed_again" in leat.stderr


# ---- a full disk


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 32 MiB in a mount namespace of its own; the prefix of commands there."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = "mount -t tmpfs -o size=32m none"
    holder = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", f"{mount} {folder} && echo ok && cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if holder.stdout.readline().strip() != "ok":
        holder.kill()
        pytest.skip(f"no mount of a small disk: {holder.communicate()[1].strip()}")
    yield str(folder), ["nsenter", "-t", str(holder.pid), "-m"]
    holder.stdin.close()
    holder.wait()


@pytest.fixture
def cramped(small_disk, tmp_path):
    """A leat whose data folder is the small disk."""
    folder, prefix = small_disk
    one = Leat(tmp_path / "leat")
    script = tmp_path / "leat-there"
    script.write_text(f'#!/bin/sh\nexec {" ".join(prefix)} -- {one.binary} "$@"\n')
    script.chmod(0o755)
    one.binary = str(script)
    one.data = folder
    one.root = f"/proc/{prefix[2]}/root{folder}"  # the disk, as this process sees it
    yield one
    one.kill()


def fill(leat, leave):
    """A file of others takes the disk, but leave bytes."""
    room = os.statvfs(leat.root)
    with open(f"{leat.root}/filler", "wb") as f:
        os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_frsize - leave)


def test_full_disk(cramped, db):
    """PostgreSQL beside a disk that is full: nothing is lost, and it goes on when there is room."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, x text)")
    more = {"segment.bytes": "2m", "stream.free.bytes": "0", "compression.type": "none"}
    shop = cramped.write("shop.properties", db.properties(**more))
    out = cramped.write("out.properties", {"connector.class": "null", "topics": "shop.public.t"})
    cramped.run(shop, out)
    db.sql("INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series(1, 100) i")
    delivered(cramped, 100)
    reserve = f"{cramped.root}/connectors/shop/stream/reserve"
    assert os.stat(reserve).st_blocks * 512 == 1 << 20
    fill(cramped, 2 << 20)
    for i in range(101, 10101, 1000):
        db.sql(f"INSERT INTO t SELECT i, repeat('x', 1000) FROM generate_series({i}, {i + 999}) i")
    status = until(lambda: stalled(cramped, "shop"), 60, "the source to stall")
    assert status["error"]["code"] == "os.enospc"
    assert not os.path.exists(reserve)
    before = status["counts"]["appended"]
    time.sleep(3)
    assert stalled(cramped, "shop")["counts"]["appended"] == before
    assert "retry_in_ms" not in cramped.stderr.split("stalled", 1)[1].split("connector=out")[0]
    os.unlink(f"{cramped.root}/filler")
    delivered(cramped, 10100, 60)
    counts = until(
        lambda: (c := cramped.status("shop")["counts"])["in_flight"] == 0 and c, 30, "the balance"
    )
    assert counts["appended"] + counts["rows_appended"] == 10100 and counts["dead"] == 0
    until(lambda: os.path.exists(reserve), 30, "a new reserve")
    assert cramped.stop() == 0
    ids = [e["after"]["id"] for e in cramped.read("shop.public.t", "--format", "native")]
    assert sorted(ids) == list(range(1, 10101))


def test_low_disk(cramped):
    """By default some of the disk stays free: old segments go before their time, then it waits."""
    cramped.run("--once", source(cramped, datagen_events=800000, segment_bytes="1m"))
    assert cramped.wait() == 0
    assert "by=stream.free.bytes" in cramped.stderr
    assert cramped.topics()[0]["first_offset"] > 0
    out = cramped.write("out.properties", {"connector.class": "null", "topics": TOPIC})
    cramped.run("--once", out)
    assert cramped.wait() == 0
    read = cramped.status("out")["counts"]["delivered"]
    cramped.run(source(cramped, datagen_events=2000000, segment_bytes="1m"))
    status = until(lambda: stalled(cramped), 60, "the source to stall")
    assert status["error"]["code"] == "stream.disk_low" and "sink out" in status["error"]["message"]
    cramped.stop()
    cramped.run(source(cramped, datagen_events=2000000, segment_bytes="1m"), out)
    delivered(cramped, read + 1200000, 120)

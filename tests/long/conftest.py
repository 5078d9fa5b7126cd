"""The fixtures of tests/e2e, whose folder pytest.ini puts on the path; a small disk, another clock,
a network of its own. Those that need root skip without it."""

import os
import struct

import pytest
from borrow import fixtures
from servers.process import sh

scratch = fixtures.scratch
postgres = fixtures.postgres
db = fixtures.db
leat = fixtures.leat
kafka_process = fixtures.kafka_process
kafka = fixtures.kafka
mysql_servers = fixtures.mysql_servers
binlog_process = fixtures.binlog_process
binlog = fixtures.binlog
faulty = fixtures.faulty
pytest_runtest_makereport = fixtures.pytest_runtest_makereport

HERE = os.path.dirname(os.path.abspath(__file__))


def wrap(leat, *before, env=None):
    """Every call of the binary, and what it starts, runs behind these words."""
    sets = " ".join(f"{name}='{value}'" for name, value in (env or {}).items())
    script = f'#!/bin/sh\n{sets} exec {" ".join(before)} {leat.binary} "$@"\n'
    path = os.path.join(leat.folder, "leat-wrapped")
    with open(path, "w", encoding="utf-8") as f:
        f.write(script)
    os.chmod(path, 0o755)
    leat.binary = path


@pytest.fixture
def disk(leat):
    """The data folder on a file system of its own: disk("size=80m") changes it."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    os.makedirs(leat.data)
    sh("mount", "-t", "tmpfs", "-o", "size=80m,mode=700", "tmpfs", leat.data)
    yield lambda options: sh("mount", "-o", f"remount,{options}", leat.data)
    leat.kill()
    sh("umount", "-l", leat.data)


@pytest.fixture
def clock(leat):
    """clock(seconds): from now on leat's wall clock shows so much more than the true one."""
    shim, offset = os.path.join(leat.folder, "shim.so"), os.path.join(leat.folder, "offset")
    sh("cc", "-shared", "-fPIC", "-O1", "-o", shim, os.path.join(HERE, "clockshim.c"))

    def step(seconds):
        with open(offset, "r+b" if os.path.exists(offset) else "w+b") as f:
            f.write(struct.pack("q", seconds))

    step(0)
    wrap(leat, env={"LD_PRELOAD": shim, "CLOCK_SHIM": offset})
    return step


@pytest.fixture
def link(leat, db):
    """leat in a network of its own, with one cable to the server: link("down"), link("up"). What is
    sent while it is down vanishes, acknowledgements too. link.address is the server's."""
    if os.geteuid() != 0:
        pytest.skip("only root may make a network")
    name = f"leat{os.getpid() % 10000}"
    octet = os.getpid() % 250
    sh("ip", "netns", "add", name)
    try:
        sh("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        sh("ip", "addr", "add", f"10.213.{octet}.1/30", "dev", name)
        sh("ip", "link", "set", name, "up")
        sh("ip", "-n", name, "addr", "add", f"10.213.{octet}.2/30", "dev", "eth0")
        sh("ip", "-n", name, "link", "set", "eth0", "up")
        db.server.trust(f"10.213.{octet}.0/30")
        wrap(leat, "ip", "netns", "exec", name)

        def set_to(state):
            sh("ip", "link", "set", name, state)

        set_to.address = f"10.213.{octet}.1"
        yield set_to
    finally:
        leat.kill()
        sh("ip", "netns", "del", name)

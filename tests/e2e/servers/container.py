"""This machine's own root below an overlay, with systemd as process 1: what a package does to a
system is done to that, and gone when it ends. Needs root, and a kernel that lets it."""

import os
import shutil
import subprocess

from servers.process import Process, gone, until

# As the first process of the new namespaces; $1: an empty folder, $2: what is copied to /.
BEGIN = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cp "$2" "$1/root/"
cd "$1/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
for one in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "dev/${one%:*}" c 1 "${one#*:}"
done
mknod -m 666 dev/tty c 5 0
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mkdir -p dev/shm dev/pts dev/mqueue old
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
# None of this machine's services.
rm -rf lib/systemd/system/*.wants etc/systemd/system/*.wants etc/systemd/system/*.requires
rm -rf run/* var/lib/leat etc/default/leat lib/systemd/system/leat.*
printf '[Unit]\nDescription=nothing else\n' >etc/systemd/system/leat-test.target
mkdir -p etc/systemd/system/leat.service.d
printf '[Service]\nStandardError=append:/leat.log\n' >etc/systemd/system/leat.service.d/log.conf
ip link set lo up
pivot_root . old
umount -l /old
exec env -i container=leat-test PATH="$PATH" LANG=C /lib/systemd/systemd \
    --unit=leat-test.target --log-target=console --log-level=notice
"""
CGROUPS = ("/sys/fs/cgroup/unified", "/sys/fs/cgroup")


class Missing(Exception):
    """Why there can be none here."""


def _cgroups():
    """The folder of cgroup v2, in which groups can be made."""
    for folder in CGROUPS:
        if os.path.exists(os.path.join(folder, "cgroup.procs")):
            with open(os.path.join(folder, "cgroup.procs"), encoding="ascii"):
                return folder
    raise Missing("cgroup v2 is not mounted")


def _needs():
    if os.geteuid() != 0:
        raise Missing("only root can make one")
    for program in ("unshare", "nsenter", "pivot_root", "ip", "systemctl", "adduser", "dpkg"):
        if not shutil.which(program):
            raise Missing(f"{program} is not installed")
    if not os.path.exists("/lib/systemd/systemd"):
        raise Missing("systemd is not installed")


class Container:
    def __init__(self, folder, copied):
        _needs()
        self.folder, self.log = folder, f"{folder}.log"
        self.group = os.path.join(_cgroups(), f"leat-test-{os.getpid()}")
        os.makedirs(folder)
        try:
            os.mkdir(self.group)
        except OSError as e:
            raise Missing(f"no control group can be made: {e}") from e
        enter = (f"echo $$ >{self.group}/cgroup.procs && exec unshare -m -p -u -i -n -C --fork "
                 '--kill-child bash -c "$0" begin "$@"')
        self.process = Process(["bash", "-c", enter, BEGIN, folder, copied], stderr=self.log)
        try:
            until(self._is_up, 60, "systemd to run", every=0.1)
            self._try_sandbox()
        except (TimeoutError, AssertionError) as e:
            self.end()
            raise Missing(f"systemd does not run in it: {e}: {self.said()[-500:]}") from e

    def _try_sandbox(self):
        """What a hardened unit needs of the kernel, which not every machine lets it have."""
        options = [f"-p{o}=yes" for o in ("PrivateDevices", "PrivateTmp", "ProtectKernelTunables")]
        self.call("systemd-run", "--unit=probe", "--no-block", "-pType=oneshot",
                  "-pRemainAfterExit=yes", "-pProtectSystem=strict", *options, "/bin/true")
        until(lambda: self.property("probe", "ActiveState") in ("active", "failed"), 60, "a probe")
        assert self.property("probe", "Result") == "success", "a hardened unit does not start"

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def _first(self):
        """Its process 1, as it is called here; 0: not yet."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as f:
            children = f.read().split()
        return int(children[0]) if children else 0

    def _is_up(self):
        assert self.process.status is None, "it ended"
        return self._first() and self.call("systemctl", "is-active", "leat-test.target",
                                           ok=None).stdout.strip() == "active"

    def call(self, *cmd, ok=(0,), seconds=180):
        """A command inside, to its end."""
        done = subprocess.run(["nsenter", "-t", str(self._first()), "-a", "-r", "-w", *cmd],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)
        assert ok is None or done.returncode in ok, f"{cmd}: {done.stdout}{done.stderr}"
        return done

    def property(self, unit, name):
        return self.call("systemctl", "show", "-P", name, unit).stdout.strip()

    def end(self):
        first = self._first() if self.process.status is None else 0
        self.process.kill()
        if first:
            until(lambda: gone(first), 60, "the end of the container")
        for at, _, _ in os.walk(self.group, topdown=False):
            until(lambda at=at: _removed(at), 60, f"{at} to be empty")


def _removed(folder):
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True

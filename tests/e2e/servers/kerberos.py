"""A private Kerberos: one KDC of a realm of its own, from Debian's krb5-kdc and krb5-admin-server.

tools/setup.sh kerberos installs them. Without them `Missing` says what is missing, and the fixture
skips.
"""

import os
import shutil
import socket
import subprocess

from .process import Process, free_port, until

REALM = "LEAT.TEST"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
SASL = "/usr/lib/x86_64-linux-gnu/sasl2/libgssapiv2.so"


class Missing(Exception):
    """Kerberos is not on this machine; the text says what to do about it."""


def _program(name):
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


class Kerberos:
    """Started. `conf` is its krb5.conf: for KRB5_CONFIG."""

    def __init__(self, folder):
        missing = [p for p in PROGRAMS if not _program(p)]
        missing += [] if os.path.exists(SASL) else ["libsasl2-modules-gssapi-mit"]
        if missing:
            raise Missing(f"{', '.join(missing)}: tools/setup.sh kerberos installs a KDC")
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.port = free_port()
        self.conf = self._write("krb5.conf", f"""
            [libdefaults]
            default_realm = {REALM}
            dns_lookup_kdc = false
            dns_lookup_realm = false
            dns_canonicalize_hostname = false
            rdns = false
            udp_preference_limit = 1
            [realms]
            {REALM} = {{
                kdc = 127.0.0.1:{self.port}
            }}
            """)
        kdc = self._write("kdc.conf", f"""
            [kdcdefaults]
            kdc_listen = ""
            kdc_tcp_listen = 127.0.0.1:{self.port}
            [realms]
            {REALM} = {{
                database_name = {self.folder}/principal
                key_stash_file = {self.folder}/stash
                acl_file = {self.folder}/acl
                max_life = 1h
            }}
            """)
        self.env = {"KRB5_CONFIG": self.conf, "KRB5_KDC_PROFILE": kdc}
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self.process = Process([_program("krb5kdc"), "-n", "-r", REALM],
                               stderr=os.path.join(self.folder, "kdc.log"), env=self.env)
        until(self._answers, 60, "the KDC")

    def _write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(line.removeprefix(" " * 12) for line in text.splitlines()) + "\n")
        return path

    def _run(self, program, *args):
        done = subprocess.run([_program(program), *args], env={**os.environ, **self.env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{program} {args}: {done.stdout}{done.stderr}"

    def _answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def principal(self, name):
        """Makes it; its key table."""
        keytab = os.path.join(self.folder, name.replace("/", "-") + ".keytab")
        self._run("kadmin.local", "-r", REALM, "-q", f"addprinc -randkey {name}@{REALM}")
        self._run("kadmin.local", "-r", REALM, "-q", f"ktadd -k {keytab} {name}@{REALM}")
        return keytab

    def stop(self):
        self.process.kill()

"""A small certificate authority, made by openssl at test time: keys, certificates and faults."""

import os
import subprocess

from .process import own


class Authority:
    """One CA in a folder of its own. Files: ca.pem, and NAME.pem, NAME.key of each certificate."""

    def __init__(self, folder, name="leat test CA"):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.ca = self.path("ca.pem")
        self._openssl("req", "-x509", *NEW_KEY, "-keyout", self.path("ca.key"), "-out", self.ca,
                      "-subj", f"/CN={name}", "-days", "30")

    def path(self, file):
        return os.path.join(self.folder, file)

    def issue(self, name, cn, san=None, expired=False):
        """A key and a certificate for cn; (certificate, key). san: subjectAltName."""
        pem, key, request = self.path(f"{name}.pem"), self.path(f"{name}.key"), self.path("req")
        self._openssl("req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={cn}")
        extensions = self.path("ext")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName={san}\n" if san else "")
        # A start in the past is only to be had by x509 -days with a negative number of days.
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.path("ca.key"),
                      "-CAcreateserial", "-out", pem, "-days", "-1" if expired else "30",
                      "-extfile", extensions)
        os.chmod(key, 0o600)
        return pem, key

    def convert(self, key, name, *args):
        """The key in another form, made by `openssl ARGS`."""
        out = self.path(name)
        self._openssl(*args, "-in", key, "-out", out)
        os.chmod(out, 0o600)
        return out

    def give(self, path, user):
        own(path, user)

    @staticmethod
    def _openssl(*args):
        done = subprocess.run(["openssl", *args], capture_output=True, text=True)
        assert done.returncode == 0, f"openssl {' '.join(args)}: {done.stderr}"


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

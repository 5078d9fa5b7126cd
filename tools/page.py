#!/usr/bin/env python3
"""Builds the page (web/) and writes it as a C file that the binary embeds; meson.build calls it.

    tools/page.py OUT.c DEPFILE WORK auto|enabled|disabled

WORK is a folder of the build: web/ is copied into it, `npm ci` fetches there what the lock file
pins, and esbuild bundles it; the source tree is left as it is. When that cannot be done (no Node,
no network), `auto` writes a file without a page that says why, and a build is never broken by it;
`enabled` fails instead.
"""

import fcntl
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
WEB = os.path.join(ROOT, "web")
NODE_LEAST = 18
NPM_SECONDS = 600
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".html": "text/html; charset=utf-8",
}


class Absent(Exception):
    """Why there can be no page; one sentence."""


def call(cmd, cwd, seconds):
    try:
        done = subprocess.run(cmd, cwd=cwd, capture_output=True, text=True, timeout=seconds,
                              stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError:
        raise Absent(f"{cmd[0]} is not installed (tools/setup.sh build)") from None
    except subprocess.TimeoutExpired:
        raise Absent(f"{' '.join(cmd)} did not end within {seconds} s") from None
    if done.returncode != 0:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-30:]
        print("\n".join(last), file=sys.stderr)
        raise Absent(f"{' '.join(cmd[:2])} failed: the build's output says why")
    return done.stdout


def check_node():
    version = call(["node", "--version"], ROOT, 60).strip()
    found = re.match(r"v(\d+)", version)
    if not found or int(found[1]) < NODE_LEAST:
        raise Absent(f"Node {NODE_LEAST} or newer is needed, this is {version}")


def sources():
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(f for f in folders if f not in ("node_modules", "out"))
        for name in sorted(files):
            yield os.path.join(folder, name)


def copy(work):
    """web/ as it is now; node_modules stay."""
    for name in os.listdir(work):
        if name not in ("node_modules", "installed", "lock"):
            path = os.path.join(work, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    for path in sources():
        to = os.path.join(work, os.path.relpath(path, WEB))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copyfile(path, to)


def install(work):
    """What the lock file pins, if it is not there already."""
    with open(os.path.join(work, "package-lock.json"), "rb") as f:
        wanted = hashlib.sha256(f.read()).hexdigest()
    stamp = os.path.join(work, "installed")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as f:
            if f.read() == wanted:
                return
    call(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], work, NPM_SECONDS)
    with open(stamp, "w", encoding="utf-8") as f:
        f.write(wanted)


def bundle(work):
    """(name, type, text, gzip, brotli) of each file; brotli None: served as it is."""
    call(["node", "build.mjs"], work, 300)
    out = os.path.join(work, "out")
    for name in sorted(os.listdir(out)):
        if name.endswith(".br"):
            continue
        with open(os.path.join(out, name), "rb") as f:
            text = f.read()
        kind = TYPES[os.path.splitext(name)[1]]
        if name == "index.html":
            yield name, kind, text, text, None
            continue
        with open(os.path.join(out, name + ".br"), "rb") as f:
            yield name, kind, text, gzip.compress(text, 9, mtime=0), f.read()


def bytes_of(out, name, data):
    out.write(f"static const unsigned char {name}[] = {{\n")
    for at in range(0, len(data), 32):
        out.write("    " + ",".join(map(str, data[at:at + 32])) + ",\n")
    out.write("};\n")


def write(path, files, why):
    with open(path, "w", encoding="utf-8") as out:
        out.write("/* The page's files. Written by tools/page.py. */\n")
        out.write('#include "hub/ui_files.h"\n\n')
        rows = []
        for i, (name, kind, text, packed, brotli) in enumerate(files):
            bytes_of(out, f"gzip_{i}", packed)
            if brotli is not None:
                bytes_of(out, f"brotli_{i}", brotli)
            there = f"brotli_{i}, sizeof gzip_{i}, sizeof brotli_{i}"
            there = there if brotli is not None else f"NULL, sizeof gzip_{i}, 0"
            rows.append(f'    {{"{name}", "{kind}", gzip_{i}, {there}, {len(text)}}},\n')
        out.write("\nconst leat_ui_file leat_ui_files[] = {\n")
        out.writelines(rows)
        out.write("    {NULL, NULL, NULL, NULL, 0, 0, 0},\n};\n")
        text = "NULL" if why is None else '"' + why.replace("\\", "\\\\").replace('"', '\\"') + '"'
        out.write(f"const char *const leat_ui_absent = {text};\n")


def make(work, wanted):
    if wanted == "disabled":
        return [], "It was left out: -Dpage=disabled."
    try:
        check_node()
        os.makedirs(work, exist_ok=True)
        with open(os.path.join(work, "lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            copy(work)
            install(work)
            return list(bundle(work)), None
    except Absent as e:
        if wanted == "enabled":
            sys.exit(f"tools/page.py: {e}")
        return [], str(e) + "."


def main():
    out, depfile, work, wanted = sys.argv[1:]
    files, why = make(work, wanted)
    write(out, files, why)
    with open(depfile, "w", encoding="utf-8") as f:
        f.write(f"{out}: " + " ".join(p.replace(" ", "\\ ") for p in sources()) + "\n")
    # tools/build.sh tells it, and tries again the next time.
    absent = os.path.join(os.path.dirname(out), "page.absent")
    if why is not None and wanted == "auto":
        with open(absent, "w", encoding="utf-8") as f:
            f.write(why + "\n")
    elif os.path.exists(absent):
        os.unlink(absent)


if __name__ == "__main__":
    main()

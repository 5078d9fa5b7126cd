"""The static checks: what a compiler does not see. One function each, registered by @check.

A check takes a Tree and yields one line for each problem. Something worth knowing that is no
problem goes to tree.note. A check that cannot run here raises Skip with the reason. selftest.py
holds a bad sample for every check and sees it fail.
"""

import concurrent.futures
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile

ALL = {}


class Skip(Exception):
    pass


def check(fn):
    ALL[fn.__name__] = fn
    return fn


def run(name, tree):
    """(problems, notes) of one check."""
    return list(ALL[name](tree)), tree.notes


class Tree:
    """The files of a checkout: those git knows, and new ones that it does not ignore."""

    def __init__(self, root, files=None):
        self.root = root
        self.notes = []
        if files is None:
            out = subprocess.run(
                # A clone may belong to another user than the one who tests it.
                ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
                cwd=root,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            files = [f for f in out.split("\0") if f and os.path.isfile(os.path.join(root, f))]
        self.files = sorted(files)

    def path(self, file):
        return os.path.join(self.root, file)

    def match(self, pattern):
        return [f for f in self.files if re.fullmatch(pattern, f)]

    @functools.lru_cache(maxsize=None)  # noqa: B019 - a Tree lives as long as one check
    def text(self, file):
        with open(self.path(file), encoding="utf-8", errors="replace") as f:
            return f.read()

    def lines(self, file):
        return enumerate(self.text(file).splitlines(), 1)

    def binary(self, file):
        with open(self.path(file), "rb") as f:
            return b"\0" in f.read(8192)

    def note(self, text):
        self.notes.append(text)


def bare(text):
    """C without comments and without what stands in quotes; every line keeps its number."""

    def blank(m):
        kept = re.sub(r"[^\n]", " ", m[0])
        return m[0][0] + kept[1:-1] + m[0][-1] if m[0][0] in "\"'" else kept

    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, text, flags=re.S)


def parallel(fn, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for problems in pool.map(fn, items):
            yield from problems


def first_lines(text, n=6):
    return "\n".join(text.strip().splitlines()[:n])


# ---- C: form


@check
def format(tree):
    """clang-format 14 has nothing to change (make format)."""
    files = tree.match(r"(src|tests|bench)/.*\.[ch]")
    if not shutil.which("clang-format-14"):
        raise Skip("clang-format-14 is not installed")

    def one(file):
        done = subprocess.run(
            ["clang-format-14", "--style=file", file],
            cwd=tree.root,
            capture_output=True,
            text=True,
            check=True,
        )
        pairs = zip(done.stdout.splitlines(), tree.text(file).splitlines())
        if done.stdout != tree.text(file):
            line = next((n for n, (a, b) in enumerate(pairs, 1) if a != b), "end")
            return [f"{file}:{line}: not as clang-format 14 writes it (make format)"]
        return []

    yield from parallel(one, files)


def strict_flags(tree):
    """The warnings of meson.build, so that they stand there alone."""
    extra = re.findall(r"'(-W[\w=-]+)'", tree.text("meson.build"))
    return ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *extra]


@check
def headers(tree):
    """Every header compiles alone, with the strict flags."""
    libraries = re.findall(r"'(\w+)': dependency\(", tree.text("src/meson.build"))
    flags = strict_flags(tree)
    for library in libraries:
        got = subprocess.run(["pkg-config", "--cflags", library], capture_output=True, text=True)
        flags += got.stdout.split()

    def one(file):
        twice = f'#include "{file}"\n' * 2 + "typedef int not_empty;\n"  # the guard holds, too
        done = subprocess.run(
            ["gcc", *flags, "-fsyntax-only", "-I.", "-Isrc", "-Itests", "-x", "c", "-"],
            cwd=tree.root,
            capture_output=True,
            text=True,
            input=twice,
        )
        if done.returncode != 0:
            return [f"{file}: does not compile alone:\n{first_lines(done.stderr)}"]
        return []

    yield from parallel(one, tree.match(r"(src|tests)/.*\.h"))


@check
def opening(tree):
    """Every source file says first what it is for."""
    for file in tree.match(r"(src|tests)/.*\.[ch]"):
        if not tree.text(file).startswith("/*"):
            yield f"{file}:1: a file opens with a comment: what it is for"


@check
def length(tree):
    """Files under 1,000 lines."""
    kinds = "c|h|py|sh|ts|tsx|js|mjs|css|html|in"
    for file in tree.match(rf"(src|tests|web|tools|bench)/.*\.({kinds})"):
        n = tree.text(file).count("\n")
        if n >= 1000:
            yield f"{file}: {n} lines; files stay under 1,000"


def functions(text):
    """(name, first line, lines) of each function, in code formatted by clang-format."""
    lines = bare(text).splitlines()
    start, name = None, None
    for n, line in enumerate(lines, 1):
        if line[:1] not in ("", " ", "}", "{", "#", "\t") and (m := re.search(r"(\w+)\(", line)):
            start, name = n, m[1]
        if line == "}" and start:
            yield name, start, n - start + 1
            start = None


@check
def functions_short(tree):
    """Functions of up to 60 lines; over 80 fails."""
    long = []
    for file in tree.match(r"src/.*\.[ch]"):
        for name, line, n in functions(tree.text(file)):
            if n > 80:
                yield f"{file}:{line}: {name} has {n} lines; 60 are the aim, 80 the bound"
            elif n > 60:
                long.append(f"{name} {n}")
    if long:
        tree.note(f"functions of more than 60 lines: {', '.join(sorted(long))}")


# ---- C: what may use what

# What each folder may include beside itself. Folders that are not listed may include all but cli.
# A connector and its system see their own folder of each: source/x, sink/x, system/x.
CORE = {"base", "config", "event", "capture"}
LAYERS = {
    "base": set(),
    "config": {"base"},
    "event": {"base"},
    "capture": {"base", "config", "event"},
    "system": CORE,
    "source": CORE,
    "sink": CORE,
    "transform": {"base", "config", "event"},
    "convert": {"base", "config", "event"},
    "stream": {"base", "config", "event", "convert"},
    "state": {"base", "config", "event"},
}
# Of connectors: open to all above event.
CONTRACTS = {"source/source.h", "sink/sink.h", "system/system.h"}
CONNECTED = ("system", "source", "sink")
MANY = {"sink/sql"}  # connectors of several systems: they see system/ of all


def includes(tree, file):
    for n, line in tree.lines(file):
        if m := re.match(r'\s*#\s*include\s+"([^"]+)"', line):
            yield n, m[1]


@check
def layers(tree):
    """Includes follow the rules of the layout (DEVELOPING.md)."""
    for file in tree.match(r"src/.*/.*\.[ch]"):
        parts = file.split("/")[1:]
        folder, own = parts[0], parts[1] if len(parts) > 2 else None
        for n, header in includes(tree, file):
            to = header.split("/")
            where = f'{file}:{n}: {folder}/ may not include "{header}"'
            if len(to) < 2:
                yield f'{file}:{n}: includes say the folder: "{folder}/{header}"'
            elif to[0] in CONNECTED and len(to) > 2:
                if f"{folder}/{own}" in MANY and to[0] == "system":
                    continue
                if folder not in CONNECTED or own != to[1]:
                    yield f"{where}: a connector is reached by its contract alone"
            elif header in CONTRACTS:
                if folder in ("base", "config", "event", "transform", "convert"):
                    yield f"{where}: connectors stand above it"
            elif to[0] == "cli" and folder != "cli":
                yield f"{where}: only main.c and cli/ know the commands"
            elif folder in LAYERS and to[0] != folder and to[0] not in LAYERS[folder]:
                yield f"{where}: only {', '.join(sorted(LAYERS[folder])) or 'itself'}"


PURE_HEADERS = r"(base/os\.h|unistd\.h|fcntl\.h|poll\.h|netdb\.h|dirent\.h|sys/(?!types)\w+\.h)"
PURE_CALLS = (
    "open openat creat read pread write pwrite close socket connect bind accept send recv poll "
    "select fopen fdopen freopen fclose fread fwrite fputs fputc puts putchar printf fprintf "
    "vprintf vfprintf fgets getline remove rename unlink mkdir stat fstat getenv"
).split()


def calls(text, names):
    """(line, name) for each call of one of names; members (x->open, x.open) are not calls."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for n, line in enumerate(bare(text).splitlines(), 1):
        for m in pattern.finditer(line):
            yield n, m[1]


@check
def pure(tree):
    """event, transform and convert do no I/O."""
    for file in tree.match(r"src/(event|transform|convert)/.*\.[ch]"):
        for n, line in tree.lines(file):
            if m := re.match(rf'\s*#\s*include\s+[<"]{PURE_HEADERS}[>"]', line):
                yield f"{file}:{n}: {m[1]} is for I/O, which this folder does not do"
            if re.search(r"\bFILE\s*\*", line):
                yield f"{file}:{n}: FILE is for I/O, which this folder does not do"
        for n, name in calls(tree.text(file), PURE_CALLS):
            yield f"{file}:{n}: {name}() is I/O, which this folder does not do"


NEVER = {
    **dict.fromkeys(["strcpy", "strcat", "sprintf", "vsprintf", "gets"], "no bound: base/buf.h"),
    **dict.fromkeys(["atoi", "atol", "atoll", "atof"], "takes anything for a number: base/str.h"),
    "strtok": "keeps state: base/str.h",
    **dict.fromkeys(["system", "popen"], "starts a shell"),
    "alloca": "takes the stack unchecked: an arena",
}
HEAP = ["malloc", "calloc", "realloc", "reallocarray", "strdup", "strndup", "asprintf", "vasprintf"]
OS = (
    "open openat pwrite pread fsync fdatasync rename renameat unlink unlinkat ftruncate fallocate "
    "posix_fallocate clock_gettime gettimeofday time nanosleep sleep usleep"
).split()


@check
def banned(tree):
    """Calls that nobody makes, and those that only base/ makes."""
    for file in tree.match(r"(src|tests)/.*\.[ch]"):
        rules = dict(NEVER)
        if file.startswith("src/") and not file.startswith("src/base/"):
            rules |= dict.fromkeys(HEAP, "only in base/: an arena, or leat_alloc")
            rules |= dict.fromkeys(OS, "only in base/, so that a test can replace it")
        for n, name in calls(tree.text(file), rules):
            yield f"{file}:{n}: {name}() {rules[name]}"


# ---- the tree


@check
def registered(tree):
    """Every source is built and every test runs: each is named in a meson.build."""
    listed = tree.text("src/meson.build")
    for file in tree.match(r"src/.*\.c"):
        if file != "src/main.c" and f"'{file[4:]}'" not in listed:
            yield f"{file}: not in src/meson.build, so nothing compiles it"
    listed = tree.text("tests/meson.build")
    for file in tree.match(r"tests/(\w+)/(test|fuzz)_\w+\.c"):
        suite, name = re.fullmatch(r"tests/(\w+)/(?:test|fuzz)_(\w+)\.c", file).groups()
        row = rf"^\s*'{name}'," if suite == "fuzz" else rf"^\s*\[\s*'{suite}',\s*'{name}'[,\]]"
        if not re.search(row, listed, re.M):
            yield f"{file}: not in tests/meson.build, so nobody runs it"


@check
def unfinished(tree):
    """No notes to oneself."""
    for file in tree.files:
        if tree.binary(file) or file.startswith("tests/check/"):
            continue
        for n, line in tree.lines(file):
            if m := re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                yield f"{file}:{n}: {m[1]}: finish it, or leave it out and say so in the docs"


@check
def machine(tree):
    """Nothing that is true on one machine only: folders of its users, its package sources."""
    folders = re.compile(r"(?<![\w.~$}/-])/(?:work|root|home|farm|tmp/bash_jobs)/[\w.]")
    hosts = re.compile(
        r"\b(pypi\.org|pythonhosted|proxy\.golang|repo1?\.maven|deb\.debian|registry\.npm)"
    )
    for file in tree.files:
        if tree.binary(file) or file.startswith("tests/check/"):
            continue
        for n, line in tree.lines(file):
            for pattern in (folders, hosts):
                if m := pattern.search(line):
                    yield f"{file}:{n}: {m[0]}: means nothing on another machine"


@check
def links(tree):
    """Every relative link of a page leads to a file, and its #anchor to a heading there."""

    def anchors(file):
        heads = re.findall(r"^#+ (.*)$", tree.text(file), re.M)
        return {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-") for h in heads}

    for file in tree.match(r".*\.md"):
        code = False
        for n, line in tree.lines(file):
            code ^= line.startswith("```")
            line = "" if code else re.sub(r"`[^`]*`", "", line)
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                to = os.path.normpath(os.path.join(os.path.dirname(file), path)) if path else file
                if not os.path.exists(tree.path(to)):
                    yield f"{file}:{n}: no such file: {target}"
                elif anchor and to.endswith(".md") and anchor not in anchors(to):
                    yield f"{file}:{n}: no such heading: {target}"


@check
def decisions(tree):
    """docs/README.md lists each decision once, by number, with its title."""
    listed = re.findall(
        r"^ *- \[(\d{3}): (.*)\]\(decisions/(.*\.md)\)$", tree.text("docs/README.md"), re.M
    )
    there = [
        (*re.match(r"# (\d{3}): (.*)", tree.text(file)).groups(), os.path.basename(file))
        for file in sorted(tree.match(r"docs/decisions/.*\.md"))
    ]
    for row in there:
        if row not in listed:
            yield f"docs/README.md: not listed: - [{row[0]}: {row[1]}](decisions/{row[2]})"
    if not set(there) - set(listed) and listed != there:
        yield "docs/README.md: decisions are listed twice, out of order, or are gone"


@check
def shell(tree):
    """Shell scripts parse, and shellcheck has nothing to say."""
    for file in tree.files:
        if tree.binary(file) or not re.match(r"#!.*\b(ba)?sh\b", tree.text(file)):
            continue
        commands = [["bash", "-n", file]]
        if shutil.which("shellcheck"):
            commands.append(["shellcheck", "-f", "gcc", file])
        for cmd in commands:
            done = subprocess.run(cmd, cwd=tree.root, capture_output=True, text=True)
            if done.returncode != 0:
                yield f"{file}: {cmd[0]}:\n{first_lines(done.stdout + done.stderr)}"
                break


@check
def python(tree):
    """Python files compile, and their lines fit."""
    for file in tree.match(r".*\.py"):
        try:
            compile(tree.text(file), file, "exec")
        except SyntaxError as e:
            yield f"{file}:{e.lineno}: {e.msg}"
        for n, line in tree.lines(file):
            if len(line) > 100:
                yield f"{file}:{n}: {len(line)} columns; 100 are the bound"


SHARED_PAGES = ("README", "worker", "kafka-client", "debezium-server")


@check
def docs(tree):
    """docs/connectors/ is what the option tables say (make docs)."""
    leat = tree.path("build/leat")
    if not os.path.exists(leat):
        raise Skip("there is no build/leat yet")
    with tempfile.TemporaryDirectory() as fresh:
        # What people wrote in a page stays; so the copy must come out as it was.
        for page in tree.match(r"docs/connectors/.*\.md"):
            shutil.copy(tree.path(page), fresh)
        done = subprocess.run(
            [leat, "plugins", "--markdown", fresh], capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            raise Skip("this leat cannot write its docs yet (leat plugins --markdown)")
        for name in sorted(os.listdir(fresh)):
            kept = f"docs/connectors/{name}"
            with open(os.path.join(fresh, name), encoding="utf-8") as f:
                if not os.path.exists(tree.path(kept)):
                    yield f"{kept}: missing (make docs)"
                elif f.read() != tree.text(kept):
                    yield f"{kept}: not what the option tables say (make docs)"
        known = connectors(leat)
        for kept in tree.match(r"docs/connectors/.*\.md"):
            name = os.path.basename(kept)[:-3]
            if name not in known and name not in SHARED_PAGES:
                yield f"{kept}: no such connector (make docs)"


def connectors(leat):
    """Names of all connectors, those that this build lacks too: their pages cannot be compared."""
    done = subprocess.run([leat, "plugins", "--json"], capture_output=True, text=True, timeout=60)
    return {row["name"] for row in json.loads(done.stdout)} if done.returncode == 0 else set()


OPTION_CLASSES = {"supported", "no effect", "missing"}


@check
def options(tree):
    """docs/compatibility.md lists every option of Debezium's connector, with the class that the
    option tables give it, and for a supported one a test that sets it."""
    page, recorded = "docs/compatibility.md", "tests/golden/options.json"
    if recorded not in tree.files:
        return
    wanted = json.loads(tree.text(recorded))
    wanted = set(wanted["recorded"]) | set(wanted["documented"])
    classes = option_classes(tree)
    rows = re.findall(r"^\| `([^`]+)` \| (\w[\w ]*) \| ([^|]*?) \|$", tree.text(page), re.M)
    rows = [row for row in rows if row[1] in OPTION_CLASSES]
    for name in sorted(wanted - {row[0] for row in rows}):
        yield f"{page}: {name} is not in the table of every option"
    for name, kind, where in rows:
        if name not in wanted:
            yield f"{page}: {name} is not in {recorded}"
        known = classes.get(name) or next(
            (c for n, c in classes.items() if "*" in n and option_fits(n, name)), "unknown"
        )
        if known != kind:
            yield f"{page}: {name} is said to be {kind}, the option tables say: {known}"
        if kind == "supported" and not option_tested(tree, name, where):
            yield f"{page}: {name}: {where or 'no test'} does not set it"


def option_fits(pattern, name):
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".+"), name)


def option_classes(tree):
    """name -> class, as docs/connectors/ (which `docs` compares with the tables) has them."""
    classes = {}
    for file in ("docs/connectors/README.md", "docs/connectors/postgres.md"):
        kind = "supported"
        for line in tree.text(file).split("\n"):
            if line.startswith("#"):
                kind = {"Accepted without effect": "no effect", "Not built yet": "missing"}.get(
                    line.strip("# "), "supported"
                )
            elif m := re.match(r"\| `([^`]+)` \|", line):
                classes.setdefault(m[1].replace("\\", ""), kind)
    return classes


def option_tested(tree, name, where):
    """where: a golden case (`golden/crud`) or a test program (`e2e/test_slot`) that has the name,
    or its form as a Python argument."""
    where = where.strip("`")
    if where.startswith("golden/"):
        file = f"tests/golden/postgres/{where[7:]}.json"
        if file not in tree.files:
            return False
        config = json.loads(tree.text(file))["connector_config"]
        return any(n == name or option_fits(name, n) for n in config)
    for file in (f"tests/{where}.py", f"tests/{where}.c"):
        if file in tree.files:
            # A pattern's name as a test writes it: "column.mask.with.*.chars" by its first part.
            text, stem = tree.text(file), name.split("*")[0].rstrip(".")
            return stem in text or re.search(rf"\b{stem.replace('.', '_')}\b", text) is not None
    return False

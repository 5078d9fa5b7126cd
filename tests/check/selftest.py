"""A check that cannot fail is worth nothing: each is fed bad samples and must complain about each,
and a good one and must not.

A sample is one small tree: {file: content}. GOOD is the tree beside which every bad one stands.
"""

import os
import tempfile

import checks

GOOD = {
    ".clang-format": None,  # None: the project's own
    "meson.build": None,
    "src/meson.build": "base = files(\n  'base/a.c',\n  'source/x/a.c',\n  'source/x/b.c',\n)\n",
    "tests/meson.build": "tests = [\n  ['unit', 'a'],\n]\nfuzz = [\n  'a',\n]\n",
    "tests/unit/test_a.c": "/* A test. */\n",
    "tests/fuzz/fuzz_a.c": "/* A target. */\n",
    "src/base/a.h": "/* Adds. */\n#include <stddef.h>\n\nsize_t leat_a_add(size_t a, size_t b);\n",
    "src/base/a.c": (
        '/* Adds; system() and a "strcpy(" in words are no calls. */\n#include "base/a.h"\n\n'
        "size_t leat_a_add(size_t a, size_t b)\n{\n    return a + b;\n}\n"
    ),
    "src/source/source.h": "/* A contract. */\n",
    "src/source/x/a.c": (
        '/* A connector. */\n#include "source/source.h"\n\n#include "system/x/a.h"\n'
    ),
    "src/source/x/b.c": "/* Calls a member. */\nint leat_b(struct b *b)\n{\n    b->open(1);\n}\n",
    "src/system/x/a.h": "/* A system. */\n",
    "README.md": "# A page\n[itself](#a-page), [code](src/base/a.c), `[no](link)`\n",
    "docs/README.md": "- [001: a](decisions/001-a.md)\n",
    "docs/decisions/001-a.md": "# 001: a\n",
    "tools/a.sh": '#!/bin/sh\necho "$1"\n',
    "tests/a.py": "print(1)\n",
}

# Beside GOOD for the check `options`.
OPTIONS = {
    "tests/golden/options.json": '{"recorded": {"a.b": "1", "c": null}, "documented": ["d"]}',
    "tests/golden/postgres/x.json": '{"connector_config": {"a.b": "2"}}',
    "tests/e2e/test_y.py": "run(d=1)\n",
    "docs/connectors/README.md": "### One\n| `d` | int |\n",
    "docs/connectors/postgres.md": (
        "### Two\n| `a.b` | int |\n### Accepted without effect\n| `c` |  |\n"
    ),
    "docs/compatibility.md": (
        "| `a.b` | supported | golden/x |\n| `c` | no effect |  |\n"
        "| `d` | supported | e2e/test_y |\n"
    ),
}

LONG_FUNCTION = "int leat_f(void)\n{\n" + "    f();\n" * 80 + "}\n"
NOT_BUILT = "/* A file that nobody builds. */\n"

# check -> bad trees, each with one thing wrong
BAD = {
    "format": [{"src/base/b.c": "/* B. */\nint  b( void );\n"}],
    "headers": [
        {"src/base/b.h": "/* Needs stddef.h. */\nsize_t b(void);\n"},
        {"src/base/b.h": "/* Narrows. */\nstatic inline char b(int i)\n{\n    return i;\n}\n"},
    ],
    "opening": [{"src/base/b.c": "#include <stddef.h>\n"}],
    "length": [{"src/base/b.c": "\n" * 1000}, {"tests/b.py": "\n" * 1000}],
    "functions_short": [{"src/base/b.c": LONG_FUNCTION}],
    "layers": [
        {"src/base/b.c": '#include "event/event.h"\n'},
        {"src/source/x/c.c": '#include "engine/task.h"\n'},
        {"src/source/x/c.c": '#include "source/y/a.h"\n'},
        {"src/source/x/c.c": '#include "system/y/a.h"\n'},
        {"src/engine/c.c": '#include "source/x/a.h"\n'},
        {"src/convert/c.c": '#include "source/source.h"\n'},
        {"src/stream/c.c": '#include "hub/rest.h"\n'},
        {"src/hub/c.c": '#include "cli/run.h"\n'},
        {"src/base/b.c": '#include "a.h"\n'},
    ],
    "pure": [
        {"src/event/b.c": "#include <unistd.h>\n"},
        {"src/event/b.c": "#include <sys/socket.h>\n"},
        {"src/convert/b.c": '#include "base/os.h"\n'},
        {"src/convert/b.c": "void b(FILE *f);\n"},
        {"src/transform/b.c": 'void b(void)\n{\n    printf("b");\n}\n'},
    ],
    "banned": [
        {"src/base/b.c": "void b(void)\n{\n    strcpy(a, b);\n}\n"},
        {"tests/unit/test_b.c": "void b(void)\n{\n    system(a);\n}\n"},
        {"src/event/b.c": "void b(void)\n{\n    x = malloc(1);\n}\n"},
        {"src/stream/b.c": "void b(void)\n{\n    fdatasync(fd);\n}\n"},
        {"src/engine/b.c": "void b(void)\n{\n    usleep(1);\n}\n"},
    ],
    "registered": [
        {"src/base/b.c": NOT_BUILT},
        {"tests/unit/test_b.c": NOT_BUILT},
        {"tests/fuzz/fuzz_b.c": NOT_BUILT},
    ],
    "unfinished": [{"src/base/b.c": "/* TO" + "DO: all */\n"}, {"README.md": "FIX" + "ME\n"}],
    "machine": [
        {"README.md": "See /ro" + "ot/notes.\n"},
        {"README.md": "cd /wo" + "rk/main\n"},
        {"tests/e2e/requirements.txt": "--index-url https://py" + "pi.org/simple\n"},
    ],
    "links": [{"README.md": "[gone](docs/gone.md)\n"}, {"README.md": "# A\n[b](#b)\n"}],
    "decisions": [
        {"docs/README.md": "- [001: b](decisions/001-a.md)\n"},
        {"docs/README.md": "- [001: a](decisions/001-a.md)\n" * 2},
    ],
    "shell": [
        {"tools/b.sh": "#!/bin/sh\nif true; then\n"},
        {"tools/b": "#!/usr/bin/env bash\ncd $1\n"},
    ],
    "python": [{"tests/b.py": "def\n"}, {"tests/b.py": "x = '" + "x" * 100 + "'\n"}],
    "options": [
        {"docs/compatibility.md": "| `a.b` | supported | golden/x |\n| `c` | no effect |  |\n"},
        {"docs/compatibility.md": OPTIONS["docs/compatibility.md"] + "| `e` | missing |  |\n"},
        {"docs/connectors/README.md": "### Not built yet\n| `d` |  |\n"},
        {"tests/golden/postgres/x.json": '{"connector_config": {"a": "2"}}'},
        {"tests/e2e/test_y.py": "run(e=1)\n"},
    ],
    "docs": [{"docs/connectors/x.md": "old\n"}, {"docs/connectors/gone.md": "x\n"}, {}],
}

# A leat that knows one connector, x, and says of it "new".
FAKE_LEAT = """#!/bin/sh
[ "$2" = --markdown ] && { echo new >"$3/x.md"; exit; }
echo '[{"name": "x"}]'
"""


def tree_of(folder, files):
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    for name, content in files.items():
        if content is None:
            with open(os.path.join(own, name), encoding="utf-8") as f:
                content = f.read()
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(content)
        if content.startswith("#!"):
            os.chmod(path, 0o755)
    return checks.Tree(folder, list(files))


def found(name, files):
    with tempfile.TemporaryDirectory() as folder:
        return checks.run(name, tree_of(folder, files))[0]


def run(name):
    """What is wrong with this check, None if nothing is."""
    good = dict(GOOD)
    if name == "docs":
        good |= {"build/leat": FAKE_LEAT, "docs/connectors/x.md": "new\n"}
    if name == "options":
        good |= OPTIONS
    if problems := found(name, good):
        return f"{name} complains about the good sample:\n" + "\n".join(problems)
    if not BAD.get(name):
        return f"{name} has no bad sample in tests/check/selftest.py"
    for bad in BAD[name]:
        tree = good | bad
        if not bad:
            del tree["docs/connectors/x.md"]
        if not found(name, tree):
            return f"{name} does not see what is wrong with {bad or 'a missing page'}"
    return None

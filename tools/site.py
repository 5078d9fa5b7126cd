#!/usr/bin/env python3
"""Makes docs/ a site and writes it as a C file that the binary embeds; meson.build calls it.

    tools/site.py OUT.c DEPFILE

Each page of Markdown becomes one of HTML at its path without ".md" (README.md: its folder), with
the tree of all at its left and its headings at its right; the root's README.md is the page "leat".
Links to files that are not of the site lose their address. Beside them: style and script of
docs/site/, and index.json, what the script searches: a line for each heading. Markdown is that of
docs/: headings, paragraphs, lists, tables, code, links, emphasis; the rest comes out as text.
"""

import gzip
import html
import json
import os
import posixpath
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCS = os.path.join(ROOT, "docs")
TOKENS = os.path.join(ROOT, "web/src/style/tokens.css")
PICTURES = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}
EXCERPT = 320  # letters that the search shows and looks through, behind each heading

# ---- Markdown


def slug(text):
    """As GitHub names the anchor of a heading."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", text.lower()))
    return plain.replace(" ", "-")


class Page:
    """A file of Markdown: its HTML, headings, and what is searched."""

    def __init__(self, site, source):
        self.site, self.source = site, source
        self.url = site.url_of(source)
        self.title, self.headings, self.pieces = "", [], []
        with open(os.path.join(ROOT, source), encoding="utf-8") as f:
            self.lines = re.sub(r"<!--.*?-->\n?", "", f.read(), flags=re.S).split("\n")
        self.body = "\n".join(self.blocks(self.lines))

    # ---- inline

    def link(self, text, target):
        to, _, anchor = target.partition("#")
        mail = re.match(r"[a-z]+:", to)
        if mail:
            return f'<a href="{html.escape(target)}" rel="noreferrer">{text}</a>'
        url = self.url
        if to:
            here = posixpath.dirname(self.source)
            source = posixpath.normpath(posixpath.join(here, to))
            url = self.site.url_of(source)
            if url is None and posixpath.splitext(to)[1] in PICTURES:
                url = self.site.asset(source)
        if url is None:
            return text
        place = self.site.path(self.url, url) + ("#" + anchor if anchor else "")
        return f'<a href="{place}">{text}</a>'

    def inline(self, text):
        """Code stays as it is; then links, emphasis, escapes."""
        kept = []

        def keep(made):
            kept.append(made)
            return f"\0{len(kept) - 1}\0"

        def code(m):
            shown = html.escape(m[2].strip().replace("\\|", "|"), quote=False)
            return keep(f"<code>{shown}</code>")

        text = re.sub(r"(`+)(.+?)\1", code, text)
        text = re.sub(r"\\([\\`*_{}\[\]()#+\-.!|<>])", lambda m: keep(html.escape(m[1])), text)
        text = html.escape(text, quote=False)
        text = re.sub(r"!\[([^\]]*)\]\(([^)\s]+)\)", lambda m: keep(self.image(m[1], m[2])), text)
        text = re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", lambda m: self.link(m[1], m[2]), text)
        text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
        text = re.sub(r"(?<![\w*])\*([^*\s][^*]*?)\*(?![\w*])", r"<em>\1</em>", text)
        while "\0" in text:
            text = re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)
        return text

    def image(self, text, target):
        here = posixpath.dirname(self.source)
        name = self.site.asset(posixpath.normpath(posixpath.join(here, target)))
        shown = html.escape(text)
        return (f'<img src="{self.site.path(self.url, name)}" alt="{shown}" loading="lazy">'
                if name else shown)

    # ---- blocks

    def heading(self, line):
        level, text = len(line) - len(line.lstrip("#")), line.lstrip("#").strip()
        made, anchor = self.inline(text), slug(text)
        plain = html.unescape(re.sub(r"<[^>]+>", "", made))
        if level == 1 and not self.title:
            self.title = plain
        else:
            self.headings.append((level, anchor, plain))
        self.pieces.append([anchor if level > 1 else "", plain, ""])
        return f'<h{level} id="{anchor}">{made}</h{level}>'

    def note(self, text):
        if self.pieces:
            self.pieces[-1][2] += " " + html.unescape(re.sub(r"<[^>]+>", "", text))

    def table(self, rows):
        cells = [[c.strip() for c in re.split(r"(?<!\\)\|", r.strip().strip("|"))] for r in rows]
        head, body = cells[0], cells[2:]
        out = ['<div class="sideways" tabindex="0"><table>']
        if any(head):
            out.append("<thead><tr>" + "".join(f'<th scope="col">{self.inline(c)}</th>'
                                               for c in head) + "</tr></thead>")
        out.append("<tbody>")
        for row in body:
            made = [self.inline(c) for c in row]
            self.note(" ".join(made))
            name = re.match(r"<code>([^<]+)</code>", made[0])
            anchor = f' id="{html.escape(name[1])}"' if name and "Default" in head else ""
            out.append(f"<tr{anchor}>" + "".join(f"<td>{c}</td>" for c in made) + "</tr>")
        return "".join([*out, "</tbody></table></div>"])

    def items(self, lines):
        """A list; what is indented belongs to the item before it."""
        ordered = bool(re.match(r"\d+\.", lines[0]))
        made, item = [], []
        for line in [*lines, None]:
            begins = line is not None and re.match(r"([-*]|\d+\.) +", line)
            if (begins or line is None) and item:
                made.append("<li>" + "\n".join(self.blocks(item, True)) + "</li>")
                item = []
            if line is not None:
                item.append(line[begins.end():] if begins else re.sub(r"^ {1,4}", "", line))
        tag = "ol" if ordered else "ul"
        return f"<{tag}>{''.join(made)}</{tag}>"

    def code(self, lines):
        text = html.escape("\n".join(lines).strip("\n"), quote=False)
        return f'<pre tabindex="0"><code>{text}</code></pre>'

    def blocks(self, lines, inside=False):
        """HTML of lines. inside: of an item, whose only paragraph has no tag of its own."""
        at = 0

        def take(test):
            nonlocal at
            begun = at
            while at < len(lines) and test(lines[at]):
                at += 1
            return lines[begun:at]

        while at < len(lines):
            line = lines[at]
            if not line.strip():
                at += 1
            elif line.startswith("```"):
                at += 1
                yield self.code(take(lambda x: not x.startswith("```")))
                at += 1
            elif re.match(r"#{1,6} ", line):
                yield self.heading(line)
                at += 1
            elif line.startswith("    "):
                text = take(lambda x: x.startswith("    ") or not x.strip())
                yield self.code([x[4:] for x in text])
            elif line.startswith("|"):
                yield self.table(take(lambda x: x.startswith("|")))
            elif re.match(r"([-*]|\d+\.) +", line):
                mark = take(lambda x: bool(re.match(r"([-*]|\d+\.) +|  ", x)) or (
                    not x.strip() and at + 1 < len(lines) and lines[at + 1].startswith("  ")))
                yield self.items(mark)
            else:
                text = take(lambda x: x.strip() and not re.match(r"#|```|\||([-*]|\d+\.) ", x)
                            or x is line)
                made = self.inline(" ".join(x.strip() for x in text))
                self.note(made)
                yield made if inside and len(text) == len(lines) else f"<p>{made}</p>"


# ---- the site

GROUPS = [
    ("Start", ["leat", "quickstart", "page", "guarantees"]),
    ("Run it", ["operations", "rest", "sql", "connections", "security", "performance", "stream",
                "control"]),
    ("Systems", ["services", "mysql", "query", "relational", "kafka"]),
    ("Coming from elsewhere", ["compatibility", "shadow", "takeover"]),
]


class Site:
    def __init__(self):
        self.sources = ["README.md"]
        for folder, _, files in sorted(os.walk(DOCS)):
            for name in sorted(files):
                if name.endswith(".md"):
                    path = os.path.relpath(os.path.join(folder, name), ROOT)
                    self.sources.append(path.replace(os.sep, "/"))
        self.assets = {}
        self.pages = [Page(self, s) for s in self.sources]
        self.by_url = {p.url: p for p in self.pages}

    def url_of(self, source):
        """Its path below /docs/; None: it is not of the site."""
        if source == "README.md":
            return "leat"
        if source not in self.sources and source != "docs":
            return None
        path = source.removeprefix("docs").lstrip("/").removesuffix(".md")
        return re.sub(r"(^|/)README$", r"\1", path)

    def asset(self, source):
        """A picture's path below /docs/; it is embedded."""
        path = os.path.join(ROOT, source)
        if not source.startswith("docs/") or not os.path.exists(path):
            return None
        name = "a/" + posixpath.basename(source)
        self.assets[name] = path
        return name

    @staticmethod
    def path(here, to):
        """From one page to another: relative, so that a proxy's prefix does not matter."""
        return "../" * here.count("/") + to or "./"

    def tree(self, page):
        """The tree at the left."""
        left = {u: p for u, p in self.by_url.items() if u}
        groups = [(title, [self.by_url[u] for u in urls if u in self.by_url])
                  for title, urls in GROUPS]
        for _, listed in groups:
            for p in listed:
                left.pop(p.url, None)

        def below(folder):
            return [left.pop(u) for u in sorted(left) if u.startswith(folder)]

        groups.append(("Connectors", below("connectors/")))
        decisions = below("decisions/")
        groups.append(("More", list(left.values())))
        groups.append(("Decisions", decisions))
        out = []
        for title, pages in groups:
            if not pages:
                continue
            items = "".join(self.item(page, p) for p in pages)
            opened = page in pages or title not in ("Connectors", "Decisions")
            out.append(f"<details{' open' if opened else ''}><summary>{title}</summary>"
                       f"<ul>{items}</ul></details>")
        return "".join(out)

    def item(self, here, p):
        now = ' aria-current="page"' if p is here else ""
        return f'<li><a href="{self.path(here.url, p.url)}"{now}>{html.escape(p.title)}</a></li>'

    def html(self, page):
        up = "../" * page.url.count("/")
        on = "".join(f'<li class="l{level}"><a href="#{anchor}">{html.escape(text)}</a></li>'
                     for level, anchor, text in page.headings if level in (2, 3))
        aside = f"<h2>On this page</h2><ul>{on}</ul>" if len(page.headings) > 1 else ""
        title = html.escape(page.title)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title} · leat</title>"
            f'<link rel="stylesheet" href="{up}a/site.css"><script src="{up}a/site.js"></script>'
            f'</head><body data-up="{up}"><a class="skip" href="#text">Skip to the text</a>'
            f'<header><a class="brand" href="{up or "./"}">leat <span>docs</span></a>'
            '<div class="find"><input type="search" placeholder="Search the documentation" '
            'aria-label="Search the documentation" aria-controls="found" autocomplete="off">'
            '<div id="found" role="status"></div></div>'
            f'<a href="{up}../ui/">The page</a></header>'
            f'<div class="all"><nav aria-label="Pages">{self.tree(page)}</nav>'
            f'<main id="text" tabindex="-1">{page.body}</main>'
            f'<aside aria-label="On this page">{aside}</aside></div></body></html>\n')

    def index(self):
        """[path, page, heading, text] of each heading."""
        out = []
        for page in self.pages:
            for anchor, heading, text in page.pieces:
                url = page.url + (f"#{anchor}" if anchor else "")
                out.append([url, page.title, heading, " ".join(text.split())[:EXCERPT]])
        return json.dumps(out, ensure_ascii=False, separators=(",", ":"))

    def files(self):
        """(name, type, bytes) of each file."""
        for page in self.pages:
            yield page.url, "text/html; charset=utf-8", self.html(page).encode()
        with open(TOKENS, encoding="utf-8") as tokens, \
                open(os.path.join(DOCS, "site/site.css"), encoding="utf-8") as own:
            yield "a/site.css", "text/css; charset=utf-8", (tokens.read() + own.read()).encode()
        with open(os.path.join(DOCS, "site/site.js"), "rb") as f:
            yield "a/site.js", "text/javascript; charset=utf-8", f.read()
        yield "a/index.json", "application/json", self.index().encode()
        for name, path in sorted(self.assets.items()):
            with open(path, "rb") as f:
                yield name, PICTURES[os.path.splitext(path)[1]], f.read()

    def depends(self):
        yield TOKENS
        yield from (os.path.join(ROOT, s) for s in self.sources)
        yield from (os.path.join(DOCS, "site", n) for n in ("site.css", "site.js"))
        yield from self.assets.values()


def write(path, files):
    with open(path, "w", encoding="utf-8") as out:
        out.write("/* docs/ as a site. Written by tools/site.py. */\n")
        out.write('#include "hub/ui_files.h"\n\n')
        rows = []
        for i, (name, kind, text) in enumerate(files):
            packed = gzip.compress(text, 9, mtime=0)
            out.write(f"static const unsigned char file_{i}[] = {{\n")
            for at in range(0, len(packed), 32):
                out.write("    " + ",".join(map(str, packed[at:at + 32])) + ",\n")
            out.write("};\n")
            rows.append(f'    {{"{name}", "{kind}", file_{i}, NULL, sizeof file_{i}, 0, '
                        f"{len(text)}}},\n")
        out.write("\nconst leat_ui_file leat_docs_files[] = {\n")
        out.writelines(rows)
        out.write("    {NULL, NULL, NULL, NULL, 0, 0, 0},\n};\n")


def main():
    out, depfile = sys.argv[1:]
    site = Site()
    write(out, site.files())
    with open(depfile, "w", encoding="utf-8") as f:
        f.write(f"{out}: " + " ".join(p.replace(" ", "\\ ") for p in site.depends()) + "\n")


if __name__ == "__main__":
    main()

"""Sphinx extension: a site complete in itself, and the typography of its numbers."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders import Builder
from sphinx.ext import mathjax

from mnvh.book import claims, light

REPAIRS = (
    ("<th></th>", "<td></td>"),  # the corner of a table is no heading
    (' role="list" class="citation-list"', ' class="citation-list"'),
    (' role="doc-biblioentry"', ""),
    (
        '<div class="sidebar-primary-items__start sidebar-primary__section">\n        <div class="sidebar-primary-item">',
        '<div class="sidebar-primary-items__start sidebar-primary__section">\n        <div class="sidebar-primary-item" role="navigation" aria-label="Book">',
    ),
)


def repair(app: Sphinx, error: Exception | None) -> None:
    """Mend what the theme and the bibliography say wrongly to a screen reader."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        mended = text
        for wrong, right in REPAIRS:
            mended = mended.replace(wrong, right)
        if mended != text:
            path.write_text(mended, encoding="utf-8")


def drop_thebe(app: Sphinx, config: object) -> None:
    """Take out the live-code extension: its loader names a content delivery network on every page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [each for each in listeners if getattr(each.handler, "__module__", "") != "sphinx_thebe"]
    app.registry.css_files[:] = [each for each in app.registry.css_files if "sphinx-thebe" not in str(each[0])]


def set_numbers(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give numbers a true minus sign, and keep the per cent sign on their line."""
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.math | nodes.math_block | nodes.literal | nodes.literal_block | nodes.raw):
            continue
        words = re.sub(r"(^|(?<=\d)) %", "\N{NO-BREAK SPACE}%", str(text))
        if "pasted-text" in text.parent.get("classes", ()):
            words = re.sub(r"^-(?=\d)", "\N{MINUS SIGN}", words)
        if words != str(text):
            text.parent.replace(text, nodes.Text(words))


def keep_doctrees(app: Sphinx, builder: Builder) -> None:
    """Read each page once for all references to its figures, not once for each."""
    builder.env.get_doctree = functools.cache(builder.env.get_doctree)


def name_places(app: Sphinx, error: Exception | None) -> None:
    """Let a search find each claim by its id, each figure and each function by its name, at its place."""
    path = Path(app.outdir) / "searchindex.js"
    if error or not path.exists():
        return
    before, index = path.read_text(encoding="utf-8").rstrip(")").split("(", 1)
    index = json.loads(index)
    functions = [title for title in index["alltitles"] if re.fullmatch(r"\w+\.[A-Za-z]\w+", title)]
    for title in functions:
        index["alltitles"].setdefault(title.partition(".")[2], []).extend(index["alltitles"][title])
    figures = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((Path(app.srcdir) / "_extra/figures").glob("*.json"))]
    places = [(figure["name"], figure["chapter"], figure["name"]) for figure in figures]
    for name, claim in claims.load()["claims"].items():
        page = claim["chapter"] if claim["verdict"] in claims.SETTLED else "appendix_ledger"
        places += [(title, page, claims.anchor(name)) for title in (name, f"Claim {name}")]
    for name, page, anchor in places:
        index["alltitles"].setdefault(name, []).append([index["docnames"].index(f"chapters/{page}"), anchor])
    path.write_text(f"{before}({json.dumps(index, separators=(',', ':'))})", encoding="utf-8")


def setup(app: Sphinx) -> dict:
    app.connect("doctree-resolved", set_numbers)
    app.connect("config-inited", drop_thebe)
    app.connect("write-started", keep_doctrees)
    app.add_html_math_renderer(
        "typeset",
        (light.renderer(mathjax.html_visit_math, False), None),
        (light.renderer(mathjax.html_visit_displaymath, True), None),
    )
    app.connect("build-finished", repair)
    app.connect("build-finished", name_places)
    app.connect("build-finished", light.lighten, priority=900)  # after the theme's own
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

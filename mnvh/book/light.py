"""Pages that load little: mathematics set at build time, one stylesheet of what is used, fonts of the glyphs that are used.

A page of the theme loads icons as a script of 1.5 MB and MathJax, 1.3 MB, which then moves the text about. Here MathJax runs
once, when the book is built, and a page carries its formulas as HTML with MathML for screen readers.
"""

from __future__ import annotations

import hashlib
import html
import importlib.util
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import tinycss2
from docutils import nodes
from fontTools import subset
from py_mini_racer import MiniRacer
from sphinx.application import Sphinx

MATHJAX = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent / "static/mathjax"
PARTS = ("startup", "core", "adaptors/liteDOM", "input/tex-full", "output/chtml", "output/chtml/fonts/tex", "a11y/assistive-mml")
SET = """const set = (tex, display) => MathJax.startup.adaptor.outerHTML(MathJax.tex2chtml(tex, {display}));
MathJax.startup.getComponents(); MathJax.startup.makeMethods()"""
FIRST = ("MathJax_Main-Regular", "MathJax_Math-Italic")  # fonts that every formula needs
STYLESHEET = re.compile(r'<link\b[^>]*href="([^"]*\.css)[^"]*"[^>]*>\s*')
SEARCH_ONLY = re.compile(r'<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^>]*></script>\s*')
DROPPED = re.compile(r'<script[^>]*fontawesome\.js[^>]*></script>\s*|<link rel="preload" as="script"[^>]*>\s*')
# The theme lays the whole page out to see what scrolls and needs the keyboard; here each part is asked when it comes near.
ASKED = "e.tabIndex=e.scrollWidth>e.clientWidth||e.scrollHeight>e.clientHeight?0:-1"
ASKED_LATER = f"new IntersectionObserver(([s],o)=>{{if(s.isIntersecting){{o.disconnect();{ASKED}}}}},{{rootMargin:'50%'}}).observe(e)"
# The theme takes the focus from a button that was pressed: who has no mouse would stand at the start of the page again.
BLUR = 't&&t.addEventListener("click",(()=>{t.blur()}),!0)'
SCROLL = '".pst-scrollable-table-container"'  # the last of what the theme asks; on a telephone formulas and figures scroll as well
# Paper is white: the page is light while it is printed, and then again what the reader's screen was.
ON_PAPER = """<script>for (const [when, theme] of [["beforeprint", () => "light"], ["afterprint", () => document.documentElement.dataset.screen]])
addEventListener(when, () => { const data = document.documentElement.dataset; data.screen ??= data.theme; data.theme = theme(); if (when === "afterprint") delete data.screen; })</script>"""


@cache
def engine() -> MiniRacer:
    """MathJax without a browser."""
    running = MiniRacer()
    # without \href and its like, and what would load them: a formula leads nowhere
    fonts = '{loader: {load: []}, tex: {packages: {"[-]": ["html", "require", "autoload", "noundefined"]}}, startup: {adaptor: "liteDOM", input: ["tex"], output: "chtml"}, chtml: {fontURL: "../mathjax"}}'
    running.eval(f"var global = globalThis, MathJax = {fonts}")
    for part in PARTS:
        running.eval((MATHJAX / f"{part}.js").read_text(encoding="utf-8") + ";0")
    running.eval(SET)
    return running


@cache
def typeset(tex: str, display: bool) -> str:
    """HTML of a formula; raises ValueError where MathJax finds a mistake in it."""
    made = engine().call("set", tex, display)
    if mistake := re.search(r'data-mjx-error="([^"]*)"', made):
        raise ValueError(f"the formula {tex.strip()} cannot be set: {mistake[1]}")
    return made


def renderer(visit: Callable, display: bool) -> Callable:
    """Visitor of a translator that writes what `visit`, Sphinx's own, does, and sets the formula inside."""

    def visitor(self: object, node: nodes.Node) -> None:
        start = len(self.body)
        try:
            visit(self, node)
        finally:  # it always raises SkipNode
            left, right = (">", "</div>") if node.get("nowrap") else (r"\[", r"\]") if display else (r"\(", r"\)")
            before, mark, tex = "".join(self.body[start:]).partition(left)
            tex, _, after = tex.rpartition(right)
            kept = (mark, right) if node.get("nowrap") else ("", "")
            self.body[start:] = [before, kept[0], typeset(html.unescape(tex), display), kept[1], after]

    return visitor


def used(rules: list, words: set[str]) -> str:
    """CSS of the rules whose classes and ids all occur among the words of pages and scripts."""
    kept = []
    for rule in rules:
        prelude = tinycss2.serialize(rule.prelude)
        if rule.type == "at-rule" and rule.at_keyword in ("media", "supports"):
            prelude, inside = f"@{rule.at_keyword}{prelude}", used(tinycss2.parse_rule_list(rule.content, True, True), words)
        elif rule.type == "at-rule":
            kept.append(rule.serialize())
            continue
        else:
            choices = re.split(r",(?![^(\[]*[)\]])", prelude)
            named = [re.findall(r"[.#]([A-Za-z_][\w-]*)", re.sub(r"\([^()]*\)", "", choice)) for choice in choices]
            prelude = ",".join(choice for choice, names in zip(choices, named, strict=True) if words.issuperset(names))
            inside = tinycss2.serialize(rule.content)
        if prelude and inside:
            kept.append(f"{prelude}{{{inside}}}")
    return "\n".join(kept)


def stylesheet(out: Path, names: list[str], words: set[str]) -> str:
    """Write one stylesheet of these, and the fonts that it uses, each with the glyphs that it uses; returns its address."""
    css = "".join((out / "_static" / name).read_text(encoding="utf-8") for name in names)
    css += engine().eval("MathJax.startup.adaptor.textContent(MathJax.chtmlStylesheet())")
    css = re.sub(r'url\([^)]*woff2\) format\("woff2"\),(url\([^)]*\)) format\("truetype"\)', r"\1", css)
    css = used(tinycss2.parse_stylesheet(css, True, True), words)
    characters = set(map(ord, css)) | {int(code, 16) for code in re.findall(r"\\([0-9a-fA-F]{2,6})", css)}
    for address in set(re.findall(r'url\("?([^)"]*\.(?:ttf|woff))"?\)', css)):
        source = MATHJAX / "output/chtml/fonts/woff-v2" / Path(address).name
        source = source if source.exists() else out / "_static/styles" / address
        target = out / "_static/fonts" / Path(address).with_suffix(".woff").name
        target.parent.mkdir(exist_ok=True)
        options = subset.Options(flavor="woff", notdef_outline=True, drop_tables=["FFTM"])
        font = subset.load_font(str(source), options)
        cut = subset.Subsetter(options)
        cut.populate(unicodes=characters & set(font.getBestCmap()) or font.getBestCmap())  # MJXZERO has none that is written
        cut.subset(font)
        subset.save_font(font, str(target), options)
        css = css.replace(address, f"../fonts/{target.name}")
    (out / "_static/styles/book.css").write_text(css, encoding="utf-8")
    return f"styles/book.css?v={hashlib.sha256(css.encode()).hexdigest()[:8]}"  # a browser that keeps the old one sees it is old


def lighten(app: Sphinx, error: Exception | None) -> None:
    """Let every page load what it uses, and nothing that keeps it from being shown."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html")) if "_static" not in path.parts}
    scripts = "".join(path.read_text(encoding="utf-8") for path in out.glob("_static/**/*.js") if path.name != "fontawesome.js")
    names = dict.fromkeys(name.split("_static/")[1] for text in pages.values() for name in STYLESHEET.findall(text))
    address = stylesheet(out, list(names), set(re.findall(r"[A-Za-z_][\w-]*", "".join(pages.values()) + scripts)))
    theme = out / "_static/scripts/pydata-sphinx-theme.js"
    asked = theme.read_text(encoding="utf-8").replace(SCROLL, f'{SCROLL},"mjx-container","span.math","figure"')
    theme.write_text(asked.replace(ASKED, ASKED_LATER), encoding="utf-8")
    buttons = out / "_static/scripts/sphinx-book-theme.js"
    buttons.write_text(buttons.read_text(encoding="utf-8").replace(BLUR, ""), encoding="utf-8")
    for path, text in pages.items():
        static = os.path.relpath(out / "_static", path.parent)
        text = STYLESHEET.sub("", DROPPED.sub("", text if path.name == "search.html" else SEARCH_ONLY.sub("", text)))
        links = f'<link rel="stylesheet" href="{static}/{address}" />'
        for font in FIRST if "<mjx-container" in text else ():
            links += f'\n    <link rel="preload" as="font" type="font/woff" href="{static}/fonts/{font}.woff" crossorigin />'
        text = text.replace("</title>", f"</title>\n    {links}\n    {ON_PAPER}", 1)
        text = re.sub(r"<script(?! defer)(?=[^>]*\ssrc=)", "<script defer", text)
        # a module runs after what is deferred
        text = text.replace("<script>DOCUMENTATION_OPTIONS", '<script type="module">DOCUMENTATION_OPTIONS')
        text = re.sub(r'<span class="[npw]">([^<]*)</span>', r"\1", text)  # names and brackets have the code's own colour
        if said := re.search(r"<article.*?<p>(.*?)</p>", text, re.S):
            words = html.escape(html.unescape(re.sub(r"<mjx-math.*?</mjx-math>|<[^>]*>", "", said[1], flags=re.S)))
            text = text.replace("</head>", f'  <meta name="description" content="{words}" />\n  </head>', 1)
        text = re.sub(r'<img ([^>]*src="([^"]*\.svg)"[^>]*?) ?/>', lambda found, page=path: sized(found, page), text)
        path.write_text(text, encoding="utf-8")
        pages[path] = text
    drop_unused(out / "_static", "".join(pages.values()))


def drop_unused(static: Path, pages: str) -> None:
    """Remove what the theme brings and no page loads: a file whose name is neither in a page nor in a script or style of one."""
    files = [path for path in static.rglob("*") if path.is_file()]
    loaded = pages + "".join(path.read_text(encoding="utf-8") for path in files if path.suffix in (".js", ".css") and path.name in pages)
    for path in files:
        if path.name not in loaded:
            path.unlink()


def sized(picture: re.Match, page: Path) -> str:
    """A picture with the room that it takes, loaded when the reader comes near it."""
    box = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', (page.parent / picture[2]).read_text(encoding="utf-8")[:3000])
    size = f' width="{float(box[1]):.0f}" height="{float(box[2]):.0f}"' if box else ""
    return f'<img {picture[1]}{size} loading="lazy" />'

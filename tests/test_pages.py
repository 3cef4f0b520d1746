"""The contract of chapters, figures and claims, checked when the pages are staged."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import ROOT

from mnvh.book import claims, ledger, pages, project, publish
from mnvh.book.project import CLAIM, EXPLORER, FIGURE

CAPTION = "**A message.** How it was made."
ALT = "A line that rises from the left to the right."
PROSE = "# A chapter\n\nSee {numref}`a-line`."


def figure_cell(name="a-line", metadata=None):
    data = {FIGURE: {"name": name, "csv": "x\n1\n"}, "image/svg+xml": "<svg/>", "application/pdf": "", "image/png": ""}
    shown = {"figure": {"name": "a-line", "caption": CAPTION}, "image": {"alt": ALT}} if metadata is None else metadata
    return code_cell(data, metadata={"mystnb": shown})


def claim_cell(name="2.2a", evidence=claims.exact(0.0, 1.0)):
    return code_cell({CLAIM: {"id": name, "evidence": [asdict(evidence)]}})


def code_cell(data, metadata=None, output_type="display_data"):
    cell = nbformat.v4.new_code_cell("pass", metadata=metadata or {})
    cell.outputs = [nbformat.v4.new_output(output_type, data=data)]
    return cell


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Stage a book of one chapter with the given cells and return its problems."""
    ledger_entry = {"id": "2.2a", "document": "paper", "section": "2.2", "chapter": "02_x", "quote": "The one-step change in NAV admits the exact decomposition", "verdict": "holds"}
    known = {"chapters": {"02_x": "X", "03_y": "Y"}, "claims": {"2.2a": ledger_entry}}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(claims, "load", lambda: known)
    (tmp_path / "assets").mkdir()
    (tmp_path / "chapters").mkdir()
    parts = [{"chapters": [{"file": f"chapters/{n}"} for n in ("02_x", "03_y", "appendix_ledger", "appendix_figures")]}]
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump({"root": "index", "parts": parts}))
    for name in ("index.md", "_config.yml", "references.bib", "chapters/03_y.md"):
        (tmp_path / name).write_text("")

    def run(*cells, prose=PROSE, settle=True):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose)])
        nbformat.write(notebook, "chapters/02_x.ipynb")
        notebook.cells += list(cells) + ([claim_cell()] if settle else [])
        notebook.metadata["mnvh"] = {"parameters": {}, "packages": {}}
        for folder in ("executed", "deps", "hash/chapters"):
            (project.BUILD / folder).mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, project.BUILD / "executed/02_x.ipynb")
        (project.BUILD / "deps/02_x.d").write_text("_build/executed/02_x.ipynb: \n")
        (project.BUILD / "hash/chapters/02_x.ipynb.sha").write_text("a")
        (project.BUILD / "hash/requirements.lock.sha").write_text("b")
        return pages.stage().problems

    run.known = known
    return run


def test_launch_buttons_and_links_to_report_an_error_need_the_repositorys_address(stage):
    for text, there in (("", False), ("repository: {url: https://example.org/someone/book, branch: main}", True)):
        Path("_config.yml").write_text(text)
        assert stage(figure_cell()) == []
        config = yaml.safe_load((pages.STAGE / "_config.yml").read_text()) or {}
        card = (pages.STAGE / "chapters/02_x.ipynb").read_text()
        assert ("binderhub_url" in config.get("launch_buttons", {})) == there
        assert ("https://example.org/someone/book/issues/new?title=Claim+2.2a" in card) == there
        assert ("[dispute](#dispute)" in card) != there


def test_a_good_chapter_is_staged(stage):
    assert stage(figure_cell()) == []
    staged = nbformat.read(pages.STAGE / "chapters/02_x.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in staged.cells)
    assert ":::{figure} /_extra/figures/a-line.*" in text and f':alt: "{ALT}"' in text
    assert "(claim-2-2a)=" in text and "Claim 2.2a: holds" in text
    provenance = json.loads((pages.EXTRA / "figures/a-line.json").read_text())
    assert {"chapter", "cell", "parameters", "packages", "source_sha256", "files_sha256", "license", "version"} <= provenance.keys()
    assert json.loads((pages.EXTRA / "claims/2.2a.json").read_text())["verdict"] == "holds"
    assert "The MNVH authors (2026), “X”" in text and f"version {version('mnvh')}" in text


def test_the_provenance_of_a_figure_has_the_numbers_of_its_caption(stage):
    glued = code_cell({"application/papermill.record/text/plain": "0.1234"})
    glued.outputs[0].metadata = {"scrapbook": {"name": "mean"}}
    shown = {"figure": {"name": "a-line", "caption": "**A message.** It rises by {glue:text}`mean:.2f`."}, "image": {"alt": ALT}}
    assert stage(glued, figure_cell(metadata=shown)) == []
    assert json.loads((pages.EXTRA / "figures/a-line.json").read_text())["caption"].endswith("It rises by 0.12.")
    staged = nbformat.read(pages.STAGE / "chapters/02_x.ipynb", as_version=4)
    assert any("{glue:text}`mean:.2f`" in cell.source for cell in staged.cells)  # the page fills it in itself


MISUSE = {
    "HTML in a caption": (
        [figure_cell(metadata={"figure": {"name": "a-line", "caption": "**Up.** <script>x()</script>"}, "image": {"alt": ALT}})],
        "has HTML or a block in it",
    ),
    "a block in a caption": (
        [figure_cell(metadata={"figure": {"name": "a-line", "caption": "**Up.**\n\n```{raw} html\n:file: x\n```"}, "image": {"alt": ALT}})],
        "has HTML or a block in it",
    ),
    "no caption": ([figure_cell(metadata={"figure": {"name": "a-line"}, "image": {"alt": ALT}})], "has no caption"),
    "caption without a message": (
        [figure_cell(metadata={"figure": {"name": "a-line", "caption": "How."}, "image": {"alt": ALT}})],
        "starts with its message in bold",
    ),
    "no alt text": ([figure_cell(metadata={"figure": {"name": "a-line", "caption": CAPTION}})], "no alt text"),
    "no metadata": ([figure_cell(metadata={})], "mystnb.figure.name say None"),
    "another name": ([figure_cell(name="b-line")], "publishes 'b-line'"),
    "twice": ([figure_cell(), figure_cell()], "was published before"),
    "described, not published": ([code_cell({"text/plain": "1"}, figure_cell().metadata)], "that the cell does not publish"),
    "settled twice": ([figure_cell(), claim_cell()], "claim 2.2a is settled twice"),
    "unknown claim": ([figure_cell(), claim_cell("9.9z")], "settles '9.9z', which is not in claims.yml"),
    "a warning": (
        [figure_cell(), nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("stream", name="stderr", text="UserWarning: x")])],
        "writes to stderr (UserWarning: x)",
    ),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_is_named(stage, case):
    cells, message = MISUSE[case]
    assert any(message in problem for problem in stage(*cells)), stage(*cells)


def test_a_figure_that_the_text_never_mentions(stage):
    assert any("never referred to" in problem for problem in stage(figure_cell(), prose="# A chapter"))


def test_a_verdict_without_its_evidence(stage):
    assert any("claim 2.2a is 'holds' in claims.yml, and 02_x does not settle it" in p for p in stage(figure_cell(), settle=False))


def test_evidence_against_the_verdict_is_found_without_running_the_chapter(stage):
    assert stage(figure_cell()) == []
    stage.known["claims"]["2.2a"] |= {"verdict": "fails as printed", "why": "…"}
    assert any("evidence says otherwise" in problem for problem in stage(figure_cell()))


def test_a_claim_settled_in_another_chapter(stage):
    stage.known["claims"]["2.2a"]["chapter"] = "03_y"
    assert any("belongs to 03_y" in problem for problem in stage(figure_cell()))


def test_a_page_that_is_listed_and_missing_or_there_and_not_listed(stage):
    toc = Path("_toc.yml")
    entries = yaml.safe_load(toc.read_text())
    entries["parts"][0]["chapters"].append({"file": "chapters/appendix_nothing"})
    toc.write_text(yaml.safe_dump(entries))
    nbformat.write(nbformat.v4.new_notebook(), "chapters/04_z.ipynb")
    found = stage(figure_cell())
    assert any("lists chapters/appendix_nothing" in problem for problem in found)
    assert any("04_z.ipynb is missing from _toc.yml" in problem for problem in found)


def test_the_ledger_lists_every_claim_of_the_documents():
    text = ledger.ledger({})
    for claim in claims.load()["claims"].values():
        assert claim["quote"].replace("|", "\\|") in text
        assert f'| <span id="{claims.anchor(claim["id"])}"></span>{claim["id"]} |' in text


def test_a_page_shows_the_claims_that_it_asks_for_and_what_survives_of_each(stage):
    stage.known["claims"]["2.2b"] = stage.known["claims"]["2.2a"] | {"id": "2.2b", "verdict": "not yet examined", "quote": "a | c"}
    text = pages._fill_in("before\n\n<!-- ledger: 2.2a 2.2b -->\n\nafter")
    assert "| [2.2a](#claim-2-2a) | “The one-step change in NAV admits the exact decomposition” | holds | as printed |" in text
    assert "| 2.2b | “a \\| c” | not yet examined |  |" in text
    with pytest.raises(ValueError, match="'9.9z', which is not in claims.yml"):
        ledger.excerpt(["9.9z"])


def test_the_ledger_says_what_changed_since_the_version_published_last(tmp_path):
    now = {"version": "0.10.0", "verdicts": {"2.2a": "holds", "2.5b": "fails as printed"}, "headlines": {"mean": "0.1"}}
    assert "This is the first version." in ledger.changes(tmp_path, now)
    old = now | {"version": "0.9.0", "verdicts": {"2.2a": "fails as printed", "2.5b": "fails as printed"}, "headlines": {}}
    for version in (old | {"version": "0.2.0", "verdicts": {}}, old, now):
        (tmp_path / f"{version['version']}.json").write_text(json.dumps(version))
    text = ledger.changes(tmp_path, now)
    assert "Against version 0.9.0" in text
    assert "| 2.2a | fails as printed | holds |" in text and "| mean | – | 0.1 |" in text
    assert "2.5b" not in text


def test_a_quote_that_the_document_does_not_have_is_named(stage):
    claims.load()["claims"]["2.2a"]["quote"] = "volatility is always harvested"
    assert stage(figure_cell()) == [
        "claim 2.2a: section 2.2 of paper has no 'volatility is always harvested': quote it word for word."
    ]


def test_headline_numbers_are_those_of_the_answer_box(stage):
    glued = nbformat.v4.new_output("display_data", data={"x/text/plain": "0.5"}, metadata={"scrapbook": {"name": "mean"}})
    stage(figure_cell(), nbformat.v4.new_code_cell("", outputs=[glued]), prose=PROSE + " {glue:text}`mean:.3f`")
    assert json.loads((pages.EXTRA / "verdicts.json").read_text())["headlines"] == {"02_x: mean": "0.5"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A tiny built site; returns a function that writes its page and lists the problems."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "_toc.yml").write_text("root: index\nparts: []\n")
    (tmp_path / "site").mkdir()

    def check(body, head="<title>t</title>"):
        (tmp_path / "site/index.html").write_text(f"<html><head>{head}</head><body><main id='top'>{body}</main></body></html>")
        return publish.problems((tmp_path / "site").resolve())

    return check


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<a href="nowhere.html">x</a>', "link to nowhere.html"),
        ('<a href="#nowhere">x</a>', "no such place"),
        ('<a href="index.html#nowhere">x</a>', "no such place"),
        ('<img src="index.html">', "without alt text"),
        ('<script src="https://example.org/x.js"></script>', "from another server"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "from another server"),
        ('<a href="javascript:x()">y</a>', "can execute code"),
        ('<a href=" Java\tScript:x()">y</a>', "can execute code"),
        ('<a href="data:text/html,x">y</a>', "can execute code"),
        ('<script src="data:text/javascript,x()"></script>', "can execute code"),
        ('<form action="javascript:x()"></form>', "can execute code"),
        ('<p onclick="x()">y</p>', "can execute code"),
        ('<iframe srcdoc="x"></iframe>', "can execute code"),
        ('<a href="index.html"><svg><use href="https://example.org/x.svg#y"/></svg></a>', "from another server"),
        ('<video poster="//example.org/x.png"></video>', "from another server"),
        ('<img alt="x" src="data:image/png,x" srcset="data:image/png,x 1x, https://example.org/x.png 2x">', "from another server"),
        ('<style>@import "https://example.org/x.css";</style>', "from another server"),
        ("<style>@import url(//example.org/x.css);</style>", "from another server"),
        ("""<p style="background: url('https://example.org/x.png')">x</p>""", "from another server"),
        ('<form action="https://example.org"></form>', "from another server"),
        ('<img alt="x" srcset="index.html 1x,https://example.org/x.png 2x">', "from another server"),
        ('<link rel="preload" imagesrcset="https://example.org/x.png 2x">', "from another server"),
        ('<p style="background: URL(https://example.org/x.png)">x</p>', "from another server"),
        ("<style>@IMPORT/**/'https://example.org/x.css';</style>", "from another server"),
        ("<p style=\"background: image-set('index.html' 1x, 'https://example.org/x.png' 2x)\">x</p>", "from another server"),
        ('<svg><path fill="url(//example.org/x.svg#y)"/></svg>', "from another server"),
        ('<p background="https://example.org/x.png">x</p>', "from another server"),
        ('<a href="index.html" ping="https://example.org">x</a>', "<a ping='https://example.org'> can execute code"),
        ('<svg><a><animate attributeName="href" values="javascript:x()"/></a></svg>', "<animate> can lead"),
        ('<svg><a><set attributeName="href" to="javascript:x()"/></a></svg>', "<set> can lead"),
        ('<frame src="index.html">', "<frame> can lead"),
        ('<base href="https://example.org/">', "<base> can lead a browser elsewhere"),
        ('<object data="x.html"></object>', "<object> can lead"),
        ('<embed src="index.html">', "<embed> can lead"),
        ('<meta http-equiv="Refresh" content="0; url=https://example.org">', "<meta> can lead"),
        ('<article><script src="index.html"></script></article>', "a script in the text, 'index.html'"),
        ("<article><p><script>x()</script></p></article>", "a script in the text"),
        ("<article><script type='module'>x()</script></article>", "a script in the text"),
    ],
)
def test_a_built_page_with_a_fault_is_refused(site, body, message):
    shutil.copytree(ROOT / "assets", "assets")
    own = f"<article><script type='application/json'>1</script><script>{EXPLORER.read_text()}</script></article>"
    assert site(own + '<img src="data:image/png,x" alt="x"> <a href="mailto:x@example.org">y</a>') == []
    assert site('<a href="#top">x</a> <a href="https://example.org">out</a> <map><area href="https://example.org"></map>') == []
    assert site('<img alt="x" src="index.html" srcset="index.html 1x, index.html 2x"><p style="background: url(index.html) /* // */">x</p>') == []
    assert any(message in problem for problem in site(body))


def test_a_page_that_was_not_built_or_has_no_title(site):
    assert any("no title" in problem for problem in site("", head=""))
    Path("_toc.yml").write_text("root: index\nparts: [{chapters: [{file: chapters/a}]}]\n")
    assert any("page missing: chapters/a.html" in problem for problem in site(""))


def test_the_new_site_replaces_the_old_at_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in ("old", "new"):
        built = tmp_path / "_build/next"
        built.mkdir(parents=True)
        (built / "index.html").write_text(text)
        publish.swap(built)
        assert (tmp_path / "_build/html/index.html").read_text() == text
    assert len(list((tmp_path / "_build").glob("site-*"))) == 1


def test_pages_that_are_interrupted_say_so_in_one_line(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as within:
        within.setattr(shutil, "rmtree", interrupted)  # which is called first
        within.delitem(sys.modules, "mnvh.book.pages")
        with pytest.raises(SystemExit, match="^130$"):
            runpy.run_module("mnvh.book.pages", run_name="__main__")
    assert capsys.readouterr().err == "  pages: interrupted; a book that was published stays as it was\n"

"""The PDF of the book: what its LaTeX is made from, and what keeps a faulty one back. `make pdf` checks the whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pypdf
import pytest
import yaml
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from mnvh.book import ledger, pages
from pdf import build, extension

HEAD = "<tr><th></th><th>gain_in_%</th></tr>"
TABLE = HEAD + '<tr><th rowspan="2">one</th><td>\u22121.5</td></tr><tr><td>2 | 3</td></tr>'
EVIDENCE = '<a class="claim-data" href="#cell-a">cell</a> · <a class="claim-data" href="../claims/1a.json">evidence as data</a>'
CARD = f":::{{admonition}} Claim 1a: holds\n:class: claim\n\nAs printed.\n\n{EVIDENCE}\n:::\n"
CAPTION = "**It rises**, σ ≤ 1 {cite:p}`lomackinlay1988`."
FIGURE = f":::{{figure}} /_extra/figures/line.*\n:name: line\n:alt: A line.\n\n{CAPTION}\n\n{ledger.downloads('line')}\n:::\n"
ROW = "| 1a | many words in a row, and then more of them | holds where the added assumption is made, and else not |\n"
LONG = "| claim | statement | verdict |\n|---|---|---|\n" + ROW * 20
LINKS = ledger.downloads("line").rpartition(" · ")[0]
GALLERY = f"# All figures\n\n```{{bibliography}}\n```\n\n(cite-line)=\n## line\n\n{LINKS}\n"
EXPLORE = "Move it.\n\n```{raw} html\n<div>\n```\n\nSee {numref}`line`.\n\n```{raw} html\n</div>\n```\n"


@pytest.fixture(scope="module")
def latex(tmp_path_factory) -> str:
    """LaTeX of a staged book of one chapter and an appendix."""
    folder = tmp_path_factory.mktemp("pdf")
    source = folder / "source"
    (source / "_extra/figures").mkdir(parents=True)
    (source / "chapters").mkdir()
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(source / "_extra/figures/line.pdf")
    table = new_output("execute_result", {"text/html": TABLE, "text/plain": "<HTML>"}, execution_count=1)
    cells = [
        new_markdown_cell("# Harvest\n\nSee {numref}`line` and {doc}`appendix_figures`.", id="title"),
        new_code_cell("hidden = 1", metadata={"tags": ["hide-input"]}, id="hidden"),
        new_code_cell("shown = 1", outputs=[table], id="shown"),
        new_markdown_cell(FIGURE, id="figure"),
        new_markdown_cell(CARD, id="card"),
        new_markdown_cell(EXPLORE, id="explore"),
        new_markdown_cell(pages.NOTEBOOKS.format(name="01_harvest.ipynb"), id="notebooks"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source / "chapters/01_harvest.ipynb")
    (source / "chapters/appendix_figures.md").write_text(GALLERY + "\n" + LONG, encoding="utf-8")
    (source / "index.md").write_text('# A book\n\nIts <a href="../build.json">times</a>.\n')
    parts = [("The paper", "01_harvest"), ("Appendix", "appendix_figures")]
    toc = [{"caption": caption, "chapters": [{"file": f"chapters/{name}"}]} for caption, name in parts]
    (source / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "parts": toc}))
    for name in ("_config.yml", "references.bib", "assets"):
        (source / name).symlink_to(ROOT / name)
    said = build.write_latex(source, folder / "made")
    made = folder / f"made/_build/latex/{build.NAME}.tex"
    assert made.exists(), said
    return made.read_text(encoding="utf-8")


def test_parts_begin_with_their_titles_and_the_appendix_is_known(latex):
    assert latex.index(r"\bookpart{The paper}") < latex.index(r"\chapter{Harvest}") < latex.index(r"\bookpart{Appendix}")
    assert r"\ifstrequal{#1}{Appendix}" in (ROOT / "pdf/preamble.tex").read_text()


def test_nothing_of_the_site_alone_is_left(latex):
    for words in ("<a", "provenance", "evidence as data", "without outputs", "<div", "HTML>", "hidden = 1"):
        assert words not in latex
    assert "Its times." in latex and "As printed." in latex and "Move it." in latex


def test_a_figure_says_how_it_is_cited_and_links_there(latex):
    assert r"\sphinxincludegraphics" in latex and "{line}.pdf" in latex
    assert r"Cited as {\hyperref[\detokenize{chapters/appendix_figures:cite-line}]" in latex
    assert r"\label{\detokenize{chapters/appendix_figures:cite-line}}" in latex


def test_tables_of_cells_and_of_pages_have_columns_that_fit(latex):
    assert r"\begin{tabulary}{\linewidth}[t]{ll}" in latex and "2 | 3" in latex
    assert r"\begin{longtable}" in latex and latex.count(r"\X{") == 3


def test_widths_follow_what_columns_hold():
    assert extension.columns([["a", "b"], ["text", "\u22121.5"], ["more", "3e-16"]]) == "lr"
    wide = extension.columns([["id", "text"], ["1a", "word " * 100]])
    first, second = (int(part.partition("}")[0]) for part in wide.split(r"\X{")[1:])
    assert 4 <= first < 10 and first + second == extension.LINE
    extension.columns([["x" * 200, "y"]])  # one word wider than the page still gives a table


LOGS = {
    "LaTeX Warning: Reference `lost' on page 3 undefined on input line 9.": 1,
    "LaTeX Warning: Citation 'lost' on page 3 undefined on input line 9.": 1,
    "LaTeX Warning: Hyper reference `lost' on page 1 undefined on input line 1.": 1,
    "Missing character: There is no ⪰ (U+2AB0) in font [x.otf]!": 1,
    r"Overfull \hbox (20.5pt too wide) in paragraph at lines 1--2": 1,
    r"Overfull \vbox (317.2pt too high) has occurred while \output is active [104]": 1,
    r"Overfull \hbox (19.9pt too wide) in paragraph at lines 1--2": 0,
    "Package tabulary Warning: No suitable columns! on input line 1595.": 0,
}


@pytest.mark.parametrize(("line", "count"), LOGS.items())
def test_a_log_with_a_fault_holds_the_pdf_back(line, count):
    log = f"File: line.pdf Graphic file (type pdf)\n{line}\nmore\n"
    assert len(build.problems(log, ["line"])) == count
    assert build.problems(log, ["line", "other"])[-1] == "figure other is missing"


def test_an_error_stands_alone_with_its_place():
    log = "! Undefined control sequence.\n<argument> x\n\nl.17 here\n\nLaTeX Warning: Reference `lost' undefined.\n"
    assert build.problems(log, ["line"]) == ["! Undefined control sequence.\n<argument> x\n\nl.17 here\n"]


def test_a_link_to_nowhere_is_found(tmp_path):
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(100, 100)
    writer.add_named_destination("here", 0)
    for place in ("here", "nowhere"):
        link = writer.add_annotation(page, Link(rect=(0, 0, 9, 9), url="x"))
        action = {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): TextStringObject(place)}
        link[NameObject("/A")] = DictionaryObject(action)
    writer.write(tmp_path / "x.pdf")
    assert build.dead_links(tmp_path / "x.pdf") == ["sheet 1: a link leads to nowhere, which is not in the PDF"]


def test_without_xelatex_it_says_what_to_install(tmp_path):
    command = [sys.executable, "-m", "pdf.build", "--check"]
    environment = os.environ | {"PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and build.INSTALL in result.stderr
    makefile = (ROOT / "Makefile").read_text()
    assert "\npdf: xelatex book\n\t@$(PY) -m pdf.build\n" in makefile
    assert "\nxelatex: $(STAMP)\n\t@$(PY) -m pdf.build --check\n" in makefile


def test_the_page_names_the_file_as_the_link_needs_it(book: Path):
    page = (book / build.PAGE).read_text(encoding="utf-8")
    assert build.UNLINKED in page or f'<a href="../{build.NAME}.pdf">' in page

"""A book of two short chapters, on which the tests of the build run in seconds: the project with other contents."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import nbformat
import yaml
from conftest import ROOT
from nbformat.v4 import new_code_cell as code
from nbformat.v4 import new_markdown_cell as markdown

from mnvh.book import claims

SETTLED = "2.5b"  # the claim of chapter 1, which fails as printed
TABLE = """\
from mnvh import functional
from mnvh.book import claims, figures
import pandas as pd

found = functional.gross_harvest([[2.0]], [[5.0]])
figures.table(pd.DataFrame({"harvest": [found]}, index=["one asset"]), harvest=1)"""
CLAIM = f"""\
twice = functional.gross_harvest([[4.0]], [[5.0]])
claims.settle("{SETTLED}", claims.counterexample(found, -found, scale=found, what="mean P&L of a step"),
              claims.exact(twice - 2 * found, scale=twice, of="repaired"))"""
FIGURE = """\
figure, axes = figures.new()
axes.plot([0, 1], [0, 10])
axes.set(xlabel="days", ylabel="harvest")
figures.publish("small-line", figure, pd.DataFrame({"days": [0, 1], "harvest": [0, 10]}))"""
SHOWN = {
    "figure": {"name": "small-line", "caption": "**Harvest rises.** A line."},
    "image": {"alt": "A straight line that rises from zero to ten."},
}
PARAMETERS = "seed = 1  # seed of every random number in this chapter\nquick = False  # True: less of it"
CHAPTERS = {
    "01_harvest": [
        markdown("# Harvest\n\nSee {numref}`small-line`.", id="title"),
        code(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        code(TABLE, id="setup"),
        code(CLAIM, id="claim"),
        code(FIGURE, id="figure", metadata={"mystnb": SHOWN}),
    ],
    "02_check": [
        markdown("# Check\n\nOf {doc}`01_harvest`.", id="title"),
        code(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        code('from mnvh import check\n\nprint(check.positive("two", 2.0))', id="setup"),
    ],
}
PAGES = ["appendix_ledger", "appendix_map", "appendix_figures", "appendix_functions", "appendix_notes"]


def environment(folder: Path) -> dict[str, str]:
    """This process's, for commands of the project in `folder`."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    return inherited | {"PYTHONPATH": str(folder)}


def project(folder: Path) -> None:
    """Copy what git knows of the project to a folder, as it is now."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def write(folder: Path) -> None:
    """Copy the project to a folder and put the small book in the place of its contents."""
    project(folder)
    shutil.rmtree(folder / "chapters")
    (folder / "chapters").mkdir()
    for name, cells in CHAPTERS.items():
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata = nbformat.read(ROOT / "chapters/01_introduction.ipynb", as_version=4).metadata
        nbformat.write(notebook, folder / f"chapters/{name}.ipynb")
    (folder / "index.md").write_text("# A small book\n\nStart with {doc}`chapters/01_harvest`.\n")
    (folder / "chapters/appendix_notes.md").write_text("# Notes\n\n<!-- parameters -->\n\n(dispute)=\n## Dispute\n\n(cite)=\n## Cite\n\n<!-- citations -->\n")
    (folder / "references.bib").write_text("")
    parts = [("The paper", list(CHAPTERS)), ("Appendix", PAGES)]
    toc = [{"caption": caption, "chapters": [{"file": f"chapters/{name}"} for name in names]} for caption, names in parts]
    (folder / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "parts": toc}))
    claim = claims.load()["claims"][SETTLED] | {"chapter": "01_harvest"}
    ledger = {"chapters": {"01_harvest": "Harvest", "02_check": "Check"}, "claims": [claim]}
    (folder / "mnvh/book/claims.yml").write_text(yaml.safe_dump(ledger, allow_unicode=True, sort_keys=False))

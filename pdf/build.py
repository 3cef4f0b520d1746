"""Write the staged book as LaTeX, typeset it, check it, and put it beside the pages.

`python -m pdf.build` needs what `make book` has staged; with `--check` it only says whether xelatex is there. A PDF with
a reference that leads nowhere, a character that no font has or text off the page is not put there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbformat
import pypdf
import yaml
from bs4 import BeautifulSoup

from mnvh.book.project import BUILD

FOLDER = BUILD / "pdf"
NAME = "mnvh-book"  # as in config.yml
PAGE = "chapters/appendix_reproduce.html"  # speaks of the PDF
UNLINKED = f'<span class="pre">{NAME}.pdf</span>'
INSTALL = "sudo apt-get update && sudo apt-get install -y --no-install-recommends " + (
    "texlive-xetex texlive-fonts-recommended fonts-freefont-otf fonts-texgyre-math fonts-dejavu-core"
)
BEYOND = 20  # points by which text may leave its block: the margin has 72
FAULTS = (
    r"^! .*(?:\n.*){4}",  # an error, with where it is
    r"LaTeX Warning: (?:Reference|Citation|Hyper reference) .*",
    r"Missing character: .*",
    r"Overfull \\[hv]box \((\d+)\..*",
    r"xdvipdfmx:warning: .*",
)


def for_print(text: str) -> str:
    """MyST of a page without what only a site has: links to its files, and lines that hold nothing else.

    >>> for_print('<a class="claim-data" href="../claims/1a.json">evidence as data</a>')
    ''
    >>> for_print('See <a href="../build.json">the times</a>.')
    'See the times.'
    """
    text = re.sub(r'^<(?:p class="notebooks"|a class="claim-data").*\n?', "", text, flags=re.MULTILINE)
    figure = r'^<a href="\.\./figures/([^"]*)\.csv" download>.*?(\[cite\].*)?$'
    text = re.sub(figure, lambda line: f"Cited as [{line[1]}](#cite-{line[1]})." if line[2] else "", text, flags=re.MULTILINE)
    return re.sub(r"<a [^>]*>(.*?)</a>", r"\1", text)


def as_markdown(html: str) -> str:
    """Table that a cell shows, as MyST; a heading that spans several rows stands in the first of them.

    >>> print(as_markdown("<tr><th></th><th>a_b</th></tr><tr><th>one</th><td>1</td></tr>"))
    |  | a\\_b |
    | --- | --- |
    | one | 1 |
    """
    found = BeautifulSoup(html, "html.parser").find_all("tr")
    rows = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])] for row in found]
    rows = [[""] * (len(rows[0]) - len(row)) + [re.sub(r"([|*_$<`\\])", r"\\\1", cell) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def stage(source: Path, target: Path) -> None:
    """Copy the staged book, made over for print: code that the pages fold is left out."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    for path in target.rglob("*.md"):
        path.write_text(for_print(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in target.glob("chapters/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.metadata["tags"] = [tag.replace("hide-", "remove-") for tag in cell.metadata.get("tags", [])]
            if cell.cell_type == "markdown":
                cell.source = for_print(cell.source)
            for data in (output.data for output in cell.get("outputs", []) if "text/html" in output.get("data", {})):
                data["text/markdown"] = as_markdown(data["text/html"])
        nbformat.write(notebook, path)
    shutil.copy(Path(__file__).with_name("preamble.tex"), target)
    configs = (target / "_config.yml", Path(__file__).with_name("config.yml"))
    config, more = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in configs)
    config["latex"] = more["latex"]
    config["sphinx"]["extra_extensions"].append("pdf.extension")
    config["sphinx"]["config"] |= more["sphinx"] | {"release": metadata.version("mnvh"), "today": config["copyright"]}
    (target / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def problems(log: str, figures: list[str]) -> list[str]:
    """What a log of xelatex says is wrong with the PDF, and which of the figures it has not."""
    if errors := re.findall(FAULTS[0], log, re.MULTILINE):
        return errors[:1]
    found = [match for pattern in FAULTS for match in re.finditer(pattern, log, re.MULTILINE)]
    lines = [match[0] for match in found if not match.re.groups or int(match[1]) >= BEYOND]
    missing = [f"figure {name} is missing" for name in figures if f"File: {name}.pdf " not in log]
    return list(dict.fromkeys(lines)) + missing


def dead_links(path: Path) -> list[str]:
    """Links of a PDF to a place that it does not have, of which xelatex says nothing."""
    reader = pypdf.PdfReader(path)
    places = reader.named_destinations
    found = []
    for number, page in enumerate(reader.pages, start=1):
        for link in (annotation.get_object() for annotation in page.annotations or []):
            place = link.get("/Dest") or link.get("/A", {}).get("/D")
            if place is not None and str(place) not in places:
                found.append(f"sheet {number}: a link leads to {place}, which is not in the PDF")
    return found


def write_latex(source: Path, folder: Path) -> str:
    """Write a staged book as LaTeX under `folder`; returns what Jupyter Book says, which is nothing where all is well."""
    shutil.rmtree(folder / "_build", ignore_errors=True)
    stage(source, folder / "stage")
    program = Path(sys.executable).with_name("jupyter-book")
    options = ["--path-output", folder, "--builder", "latex", "-W", "--keep-going", "-n", "-q"]
    said = run([program, "build", folder / "stage", *options])
    return said if re.search("WARNING|ERROR|Traceback", said) else ""


def typeset(tex: Path) -> str:
    """Run xelatex until contents and references have settled; returns the last log."""
    environment = os.environ | {"FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    for number in (1, 2, 3):
        print(f"  pdf: xelatex, run {number} of 3", flush=True)
        said = run(["xelatex", "-interaction=nonstopmode", "-halt-on-error", tex.name], cwd=tex.parent, env=environment)
    # two programs: what the second, which writes the PDF, says is not in the log
    return said + tex.with_suffix(".log").read_text(encoding="utf-8", errors="replace")


def run(command: list, **options: object) -> str:
    """All that a command prints; what came of it is judged by that and by its files."""
    options |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    return subprocess.run(list(map(str, command)), **options).stdout


def publish(made: Path, site: Path) -> None:
    """Put the PDF into the site, and a link to it into the page that speaks of it."""
    shutil.copy(made, site)
    text = (site / PAGE).read_text(encoding="utf-8")
    linked = re.sub(rf"<code[^>]*>{re.escape(UNLINKED)}</code>", f'<a href="../{made.name}">{made.name}</a>', text)
    (site / PAGE).write_text(linked, encoding="utf-8")


def main(arguments: list[str]) -> int:
    if not shutil.which("xelatex"):
        print(f"There is no xelatex, which makes the PDF. On Debian or Ubuntu, install it with\n    {INSTALL}", file=sys.stderr)
        return 1
    if arguments == ["--check"]:
        return 0
    print("  pdf: writing LaTeX", flush=True)
    said = write_latex(BUILD / "stage", FOLDER)
    if said:
        print(f"{said}\nThe PDF was not made.", file=sys.stderr)
        return 1
    tex, site = FOLDER / f"_build/latex/{NAME}.tex", BUILD / "html"
    log, made = typeset(tex), tex.with_suffix(".pdf")
    figures = sorted(path.stem for path in (FOLDER / "stage/_extra/figures").glob("*.pdf"))
    wrong = problems(log, figures) or dead_links(made)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        print(f"\nThe PDF is held back: {len(wrong)} problem(s) above; lines are those of {tex}.", file=sys.stderr)
        return 1
    publish(made, site)
    print(f"PDF: {Path.cwd() / site / made.name}, {re.search('([0-9]+) pages', log)[1]} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

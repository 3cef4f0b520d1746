"""Stage the book's source for Jupyter Book: executed chapters, their figures and claim cards, generated pages.

Reads `_build/executed`, writes `_build/stage` afresh. Whatever breaks the contract of chapters, figures or
claims is collected and reported at once; nothing is staged over it.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import nbformat
import yaml
from nbformat import NotebookNode

from mnvh.book import claims, documents, ledger, reference, run, site
from mnvh.book.project import BOOK, BUILD, CLAIM, FIGURE, LICENSE, YEAR, contents

STAGE = BUILD / "stage"
EXTRA = STAGE / "_extra"  # copied to the root of the site as it is: figures/, claims/, verdicts.json
GENERATED = ("appendix_ledger", "appendix_map", "appendix_figures", "appendix_functions")
NOTEBOOKS = (
    '<p class="notebooks">This chapter as a notebook: <a href="../_sources/chapters/{name}" download>executed</a> · '
    '<a href="../notebooks/{name}" download="bare-{name}">without outputs</a></p>'
)
ALONE = "This copy holds one version. A published site lists here all that it keeps."
CITE = "The MNVH authors ({year}), “{title}”, in *{book}*, version {version} ([BibTeX](#cite-{name}))."
HISTORY = Path("mnvh/book/history")  # verdicts.json of each published version, by its number


@dataclass
class Book:
    """What the executed chapters have shown so far, and what is wrong with it."""

    figures: dict[str, dict] = field(default_factory=dict)
    settled: dict[str, dict] = field(default_factory=dict)
    headlines: dict[str, str] = field(default_factory=dict)  # numbers in the answer box of each chapter
    problems: list[str] = field(default_factory=list)


def stage() -> Book:
    """Write `_build/stage`; returns what was found, with every breach of the contract in `problems`."""
    shutil.rmtree(STAGE, ignore_errors=True)
    (EXTRA / "figures").mkdir(parents=True)
    (EXTRA / "claims").mkdir()
    book = Book()
    for name in ("_toc.yml", "references.bib"):
        shutil.copy(name, STAGE / name)
    (STAGE / "_config.yml").write_text(yaml.safe_dump(_config(), sort_keys=False), encoding="utf-8")
    shutil.copytree("assets", STAGE / "assets")
    prose: dict[str, str] = {}
    for page in contents():
        target = STAGE / page
        target.parent.mkdir(exist_ok=True)
        source = Path(page).with_suffix(".ipynb")
        if source.exists():
            prose[page] = _chapter(source, target.with_suffix(".ipynb"), book)
        elif Path(page).with_suffix(".md").exists():
            prose[page] = _fill_in(Path(page).with_suffix(".md").read_text(encoding="utf-8"))
            target.with_suffix(".md").write_text(prose[page], encoding="utf-8")
        elif target.name not in GENERATED:
            book.problems.append(f"_toc.yml lists {page}, and there is no {page}.ipynb, {page}.md or generated page of that name.")
    for source in Path("chapters").glob("*.ipynb"):
        if str(source.with_suffix("")) not in contents():
            book.problems.append(f"{source} is missing from _toc.yml: enter it, or a reader never sees it.")
    _cross_check(book, prose)
    hashes = {str(f.relative_to(EXTRA)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(EXTRA.rglob("*.*")) if f.is_file()}
    _write_json(EXTRA / "hashes.json", {name: value for name, value in hashes.items() if not name.endswith(("ipynb", "whl"))})
    if not book.problems:
        now = ledger.snapshot(book.headlines)
        _write_json(EXTRA / "verdicts.json", now)
        (EXTRA / "versions.html").write_text(site.versions(ALONE, {now["version"]: "index.html"}), encoding="utf-8")
        generated = (
            ledger.ledger(book.settled) + ledger.changes(HISTORY, now),
            reference.atlas(book.settled),
            ledger.gallery(book.figures),
            reference.api(),
        )
        for name, text in zip(GENERATED, generated, strict=True):
            (STAGE / "chapters" / f"{name}.md").write_text(text, encoding="utf-8")
    return book


def _config() -> dict:
    """Configuration of the book; where the repository's address is entered its pages offer to run on Binder."""
    config = yaml.safe_load(Path("_config.yml").read_text(encoding="utf-8")) or {}
    if _repository(config):  # without one Jupyter Book would launch its own
        config.setdefault("launch_buttons", {})["binderhub_url"] = "https://mybinder.org"
    return config


def _repository(config: dict) -> str:
    return (config.get("repository") or {}).get("url", "")


def _chapter(source: Path, target: Path, book: Book) -> str:
    """Stage one executed chapter; returns its prose."""
    try:
        executed = nbformat.read(BUILD / "executed" / source.name, as_version=4)
    except (ValueError, OSError) as error:
        (BUILD / "executed" / source.name).unlink(missing_ok=True)  # and is made again by the next call
        what = f"{source}: its executed copy is damaged ({str(error)[:60]})"
        raise ValueError(f"{what} and has been removed. Run `make book` again.") from None
    provenance = {"chapter": source.stem, "source_sha256": _source_hash(source)} | executed.metadata.pop("mnvh")
    book.headlines |= {f"{source.stem}: {name}": value for name, value in _headlines(executed).items()}
    said = copy.deepcopy(executed)
    run.fill_in(said)
    captions = {cell["id"]: cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for cell in said.cells}
    cells: list[NotebookNode] = []
    terms = reference.terms()
    for cell in executed.cells:
        if any(CLAIM in output.get("data", {}) for output in cell.get("outputs", [])):  # its cards lead here
            cells.append(nbformat.v4.new_markdown_cell(f'<span id="cell-{cell["id"]}"></span>', id=f"{cell['id'][:50]}-place"))
        cells.append(cell)
        if cell.cell_type != "code":
            cell.source = reference.with_terms(_fill_in(cell.source), terms)
            continue
        kept, added = [], []
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "stream" and output.name == "stderr":
                text = output.text.strip().splitlines()[-1]
                book.problems.append(f"{source}, cell {cell['id']}: writes to stderr ({text[:100]}). Mend the warning's cause.")
            elif CLAIM in data:
                added.append(_card(data[CLAIM], source, cell, book))
            elif FIGURE in data:
                added.append(_figure(data, source, cell, provenance | {"caption": captions[cell["id"]]}, book))
            else:
                kept.append(output)
        cell.outputs = kept
        shown = cell.metadata.pop("mystnb", {})
        if shown.get("figure") and not any("{figure}" in text for text in added):
            book.problems.append(f"{source}, cell {cell['id']}: its metadata describe a figure that the cell does not publish.")
        for number, text in enumerate(added):
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"{cell['id'][:50]}-shown-{number}"))
    title = claims.load()["chapters"].get(source.stem, source.stem)
    cite = CITE.format(year=YEAR, title=title, book=BOOK, version=metadata.version("mnvh"), name=reference.key(source.stem))
    cells.append(nbformat.v4.new_markdown_cell(f"Cite: {cite}\n\n{NOTEBOOKS.format(name=source.name)}", id="notebooks"))
    executed.cells = cells
    nbformat.write(executed, target)
    (EXTRA / "notebooks").mkdir(exist_ok=True)
    shutil.copy(source, EXTRA / "notebooks" / source.name)
    return "\n\n".join(c.source for c in nbformat.read(source, as_version=4).cells if c.cell_type == "markdown")


def _headlines(executed: NotebookNode) -> dict[str, str]:
    """Numbers that the first cell, the answer box, takes from code."""
    glued = run.glued(executed)
    named = re.findall(r"\{glue:text\}`(\w+)", executed.cells[0].source)
    return {name: glued[name] for name in named if name in glued}


def _fill_in(text: str) -> str:
    """Put what is generated where a page asks for it: tables of the ledger, parameters, BibTeX, figures that move."""
    tables = {"ledger: summary": ledger.summary, "parameters": reference.parameters, "citations": reference.citations, "wheel": _wheel}

    def fill(match: re.Match) -> str:
        kind, _, names = match[1].partition(": ")
        if kind == "explore":
            from mnvh.book import explore  # its import takes seconds

            return explore.show(names)
        if kind == "measured":
            return Path("measured", f"{names}.md").read_text(encoding="utf-8")
        return tables[match[1]]() if match[1] in tables else ledger.excerpt(names.split())

    return re.sub(r"<!-- (ledger: [\w. ]+|explore: [\w-]+|measured: [\w-]+|parameters|citations|wheel) -->", fill, text)


def _wheel() -> str:
    """Build the package's wheel, from a copy so that nothing is left in the checkout, and return a link to it."""
    source, target = BUILD / "wheel", EXTRA / "wheels"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree("mnvh", source / "mnvh", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([*command, "-w", str(target), str(source)], check=True)
    name = next(target.glob("*.whl")).name
    return f'<a href="../wheels/{name}">{name}</a>'


def _card(record: dict, source: Path, cell: NotebookNode, book: Book) -> str:
    """Card of a settled claim as MyST, judged anew against claims.yml."""
    name = record["id"]
    evidence = [claims.Evidence(**entry) for entry in record["evidence"]]
    claim = claims.load()["claims"].get(name)
    place = f"{source}, cell {cell['id']}"
    if claim is None:
        book.problems.append(f"{place}: settles {name!r}, which is not in claims.yml.")
        return ""
    if name in book.settled:
        book.problems.append(f"{place}: claim {name} is settled twice, first in {book.settled[name]['chapter']}.")
    if claim["chapter"] != source.stem:
        book.problems.append(f"{place}: claim {name} belongs to {claim['chapter']} by claims.yml.")
    try:
        claims.judge(claim, evidence)
    except ValueError as error:
        book.problems.append(f"{place}: {error}")
    entry = {"id": name, "chapter": source.stem, "cell": cell["id"], "verdict": claim["verdict"], "evidence": record["evidence"]}
    book.settled[name] = entry
    _write_json(EXTRA / "claims" / f"{name}.json", entry)
    style = claim["verdict"].split()[0]
    return (
        f"({claims.anchor(name)})=\n\n"
        f":::{{admonition}} Claim {name}: {claim['verdict']}\n:class: claim claim-{style}\n\n"
        f"{claims.body(claim, evidence)}\n"
        f'<a class="claim-data" href="#cell-{cell["id"]}">cell</a> · '
        f'<a class="claim-data" href="../claims/{name}.json">evidence as data</a> · {_dispute(name)}\n:::\n'
    )


def _dispute(name: str) -> str:
    """Link to a new issue on a claim; where the repository's address is not entered, to the section that says what to do."""
    address = _repository(_config())
    return f'<a class="claim-data" href="{address}/issues/new?title=Claim+{name}">report an error</a>' if address else "[dispute](#dispute)"


def _figure(data: NotebookNode, source: Path, cell: NotebookNode, provenance: dict, book: Book) -> str:
    """Write a figure's files and return the MyST that shows it."""
    name, place = data[FIGURE]["name"], f"{source}, cell {cell['id']}"
    shown = cell.metadata.get("mystnb", {})
    caption = shown.get("figure", {}).get("caption", "")
    alt = " ".join(shown.get("image", {}).get("alt", "").split())
    if shown.get("figure", {}).get("name") != name:
        book.problems.append(f"{place}: publishes {name!r}, its metadata mystnb.figure.name say {shown.get('figure', {}).get('name')!r}.")
    if not re.match(r"\*\*.+?\*\*", caption, re.DOTALL):
        book.problems.append(f"{place}: figure {name} has no caption that starts with its message in bold (mystnb.figure.caption).")
    if claims.HTML.search(caption) or re.search(r"^\s*(```|~~~|:::)", caption, re.MULTILINE):
        book.problems.append(f"{place}: the caption of {name} has HTML or a block in it ({caption[:60]!r}): write text, and a space after <.")
    if len(alt) < 20:
        book.problems.append(f"{place}: figure {name} has no alt text that says what it shows (mystnb.image.alt).")
    if name in book.figures:
        book.problems.append(f"{place}: figure {name} was published before, in {book.figures[name]['chapter']}.")
    entry = provenance | {"name": name, "cell": cell["id"], "alt": alt, "license": LICENSE, "version": metadata.version("mnvh")}
    book.figures[name] = entry
    files = {
        "svg": data["image/svg+xml"].encode(),
        "pdf": base64.b64decode(data["application/pdf"]),
        "png": base64.b64decode(data["image/png"]),
        "csv": data[FIGURE]["csv"].encode(),
    }
    for kind, content in files.items():
        (EXTRA / "figures" / f"{name}.{kind}").write_bytes(content)
    hashes = {kind: hashlib.sha256(content).hexdigest() for kind, content in files.items()}
    _write_json(EXTRA / "figures" / f"{name}.json", entry | {"files_sha256": hashes})
    return (
        f":::{{figure}} /_extra/figures/{name}.*\n:name: {name}\n:alt: {json.dumps(alt, ensure_ascii=False)}\n:width: 100%\n\n{caption}\n\n"
        f"{ledger.downloads(name)}\n:::\n"
    )


def _cross_check(book: Book, prose: dict[str, str]) -> None:
    """Every figure is referred to, every verdict has its evidence."""
    text = "\n".join(prose.values())
    for name, entry in book.figures.items():
        if f"{{numref}}`{name}`" not in text:
            book.problems.append(f"figure {name} ({entry['chapter']}) is never referred to: write {{numref}}`{name}` in the text.")
    sources = json.loads(documents.INDEX.read_text(encoding="utf-8"))
    for name, claim in claims.load()["claims"].items():
        if claim["document"] != claims.OWN and documents.find(sources[claim["document"]], claim["quote"], claim["section"]) is None:
            book.problems.append(
                f"claim {name}: section {claim['section']} of {claim['document']} has no {claim['quote']!r}: quote it word for word."
            )
        if claim["verdict"] in claims.SETTLED and name not in book.settled:
            book.problems.append(
                f"claim {name} is {claim['verdict']!r} in claims.yml, and {claim['chapter']} does not settle it: "
                "settle it there, or enter 'not yet examined'."
            )


def _source_hash(source: Path) -> str:
    """Hash over the contents that the chapter's outputs depend on: notebook, modules and data it read, lock."""
    rule = (BUILD / "deps" / f"{source.stem}.d").read_text().splitlines()[0]
    keys = [BUILD / "hash" / f"{source}.sha", BUILD / "hash/requirements.lock.sha"]
    keys += [Path(key) for key in rule.partition(":")[2].split()]
    return hashlib.sha256("".join(key.read_text() for key in keys).encode()).hexdigest()


def _write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        found = stage().problems
    except (yaml.YAMLError, OSError, ValueError, KeyError, TypeError) as error:  # a malformed claims.yml or _toc.yml
        sys.exit(f"The book was not built: {type(error).__name__}: {error}")
    except KeyboardInterrupt:
        print("  pages: interrupted; a book that was published stays as it was", file=sys.stderr)
        sys.exit(130)
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        sys.exit(f"\nThe book was not built: {len(found)} problem(s) above.")

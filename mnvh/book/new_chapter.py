"""A new chapter that passes every check: make new-chapter NAME=19_my_subject.

Writes the notebook and the test of its exercise, enters it in `_toc.yml` after the last numbered chapter and in
`claims.yml` with its title and one statement of its own, whose document is `book`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from mnvh.book import claims

TEMPLATE = Path(__file__).with_suffix(".ipynb")  # with {{name}}, {{title}}, … where this chapter's stand
ENTRY = """
- id: {claim}
  document: book
  section: "{number}"
  chapter: {name}
  quote: "A grid harvests half of the realised variance on any path"
  verdict: holds
"""
SOLUTIONS = '''"""Solutions of the exercises of chapter {number}, computed."""

from __future__ import annotations

import numpy as np
import pytest

from mnvh import decomposition as dec


def solution_{number}_1(said):
    walk = np.random.default_rng(1).standard_normal((1, 101, 1)).cumsum(axis=1)
    one, two = (dec.decompose(dec.LinearGrid([[1.0]], [0.0]), size * walk).total().harvest for size in (1, 2))
    assert two == pytest.approx(4 * one) and said.startswith("Four times as much")
'''


def create(name: str) -> Path:
    """Write the chapter, its entries and its test; returns the notebook's path.

    Raises
    ------
    ValueError
        If the name is not the next number, an underscore and a subject in lower case that no chapter has.
    """
    known = claims.load()["chapters"]
    number = f"{len(known) + 1:02d}"
    if not re.fullmatch(rf"{number}_[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ValueError(f"NAME = {name}: allowed is the next number and a subject in lower case, as in {number}_my_subject.")
    tag = name[3:]
    given = {"name": name, "title": tag.replace("_", " ").capitalize(), "tag": tag, "slug": tag.replace("_", "-")}
    for path in sorted(Path("chapters").glob("*.ipynb")):
        if path.stem[3:] == tag or re.search(rf"\(eq-{tag}\)|\W{given['slug']}-series\W", path.read_text(encoding="utf-8")):
            raise ValueError(f"NAME = {name}: {path.stem} has this subject, or an equation or a figure named after it: choose another.")
    solutions = Path(f"tests/solutions_{tag}.py")
    if solutions.exists():
        raise ValueError(f"NAME = {name}: {solutions} exists: choose another subject, or move that file.")
    given |= {"number": number, "claim": f"B{number}a"}
    path = Path("chapters", f"{name}.ipynb")
    path.write_text(re.sub(r"{{(\w+)}}", lambda key: given[key[1]], TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")
    _after_last(Path("_toc.yml"), r"^( *- file: chapters/)\d\d_\w+$", rf"\g<1>{name}")
    _after_last(claims.PATH, r"^(  )\d\d_\w+: .+$", rf'\g<1>{name}: "{given["title"]}"')
    with claims.PATH.open("a", encoding="utf-8") as ledger:
        ledger.write(ENTRY.format(**given))
    solutions.write_text(SOLUTIONS.format(**given), encoding="utf-8")
    return path


def _after_last(file: Path, pattern: str, line: str) -> None:
    """Insert a line after the last one that matches."""
    text = file.read_text(encoding="utf-8")
    last = list(re.finditer(pattern, text, re.MULTILINE))[-1]
    file.write_text(f"{text[: last.end()]}\n{last.expand(line)}{text[last.end() :]}", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mnvh.book.new_chapter", description=__doc__.splitlines()[0])
    parser.add_argument("name")
    try:
        path = create(parser.parse_args(arguments).name)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{path}, entered in _toc.yml and mnvh/book/claims.yml, its exercise in tests. Next: make book, then change one cell at a time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

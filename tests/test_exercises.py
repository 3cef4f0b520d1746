"""The solution of every exercise is computed, and the text must say what comes out.

The functions stand in `solutions_*.py`: `solution_02_1(said)` is that of the first exercise of chapter 2, and is given the text of
its solution. A new exercise without its function fails here.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT

SOLUTION = re.compile(r"^(\d+)\. .*?^```{dropdown} Solution\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def solutions():
    """Text of each solution, by chapter and number."""
    found = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        asked = [cell.source.split("## Exercises", 1)[1] for cell in cells if "## Exercises" in cell.source]
        assert len(asked) == 1, f"{path.name} has {len(asked)} sections of exercises"
        part = asked[0].split("\n## ")[0]
        numbered = SOLUTION.findall(part)
        assert [n for n, _ in numbered] == re.findall(r"^(\d+)\. ", part, re.MULTILINE), f"an exercise of {path.name} has no solution"
        found |= {f"solution_{path.stem[:2]}_{n}": " ".join(text.split()) for n, text in numbered}
    return found


SAID = solutions()
MODULES = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("solutions_*.py"))]
COMPUTED = {name: thing for module in MODULES for name, thing in vars(module).items() if name.startswith("solution_")}


def test_every_exercise_is_computed():
    assert sorted(COMPUTED) == sorted(SAID)


@pytest.mark.parametrize("name", sorted(COMPUTED))
def test_the_solution_says_what_is_computed(name):
    COMPUTED[name](SAID[name])

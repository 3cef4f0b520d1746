"""A new chapter that passes every check: make new-chapter NAME=19_my_subject.

Writes the notebook, enters it in `_toc.yml` after the last numbered chapter and in `claims.yml` with one statement of its own,
whose document is `book`.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell as code
from nbformat.v4 import new_markdown_cell as markdown

from mnvh.book import claims

TITLE = """\
# {title}

**What is the one question of this chapter?**

```{{admonition}} Answer
:class: answer

A grid harvests half of the realised variance: {{glue:text}}`harvest:.2f` ± {{glue:text}}`harvest_se:.2f` on average here, where the law says {{glue:text}}`law:.2f`.
```

*Necessary:* chapter 2. *Helpful:* nothing else. *Run time:* a few seconds."""
PARAMETERS = """\
seed = 1  # seed of every random number in this chapter
n_paths = 2_000  # number of simulated price paths
quick = False  # True: a tenth of the paths"""
SETUP = """\
import numpy as np
from scipy import stats

from mnvh import decomposition as dec
from mnvh import paths
from mnvh.book import claims, figures

rng = np.random.default_rng(seed)
n_paths = n_paths // 10 if quick else n_paths"""
SECTION = """\
## What is claimed

A grid that sells one unit for each unit of price harvests, on any path,

$$
H_T = \\tfrac12\\sum_t \\Delta p_t^2 .
$$ (eq-{tag})

The check compares {{eq}}`eq-{tag}` with the decomposition, path by path."""
CHECK = """\
prices = paths.gaussian(rng, n_paths, 100, covariance=[[1.0]])
parts = dec.decompose(dec.LinearGrid([[1.0]], [prices[0, 0, 0]]), prices)
total = parts.total()
half = (np.diff(prices[..., 0]) ** 2).sum(axis=1) / 2
gap = abs(total.harvest - half).max()
claims.settle("{claim}", claims.exact(gap, scale=total.gross.max()))
harvest, harvest_se = total.harvest.mean(), stats.sem(total.harvest)
figures.glue(harvest=harvest, harvest_se=harvest_se, law=(prices.shape[1] - 1) / 2)"""
FIGURE = """\
figure, axes = figures.new()
data = figures.series(axes, parts, np.arange(1, 101), unit=1)
axes.set(xlabel="steps", ylabel="money")
figures.publish("{slug}-series", figure, data)"""
CAPTION = "**Say the message first.** Mean of the running sums of a unit grid on Gaussian walks, with two standard errors."
ALT = "Harvest rises on a straight line to fifty, displacement falls as far, and the P&L stays at zero within its band."
ENDING = """\
{{numref}}`{slug}-series` shows harvest and displacement as two halves of one zero.

## Where this breaks

- Say under which assumption the result fails, and what then takes its place.

## Exercises

1. What does the grid harvest with steps of variance four?

```{{dropdown}} Solution
Four times as much: {{eq}}`eq-{tag}` is linear in $\\Delta p^2$.
```"""
ENTRY = """
- id: {claim}
  document: book
  section: "{number}"
  chapter: {name}
  quote: "A grid harvests half of the realised variance on any path"
  verdict: holds
"""


def create(name: str) -> Path:
    """Write the chapter and its two entries; returns the notebook's path.

    Raises
    ------
    ValueError
        If the name is not the next number, an underscore and a subject in lower case that no chapter has.
    """
    known = claims.load()["chapters"]
    number = f"{len(known) + 1:02d}"
    if not re.fullmatch(rf"{number}_[a-z][a-z0-9_]*", name):
        raise ValueError(f"NAME = {name}: allowed is the next number and a subject in lower case, as in {number}_my_subject.")
    tag = name[3:]
    if taken := [chapter for chapter in known if chapter[3:] == tag]:
        raise ValueError(f"NAME = {name}: {taken[0]} has this subject, and with it the names of labels and figures: choose another.")
    given = {"name": name, "title": tag.replace("_", " ").capitalize(), "tag": tag, "slug": tag.replace("_", "-")}
    given |= {"number": number, "claim": f"B{number}a"}
    shown = {"figure": {"name": f"{given['slug']}-series", "caption": CAPTION}, "image": {"alt": ALT}}
    cells = [
        markdown(TITLE.format(**given), id="title"),
        code(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        code(SETUP, id="setup", metadata={"tags": ["hide-input"]}),
        markdown(SECTION.format(**given), id="claim"),
        code(CHECK.format(**given), id="check"),
        code(FIGURE.format(**given), id="series-figure", metadata={"mystnb": shown, "tags": ["hide-input"]}),
        markdown(ENDING.format(**given), id="ending"),
    ]
    path = Path("chapters", f"{name}.ipynb")
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = nbformat.read(min(Path("chapters").glob("*.ipynb")), as_version=4).metadata
    nbformat.write(notebook, path)
    _after_last(Path("_toc.yml"), r"^( *- file: chapters/)\d\d_\w+$", rf"\g<1>{name}")
    _after_last(claims.PATH, r"^(  )\d\d_\w+: .+$", rf"\g<1>{name}: {given['title']}")
    with claims.PATH.open("a", encoding="utf-8") as ledger:
        ledger.write(ENTRY.format(**given))
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
    print(f"{path}, entered in _toc.yml and mnvh/book/claims.yml. Next: make book, then change one cell at a time.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

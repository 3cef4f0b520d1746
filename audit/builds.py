"""`make book` beside `jupyter-book build` executing the same notebooks: nothing built, one chapter edited, nothing changed.

`python -m audit.builds` copies the project to a folder of its own, builds it both ways in turn and writes `measured/builds.md`;
it takes all cores for a quarter of an hour. The environment is installed already. Then the same for small books of several
lengths. Jupyter Book keeps its own cache of executed notebooks here. It knows a notebook by its own text alone, so that after
a change of the package or the data only building all again is right: ours is compared with both.
"""

from __future__ import annotations

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import yaml

from audit import measured
from mnvh.book.project import PUBLISHING

ROOT = Path(__file__).resolve().parents[1]
EDITED = "17_vaults"
MAKE = ["make", "book", f"VENV={sys.prefix}"]
LENGTHS = (1, 2, 4, 8)
STEPS = ("nothing built", "one chapter edited", "nothing changed")
GOALS = {"nothing built": "≤ 0.6", "one chapter edited": "≤ 0.2", "nothing changed": ""}


def seconds(command: list[str], folder: Path, **more: str) -> float:
    """Wall time of a command of the project in a folder; exits with its output if it fails."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=inherited | {"PYTHONPATH": str(folder)} | more, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in the measurement of the builds:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return time.perf_counter() - start


def ours(folder: Path) -> float:
    return seconds(MAKE, folder)


def plain(folder: Path) -> float:
    """Jupyter Book with its cache, on the bare notebooks that `stage` has laid out."""
    return seconds([str(Path(sys.executable).with_name("jupyter-book")), "build", "plain", "-q"], folder, **{PUBLISHING: "1"})


def stage(folder: Path) -> None:
    """Lay out the pages for Jupyter Book alone: those of our build, with the bare notebooks and no extension of ours."""
    shutil.copytree(folder / "_build/stage", folder / "plain")
    for notebook in (folder / "chapters").glob("*.ipynb"):
        shutil.copy(notebook, folder / "plain/chapters" / notebook.name)
    config = yaml.safe_load((folder / "plain/_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": "cache", "timeout": -1}
    needed = {"html_extra_path": ["_extra"], "numfig": True, "nb_execution_raise_on_error": True}
    config["sphinx"] = {"recursive_update": True, "config": needed}
    (folder / "plain/_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")


def edit(notebook: Path, remark: str = "edited") -> None:
    """Change what the last code cell of a notebook says, but not what it does."""
    content = nbformat.read(notebook, as_version=4)
    [cell for cell in content.cells if cell.cell_type == "code"][-1].source += f"\n# {remark}"
    nbformat.write(content, notebook)


def same(one: Path, other: Path) -> tuple[int, list[str]]:
    """Number of files of two built sites, and the names of those that differ, but for `build.json`, which says when and where."""
    names = {str(path.relative_to(site)) for site in (one, other) for path in site.rglob("*") if path.is_file()} - {"build.json"}
    return len(names), [name for name in sorted(names) if not filecmp.cmp(one / name, other / name, shallow=False)]


def both(folder: Path, edited: str, first: float | None = None) -> dict[str, tuple[float, float]]:
    """Seconds of our build, `first` if it has been made, and of the plain one at each step."""
    first = first or ours(folder)
    stage(folder)
    pairs = {STEPS[0]: (first, plain(folder))}
    for place in ("chapters", "plain/chapters"):
        edit(folder / place / f"{edited}.ipynb")
    pairs[STEPS[1]] = (ours(folder), plain(folder))
    pairs[STEPS[2]] = (ours(folder), plain(folder))
    for step, (first, second) in pairs.items():
        print(f"  {step}: {first:.1f} s, plain {second:.1f} s", flush=True)
    return pairs


def small_book(folder: Path, count: int) -> str:
    """Write the small book of the tests with copies of its second chapter, `count` chapters in all; returns the last's name."""
    write = "import sys, pathlib, small_book; small_book.write(pathlib.Path(sys.argv[1]))"
    seconds([sys.executable, "-c", write, str(folder)], ROOT, PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}")
    toc = yaml.safe_load((folder / "_toc.yml").read_text(encoding="utf-8"))
    name = "02_check"
    for number in range(3, count + 1):
        name = f"{number:02}_check"
        shutil.copy(folder / "chapters/02_check.ipynb", folder / f"chapters/{name}.ipynb")
        edit(folder / f"chapters/{name}.ipynb", name)  # the cache takes notebooks of one text for one
        toc["parts"][0]["chapters"].append({"file": f"chapters/{name}"})
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    return name


def curve() -> list[list[object]]:
    """A row for each length of book: seconds of both builds from nothing, and of ours for each chapter more."""
    rows: list[list[object]] = []
    for count in LENGTHS:
        with tempfile.TemporaryDirectory(prefix="mnvh-builds-") as place:
            name = small_book(Path(place), count + 1)  # the first chapter carries the claim and the figure
            first, second = both(Path(place), name)[STEPS[0]]
        more = (first - rows[-1][1]) / (count - rows[-1][0]) if rows else float("nan")
        rows.append([count, first, second, more])
    return [[count, f"{a:.1f}", f"{b:.1f}", f"{a / b:.2f}", "" if more != more else f"{more:.2f}"] for count, a, b, more in rows]


def main() -> None:
    argparse.ArgumentParser(prog="python -m audit.builds", description=__doc__.splitlines()[0]).parse_args()
    lengths = curve()
    with tempfile.TemporaryDirectory(prefix="mnvh-builds-") as place:
        folder = Path(place) / "book"
        made = shutil.ignore_patterns("_build", ".git", ".venv", "__pycache__", ".hypothesis", ".pytest_cache")
        shutil.copytree(ROOT, folder, ignore=made)
        seconds([*MAKE, "JOBS=1"], ROOT)  # the book of this checkout, up to date
        first = ours(folder)
        count, differing = same(ROOT / "_build/html", folder / "_build/html")
        found = both(folder, EDITED, first)
    chapters = len(list((ROOT / "chapters").glob("*.ipynb")))
    whole = found[STEPS[0]][1]
    rows = [[step, f"{a:.1f}", f"{b:.1f}", round(a / b, 2), round(a / whole, 3), GOALS[step]] for step, (a, b) in found.items()]
    measured.write(
        "builds",
        f"The whole book, {chapters} chapters, built by `make book` and by Jupyter Book alone, which executes the same notebooks one "
        f"after the other and keeps a cache of them. The cache knows a notebook by its text alone and misses a change of the package or "
        f"the data; without it Jupyter Book executes all every time. Both ran in turn, the environment installed. Ours checks every "
        f"page, claim and link as well. The edited chapter is {EDITED}.",
        measured.table(["", "make book, s", "jupyter-book build, s", "ratio", "ratio to its executing all", "goal for this"], rows),
        f"The same book was built in another folder before. Of its {count} files {len(differing)} differ{''.join(f', {name}' for name in differing)}, "
        "but for the one that says when and where it was built.",
        "Books of a chapter with a figure and copies of a chapter of one line, from nothing.",
        measured.table(["copies", "make book, s", "jupyter-book build, s", "ratio", "s a copy more"], lengths),
        packages=("jupyter-book", "papermill"),
    )


if __name__ == "__main__":
    main()

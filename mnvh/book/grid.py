"""A chapter over a grid of parameters: make sweep CHAPTER=02_decomposition GRID="seed=1,2,3 n_paths=1000,4000".

The table has a row a point: the parameters, every number that the chapter names for its prose, for every claim whether
the evidence bears out the ledger's verdict, and the data of every figure as the text of its CSV file. Its folder in
`_build/sweeps` is named by the chapter and by all that the table depends on, so that no point of another grid or of
older code is taken for one of this.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import itertools
import shlex
import sys
import tempfile
from pathlib import Path

import nbformat
import numpy as np

from mnvh import sweep
from mnvh.book import run
from mnvh.book.project import BUILD, CLAIM, FIGURE


def outcome(rng: np.random.Generator, **point: sweep.Value) -> dict[str, sweep.Value]:
    """Numbers, claims and figure data of one run of `point["chapter"]`, whose own parameter `seed` draws everything."""
    given = dict(point)
    notebook = Path("chapters", f"{given.pop('chapter')}.ipynb")
    with tempfile.TemporaryDirectory(prefix="mnvh-") as folder:
        target = Path(folder, notebook.name)
        run.execute(notebook, target, given, publish=False)
        executed = nbformat.read(target.with_suffix(".tmp"), as_version=4)
    row: dict[str, sweep.Value] = {}
    for output in (output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs):
        data = output.get("data", {})
        if CLAIM in data:
            heading = data["text/plain"]
            held = "inconclusive" not in heading
            row[f"claim {data[CLAIM]['id']}"] = "held" if held else "contradicted" if "against" in heading else "inconclusive"
        elif FIGURE in data:
            row[f"figure {data[FIGURE]['name']}"] = data[FIGURE]["csv"]
    return row | {name: ast.literal_eval(text) for name, text in run.glued(executed).items()}


def parse(chapter: str, text: str) -> dict[str, list[sweep.Value]]:
    """Grid as "name=value,value name=value"; each point is checked as `make chapter` checks its parameters."""
    grid: dict[str, list[sweep.Value]] = {}
    for word in shlex.split(text):
        name, _, values = word.partition("=")
        if name in grid:
            raise ValueError(f"{name} is given twice: leave one out.")
        grid[name] = [run.parse(Path("chapters", f"{chapter}.ipynb"), f"{name}={value}")[name] for value in values.split(",")]
    return {"chapter": [chapter]} | grid


def store(chapter: str, grid: dict[str, list[sweep.Value]]) -> Path:
    """Folder of a sweep, which another has as soon as the grid, the chapter, the package, its data or the versions change."""
    patterns = (f"chapters/{chapter}.ipynb", "requirements.lock", "mnvh/*.py", "mnvh/data/*", "mnvh/book/claims.*")
    files = [path for pattern in patterns for path in sorted(Path().glob(pattern))]
    files += [Path(value) for value in itertools.chain(*grid.values()) if isinstance(value, str) and Path(value).is_file()]  # a reader's data
    key = hashlib.sha256(repr(grid).encode() + b"".join(str(path).encode() + path.read_bytes() for path in files))
    return BUILD / "sweeps" / f"{chapter}-{key.hexdigest()[:8]}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mnvh.book.grid", description=__doc__.splitlines()[0])
    parser.add_argument("chapter")
    parser.add_argument("grid")
    parser.add_argument("--scheduler", help="address of a Dask scheduler; by default this machine's cores")
    options = parser.parse_args(arguments)
    if not Path("chapters", f"{options.chapter}.ipynb").exists():
        print(f"CHAPTER = {options.chapter}: there is no such chapter.", file=sys.stderr)
        return 2
    try:
        grid = parse(options.chapter, options.grid)
        folder = store(options.chapter, grid)
        table = sweep.run(outcome, grid, folder, scheduler=options.scheduler or None)
    except ValueError as error:
        print(f"GRID = {options.grid}: {error}", file=sys.stderr)
        return 2
    failed = (table.error != "").sum()
    print(table.filter(regex="^(?!chapter$|point$|figure )").to_string(index=False, max_cols=12))
    print(f"{len(table)} points, {failed} failed; the table: {folder / 'table.parquet'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

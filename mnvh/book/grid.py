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
import logging
import os
import re
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
        try:
            run.execute(notebook, target, given, publish=False)
        except run.PapermillExecutionError as error:  # whose text has the whole traceback, with the paths of this checkout
            text = f"{run.place(error, notebook)}: {error.ename}: {error.evalue}"
            raise RuntimeError(text.replace(f"{Path.cwd()}/", "")) from None
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
    known = {path.stem: path for path in sorted(Path("chapters").glob("*.ipynb"))}
    if chapter not in known:
        raise ValueError(f"there is no such chapter. Chapters: {', '.join(known)}")
    words = [_split(word, ",") for word in _split(text, r"\s") if word]
    for word in words:
        if len(_split(",".join(word), "['\"]")) > 1:
            raise ValueError(f"{','.join(word)} has a quotation mark that is not closed: close it.")
        if "" in word or word[0].endswith("="):
            raise ValueError(f"{','.join(word)} has an empty value: write values between commas without blanks, as in seed=1,2,3.")
    first = run.parse(known[chapter], " ".join(word[0] for word in words))
    rest = ([run.parse(known[chapter], f"{name}={value}")[name] for value in word[1:]] for name, word in zip(first, words, strict=True))
    return {"chapter": [chapter]} | {name: [first[name], *values] for name, values in zip(first, rest, strict=True)}


def _split(text: str, separator: str) -> list[str]:
    """Parts of a text, which keep their quotation marks (shlex drops them, and with them the commas to keep)."""
    quoted = r"""'[^']*'|"(?:\\.|[^"\\])*"|\\."""
    return re.sub(f"({quoted})|{separator}", lambda found: found[1] or "\0", text).split("\0")


def store(chapter: str, grid: dict[str, list[sweep.Value]]) -> Path:
    """Folder of a sweep, which another has as soon as the grid, the chapter, the package, its data or the versions change."""
    patterns = (f"chapters/{chapter}.ipynb", "requirements.lock", "mnvh/**/*.py", "mnvh/data/*", "mnvh/book/claims.yml")
    files = [path for pattern in patterns for path in sorted(Path().glob(pattern))]
    own = (Path(os.path.expanduser(value)) for value in itertools.chain(*grid.values()) if isinstance(value, str))  # a reader's data
    files += [path for path in own if path.is_file()]
    key = hashlib.sha256(repr(grid).encode() + b"".join(str(path).encode() + path.read_bytes() for path in files))
    return BUILD / "sweeps" / f"{chapter}-{key.hexdigest()[:8]}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mnvh.book.grid", description=__doc__.splitlines()[0])
    parser.add_argument("chapter")
    parser.add_argument("grid")
    parser.add_argument("--scheduler", help="address of a Dask scheduler; by default this machine's cores")
    options = parser.parse_args(arguments)
    chapter = options.chapter.removeprefix("chapters/").removesuffix(".ipynb")
    logging.getLogger("distributed.client").disabled = True  # of a scheduler that is lost it tells in fifty lines
    try:
        grid = parse(chapter, options.grid)
        folder = store(chapter, grid)
        table = sweep.run(outcome, grid, folder, scheduler=options.scheduler or None)
    except (ValueError, OSError) as error:
        print(f"CHAPTER = {options.chapter}, GRID = {options.grid}: {error}", file=sys.stderr)
        return 2
    failed = (table.error != "").sum()
    print(table.filter(regex="^(?!chapter$|point$|figure )").to_string(index=False, max_cols=12))
    print(f"{len(table)} points, {failed} failed; the table: {folder / 'table.parquet'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

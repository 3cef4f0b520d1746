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
from collections.abc import Iterable, Mapping
from pathlib import Path

import nbformat
import numpy as np

from mnvh import sweep
from mnvh.book import run
from mnvh.book.project import BUILD, CLAIM, FIGURE

PACKAGE = Path(sweep.__file__).parent  # what the kernels of this process import as well, wherever it is


def outcome(rng: np.random.Generator, **point: sweep.Value) -> dict[str, sweep.Value]:
    """Numbers, claims and figure data of one run of `point["chapter"]`, whose own parameter `seed` draws everything.

    Raises RuntimeError if a cell fails, or if `point["code"]`, where there is one, is not of this checkout or not any more.
    """
    given = dict(point)
    chapter, asked = str(given.pop("chapter")), str(given.pop("code", ""))
    notebook = Path("chapters", f"{chapter}.ipynb")
    _unchanged(chapter, given, asked)
    with tempfile.TemporaryDirectory(prefix="mnvh-") as folder:
        target = Path(folder, notebook.name)
        try:
            run.execute(notebook, target, given, publish=False)
        except run.PapermillExecutionError as error:  # whose text has the whole traceback, with the paths of this checkout
            text = f"{run.place(error, notebook)}: {error.ename}: {error.evalue}"
            raise RuntimeError(text.replace(f"{Path.cwd()}/", "")) from None
        executed = nbformat.read(target.with_suffix(".tmp"), as_version=4)
    _unchanged(chapter, given, asked)  # nor was it edited during the run
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
    if not (words := [_split(word, ",") for word in _split(text, r"\s") if word]):
        raise ValueError("there is nothing to vary: write name=value,value, as in seed=1,2,3.")
    for word in words:
        if len(_split(",".join(word), "['\"]")) > 1:
            raise ValueError(f"{','.join(word)} has a quotation mark that is not closed: close it.")
        if "" in word or word[0].endswith("="):
            raise ValueError(f"{','.join(word)} has an empty value: write values between commas without blanks, as in seed=1,2,3.")
    first = run.parse(known[chapter], " ".join(word[0] for word in words))
    rest = ([run.parse(known[chapter], f"{name}={value}")[name] for value in word[1:]] for name, word in zip(first, words, strict=True))
    grid = {name: [first[name], *values] for name, values in zip(first, rest, strict=True)}
    if twice := [f"{name}={value}" for name, values in grid.items() for i, value in enumerate(values) if value in values[:i]]:
        raise ValueError(f"{twice[0]} is given twice: leave one out.")
    return grid


def _split(text: str, separator: str) -> list[str]:
    """Parts of a text, which keep their quotation marks (shlex drops them, and with them the commas to keep)."""
    quoted = r"""'[^']*'|"(?:\\.|[^"\\])*"|\\."""
    return re.sub(f"({quoted})|{separator}", lambda found: found[1] or "\0", text).split("\0")


def code(chapter: str, values: Iterable[sweep.Value]) -> str:
    """Hashes of what points depend on: the chapter, the lock and the package that is imported; and each file that a value names."""
    package = sorted(path for pattern in ("**/*.py", "data/*", "book/claims.yml") for path in PACKAGE.glob(pattern))
    files = {"chapter": f"chapters/{chapter}.ipynb", "lock": "requirements.lock"} | {str(path.relative_to(PACKAGE)): path for path in package}
    named = {value: os.path.expanduser(value) for value in values if isinstance(value, str)}
    return " ".join(map(_hash, [files, *({value: path} for value, path in sorted(named.items()) if os.path.isfile(path))]))


def _hash(files: Mapping[str, str | Path]) -> str:
    contents = {name: Path(path).read_bytes() for name, path in files.items() if os.path.isfile(path)}
    return hashlib.sha256(repr(contents).encode()).hexdigest()[:8]


def _unchanged(chapter: str, given: Mapping[str, sweep.Value], asked: str) -> None:
    own, *others = code(chapter, given.values()).split()
    if asked and own != asked.split()[0]:
        text = f"the worker has another {chapter} or package, or none, than the sweep began with: sweep again, without an edit"
        raise RuntimeError(f"{text} meanwhile, and with all workers in the same checkout.")
    if asked and not {*others} <= {*asked.split()}:
        raise RuntimeError("a file that the point names is another than when the sweep began: sweep again.")


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
        grid = {"chapter": [chapter], "code": [code(chapter, itertools.chain(*grid.values()))]} | grid
        folder = BUILD / "sweeps" / f"{chapter}-{hashlib.sha256(repr(grid).encode()).hexdigest()[:8]}"
        table = sweep.run(outcome, grid, folder, scheduler=options.scheduler or None)
    except KeyboardInterrupt:
        print(f"{chapter}: interrupted; finished points are kept, and the same call goes on.", file=sys.stderr)
        return 130
    except (ValueError, OSError) as error:
        print(f"CHAPTER = {options.chapter}, GRID = {options.grid}: {error}", file=sys.stderr)
        return 2
    failed = (table.error != "").sum()
    print(table.filter(regex="^(?!chapter$|code$|point$|figure )").to_string(index=False, max_cols=12))
    print(f"{len(table)} points, {failed} failed; the table: {folder / 'table.parquet'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

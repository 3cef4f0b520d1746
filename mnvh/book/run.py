"""Execute one chapter with papermill.

`python -m mnvh.book.run NOTEBOOK` is the build's way: default parameters, result under `_build/executed`, and
a make rule in `_build/deps` that names the files the kernel read. `--rerun "seed=7 n_paths=1000"` is a
reader's: any parameters, result under `_build/reruns` with the numbers in its text, warnings on the terminal, nothing
enters the book. `--parameters` lists them.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shlex
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import TextIO

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from mnvh.book import hashes
from mnvh.book.project import BUILD, PUBLISHING

PACKAGES = ("numpy", "scipy", "numba", "pandas", "matplotlib", "skfolio")

# Appended to the notebook while it runs and removed afterwards: which project files the kernel has read.
PROBE = """\
import json as _json, sys as _sys
print(_json.dumps(sorted(
    {m.__file__ for n, m in _sys.modules.items() if n.split(".")[0] == "mnvh" and getattr(m, "__file__", None)}
    | getattr(_sys, "_mnvh_opened", set())
)))
"""
# Runs first: an audit hook notes the data files that are opened, however a library opens them.
WATCH = """\
import sys as _sys
_sys._mnvh_opened = set()
_sys.addaudithook(lambda event, args: _sys._mnvh_opened.add(str(args[0])) if event == "open" and "data" in str(args[0]) else None)
"""


def parameters(notebook: Path) -> dict[str, dict]:
    """Parameters of a chapter: name → {"default", "help", …}, from the cell tagged `parameters`."""
    return papermill.inspect_notebook(str(notebook))


def parse(notebook: Path, text: str) -> dict[str, object]:
    """Parameters as "name=value name=value": numbers as Python reads them, true or false, and texts as they stand.

    Raises
    ------
    ValueError
        If a name is not one of the chapter's parameters, or a value is not of its default's type.
    """
    known = parameters(notebook)
    given: dict[str, object] = {}
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("it has a quotation mark that is not closed: close it.") from None
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            raise ValueError(f"{word!r} is no parameter of {notebook.stem}: write name=value with one of {', '.join(known)}.")
        if name in given:
            raise ValueError(f"{name} is given twice: leave one out.")
        default = ast.literal_eval(known[name]["default"])
        try:
            given[name] = value if isinstance(default, str) else _read(value, type(default))
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            kind = {bool: "true or false", int: "a whole number", float: "a number"}.get(type(default), type(default).__name__)
            raise ValueError(f"{name} = {value:.200} is of another kind: it must be {kind}, like its default {known[name]['default']}.") from None
        if type(default) is int and given[name] < (name != "seed"):
            raise ValueError(f"{name} = {value} is too small: it must be {int(name != 'seed')} or more.")
    return given


def _read(text: str, kind: type) -> object:
    value = ast.literal_eval({"true": "True", "false": "False"}.get(text.lower(), text))
    if type(value) is not kind and (type(value), kind) != (int, float):
        raise ValueError(f"{text} is no {kind.__name__}")
    return value


def execute(source: Path, target: Path, given: dict[str, object], *, publish: bool) -> list[str]:
    """Run a notebook, write its stripped executed copy beside `target` (.tmp), return the files its kernel read.

    Raises
    ------
    PapermillExecutionError
        If a cell fails; the partial notebook is then at `target` with the ending `.failed.ipynb`.
    """
    notebook = nbformat.read(source, as_version=4)
    order = [cell["id"] for cell in notebook.cells]
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    notebook.cells.insert(tagged[0] if tagged else 0, nbformat.v4.new_code_cell(WATCH, id="watch"))
    notebook.cells.append(nbformat.v4.new_code_cell(PROBE, id="probe"))
    target.parent.mkdir(parents=True, exist_ok=True)
    if publish:
        os.environ[PUBLISHING] = "1"
    partial = target.with_suffix(".failed.ipynb")
    with tempfile.TemporaryDirectory(prefix="mnvh-") as private:
        # Kernels talk over files, not ports; sharing a folder they would collide.
        manager = Config({"KernelManager": {"transport": "ipc", "ip": str(Path(private, "kernel"))}})
        papermill.execute_notebook(
            notebook,
            str(partial),
            parameters=given,
            kernel_name="python3",
            progress_bar=False,
            cwd=str(Path.cwd()),
            start_timeout=600,  # a busy machine starts slowly
            config=manager,
            extra_arguments=["--IPKernelApp.log_level=CRITICAL"],  # a kernel that is shut down says it was interrupted
        )
    done = nbformat.read(partial, as_version=4)
    probe = done.cells.pop()
    files = json.loads("".join(output["text"] for output in probe.outputs if output.output_type == "stream"))
    done.cells = [cell for cell in done.cells if cell["id"] != "watch"]
    # Times and paths differ from run to run: what is kept are the outputs.
    done.metadata.pop("papermill", None)
    defaults = {name: entry["default"] for name, entry in parameters(source).items()}
    done.metadata["mnvh"] = {
        "parameters": defaults | {name: repr(value) for name, value in given.items()},
        "packages": {name: metadata.version(name) for name in PACKAGES},
    }
    for number, cell in enumerate(done.cells):
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell["id"] not in order:
            cell["id"] = f"injected-{number}"
    nbformat.write(done, target.with_suffix(".tmp"))
    partial.unlink()
    return files


def glued(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Numbers, as text, that an executed notebook names for its prose."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return {o.metadata["scrapbook"]["name"]: list(o.data.values())[0] for o in outputs if "scrapbook" in o.get("metadata", {})}


def fill_in(notebook: nbformat.NotebookNode) -> list[str]:
    """Put the glued numbers into the text and captions of an executed notebook; return the warnings of its cells."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    value = {name: ast.literal_eval(text) for name, text in glued(notebook).items()}
    for cell in notebook.cells:
        captioned = cell.metadata.get("mystnb", {}).get("figure", {})
        place, key = (cell, "source") if cell.cell_type == "markdown" else (captioned, "caption")
        filled = re.sub(r"{glue:text}`(\w+):?([^`]*)`", lambda role: format(value[role[1]], role[2]), place.get(key, ""))
        place.update({key: filled})
    return [line for output in outputs if output.get("name") == "stderr" for line in re.findall("Warning: (.*)", output.text)]


def rule(target: Path, files: list[str]) -> str:
    """Make rule by which `target` depends on the content of those files that belong to the project."""
    root = Path.cwd()
    # claims.yml is judged when the pages are made, so that a word changed there executes no chapter
    inside = sorted({Path(f).resolve().relative_to(root) for f in files if Path(f).resolve().is_relative_to(root)})
    kept = [path for path in inside if path.parts[0] == "mnvh" and "__pycache__" not in path.parts and path.suffix != ".yml"]
    hashed = [f"_build/hash/{path}.sha" for path in kept]
    return hashes.sealed(f"{target}: {' '.join(hashed)}\n" + "".join(f"{name}:\n" for name in hashed))


def place(error: PapermillExecutionError, notebook: Path) -> str:
    """Number and id of the cell that failed: of the notebook's own, to which the runner adds some."""
    own = {cell.source: f"cell {i}, {cell['id']}," for i, cell in enumerate(nbformat.read(notebook, as_version=4).cells, start=1)}
    return f"{own.get(error.source, 'a cell of the runner')} failed"


def explain(error: PapermillExecutionError, notebook: Path, given: dict[str, object]) -> str:
    """Notebook, cell and traceback of a failed run, as plain text, and the parameters that it was given."""
    lines = "\n".join(error.traceback)
    return (
        f"\n{notebook}: {place(error, notebook)}\n\n"
        + "\n".join("    " + line for line in error.source.splitlines())
        + "\n\n"
        + re.sub(r"\x1b\[[0-9;]*m", "", lines)
        + "\n"
        # the cells compute with them: what is at fault may have another name by then
        + (f"The run was given {', '.join(f'{name} = {value!r}' for name, value in given.items())}.\n" if given else "")
    )


def _say(text: str, file: TextIO | None = None) -> None:
    """Print in one piece: chapters run side by side, and if Python is unbuffered `print` writes the line's end by itself."""
    print(f"{text}\n", end="", file=file, flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mnvh.book.run", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--rerun", metavar="PARAMETERS", help='a reader\'s parameters, as in "seed=7 n_paths=1000"')
    parser.add_argument("--parameters", action="store_true", help="list the chapter's parameters")
    options = parser.parse_args(arguments)
    name = options.notebook.name.removesuffix(".ipynb")
    notebook = options.notebook.with_name(f"{name}.ipynb")
    if not notebook.exists():
        chapters = ", ".join(sorted(path.stem for path in Path("chapters").glob("*.ipynb")))
        print(f"NAME: {notebook} does not exist. Chapters: {chapters}", file=sys.stderr)
        return 2
    if options.parameters:
        for key, entry in parameters(notebook).items():
            print(f"{key:<14} default {entry['default']:<10} {entry['help']}")
        return 0

    rerun = options.rerun is not None
    target = BUILD / ("reruns" if rerun else "executed") / f"{name}.ipynb"
    try:
        given = parse(notebook, options.rerun or "")
    except ValueError as error:
        print(f"PARAMS = {options.rerun}: {error}", file=sys.stderr)
        return 2
    start = time.perf_counter()
    _say(f"  {name}: executing")
    try:
        files = execute(notebook, target, given, publish=not rerun)
    except PapermillExecutionError as error:
        _say(explain(error, notebook, given), sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say(f"  {name}: interrupted, the next call starts it again", sys.stderr)
        return 130
    except DeadKernelError as error:
        _say(f"\n{notebook}: its kernel died ({error}). Memory? The next call starts this chapter again.", sys.stderr)
        return 1
    seconds = time.perf_counter() - start
    if not rerun:
        for folder, ending, text in (("deps", "d", rule(target, files)), ("times", "txt", f"{seconds:.1f}\n")):
            path = BUILD / folder / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_suffix(".new").write_text(text)
            os.replace(path.with_suffix(".new"), path)  # whole or not at all
    else:
        done = nbformat.read(target.with_suffix(".tmp"), as_version=4)
        for warning in fill_in(done):
            _say(f"  {name}: {warning}")
        nbformat.write(done, target.with_suffix(".tmp"))
    os.replace(target.with_suffix(".tmp"), target)  # last, so that no result stands without its rule
    os.utime(target)
    _say(f"  {name}: {seconds:.1f} s" + (f", in {target}" if rerun else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())

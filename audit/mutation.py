"""Mutation testing of the science modules: small faults are put into mnvh/*.py, and the tests must notice them.

    python -m audit.mutation [MODULE …] [--each 12] [--seed 6]

Of each module a random sample of its mutants is drawn. Every one is tried in a copy of the project of its own: by the
doctests of the module and the test file named after it, by its cases of bad input, by the test files that import it,
and last by those that reach it through other modules. The first failure ends it; so does a time limit. Mutants that
cannot change a result stand in `audit/equivalent.yml` with the reason, and are not run. Results are kept by module in
`_build/mutation`; `measured/mutation.md` shows them.

The mutants are made here, in some fifty lines of `ast`. mutmut 3 leaves functions with a decorator out, here all the
compiled kernels; mutatest rests since 2022. cosmic-ray works, but five in six of its mutants put an operator where it
is a TypeError (`a << b` of floats), which any test kills, it neither exchanges min and max nor leaves out a call of a
check, and it brings fifteen packages (an HTTP server, Git) into an environment that every reader installs.
"""

from __future__ import annotations

import argparse
import ast
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from audit import measured

RESULTS, EQUIVALENT = Path("_build/mutation"), Path(__file__).with_name("equivalent.yml")
BAD_INPUT = "tests/test_bad_input.py"  # its cases bear the module's name, and take a minute together
MEMORY = 12 * 2**30  # bytes; a fault may ask for any amount
PRELOAD = ["pytest", "hypothesis.extra.numpy", "numba", "pandas", "scipy.stats", "scipy.optimize", "scipy.integrate"]

OPERATORS = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "*")}
OPERATORS |= {ast.Mod: ("%", "*"), ast.Pow: ("**", "*"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&")}
OPERATORS |= {ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!=")}
OPERATORS |= {ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in")}
OPERATORS |= {ast.NotIn: ("not in", "in"), ast.And: ("and", "or"), ast.Or: ("or", "and")}
PAIRS = ("min max", "minimum maximum", "any all", "floor ceil", "argmin argmax", "sin cos", "zeros ones", "diff cumsum")
PAIRS += ("mean sum", "exp expm1", "log log1p", "isfinite isnan", "break continue")
NAMES = {a: b for pair in map(str.split, PAIRS) for a, b in (pair, pair[::-1])}
BUILTIN = ("min", "max", "any", "all")


@dataclass(frozen=True)
class Mutant:
    """A fault: the function that it is in, its first line as it is and as it becomes, and the module with the fault."""

    function: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, str]:
        return self.function, f"{self.before} → {self.after}"


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module's source, in the order of the text.

    >>> [mutant.key for mutant in mutants("def f(x: int | None):\\n    return x + 1")]
    [('f', 'return x + 1 → return x - 1'), ('f', 'return x + 1 → return x + 2')]
    """
    lines = [line.encode() for line in source.splitlines(keepends=True)]  # the columns of ast count bytes
    starts = [sum(map(len, lines[:row])) for row in range(len(lines))]
    text, found = source.encode(), []
    for function, row, column, end_row, end_column, old, new in sorted(changes(ast.parse(source), "module")):
        first, last = starts[row - 1] + column, starts[end_row - 1] + end_column
        span = text[first:last]
        span = span.replace(old.encode(), new.encode(), 1) if old else new.encode()
        faulty = (text[:first] + span + text[last:]).decode()
        pairs = zip(source.splitlines(), faulty.splitlines(), strict=False)
        found += [Mutant(function, a.strip(), b.strip(), faulty) for a, b in pairs if a != b][:1]
    return found


def changes(node: ast.AST, function: str) -> Iterator[tuple[str, int, int, int, int, str, str]]:
    """Function, the span to look in (from and to, as lines and columns), what to replace there ("": all) and by what."""
    whole = lambda new, old="": (function, node.lineno, node.col_offset, node.end_lineno, node.end_col_offset, old, new)
    between = lambda left, right, op: (function, *ends(left), right.lineno, right.col_offset, *OPERATORS[type(op)])
    ends = lambda inner: (inner.end_lineno, inner.end_col_offset)
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            yield between(left, right, op)
        case ast.AugAssign(target=left, op=op, value=right) if type(op) in OPERATORS:
            yield between(left, right, op)
        case ast.Compare(left=left, ops=ops, comparators=rest):
            yield from (between(a, b, op) for a, op, b in zip([left, *rest], ops, rest, strict=False))
        case ast.BoolOp(op=op, values=values):
            yield from (between(a, b, op) for a, b in zip(values, values[1:], strict=False))
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield whole("", "-" if isinstance(node.op, ast.USub) else "not ")
        case ast.Constant(value=bool() as value):
            yield whole(str(not value))
        case ast.Constant(value=int() | float() as value):
            yield whole(f"{value + 1:_}" if isinstance(value, int) else repr(value + 1))
        case ast.Attribute(value=left, attr=name) if name in NAMES:
            yield function, *ends(left), *ends(node), name, NAMES[name]
        case ast.Name(id=name) if name in BUILTIN:
            yield whole(NAMES[name])
        case ast.Expr(value=ast.Call()):
            yield whole("None")
        case ast.Break() | ast.Continue():
            yield whole(NAMES[type(node).__name__.lower()])
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            function = name if function == "module" else f"{function}.{name}"
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue  # none of them computes
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(child, ast.JoinedStr):  # a message is no result
                yield from changes(child, function)


def imported(path: Path) -> set[str]:
    """Modules of mnvh that a file imports, and subprocess; "" is the package itself.

    >>> sorted(imported(Path("tests/test_factors.py")))
    ['decomposition', 'factors', 'neutrality', 'readers']
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} if node.module != "mnvh" else {f"mnvh.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.removeprefix("mnvh").lstrip(".") for name in names if name.split(".")[0] in ("mnvh", "subprocess")}


@cache
def concerning(module: str) -> list[tuple[str, ...]]:
    """Runs of pytest that concern a module, the nearest first; not those of the publishing, and of others' commands."""
    uses = {path.stem: imported(path) for path in Path("mnvh").glob("*.py")}
    reaching, before = {module, ""}, set()
    while reaching != before:
        before, reaching = reaching, reaching | {name for name, used in uses.items() if used & (reaching - {""})}
    tests = {str(path): imported(path) for path in sorted(Path("tests").glob("test_*.py"))}
    own = [path for path in tests if path == f"tests/test_{module}.py"]
    aside = {path for path, used in tests.items() if used & {"subprocess"} or any(name.startswith("book") for name in used)}
    tests = {path: used for path, used in tests.items() if path not in aside - {*own} | {BAD_INPUT}}
    near = sorted((path for path in tests if module in tests[path] and path not in own), key=lambda path: len(tests[path]))
    far = [path for path in tests if tests[path] & reaching and path not in own + near]
    cases = [(BAD_INPUT, "-k", f"{module}.")] if Path(BAD_INPUT).exists() else []
    return [(f"mnvh/{module}.py", *own), *cases, *((path,) for path in near + far)]


def copy(tree: Path, to: Path) -> None:
    """A copy of the project, without the kernels compiled from it, which do not see a change of what they call."""
    shutil.copytree(tree, to, ignore=shutil.ignore_patterns(".git", ".venv", ".hypothesis", "_build", "*.nb?"))


def run_tests(tree: Path, run: Sequence[str]) -> None:
    """Run pytest in a copy of the project, in a process of its own, which ends with 1 at the first failure."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    os.environ |= {"PYTHONPATH": str(tree), "NO_BROWSER": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # seconds a run
    with open(tree.with_suffix(".log"), "w", encoding="utf-8") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    import pytest

    code = pytest.main([*run, "-x", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", f"--basetemp={tree}/tmp"])
    sys.exit(code not in (0, 5))  # 5: a file may hold no doctest, and a module no case of bad input


def outcome(tree: Path, run: Sequence[str], limit: float) -> str:
    """"passed", "failed", or "late" after the limit in seconds: what a run of pytest does in a copy of the project."""
    context = multiprocessing.get_context("forkserver")  # it imports the heavy packages once for all runs
    context.set_forkserver_preload(PRELOAD)
    process = context.Process(target=run_tests, args=(tree, run))
    process.start()
    process.join(limit)
    ended = process.exitcode
    try:
        os.killpg(process.pid or 0, signal.SIGKILL)  # the process itself, or what it left behind
    except ProcessLookupError:
        pass
    process.join()
    return "late" if ended is None else "failed" if ended else "passed"


@cache
def limit(run: tuple[str, ...]) -> float:
    """Seconds that a run may take: three times what it takes without a fault, and half a minute.

    Raises
    ------
    RuntimeError
        If it fails without any fault: then it would kill every mutant.
    """
    with tempfile.TemporaryDirectory(prefix="mutation") as folder:
        start = time.monotonic()
        copy(Path.cwd(), Path(folder) / "tree")
        if outcome(Path(folder) / "tree", run, limit=1800) != "passed":
            said = (Path(folder) / "tree.log").read_text(encoding="utf-8")[-2000:]
            raise RuntimeError(f"`pytest {' '.join(run)}` fails without any fault, in a copy of the project:\n{said}")
        return 30 + 3 * (time.monotonic() - start)


def fate(module: str, source: str) -> str:
    """The outcome of the first run that a module with this source does not pass, else "passed"."""
    with tempfile.TemporaryDirectory(prefix="mutation") as folder:
        copy(Path.cwd(), tree := Path(folder) / "tree")
        (tree / f"mnvh/{module}.py").write_text(source, encoding="utf-8")
        found = (outcome(tree, run, limit(run)) for run in concerning(module))
        return next((fate for fate in found if fate != "passed"), "passed")


def equivalent() -> dict[tuple[str, str, str], str]:
    """Reasons why mutants are equivalent, by module, function and change."""
    entries = yaml.safe_load(EQUIVALENT.read_text(encoding="utf-8"))
    return {(entry["module"], entry["function"], entry["change"]): entry["reason"] for entry in entries}


def measure(module: str, each: int, seed: int) -> None:
    """Try a sample of a module's mutants and keep what survived."""
    every, reasons = mutants(Path(f"mnvh/{module}.py").read_text(encoding="utf-8")), equivalent()
    sample = random.Random(f"{seed} {module}").sample(every, len(every))[:each]  # a larger sample holds the smaller
    tried = [mutant for mutant in sample if (module, *mutant.key) not in reasons]
    fates = []
    for mutant in tried:
        fates.append(fate(module, mutant.source))
        print(f"  {module}, {fates[-1]}: {mutant.function}: {mutant.key[1]}", flush=True)
    found = {"seed": seed, "possible": len(every), "tried": len(tried), "late": fates.count("late")}
    found["survivors"] = [mutant.key for mutant, end in zip(tried, fates, strict=True) if end == "passed"]
    found["equivalent"] = [mutant.key for mutant in sample if mutant not in tried]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{module}.json").write_text(json.dumps(found), encoding="utf-8")


def share(results: Sequence[dict]) -> tuple[float, float]:
    """Share of all possible mutants that the tests kill, and its standard error: each module weighs as its mutants do.

    The variance of a module takes (killed + 1)/(tried + 2) for its share, else one without a survivor would have none:
    rather too large than too small.

    >>> share([{"possible": 300, "tried": 8, "survivors": []}, {"possible": 100, "tried": 8, "survivors": ["a", "b"]}])
    (0.9375, 0.08926785535678562)
    """
    results = [found for found in results if found["tried"]]  # a small sample may hold nothing but equivalent ones
    whole, killed, variance = sum(found["possible"] for found in results), 0.0, 0.0
    for found in results:
        weight, tried, left = found["possible"] / whole, found["tried"], len(found["survivors"])
        killed += weight * (1 - left / tried)
        likely = (left + 1) / (tried + 2)
        variance += weight**2 * likely * (1 - likely) / tried
    return killed, variance**0.5


def report(results: dict[str, dict], modules: Sequence[str]) -> None:
    """Write measured/mutation.md from what the modules' samples gave, and which of them have none."""
    killed, stderr = share(list(results.values()))
    count = {key: sum(len(found[key]) for found in results.values()) for key in ("survivors", "equivalent")}
    count |= {key: sum(found[key] for found in results.values()) for key in ("tried", "late")}
    seeds = ", ".join(sorted({str(found["seed"]) for found in results.values()}))
    text = (
        f"**{100 * killed:.1f} % ± {100 * stderr:.1f} % of the mutants are killed** (one standard error, each module weighs as "
        f"its mutants do); the goal is 90 %. {count['tried']} were tried, {count['survivors']} survived, {count['late']} were killed by the time "
        f"limit; {count['equivalent']} more of the sample change nothing. Seed {seeds}."
    )
    if missing := ", ".join(f"`{name}`" for name in modules if name not in results):
        text += f" Nothing of {missing} was tried."
    rows = [
        [f"`{name}`", found["possible"], found["tried"], found["tried"] - len(found["survivors"]), len(found["equivalent"])]
        for name, found in results.items()
    ]
    reasons, code = equivalent(), lambda text: "`" + text.replace("|", "\\|") + "`"
    listed = [
        [f"`{name}.{function}`: {code(change)}", reasons.get((name, function, change), "a test was missing")]
        for name, found in results.items()
        for function, change in found["survivors"] + found["equivalent"]
    ]
    parts = [text, measured.table(["module", "mutants", "tried", "killed", "change nothing"], rows)]
    parts += [measured.table(["line and what it becomes", "why no test failed"], listed)] if listed else []
    measured.write("mutation", *parts, packages=["pytest", "numba"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m audit.mutation", description="Put small faults into the science modules; the tests must notice them.")
    science = sorted(path.stem for path in Path("mnvh").glob("*.py") if path.stem != "__init__")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as options or paths; without any, all of them")
    parser.add_argument("--each", type=int, default=12, help="size of a module's sample (12)")
    parser.add_argument("--seed", type=int, default=6, help="of the samples (6; the survivors of 1 to 5 have been looked at)")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.modules) - set(science)):
        parser.error(f"{', '.join(unknown)}: allowed are {', '.join(science)}")
    for module in asked.modules or science:
        measure(module, asked.each, asked.seed)
    report({path.stem: json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json")) if path.stem in science}, science)


if __name__ == "__main__":
    main()

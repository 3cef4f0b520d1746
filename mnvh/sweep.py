"""A function over a grid of parameters, on the cores of this machine or on a Dask cluster (appendix "Reproduce").

Each point of the grid has a random generator of its own, made from the seed and the point's place, so that results do
not depend on the number of workers or on the order in which they finish. The store is a folder. Its `table.parquet`, for
`pandas.read_parquet`, has a row a point and is written again, whole, as points finish. `_points.jsonl` has the same
rows as they came in: what is there is not computed again.
"""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import dask
import numpy as np
import pandas as pd
from distributed import CancelledError, Client, KilledWorker, LocalCluster, as_completed, comm
from tornado.ioloop import PeriodicCallback

from mnvh import check

Value = float | int | str | bool | None
Row = dict[str, Value]
OWN = ("point", "error", "seconds", "rng")  # names that a grid and a result leave to the sweep
PATIENCE = 10  # seconds in which another's scheduler answers and has a worker, and after which lost workers here are replaced


def points(grid: Mapping[str, Sequence[Value] | np.ndarray]) -> list[dict[str, Value]]:
    """Every combination of the grid's values, the last name running fastest.

    Raises
    ------
    ValueError
        If the grid is empty, or a name is the table's own, or has no values, one that no table can hold, or one twice.

    Examples
    --------
    >>> points({"seed": [1, 2], "quick": [True]})
    [{'seed': 1, 'quick': True}, {'seed': 2, 'quick': True}]
    """
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid is {grid!r}: allowed is a dict of parameter: values. Likely fix: {{'seed': [1, 2, 3]}}.")
    for name, values in grid.items():
        if not isinstance(name, str) or not _storable(name) or name in OWN:
            raise ValueError(f"grid names {name!r}: allowed are texts other than {', '.join(OWN)}. Likely fix: another name.")
        listed = _listed(values)
        if not listed or not all(map(_storable, listed)) or len({repr(v) for v in listed}) < len(listed):
            allowed = "a list or one-dimensional array of different numbers (whole ones of 64 bits) or texts, one at least"
            raise ValueError(f"grid[{name!r}] is {values!r:.200}: allowed is {allowed}. Likely fix: other values, or str().")
    return [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*map(_listed, grid.values()))]


def _listed(values: object) -> list[Value]:
    """A list or an array of one dimension, with Python's own numbers in the place of NumPy's; of anything else nothing."""
    flat = isinstance(values, (list, tuple, range)) or (isinstance(values, np.ndarray) and values.ndim == 1)
    return [value.item() if isinstance(value, np.generic) else value for value in values] if flat else []


def run(
    function: Callable[..., Row],
    grid: Mapping[str, Sequence[Value] | np.ndarray],
    store: str | Path,
    *,
    seed: int = 0,
    scheduler: str | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Call function(rng, **point) at every point of the grid and gather what it returns, as it comes in.

    A point that raises, ends its process or returns what no table can hold is recorded with its error and tried again by
    the next call; the others go on. The tasks of a worker that is lost run again elsewhere; if a cluster loses all its
    workers, the call waits until there are others.

    Parameters
    ----------
    function : function of (rng, **point)
        Importable by the workers; returns numbers or texts by name.
    grid : dict of name: values
        Values are a list or a one-dimensional array.
    store : path
        Folder of the table, `table.parquet`; points that it holds already are left alone. It is refused once the text of
        the function has changed; a change of what else the function uses is not seen.
    seed : int
        Point number i draws from default_rng([seed, i]).
    scheduler : str, optional
        Address of a Dask scheduler, as in tcp://host:8786; by default the cores of this machine.
    workers : int, optional
        Number of processes on this machine, by default one a core.

    Returns
    -------
    DataFrame, the table: one row a point in the order of the grid, with the point, `error`, `seconds` and what the
    function returned. A column with numbers at some points and texts or truth values at others has texts throughout;
    integers beside floats or missing values become floats, exact up to 2**53.

    Raises
    ------
    ValueError
        If the function, the grid, the seed or the number of workers is not allowed, no Dask scheduler answers at the
        address, its workers cannot import the function, or the store cannot be written or holds another grid or seed.
    TimeoutError, ConnectionError
        If the scheduler has no worker after ten seconds, or is lost on the way.
    OSError
        If the store can no longer be written, as on a disk that is full.
    """
    todo = points(grid)
    if not isinstance(store, (str, os.PathLike)) or not str(store) or "\0" in str(store):
        raise ValueError(f"store is {store!r}: allowed is the path of a folder. Likely fix: 'my-sweep'.")
    if not callable(function) or inspect.ismethod(function) or "<" in getattr(function, "__qualname__", "<"):  # by its name a store knows whose it is
        raise ValueError(f"function is {function!r}: allowed is a function of a module, by its name. Likely fix: def one there.")
    check.integer("seed", seed, 0)
    cores = check.integer("workers", os.cpu_count() if workers is None else workers, 1)
    note, log, table = (Path(store, name) for name in ("_grid.txt", "_points.jsonl", "table.parquet"))
    try:
        inspect.signature(function).bind(None, **todo[0])
        source = inspect.getsource(function)
    except (TypeError, ValueError) as error:
        raise ValueError(f"function is {function.__qualname__} ({error}): allowed is one of (rng, {', '.join(grid)}). Likely fix: rng and the grid's names as its arguments.") from None
    except OSError:  # typed into Python itself
        raise ValueError(f"function is {function.__qualname__}, whose text cannot be read: allowed is one whose text a file has. Likely fix: write it to one.") from None
    code = hashlib.sha256(source.encode()).hexdigest()[:8]
    made_with = f"{function.__module__}.{function.__qualname__} {code} {seed} {({name: _listed(grid[name]) for name in grid})!r}\n"
    found: list[Row] = []
    try:
        held = note.read_text(encoding="utf-8", errors="replace") if note.exists() else "(missing)" if log.is_file() else made_with
        if held != made_with:  # points without a note may be of another function or seed
            raise ValueError(f"store: {note} holds {held.strip()!r}: allowed is that sweep again, not {made_with.strip()!r}. Likely fix: another folder.")
        rows = _recorded(log, todo)
        if table.is_dir():
            raise IsADirectoryError("its table.parquet is a folder")
        waiting = {i: point for i, point in enumerate(todo) if i not in rows or rows[i]["error"]}
        with closing(_finished(function, seed, waiting, scheduler, min(cores, len(waiting)))) as batches:
            for found in batches if waiting else ():
                start = time.perf_counter()
                table.parent.mkdir(parents=True, exist_ok=True)  # not before there is a cluster: a mistaken call leaves nothing
                _replace(note, lambda new: new.write_text(made_with, encoding="utf-8"))
                with log.open("a", encoding="utf-8") as file:
                    file.writelines(f"\n{json.dumps(row)}" for row in found)  # the break comes first: it ends a line cut off
                rows |= {row["point"]: row for row in found}
                if rows:
                    _write(table, rows)
                time.sleep(10 * (time.perf_counter() - start))  # what comes meanwhile is written together: cheap at any size
        _write(table, rows)  # also if no point was left, whatever has become of the table since
        return pd.read_parquet(table)
    except (ConnectionError, TimeoutError):  # of the scheduler
        raise
    except OSError as error:
        allowed = "a folder to write to, on a disk with room; finished points that it holds are kept, and the same call goes on"
        raise (OSError if found else ValueError)(f"store is {str(store)!r} ({error}): allowed is {allowed}.") from error


@contextmanager
def cluster(workers: int) -> Iterator[LocalCluster]:
    """Processes of this machine as a Dask cluster, for more than one sweep: one thread each, replaced if they are lost.

    Dask has its workers hand every array back to the system as soon as it is free, and some chapters then take half
    as long again; here the memory is kept, as it is without Dask. Raises ValueError if there is not to be a process.
    """
    # The scheduler listens for its metrics even without a dashboard: on a free port, so that two sweeps go side by side.
    options = {"n_workers": check.integer("workers", workers, 1), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}), LocalCluster(**options) as here:
        # Now and then Dask misses that a worker died as soon as it started, and does not start another.
        here.loop.add_callback(PeriodicCallback(lambda: here.scale(workers), 1000 * PATIENCE).start)
        yield here


def _finished(function: Callable[..., Row], seed: int, waiting: dict[int, Row], scheduler: str | None, workers: int) -> Iterator:
    """Nothing, as soon as there is a cluster; then rows of points, all that have since finished, which wait no longer."""
    with ExitStack() as opened:
        try:
            if scheduler is not None:
                with socket.create_connection(comm.get_address_host_port(scheduler), timeout=PATIENCE) as probe:  # Dask: 30 s
                    probe.recv(0 if scheduler.startswith(("tls:", "ws")) else 1)  # a scheduler speaks first: Dask awaits it for ever
            client = opened.enter_context(Client(scheduler or opened.enter_context(cluster(workers))))
        except (MemoryError, OSError, OverflowError, RuntimeError, TypeError, ValueError) as error:  # what is no scheduler may answer anything
            allowed, fix = "the address of a Dask scheduler that answers, as in tcp://host:8786", "`dask scheduler` there"
            if scheduler is None:
                allowed = f"None where processes can start, or {allowed}"
                fix = "`if __name__ == '__main__':` before it in a script, memory and disk space, or the same call again"
            raise ValueError(f"scheduler is {scheduler!r} ({error}): allowed is {allowed}. Likely fix: {fix}.") from error
        yield []
        try:
            futures = {client.submit(_call, function, seed, i, point, pure=False): i for i, point in waiting.items()}
            if scheduler is not None:  # after the points: some clusters start workers when there is work
                client.wait_for_workers(1, timeout=PATIENCE)
            for batch in as_completed(futures).batches():
                rows = []
                for future in batch:
                    with suppress(KilledWorker):  # a row may be lost with its worker before it is fetched
                        rows.append(future.result())
                        del waiting[futures[future]]
                if rows:
                    yield rows
            for i, point in waiting.items():
                try:  # Dask suspects all that waited on a worker that died: alone, only the guilty die again
                    yield [client.submit(_call, function, seed, i, point, pure=False).result()]
                except KilledWorker:  # its text has the address of the worker, which another sweep would not have
                    error = "KilledWorker: the process died at every try, the last ones with this point alone. Out of memory?"
                    yield [{"point": i} | point | {"error": error, "seconds": np.nan}]
        except TimeoutError as error:
            raise TimeoutError(f"scheduler {scheduler!r} has no worker after {PATIENCE} s. Start `dask worker {scheduler}`.") from error
        except (CancelledError, OSError) as error:
            kept = "finished points are kept, and the same call goes on once it runs again"
            raise ConnectionError(f"scheduler {scheduler!r} was lost on the way: {kept}.") from error
        except Exception as error:  # of a task that never came to its function
            text = f"function is {function.__qualname__} ({error.__cause__ or error}): allowed is one that every worker can import from {function.__module__}"
            raise ValueError(f"{text}. Likely fix: start the workers where it is, with the same packages.") from error


def _call(function: Callable[..., Row], seed: int, i: int, point: Row) -> Row:
    start = time.perf_counter()
    try:
        found, error = _checked(function(np.random.default_rng([seed, i]), **point), {*OWN, *point}), ""
    except BaseException as raised:  # recorded with the point, whatever it is, even if it cannot be shown
        lines = [line for line in traceback.format_exception_only(raised) if not line.startswith('  File "')]  # another elsewhere
        found, error = {}, "".join(lines).strip().encode(errors="backslashreplace").decode()
    return {"point": i} | point | {"error": error, "seconds": time.perf_counter() - start} | found


def _checked(found: Row, taken: set[str]) -> Row:
    """What a function returned, if the table can hold it beside the names that are taken."""
    if not isinstance(found, Mapping):
        raise ValueError(f"the function returned {found!r:.200}. Allowed is a dict of numbers or texts by name. Likely fix: {{'value': 1.0}}.")
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}
    for name, value in plain.items():
        if not isinstance(name, str) or name in taken or not _storable(name) or not _storable(value):
            allowed = f"a number (if whole of 64 bits), a text or None, by a name other than {', '.join(sorted(taken))}"
            raise ValueError(f"the function returned {name!r}: {value!r:.200}. Allowed is {allowed}. Likely fix: rename or str().")
    return plain


def _storable(value: object) -> bool:
    """Does a table hold it: a number, of 64 bits if whole, a truth value, None, or a text of whole characters?"""
    whole = not isinstance(value, str) or value == value.encode(errors="replace").decode()
    return whole and (value is None or isinstance(value, (float, str)) or (isinstance(value, int) and -(2**63) <= value < 2**63))


def _recorded(log: Path, todo: list[dict[str, Value]]) -> dict[int, Row]:
    """Rows by their points, the last of each; a line that is none of these, as of a writer that was killed, is passed over."""
    rows, asked = {}, {repr(json.loads(json.dumps({"point": i} | point))) for i, point in enumerate(todo)}
    for line in log.read_bytes().splitlines() if log.exists() else ():
        with suppress(ValueError, TypeError, KeyError):
            row = _checked(json.loads(line), set())
            if repr({name: row[name] for name in ("point", *todo[0])}) in asked and isinstance(row["error"], str):
                rows[row["point"]] = row
    return rows


def _write(path: Path, rows: dict[int, Row]) -> None:
    table = pd.DataFrame([rows[i] for i in sorted(rows)])
    mixed = [name for name in table if pd.api.types.infer_dtype(table[name]).startswith("mixed")]
    table[mixed] = table[mixed].map(str, na_action="ignore")  # a column of Parquet has one type
    _replace(path, table.to_parquet)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file whole or not at all; readers of the folder pass over what begins with an underscore."""
    new = path.with_name(f"_{path.name}.{os.getpid()}.new")
    try:
        write(new)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)  # half of it, on a disk that is full

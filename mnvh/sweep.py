"""A function over a grid of parameters, on the cores of this machine or on a Dask cluster (appendix "Reproduce").

Each point of the grid has a random generator of its own, made from the seed and the point's place, so that results do
not depend on the number of workers or on the order in which they finish. Each result is a small Parquet file in one
folder, which `pandas.read_parquet` reads as one table: what is there is not computed again.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from mnvh import check

Value = float | int | str | bool | None
Result = Mapping[str, Value]


def points(grid: Mapping[str, Sequence[Value]]) -> list[dict[str, Value]]:
    """Every combination of the grid's values, the last name running fastest.

    Raises
    ------
    ValueError
        If the grid is empty, or a name has no values, one that is no number or text, or one twice.

    Examples
    --------
    >>> points({"seed": [1, 2], "quick": [True]})
    [{'seed': 1, 'quick': True}, {'seed': 2, 'quick': True}]
    """
    if not isinstance(grid, Mapping) or not grid:
        raise ValueError(f"grid is {grid!r}: allowed is a dict of parameter: values. Likely fix: {{'seed': [1, 2, 3]}}.")
    for name, values in grid.items():
        listed = list(values) if isinstance(values, (list, tuple, range)) else []
        plain = all(value is None or isinstance(value, (int, float, str)) for value in listed)
        if not isinstance(name, str) or not listed or not plain or len({repr(v) for v in listed}) < len(listed):
            raise ValueError(f"grid[{name!r}] is {values!r}: allowed is a list of different numbers or texts, one at least.")
    return [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*grid.values())]


def run(
    function: Callable[..., Result],
    grid: Mapping[str, Sequence[Value]],
    store: str | Path,
    *,
    seed: int = 0,
    scheduler: str | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Call function(rng, **point) at every point of the grid and gather what it returns, as it comes in.

    A point that raises is recorded with its error and tried again by the next call; the others go on. The tasks of a
    worker that is lost run again elsewhere.

    Parameters
    ----------
    function : function of (rng, **point)
        Importable by the workers; returns numbers or texts by name.
    grid : dict of name: values
    store : path
        Folder of the table; points that it holds already are left alone.
    seed : int
        Point number i draws from default_rng([seed, i]).
    scheduler : str, optional
        Address of a Dask scheduler, as in tcp://host:8786; by default the cores of this machine.
    workers : int, optional
        Number of processes on this machine, by default one a core.

    Returns
    -------
    DataFrame, one row a point in the order of the grid: the point, what the function returned, `error`, `seconds`

    Raises
    ------
    ValueError
        If the grid, the seed or the number of workers is not allowed, or the store holds another grid or seed.
    """
    from distributed import Client, KilledWorker, LocalCluster, as_completed  # their import takes a second

    todo, store = points(grid), Path(store)
    check.integer("seed", seed, 0)
    cores = check.integer("workers", os.cpu_count() if workers is None else workers, 1)
    store.mkdir(parents=True, exist_ok=True)
    _same(store / "_grid.txt", f"{function.__module__}.{function.__qualname__} {seed} {dict(grid)!r}\n")
    waiting = {i: point for i, point in enumerate(todo) if not _done(_part(store, i))}
    if waiting:
        # The scheduler listens for its metrics even without a dashboard: on a free port, so that two sweeps go side by side.
        local = {"n_workers": min(cores, len(waiting)), "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
        with ExitStack() as opened:
            cluster = scheduler or opened.enter_context(LocalCluster(**local))  # a client does not close a cluster that it was given
            client = opened.enter_context(Client(cluster))
            futures = {client.submit(_call, function, seed, i, point, pure=False): i for i, point in waiting.items()}
            for future in as_completed(futures):
                i = futures[future]
                try:
                    row = future.result()
                except KilledWorker as error:
                    row = todo[i] | {"error": f"KilledWorker: {error}", "seconds": np.nan}
                _write(_part(store, i), {"point": i} | row)
    return pd.concat([pd.read_parquet(_part(store, i)) for i in range(len(todo))], ignore_index=True)


def _call(function: Callable[..., Result], seed: int, i: int, point: dict[str, Value]) -> dict[str, Value]:
    start = time.perf_counter()
    try:
        found, error = dict(function(np.random.default_rng([seed, i]), **point)), ""
    except Exception as raised:  # recorded with the point, whatever it is: the other points go on
        found, error = {}, f"{type(raised).__name__}: {raised}"
    return point | found | {"error": error, "seconds": time.perf_counter() - start}


def _part(store: Path, i: int) -> Path:
    return store / f"part-{i:06d}.parquet"


def _done(part: Path) -> bool:
    return part.exists() and not pd.read_parquet(part)["error"].iloc[0]


def _write(part: Path, row: dict[str, Value]) -> None:
    """Write one row, whole or not at all."""
    pd.DataFrame([row]).to_parquet(part.with_suffix(".new"))
    os.replace(part.with_suffix(".new"), part)


def _same(note: Path, text: str) -> None:
    """Keep what a store was made with, and refuse another."""
    if not note.exists():
        note.write_text(text, encoding="utf-8")
    elif note.read_text(encoding="utf-8") != text:
        held = note.read_text(encoding="utf-8").strip()
        raise ValueError(f"store {str(note.parent)!r} holds {held}: allowed is that sweep again. Likely fix: another folder.")

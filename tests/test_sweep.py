"""A sweep gives the same table whatever runs it: one process, two, a cluster that loses a worker, or two calls."""

from __future__ import annotations

import asyncio
import errno
import functools
import http
import importlib
import json
import linecache
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from mnvh import sweep

GRID = {"size": [1, 2, 3], "shift": [0.0, 10.0]}
OTHERS = [  # what makes the row of point 0 that of no point
    *({"point": point} for point in (1, 6, -1, 0.0, "0", None, False)), {"size": 9}, {"shift": 0}, {"error": None}, {"mean": [1]},
]  # fmt: skip


def draw(rng, size, shift):
    """Mean of a few normals."""
    return {"mean": shift + rng.standard_normal(size).mean(), "words": f"{size} draws"}


def fails_at_two(rng, size, shift):
    if size == 2:
        raise ZeroDivisionError("two is not allowed here")
    return draw(rng, size, shift)


def kills_its_worker_once(rng, size, shift, folder):
    """The first call at size 3 takes its process down, as a machine that is lost would."""
    mark = os.path.join(folder, "killed")
    if size == 3 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(rng, size, shift)


def kills_its_worker_at_two(rng, a):
    if a == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"double": 2 * a}


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


def odd(rng, kind):
    """What no table can hold, beside a point that is as it should be."""
    if kind == "mute":
        raise Mute
    if kind == "surrogate":
        raise KeyError("\ud800")
    if kind == "exit":
        raise SystemExit("leaves")
    if kind == "syntax":
        compile("1 +", "/a/folder/of/this/worker.py", "exec")
    return {
        "complex": {"x": 1j}, "object": {"x": object()}, "large": {"x": 2**70}, "generator": {"x": (i for i in ())},
        "text": {"x": "\ud800"}, "list": {"x": [1]}, "nothing": None, "number": {1: 1},
        "good": {"x": np.float32(0.5), "y": np.int64(2**62)},
        "point": {"point": 7}, "error": {"error": "no"}, "seconds": {"seconds": 1}, "kind": {"kind": "other"},
    }[kind]  # fmt: skip


def leaves(rng, kind):
    """What is no Exception, so that Dask's workers do not expect it."""
    if kind:
        raise {"a": GeneratorExit, "b": asyncio.CancelledError, "c": KeyboardInterrupt, "d": BaseException}[kind]("leaves")
    return {"x": 1}


def first_number(rng, a):
    return {"x": rng.random()}


def waits_at_two(rng, a, store):
    """The second point waits without end, from when the first one is in the table."""
    if a == 2:
        _wait_for(f"{store}/table.parquet")
        open(f"{store}/waits", "w").close()
        time.sleep(600)
    return {"double": 2 * a}


def takes_the_cluster_down_at_two(rng, a, store):
    """The second point kills the process that is scheduler and worker at once, when the first one is in the table."""
    mark = f"{store}/down"
    if a == 2 and not os.path.exists(mark):
        _wait_for(f"{store}/table.parquet")
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"double": 2 * a}


def leaves_a_mark(rng, a, folder):
    """Say in a file that the point was computed."""
    with open(f"{folder}/computed", "a") as file:
        file.write(f"{a} ")
    return {"double": 2 * a}


def of_many_kinds(rng, a):
    """A whole number, a broken one, a text and a truth value, after a point that fails."""
    if a == 0:
        raise ZeroDivisionError
    return {"mixed": [1, 2.5, "three", True][a - 1], "half": [1, 2.5, 3, 4][a - 1], "late": "text", "few": a > 3 if a > 2 else None}


def trims(rng, a):
    """What the process was told to give back to the system of the memory that it frees."""
    return {"threshold": os.environ.get("MALLOC_TRIM_THRESHOLD_", "")}


def slow_at_two(rng, a, store):
    """Return how many points the table has that another process sees meanwhile."""
    if a < 2:
        return {"seen": 0}
    _wait_for(f"{store}/table.parquet")
    return {"seen": len(pd.read_parquet(store))}


def _wait_for(path):
    deadline = time.monotonic() + 60
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.05)


def table(*arguments, **options) -> pd.DataFrame:
    return sweep.run(*arguments, **options).drop(columns="seconds")


class TestSweep:
    def test_results_do_not_depend_on_the_number_of_workers(self, tmp_path):
        one = table(draw, GRID, tmp_path / "one", seed=7, workers=1)
        two = table(draw, GRID, tmp_path / "two", seed=7, workers=2)
        pd.testing.assert_frame_equal(one, two)
        assert one["mean"].iloc[3] == 10 + np.random.default_rng([7, 3]).standard_normal(2).mean()
        assert list(one["size"]) == [1, 1, 2, 2, 3, 3] and (one.error == "").all()

    def test_each_point_draws_from_a_generator_of_its_own(self, tmp_path):
        found = table(first_number, {"a": range(40)}, tmp_path, seed=7, workers=2)
        assert found.x.tolist() == [np.random.default_rng([7, i]).random() for i in range(40)]
        assert found.x.nunique() == 40

    def test_a_failing_point_is_recorded_and_the_others_go_on(self, tmp_path):
        found = table(fails_at_two, GRID, tmp_path, workers=1)
        assert list(found.error != "") == [False, False, True, True, False, False]
        assert found.error.iloc[2] == "ZeroDivisionError: two is not allowed here"
        assert found["mean"].notna().sum() == 4

    def test_what_is_there_is_not_computed_again_and_errors_are_tried_again(self, tmp_path):
        first = sweep.run(fails_at_two, GRID, tmp_path, workers=1)
        second = sweep.run(fails_at_two, GRID, tmp_path, workers=1)
        assert list(first.seconds != second.seconds) == [False, False, True, True, False, False]
        assert [json.loads(line)["point"] for line in (tmp_path / "_points.jsonl").read_text().split("\n")[-2:]] == [2, 3]
        for place in (tmp_path, tmp_path / "table.parquet"):
            pd.testing.assert_frame_equal(pd.read_parquet(place), second)

    def test_the_tasks_of_a_lost_worker_run_again(self, tmp_path):
        grid = GRID | {"folder": [str(tmp_path)]}
        found = table(kills_its_worker_once, grid, tmp_path / "store", seed=7, workers=2)
        assert (tmp_path / "killed").exists()
        expected = table(draw, GRID, tmp_path / "other", seed=7, workers=1)
        pd.testing.assert_series_equal(found["mean"], expected["mean"])

    def test_a_worker_that_dask_does_not_start_again_is_replaced(self, tmp_path, monkeypatch):
        import dask
        import distributed

        async def unnoticed(nanny, exitcode):
            monkeypatch.undo()

        monkeypatch.setattr(distributed.Nanny, "_on_worker_exit", unnoticed)
        monkeypatch.setattr(sweep, "PATIENCE", 1)
        with dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}):
            found = table(kills_its_worker_once, GRID | {"folder": [str(tmp_path)]}, tmp_path / "store", seed=7, workers=1)
        assert (tmp_path / "killed").exists() and (found.error == "").all() and len(found) == 6

    def test_a_worker_of_this_machine_may_start_slowly(self, tmp_path, monkeypatch):
        import distributed

        def late(client, n_workers, timeout):
            raise TimeoutError

        monkeypatch.setattr(distributed.Client, "wait_for_workers", late)
        assert (table(draw, GRID, tmp_path, workers=1).error == "").all()

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_point_that_kills_its_process_takes_no_other_with_it(self, tmp_path, workers):
        found = table(kills_its_worker_at_two, {"a": [1, 2, 3]}, tmp_path, workers=workers)
        message = "KilledWorker: the process died at every try, the last ones with this point alone. Out of memory?"
        expected = {"point": [0, 1, 2], "a": [1, 2, 3], "error": ["", message, ""], "double": [2, np.nan, 6]}
        pd.testing.assert_frame_equal(found, pd.DataFrame(expected))

    def test_a_point_that_leaves_in_any_way_is_recorded_like_others(self, tmp_path):
        found = table(leaves, {"kind": ["a", "b", "c", "d", ""]}, tmp_path, workers=1)
        names = ["GeneratorExit", "asyncio.exceptions.CancelledError", "KeyboardInterrupt", "BaseException"]
        assert found.error.tolist() == [*(f"{name}: leaves" for name in names), ""] and found.x.iloc[-1] == 1

    def test_an_interrupt_of_the_caller_stops_the_sweep_and_keeps_what_is_there(self, tmp_path):
        code = "import sys, test_sweep as t\nif __name__ == '__main__':\n    "
        code += "t.sweep.run(t.waits_at_two, {'a': [1, 2], 'store': [sys.argv[1]]}, sys.argv[1], workers=2)"
        environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        command = [sys.executable, "-c", code, str(tmp_path)]
        heeds = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a test run in the background ignores it
        pipes = {"stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=heeds, **pipes) as caller:
            _wait_for(tmp_path / "waits")
            caller.send_signal(signal.SIGINT)
            try:
                assert "KeyboardInterrupt" in caller.communicate(timeout=60)[1]
            finally:
                if caller.poll() is None:
                    os.killpg(caller.pid, signal.SIGKILL)
        assert caller.returncode and pd.read_parquet(tmp_path / "table.parquet").double.tolist() == [2]

    def test_a_scheduler_that_is_lost_on_the_way_is_one_error_and_the_same_call_goes_on(self, tmp_path):
        grid = {"a": [1, 2, 3], "store": [str(tmp_path)]}
        options = "n_workers=1, threads_per_worker=1, processes=False, protocol='tcp', dashboard_address='127.0.0.1:0'"
        code = f"from distributed import LocalCluster\nprint(LocalCluster({options}).scheduler_address, flush=True)\ninput()"
        environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) as cluster:
            address = cluster.stdout.readline().strip()
            with pytest.raises(ConnectionError, match=f"^scheduler '{address}' was lost on the way: finished points are kept"):
                sweep.run(takes_the_cluster_down_at_two, grid, tmp_path, scheduler=address)
        assert pd.read_parquet(tmp_path / "table.parquet").double.tolist() == [2]
        kept = (tmp_path / "_points.jsonl").read_text()
        assert table(takes_the_cluster_down_at_two, grid, tmp_path, workers=1).double.tolist() == [2, 4, 6]
        assert (tmp_path / "_points.jsonl").read_text().startswith(kept)

    def test_a_scheduler_without_a_worker_says_how_to_start_one(self, tmp_path, monkeypatch):
        from distributed import LocalCluster

        monkeypatch.setattr(sweep, "PATIENCE", 0.5)
        with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0") as cluster:
            address = cluster.scheduler_address
            with pytest.raises(TimeoutError, match=f"^scheduler '{address}' has no worker after 0.5 s. Start `dask worker {address}`"):
                sweep.run(draw, GRID, tmp_path, scheduler=address)

    def test_a_running_cluster_is_used_by_its_address(self, tmp_path):
        with sweep.cluster(2) as cluster:
            found = table(draw, GRID, tmp_path / "a", seed=7, scheduler=cluster.scheduler_address)
        pd.testing.assert_frame_equal(found, table(draw, GRID, tmp_path / "b", seed=7, workers=1))

    def test_workers_keep_freed_memory_as_this_process_does(self, tmp_path):
        assert table(trims, {"a": [1]}, tmp_path, workers=1).at[0, "threshold"] == os.environ.get("MALLOC_TRIM_THRESHOLD_", "")

    def test_what_a_table_cannot_hold_is_the_error_of_its_point(self, tmp_path):
        kinds = ["complex", "object", "large", "generator", "text", "list", "nothing", "number", "point", "error", "seconds", "kind"]
        kinds_and_others = [*kinds, "mute", "surrogate", "exit", "syntax", "good"]
        found = table(odd, {"kind": kinds_and_others}, tmp_path, workers=1).set_index("kind")
        assert list(found.point) == list(range(17)) and list(found.columns) == ["point", "error", "x", "y"]
        assert found.loc["good", ["x", "y", "error"]].tolist() == [0.5, 2**62, ""]
        for kind in kinds:
            assert found.error[kind].startswith("ValueError: the function returned"), kind
        assert found.error["nothing"] == "ValueError: the function returned None. Allowed is a dict of numbers or texts by name. Likely fix: {'value': 1.0}."
        assert "'x': 1j. Allowed is a number" in found.error["complex"]
        assert "'kind': 'other'. Allowed is" in found.error["kind"]
        assert "other than error, kind, point, rng, seconds" in found.error["kind"]
        assert "Mute" in found.error["mute"] and found.error["surrogate"] == r"KeyError: '\ud800'"
        assert found.error["exit"] == "SystemExit: leaves"
        assert "SyntaxError: invalid syntax" in found.error["syntax"] and "worker.py" not in found.error["syntax"]

    def test_a_column_of_many_kinds_is_one_of_texts(self, tmp_path):
        found = table(of_many_kinds, {"a": [0, 1, 2, 3, 4]}, tmp_path, workers=1)
        assert list(found.columns) == ["point", "a", "error", "mixed", "half", "late", "few"] and found.error[0] == "ZeroDivisionError"
        assert found["mixed"].tolist()[1:] == ["1", "2.5", "three", "True"] and found["half"].tolist()[1:] == [1, 2.5, 3, 4]
        assert found["few"].tolist()[3:] == [False, True] and found[["mixed", "half", "late", "few"]].iloc[0].isna().all()

    def test_the_table_grows_while_points_are_computed(self, tmp_path):
        found = table(slow_at_two, {"a": [1, 2], "store": [str(tmp_path / "store")]}, tmp_path / "store", workers=1)
        assert found.seen.tolist() == [0, 1]

    def test_what_a_killed_writer_leaves_is_not_in_the_way(self, tmp_path):
        whole = table(draw, GRID, tmp_path, workers=1)
        (tmp_path / "_table.parquet.1.new").write_bytes(b"PAR1")
        log = tmp_path / "_points.jsonl"
        lines = log.read_text().split("\n")
        none = ["", "5", "{}", '{"point": 0, "size": 1, "shift": 0.0}', *(json.dumps(json.loads(lines[1]) | change) for change in OTHERS)]
        log.write_bytes("\n".join([*lines[:3], lines[3][:9], *none, *lines[4:-1], lines[-1][:20]]).encode() + b"\xff\x00")
        pd.testing.assert_frame_equal(table(draw, GRID, tmp_path, workers=1), whole)
        (tmp_path / "table.parquet").write_bytes(b"")  # nothing is left to compute, and the table is made again
        pd.testing.assert_frame_equal(table(draw, GRID, tmp_path, workers=1), whole)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path).drop(columns="seconds"), whole)

    def test_two_sweeps_go_side_by_side(self, tmp_path):
        with socket.create_server(("127.0.0.1", 8787)) if _free(8787) else nullcontext():  # the port that Dask asks for
            assert len(table(draw, GRID, tmp_path, workers=1)) == 6


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({}, "grid is {}: allowed is a dict"),
        ({"a": []}, r"grid\['a'\] is \[\]: allowed is a list"),
        ({"a": [1, 1]}, "different numbers"),
        ({"a": [[1]]}, r"numbers \(whole ones of 64 bits\) or texts"),
        ({"a": "12"}, "allowed is a list"),
        *[({"a": [each]}, "whole ones of 64 bits") for each in (2**63, -(2**63) - 1)],
        ({"a": [2**70]}, r"numbers \(whole ones of 64 bits\) or texts, one at least. Likely fix: other values, or str"),
        ({"a": ["\ud800"]}, "allowed is a list"),
        ({"a": np.ones((1, 1))}, "allowed is a list or one-dimensional array"),
        ({"a": np.array(1)}, "allowed is a list or one-dimensional array"),
        ({"a": [1, np.int64(1)]}, "different numbers"),
        ({"a": [1], "seconds": [1]}, "grid names 'seconds': allowed are texts other than point, error, seconds, rng. Likely"),
        *[({name: [1]}, f"grid names {name!r}") for name in ("point", "error", "rng", 1)],
        ({"\ud800": [1]}, "grid names .*: allowed are texts"),
    ],
)
def test_bad_grids_are_named(grid, message):
    with pytest.raises(ValueError, match=message):
        sweep.points(grid)


def test_numbers_and_arrays_of_numpy_are_the_numbers_that_they_are(tmp_path):
    grid = {"a": np.array([1, 2]), "b": [np.int64(3), np.float64(0.5), np.True_], "c": (np.str_("x"),)}
    plain = {"a": [1, 2], "b": [3, 0.5, True], "c": ["x"]}
    assert sweep.points({"a": [-(2**63), 2**63 - 1]}) == [{"a": -(2**63)}, {"a": 2**63 - 1}]
    assert sweep.points(grid) == sweep.points(plain)
    assert {type(value) for point in sweep.points(grid) for value in point.values()} == {int, float, bool, str}
    first = sweep.run(first_number, {"a": np.arange(2)}, tmp_path, workers=1)
    pd.testing.assert_frame_equal(sweep.run(first_number, {"a": [0, 1]}, tmp_path, workers=1), first)


@pytest.mark.parametrize("place", ["a_file", "a_file/below", "/proc/self/not-here", "_grid.txt", "_points.jsonl", "table.parquet"])
def test_a_store_that_cannot_be_written_is_named_before_anything_is_computed(place, tmp_path):
    (tmp_path / "a_file").write_text("")
    store = tmp_path / place
    if place[0] in "_t":  # a folder in the place of a file of the store
        store.mkdir()
        store = tmp_path
    with pytest.raises(ValueError, match=f"^store is '{store}' .*: allowed is a folder to write to"):
        sweep.run(leaves_a_mark, {"a": [1, 2], "folder": [str(tmp_path)]}, store, workers=1)
    assert not (tmp_path / "computed").exists()


def test_a_disk_that_fills_up_keeps_what_it_has(tmp_path, monkeypatch):
    grid, store = {"a": [1, 2, 3], "folder": [str(tmp_path)]}, tmp_path / "store"
    write, room = pd.DataFrame.to_parquet, iter([True, False])

    def to_parquet(frame, path):
        if not next(room):
            path.write_bytes(b"PAR1")  # what there was room for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(frame, path)

    monkeypatch.setattr(pd.DataFrame, "to_parquet", to_parquet)
    with pytest.raises(OSError, match=f"^store is '{store}' .*No space left.* finished points that it holds are kept"):
        sweep.run(leaves_a_mark, grid, store, workers=1)
    assert sorted(path.name for path in store.iterdir()) == ["_grid.txt", "_points.jsonl", "table.parquet"]
    monkeypatch.undo()
    kept = (store / "_points.jsonl").read_text()
    assert table(leaves_a_mark, grid, store, workers=1).double.tolist() == [2, 4, 6]
    assert kept and (store / "_points.jsonl").read_text().startswith(kept)


def test_a_store_is_not_mixed_with_another_sweep(tmp_path):
    (tmp_path / "_grid.txt").write_text("other\n")
    with pytest.raises(ValueError, match="_grid.txt holds 'other': allowed is that sweep again, not .*draw .* 0 .*'size': .1, 2, 3.* Likely fix: another folder"):
        sweep.run(draw, GRID, tmp_path)
    with pytest.raises(ValueError, match="seed is -1"):
        sweep.run(draw, GRID, tmp_path, seed=-1)
    with pytest.raises(ValueError, match="workers is 0"):
        sweep.run(draw, GRID, tmp_path, workers=0)
    for damaged in (b"", b"\n", b"\x00\xff\x80"):
        (tmp_path / "_grid.txt").write_bytes(damaged)
        with pytest.raises(ValueError, match="_grid.txt holds '.*': allowed is that sweep again"):
            sweep.run(draw, GRID, tmp_path)


@pytest.mark.parametrize("workers", [0, -1, 0.5, None])
def test_a_cluster_has_a_process_at_least(workers):
    with pytest.raises(ValueError, match=f"workers is {workers}.*allowed is"), sweep.cluster(workers):
        pass


@pytest.mark.parametrize("function", [None, "draw", functools.partial(draw, size=1), lambda rng: {}])
def test_a_function_without_a_name_of_its_own_is_refused(function, tmp_path):
    def inner(rng, size, shift):
        return {}

    for each in (function, inner):
        with pytest.raises(ValueError, match="function is .*: allowed is a function of a module, by its name. Likely fix: def one"):
            sweep.run(each, GRID, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_without_its_note_is_of_no_sweep(tmp_path):
    sweep.run(first_number, {"a": [1, 2]}, tmp_path, workers=1)
    (tmp_path / "_grid.txt").unlink()
    for function, seed in ((first_number, 0), (first_number, 5), (kills_its_worker_at_two, 0)):
        with pytest.raises(ValueError, match="store: .*_grid.txt holds '.missing.': allowed is that sweep again, not .* Likely fix: another folder"):
            sweep.run(function, {"a": [1, 2]}, tmp_path, seed=seed, workers=1)


def written(folder, body):
    """The module `swept` with a function of this body, imported anew."""
    (folder / "swept.py").write_text(f"def one(rng, a):\n    return {body}\n")
    sys.modules.pop("swept", None)
    linecache.checkcache()
    importlib.invalidate_caches()
    return importlib.import_module("swept").one


def test_a_store_is_refused_once_the_function_has_another_text(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    first = written(tmp_path, "{'x': a}")
    monkeypatch.setattr(sweep, "_finished", lambda function, seed, waiting, *_: (yield [sweep._call(function, seed, i, p) for i, p in waiting.items()]))
    assert sweep.run(first, {"a": [1]}, tmp_path / "store").x.tolist() == [1]
    assert sweep.run(written(tmp_path, "{'x': a}"), {"a": [1]}, tmp_path / "store").x.tolist() == [1]
    with pytest.raises(ValueError, match="store: .*_grid.txt holds .swept.one .*: allowed is that sweep again, not .swept.one .*. Likely fix: another folder"):
        sweep.run(written(tmp_path, "{'x': 2 * a}"), {"a": [1]}, tmp_path / "store")


def without_generator(a, b):
    return {}


@pytest.mark.parametrize(("function", "grid"), [(without_generator, {"a": [1], "b": [2]}), (first_number, {"b": [1]}), (time.time, {"a": [1]})])
def test_a_function_that_does_not_take_the_grid_is_refused_at_once(function, grid, tmp_path):
    with pytest.raises(ValueError, match=f"function is {function.__qualname__} .*: allowed is one of .rng, {', '.join(grid)}.. Likely fix: rng and the grid's names"):
        sweep.run(function, grid, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_function_whose_text_no_file_has_is_refused(tmp_path):
    typed: dict = {}
    exec("def draw(rng, a): return {}", typed)  # as at the prompt: a later one of the same name could not be told from it
    with pytest.raises(ValueError, match="function is draw, whose text cannot be read: allowed is one whose text a file has. Likely fix"):
        sweep.run(typed["draw"], {"a": [1]}, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_numbers_with_names_are_the_numbers_that_they_are(tmp_path):
    grid = {"a": [http.HTTPStatus.OK, http.HTTPStatus.GONE]}
    assert sweep.run(first_number, grid, tmp_path, workers=1).a.tolist() == [200, 410]
    log = (tmp_path / "_points.jsonl").read_bytes()
    sweep.run(first_number, grid, tmp_path, workers=1)
    assert (tmp_path / "_points.jsonl").read_bytes() == log  # nothing was left to compute


def test_workers_that_cannot_import_the_function_are_one_error(tmp_path):
    elsewhere = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    code = "from mnvh import sweep\nwith sweep.cluster(1) as here:\n    print(here.scheduler_address, flush=True)\n    input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], env=elsewhere | {"PYTHONPATH": str(ROOT)}, cwd=tmp_path, **pipes) as other:
        address = other.stdout.readline().strip()
        with pytest.raises(ValueError, match="function is draw .*: allowed is one that every worker can import from test_sweep. Likely fix"):
            sweep.run(draw, GRID, tmp_path / "store", scheduler=address)
        other.communicate("\n")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), RuntimeError("Nanny failed to start.")])
def test_a_machine_that_cannot_start_processes_says_so(error, tmp_path, monkeypatch):
    def full(**options):
        raise error

    monkeypatch.setattr(sweep, "LocalCluster", full)
    match = re.escape(str(error)) + ".*: allowed is None where processes can start.* Likely fix: .*__main__.*, memory and disk space, or the same call again"
    with pytest.raises(ValueError, match=f"scheduler is None .*{match}"):
        sweep.run(draw, GRID, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_scheduler_that_never_answers_is_named_and_leaves_no_store(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ValueError, match=f"scheduler is '{address}' .timed out.: allowed is the address"):
            sweep.run(draw, GRID, tmp_path / "store", scheduler=address)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://127.0.0.1:99999", "nonsense", "ftp://a:1", "", 5])
def test_a_scheduler_that_does_not_answer_is_named_at_once_and_leaves_no_store(address, tmp_path):
    with pytest.raises(ValueError, match=f"scheduler is {address!r} .*: allowed is the address of a Dask scheduler .* Likely fix: `dask scheduler` there"):
        sweep.run(draw, GRID, tmp_path / "store", scheduler=address)
    assert not (tmp_path / "store").exists()


def test_the_script_of_the_page_sweeps(tmp_path):
    page = (ROOT / "chapters/appendix_reproduce.md").read_text(encoding="utf-8")
    script = page.partition("`call.py`:\n\n")[2].partition("\n\nIn the checkout")[0]
    (tmp_path / "call.py").write_text(textwrap.dedent(script))
    subprocess.run([sys.executable, "call.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True, timeout=120)
    found = pd.read_parquet(tmp_path / "calls/table.parquet")
    assert len(found) == 6 and (found.error == "").all() and found.value.between(0, 0.3).all()

"""A sweep gives the same table whatever runs it: one process, two, a cluster that loses a worker, or two calls."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import time
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from mnvh import sweep

GRID = {"size": [1, 2, 3], "shift": [0.0, 10.0]}


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
    return {
        "complex": {"x": 1j}, "object": {"x": object()}, "large": {"x": 2**70}, "generator": {"x": (i for i in ())},
        "text": {"x": "\ud800"}, "list": {"x": [1]}, "nothing": None, "number": {1: 1},
        "good": {"x": np.float32(0.5), "y": np.int64(2**62)},
        "point": {"point": 7}, "error": {"error": "no"}, "seconds": {"seconds": 1}, "kind": {"kind": "other"},
    }[kind]  # fmt: skip


def of_many_kinds(rng, a):
    """A whole number, a broken one, a text and a truth value, after a point that fails."""
    if a == 0:
        raise ZeroDivisionError
    return {"mixed": [1, 2.5, "three", True][a - 1], "half": [1, 2.5, 3, 4][a - 1], "late": "text", "few": a > 3 if a > 2 else None}


def slow_at_two(rng, a, store):
    """Return how many points the table has that another process sees meanwhile."""
    if a < 2:
        return {"seen": 0}
    deadline = time.monotonic() + 20
    while not os.path.exists(f"{store}/table.parquet") and time.monotonic() < deadline:
        time.sleep(0.05)
    return {"seen": len(pd.read_parquet(store))}


def table(*arguments, **options) -> pd.DataFrame:
    return sweep.run(*arguments, **options).drop(columns="seconds")


class TestSweep:
    def test_results_do_not_depend_on_the_number_of_workers(self, tmp_path):
        one = table(draw, GRID, tmp_path / "one", seed=7, workers=1)
        two = table(draw, GRID, tmp_path / "two", seed=7, workers=2)
        pd.testing.assert_frame_equal(one, two)
        assert one["mean"].iloc[3] == 10 + np.random.default_rng([7, 3]).standard_normal(2).mean()
        assert list(one["size"]) == [1, 1, 2, 2, 3, 3] and (one.error == "").all()

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

    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_point_that_kills_its_process_takes_no_other_with_it(self, tmp_path, workers):
        found = table(kills_its_worker_at_two, {"a": [1, 2, 3]}, tmp_path, workers=workers)
        message = "KilledWorker: the process died at every try, the last ones with this point alone. Out of memory?"
        expected = {"point": [0, 1, 2], "a": [1, 2, 3], "error": ["", message, ""], "double": [2, np.nan, 6]}
        pd.testing.assert_frame_equal(found, pd.DataFrame(expected))

    def test_a_running_cluster_is_used_by_its_address(self, tmp_path):
        from distributed import LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
            found = table(draw, GRID, tmp_path / "a", seed=7, scheduler=cluster.scheduler_address)
        pd.testing.assert_frame_equal(found, table(draw, GRID, tmp_path / "b", seed=7, workers=1))


    def test_what_a_table_cannot_hold_is_the_error_of_its_point(self, tmp_path):
        kinds = ["complex", "object", "large", "generator", "text", "list", "nothing", "number", "point", "error", "seconds", "kind"]
        found = table(odd, {"kind": [*kinds, "mute", "surrogate", "exit", "good"]}, tmp_path, workers=1).set_index("kind")
        assert list(found.point) == list(range(16)) and list(found.columns) == ["point", "error", "x", "y"]
        assert found.loc["good", ["x", "y", "error"]].tolist() == [0.5, 2**62, ""]
        for kind in kinds:
            reason = "TypeError: 'NoneType'" if kind == "nothing" else "ValueError: the function returned"
            assert found.error[kind].startswith(reason), kind
        assert "'x': 1j. Allowed is a number" in found.error["complex"]
        assert "'kind': 'other'. Allowed is" in found.error["kind"]
        assert "other than error, kind, point, rng, seconds" in found.error["kind"]
        assert "Mute" in found.error["mute"] and found.error["surrogate"] == r"KeyError: '\ud800'"
        assert found.error["exit"] == "SystemExit: leaves"

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
        log.write_bytes("\n".join([*lines[:3], lines[3][:9], "", "5", "{}", *lines[4:-1], lines[-1][:20]]).encode() + b"\xff\x00")
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
        ({"a": [2**70]}, r"numbers \(whole ones of 64 bits\) or texts, one at least. Likely fix: other values, or str"),
        ({"a": ["\ud800"]}, "allowed is a list"),
        ({"a": [1], "seconds": [1]}, "grid names 'seconds': allowed are texts other than point, error, seconds, rng. Likely"),
        *[({name: [1]}, f"grid names {name!r}") for name in ("point", "error", "rng", 1)],
        ({"\ud800": [1]}, "grid names .*: allowed are texts"),
    ],
)
def test_bad_grids_are_named(grid, message):
    with pytest.raises(ValueError, match=message):
        sweep.points(grid)


def test_a_store_is_not_mixed_with_another_sweep(tmp_path):
    (tmp_path / "_grid.txt").write_text("other\n")
    with pytest.raises(ValueError, match="_grid.txt holds 'other': allowed is that sweep again. Likely fix: another folder"):
        sweep.run(draw, GRID, tmp_path)
    with pytest.raises(ValueError, match="seed is -1"):
        sweep.run(draw, GRID, tmp_path, seed=-1)
    with pytest.raises(ValueError, match="workers is 0"):
        sweep.run(draw, GRID, tmp_path, workers=0)
    for damaged in (b"", b"\n", b"\x00\xff\x80"):
        (tmp_path / "_grid.txt").write_bytes(damaged)
        with pytest.raises(ValueError, match="_grid.txt holds '.*': allowed is that sweep again"):
            sweep.run(draw, GRID, tmp_path)


@pytest.mark.parametrize("function", [None, "draw", functools.partial(draw, size=1)])
def test_a_function_without_a_name_is_refused(function, tmp_path):
    with pytest.raises(ValueError, match="function is .*: allowed is a function with a name. Likely fix: def one"):
        sweep.run(function, GRID, tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://127.0.0.1:99999", "nonsense", "ftp://a:1", "", 5])
def test_a_scheduler_that_does_not_answer_is_named_at_once_and_leaves_no_store(address, tmp_path):
    with pytest.raises(ValueError, match=f"scheduler is {address!r} .*: allowed is None .*, or the address .* Likely fix"):
        sweep.run(draw, GRID, tmp_path / "store", scheduler=address)
    assert not (tmp_path / "store").exists()

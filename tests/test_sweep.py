"""A sweep gives the same table whatever runs it: one process, two, a cluster that loses a worker, or two calls."""

from __future__ import annotations

import os
import signal
import socket
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
        table(fails_at_two, GRID, tmp_path, workers=1)
        kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
        table(fails_at_two, GRID, tmp_path, workers=1)
        changed = [path.stem for path, time in kept.items() if path.stat().st_mtime_ns != time]
        assert sorted(changed) == ["part-000002", "part-000003"]
        assert len(pd.read_parquet(tmp_path)) == 6

    def test_the_tasks_of_a_lost_worker_run_again(self, tmp_path):
        grid = GRID | {"folder": [str(tmp_path)]}
        found = table(kills_its_worker_once, grid, tmp_path / "store", seed=7, workers=2)
        assert (tmp_path / "killed").exists()
        expected = table(draw, GRID, tmp_path / "other", seed=7, workers=1)
        pd.testing.assert_series_equal(found["mean"], expected["mean"])

    def test_a_running_cluster_is_used_by_its_address(self, tmp_path):
        from distributed import LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
            found = table(draw, GRID, tmp_path / "a", seed=7, scheduler=cluster.scheduler_address)
        pd.testing.assert_frame_equal(found, table(draw, GRID, tmp_path / "b", seed=7, workers=1))


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
        ({"a": [[1]]}, "numbers or texts"),
        ({"a": "12"}, "allowed is a list"),
    ],
)
def test_bad_grids_are_named(grid, message):
    with pytest.raises(ValueError, match=message):
        sweep.points(grid)


def test_a_store_is_not_mixed_with_another_sweep(tmp_path):
    (tmp_path / "_grid.txt").write_text("other\n")
    with pytest.raises(ValueError, match="holds other: allowed is that sweep again. Likely fix: another folder"):
        sweep.run(draw, GRID, tmp_path)
    with pytest.raises(ValueError, match="seed is -1"):
        sweep.run(draw, GRID, tmp_path, seed=-1)
    with pytest.raises(ValueError, match="workers is 0"):
        sweep.run(draw, GRID, tmp_path, workers=0)

"""`make bench` compares each kernel with plain NumPy: the two must do the same work."""

from __future__ import annotations

import numpy as np
import pytest

from audit import kernels

REDUCED = {  # a number a path from what a kernel returns, and from what plain NumPy returns
    "decomposition.simulate, 3 assets": (lambda found: found.harvest, lambda found: found[0].sum(axis=1)),
    "arbitrage.poisson_blocks": (lambda found: np.log(found[0][:, -1, 0]), lambda found: np.log(found[:, -1, 0])),
    "control.switching_variance": (lambda found: found.mean(axis=1), lambda found: found.mean(axis=1)),
    "inventory.simulate, 200 steps": (lambda found: found[0], lambda found: found),
    "inventory.trade, 200 steps": (lambda found: found[0][:, -1, 0], lambda found: found[:, -1]),
}


def last(found: np.ndarray) -> np.ndarray:
    return found.reshape(*found.shape[:2])[:, -1]


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_plain_numpy_has_the_law_of_the_kernel(name, monkeypatch):
    monkeypatch.setattr(kernels, "PATHS", 4_000)
    samples = []
    for seed, (run, reduced) in enumerate(zip((kernels.KERNELS[name][0], kernels.PLAIN[name]), REDUCED.get(name, (last, last)), strict=True)):
        samples.append(reduced(run(np.random.default_rng(seed))))
    assert [len(sample) for sample in samples] == [4_000, 4_000]
    for power in (1, 2):  # a step more or less of 250 moves the standard deviation by a fifth of a per cent
        one, other = (np.abs(sample - samples[0].mean()) ** power if power == 2 else sample for sample in samples)
        error = np.hypot(one.std(), other.std()) / 4_000**0.5
        assert abs(one.mean() - other.mean()) < 4.5 * error + 0.005 * one.std()


def test_every_kernel_has_its_draw_and_a_rival():
    assert kernels.KERNELS.keys() == kernels.PLAIN.keys() >= REDUCED.keys()

"""Each simulation kernel beside the time to draw its random numbers: same Generator, same count, one thread.

`make bench` runs this and prints one line a kernel: seconds, seconds of the draw, their ratio. Both are the best
of several rounds, taken in turn, so that a busy machine disturbs them alike.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from mnvh import chains, decomposition, inventory, ladder, market_making, options, paths, quotes, rebalancing, surface
from mnvh.heston import Heston

PATHS, STEPS, ROUNDS = 100_000, 250, 5
ONE = [[1.0]]
SMALL = [[1e-4]]
SIGMA = np.array([[1.0, 0.3, 0.2], [0.3, 0.5, 0.1], [0.2, 0.1, 0.8]])
GRID = decomposition.LinearGrid(SIGMA, np.zeros(3))
MARKET = market_making.Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)
QUOTES = market_making.avellaneda_stoikov(MARKET, 0.1)

Run = Callable[[np.random.Generator], object]


def normals(assets: int = 1, kinds: int = 1) -> Run:
    """Draw of the standard normals of a kernel, one for each path, date, asset and kind."""
    return lambda rng: [rng.standard_normal((PATHS, STEPS + 1, assets)) for _ in range(kinds)]


def simulated(generator: Callable, **parameters: object) -> Run:
    return lambda rng: generator(rng, PATHS, STEPS, **parameters)


KERNELS: dict[str, tuple[Run, Run]] = {
    "paths.gaussian": (simulated(paths.gaussian, covariance=ONE), normals()),
    "paths.autoregressive": (simulated(paths.autoregressive, covariance=ONE, coefficient=-0.3), normals()),
    "paths.ornstein_uhlenbeck": (
        simulated(paths.ornstein_uhlenbeck, persistence=0.98, stationary_covariance=ONE),
        normals(),
    ),
    "paths.martingale_gbm": (simulated(paths.martingale_gbm, covariance=SMALL), normals()),
    "paths.log_driftless_gbm": (simulated(paths.log_driftless_gbm, covariance=SMALL), normals()),
    "paths.jump_diffusion": (
        simulated(paths.jump_diffusion, covariance=SMALL, jump_rate=0.01, jump_sd=0.02),
        normals(),  # the jumps are few: their draws are left out
    ),
    "paths.roll": (
        simulated(paths.roll, covariance=ONE, half_spread=0.5),
        lambda rng: (normals()(rng), rng.integers(0, 2, (PATHS, STEPS + 1, 1), dtype=np.int8)),
    ),
    "paths.two_point": (
        simulated(paths.two_point, up=1.01, down=0.99, up_probability=0.5),
        lambda rng: rng.random((PATHS, STEPS + 1, 1)),
    ),
    "paths.stochastic_volatility": (
        simulated(paths.stochastic_volatility, volatility=[0.01], log_vol_sd=0.3, persistence=0.95),
        normals(kinds=2),
    ),
    "paths.lattice_walk": (
        simulated(paths.lattice_walk),
        lambda rng: rng.integers(0, 2, (PATHS, STEPS + 1, 1), dtype=np.int8),
    ),
    "decomposition.simulate, 3 assets": (
        lambda rng: decomposition.simulate(GRID, lambda r, n: paths.gaussian(r, n, STEPS, covariance=SIGMA), rng, PATHS),
        lambda rng: [rng.standard_normal((1_000, STEPS + 1, 3)) for _ in range(PATHS // 1_000)],
    ),
    "inventory.simulate, 200 steps": (
        lambda rng: inventory.simulate(rng, MARKET, QUOTES, PATHS),
        lambda rng: [rng.random((1_000, MARKET.n_steps, 3)) for _ in range(PATHS // 1_000)],
    ),
    "rebalancing.rebalance, a band": (
        lambda rng: rebalancing.rebalance(rng.standard_normal((PATHS, STEPS + 1, 1)), width=1.0, inner=1.0),
        normals(),
    ),
}


def implied_vol(rng: np.random.Generator) -> tuple[float, float]:
    """Seconds to price 10⁵ options within 5 standard deviations of the forward, and to find their volatilities."""
    volatility, years = rng.uniform(0.05, 1, 100_000), rng.uniform(0.02, 2, 100_000)
    strike = 100 * np.exp(rng.uniform(-5, 5, 100_000) * volatility * np.sqrt(years))
    start = time.perf_counter()
    quote = options.price(100, strike, years, volatility, call=strike > 100)
    middle = time.perf_counter()
    found = options.implied_vol(quote, 100, strike, years, call=strike > 100)
    seconds = time.perf_counter() - middle
    assert abs(found / volatility - 1).max() < 1e-11
    return middle - start, seconds


def best(runs: Sequence[Run]) -> list[float]:
    """Shortest time of each of the runs, taken in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for seed in range(ROUNDS):
        for run, taken in zip(runs, times, strict=True):
            start = time.perf_counter()
            run(np.random.default_rng(seed))
            taken.append(time.perf_counter() - start)
    return [min(taken[1:]) for taken in times]  # the first round compiles


def ladders() -> None:
    """Ladders of six steps, both sides, over ten million quotes, beside what else reads them once."""
    print(f"{'ladders over quotes':<46}{'s':>8}{'ns a quote':>12}")
    for count, n_steps in ((10_000_000, 6), (5_000_000, 6), (10_000_000, 3), (10_000_000, 1)):
        steps = np.array([4.0, 6.0, 9.0, 13.0, 20.0, 30.0])[:n_steps]
        mid = paths.martingale_gbm(np.random.default_rng(1), 1, count - 1, covariance=[[1e-10]])[0, :, 0]
        book = quotes.around(mid, 1e-4 * mid, interval=1.0)
        series = pd.Series(mid)
        runs = {
            f"ladder.run, {n_steps} steps, both sides": lambda _, b=book, s=steps: ladder.run(b, steps_bps=s),
            "pandas rolling(3600).std": lambda _, s=series: s.rolling(3600).std(),
            "reading the two columns": lambda _, b=book: (b.bid.sum(), b.ask.sum()),
        }
        for name, taken in zip(runs, best(list(runs.values())), strict=True):
            print(f"{name + f', {count / 1e6:g} M':<46}{taken:>8.3f}{1e9 * taken / count:>12.2f}")


def calibration() -> float:
    """Shortest time to fit raw SVI to 20 expiries of 100 strikes each, which should stay below a second."""
    model, years = Heston(1.15, 0.04, 0.39, -0.64, 0.04), np.linspace(0.1, 2, 20)
    chain = chains.synthetic(np.random.default_rng(0), model, years=years, n_strikes=200, tick=1e-6)
    smiles = chains.smiles(chain).groupby("years").head(100)
    return best((lambda rng: surface.calibrate(smiles), lambda rng: None))[0]


def main() -> None:
    print(f"{PATHS:,} paths × {STEPS} steps, best of {ROUNDS - 1}, NumPy {np.__version__}, Python {sys.version.split()[0]}")
    print(f"{'kernel':<36}{'s':>8}{'draw s':>9}{'ratio':>8}")
    # memory first: the peak is the process's and the other kernels keep all their paths
    decomposition.simulate(GRID, lambda r, n: paths.gaussian(r, n, STEPS, covariance=SIGMA), np.random.default_rng(0), PATHS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, runs in KERNELS.items():
        kernel, draw = best(runs)
        print(f"{name:<36}{kernel:>8.3f}{draw:>9.3f}{kernel / draw:>8.2f}")
    pricing, solving = np.min([implied_vol(np.random.default_rng(seed)) for seed in range(ROUNDS)], axis=0)
    print(f"options.implied_vol, 100,000 options: {solving:.3f} s, {solving / pricing:.1f} times their pricing")
    print(f"surface.calibrate, 20 expiries × 100 strikes: {calibration():.2f} s")
    size = PATHS * (STEPS + 1) * 3 * 8 / 2**20
    ladders()
    print(f"peak memory of decomposition.simulate: {peak:.0f} MB, all its paths at once would take {size:.0f} MB")


if __name__ == "__main__":
    main()

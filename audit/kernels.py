"""Each simulation kernel beside the time to draw its random numbers and beside plain NumPy; other work beside a library.

`make bench` runs this and writes `measured/kernels.md`. Two times are compared in one run, each the best of several rounds
taken in turn, so that a busy machine disturbs them alike. One thread.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from audit import measured
from mnvh import arbitrage, chains, control, decomposition, inventory, ladder, market_making, options, paths, quotes, rebalancing, surface
from mnvh.heston import Heston

PATHS, STEPS, ROUNDS = 100_000, 250, 5
ONE = [[1.0]]
SMALL = [[1e-4]]
SIGMA = np.array([[1.0, 0.3, 0.2], [0.3, 0.5, 0.1], [0.2, 0.1, 0.8]])
GRID = decomposition.LinearGrid(SIGMA, np.zeros(3))
MARKET = market_making.Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)
QUOTES = market_making.avellaneda_stoikov(MARKET, 0.1)
FLAT = np.zeros((PATHS, MARKET.n_steps + 1, 1))  # prices on which to trade
SIX = [4.0, 6.0, 9.0, 13.0, 20.0, 30.0]  # steps of ladders, bp
SWITCHING = [[0.99, 0.01], [0.03, 0.97]]

Run = Callable[[np.random.Generator], object]


def normals(assets: int = 1, kinds: int = 1) -> Run:
    """Draw of the standard normals of a kernel, one for each path, date, asset and kind."""
    return lambda rng: [rng.standard_normal((PATHS, STEPS + 1, assets)) for _ in range(kinds)]


def blocks(draw: str, *shape: int) -> Run:
    """Draw of as many numbers as blocks of a thousand paths need, into one buffer, for kernels that keep no paths."""

    def run(rng: np.random.Generator) -> None:
        block = np.empty((1_000, *shape))
        for _ in range(PATHS // 1_000):
            getattr(rng, draw)(out=block)

    return run


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
    "paths.jump_diffusion": (simulated(paths.jump_diffusion, covariance=SMALL, jump_rate=0.01, jump_sd=0.02), normals()),  # but the jumps
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
        blocks("standard_normal", STEPS + 1, 3),
    ),
    "arbitrage.poisson_blocks": (
        lambda rng: arbitrage.poisson_blocks(rng, PATHS, STEPS, volatility=0.3, block_rate=100.0, fee_bps=30),
        lambda rng: rng.laplace(size=(PATHS, STEPS, 1)),
    ),
    "control.switching_variance": (
        lambda rng: control.switching_variance(rng, PATHS, STEPS, variances=[1.0, 4.0], transition=SWITCHING),
        lambda rng: rng.random((PATHS, STEPS)),
    ),
    "inventory.simulate, 200 steps": (
        lambda rng: inventory.simulate(rng, MARKET, QUOTES, PATHS),
        blocks("random", MARKET.n_steps, 3),
    ),
    "inventory.trade, 200 steps": (
        lambda rng: inventory.trade(rng, MARKET, QUOTES, FLAT[:PATHS]),
        lambda rng: rng.random((PATHS, MARKET.n_steps, 2)),
    ),
    "rebalancing.rebalance, a band": (
        lambda rng: rebalancing.rebalance(rng.standard_normal((PATHS, STEPS + 1, 1)), width=1.0, inner=1.0),
        normals(),
    ),
}


def z(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((PATHS, STEPS + 1, 1))


def volatile(rng: np.random.Generator) -> np.ndarray:
    log_vol = lfilter([0.3 * np.sqrt(1 - 0.95**2)], [1, -0.95], z(rng), axis=1)
    volatility = 0.01 * np.exp(log_vol)
    return np.exp(np.cumsum(volatility * z(rng) - volatility**2 / 2, axis=1))


def jumps(rng: np.random.Generator) -> np.ndarray:
    moves, count = 0.01 * z(rng), rng.poisson(0.01 * PATHS * (STEPS + 1))
    np.add.at(moves.reshape(-1), rng.integers(0, moves.size, count), 0.02 * rng.standard_normal(count))
    return np.exp(np.cumsum(moves - 5e-5 - 0.01 * np.expm1(0.02**2 / 2), axis=1))


def grid(rng: np.random.Generator) -> list[np.ndarray]:
    prices = np.cumsum(rng.standard_normal((PATHS, STEPS + 1, 3)) @ np.linalg.cholesky(SIGMA).T, axis=1)
    moves, held = np.diff(prices, axis=1), -prices @ SIGMA
    value = -np.vecdot(held, prices) / 2
    return [np.vecdot(moves @ SIGMA, moves) / 2, np.diff(value, axis=1), np.vecdot(held[:, :-1], moves)]


def band(rng: np.random.Generator) -> np.ndarray:
    wanted, held = z(rng)[..., 0], np.zeros((PATHS, STEPS + 1))
    held[:, 0] = wanted[:, 0]
    for t in range(1, STEPS + 1):
        gap = wanted[:, t] - held[:, t - 1]
        held[:, t] = np.where(abs(gap) > 1, wanted[:, t] - np.sign(gap), held[:, t - 1])
    return held


def makers(rng: np.random.Generator) -> np.ndarray:
    wealth, stock = np.zeros(PATHS), np.zeros(PATHS, dtype=int)
    for t in range(MARKET.n_steps):
        sold, bought, income = fills(rng, t, stock)
        stock += bought
        stock -= sold
        wealth += income + MARKET.move * stock * np.where(rng.random(PATHS) < 0.5, 1, -1)
    return wealth


def fills(rng: np.random.Generator, t: int, stock: np.ndarray) -> tuple[np.ndarray, ...]:
    column = stock + QUOTES.ask.shape[1] // 2
    distances = QUOTES.ask[t, column], QUOTES.bid[t, column]
    sold, bought = (rng.random(PATHS) < MARKET.fill_probability(distance) for distance in distances)
    return sold, bought, np.where(sold, distances[0], 0) + np.where(bought, distances[1], 0)


def regimes(rng: np.random.Generator) -> np.ndarray:
    chance, state = rng.random((PATHS, STEPS)), np.zeros((PATHS, STEPS), dtype=int)
    state[:, 0] = chance[:, 0] > 0.75  # the share of time in the first
    for t in range(1, STEPS):
        state[:, t] = chance[:, t] > np.array(SWITCHING)[:, 0][state[:, t - 1]]
    return np.array([1.0, 4.0])[state]


def blocks_of_a_pool(rng: np.random.Generator) -> np.ndarray:
    moves = rng.laplace(scale=0.3 / np.sqrt(200), size=(PATHS, STEPS, 1))
    return np.exp(np.concatenate([np.zeros((PATHS, 1, 1)), moves.cumsum(axis=1)], axis=1))


def trader(rng: np.random.Generator) -> np.ndarray:
    held, income = np.zeros((PATHS, MARKET.n_steps + 1)), np.zeros((PATHS, MARKET.n_steps))
    stock = np.zeros(PATHS, dtype=int)
    for t in range(MARKET.n_steps):
        sold, bought, income[:, t] = fills(rng, t, stock)
        stock += bought
        stock -= sold
        held[:, t] = stock
    held[:, -1] = stock
    return held


PLAIN: dict[str, Run] = {
    "paths.gaussian": lambda rng: np.cumsum(z(rng), axis=1),
    "paths.autoregressive": lambda rng: np.cumsum(lfilter([np.sqrt(1 - 0.3**2)], [1, 0.3], z(rng), axis=1), axis=1),
    "paths.ornstein_uhlenbeck": lambda rng: lfilter([np.sqrt(1 - 0.98**2)], [1, -0.98], z(rng), axis=1),
    "paths.martingale_gbm": lambda rng: np.exp(np.cumsum(0.01 * z(rng) - 5e-5, axis=1)),
    "paths.log_driftless_gbm": lambda rng: np.exp(np.cumsum(0.01 * z(rng), axis=1)),
    "paths.jump_diffusion": jumps,
    "paths.roll": lambda rng: np.cumsum(z(rng), axis=1) + rng.integers(0, 2, (PATHS, STEPS + 1, 1), dtype=np.int8) - 0.5,
    "paths.two_point": lambda rng: np.cumprod(np.where(rng.random((PATHS, STEPS + 1, 1)) < 0.5, 1.01, 0.99), axis=1),
    "paths.stochastic_volatility": volatile,
    "paths.lattice_walk": lambda rng: np.cumsum(2.0 * rng.integers(0, 2, (PATHS, STEPS + 1, 1), dtype=np.int8) - 1, axis=1),
    "decomposition.simulate, 3 assets": grid,
    "arbitrage.poisson_blocks": blocks_of_a_pool,
    "control.switching_variance": regimes,
    "inventory.simulate, 200 steps": makers,
    "inventory.trade, 200 steps": trader,
    "rebalancing.rebalance, a band": band,
}


def best(runs: Sequence[Run]) -> list[float]:
    """Shortest time of each of the runs, taken in turn; s."""
    times: list[list[float]] = [[] for _ in runs]
    for seed in range(ROUNDS):
        for run, taken in zip(runs, times, strict=True):
            rng, start = np.random.default_rng(seed), time.perf_counter()
            run(rng)
            taken.append(time.perf_counter() - start)
    return [min(taken[1:]) for taken in times]  # the first round compiles


def simulations() -> str:
    """Table of the kernels: seconds, and the ratio to the draw of their random numbers and to plain NumPy."""
    rows = []
    for name, (kernel, drawn) in KERNELS.items():
        ours, least, numpy = best([kernel, drawn, PLAIN[name]])
        rows.append([f"`{name}`", f"{ours:.3f}", f"{ours / least:.2f}", f"{ours / numpy:.2f}"])
    return measured.table(["kernel", "s", "over its draw", "over NumPy"], rows)


def ladders() -> str:
    """Table of the ladders over quotes of calm and busy markets, beside what else reads them once."""
    rows = []
    for count, n_steps, variance in ((10**7, 6, 1e-10), (10**7, 1, 1e-10), (10**7, 6, 1e-8), (10**7, 6, 1e-7), (10**6, 6, 1e-10)):
        steps = np.array(SIX)[:n_steps]
        mid = paths.martingale_gbm(np.random.default_rng(1), 1, count - 1, covariance=[[variance]])[0, :, 0]
        book, series = quotes.around(mid, 1e-4 * mid, interval=1.0), pd.Series(mid)
        runs = [
            lambda _, b=book, s=steps: ladder.run(b, steps_bps=s),
            lambda _, s=series: s.rolling(3600).std(),
            lambda _, b=book: (b.bid.sum(), b.ask.sum()),
        ]
        ours, pandas, reading = best(runs)
        move = 1e4 * np.sqrt(variance)
        rows.append([f"{count:,}", n_steps, f"{move:.2g}", f"{1e9 * ours / count:.1f}", f"{ours / pandas:.2f}", f"{ours / reading:.1f}"])
    return measured.table(["quotes", "steps", "move a quote, bp", "ns a quote", "over pandas", "over reading"], rows)


def implied_vol() -> str:
    """Table of the time to find volatilities, and the largest relative error, over options within 5 standard deviations."""
    import lbriv  # these two are here for `make bench` alone
    import QuantLib

    rng = np.random.default_rng(0)
    volatility, years = rng.uniform(0.05, 1, 100_000), rng.uniform(0.02, 2, 100_000)
    strike = 100 * np.exp(rng.uniform(-5, 5, 100_000) * volatility * np.sqrt(years))
    call = strike > 100
    price = options.price(100, strike, years, volatility, call=call)
    few = slice(0, 5_000)  # of QuantLib, which takes one option at a time
    known = list(zip(price[few].tolist(), strike[few].tolist(), years[few].tolist(), call[few].tolist(), strict=True))
    kinds, found = {True: QuantLib.Option.Call, False: QuantLib.Option.Put}, {}

    def quantlib(_: np.random.Generator) -> None:
        solve = QuantLib.blackFormulaImpliedStdDev
        total = [solve(kinds[c], x, 100.0, p, 1.0, 0.0, 0.3, 1e-13, 1000) for p, x, _, c in known]
        found["QuantLib"] = np.array(total) / np.sqrt(years[few])

    def rational(_: np.random.Generator) -> None:
        total = np.empty(len(price))
        for kind in (True, False):
            these = call == kind
            total[these] = lbriv.vectorized_implied_vol_strikes(price[these], 100.0, strike[these], 1 if kind else -1)
        found["lbriv"] = total / np.sqrt(years)

    def ours(_: np.random.Generator) -> None:
        found["options.implied_vol"] = options.implied_vol(price, 100, strike, years, call=call)

    taken = best([ours, rational, quantlib])
    rows = []
    for name, seconds in zip(("options.implied_vol", "lbriv", "QuantLib"), taken, strict=True):
        error = abs(found[name][few] / volatility[few] - 1).max()
        rows.append([f"`{name}`", f"{1e6 * seconds / len(found[name]):.2f}", f"{error:.0e}"])
    return measured.table(["implied volatility", "µs an option", "largest relative error"], rows)


def calibration() -> str:
    """Seconds to fit raw SVI to 20 expiries of 100 strikes each."""
    model, years = Heston(1.15, 0.04, 0.39, -0.64, 0.04), np.linspace(0.1, 2, 20)
    chain = chains.synthetic(np.random.default_rng(0), model, years=years, n_strikes=200, tick=1e-6)
    smiles = chains.smiles(chain).groupby("years").head(100)
    seconds = best([lambda rng: surface.calibrate(smiles)])[0]
    return f"`surface.calibrate` fits raw SVI to 20 expiries of 100 strikes in {seconds:.2f} s, {1e3 * seconds / 20:.0f} ms a slice."


def costs() -> str:
    """Table of time and memory as the work grows."""
    walk = lambda n, steps, assets: paths.gaussian(np.random.default_rng(0), n, steps, covariance=np.eye(assets))
    work = {f"`paths.gaussian`, {n:,} paths": (lambda n=n: walk(n, 250, 1), n * 250) for n in (1_000, 10_000, 100_000)}
    work |= {f"`paths.gaussian`, {n:,} steps of 1,000 paths": (lambda n=n: walk(1_000, n, 1), n * 1_000) for n in (2_500, 25_000)}
    work |= {f"`paths.gaussian`, {n} assets, 10,000 paths": (lambda n=n: walk(10_000, 250, n), 2_500_000 * n) for n in (3, 10, 30)}
    draw = lambda rng, n: paths.gaussian(rng, n, 250, covariance=SIGMA)
    simulate = lambda n: decomposition.simulate(GRID, draw, np.random.default_rng(0), n)
    work |= {f"`decomposition.simulate`, {n:,} paths of 3 assets": (lambda n=n: simulate(n), 750 * n) for n in (1_000, 10_000, 100_000)}
    books = {n: quotes.around(walk(1, n, 1)[0, :, 0] * 1e-4 + 100, 0.01, interval=1.0) for n in (10**5, 10**6, 10**7)}
    work |= {f"`ladder.run` of 6 steps, {n:,} quotes": (lambda b=b: ladder.run(b, steps_bps=SIX), 2 * n) for n, b in books.items()}
    traded = lambda n: inventory.simulate(np.random.default_rng(0), MARKET, QUOTES, n)
    work |= {f"`inventory.simulate`, {n:,} paths": (lambda n=n: traded(n), MARKET.n_steps * n) for n in (1_000, 10_000, 100_000)}
    rows = []
    for name, (run, numbers) in work.items():
        seconds = best([lambda rng, run=run: run()])[0]
        tracemalloc.start()
        run()
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        rows.append([name, f"{seconds:.3f}", f"{1e9 * seconds / numbers:.1f}", round(peak), round(8 * numbers / 2**20)])
    return measured.table(["work", "s", "ns a number", "peak, MiB", "its numbers, MiB"], rows)


def main() -> None:
    argparse.ArgumentParser(prog="python -m audit.kernels", description=__doc__.splitlines()[0]).parse_args()
    measured.write(
        "kernels",
        f"{PATHS:,} paths of {STEPS} steps and one asset where nothing else is said; best of {ROUNDS - 1} rounds.",
        simulations(),
        ladders(),
        implied_vol(),
        calibration(),
        costs(),
        packages=("numpy", "scipy", "numba", "pandas", "QuantLib", "lbriv"),
    )


if __name__ == "__main__":
    main()

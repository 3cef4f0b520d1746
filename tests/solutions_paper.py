"""Solutions of the exercises of chapters 1 to 10, computed."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from mnvh import amm, arbitrage, competition, control, estimates, frictions, functional, hedging
from mnvh import inventory, neutrality, options, paths, simulations, spt
from mnvh import decomposition as dec
from mnvh import market_making as mm
from mnvh.book import claims

MARKET = mm.Market(volatility=2, order_rate=140, decay=1.5, horizon=1, n_steps=200)  # of chapter 4


def agrees(sample, law, size=None):
    """Mean within four standard errors of the law, and the error at most 2 % of the size that is to be resolved."""
    return abs(sample.mean() - law) < 4 * stats.sem(sample) and stats.sem(sample) < 0.02 * abs(size or law)


def grid(prices, matrix=1.0):
    return dec.decompose(dec.LinearGrid([[matrix]], [0.0]), prices).total()


def loss_rate(pool, volatility, price=np.ones(1)):
    return arbitrage.loss_versus_rebalancing(pool, price, [[volatility**2]]) / -pool.value(price)


def solution_01_1(said):
    hedge, times, moves = options.OptionHedge(100.0, 0.25, 0.2), np.array([0.0, 1e-5]), 0.02 * np.array([-6.0, 1.0, 9.0])
    prices = np.stack([0 * moves + 100, 100 + moves], axis=1)[..., None]
    owner, gamma = dec.decompose(hedge, prices, times=times).total(), options.greeks(100, 100, 0.25, 0.2).gamma
    option = hedge.value(prices[:, 1], times[1]) - hedge.value(prices[:, 0], times[0])
    dealer = -option - dec.follow(hedge.holdings(prices, times), prices)[:, -1]
    assert (owner.carry < 0).all() and (owner.harvest > 0).all() and np.allclose(dealer, -owner.carry - owner.harvest, rtol=1e-9)
    assert np.allclose(dealer, gamma / 2 * (20**2 * 1e-5 - moves**2), rtol=0.01)
    assert "harvest is now negative" in said and r"\tfrac12\Gamma(\sigma_I^2S^2\Delta t - \Delta S^2)" in said


def solution_01_2(said):
    weak, with_more_paths = (claims.estimate(1.0, error, printed=1, alternative=0) for error in (0.03, 0.015))
    for verdict in (*claims.SETTLED, "probably true"):
        with pytest.raises(claims.UnresolvedError):
            claims.judge({"id": "1x", "verdict": verdict}, [weak])
    with pytest.MonkeyPatch.context() as build, pytest.raises(claims.UnresolvedError):
        build.setenv(claims.PUBLISHING, "1")
        claims.settle("1d", weak)
    claims.judge({"id": "1x", "verdict": "holds"}, [with_more_paths])
    assert "the build stops" in said and "more paths" in said and "another verdict" not in said


def solution_02_1(said):
    walk = paths.lattice_walk(np.random.default_rng(1), 400, 25)
    parts, last, ends = grid(walk), walk[:, -1, 0], 25 - 2 * np.arange(26)
    assert (parts.harvest == 25 / 2).all() and (parts.displacement == -(last**2) / 2).all()
    assert ((dec.follow(-walk, walk)[:, -1] > 0) == (abs(last) <= 3)).all() and r"|X_T| \le 3" in said
    chance = stats.binom.pmf(np.arange(26), 25, 0.5)[ends**2 < 25].sum()
    assert chance == pytest.approx(2 * special.comb(25, [13, 14]).sum() / 2**25) and f"{{14}}]/2^{{25}} = {chance:.3f}" in said


def solution_02_2(said):
    pool = amm.ConstantProduct(3.0)
    for move in (-0.1, 0.01, 0.1):
        prices = np.array([[[100.0], [100 + move]]])
        fill = -np.diff(amm.numeraire_reserve(pool, prices)).item() / np.diff(pool.holdings(prices), axis=1).item()
        assert fill == pytest.approx(np.sqrt(prices.prod()), rel=1e-9) and (fill - 100) / move == pytest.approx(0.5, abs=1e-3)
        cost, law = dec.decompose(pool, prices, executed=[[[fill]]]).total().cost, -pool.intensity(prices[0, 0]) * move**2 / 2
        assert np.allclose(cost, law, rtol=5e-3, atol=0) and r"it pays $\tfrac12\Delta p^\top K\Delta p$ a step" in said


def solution_02_3(said):
    rng, (upper, lower) = np.random.default_rng(1), np.triu_indices(3)
    after = rng.uniform(1, 2, 3) + (moves := np.vstack([np.zeros(3), rng.standard_normal((40, 3))]))
    matrix = -after[:, :, None] * moves[:, None, :]  # (p + Δp)·(q - KΔp) is linear in K, by this, and in q, by `after`
    both = np.hstack([(matrix + matrix.swapaxes(1, 2))[:, upper, lower], after])
    assert np.linalg.matrix_rank(both) == both.shape[1]  # so, K being symmetric, it is always zero for K = 0, q = 0 alone
    any_matrix = np.hstack([matrix.reshape(-1, 9), after])  # for K = -K' and q = -Kp it is zero as well
    assert np.linalg.matrix_rank(any_matrix) == any_matrix.shape[1] - 3 and "symmetric" in said


def solution_02_4(said):
    noise, rho, sd = 3 * np.random.default_rng(4).standard_normal((6000, 101)), -0.4, 3 * np.sqrt(1.25)
    moves = noise[:, 1:] - 0.5 * noise[:, :-1]
    pnl, traded = grid(np.insert(moves.cumsum(axis=1), 0, 0, axis=1)[..., None]).pnl, abs(moves).sum(axis=1)
    exact = functional.grid_pnl_from_autocovariance([[1.0]], [[[sd**2]], [[rho * sd**2]]], 100)
    assert exact == pytest.approx(-rho * sd**2 * 99) and agrees(pnl, exact) and r"$-\rho\sigma^2$ a step" in said
    assert agrees(traded, 100 * sd * np.sqrt(2 / np.pi)) and r"below $-\rho\sigma\sqrt{\pi/2}$ per unit" in said
    assert agrees(pnl + rho * sd * np.sqrt(np.pi / 2) * traded * 99 / 100, 0, exact)


def solution_03_1(said):
    x, y = 2 * np.array([turn(np.linspace(0, np.pi / 2, 401)) for turn in (np.sin, np.cos)])
    price, x_half, y_half = -np.diff(y) / np.diff(x), (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    assert np.allclose(price, x_half / y_half) and (np.diff(x_half) / np.diff(price) > 0).all()  # minus K
    assert (x_half**2 + y_half**2 < 4).all()  # half way between two points of the curve
    for value in (p * x + y for p in (0.3, 1.0, 3.0)):
        assert value.argmin() in (0, 400) and 0 < value.argmax() < 400
    assert "= x/y$" in said and "$K < 0$" in said and "is not convex" in said and "are a corner" in said


def solution_03_2(said):
    loss = {w: loss_rate(amm.WeightedProduct([w, 1 - w], 2.0), 0.3, np.array([1.7])) for w in (0.3, 0.5, 0.8)}
    for w, found in loss.items():
        left, here, right = 2 * (1.7 + np.array([-1e-3, 0, 1e-3])) ** w  # V
        assert -(left - 2 * here + right) / 1e-6 == pytest.approx(w * (1 - w) * here / 1.7**2, rel=1e-5)
        assert found == pytest.approx(w * (1 - w) * 0.3**2 / 2) and r"\tfrac12w(1-w)\sigma^2V" in said
    assert f"{0.8 * 0.2:.2f}/{0.5 * 0.5:.2f} = {loss[0.8] / loss[0.5]:.2f}$" in said


def solution_03_3(said):
    one, wide = np.ones(1), amm.ConstantProduct(3.0)
    for rho in (2.0, 1.25):
        narrow = amm.ConcentratedLiquidity(3.0, 1 / rho, rho)
        more = loss_rate(narrow, 0.2) / loss_rate(wide, 0.2)
        assert narrow.intensity(one) == wide.intensity(one) and more == pytest.approx(1 / (1 - rho**-0.5))
        assert -narrow.value(one) == pytest.approx(2 * 3 * (1 - rho**-0.5)) and -wide.value(one) == 2 * 3
    assert r"1/(1 - \rho^{-1/2})$ times as large" in said and f"{more:.1f} times for" in said


def solution_03_4(said):
    base, law = arbitrage.break_even_turnover(0.05, 1e10, 30), r"v^* \approx \sigma^3/(8\gamma^2\sqrt{2\lambda})"
    assert base == pytest.approx(0.05**3 / (8 * 0.003**2 * np.sqrt(2e10)), rel=1e-3) and law in said
    changes = {"as fast halve it": (0.05, 4e10, 30, 1 / 2), "twice the fee divides it by four": (0.05, 1e10, 60, 1 / 4)}
    for words, (*market, factor) in (changes | {"the volatility multiplies it by eight": (0.1, 1e10, 30, 8)}).items():
        assert arbitrage.break_even_turnover(*market) / base == pytest.approx(factor, rel=1e-3) and words in said


def solution_04_1(said):
    found = optimize.minimize_scalar(lambda half: -mm.symmetric_profit(MARKET, half)[0], bounds=(0.1, 3), method="bounded")
    assert found.x == pytest.approx(1 / 1.5, rel=1e-4) and r"\delta = 1/k$" in said
    assert -found.fun == pytest.approx(2 * 200 * 140 * MARKET.step / (np.e * 1.5)) and r"2NA\,dt/(ek)" in said
    quotes = mm.avellaneda_stoikov(MARKET, 1e-6, inventory_limit=60), mm.glft(MARKET, 1e-6, inventory_limit=60)[0]
    assert all(np.allclose(side[:, 50:71], 1 / 1.5, atol=1e-4) for each in quotes for side in (each.ask, each.bid))
    near = mm.glft(MARKET, 1e-6, inventory_limit=10)[0].ask[0]
    assert near[10] - 1 / 1.5 > 0.006 and near[2] - 1 / 1.5 > 0.2 and "far from the inventory limit" in said


def solution_04_2(said):
    profit = lambda half, x: sum(mm.resting_rates(replace(MARKET, volatility=x / MARKET.step**0.5), half, 0)[1:])  # x: the move
    even = optimize.brentq(lambda x: x * np.tanh(1.5 * x) - 0.7, 0.1, 2)
    assert abs(profit(0.7, even)) < 1e-12 and profit(0.7, 1.01 * even) < 0 < profit(0.7, 0.99 * even)
    halves = np.array([1 / 1.5, *(mm.avellaneda_stoikov(MARKET, gamma).mean_spread / 2 for gamma in (0.1, 0.01, 1.0))])
    gains = [profit(half, 0.02) - mm.symmetric_profit(MARKET, half)[0] / 200 for half in halves]
    assert np.allclose(gains, 2 * MARKET.fill_probability(halves) * 1.5 * 0.02**2 * (1.5 * halves / 2 - 1), rtol=0.01, atol=0)
    assert (np.sign(gains) == [-1, -1, -1, 1]).all() and r"(\tfrac12k\delta - 1)$. For $k\delta > 2$ the profit rises" in said


def solution_04_3(said):
    quotes = mm.avellaneda_stoikov(MARKET, 0.1, inventory_limit=30), mm.glft(MARKET, 0.1, inventory_limit=30)[0]
    lean, best = ((each.bid - each.ask)[:, 31:39] / 2 / np.arange(1, 9) for each in quotes)  # with 1 to 8 units held
    equal = mm.glft_coefficients(MARKET, 0.1)[1] / (0.1 * 2**2)
    assert np.interp(-best[0, 0], -lean[:, 0], MARKET.time_left) == pytest.approx(equal, rel=0.02)
    assert (lean[:, 0] > best[0, 0])[MARKET.time_left > 1.02 * equal].all() and "Before that it leans harder" in said
    assert (lean > best).all() and "to the end" in said  # near the horizon the optimum leans less than far from it


def solution_05_1(said):
    times, call, rng = np.linspace(0, 0.25, 21), options.OptionHedge(95.0, 0.25, 0.2), np.random.default_rng(5)
    prices = paths.martingale_gbm(rng, 200, 20, covariance=[[0.04 / 80]], start=[100.0])
    delta = options.greeks(prices[:, :-1, 0], 95, 0.25 - times[:-1], 0.2, call=False).delta
    hedge, end = -(delta * np.diff(prices[..., 0], axis=1)).sum(axis=1), prices[:, -1, 0]
    parts = dec.decompose(call, prices, times=times, constant=[1.0]).total()
    put = np.maximum(95 - end, 0) - options.price(100, 95, 0.25, 0.2, call=False) + hedge
    own = np.maximum(end - 95, 0) - options.price(100, 95, 0.25, 0.2) + parts.pnl - parts.directional  # the call's
    assert np.allclose(put, own) and np.allclose(put, parts.harvest + parts.carry) and np.allclose(parts.pnl, hedge)
    assert "`constant=[1.0]`" in said


def solution_05_2(said):
    for vol, years in ((0.2, 0.25), (0.4, 1.0), (0.1, 2.0)):
        premium, hedge = options.price(100, 100, years, vol), options.OptionHedge(100.0, years, vol)
        assert vol * options.greeks(100, 100, years, vol).vega == pytest.approx(premium, rel=0.02)
        assert np.sqrt(hedging.error_variance(hedge, 100.0, 314)) / premium == pytest.approx(0.05, rel=0.01)
    prices = paths.martingale_gbm(np.random.default_rng(5), 2000, 314, covariance=[[0.02 / 314]], start=[100.0])
    parts, root = dec.decompose(hedge, prices, times=np.linspace(0, 2, 315)).total(), np.sqrt(np.pi / 4)
    found, error = estimates.deviation((parts.harvest + parts.carry) / premium)
    assert abs(found - 0.05) < 4 * error and error < 0.002 and rf"\sqrt{{\pi/4N}} = {root:.3f}/\sqrt N$" in said
    assert f"({root:.3f}/0.05)^2 = {(root / 0.05) ** 2:.0f}$ times" in said


def solution_05_3(said):
    walk = paths.lattice_walk(np.random.default_rng(5), 200, 4000)[..., 0]  # s = 1
    kept, clock, b = control.keep_within(walk, 10.0, reset=False), walk[:, :-1].reshape(200, -1, 100), 10.5  # on a lattice
    band, late = ((walk - kept) ** 2).mean(axis=1), ((clock - clock[..., :1]) ** 2).mean(axis=(1, 2))
    assert agrees(abs(np.diff(kept)).mean(axis=1), 1 / (2 * b)) and agrees(band, (b**2 - 0.25) / 3)
    assert agrees(abs(np.diff(clock[..., 0])).mean(axis=1) / 100, np.sqrt(2 / np.pi / 100)) and agrees(late, (100 - 1) / 2)
    equal = optimize.brentq(lambda tau: np.sqrt(2 / np.pi / tau) - 1 / (2 * b), 1, 1e4)
    assert equal / 2 == pytest.approx((2 * b) ** 2 / np.pi) and (b**2 / 3) / (equal / 2) == pytest.approx(np.pi / 12)
    assert r"\pi\mathcal{C}^2$ and $c^2s^4/12\,\mathcal{C}^2" in said and r"band's is $\pi/12$ of the clock's" in said


def solution_05_4(said):
    friction = lambda n: frictions.tracking_band(cost=0.01, variance_rate=n**2, aversion=0.02)[1]
    loss = lambda log, edge: friction(np.exp(log)) - edge * np.exp(log)
    one, two = np.exp([optimize.minimize_scalar(loss, args=edge, bounds=(0, 12), method="bounded").x for edge in (0.1, 0.2)])
    assert friction(8) == pytest.approx(16 * friction(1)) and one == pytest.approx((3 * 0.1 / (4 * friction(1))) ** 3, rel=1e-4)
    assert friction(one) / (0.1 * one) == pytest.approx(3 / 4, rel=1e-4) and two / one == pytest.approx(8, rel=1e-4)
    assert "$n^* = (3e/4J)^3$" in said and "three quarters of the edge" in said and "eight times the position" in said


def solution_06_1(said):
    days = np.array([[[1.0, 1.0], [2.0, 1.0]], [[1.0, 1.0], [0.5, 1.0]]])
    (up, down), fair = spt.follow_log([0.5, 0.5], days)[:, -1], (1 - 0.5) / (2 - 0.5)
    harvest = spt.decompose_log(spt.GeometricMean([0.5, 0.5]), days).total().harvest
    assert [*np.exp([up, down]), fair, *harvest] == pytest.approx([3 / 2, 3 / 4, 1 / 3, *[np.log(3 / 4) + np.log(2) / 2] * 2])
    assert rf"\tfrac12\ln\tfrac98 = {(up + down) / 2:.4f}$" in said and f"{100 * (2.5 / 2 - 1):.0f} % a day" in said
    assert f"{fair * up + (1 - fair) * down:.4f}$. The harvest" in said and f"= {harvest[0]:.4f}$ on a day" in said


def solution_06_2(said):
    rng, c, days, shape = np.random.default_rng(6), 0.02, 60, (4000, 61, 2)
    logs, errors = rng.normal(0, 0.01, shape).cumsum(axis=1), c * rng.choice([-1, 1], shape)
    x, both = errors[..., 0] - errors[..., 1], [spt.market_weights(np.exp(each)) for each in (logs + errors, logs)]
    assert agrees((np.diff(x) ** 2).sum(axis=1), 4 * c**2 * days) and agrees((x[:, -1] - x[:, 0]) ** 2, 4 * c**2)
    gains = [[spt.follow_log(spt.delayed([0.5, 0.5], m, late), m)[:, -1] for m in both] for late in (0, 1)]  # on holding
    on_time, late = (observed - true for observed, true in gains)
    assert agrees(on_time, c**2 / 2 * (days - 1)) and agrees(late, 0, c**2 / 2 * days)
    assert r"the gain is $\tfrac12c^2$ a day" in said and "earns nothing from them" in said


def solution_06_3(said):
    generator, rng = spt.Entropy(), np.random.default_rng(6)
    market = spt.market_weights(paths.martingale_gbm(rng, 500, 200, covariance=0.04 * np.eye(3)))
    start, harvest = -generator.value(market[0, 0]), dec.decompose(generator, market).cumulative().harvest
    ahead, reached = dec.follow(generator.holdings(market), market)[:, 1:], harvest >= start  # V_T - V_0
    assert 0 < reached[:, -1].mean() < 1 and ahead[~reached].min() < -0.1 and (ahead[reached] > 0).all()
    log = spt.follow_log(spt.portfolio_weights(generator, market), market)[:, 1:]  # needs a bound on ln G
    assert (ahead + start >= harvest - 1e-9).all() and log[reached].min() < -0.1 and "$V_T$ is at least the harvest" in said


def solution_07_1(said):
    variance, traded = 1.5**2 * 0.7**2 / (2 * 0.3 - 0.3**2), np.sqrt(2 * 1.5**2 * 0.7**2 / (2 - 0.3)) * np.sqrt(2 / np.pi)
    prices = paths.gaussian(np.random.default_rng(7), 4000, 150, covariance=[[0.7**2]])
    held = frictions.reverting_holdings(prices, intensity=1.5, reversion=0.3)[:, 50:, 0]
    assert agrees((held**2).mean(axis=1), variance) and agrees(abs(np.diff(held)).mean(axis=1), traded)
    assert frictions.inventory_law(intensity=1.5, sd=0.7, reversion=0.3) == pytest.approx((variance, traded))
    assert all(law in said for law in (r"v = K^2\sigma^2/(2\beta - \beta^2)", r"2K^2\sigma^2/(2-\beta)$, and", r"s\sqrt{2/\pi}"))


def solution_07_2(said):
    h, b, c = 2.0, 3.0, 0.2
    filled = lambda size: integrate.quad(lambda flow: min(flow, size) * b * np.exp(-b * flow), 0, 15, points=[size])[0]
    best = optimize.minimize_scalar(lambda size: c * size - h * filled(size), bounds=(0, 3), method="bounded").x
    even = frictions.saturated_intensity(harvest=h, decay=b, cost=c)[1]
    assert filled(0.4) == pytest.approx((1 - np.exp(-b * 0.4)) / b) and r"(1 - e^{-bK})/b$" in said
    assert np.allclose([best, np.log(h / c) / b], even, rtol=1e-4) and r"$K = \ln(h/c)/b$" in said
    assert abs(frictions.saturated_value(even, harvest=h, decay=b, cost=c)) < 1e-12


def solution_07_3(said):
    passage, costs = np.pi * special.erfi(0.1 / np.sqrt(2)) / np.sqrt(2 * np.pi), np.array([1e-3, 1e-5, 1e-7])
    assert 1 - (0.1 - 1e-4) / passage == pytest.approx(1e-4 / 0.1 + 0.1**2 / 6, rel=2e-3) and "- c/a - a^2/6$" in said
    ratio = np.array([frictions.flip_band(cost=c) for c in costs]) / np.cbrt(3 * costs)
    assert (np.diff(abs(ratio - 1)) < 0).all() and ratio[-1] == pytest.approx(1, abs=1e-4) and "at $a^3 = 3c$" in said


def solution_07_4(said):
    vol, pool = np.sqrt(control.fee_implied_variance(0.0002)), amm.ConstantProduct(2.0)
    assert loss_rate(pool, vol) == pytest.approx(0.0002) and loss_rate(pool, 1.1 * vol) > 0.0002
    assert rf"8\times0.0002 = {vol**2:.4f}$ a day, a volatility of {100 * vol:.0f} % a day. Above it the pool loses" in said


def solution_08_1(said):
    k, beta, sd, steps = 2.0, 0.2, 1.5, 40
    prices = paths.gaussian(np.random.default_rng(8), 8000, steps, covariance=[[sd**2]])
    held = frictions.reverting_holdings(prices, intensity=k, reversion=beta)
    last, variance = held[:, -1, 0] ** 2, (k * sd) ** 2 * ((1 - beta) ** (2 * np.arange(steps))).sum()  # of q_T
    carry = dec.follow(held, prices)[:, -1] - grid(prices, k).harvest + last / (2 * k)
    unit = dec.decompose(simulations.RecentredGrid(prices, beta), prices, times=np.arange(steps + 1)).total()
    assert np.allclose(carry, k * unit.carry) and np.allclose(-last / (2 * k), k * unit.displacement)
    assert agrees(carry, -steps * k * sd**2 / 2 + variance / k / 2, 5 * variance / k / 2)
    assert variance < (k * sd) ** 2 / (2 * beta - beta**2) and r"displacement is $-q_T^2/(2K)$" in said


def solution_08_2(said):
    prices = paths.gaussian(np.random.default_rng(8), 200, 100, covariance=[[1.0]], start=[100.0])
    pool, _ = simulations.mechanisms(prices, sd=1, reversion=0.1)["pool"]
    for market in (prices, prices + 0.1 * np.arange(101)[:, None]):
        parts = dec.decompose(pool, market, executed=np.sqrt(market[:, :-1] * market[:, 1:]))
        assert np.allclose(parts.cost, -parts.harvest, atol=1e-12) and np.allclose(parts.pnl, parts.displacement, atol=1e-12)
    mean = stats.norm.expect(lambda end: pool.value(np.array([end])), loc=100, scale=10, lb=20, ub=180)
    assert -mean / (100 * pool.intensity(prices[0, :1]).item()) == pytest.approx(-0.5, rel=0.02)
    assert "half a unit lost on independent steps" in said and r"cost $-\sum D_\Psi(p_{t+1}\mid p_t)$ exactly" in said


def solution_08_3(said):
    steps, sd, k, walk = 12, 3.0, 2.0, paths.lattice_walk(np.random.default_rng(8), 50, 12)
    mu, both = sd / np.sqrt(steps - 1), sd * np.concatenate([walk, -walk])  # what is odd in the steps has the mean zero
    calm, trend = (grid(both + drift * np.arange(steps + 1)[:, None], k) for drift in (0, mu))
    cost, gross = (calm.pnl - trend.pnl).mean(), (calm.displacement - trend.displacement).mean()
    assert cost == pytest.approx(steps * (steps - 1) * k * mu**2 / 2) and calm.harvest == pytest.approx(steps * k * sd**2 / 2)
    assert cost == pytest.approx(calm.harvest.mean()) and gross == pytest.approx(trend.harvest.mean())
    assert r"\mu^2 = \sigma^2/(T-1)$ on" in said and rf"a tenth of $\sigma$ for $T = {1 + 10**2}$" in said


def solution_09_1(said):
    optimum = lambda matrix: functional.water_filling_intensity(matrix, edge=1.0, trace_capacity=2.0)
    designs = lambda matrix: (optimum(matrix), neutrality.projector(np.linalg.eigh(matrix)[1][:, -2:].T))
    x = np.random.default_rng(9).standard_normal((40, 6)) * np.arange(1, 7)
    sample, target = x.T @ x / 40, (x**2).sum() / 40 / 6 * np.eye(6)
    assert all(np.allclose(designs((1 - a) * sample + a * target), designs(sample)) for a in (0.3, 0.99))
    assert not np.allclose(designs(target), designs(sample), atol=0.1) and "a < 1" in said


def solution_09_2(said):
    answered = lambda gain, share: reduce(lambda move, _: (1 - share) * move + share * (1 + gain * move), range(500), 1.0)
    assert [answered(gain, 1) for gain in (0.2, 0.9)] == pytest.approx([1 / (1 - 0.2), 1 / (1 - 0.9)])
    assert answered(1, 1) == 1 + 500 and 1 + 2 * (-1) == -1 < 1e9 < min(answered(2, 1), answered(2, 0.1))  # from -1 it flees
    assert answered(-3, 0.25) == pytest.approx(1 / (1 + 3)) and abs(answered(-3, 1)) > 1e9
    assert r"$1/(1 - \lambda|K|)$" in said and "opposite sign" in said


def solution_09_3(said):
    for x in (0.3, 1.0, 4.0):
        income = lambda k, x=x: k / (k + x) * competition.crowded_rate(k + x, rate=2.0, impact=1.0)
        best = optimize.minimize_scalar(lambda k: -income(k), bounds=(0, 50), method="bounded", options={"xatol": 1e-9}).x
        assert best == pytest.approx(1 + x, rel=1e-4) and income(best) == pytest.approx(best / (1 + best + x) ** 2)
        rises = [income(k + 1e-5) > income(k) for k in (0.1, best - 0.1, best + 0.1, 20)]
        assert rises == [True, True, False, False] and "the sign of $1 + x - k$" in said and "$k = 1 + x$" in said
    assert competition.crowded_intensity(2, rate=2.0, impact=1.0, charge=1e-9) > 998  # without bound as the charge vanishes


def solution_10_1(said):
    r, c, rng = 0.8, 0.1, np.random.default_rng(10)
    even = optimize.brentq(lambda rate: rate - r - 2 * c * np.sqrt(2 * rate / np.pi), r, 5)
    for k, rate, sign in ((1.0, even, 0), (3.0, even, 0), (3.0, 1.1 * even, 1), (1.0, 0.9 * even, -1)):
        walk, size = paths.gaussian(rng, 6000, 50, covariance=[[rate]]), 25 * k * (even - r)
        insured = grid(walk, k).pnl + k / 2 * (walk[:, -1, 0] ** 2 - r * 50)
        net = insured - c * k * abs(np.diff(walk[..., 0])).sum(axis=1)
        assert agrees(insured, 25 * k * (rate - r), size)
        assert agrees(net, 0, size) if sign == 0 else sign * net.mean() > 5 * stats.sem(net)
    assert r"R - r > 2c\sqrt{2R/\pi}$, whatever $K$ is" in said


def solution_10_2(said):
    rng, hedge = np.random.default_rng(10), options.OptionHedge(100.0, 1.5, 0.2)
    back = grid(paths.ornstein_uhlenbeck(rng, 2000, 100, persistence=0.9, stationary_covariance=[[1.0]]))
    assert not back.carry.any() and back.harvest.mean() > -2 * back.displacement.mean() > 0
    walk = MARKET.move * paths.lattice_walk(rng, 500, 200)
    held, spread = inventory.trade(rng, MARKET, mm.symmetric(MARKET, 0.7), walk, fill=1)
    maker = dec.attribute(held, walk, income=spread).total()
    assert not maker.harvest.any() and not maker.displacement.any() and agrees(maker.pnl, maker.carry.mean())
    theta = dec.decompose(hedge, paths.shared(20), times=np.linspace(0, 1, 251)).carry  # the owner's; the writer is paid it
    assert (theta < 0).all() and "Harvest, displacement and carry" in said

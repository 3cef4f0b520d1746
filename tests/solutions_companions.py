"""Solutions of the exercises of chapters 11 to 18, computed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from pytest import approx
from scipy import optimize, special, stats

from mnvh import amm, contagion, control, ladder, options, paths, portfolio, quotes, regimes, stress, surface, vaults
from mnvh import decomposition as dec
from mnvh import gamma_capture as gc
from mnvh import rebalancing as rb
from mnvh import variance_swap as vs


def within(samples, true, resolution):
    """Whether the mean of samples is `true` within four standard errors, one of which is at most the given share of it."""
    mean, error = np.mean(samples), stats.sem(samples, axis=None)
    return abs(mean - true) < 4 * error and error <= resolution * abs(true)


def lattice_fills(seed, step, spread):
    """Long and short ladder on a walk of unit steps, whose variance rate is one."""
    walk = paths.lattice_walk(np.random.default_rng(seed), 1, 400_000)[0, :, 0]
    return [side[0] for side in ladder.run(quotes.around(walk, spread, interval=1.0), steps_price=[step])]


def undelivered(walks, signal, width):
    """Trades per step, and mean square of what is not delivered, of each walk."""
    held = rb.rebalance(walks, signal=np.broadcast_to(signal, walks.shape), width=width, lattice=True)
    return (np.diff(held, axis=1) != 0).mean(axis=(1, 2)), ((walks - held[:, :-1]) ** 2).mean(axis=(1, 2))


def solution_11_1(said):
    (long, _), h, n = lattice_fills(1, 4.0, 4.0), 20.0, 40_000
    assert within(np.diff(long.time), 4 * 8, 0.02) and r"reads $\sigma/\sqrt2$" in said  # (h/√τ)² = σ²/2
    path, counts = paths.gaussian(np.random.default_rng(2), 1, n, covariance=[[1.0]])[0, :, 0], []
    for every in (1, 4):
        book = quotes.around(path[::every], h, interval=float(every))
        counts.append(np.mean([len(ladder.run(book, steps_price=[h], offset=k / 50)[1][0].rung) for k in range(50)]))
        assert counts[-1] == approx(np.abs(np.diff(path[::every])).sum() / h, rel=5e-3)
        assert n / counts[-1] == approx(np.sqrt(np.pi / 2 * every) * h, rel=0.03)  # the other law's 1.165 is 7 % off
    assert counts[0] / counts[1] == approx(2, rel=0.03) and r"= \sqrt{\pi/2}\,h\sqrt{dt}/\sigma$" in said


def solution_11_2(said):
    pair, h, s = lattice_fills(3, 10.0, 4.0), 10, 4
    late, soon = (np.diff(fills.time) for fills in pair)
    error = np.hypot(stats.sem(late), stats.sem(soon))
    assert abs(late.mean() - soon.mean() - 2 * h * s) < 4 * error < 10 and r"\tau_L - \tau_S = 2hs/\sigma^2" in said
    assert abs(late.mean() + soon.mean() - 2 * h**2) < 4 * error and r"\tau_L + \tau_S = 2h^2/\sigma^2" in said
    assert gc.spread_free(*pair) == approx((400_000, s), rel=0.05)


def solution_11_3(said):
    n = optimize.brentq(lambda n: np.sqrt(2 / (3 * n)) / 2 - 0.03, 10, 1e4)
    seconds = gc.expected_duration(0.2 / np.sqrt(gc.YEAR), 1e-3)
    assert gc.first_exit_moments(round(n))[1] == approx(0.03, rel=5e-3) and n == approx(1 / (6 * 0.03**2))
    assert rf"$\tfrac12\sqrt{{2/(3N)}}$, so $N = 1/(6\cdot0.03^2) \approx {n:.0f}$ fills" in said
    assert f"each $h^2/\\sigma^2 = 10^{{-6}}/{0.2**2:.2f}$ years or {seconds / 60:.0f} minutes: about forty hours" in said
    assert seconds / gc.YEAR == approx(1e-6 / 0.04) and round(n * seconds / 3600 / 5) * 5 == 40


def solution_11_4(said):
    read = []
    for spread in (2.0, 6.0):
        short = lattice_fills(4, 10.0, spread)[1]
        read.append(np.sqrt(gc.captured(short) / 400_000))
        assert abs(read[-1] / np.sqrt(10 / (10 - spread)) - 1) < 4 * gc.relative_error(short) < 0.05
    tight, wide = options.price(100, 100, 0.25, 0.2 * np.array(read))
    assert wide > 1.3 * tight and r"$\sigma\sqrt{h/(h-s)}$" in said and "Whoever sells options" in said


def solution_12_1(said):
    rng, m = np.random.default_rng(5), 20
    left = lambda seen: (seen[..., -1] > seen[..., :-1].max(axis=-1)) | (seen[..., -1] < seen[..., :-1].min(axis=-1))
    apart = rng.standard_normal((40_000, m))
    assert within(left(apart), 2 / m, 0.02) and "probability $2/M$" in said
    assert left(np.rint(50 + np.sqrt(50 * 2 / 3) * apart)).mean() < 0.9 * 2 / m and "counts tie" in said  # counts of fifty fills
    walks, lengths = paths.gaussian(rng, 1500, 480, covariance=[[1.0]])[..., 0], (20, 8, 12, 16, 24, 28, 32)  # a month has 400
    one, *others = (left(sliding_window_view(walks[:, n:] - walks[:, :-n], 401 - n, axis=1)[:, -40:]) for n in lengths)
    bursts, a_window = (np.diff(one, axis=1, prepend=False) & one).sum(), one.sum(axis=1) * 20 / 40
    assert a_window.mean() - 2 / m > 4 * stats.sem(a_window) and one.sum() > 1.2 * bursts > 0
    assert np.any([one, *others], axis=0).mean() > 2 * one.mean()


def solution_12_2(said):
    vol, s = 0.05 / np.sqrt(gc.YEAR), 0.88e-4
    sides = [50 * gc.expected_duration(vol, 3 * s, spread=s, side=side) for side in (1, -1)]
    window = optimize.brentq(lambda t: gc.step_for(vol, t, 50) - 3 * s, 1, 1e7)
    assert window == approx(np.mean(sides)) and rf"^2 = \sigma^2T/50$, so $T = {window * vol**2 / s**2:.0f}\,s^2/\sigma^2" in said
    assert round(window / 3600) == 12 and "0.88$ basis points and 5 % a year, that is some twelve hours" in said


def solution_12_3(said):
    rng = np.random.default_rng(6)
    daily = rng.standard_normal((40_000, 100))
    for n, returns in ((50, daily.reshape(-1, 50, 2).sum(axis=2) / np.sqrt(2)), (100, daily)):
        scatter = np.sqrt((returns**2).mean(axis=1)).std()
        assert scatter == approx(1 / np.sqrt(2 * n), rel=0.02) and rf"$1/\sqrt{{2\cdot{n}}}$" in said and "less bounce" in said
    bounced = paths.roll(rng, 4000, 100, covariance=[[1.0]], half_spread=0.5)[..., 0]
    passing = paths.ornstein_uhlenbeck(rng, 4000, 100, persistence=0.2, stationary_covariance=[[0.25]])[..., 0]
    passing += paths.gaussian(rng, 4000, 100, covariance=[[1.0]])[..., 0]
    for noisy, days, more in ((bounced, 1, 0.5), (bounced, 2, 0.25), (passing, 1, 0.4), (passing, 2, 0.24)):
        assert within((np.diff(noisy[:, ::days]) ** 2).mean(axis=1) / days, 1 + more, 0.01)


def solution_13_1(said):
    level, u, v, m, s = 0.01, 0.3, 0.2, 0.1, 0.5
    svi, y = surface.RawSVI(level, (u + v) / (2 * s), (u - v) / (u + v), m, s), np.linspace(-4, 4, 9)
    assert svi.variance(m + s * y) == approx(level + u / 2 * np.exp(np.arcsinh(y)) + v / 2 * np.exp(-np.arcsinh(y)))
    slopes = np.diff(svi.variance(np.array([[1e5, 2e5], [-1e5, -2e5]])))[:, 0] / 1e5
    assert slopes == approx([u / s, v / s], rel=1e-6) and "$v|k|/s$" in said and r"+ \sqrt{1+y^2} \approx 2y$" in said
    assert svi.variance(1e5) - u * (1e5 - m) / s == approx(level, abs=1e-5) and r"uy \approx uk/s" in said  # equal where m = 0


def solution_13_2(said):
    contract, column = vs.LogContract(2.0), lambda p: np.asarray(p, dtype=float)[..., None]
    prices, r = np.array([0.5, 2.0, 7.0]), np.array([0.01, -0.01])
    assert contract.intensity(column(prices))[:, 0, 0] == approx(2 / prices**2) and r"\Psi''(S) = 2/S^2" in said
    missed = dec.bregman(contract, column(1 + r), column([1.0, 1.0])) - r**2
    assert missed == approx(-2 / 3 * r**3, rel=0.02) and "up to the third order" in said and r"\Psi = -2\ln S$" in said
    last = np.array([0.8, 1.0, 1.2])  # for a claim D(last|1) - D(last|2) is linear in the last price
    bend = lambda pays: np.diff(pays(last, np.ones(3)) - pays(last, np.full(3, 2.0)), 2)[0]
    assert abs(bend(lambda new, old: dec.bregman(contract, column(new), column(old)))) < 1e-12
    assert bend(lambda new, old: (new / old - 1) ** 2) == approx(2 * 0.2**2 * (1 - 1 / 4)) and "up to a linear function" in said


def solution_13_3(said):
    asked, found, years = 0.2, 0.3, 0.25
    strike = 100 * np.exp(np.linspace(-1.5, 1.5, 3001))
    strip = vs.Strip(strike, options.price(100, strike, years, asked, call=strike >= 100), 0 * strike, 100.0, 100.0, years)
    contract, rng = vs.LogContract(2 / years), np.random.default_rng(7)
    prices = paths.martingale_gbm(rng, 30_000, 63, covariance=[[found**2 * years / 63]])
    pays = contract.value(prices[:, -1]) - contract.value(prices[:, 0]) - strip.variance
    for every in (1, 21):
        hedged = dec.follow(contract.holdings(prices[:, ::every]), prices[:, ::every])[:, -1]
        assert within(pays + hedged, found**2 - asked**2, 0.01)
    assert r"on average $\sigma_R^2 - \sigma_I^2$" in said and "no part" in said


def solution_13_4(said):
    strip = vs.Strip([95.0, 100.0, 105.0], [0.5, 2.3, 0.5], np.full(3, 0.05), 100.0, 100.0, 1 / 12)
    total, cost = strip.weights.sum(), strip.variance_cost
    assert rf"of 100 is $2\cdot5\cdot12/100^2 = {strip.weights[1]:.3f}$" in said and f"about ${total:.3f}$" in said
    assert rf"0.036\cdot0.05 = {cost:.4f}$" in said and f"0.0018/0.4 = {cost / (2 * 0.2):.4f}$" in said
    assert round(200 * (np.sqrt(0.2**2 + cost) - 0.2)) == 1 and "about half a point" in said


def solution_14_1(said):
    chain = portfolio.Chain(100.0, [100.0, 105.0], [1 / 12, 1.0], [0.2, 0.2], [True, True])
    greeks = {name: column.to_numpy() for name, column in portfolio.exposures(chain, reference_years=0.25).items()}
    held = np.array([-1.0, greeks["gamma"][0] / greeks["gamma"][1], 0.0])
    total = {name: held @ column for name, column in greeks.items()}
    assert greeks["vega"][:2] == approx(0.2 * chain.years * 100**2 * greeks["gamma"][:2]) and r"= \sigma T S^2\Gamma$" in said
    assert total["gamma"] == approx(0, abs=1e-15) and total["theta"] == approx(0, abs=1e-12)
    assert total["vega"] == approx(0.2 * 100**2 * (held * greeks["gamma"])[:2] @ chain.years) and total["vega"] > 10
    assert total["delta"] > 1 and "with its delta hedged" in said  # before that it is no pure position in volatility


def solution_14_2(said):
    t, step, ends, left = 0.2, 1e-5, np.array([0.5, 1.0, 2.0]), lambda t: 0.05 * t + 0.01 * np.sin(3 * t)
    rate, vol = 0.05 + 0.03 * np.cos(3 * t), lambda t: np.sqrt((left(ends) - left(t)) / (ends - t))
    drift = (vol(t + step) - vol(t - step)) / (2 * step)
    greeks = options.greeks(100, [90, 100, 120], ends - t, vol(t))
    assert greeks.theta + greeks.vega * drift == approx(-rate * 100**2 * greeks.gamma / 2, rel=1e-7)
    assert 2 * vol(t) * drift * (ends - t) - vol(t) ** 2 == approx(np.full(3, -rate), rel=1e-7)
    assert greeks.vega == approx(vol(t) * (ends - t) * 100**2 * greeks.gamma) and r"= \sigma_i(T_i - t)S^2\Gamma_i$" in said
    assert r"2\sigma_i\,\partial_t\sigma_i\,(T_i - t) - \sigma_i^2 = -\sigma_t^2$" in said and r"12\sigma_i^2S^2\Gamma_i$" in said


def solution_14_3(said):
    put = options.price(100, 110, 0.25, 0.3) - 100 + 110  # by parity
    both = options.greeks(100, 110, 0.25, [0.3, options.implied_vol(put, 100, 110, 0.25, call=False)], call=[True, False])
    assert both.theta / both.gamma == approx(np.full(2, -(0.3**2) * 100**2 / 2), rel=1e-8)
    held = np.array([1.0, -both.gamma[0] / both.gamma[1]])
    assert held == approx([1, -1]) and held @ both.theta == approx(0, abs=1e-8) and held @ both.delta == approx(1)
    assert "as many calls long as puts short: a forward" in said


def solution_14_4(said):
    chain = portfolio.Chain(100.0, [95.0, 100.0, 100.0], [0.25, 0.25, 1.0], [0.25, 0.2, 0.22], [False, True, True])
    greeks, options_only = portfolio.exposures(chain, reference_years=0.25), np.array([1.0, 1.0, 1.0, 0.0])
    program = {"exposure": greeks.theta / 52, "bounds": {name: (greeks[name], 0.0, 0.0) for name in ("delta", "gamma")}}
    limits = lambda depth, half_spread: dict(depth=np.append(np.full(3, depth), np.inf), half_spread=half_spread * options_only)
    most = lambda *costs, **risk: portfolio.construct(**program, **limits(*costs), **risk).objective
    risk = dict(scenarios=portfolio.scenario_pnl(chain, np.linspace(-0.1, 0.1, 9), np.zeros(9)), risk_aversion=0.01)
    assert most(1e5, 0.0, **risk) == approx(most(1e6, 0.0, **risk))
    free, dear = ([most(d, cost) for d in (100.0, 200.0, 400.0)] for cost in (0.0, 0.01))
    assert free == approx(free[0] * np.array([1, 2, 4])) and free[0] > 1 and said.startswith("$2M$")
    assert dear == approx(dear[0] * np.array([1, 2, 4])) and 0 < dear[0] < 0.8 * free[0] and most(100.0, 1.0) < 1e-6


def solution_15_1(said):
    walks, width, interval = paths.lattice_walk(np.random.default_rng(8), 60, 30_000), 17, 97  # (w² - 1)/6 = (τ - 1)/2
    rare, step = undelivered(walks, walks, width)
    often, clock = undelivered(walks, np.arange(30_001.0)[:, None], interval)
    assert within(step, (interval - 1) / 2, 0.02) and within(clock, (interval - 1) / 2, 0.02)
    assert within(rare / often, 1 / 3, 0.015) and "$N/3$" in said and "a sixth of $w^2$" in said


def solution_15_2(said):
    hedge, spot, times, a = options.OptionHedge(100.0, 0.25, 0.4), np.full((1, 2, 1), 95.0), np.array([0.0, 0.1]), 0.1
    near, far = (rb.utility_band(hedge, spot, times, fee_bps=0.01, gas=g, risk_aversion=a)[0][0, :, 0] for g in (0.5, 8.0))
    gamma = hedge.intensity(spot, times)[0, :, 0, 0]
    assert near == approx((12 * 0.5 * gamma**2 / a) ** 0.25, rel=5e-3) and r"(12g\Gamma^2/a)^{1/4}" in said
    assert far / near == approx(np.full(2, 2), rel=5e-3) and "the band doubles" in said and "proportional to $1/b^2$" in said
    walks = paths.lattice_walk(np.random.default_rng(9), 60, 30_000)
    (often, little), (rare, much) = (undelivered(walks, walks, width) for width in (12, 24))
    assert within(rare / often, 1 / 4, 0.02) and "a quarter; spending on gas is four times as high" in said  # 16/4
    assert within(much / little, (24**2 - 1) / (12**2 - 1), 0.03) and "so is the variance" in said


def solution_15_3(said):
    n, w = 0.05, 150
    profit = lambda s: n * s - rb.manipulation_cost(np.log1p(s), w)
    best = optimize.minimize_scalar(lambda s: -profit(s), bounds=(1e-5, 0.1), method="bounded", options={"xatol": 1e-9})
    assert best.x == approx(4 * n / w, rel=0.01) and profit(best.x) == approx(2 * n**2 / w, rel=0.01) and "$4n/w$" in said
    assert rb.twap_attack(1e-3, w, geometric=True) == (w, approx(w * 1e-6 / 8, rel=2e-3)) and "$ws^2V/8$" in said
    even = optimize.brentq(profit, 1e4, 1e8)  # beyond it a huge push pays more
    assert profit(4 * even) > 1e5 * profit(best.x) and even == approx((w / (2 * n)) ** 2, rel=0.01) and "$2n^2V/w$" in said
    assert n * even == approx(w * np.sqrt(even) / 2, rel=0.01) and r"\tfrac12w\sqrt s\,V" in said and "(w/2n)^2" in said


def solution_15_4(said):
    walks, heartbeat, window = paths.lattice_walk(np.random.default_rng(10), 400, 4_000), 60, 90
    _, late = undelivered(walks, np.arange(4_001.0)[:, None], heartbeat)
    averaged = ((walks[:, window - 1 :, 0] - sliding_window_view(walks[..., 0], window, axis=1).mean(axis=-1)) ** 2).mean(axis=1)
    assert within(late, (heartbeat - 1) / 2, 0.01) and within(averaged, (heartbeat - 1) / 2, 0.02)  # (w - 1)(2w - 1)/6w
    assert "$w/3 = H/2$, a window of an hour and a half" in said


def solution_16_1(said):
    chain = portfolio.Chain(100.0, [90.0, 110.0], [30 / 365] * 2, [0.2] * 2, [False, True])
    held, prices, pool = np.array([-3.0, -2.0, 0.5]), np.full((1, 2, 1), 100.0), amm.ConstantProduct(1e5)
    assert stress.margin(chain, 2 * held) == approx(2 * stress.margin(chain, held)) and "$M(2q) = 2M(q)$" in said
    slips = [rb.all_in_prices(np.array([[[0.0], [size]]]), prices, pool=pool)[0, 0, 0] - 100 for size in (1.0, 2.0)]
    assert slips[1] / slips[0] == approx(2, rel=1e-3) and "twice the impact per unit" in said


def solution_16_2(said):
    gain, edge = 0.3, contagion.cliff(0.3, 5.0)
    above = lambda s: contagion.feedback_move((1 - s**2) * edge, gain, 5.0) * (1 - gain) / ((1 - s**2) * edge)
    s = optimize.brentq(lambda s: above(s) - 1.1, 1e-6, 1 - 1e-6)
    assert above(s) == approx(2 / (1 + s)) and r"With $s = \sqrt{1 - z/z^*}$" in said
    assert rf"$2/(1+s) = {above(s):.1f}$, so $s = {s:.3f}$ and $z = {1 - s**2:.2f}\,z^*$" in said
    assert f"it is {100 * (above(np.sqrt(0.5)) - 1):.0f} %, at the cliff {100 * (above(1e-7) - 1):.0f} %" in said


def solution_16_3(said):
    assets, leverage, r = 3.0, 4.0, 0.01
    equity = assets / leverage
    edge = (leverage * (equity + r * assets) - (1 + r) * assets) / r  # what it trades per return, to be back at its leverage
    assert approx(edge) == (leverage - 1) * assets == leverage * (assets - equity) and r"\Delta = (\ell-1)h$" in said
    assert contagion.fire_sale_response([assets], [1.001 * edge], leverage)[0, 0] > 900 and r"which is $(\ell-1)h/\ell$" in said
    with pytest.raises(ValueError, match="do not converge"):
        contagion.fire_sale_response([assets], [0.999 * edge], leverage)


def solution_16_4(said):
    rng, n, gaps = np.random.default_rng(11), 6, []
    owed = rng.uniform(0, 4, (n, n)) * (1 - np.eye(n))
    total, assets = owed.sum(axis=1) + rng.uniform(0, 10, n), rng.uniform(0, 8, (200, n))
    for recovery in (1.0, 0.6):
        paid = contagion.clearing(owed, total, assets, recovery=recovery)
        equity = np.where(paid < total - 1e-9, 0, assets + paid @ (owed / total[:, None]) - paid)
        gaps.append(assets.sum(axis=1) - equity.sum(axis=1) - paid @ (1 - owed.sum(axis=1) / total))
    assert np.abs(gaps[0]).max() < 1e-9 and gaps[1].mean() > 1 and equity.min() == 0 < equity.max() and "cancels" in said


def solution_17_1(said):
    prices = paths.martingale_gbm(np.random.default_rng(12), 50, 5, covariance=[[0.3**2 / 252]], start=[100.0])
    vault = vaults.weekly_vault(prices, 0.2, covered=True, management_fee=0.0, performance_fee=0.0).total()
    call = options.OptionHedge(vaults.strike_at_delta(0.1, vaults.YEARS, 0.2), vaults.YEARS, 0.2)
    opened, gain = prices / prices[:, :1], prices[:, -1, 0] / prices[:, 0, 0] - 1
    leg = dec.decompose(call, opened, times=np.linspace(0, vaults.YEARS, 6)).total()
    assert abs(vault.harvest + leg.harvest).max() < 1e-13 and abs(vault.carry + leg.carry).max() < 1e-13
    assert vault.pnl == approx(gain + leg.displacement, abs=1e-13) and r"$\Delta S - \Delta V$ is left" in said
    payoff, premium = np.maximum(1 + gain - call.strike, 0), options.price(1, call.strike, vaults.YEARS, 0.2)
    assert vault.pnl == approx(gain + premium - payoff, abs=1e-13) and payoff.any() and "plus premium less payoff" in said


def solution_17_2(said):
    weeks, s = round(10 / vaults.YEARS), np.sqrt(vaults.YEARS)
    p, a = 1 / weeks, 1 / (1 - 1 / weeks - s * np.sqrt((1 - 1 / weeks) / weeks)) - 1
    record = np.append(np.full(weeks - 1, a), -1.0)  # ten years with one crash
    m, sd = record.mean(), record.std()
    normal = lambda level: sd * stats.norm.pdf(stats.norm.ppf(level)) / level - m
    insurer = lambda level: float(vaults.expected_shortfall(record, level=level))
    tail = stats.norm.expect(lambda x: -x, loc=m, scale=sd, ub=m + sd * stats.norm.ppf(0.05)) / 0.05
    assert m / sd == approx(s) and normal(0.05) == approx(tail, rel=1e-6)
    assert all(insurer(x) == approx(p * (1 + a) / x - a) for x in (p, 0.01, 0.05, 0.3)) and r"= p(1+a)/\alpha - a$" in said
    even = optimize.brentq(lambda level: insurer(level) - normal(level), p, 0.5)
    assert round(even * weeks / 10) == 1 and even < 0.05 / 2 and "about one week a year, not one in twenty" in said


def solution_17_3(said):
    (eta, vol, years), (z, weight) = (0.5, 0.2, 2.0), np.array(special.roots_hermitenorm(120)) / [[1], [np.sqrt(2 * np.pi)]]
    spot = np.exp(vol * np.sqrt(years) * z + (eta * vol - vol**2 / 2) * years)
    density, top = np.exp(-eta * np.sqrt(years) * z - eta**2 / 2 * years), np.sqrt(np.expm1(eta**2 * years))
    assert weight @ (density * spot) == approx(1) and np.ptp(np.log(density) + eta / vol * np.log(spot)) < 1e-9
    ratio = lambda pays: (weight @ pays - weight @ (density * pays)) / np.sqrt(weight @ pays**2 - (weight @ pays) ** 2)
    others = [spot, np.log(spot), -1 / spot, np.minimum(spot, 1.5), -np.maximum(0.8 - spot, 0), -np.sqrt(density)]
    assert ratio(-density) == approx(top) and 0.5 * top < max(map(ratio, others)) < top and r"\sqrt{e^{\eta^2T} - 1}" in said
    bent = np.diff(-(np.array([0.4, 0.5, 0.6]) ** (-eta / vol)), 2)
    assert bent < 0 and r"S_T^{-\eta/\sigma}$, the loss is unbounded as $S_T \to 0$" in said and "short gamma" in said


def solution_18_1(said):
    variances, transition = np.array([0.5, 2.5]), np.array([[0.9, 0.1], [0.25, 0.75]])
    rho, mean = transition.trace() - 1, control.stationary_law(transition) @ variances
    assert sorted(np.linalg.eigvals(transition)) == approx([rho, 1]) and r"$\sum_{j=1}^h\rho^j = \rho(1-\rho^h)/(1-\rho)$" in said
    for h in (1, 7, 63):
        found = regimes.expected_variance(np.eye(2), variances=variances, transition=transition, horizon=h)
        assert found == approx(mean + (variances - mean) * rho * (1 - rho**h) / (h * (1 - rho)), rel=1e-12)


def solution_18_2(said):
    chain = np.array([[0.98, 0.02, 0], [0.03, 0.92, 0.05], [0.03, 0, 0.97]])  # turbulence comes from the restless phase alone
    eves = control.stationary_law(chain)[:2] / control.stationary_law(chain)[:2].sum()
    hazard, share, after = eves @ chain[:2, 2], eves[1], chain[1, 2]  # a model that knows the phase warns in it
    assert f"$w = {share:.1f}$ and $h = {hazard:.2f}$" in said and after / hazard == approx(1 / share) and "lift of $1/w$" in said
    rng, shifts = np.random.default_rng(13), np.arange(10_000) < 10_000 * hazard
    assert max(shifts[rng.permutation(10_000) < 10_000 * share].mean() for _ in range(20)) < after == approx(hazard / share)
    assert f"only {100 * after:.0f} %" in said and f"at least {20 * (1 - after):.0f} times in 20" in said


def solution_18_3(said):
    rng, market = np.random.default_rng(13), dict(variances=[0.5, 2.5], transition=[[0.99, 0.01], [0.03, 0.97]])
    steps = np.sqrt(control.switching_variance(rng, 250, 1600, **market)) * rng.standard_normal((250, 1600))
    fair = regimes.expected_variance(regimes.filtered(steps, **market), **market, horizon=1)[:, :-1]
    earned = lambda k, price: (k * (steps[:, 1:] ** 2 - price) / 2).mean(axis=1)
    right, wrong = (control.clipped_line(x, gain=1.0, low=-1.0, high=1.0) for x in (fair - 1, 1 - steps[:, :-1] ** 2))
    paid, lost = earned(right, 1.0), earned(wrong, 1.0)  # at the long-run price
    assert paid.mean() > 10 * stats.sem(paid) and lost.mean() < -10 * stats.sem(lost)
    for k in (right, wrong):
        assert abs(earned(k, fair).mean()) < 4 * stats.sem(earned(k, fair)) < 0.1 * paid.mean()
    assert r"$\tfrac12K_t(r_{t+1}^2 - r_t)$ has mean zero for every $K_t$ known at $t$" in said


def solution_18_4(said):
    (z, weight), level = special.roots_hermitenorm(200), stats.norm.ppf(0.95)
    one = lambda rho: 1 - weight @ stats.norm.cdf((level - np.sqrt(rho) * z) / np.sqrt(1 - rho)) ** 6 / weight.sum()
    assert 0.05 < one(0.98) < one(0.7) < one(0.4) < one(0.0) < 0.30 and "between 5 % and 30 %" in said
    place = np.random.default_rng(14).random(100_000)  # six rules of which one succeeds at most
    assert rf"$1 - 0.95^6 \approx {100 * one(0.0):.0f}\,\%$" in said
    assert within((place[:, None] // 0.05 == np.arange(6)).any(axis=1), 6 * 0.05, 0.01)

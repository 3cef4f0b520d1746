"""Portfolios of options: their exposures, and the best one that limits on exposures, risk and collateral allow (chapter 14).

Everything is in units of the bank account, as in chapter 5: prices are discounted to today, the rate is zero. The instruments
of a chain are its options in their order and, last, the underlying; positions and exposures have shape (n_options + 1,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array
from mnvh.options import OptionHedge, greeks, price
from mnvh.programs import Limits, maximise


@dataclass(frozen=True, eq=False)
class Chain:
    """European options on one underlying, each with its own implied volatility.

    Parameters
    ----------
    spot : float
    strike, years, volatility : array, shape (n_options,)
        Discounted strike, time to expiry in years, and implied volatility per √year of each option.
    call : array of bool, shape (n_options,)
        False for a put.

    Raises ValueError if a shape differs, or as `options.price`: an expired option has no price.
    """

    spot: float
    strike: ArrayLike
    years: ArrayLike
    volatility: ArrayLike
    call: ArrayLike

    def __post_init__(self) -> None:
        check.positive("spot", self.spot)
        count = check.array("strike", self.strike, ("n_options",)).shape
        for name in ("strike", "years", "volatility", "call"):
            check.array(name, getattr(self, name), count)
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        price(self.spot, self.strike, self.years, self.volatility, call=self.call)


@dataclass(frozen=True, eq=False)
class OptionBook:
    """Hedge leg of a book of options as a potential that depends on time, Ψ_t(S) = Σx_iV_i(t, S): it holds -Δ, K = Γ.

    It is the sum of the `OptionHedge`s, each at its option's own volatility, which stays as it is (sticky strike). Short
    options have a negative harvest. Times run from 0 to the first expiry.

    Parameters
    ----------
    chain : Chain
    positions : array, shape (n_options,) or (n_options + 1,)
        A position in the underlying, last, is the hedge itself and no part of the potential.

    Raises ValueError if the positions do not fit the chain, and as `OptionHedge` if a time is after the first expiry.
    """

    chain: Chain
    positions: ArrayLike

    def __post_init__(self) -> None:
        count = len(check.instance("chain", self.chain, Chain).strike)
        held = check.array("positions", self.positions, (count + (np.size(self.positions) == count + 1),))[:count]
        object.__setattr__(self, "positions", held)

    def value(self, prices: Array, time: Array) -> Array:
        puts = self.positions * ~self.chain.call  # calls less the underlying and a bond
        return self._sum("value", prices, time) + puts @ self.chain.strike - puts.sum() * prices[..., 0]

    def holdings(self, prices: Array, time: Array) -> Array:
        return self._sum("holdings", prices, time) + self.positions[~self.chain.call].sum() + 0 * prices

    def intensity(self, prices: Array, time: Array) -> Array:
        return self._sum("intensity", prices, time)

    def divergence(self, new: Array, old: Array, time: Array) -> Array:
        return self._sum("divergence", new, old, time)

    def _sum(self, method: str, *arguments: Array) -> Array:
        held = self.positions != 0 if self.positions.any() else slice(1)
        rows = np.column_stack([self.positions, self.chain.strike, self.chain.years, self.chain.volatility])[held].tolist()
        return sum(x * getattr(OptionHedge(*contract), method)(*arguments) for x, *contract in rows)


def exposures(chain: Chain, *, reference_years: float) -> pd.DataFrame:
    """Greeks of one unit of each instrument, and its exposures to the term structure, the skew and the kurtosis.

    Parameters
    ----------
    chain : Chain
    reference_years : float
        T₀ of the weighted vega.

    Returns
    -------
    DataFrame, n_options + 1 rows
        `delta`, `gamma`, `vega`, `theta`, `vanna`, `volga` as in `options.Greeks`. `weighted_vega` is vega·√(T₀/T): per
        unit by which the volatility at T₀ moves, when the one at T moves by √(T₀/T) of it. `skewness` and `excess_kurtosis`
        are vega·σ(s - d₂)/6 and vega·σ(d₁² - 1 - 3sd₂)/24, s = σ√T, the derivatives with respect to the third and
        fourth standardised cumulant of ln S at expiry, variance and forward unchanged, in the expansion of Gram and
        Charlier (Corrado-Su 1996). A book's exposures are positions @ frame.

    Raises
    ------
    ValueError
        If T₀ is not above 0.

    Examples
    --------
    >>> at_the_money = Chain(100.0, [100.0], [0.25], [0.2], [True])
    >>> float(exposures(at_the_money, reference_years=1.0).weighted_vega[0].round(6))
    39.844391
    """
    option = check.instance("chain", chain, Chain)
    found = greeks(chain.spot, option.strike, option.years, option.volatility, call=option.call)
    table = pd.DataFrame({name: getattr(found, name) for name in ("delta", "gamma", "vega", "theta", "vanna", "volga")})
    total = option.volatility * np.sqrt(option.years)
    d2 = np.log(option.spot / option.strike) / total - total / 2
    table["weighted_vega"] = found.vega * np.sqrt(check.positive("reference_years", reference_years) / option.years)
    table["skewness"] = found.vega * option.volatility * (total - d2) / 6
    table["excess_kurtosis"] = found.vega * option.volatility * ((d2 + total) ** 2 - 1 - 3 * total * d2) / 24
    return pd.concat([table, pd.DataFrame({"delta": [1.0]})], ignore_index=True).fillna(0.0)


def scenario_pnl(chain: Chain, returns: ArrayLike, shifts: ArrayLike, *, elapsed_years: float = 0.0) -> Array:
    """Change in value of one unit of each instrument in each scenario, every option priced anew.

    Parameters
    ----------
    chain : Chain
    returns : array, shape (n_scenarios,)
        Simple return of the underlying, above -1.
    shifts : array, shape (n_scenarios,) or (n_scenarios, n_options)
        Change in the implied volatility of each strike, as a fraction per √year.
    elapsed_years : float
        Time that has passed, before the first expiry.

    Returns
    -------
    array, shape (n_scenarios, n_options + 1)

    Raises
    ------
    ValueError
        If a shape differs, the underlying or a volatility falls to 0, or an option has expired.
    """
    spot = check.instance("chain", chain, Chain).spot
    returns = check.array("returns", returns, ("n_scenarios",))
    check.positive("returns + 1", float(returns.min() + 1), fix="returns are fractions, for -20 % pass -0.2")
    shifts = check.array("shifts", shifts, (len(returns),) + (len(chain.strike),) * (np.ndim(shifts) == 2))
    shifted = chain.volatility + shifts.reshape(len(returns), -1)
    check.positive("volatility + shifts", float(shifted.min()), fix="shifts are fractions, for five points pass 0.05")
    left = chain.years - check.number("elapsed_years", elapsed_years, 0)
    check.positive("years - elapsed_years", float(left.min()), fix="end the scenario before the first expiry")
    now = price(spot, chain.strike, chain.years, chain.volatility, call=chain.call)
    later = price(spot * (1 + returns[:, None]), chain.strike, left, shifted, call=chain.call)
    return np.column_stack([later - now, spot * returns])


@dataclass(frozen=True)
class Portfolio:
    """Result of `construct`.

    Attributes
    ----------
    positions : units of each instrument, shape (n,).
    objective : the maximum, net of cost and risk.
    cost : half-spreads paid, currency.
    shadow_prices : by the name of a constraint, what the objective would gain by one unit more of its limit; one number
        for each instrument or scenario where the constraint is one for each.
    """

    positions: Array
    objective: float
    cost: float
    shadow_prices: dict[str, Array]


def construct(
    bounds: Mapping[str, tuple], *,
    depth: ArrayLike, half_spread: ArrayLike, exposure: ArrayLike | None = None, margins: Mapping[str, tuple] | None = None,
    scenarios: ArrayLike | None = None, risk_aversion: float = 0.0,
    deviation_limit: float = np.inf, loss_limit: float = np.inf,
) -> Portfolio:  # fmt: skip
    """Positions x that maximise exposure·x - cost - ½a Var(P&L) within limits on exposures, depth, margin and risk.

    P&L is scenarios @ x, before costs; all scenarios are equally likely. A linear program is solved by HiGHS, one with a
    variance by Clarabel, through cvxpy. A book held already is an instrument with the bounds (1, 1), a transfer one without exposure.

    Parameters
    ----------
    bounds : mapping of name to (coefficients, low, high)
        low ≤ coefficients·x ≤ high; low = high = 0 is neutrality, and -inf or inf no limit.
    depth : array, shape (n,)
        Largest |x| of each instrument, ≥ 0; inf for none.
    half_spread : array, shape (n,)
        Cost of one unit bought or sold, finite, ≥ 0, currency.
    exposure : array, shape (n,), optional
        What is maximised, per unit of each instrument; zero by default.
    margins : mapping of name to (margin, received, collateral), optional
        margin·|x| ≤ collateral + received·x, with margin ≥ 0: what lies at a venue must cover the positions there.
    scenarios : array, shape (n_scenarios, n), optional
        P&L of one unit of each instrument, currency, as from `scenario_pnl`.
    risk_aversion : float
        a ≥ 0, per currency.
    deviation_limit, loss_limit : float
        Largest standard deviation of P&L, and loss in any scenario, ≥ 0, currency; inf for none.

    Raises ValueError if an argument is out of range; if no portfolio meets all constraints, with a smallest set of them
    that exclude each other; or if the objective is unbounded, with the instruments that need a depth. Raises
    RuntimeError if the solver fails, or misses a constraint by more than 1e-6 of its limit and what its positions reach.

    Examples
    --------
    The longest position in the first of two instruments at which the sum of both is zero:

    >>> sum_is_zero = {"sum": ([1.0, 1.0], 0.0, 0.0)}
    >>> construct(sum_is_zero, exposure=[1.0, 0.0], depth=[5.0, 3.0], half_spread=[0.0, 0.0]).positions
    array([ 3., -3.])
    """
    depth, margins = _limits("depth", depth, ("n",), low=0), {} if margins is None else margins
    n = len(depth)
    half_spread = check.array("half_spread", half_spread, (n,)).astype(float)
    check.number("half_spread", float(half_spread.min()), 0)
    exposure = check.array("exposure", np.zeros(n) if exposure is None else exposure, (n,)).astype(float)
    check.number("risk_aversion", risk_aversion, 0)
    risks = [_limits(*limit, (), 0) for limit in (("deviation_limit", deviation_limit), ("loss_limit", loss_limit))]
    if scenarios is None and (risk_aversion or np.isfinite(risks).any()):
        raise ValueError("scenarios is None: allowed is an array where risk counts. Likely fix: portfolio.scenario_pnl makes it.")
    scenarios = check.array("scenarios", np.zeros((1, n)) if scenarios is None else scenarios, ("n_scenarios", n)).astype(float)
    _triples("bounds", bounds), _triples("margins", margins)
    if twice := {*bounds, *margins} & {"depth", "deviation_limit", "loss_limit"} | set(bounds) & set(margins):
        raise ValueError(f"bounds or margins have a name that is taken: {sorted(map(str, twice))}. Likely fix: another name.")
    rows, venues = {}, {}
    for name, (row, *ends) in bounds.items():
        row, (low, high) = check.array(f"bounds of {name}", row, (n,)), _limits(f"bounds of {name}", ends, (2,))
        if low > high or low == np.inf or high == -np.inf:
            check.reject(f"bounds of {name}", (float(low), float(high)), "allowed is low ≤ high", "(coefficients, low, high) with -inf or inf for no limit")
        rows[name] = row.astype(float), float(low), float(high)
    for name, (row, received, there) in margins.items():
        row, received = check.array(f"margins of {name}", [row, received], (2, n)).astype(float)
        for least in (there, float(row.min())):
            check.number(f"margins of {name}", least, 0, fix="margin and collateral are at least 0")
        venues[name] = row, received, there
    centred = (scenarios - scenarios.mean(axis=0)) / np.sqrt(len(scenarios))
    limits = Limits(depth, rows, venues, scenarios, np.linalg.qr(centred, mode="r"), *risks)
    return Portfolio(*maximise(limits, exposure, half_spread, risk_aversion))


def _triples(name: str, entries: Mapping[str, tuple]) -> None:
    if not isinstance(entries, Mapping) or any(not hasattr(entry, "__len__") or len(entry) != 3 for entry in entries.values()):
        fix = "{name: (coefficients, low, high)}" if name == "bounds" else "{name: (margin, received, collateral)}"
        check.reject(name, entries, "no mapping of names to triples", f"{fix}, or {{}} for none")


def _limits(name: str, value: ArrayLike, shape: tuple[int | str, ...], low: float = -np.inf) -> Array:
    """An array of the given shape in which infinities are allowed."""
    array = np.asarray(value)
    finite = check.array(name, np.clip(array, -check.LARGEST, check.LARGEST) if array.dtype.kind in "if" else array, shape).astype(float)
    check.number(name, float(finite.min()), low)
    return np.where(abs(finite) < check.LARGEST, finite, np.copysign(np.inf, finite))

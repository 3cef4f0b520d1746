"""Convex programs under named limits, for `portfolio.construct`: solved, or refused with the limits that exclude each other.

Solvers work to a relative 1e-7, so that a program is written in units of what its positions can reach, and what comes back
is checked limit by limit in units of what the positions found do reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy.sparse import csr_array

from mnvh.check import Array

_MISSED = 1e-6  # a limit counts as missed if by more than this, relative to the larger of itself and what the positions reach
_EXACT = 1e-12  # a linear program that misses by more is solved again in smaller units
_EXCLUDED = 1e-5  # limits exclude each other if together they are missed by more than this; below, smaller units decide
_PASSES = 4


@dataclass(frozen=True, eq=False)
class Limits:
    """What the positions x have to meet, as in `portfolio.construct`; the length of root @ x is the standard deviation."""

    depth: Array
    bounds: Mapping[str, tuple[Array, float, float]]
    margins: Mapping[str, tuple[Array, Array, float]]
    scenarios: Array
    root: Array
    deviation: float
    loss: float

    def reach(self) -> Array:
        """Largest |x| of each instrument that the depths and each bound or margin for itself allow; inf for none."""
        others = ~np.eye(len(self.depth), dtype=bool)
        low, high = -self.depth, self.depth
        with np.errstate(divide="ignore", invalid="ignore"):
            for row, *ends in [*self.bounds.values()] * 2:  # again, with what the first round found
                used = row != 0
                least, most = np.where(used, np.sort([row * low, row * high], axis=0), 0)
                rest = [np.where(others, side, 0).sum(axis=1) for side in (most, least)]
                room = np.sort((np.array(ends)[:, None] - rest) / row, axis=0)
                low, high = np.where(used, np.maximum(low, room[0]), low), np.where(used, np.minimum(high, room[1]), high)
            for row, received, there in self.margins.values():
                credit = np.where(received != 0, abs(received) * np.maximum(abs(low), abs(high)), 0).sum()
                low, high = np.fmax(low, -(there + credit) / row), np.fmin(high, (there + credit) / row)
        return np.maximum(abs(low), abs(high))

    def rules(self, x: object, gross: object, size: Array) -> dict[str, tuple]:
        """By name the excess over each limit in units of it and of what |x| = size reaches, whether it has to be 0, and the unit."""
        finite, unit = np.isfinite(self.depth), np.where(size > 0, size, 1.0)
        rules = {"depth": (cp.multiply(finite / unit, gross) - np.where(finite, self.depth, 0) / unit, False, unit)}
        if np.isfinite(self.deviation):
            unit = self.deviation + np.linalg.norm(abs(self.root) @ size) or 1.0
            rules["deviation_limit"] = cp.norm(_times(self.root / unit, x)) - self.deviation / unit, False, unit
        if np.isfinite(self.loss):
            unit = self.loss + (abs(self.scenarios) @ size).max() or 1.0
            rules["loss_limit"] = _times(-self.scenarios / unit, x) - self.loss / unit, False, unit
        for name, (row, received, there) in self.margins.items():
            unit = there + (row + abs(received)) @ size or 1.0
            rules[name] = _times(row / unit, gross) - there / unit - _times(received / unit, x), False, unit
        for name, (row, low, high) in self.bounds.items():
            if limits := [(sign, end) for sign, end in ((1, high), (-1, low)) if np.isfinite(end)]:
                unit = max(abs(row) @ size, *(abs(end) for _, end in limits)) or 1.0
                ends = [sign * (_times(row / unit, x) - end / unit) for sign, end in limits]
                rules[name] = ends[0] if low == high else cp.max(cp.hstack(ends)), low == high, unit
        return rules

    def missed(self, x: Array, most: float) -> list[str]:
        """What x misses by more than `most` in units of the limit or of what its positions reach, and by how much."""
        rules = self.rules(cp.Constant(x), cp.Constant(abs(x)), abs(x))
        excess = {name: np.max(abs(size.value) if equal else size.value) for name, (size, equal, _) in rules.items()}
        return [f"{name} by a relative {size:.2g}" for name, size in excess.items() if size > most]


def maximise(limits: Limits, exposure: Array, half_spread: Array, risk_aversion: float) -> tuple[Array, float, float, dict]:
    """Positions, objective, cost and shadow prices of the program of `portfolio.construct`.

    Raises ValueError if limits exclude each other, or nothing ends a position with which the objective grows, and
    RuntimeError if the solver fails or what it returns misses a limit.
    """
    root, endless = np.sqrt(risk_aversion / 2) * limits.root, np.isinf(limits.depth)

    def attempt(limits: Limits, size: Array) -> tuple[tuple | None, str, dict]:
        y = cp.Variable(len(size))
        x, gross = cp.multiply(size, y), cp.multiply(size, cp.abs(y))
        rules = limits.rules(x, gross, size)
        met, cost = _met(rules), cp.sum(_times(half_spread, gross))
        worth = (abs(exposure) + half_spread) @ size or np.sum((root * size) ** 2) or 1.0
        gain = cp.sum(_times(exposure / worth, x)) - cost / worth
        risk = cp.sum_squares(_times(root / np.sqrt(worth), x)) if risk_aversion else 0
        value, status = _solve(cp.Maximize(gain - risk), met)
        if np.isnan(value):
            return None, status, rules
        prices = {name: np.squeeze(worth * rule.dual_value / rules[name][2]) for name, rule in met.items()}
        return (x.value, worth * value, float(cost.value), prices), status, rules

    best, missed, first = None, [], _sizes(limits.reach(), exposure, 2 * (root**2).sum(axis=0))
    size, exact = first, _MISSED if risk_aversion or np.isfinite(limits.deviation) else _EXACT
    for _ in range(_PASSES):
        found, status, rules = attempt(limits, size)
        if not found:
            _refuse_if_infeasible(rules)
        elif not (missed := limits.missed(found[0], _MISSED)):
            best = found
            if not limits.missed(found[0], exact):
                if abs(found[0]).max() > size.max() / 1000:
                    break
                size = np.maximum(size / 100, 1000 * abs(found[0]))  # the positions are small: solve for them anew
        size = size / 1000
    if best:
        return best
    capped = np.where(endless, 1e4 * first.max(), limits.depth)
    far, *_ = attempt(Limits(**vars(limits) | {"depth": capped}), first)
    if far and (names := np.flatnonzero(endless & (abs(far[0]) > 0.99 * capped)).tolist()):
        raise ValueError(
            f"depth is inf for {len(names)} instruments, {names[:5]} among them, and no constraint ends their positions, with "
            "which the objective grows without bound. Likely fix: a finite depth, or a wider half_spread."
        )
    fault = f"misses {', '.join(missed)}" if missed else f"ends with {status!r}"
    raise RuntimeError(f"the solver {fault}: try exposures and depths of one scale.")


def _sizes(reach: Array, exposure: Array, penalty: Array) -> Array:
    """Units of the positions: what they can reach, and no more than a variance lets them; not too many orders apart."""
    priced = penalty > 0
    wanted = np.max(abs(exposure[priced]) / penalty[priced], initial=0.0)
    reach = np.minimum(reach, wanted or np.inf)
    known = (reach > 0) & np.isfinite(reach)
    size = np.where(known, reach, np.max(reach, initial=0.0, where=known) or 1.0)
    return np.minimum(size, 1e3 * max(size.min(), 1e-6 * size.max()))


def _times(matrix: Array, x: object) -> object:
    """The product by a sparse matrix: cvxpy bounds every expression, and a stored 0 times inf is nan."""
    return csr_array(np.atleast_2d(matrix)) @ x


def _met(rules: Mapping) -> dict:
    return {name: excess == 0 if equal else excess <= 0 for name, (excess, equal, _) in rules.items()}


def _solve(objective: object, met: Mapping) -> tuple[float, str]:
    """The optimal value, nan if there is none, and the solver's status."""
    problem = cp.Problem(objective, list(met.values()))
    with suppress(cp.SolverError):
        problem.solve(solver=cp.SCIPY if problem.is_lp() else cp.CLARABEL)
    return (float(problem.value) if problem.status == cp.OPTIMAL else np.nan), problem.status


def _refuse_if_infeasible(rules: Mapping) -> None:
    """Raise for a smallest set of rules that exclude each other, found by deletion from the elastic program."""

    def largest(name: str, share: float | Array = 1.0) -> object:
        excess, equal, _ = rules[name]
        return cp.pos((cp.norm_inf if equal else cp.max)(cp.multiply(share, excess)))

    def missed(names: Iterable[str]) -> float:
        """Least sum of the excesses of these rules."""
        return _solve(cp.Minimize(sum(map(largest, names))), {})[0]

    def least(name: str) -> float:
        """Smallest excess of one rule, in its own units, while the others that are kept are met."""
        unit, others = rules[name][2], {other: rules[other] for other in kept if other != name}
        return np.max(unit) * _solve(cp.Minimize(largest(name, unit / np.max(unit))), _met(others))[0]

    if not missed(rules) > _EXCLUDED:
        return
    kept = list(rules)
    for name in rules:
        rest = [other for other in kept if other != name]
        kept = rest if rest and missed(rest) > _EXCLUDED else kept
    short = ", ".join(f"{name} by {least(name):.4g}" for name in kept)
    raise ValueError(
        f"bounds cannot be met. Impossible together, and possible without any one of them: {', '.join(map(str, kept))}. "
        f"Missed at least, if the others of these are kept: {short}. Likely fix: relax one of them."
    )

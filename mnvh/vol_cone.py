"""The short end of the volatility cone: high, low and last rVol of trailing windows, from quotes in one pass (chapter 12).

Ladders of one step a window run over the quotes, long and short. A trailing count changes at a fill and when a fill leaves
the window, so its highest and lowest values over all times are found at the fills, with nothing kept but one window of them.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import ArrayLike
from scipy import optimize, stats

from mnvh import check, ladder
from mnvh import gamma_capture as gc
from mnvh.check import Array
from mnvh.quotes import Quotes

SIDES = ("long", "short")
FEW = 10  # fills below which a window says little


def steps_for(quotes: Quotes, windows: ArrayLike, *, n_fills: float = 50) -> Array:
    """Steps in basis points that long and short ladders fill `n_fills` times in the windows, at the mean of their times between fills (document §1).

    h = σ√(T/n), with σ² the corrected variance rate of a ladder of about this step over these quotes, or where it has less
    than ten fills the quadratic variation of the mid.

    Parameters
    ----------
    windows : array, shape (n_windows,)
        Seconds.

    Raises
    ------
    ValueError
        If a number is not above 0, or the mid never moves.
    """
    windows = check.array("windows", windows, ("n_windows",))
    check.positive("windows", float(windows.min()))
    check.positive("n_fills", n_fills)
    check.instance("quotes", quotes, Quotes)
    moves, seconds = np.diff(ladder.coordinate(quotes.bid, quotes.ask, True)), quotes.time[-1] - quotes.time[0]
    if seconds == 0:
        raise ValueError(f"quotes has {len(quotes.time)} at one time and none later. Likely fix: the oldest quotes first, and more of them.")
    if not moves.any():
        raise ValueError("quotes has a mid that never moves: no step is filled. Likely fix: more quotes.")
    rate = np.full(len(windows), moves @ moves / seconds)
    for k, fills in enumerate(ladder.run(quotes, steps_bps=1e4 * np.expm1(np.sqrt(rate * windows / n_fills)))[0]):
        rate[k] = gc.corrected(fills) / seconds if len(fills.rung) >= FEW else rate[k]
    return 1e4 * np.expm1(np.sqrt(rate * windows / n_fills))


class Cone:
    """The cone of a stream of quotes (document §1): `add` the quotes piece by piece, then ask for the `table`.

    Parameters
    ----------
    windows, steps_bps : array, shape (n_windows,)
        Lengths of the trailing windows in seconds, and the step of the ladders of each.
    max_gap : float
        Seconds without a quote after which windows start anew: none spans a longer gap.

    Raises
    ------
    ValueError
        If a number is not above 0 or the shapes differ; in `add`, if the quotes start before those added last.

    Examples
    --------
    >>> from mnvh.quotes import around
    >>> cone = Cone([2.0], [100.0])
    >>> cone.add(around([100, 101.1, 100, 100, 101.1, 100, 101.1], 0.0, interval=1.0))
    >>> cone.table()[["long_low", "long_last", "long_high"]].round(0).values.tolist()
    [[3951.0, 5588.0, 5588.0]]
    """

    def __init__(self, windows: ArrayLike, steps_bps: ArrayLike, *, max_gap: float = 300.0) -> None:
        self.windows = check.array("windows", windows, ("n_windows",))
        self.steps_bps = check.array("steps_bps", steps_bps, self.windows.shape)
        for name, values in (("windows", self.windows), ("steps_bps", self.steps_bps)):
            check.positive(name, float(values.min()))
        self.max_gap = check.positive("max_gap", max_gap, fix="it is in seconds")
        n = 2 * len(self.windows)
        self._ladders, self._first, self._begin, self._end, self._live = None, 0.0, 0.0, 0.0, 0.0
        self._spread, self._quotes = 0.0, 0
        self._times = [np.empty(0)] * n  # of the fills in the latest window of each ladder
        self._all, self._counted, self._slip, self._seen = np.zeros((4, n))
        self._low, self._last, self._high = np.full(n, np.inf), np.full(n, np.nan), np.full(n, -np.inf)

    @property
    def seconds(self) -> float:
        """Time from the first quote to the last, 0 before any."""
        return self._end - self._first

    def add(self, quotes: Quotes) -> None:
        """Run over the next quotes; raises ValueError if they start before the end of those added last."""
        check.instance("quotes", quotes, Quotes)
        time = quotes.time
        if self._ladders is None:
            self._ladders = ladder.start(quotes, steps_bps=self.steps_bps)
            self._first = self._begin = self._end = time[0]
        if time[0] < self._end:
            raise ValueError(f"quotes starts at {time[0]:g} s, before {self._end:g} s: add the pieces in the order of time.")
        record, values = self._ladders.advance(quotes)
        which, quote = record[:, 0], record[:, 1]
        slip = self._ladders.sides[which] * values[:, 0] / 2 + values[:, 1]
        self._slip += np.bincount(which, slip, len(self._slip))
        self._all += np.bincount(which, minlength=len(self._all))
        self._spread, self._quotes = self._spread + np.log(quotes.ask / quotes.bid).sum(), self._quotes + len(time)
        self._mid = ladder.coordinate(quotes.bid[-1], quotes.ask[-1], True)
        gap = np.diff(time, prepend=self._end) > self.max_gap
        for start, stop in itertools.pairwise([0, *np.flatnonzero(gap), len(time)]):
            if stop == start:
                continue
            if gap[start]:
                self._begin = self._end = time[start]
                self._times, self._last[:] = [np.empty(0)] * len(self._times), np.nan
            inside = slice(*np.searchsorted(quote, [start, stop]))
            if inside.start < inside.stop or time[stop - 1] >= self._begin + self.windows.min():  # else no window is full
                for k in range(len(self._times)):
                    self._scan(k, time[quote[inside][which[inside] == k]], time[stop - 1])
            self._live += time[stop - 1] - self._end
            self._end = time[stop - 1]

    def _scan(self, k: int, new: Array, now: float) -> None:
        """Extremes of one ladder's trailing count (t - T, t] from the last quote seen to `now`, in a stretch without gaps."""
        window = self.windows[k % len(self.windows)]
        full, new = self._begin + window, new[new > self._begin]
        times = np.concatenate([self._times[k], new])
        self._counted[k] += len(new)
        if now >= full:
            ends = np.concatenate([new[new > full], [full] * int(self._end < full), [now]])
            at = np.searchsorted(times, ends, "right") - np.searchsorted(times, ends - window, "right")
            before = np.searchsorted(times, ends[:-1], "left") - np.searchsorted(times, ends[:-1] - window, "left")
            self._high[k] = max(self._high[k], at.max())
            self._low[k] = min(self._low[k], at[-1], *before)
            self._last[k] = at[-1]
            self._seen[k] += now - max(full, self._end)
        self._times[k] = times[times > now - window]

    def table(self) -> pd.DataFrame:
        """One row a window; volatilities in per cent a year over calendar time, NaN where `notes` says why.

        For each side the low, last and high rVol of the full windows, its mean, the low and high between which a
        constant volatility of this mean stays in 95 % of samples, and the mean number of fills in a window. `corrected` is
        the long ladder's corrected volatility over all quotes, gaps included, NaN without a fill; `windows` the length of
        the sample in windows.

        Raises ValueError if no quotes, or quotes of no duration, were added.
        """
        if self._live <= 0:
            raise ValueError(f"quotes of some duration without a gap of {self.max_gap:g} s are needed: add them first, or raise max_gap.")
        n, h = len(self.windows), self._ladders.steps
        window, held = np.tile(self.windows, 2), np.isfinite(self._high)
        fills = self._counted * window / self._live
        counts = {"low": self._low, "last": self._last, "high": self._high, "mean": fills}
        vols = {name: 100 * h * np.sqrt(np.where(held, count, np.nan) * gc.YEAR / window) for name, count in counts.items()}
        windows = np.where(held, 1 + self._seen / window, np.nan)
        bands = [null_band(f, w) if f > 0 and w >= 1 else (np.nan, np.nan) for f, w in zip(fills, windows, strict=True)]
        vols |= {name: vols["mean"] * band for name, band in zip(("null_low", "null_high"), np.transpose(bands), strict=True)}
        usable = np.repeat([True, False], n) | (h > self._spread / self._quotes)
        table = pd.DataFrame({"window_minutes": self.windows / 60, "step_bps": self.steps_bps})
        for k, side in enumerate(SIDES):
            own = slice(k * n, k * n + n)
            for name, values in (vols | {"fills": fills}).items():
                table[f"{side}_{name}"] = np.where(usable, values, np.nan)[own]
        gap = self._mid - self._ladders.first - self._ladders.rungs * h
        variance = h**2 * self._all + 2 * h * self._slip + gap**2
        table["corrected"] = 100 * np.sqrt(np.where(self._all > 0, np.maximum(variance, 0), np.nan) * gc.YEAR / self.seconds)[:n]
        table["windows"] = windows[:n]
        return table

    def notes(self) -> tuple[str, ...]:
        """What a reader of the table must know: windows never full, too few fills, a step below the spread.

        Raises ValueError as `table`.
        """
        lines, spread = [], 1e4 * np.expm1(self._spread / max(1, self._quotes))
        for row in self.table().itertuples():
            name = f"Window of {row.window_minutes:g} min, step {row.step_bps:.2f} bp"
            if not np.isfinite(row.windows):
                lines.append(f"{name}: no stretch without a gap of {self.max_gap:g} s fills it; left empty.")
            elif row.long_fills < FEW:
                lines.append(f"{name}: {row.long_fills:.1f} fills of the long ladder on average; below {FEW} a window says little.")
            if np.isfinite(row.windows) and not np.isfinite(row.long_last):
                lines.append(f"{name}: not full since the last gap; last values left empty.")
            if row.step_bps <= spread:
                lines.append(f"{name}: at or below the mean spread, {spread:.2f} bp; the stops' count grows with the quotes: short left empty.")
        return tuple(lines)


def maximum_quantile(n_windows: float, probability: float) -> float:
    """Level below which a normal window statistic seen at all times stays with this probability, in its standard deviations.

    It is Slepian's process, correlated 1 - |t| at a lag of t windows, whose maximum over one more window than the first has
    P(m < u) = Φ² - uφΦ - φ² (Slepian, 1961); over more of them the ratio to Φ(u) is raised to their number (after Shepp, 1971).

    Parameters
    ----------
    n_windows : float
        Length of the sample in windows, at least 1.
    probability : float
        Above 0 and below 1.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> [round(maximum_quantile(n, 0.975), 3) for n in (1, 2, 100)]
    [1.96, 2.834, 4.205]
    """
    check.number("n_windows", n_windows, 1)
    check.number("probability", probability, 1e-6, 1 - 1e-6)

    def missed(u: float) -> float:
        one, density = stats.norm.cdf(u), stats.norm.pdf(u)
        left = min(stats.norm.sf(u) + u * density + density**2 / one, 1 - 1e-16)  # tiny numbers, that 1 would swallow
        return one * np.exp((n_windows - 1) * np.log1p(-left)) - probability

    return float(optimize.brentq(missed, -10, 40))


def null_band(n_fills: float, n_windows: float, *, level: float = 0.95) -> tuple[float, float]:
    """Low and high that a constant volatility stays between with probability `level`, relative to it: √(1 ± m√(2/3N)).

    Parameters
    ----------
    n_fills : float
        N, the mean number of fills in a window.
    n_windows : as in `maximum_quantile`
    level : float
        Above 0 and below 1; each side is left with half of what remains.

    Raises ValueError if an argument is out of range.

    Examples
    --------
    >>> [round(x, 3) for x in null_band(50, 100)]
    [0.717, 1.219]
    """
    check.number("level", level, 1e-6, 1 - 1e-5, fix="0.95 is a band that one sample in twenty leaves")
    reach = maximum_quantile(n_windows, (1 + level) / 2) * np.sqrt(2 / 3 / check.positive("n_fills", n_fills))
    return float(np.sqrt(max(0.0, 1 - reach))), float(np.sqrt(1 + reach))


def overlap_factor(n_windows: int, window: int) -> float:
    """What the variance (1/n) of n overlapping windows' variances is multiplied by, to be unbiased (Hodges and Tompkins, 2002).

    1 / [1 - h/n + (h² - 1)/(3n²)] for windows of h returns: exact for independent returns and n ≥ h.

    Raises ValueError if there are fewer windows than returns in one.

    Examples
    --------
    >>> round(overlap_factor(n_windows=229, window=21), 4)
    1.0976
    """
    h = check.integer("window", window, 1)
    n = check.integer("n_windows", n_windows, max(h, 2), fix="a longer sample or a shorter window")
    return 1 / (1 - h / n + (h**2 - 1) / (3 * n**2))


def draw(axes: Axes, table: pd.DataFrame) -> None:
    """Draw a cone's table: for each side the band from low to high, the last value, and the null band (dotted).

    Raises KeyError if a column of `Cone.table` is missing.
    """
    for side, colour, marker in zip(SIDES, ("#0072B2", "#D55E00"), ("o", "s"), strict=True):
        x = table["window_minutes"]
        axes.fill_between(x, table[f"{side}_low"], table[f"{side}_high"], color=colour, alpha=0.15, linewidth=0)
        axes.plot(x, table[f"{side}_last"], marker=marker, color=colour, label=f"last {side}")
        for band in ("null_low", "null_high"):
            axes.plot(x, table[f"{side}_{band}"], ":", color=colour, linewidth=1.2)
    axes.set(xscale="log", xlabel="trailing window, minutes", ylabel="rVol, % a year")
    axes.set_xticks(x, [f"{minutes:g}" for minutes in x])
    axes.set_xticks([], minor=True)

"""Regimes of volatility: a Markov-switching model, a boosted classifier, and forecasts made walking forward (chapter 18).

A learner is a function of features (n_rows, n_features) and outcomes (n_rows,) that returns a forecast: a function of
features (n_days, n_features) with one number a day, each made from the rows up to its own.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.check import Array
from mnvh.control import stationary_law

Forecast = Callable[[Array], Array]
SHORTEST = 3  # days that a regime must last on average


class Switching(NamedTuple):
    """Two Gaussian regimes of returns: variances per step, lower first, and the probabilities to go from row to column."""

    variances: Array
    transition: Array


def fit_switching(returns: ArrayLike, *, max_iterations: int = 200) -> Switching:
    """Two regimes of zero-mean normal returns by maximum likelihood (Hamilton, Econometrica 1989).

    Two must beat one by Schwarz's criterion, three parameters more: 2 Δ ln L > 3 ln n. Each must hold 10 days, so that no
    single return is a regime, and last three days on average, so that heavy tails are none.

    Parameters
    ----------
    returns : array, shape (n_days,)
        At least 100.
    max_iterations : int
        Steps allowed to the optimiser.

    Raises
    ------
    ValueError
        If a return is not finite, all look like prices or all are 0, there is one regime only, an outlier takes one for itself,
        one lasts less than three days, or the fit does not converge.
    """
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression  # its import takes seconds

    returns = check.changes("returns", returns, ("n_days",))
    check.integer("max_iterations", max_iterations, 1)
    scale = check.positive("returns", np.sqrt((returns**2).mean()), fix="returns that are all 0 have no regime")
    if len(returns) < 100:
        raise ValueError(f"returns has {len(returns)} entries: allowed are at least 100, some dozens in each regime.")
    model = MarkovRegression(returns / scale, k_regimes=2, trend="n", switching_variance=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say is an error below
        try:
            fit = model.fit(disp=False, maxiter=max_iterations, cov_type="none")
        except (RuntimeError, np.linalg.LinAlgError) as error:
            reach = f"returns reach {abs(returns).max() / scale:.0f} standard deviations"
            fix = "one huge return leaves no second regime to fit: look at the largest"
            raise ValueError(f"{reach}, and no two regimes fit. Likely fix: {fix}.") from error
    if not fit.mle_retvals["converged"]:
        fix = "raise it; where that does not help, one regime or one huge return leaves the likelihood flat"
        raise ValueError(f"max_iterations is {max_iterations}, and the fit has not converged. Likely fix: {fix}.")
    gain, needed = 2 * fit.llf + len(returns) * (np.log(2 * np.pi) + 1), 3 * np.log(len(returns))
    if gain < needed:
        least = f"2 Δ ln L is {gain:.1f}, and two need {needed:.1f}"
        raise ValueError(f"returns has one regime only: {least}. Likely fix: a longer sample, or control.realised_variance.")
    (calm, back, *variances), order = fit.params, np.argsort(fit.params[2:])
    transition = np.array([[calm, 1 - calm], [back, 1 - back]])
    if (days := fit.smoothed_marginal_probabilities.sum(axis=0).min()) < 10:
        fix = "one huge return has taken a regime for itself: look at the largest, or take a longer sample"
        raise ValueError(f"returns has {days:.1f} days in one of the regimes: allowed are 10 or more. Likely fix: {fix}.")
    if (stay := 1 / (1 - np.diag(transition)).max()) < SHORTEST:
        fix = "independent returns with heavy tails look like this: control.realised_variance, or a longer sample"
        raise ValueError(f"returns has a regime that lasts {stay:.1f} days: allowed are {SHORTEST} or more. Likely fix: {fix}.")
    return Switching(scale**2 * np.array(variances)[order], transition[np.ix_(order, order)])


def filtered(returns: ArrayLike, *, variances: ArrayLike, transition: ArrayLike) -> Array:
    """P(regime of step t | returns up to t), normal returns of mean zero (Hamilton, Econometrica 1989).

    Parameters
    ----------
    returns : array, shape (n_paths, n_steps)
    variances : array, shape (n_regimes,)
        Per step, above 0.
    transition : array, shape (n_regimes, n_regimes)
        As in `control.switching_variance`; the chain starts from its stationary law.

    Returns
    -------
    array, shape (n_paths, n_steps, n_regimes)

    Raises ValueError if a return is not finite, a variance is not above 0, or transition is no such chain.

    Examples
    --------
    >>> filtered([[0.1, 4.0]], variances=[1.0, 9.0], transition=[[0.9, 0.1], [0.1, 0.9]])[0].round(2)
    array([[0.75, 0.25],
           [0.01, 0.99]])
    """
    returns = check.changes("returns", returns, ("n_paths", "n_steps"))
    variances, transition, law = _chain(variances, transition)
    return _filter(returns, variances, transition, law)


def expected_variance(probabilities: ArrayLike, *, variances: ArrayLike, transition: ArrayLike, horizon: int) -> Array:
    """Mean variance of the next steps, π(P + … + P^h)σ²/h, given the regime's probabilities π (chapter 18).

    Parameters
    ----------
    probabilities : array, shape (..., n_regimes)
        Of the present regime, summing to 1.
    variances, transition
        As in `filtered`.
    horizon : int
        h, steps ahead.

    Returns
    -------
    array, shape (...)

    Raises ValueError if probabilities do not sum to 1, the horizon is below 1, or as `filtered`.

    Examples
    --------
    >>> expected_variance([1.0, 0.0], variances=[1.0, 9.0], transition=[[0.9, 0.1], [0.1, 0.9]], horizon=1).item()
    1.8
    """
    variances, transition, _ = _chain(variances, transition)
    shape = np.shape(probabilities)[:-1] + variances.shape
    probabilities = check.weights("probabilities", probabilities, shape, fix="divide by the sum")
    horizon = check.integer("horizon", horizon, 1)
    ahead, mean = variances, np.zeros_like(variances)
    for _ in range(horizon):
        ahead = transition @ ahead
        mean = mean + ahead / horizon
    return probabilities @ mean


def learn_boosted(features: ArrayLike, labels: ArrayLike) -> Forecast:
    """Probability that a label is 1, by gradient-boosted trees on histograms (Friedman, Annals of Statistics 2001).

    Sixty small trees, the same whatever the data: nothing is tuned on them.

    Parameters
    ----------
    features : array, shape (n_rows, n_features)
    labels : array, shape (n_rows,)
        0 or 1, or False and True.

    Raises ValueError if an entry is not finite, a label is neither 0 nor 1, or all labels are the same.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # its import takes seconds

    features = check.array("features", features, ("n_rows", "n_features"))
    labels = np.asarray(labels)
    labels = check.array("labels", labels.astype(float) if labels.dtype == bool else labels, (len(features),))
    if set(np.unique(labels)) != {0.0, 1.0}:
        found = ", ".join(f"{label:g}" for label in np.unique(labels)[:4])
        fix = "with one regime only there is nothing to tell apart: take a longer sample or a lower threshold"
        raise ValueError(f"labels has the values {found}: allowed are 0 and 1, and both. Likely fix: {fix}.")
    trees = HistGradientBoostingClassifier(
        max_iter=60, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, early_stopping=False, random_state=0
    ).fit(features, labels)
    return lambda new: trees.predict_proba(new)[:, 1]


def walk_forward(
    learn: Callable[[Array, Array], Forecast], features: ArrayLike, outcomes: ArrayLike, *, first: int, every: int, delay: int
) -> Array:
    """Forecasts of a learner that is refitted as time goes by and sees only what is known by then (chapter 18).

    Before day t, for t = first, first + every, …, it learns from the rows whose outcome is known by day t - 1: those up to
    t - 1 - delay. The forecasts of days t to t + every - 1 are then made from the features of their own and earlier days.

    Parameters
    ----------
    learn : function of (features, outcomes)
        A learner, as at the head of this module.
    features : array, shape (n_days, n_features)
        Known at the close of their day.
    outcomes : array, shape (n_days,)
        The last `delay` are not used, and may be missing.
    first, every : int
        First day with a forecast, and days between two fits.
    delay : int
        Days until an outcome is known: 0 if with its features.

    Returns
    -------
    array, shape (n_days - first,)

    Raises
    ------
    ValueError
        If an entry is not finite, the first fit would have no row or lie beyond the data, or as the learner does.
    """
    features = check.array("features", features, ("n_days", "n_features"))
    delay, outcomes = check.integer("delay", delay, 0), np.array(outcomes)
    if outcomes.shape == (len(features),):
        outcomes[max(len(features) - delay, 0) :] = 0
    outcomes = check.array("outcomes", outcomes, (len(features),))
    check.function("learn", learn, fix="a learner of this module")
    fix = "the first fit needs a row more than delay days old, and data after it; take a shorter window"
    first = check.integer("first", first, delay + 1, max(delay + 1, len(features) - 1), fix=fix)
    blocks = []
    for start in range(first, len(features), check.integer("every", every, 1)):
        forecast = learn(features[: start - delay], outcomes[: start - delay])
        check.function("learn, in what it returns,", forecast, fix="return a function of the features")
        blocks.append(forecast(features[: start + every])[start:])
    return check.array("learn", np.concatenate(blocks), (len(features) - first,), fix="a forecast for each row of the features")


def _chain(variances: ArrayLike, transition: ArrayLike) -> tuple[Array, Array, Array]:
    law = stationary_law(transition)
    variances = check.array("variances", variances, law.shape)
    check.positive("variances", float(variances.min()))
    return variances, check.array("transition", transition), law


@numba.njit(cache=True)
def _filter(returns: Array, variances: Array, transition: Array, law: Array) -> Array:
    held = np.empty((*returns.shape, len(law)))
    for path in range(returns.shape[0]):
        before = law
        for t in range(returns.shape[1]):
            logs = np.log(before) - (np.log(variances) + returns[path, t] ** 2 / variances) / 2
            joint = np.exp(logs - logs.max())  # no common factor matters
            held[path, t] = joint / joint.sum()
            before = held[path, t] @ transition
    return held

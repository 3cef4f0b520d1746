"""Regimes of chapter 18: the filter against an independent one, forecasts that cannot see ahead, and what a shift is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnvh import control, regimes

CHAIN = np.array([[0.99, 0.01], [0.03, 0.97]])
WORLD = dict(variances=np.array([0.5, 2.5]), transition=CHAIN)
THREE = dict(variances=[0.5, 1.2, 2.5], transition=[[0.98, 0.02, 0.0], [0.03, 0.92, 0.05], [0.03, 0.0, 0.97]])


def market(n_paths, n_steps, seed=1, **world):
    rng = np.random.default_rng(seed)
    variance = control.switching_variance(rng, n_paths, n_steps, **(world or WORLD))
    return variance, np.sqrt(variance) * rng.standard_normal(variance.shape)


def test_the_stationary_law_stays_itself():
    for world in (WORLD, THREE):
        law = control.stationary_law(world["transition"])
        assert np.allclose(law @ np.array(world["transition"]), law, atol=1e-15) and law.sum() == pytest.approx(1)
    assert np.allclose(control.stationary_law(CHAIN), [0.75, 0.25])


def test_the_filter_is_bayes_rule_over_all_histories():
    returns, world = np.array([0.3, -2.0, 1.1, 0.2]), dict(variances=[0.5, 1.2, 2.5], transition=THREE["transition"])
    law, chain = control.stationary_law(world["transition"]), np.array(world["transition"])
    joint = np.zeros(3)
    for history in np.ndindex(3, 3, 3, 3):
        prior = law[history[0]] * np.prod(chain[list(history[:-1]), list(history[1:])])
        joint[history[-1]] += prior * stats.norm.pdf(returns, scale=np.sqrt(np.take(world["variances"], list(history)))).prod()
    assert np.allclose(regimes.filtered(returns[None], **world)[0, -1], joint / joint.sum(), rtol=1e-12)


def test_the_filter_agrees_with_that_of_statsmodels():
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    returns = market(1, 500)[1]
    model = MarkovRegression(returns[0], k_regimes=2, trend="n", switching_variance=True)
    theirs = model.filter([0.99, 0.03, 0.5, 2.5]).filtered_marginal_probabilities
    assert np.allclose(regimes.filtered(returns, **WORLD)[0], theirs, atol=1e-10)


def test_the_filters_probabilities_are_calibrated():
    """Among the steps that the filter calls turbulent with probability p, a share p is."""
    variance, returns = market(200, 1000)
    chance = regimes.filtered(returns, **WORLD)[..., 1]
    for low, high in ((0.0, 0.1), (0.1, 0.4), (0.4, 0.7), (0.7, 1.0)):
        gap = ((variance > 1) - chance) * ((chance >= low) & (chance < high))
        assert abs(gap.sum(axis=1).mean() / stats.sem(gap.sum(axis=1))) < 4


@given(st.floats(1e-3, 1e3), st.integers(0, 300))
def test_the_filter_needs_no_unit_and_sees_no_future(scale, cut):
    returns = market(1, 301)[1]
    held = regimes.filtered(returns, **WORLD)
    scaled = regimes.filtered(scale * returns, variances=scale**2 * WORLD["variances"], transition=CHAIN)
    assert np.allclose(held, scaled, atol=1e-9)
    changed = returns.copy()
    changed[:, cut + 1 :] *= -7
    assert (regimes.filtered(changed, **WORLD)[:, : cut + 1] == held[:, : cut + 1]).all()


def test_the_expected_variance_has_a_geometric_closed_form():
    """Two regimes: v + (σ_s² - v)·ρ(1 - ρ^h)/(h(1 - ρ)), ρ the second eigenvalue and v the long-run mean."""
    rho, level = 0.96, 1.0
    for h in (1, 5, 63):
        decay = rho * (1 - rho**h) / (h * (1 - rho))
        found = regimes.expected_variance(np.eye(2), **WORLD, horizon=h)
        assert np.allclose(found, level + (WORLD["variances"] - level) * decay, rtol=1e-12)
    assert regimes.expected_variance([0.75, 0.25], **WORLD, horizon=17) == pytest.approx(1)


def test_the_expected_variance_is_the_mean_of_what_follows():
    variance, returns = market(4000, 60, **THREE)
    ahead = regimes.expected_variance(regimes.filtered(returns, **THREE)[:, 29], **THREE, horizon=30)
    gap = variance[:, 30:].mean(axis=1) - ahead
    assert abs(gap.mean() / stats.sem(gap)) < 4


def test_the_fit_finds_the_regimes_and_does_not_depend_on_the_unit():
    returns = market(1, 20_000)[1][0]
    fit = regimes.fit_switching(returns)
    assert np.allclose(fit.variances, [0.5, 2.5], rtol=0.08) and np.allclose(fit.transition, CHAIN, atol=0.006)
    small = regimes.fit_switching(returns / 1000)
    assert np.allclose(small.variances * 1e6, fit.variances, rtol=1e-4) and np.allclose(small.transition, fit.transition, atol=1e-4)


def test_the_lower_variance_comes_first():
    for seed in range(5):
        fit = regimes.fit_switching(market(1, 1500, seed=seed)[1][0])
        assert fit.variances[0] < fit.variances[1] and np.allclose(fit.transition.sum(axis=1), 1)


def test_one_regime_is_seldom_taken_for_two():
    found = 0
    for seed in range(10):
        try:
            regimes.fit_switching(np.random.default_rng(seed).standard_normal(1000))
            found += 1
        except ValueError as error:
            assert "one regime only" in str(error) or "not converged" in str(error)
    assert found <= 1


@pytest.mark.parametrize("size", [10.0, 20.0, 50.0, 1000.0])
@pytest.mark.parametrize("n_days", [250, 1000, 3000])
def test_one_huge_return_is_no_regime(n_days, size):
    returns = np.random.default_rng(n_days).standard_normal(n_days)
    returns[n_days // 2] = size
    with pytest.raises(ValueError, match="returns (has|reach) .*one huge return"):
        regimes.fit_switching(returns)


@pytest.mark.parametrize("df", [3, 4, 5])
def test_heavy_tails_are_no_regimes(df):
    with pytest.raises(ValueError, match="returns has (a regime that lasts|one regime only|.* days in one)"):
        regimes.fit_switching(np.random.default_rng(df).standard_t(df, 1500))


def test_outcomes_that_are_not_known_yet_may_be_missing():
    features, outcomes = np.arange(60.0)[:, None], np.append(np.arange(55.0), [np.nan] * 5)
    learn = lambda x, y: lambda ahead: np.full(len(ahead), y.mean())
    found = regimes.walk_forward(learn, features, outcomes, first=40, every=10, delay=5)
    assert np.allclose(found, np.repeat([17.0, 22.0], 10))


@pytest.mark.parametrize("error", [RuntimeError, np.linalg.LinAlgError])
def test_a_fit_that_breaks_down_names_the_returns(monkeypatch, error):
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression

    def breaks(self, **options):
        raise error("Steady-state probabilities could not be constructed.")

    monkeypatch.setattr(MarkovRegression, "fit", breaks)
    returns = np.where(np.arange(400) == 200, 6.0, np.tile([1.0, -1.0], 200))
    with pytest.raises(ValueError, match="returns reach 6 standard deviations.*Likely fix: one huge return") as caught:
        regimes.fit_switching(returns)
    assert isinstance(caught.value.__cause__, error)


def test_a_hundred_returns_are_enough():
    returns = np.random.default_rng(4).standard_normal(100) * np.repeat([1, 8], 50)
    assert np.allclose(regimes.fit_switching(returns).variances, [1, 64], rtol=0.6)


@pytest.mark.parametrize("turbulent", [slice(200, None), slice(None, 40), slice(150, 190)])
def test_a_regime_that_comes_once_is_one(turbulent):
    """Few or no switches back are no reason to refuse it: the days that it holds count, not those it would in the long run."""
    returns = np.random.default_rng(4).standard_normal(400)
    returns[turbulent] *= 4
    assert np.allclose(regimes.fit_switching(returns).variances, [1, 16], rtol=0.4)


def test_boosted_trees_learn_a_step_and_repeat_themselves():
    features = np.random.default_rng(2).uniform(size=(4000, 2))
    labels = np.random.default_rng(3).uniform(size=4000) < np.where(features[:, 0] > 0.7, 0.8, 0.1)
    corners = np.array([[0.2, 0.5], [0.9, 0.5]])
    found = regimes.learn_boosted(features, labels)(corners)
    assert np.allclose(found, [0.1, 0.8], atol=0.1)
    assert (regimes.learn_boosted(features, labels)(corners) == found).all()


def boosted(features, outcomes):
    return regimes.learn_boosted(features, outcomes > np.median(outcomes))


def switching(features, outcomes):
    model = regimes.fit_switching(features[:, 0])._asdict()
    return lambda new: regimes.expected_variance(regimes.filtered(new[:, 0][None], **model)[0], **model, horizon=10)


@pytest.mark.parametrize("learn", [boosted, switching])
def test_a_forecast_does_not_change_when_the_future_does(learn):
    variance, returns = market(1, 1200)
    features = np.column_stack([returns[0], np.abs(returns[0])])
    known = dict(first=600, every=150, delay=10)
    before = regimes.walk_forward(learn, features, variance[0], **known)
    for day in (700, 899, 900):  # 900 is the first day of a block
        later, outcomes = features.copy(), variance[0].copy()
        later[day + 1 :] *= -3
        outcomes[day - 9 :] *= 5  # known after day
        again = regimes.walk_forward(learn, later, outcomes, **known)
        assert (again[: day + 1 - 600] == before[: day + 1 - 600]).all()
        assert (again[day + 1 - 600 :] != before[day + 1 - 600 :]).any()
        short = regimes.walk_forward(learn, features[: day + 1], variance[0, : day + 1], **known)
        assert (short == before[: day + 1 - 600]).all()


def test_shifting_the_data_shifts_the_forecasts():
    """A week of old data in front moves the same forecasts to a week later; a forecast that looked ahead would stay behind."""
    variance, returns = market(1, 1200)
    plain = lambda x, y: lambda new: control.exponentially_weighted_variance(new[:, 0], halflife=10)  # noqa: E731
    for learn in (plain, switching):  # the old days move a fit a little
        late = regimes.walk_forward(learn, np.roll(returns.T, 7, axis=0), variance[0], first=607, every=100, delay=0)
        fresh = regimes.walk_forward(learn, returns.T[:-7], variance[0, :-7], first=600, every=100, delay=0)
        assert np.corrcoef(late, fresh)[0, 1] > 0.999 > np.corrcoef(late[1:], fresh[:-1])[0, 1]


def test_rows_whose_outcome_is_unknown_are_not_learnt_from():
    seen = []
    learn = lambda x, y: seen.append((len(x), len(y))) or (lambda new: new[:, 0])  # noqa: E731
    found = regimes.walk_forward(learn, np.arange(30.0)[:, None], np.zeros(30), first=10, every=8, delay=3)
    assert seen == [(7, 7), (15, 15), (23, 23)] and (found == np.arange(10, 30)).all()


def test_with_a_constant_hazard_no_adapted_warning_comes_before_a_shift():
    """Among calm steps a shift is independent of all that went before, so a warning multiplies its chance by one."""
    variance, returns = market(100, 4000)
    score = regimes.expected_variance(regimes.filtered(returns, **WORLD), **WORLD, horizon=1)[:, :-1]
    eve = variance[:, :-1] < 1
    gain = ((variance[:, 1:] > 1) - 0.01) * (eve & (score > np.quantile(score[eve], 0.8)))
    assert abs(gain.sum(axis=1).mean() / stats.sem(gain.sum(axis=1))) < 4


def test_against_a_fair_price_no_forecast_earns():
    variance, returns = market(300, 1000)
    fair = regimes.expected_variance(regimes.filtered(returns, **WORLD), **WORLD, horizon=1)[:, :-1]
    wrong = dict(variances=[0.3, 4.0], transition=[[0.9, 0.1], [0.1, 0.9]])
    believed = regimes.expected_variance(regimes.filtered(returns, **wrong), **wrong, horizon=1)[:, :-1]
    gain = (np.clip(believed - fair, -1, 1) * (returns[:, 1:] ** 2 - fair) / 2).mean(axis=1)
    assert abs(gain.mean() / stats.sem(gain)) < 4

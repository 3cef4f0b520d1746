"""Bad input of mnvh.stress and mnvh.contagion, and of the token in mnvh.variance_swap."""

from __future__ import annotations

import numpy as np

from mnvh.portfolio import Chain

nan, inf = np.nan, np.inf
STRANGLE = dict(chain=Chain(100.0, [90.0, 110.0], [0.1, 0.1], [0.2, 0.2], [False, True]), positions=[-1.0, -1.0, 0.0])
COVARIANCE = [[1e-4, -4e-4], [-4e-4, 4e-3]]

BOOK = [
    *[({"chain": value}, "chain is .*a Chain") for value in (None, {"spot": 100.0}, 3)],
    *[({"positions": value}, "positions") for value in (None, "a", [1.0, nan, 0.0])],
    ({"positions": [1.0, 1.0]}, r"positions .*underlying stands last"),
]
MOVES = [({"moves": value}, "moves") for value in (nan, "a", None, -1.0, [0.1, -1.5])]
SHOCKS = [({"vol_shocks": value}, "vol_shocks") for value in (nan, "a", None, -1.0)]
COLLATERAL = [({"collateral": value}, "collateral.*debt is a liability") for value in (-1.0, nan, "a", None)]
LIQUIDATED = ({"collateral": 1.0}, "cushion of .* today.*add collateral")
GAIN = [({"gain": value}, "gain") for value in (1.0, -1.0, 1.5, nan, "a", None)]
WITHDRAWAL = [({"withdrawal": value}, "withdrawal") for value in (-1.0, nan, inf, "a")]
NETWORK = dict(liabilities=[[0.0, 2.0], [1.0, 0.0]], total_liabilities=[3.0, 1.0], external_assets=[1.0, 1.0])
PATH = [[[100.0], [105.0], [95.0]]]

CASES = {
    "stress.scenario_grid": (
        dict(moves=[-0.1, 0.1], vol_shocks=[0.0]),
        *MOVES,
        *SHOCKS,
        *[({"moves": value}, "singular set of scenarios") for value in ([0.0], [-0.2, -0.1], [0.0, 0.1])],
        ({"moves": [-16.0, 16.0]}, "moves is -16.0.*16 % down is -0.16"),
    ),
    "stress.scenario_pnl": (
        dict(**STRANGLE, moves=-0.1, vol_shocks=0.5),
        *BOOK,
        *MOVES,
        *SHOCKS,
        ({"moves": [0.0, 0.1], "vol_shocks": [0.0, 0.1, 0.2]}, r"moves has shape \(2,\), vol_shocks \(3,\)"),
    ),
    "stress.margin": (
        dict(**STRANGLE),
        *BOOK,
        *MOVES,
        *SHOCKS,
        *[({"grid": value}, "grid.*scenario_grid makes it") for value in (None, [-0.1, 0.1], [[-0.1, 0.1]])],
        ({"isolated": 2}, "isolated is 2"),
        ({"grid": [[0.0], [0.0]]}, "grid, in its moves, is .*singular set of scenarios"),
        ({"moves": []}, "moves is .*one entry at least"),
    ),
    "stress.cushion": (dict(**STRANGLE, collateral=50.0, moves=0.0), *BOOK, *MOVES, *SHOCKS, *COLLATERAL),
    "stress.liquidation_moves": (dict(**STRANGLE, collateral=50.0), *BOOK, *COLLATERAL, LIQUIDATED),
    "stress.reverse_stress": (
        dict(**STRANGLE, collateral=20.0, covariance=COVARIANCE),
        *BOOK,
        *COLLATERAL,
        LIQUIDATED,
        ({"collateral": 1e6}, "collateral is 1e.06: nothing within 60 standard deviations"),
        ({"covariance": [[1.0, 0.5], [0.4, 1.0]]}, "covariance is not symmetric"),
        ({"covariance": [[1.0]]}, r"shape \(2, 2\)"),
        ({"covariance": [[1.0, 1.0], [1.0, 1.0]]}, "covariance is .*singular.*liquidation_moves"),
        ({"covariance": np.zeros((2, 2))}, "covariance is .*singular"),
    ),
    "stress.window_returns": (
        dict(closes=[100.0, 101.0, 99.0], days=1),
        *[({"closes": value}, "closes") for value in ([100.0, nan], [100.0, 0.0, 1.0], 3.0, "a")],
        *[({"days": value}, "days is .*window is longer than the data") for value in (3, 0, 1.5)],
    ),
    "contagion.cliff": (
        dict(gain=0.5, withdrawal=10.0),
        *[({"gain": value}, "gain") for value in (0.0, -0.5, 1.5, nan)],
        *WITHDRAWAL,
        ({"withdrawal": 0.0}, "withdrawal is 0.0.*no cliff"),
    ),
    "contagion.feedback_move": (
        dict(shocks=[0.01, -0.01], gain=0.5, withdrawal=10.0),
        *[({"shocks": value}, "shocks") for value in (nan, "a", None)],
        ({"shocks": [0.02, 0.01]}, "shocks has 1 entries beyond the cliff at 0.0125.*do not converge.*a lower gain"),
        *GAIN,
        *WITHDRAWAL,
    ),
    "contagion.feedback_rounds": (
        dict(shocks=[0.01, -0.02], gain=0.5, withdrawal=10.0, n_rounds=3, halt=0.2),
        *[({"shocks": value}, "shocks") for value in (nan, "a", None)],
        *GAIN,
        *WITHDRAWAL,
        *[({"n_rounds": value}, "n_rounds") for value in (0, 1.5)],
        *[({"halt": value}, "halt") for value in (0.0, -0.2, nan)],
    ),
    "contagion.clearing": (
        NETWORK,
        *[({"liabilities": value}, "liabilities") for value in ([[0.0, 2.0]], [[0.0, nan], [1.0, 0.0]], [[0.0, -2.0], [1.0, 0.0]])],
        ({"liabilities": [[1.0, 2.0], [1.0, 0.0]]}, "liabilities has .*on its diagonal.*nobody owes itself"),
        ({"total_liabilities": [1.0, 1.0]}, "total_liabilities does not balance: member 0 owes 2 to members and 1 in all.*transpose"),
        *[({"total_liabilities": value}, "total_liabilities") for value in (3.0, [3.0, nan])],
        *[({"external_assets": value}, "external_assets") for value in ([1.0], [-1.0, 1.0], [[1.0]], [nan, 1.0], 1.0)],
        *[({"recovery": value}, "recovery") for value in (-0.1, 1.1, nan)],
    ),
    "contagion.fire_sale_response": (
        dict(holdings=[1.0, 1.0], depth=[5.0, 5.0], leverage=3.0),
        *[({"holdings": value}, "holdings") for value in (1.0, [1.0, nan], [1.0, -1.0])],
        *[({"depth": value}, "depth") for value in ([5.0], [5.0, 0.0], [5.0, nan])],
        *[({"leverage": value}, "leverage") for value in (0.5, nan, "a")],
        ({"leverage": 6.0}, "leverage is 6: sales do not converge. Allowed is below 6 here"),
    ),
    "variance_swap.token_payoff": (
        dict(prices=PATH, strikes=[0.5, 1.0, 2.0]),
        *[({"prices": value}, "prices") for value in (PATH[0], [[[100.0], [0.0]]], [[[100.0]]], [[[1.0, 2.0], [1.0, 2.0]]])],
        *[({"strikes": value}, "strikes") for value in ([90.0, 110.0], [2.0, 0.5], [0.5, 0.5, 2.0], [-1.0, 2.0], [nan, 2.0], 1.0)],
    ),
}

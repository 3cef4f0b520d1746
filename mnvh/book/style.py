"""House style of the figures: one palette with a line style for each role, deterministic bytes."""

from __future__ import annotations

import matplotlib

WIDTH = 7.2  # inches: the text column of the book at 100 %

# Okabe-Ito colours, told apart with every common colour deficiency; the line style repeats the distinction.
ROLES = {
    "pnl": {"color": "#000000", "linestyle": "-", "linewidth": 2.2},
    "harvest": {"color": "#0072B2", "linestyle": "-"},
    "displacement": {"color": "#D55E00", "linestyle": (0, (5, 2))},
    "directional": {"color": "#7A7A7A", "linestyle": (0, (1, 1))},
    "carry": {"color": "#009E73", "linestyle": (0, (6, 2, 1, 2))},
    "cost": {"color": "#CC79A7", "linestyle": (0, (3, 1, 1, 1, 1, 1))},
    "theory": {"color": "#000000", "linestyle": (0, (2, 2)), "linewidth": 1.2},
    "printed": {"color": "#B22222", "linestyle": (0, (4, 3)), "linewidth": 1.4},
}

POINT = {"color": "#0072B2", "markersize": 6, "linewidth": 1.2}  # simulated values with their error bars

CYCLE = ("#0072B2", "#000000", "#D55E00", "#009E73", "#CC79A7")  # curves that have no role

SETTINGS = {
    "figure.figsize": (WIDTH, 3.8),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "legend.frameon": False,
    "svg.fonttype": "path",  # the same picture whatever fonts the reader has
    "svg.hashsalt": "mnvh",
    "pdf.fonttype": 42,
    "pdf.compression": 9,
}


def apply() -> None:
    """Use the house style in this kernel, without a window system."""
    matplotlib.use("agg")
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(SETTINGS)

"""What a chapter shows: figures with their data, and numbers for the prose.

Everything travels inside the notebook's outputs. The build takes figures, data and numbers from there, so a
notebook that a reader runs elsewhere writes no file.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from mnvh import check
from mnvh.book import style
from mnvh.book.project import FIGURE, LICENSE, PUBLISHING

if TYPE_CHECKING:  # else every chapter would depend on that module
    from mnvh.decomposition import Decomposition

GLUE = "application/papermill.record/"  # the prefix under which MyST-NB looks for glued values

# No dates and no program versions in the files: the same figure has the same bytes.
METADATA = {
    "svg": {"Date": None, "Creator": None, "Rights": LICENSE},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Subject": f"License: {LICENSE}"},
    "png": {"Software": None, "Copyright": LICENSE},
}
OTHERS = {"pdf": "application/pdf", "png": "image/png"}  # only the build makes these


def new(rows: int = 1, columns: int = 1, **options: object) -> tuple[Figure, object]:
    """Figure and axes in the house style; options go to `matplotlib.pyplot.subplots`."""
    style.apply()
    return plt.subplots(rows, columns, **options)


def publish(name: str, figure: Figure, data: pd.DataFrame) -> None:
    """Show a figure and hand it to the build with the numbers that it plots.

    The cell's metadata carry `mystnb.figure.name` (the same name), `mystnb.figure.caption` and
    `mystnb.image.alt`; the build refuses a figure without them.

    Parameters
    ----------
    name : str
        Lower-case words joined by hyphens; the figure's files and its reference carry it for good.
    figure : matplotlib Figure
    data : DataFrame
        The plotted numbers, one column per series, units in the column names.

    Raises
    ------
    ValueError
        If the name has another form, or the data are empty or not finite.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"name is {name!r}: allowed are lower-case words joined by hyphens, as in 'grid-on-stocks'.")
    if data.empty:
        raise ValueError(f"data of figure {name!r} are empty: pass the plotted numbers as a DataFrame.")
    check.array(f"data of figure {name!r}", data.select_dtypes("number").to_numpy(float))
    files = {kind: _render(figure, kind) for kind in (METADATA if os.environ.get(PUBLISHING) else ("svg",))}
    plt.close(figure)
    bundle = {
        FIGURE: {"name": name, "csv": data.to_csv(index=False, float_format="%.10g", lineterminator="\n")},
        "image/svg+xml": files.pop("svg").decode(),
        "text/plain": f"figure {name}",
    }
    bundle |= {mime: base64.b64encode(files[kind]).decode() for kind, mime in OTHERS.items() if kind in files}
    display(bundle, raw=True)


def series(axes: Axes, parts: Decomposition, times: ArrayLike, *, unit: float = 1) -> pd.DataFrame:
    """Draw the five series and the P&L: mean running sums over the paths, with two standard errors.

    Every chapter ends with this picture of its mechanism. Series that are zero throughout are left out.

    Parameters
    ----------
    axes : matplotlib Axes
    parts : Decomposition, series of shape (n_paths, n_steps)
    times : array, shape (n_steps,)
        Horizontal coordinate of the end of each step.
    unit : float
        Divides the money amounts, as in the value of the position at the start.

    Returns
    -------
    DataFrame
        The plotted numbers: time, and mean and standard error of each series.
    """
    running = parts.cumulative()
    table = {"time": np.asarray(times, dtype=float)}
    for name in ("harvest", "displacement", "carry", "cost", "directional", "pnl"):
        values = getattr(running, name) / unit
        if name != "pnl" and not values.any():
            continue
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        table |= {name: mean, f"{name}_stderr": error}
        band(axes, times, mean, error, label="P&L" if name == "pnl" else name, **style.ROLES[name])
    axes.axhline(0, color="black", linewidth=0.6)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.16))
    return pd.DataFrame(table)


def band(axes: Axes, x: ArrayLike, mean: ArrayLike, error: ArrayLike, **look: object) -> None:
    """Draw a curve with a band of two standard errors; `look` goes to `Axes.plot`."""
    mean, error = np.asarray(mean), np.asarray(error)
    (line,) = axes.plot(x, mean, **look)
    axes.fill_between(x, mean - 2 * error, mean + 2 * error, color=line.get_color(), alpha=0.2, linewidth=0)


def spokes(axes: Axes, centre: str, rows: pd.DataFrame) -> None:
    """Draw a box in the middle and one for each of four rows in the corners; a row's columns are its lines."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    paper = {"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": "#0b3c5d"}
    corners = ((0.17, 0.85), (0.83, 0.85), (0.17, 0.15), (0.83, 0.15))
    for corner, lines in zip(corners, rows.itertuples(index=False), strict=True):
        link = {"arrowstyle": "-", "color": "#0b3c5d", "shrinkA": 40, "shrinkB": 40}
        axes.annotate("", xy=corner, xytext=(0.5, 0.5), arrowprops=link)
        axes.text(*corner, "\n".join(lines), ha="center", va="center", bbox=paper, fontsize=9)
    axes.text(0.5, 0.5, centre, ha="center", va="center", bbox=paper | {"facecolor": "#E8F0F6"}, fontweight="bold")


def ticks(axis: Axis, places: Sequence[float]) -> None:
    """Label a logarithmic axis at these places and nowhere else."""
    axis.set_ticks(places, [f"{place:g}" for place in places])
    axis.set_ticks([], minor=True)


def table(frame: pd.DataFrame, **digits: int) -> HTML:
    """Show a small table; `digits` gives the decimals of a column, by its name with spaces as underscores.

    Raises
    ------
    ValueError
        If a name is no column of the frame.
    """
    columns = {str(column).replace(" ", "_"): column for column in frame.columns}
    for name in digits.keys() - columns.keys():
        raise ValueError(f"digits name {name!r}: the columns are {', '.join(columns)}.")
    formats = {columns[name]: f"{{:.{places}f}}".format for name, places in digits.items()}
    text = frame.to_html(border=0, formatters=formats, index_names=False)
    return HTML(re.sub(r"(?<=<td>)-(?=\d)", "\N{MINUS SIGN}", text))


def glue(**numbers: float | str) -> None:
    """Name numbers (or short texts) for the prose, which shows them by {glue:text}`name:.2f`.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    for name, value in numbers.items():
        if not isinstance(value, str):
            value = check.number(name, value)
            value = int(value) if float(value).is_integer() and not isinstance(value, float) else float(value)
        metadata = {"scrapbook": {"name": name, "mime_prefix": GLUE}}
        display({GLUE + "text/plain": repr(value)}, metadata=metadata, raw=True)


def _render(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=200, metadata=METADATA[kind])
    return buffer.getvalue()

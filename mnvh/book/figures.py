"""What a chapter shows: figures with their data, and numbers for the prose.

Everything travels inside the notebook's outputs. The build takes figures, data and numbers from there, so a
notebook that a reader runs elsewhere writes no file.
"""

from __future__ import annotations

import base64
import io
import re

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from mnvh import check
from mnvh.book import style
from mnvh.book.project import FIGURE

GLUE = "application/papermill.record/"  # the prefix under which MyST-NB looks for glued values

# No dates and no program versions in the files: the same figure has the same bytes.
METADATA = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


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
    files = {kind: _render(figure, kind) for kind in METADATA}
    plt.close(figure)
    bundle = {
        FIGURE: {"name": name, "csv": data.to_csv(index=False, float_format="%.10g", lineterminator="\n")},
        "image/svg+xml": files["svg"].decode(),
        "application/pdf": base64.b64encode(files["pdf"]).decode(),
        "image/png": base64.b64encode(files["png"]).decode(),
        "text/plain": f"figure {name}",
    }
    display(bundle, raw=True)


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

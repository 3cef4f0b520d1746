"""Tables of measurements as Markdown, each with the machine that it was measured on."""

from __future__ import annotations

import datetime
import os
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

MEASURED = Path("measured")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Markdown table; columns of numbers are set to the right.

    >>> print(table(["kernel", "ratio"], [["gaussian", 1.5]]))
    | kernel | ratio |
    | :-- | --: |
    | gaussian | 1.5 |
    """
    if not rows:
        raise ValueError(f"a table with the header {list(header)} has no rows: nothing was measured")
    number = re.compile(r"[\d.,]+(e[+-]?\d+)?")
    sides = ["--:" if all(number.fullmatch(str(row[j])) for row in rows) else ":--" for j in range(len(header))]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (header, sides, *rows))


def machine(*packages: str) -> str:
    """The machine, the date and the versions of these packages, in one sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = [f"{os.cpu_count()} cores ({platform.machine()})", f"{memory:.0f} GB", platform.system()]
    parts += [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)]
    return f"Measured on {datetime.date.today()}: {', '.join(parts)}."


def write(name: str, *parts: str, packages: Sequence[str] = ()) -> None:
    """Write measured/NAME.md from paragraphs and tables, and print it."""
    text = "\n\n".join([*parts, machine(*packages)]) + "\n"
    MEASURED.mkdir(exist_ok=True)
    (MEASURED / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)

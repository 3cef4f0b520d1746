"""Sphinx extension: what LaTeX would otherwise lose, the parts of the book and the widths of its tables."""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.addnodes import tabular_col_spec, toctree
from sphinx.application import Sphinx

LINE = 96  # characters of a table's type on a line


def add_parts(app: Sphinx, doctree: nodes.document) -> None:
    """Begin each part of the contents with its title; preamble.tex defines the command."""
    for tree in list(doctree.findall(toctree)):
        tree.parent.insert(0, nodes.raw("", rf"\bookpart{{{tree['caption']}}}", format="latex"))


def columns(rows: list[list[str]]) -> str:
    """LaTeX's specification of a table's columns: their natural widths where a row fits on a line, else shares of the line.

    A column gets what its longest word needs, and of the rest what it would take on one line in proportion to the others.

    >>> columns([["model", "value"], ["one", "−1.5"]])
    'lr'
    """
    by_column = list(zip(*rows, strict=True))
    most = [max(map(len, column)) + 2 for column in by_column]
    if sum(most) <= LINE:
        return "".join("r" if re.fullmatch(r"[−+\d.,%± e–-]*", "".join(column[1:])) else "l" for column in by_column)
    least = [max(len(word) for cell in column for word in re.split(r"[\s/._-]", cell)) + 3 for column in by_column]
    share = max(0, LINE - sum(least)) / (sum(most) - sum(least))
    widths = [round(low + share * (high - low)) for low, high in zip(least, most, strict=True)]
    return "".join(rf"\X{{{width}}}{{{sum(widths)}}}" for width in widths)


def fit_tables(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Say before each table how wide its columns are."""
    for table in list(doctree.findall(nodes.table)):
        rows = [[re.sub(r"\\\w+|[{}^$]", "", entry.astext()) for entry in row] for row in table.findall(nodes.row)]
        if len(rows) > 12:
            table["classes"].append("longtable")  # it may go over several pages
        table.replace_self([tabular_col_spec(spec=columns(rows)), table.deepcopy()])


def setup(app: Sphinx) -> dict:
    app.connect("doctree-read", add_parts)
    app.connect("doctree-resolved", fit_tables)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

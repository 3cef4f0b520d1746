"""`make lab`: notebooks are saved without their outputs, so that the repository holds sources only."""

from __future__ import annotations


def strip(model: dict, **_: object) -> None:
    """Remove outputs, counts and run times from a notebook that Jupyter is about to save (a pre-save hook)."""
    if model["type"] != "notebook" or model.get("content") is None:
        return
    content = model["content"]
    content["metadata"].pop("widgets", None)
    for cell in content["cells"]:
        cell["metadata"].pop("execution", None)
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None

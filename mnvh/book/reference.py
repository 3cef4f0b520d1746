"""Pages generated from the sources: every public function, and the map from statement to function, test and figure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

from mnvh.book import claims, ledger
from mnvh.book.project import BOOK

HEADING = re.compile(r"^###? ", re.MULTILINE)
NOT_PROSE = re.compile(  # fences, formulas, roles and code, links, headings, labels, bold, tags, quotes
    r"(^(?:```|:::).*?^(?:```|:::)$|\$\$.*?\$\$|\$[^$\n]+\$|(?:\{[\w:]+\})?`[^`\n]*`|!?\[[^\]\n]*\]\([^)\n]*\)|^\[\^.*?$|^#.*?$|^\|.*?$|\*\*[^*]+\*\*"
    r"|<[^>\n]+>|“[^”]*”|\"[^\"\n]*\")",
    re.MULTILINE | re.DOTALL,
)


def api() -> str:
    """Every public function and class of the helper module, with its docstring as it stands in the code."""
    lines = ["---", "tocdepth: 2", "---", "", "# Functions", "", "Generated from the docstrings of `mnvh`.", ""]
    for module, tree in _modules():
        lines += [f"## mnvh.{module}", "", ast.get_docstring(tree).partition("\n")[0], ""]
        for node in _public(tree):
            signature = re.sub(r"\s+", " ", _signature(node))
            lines += [f"({_anchor(module, node.name)})=", f"### {module}.{node.name}", ""]
            lines += ["```text", signature, "", *ast.get_docstring(node).splitlines(), "```", ""]
    return "\n".join(lines)


def atlas(settled: dict[str, dict]) -> str:
    """Statement → function → test → figure → verdict, for every statement that a chapter has settled."""
    known, tests = {f"{m}.{n.name}": _anchor(m, n.name) for m, tree in _modules() for n in _public(tree)}, _tested()
    text = "Each settled statement with the equation that it prints, the functions that its section calls, the files `tests/test_….py` that test these, and its figures."
    lines = ["# The map", "", text, "", "| claim | statement | functions | tests | figures | verdict |", "|---|---|---|---|---|---|"]
    used = {chapter: _sections(chapter) for chapter in sorted({entry["chapter"] for entry in settled.values()})}
    for name, claim in claims.load()["claims"].items():
        if name not in settled:
            continue
        functions, figures = used[claim["chapter"]].get(settled[name]["cell"], ([], []))
        named = re.findall(r"`mnvh\.([\w.]+)`", " ".join(each["text"] for each in settled[name]["evidence"]))
        functions = [function for function in dict.fromkeys([*named, *functions]) if function in known]
        cells = [
            f"[{name}](#{claims.anchor(name)})",
            ": ".join(filter(None, (f"“{claim['quote']}”", claim.get("printed")))).replace("|", "\\|"),
            ", ".join(f"[`{function}`](#{known[function]})" for function in functions),
            ", ".join(file.removeprefix("test_").removesuffix(".py") for file in sorted(set().union(*(_files(function, tests) for function in functions)))),
            ", ".join(f"{{numref}}`{figure}`" for figure in figures),
            claim["verdict"],
        ]
        lines.append("| " + " | ".join(cell or "–" for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def terms() -> list[str]:
    """Terms of the glossary, the longest first."""
    page = Path("chapters/appendix_glossary.md")
    block = re.search(r"^```{glossary}\n(.*?)^```", page.read_text(encoding="utf-8") if page.exists() else "", re.MULTILINE | re.DOTALL)
    return sorted(re.findall(r"^\S.*$", block[1], re.MULTILINE), key=len, reverse=True) if block else []


def with_terms(text: str, waiting: list[str]) -> str:
    """Prose in MyST with the first use of each waiting term linked to the glossary; what is linked leaves the list."""
    for term in list(waiting):
        parts = NOT_PROSE.split(text)  # prose at even places
        for k in range(0, len(parts), 2):
            parts[k], found = re.subn(rf"(?<![\w-])({term}s?)(?![\w-]| [A-Z])", rf"{{term}}`\1 <{term}>`", parts[k], count=1, flags=re.IGNORECASE)
            if found:
                waiting.remove(term)
                break
        text = "".join(parts)
    return text


def parameters() -> str:
    """Table of the parameters of each chapter, for the page that says `<!-- parameters -->`."""
    lines = ["| chapter | parameter | default | meaning |", "|---|---|---|---|"]
    for path in sorted(Path("chapters").glob("*.ipynb")):
        cells = (cell for cell in nbformat.read(path, as_version=4).cells if "parameters" in cell.metadata.get("tags", []))
        rows = [re.match(r"(\w+) = (.+?)\s+# (.+)", line) for cell in cells for line in cell.source.splitlines()]
        for row in filter(None, rows):
            lines.append(f"| {{doc}}`{path.stem}` | `{row[1]}` | `{row[2]}` | {row[3]} |")
    return "\n".join(lines) + "\n"


def citations() -> str:
    """BibTeX of the book and of each chapter, for the page that says `<!-- citations -->`."""
    entries = {"mnvh": ledger.bibtex("book", "mnvh", BOOK)}
    for name, title in claims.load()["chapters"].items():
        entries[key(name)] = ledger.bibtex("incollection", key(name), title, booktitle=BOOK)
    return "\n".join(f"(cite-{work})=\n\n{entry}" for work, entry in entries.items())


def key(chapter: str) -> str:
    """BibTeX's name of a chapter, without its number, which may change."""
    return f"mnvh-{chapter.partition('_')[2]}"


def _modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(Path("mnvh").glob("[a-z]*.py")):
        yield path.stem, ast.parse(path.read_text(encoding="utf-8"))


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return (node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_"))


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return f"{node.name}({ast.unparse(node.args)})"
    fields = [ast.unparse(line) for line in node.body if isinstance(line, ast.AnnAssign) and "init=False" not in ast.unparse(line)]
    return f"class {node.name}({', '.join(fields)})"


def _anchor(module: str, name: str) -> str:
    kind = "-class" if name[0].isupper() else ""  # anchors have no capitals: Greeks and greeks would be one
    return f"api-{module}-{name}{kind}".replace("_", "-").lower()


def _files(function: str, tests: dict[str, set[str]]) -> set[str]:
    """Files that test a function: that of its module, where the name occurs in it."""
    module, _, name = function.partition(".")
    own = {f"test_{module}.py"} & tests.get(name, set())
    return own or tests.get(name, set()) - {"test_bad_input.py"}


def _tested() -> dict[str, set[str]]:
    """Files of tests that use a name of mnvh: imported, or of a module that is."""
    found: dict[str, set[str]] = {}
    for path in sorted(Path("tests").glob("test_*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        imports = (node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mnvh"))
        ours = {alias.asname or alias.name: alias.name for node in imports for alias in node.names}
        loaded = (node for node in nodes if isinstance(node, ast.Name) and node.id in ours)
        of_modules = (node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ours)
        for name in {ours[node.id] for node in loaded} | set(of_modules):
            found.setdefault(name, set()).add(path.name)
    return found


def _sections(chapter: str) -> dict[str, tuple[list[str], list[str]]]:
    """Functions of mnvh that are called, and figures that are published, in the section of each cell."""
    notebook = nbformat.read(f"chapters/{chapter}.ipynb", as_version=4)
    cells, aliases = {}, {}
    functions: dict[str, None] = {}
    figures: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            if HEADING.search(cell.source):
                functions, figures = {}, []
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.ImportFrom) and node.module == "mnvh":
                aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and aliases.get(node.value.id, "check") not in ("check", "estimates"):
                # checks and standard errors are tools of every section, and no part of what a statement says
                functions[f"{aliases[node.value.id]}.{node.attr}"] = None
        figures += re.findall(r'figures\.publish\("([^"]+)"', cell.source)
        cells[cell["id"]] = (functions, figures)  # shared by the section, complete once all its cells are read
    return {name: (list(called), list(shown)) for name, (called, shown) in cells.items()}

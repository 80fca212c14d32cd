"""The notebook runs from its first cell to its last, offline, in an empty folder."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebooks" / "quickstart.ipynb"


def cells(kind: str) -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_the_notebook_stores_no_outputs_and_its_cells_have_names() -> None:
    stored = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in stored)
    assert len({cell["id"] for cell in stored}) == len(stored)
    assert cells("markdown")[0].startswith("# ")


@pytest.mark.slow
def test_every_cell_runs_and_the_last_lines_show_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    jupyter = ModuleType("IPython.display")
    jupyter.SVG = str  # type: ignore[attr-defined]
    shell = ModuleType("IPython")
    shell.version_info = (9, 0)  # type: ignore[attr-defined]  # matplotlib asks
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", jupyter)
    names: dict[str, Any] = {}
    shown = [show(source, names) for source in cells("code")]
    printed = capsys.readouterr().out
    assert "accuracy 0." in printed or "accuracy 1." in printed
    assert any(isinstance(value, str) and value.lstrip().startswith("<") and "</svg>" in value for value in shown)
    assert (tmp_path / "quickstart" / "report.html").is_file()
    assert sum(1 for line in printed.splitlines() if "F1" in line) > 2


def show(source: str, names: dict[str, Any]) -> Any:
    """Run a cell as Jupyter does; returns the value of its last line if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None

"""The house rules that a reader relies on, checked on the source itself."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "finetrie"
WITHOUT_TORCH = ("data", "tasks", "evaluation", "reports", "tracking", "cli")
HEAVY = {"torch", "transformers", "peft", "accelerate", "sklearn", "swanlab"}


def module_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def places() -> dict[str, tuple[int, int]]:
    """Part of the package → (level, place in the row), as the table in docs/architecture.md has it."""
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", table, flags=re.MULTILINE)
    return {
        name: (int(level), place) for level, names in rows for place, name in enumerate(re.findall(r"`(\w+)`", names))
    }


def imported_parts(file: Path) -> Iterator[tuple[int, str]]:
    """(line, part) for every import from this package, also inside functions and type-checking blocks."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import; write finetrie.<part>"
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "finetrie" else [base]
        else:
            continue
        for name in names:
            if name.startswith("finetrie."):
                yield node.lineno, name.split(".")[1]


def test_every_part_stands_in_the_level_table() -> None:
    parts = {file.relative_to(SOURCE).parts[0].removesuffix(".py") for file in module_files()} - {"__init__"}
    assert parts <= places().keys(), f"add to the table in docs/architecture.md: {sorted(parts - places().keys())}"


@pytest.mark.parametrize("file", module_files(), ids=module_name)
def test_imports_point_to_lower_levels_only(file: Path) -> None:
    here = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if here == "__init__":  # the package's front door offers the steps and the run file
        assert {part for _, part in imported_parts(file)} <= {"config", "steps"}
        return
    for line, there in imported_parts(file):
        allowed = there in (here, "__version__") or places()[there] < places()[here]
        assert allowed, f"{file}:{line}: {here} {places()[here]} must not import {there} {places()[there]}"


def test_only_steps_and_commands_read_the_run_file() -> None:
    readers = {
        file.relative_to(SOURCE).parts[0]
        for file in module_files()
        for _, part in imported_parts(file)
        if part == "config"
    }
    assert readers <= {"__init__.py", "steps", "cli"}


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_a_laptop_without_torch_can_use(part: str) -> None:
    modules = [module_name(file) for file in module_files() if file.relative_to(SOURCE).parts[0] == part]
    program = (
        "import sys, importlib, json\n"
        f"for module in {modules!r}: importlib.import_module(module)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    forbidden = HEAVY - {"sklearn"}
    assert not forbidden & set(json.loads(run.stdout))


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, json\n"
        "from finetrie.cli.main import main\n"
        "sys.argv = ['finetrie', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout.splitlines()[-1]))
    assert not (HEAVY | {"numpy", "scipy", "matplotlib"}) & loaded


@pytest.mark.parametrize("file", module_files(), ids=module_name)
def test_a_module_is_one_idea_and_says_which(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if text.strip():
        assert ast.get_docstring(ast.parse(text)), f"{file} has no docstring"
    assert text.count("\n") <= 450, f"{file} has {text.count(chr(10))} lines; what are its two ideas?"


def test_names_say_what_a_thing_is() -> None:
    vague = re.compile(r"(?i)(utils?|helpers?|manager|misc|common|constants|processor)$")
    found = [str(path.relative_to(ROOT)) for path in SOURCE.rglob("*") if vague.search(path.stem)]
    for file in module_files():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found += [
            f"{file.name}: {n.name}" for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and vague.search(n.name)
        ]
    assert found == []


def test_every_import_is_a_declared_dependency_and_every_dependency_is_used() -> None:
    imported = {
        name.partition(".")[0]
        for file in module_files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    foreign = imported - sys.stdlib_module_names - {"finetrie", "__future__", "tomllib"}
    owners: dict[str, set[str]] = {}  # packages_distributions() of Python 3.10 knows only what names its top level
    for installed in distributions():
        owner = installed.metadata["Name"]
        for line in (installed.read_text("RECORD") or "").splitlines():
            owners.setdefault(re.split(r"[/.,]", line, maxsplit=1)[0], set()).add(owner)
    used = {normal(owner) for name in foreign for owner in owners.get(name, {name})}
    lines = requires("finetrie") or []
    declared = {normal(re.split(r"[\s<>=!;\[]", line, maxsplit=1)[0]) for line in lines}
    essential = {normal(re.split(r"[\s<>=!;\[]", line, maxsplit=1)[0]) for line in lines if "extra ==" not in line}
    assert used <= declared, "imported, but not a dependency in pyproject.toml"
    assert essential - used <= {"jinja2"}, "a dependency that nothing imports (jinja2 renders chat templates)"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

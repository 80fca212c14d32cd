"""What `mix` is asked to do, as tables of a TOML file: which sources and how much of each, and where the rows go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from finetrie.config import Prepare, Section, override, parse, read_toml
from finetrie.errors import ConfigError


class MixSource(Section):
    """One file, how to read it, and how much of it is wanted."""

    path: str = Field(description="File with labelled rows. Relative paths start at the mix file's folder.")
    name: str | None = Field(default=None, description="What the lists call it; default: the file's name.")
    weight: float | None = Field(default=None, gt=0, description="Share of the mix, relative to the other weights.")
    cap: int | None = Field(default=None, ge=1, description="Rows at most.")
    format: str = Field(default="auto", description="Name from `finetrie info formats`, or auto.")
    encoding: str = Field(default="auto", description="utf-8, gb18030, utf-16, ... or auto.")
    kind: Literal["classification", "ner", "instruction"] | None = Field(
        default=None, description="What the rows are; default: as they look."
    )
    text: str | None = Field(default=None, description="Column with the text; default: found by its name.")
    target: str | None = Field(default=None, description="Column with the label or entities; default: by its name.")
    options: str | None = Field(default=None, description="Column with the row's own candidate labels, if any.")
    instruction: str | None = Field(default=None, description="What its labelled texts ask; default: the usual words.")
    on_bad_row: Literal["stop", "reject"] = Field(default="stop", description="What a row that cannot be used does.")


class Mixing(Section):
    """How the sources are drawn from."""

    rows: int | None = Field(default=None, ge=1, description="Rows wanted; default: as many as weights and caps allow.")
    seed: int = Field(default=0, ge=0, description="Of the order of the rows.")
    stratify: bool = Field(default=True, description="Draw the labels of each source evenly.")
    cap: int | None = Field(default=None, ge=1, description="Rows of each source at most, where it has no own cap.")
    model: str | None = Field(default=None, description="Whose tokenizer counts, for a filter by tokens.")


class Output(Section):
    """Where the rows go."""

    path: str = Field(description="The file to write. Its lists lie beside it.")
    format: str | None = Field(default=None, description="alpaca, messages, conll, ...; default: by the file's ending.")


class MixFile(Section):
    """A whole mix file. `prepare` is the section of a run file: what is done to the rows before they are mixed."""

    sources: list[MixSource] = Field(min_length=1)
    mix: Mixing = Mixing()
    prepare: Prepare | None = None
    output: Output


_WEIGHTED = re.compile(r"(.+):(\d+(?:\.\d+)?)")
_FILES = (("prepare", "policy"), ("prepare", "decisions"), ("output", "path"))


def load_mix(
    sources: Path | Sequence[Path | str | Mapping[str, Any]],
    settings: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str] = (),
) -> MixFile:
    """The mix in a TOML file, or one of several files: each a path, a path with a weight behind a colon, or a table.

    Args:
        settings: table by table, over those of the file; None leaves a setting as it is.
        overrides: `section.key=value`, over all others.

    Raises:
        ConfigError: one message that lists every problem, each with its dotted key.
    """
    is_file = isinstance(sources, Path)
    tree: dict[str, Any] = _mix_tree(sources) if isinstance(sources, Path) else {"sources": list(map(_source, sources))}
    for table, values in settings.items():
        given = {key: value for key, value in values.items() if value is not None}
        if isinstance(known := tree.get(table, {}), dict) and (given or table in tree):
            tree[table] = {**known, **given}
    for item in overrides:
        override(tree, item)
    where = str(sources) if is_file else "mix"
    asked = parse(MixFile, tree, where=where)
    if asked.prepare is not None and asked.prepare.leaks != "exact":
        raise ConfigError(f"{where}: prepare.leaks: a mix has no test file", fix="set it in the run file that trains")
    return asked


def _source(source: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    weighted = _WEIGHTED.fullmatch(str(source))
    if weighted is None or Path(source).exists():
        return {"path": str(source)}
    return {"path": weighted[1], "weight": float(weighted[2])}


def _mix_tree(path: Path) -> dict[str, Any]:
    """The tables of a mix file, with paths that start at its folder."""
    tree = read_toml(path, fix="name a mix file; or where the rows go, and their sources: finetrie mix OUT SOURCE...")
    sources = tree.get("sources")
    tables = [(table, "path") for table in sources] if isinstance(sources, list) else []
    tables += [(tree.get(name), key) for name, key in _FILES]
    for table, key in tables:
        if isinstance(table, dict) and isinstance(table.get(key), str):
            table[key] = str(path.parent / Path(table[key]).expanduser())
    return tree

"""A trained run for entities finds the names that no pattern can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import finetrie
from finetrie.config import load_run
from finetrie.data.preparation import Plan, prepare_rows
from finetrie.errors import CheckpointError, ConfigError
from finetrie.records import Example, Span
from finetrie.steps.cleaning import plan
from finetrie.steps.trained import entities_from
from finetrie.steps.workspace import open_workspace
from tests.e2e.conftest import FAST, write_jsonl


@pytest.fixture(scope="module")
def finding(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], base: Path) -> Path:
    """A run for entities, trained on the spot; how well is of no matter."""
    folder = tmp_path_factory.mktemp("entities")
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "entities": row["entities"]} for row in rows])
    finetrie.init([folder / "train.jsonl"], model=str(base), out=folder / "run.toml")
    return finetrie.train(folder / "run.toml", overrides=FAST[1::2], out=folder / "trained").path


def asked(folder: Path, rows: list[dict[str, Any]], base: Path, settings: str) -> Path:
    write_jsonl(folder / "train.jsonl", [{"text": row["text"], "label": row["label"]} for row in rows])
    source = folder / "run.toml"
    head = f'[data]\ntrain = "train.jsonl"\n[model]\nbase = "{base.as_posix()}"\n[prepare]\n'
    source.write_text(head + settings, encoding="utf-8")
    return source


def people(texts: Sequence[str]) -> list[list[Span]]:
    """An entity model that knows one person."""
    return [[Span(text.index("王芳"), text.index("王芳") + 2, "PER")] if "王芳" in text else [] for text in texts]


def test_names_are_masked_in_the_rows_and_in_what_is_recorded_of_them() -> None:
    seen: list[int] = []

    def counted(texts: Sequence[str]) -> list[list[Span]]:
        seen.append(len(texts))
        return people(texts)

    rows = [Example(str(i), f"第{i}位是王芳，电话13800138000", "a", f"f:{i}") for i in range(5)]
    done = prepare_rows(
        rows, Plan(personal_data=("name", "mobile"), entities=counted), kind="classification", labels=["a"]
    )
    assert all("王芳" not in row.text and "13800138000" not in row.text for row in done.examples)
    assert {change.rule for change in done.changes} == {"personal_data.name", "personal_data.mobile"}
    assert seen == [5], "the model reads the rows together"


def test_a_run_that_finds_entities_is_asked_and_a_repeated_name_is_found_each_time(
    finding: Path, rows: list[dict[str, Any]]
) -> None:
    text = rows[0]["text"]
    (answer,) = finetrie.predict_texts(finding, [text])
    said = answer["prediction"] or []
    (found,) = entities_from(finding)([text])
    assert {(text[span.start : span.end], span.label) for span in found} == {(e["text"], e["label"]) for e in said}
    for span in found:
        assert sum(text[s.start : s.end] == text[span.start : span.end] for s in found) >= text.count(
            text[span.start : span.end]
        )


def test_the_entity_model_is_a_part_of_what_a_run_is_and_prepares_its_rows(
    tmp_path: Path, rows: list[dict[str, Any]], base: Path, finding: Path
) -> None:
    settings = f'personal_data = ["name"]\nentity_model = "{finding.as_posix()}"\n'
    source = asked(tmp_path, rows, base, settings)
    assert "entity_model" in open_workspace(source, out=tmp_path / "run").identity["files"]
    workspace = finetrie.prepare(source, out=tmp_path / "run")
    assert workspace.done("prepare")


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        pytest.param('personal_data = ["name"]', ConfigError, "found by an entity model only", id="no model"),
        pytest.param(
            'personal_data = ["mobile"]\nentity_model = "FINDING"', ConfigError, "is not used", id="nothing for it"
        ),
        pytest.param(
            'personal_data = ["name"]\nentity_model = "nowhere"', CheckpointError, "prepare.entity_model", id="no run"
        ),
    ],
)
def test_a_wrong_entity_model_is_named(
    settings: str,
    error: type[Exception],
    says: str,
    tmp_path: Path,
    rows: list[dict[str, Any]],
    base: Path,
    finding: Path,
) -> None:
    source = asked(tmp_path, rows, base, settings.replace("FINDING", finding.as_posix()))
    with pytest.raises(error, match=says):
        plan(load_run(source))

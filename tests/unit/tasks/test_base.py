"""Tasks by name, written down and read back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.errors import ConfigError, UnknownName
from finetrie.records import Mention
from finetrie.tasks import TASKS, task_from
from finetrie.testing import check_task

DESCRIPTIONS: list[tuple[dict[str, Any], list[Any]]] = [
    ({"kind": "classification", "labels": ["体育", "经济"], "wording": "fudan_news"}, ["体育", "经济"]),
    ({"kind": "classification", "labels": ["a", "b"], "names": {"a": "good"}, "language": "en"}, ["a", "b"]),
    ({"kind": "ner", "labels": ["GPE", "PER"], "wording": "ccf_ner"}, [(), (Mention("南京", "GPE"),)]),
    ({"kind": "ner", "labels": ["x"], "language": "en", "instruction": "Go."}, [(), (Mention("南京", "x"),) * 2]),
    ({"kind": "instruction"}, ["an answer", "two\nlines"]),
]


@pytest.mark.parametrize(("description", "targets"), DESCRIPTIONS, ids=lambda value: str(value)[:40])
def test_every_task_keeps_the_laws(description: dict[str, Any], targets: list[Any]) -> None:
    check_task(task_from(description), targets)


def test_every_registered_task_is_tested_here() -> None:
    assert {description["kind"] for description, _ in DESCRIPTIONS} == set(TASKS.names())


@given(
    labels=st.lists(st.text("abc甲乙", min_size=1), min_size=1, unique=True),
    language=st.sampled_from(["zh", "en"]),
    instruction=st.none() | st.text(),
    kind=st.sampled_from(["classification", "ner"]),
)
def test_a_task_survives_being_written_down(labels: list[str], **settings: Any) -> None:
    task = task_from({"labels": labels, **settings})
    assert task_from(json.loads(json.dumps(task.describe()))) == task


@pytest.mark.parametrize(
    ("description", "error", "message"),
    [
        pytest.param({}, ConfigError, "task.kind: expected the name of a task", id="no kind"),
        pytest.param({"kind": "clasification"}, UnknownName, "did you mean 'classification'", id="kind misspelt"),
        pytest.param({"kind": "ner", "labels": ["x"], "lables": 1}, ConfigError, "did you mean 'labels'", id="setting"),
        pytest.param({"kind": "ner", "labels": ["x"], "wording": "defalt"}, UnknownName, "'default'", id="wording"),
        pytest.param({"kind": "classification", "labels": []}, ConfigError, "at least one label", id="no labels"),
        pytest.param({"kind": "ner", "labels": []}, ConfigError, "at least one entity type", id="no types"),
        pytest.param(
            {"kind": "classification", "labels": ["a", "a"]}, ConfigError, "'a' stands there twice", id="twice"
        ),
        pytest.param(
            {"kind": "classification", "labels": ["a", "b"], "names": {"a": "b"}},
            ConfigError,
            "labels 'a' and 'b' have the same words 'b'",
            id="names not distinct",
        ),
        pytest.param(
            {"kind": "classification", "labels": ["a"], "names": {"a": " "}}, ConfigError, "are empty", id="empty name"
        ),
        pytest.param(
            {"kind": "classification", "labels": ["a"], "names": {"a": "x\ny"}}, ConfigError, "than a line", id="lines"
        ),
        pytest.param(
            {"kind": "classification", "labels": ["sport"], "names": {"sprot": "x"}},
            ConfigError,
            "no label 'sprot', did you mean 'sport'?",
            id="name of no label",
        ),
    ],
)
def test_a_wrong_description_says_what_is_wrong(
    description: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        task_from(description)


def test_all_problems_with_names_stand_in_one_message() -> None:
    with pytest.raises(ConfigError) as caught:
        task_from({"kind": "classification", "labels": ["a", "b"], "names": {"a": "", "c": "x"}})
    assert "'c'" in str(caught.value)
    assert "are empty" in str(caught.value)


def test_tasks_do_not_need_torch() -> None:
    code = "import sys, finetrie.tasks as t; t.TASKS.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

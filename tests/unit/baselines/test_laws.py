"""What every baseline promises, on both tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from finetrie.baselines import BASELINES, DEFAULTS, Baseline, baseline_from
from finetrie.errors import ConfigError, UnknownName
from finetrie.testing import check_baseline
from tests.unit.baselines.rows import asker_of, classification, classified, marked, ner

QUICK: dict[str, dict[str, Any]] = {"encoder": {"epochs": 1, "max_tokens": 48}, "few_shot": {"k": 2}}


def quick(name: str, **settings: Any) -> Baseline:
    return baseline_from({"name": name, **QUICK.get(name, {}), **settings})


def names(kind: str) -> list[str]:
    return [name for name in BASELINES.names() if kind in BASELINES.get(name).kinds]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", names("classification"))
def test_a_baseline_keeps_the_laws_on_labels(name: str, byte_tokenizer: Any) -> None:
    task, test = classification(), classified("test", each=2)
    test = [*test, replace(test[0], id="own", options=("财经", "科技")), replace(test[1], id="empty", text="")]
    asker = asker_of(byte_tokenizer, task)
    check_baseline(quick(name), classified(each=8), test, task=task, dev=classified("test", each=1), asker=asker)


@pytest.mark.parametrize("name", names("ner"))
def test_a_baseline_keeps_the_laws_on_entities(name: str, byte_tokenizer: Any) -> None:
    task, test = ner(), marked("test", rows=6)
    test.append(replace(test[0], id="empty", text="", target=()))
    asker = asker_of(byte_tokenizer, task)
    check_baseline(quick(name), marked(rows=20), test, task=task, dev=marked("test", rows=3), asker=asker)


def test_nearest_examples_keep_the_laws_too(byte_tokenizer: Any) -> None:
    task = classification()
    few_shot = quick("few_shot", choose="nearest")
    check_baseline(few_shot, classified(), classified("test", each=1), task=task, asker=asker_of(byte_tokenizer, task))


@pytest.mark.parametrize("name", names("classification"))
def test_one_training_label_is_a_training_set_too(name: str, byte_tokenizer: Any) -> None:
    task, train = classification(), [row for row in classified() if row.target == "体育"]
    fitted = quick(name).fit(train, dev=(), task=task, seed=0, asker=asker_of(byte_tokenizer, task))
    said = list(fitted.predict(classified("test", each=1)))
    assert len(said) == 3
    if name in ("majority", "tfidf", "svm"):
        assert {one.answer for one in said} == {"体育"}


@pytest.mark.parametrize("name", [n for n in names("classification") if "shot" not in n])
def test_only_offered_labels_are_answered_even_where_training_never_saw_them(name: str) -> None:
    task = classification(labels=["体育", "财经", "科技", "军事", "历史"])
    fitted = quick(name).fit(classified(), dev=(), task=task, seed=0)
    rows = [replace(row, options=("军事", "历史")) for row in classified("test", each=2)]
    for said in fitted.predict(rows):
        assert said.answer in ("军事", "历史")
        if said.probabilities is not None:
            assert set(said.probabilities) == {"军事", "历史"}


def test_every_baseline_is_quick_to_name_and_those_of_a_run_can_do_its_task() -> None:
    assert {"majority", "tfidf", "svm", "encoder", "zero_shot", "few_shot", "dictionary"} <= set(BASELINES.names())
    for kind, chosen in DEFAULTS.items():
        assert all(kind in baseline_from(name).kinds for name in chosen)


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        ("tf-idf", UnknownName, "did you mean 'tfidf'"),
        ({"name": "few_shot", "kay": 3}, ConfigError, "unknown parameter 'kay'"),
        ({"name": "few_shot", "k": "3"}, ConfigError, "valid integer"),
        ({"name": "few_shot", "k": 0}, ConfigError, "at least 1 example"),
        ({"name": "few_shot", "choose": "best"}, ConfigError, "'random' or 'nearest'"),
        ({"name": "tfidf", "strength": 0.0}, ConfigError, "above 0"),
        ({"name": "dictionary", "reliable": 1.5}, ConfigError, "from 0 to 1"),
        ({"name": "encoder", "max_tokens": 3}, ConfigError, "at least 8"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_could(asked: Any, error: type, told: str) -> None:
    with pytest.raises(error, match=told):
        baseline_from(asked)

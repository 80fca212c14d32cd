"""What the page says of a model and the baselines beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finetrie.cli.summary import lines
from finetrie.files import read_json, write_json
from finetrie.reports.results import load_results
from finetrie.reports.story import comparison, lead
from finetrie.reports.words import Words
from tests.unit.reports.run_dirs import classification

VERDICTS = {
    "better": ("this model is better", "this model is better"),
    "worse": ("it is better than this model", "better than this model"),
    "unclear": ("do not show which of the two is better", "do not show which is better"),
}


def beside(folder: Path, **baselines: Any) -> dict[str, Any]:
    """A run directory whose model was compared with these baselines; its metrics."""
    classification(folder, rows=60)
    metrics = {**read_json(folder / "metrics.json"), "zero_shot": None, "baselines": baselines}
    write_json(folder / "metrics.json", metrics)
    return metrics


def found(verdict: str, p: float, **settings: Any) -> dict[str, Any]:
    against = {"metric": "accuracy", "a": 0.78, "b": 0.8, "p": p, "test": "exact McNemar", "verdict": verdict}
    scores = {"n": 60, "accuracy": 0.78, "accuracy_ci": [0.7, 0.85], "seconds": 3.0}
    recorded = {"train_rows": 9, "fit_seconds": 1.0, "facts": {}}
    return {**scores, "settings": {**settings, **recorded}, "against": against}


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize(("p", "told"), [(0.0004, "p < .001"), (0.231, "p = .231")])
def test_page_and_terminal_say_which_is_better_and_how_sure_that_is(
    verdict: str, p: float, told: str, tmp_path: Path
) -> None:
    metrics = beside(tmp_path, tfidf=found(verdict, p, name="tfidf"))
    sentence = lead(load_results(tmp_path), Words("en"))[-1]
    assert sentence.startswith("TF-IDF + logistic regression reaches 78.0% on the same rows, in 3 s: ")
    assert VERDICTS[verdict][0] in sentence
    assert sentence.endswith(f"({told}, exact McNemar test).")
    [line] = [line for line in lines(metrics) if line.startswith("tfidf")]
    assert line == f"tfidf       78.0 %   [70.0 %, 85.0 %]   {_in_terminal(verdict)}, {told}"


def _in_terminal(verdict: str) -> str:
    return {"unclear": "these rows do not show which is better"}.get(verdict, VERDICTS[verdict][1])


def test_settings_tell_two_of_a_kind_apart(tmp_path: Path) -> None:
    beside(tmp_path, few_shot=found("better", 0.01, name="few_shot"), other=found("better", 0.01, name="few_shot", k=8))
    names = [bar.name for bar in comparison(load_results(tmp_path), Words("en"))]
    assert "the base model, shown examples" in names
    assert "the base model, shown examples (k = 8)" in names


def test_a_baseline_that_failed_has_no_bar_and_says_why(tmp_path: Path) -> None:
    metrics = beside(tmp_path, encoder={"error": "no such folder <b>\n  fix: check the path"})
    results = load_results(tmp_path)
    assert "A BERT encoder could not be measured: no such folder <b>" in lead(results, Words("en"))[-1]
    assert not [bar for bar in comparison(results, Words("en")) if "BERT" in bar.name]
    assert "encoder     –   (not measured: no such folder <b>)" in lines(metrics)


def test_a_plug_in_is_called_by_its_name(tmp_path: Path) -> None:
    beside(tmp_path, mine=found("worse", 0.02, name="mine"))
    assert lead(load_results(tmp_path), Words("zh"))[-1].startswith("在相同数据上，mine用时")

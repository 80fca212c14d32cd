"""TF-IDF with a linear model: the same numbers as scikit-learn's own pipeline, and those known for two data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from finetrie import steps
from finetrie.baselines import baseline_from
from finetrie.baselines.linear import vectors_of
from finetrie.data.tfidf import are_spaced, fit_vectorizer
from finetrie.files import read_jsonl
from finetrie.records import Example
from tests.conftest import shared
from tests.unit.baselines.rows import NEWS, classification, classified


def test_tfidf_gives_the_probabilities_of_the_plain_pipeline() -> None:
    from sklearn.linear_model import LogisticRegression

    train, test = classified(), classified("test", each=3)
    vectorizer = fit_vectorizer([row.text for row in train], features=200_000)
    model = LogisticRegression(C=10.0, max_iter=100, tol=1e-3)
    model.fit(vectorizer.transform([row.text for row in train]), [str(row.target) for row in train])
    expected = model.predict_proba(vectorizer.transform([row.text for row in test]))
    fitted = baseline_from("tfidf").fit(train, dev=(), task=classification(), seed=0)
    said = [[one.probabilities[label] for label in model.classes_] for one in fitted.predict(test)]  # type: ignore[index]
    np.testing.assert_allclose(said, expected, rtol=1e-4, atol=1e-6)


def test_two_baselines_on_the_same_rows_share_their_vectors_and_both_are_charged_for_them() -> None:
    train, other = classified(), classified(each=4)
    vectors_of.cache_clear()
    first = baseline_from("tfidf").fit(train, dev=(), task=classification(), seed=0)
    second = baseline_from("svm").fit(train, dev=(), task=classification(), seed=0)
    assert first.facts["shared_seconds"] == 0
    assert second.facts["shared_seconds"] > 0
    fresh = baseline_from("svm").fit(other, dev=(), task=classification(), seed=0)
    assert fresh.facts["shared_seconds"] == 0
    assert fresh.facts["features"] < second.facts["features"]


@pytest.mark.parametrize("name", ["tfidf", "svm"])
def test_two_labels_are_told_apart_like_many(name: str) -> None:
    rows = [row for row in classified(each=20) if row.target != NEWS[2]]
    fitted = baseline_from(name).fit(rows[:30], dev=(), task=classification(labels=list(NEWS[:2])), seed=0)
    assert [one.answer for one in fitted.predict(rows[:30])] == [row.target for row in rows[:30]]


def test_texts_with_spaces_get_longer_n_grams() -> None:
    english = [Example(str(i), text, label, f"f:{i}") for i, (text, label) in enumerate(_ENGLISH)]
    fitted = baseline_from("tfidf").fit(english, dev=(), task=classification(labels=["a", "b"]), seed=0)
    assert are_spaced([row.text for row in english])
    assert fitted.facts["ngrams"] == [1, 5]


_ENGLISH = [("the match ended in a draw", "a"), ("shares fell on weak demand", "b")]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "known"), [("tnews", 0.424), ("fudan_news", 0.984)])
def test_tfidf_reproduces_what_is_known_of_a_data_set(name: str, known: float, tmp_path: Path) -> None:
    """On the full training files; the numbers come from another implementation, hence within a point."""
    files = [path for part in ("train", "dev", "test") if (path := shared(f"data/{name}") / f"{part}.jsonl").exists()]
    steps.init(files, model="finetrie/tiny", out=tmp_path / "run.toml")
    whole = ["data.dev_fraction=0", "data.overlap=keep"]
    run = steps.prepare(tmp_path / "run.toml", out=tmp_path / "run", overrides=whole)
    metrics = steps.baseline(run, "tfidf", out=tmp_path / "tfidf").metrics
    assert metrics["baseline"]["train_rows"] == len(list(read_jsonl(shared(f"data/{name}/train.jsonl"))))
    assert metrics["accuracy"] == pytest.approx(known, abs=0.01)

"""The embedded data set: made by its generator, true to its offsets, faulty only where it says so."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.sample import generator, personal, planted_path, sample_path
from finetrie.data.sample.chance import Chance
from finetrie.data.sample.grammar import ENTITY_LABELS, LABELS, Teller

Row = dict[str, Any]


def rows_of(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="\n") as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def train() -> list[Row]:
    return rows_of(sample_path("train"))


@pytest.fixture(scope="module")
def test() -> list[Row]:
    return rows_of(sample_path("test"))


@pytest.fixture(scope="module")
def planted() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(planted_path().read_text(encoding="utf-8"))
    return value


def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    generator.write(tmp_path)
    for name, kept in (
        ("train.jsonl", sample_path("train")),
        ("test.jsonl", sample_path("test")),
        ("planted.json", planted_path()),
    ):
        assert (tmp_path / name).read_bytes() == kept.read_bytes(), name


def test_another_seed_gives_other_texts() -> None:
    ours, other = generator.generate(1), generator.generate(2)
    assert not {row["text"] for row in ours.test} & {row["text"] for row in other.test}


def test_an_unknown_split_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match=r"no split .dev. .splits: train, test."):
        sample_path("dev")


def test_sizes_ids_and_languages_are_as_promised(train: list[Row], test: list[Row]) -> None:
    assert (len(train), len(test)) == (1980, 420)
    assert [row["id"] for row in train] == [f"train-{i:04d}" for i in range(1, 1981)]
    assert [row["id"] for row in test] == [f"test-{i:04d}" for i in range(1, 421)]
    languages = Counter(row["language"] for row in train + test)
    assert 350 <= languages["en"] <= 450
    assert languages.keys() == {"zh", "en"}


def test_every_class_has_its_share_of_both_files(train: list[Row], test: list[Row]) -> None:
    for rows in (train, test):
        counts = Counter(row["label"] for row in rows)
        assert counts.keys() == set(LABELS)
        assert min(counts.values()) > 0.07 * len(rows)
        assert max(counts.values()) < 0.13 * len(rows)


def test_every_entity_says_what_stands_at_its_offsets(train: list[Row], test: list[Row]) -> None:
    for row in train + test:
        spans = [(e["start"], e["end"]) for e in row["entities"]]
        for entity in row["entities"]:
            assert row["text"][entity["start"] : entity["end"]] == entity["text"] != ""
            assert entity["label"] in ENTITY_LABELS
        assert spans == sorted(spans)
        assert all(left[1] <= right[0] for left, right in pairwise(spans)), "entities overlap"


def test_a_repeated_mention_is_labelled_each_time(train: list[Row]) -> None:
    """Longer entities may hold a shorter one (a city in a school's name); outside those, every mention is labelled."""
    for row in train:
        for entity in row["entities"]:
            starts = {m.start() for m in re.finditer(re.escape(entity["text"]), row["text"])}
            for start in starts:
                end = start + len(entity["text"])
                assert any(e["start"] <= start and end <= e["end"] for e in row["entities"]), (row["id"], entity)


def test_names_of_people_and_organisations_are_mostly_new_in_test(train: list[Row], test: list[Row]) -> None:
    seen = {e["text"] for row in train for e in row["entities"]}
    for label in ("PER", "ORG", "LOC"):
        names = [e["text"] for row in test for e in row["entities"] if e["label"] == label]
        assert len(names) > 100
        assert sum(name in seen for name in names) < 0.3 * len(names), label


def test_texts_differ_in_length_and_hold_no_unfilled_slot(train: list[Row], test: list[Row]) -> None:
    lengths = [len(row["text"]) for row in train + test]
    assert min(lengths) <= 25
    assert max(lengths) > 150
    assert not [row["text"] for row in train + test if re.search(r"[{}]", row["text"])]


def test_planted_duplicates_and_leaks_are_where_the_record_says(
    train: list[Row], test: list[Row], planted: dict[str, Any]
) -> None:
    rows = {row["id"]: row for row in train + test}
    for fault, count in (("exact_duplicates", 30), ("near_duplicates", 20), ("leaks", 20), ("conflicting_labels", 15)):
        assert len(planted[fault]) == count
    for original, copy in planted["exact_duplicates"] + planted["leaks"]:
        assert rows[original] | {"id": ""} == rows[copy] | {"id": ""}
    for original, copy in planted["conflicting_labels"]:
        assert rows[original]["text"] == rows[copy]["text"]
        assert rows[original]["label"] != rows[copy]["label"]
    for original, copy in planted["near_duplicates"]:
        ours, theirs = rows[original], rows[copy]
        assert ours["text"] != theirs["text"]
        assert ours["label"] == theirs["label"]
        assert [e["text"] for e in ours["entities"]] == [e["text"] for e in theirs["entities"]]
    assert all(original.startswith("test-") for original, _ in planted["leaks"])


def test_no_other_text_stands_twice(train: list[Row], test: list[Row], planted: dict[str, Any]) -> None:
    copies = {copy for fault in ("exact_duplicates", "leaks", "conflicting_labels") for _, copy in planted[fault]}
    own = [row["text"] for row in train + test if row["id"] not in copies]
    assert len(own) == len(set(own))


def test_planted_personal_data_is_valid_and_beside_chinese_characters(
    train: list[Row], planted: dict[str, Any]
) -> None:
    rows = {row["id"]: row for row in train}
    patterns = {
        "id_card": r"(?<![0-9A-Za-z])\d{17}[\dX](?![0-9A-Za-z])",
        "phone": r"(?<![0-9A-Za-z])1\d{10}(?![0-9A-Za-z])",
        "mail": r"[a-z0-9._-]+@[a-z.]+\.(com|cn|org)",
    }
    assert len(planted["personal_data"]) == 20
    touching = 0
    for entry in planted["personal_data"]:
        text = rows[entry["id"]]["text"]
        for kind in entry["kinds"]:
            found = re.search(patterns[kind], text)
            assert found, (kind, text)
            touching += "一" <= text[found.start() - 1] <= "鿿"
            if kind == "id_card":
                assert identity_number_is_valid(found.group())
    assert touching >= 15
    marked = {entry["id"] for entry in planted["personal_data"]}
    copies = {
        copy for fault in ("exact_duplicates", "near_duplicates", "conflicting_labels") for _, copy in planted[fault]
    }
    for row in train:
        if row["id"] not in marked | copies:
            assert not any(re.search(pattern, row["text"]) for pattern in patterns.values()), row["text"]


def identity_number_is_valid(number: str) -> bool:
    """ISO 7064 MOD 11-2 as the standard states it: the weighted sum of all 18 is 1 modulo 11."""
    date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    values = [10 if digit == "X" else int(digit) for digit in number]
    return sum(value * (2 ** (17 - i) % 11) for i, value in enumerate(values)) % 11 == 1


@pytest.mark.parametrize("seed", range(50))
def test_identity_numbers_always_have_a_valid_check_character(seed: int) -> None:
    assert identity_number_is_valid(personal.identity_number(Chance(seed)))


def test_the_known_example_of_the_standard_is_valid() -> None:
    assert identity_number_is_valid("11010519491231002X")
    assert not identity_number_is_valid("110105194912310021")


def test_the_same_slot_is_the_same_entity_and_a_numbered_one_another() -> None:
    for seed in range(200):
        teller = Teller(Chance(seed), "zh", "体育", {})
        teller.say("{PER}，{PER2}，{PER}。")
        first, second, third = (teller.text[s.start : s.end] for s in teller.spans)
        assert first == third != second


def test_a_few_rows_do_not_make_the_task_easy_and_all_rows_do(train: list[Row], test: list[Row]) -> None:
    """TF-IDF of characters with logistic regression: the yardstick any tuned model is held against."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    def accuracy(rows: list[Row]) -> float:
        features = TfidfVectorizer(analyzer="char", ngram_range=(1, 3))
        model = LogisticRegression(C=10, max_iter=300)
        model.fit(features.fit_transform([row["text"] for row in rows]), [row["label"] for row in rows])
        return float(model.score(features.transform([row["text"] for row in test]), [row["label"] for row in test]))

    assert 0.70 < accuracy(train[:200]) < 0.90
    assert 0.94 < accuracy(train) < 1.0

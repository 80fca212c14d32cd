"""What becomes of rows: examples, or bad rows that are named and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.data.labels import check_labels, near_labels
from finetrie.data.reading import read
from finetrie.errors import DataError
from finetrie.files import read_jsonl, write_jsonl
from tests.unit.data.writing import LABELLED, examples, jsonl, text

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.fixed_dictionaries({}, optional={"text": anything, "label": anything}) | anything, max_size=8))
def test_every_row_is_an_example_or_a_rejection(tmp_path: Path, rows: list[Any]) -> None:
    path = jsonl(tmp_path / "a.jsonl", [*LABELLED, *rows])
    data = read(path, on_bad_row="reject", kind="classification", text="text", target="label")
    lines = [int(item.origin.rpartition(":")[2]) for item in (*data.examples, *data.rejected)]
    written = path.read_bytes().split(b"\n")
    assert sorted(lines) == [i for i, line in enumerate(written, start=1) if line.strip()]
    assert write_jsonl(tmp_path / "rejected.jsonl", data.rejected) == len(data.rejected)


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"label": "体育"}, "missing_field"),
        ({"text": "a"}, "missing_field"),
        ({"text": "", "label": "体育"}, "empty_text"),
        ({"text": " \u3000\n", "label": "体育"}, "empty_text"),
        ({"text": None, "label": "体育"}, "wrong_type"),
        ({"text": 7, "label": "体育"}, "wrong_type"),
        ({"text": ["a"], "label": "体育"}, "wrong_type"),
        ({"text": "a", "label": ""}, "empty_target"),
        ({"text": "a", "label": None}, "empty_target"),
        ({"text": "a", "label": ["体育"]}, "wrong_type"),
        ({"text": "a", "label": {"体育": 1}}, "wrong_type"),
        ({"text": "a", "label": 0.5}, "wrong_type"),
        ({"text": "a", "label": float("nan")}, "wrong_type"),
    ],
)
def test_a_bad_row_breaks_a_named_rule(tmp_path: Path, row: Any, rule: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [*LABELLED, row])
    data = read(path, on_bad_row="reject")
    assert [(r.rule, r.origin) for r in data.rejected] == [(rule, "a.jsonl:9")]
    assert len(data) == 8
    with pytest.raises(DataError, match=r"a\.jsonl:9: (.|\n)*fix: .*data.on_bad_row"):
        read(path)


def test_bad_rows_are_listed_together_at_the_end(tmp_path: Path) -> None:
    rows = [row for i in range(15) for row in (LABELLED[i % 8], {"text": "", "label": "a"}, "{")]
    with pytest.raises(DataError) as caught:
        read(jsonl(tmp_path / "a.jsonl", rows))
    message = str(caught.value)
    assert "30 of 45 rows cannot be used" in message
    assert message.count("a.jsonl:") == 1 + 20 - 0  # the file, and twenty rows
    assert "a.jsonl:2: 'text' is empty (fix: fill it in, or delete the row)" in message
    assert "... and 10 more (empty_text 15, bad_json 15)" in message
    assert caught.value.line is None


def test_rejected_rows_keep_the_row_and_are_counted(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [*LABELLED, {"text": "", "label": "a"}, "{"]), on_bad_row="reject")
    assert [r.row for r in data.rejected] == [{"text": "", "label": "a"}, "{"]
    assert data.notices == ("a.jsonl: 2 rows rejected (bad_json 1, empty_text 1)",)
    write_jsonl(tmp_path / "rejected.jsonl", data.rejected)
    assert [line["rule"] for line in read_jsonl(tmp_path / "rejected.jsonl")] == ["empty_text", "bad_json"]


def test_a_file_without_one_usable_row_is_an_error_even_when_rows_are_rejected(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": "", "label": "a"}, {"text": " ", "label": "b"}])
    with pytest.raises(DataError, match="none of 2 rows can be used; the first, line 1: 'text' is empty"):
        read(path, on_bad_row="reject", text="text", target="label")
    with pytest.raises(DataError, match=r"b\.jsonl:1: not valid JSON(.|\n)*2 rows after it"):
        read(text(tmp_path / "b.jsonl", "nothing\nof\nthis\n"))


@pytest.mark.parametrize("on_bad_row", ["stop", "reject"])
def test_a_column_that_no_row_has_is_one_error_with_the_near_miss(tmp_path: Path, on_bad_row: Any) -> None:
    path = jsonl(tmp_path / "a.jsonl", LABELLED)
    with pytest.raises(
        DataError,
        match=r"no column 'lable', did you mean 'label'\? \(columns: text, label\)\n  fix: set data.target = .label",
    ):
        read(path, target="lable", on_bad_row=on_bad_row)
    with pytest.raises(DataError, match=r"no column 'txt', did you mean 'text'"):
        read(path, text="txt", on_bad_row=on_bad_row)
    with pytest.raises(DataError, match=r"no column 'options'"):
        read(path, options="options", on_bad_row=on_bad_row)


def test_a_column_missing_in_half_the_rows_is_that_many_bad_rows(tmp_path: Path) -> None:
    rows = [row if i % 2 else {"text": row["text"], "lable": row["label"]} for i, row in enumerate(LABELLED)]
    path = jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        DataError, match=r"4 of 8 rows cannot be used\n  a\.jsonl:1: no column 'label', did you mean 'lable'"
    ):
        read(path)
    assert len(read(path, on_bad_row="reject")) == 4


def test_whole_numbers_and_truth_values_become_text(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "label": 3},
        {"text": "b", "label": True},
        {"text": "c", "label": 3.0},
        {"text": "d", "label": " x\n"},
    ]
    data = read(jsonl(tmp_path / "a.jsonl", rows), kind="classification")
    assert [e.target for e in data] == ["3", "true", "3", "x"]
    assert any("1 labels are true or false" in notice for notice in data.notices)
    assert any("1 labels are decimal numbers" in notice for notice in data.notices)


def test_labels_that_nearly_agree_are_reported_and_kept_apart(tmp_path: Path) -> None:
    rows = [
        {"text": t, "label": y} for t, y in [("a", "Sports"), ("b", "sports"), ("c", "ｓｐｏｒｔｓ"), ("d", "arts")]
    ]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert len({e.target for e in data}) == 4
    assert "differ only in case, width or spaces" in data.notices[0]
    assert near_labels(["A b", "ab", "c"]) == (("A b", "ab"),)


def test_texts_keep_their_spaces(tmp_path: Path) -> None:
    assert read(jsonl(tmp_path / "a.jsonl", [{"text": " a\n", "label": "x"}])).examples[0].text == " a\n"


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        pytest.param([7, "b", 9], ["7", "b", "9"], id="unique"),
        pytest.param([7, 7, 9], ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"], id="repeated"),
        pytest.param([7, "7", 9], ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"], id="equal as text"),
        pytest.param([7, None, 9], ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"], id="missing"),
        pytest.param([7, "", 9], ["a.jsonl:1", "a.jsonl:2", "a.jsonl:3"], id="empty"),
    ],
)
def test_ids_are_the_rows_own_where_these_are_unique(tmp_path: Path, ids: list[Any], expected: list[str]) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [{"id": i, "text": "t", "label": "x"} for i in ids]))
    assert [e.id for e in data] == expected


def test_unlabelled_reading_needs_no_target(tmp_path: Path) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [{"text": "a"}, {"text": "b", "label": None}]), labelled=False)
    assert [e.target for e in data] == [None, None]
    assert data.target is None


def test_training_data_of_one_class_is_refused() -> None:
    check_labels(examples(["a", "b"]), kind="classification")
    with pytest.raises(DataError, match="every row has the label 'a'; classification needs at least two"):
        check_labels(examples(["a", "a"]), kind="classification", where="train.jsonl")
    with pytest.raises(DataError, match="none of 2 rows has an entity"):
        check_labels(examples([(), ()]), kind="ner")  # type: ignore[list-item]
    with pytest.raises(DataError, match="no training rows are left"):
        check_labels([], kind="instruction")


def test_reading_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, finetrie.data.detect as d; d.read; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

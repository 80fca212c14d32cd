from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.formats.base import Marked
from finetrie.data.offsets import CODE_POINTS, UNITS, Unit, is_settled, spans, unit_of, verifies
from finetrie.data.reading import read
from finetrie.data.rows import BadRow
from finetrie.errors import DataError
from finetrie.records import Span
from tests.unit.data.writing import jsonl

words = st.text(st.sampled_from("ab中文🙂😀𠮷"), min_size=1, max_size=12)


def as_written(text: str, start: int, end: int, unit: Unit) -> tuple[int, int]:
    """The offsets a tool that counts in `unit` writes: brute force, the other way round."""
    if unit.utf16:
        start, end = (len(text[:place].encode("utf-16-le")) // 2 for place in (start, end))
    return start - unit.first, end - unit.last


@st.composite
def marked_rows(draw: st.DrawFn) -> tuple[str, int, int]:
    text = draw(words)
    start = draw(st.integers(0, len(text) - 1))
    return text, start, draw(st.integers(start + 1, len(text)))


@given(row=marked_rows(), unit=st.sampled_from(UNITS))
def test_every_unit_is_undone_exactly(row: tuple[str, int, int], unit: Unit) -> None:
    text, start, end = row
    assert unit.place(text, *as_written(text, start, end, unit)) == (start, end)


@given(rows=st.lists(marked_rows(), min_size=1, max_size=6), unit=st.sampled_from(UNITS))
def test_a_repaired_file_says_what_was_meant_or_nothing_else_that_agrees(
    rows: list[tuple[str, int, int]], unit: Unit
) -> None:
    """Where a unit is found, every surface is covered; where the file is ours already, none is looked for."""
    written = [(t, (Marked(*as_written(t, s, e, unit), "X", t[s:e]),)) for t, s, e in rows]
    open_rows = [row for row in written if not is_settled(*row)]
    found = unit_of(open_rows, settled=len(open_rows) < len(written))
    if unit is CODE_POINTS:
        assert found is CODE_POINTS
    if found is not CODE_POINTS:
        assert all(verifies(text, marked, found) for text, marked in written)


def ccf(text: str, start: int, end: int, surface: str, label: str = "PER") -> dict[str, Any]:
    return {
        "text": text,
        "entities": [{"start_idx": start, "end_idx": end, "entity_text": surface, "entity_label": label}],
    }


def test_utf16_units_are_recognised_and_repaired_with_a_notice(tmp_path: Path) -> None:
    rows = [ccf("他在南京", 2, 4, "南京"), ccf("😀他在南京", 4, 6, "南京"), ccf("😀😀南京", 4, 6, "南京")]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert [e.text[s.start : s.end] for e in data for s in e.target if isinstance(s, Span)] == ["南京"] * 3
    assert data.notices == (
        "a.jsonl: offsets are UTF-16 code units; those of 2 rows were converted to half-open code points, "
        "and the words agree",
    )


def test_a_row_that_two_units_could_read_is_read_in_the_files_unit(tmp_path: Path) -> None:
    rows = [ccf("😀aaa", 2, 3, "a"), ccf("😀😀南京", 4, 6, "南京")]
    assert read(jsonl(tmp_path / "a.jsonl", rows)).examples[0].target == (Span(1, 2, "PER"),)
    assert read(jsonl(tmp_path / "b.jsonl", rows[:1])).examples[0].target == (Span(2, 3, "PER"),)


def test_entities_without_words_follow_the_files_unit(tmp_path: Path) -> None:
    rows = [{"text": "他在南京工作", "entities": [[2, 3, "GPE", "南京"], [4, 5, "ACT"]]}]
    data = read(jsonl(tmp_path / "a.jsonl", rows), kind="ner")
    assert data.examples[0].target == (Span(2, 4, "GPE"), Span(4, 6, "ACT"))


def test_bad_rows_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Wrong offsets are judged at the end of the file, broken lines when they are met."""
    path = jsonl(tmp_path / "a.jsonl", [ccf("他在北京", 9, 11, "北京"), "{", ccf("abc", 0, 1, "a")])
    assert [r.origin for r in read(path, on_bad_row="reject").rejected] == ["a.jsonl:1", "a.jsonl:2"]


def test_inclusive_ends_are_recognised_and_repaired_with_a_notice(tmp_path: Path) -> None:
    rows = [ccf("他在南京", 2, 3, "南京"), {"text": "默契。", "entities": []}, ccf("李", 0, 0, "李")]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert [e.target for e in data] == [(Span(2, 4, "PER"),), (), (Span(0, 1, "PER"),)]
    assert "inclusive ends" in data.notices[0]


def test_exclusive_ends_in_a_cluener_file_are_recognised(tmp_path: Path) -> None:
    rows = [{"text": "他在南京工作", "label": {"GPE": {"南京": [[2, 4]]}}}]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert data.examples[0].target == (Span(2, 4, "GPE"),)
    assert data.notices


def test_one_wrong_row_does_not_change_how_the_others_are_read(tmp_path: Path) -> None:
    """Row 2 would verify with inclusive ends, but the rest of the file shows that ends are exclusive."""
    rows = [ccf("他在南京", 2, 4, "南京"), ccf("他在北京", 2, 3, "北京")]
    path = jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        DataError, match=r"a\.jsonl:2: the entity PER \[2, 3\) covers '北', not '北京'(.|\n)*stands at \[2, 4\)"
    ):
        read(path)
    data = read(path, on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.jsonl:2", "bad_offsets")]
    assert data.examples[0].target == (Span(2, 4, "PER"),)


def test_a_file_whose_wrong_rows_disagree_is_not_repaired(tmp_path: Path) -> None:
    path = jsonl(
        tmp_path / "a.jsonl", [ccf("他在南京", 2, 3, "南京"), ccf("他在北京", 9, 11, "北京"), ccf("abc", 0, 1, "a")]
    )
    assert [r.origin for r in read(path, on_bad_row="reject").rejected] == ["a.jsonl:1", "a.jsonl:2"]


@pytest.mark.parametrize(
    ("start", "end", "complaint"),
    [
        pytest.param(2, 5, r"lies outside the text of 4 characters", id="beyond the end"),
        pytest.param(-1, 2, r"lies outside the text", id="negative"),
        pytest.param(2, 2, r"is empty(.|\n)*add 1", id="empty"),
        pytest.param(3, 2, r"is empty", id="reversed"),
        pytest.param("2", 4, r"offsets must be whole numbers, got '2' and 4", id="text"),
        pytest.param(2.0, 4, r"offsets must be whole numbers", id="decimal"),
        pytest.param(True, 4, r"offsets must be whole numbers", id="true"),
    ],
)
def test_offsets_that_mean_no_characters_are_refused(tmp_path: Path, start: Any, end: Any, complaint: str) -> None:
    path = jsonl(tmp_path / "a.jsonl", [{"text": "他在南京", "entities": [[start, end, "GPE"]]}])
    with pytest.raises(DataError, match=complaint):
        read(path)


def test_nested_entities_stay_and_exact_duplicates_count_once(tmp_path: Path) -> None:
    entities = [[2, 4, "GPE"], [2, 6, "ORG"], [2, 4, "GPE"], [2, 4, "LOC"]]
    data = read(jsonl(tmp_path / "a.jsonl", [{"text": "他在南京大学", "entities": entities}]))
    assert data.examples[0].target == (Span(2, 4, "GPE"), Span(2, 4, "LOC"), Span(2, 6, "ORG"))
    assert data.notices == ("a.jsonl: 1 entities were marked twice in the same row; each counts once",)


def test_spans_never_cover_other_words_than_named() -> None:
    with pytest.raises(BadRow, match="does not occur in the text"):
        spans("他在南京", [Marked(2, 4, "GPE", "北京")])

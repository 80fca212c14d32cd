"""Offsets follow every edit, and what an edit destroys is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.edits import Edit, apply, difference, rebase
from finetrie.records import Span

TEXT = "张三在北京大学读书"  # 张三 [0,2), 北京大学 [3,7)
PLACE = Span(3, 7, "ORG")


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([], "北京大学"),
        ([Edit(0, 2, "李小四")], "北京大学"),
        ([Edit(0, 3, "")], "北京大学"),
        ([Edit(7, 9, "")], "北京大学"),
        ([Edit(5, 7, "市")], "北京市"),
        ([Edit(3, 7, "清华")], "清华"),
        ([Edit(3, 3, "在")], "北京大学"),
        ([Edit(7, 7, "里")], "北京大学"),
        ([Edit(4, 4, " ")], "北 京大学"),
        ([Edit(2, 5, "於南方")], "南方大学"),
        ([Edit(0, 9, "ABCDEFGHI")], "DEFG"),
        ([Edit(0, 2, ""), Edit(3, 4, ""), Edit(8, 9, "籍")], "京大学"),
        ([Edit(2, 5, "")], None),
        ([Edit(6, 8, "习")], None),
        ([Edit(0, 9, "?")], None),
        ([Edit(3, 7, "")], None),
    ],
)
def test_a_span_stands_around_its_words_afterwards(edits: list[Edit], expected: str | None) -> None:
    (moved,) = rebase([PLACE], edits)
    assert (moved and apply(TEXT, edits)[moved.start : moved.end]) == expected


@given(st.text("ab 中ß", max_size=12), st.text("ab 中ß", max_size=12))
def test_the_difference_turns_one_text_into_the_other(before: str, after: str) -> None:
    assert apply(before, difference(before, after)) == after


@given(st.text("abc中", min_size=1, max_size=12), st.data())
def test_a_span_that_no_edit_touches_keeps_its_words(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(start, data.draw(st.integers(start + 1, len(text))), "X")
    left = data.draw(st.integers(0, start))
    right = data.draw(st.integers(span.end, len(text)))
    new = st.text("xyz", max_size=3)
    edits = [Edit(left, start, data.draw(new)), Edit(span.end, right, data.draw(new))]
    (moved,) = rebase([span], edits)
    assert moved is not None
    assert apply(text, edits)[moved.start : moved.end] == text[span.start : span.end]


@pytest.mark.parametrize("edits", [[Edit(0, 3, ""), Edit(2, 4, "")], [Edit(5, 99, "")], [Edit(4, 2, "")]])
def test_edits_that_cannot_be_made_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        apply(TEXT, edits)

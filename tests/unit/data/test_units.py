"""A file's unit, found row by row: the same as from all rows together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.formats.base import Marked
from finetrie.data.offsets import CODE_POINTS, UNITS, Unit, is_settled, unit_of, verifies
from finetrie.data.units import UnitSearch

UTF16 = UNITS[1]


@st.composite
def rows(draw: st.DrawFn, *, words: bool = True) -> list[tuple[str, tuple[Marked, ...]]]:
    """Rows of one file with an entity each, as a tool that counts in one of the units writes them; some are wrong."""
    unit: Unit = draw(st.sampled_from(UNITS))
    found = []
    for _ in range(draw(st.integers(1, 5))):
        text = draw(st.text(st.sampled_from("ab中🙂"), min_size=1, max_size=8))
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        places = [start, end]
        if unit.utf16:
            places = [len(text[:place].encode("utf-16-le")) // 2 for place in places]
        wrong = draw(st.sampled_from([0, 0, 0, 1]))
        entity = Marked(places[0] - unit.first, places[1] - unit.last + wrong, "X", text[start:end] if words else None)
        found.append((text, (entity,)))
    return found


def searched(file: list[tuple[str, tuple[Marked, ...]]]) -> Unit:
    search = UnitSearch()
    for text, marked in file:
        search.add(text, marked)
    return search.unit()


@given(file=rows())
def test_rows_one_by_one_show_what_all_rows_together_show(file: list[tuple[str, tuple[Marked, ...]]]) -> None:
    waiting = [row for row in file if not is_settled(*row)]
    assert searched(file) is unit_of(waiting, settled=len(waiting) < len(file))


@given(file=rows(words=False))
def test_without_words_only_utf16_is_taken_and_only_if_it_fits_every_row(
    file: list[tuple[str, tuple[Marked, ...]]],
) -> None:
    found = searched(file)
    assert found in (CODE_POINTS, UTF16)
    if found is UTF16:
        assert all(verifies(text, marked, UTF16) for text, marked in file)
        failing = [text for text, marked in file if not verifies(text, marked)]
        assert failing
        assert all("🙂" in text for text in failing)


def test_an_empty_file_counts_in_code_points() -> None:
    assert searched([]) is CODE_POINTS
    assert searched([("默契。", ())]) is CODE_POINTS

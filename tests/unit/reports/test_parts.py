"""The parts of the page: messages, numbers, marks, the digest of predictions, tables."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import finetrie.reports
from finetrie.records import Span
from finetrie.reports.digest import DOCUMENTS_A_KIND, KEPT, MISTAKES, digest
from finetrie.reports.marks import WHOLE, mark
from finetrie.reports.numbers import clip, duration, number, percent
from finetrie.reports.scores import confused_pairs, heat_map
from finetrie.reports.words import LANGUAGES, Words, messages

spans_in = st.tuples(st.integers(0, 30), st.integers(1, 12), st.sampled_from("ab")).map(
    lambda drawn: Span(drawn[0], drawn[0] + drawn[1], drawn[2])
)


def test_every_message_speaks_both_languages_about_the_same_values() -> None:
    for key, message in messages().items():
        assert set(message) == set(LANGUAGES), key
        values = [{name for _, name, _, _ in string.Formatter().parse(message[x]) if name} for x in LANGUAGES]
        assert values[0] == values[1], key
        assert all(message.values()), key


def test_no_message_is_left_over() -> None:
    folder = Path(finetrie.reports.__file__).parent
    source = "".join(p.read_text(encoding="utf-8") for p in [*folder.glob("*.py"), *folder.glob("templates/*")])
    families = set(re.findall(r'"([a-z]+_)(?:"|\{)', source)) | {"lead_"}
    loose = [k for k in messages() if f'"{k}"' not in source and not k.startswith(tuple(families))]
    assert [k for k in loose if not k.endswith("_hint")] == []


def test_an_unknown_language_is_refused_and_an_unknown_name_is_shown_as_it_is() -> None:
    with pytest.raises(ValueError, match="en, zh"):
        Words("fr")  # type: ignore[arg-type]
    assert Words("zh").or_key("outcome_", "wrong") == "错误"
    assert Words("zh").or_key("tier_", "my_plugin") == "my_plugin"


def test_numbers_read_as_people_write_them() -> None:
    assert [percent(x) for x in (0.935, 1, None, float("nan"))] == ["93.5%", "100.0%", "–", "–"]
    assert [number(x) for x in (1234567, 12.0, 3.14159, 471.3, None, True)] == [
        "1,234,567",
        "12",
        "3.14",
        "471",
        "–",
        "–",
    ]
    assert [duration(x) for x in (0.5, 59.4, 59.9, 158.2, 3600, 7260, None)] == [
        "0.5 s", "59.4 s", "1 min", "2 min 38 s", "1 h", "2 h 1 min", "–",
    ]  # fmt: skip
    assert duration(158.2, "zh") == "2 分 38 秒"
    assert (clip("北京", 2), clip("北京市", 2)) == (("北京", None), ("北京", 3))


@given(st.text(alphabet="北京ab\n", max_size=40), st.lists(spans_in, max_size=6))
def test_marking_keeps_every_character_in_place(text: str, spans: list[Span]) -> None:
    pieces = mark(text, [(s, "right") for s in spans])
    assert "".join(piece.text for piece in pieces) == text
    inside = {i for s in spans if s.end <= len(text) for i in range(s.start, s.end)}
    position = 0
    for piece in pieces:
        covered = [i in inside for i in range(position, position + len(piece.text))]
        assert all(c == bool(piece.kind) for c in covered)
        position += len(piece.text)
    named = sorted(label for piece in pieces for label in piece.labels)
    assert named == sorted(s.label for s in spans if s.end <= len(text))


@given(st.lists(st.integers(0, 2990), min_size=1, max_size=4))
def test_a_long_text_is_shown_around_its_entities_with_the_gaps_marked(starts: list[int]) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(3000))
    spans = [Span(start, start + 5, "a") for start in starts]
    pieces = mark(text, [(s, "missed") for s in spans], focus=spans)
    shown = "".join(piece.text for piece in pieces)
    assert all(text[s.start : s.end] in shown for s in spans)
    assert len(shown) <= len(starts) * (2 * 60 + 5)
    assert any(piece.kind == "gap" for piece in pieces)


def test_a_long_text_without_entities_shows_its_beginning() -> None:
    pieces = mark("字" * 1000, [])
    assert [(len(piece.text), piece.kind) for piece in pieces] == [(WHOLE, ""), (0, "gap")]


@given(st.lists(st.floats(0, 1), max_size=60))
def test_the_most_confident_mistakes_are_kept_in_order(probabilities: list[float]) -> None:
    rows = [{"id": i, "gold": "a", "outcome": "wrong", "probability": p} for i, p in enumerate(probabilities)]
    kept = digest(rows).mistakes
    expected = sorted(rows, key=lambda row: (-row["probability"], row["id"]))[:MISTAKES]  # type: ignore[operator]
    assert kept == expected


def test_the_digest_counts_all_and_keeps_few() -> None:
    rows = [{"id": i, "gold": "a", "outcome": "unparsable", "completion": "?"} for i in range(1000)]
    unusual = digest(rows).unusual["unparsable"]
    assert (unusual.count, len(unusual.rows)) == (1000, KEPT)


def test_each_kind_of_entity_error_gets_its_documents() -> None:
    gold = [{"start": 0, "end": 2, "label": "PER"}]
    missed = {"text": "张三来了", "gold": gold, "prediction": [], "outcome": "wrong"}
    ghost = {**missed, "prediction": gold, "details": {"hallucinated": [["李四", "PER"]]}}
    right = {**missed, "prediction": gold, "outcome": "correct"}
    kept = digest([missed] * 9 + [right] * 9 + [ghost]).documents
    assert {kind: len(documents) for kind, documents in kept.items() if documents} == {
        "missed": DOCUMENTS_A_KIND,
        "hallucinated": 1,
    }
    assert kept["hallucinated"][0].hallucinated == (("李四", "PER"),)


METRICS = {
    "confusion": {
        "labels": ["a", "b"],
        "matrix": [[8, 1], [0, 3]],
        "other": [1, 0],
        "unseen": [2, 0],
        "unseen_other": 0,
    }
}


def test_confused_pairs_come_by_how_often_they_happen() -> None:
    pairs = confused_pairs(METRICS, other="none")
    assert [(p.gold, p.answer, p.count, p.share) for p in pairs] == [("a", "b", 1, 0.1), ("a", "none", 1, 0.1)]


def test_the_heat_map_accounts_for_every_row() -> None:
    matrix = heat_map(METRICS, other="none", unseen="unknown")
    assert matrix is not None
    assert matrix.columns == ("a", "b", "none")
    assert [label for label, _ in matrix.rows] == ["a", "b", "unknown"]
    assert sum(cell.count for _, cells in matrix.rows for cell in cells) == 15
    assert [cell.right for cell in matrix.rows[0][1]] == [True, False, False]
    assert matrix.rows[0][1][0].shade == 0.8

"""The examples on a card: each shows something that the others do not, with its label in words."""

from __future__ import annotations

from pathlib import Path

from finetrie.data.check import PARTS, check
from finetrie.data.reading import read
from finetrie.reports.card import render
from tests.unit.data.writing import jsonl

PLACE = {"start": 2, "end": 4, "label": "GPE"}


def test_a_text_that_comes_again_and_again_is_one_example(tmp_path: Path) -> None:
    rows = [{"text": "EMPTY", "label": "x"}] * 30 + [{"text": f"今天第{i}场球赛结束", "label": "y"} for i in (1, 1, 2)]
    duplicates = check(read(jsonl(tmp_path / "a.jsonl", rows)))["duplicates"]
    assert duplicates["exact"] == 30
    assert [(one["text"], one["times"]) for one in duplicates["examples"]] == [("EMPTY", 29), ("今天第1场球赛结束", 1)]


def test_a_conflict_about_entities_shows_them_in_words(tmp_path: Path) -> None:
    rows = [{"text": "他在南京大学工作", "entities": entities} for entities in ([PLACE], [{**PLACE, "end": 6}], [])]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    card = check(data)
    assert [(one["partner_labelled"], one["labelled"]) for one in card["conflicts"]["examples"]] == [
        ("南京 GPE", "南京大学 GPE")
    ]
    assert card["conflicts"]["examples"][0]["times"] == card["conflicts"]["count"] == 2
    page = render({"file": "a.jsonl", "against": None, **card}, language="en")
    assert "南京大学 GPE" in page


def test_a_conflict_about_classes_shows_them_and_what_differs(tmp_path: Path) -> None:
    rows = [
        {"text": "深山发现的紫薇树桩，做成盆景", "label": "a"},
        {"text": "深山发现的紫薇树桩做成盆景", "label": "b"},
    ]
    card = check(read(jsonl(tmp_path / "a.jsonl", rows)))
    page = render({"file": "a.jsonl", "against": None, **card}, language="zh")
    assert [(one["partner_labelled"], one["labelled"]) for one in card["conflicts"]["examples"]] == [("a", "b")]
    assert "near duplicate 1.0 · punctuation" in page


def test_each_part_is_told_as_it_begins(tmp_path: Path) -> None:
    rows = [{"text": f"第{i}条", "label": "ab"[i % 2]} for i in range(4)]
    begun: list[str] = []
    check(read(jsonl(tmp_path / "a.jsonl", rows)), begin=begun.append)
    assert tuple(begun) == PARTS

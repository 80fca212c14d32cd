"""Exports of annotation tools: doccano, Label Studio, UIE."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finetrie.data.reading import read
from finetrie.errors import DataError
from finetrie.records import Span
from tests.unit.data.writing import jsonl, text

SENTENCE = "他在南京工作"
PLACE = (Span(2, 4, "GPE"),)


def task(content: str, *values: dict[str, Any], type: str = "labels", **annotation: Any) -> dict[str, Any]:
    results = [{"from_name": "label", "to_name": "text", "type": type, "value": value} for value in values]
    return {"id": 1, "data": {"text": content}, "annotations": [{"result": results, **annotation}]}


def region(content: str, surface: str, label: str = "GPE", *, utf16: bool = False) -> dict[str, Any]:
    start = content.index(surface)
    end = start + len(surface)
    if utf16:
        start, end = (len(content[:place].encode("utf-16-le")) // 2 for place in (start, end))
    return {"start": start, "end": end, "text": surface, "labels": [label]}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"id": 7, "text": SENTENCE, "label": [[2, 4, "GPE"]]}, id="label"),
        pytest.param({"text": SENTENCE, "labels": [[2, 4, "GPE"]], "meta": {}}, id="labels"),
        pytest.param({"data": SENTENCE, "label": [[2, 4, "GPE"]]}, id="data"),
        pytest.param(
            {
                "text": SENTENCE,
                "entities": [{"id": 3, "label": "GPE", "start_offset": 2, "end_offset": 4}],
                "relations": [],
                "Comments": [],
            },
            id="entities",
        ),
    ],
)
def test_doccano_marks_entities_in_several_ways(tmp_path: Path, row: Any) -> None:
    data = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert (data.format, data.kind, data.examples[0].target) == ("doccano", "ner", PLACE)


def test_doccano_lists_one_label_a_text(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": ["x"]}, {"text": "b", "label": ["y"]}, {"text": "c", "label": []}]
    data = read(jsonl(tmp_path / "a.jsonl", rows), on_bad_row="reject")
    assert (data.format, [e.target for e in data]) == ("doccano", ["x", "y"])
    assert [r.rule for r in data.rejected] == ["empty_target"]


def test_label_studio_tasks_become_examples(tmp_path: Path) -> None:
    rows = [task(SENTENCE, region(SENTENCE, "南京")), task("默契。")]
    data = read(text(tmp_path / "a.json", json.dumps(rows, ensure_ascii=False, indent=1)))
    assert (data.format, data.kind) == ("label_studio", "ner")
    assert [e.target for e in data] == [PLACE, ()]
    assert not data.notices


def test_label_studio_choices_are_classes(tmp_path: Path) -> None:
    rows = [task(f"t{i}", {"choices": [label]}, type="choices") for i, label in enumerate(["x", "y"])]
    rows += [task("t3", {"choices": ["x", "y"]}, type="choices"), task("t4", type="choices")]
    data = read(jsonl(tmp_path / "a.jsonl", rows), on_bad_row="reject")
    assert (data.kind, [e.target for e in data]) == ("classification", ["x", "y"])
    assert [r.rule for r in data.rejected] == ["wrong_type", "empty_target"]


def test_offsets_behind_an_emoji_are_repaired_with_a_notice(tmp_path: Path) -> None:
    content = "🙂他在南京工作"
    data = read(jsonl(tmp_path / "a.jsonl", [task(content, region(content, "南京", utf16=True)), task(SENTENCE)]))
    assert data.examples[0].target == (Span(3, 5, "GPE"),)
    assert "offsets are UTF-16 code units; those of 1 rows were converted" in data.notices[0]


def test_offsets_without_words_are_repaired_where_only_utf16_fits_all_rows(tmp_path: Path) -> None:
    rows = [
        {"text": SENTENCE, "label": [[2, 4, "GPE"]]},
        {"text": "🙂他在南京工作", "label": [[4, 6, "GPE"]]},  # would fit in code points, too
        {"text": "🙂他在南京", "label": [[4, 6, "GPE"]]},
    ]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert [e.text[s.start : s.end] for e in data for s in e.target if isinstance(s, Span)] == ["南京"] * 3
    assert "offsets are UTF-16 code units; those of 3 rows were converted" in data.notices[0]
    assert "the only unit in which all of them fit" in data.notices[0]


def test_offsets_past_the_end_of_a_plain_text_are_not_taken_for_utf16(tmp_path: Path) -> None:
    rows = [{"text": SENTENCE, "label": [[2, 9, "GPE"]]}, {"text": "🙂他在南京", "label": [[4, 6, "GPE"]]}]
    path = jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(DataError, match=r"none of 2 rows can be used; the first, line 1: .*lies outside the text"):
        read(path, on_bad_row="reject")


def test_nested_and_overlapping_regions_stay(tmp_path: Path) -> None:
    rows = [task(SENTENCE, region(SENTENCE, "在南京"), region(SENTENCE, "南京工作"), region(SENTENCE, "京"))]
    assert len(read(jsonl(tmp_path / "a.jsonl", rows)).examples[0].target or ()) == 3


def test_of_several_annotations_the_ground_truth_counts(tmp_path: Path) -> None:
    row = task(SENTENCE, region(SENTENCE, "南京"), ground_truth=True)
    row["annotations"] += task(SENTENCE)["annotations"]
    (example,) = read(jsonl(tmp_path / "a.jsonl", [row]))
    assert example.target == PLACE


def test_annotators_who_differ_are_not_decided_between(tmp_path: Path) -> None:
    good, both = (task(SENTENCE, region(SENTENCE, "南京")) for _ in range(2))
    both["annotations"] += task(SENTENCE)["annotations"]
    cancelled = task(SENTENCE, was_cancelled=True)
    data = read(jsonl(tmp_path / "a.jsonl", [good, both, cancelled]), on_bad_row="reject")
    assert [(r.origin, r.rule) for r in data.rejected] == [
        ("a.jsonl:2", "annotators_differ"),
        ("a.jsonl:3", "unlabelled"),
    ]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(
            {"start": 2, "end": 99, "labels": ["GPE"]}, "lies outside the text of 6 characters", id="past the end"
        ),
        pytest.param(
            {"start": 3, "end": 5, "text": "南京", "labels": ["GPE"]}, "covers '京工', not '南京'", id="shifted"
        ),
        pytest.param({"start": "2", "end": "4", "labels": ["GPE"]}, "offsets must be whole numbers", id="mixed types"),
        pytest.param({"start": 2, "end": 4}, "an entity has no label", id="no label"),
    ],
)
def test_a_bad_region_is_named_and_the_other_tasks_are_kept(tmp_path: Path, value: Any, complaint: str) -> None:
    good = task(SENTENCE, region(SENTENCE, "南京"))
    path = jsonl(tmp_path / "a.jsonl", [good, task(SENTENCE, value), good])
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{complaint}(.|\n)*fix: "):
        read(path)
    data = read(path, on_bad_row="reject")
    assert (len(data), [r.origin for r in data.rejected]) == (2, ["a.jsonl:2"])


def test_a_cut_export_says_so(tmp_path: Path) -> None:
    content = json.dumps([task(SENTENCE, region(SENTENCE, "南京"))] * 2, indent=1)[:-40]
    with pytest.raises(DataError, match="the file ends in the middle of a row"):
        read(text(tmp_path / "a.json", content))


def test_uie_rows_of_one_text_are_one_example(tmp_path: Path) -> None:
    rows = [
        {"content": SENTENCE, "result_list": [{"text": "南京", "start": 2, "end": 4}], "prompt": "地名"},
        {"content": "默契。", "result_list": [], "prompt": "地名"},
        {"content": SENTENCE, "result_list": [{"text": "他", "start": 0, "end": 1}], "prompt": "人名"},
    ]
    data = read(jsonl(tmp_path / "a.jsonl", rows))
    assert (data.format, data.kind) == ("uie", "ner")
    assert [(e.origin, e.target) for e in data] == [
        ("a.jsonl:1", (Span(0, 1, "人名"), Span(2, 4, "地名"))),
        ("a.jsonl:2", ()),
    ]


def test_equal_texts_with_ids_of_their_own_stay_apart(tmp_path: Path) -> None:
    row = {"content": SENTENCE, "result_list": [], "prompt": "地名"}
    assert len(read(jsonl(tmp_path / "a.jsonl", [{**row, "id": i} for i in range(3)]))) == 3
    assert len(read(jsonl(tmp_path / "b.jsonl", [row] * 3))) == 1


def test_a_bad_uie_row_is_named(tmp_path: Path) -> None:
    good = {"content": SENTENCE, "result_list": [], "prompt": "地名"}
    bad = [{**good, "result_list": "x"}, {**good, "content": 7}, {"content": "a", "result_list": []}]
    data = read(jsonl(tmp_path / "a.jsonl", [good, *bad]), on_bad_row="reject")
    assert [r.origin for r in data.rejected] == ["a.jsonl:2", "a.jsonl:3", "a.jsonl:4"]

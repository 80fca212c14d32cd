"""Conversion: one labelled file in, another out, and everything that changed on the way is said."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from finetrie.cli.convert import convert as convert_command
from finetrie.data.reading import read
from finetrie.data.streaming import Stream
from finetrie.errors import ConfigError, DataError, OutputError
from finetrie.files import read_json, read_jsonl, write_jsonl
from finetrie.records import Example, Span
from finetrie.steps.converting import Converted, convert
from finetrie.tasks import task_from
from tests.conftest import shared
from tests.unit.data.writing import LABELLED, jsonl, text

NER = [
    {
        "text": "他在南京工作",
        "entities": [{"start_idx": 2, "end_idx": 4, "entity_text": "南京", "entity_label": "GPE"}],
    },
    {"text": "默契。", "entities": []},
]
NESTED = {
    "text": "南京大学很大",
    "entities": [
        {"start_idx": 0, "end_idx": 4, "entity_text": "南京大学", "entity_label": "ORG"},
        {"start_idx": 0, "end_idx": 2, "entity_text": "南京", "entity_label": "GPE"},
    ],
}


def said(examples: Any) -> list[Any]:
    return [(e.text, e.target, e.options, e.instruction, e.history) for e in examples]


def test_labels_become_questions_as_training_asks_them(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", LABELLED)
    result = convert(src, tmp_path / "b.json", to="alpaca")
    assert isinstance(result, Converted)
    assert (result.examples, result.rejected, result.lost, result.source_format) == (8, 0, {}, "jsonl")
    task = task_from({"kind": "classification", "labels": ["体育", "财经"], "language": "zh"})
    asked = task.messages(LABELLED[0]["text"])
    assert read_json(tmp_path / "b.json")[0] == {
        "instruction": asked[0]["content"],
        "input": LABELLED[0]["text"],
        "output": LABELLED[0]["label"],
    }
    convert(src, tmp_path / "c.jsonl", to="messages")
    assert next(read_jsonl(tmp_path / "c.jsonl"))["messages"] == [
        *asked,
        {"role": "assistant", "content": LABELLED[0]["label"]},
    ]


def test_the_form_of_two_speakers_asks_and_answers_in_two_turns(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}])
    result = convert(src, tmp_path / "b.csv", to="human_assistant", instruction="Pos or neg?", language="en")
    said = "<s>Human: Pos or neg?\nLabels:\nneg\npos\ngood\n</s><s>Assistant: pos\n</s>"
    assert (tmp_path / "b.csv").read_bytes().decode().split("\r\n")[:2] == ["text", f'"{said}"']
    assert result.lost == {"text": 2}


def test_an_instruction_of_ones_own_is_asked_in_the_language_said(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", [{"text": "good", "label": "pos"}, {"text": "bad", "label": "neg"}])
    convert(src, tmp_path / "b.jsonl", to="alpaca", instruction="Pos or neg?", language="en")
    assert next(read_jsonl(tmp_path / "b.jsonl"))["instruction"] == "Pos or neg?\nLabels:\nneg\npos"
    convert(src, tmp_path / "b.jsonl", to="alpaca", language="zh")
    assert "类别" in next(read_jsonl(tmp_path / "b.jsonl"))["instruction"]


def test_a_rows_own_instruction_and_candidates_are_asked(tmp_path: Path) -> None:
    row = {"text": "球赛", "category": "Politics, Sports", "output": "Sports"}
    result = convert(jsonl(tmp_path / "a.jsonl", [row] * 3), tmp_path / "b.json", to="alpaca", wording="fudan_news")
    assert read_json(tmp_path / "b.json")[0]["input"] == "文本:球赛,类型选型:Politics, Sports"
    assert result.lost == {"text": 3, "options": 3}
    assert any("3 of 3 rows: the row's candidates are part of the question now" in n for n in result.notices)


def test_entities_become_answers_and_lose_their_offsets(tmp_path: Path) -> None:
    result = convert(jsonl(tmp_path / "a.jsonl", NER), tmp_path / "b.jsonl", to="sharegpt")
    first, second = (row["conversations"] for row in read_jsonl(tmp_path / "b.jsonl"))
    assert [turn["from"] for turn in first] == ["system", "human", "gpt"]
    assert json.loads(first[-1]["value"]) == {"entity_text": "南京", "entity_label": "地理实体"}
    assert second[-1]["value"] == "没有找到任何实体"
    assert result.lost == {"target": 2}


@pytest.mark.parametrize("scheme", ["BIO", "BMES", "BIOES"])
def test_entities_become_tags_and_return(tmp_path: Path, scheme: str) -> None:
    src = jsonl(tmp_path / "a.jsonl", NER)
    result = convert(src, tmp_path / "b.txt", to="conll", scheme=scheme)
    assert result.lost == {}
    assert said(read(tmp_path / "b.txt")) == said(read(src))
    tags = [line.split()[1] for line in (tmp_path / "b.txt").read_text(encoding="utf-8").splitlines() if line]
    assert tags[2:4] == {"BIO": ["B-GPE", "I-GPE"], "BMES": ["B-GPE", "E-GPE"], "BIOES": ["B-GPE", "E-GPE"]}[scheme]


def test_nested_entities_and_spaces_that_tokens_cannot_hold_are_counted(tmp_path: Path) -> None:
    spaced = {"text": "他 在 New  York", "entities": [NER[0]["entities"][0] | {"entity_text": "在 "}]}
    src = jsonl(tmp_path / "a.jsonl", [*NER, NESTED, spaced])
    result = convert(src, tmp_path / "b.bio", to="conll")
    assert result.lost == {"target": 1, "text": 1}
    assert any("the outermost are kept (the first: a.jsonl:3)" in notice for notice in result.notices)
    assert read(tmp_path / "b.bio").examples[2].target == (Span(0, 4, "ORG"),)


@pytest.mark.parametrize("to", ["conll", "cluener", "ccf", "uie"])
def test_classes_cannot_become_entities(tmp_path: Path, to: str) -> None:
    with pytest.raises(DataError, match=f"classification rows cannot be written as {to}, which holds entities"):
        convert(jsonl(tmp_path / "a.jsonl", LABELLED), tmp_path / "b.out", to=to)
    assert not (tmp_path / "b.out").exists()


def test_other_impossible_pairs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ner rows cannot be written as fudan"):
        convert(jsonl(tmp_path / "a.jsonl", NER), tmp_path / "b.out", to="fudan")
    rows = [{"instruction": "写诗", "input": "", "output": "春风"}]
    with pytest.raises(DataError, match=r"instruction rows cannot be written as doccano(.|\n)*fix: convert to alpaca"):
        convert(jsonl(tmp_path / "c.jsonl", rows), tmp_path / "b.out", to="doccano")
    with pytest.raises(OutputError, match="is the file to read"):
        convert(tmp_path / "a.jsonl", tmp_path / "a.jsonl", to="doccano")
    with pytest.raises(ConfigError, match="scheme: 'IOB' is none of BIO, BMES, BIOES"):
        convert(tmp_path / "a.jsonl", tmp_path / "b.out", to="conll", scheme="iob")


def test_bad_rows_stop_a_conversion_and_nothing_is_written(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", [*NER, "{", {"text": "a", "entities": [[0, 9, "X"]]}])
    with pytest.raises(
        DataError, match=r"2 of 4 rows cannot be used\n  a\.jsonl:3: not valid JSON(.|\n)*--on-bad-row reject"
    ):
        convert(src, tmp_path / "b.jsonl", to="doccano")
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


def test_rejected_rows_are_listed_beside_the_file(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", [*NER, "{", {"text": "a", "entities": [[0, 9, "X"]]}])
    result = convert(src, tmp_path / "b.jsonl", to="doccano", on_bad_row="reject")
    assert (result.examples, result.rejected) == (2, 2)
    assert result.rejected_path == tmp_path / "b.rejected.jsonl"
    assert [(r["origin"], r["rule"]) for r in read_jsonl(tmp_path / "b.rejected.jsonl")] == [
        ("a.jsonl:3", "bad_json"),
        ("a.jsonl:4", "bad_offsets"),
    ]
    jsonl(src, NER)
    assert convert(src, tmp_path / "b.jsonl", to="doccano", on_bad_row="reject").rejected_path is None
    assert not (tmp_path / "b.rejected.jsonl").exists()  # a list of another conversion would mislead


def test_a_row_that_the_form_cannot_hold_is_rejected_with_the_reason(tmp_path: Path) -> None:
    rows = [{"instruction": "a", "input": "", "output": "b"}, {"instruction": "a</s>", "input": "", "output": "b"}]
    result = convert(jsonl(tmp_path / "a.jsonl", rows), tmp_path / "b.csv", to="human_assistant", on_bad_row="reject")
    assert (result.examples, result.rejected) == (1, 1)
    assert next(read_jsonl(tmp_path / "b.rejected.jsonl"))["rule"] == "unwritable"


def test_a_form_that_lists_candidates_needs_two_of_them(tmp_path: Path) -> None:
    src = jsonl(tmp_path / "a.jsonl", [{"text": "a", "label": "x"}, {"text": "b", "label": "x"}])
    with pytest.raises(DataError, match=r"x is the only one(.|\n)*convert to jsonl or csv"):
        convert(src, tmp_path / "b.jsonl", to="fudan")


def test_columns_that_are_not_carried_over_are_named(tmp_path: Path) -> None:
    rows = [{**row, "source": "x", "score": 1} for row in LABELLED]
    result = convert(jsonl(tmp_path / "a.jsonl", rows), tmp_path / "b.csv")
    assert result.notices == ("a.jsonl → csv: columns left out: source, score",)


def test_ids_of_the_rows_stay_with_them(tmp_path: Path) -> None:
    rows = [{**row, "id": i} for i, row in enumerate(LABELLED)]
    convert(jsonl(tmp_path / "a.jsonl", rows), tmp_path / "b.jsonl", to="doccano")
    assert [e.id for e in read(tmp_path / "b.jsonl")] == [str(i) for i in range(8)]
    asked = convert(tmp_path / "a.jsonl", tmp_path / "c.jsonl", to="alpaca")
    assert asked.notices == ("a.jsonl → alpaca: columns left out: id",)


def test_offsets_in_another_unit_are_repaired_on_the_way(tmp_path: Path) -> None:
    entity = {"start_idx": 4, "end_idx": 6, "entity_text": "南京", "entity_label": "GPE"}
    src = jsonl(tmp_path / "a.jsonl", [*NER, {"text": "🙂他在南京工作", "entities": [entity]}])
    result = convert(src, tmp_path / "b.jsonl", to="cluener")
    assert read(tmp_path / "b.jsonl").examples[2].target == (Span(3, 5, "GPE"),)
    assert any("offsets are UTF-16 code units" in notice for notice in result.notices)


def test_a_folder_of_llama_factory_is_a_source(tmp_path: Path) -> None:
    jsonl(tmp_path / "qa.jsonl", [{"q": "问", "a": "答"}])
    entry = {"file_name": "qa.jsonl", "columns": {"prompt": "q", "response": "a"}}
    text(tmp_path / "dataset_info.json", json.dumps({"qa": entry}))
    convert(tmp_path, tmp_path / "b.csv", to="human_assistant")
    assert [(e.text, e.target) for e in read(tmp_path / "b.csv")] == [("问", "答")]
    text(tmp_path / "dataset_info.json", json.dumps({"qa": entry, "more": entry}))
    with pytest.raises(DataError, match=r"which one\? \(qa, more\)"):
        convert(tmp_path, tmp_path / "b.csv", to="human_assistant")
    convert(f"{tmp_path}#more", tmp_path / "b.json", to="alpaca")


def test_the_command_prints_the_path_and_says_what_is_lost(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command("convert")(convert_command)
    src = jsonl(tmp_path / "a.jsonl", [*NER, NESTED])
    said = CliRunner().invoke(app, [str(src), str(tmp_path / "b.bio"), "--to", "conll", "--scheme", "BMES"])
    assert said.exit_code == 0, said.output
    assert said.stdout.strip() == str(tmp_path / "b.bio")
    assert "1 of 3 rows: nested or overlapping entities are left out" in " ".join(said.stderr.split())


def test_many_labels_are_not_listed_in_every_question(tmp_path: Path) -> None:
    rows = [{"text": f"text {i % 150}", "label": f"label {i % 150}"} for i in range(450)]
    convert(jsonl(tmp_path / "a.jsonl", rows), tmp_path / "b.jsonl", to="alpaca")
    assert "label 7" not in next(read_jsonl(tmp_path / "b.jsonl"))["instruction"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.jsonl"
        write_jsonl(path, ({"text": f"第{i}条🙂" + "字" * 200, "output": f"答{i}" * 20} for i in range(rows)))
        tracemalloc.start()
        try:
            convert(path, tmp_path / "b.jsonl", to="messages", kind="instruction")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # imports
    assert peak(3600) < peak(1200) * 1.5


def test_a_stream_reads_what_read_reads(tmp_path: Path) -> None:
    rows = [*NER, NESTED, {"text": "🙂南京", "entities": [[2, 4, "GPE"]]}, {"text": "", "entities": []}]
    src = jsonl(tmp_path / "a.jsonl", rows)
    stream = Stream(src, kind="ner")
    survey = stream.survey()
    streamed = [e for _, e in stream.examples(survey) if isinstance(e, Example)]
    assert streamed == list(read(src, kind="ner", on_bad_row="reject"))
    assert (survey.rows, survey.shape.labels, survey.language) == (4, ("GPE", "ORG"), "zh")


@pytest.mark.parametrize(
    "to", ["jsonl", "json", "csv", "tsv", "ccf", "cluener", "uie", "doccano", "label_studio", "conll"]
)
def test_real_entities_return_from_every_form(tmp_path: Path, to: str) -> None:
    src = shared("data/ccfbdci_ner/test.jsonl")
    result = convert(src, tmp_path / "b.out", to=to)
    assert result.examples == 2000
    again = read(tmp_path / "b.out", format="jsonl" if to == "json" else to, kind="ner")
    lost = result.lost.get("text", 0) + result.lost.get("target", 0)
    assert sum(a != b for a, b in zip(said(read(src)), said(again), strict=True)) == lost
    if to != "conll":
        assert lost == 0


@pytest.mark.parametrize("to", ["jsonl", "csv", "tsv", "fudan", "doccano", "label_studio"])
def test_real_classes_return_from_every_form(tmp_path: Path, to: str) -> None:
    for src in (shared("data/tnews/dev.jsonl"), shared("data/fudan_news/test.jsonl")):
        result = convert(src, tmp_path / "b.out", to=to)
        again = read(tmp_path / "b.out", format=to, kind="classification")
        assert [(e.text, e.target) for e in again] == [(e.text, e.target) for e in read(src)]
        assert result.lost.keys() <= {"options"}

"""Every format that can be written: what is read back is what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finetrie.data.formats import FORMATS
from finetrie.data.formats.base import Shape, Writable
from finetrie.data.reading import read
from finetrie.data.rows import BadRow
from finetrie.data.writing import Losses, choose_form, refuse_unwritable, write_rows
from finetrie.errors import OutputError, UnknownName
from finetrie.records import Example, Span

SUFFIXES = {"jsonl": ".jsonl", "json": ".json", "csv": ".csv", "tsv": ".tsv", "xlsx": ".xlsx", "parquet": ".parquet"}
LABELS = ("体育", "a b", "x, y", 'so "so"', "甲、乙")

each_file = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
characters = st.one_of(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    st.sampled_from("\u2028\u2029\x85\r\n\t\"',，;|\\=中文🙂 "),
)
texts = st.text(characters, min_size=1, max_size=12).filter(str.strip)
instructions = st.none() | texts


@st.composite
def classified(draw: st.DrawFn) -> Example:
    options = draw(st.none() | st.lists(st.sampled_from(LABELS), min_size=2, unique=True).map(tuple))
    label = draw(st.sampled_from(options or LABELS))
    told = draw(st.none() | texts)
    return Example("", draw(texts), label, "", options=options, instruction=draw(instructions), reasoning=told)


@st.composite
def marked(draw: st.DrawFn) -> Example:
    text = draw(texts)
    spans = set()
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        spans.add(Span(start, end, draw(st.sampled_from(["PER", "地名"]))))
    return Example("", text, tuple(sorted(spans)), "")


@st.composite
def answered(draw: st.DrawFn, *, pairs: bool = False, apart: bool = True, thought: bool = True) -> Example:
    """A question and its answer after some turns; `pairs` of a question and an answer each."""
    roles = ["system"] * draw(st.integers(0, 1))
    if pairs:
        roles += ["user", "assistant"] * draw(st.integers(0, 2))
    else:
        roles += draw(st.lists(st.sampled_from(["user", "assistant", "system"]), max_size=3))
    history = tuple({"role": role, "content": draw(texts)} for role in roles)
    own = draw(instructions) if apart else None
    told = draw(st.none() | texts) if thought else None
    return Example(
        "",
        draw(texts),
        draw(texts),
        "",
        instruction=own,
        history=history,
        reasoning=told,  # type: ignore[arg-type]
    )


def saved(path: Path, name: str, container: str, examples: Sequence[Example], kind: str) -> list[Example]:
    """The examples that can be written, after they are."""
    form = FORMATS.get(name)
    assert isinstance(form, Writable)
    numbered = [replace(example, id=str(i)) for i, example in enumerate(examples)]
    shape = Shape(
        kind,
        labels=LABELS if kind == "classification" else ("PER", "地名"),
        ids=True,
        options=any(example.options for example in numbered),
        instructions=any(example.instruction for example in numbered),
        history=any(example.history for example in numbered),
        reasoning=any(example.reasoning for example in numbered),
    )
    kept, rows, refused, losses = [], [], [], Losses(form, shape)
    for example in numbered:
        try:
            made = list(form.rows(example, shape))
            for row in made:
                refuse_unwritable(row, container)
            losses.add(example, made)
        except BadRow as bad:
            refused.append(bad.rule)
            continue
        kept.append(example)
        rows += made
    assert write_rows(path, rows, container=container, header=form.header(shape)) == len(rows)
    assert losses.counts == {}
    assert set(refused) <= {"unwritable"}
    return kept


def said(example: Example) -> tuple[Any, ...]:
    return (example.text, example.target, example.options, example.instruction, example.history, example.reasoning)


def returns(tmp_path: Path, name: str, container: str, examples: Sequence[Example], kind: str) -> None:
    """Write and read, and compare."""
    if container in ("xlsx", "parquet"):
        pytest.importorskip({"xlsx": "openpyxl", "parquet": "pyarrow"}[container], reason="needs the extra 'tables'")
    path = tmp_path / f"a{SUFFIXES.get(container, '.txt')}"
    kept = saved(path, name, container, examples, kind)
    if kept:
        assert [said(e) for e in read(path, format=name, kind=kind)] == [said(e) for e in kept]


PLAIN = [
    ("jsonl", "jsonl"),
    ("jsonl", "json"),
    ("csv", "csv"),
    ("tsv", "tsv"),
    ("excel", "xlsx"),
    ("parquet", "parquet"),
]


@pytest.mark.parametrize(("name", "container"), PLAIN)
@each_file
@given(examples=st.lists(classified(), min_size=1, max_size=6))
def test_classes_candidates_and_instructions_survive(
    tmp_path: Path, name: str, container: str, examples: list[Example]
) -> None:
    returns(tmp_path, name, container, examples, "classification")


@pytest.mark.parametrize(
    ("name", "container"),
    [*PLAIN, ("ccf", "jsonl"), ("cluener", "json"), ("uie", "jsonl"), ("doccano", "jsonl"), ("label_studio", "json")],
)
@each_file
@given(examples=st.lists(marked(), min_size=1, max_size=6))
def test_entities_survive_nested_ones_too(tmp_path: Path, name: str, container: str, examples: list[Example]) -> None:
    if name in ("ccf", "doccano"):  # without one entity nothing tells what these files are
        examples = [*examples, Example("", "他在南京", (Span(2, 4, "地名"),), "")]
    returns(tmp_path, name, container, examples, "ner")


@pytest.mark.parametrize(("name", "container"), PLAIN)
@each_file
@given(examples=st.lists(answered(), min_size=1, max_size=4))
def test_answers_and_earlier_turns_survive_in_named_columns(
    tmp_path: Path, name: str, container: str, examples: list[Example]
) -> None:
    returns(tmp_path, name, container, examples, "instruction")


@pytest.mark.parametrize("container", ["json", "jsonl", "csv", "tsv", "xlsx", "parquet"])
@each_file
@given(examples=st.lists(answered(pairs=True), min_size=1, max_size=4))
def test_answers_and_earlier_turns_survive_in_alpaca(tmp_path: Path, container: str, examples: list[Example]) -> None:
    returns(tmp_path, "alpaca", container, examples, "instruction")


@pytest.mark.parametrize(
    ("name", "container"),
    [(name, container) for name in ("messages", "sharegpt") for container in ("jsonl", "json", "parquet")],
)
@each_file
@given(examples=st.lists(answered(apart=False), min_size=1, max_size=4))
def test_conversations_survive(tmp_path: Path, name: str, container: str, examples: list[Example]) -> None:
    first = Example("", "问", "答", "")  # a file of nothing but system messages is no conversation
    returns(tmp_path, name, container, [first, *examples], "instruction")


@pytest.mark.parametrize(
    ("name", "container"), [("human_assistant", container) for container in ("jsonl", "json", "csv", "xlsx", "parquet")]
)
@each_file
@given(examples=st.lists(answered(apart=False, thought=False), min_size=1, max_size=4))
def test_conversations_without_reasoning_survive_as_text(
    tmp_path: Path, name: str, container: str, examples: list[Example]
) -> None:
    first = Example("", "问", "答", "")  # a file of nothing but system messages is no conversation
    returns(tmp_path, name, container, [first, *examples], "instruction")


@pytest.mark.parametrize("container", ["jsonl", "json", "csv", "tsv", "xlsx", "parquet"])
@each_file
@given(examples=st.lists(classified(), min_size=1, max_size=6))
def test_candidates_survive_in_the_fudan_form(tmp_path: Path, container: str, examples: list[Example]) -> None:
    own = [replace(e, options=e.options or LABELS, instruction=None, reasoning=None) for e in examples]
    returns(tmp_path, "fudan", container, own, "classification")


@pytest.mark.parametrize("name", ["doccano", "label_studio"])
@each_file
@given(examples=st.lists(classified(), min_size=1, max_size=6))
def test_classes_survive_in_annotation_tools(tmp_path: Path, name: str, examples: list[Example]) -> None:
    plain = [replace(e, options=None, instruction=None, reasoning=None) for e in examples]
    returns(tmp_path, name, FORMATS.get(name).writes[0], plain, "classification")  # type: ignore[attr-defined]


EVERY_FORM = [(name, container) for name in FORMATS.names() for container in getattr(FORMATS.get(name), "writes", ())]


@pytest.mark.parametrize(("name", "container"), EVERY_FORM)
def test_every_built_in_format_is_written_and_recognised_again(tmp_path: Path, name: str, container: str) -> None:
    form: Any = FORMATS.get(name)
    if container in ("xlsx", "parquet"):
        pytest.importorskip({"xlsx": "openpyxl", "parquet": "pyarrow"}[container], reason="needs the extra 'tables'")
    examples = {
        "classification": [
            Example("", f"第{i}条新闻，讲的是球赛", LABELS[i % 2], "", options=LABELS) for i in range(4)
        ],
        "ner": [Example("", "他在南京工作", (Span(2, 4, "地名"),), ""), Example("", "默契。", (), "")],
        "instruction": [Example("", f"第{i}个问题是什么？", f"这是第{i}个问题的回答。" * 5, "") for i in range(4)],
    }
    kind = "instruction" if form.asks else "classification" if "classification" in form.kinds else "ner"
    shape = Shape(kind, LABELS, options=True)
    path = tmp_path / f"a{SUFFIXES.get(container, '.txt')}"
    rows = [row for example in examples[kind] for row in form.rows(example, shape)]
    write_rows(path, rows, container=container, header=form.header(shape))
    data = read(path)
    assert (data.format, data.kind) == (name, kind)
    assert [e.text for e in data] == [e.text for e in examples[kind]]


def test_every_built_in_format_can_be_written() -> None:
    assert {name for name, _ in EVERY_FORM} == set(FORMATS.names())


@pytest.mark.parametrize("name", ["conll", "messages", "alpaca", "jsonl", "uie", "excel"])
def test_a_file_appears_only_when_it_is_whole(tmp_path: Path, name: str) -> None:
    form: Any = FORMATS.get(name)
    container = form.writes[0]
    if container == "xlsx":
        pytest.importorskip("openpyxl", reason="needs the extra 'tables'")

    def rows() -> Any:
        yield from form.sample()
        raise RuntimeError("in the middle")

    path = tmp_path / "a.out"
    path.write_text("before")
    with pytest.raises(RuntimeError):
        write_rows(path, rows(), container=container, header=form.header(Shape("ner")))
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.out"]


def test_excel_keeps_formulas_as_text_and_refuses_what_it_would_cut(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="needs the extra 'tables'")
    path = tmp_path / "a.xlsx"
    write_rows(path, [{"text": "=1+1", "label": "x"}], container="xlsx", header=("text", "label"))
    book = openpyxl.load_workbook(path)
    assert (book.active["A2"].value, book.active["A2"].data_type) == ("=1+1", "s")
    book.close()
    with pytest.raises(BadRow, match="a cell of Excel holds 32767"):
        refuse_unwritable({"text": "x" * 32_768}, "xlsx")
    with pytest.raises(BadRow, match=r"control character U\+0007"):
        refuse_unwritable({"text": "a\x07"}, "xlsx")
    with pytest.raises(BadRow, match=r"control character U\+0000"):
        refuse_unwritable({"text": "a\0"}, "csv")
    refuse_unwritable({"text": "a\0\x07"}, "jsonl")


@pytest.mark.parametrize(
    ("file", "to", "expected"),
    [
        ("a.jsonl", None, ("jsonl", "jsonl")),
        ("a.json", None, ("jsonl", "json")),
        ("a.xlsx", None, ("excel", "xlsx")),
        ("a.json", "alpaca", ("alpaca", "json")),
        ("a.csv", "alpaca", ("alpaca", "csv")),
        ("a.csv", "human_assistant", ("human_assistant", "csv")),
        ("a", "human_assistant", ("human_assistant", "jsonl")),
        ("a.txt", "conll", ("conll", "conll")),
        ("a.txt", "csv", ("csv", "csv")),
        ("a.json", "label_studio", ("label_studio", "json")),
    ],
)
def test_the_name_of_the_file_and_the_format_decide_what_is_written(
    file: str, to: str | None, expected: tuple[str, str]
) -> None:
    name, _, container = choose_form(Path(file), to)
    assert (name, container) == expected


def test_what_cannot_be_written_says_what_can() -> None:
    with pytest.raises(UnknownName, match="unknown format 'alpacca', did you mean 'alpaca'"):
        choose_form(Path("a.json"), "alpacca")
    with pytest.raises(OutputError, match=r"conll is not written as \.xlsx\n  fix: end the file's name in: any other"):
        choose_form(Path("a.xlsx"), "conll")
    with pytest.raises(OutputError, match="its name does not say what to write"):
        choose_form(Path("a.out"), None)

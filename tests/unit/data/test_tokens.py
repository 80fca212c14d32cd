"""Tokens and tags: the text they make, the entities they mark, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetrie.data.reading import read
from finetrie.data.tokens import SCHEMES, entities, joined, tokenised
from finetrie.errors import DataError
from finetrie.records import Span
from tests.unit.data.writing import jsonl, text

CHINESE = "他 O\n在 O\n南 B-GPE\n京 E-GPE\n工 O\n作 O\n"


@st.composite
def tagged(draw: st.DrawFn, alphabet: str, *, words: bool) -> tuple[str, tuple[Span, ...]]:
    """A text, and entities that do not overlap: between any characters, or of whole words."""
    if words:
        parts = draw(st.lists(st.text(alphabet, min_size=1, max_size=4), min_size=1, max_size=8))
        content = " ".join(parts)
        places = [0]
        for part in parts:
            places.append(places[-1] + len(part) + 1)
        starts, ends = places[:-1], [place - 1 for place in places[1:]]
    else:
        content = "中" + draw(st.text(alphabet, max_size=12))
        starts, ends = list(range(len(content))), list(range(1, len(content) + 1))
    spans, position = [], 0
    while position < len(starts) and draw(st.booleans()):
        first = draw(st.integers(position, len(starts) - 1))
        last = draw(st.integers(first, len(starts) - 1))
        spans.append(Span(starts[first], ends[last], draw(st.sampled_from(["PER", "A-B", "地名"]))))
        position = last + 1
    return content, tuple(spans)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(
    row=st.one_of(
        tagged("中文字符，。（）２0aB1.-'🙂\u200d\u2764", words=False), tagged("abcXYZ0.'-,$éß🙂", words=True)
    )
)
def test_what_is_cut_into_tokens_joins_again(scheme: str, row: tuple[str, tuple[Span, ...]]) -> None:
    content, spans = row
    tokens, tags = tokenised(content, spans, scheme)
    assert not any(char.isspace() for token in tokens for char in token)
    again, starts = joined(tokens)
    found = tuple(Span(starts[first], starts[last] + len(tokens[last]), label) for first, last, label in entities(tags))
    if all(len(token) == 1 for token in tokens) and " " in content:
        return  # single letters with spaces between read as characters
    assert (again, found) == (content, spans)


@given(text=st.text(max_size=30), borders=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5)), max_size=4))
def test_nothing_but_white_space_is_lost(text: str, borders: list[tuple[int, int]]) -> None:
    spans = [Span(start, min(start + size, len(text)), "X") for start, size in borders if start < len(text)]
    tokens, tags = tokenised(text, spans, "BIOES")
    assert "".join(tokens) == "".join(text.split())
    assert len(tokens) == len(tags)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (["EU", "rejects", "German", "call", "."], "EU rejects German call ."),
        (list("在2019年"), "在2019年"),
        (["买", "iPhone", "11", "吧"], "买iPhone 11吧"),
        (["a", " ", "b"], "a b"),
        (["苹果", "，", "Apple"], "苹果，Apple"),
        (["买", "iPhone", "1", "1", "吧"], "买iPhone 11吧"),
        (["在", "", "2", "0", "年"], "在 20年"),
        (["甲", "\u3000", "乙"], "甲\u3000乙"),
    ],
    ids=[
        *("English words", "single characters", "mixed", "a space as a token", "Chinese words"),
        *("digits between words", "a space left out", "a wide space"),
    ],
)
def test_spaces_stand_between_words_that_need_them(tokens: list[str], expected: str) -> None:
    assert joined(tokens)[0] == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-X I-X O B-X", [(0, 1, "X"), (3, 3, "X")]),
        ("B-X B-X I-Y", [(0, 0, "X"), (1, 1, "X"), (2, 2, "Y")]),
        ("I-X I-X O I-Y", [(0, 1, "X"), (3, 3, "Y")]),
        ("B-X M-X E-X S-X", [(0, 2, "X"), (3, 3, "X")]),
        ("B-X E-X E-X O", [(0, 1, "X"), (2, 2, "X")]),
        ("B-X L-X U-Y O", [(0, 1, "X"), (2, 2, "Y")]),
    ],
    ids=["BIO", "neighbours", "IOB1", "BMES", "two ends", "BILOU"],
)
def test_every_scheme_is_read(tags: str, expected: list[tuple[int, int, str]]) -> None:
    assert list(entities(tags.split())) == expected


@pytest.mark.parametrize("name", ["a.txt", "a.tsv", "a.bmes", "train.char", "noname"])
@pytest.mark.parametrize("separator", [" ", "\t", " _ _ "])
def test_token_files_are_recognised_whatever_their_name(tmp_path: Path, name: str, separator: str) -> None:
    content = (CHINESE + "\n").replace(" ", separator) * 2
    data = read(text(tmp_path / name, content))
    assert (data.format, data.kind) == ("conll", "ner")
    assert [(e.origin, e.text, e.target) for e in data] == [
        (f"{name}:1", "他在南京工作", (Span(2, 4, "GPE"),)),
        (f"{name}:8", "他在南京工作", (Span(2, 4, "GPE"),)),
    ]


def test_document_borders_comments_and_blank_lines_are_no_tokens(tmp_path: Path) -> None:
    lines = "-DOCSTART- -X- O O\r\n\r\n# id 7\r\nEU NNP B-ORG\r\n# NN O\r\n\r\n\r\nnice JJ O\r\n"
    data = read(text(tmp_path / "a.conll", "\ufeff" + lines))
    assert [(e.text, e.target) for e in data] == [("EU #", (Span(0, 2, "ORG"),)), ("nice", ())]


def test_white_space_may_be_a_token(tmp_path: Path) -> None:
    lines = "张 B-PER\n三 I-PER\n\u3000 O\n  O\n2\tO\t\n0 O\n"
    (example,) = read(text(tmp_path / "a.bio", lines))
    assert (example.text, example.target) == ("张三\u3000 20", (Span(0, 2, "PER"),))


def test_lists_of_tokens_and_tags_are_read_too(tmp_path: Path) -> None:
    rows = [{"tokens": ["New", "York"], "ner_tags": ["B-LOC", "I-LOC"]}, {"tokens": ["a"], "ner_tags": [0]}]
    data = read(jsonl(tmp_path / "a.jsonl", rows), on_bad_row="reject")
    assert data.examples[0].target == (Span(0, 8, "LOC"),)
    assert [r.rule for r in data.rejected] == ["wrong_type"]


@pytest.mark.parametrize(
    ("line", "rule", "complaint"),
    [
        pytest.param("南京", "missing_tag", "no tag behind '南京'", id="no tag"),
        pytest.param("南京 GPE", "bad_tag", "'GPE' is no tag", id="no scheme"),
        pytest.param("南京 X-GPE", "bad_tag", "'X-GPE' is no tag", id="unknown letter"),
    ],
)
def test_a_line_that_is_no_token_makes_its_sentence_a_bad_row(
    tmp_path: Path, line: str, rule: str, complaint: str
) -> None:
    path = text(tmp_path / "a.bio", f"{CHINESE}\n{line}\n好 O\n\n{CHINESE}")
    data = read(path, on_bad_row="reject")
    assert len(data) == 2
    assert [(r.origin, r.rule) for r in data.rejected] == [("a.bio:8", rule)]
    with pytest.raises(DataError, match=rf"a\.bio:8: {complaint}(.|\n)*fix: "):
        read(path)


def test_a_cut_file_loses_its_last_sentence_only(tmp_path: Path) -> None:
    data = read(text(tmp_path / "a.bio", (CHINESE + "\n") * 3 + "他 O\n在"), on_bad_row="reject")
    assert (len(data), [r.origin for r in data.rejected]) == (3, ["a.bio:23"])


def test_bytes_of_another_encoding_are_named_by_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.bio"
    path.write_bytes((CHINESE + "\n").encode() * 20 + "坏 O\n".encode("gb18030"))
    data = read(path, on_bad_row="reject")
    assert (len(data), [(r.origin, r.rule) for r in data.rejected]) == (20, [("a.bio:141", "bad_encoding")])


def test_tokens_in_gb18030_are_read(tmp_path: Path) -> None:
    assert read(text(tmp_path / "a.bio", CHINESE * 3, encoding="gb18030")).encoding == "gb18030"

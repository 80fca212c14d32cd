"""Cleaning an example: order, offsets, records, and the laws every step keeps."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from functools import cache
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from finetrie.data.cleaning import STEPS, Step, clean, steps_from
from finetrie.data.cleaning.applying import joined
from finetrie.data.edits import Edit, apply, rebase
from finetrie.data.reading import Dataset, read
from finetrie.errors import ConfigError, UnknownName
from finetrie.files import plain
from finetrie.records import Example, Span
from tests.conftest import shared

OPTIONAL = {"mojibake": "ftfy", "simplified": "opencc"}
NOT_IDEMPOTENT = {
    "html": "text about HTML becomes HTML: &lt;b&gt; says <b>, and the second time <b> is a tag",
    "mojibake": "the heuristic judges a repaired text anew",
    "simplified": "one character goes in two steps (薴, 苧, 苎), and phrases that appear are looked up anew",
}
texts = st.text(
    st.sampled_from(
        "ab Z09 \t\n\r.,<>/&;=\"'中文國，。！Ａ１　ｶﾞガÃ©ä¸İßﬁé́​‍\u00ad\ufeff\u2028\x85\x0c\x07\u202e😀👩❤\ufe0f"
    )
    | st.characters(),
    max_size=24,
) | st.lists(
    st.sampled_from(
        [
            "<p>",
            "</p>",
            "<br/>",
            "<b x='1'>",
            "&amp;",
            "&lt;",
            "http://a.cn/b",
            "www.x.org)",
            "臺灣",
            "cafÃ©",
            "a",
            "中",
            " ",
        ]
    ),
    max_size=8,
).map("".join)


def step(name: str, **parameters: Any) -> Step:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name], reason=f"the step {name} needs {OPTIONAL[name]}")
    return steps_from([{"name": name, **parameters}])[0]


def ner(text: str, *surfaces: str) -> Example:
    """A row with an entity at the first place of each of the words."""
    spans = tuple(Span(text.index(s), text.index(s) + len(s), "X") for s in surfaces)
    return Example(id="1", text=text, target=spans, origin="train.jsonl:1")


def surfaces(row: Example) -> list[str]:
    assert isinstance(row.target, tuple)
    return [row.text[span.start : span.end] for span in row.target]


def test_steps_run_in_the_order_they_are_listed() -> None:
    row = Example(id="1", text="&lt;b&gt;", target=None, origin="a:1")
    assert clean(row, steps_from(["html", "html"])).example.text == ""
    assert clean(row, steps_from([{"name": "half_width"}, "html"])).example.text == "<b>"


def test_entities_follow_every_step() -> None:
    row = ner("<p>看 http://a.cn 吧，　ＡＢ公司&amp;张\u200b三</p>", "ＡＢ公司", "张\u200b三")
    cleaned = clean(row, steps_from(["html", "urls", "zero_width", "half_width", "white_space", "lower_case"]))
    assert cleaned.example.text == "看 吧, ab公司&张三"
    assert surfaces(cleaned.example) == ["ab公司", "张三"]
    assert cleaned.lost == ()


def test_an_entity_that_a_step_destroys_is_a_record_and_the_row_stays() -> None:
    row = ner("见 http://a.cn 北京", "http://a.cn", "北京")
    cleaned = clean(row, steps_from(["urls"]))
    (lost,) = cleaned.lost
    assert (lost.rule, lost.step, lost.surface) == ("entity_destroyed", "urls", "http://a.cn")
    assert (lost.before, lost.after) == (row.text, "见  北京")
    assert surfaces(cleaned.example) == ["北京"]


def test_each_step_that_changes_a_row_leaves_one_record_that_explains_the_change() -> None:
    row = Example(id="1", text=" Ａ  Ｂ ", target="体育", origin="train.csv:7")
    cleaned = clean(row, steps_from(["nfkc", "zero_width", "white_space"]))
    assert [change.step for change in cleaned.changes] == ["nfkc", "white_space"]
    for change in cleaned.changes:
        assert (change.origin, change.rule, change.part) == ("train.csv:7", "cleaned", "text")
        assert apply(change.before, change.edits) == change.after
    assert all(one.after == two.before for one, two in pairwise(cleaned.changes))
    assert json.dumps(plain(cleaned.changes[0]), ensure_ascii=False)


def test_a_row_that_nothing_changes_is_the_same_object() -> None:
    row = ner("北京", "北京")
    cleaned = clean(row, steps_from(["nfkc", "control", "white_space"]))
    assert cleaned.example is row
    assert not cleaned.changes


def test_only_the_parts_asked_for_change() -> None:
    history = ({"role": "user", "content": "ＱＱ"}, {"role": "assistant", "content": "ok"})
    row = Example("1", "Ａ", "Ｂ", "a:1", options=("Ｂ", "Ｃ"), instruction="Ｉ", history=history)
    steps = steps_from(["half_width"])
    assert clean(row, steps).example == replace(row, text="A")
    everything = clean(row, steps, parts=("text", "instruction", "history", "target"))
    assert everything.example == replace(
        row, text="A", target="B", instruction="I", history=({"role": "user", "content": "QQ"}, history[1])
    )
    assert [change.part for change in everything.changes] == ["text", "instruction", "history[0]", "target"]


def test_entity_targets_are_no_text() -> None:
    row = ner("Ａ北京", "北京")
    assert clean(row, steps_from(["half_width"]), parts=("target",)).example is row


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="parts must be of text, instruction, history, reasoning, target"):
        clean(ner("a"), (), parts=("texts",))


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (["nfk"], UnknownName, "did you mean 'nfkc'"),
        (
            [{"name": "urls", "replace": "x"}],
            ConfigError,
            "prepare.clean: urls: unknown parameter 'replace', did you mean 'replace_by'",
        ),
        ([{"name": "urls", "replace_by": 3}], ConfigError, "prepare.clean: urls: replace_by: .*got 3"),
        ([{"name": "line_breaks", "most": "2"}], ConfigError, "line_breaks: most: .*got '2'"),
        ([{"name": "line_breaks", "most": 0}], ConfigError, "most must be 1 or more, got 0"),
        ([{"replace_by": "x"}], ConfigError, "has no name"),
        ([{"name": "urls", "replace_by": "http://x.cn"}], ConfigError, "is an address itself"),
    ],
)
def test_a_wrong_choice_is_refused_with_what_there_is(asked: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        steps_from(asked)


def test_every_step_says_what_it_does() -> None:
    for name in STEPS.names():
        assert (STEPS.get(name).__doc__ or "").strip(), name


@pytest.mark.parametrize("name", STEPS.names())
@settings(max_examples=80)
@given(text=texts, data=st.data())
def test_edits_can_be_made_and_spans_they_do_not_touch_keep_their_words(
    name: str, text: str, data: st.DataObject
) -> None:
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(start, data.draw(st.integers(start + 1, len(text))), "X")
    edits = step(name).rewrite(text)
    after = apply(text, edits)
    assert (after == text) == (not edits), "an edit that changes nothing"
    (moved,) = rebase([span], edits)
    if all(edit.end <= span.start or edit.start >= span.end for edit in edits):
        assert moved is not None
        assert after[moved.start : moved.end] == text[span.start : span.end]
    if moved is not None:
        assert 0 <= moved.start < moved.end <= len(after)


@pytest.mark.parametrize("name", sorted(set(STEPS.names()) - set(NOT_IDEMPOTENT)))
@settings(max_examples=80)
@given(text=texts)
def test_cleaning_twice_changes_nothing_more(name: str, text: str) -> None:
    once = step(name)
    after = apply(text, once.rewrite(text))
    assert once.rewrite(after) == ()


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("half_width", {"katakana": True}),
        ("half_width", {"punctuation": False}),
        ("urls", {"replace_by": "[URL]"}),
        ("line_breaks", {"most": 1}),
        ("white_space", {"between_cjk": False}),
    ],
)
@settings(max_examples=60)
@given(text=texts)
def test_cleaning_twice_changes_nothing_more_with_parameters(name: str, parameters: dict[str, Any], text: str) -> None:
    once = step(name, **parameters)
    assert once.rewrite(apply(text, once.rewrite(text))) == ()


# "mojibake" and "simplified" are rewritten as wholes and "html" and "urls" take whole stretches out.
@pytest.mark.parametrize(
    "name", ["nfkc", "half_width", "control", "zero_width", "line_breaks", "white_space", "lower_case"]
)
@settings(max_examples=60)
@given(text=texts, data=st.data())
def test_what_changes_one_character_at_a_time_cuts_no_entity(name: str, text: str, data: st.DataObject) -> None:
    """An entity is lost only when nothing of it is left, or its border is inside a character sequence that merges."""
    assume(text)
    start = data.draw(st.integers(0, len(text) - 1))
    span = Span(start, data.draw(st.integers(start + 1, len(text))), "X")
    edits = step(name).rewrite(text)
    (moved,) = rebase([span], edits)
    if moved is None and name != "nfkc":
        removed = sum(e.end - e.start for e in edits if not e.new and span.start <= e.start and e.end <= span.end)
        assert removed == span.end - span.start


@given(text=st.text("ab中 ", max_size=12), data=st.data())
def test_joined_edits_make_the_same_change(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    edits = [Edit(s, e, data.draw(st.text("xy", max_size=2))) for s, e in pairwise(cuts) if data.draw(st.booleans())]
    together = joined(edits)
    assert apply(text, together) == apply(text, edits)
    assert all(one.end < two.start for one, two in pairwise(together))


@example(text="e\u0301 ㌀ ｶﾞ 각 é́ \u1100\u1161\u11a8")
@given(text=st.text(max_size=30))
def test_the_nfkc_step_is_nfkc(text: str) -> None:
    assert apply(text, step("nfkc").rewrite(text)) == unicodedata.normalize("NFKC", text)


@example(text="ΑΣ İI ǅ")
@given(text=st.text(max_size=30))
def test_the_lower_case_step_is_lower_case(text: str) -> None:
    assert apply(text, step("lower_case").rewrite(text)) == text.lower()


@cache
def ccf() -> Dataset:
    return read(shared("data/ccfbdci_ner/test.jsonl"))


@pytest.mark.parametrize("name", [name for name in STEPS.names() if name not in ("html", "urls")])
def test_entities_of_real_text_stand_around_the_same_words_after_every_step(name: str) -> None:
    """Each step writes an entity's words as it would write them by themselves; none is lost."""
    rows = list(islice(ccf(), 500))
    one = step(name)
    for row in rows:
        cleaned = clean(row, [one])
        assert not cleaned.lost
        if name in ("white_space", "line_breaks"):
            assert ["".join(s.split()) for s in surfaces(cleaned.example)] == [
                "".join(s.split()) for s in surfaces(row)
            ]
        elif name not in ("simplified", "mojibake"):  # these read the words around
            assert surfaces(cleaned.example) == [apply(s, one.rewrite(s)) for s in surfaces(row)]
